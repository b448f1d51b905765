# SPDX-License-Identifier: GPL-2.0-only
"""What must not pass: wrong hosts, wrong ports, what is no media, media without a call or after it."""
import contextlib
import socket
import struct
import subprocess
import sys

from ua import Call, Failed, MODE, PLAIN, Tap, Ua, bracket, counts, expect, no_way, open_pinholes, rtp, sdp
from world import Talk, World

family = int(sys.argv.pop(1))


def talk(w, out=True, **kw):
    return Talk(w, w.phone(), w.provider(), w.inside_media(), w.outside_media(), out=out, **kw)


def after_bye(out, by_b):
    """A sender that goes on after BYE: nothing passes any more, in both directions."""
    with World(family) as w:
        t = talk(w, out)
        t.flow(10)
        t.call.bye(by_b=by_b)
        with counts(pinhole_closed=20):
            no_way(t.outside, t.pub, t.inside, 10)
            no_way(t.inside, t.far, t.outside, 10)


def next_packet_after_bye():
    """Media flows while BYE passes: what is sent after the BYE has reached the far side is dropped."""
    with World(family) as w:
        t = talk(w)
        t.flow(5)
        c = t.call
        c.la.request('BYE')
        req = c.b.want('BYE', c.id_b)
        last_in, last_out = t.outside.seq, t.inside.seq
        t.outside.burst(20, t.pub)
        t.inside.burst(20, t.far)
        late_in = [s for s in t.inside.seqs(0) if s >= last_in]
        late_out = [s for s in t.outside.seqs(0) if s >= last_out]
        c.b.respond(req, 200, contact=False)
        c.a.want(200, c.id)
        if not PLAIN:
            expect('packets that came in after the BYE', late_in, [])
            expect('packets that went out after the BYE', late_out, [])


def wrong_host():
    with World(family) as w:
        t, third = talk(w), w.third_media()
        t.flow(3)
        with counts(wrong_source=10):
            no_way(third, t.pub, t.inside, 10)
        # and RTP with the right SSRC and sequence from there does not help it
        third.ssrc, third.seq = t.outside.ssrc, t.outside.seq
        no_way(third, t.pub, t.inside, 5)
        t.flow(5)
        t.call.bye()


def wrong_host_first():
    """Somebody else is first at the open port: he does not get it, and the real one is not shut out."""
    with World(family) as w:
        t, third = talk(w), w.third_media()
        no_way(third, t.pub, t.inside, 10)
        t.flow(10)
        t.call.bye()


def wrong_source_port():
    with World(family) as w:
        t, other = talk(w), w.outside_media(30500)
        with counts(wrong_source=10):
            no_way(other, t.pub, t.inside, 10)
        t.flow(5)
        t.call.bye()


def wrong_destination_port():
    """Ports beside the open ones, and every guarded port while no call is up."""
    with World(family) as w:
        t = talk(w)
        beside = [w.inside_media(t.inside.port + d) for d in (2, 3, 4)] if MODE != 'nat' else []
        with counts(no_pinhole=10):
            for d in (2, 3, 4, 100, 5000):
                t.outside.burst(2, (t.pub[0], t.pub[1] + d))
        for m in beside + [t.inside]:
            expect('packets to other ports', m.seqs(0, quiet=0.1), [] if not PLAIN else m.packets and [])
        t.call.bye()


def inside_elsewhere():
    """Media from inside to a host and to a port that were not agreed on."""
    with World(family) as w:
        t, third, other = talk(w), w.third_media(), w.outside_media(30600)
        with counts(wrong_destination=10):
            no_way(t.inside, (third.addr, third.port), third, 5)
            no_way(t.inside, (other.addr, other.port), other, 5)
        t.flow(5)
        t.call.bye()


def not_media(name, data, reason):
    with World(family) as w:
        t = talk(w)
        t.flow(3)
        with counts(**{reason: 10}):
            no_way(t.outside, t.pub, t.inside, 10, data=data)
        t.flow(3)
        with counts(**{reason: 10}):
            no_way(t.inside, t.far, t.outside, 10, data=data)
        t.flow(3)
        t.call.bye()


def before_any_call():
    """RTP of a private host that no call agreed on: not with its private address on the WAN. Other
    traffic, and what the host's own NAT rules translate, is none of our business."""
    with World(family) as w:
        inside, outside = w.inside_media(port=22000), w.outside_media()
        to = (outside.addr, outside.port)
        with counts(untranslated=5):
            no_way(inside, to, outside)
        inside.send(b'a question of another protocol', to)
        expect('other UDP', outside.recv(2)[0], b'a question of another protocol')
        nft('add table inet t; add chain inet t p { type nat hook postrouting priority 100; }; '
            'add rule inet t p oifname w0 masquerade')
        try:
            inside.send(b'now translated', to)
            data, src = outside.recv(2)
            expect('translated by the host', (data, src[0]), (b'now translated', w.gw))
            inside.burst(3, to)
            expect('RTP translated by the host', len(outside.seqs(3)), 3)
        finally:
            nft('delete table inet t')


