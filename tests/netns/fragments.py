# SPDX-License-Identifier: GPL-2.0-only
"""Large messages: fragments in every order, both ways, edited like any other; incomplete, overlapping
and contradictory ones reach nobody."""
import itertools
import socket
import struct
import subprocess
import sys

from exact import Pair, checksum, edited, plain, response, same, session
from ua import ENV, Failed, Tap, bracket, counts, expect, ns_socket, open_pinholes, reasons, token, wait_until
from world import World

family, MASQ = int(sys.argv.pop(1)), sys.argv.pop(1) == 'on'
IDENT = itertools.count(0x4100)


def udp(src, sport, dst, dport, payload):
    fam = socket.AF_INET6 if family == 6 else socket.AF_INET
    a, b, n = socket.inet_pton(fam, src), socket.inet_pton(fam, dst), 8 + len(payload)
    pseudo = a + b + (struct.pack('>IHBB', n, 0, 0, 17) if family == 6 else struct.pack('>BBH', 0, 17, n))
    head = struct.pack('>HHHH', sport, dport, n, 0)
    return struct.pack('>HHHH', sport, dport, n, checksum(pseudo + head + payload)) + payload


class Raw:
    """Sends IP fragments as they are, from a namespace."""

    def __init__(self, ns, src, dst):
        self.src, self.dst = src, dst
        fam = socket.AF_INET6 if family == 6 else socket.AF_INET
        self.sock = ns_socket(ns, fam, socket.SOCK_RAW, socket.IPPROTO_RAW)

    def fragment(self, ident, offset, data, more):
        if family == 4:
            head = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 20 + len(data), ident, offset // 8 | (0x2000 if more else 0), 64,
                               17, 0, socket.inet_aton(self.src), socket.inet_aton(self.dst))
        else:
            head = struct.pack('>IHBB16s16s', 6 << 28, 8 + len(data), 44, 64, socket.inet_pton(socket.AF_INET6, self.src),
                               socket.inet_pton(socket.AF_INET6, self.dst))
            head += struct.pack('>BBHI', 17, 0, offset | more, ident)
        self.sock.sendto(head + data, (self.dst, 0))

    def send(self, datagram, cuts, order):
        ident = next(IDENT)
        edges = [0, *cuts, len(datagram)]
        parts = [(a, datagram[a:b], b != len(datagram)) for a, b in zip(edges, edges[1:])]
        for i in order:
            self.fragment(ident, *parts[i])
        return ident, parts


