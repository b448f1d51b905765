# SPDX-License-Identifier: GPL-2.0-only
"""Calls both ways, message by message, with media counted from the first packet on."""
import sys

from ua import Call, Failed, MODE, Tap, both_ways, bracket, expect, no_way, sdp
from world import Talk, World

def people(w, **kw):
    return w.phone(**kw), w.provider(), w.inside_media(), w.outside_media()


def basic(family, out, by_b):
    with World(family) as w:
        t = Talk(w, *people(w), out=out)
        t.check_public()
        t.flow()
        t.call.bye(by_b=by_b)


def media_at_once(family, out, gap):
    """The answerer sends media before anybody has seen its 200, the caller at once when it has the 200."""
    with World(family) as w:
        t = Talk(w, *people(w), out=out, race=10, race_gap=gap)
        sender, receiver = (t.outside, t.inside) if out else (t.inside, t.outside)
        # Those that overtook the 200 are judged behind it, while later ones pass by: none lost, order may differ.
        expect('packets sent behind the 200', sorted(receiver.seqs(10)), t.raced)
        back = receiver.burst(10, t.far if out else t.pub)
        expect('packets sent on the 200', sender.seqs(10), back)
        t.flow(5)
        t.call.bye()


def early(family, out):
    with World(family) as w:
        t = Talk(w, *people(w), out=out, early=True)
        t.flow(15)
        c = t.call
        answerer = t.outside if out else t.inside
        c.answer(200, sdp(answerer.addr, answerer.port))
        c.ack()
        t.flow(15)
        c.bye()


def cancel(family, out):
    with World(family) as w:
        t = Talk(w, *people(w), out=out, early=True)
        t.flow(5)
        c = t.call
        c.cancel()
        r = c.answer(487)
        c.failure_ack(r)
        no_way(t.outside, t.pub, t.inside)
        no_way(t.inside, t.far, t.outside)


def cancel_ringing(family, out):
    with World(family) as w:
        phone, prov, inside, outside = people(w)
        a, b, m = (phone, prov, inside) if out else (prov, phone, outside)
        host = prov.addr if out else w.public(phone.addr)
        c = Call(a, b, f'sip:x@{bracket(host)}', wire=(host, 5060))
        c.invite(sdp(m.addr, m.port))
        c.answer(180)
        c.cancel()
        c.failure_ack(c.answer(487))
        a.nothing()
        b.nothing()


def reject(family, out):
    with World(family) as w:
        phone, prov, inside, outside = people(w)
        a, b, m = (phone, prov, inside) if out else (prov, phone, outside)
        host = prov.addr if out else w.public(phone.addr)
        c = Call(a, b, f'sip:x@{bracket(host)}', wire=(host, 5060))
        seen = c.invite(sdp(m.addr, m.port)).sdp.ep()
        c.answer(180)
        c.failure_ack(c.answer(486))
        if out:
            no_way(outside, seen, inside)


def hold(family, out, direction):
    """The caller holds with a re-INVITE and resumes."""
    with World(family) as w:
        t = Talk(w, *people(w), out=out)
        t.flow(5)
        c = t.call
        holder, held = (t.inside, t.outside) if out else (t.outside, t.inside)
        to_holder, to_held = (t.pub, t.far) if out else (t.far, t.pub)
        answer = {'sendonly': 'recvonly', 'inactive': 'inactive'}[direction]
        c.within('INVITE', sdp(holder.addr, holder.port, direction), answer=sdp(held.addr, held.port, answer))
        no_way(held, to_holder, holder)
        if direction == 'sendonly':
            sent = holder.burst(5, to_held)
            expect('music on hold', held.seqs(5), sent)
        else:
            no_way(holder, to_held, held)
        c.within('INVITE', sdp(holder.addr, holder.port), answer=sdp(held.addr, held.port))
        t.flow(10)
        c.bye()


