# SPDX-License-Identifier: GPL-2.0-only
"""A host on the WAN's own segment: it knows the inside prefix, every address and port of the call that runs,
and the gateway's Ethernet address. What it sends straight inside, in other VLANs, by source routes, to
everybody or in our own name reaches nobody; what is none of our business passes."""
import contextlib
import json
import select
import socket
import struct
import subprocess
import sys

from exact import checksum
from ua import Endpoint, Failed, Media, Tap, bracket, counts, expect, ns_socket, rtp
from world import Talk, World

family, what, wan_dev = int(sys.argv.pop(1)), sys.argv.pop(1), sys.argv.pop(1)
AF = socket.AF_INET6 if family == 6 else socket.AF_INET
ETH = 0x86dd if family == 6 else 0x0800
ENOUGH = 0.4  # seconds without what must not come
LSRR, SSRR = b'\x83\x07\x08\x00\x00\x00\x00\x01', b'\x89\x07\x08\x00\x00\x00\x00\x01'  # used up, then a NOP


# ---- packets ---------------------------------------------------------------------------------------

def udp(src, dst, payload):
    a, b, n = socket.inet_pton(AF, src[0]), socket.inet_pton(AF, dst[0]), 8 + len(payload)
    pseudo = a + b + (struct.pack('>IHBB', n, 0, 0, 17) if family == 6 else struct.pack('>BBH', 0, 17, n))
    head = struct.pack('>HHHH', src[1], dst[1], n, 0)
    return struct.pack('>HHHH', src[1], dst[1], n, checksum(pseudo + head + payload) or 0xffff) + payload


