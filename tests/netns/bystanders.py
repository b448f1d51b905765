# SPDX-License-Identifier: GPL-2.0-only
"""Bystanders pass, and nobody else by the same door."""
import json
import os
import random
import socket
import struct
import subprocess
import sys
import threading
import time

from ua import Endpoint, MODE, Tap, bracket, counts, daemon_kill, daemon_start, expect, family_of, no_way, ns_socket, rf, rtp
from world import Talk, World

family, part = int(sys.argv.pop(1)), sys.argv.pop(1)
ENV = os.environ
QUERIES = 1000
SIP = 5060


class Resolver:
    """Answers what comes, until closed."""

    def __init__(self, ns, addr, port=53):
        self.e = Endpoint(ns, addr, port)
        self.ends = False
        self.t = threading.Thread(target=self.run, daemon=True)
        self.t.start()

    def run(self):
        while not self.ends:
            one = self.e.recv(0.2)
            if one:
                self.e.send(b'answer' + one[0], one[1])

    def close(self):
        self.ends = True
        self.t.join()
        self.e.close()


def talk(w, **kw):
    return Talk(w, w.phone(), w.provider(), w.inside_media(), w.outside_media(), **kw)


def queries(w, ns, addr):
    """From random ports, each by its own socket; those in use here are not to be had by anybody."""
    ports = [p for p in random.sample(range(1024, 65536), QUERIES + 50) if p != SIP][:QUERIES + 20]
    lost, done = [], 0
    for p in ports:
        if done == QUERIES:
            break
        s = ns_socket(ns, family_of(addr))
        try:
            s.bind((addr, p))
        except OSError:
            s.close()
            continue
        s.settimeout(2)
        s.sendto(b'q', (w.prov, 53))
        try:
            expect('answer', s.recv(100), b'answerq')
        except TimeoutError:
            lost.append(p)
        s.close()
        done += 1
    expect(f'lost of {done}', lost, [])
    return f'{done} queries'


def dns():
    with World(family) as w:
        w.keep(Resolver('prov', w.prov))
        t = talk(w)
        t.flow(10)
        queries(w, 'gw', w.gw)
        if MODE != 'host':
            queries(w, 'ph', w.ph_b)
        t.flow(10)
        t.call.bye()
        return f'{QUERIES} each'


def unasked():
    """To the port of a flow from elsewhere, and to one that is nobody's."""
    with World(family) as w:
        w.keep(Resolver('prov', w.prov))
        third = w.third_media()
        own = w.keep(Endpoint('gw', w.gw, 21200))
        own.send(b'q', (w.prov, 53))
        expect('answer', own.recv(), (b'answerq', (w.prov, 53)))
        with counts(no_pinhole=10):
            third.burst(5, (w.gw, 21200))
            third.burst(5, (w.gw, 21202))
        expect('unasked', own.drain(0.2), [])


def same_port_as_call():
    """A local flow at the public port that a call has."""
    with World(family) as w:
        w.keep(Resolver('prov', w.prov))
        t = talk(w)
        t.flow(5)
        own = w.keep(Endpoint('gw', w.gw, t.pub[1]))
        own.send(b'q', (w.prov, 53))
        expect('answer', own.recv(), (b'answerq', (w.prov, 53)))
        t.flow(5)
        own.send(b'q', (w.prov, 53))
        expect('answer', own.recv(), (b'answerq', (w.prov, 53)))
        t.call.bye()
        with counts(pinhole_closed=5):
            t.outside.burst(5, t.pub)
        expect('media after BYE', own.drain(0.2), [])


def unread_call():
    """Media of a call that is signalled by TLS: no pinhole, both ends send."""
    with World(family) as w:
        i, o = w.inside_media(21300, second=MODE != 'host'), w.outside_media(31300)
        i.burst(1, (o.addr, o.port))
        expect('first packet out', len(o.seqs(1)), 1)
        seen = o.sources.pop()
        sent = o.burst(10, seen)
        expect('in', i.seqs(10), sent)
        sent = i.burst(10, (o.addr, o.port))
        expect('out', o.seqs(10), sent)
        third = w.third_media(31300)
        no_way(third, seen, i, 5)


