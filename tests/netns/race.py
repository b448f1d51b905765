# SPDX-License-Identifier: GPL-2.0-only
"""Media around the instant in which signalling opens its way: before, together with, behind the
message that matters, many times over. What is sent with the message or behind it arrives, once;
whatever comes before it neither opens anything nor shows an inside address outside."""
import random
import struct
import sys
import time

from ua import ENV, Call, Failed, MODE, Tap, bracket, counts, expect, rtp, sdp
from world import World

family, ROUNDS = int(sys.argv.pop(1)), 40
PING = struct.pack('>BBHI', 0x80, 204, 3, 0x1234) + b'PINGPONG'  # what baresip sends to open a NAT


def call(w, phone, prov, out, offer):
    a, b = (phone, prov) if out else (prov, phone)
    host = w.prov if out else w.public(w.ph)
    c = Call(a, b, f'sip:x@{bracket(host)}', wire=(host, 5060))
    return c, c.invite(offer).sdp.ep()


def answered(c, r):
    c.la.remote_tag, c.la.target = r.tag('To'), r.contact_uri
    c._leg_b()
    c.ack()


def with_answer(out, rtcp):
    """The answerer's packets in the same instant as its 200."""
    lost = []
    with World(family) as w:
        phone, prov = w.phone(), w.provider()
        for k in range(ROUNDS):
            ip, op, off = 20000 + 4 * k, 30000 + 4 * k, 1 if rtcp else 0
            m, o = w.inside_media(ip + off), w.outside_media(op + off)
            sender, receiver, answer = (o, m, sdp(w.prov, op)) if out else (m, o, sdp(w.ph, ip))
            c, seen = call(w, phone, prov, out, sdp(w.ph, ip) if out else sdp(w.prov, op))
            c.answer(200, answer, wait=False)
            time.sleep(random.choice((0, 0, 0.0001, 0.0003, 0.001)))
            for seq in (1, 2, 3):
                sender.send(PING + bytes([0, 0, 0, seq]) if rtcp else rtp(seq), (seen[0], seen[1] + off))
            answered(c, c.a.want(200, c.id))
            got = receiver.seqs(3, timeout=0.5, quiet=0.005)
            if len(got) != 3:
                lost.append((k, len(got)))
            elif not out:
                expect('source', {s[0] for s in receiver.sources}, {w.public(w.ph)})
            c.bye()
    if lost:
        raise Failed(f'{len(lost)} of {ROUNDS} calls lost or doubled packets: (round, arrived of 3) {lost[:10]}')


def before_answer():
    """Packets of the inside host before its 200: nothing of them on the WAN from an inside address."""
    with World(family) as w:
        phone, prov = w.phone(), w.provider()
        for k in range(ROUNDS):
            ip, op = 20000 + 4 * k, 30000 + 4 * k
            m, o = w.inside_media(ip + 1), w.outside_media(op + 1)
            c, seen = call(w, phone, prov, False, sdp(w.prov, op))
            if k % 2:
                c.answer(180, wait=False)
            m.send(PING, (seen[0], seen[1] + 1))
            c.answer(200, sdp(w.ph, ip), wait=False)
            answered(c, c.a.want(200, c.id))
            got = o.seqs(0, quiet=0.01)
            if len(got) > 1:
                raise Failed(f'one packet was sent, {len(got)} arrived')
            leaked = {s for s in o.sources if s[0] != w.public(w.ph)}
            if leaked:
                raise Failed(f'the WAN saw {leaked} in round {k}')
            c.bye()


def reinvite(out):
    """A re-INVITE moves the answerer's media; it sends from the new port together with its 200."""
    with World(family) as w:
        phone, prov, m, o = w.phone(), w.provider(), w.inside_media(20000), w.outside_media(30000)
        c, _ = call(w, phone, prov, out, sdp(w.ph, 20000) if out else sdp(w.prov, 30000))
        c.answer(200, sdp(w.prov, 30000) if out else sdp(w.ph, 20000))
        c.ack()
        for k in range(ROUNDS // 2):
            ip, op = 20000 + 4 * (k if not out else 0), 30000 + 4 * (k if out else 0)
            sender = w.outside_media(op) if out and k else w.inside_media(ip) if k else (o if out else m)
            offer, answer = (sdp(w.ph, 20000), sdp(w.prov, op)) if out else (sdp(w.prov, 30000), sdp(w.ph, ip))
            c.la.request('INVITE', offer)
            req = c.b.want('INVITE', c.id_b)
            c.b.respond(req, 200, body=answer)
            to = req.sdp.ep()
            for seq in (1, 2, 3):
                sender.send(rtp(seq), to)
            c.a.want(200, c.id)
            c.la.request('ACK', cseq=c.la.cseq)
            c.b.want('ACK', c.id_b)
            expect(f'packets with the 200 of re-INVITE {k}', sorted((m if out else o).seqs(3, 0.5, 0.005)), [1, 2, 3])
        c.bye()


def nothing_parked_for_ever():
    """Long after the last message a packet to a closed port is dropped at once, not parked."""
    with World(family) as w:
        o = w.outside_media(31000)
        time.sleep(0.5)
        with counts(media_parked=(0,)):
            o.burst(10, (w.public(w.ph), 20000))
            o.burst(10, (w.public(w.ph), 17776))


tap = Tap(f'{MODE} IPv{family} csum {ENV["LAB_CSUM"]}: ')
for out in (True, False):
    way = 'out' if out else 'in'
    tap.test(f'RTP together with the 200, call {way}', with_answer, out, False)
    tap.test(f'RTCP together with the 200, call {way}', with_answer, out, True)
    tap.test(f'RTP from a new port together with the 200 of a re-INVITE, call {way}', reinvite, out)
if MODE == 'nat':
    tap.test('RTCP before the 200 shows no inside address', before_answer)
tap.test('nothing is parked without signalling under way', nothing_parked_for_ever)
tap.done()
