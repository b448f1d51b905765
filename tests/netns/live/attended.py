# SPDX-License-Identifier: GPL-2.0-only
"""Attended transfer (RFC 5589 7.3) by scripted phones through kamailio; by real ones it is in linphones.py.

alice and bob are behind the gateway, carol is outside. alice talks with carol, puts her on hold, asks
bob, and sends carol to bob in her place: REFER with Replaces. Call-IDs hold the phones' own addresses.
"""
import re
import urllib.parse

from people import ALICE, BOB, FAMILY, GW, PROV, THIRD, host, uri
from ua import Call, Failed, Leg, Media, Tap, Ua, both_ways, bracket, calls, expect, no_way, open_pinholes, sdp, token, wait_until
from wan import Capture

WIRE = (PROV, 5060)


def register(ua):
    aor = uri(ua.user)
    leg = Leg(ua, f'{token("r")}@{bracket(ua.addr)}', aor, aor, f'sip:{bracket(PROV)}', WIRE)
    leg.local_tag = token('r')
    leg.request('REGISTER', extra=(('Contact', f'<{ua.uri}>'), ('Expires', '60')))
    ua.want(200, leg.call_id)


def talk(a, b, x, y, extra=()):
    """A call through the proxy; x, y: media of both. Returns it, where x sends to, where y sends to."""
    c = Call(a, b, uri(b.user), WIRE, call_id=f'{token("c")}@{bracket(a.addr)}', from_uri=uri(a.user),
             to_uri=uri(b.user))
    inv = c.invite(sdp(x.addr, x.port), extra)
    res = c.answer(200, sdp(y.addr, y.port))
    c.la.route, c.la.wire = res.all('Record-Route')[::-1], WIRE
    c.lb.route, c.lb.wire = inv.all('Record-Route'), WIRE
    c.ack()
    both_ways(x, res.sdp.ep(), y, inv.sdp.ep(), 10)
    return c, res.sdp.ep(), inv.sdp.ep()


def media_pinholes():
    return sorted((host(p['inside']), host(p['remotes'][0])) for p in open_pinholes()
                  if p['call'] and p['classes'] == ['rtp'])


def attended(alice, bob, carol, m):
    to_carol, carol_ep, _ = talk(alice, carol, m['alice1'], m['carol1'])
    to_carol.within('INVITE', sdp(alice.addr, 20000, 'sendonly'), answer=sdp(carol.addr, 30000, 'recvonly'))
    to_bob, _, _ = talk(alice, bob, m['alice2'], m['bob1'])
    expect('pinholes', media_pinholes(), sorted([(alice.addr, THIRD), (alice.addr, GW), (bob.addr, GW)]))

    replaces = f'{to_bob.id};to-tag={to_bob.b_tag};from-tag={to_bob.la.local_tag}'
    quoted = urllib.parse.quote(replaces, safe='')
    refer, _ = to_carol.within('REFER', status=202, extra=(
        ('Refer-To', f'<{uri("bob")}?Replaces={quoted}>'), ('Referred-By', f'<{uri("alice")}>')))
    told = re.search(r'[?&]Replaces=([^&>]+)', refer.h('Refer-To'))
    if not told:
        raise Failed(f'no Replaces in {refer.h("Refer-To")}')
    told = urllib.parse.unquote(told.group(1))

    new, _, _ = talk(carol, bob, m['carol2'], m['bob2'], extra=(('Replaces', told),))
    expect('the call to be replaced, as bob knows it', new.invite_at_b.h('Replaces').split(';'),
           [to_bob.id_b, *replaces.split(';')[1:]])
    to_bob.bye(by_b=True)
    to_carol.within('NOTIFY', by_b=True, extra=(('Event', 'refer'), ('Subscription-State', 'terminated;reason=noresource')))
    to_carol.bye()
    expect('pinholes', media_pinholes(), [(bob.addr, THIRD)])
    no_way(m['carol1'], (GW, 20000), m['alice1'], 3)
    no_way(m['alice1'], carol_ep, m['carol1'], 3)
    new.bye()
    wait_until('everything is closed', lambda: not media_pinholes() and all(c['state'] == 'ending' for c in calls()))


def run():
    uas = [Ua('ph', ALICE, 'alice'), Ua('ph2', BOB, 'bob'), Ua('third', THIRD, 'carol')]
    m = {'alice1': Media('ph', ALICE, 20000), 'alice2': Media('ph', ALICE, 20002),
         'bob1': Media('ph2', BOB, 20000), 'bob2': Media('ph2', BOB, 20002),
         'carol1': Media('third', THIRD, 30000), 'carol2': Media('third', THIRD, 30002)}
    try:
        with Capture('attended') as wan:
            for ua in uas:
                register(ua)
            attended(*uas, m)
        wan.no_private()
    finally:
        for x in (*uas, *m.values()):
            x.close()


tap = Tap(f'IPv{FAMILY} ')
tap.test('attended transfer of the outside phone to the other inside one', run)
tap.done()