def nft(rules):
    subprocess.run(['nsenter', '--net=/run/netns/gw', '--', 'nft', rules], check=True, timeout=10)


def rtcp():
    """RTCP has its own port pair, passes both ways and closes with the call."""
    with World(family) as w:
        t = talk(w)
        ic, oc = w.inside_media(t.inside.port + 1), w.outside_media(t.outside.port + 1)
        report = struct.pack('>BBHI', 0x80, 201, 1, 0x1234)
        pub, far = (t.pub[0], t.pub[1] + 1), (t.far[0], t.far[1] + 1)
        oc.burst(3, pub, data=report)
        expect('RTCP in', len(ic.seqs(3)), 3)
        ic.burst(3, far, data=report)
        expect('RTCP out', len(oc.seqs(3)), 3)
        no_way(oc, pub, ic, 3, data=rtp(1))  # RTP on the RTCP port
        t.call.bye()
        no_way(oc, pub, ic, 3, data=report)


def rtcp_mux():
    with World(family) as w:
        t = talk(w, inside_extra='a=rtcp-mux\r\n', outside_extra='a=rtcp-mux\r\n')
        report = struct.pack('>BBHI', 0x80, 201, 1, 0x1234)
        t.outside.burst(3, t.pub, data=report)
        expect('RTCP in on the RTP port', len(t.inside.seqs(3)), 3)
        t.inside.burst(3, t.far, data=report)
        expect('RTCP out on the RTP port', len(t.outside.seqs(3)), 3)
        t.flow(5)
        t.call.bye()


def rtcp_attribute():
    """a=rtcp names another port, and the WAN sees no inside address in it."""
    with World(family) as w:
        v = 'IP6' if family == 6 else 'IP4'
        extra = f'a=rtcp:24001 IN {v} {w.ph}\r\n'
        t = talk(w, inside_extra=extra)
        ic, oc = w.inside_media(24001), w.outside_media(t.outside.port + 1)
        seen = t.call.invite_at_b.sdp.media[0]['rtcp']
        if seen is None:
            raise Failed('a=rtcp is gone from the offer')
        host, port = seen
        expect('address in a=rtcp', host, w.public(w.ph))
        report = struct.pack('>BBHI', 0x80, 201, 1, 0x1234)
        oc.burst(3, (host, port), data=report)
        expect('RTCP in', len(ic.seqs(3)), 3)
        t.call.bye()


def no_call():
    """Without any call every guarded port is closed, whatever comes."""
    with World(family) as w:
        host = w.public(w.ph)
        o = w.outside_media()
        ins = [w.inside_media(p) for p in (17000, 26000, 29998)]
        with counts(no_pinhole=9):
            for p in (17000, 26000, 29998):
                o.burst(3, (host, p))
        for m in ins:
            expect('packets that arrived', m.seqs(0, quiet=0.1), [])


def fragments_to_media():
    """A fragmented datagram to an open media port does not pass."""
    with World(family) as w:
        t = talk(w)
        with counts(media_fragment=1):
            no_way(t.outside, t.pub, t.inside, 1, data=rtp(1, size=3000))
        t.call.bye()


def odd_sizes():
    """Every payload length from the smallest RTP to the MTU arrives intact, both ways."""
    with World(family) as w:
        t = talk(w)
        for size in (0, 1, 2, 3, 7, 159, 160, 161, 511, 1000, 1431 if family == 6 else 1451):
            a, b = rtp(7, size=size), rtp(9, size=size)
            t.outside.send(a, t.pub)
            t.inside.send(b, t.far)
            got_in, got_out = t.inside.recv(1), t.outside.recv(1)
            expect(f'in, {size} bytes', got_in and got_in[0], a)
            expect(f'out, {size} bytes', got_out and got_out[0], b)
        t.call.bye()


def unknown_peer():
    """A stranger's INVITE reaches nobody and opens nothing."""
    with World(family) as w:
        phone = w.phone()
        host = w.public(w.ph)
        with in_third(w) as mallory:
            c = Call(mallory, phone, f'sip:alice@{bracket(host)}:5060', wire=(host, 5060))
            before = len(open_pinholes())
            with counts(sip_unknown_peer=1):
                c.la.request('INVITE', sdp(w.third, 40000))
                phone.nothing(0.3)
            expect('pinholes opened by a stranger', len(open_pinholes()), before)


