#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""ICE between a phone inside and an agent outside: checks of the agreed agent pass, from addresses
that no candidate names as well, and then its media; all others are refused by name."""
import binascii
import hmac
import os
import struct
import sys
import time

from ua import Failed, MODE, Tap, counts, expect, no_way, open_pinholes
from world import Talk, World

family = int(sys.argv.pop(1))
COOKIE = 0x2112a442
INSIDE, OUTSIDE = ('inin', 'insidepasswordinsidepass'), ('outo', 'outsidepasswordoutsidepa')


def attributes(who, addr, port):
    return (f'a=rtcp-mux\r\na=ice-ufrag:{who[0]}\r\na=ice-pwd:{who[1]}\r\n'
            f'a=candidate:1 1 UDP 2130706431 {addr} {port} typ host\r\n')


def check(user, pwd, kind=1, fingerprint=True):
    """A connectivity check as RFC 8445 7.2 has it."""
    body = b'\x00\x24\x00\x04\x6e\x7f\x00\xff\x80\x2a\x00\x08' + os.urandom(8)
    user = user.encode()
    body += struct.pack('>HH', 6, len(user)) + user + bytes(-len(user) % 4)
    head = struct.pack('>HHI', kind, len(body) + 24, COOKIE) + os.urandom(12)
    body += b'\x00\x08\x00\x14' + hmac.digest(pwd.encode(), head + body, 'sha1')
    if fingerprint:
        head = head[:2] + struct.pack('>H', len(body) + 8) + head[4:]
        body += struct.pack('>HHI', 0x8028, 4, binascii.crc32(head + body) ^ 0x5354554e)
    return head + body


TO_INSIDE = (f'{INSIDE[0]}:{OUTSIDE[0]}', INSIDE[1])
TO_OUTSIDE = (f'{OUTSIDE[0]}:{INSIDE[0]}', OUTSIDE[1])


def talk(w, out=True):
    i, o = w.inside_media(), w.outside_media()
    t = Talk(w, w.phone(), w.provider(), i, o, out=out, inside_extra=attributes(INSIDE, i.addr, i.port),
             outside_extra=attributes(OUTSIDE, o.addr, o.port))
    t.check_public()
    return t


def passes(sender, to, receiver, data, source):
    sender.send(data, to)
    got = receiver.recv(2)
    if not got:
        raise Failed(f'the check from {sender.addr}:{sender.port} to {to} does not arrive')
    expect('bytes of the check', got[0], data)
    expect('source of the check', got[1], source)


def named_candidates(out):
    with World(family) as w:
        t = talk(w, out)
        sdp = t.call.invite_at_b.sdp if out else None
        if sdp:
            wanted = f'{t.pub[0]} {t.pub[1]} typ host'
            lines = [a for a in sdp.media[0]['attributes'] if a.startswith('candidate:')]
            if len(lines) != 1 or not lines[0].endswith(wanted):
                raise Failed(f'candidates {lines}, wanted one with {wanted}')
        with counts(stun_held=(0,), stun_not_agreed=(0,)):
            passes(t.outside, t.pub, t.inside, check(*TO_INSIDE), (t.outside.addr, t.outside.port))
            passes(t.inside, t.far, t.outside, check(*TO_OUTSIDE), t.pub)
        t.flow()
        t.call.bye()


def peer_reflexive(out):
    """From a host and port that nobody named: nothing but the check passes, and then media does."""
    with World(family) as w:
        t, third = talk(w, out), w.third_media()
        with counts(wrong_source=5):
            no_way(third, t.pub, t.inside, 5)
        with counts(stun_held=1, stun_not_agreed=(0,)):
            passes(third, t.pub, t.inside, check(*TO_INSIDE), (third.addr, third.port))
        expect('RTP of the verified remote', t.inside.seqs(0), [])
        sent = third.burst(10, t.pub)
        expect('RTP of the verified remote', t.inside.seqs(10), sent)
        # and what answers it
        sent = t.inside.burst(10, (third.addr, third.port))
        expect('RTP to the verified remote', third.seqs(10), sent)
        expect('source of that', third.sources, {t.pub})
        t.flow(5)
        t.call.bye()
        with counts(pinhole_closed=1):
            no_way(third, t.pub, t.inside, 1, check(*TO_INSIDE))


REFUSED = [
    ('a wrong password', TO_INSIDE[0], 'insidepasswordinsidepasS'),
    ("the other side's password", TO_INSIDE[0], OUTSIDE[1]),
    ('a wrong ufrag', f'inix:{OUTSIDE[0]}', INSIDE[1]),
    ("a wrong ufrag of the sender's", f'{INSIDE[0]}:outx', INSIDE[1]),
    ('swapped ufrags', TO_OUTSIDE[0], INSIDE[1]),
    ('no user', '', INSIDE[1]),
]


def refused(user, pwd):
    with World(family) as w:
        t, third = talk(w), w.third_media()
        with counts(stun_held=2, stun_not_agreed=2):
            no_way(third, t.pub, t.inside, 2, check(user, pwd))
        with counts(wrong_source=3):
            no_way(third, t.pub, t.inside, 3)
        t.flow(5)
        t.call.bye()


def not_even_asked():
    """Whatever is no Binding request is refused at once."""
    with World(family) as w:
        t, third = talk(w), w.third_media()
        with counts(wrong_source=2, stun_held=(0,)):
            no_way(third, t.pub, t.inside, 1, check(*TO_INSIDE, kind=0x0101))
            no_way(third, t.pub, t.inside, 1, check(*TO_INSIDE, kind=0x0011))
        t.call.bye()


def outward():
    """From inside only to candidates of the peer, with its password."""
    with World(family) as w:
        t, third = talk(w), w.third_media()
        to = (third.addr, third.port)
        with counts(stun_not_agreed=1):
            no_way(t.inside, to, third, 1, check(*TO_OUTSIDE))
        with counts(stun_not_agreed=1):
            no_way(t.inside, to, third, 1, check(*TO_INSIDE))
        t.call.bye()


def flood():
    """A stranger's checks cost the controller little, and shut nobody out for long."""
    with World(family) as w:
        t, third, other = talk(w), w.third_media(), w.third_media(30010)
        bad = check(TO_INSIDE[0], 'wrong')
        with counts(stun_not_agreed=2000):
            no_way(third, t.pub, t.inside, 2000, bad)
        t.flow(10)
        time.sleep(0.3)
        passes(other, t.pub, t.inside, check(*TO_INSIDE), (other.addr, other.port))
        t.call.bye()