def new_port(family, out):
    """A re-INVITE moves the caller's media: the new port works from the first packet, the old one is closed."""
    with World(family) as w:
        t = Talk(w, *people(w), out=out)
        t.flow(5)
        old_pub, old_far, old_in, old_out = t.pub, t.far, t.inside, t.outside
        if out:
            t.inside = w.inside_media(22000)
            req, res = t.call.within('INVITE', sdp(t.inside.addr, 22000), answer=sdp(t.outside.addr, t.outside.port))
            t.pub = req.sdp.ep()
        else:
            t.outside = w.outside_media(32000)
            req, res = t.call.within('INVITE', sdp(t.outside.addr, 32000), answer=sdp(t.inside.addr, t.inside.port))
            t.far = req.sdp.ep()
        t.flow(10)
        if out:
            no_way(t.outside, old_pub, old_in)
            no_way(old_in, t.far, t.outside)
        else:
            no_way(old_out, t.pub, t.inside)
            no_way(t.inside, old_far, old_out)
        t.call.bye()


def late_offer(family, out):
    with World(family) as w:
        phone, prov, inside, outside = people(w)
        a, b, ma, mb = (phone, prov, inside, outside) if out else (prov, phone, outside, inside)
        host = prov.addr if out else w.public(phone.addr)
        c = Call(a, b, f'sip:x@{bracket(host)}', wire=(host, 5060))
        c.invite()
        seen_at_a = c.answer(200, sdp(mb.addr, mb.port)).sdp.ep()
        seen_at_b = c.ack(sdp(ma.addr, ma.port)).sdp.ep()
        pub = seen_at_b if out else seen_at_a
        both_ways(ma, seen_at_a, mb, seen_at_b, 20, x_from=seen_at_b if out else None,
                  y_from=None if out else seen_at_a)
        expect('public address', pub[0], w.public(inside.addr))
        c.bye()


def many(family, out, n=20):
    """n calls at once between the same two SIP ports."""
    with World(family) as w:
        phone, prov = w.phone(), w.provider()
        talks = [Talk(w, phone, prov, w.inside_media(20000 + 4 * i), w.outside_media(30000 + 4 * i), out=out)
                 for i in range(n)]
        if len({t.pub for t in talks}) != n:
            raise Failed('two calls share a public port')
        for t in talks:
            t.inside.burst(5, t.far)
            t.outside.burst(5, t.pub)
        for t in talks:
            expect('RTP in', len(t.inside.seqs(5, quiet=0.01)), 5)
            expect('RTP out', len(t.outside.seqs(5, quiet=0.01)), 5)
        talks[3].call.bye()
        no_way(talks[3].outside, talks[3].pub, talks[3].inside)
        for t in talks[:3] + talks[4:]:
            t.inside.burst(2, t.far)
            t.outside.burst(2, t.pub)
        for t in talks[:3] + talks[4:]:
            expect('RTP in after the BYE of another call', len(t.inside.seqs(2, quiet=0.01)), 2)
            expect('RTP out after the BYE of another call', len(t.outside.seqs(2, quiet=0.01)), 2)
            t.call.bye(by_b=True)


TESTS = [
    ('basic, caller hangs up', basic, False),
    ('basic, callee hangs up', basic, True),
    ('media in the instant of the answer', media_at_once, 0),
    ('media one packet time behind the answer', media_at_once, 0.02),
    ('early media', early),
    ('cancel while ringing', cancel_ringing),
    ('cancel with early media', cancel),
    ('reject', reject),
    ('hold sendonly and resume', hold, 'sendonly'),
    ('hold inactive and resume', hold, 'inactive'),
    ('re-INVITE with a new port', new_port),
    ('late offer', late_offer),
    ('20 calls at once', many),
]
family = int(sys.argv.pop(1))
tap = Tap(f'{MODE} IPv{family} ')
for way in ('out', 'in'):
    for name, fn, *args in TESTS:
        tap.test(f'{way}: {name}', fn, family, way == 'out', *args)
tap.done()
