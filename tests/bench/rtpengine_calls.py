#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Calls in rtpengine by its control protocol (ng: bencode over UDP), between the peer and the inside host
of tests/bench/flow.h. Prints the relay's ports, "WAN INSIDE" per call."""
import re
import socket
import sys


def bencode(v):
    if isinstance(v, dict):
        return b"d" + b"".join(bencode(k) + bencode(v[k]) for k in sorted(v)) + b"e"
    if isinstance(v, list):
        return b"l" + b"".join(map(bencode, v)) + b"e"
    if isinstance(v, int):
        return b"i%de" % v
    v = v.encode()
    return b"%d:%s" % (len(v), v)


def sdp(addr, port):
    return (f"v=0\r\no=- 1 1 IN IP4 {addr}\r\ns=-\r\nc=IN IP4 {addr}\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n")


def main():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect(("127.0.0.1", 2223))
    s.settimeout(3)

    def ask(i, **kw):
        s.send(b"%d_%s " % (i, kw["command"].encode()) + bencode({k.replace("_", "-"): v for k, v in kw.items()}))
        answer = s.recv(65535).decode()
        found = re.search(r"m=audio (\d+)", answer)
        if not found:
            sys.exit(f"rtpengine refused: {answer}")
        return int(found.group(1))

    for i in range(int(sys.argv[1])):
        # the inside host offers, the peer answers
        wan = ask(i, command="offer", call_id=f"c{i}", from_tag="a", direction=["priv", "pub"], ICE="remove",
                  sdp=sdp(f"10.1.0.{1 + (i >> 13)}", 16384 + 2 * (i & 8191)), flags=["trust-address"])
        inside = ask(i, command="answer", call_id=f"c{i}", from_tag="a", to_tag="b", ICE="remove",
                     sdp=sdp("203.0.113.2", 30000 + (i & 16383)), flags=["trust-address"])
        print(wan, inside)


main()
