# SPDX-License-Identifier: GPL-2.0-only
"""Bytes that nobody reads as SIP, from a host that may only answer: what a phone could take for a request."""
import contextlib
import os
import struct
import sys

from ua import Call, MODE, Tap, bracket, build, counts, expect, token
from ua_tcp import TcpUa
from world import Talk, World

family = int(sys.argv.pop(1))
what = sys.argv.pop(1)
COOKIE = b'\x21\x12\xa4\x42'


class TcpWorld(World):
    def phone(self, user='alice', port=5060, second=False):
        return self.keep(TcpUa(self.ph_ns, self.ph, user, port))

    def provider(self, user='bob', port=5060):
        return self.keep(TcpUa('prov', self.prov, user, port))

    def stranger(self, user='mallory', port=5060):
        return self.keep(TcpUa('third', self.third, user, port))


def request(w, method, transport, more=()):
    """As the third host would send it to the phone, addressed as the phone is."""
    me, to = bracket(w.third), bracket(w.ph)
    body = f'v=0\r\no=- 1 1 IN IP{family} {w.third}\r\ns=-\r\nc=IN IP{family} {w.third}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n'
    return build(f'{method} sip:alice@{to}:5060 SIP/2.0', [
        ['Via', f'SIP/2.0/{transport} {me}:5060;branch={token("z9hG4bK")}'], ['Max-Forwards', '70'],
        ['From', f'<sip:mallory@{me}>;tag={token("m")}'], ['To', f'<sip:alice@{to}>'], ['Call-ID', token('raw')],
        ['CSeq', f'1 {method}'], ['Contact', f'<sip:mallory@{me}>'], *more], body.encode() if method == 'INVITE' else b'')


def notify(w, transport):
    return request(w, 'NOTIFY', transport, [('Event', 'message-summary'), ('Subscription-State', 'active;expires=600')])


def asked(w, phone, third):
    """The phone has sent a request there: the third host may answer, and no more."""
    c = Call(phone, third, f'sip:{bracket(w.third)}:5060')
    c.la.request('OPTIONS')
    return third.want('OPTIONS')


def answer(req, length='Content-Length: 0\r\n', end='\r\n'):
    """A 200 to req, with other lengths and line ends if need be."""
    lines = ['SIP/2.0 200 OK'] + [f'Via: {v}' for v in req.all('Via')]
    lines += [f'From: {req.h("From")}', f'To: {req.h("To")};tag=x', f'Call-ID: {req.call_id}', f'CSeq: {req.h("CSeq")}']
    return (end.join(lines) + end + length + end).encode()


def stun(value=b'', kind=0x0001):
    """A Binding with one attribute, SOFTWARE."""
    value += b' ' * (-len(value) % 4)
    attr = struct.pack('>HH', 0x8022, len(value)) + value if value else b''
    return struct.pack('>HH', kind, len(attr)) + COOKIE + os.urandom(12).replace(b'\n', b'x') + attr


def closed(bad):
    """bad(w, req): bytes that are not SIP. In front of raw requests they end both sides of the connection."""
    with TcpWorld(family) as w:
        phone, third = w.phone(), w.stranger()
        req = asked(w, phone, third)
        s = third.streams[-1]
        with counts(tcp_not_sip=1):
            s.send(bad(w, req))
            for raw in (request(w, 'INVITE', 'TCP'), notify(w, 'TCP')):
                try:
                    s.send(raw)
                except OSError:  # it is closed by then
                    break
            expect('the third host sees the end', s.end_seen(), True)
        expect('the phone sees the end', phone.streams[-1].end_seen(), True)
        expect('bytes at the phone', phone.streams[-1].buf, b'')
        phone.nothing()


def own_connection():
    """The same on a connection that the third host opens, as it may in order to answer."""
    with TcpWorld(family) as w:
        phone, third = w.phone(), w.stranger()
        asked(w, phone, third)
        s = third.connect((w.public(w.ph), 5060))
        with counts(tcp_not_sip=1):
            s.send(b'x\r\n' + request(w, 'INVITE', 'TCP'))
            expect('the third host sees the end', s.end_seen(), True)
        with contextlib.suppress(OSError):  # accepted and reset, or not there at all
            phone.nothing()
        expect('bytes at the phone', b''.join(x.buf for x in phone.streams), b'')


def behind_an_answer(length):
    """A good answer arrives; a request behind it is judged by itself, and refused."""
    with TcpWorld(family) as w:
        phone, third = w.phone(), w.stranger()
        req = asked(w, phone, third)
        with counts(sip_unknown_peer=2):
            third.streams[-1].send(answer(req, length) + request(w, 'INVITE', 'TCP') + notify(w, 'TCP'))
            phone.want(200)
        phone.nothing()


def half_of_it():
    """A request that is cut off by the end of the connection."""
    with TcpWorld(family) as w:
        phone, third = w.phone(), w.stranger()
        req = asked(w, phone, third)
        third.streams[-1].send(answer(req) + request(w, 'INVITE', 'TCP')[:-1])
        phone.want(200)
        third.hang_up()
        expect('the phone sees the end', phone.streams[-1].end_seen(), True)
        expect('bytes at the phone', phone.streams[-1].buf, b'')