def survives_restart():
    """What was verified holds when the controller comes back."""
    from ua import daemon_kill, daemon_start
    with World(family) as w:
        t, third = talk(w), w.third_media()
        passes(third, t.pub, t.inside, check(*TO_INSIDE), (third.addr, third.port))
        time.sleep(0.3)  # killed while it gives a check back, it does so again when it is back
        daemon_kill()
        sent = third.burst(5, t.pub)
        expect('RTP while the controller is away', t.inside.seqs(5), sent)
        daemon_start()
        sent = third.burst(5, t.pub)
        expect('RTP after it is back', t.inside.seqs(5), sent)
        other = w.third_media(30010)
        passes(other, t.pub, t.inside, check(*TO_INSIDE), (other.addr, other.port))
        expect('remotes', len([p for p in open_pinholes() if p['call']][0]['remotes']), 3)
        t.call.bye()
        expect('open pinholes', [p for p in open_pinholes() if p['call']], [])


tap = Tap(f'{MODE} IPv{family}: ')
for direction in (True, False):
    name = 'call out' if direction else 'call in'
    tap.test(f'named candidates, {name}', named_candidates, direction)
    tap.test(f'a peer-reflexive source, {name}', peer_reflexive, direction)
for name, user, pwd in REFUSED:
    tap.test(f'refused: {name}', refused, user, pwd)
tap.test('refused: no Binding request', not_even_asked)
tap.test('checks from inside to elsewhere', outward)
tap.test('a flood of checks', flood)
tap.test('verified remotes outlive the controller', survives_restart)
tap.done()
