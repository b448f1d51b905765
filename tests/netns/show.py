# SPDX-License-Identifier: GPL-2.0-only
"""What the commands say about a live call, and what the event monitor tells while it happens."""
import json
import subprocess
import threading
import time

import ua
from ua import ENV, Failed, Tap, daemon_kill, daemon_start, expect, no_way, rf, wait_until
from world import Talk, World


def talk(w, out=True):
    return Talk(w, w.phone(), w.provider(), w.inside_media(), w.outside_media(), out=out)


def calls():
    """Those that are not over: ended ones linger for retransmissions."""
    return [c for c in ua.calls() if c['state'] != 'ending']


def open_pinholes():
    """Of media: signalling ports stay open as long as the phone is known."""
    return [p for p in ua.open_pinholes() if 'sip' not in p['classes']]


class Monitor:
    """`ringfence -j event monitor` beside the test."""

    def __init__(self):
        cmd = ['nsenter', '--net=/run/netns/gw', '--', ENV['RF'], '-j', '--instance', ENV['RF_INSTANCE'],
               'event', 'monitor']
        self.p = subprocess.Popen(cmd, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.events = []
        threading.Thread(target=self._read, daemon=True).start()
        time.sleep(0.3)

    def _read(self):
        for line in self.p.stdout:
            self.events.append(json.loads(line))

    def kinds(self):
        return [e['event'] for e in list(self.events)]

    def close(self):
        self.p.terminate()
        self.p.wait(5)


def one_call():
    c = calls()
    expect('number of calls', len(c), 1)
    return c[0]


def call_show():
    with World(4) as w:
        t = talk(w)
        t.flow(7)
        c = one_call()
        text = json.dumps(c)
        for what in (t.call.id, 'sip:alice@', 'sip:bob@', f'{t.pub[0]}:{t.pub[1]}', f'{t.inside.addr}:{t.inside.port}',
                     f'{t.outside.addr}:{t.outside.port}', '"PCMU"', '"talking"', '"nat"', '"out"'):
            if what not in text:
                raise Failed(f'call show does not say {what}: {text}')
        plain = rf('call', 'show', json_out=False).stdout
        for what in (t.call.id, 'talking', '7 packets', 'PCMU'):
            if what not in plain:
                raise Failed(f'call show (text) does not say {what}:\n{plain}')
        expect('call show id N', [x['id'] for x in rf('call', 'show', 'id', str(c['id']))['calls']], [c['id']])
        p = rf('call', 'show', 'id', '999999', check=False, json_out=False)
        expect('status for an unknown call', p.returncode, 1)
        t.call.bye()
        wait_until('no pinhole is open', lambda: not open_pinholes())


def show_without_controller():
    with World(4) as w:
        t = talk(w)
        t.flow(3)
        daemon_kill()
        expect('call shown while the controller is dead', one_call()['call_id'], t.call.id)
        plain = rf('status', json_out=False).stdout
        if 'away' not in plain and 'not running' not in plain and 'dead' not in plain:
            raise Failed(f'status does not say that the controller is away:\n{plain}')
        t.flow(5)
        daemon_start()
        t.flow(5)
        t.call.bye()


def drop_by_hand():
    with World(4) as w:
        t = talk(w)
        t.flow(3)
        rf('call', 'drop', 'id', str(one_call()['id']))
        no_way(t.outside, t.pub, t.inside)
        no_way(t.inside, t.far, t.outside)
        p = rf('call', 'drop', 'id', '999999', check=False, json_out=False)
        expect('status for an unknown call', p.returncode, 1)


def events():
    with World(4) as w:
        m = Monitor()
        try:
            t = talk(w)
            t.flow(3)
            third = w.third_media()
            no_way(third, t.pub, t.inside)
            t.call.bye()
            wanted = ['call_new', 'call_answered', 'pinhole_open', 'drop', 'pinhole_close', 'call_ended']
            wait_until(f'events {wanted}, got {m.kinds()}', lambda: set(wanted) <= set(m.kinds()), 3)
            reasons = {e.get('reason') for e in m.events if e['event'] == 'drop'}
            if 'wrong_source' not in reasons:
                raise Failed(f'no drop of a wrong source among {reasons}')
            if m.kinds().index('pinhole_open') > m.kinds().index('pinhole_close'):
                raise Failed(f'odd order: {m.kinds()}')
        finally:
            m.close()


def by_hand():
    with World(4) as w:
        inside, outside = w.inside_media(port=21000), w.outside_media(port=31000)
        pub = (w.gw, 21000)
        no_way(outside, pub, inside)
        reply = rf('pinhole', 'add', 'outside', f'{w.gw}:21000', 'inside', f'{inside.addr}:21000', 'remote',
                   f'{outside.addr}:31000', 'for', '2s')
        ids = [p['id'] for p in open_pinholes()]
        if not ids:
            raise Failed(f'pinhole add said {reply}, but none is open')
        outside.burst(5, pub)
        expect('through a pinhole added by hand', len(inside.seqs(5)), 5)
        daemon_kill()
        daemon_start()
        outside.burst(5, pub)
        expect('after a restart of the controller', len(inside.seqs(5)), 5)
        wait_until('its end', lambda: not open_pinholes(), 4)
        no_way(outside, pub, inside)


def status():
    s = rf('status')
    expect('WAN device', [d['dev'] for d in s['wan']], ['w0'])
    expect('controller', s['controller']['state'], 'alive')
    with World(4) as w:
        t = talk(w)
        hosts = json.dumps(rf('status')['hosts'])
        if t.phone.addr not in hosts or 'nat' not in hosts:
            raise Failed(f'the phone and its mode are missing: {hosts}')
        t.call.bye()


tap = Tap()
tap.test('call show', call_show)
tap.test('call show while the controller is dead', show_without_controller)
tap.test('call drop', drop_by_hand)
tap.test('event monitor', events)
tap.test('pinhole add for a time', by_hand)
tap.test('status', status)
tap.done()
