#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Makes the captures that test_replay.sh replays: make_pcaps.py [DIRECTORY]

Plain bytes, the same every time: one call each, with what its file's name says. A phone at 10.0.0.5,
its provider at 198.51.100.7, whose media comes from 198.51.100.9.
"""
import hashlib
import hmac
import ipaddress
import os
import struct
import sys

PHONE, PROVIDER, MEDIA = '10.0.0.5', '198.51.100.7', '198.51.100.9'
PHONE6, PROVIDER6, MEDIA6 = 'fd00::5', '2001:db8:7::7', '2001:db8:7::9'
T0 = 1790000000.0  # seconds since 1970
ETHERNET, RAW, SLL, SLL2, LOOP, WIFI = 1, 101, 113, 276, 108, 105


def checksum(data):
    if len(data) % 2:
        data += b'\0'
    s = sum(struct.unpack('>%dH' % (len(data) // 2), data))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff


def packed(addr):
    return ipaddress.ip_address(addr).packed


def ip(src, dst, proto, payload, ident=1, offset=0, more=False, ttl=64):
    """One packet; IPv6 gets a fragment header when offset or more say so."""
    s, d = packed(src), packed(dst)
    if len(s) == 4:
        head = struct.pack('>BBHHHBBH', 0x45, 0, 20 + len(payload), ident, offset // 8 | (0x2000 if more else 0),
                           ttl, proto, 0) + s + d
        return head[:10] + struct.pack('>H', checksum(head)) + head[12:] + payload
    if offset or more:
        payload = struct.pack('>BBHI', proto, 0, offset | more, ident) + payload
        proto = 44
    return struct.pack('>IHBB', 6 << 28, len(payload), proto, ttl) + s + d + payload


def l4(src, dst, proto, data, at):
    """data with its checksum, which stands at offset at."""
    s, d = packed(src), packed(dst)
    pseudo = s + d + (struct.pack('>BBH', 0, proto, len(data)) if len(s) == 4 else
                      struct.pack('>II', len(data), proto))
    return data[:at] + struct.pack('>H', checksum(pseudo + data) or 0xffff) + data[at + 2:]


def udp(src, sport, dst, dport, payload):
    return l4(src, dst, 17, struct.pack('>HHHH', sport, dport, 8 + len(payload), 0) + payload, 6)


def tcp(src, sport, dst, dport, seq, payload, flags=0x18):
    return l4(src, dst, 6, struct.pack('>HHIIBBHHH', sport, dport, seq & 0xffffffff, 1, 0x50, flags, 8192, 0, 0) +
              payload, 16)


def rtp(seq, pt=0, ssrc=0x11223344):
    return struct.pack('>BBHII', 0x80, pt, seq, seq * 160, ssrc) + b'\xd5' * 40


def stun(username, password, transaction=1):
    """A connectivity check as RFC 8445 7.2.2 has it: PRIORITY, USERNAME, MESSAGE-INTEGRITY."""
    def attribute(kind, value):
        return struct.pack('>HH', kind, len(value)) + value + b'\0' * (-len(value) % 4)
    body = attribute(0x0024, b'\x6e\x7f\x1e\xff') + attribute(0x0006, username.encode())
    head = struct.pack('>HHI12s', 1, len(body) + 24, 0x2112a442, b'%012d' % transaction)
    return head + body + attribute(0x0008, hmac.new(password.encode(), head + body, hashlib.sha1).digest())


class Capture:
    def __init__(self):
        self.packets = []  # (time, L3 bytes)
        self.now = T0
        self.ttl = 64

    def add(self, packet):
        self.packets.append((self.now, packet))

    def udp(self, src, sport, dst, dport, payload):
        self.add(ip(src, dst, 17, udp(src, sport, dst, dport, payload), ttl=self.ttl))

    def media(self, src, sport, dst, dport, n=10, **kw):
        for i in range(n):
            self.now += 0.02
            self.udp(src, sport, dst, dport, rtp(i, **kw))

    def frames(self, link, tags=()):
        kind = {4: 0x0800, 6: 0x86dd}
        for t, p in self.packets:
            ether = kind[p[0] >> 4]
            if link == ETHERNET:
                head = b'\x02\0\0\0\0\x01\x02\0\0\0\0\x02'
                for tag in tags:
                    head += struct.pack('>HH', *tag)
                yield t, head + struct.pack('>H', ether) + p
            elif link == SLL:
                yield t, struct.pack('>HHHQH', 0, 1, 6, 0, ether) + p
            elif link == SLL2:
                yield t, struct.pack('>HHIHBBQ', ether, 0, 2, 1, 0, 6, 0) + p
            elif link == LOOP:
                yield t, struct.pack('>I', 2 if p[0] >> 4 == 4 else 30) + p
            else:
                yield t, p

    def doubled(self):
        """Each packet as seen at two devices."""
        self.packets = [(t + d, p) for t, p in self.packets for d in (0, 0.00002)]
        return self

    def pcap(self, link=ETHERNET, tags=(), snaplen=262144, nano=False):
        out = struct.pack('<IHHiIII', 0xa1b23c4d if nano else 0xa1b2c3d4, 2, 4, 0, 0, snaplen, link)
        for t, f in self.frames(link, tags):
            us = round(t * 1e6)
            out += struct.pack('<IIII', us // 1000000, us % 1000000 * (1000 if nano else 1), min(len(f), snaplen),
                               len(f)) + f[:snaplen]
        return out

    def pcapng(self, link=ETHERNET):
        def block(kind, body):
            body += b'\0' * (-len(body) % 4)
            return struct.pack('<II', kind, len(body) + 12) + body + struct.pack('<I', len(body) + 12)
        out = block(0x0a0d0d0a, struct.pack('<IHHq', 0x1a2b3c4d, 1, 0, -1))
        # if_tsresol 9: nanoseconds
        out += block(1, struct.pack('<HHI', link, 0, 262144) + struct.pack('<HHBxxxHH', 9, 1, 9, 0, 0))
        for t, f in self.frames(link):
            ns = round(t * 1e6) * 1000
            out += block(6, struct.pack('<IIIII', 0, ns >> 32, ns & 0xffffffff, len(f), len(f)) + f)
        return out


def bracket(addr):
    return '[%s]' % addr if ':' in addr else addr


def sdp(addr, port, extra='', version=1):
    family = 'IP6' if ':' in addr else 'IP4'
    return ('v=0\r\no=- 1 %d IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\nm=audio %d RTP/AVP 0 101\r\n'
            'a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n%s' %
            (version, family, addr, family, addr, port, extra))


class Call:
    """One dialog; phone and provider as they see themselves, the wire as it is on the inside."""

    def __init__(self, cap, phone=PHONE, provider=PROVIDER, media=MEDIA, out=True, call_id='7f3@10.0.0.5',
                 transport='UDP', send=None):
        self.cap, self.phone, self.provider, self.far = cap, phone, provider, media
        self.out, self.call_id, self.transport = out, call_id, transport
        self.tags = {True: 'in1', False: 'out1'}  # by side: inside?
        self.send = send or self.udp

    def udp(self, inside, text):
        a, b = (self.phone, self.provider) if inside else (self.provider, self.phone)
        self.cap.udp(a, 5060, b, 5060, text)

    def text(self, start, cseq, request_inside, body='', to_tag=True, headers='', sender_inside=None):
        """request_inside: which side sent the request; sender_inside: who writes this message."""
        inside = request_inside if sender_inside is None else sender_inside
        me = bracket(self.phone if inside else self.provider)
        via = bracket(self.phone if request_inside else self.provider)
        user = {True: 'alice', False: 'bob'}
        m = start + '\r\n'
        m += 'Via: SIP/2.0/%s %s:5060;branch=z9hG4bK%s;rport\r\n' % (self.transport, via, cseq.replace(' ', ''))
        m += 'Max-Forwards: 70\r\nFrom: <sip:%s@provider.example>;tag=%s\r\n' % (
            user[request_inside], self.tags[request_inside])
        m += 'To: <sip:%s@provider.example>%s\r\n' % (
            user[not request_inside], ';tag=' + self.tags[not request_inside] if to_tag else '')
        m += 'Call-ID: %s\r\nCSeq: %s\r\nContact: <sip:%s@%s:5060>\r\n%s' % (
            self.call_id, cseq, user[inside], me, headers)
        if body:
            m += 'Content-Type: application/sdp\r\n'
        return (m + 'Content-Length: %d\r\n\r\n%s' % (len(body), body)).encode()

    def request(self, method, n, inside, body='', to_tag=True, headers=''):
        target = 'bob@' + bracket(self.provider) if inside else 'alice@' + bracket(self.phone)
        self.send(inside, self.text('%s sip:%s:5060 SIP/2.0' % (method, target), '%d %s' % (n, method), inside,
                                    body, to_tag, headers))

    def response(self, status, method, n, request_inside, body='', to_tag=True):
        self.send(not request_inside, self.text('SIP/2.0 ' + status, '%d %s' % (n, method), request_inside, body,
                                                to_tag, sender_inside=not request_inside))

    def begin(self, early=False, headers='', rtp_port=20000, extra='', far_extra=''):
        """INVITE ... ACK, one second of ringing."""
        c, out = self.cap, self.out
        offer = sdp(self.phone, rtp_port, extra) if out else sdp(self.far, 40000)
        answer = sdp(self.far, 40000, far_extra) if out else sdp(self.phone, rtp_port, extra)
        self.request('INVITE', 1, out, offer, to_tag=False, headers=headers)
        c.now += 0.05
        self.response('100 Trying', 'INVITE', 1, out, to_tag=False)
        c.now += 0.05
        if early:
            self.response('183 Session Progress', 'INVITE', 1, out, answer)
            self.media(n=5, inside=False)
        else:
            self.response('180 Ringing', 'INVITE', 1, out)
        c.now += 1
        self.response('200 OK', 'INVITE', 1, out, answer)
        c.now += 0.05
        self.request('ACK', 1, out)

    def media(self, n=10, inside=None, rtp_port=20000, far_port=40000, **kw):
        if inside is not False:
            self.cap.media(self.phone, rtp_port, self.far, far_port, n, **kw)
        if inside is not True:
            self.cap.media(self.far, far_port, self.phone, rtp_port, n, ssrc=0x55667788, **kw)

    def end(self, inside=True, n=9):
        self.cap.now += 0.1
        self.request('BYE', n, inside)
        self.cap.now += 0.05
        self.response('200 OK', 'BYE', n, inside)


def basic(out=True, **kw):
    c = Capture()
    call = Call(c, out=out, **kw)
    call.begin()
    call.media()
    call.end()
    call.media(n=3, inside=False)  # goes on, as it does
    return c


def early():
    c = Capture()
    call = Call(c)
    call.begin(early=True)
    call.media()
    call.end()
    return c


def hold():
    """Hold, resume with another port; the old port is closed then."""
    c = Capture()
    call = Call(c)
    call.begin()
    call.media()
    for n, body, answer in ((2, sdp(PHONE, 20000, 'a=sendonly\r\n', 2), sdp(MEDIA, 40000, 'a=recvonly\r\n', 2)),
                            (3, sdp(PHONE, 20002, '', 3), sdp(MEDIA, 40000, '', 3))):
        c.now += 1
        call.request('INVITE', n, True, body)
        c.now += 0.1
        call.response('200 OK', 'INVITE', n, True, answer)
        call.request('ACK', n, True)
        c.now += 0.1
        call.media(n=4, inside=False, rtp_port=20000)
    call.media(rtp_port=20002)
    call.end()
    return c


def silent():
    """Twenty minutes on hold without any media, resumed at the same ports; then ten minutes of a silence that nobody
    agreed on."""
    c = Capture()
    call = Call(c)
    call.begin()
    call.media()
    for n, direction, wait in ((2, 'inactive', 1), (3, 'sendrecv', 1200)):
        c.now += wait
        call.request('INVITE', n, True, sdp(PHONE, 20000, 'a=%s\r\n' % direction, n))
        c.now += 0.1
        call.response('200 OK', 'INVITE', n, True, sdp(MEDIA, 40000, 'a=%s\r\n' % direction, n))
        call.request('ACK', n, True)
    call.media()
    c.now += 600
    call.media(n=4)
    call.end()
    return c


def tags():
    """A gateway that answers under another To tag than it rang with, and without a new SDP; then a PBX that rings two of
    its phones, of which the second one answers. Media of what was not answered goes on, during the call and after it."""
    c = Capture()
    call = Call(c, call_id='gateway')
    call.request('INVITE', 1, True, sdp(PHONE, 20000), to_tag=False)
    call.response('183 Session Progress', 'INVITE', 1, True, sdp(MEDIA, 40000))
    call.media(n=5, inside=False)
    call.tags[False] = 'out2'
    call.response('200 OK', 'INVITE', 1, True)
    call.request('ACK', 1, True)
    call.media(n=8)
    call.end()
    call.media(n=3)
    c.now += 1
    call = Call(c, call_id='pbx', out=False)
    call.request('INVITE', 1, False, sdp(MEDIA, 40000), to_tag=False)
    for tag, port in (('in1', 20002), ('in2', 20004)):
        call.tags[True] = tag
        call.response('183 Session Progress', 'INVITE', 1, False, sdp(PHONE, port))
        call.media(n=5, inside=False, rtp_port=port)
    call.response('200 OK', 'INVITE', 1, False, sdp(PHONE, 20004))
    call.request('ACK', 1, False)
    call.media(rtp_port=20004)
    call.media(n=4, inside=False, rtp_port=20002)
    call.end()
    call.media(n=3, inside=False, rtp_port=20002)
    return c


def spent():
    """Media whose TTL is 1: from the phone it ends at the gateway, from outside it has passed it already."""
    c = Capture()
    call = Call(c, call_id='spent')
    call.begin()
    c.ttl = 1
    call.media()
    c.ttl = 64
    call.end()
    return c


def zero():
    """The stream is taken out of the session, whose call goes on without it; media of it, too."""
    c = Capture()
    call = Call(c, call_id='zero')
    call.begin()
    call.media()
    call.request('INVITE', 2, True, sdp(PHONE, 0, '', 2))
    call.response('200 OK', 'INVITE', 2, True, sdp(MEDIA, 0, '', 2))
    call.request('ACK', 2, True)
    call.media(n=4)
    c.now += 1
    call.end()
    return c


def fragments():
    """An INVITE of 3,000 bytes, its fragments in another order."""
    c = Capture()

    def send(inside, text):
        a, b = (PHONE, PROVIDER) if inside else (PROVIDER, PHONE)
        data = udp(a, 5060, b, 5060, text)
        if len(data) < 1400:
            c.add(ip(a, b, 17, data))
            return
        parts = [(i, data[i:i + 1200], i + 1200 < len(data)) for i in range(0, len(data), 1200)]
        for i, part, more in parts[1:] + parts[:1]:
            c.add(ip(a, b, 17, part, ident=77, offset=i, more=more))
    call = Call(c, send=send)
    call.begin(headers=''.join('X-Pad-%d: %s\r\n' % (i, 'x' * 200) for i in range(12)))
    call.media()
    call.end()
    return c


def six():
    c = Capture()
    call = Call(c, PHONE6, PROVIDER6, MEDIA6, call_id='v6call')
    call.begin()
    call.media()
    call.end()
    return c


def over_tcp():
    """Split in two, two in one, out of order, sent twice, keep-alives between."""
    c = Capture()
    seq = {True: 1000, False: 0xfffffff0}  # one of them wraps
    held = []

    def segment(inside, payload, at=None, flags=0x18):
        a, b = ((PHONE, 35060, PROVIDER, 5060) if inside else (PROVIDER, 5060, PHONE, 35060)), None
        start = seq[inside] if at is None else at
        c.add(ip(a[0], a[2], 6, tcp(*a, start, payload, flags)))
        if at is None:
            seq[inside] += len(payload) + (1 if flags & 2 else 0)

    def send(inside, text):
        if text.startswith(b'INVITE'):  # three pieces, the last one before the middle one, the first one twice
            at = seq[inside]
            segment(inside, text[:100])
            segment(inside, text[300:], at + 300)
            segment(inside, text[:100], at)
            segment(inside, text[100:300], at + 100)
            seq[inside] = at + len(text)
        elif text.startswith((b'SIP/2.0 100', b'ACK')):
            held.append(text)  # goes with the next one
        else:
            segment(inside, b'\r\n\r\n' + b''.join(held) + text)
            held.clear()
    segment(True, b'', flags=2)
    segment(False, b'', flags=0x12)
    call = Call(c, transport='TCP', send=send, call_id='tcp1')
    call.begin()
    call.media()
    call.end()
    return c


def registration():
    """REGISTER and its answer, keep-alives, a message that breaks the grammar, one that is none."""
    c = Capture()
    call = Call(c, call_id='reg1')
    text = call.text('REGISTER sip:provider.example SIP/2.0', '1 REGISTER', True, to_tag=False,
                     headers='Expires: 300\r\n')
    call.send(True, text)
    c.now += 0.1
    answer = call.text('SIP/2.0 200 OK', '1 REGISTER', True, headers='Expires: 300\r\n', sender_inside=True)
    call.send(False, answer)
    c.now += 10
    call.send(True, b'\r\n\r\n')
    call.send(True, b'INVITE sip:bob@provider.example SIP/2.0\r\nContent-Length: 99999\r\n\r\n')
    call.send(False, b'\x16\x03\x01 this is something else altogether')
    return c


def wan():
    """At a SIP server with a public address, called from outside."""
    c = Capture()
    call = Call(c, phone='203.0.113.5', out=False, call_id='wan1')
    call.begin()
    call.media()
    call.end()
    return c


def trouble():
    """An address in a header that nobody knows, media from a stranger, no BYE; the file ends 1 s later."""
    c = Capture()
    call = Call(c)
    call.begin(headers='X-My-Address: 10.0.0.5\r\n')
    call.media()
    c.media('192.0.2.66', 4000, PHONE, 20000, 5, ssrc=0x66)
    c.media('198.51.100.50', 5000, PHONE, 30000, 5, ssrc=0x99)
    c.now += 1
    c.udp(PHONE, 40000, '9.9.9.9', 53, b'\x80\x00\x01\x00\x00\x01' + b'\0' * 20)
    return c


def shared():
    """Two calls that use one RTP port of the phone; the first one ends, the second one goes on."""
    c = Capture()
    first, second = Call(c, call_id='first'), Call(c, call_id='second', media='198.51.100.10')
    first.begin()
    second.begin()
    first.media()
    second.media()
    first.end()
    second.media()
    first.media(n=4, inside=False)
    second.end()
    return c


def waits():
    """Two calls that use one RTP port of the phone; the second one's media has to be learnt, so the first one waits until
    it is over."""
    c = Capture()
    first, second = Call(c, call_id='first'), Call(c, call_id='second', media='192.168.7.9')
    first.begin()
    first.media()
    second.begin()
    second.far = PROVIDER  # a NAT is between
    second.media(n=5, inside=False)
    second.media(n=5)
    first.media(n=4)
    second.end()
    first.media(n=6)
    first.end()
    return c


def both_sides():
    """Of a plain NAT: each message with the phone's address, then with 203.0.113.9."""
    c = Capture()

    def send(inside, text):
        ends = [(PHONE, 5060), ('203.0.113.9', 1024)]
        for addr, port in ends if inside else ends[::-1]:
            c.udp(*((addr, port, PROVIDER, 5060) if inside else (PROVIDER, 5060, addr, port)), text)
    call = Call(c, send=send)
    call.begin()
    call.media()
    call.end()
    return c


