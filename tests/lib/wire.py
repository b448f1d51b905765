#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Reads a capture: wire.py private FILE PREFIX... | wire.py sip FILE | wire.py rtp FILE

private: fails when an address of one of the prefixes stands in an IP header, in a header quoted by
         ICMP, or as text in the payload of a (reassembled) UDP datagram.
"""
import ipaddress
import re
import struct
import sys

V4_TEXT = re.compile(rb'(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.]*\d)')
V6_TEXT = re.compile(rb'(?<![0-9A-Za-z:.])[0-9A-Fa-f:]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*')


def frames(path):
    """Yields (seconds, L3 bytes) of a pcap file, Ethernet with or without VLAN tags."""
    with open(path, 'rb') as f:
        head = f.read(24)
        order = '<' if head[:4] in (b'\xd4\xc3\xb2\xa1', b'\x4d\x3c\xb2\xa1') else '>'
        link = struct.unpack(order + 'I', head[20:24])[0] & 0xffff
        while True:
            record = f.read(16)
            if len(record) < 16:
                return
            sec, usec, caplen, _ = struct.unpack(order + 'IIII', record)
            data = f.read(caplen)
            if link == 1:
                at, kind = 14, data[12:14]
                while kind in (b'\x81\x00', b'\x88\xa8'):
                    kind, at = data[at + 2:at + 4], at + 4
                if kind not in (b'\x08\x00', b'\x86\xdd'):
                    continue
                data = data[at:]
            yield sec + usec / 1e6, data


def l3(data):
    """(src, dst, proto, payload, fragment) with fragment None or (id, offset, more); None if unreadable."""
    if len(data) >= 20 and data[0] >> 4 == 4:
        ihl, total = (data[0] & 15) * 4, struct.unpack('>H', data[2:4])[0]
        off = struct.unpack('>H', data[6:8])[0]
        fragment = (data[4:6], (off & 0x1fff) * 8, bool(off & 0x2000)) if off & 0x3fff else None
        return (ipaddress.ip_address(data[12:16]), ipaddress.ip_address(data[16:20]), data[9],
                data[ihl:total or len(data)], fragment)
    if len(data) >= 40 and data[0] >> 4 == 6:
        src, dst = ipaddress.ip_address(data[8:24]), ipaddress.ip_address(data[24:40])
        proto, at, fragment = data[6], 40, None
        while proto in (0, 43, 44, 60) and at + 8 <= len(data):
            if proto == 44:
                off = struct.unpack('>H', data[at + 2:at + 4])[0]
                fragment = (data[at + 4:at + 8], off & 0xfff8, bool(off & 1))
                proto, at = data[at], at + 8
            else:
                proto, at = data[at], at + 8 + data[at + 1] * 8
        return src, dst, proto, data[at:40 + struct.unpack('>H', data[4:6])[0]], fragment
    return None


def datagrams(path):
    """Yields (time, src, sport, dst, dport, payload) of UDP, fragments put together in any order."""
    parts = {}
    for when, data in frames(path):
        p = l3(data)
        if not p or p[2] != 17:
            continue
        src, dst, _, payload, fragment = p
        if fragment:
            ident, offset, more = fragment
            have = parts.setdefault((src, dst, ident), {'end': None})
            have[offset] = payload
            if not more:
                have['end'] = offset + len(payload)
            payload = b''
            for at in sorted(k for k in have if k != 'end'):
                if at != len(payload):
                    break
                payload += have[at]
            if have['end'] is None or len(payload) != have['end']:
                continue
            del parts[(src, dst, ident)]
        if len(payload) >= 8:
            sport, dport = struct.unpack('>HH', payload[:4])
            yield when, src, sport, dst, dport, payload[8:]


def text_addresses(payload):
    for m in V4_TEXT.findall(payload):
        try:
            yield ipaddress.ip_address(m.decode()), m
        except ValueError:
            pass
    for m in V6_TEXT.findall(payload):
        try:
            yield ipaddress.ip_address(m.decode()), m
        except ValueError:
            pass


def looks_like_text(payload):
    return len(payload) > 8 and sum(32 <= c < 127 or c in (9, 10, 13) for c in payload[:64]) > len(payload[:64]) * 0.9


def private(path, prefixes):
    nets = [ipaddress.ip_network(p) for p in prefixes]

    def inside(a):
        return any(a.version == n.version and a in n for n in nets)

    bad, packets, messages = [], 0, 0
    for when, data in frames(path):
        p = l3(data)
        if not p:
            continue
        packets += 1
        for a in p[:2]:
            if inside(a):
                bad.append(f'{when:.6f} IP header {p[0]} > {p[1]} proto {p[2]}: {p[3][:40].hex(" ", 4)}')
        if p[2] in (1, 58) and len(p[3]) > 8 and p[3][0] in ((3, 11, 12) if p[2] == 1 else (1, 2, 3, 4)):
            quoted = l3(p[3][8:] + bytes(40)) if len(p[3]) > 28 else None
            for a in quoted[:2] if quoted else ():
                if inside(a):
                    bad.append(f'{when:.6f} ICMP from {p[0]} quotes {quoted[0]} > {quoted[1]}')
    for when, src, sport, dst, dport, payload in datagrams(path):
        if not looks_like_text(payload):
            continue
        messages += 1
        for a, text in text_addresses(payload):
            if inside(a):
                line = next((x for x in payload.split(b'\r\n') if text in x), b'')
                bad.append(f'{when:.6f} {src}:{sport} > {dst}:{dport}: {line.decode(errors="replace")}')
    print(f'{packets} packets, {messages} messages, {len(bad)} with an inside address')
    for b in bad[:20]:
        print(b)
    return 1 if bad or not packets else 0


def main(argv):
    if len(argv) >= 4 and argv[1] == 'private':
        return private(argv[2], argv[3:])
    if len(argv) == 3 and argv[1] == 'sip':
        for when, src, sport, dst, dport, payload in datagrams(argv[2]):
            if looks_like_text(payload):
                print(f'--- {when:.6f} {src}:{sport} > {dst}:{dport}\n{payload.decode(errors="replace")}')
        return 0
    if len(argv) == 3 and argv[1] == 'rtp':
        flows = {}
        for _, src, sport, dst, dport, payload in datagrams(argv[2]):
            if len(payload) >= 12 and payload[0] & 0xc0 == 0x80:
                flows[(src, sport, dst, dport)] = flows.get((src, sport, dst, dport), 0) + 1
        for (src, sport, dst, dport), n in flows.items():
            print(f'{src}:{sport} > {dst}:{dport} {n}')
        return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == '__main__':
    sys.exit(main(sys.argv))
