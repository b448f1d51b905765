# SPDX-License-Identifier: GPL-2.0-only
"""Calls up and down, in both directions, each with media on ports of its own, while the controller is killed and its
programs are replaced: every packet of media arrives, every call ends as its ends want it, and nothing is left.

soak.py CALLS SECONDS KILLS REPLACES: so many calls at a time. Kills and replacements are spread over the first two
thirds; in the last one memory and journal must be flat. Both ends send again what is not answered (RFC 3261, timers
A, E and G), so that a message which a kill has met costs its call nothing. A callee sends no media before the ACK is
there, a caller none before the 200: what leaves earlier than its own agreement is not ours to deliver.
"""
import collections
import heapq
import os
import random
import re
import selectors
import struct
import subprocess
import sys
import time

from ua import ENV, Failed, Leg, Msg, Tap, bracket, calls, daemon_kill, daemon_pid, daemon_start, \
    expect, open_pinholes, sdp, token, uri_host, wait_until
from world import World

CALLS, SECONDS, KILLS, REPLACES = (int(x) for x in sys.argv[1:5])
del sys.argv[1:]
GAP = 0.2  # between two packets of a direction
TALK = (2.0, 12.0)
DRAIN = 0.5
T1, TRIES = 0.5, 8
JOURNAL = f'/run/ringfence/{ENV["RF_INSTANCE"]}/journal'


class Clock:
    """What is due when."""

    def __init__(self):
        self.heap, self.n = [], 0

    def at(self, when, fn, *args):
        self.n += 1
        entry = [when, self.n, fn, args]
        heapq.heappush(self.heap, entry)
        return entry

    def run(self, now):
        while self.heap and self.heap[0][0] <= now:
            _, _, fn, args = heapq.heappop(self.heap)
            if fn:
                fn(*args)

    def wait(self, now):
        return max(0, min(0.05, self.heap[0][0] - now)) if self.heap else 0.05


class Again:
    """A message that is sent again until it is answered."""

    def __init__(self, clock, ua, raw, to, failed):
        self.clock, self.ua, self.raw, self.to, self.failed = clock, ua, raw, to, failed
        self.tries, self.gap = 0, T1
        self.timer = clock.at(time.monotonic() + T1, self.due)

    def due(self):
        self.tries += 1
        if self.tries == TRIES:
            self.failed()
            return
        self.ua.send(self.raw, self.to)
        self.gap = min(2 * self.gap, 4.0)
        self.timer = self.clock.at(time.monotonic() + self.gap, self.due)

    def stop(self):
        self.timer[2] = None


class Slot:
    """One place for a call, with sockets of its own; calls follow each other there."""

    def __init__(self, soak, k):
        w = soak.w
        self.soak, self.k, self.n, self.call = soak, k, 0, None
        self.inside, self.outside = w.inside_media(20000 + 4 * k), w.outside_media(30000 + 4 * k)
        for m in (self.inside, self.outside):
            m.sock.setblocking(False)


class Stream:
    """One direction of a call's media."""

    def __init__(self, sender, receiver, ssrc):
        self.sender, self.receiver, self.ssrc = sender, receiver, ssrc
        self.sent, self.got, self.twice = 0, set(), 0
        self.to = None

    def send(self):
        self.sent += 1
        self.sender.sock.sendto(struct.pack('>BBHII', 0x80, 0, self.sent, self.sent * 1600, self.ssrc) + bytes(160),
                                self.to)

    def take(self, seq):
        self.twice += seq in self.got
        self.got.add(seq)


