# SPDX-License-Identifier: GPL-2.0-only
"""One step of test_identity.sh: identity.py STEP [FILE]."""
import sys

from ua import Tap, calls, expect, rf
from world import Talk, World


def talk(w):
    return Talk(w, w.phone(), w.provider(), w.inside_media(), w.outside_media())


def states():
    return [c['state'] for c in calls() if c['state'] != 'ending']


def a_call():
    """A whole call: the controller that answers works on the programs that run."""
    with World(4) as w:
        t = talk(w)
        t.flow(5)
        t.call.bye()


def leave_call():
    """A call that nobody ends."""
    with World(4) as w:
        talk(w).flow(5)
    expect('calls', states(), ['talking'])


def no_call():
    expect('calls', states(), [])
    expect('open pinholes', [p for p in rf('pinhole', 'show')['pinholes'] if 'sip' not in p['classes']], [])


def one_call():
    expect('calls', states(), ['talking'])


STEPS = {'call': a_call, 'leave': leave_call, 'none': no_call, 'one': one_call}
tap = Tap('')
tap.only = None
tap.test(' '.join(sys.argv[2:]) or sys.argv[1], STEPS[sys.argv[1]])
tap.done()
