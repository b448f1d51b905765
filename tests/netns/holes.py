# SPDX-License-Identifier: GPL-2.0-only
"""What an inside host names in SDP for others, with an accomplice outside: nothing gets through. And what must."""
import struct
import sys

from ua import Call, Failed, MODE, Media, Tap, calls, counts, expect, no_way, open_pinholes, rtp, wait_until
from world import Talk, World

family = int(sys.argv.pop(1))
pbx = sys.argv.pop(1) == 'pbx'  # the first phone is one that speaks for others
V = f'IP{family}'
GW_IN = {4: '10.0.0.1', 6: 'fd00::1'}[family]
PORTS = (53, 161, 5353, 20000)

DNS = bytes.fromhex('1234 0100 0001 0000 0000 0000 0161 00 0001 0001')
SNMP = bytes.fromhex('3026 020101 0406 7075626c6963 a019 020101 020100 020100 300e 300c 06082b060102010101000500')
NTP = bytes([0x23, 0, 6, 0xec]) + bytes(36) + b'\xe9\1\2\3\4\5\6\7'
FAX = struct.pack('>HB', 1, 6) + b'\xc0\x01\x80\x00\x00\xff\x00\x00'
STUN = bytes.fromhex('0001 0000 2112a442') + bytes(range(12))
RTCP = struct.pack('>BBHI', 0x80, 201, 1, 0x1234)
KINDS = (DNS, SNMP, NTP, FAX, STUN, RTCP, rtp(1), rtp(2))


class Responders:
    """Who answers whatever comes, on every port that is named here: on all inside hosts, and on the gateway, there at
    its inside address and, where that is guarded, at its public one. Those of the phones are bound to no address, so
    that they hear what is sent to all."""

    def __init__(self, w):
        any_host = '::' if family == 6 else '0.0.0.0'
        self.all = [w.keep(Media(w.ph_ns, any_host, p)) for p in PORTS]
        self.all += [w.keep(Media('gw', GW_IN, p)) for p in PORTS] + [w.keep(Media('gw', w.gw, 20000))]

    def answer(self):
        """What came, each of it answered."""
        got = []
        for r in self.all:
            for data, src in r.drain(0.01):
                got.append((r.ns, r.port, data))
                r.send(b'answer', src)
        return got


def description(addr, port, media='audio', extra='', v=None, origin=None):
    fmt = 'udptl t38' if media == 'image' else 'RTP/AVP 0'
    return (f'v=0\r\no=ua 1 1 IN {V} {origin or addr}\r\ns=-\r\nc=IN {v or V} {addr}\r\nt=0 0\r\n'
            f'm={media} {port} {fmt}\r\n{extra}').encode()


def silent(w, responders, accomplice, named, pub):
    """Whatever the accomplice sends to the public endpoint, the one beside it or the port that was named: none arrives."""
    targets = {(w.gw, p) for port in (pub, named) for p in (port, port + 1) if p != 5060}
    for to in sorted(targets):
        for data in KINDS:
            accomplice.send(data, to)
    came = responders.answer()
    expect('what got through', came, [])
    expect('answers that got out', accomplice.drain(0.1), [])


def hole(name, offer, answer=None, blocked=None, none=True, in_answer=True):
    """The phone names it in an offer, then in the answer to a re-INVITE."""
    with World(family) as w:
        phone, prov = w.phone(), w.provider()
        responders, accomplice = Responders(w), w.outside_media(30000)
        c = Call(phone, prov, f'sip:{prov.user}@{prov.hp}')
        text, named = offer(w)
        seen = c.invite(text).sdp
        reply = answer(w, seen) if answer else description(
            prov.addr, accomplice.port, 'image' if b'm=image' in text else 'audio', ice(w) if b'ice-ufrag' in text else '')
        c.answer(200, reply)
        c.ack()
        silent(w, responders, accomplice, named, seen.media[0]['port'])
        if none:
            expect(f'{name}: open pinholes', [p for p in open_pinholes() if p['call']], [])
        if blocked:
            text_of = ' '.join(x for call in calls() for x in call.get('blocked_by', []))
            if blocked not in text_of:
                raise Failed(f'{name}: nothing is said of "{blocked}", but {text_of!r}')
        if in_answer and not answer:
            _, res = c.within('INVITE', description(prov.addr, accomplice.port,
                                                    'image' if b'm=image' in text else 'audio'),
                              by_b=True, answer=text)
            silent(w, responders, accomplice, named, res.sdp.media[0]['port'])
        c.bye()