def ice():
    """Checks from the candidate, from an address that no SDP names (behind a NAT), from a stranger who does not
    know the password, and from one who repeats what he saw elsewhere; then media from all of them."""
    c = Capture()
    call = Call(c, call_id='ice1')
    line = 'a=rtcp-mux\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=candidate:1 1 UDP 2130706431 %s %d typ host\r\n'
    mine, theirs = 'phonephonephonephonephone', 'providerproviderprovider'
    call.begin(extra=line % ('phon', mine, PHONE, 20000), far_extra=line % ('prov', theirs, MEDIA, 40000))
    reflexive, stranger, parrot = '198.51.100.77', '192.0.2.66', '192.0.2.67'
    for n, (src, username, password) in enumerate((
            (MEDIA, 'phon:prov', mine), (reflexive, 'phon:prov', mine), (stranger, 'phon:prov', theirs),
            (stranger, 'phon:else', mine), (parrot, 'prov:phon', theirs))):
        c.now += 0.02
        c.udp(src, 40000, PHONE, 20000, stun(username, password, n))
    c.now += 0.02
    c.udp(PHONE, 20000, MEDIA, 40000, stun('prov:phon', theirs, 7))
    c.udp(PHONE, 20000, '192.0.2.68', 40000, stun('prov:phon', theirs, 8))  # nobody has named that address
    for far in (MEDIA, reflexive, stranger, parrot):
        c.media(far, 40000, PHONE, 20000, 4, ssrc=0x77)
    c.media(PHONE, 20000, reflexive, 40000, 4)
    call.end()
    c.udp(reflexive, 40000, PHONE, 20000, stun('phon:prov', mine, 9))
    return c