class SoakCall:
    def __init__(self, soak, slot):
        self.soak, self.slot, self.out = soak, slot, random.random() < 0.5
        self.name = f's{slot.k}x{slot.n}'
        slot.n += 1
        w = soak.w
        self.a, self.b = (soak.phone, soak.prov) if self.out else (soak.prov, soak.phone)
        self.ma, self.mb = (slot.inside, slot.outside) if self.out else (slot.outside, slot.inside)
        host = w.prov if self.out else w.public(w.ph)
        self.la = Leg(self.a, token('soak'), f'sip:{self.name}@example.org', f'sip:{self.name}@example.net',
                      f'sip:{self.b.user}@{bracket(host)}', (host, 5060))
        self.la.local_tag, self.b_tag = token('a'), token('b')
        ssrc = slot.k << 16 | (slot.n & 0x7fff)
        self.ab, self.ba = Stream(self.ma, self.mb, ssrc), Stream(self.mb, self.ma, ssrc | 0x8000)
        self.lb = self.answer = self.ack = self.bye = self.bye_answer = self.bye_leg = None
        self.talking, self.talk_over = False, False
        raw = self.la.request('INVITE', sdp(self.ma.addr, self.ma.port)).raw
        self.invite = Again(soak.clock, self.a, raw, self.la.wire, lambda: self.fail('INVITE is not answered'))
        soak.clock.at(time.monotonic() + 60, self.late)

    def late(self):
        if self.slot.call is self:
            self.fail('it is not over after a minute')

    def fail(self, why):
        if self.slot.call is not self:
            return
        self.soak.wrong.append(f'{self.name} ({"out" if self.out else "in"}): {why}')
        self.end()

    def end(self):
        for again in (self.invite, self.answer, self.bye):
            if again:
                again.stop()
        self.slot.call = None
        self.soak.ended += 1
        self.soak.next(self.slot)

    # what comes, at the caller's (0) or the callee's (1)

    def message(self, side, m):
        ua = self.b if side else self.a
        if m.is_request and m.method == 'BYE':
            if not self.bye_answer:
                self.bye_answer = ua.respond(m, 200, contact=False).raw
            else:
                ua.send(self.bye_answer, m.src)
        elif side and m.is_request and m.method == 'INVITE':
            self.invited(m)
        elif side and m.is_request and m.method == 'ACK':
            self.acked()
        elif not m.is_request and m.method == 'BYE' and self.bye:
            if m.status != 200:
                self.fail(f'BYE is answered with {m.status}')
            else:
                self.end()
        elif not side and not m.is_request and m.method == 'INVITE' and m.status >= 200:
            self.answered(m)

    def invited(self, m):
        if self.answer:
            self.b.send(self.answer.raw, m.src)
            return
        raw = self.b.respond(m, 200, body=sdp(self.mb.addr, self.mb.port), to_tag=self.b_tag).raw
        self.answer = Again(self.soak.clock, self.b, raw, m.src, lambda: self.fail('200 is not acknowledged'))
        local = re.search(r'<([^>]+)>', m.h('To')).group(1)
        remote = re.search(r'<([^>]+)>', m.h('From')).group(1)
        self.lb = Leg(self.b, m.call_id, local, remote, m.contact_uri)
        self.lb.local_tag, self.lb.remote_tag, self.lb.cseq = self.b_tag, m.tag('From'), 100
        self.ba.to = m.sdp.ep()

    def answered(self, m):
        if m.status != 200:
            self.fail(f'INVITE is answered with {m.status}')
            return
        self.invite.stop()
        if self.ack:
            self.a.send(*self.ack)
            return
        self.la.remote_tag, self.la.target = m.tag('To'), m.contact_uri
        self.ab.to = m.sdp.ep()
        raw = self.la.request('ACK', cseq=self.la.cseq).raw
        self.ack = (raw, self.la.wire)
        self.flow(self.ab)

    def acked(self):
        self.answer.stop()
        if self.talking:
            return
        self.talking = True
        self.flow(self.ba)
        self.soak.clock.at(time.monotonic() + random.uniform(*TALK), self.quiet)

    def flow(self, stream):
        if self.slot.call is not self or self.talk_over:
            return
        stream.send()
        self.soak.clock.at(time.monotonic() + GAP, self.flow, stream)

    def quiet(self):
        self.talk_over = True
        self.soak.clock.at(time.monotonic() + DRAIN, self.hang_up)

    def hang_up(self):
        if self.slot.call is not self:
            return
        self.soak.count(self)
        leg = self.lb if random.random() < 0.5 else self.la
        raw = leg.request('BYE').raw
        to = leg.wire or uri_host(leg.target)
        self.bye = Again(self.soak.clock, leg.ua, raw, to, lambda: self.fail('BYE is not answered'))