def ice(w):
    return 'a=rtcp-mux\r\na=ice-ufrag:efgh\r\na=ice-pwd:abcdefghijklmnopqrstuw\r\n'


def by_candidate(addr, port):
    none = '::' if family == 6 else '0.0.0.0'
    return description(none, 9, extra='a=rtcp-mux\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n'
                       f'a=candidate:1 1 UDP 2130706431 {addr} {port} typ host\r\n')


def names(addr, port, **kw):
    return lambda w: (description(addr(w) if callable(addr) else addr, port, **kw), port)


def victim(w):
    return w.ph_b


def own_mapping(w, seen):
    addr, port = seen.ep()
    return description(addr, port)


def remote(port, media='audio'):
    def answer(w, _seen):
        return description(w.prov, port, media)
    return answer


def other_host_sends():
    """Another host's endpoint: closed until that host has sent, then it is as any other."""
    with World(family) as w:
        phone, prov = w.phone(), w.provider()
        inside, outside = w.inside_media(20000, second=True), w.outside_media()
        c = Call(phone, prov, f'sip:{prov.user}@{prov.hp}')
        pub = c.invite(description(w.ph_b, 20000)).sdp.ep()
        c.answer(200, description(prov.addr, outside.port))
        c.ack()
        with counts(not_sent_yet=5):
            no_way(outside, pub, inside, 5)
        blocked = [x for call in calls() for x in call['blocked_by']]
        if not any('sip.media_for_others' in x for x in blocked):
            raise Failed(f'not said on the call, but {blocked}')
        waits = [m['waits'] for call in calls() for m in call['media'] if m['protocol'] == 'RTP']
        expect('waits for the first packet', waits, [True])
        far = (outside.addr, outside.port)
        expect('the first packet out', len(inside.burst(1, far)), 1)
        expect('it arrives', len(outside.seqs(1)), 1)
        flows(inside, far, outside, pub)
        expect('it waits no more', [m['waits'] for call in calls() for m in call['media'] if m['protocol'] == 'RTP'],
               [False])
        wait_until('the mark is taken off', lambda: [p['out_first'] for p in open_pinholes() if p['call'] and
                                                     'rtp' in p['classes']] == [False])
        flows(inside, far, outside, pub)
        c.bye()
        with counts(pinhole_closed=5):
            no_way(outside, pub, inside, 5)


def flows(inside, far, outside, pub):
    sent = outside.burst(20, pub)
    expect('packets in', inside.seqs(20), sent)
    sent = inside.burst(20, far)
    expect('packets out', outside.seqs(20), sent)


def said_while_it_holds():
    """Of an endpoint that has opened is not said that it waits."""
    def blocked():
        return [x for call in calls() for x in call['blocked_by']]
    with World(family) as w:
        phone, prov = w.phone(), w.provider()
        inside, outside = w.inside_media(20000, second=True), w.outside_media()
        c = Call(phone, prov, f'sip:{prov.user}@{prov.hp}')
        c.invite(description(w.ph_b, 20000, extra='a=rtcp-mux\r\n'))
        c.answer(200, description(prov.addr, outside.port, extra='a=rtcp-mux\r\n'))
        c.ack()
        expect('said of one that waits', len(blocked()), 1)
        inside.burst(1, (outside.addr, outside.port))
        expect('it arrives', len(outside.seqs(1)), 1)
        expect('said of one that has opened', blocked(), [])
        c.bye()


def direct_media():
    """A PBX that speaks for its phones: open at once, also to a call between two of them and outside."""
    with World(family) as w:
        phone, prov = w.phone(), w.provider()
        inside, outside = w.inside_media(20000, second=True), w.outside_media()
        c = Call(phone, prov, f'sip:{prov.user}@{prov.hp}')
        pub = c.invite(description(w.ph_b, 20000)).sdp.ep()
        c.answer(200, description(prov.addr, outside.port))
        c.ack()
        sent = outside.burst(10, pub)
        expect('packets in, before any went out', inside.seqs(10), sent)
        expect('blocked by', [x for call in calls() for x in call.get('blocked_by', [])], [])
        c.bye()


