# SPDX-License-Identifier: GPL-2.0-only
"""From the kill to the first message that is served again, with calls in the journal, and what the start is made of."""
import multiprocessing
import os
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ['LAB_ROOT'], 'tests', 'lib'))
from ua import ENV, Call, Failed, Tap, calls, daemon_pid, _gone as gone, sdp, wait_until  # noqa: E402
from world import World  # noqa: E402

CALLS, ROUNDS, BUSY = int(ENV['CALLS']), int(ENV['ROUNDS']), int(ENV['BUSY'])


used = []


def compute():
    os.setpriority(os.PRIO_PROCESS, 0, 0)
    while True:
        pass


def set_up(phone, prov, w):
    for k in range(CALLS):
        c = Call(phone, prov, f'sip:bob@{prov.hp}')
        c.invite(sdp(w.ph, 20000 + 2 * (k % 5000)))
        c.answer(200, sdp(w.prov, 30000 + 2 * (k % 5000)))
        c.ack()
    return c


def start(own_session):
    log = open(ENV['RF_LOG'], 'a')
    p = subprocess.Popen(['nsenter', '--net=/run/netns/gw', '--', ENV['RFD'], '--config', ENV['RF_CONFIG'],
                          '--instance', ENV['RF_INSTANCE']], stdout=log, stderr=log,
                         start_new_session=own_session, preexec_fn=lambda: os.setpriority(os.PRIO_PROCESS, 0, 0))
    log.close()
    with open(os.path.join(ENV['LAB_TMP'], 'ringfenced.pid'), 'w') as f:
        f.write(str(p.pid))
    return p


def served(c):
    """Until an OPTIONS within the call is through; what nobody serves is not sent on."""
    limit = time.monotonic() + 30
    while time.monotonic() < limit:
        c.la.request('OPTIONS')
        if c.b.get(lambda m: m.method == 'OPTIONS', 0.01):
            return time.monotonic()
    raise Failed('not served within 30 s')


def cpu(p):
    """Seconds of processor time that it has had."""
    with open(f'/proc/{p.pid}/stat') as f:
        fields = f.read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def once(c, own_session):
    old = daemon_pid()
    killed = time.monotonic()
    os.kill(old, 9)
    while not gone(old):
        time.sleep(0.001)
    p = start(own_session)
    end = served(c)
    used.append(cpu(p))
    time.sleep(0.3)
    c.b.drain(0.05)
    c.b.stash.clear()
    c.a.drain(0.05)
    return end - killed


def rounds(c, busy, own_session):
    used.clear()
    others = [multiprocessing.Process(target=compute, daemon=True) for _ in range(busy)]
    for p in others:
        p.start()
    try:
        times = sorted(once(c, own_session) for _ in range(ROUNDS))
    finally:
        for p in others:
            p.kill()
            p.join()
    wait_until('the calls are there', lambda: len(calls()) == CALLS)
    return (f'{ROUNDS} kills: {times[0]:.3f} to {times[-1]:.3f} s, median {statistics.median(times):.3f}; '
            f'{statistics.median(used):.2f} s of processor time')


def main():
    tap = Tap(f'{CALLS} calls: ')
    with World(4) as w:
        c = set_up(w.phone(), w.provider(), w)
        os.setpriority(os.PRIO_PROCESS, 0, -20)  # who looks is not who waits
        tap.test('nobody beside it', rounds, c, 0, True)
        tap.test(f'beside {BUSY} that compute', rounds, c, BUSY, True)
        tap.test(f'beside {BUSY} that compute in its session', rounds, c, BUSY, False)
    tap.done()


main()
