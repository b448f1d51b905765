# SPDX-License-Identifier: GPL-2.0-only
"""Each bpf() and netlink call, and each change of a file's name, fails once: what was asked for is done, or
everything is as it was and a sentence says why. RF_FAIL_EVERY=1: every call; else one of some."""
import os
import signal
import subprocess
import time

from system_state import INSTANCE, MAPS, State, gw, nothing_left
from ua import ENV, Failed, Tap, daemon_kill, daemon_pid, daemon_start, expect, wait_until
from world import Talk, World
from pump import Pump

EVERY = int(ENV.get('RF_FAIL_EVERY', '0'))
# kind -> errno: ENOMEM, ENOBUFS
ERRORS = {'bpf': '12', 'bpf-load': '12', 'netlink': '105', 'files': '12'}
RF = [ENV['RF'], '--instance', INSTANCE]
W0 = ['attach', 'dev', 'w0', 'config', ENV['RF_CONFIG']]
W1 = ['attach', 'dev', 'w1', 'config', ENV['RF_CONFIG']]


def rf(*args, fail=None, n=0):
    """Exit status, what was said, calls of the kind that there were."""
    if not fail:
        p = gw(*RF, *args)
        return p.returncode, p.stdout + p.stderr, 0
    count = os.path.join(ENV['LAB_TMP'], 'count')
    p = gw('sh', '-c', f'exec failat "$@" 3>{count}', '-', fail, str(n), ERRORS[fail], *RF, *args)
    with open(count, encoding='ascii') as f:
        return p.returncode, p.stdout + p.stderr, int(f.read())


def must(*args):
    rc, said, _ = rf(*args)
    if rc:
        raise Failed(f'{" ".join(args)}: status {rc}: {said}')


