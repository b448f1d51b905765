# SPDX-License-Identifier: GPL-2.0-only
"""baresip phones and a provider's proxy: calls, hold, transfer, hairpin, SRTP.

alice and bob are behind the gateway, carol is at a third host. Every scenario runs under a capture of
the WAN and ends with no call, no open pinhole and no private address in the capture.
"""
import contextlib
import re
import socket
import struct
import time

from people import ALICE, BOB, FAMILY, GW, PHONES, PROV, THIRD, host, port, uri
from phone import Phone, all_hear, at_the_phones
from scene import direct, end_phones, ended, expect_pinholes, media_pinholes, pair, phones, scenario, tap
from ua import Failed, bracket, calls, expect, ns_socket, open_pinholes, rf, rtp, wait_until
from wan import Capture


def up(options='', modules=()):
    for ns, dev, addr, name, hz in PHONES:
        phones[name] = Phone(ns, dev, addr, name, hz, bracket(PROV), options, modules)


def registered():
    for p in phones.values():
        p.registered()


def established(*names):
    for n in names:
        phones[n].wait('CALL_ESTABLISHED')


def closed(*names):
    for n in names:
        phones[n].wait('CALL_CLOSED')


# ---- scenarios -----------------------------------------------------------------------------------

def registration():
    with Capture('wan') as wan:
        up()
        registered()
    wan.no_private()
    have = {r['aor']: r for r in rf('registration', 'show')['registrations']}
    expect('registrations', {k: v['inside'] for k, v in have.items()},
           {uri('alice'): f'{bracket(ALICE)}:5060', uri('bob'): f'{bracket(BOB)}:5060'})
    if have[uri('alice')]['outside'] == have[uri('bob')]['outside']:
        raise Failed('both phones have the same public signalling port')


def call(caller, callee, ender):
    phones[caller].do('dial', uri(callee))
    established(caller, callee)
    inside = caller if caller != 'carol' else callee
    all_hear(pair(caller, callee))
    expect_pinholes((inside, THIRD))
    phones[ender].do('hangup')
    closed(caller, callee)
    return direct


def two_calls():
    """Both inside phones (with the same SIP port and port range) talk to the outside one at once."""
    phones['alice'].do('dial', uri('carol'))
    established('alice', 'carol')
    phones['bob'].do('dial', uri('carol'))
    established('bob', 'carol')
    expect_pinholes(('alice', THIRD), ('bob', THIRD))
    all_hear([(phones['bob'], phones['carol'])])
    phones['alice'].do('hangup')
    closed('alice')
    expect_pinholes(('bob', THIRD))
    all_hear([(phones['bob'], phones['carol'])])
    phones['bob'].do('hangup')
    closed('bob')
    return direct


def spoof(n, src, dst):
    """RTP with a given source from the third host, without a socket of its own there."""
    with contextlib.closing(ns_socket('third', socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)) as s:
        for i in range(n):
            data = rtp(1000 + i)
            udp = struct.pack('>HHHH', port(src), port(dst), 8 + len(data), 0) + data
            ip = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, socket.inet_aton(host(src)),
                             socket.inet_aton(host(dst)))
            s.sendto(ip + udp, (host(dst), 0))


def hold(holder, held):
    """Held, the other's media cannot come in even from the right source; resumed, all is as before."""
    phones['alice'].do('dial', uri('carol'))
    established('alice', 'carol')
    all_hear(pair('alice', 'carol'))
    before = [p for p in media_pinholes() if p['classes'] == ['rtp']][0]
    for _ in range(2):
        phones[holder].do('hold')
        time.sleep(0.4)
        stream = [m for m in calls()[-1]['media'] if m['protocol'] == 'RTP'][0]
        expect('direction', stream['direction'], 'sendonly' if holder == 'alice' else 'recvonly')
        at_the_phones([(phones[holder], phones[held])], wanted=False)
        if holder == 'alice' and FAMILY == '4':
            drops = rf('pinhole', 'show', 'id', str(before['id']))['pinholes'][0]['flows'][0]['dropped']
            spoof(5, before['remotes'][0], before['outside'])
            time.sleep(0.1)
            flow = rf('pinhole', 'show', 'id', str(before['id']))['pinholes'][0]['flows'][0]
            expect('packets dropped while on hold', flow['dropped'] - drops, 5)
        phones[holder].do('resume')
        time.sleep(0.3)
        at_the_phones(pair('alice', 'carol'))
        expect_pinholes(('alice', THIRD))
    phones['alice'].do('hangup')
    closed('alice', 'carol')
    return direct