def keep_alives():
    """Line ends and STUN, both ways, and a call after them."""
    with TcpWorld(family) as w:
        phone, prov = w.phone(), w.provider()
        t = Talk(w, phone, prov, w.inside_media(), w.outside_media())
        ours, theirs = phone.streams[-1], prov.streams[-1]
        ping, pong = stun(), stun(kind=0x0101)
        ours.send(b'\r\n\r\n' + ping)
        while len(theirs.buf) < 4 + len(ping):
            theirs.read()
        expect('at the provider', theirs.buf, b'\r\n\r\n' + ping)
        theirs.send(b'\r\n' + pong)
        while len(ours.buf) < 2 + len(pong):
            ours.read()
        expect('at the phone', ours.buf, b'\r\n' + pong)
        ours.buf = theirs.buf = b''
        t.flow(5)
        t.call.bye()


def opaque():
    """By the operator's word, and with this peer only."""
    with TcpWorld(family) as w:
        phone, prov = w.phone(), w.provider()
        s = phone.connect((w.prov, 5060))
        with counts(sip_unparsed_passed=1):
            s.send(b'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
            there = prov.accepted()
            there.read()
        expect('at the server', there.buf, b'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
        there.send(b'HTTP/1.1 200 OK\r\n\r\n')
        s.read()
        expect('at the client', s.buf, b'HTTP/1.1 200 OK\r\n\r\n')


def told():
    with open(os.environ['RF_LOG']) as f:
        lines = [x for x in f if 'TCP ' in x and ' ended: ' in x and 'tcp_opaque' in x]
    expect('lines in the log that say who was ended and what to do', bool(lines), True)


def disguised(bad):
    """The same by UDP."""
    with World(family) as w:
        phone = w.phone()
        third = w.keep(type(phone)('third', w.third, 'mallory', 5060))
        req = asked(w, phone, third)
        with counts(sip_unknown_peer=1):
            third.send(bad(w, req), req.src)
        phone.nothing()
        third.send(answer(req), req.src)  # it may do that
        phone.want(200)


def udp_keep_alives():
    with World(family) as w:
        phone = w.phone()
        third = w.keep(type(phone)('third', w.third, 'mallory', 5060))
        req = asked(w, phone, third)
        for ping in (b'\r\n\r\n', b'\0' * 4, b'jaK\0', stun(), stun(b'Ringfence test', 0x0101)):
            third.send(ping, req.src)
            got = phone.recv()
            expect('at the phone', got and got[0], ping)


tap = Tap(f'holes {MODE} IPv{family}: ')
if what == 'closed':
    for name, fn in (('a byte', lambda w, r: b'\x7f'), ('a NUL', lambda w, r: b'\0'), ('a line', lambda w, r: b'hello\r\n'),
                     ('HTTP', lambda w, r: b'GET / HTTP/1.1\r\n\r\n'),
                     ('an answer with LF', lambda w, r: answer(r, end='\n')),
                     ('LF before the end of the header', lambda w, r: answer(r).replace(b'\r\n', b'\n', 1)),
                     ('two lengths', lambda w, r: answer(r, 'Content-Length: 0\r\nl: 900\r\n')),
                     ('a length that is none', lambda w, r: answer(r, 'Content-Length: x\r\n')),
                     ('too long', lambda w, r: answer(r, 'Content-Length: 99999\r\n')),
                     ('a NUL in the header', lambda w, r: answer(r, 'Subject: "\\\0"\r\nContent-Length: 0\r\n')),
                     ('STUN with a request in it', lambda w, r: stun(b'\r\n' + notify(w, 'TCP')))):
        tap.test(f'{name} ends the connection', closed, fn)
    tap.test('on a connection of its own', own_connection)
    tap.test('a request behind an answer', behind_an_answer, 'Content-Length: 0\r\n')
    tap.test('a request behind an answer without a length', behind_an_answer, '')
    tap.test('half of a request and the end', half_of_it)
    tap.test('keep-alives and a call', keep_alives)
    tap.test('who, why and what to do is in the log', told)
    for name, fn in (('a NUL', lambda w, r: b'\0' + request(w, 'INVITE', 'UDP')),
                     ('a line', lambda w, r: b'hello\r\n' + request(w, 'INVITE', 'UDP')),
                     ('a blank', lambda w, r: b' ' + notify(w, 'UDP')),
                     ('line ends', lambda w, r: b'\r\n\r\n' + request(w, 'INVITE', 'UDP')),
                     ('STUN', lambda w, r: stun(b'\r\n' + notify(w, 'UDP'))),
                     ('an answer', lambda w, r: answer(r) + request(w, 'INVITE', 'UDP')),
                     ('an unreadable answer', lambda w, r: b'SIP/2.0 999\r\n\r\n' + request(w, 'INVITE', 'UDP'))):
        tap.test(f'UDP: a request behind {name}', disguised, fn)
    tap.test('UDP: keep-alives', udp_keep_alives)
else:
    tap.test('what is not SIP passes with the peer that has tcp_opaque', opaque)
    tap.test('and ends the connection with another', closed, lambda w, r: b'\x7f')
    tap.test('keep-alives and a call', keep_alives)
tap.done()