def lease_avoids():
    """The public port that a call would get is a local flow's: another one is taken."""
    with World(family) as w:
        w.keep(Resolver('prov', w.prov))
        own = w.keep(Endpoint('gw', w.gw, 20000))
        own.send(b'q', (w.prov, 53))
        expect('answer', own.recv(), (b'answerq', (w.prov, 53)))
        time.sleep(0.3)  # the controller looks at the time ten times a second
        t = talk(w)
        if t.pub[1] == 20000:
            raise AssertionError('the call has the port of the flow')
        t.flow(5)
        own.send(b'q', (w.prov, 53))
        expect('answer', own.recv(), (b'answerq', (w.prov, 53)))
        t.call.bye()


# ---- after the call ----

def map_path(name):
    return f'/sys/fs/bpf/ringfence/{ENV["RF_INSTANCE"]}/maps/{name}'


def bpftool(*args):
    return subprocess.run(['bpftool', '-j', *args], capture_output=True, text=True, check=True).stdout


def as_bytes(v):
    return [int(x, 16) for x in v]


def map_items(name):
    return [(as_bytes(e['key']), as_bytes(e['value'])) for e in json.loads(bpftool('map', 'dump', 'pinned', map_path(name)))]


def map_put(name, key, value):
    bpftool('map', 'update', 'pinned', map_path(name), 'key', *map(str, key), 'value', *map(str, value))


def end_at(pub, seconds):
    """As if the call's past ended then; how long it was to be before, in seconds."""
    for key, value in map_items('call_ends'):
        if bytes(key[16:18]) == struct.pack('>H', pub[1]):
            was = struct.unpack('<Q', bytes(value[:8]))[0] / 1e9 - time.monotonic()
            value[:8] = struct.pack('<Q', int((time.monotonic() + seconds) * 1e9))
            map_put('call_ends', key, value)
            return was
    raise AssertionError(f'no past of port {pub[1]}')


def never_pauses(t, seconds, i_sends=True):
    end, n = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        if i_sends:
            t.inside.burst(1, t.far)
        t.outside.burst(1, t.pub)
        n += 1
        time.sleep(0.02)
    expect('in', t.inside.drain(0.1), [])
    expect('out', t.outside.drain(0.1), [])
    return n


def after_bye():
    """Both ends go on: as a tombstone (61 s and longer: it stays while it is hit), without a controller, and when only
    the past of the endpoint is known, up to its end and beyond."""
    with World(family) as w:
        t = talk(w)
        t.flow(20)
        t.call.bye()
        never_pauses(t, 1)
        if MODE == 'nat':
            return
        daemon_kill()
        never_pauses(t, 0.5)
        # the tombstone is 60 s without a packet old, and goes: by hand, with what the controller notes then
        tombstones = [k for k, _ in map_items('pinholes')
                      if bytes(k[16:18]) == struct.pack('>H', t.pub[1])]
        expect('both directions', len(tombstones), 2)
        for key in tombstones:
            bpftool('map', 'delete', 'pinned', map_path('pinholes'), 'key', *map(str, key))
        own = tombstones[0][:18] + [0, 0]
        end = int((time.monotonic() + 300) * 1e9)
        remote = socket.inet_pton(socket.AF_INET6, w.prov if family == 6 else '::ffff:' + w.prov)
        value = struct.pack('<QII', end, 1, 0) + remote + struct.pack('>HH', t.outside.port, 0) + bytes(60)
        map_put('call_ends', own, list(value))
        for age in 61, 119, 130, 299:
            end_at(t.pub, 300 - age)
            never_pauses(t, 0.3)
        end_at(t.pub, 1)
        never_pauses(t, 2)  # prolonged by who goes on sending
        was = end_at(t.pub, 300)
        if was < 290:
            raise AssertionError(f'not prolonged: {was}')
        daemon_start()


# ---- published ----

def taken():
    """Without a key: the media port is closed, 5060 is ours."""
    with World(family) as w:
        third, there = w.third_media(31400), w.inside_media(7000, second=True)
        with counts(no_pinhole=5):
            no_way(third, (w.gw, 21500), there, 5)
        sip = w.keep(Endpoint('ph', w.ph_b, SIP))
        with counts(sip_held=1):
            w.keep(Endpoint('third', w.third, 5070)).send(b'OPTIONS sip:x@y SIP/2.0\r\n\r\n', (w.gw, SIP))
        expect('5060', sip.drain(0.3), [])