def transfer_outside():
    """alice talks with carol and transfers her to bob: carol calls bob through the provider."""
    phones['alice'].do('dial', uri('carol'))
    established('alice', 'carol')
    all_hear(pair('alice', 'carol'), 1.0)
    phones['alice'].do('transfer', uri('bob'))
    established('bob')
    wait_until("alice's call has ended", lambda: {host(p['inside']) for p in media_pinholes()} ==
               {BOB}, 6)
    all_hear(pair('carol', 'bob'))
    expect_pinholes(('bob', THIRD))
    phones['bob'].do('hangup')
    closed('bob')
    return direct


def transfer_inside():
    """carol talks with alice and transfers her to bob: alice calls bob, both are inside."""
    phones['carol'].do('dial', uri('alice'))
    established('alice', 'carol')
    all_hear(pair('alice', 'carol'), 1.0)
    phones['carol'].do('transfer', uri('bob'))
    established('bob')
    wait_until("carol's call has ended", lambda: all(THIRD != host(r) for p in media_pinholes() for r in p['remotes']), 6)
    all_hear(pair('alice', 'bob'))
    expect_pinholes(('alice', GW), ('bob', GW))
    phones['bob'].do('hangup')
    closed('bob')
    return direct


def hairpin():
    """Two inside phones call each other through the provider: media is turned around at the gateway."""
    phones['alice'].do('dial', uri('bob'))
    established('alice', 'bob')
    all_hear(pair('alice', 'bob'))
    expect_pinholes(('alice', GW), ('bob', GW))
    phones['bob'].do('hold')
    time.sleep(0.4)
    at_the_phones([(phones['bob'], phones['alice'])], wanted=False)
    phones['bob'].do('resume')
    time.sleep(0.3)
    at_the_phones(pair('alice', 'bob'))
    phones['bob'].do('hangup')
    closed('alice', 'bob')
    return lambda wan: expect('RTP on the WAN', dict(wan.rtp()), {})


def srtp(caller, callee):
    inside = 'carol' not in (caller, callee)
    phones[caller].do('dial', uri(callee))
    established(caller, callee)
    all_hear(pair(caller, callee))
    phones[callee].do('hangup')
    closed(caller, callee)

    def check(wan):
        if inside:
            expect('RTP on the WAN', dict(wan.rtp()), {})
        else:
            direct(wan)
        sdps = [text for _, _, text in wan.messages() if '\r\nm=audio' in text]
        bad = [t for t in sdps if 'RTP/SAVP ' not in t or not re.search('\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80', t)]
        if not sdps or bad:
            raise Failed(f'SDP without SRTP: {bad}')
    return check


def ice(caller, callee):
    """The pair that ICE has chosen carries the media; candidates on the WAN are public."""
    phones[caller].do('dial', uri(callee))
    established(caller, callee)
    all_hear(pair(caller, callee))
    phones[callee].do('hangup')
    closed(caller, callee)

    def check(wan):
        sdps = [text for _, _, text in wan.messages() if '\r\nm=audio' in text]
        if not sdps or any('\r\na=candidate:' not in t or '\r\na=ice-ufrag:' not in t for t in sdps):
            raise Failed(f'SDP without ICE: {sdps}')
        if 'carol' in (caller, callee):
            direct(wan)
        else:
            expect('RTP on the WAN', dict(wan.rtp()), {})
    return check


def deregistration():
    for p in phones.values():
        p.stop()
    phones.clear()
    wait_until('the registrations are gone', lambda: not rf('registration', 'show')['registrations'], 3)


if tap.only is None or 'SRTP' not in tap.only:
    tap.test('registration', registration)
    if not phones:
        up()
        registered()
    for x, y, z in (('alice', 'carol', 'alice'), ('alice', 'carol', 'carol'), ('carol', 'bob', 'carol'),
                    ('carol', 'bob', 'bob')):
        scenario(f'{x} calls {y}, {z} hangs up', call, x, y, z)
    scenario('two inside phones talk at once', two_calls)
    scenario('alice holds carol and resumes', hold, 'alice', 'carol')
    scenario('carol holds alice and resumes', hold, 'carol', 'alice')
    scenario('blind transfer of the outside phone to the other inside one', transfer_outside)
    scenario('blind transfer of an inside phone to the other inside one', transfer_inside)
    scenario('two inside phones call each other through the provider', hairpin)
    scenario('deregistration', deregistration)
    end_phones()
    up(';medianat=ice', ('ice.so',))
    registered()
    scenario('ICE: alice calls carol', ice, 'alice', 'carol')
    scenario('ICE: carol calls alice', ice, 'carol', 'alice')
    scenario('ICE: alice calls bob through the provider', ice, 'alice', 'bob')
    end_phones()
up(';mediaenc=srtp-mand', ('srtp.so',))
registered()
scenario('SRTP (SDES): alice calls carol', srtp, 'alice', 'carol')
scenario('SRTP (SDES): carol calls alice', srtp, 'carol', 'alice')
scenario('SRTP (SDES): alice calls bob through the provider', srtp, 'alice', 'bob')
end_phones()
tap.done()