def numbers(total, runs):
    """All of 1..total, or about so many of them, not always the same."""
    step = EVERY or max(1, total // runs)
    return range(1 + (os.getpid() % step if step > 1 else 0), total + 1, step)


def sentence(said, when):
    if len(said.strip()) < 20 or 'anitizer' in said:
        raise Failed(f'{when}: no sentence: {said}')


def each(args, done, undo, before, runs, kinds=ERRORS):
    """done(): the state afterwards is the one wanted; undo(): back to the one before."""
    told = []
    for kind in kinds:
        rc, said, total = rf(*args, fail=kind)
        expect(f'without a failure: {said}', rc, 0)
        done('without a failure', said)
        undo()
        fails = 0
        start = before()
        for n in numbers(total, runs):
            when = f'{kind} call {n} of {total}'
            rc, said, _ = rf(*args, fail=kind, n=n)
            if rc == 0:
                done(f'{when}, status 0, {said.strip()}', said)
                undo()
                start = before()
            elif rc == 1:
                fails += 1
                sentence(said, when)
                start.must_be(State(), f'{when}, status 1, {said.strip()}')
            else:
                raise Failed(f'{when}: status {rc}: {said}')
        told.append(f'{kind}: {total} calls, {len(numbers(total, runs))} failed, {fails} times status 1')
    return '; '.join(told)


def same_as(wanted):
    def done(when, said):
        now = State(ids=False)
        if 'native XDP on w' in said and 'TC only' in said:  # guarded, and it is told that it is by TC alone
            expect(when, now.parts['programs'][0], wanted.parts['programs'][0])
            expect(when, now.parts['guards'], wanted.parts['guards'])
            return
        if any(p.endswith(' ') for p in now.parts['programs'][0]):  # libbpf could not find out whether they may
            expect(when, len(now.parts['programs'][0]), len(wanted.parts['programs'][0]))  # have names
            expect(when, wanted.differs(now, but=('programs',)), [])
            return
        wanted.must_be(now, when)
    return done


def first_attach():
    must(*W0)
    wanted = State(ids=False)
    must('detach', 'all')
    nothing_left('detach')

    def undo():
        must('detach', 'all')
        nothing_left('detach')
    return each(W0, same_as(wanted), undo, State, 14)


def w1_inside():
    """The controller takes it for an inside device when it is no WAN device."""
    look()
    wait_until('w1 is an inside device', lambda: 'w1 egress rf_inside_out' in gw('tcx').stdout, 15)
    time.sleep(0.1)


def second_attach():
    """Beside w0, with a controller and a call: w1 is an inside device so far."""
    w1_inside()
    must(*W1)
    wanted = State(ids=False)

    def undo():
        must('detach', 'dev', 'w1')
        w1_inside()
    undo()
    return each(W1, same_as(wanted), undo, State, 16, ('bpf', 'netlink', 'files'))


def replace():
    wanted = State(ids=False)
    return each(W0 + ['replace'], same_as(wanted), lambda: None, State, 12)


def detach_one():
    """It is done, or `status` says what to do, and the same again does it."""
    must(*W1)
    wanted_on = State(ids=False)
    must('detach', 'dev', 'w1')
    w1_inside()
    wanted_off = State(ids=False)
    told = []
    for kind in ('bpf', 'netlink', 'files'):
        must(*W1)
        rc, said, total = rf('detach', 'dev', 'w1', fail=kind)
        expect(f'without a failure: {said}', rc, 0)
        fails = 0
        for n in numbers(total, 12):
            when = f'{kind} call {n} of {total}'
            must(*W1)
            rc, said, _ = rf('detach', 'dev', 'w1', fail=kind, n=n)
            if rc == 1:
                fails += 1
                sentence(said, when)
                if wanted_on.differs(State(ids=False)):
                    rc, status, _ = rf('status')
                    if rc != 1 or 'interrupted' not in status:
                        raise Failed(f'{when}: half detached, and status says {rc}: {status}; said {said}')
                must('detach', 'dev', 'w1')
            elif rc:
                raise Failed(f'{when}: status {rc}: {said}')
            w1_inside()
            wanted_off.must_be(State(ids=False), when)
        told.append(f'{kind}: {total} calls, {fails} times status 1')
    return '; '.join(told)


def detach_all():
    told = []
    for kind in ('bpf', 'netlink', 'files'):
        must(*W0)
        rc, said, total = rf('detach', 'all', fail=kind)
        expect(f'without a failure: {said}', rc, 0)
        fails = 0
        for n in numbers(total, 8):
            when = f'{kind} call {n} of {total}'
            must(*W0)
            rc, said, _ = rf('detach', 'all', fail=kind, n=n)
            if rc == 1:
                fails += 1
                sentence(said, when)
                rc, again, _ = rf('detach', 'all')
                if rc and 'is not attached to any device' not in again:  # that is right where all was gone already
                    raise Failed(f'{when}: {said.strip()}; once more: status {rc}: {again}')
            elif rc:
                raise Failed(f'{when}: status {rc}: {said}')
            nothing_left(when, folders=kind == 'files')
        told.append(f'{kind}: {total} calls, {fails} times status 1')
    return '; '.join(told)


# ---- the controller ----

def look():
    gw('ip', 'link', 'set', 'lo', 'alias', str(time.time()))


def log_size():
    return os.path.getsize(ENV['RF_LOG'])


def log_since(at):
    with open(ENV['RF_LOG'], encoding='utf-8') as f:
        f.seek(at)
        return f.read()


def with_failure(kind, n, trigger):
    """The running controller's n-th call from now on fails; False: it makes fewer."""
    p = subprocess.Popen(['failat', '-p', str(daemon_pid()), kind, str(n), ERRORS[kind]], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True)
    try:
        if p.stdout.readline() != 'joined\n':
            raise Failed(f'failat: {p.stderr.read()}')
        trigger()
        p.wait(1.5)
        return True
    except subprocess.TimeoutExpired:
        p.send_signal(signal.SIGTERM)
        p.wait(5)
        return False


def recheck():
    """Nothing is unhooked, narrowed or closed, whatever it cannot read; heartbeats are calls, too."""
    start = State()
    told = []
    for kind, most, runs in (('bpf', 120, 20), ('netlink', 160, 20)):
        count = 0
        for n in numbers(most, runs):
            if not with_failure(kind, n, look):
                break
            count += 1
            time.sleep(0.05)
            start.must_be(State(), f'{kind} call {n}')
        if not count:
            raise Failed(f'no {kind} call failed')
        told.append(f'{kind}: {count} failed')
    look()
    time.sleep(0.5)
    start.must_be(State(), 'afterwards')
    return '; '.join(told)


def write_config(text):
    with open(ENV['RF_CONFIG'], 'w', encoding='utf-8') as f:
        f.write(text)


def reload():
    """All of the new configuration, or all of the old one."""
    with open(ENV['RF_CONFIG'], encoding='utf-8') as f:
        old = f.read()
    new = old.replace('"fd00::/64"', '"fd00::/64", "192.168.99.0/24"').replace(
        '"peers"', '"when_controller_is_away": "pass", "peers"')

    def reloaded():
        at = log_size()
        os.kill(daemon_pid(), signal.SIGHUP)
        wait_until('an answer in the log', lambda: 'configuration' in log_since(at))
        return 'read again' in log_since(at)
    parts = ('settings', 'inside')
    states = {}
    for name, text in (('new', new), ('old', old)):
        write_config(text)
        expect('reload', reloaded(), True)
        states[name] = State(maps=parts)
    refused = 0
    for n in numbers(30, 10):
        write_config(new)
        at = log_size()
        if not with_failure('bpf', n, lambda: os.kill(daemon_pid(), signal.SIGHUP)):
            break
        wait_until('an answer in the log', lambda at=at: 'configuration' in log_since(at))
        time.sleep(0.05)
        done = 'read again' in log_since(at)
        refused += not done
        states['new' if done else 'old'].must_be(State(maps=parts), f'bpf call {n}, {log_since(at)}')
        write_config(old)
        expect('reload', reloaded(), True)
    write_config(old)
    expect('reload', reloaded(), True)
    if not refused:
        raise Failed('none was refused')
    return f'{refused} refused'


def start(before):
    """It starts, or ends with a sentence; media, hooks and maps stay."""
    told = []
    without = tuple(m for m in MAPS if m != 'pinholes')  # a restored call writes its own again
    for kind, runs in (('bpf', 14), ('bpf-load', 2), ('netlink', 14)):
        count = os.path.join(ENV['LAB_TMP'], 'count')
        total, n, ended, numbers_left = 0, 0, 0, [0]
        while numbers_left:
            n = numbers_left.pop(0)
            when = f'{kind} call {n} of {total}'
            at = log_size()
            with open(ENV['RF_LOG'], 'a', encoding='utf-8') as log:
                p = subprocess.Popen(
                    ['nsenter', '--net=/run/netns/gw', '--', 'sh', '-c', f'exec failat "$@" 3>{count}', '-', kind,
                     str(n), ERRORS[kind], ENV['RFD'], '--config', ENV['RF_CONFIG'], '--instance', INSTANCE],
                    stdout=log, stderr=log)
            wait_until(f'{when}: it starts or ends',
                       lambda p=p, at=at: p.poll() is not None or 'ready: ' in log_since(at), 20)
            if 'ready: ' in log_since(at):
                time.sleep(0.05)
                before.must_be(State(maps=without), when)
                child = open(f'/proc/{p.pid}/task/{p.pid}/children', encoding='ascii').read().split()
                os.kill(int(child[0]), signal.SIGTERM)
                expect(f'{when}: status of the controller', p.wait(20), 0)
            else:
                expect(f'{when}: status of the controller', p.returncode, 1)
                sentence(log_since(at), when)
                ended += 1
                before.must_be(State(maps=without), f'{when}: {log_since(at)}')
            if not n:
                with open(count, encoding='ascii') as f:
                    total = int(f.read())
                numbers_left = list(numbers(total, runs))
        told.append(f'{kind}: {total} calls, {ended} ends')
    return '; '.join(told)


def main():
    tap = Tap('failing calls: ')
    tap.test('first attach', first_attach)
    tap.test('detach all', detach_all)
    must(*W0)
    daemon_start()
    w, pump = World(4), Pump()
    talk = Talk(w, w.phone(), w.provider(), w.inside_media(20000), w.outside_media(30000))
    pump.gap = 0.01
    pump.both('a call', talk.inside, talk.far, talk.outside, talk.pub)
    pump.start()
    for fn in (second_attach, detach_one, replace, recheck, reload):
        tap.test(fn.__name__.replace('_', ' '), fn)
    daemon_kill(15)
    before = State(maps=tuple(m for m in MAPS if m != 'pinholes'))
    tap.test('start of the controller', lambda: start(before))
    daemon_start()
    tap.only = None  # these are about whatever was chosen
    tap.test('media of a call the whole time: none lost', lambda: f'{pump.stop()} packets')
    tap.test('the call ends', talk.call.bye)
    tap.done()


main()
