# SPDX-License-Identifier: GPL-2.0-only
"""What every live scenario has: it runs under a capture of the WAN and ends with no call, no open pinhole
and no private address in the capture. The phones that take part, by name, are in phones."""
import contextlib
import time

from people import FAMILY, GW, THIRD, host
from phone import ENV
from ua import Failed, Tap, calls, expect, open_pinholes, reasons, wait_until
from wan import Capture

tap = Tap(f'IPv{FAMILY} ')
phones = {}


def end_phones():
    for p in list(phones.values()):
        p.stop()
    phones.clear()


def hang_up():
    for p in phones.values():
        for _ in range(3):
            with contextlib.suppress(Failed):
                p.hang_up()


def media_pinholes():
    return [p for p in open_pinholes() if p['call']]


def expect_pinholes(*pairs):
    """Per pair (inside phone, address of its peer): RTP and RTCP open, with the right ends."""
    def view():
        return sorted((host(p['inside']), host(p['outside']), p['classes'][0],
                       tuple(host(r) for r in p['remotes'])) for p in media_pinholes())
    wanted = sorted((phones[name].addr, GW, kind, (peer,)) for name, peer in pairs for kind in ('rtp', 'rtcp'))
    end = time.monotonic() + 3
    while view() != wanted and time.monotonic() < end:
        time.sleep(0.1)
    expect('open pinholes', view(), wanted)


def ended():
    wait_until('no pinhole is open, no call talks',
               lambda: not media_pinholes() and all(c['state'] == 'ending' for c in calls()), 4)


def scenario(name, fn, *args):
    def body():
        for p in phones.values():
            p.forget()
        before = reasons()
        try:
            with Capture('wan') as wan:
                check = fn(*args)
            ended()
        finally:
            hang_up()
            if ENV.get('VERBOSE'):
                print('#', dict(reasons() - before))
        wan.no_private()
        if check:
            check(wan)
    tap.test(name, body)


def pair(x, y):
    return [(phones[x], phones[y]), (phones[y], phones[x])]


def direct(wan):
    """RTP on the WAN is between the gateway and the third host, never with the provider."""
    expect('ends of the RTP on the WAN', set(wan.rtp()), {(GW, THIRD), (THIRD, GW)})