def unanswered():
    """An INVITE that nobody answers; the next packet comes much later."""
    c = Capture()
    call = Call(c, call_id='silence')
    call.request('INVITE', 1, True, sdp(PHONE, 20000), to_tag=False)
    c.now += 4000
    c.udp(PHONE, 5060, PROVIDER, 5060, b'\r\n')
    return c


def main():
    where = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
    whole = basic().pcap()
    files = {
        'out.pcap': whole,
        'in.pcapng': basic(out=False).pcapng(),
        'early.pcap': early().pcap(nano=True),
        'hold.pcap': hold().pcap(link=LOOP),
        'silent.pcap': silent().pcap(),
        'tags.pcap': tags().pcap(),
        'spent.pcap': spent().pcap(),
        'zero.pcap': zero().pcap(),
        'fragments.pcap': fragments().pcap(),
        'vlan.pcap': basic().pcap(tags=((0x88a8, 5), (0x8100, 7))),
        'sll.pcap': basic().pcap(link=SLL),
        'sll2.pcap': basic().doubled().pcap(link=SLL2),
        'six.pcap': six().pcap(link=RAW),
        'tcp.pcap': over_tcp().pcap(),
        'register.pcap': registration().pcap(),
        'wan.pcap': wan().pcap(),
        'trouble.pcap': trouble().pcap(),
        'ice.pcap': ice().pcap(),
        'silence.pcap': unanswered().pcap(),
        'shared.pcap': shared().pcap(),
        'waits.pcap': waits().pcap(),
        'both.pcap': both_sides().pcap(),
        'cut.pcap': basic().pcap(snaplen=96),
        'truncated.pcap': whole[:len(whole) - 30],
        'wifi.pcap': basic().pcap(link=WIFI),
        'garbage.pcap': bytes(range(256)) * 4,
        'empty.pcap': Capture().pcap(),
    }
    for name, data in files.items():
        with open(os.path.join(where, name), 'wb') as f:
            f.write(data)


if __name__ == '__main__':
    main()
