# SPDX-License-Identifier: GPL-2.0-only
"""SIP from the WAN with a source address that is not there."""
import socket
import struct
import sys

from ua import MODE, Tap, bracket, counts, ns_socket
from world import World

family = int(sys.argv.pop(1))
AF = socket.AF_INET6 if family == 6 else socket.AF_INET


def checksum(data):
    data += b'\0' * (len(data) % 2)
    n = sum(struct.unpack(f'>{len(data) // 2}H', data))
    while n >> 16:
        n = (n & 0xffff) + (n >> 16)
    return ~n & 0xffff


def packet(src, dst, payload):
    """An IP packet with UDP, port 5060 both ways."""
    s, d = socket.inet_pton(AF, src), socket.inet_pton(AF, dst)
    n = 8 + len(payload)
    udp = struct.pack('>HHHH', 5060, 5060, n, 0) + payload
    udp = udp[:6] + struct.pack('>H', checksum(s + d + struct.pack('>II', n, 17) + udp) or 0xffff) + udp[8:]
    if family == 6:
        return struct.pack('>IHBB', 6 << 28, n, 17, 64) + s + d + udp
    ip = struct.pack('>BBHHHBBH', 0x45, 0, 20 + n, 7, 0, 64, 17, 0) + s + d
    return ip[:10] + struct.pack('>H', checksum(ip)) + ip[12:] + udp


def options(host, src):
    return (f'OPTIONS sip:alice@{bracket(host)} SIP/2.0\r\nVia: SIP/2.0/UDP {bracket(src)};branch=z9hG4bKx{src}\r\n'
            f'From: <sip:desk@{bracket(src)}>;tag=f\r\nTo: <sip:alice@{bracket(host)}>\r\nCall-ID: forged-{src}\r\n'
            'CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n').encode()


def from_source(src, passes, reason='sip_unknown_peer'):
    with World(family) as w:
        phone, host = w.phone(), w.public(w.ph)
        raw = ns_socket('third', AF, socket.SOCK_RAW, socket.IPPROTO_RAW)
        with raw, counts(**{reason: 0 if passes else 1}):
            raw.sendto(packet(src(w), host, options(host, src(w))), (host, 0))
            if passes:
                phone.want('OPTIONS')
            else:
                phone.nothing(0.5)


tap = Tap(f'{MODE} IPv{family}: ')
tap.test('anybody may ask', from_source, lambda w: w.third, True)
if MODE != 'host':
    tap.test('nobody outside is an inside host', from_source, lambda w: w.ph_b, False)
    tap.test('nobody outside is this machine', from_source, lambda w: w.gw, False, 'spoofed_source')
tap.done()
