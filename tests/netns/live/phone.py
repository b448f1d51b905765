# SPDX-License-Identifier: GPL-2.0-only
"""A baresip in a namespace: its events are waited for, and what it hears is measured by the piece."""
import contextlib
import glob
import json
import os
import select
import signal
import subprocess
import time

import baresip
from ua import Failed, bracket, family_of, ns_socket, wait_until
from wan import Capture

ENV = os.environ


class Phone:
    def __init__(self, ns, dev, addr, name, hz, registrar, options='', modules=(), settings=()):
        self.ns, self.dev, self.addr, self.name, self.hz = ns, dev, addr, name, hz
        self.folder = f'{ENV["LAB_TMP"]}/{name}'
        account = f'<sip:{name}@{registrar}>;auth_user={name};auth_pass=secret;regint=60;answermode=auto{options}'
        baresip.config(self.folder, bracket(addr), account, hz, settings, modules)
        self.log = f'{self.folder}.log'
        with open(self.log, 'w') as log:
            self.process = subprocess.Popen(['nsenter', f'--net=/run/netns/{ns}', '--', 'baresip', '-6' if ':' in addr else '-4',
                                             '-f', self.folder, '-v'], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.buf, self.events, self.replies = b'', [], []
        self.sock = self._control()

    def _control(self):
        end = time.monotonic() + 10
        while time.monotonic() < end:
            s = ns_socket(self.ns, family_of(self.addr), 1)
            try:
                s.connect((self.addr, 4444))
                return s
            except OSError:
                s.close()
                time.sleep(0.1)
        raise Failed(f'{self.name}: baresip does not start: {self.tail()}')

    def tail(self, n=6):
        with open(self.log, errors='replace') as f:
            return [x.strip() for x in f.read().replace('\r', '\n').split('\n') if x.strip() and 'bit/s' not in x][-n:]

    def _read(self, timeout):
        if not select.select([self.sock], [], [], max(timeout, 0))[0]:
            return
        more = self.sock.recv(65536)
        if not more:
            raise Failed(f'{self.name}: baresip has gone: {self.tail()}')
        self.buf += more
        while b':' in self.buf:
            size, _, rest = self.buf.partition(b':')
            if len(rest) < int(size) + 1:
                break
            message, self.buf = json.loads(rest[:int(size)]), rest[int(size) + 1:]
            (self.replies if message.get('response') else self.events).append(message)

    def do(self, command, params='', timeout=5):
        """Runs a command; the text of its reply."""
        request = json.dumps({'command': command, 'params': params, 'token': 'lab'}).encode()
        self.sock.sendall(str(len(request)).encode() + b':' + request + b',')
        end = time.monotonic() + timeout
        while not self.replies:
            if time.monotonic() > end:
                raise Failed(f'{self.name}: no reply to {command} {params}')
            self._read(end - time.monotonic())
        reply = self.replies.pop(0)
        if not reply.get('ok'):
            raise Failed(f'{self.name}: {command} {params}: {reply.get("data")}')
        return reply.get('data', '')

    def registered(self):
        # by the log: the event may come before anybody listens
        wait_until(f'{self.name} is registered', lambda: self._in_log('[1 binding]'), 8)

    def _in_log(self, text):
        with open(self.log, errors='replace') as f:
            return text in f.read()

    def forget(self):
        """Events up to now do not count any more."""
        self._read(0)
        self.events.clear()

    def wait(self, kind, timeout=8):
        """The next event of this kind, such as CALL_ESTABLISHED; those before it are forgotten."""
        end = time.monotonic() + timeout
        while True:
            while self.events:
                e = self.events.pop(0)
                if e.get('type') == kind:
                    return e
                if kind != 'CALL_CLOSED' and e.get('type') == 'CALL_CLOSED' and kind == 'CALL_ESTABLISHED':
                    raise Failed(f'{self.name}: the call failed: {e.get("param")}')
            if time.monotonic() > end:
                raise Failed(f'{self.name}: no {kind} within {timeout} s; log: {self.tail()}')
            self._read(end - time.monotonic())

    # ---- what it hears

    def _recorded(self):
        sizes = {}
        for path in glob.glob(f'{self.folder}/dump-*-dec.wav'):
            try:
                sizes[path] = baresip.read_wav(path)
            except (ValueError, OSError, IndexError):  # not even a header yet
                pass
        return sizes

    def mark(self):
        return {p: len(s) for p, (s, _) in self._recorded().items()}

    def recorded_since(self, before):
        """What has been recorded since mark(): (seconds, function hz -> its share of the energy)."""
        new, rate = [], baresip.RATE
        for p, (samples, rate) in sorted(self._recorded().items()):
            new += samples[before.get(p, 0):]
        return len(new) / rate, lambda hz: baresip.share(new, rate, hz)

    def hang_up(self):
        self.do('hangup')

    def stop(self):
        self.sock.close()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Failed(f'{self.name}: baresip does not end') from None


def all_hear(pairs, seconds=1.6):
    """pairs of phones (who, whom): each hears the other's tone now, and nothing else."""
    marks = [who.mark() for who, _ in pairs]
    time.sleep(seconds)
    for (who, whom), mark in zip(pairs, marks):
        length, share = who.recorded_since(mark)
        got = share(whom.hz)
        if length < seconds / 2 or got < 0.9:
            raise Failed(f'{who.name} hears {whom.name}: {got:.0%} of {length:.1f} s is at {whom.hz} Hz; '
                         f'log: {who.tail(4)}')


def at_the_phones(pairs, wanted=True, seconds=1.2):
    """As all_hear(), by the RTP that arrives at each phone: this baresip's recording ends at its first hold."""
    with contextlib.ExitStack() as stack:
        ears = [stack.enter_context(Capture(f'{who.name}-ear', who.ns, who.dev)) for who, _ in pairs]
        time.sleep(seconds)
    for (who, whom), ear in zip(pairs, ears):
        samples = ear.samples(who.addr)
        length, share = len(samples) / baresip.RATE, baresip.share(samples, baresip.RATE, whom.hz)
        good = length > seconds / 2 and share > 0.9 if wanted else length == 0
        if not good:
            raise Failed(f'{who.name} {"does not get" if wanted else "still gets"} the tone of {whom.name}: {share:.0%} '
                         f'of {length:.1f} s of RTP are at {whom.hz} Hz')