def in_third(w):
    return contextlib.closing(Ua('third', w.third, 'mallory', 5060))


def foreign_bye():
    """A BYE with guessed tags, from elsewhere, does not close the call."""
    with World(family) as w:
        t = talk(w)
        t.flow(3)
        host = w.public(w.ph)
        with in_third(w) as mallory:
            lines = (f'BYE sip:alice@{bracket(host)}:5060 SIP/2.0\r\nVia: SIP/2.0/UDP {bracket(w.third)}:5060;'
                     f'branch=z9hG4bKx1\r\nMax-Forwards: 70\r\nFrom: <sip:bob@example.net>;tag={t.call.b_tag}\r\n'
                     f'To: <sip:alice@example.org>;tag={t.call.la.local_tag}\r\nCall-ID: {t.call.id}\r\n'
                     f'CSeq: 900 BYE\r\nContent-Length: 0\r\n\r\n')
            mallory.send(lines.encode(), (host, 5060))
            if MODE != 'routed':
                t.call.a.nothing(0.3)
            else:
                t.call.a.drain(0.3)
        t.flow(5)
        t.call.bye()


def third_host_media():
    """Media from a host other than the signaller."""
    with World(family) as w:
        third = w.third_media()
        t = Talk(w, w.phone(), w.provider(), w.inside_media(), third)
        t.flow(20)
        stranger = w.outside_media(30000)
        no_way(stranger, t.pub, t.inside, 5)
        t.call.bye()


def signalling_port_as_media():
    """An SDP that names another host's SIP port takes its signalling away neither during the call nor after it."""
    with World(family) as w:
        prov, victim, rogue = w.provider(), w.phone('alice'), w.phone('mallory', second=True)
        media = w.inside_media(), w.outside_media()
        Talk(w, victim, prov, *media).call.bye()
        c = Call(rogue, prov, f'sip:{prov.user}@{prov.hp}')
        c.invite(sdp(victim.addr, victim.port))
        c.answer(200, sdp(prov.addr, 31000), wait=False)
        rogue.get(lambda m: m.status == 200, timeout=0.5)
        Talk(w, victim, prov, *media).call.bye()
        Talk(w, victim, prov, *media, out=False).call.bye()
        c.la.remote_tag = c.b_tag
        c.la.request('BYE')
        prov.get(lambda m: m.method == 'BYE' and m.call_id == c.id_b, timeout=1)
        Talk(w, victim, prov, *media).call.bye()
        Talk(w, victim, prov, *media, out=False).call.bye()


def equal_ports():
    """Two phones with the same RTP port and the same SIP port, to the same peer."""
    with World(family) as w:
        prov = w.provider()
        a, b = w.phone('alice'), w.phone('carol', second=True)
        ta = Talk(w, a, prov, w.inside_media(20000), w.outside_media(30000))
        tb = Talk(w, b, prov, w.inside_media(20000, second=True), w.outside_media(31000))
        if ta.pub == tb.pub:
            raise Failed('both phones got the same public port')
        ta.flow(10)
        tb.flow(10)
        ta.call.bye()
        no_way(ta.outside, ta.pub, ta.inside)
        tb.flow(10)
        tb.call.bye(by_b=True)


def port_kept():
    """The inside port number is kept where it is free and in the range, and stays even."""
    with World(family) as w:
        t = Talk(w, w.phone(), w.provider(), w.inside_media(23456), w.outside_media())
        expect('public port', t.pub[1], 23456)
        t.call.bye()
        t2 = Talk(w, t.phone, t.prov, w.inside_media(40000), w.outside_media(33000))
        if not 10000 <= t2.pub[1] <= 29999 or t2.pub[1] % 2:
            raise Failed(f'public port {t2.pub[1]} for 40000 is outside the range or odd')
        t2.flow(5)
        t2.call.bye()


