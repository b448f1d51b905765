# SPDX-License-Identifier: GPL-2.0-only
"""One trunk, 200 calls at once between the same two SIP ports; and what a controller's death does to
them. The media runs in two processes of the RTP counter, 200 streams each way at 50 packets/s."""
import json
import os
import signal
import subprocess
import sys
import time

from ua import ENV, Call, Failed, MODE, Tap, bracket, calls, daemon_kill, daemon_start, expect, open_pinholes, rf, sdp, \
    wait_until
from world import World

family, N = int(sys.argv.pop(1)), 200
tap = Tap(f'{MODE} IPv{family}: ')


class Streams:
    """The RTP counter in one namespace: N streams to consecutive ports of the other side."""

    def __init__(self, ns, addr, port, to, seconds=60):
        self.out = os.path.join(ENV['LAB_TMP'], f'streams.{ns}.{port}')
        open(self.out, 'w').close()
        self.p = subprocess.Popen(['nsenter', f'--net=/run/netns/{ns}', '--', 'rtp', '-l', addr, '-p', str(port),
                                   '-S', '4', '-r', to[0], '-q', str(to[1]), '-n', str(N), '-c', '1000000', '-i', '20000',
                                   '-t', str(seconds), '-o', self.out, '-v', '-N', ns])
        wait_until('the streams start', self.lines)

    def look(self):
        """Counters now."""
        n = len(self.lines())
        self.p.send_signal(signal.SIGUSR1)
        wait_until('a snapshot of the counters', lambda: len(self.lines()) > n)
        return json.loads(self.lines()[-1])

    def lines(self):
        with open(self.out) as f:
            return f.read().split('\n')[:-1]

    def end(self):
        self.p.send_signal(signal.SIGTERM)
        self.p.wait(5)
        return json.loads(self.lines()[-1])


def grown(a, b):
    return [y - x for x, y in zip(a['per_stream'], b['per_stream'])]


class Trunk:
    """N answered calls; the public ports must be consecutive for the RTP counter, which they are
    where the inside numbers are kept."""

    def __init__(self, w, out=True):
        self.w = w
        self.phone, self.prov = w.phone('pbx'), w.provider('trunk')
        self.calls = []
        for i in range(N):
            host = w.prov if out else w.public(w.ph)
            a, b = (self.phone, self.prov) if out else (self.prov, self.phone)
            c = Call(a, b, f'sip:{i}@{bracket(host)}', wire=(host, 5060))
            mine, theirs = (w.ph, 17000 + 4 * i), (w.prov, 40000 + 4 * i)
            offer, answer = (mine, theirs) if out else (theirs, mine)
            seen_offer = c.invite(sdp(*offer)).sdp.ep()
            seen_answer = c.answer(200, sdp(*answer)).sdp.ep()
            c.ack()
            pub = seen_offer if out else seen_answer
            expect(f'public endpoint of call {i}', pub, (w.public(w.ph), 17000 + 4 * i))
            self.calls.append(c)
        self.inside = Streams(w.ph_ns, w.ph, 17000, (w.prov, 40000))
        self.outside = Streams('prov', w.prov, 40000, (w.public(w.ph), 17000))

    def close(self):
        for s in (self.inside, self.outside):
            if s.p.poll() is None:
                s.end()


def steady(t, seconds, what, but=()):
    """Every stream but those gets packets in both directions, the others none."""
    time.sleep(0.1)
    a = [t.inside.look(), t.outside.look()]
    time.sleep(seconds)
    b = [t.inside.look(), t.outside.look()]
    for side, x, y in zip(('in', 'out'), a, b):
        g = grown(x, y)
        for i, n in enumerate(g):
            if (n > 0) == (i in but):
                raise Failed(f'{what}: stream {i} got {n} packets {side} in {seconds} s')
        # how many is the machine's business when it is busy; that none is lost is looked at by no_loss()
        low = min(n for i, n in enumerate(g) if i not in but)
        if low < 5:
            raise Failed(f'{what}: a stream got only {low} packets {side} in {seconds} s')


def no_loss(x, what):
    if x['lost'] or x['duplicate'] or x['bad'] or x['foreign']:
        raise Failed(f'{what}: {x["lost"]} lost, {x["duplicate"]} twice, {x["bad"]} bad, {x["foreign"]} foreign '
                     f'of {x["received"]}')


def all_seen(t, what):
    wait_until(f'{what}: all streams run', lambda: min(t.inside.look()['per_stream']) > 5
               and min(t.outside.look()['per_stream']) > 5, 10)


def one_bye(out):
    with World(family) as w:
        t = Trunk(w, out)
        try:
            all_seen(t, 'start')
            expect('calls shown', len([c for c in calls() if c['state'] == 'talking']), N)
            t.calls[77].bye()
            steady(t, 1.0, 'after one BYE', {77})
            t.calls[78].bye(by_b=True)
            steady(t, 1.0, 'after two BYEs', {77, 78})
            for s in (t.inside, t.outside):
                no_loss(s.end(), 'media of 200 calls')
        finally:
            t.close()
        for i, c in enumerate(t.calls):
            if i not in (77, 78):
                c.bye()
        wait_until('no media pinhole is open', lambda: not media_open())


def media_open():
    return [p for p in open_pinholes() if 'sip' not in str(p.get('kind', p.get('classes', '')))]


def crash():
    """kill -9 while 200 calls run: no packet lost, the calls are known afterwards and end properly."""
    with World(family) as w:
        t = Trunk(w)
        try:
            all_seen(t, 'start')
            before = {c['call_id'] for c in calls() if c['state'] == 'talking'}
            daemon_kill()
            steady(t, 1.5, 'while the controller is dead')
            # the CLI still answers from the pinned maps
            if len(calls()) < N:
                raise Failed('call show forgot calls while the controller is dead')
            daemon_start()
            steady(t, 1.0, 'after the restart')
            expect('calls known after the restart', {c['call_id'] for c in calls() if c['state'] == 'talking'}, before)
            for s in (t.inside, t.outside):
                no_loss(s.look(), 'media over the crash')
            t.calls[5].bye()
            t.calls[6].bye(by_b=True)
            steady(t, 1.0, 'BYE after the restart', {5, 6})
            c = t.calls[7]  # and a re-INVITE: hold
            c.within('INVITE', sdp(w.ph, 17000 + 28, 'inactive'), answer=sdp(w.prov, 40000 + 28, 'inactive'))
            steady(t, 1.0, 'hold after the restart', {5, 6, 7})
            for s in (t.inside, t.outside):
                no_loss(s.end(), 'media over the crash')
        finally:
            t.close()
        for i, c in enumerate(t.calls):
            if i not in (5, 6):
                c.bye(by_b=bool(i % 2))
        wait_until('no media pinhole is open', lambda: not media_open())


tap.test(f'{N} calls out on one trunk, one BYE', one_bye, True)
tap.test(f'{N} calls in on one trunk, one BYE', one_bye, False)
tap.test(f'kill -9 of the controller during {N} calls', crash)
tap.done()