def packet(src, dst, payload, options=b'', segments=None):
    """A whole IP packet with UDP; options of IPv4, segments left of a routing header of IPv6."""
    a, b, data = socket.inet_pton(AF, src[0]), socket.inet_pton(AF, dst[0]), udp(src, dst, payload)
    if family == 6:
        if segments is not None:
            data = struct.pack('>BBBBI', 17, 2, 0, segments, 0) + b + data
        return struct.pack('>IHBB', 6 << 28, len(data), 17 if segments is None else 43, 64) + a + b + data
    head = struct.pack('>BBHHHBBH', 0x45 + len(options) // 4, 0, 20 + len(options) + len(data), 7, 0, 64, 17, 0) + a + b
    head += options
    return head[:10] + struct.pack('>H', checksum(head)) + head[12:] + data


def mac(ns, dev):
    out = subprocess.run(['nsenter', f'--net=/run/netns/{ns}', '--', 'ip', '-j', 'link', 'show', 'dev', dev],
                         capture_output=True, check=True).stdout
    return bytes.fromhex(json.loads(out)[0]['address'].replace(':', ''))


class Segment:
    """Sends Ethernet frames from the third host."""

    def __init__(self):
        self.sock = ns_socket('third', socket.AF_PACKET, socket.SOCK_RAW)
        self.sock.bind(('t0', 0))
        self.own, self.gateway = mac('third', 't0'), mac('gw', wan_dev)

    def send(self, l3, tags=(), to=None):
        head = (to or self.gateway) + self.own
        for i, tag in enumerate(tags):
            head += struct.pack('>HH', 0x88a8 if len(tags) > 1 and i == 0 else 0x8100, tag)
        self.sock.send(head + struct.pack('>H', ETH) + l3)

    def close(self):
        self.sock.close()


class Running:
    """A call that talks; the third host can forge whatever the provider could send."""

    def __init__(self, w):
        self.w, self.seg = w, w.keep(Segment())
        self.phone, self.prov = w.phone(), w.provider()
        self.inside, self.outside = w.inside_media(20000), w.outside_media()
        self.talk = Talk(w, self.phone, self.prov, self.inside, self.outside)
        self.talk.flow()
        self.seq = 9000

    def media(self, **kw):
        self.seq += 1
        return packet(kw.pop('src', (self.outside.addr, self.outside.port)), self.talk.pub,
                      rtp(self.seq, self.outside.ssrc), **kw)

    def options(self, src=None, dst=None, **kw):
        src, dst = src or self.w.prov, dst or self.w.gw
        self.seq += 1
        return packet((src, 5060), (dst, 5060),
                      (f'OPTIONS sip:alice@{bracket(dst)} SIP/2.0\r\nVia: SIP/2.0/UDP {bracket(src)};branch=z9hG4bKs{self.seq}\r\n'
                       f'From: <sip:x@{bracket(src)}>;tag=f\r\nTo: <sip:alice@{bracket(dst)}>\r\nCall-ID: s-{self.seq}\r\n'
                       'CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n').encode(), **kw)

    def end(self):
        """Nothing has come in between, and the call still talks and ends."""
        self.phone.nothing(ENOUGH)
        expect('media that came through', self.inside.drain(), [])
        self.talk.flow()
        self.talk.call.bye()


@contextlib.contextmanager
def running():
    with World(family) as w:
        r = Running(w)
        yield r
        r.end()


# ---- frames ----------------------------------------------------------------------------------------

def forged_as_it_should_be():
    """The control: what the other tests spoil arrives when it is not spoilt; with a priority tag as well."""
    with running() as r:
        for tags in ((), (0xa000,), (0xa000, 0)):
            r.seg.send(r.media(), tags)
            expect(f'media with tags {tags}', r.inside.seqs(1), [r.seq])
            r.seg.send(r.options(), tags)
            r.phone.want('OPTIONS')


def other_vlan(tags):
    with running() as r, counts(other_vlan=20):
        for _ in range(10):
            r.seg.send(r.media(), tags)
            r.seg.send(r.options(), tags)


def source_route(**kw):
    with running() as r, counts(source_routed=20):
        for _ in range(10):
            r.seg.send(r.media(**kw))
            r.seg.send(r.options(**kw))


def harmless_option():
    with running() as r:
        r.seg.send(r.media(options=b'\x94\x04\x00\x00'))  # router alert
        expect('media with an option', r.inside.seqs(1), [r.seq])


def to_everybody():
    with running() as r, counts(link_broadcast=20):
        for _ in range(10):
            r.seg.send(r.media(), to=b'\xff' * 6)
            r.seg.send(r.media(), to=b'\x01\x00\x5e\x00\x00\x01')


def to_another_station():
    with running() as r:
        for _ in range(10):
            r.seg.send(r.media(), to=r.seg.own[:5] + bytes([r.seg.own[5] ^ 1]))


def in_our_name():
    with running() as r, counts(spoofed_source=10):
        for _ in range(10):
            r.seg.send(r.options(src=r.w.gw))
            r.seg.send(r.media(src=r.talk.pub))


# ---- straight inside -------------------------------------------------------------------------------

def tcp_open(w, port):
    """Does a connection from the third host to the phone come about?"""
    with ns_socket(w.ph_ns, AF, socket.SOCK_STREAM) as listener, ns_socket('third', AF, socket.SOCK_STREAM) as s:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((w.ph, port))
        listener.listen()
        s.settimeout(3)
        s.setblocking(False)
        s.connect_ex((w.ph, port))
        return bool(select.select([listener], [], [], 3 if port != 5060 or what == 'allowed' else 1.2)[0])


def straight(passes):
    """SIP, also in fragments, and media to the phone's own address."""
    drops = {} if passes else {'inside_direct': 13}
    with running() as r:
        third = r.w.keep(Media('third', r.w.third, 5060))
        text = r.options(dst=r.w.ph)[-300:]
        text = text[text.index(b'OPTIONS'):]
        large = text.replace(b'Max-F', b'X: ' + b'y' * 3000 + b'\r\nMax-F')
        with counts(**drops):
            third.send(text, (r.w.ph, 5060))
            third.send(large, (r.w.ph, 5060))
            sent = third.burst(10, (r.inside.addr, r.inside.port))
            if passes:
                r.phone.want('OPTIONS')
                r.phone.want('OPTIONS')
                expect('media', r.inside.seqs(10), sent)
            else:
                r.phone.nothing(ENOUGH)
                expect('media that came through', r.inside.drain(), [])


def straight_tcp(passes):
    with World(family) as w, counts(**({} if passes else {'inside_direct': 1})):
        expect('a connection to port 5060', tcp_open(w, 5060), passes)


def bystanders():
    """Answers to a host that is routed and not masqueraded, other ports and other protocols."""
    with World(family) as w, counts(inside_direct=(0,)):
        host, dns = w.keep(Endpoint(w.ph_ns, w.ph, 40000)), w.keep(Endpoint('third', w.third, 53))
        host.send(b'\x12\x34\x01\x00' + b'q' * 30, (w.third, 53))
        got = dns.recv()
        if got is None:
            raise Failed('no query came out')
        dns.send(b'\x12\x34\x81\x80' + b'a' * 30, got[1])
        dns.send(b'\x12\x34\x81\x80' + b'b' * 3000, got[1])  # in fragments
        expect('answer', host.recv(), (b'\x12\x34\x81\x80' + b'a' * 30, (w.third, 53)))
        expect('large answer', host.recv(), (b'\x12\x34\x81\x80' + b'b' * 3000, (w.third, 53)))
        expect('a connection to port 8080', tcp_open(w, 8080), True)


tap = Tap(f'{wan_dev} IPv{family}: ')
if what == 'frames':
    tap.test('forged without a fault', forged_as_it_should_be)
    for ids in ((100,), (4095,), (200, 100), (0, 100), (0x2064,)):
        tap.test(f'VLAN tags {ids}', other_vlan, ids)
    if family == 4:
        tap.test('loose source route', source_route, options=LSRR)
        tap.test('strict source route', source_route, options=SSRR)
        tap.test('router alert', harmless_option)
    else:
        tap.test('routing header, segments left', source_route, segments=1)
    tap.test('broadcast and multicast frames', to_everybody)
    tap.test('to another station', to_another_station)
    tap.test('in our own name', in_our_name)
else:
    tap.test('SIP and media straight inside', straight, what == 'allowed')
    tap.test('TCP straight inside', straight_tcp, what == 'allowed')
    tap.test('bystanders', bystanders)
tap.done()