class Soak:
    def __init__(self, w):
        self.w, self.clock = w, Clock()
        self.phone, self.prov = w.phone(), w.provider()
        self.selector = selectors.DefaultSelector()
        self.slots = [Slot(self, k) for k in range(CALLS)]
        self.wrong, self.lost, self.twice, self.strange = [], [], [], collections.Counter()
        self.sent, self.ended, self.stopping = 0, 0, False
        self.streams = {}
        self.rss, self.journal, self.kills, self.replaces = [], [], 0, 0
        self.controller = self.replacing = None
        for side, ua in enumerate((self.phone, self.prov)):
            ua.sock.setblocking(False)
            self.selector.register(ua.sock, selectors.EVENT_READ, (self.signal, ua))
        for s in self.slots:
            for m in (s.inside, s.outside):
                self.selector.register(m.sock, selectors.EVENT_READ, (self.media, m))

    def next(self, slot):
        if not self.stopping:
            self.clock.at(time.monotonic() + random.uniform(0.05, 2), self.begin, slot)

    def begin(self, slot):
        if not self.stopping:
            slot.call = SoakCall(self, slot)
            for s in (slot.call.ab, slot.call.ba):
                self.streams[s.ssrc] = s

    def count(self, call):
        """Its media is over: what is missing?"""
        for s in (call.ab, call.ba):
            del self.streams[s.ssrc]
            self.sent += s.sent
            missing = set(range(1, s.sent + 1)) - s.got
            if missing:
                way = 'out' if s.sender.port < 30000 else 'in'
                self.lost.append(f'{call.name} {way}: {len(missing)} of {s.sent}: {sorted(missing)[:8]}')
            if s.twice:
                self.twice.append(f'{call.name}: {s.twice}')

    def signal(self, ua):
        while True:
            try:
                data, src = ua.sock.recvfrom(65536)
            except BlockingIOError:
                return
            m = Msg(data, src[:2])
            named = re.search(r'sip:s(\d+)x(\d+)@', m.h('From') or '')
            call = self.slots[int(named.group(1))].call if named else None
            if call and call.name == f's{named.group(1)}x{named.group(2)}':
                call.message(0 if ua is call.a else 1, m)
            elif m.is_request and m.method == 'BYE':  # again, of one that is over here
                ua.respond(m, 200, contact=False)

    def media(self, m):
        while True:
            try:
                data, _ = m.sock.recvfrom(4096)
            except BlockingIOError:
                return
            seq, _, ssrc = struct.unpack('>HII', data[2:12])
            s = self.streams.get(ssrc)
            if s and s.receiver is m:
                s.take(seq)
            else:
                self.strange['late' if not s else 'at another port'] += 1

    # the controller

    def start(self):
        with open(ENV['RF_LOG'], 'a') as log:
            self.controller = subprocess.Popen(
                ['nsenter', '--net=/run/netns/gw', '--', ENV['RFD'], '--config', ENV['RF_CONFIG'], '--instance',
                 ENV['RF_INSTANCE']], stdout=log, stderr=log)
        with open(os.path.join(ENV['LAB_TMP'], 'ringfenced.pid'), 'w') as f:
            f.write(str(self.controller.pid))

    def kill(self):
        self.kills += 1
        os.kill(daemon_pid(), 9)
        self.restart(daemon_pid())

    def restart(self, old):
        """As soon as it is gone, as a service manager does."""
        if self.controller:
            self.controller.poll()
        try:
            with open(f'/proc/{old}/stat') as f:
                gone = f.read().rsplit(')', 1)[1].split()[0] == 'Z'
        except OSError:
            gone = True
        if gone:
            self.start()
        else:
            self.clock.at(time.monotonic() + 0.005, self.restart, old)

    def replace(self):
        if self.replacing and self.replacing.poll() is None:
            self.clock.at(time.monotonic() + 1, self.replace)
            return
        self.replaced()
        self.replaces += 1
        self.replacing = subprocess.Popen(
            ['nsenter', '--net=/run/netns/gw', '--', ENV['RF'], '--instance', ENV['RF_INSTANCE'], 'attach', 'dev', 'w0',
             'config', ENV['RF_CONFIG'], 'replace'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def replaced(self):
        if not self.replacing:
            return
        out, _ = self.replacing.communicate(timeout=60)
        if self.replacing.returncode:
            raise Failed(f'replace: status {self.replacing.returncode}: {out}')
        self.replacing = None

    def sample(self, start):
        self.clock.at(time.monotonic() + 2, self.sample, start)
        try:
            with open(f'/proc/{daemon_pid()}/status') as f:
                rss = int(re.search(r'VmRSS:\s+(\d+)', f.read()).group(1))
            size = os.stat(JOURNAL).st_size
        except (OSError, AttributeError):  # being started
            return
        self.rss.append((time.monotonic() - start, rss))
        self.journal.append((time.monotonic() - start, size))

    # the run

    def loop(self, until):
        while time.monotonic() < until():
            self.clock.run(time.monotonic())
            for key, _ in self.selector.select(self.clock.wait(time.monotonic())):
                key.data[0](key.data[1])

    def run(self):
        start = time.monotonic()
        busy = SECONDS * 2 / 3
        for s in self.slots:
            self.clock.at(start + random.uniform(0, min(5, SECONDS / 10)), self.begin, s)
        for i in range(KILLS):
            self.clock.at(start + busy * (i + 1) / (KILLS + 1) + random.uniform(0, 0.5), self.kill)
        for i in range(REPLACES):
            self.clock.at(start + busy * (i + 0.5) / REPLACES, self.replace)
        self.clock.at(start + 1, self.sample, start)
        self.loop(lambda: start + SECONDS)
        self.stopping = True
        limit = time.monotonic() + 90
        self.loop(lambda: limit if any(s.call for s in self.slots) else 0)
        self.replaced()
        return (f'{self.ended} calls, {self.sent} packets, {self.kills} kills, {self.replaces} replacements, '
                f'{sum(self.strange.values())} packets late')

    # what must be so

    def no_packet_lost(self):
        if self.lost:
            raise Failed(f'{len(self.lost)} streams of {2 * self.ended} lost packets: {self.lost[:10]}')
        expect('packets that came twice', self.twice, [])
        expect('at another port', self.strange['at another port'], 0)

    def no_call_wrong(self):
        if self.wrong:
            raise Failed(f'{len(self.wrong)} of {self.ended} calls ended wrongly: {self.wrong[:10]}')

    def nothing_left(self):
        """A call that is over is known for another 32 s, for messages that come again."""
        expect('pinholes', [p for p in open_pinholes() if p['classes'] != ['sip']], [])
        expect('calls that are not over', [c for c in calls() if c['state'] != 'ending'], [])
        if SECONDS < 120:
            return None
        wait_until('no call', lambda: not calls(), 60)
        daemon_kill()
        daemon_start()
        with open(ENV['RF_LOG']) as f:
            records = re.findall(r'(\d+) records taken over|ringfenced: ready', f.read())[-2:]
        records = int(records[0] or 0)
        if records > 20:
            raise Failed(f'{records} records of calls that are over are in the journal')
        return f'{records} records in the journal'

    def flat(self):
        """In the last, quiet third nothing grows by what is over."""
        size = [x[1] for x in self.journal]
        note = f'journal at most {max(size) / 1024:.0f} KB, {size[-1] / 1024:.0f} at the end'
        if max(size) > 3 << 20:  # a megabyte of what is over is worth a rewrite
            raise Failed(f'the journal grows: {note}')
        if SECONDS < 120:
            return note
        late = [x for x in self.rss if SECONDS * 7 / 9 < x[0] < SECONDS]
        n = len(late) // 3
        first, last = (sum(x[1] for x in v) / n for v in (late[:n], late[-n:]))
        note = f'{first:.0f} -> {last:.0f} KB; {note}'
        if last > first * 1.03 + 64:
            raise Failed(f'memory grows: {note}')
        return note


def main():
    tap = Tap('soak: ')
    with World(4) as w:
        soak = Soak(w)
        tap.test(f'{CALLS} calls at a time for {SECONDS} s', soak.run)
        tap.test('no packet of media is lost', soak.no_packet_lost)
        tap.test('no call ends wrongly', soak.no_call_wrong)
        tap.test('no call and no pinhole is left', soak.nothing_left)
        tap.test('memory and journal are flat', soak.flat)
    tap.done()


main()
