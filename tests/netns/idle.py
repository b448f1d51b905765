# SPDX-License-Identifier: GPL-2.0-only
"""Calls whose ends have died without a word: they end by media_idle, those on hold do not."""
import time

from ua import ENV, Failed, Tap, calls, daemon_kill, daemon_start, expect, no_way, sdp, wait_until
from world import Talk, World


def states():
    return {c['call_id']: c['state'] for c in calls()}



def dies(family):
    with World(family) as w:
        phone, prov = w.phone(), w.provider()
        t = Talk(w, phone, prov, w.inside_media(20000), w.outside_media(30000), call_id='dies')
        h = Talk(w, phone, prov, w.inside_media(20100), w.outside_media(30100), call_id='held')
        h.call.within('INVITE', sdp(w.ph, 20100, 'inactive'), answer=sdp(w.prov, 30100, 'inactive'))
        t.flow(5)
        wait_until('the silent call ends', lambda: states().get('dies') == 'ending', 20)
        with open(ENV['RF_LOG']) as f:
            if not [line for line in f if 'no media either way (media_idle)' in line]:
                raise Failed('the log does not say why')
        expect('the call on hold', states().get('held'), 'held')
        no_way(t.outside, t.pub, t.inside)
        no_way(t.inside, t.far, t.outside)
        t.call.bye(by_b=True)  # late, but it passes
        h.call.within('INVITE', sdp(w.ph, 20100), answer=sdp(w.prov, 30100))
        h.flow(5)
        h.call.bye()


def restarted():
    """Killed while the media dies: the next one ends the call."""
    with World(4) as w:
        t = Talk(w, w.phone(), w.provider(), w.inside_media(20200), w.outside_media(30200), call_id='restart')
        t.flow(5)
        daemon_kill(9)
        time.sleep(1)
        daemon_start()
        wait_until('the silent call ends', lambda: states().get('restart') == 'ending', 20)
        t.call.bye()


tap = Tap('media_idle: ')
for fam in (4, 6):
    tap.test(f'silence ends a call, IPv{fam}', dies, fam)
tap.test('after a restart, too', restarted)
tap.done()