def own_fax():
    """T.38 to the host's own address opens at once, and takes nothing that is no UDPTL."""
    with World(family) as w:
        phone, prov = w.phone(), w.provider()
        inside, outside = w.inside_media(20000), w.outside_media()
        c = Call(phone, prov, f'sip:{prov.user}@{prov.hp}')
        pub = c.invite(description(w.ph, 20000, 'image')).sdp.ep()
        c.answer(200, description(prov.addr, outside.port, 'image'))
        c.ack()
        outside.burst(3, pub, data=FAX)
        expect('UDPTL in', len(inside.seqs(3)), 3)
        for data in (DNS, SNMP, NTP):
            no_way(outside, pub, inside, 3, data=data)
        c.bye()


def own_media():
    with World(family) as w:
        t = Talk(w, w.phone(), w.provider(), w.inside_media(), w.outside_media())
        sent = t.outside.burst(10, t.pub)
        expect('packets in, before any went out', t.inside.seqs(10), sent)
        t.flow()
        t.call.bye()


def main():
    tap = Tap(f'{MODE} IPv{family}{", PBX" if pbx else ""}: ')

    def no(name, *args, **kw):
        tap.test('no hole: ' + name, hole, name, *args, **kw)

    no('name service of another host', names(victim, 53), blocked='below 1024')
    no('management of another host', names(victim, 161), blocked='below 1024')
    no('management of its own', names(lambda w: w.ph, 161), blocked='below 1024')
    no('SIP of another host', names(victim, 5060), blocked='of signalling')
    no('fax to a name service', names(victim, 53, media='image'), blocked='below 1024')
    no('fax to management', names(victim, 161, media='image'), blocked='below 1024')
    no('name service by a candidate', lambda w: (by_candidate(w.ph_b, 53), 53), blocked='below 1024')
    no('RTCP to a name service', lambda w: (description(w.ph, 24000, extra=f'a=rtcp:53 IN {V} {w.ph_b}\r\n'), 53),
       none=False, blocked='below 1024')
    no('name service of the gateway', names(GW_IN, 53), blocked='of this gateway')
    no('the gateway, a high port', names(GW_IN, 20000), blocked='of this gateway')
    no('the gateway by its public address', names(lambda w: w.gw, 20000), blocked='of this gateway')
    no('the gateway by a candidate', lambda w: (by_candidate(GW_IN, 20000), 20000))
    no('fax to the gateway', names(GW_IN, 20000, media='image'), blocked='of this gateway')
    no('loopback', names('::1' if family == 6 else '127.0.0.1', 20000))
    no('a group', names('ff02::fb' if family == 6 else '224.0.0.251', 5353))
    no('its own mapping as the far side', names(lambda w: w.ph, 24000), own_mapping, blocked='own public endpoint')
    no('a name service outside', names(lambda w: w.ph, 24000), remote(53), blocked='low_ports')
    no('management outside', names(lambda w: w.ph, 24000, media='image'), remote(161, 'image'), blocked='low_ports')
    if family == 4:
        no('broadcast', names('10.0.0.255', 5353))
        no('broadcast to all', names('255.255.255.255', 5353))
        no('IPv4-mapped, low port', names(lambda w: '::ffff:' + w.ph_b, 53, v='IP6'), blocked='below 1024')
        no('IPv4-mapped, the gateway', names('::ffff:10.0.0.1', 20000, v='IP6'), blocked='of this gateway')
        no('IPv4-mapped, broadcast', names('::ffff:10.0.0.255', 5353, v='IP6'))
    tap.test('own media', own_media)
    tap.test('own fax', own_fax)
    if pbx:
        tap.test('direct media opens at once', direct_media)
    else:
        said = 'sip.media_for_others'
        no('RTP to another host', names(victim, 20000), none=False, blocked=said)
        no('mDNS of another host', names(victim, 5353), none=False, blocked=said)
        no('fax to another host', names(victim, 5353, media='image'), none=False, blocked=said)
        no('another host by a candidate', lambda w: (by_candidate(w.ph_b, 20000), 20000), none=False, blocked=said)
        no('RTCP to another host', lambda w: (description(w.ph, 24000, extra=f'a=rtcp:5353 IN {V} {w.ph_b}\r\n'), 5353),
           none=False, blocked=said)
        if family == 4:
            no('IPv4-mapped, another host', names(lambda w: '::ffff:' + w.ph_b, 20000, v='IP6'), none=False, blocked=said)
        tap.test('another host opens with its own packet', other_host_sends)
        tap.test('what is said of it, while it holds', said_while_it_holds)
    tap.done()


main()