def two_streams():
    """Audio and video in one offer, each with its own pinholes; port 0 closes one of them."""
    with World(family) as w:
        phone, prov = w.phone(), w.provider()
        a_in, v_in, a_out, v_out = w.inside_media(20000), w.inside_media(20010), w.outside_media(30000), \
            w.outside_media(30010)

        def two(addr, ap, vp):
            return sdp(addr, ap) + (f'm=video {vp} RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n').encode()

        c = Call(phone, prov, f'sip:bob@{prov.hp}')
        offer = c.invite(two(w.ph, 20000, 20010)).sdp
        c.answer(200, two(w.prov, 30000, 30010))
        c.ack()
        for i, (x, y) in enumerate(((a_in, a_out), (v_in, v_out))):
            pt = 96 if i else 0
            sent = y.burst(10, offer.ep(i), pt=pt)
            expect(f'stream {i} in', x.seqs(10), sent)
            sent = x.burst(10, (y.addr, y.port), pt=pt)
            expect(f'stream {i} out', y.seqs(10), sent)
        c.within('INVITE', two(w.ph, 20000, 0), answer=two(w.prov, 30000, 0))
        no_way(v_out, offer.ep(1), v_in)
        no_way(v_in, (v_out.addr, v_out.port), v_out)
        sent = a_out.burst(5, offer.ep(0))
        expect('audio goes on', a_in.seqs(5), sent)
        c.bye()


def media_c_line():
    """c= at the media level only."""
    with World(family) as w:
        phone, prov, i, o = w.phone(), w.provider(), w.inside_media(), w.outside_media()
        c = Call(phone, prov, f'sip:bob@{prov.hp}')
        seen = c.invite(sdp(i.addr, i.port, session_c=False)).sdp.ep()
        c.answer(200, sdp(o.addr, o.port, session_c=False))
        c.ack()
        o.burst(5, seen)
        expect('RTP in', len(i.seqs(5)), 5)
        c.bye()


def no_error_to_the_sender():
    """What is dropped and what is held of this host's own: to the program that sends, all went well."""
    with World(family) as w:
        phone, prov, i, o = w.phone(), w.provider(), w.inside_media(20700), w.outside_media()
        level, recverr = (socket.IPPROTO_IPV6, 25) if family == 6 else (socket.IPPROTO_IP, 11)
        for e in phone, i:  # else the kernel does not tell everything
            e.sock.setsockopt(level, recverr, 1)
        with counts(sip_held=1):
            c = Call(phone, prov, f'sip:bob@{prov.hp}')
            c.invite(sdp(i.addr, i.port))
        c.answer(200, sdp(o.addr, o.port))
        c.ack()
        c.bye()
        with counts(pinhole_closed=10):
            no_way(i, (o.addr, o.port), o, 10)


GARBAGE = [
    ('text', b'G' * 172, 'not_media'),
    ('zeros', bytes(172), 'not_media'),
    ('an empty datagram', b'', 'not_media'),
    ('11 bytes of RTP', rtp(1)[:11], 'not_media'),
    ('STUN where none was agreed', struct.pack('>HHI', 1, 0, 0x2112a442) + b'abcdefghijkl', 'wrong_class'),
    ('DTLS where none was agreed', b'\x16\xfe\xff' + bytes(60), 'wrong_class'),
    ('RTP of a payload type not agreed on', rtp(1, pt=77), 'wrong_payload_type'),
]

tap = Tap(f'{MODE} IPv{family}: ')
for out, by_b in ((True, False), (True, True), (False, False), (False, True)):
    tap.test(f'media after BYE of the {"callee" if by_b else "caller"}, call {"out" if out else "in"}', after_bye, out,
             by_b)
tap.test('the next packet after BYE', next_packet_after_bye)
tap.test('wrong host', wrong_host)
tap.test('wrong host before the right one', wrong_host_first)
tap.test('wrong source port', wrong_source_port)
tap.test('wrong destination port', wrong_destination_port)
tap.test('media from inside to elsewhere', inside_elsewhere)
for name, data, reason in GARBAGE:
    tap.test(f'{name}', not_media, name, data, reason)
tap.test('RTCP on its own port', rtcp)
tap.test('RTCP on the RTP port (rtcp-mux)', rtcp_mux)
tap.test('a=rtcp', rtcp_attribute)
tap.test('no call, no port', no_call)
if MODE == 'nat':
    tap.test('media from inside before any call', before_any_call)
tap.test('fragments to a media port', fragments_to_media)
tap.test('odd sizes', odd_sizes)
if MODE == 'host':
    tap.test('no error to a local sender', no_error_to_the_sender)
else:
    tap.test('an unknown peer', unknown_peer)
tap.test('BYE from a stranger', foreign_bye)
tap.test('media from a host other than the signaller', third_host_media)
if MODE != 'host':
    tap.test('two phones with equal ports', equal_ports)
    tap.test('a SIP port named as that of media', signalling_port_as_media)
if MODE == 'nat':
    tap.test('port number kept or in the range', port_kept)
tap.test('two streams, one closed by port 0', two_streams)
tap.test('c= at the media level', media_c_line)
tap.done()