def big(p, method, size=3000, body=b''):
    more = f'Contact: <sip:alice@{p.inside}>\r\nExpires: 60\r\n'
    raw = plain(p, method, more, body, 'application/sdp', uri=f'sip:{bracket(p.w.prov)}' if method == 'REGISTER' else None)
    pad = ''.join(f'X-Padding-{i}: {"x" * 100}\r\n' for i in range((size - len(raw)) // 117))
    return raw.replace(b'User-Agent:', pad.encode() + b'User-Agent:', 1)


def outward(method, order, cuts=(1200, 2400)):
    with World(family) as w:
        p, port = Pair(w), 21000
        raw = big(p, method, body=session(w, port) if method == 'INVITE' else b'')
        r = Raw(w.ph_ns, w.ph, w.prov)
        r.send(udp(w.ph, p.port, w.prov, 5060, raw), cuts, order)
        got = p.prov.recv(2)
        if got is None:
            raise Failed('nothing came out')
        same('outward', got[0], edited(raw, p.out, {port: port}))
        expect('source', got[1], (w.gw, p.port))
        expect('copies', p.prov.drain(), [])
        p.src = got[1]
        if method == 'INVITE':  # and a large answer on its way back, refused so that nothing stays open
            p.send_back(response(got[0], '486 Busy Here', ''.join(f'X-More-{i}: {"y" * 100}\r\n' for i in range(20))))
        else:
            p.send_back(response(got[0], '200 OK', f'Contact: <sip:alice@{p.outside}>;expires=60\r\n'))


def inward(order):
    """A large request from the provider, in fragments, to a registered phone."""
    with World(family) as w:
        p = Pair(w)
        raw = big(p, 'REGISTER', 600)
        seen = p.send_out(raw)
        p.send_back(response(seen, '200 OK', f'Contact: <sip:alice@{p.outside}>;expires=60\r\n'))
        pad = ''.join(f'X-Padding-{i}: {"z" * 100}\r\n' for i in range(24))
        far, me = bracket(w.prov), p.outside
        raw = (f'OPTIONS sip:alice@{me} SIP/2.0\r\nVia: SIP/2.0/UDP {far}:5060;branch={token("z9hG4bK")}\r\n'
               f'From: <sip:x@{far}>;tag=q\r\nTo: <sip:alice@lab.example>\r\nCall-ID: {token("in")}\r\nCSeq: 1 OPTIONS\r\n'
               f'{pad}Max-Forwards: 10\r\nContent-Length: 0\r\n\r\n').encode()
        Raw('prov', w.prov, w.gw).send(udp(w.prov, 5060, w.gw, p.port, raw), (1200, 2400), order)
        got = p.phone.recv(2)
        if got is None:
            raise Failed('nothing came in')
        same('inward', got[0], edited(raw, p.back))
        expect('source', got[1], (w.prov, 5060))
        p.send_out(response(got[0], '200 OK', f'Contact: <sip:alice@{p.inside}>\r\n'))


def many_small():
    """Thirty fragments of one message."""
    with World(family) as w:
        p = Pair(w)
        raw = big(p, 'OPTIONS')
        cuts = tuple(range(104, len(raw), 104))
        Raw(w.ph_ns, w.ph, w.prov).send(udp(w.ph, p.port, w.prov, 5060, raw), cuts, range(len(cuts) + 1))
        got = p.prov.recv(2)
        if got is None:
            raise Failed('nothing came out')
        same('outward', got[0], edited(raw, p.out))


def incomplete():
    """A fragment is missing: nothing passes, nothing opens."""
    with World(family) as w:
        p = Pair(w)
        before = len(open_pinholes())
        for missing in ((0, 1), (0, 2), (1, 2)):
            r = Raw(w.ph_ns, w.ph, w.prov)
            r.send(udp(w.ph, p.port, w.prov, 5060, big(p, 'INVITE', body=session(w, 21000))), (1200, 2400), missing)
        expect('arrived', p.prov.drain(0.3), [])
        expect('open pinholes', len(open_pinholes()), before)


def overlap():
    """A second version of the middle fragment: the datagram is dropped as a whole (RFC 5722)."""
    with World(family) as w:
        p = Pair(w)
        raw = big(p, 'OPTIONS')
        r = Raw(w.ph_ns, w.ph, w.prov)
        before = reasons()['fragment_limit']
        ident, parts = r.send(udp(w.ph, p.port, w.prov, 5060, raw), (1200, 2400), (0, 1))
        r.fragment(ident, 1192, b'EVIL' * 302, True)
        r.fragment(ident, *parts[2])
        expect('arrived', p.prov.drain(0.3), [])
        wait_until('fragments counted as fragment_limit', lambda: reasons()['fragment_limit'] >= before + 2, 8)


def wrong_checksum():
    with World(family) as w:
        p = Pair(w)
        data = bytearray(udp(w.ph, p.port, w.prov, 5060, big(p, 'OPTIONS')))
        data[6] ^= 0x55
        with counts(sip_bad_checksum=1):
            Raw(w.ph_ns, w.ph, w.prov).send(bytes(data), (1200, 2400), (0, 1, 2))
            expect('arrived', p.prov.drain(0.3), [])


def not_sip():
    """Fragments of other UDP pass as they are, in any order."""
    with World(family) as w:
        a, b = w.inside_media(40000), w.outside_media(40001)
        data = bytes(range(256)) * 12
        for order in itertools.permutations(range(3)):
            Raw(w.ph_ns, w.ph, w.prov).send(udp(w.ph, 40000, w.prov, 40001, data), (1200, 2400), order)
            got = b.recv(2)
            expect(f'order {order}', got and got[0], data)


def largest():
    """64 KB: refused or passed, but nothing breaks; a normal message passes behind it."""
    with World(family) as w:
        p = Pair(w)
        raw = plain(p, 'OPTIONS')
        filler = b'X-Fill: ' + b'f' * 200 + b'\r\n'
        raw = raw.replace(b'User-Agent:', filler * ((65000 - len(raw)) // len(filler)) + b'User-Agent:', 1)
        p.phone.send(raw, (w.prov, 5060))
        p.prov.drain(0.5)
        p.send_out(plain(p, 'OPTIONS', f'Contact: <sip:alice@{p.inside}>\r\n'))


def ip(words):
    subprocess.run(['nsenter', '--net=/run/netns/gw', '--', 'ip', *words.split()], check=True, timeout=10)


def narrow_device():
    """It takes less than the message, then all of it again; below 1,280 without IPv6, whose address goes."""
    with World(family) as w:
        p = Pair(w)
        for mtu in (900, 1500, 900, 1500) if family == 4 else (1280, 1500):
            ip(f'link set w0 mtu {mtu}')
            p.send_out(big(p, 'REGISTER', 1100 if family == 4 else 1400))
        ip(f'addr replace {ENV["GW6"]}/64 dev w0 nodad')


def narrow_path():
    """The same of a route; the first two messages need no look at it."""
    with World(family) as w:
        p = Pair(w)
        ip(f'route add {w.prov} dev w0 mtu {900 if family == 4 else 1280}')
        for size in (700, 1100, 1400):
            p.send_out(big(p, 'REGISTER', size))
        ip(f'route del {w.prov} dev w0')


tap = Tap(f'IPv{family}: ')
tap.test('a device with a small MTU', narrow_device)
tap.test('a route with a small MTU', narrow_path)
if MASQ:  # with connection tracking, which puts fragments together for itself
    tap.test('other UDP in fragments, masqueraded', not_sip)
    tap.test('REGISTER of 3,000 bytes, masquerading on', outward, 'REGISTER', (2, 1, 0))
    tap.done()
for sip_method in ('REGISTER', 'INVITE'):
    for one in itertools.permutations(range(3)):
        tap.test(f'{sip_method} of 3,000 bytes out, fragments {"-".join(str(x + 1) for x in one)}', outward, sip_method, one)
for one in itertools.permutations(range(3)):
    tap.test(f'request of 3,000 bytes in, fragments {"-".join(str(x + 1) for x in one)}', inward, one)
tap.test('thirty fragments', many_small)
tap.test('a first fragment without the whole header', outward, 'REGISTER', (0, 1, 2, 3), (104, 1400, 2600))
tap.test('incomplete', incomplete)
tap.test('overlapping', overlap)
tap.test('wrong checksum', wrong_checksum)
tap.test('other UDP in fragments', not_sip)
tap.test('64 KB', largest)
tap.done()
