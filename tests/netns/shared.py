# SPDX-License-Identifier: GPL-2.0-only
"""Several calls at one inside RTP endpoint: those of one phone share it, another host's call cannot take it."""
import sys

from ua import Call, Tap, Ua, calls, daemon_kill, daemon_start, expect, no_way, open_pinholes, sdp
from world import Talk, World

family = int(sys.argv.pop(1))


def restart():
    daemon_kill()
    daemon_start()


def third(w):
    return w.keep(Ua('third', w.third, 'carol'))


def hostile(w, to):
    """The second phone calls, and names the first phone's RTP endpoint as its own; the public endpoint it gets."""
    other = third(w)
    c = Call(w.phone('mallory', second=True), other, f'sip:x@{other.hp}')
    pub = c.invite(sdp(w.ph, 20000)).sdp.ep()
    c.answer(200, sdp(to.addr, to.port))
    c.ack()
    return c, pub


def names_anothers(killed):
    """Both ways on: the victim's call goes on as if nothing had happened, also after a restart."""
    with World(family) as w:
        t = Talk(w, w.phone(), w.provider(), w.inside_media(), w.outside_media())
        t.flow()
        accomplice = w.third_media(30100)
        c, pub = hostile(w, accomplice)
        if killed:
            restart()
        t.flow()
        no_way(accomplice, pub, t.inside)
        no_way(t.inside, (accomplice.addr, accomplice.port), accomplice)
        c.bye()
        t.flow()
        t.call.bye()


def names_it_first():
    """Who names a place that is free has to leave when its own host calls."""
    with World(family) as w:
        accomplice = w.third_media(30100)
        c, pub = hostile(w, accomplice)
        t = Talk(w, w.phone(), w.provider(), w.inside_media(), w.outside_media())
        t.flow()
        no_way(accomplice, pub, t.inside)
        c.bye()
        t.flow()
        t.call.bye()


def one_port(killed, newer_ends):
    """One phone, one RTP port, two calls to different peers: both have media, and who stays keeps it."""
    with World(family) as w:
        phone, inside = w.phone(), w.inside_media()
        old = Talk(w, phone, w.provider(), inside, w.outside_media())
        old.flow()
        new = Talk(w, phone, third(w), inside, w.third_media())
        expect('public endpoint of the second call', new.pub, old.pub)
        for _ in range(2):
            old.flow()
            new.flow()
            if killed:
                restart()
        expect('pinholes shown, by call', len({m['pinhole'] for c in calls() for m in c['media']}), 2)
        first, stays = (new, old) if newer_ends else (old, new)
        first.call.bye()
        stays.flow()
        no_way(first.outside, first.pub, inside)
        if killed:
            restart()
        stays.flow()
        stays.call.bye()
        expect('open pinholes of calls', [p for p in open_pinholes() if p.get('call')], [])


tap = Tap(f'IPv{family}: ')
for k in False, True:
    name = ', with kill -9 in between' if k else ''
    tap.test(f"a call that names another phone's endpoint{name}", names_anothers, k)
    for n in True, False:
        tap.test(f'two calls, one RTP port, the {"newer" if n else "older"} ends first{name}', one_port, k, n)
tap.test("a call that names another phone's endpoint first", names_it_first)
tap.done()