def excepted():
    """Both directions, as they are: bytes that are no SIP and would not pass a parser."""
    with World(family) as w:
        peer, there = w.keep(Endpoint('third', w.third, 31400)), w.keep(Endpoint('ph', w.ph_b, 7000))
        for n in range(10):
            peer.send(b'%d' % n, (w.gw, 21500))
            data, src = there.recv()
            there.send(b're' + data, src)
            expect('answer', peer.recv(), (b're%d' % n, (w.gw, 21500)))
        caller, sip = w.keep(Endpoint('third', w.third, SIP)), w.keep(Endpoint('ph', w.ph_b, SIP))
        with counts(sip_held=(0,), sip_excepted=4):
            for text in b'OPTIONS sip:x@y SIP/2.0\r\n\r\n', b'nothing \x00 known':
                caller.send(text, (w.gw, SIP))
                data, src = sip.recv()
                expect('as it was', data, text)
                sip.send(text[::-1], src)
                expect('answer', caller.recv(), (text[::-1], (w.gw, SIP)))


def own_calls_go_on():
    """With others' 5060: the phone gets another number, its calls work."""
    with World(family) as w:
        t = talk(w)
        t.flow(10)
        t.call.bye()


def told(*wanted):
    """Exactly these lines to write stand in `status`, each once."""
    warnings = [x for x in rf('status')['warnings'] if 'except' in x]
    for w in wanted:
        expect(f'{w} in {warnings}', sum(w in x for x in warnings), 1)
    expect('others', len(warnings), len(wanted))


def told_taken():
    with World(family) as w:
        published = [f'"except": [ "{bracket(w.gw)}:5060", "{bracket(w.ph_b)}:5060" ]', '"except": [ 21500 ]']
        far = ENV['GW6' if family == 4 else 'GW4'], ENV['PH6B' if family == 4 else 'PH4B']
        published.append(f'"except": [ "{bracket(far[0])}:5060", "{bracket(far[1])}:5060" ]')
        own = [w.keep(Endpoint('gw', w.gw, p)) for p in (21700, 21701, 21710)]
        connected = w.keep(Endpoint('gw', w.gw, 21800))
        connected.sock.connect((w.prov, 53))
        # the rules of both families give 21500 away, to two addresses
        got = [x for x in rf('status')['warnings'] if '21500' in x]
        expect('21500', len(got), 2)
        for text in published[0], published[2], '"except": [ "21700-21701" ]', '"except": [ 21710 ]':
            expect(f'{text} in status', sum(text in x for x in rf('status')['warnings']), 1)
        expect('a connected socket', [x for x in rf('status')['warnings'] if '21800' in x], [])
        for e in own:
            e.close()
        expect('nobody there', [x for x in rf('status')['warnings'] if '217' in x], [])


# ---- before we were here ----

def before():
    """A stranger talks with a server in the range, both never pause, and then it is guarded: shut, whoever sends."""
    with World(family) as w:
        server, third = w.keep(Endpoint('gw', w.gw, 22000)), w.third_media(31500)
        for _ in range(5):
            third.burst(1, (w.gw, 22000))
            data, src = server.recv()
            server.send(data, src)
        expect('before', len(third.seqs(5)), 5)
        rf('attach', 'dev', 'w0', 'config', ENV['RF_CONFIG'])
        for _ in range(20):
            third.burst(1, (w.gw, 22000))
            server.send(rtp(1), (w.third, third.port))
            time.sleep(0.01)
        third.burst(20, (w.gw, 22000))
        expect('in', server.drain(0.2), [])
        # its own traffic to others passes
        w.keep(Resolver('prov', w.prov))
        server.send(b'q', (w.prov, 53))
        expect('answer', server.recv(), (b'answerq', (w.prov, 53)))


tap = Tap(f'{MODE} IPv{family}: ')
if part == 'own':
    tap.test('DNS of the host and of others from random ports, a call runs', dns)
    tap.test('unasked packets to the same ports', unasked)
    tap.test('media of a call that nobody can read', unread_call)
    tap.test('media after BYE', after_bye)
    if MODE == 'nat':
        tap.test('a local flow at a port that a call has', same_port_as_call)
        tap.test('a call avoids the port of a local flow', lease_avoids)
elif part == 'taken':
    tap.test('published ports without a key', taken)
    tap.test('and which line would leave them alone', told_taken)
elif part == 'excepted':
    tap.test('published ports with one', excepted)
    tap.test('calls beside them', own_calls_go_on)
    tap.test('nothing left to be said of them', told)
else:
    tap.test("a stranger's flow from before attach", before)
tap.done()
