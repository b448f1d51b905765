# SPDX-License-Identifier: GPL-2.0-only
"""Media ports outside the guarded range: said in three places, with a line that closes them."""
import json
import os
import signal
import sys

from ua import ENV, Failed, MODE, Media, Tap, calls, daemon_kill, daemon_start, expect, reasons, rf, wait_until
from world import Talk, World

family = int(sys.argv.pop(1))
OTHER = ENV.get('OTHER_ADDRESS')
OPEN = MODE != 'nat'  # public ports of translated hosts are ours


def talk(w, port, beside=None):
    phone, prov = (beside.phone, beside.prov) if beside else (w.phone(), w.provider())
    return Talk(w, phone, prov, w.inside_media(port), w.outside_media(port + 1000))


def log():
    with open(ENV['RF_LOG'], encoding='utf-8') as f:
        return [line for line in f if 'is open to anybody' in line]


def one(t):
    found = [c for c in calls() if c['call_id'] == t.call.id]
    expect('calls shown', len(found), 1)
    return found[0]


def warnings():
    return [w for w in rf('status')['warnings'] if 'open to anybody' in w]


def said(t, line):
    """In all three places, or, without a line, in none of them."""
    call, plain = one(t), rf('call', 'show', json_out=False).stdout
    wanted = [line] if line else []
    for where, texts in (('log', log()), ('status', warnings()), ('call, JSON', call['unguarded'])):
        expect(f'{where}: lines', len(texts), len(wanted))
        for text in texts:
            if line not in text:
                raise Failed(f'{where} does not say {line}: {text}')
    expect('call, JSON: guarded', {m['guarded'] for m in call['media']}, {not line})
    expect('call, text', [x in plain for x in ('port not guarded', line or 'open to anybody')], [bool(line)] * 2)


def strangers_packets(w, port, addr=None):
    """How many of three arrive at a port of the server without a call."""
    third, server = w.third_media(), Media(w.ph_ns, addr or w.ph, port)
    third.burst(3, (addr or w.public(w.ph), port))
    got = server.seqs(3, quiet=0.2)
    third.close()
    server.close()
    return len(got)


def inside_the_range():
    with World(family) as w:
        t = talk(w, 20000)
        t.flow(3)
        said(t, None)
        expect("a stranger's packets that arrive", strangers_packets(w, 20500), 0)
        t.call.bye()


def outside_the_range():
    with World(family) as w:
        line = '"media_ports": "10000-40999" for "w0", or give the server RTP ports in 10000-29999' if OPEN else None
        t = talk(w, 40000)
        t.flow(3)
        said(t, line)
        more = talk(w, 40100, t)
        said(t, line)  # once for a range, not for each call
        daemon_kill()
        call = one(t)
        expect('known while the controller is dead', call['unguarded'] != [], OPEN)
        daemon_start()
        expect('known after a restart', one(t)['unguarded'] != [], OPEN)
        wait_until('said again after a restart', lambda: len(log()) == (2 if OPEN else 0))
        t.call.bye()
        if OPEN:
            expect("a stranger's packets: the hole that is said", strangers_packets(w, 40500), 3)
            advised(w, more)
        more.call.bye()


def advised(w, more):
    """The line that was advised, read by SIGHUP: the same packets are dropped by name, and nothing is said any more."""
    with open(ENV['RF_CONFIG'], encoding='utf-8') as f:
        before = f.read()
    try:
        reload(before.replace('10000-29999', '10000-40999'))
        wait_until('nothing is open any more', lambda: not warnings())
        expect('call', one(more)['unguarded'], [])
        was = reasons()
        expect("a stranger's packets", strangers_packets(w, 40500), 0)
        expect('dropped by name', (reasons() - was)['no_pinhole'], 3)
    finally:
        reload(before)


def reload(text):
    with open(ENV['RF_CONFIG'], 'w', encoding='utf-8') as f:
        f.write(text)
    with open(os.path.join(ENV['LAB_TMP'], 'ringfenced.pid'), encoding='utf-8') as f:
        os.kill(int(f.read()), signal.SIGHUP)
    wanted = json.loads(text)['wan'][0]['media_ports']
    wait_until('the range is in use', lambda: all(f'{g["port_low"]}-{g["port_high"]}' == wanted
                                                  for g in rf('status')['wan'][0]['guarded']))


def another_address():
    """Media at an address of this host that no WAN device has is guarded nowhere: said, and the line closes it."""
    line = f'no WAN device has it; write "inside": [ {{ "prefix": "{OTHER}/32", "mode": "routed" }} ]'
    with World(family) as w:
        t = Talk(w, w.phone(), w.provider(), w.keep(Media('gw', OTHER, 20000)), w.outside_media())
        t.flow(3)
        said(t, line)
        expect("a stranger's packets: the hole that is said", strangers_packets(w, 20500, OTHER), 3)
        with open(ENV['RF_CONFIG'], encoding='utf-8') as f:
            before = f.read()
        reload(before.replace('"peers"', line[line.index('"inside"'):] + ', "peers"'))
        wait_until('nothing is open any more', lambda: not warnings())
        was = reasons()
        expect("a stranger's packets", strangers_packets(w, 20500, OTHER), 0)
        expect('dropped by name', (reasons() - was)['no_pinhole'], 3)
        t.flow(3)
        t.call.bye()


tap = Tap()
if OTHER:
    tap.test('an address that no WAN device has', another_address)
    tap.done()
tap.test('ports of the range: nothing is said', inside_the_range)
tap.test('ports outside of it: said everywhere, with the line to write', outside_the_range)
tap.done()
