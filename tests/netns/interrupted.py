# SPDX-License-Identifier: GPL-2.0-only
"""attach and detach are killed right before each of their calls that change something. Afterwards all is guarded, or
nothing is attached, or it is said that it was interrupted; what is hooked is guarded; the next attach or detach
finishes it. RF_FAIL_EVERY=1: each call that there is, also those that only read."""
import os
import re

from system_state import INSTANCE, State, gw, nothing_left
from ua import ENV, Failed, Tap, expect

EVERY = int(ENV.get('RF_FAIL_EVERY', '0'))
RF = [ENV['RF'], '--instance', INSTANCE]
W0 = ['attach', 'dev', 'w0', 'config', ENV['RF_CONFIG']]
W1 = ['attach', 'dev', 'w1', 'config', ENV['RF_CONFIG']]


def rf(*args):
    p = gw(*RF, *args)
    return p.returncode, p.stdout + p.stderr


def must(*args):
    rc, said = rf(*args)
    if rc:
        raise Failed(f'{" ".join(args)}: status {rc}: {said}')


def count(kind, *args):
    path = os.path.join(ENV['LAB_TMP'], 'count')
    p = gw('sh', '-c', f'exec failat "$@" 3>{path}', '-', kind, '0', '0', *RF, *args)
    expect(p.stdout + p.stderr, p.returncode, 0)
    with open(path, encoding='ascii') as f:
        return int(f.read())


def points(prepare, *args):
    """(kind, n) of the kills: many of the calls that change something, and some of the others, not always the same."""
    kinds = {'change': 3, 'files': 9, 'bpf': 29, 'netlink': 41}
    all_points = []
    for kind, step in kinds.items():
        prepare()
        total = count(kind, *args)
        step = EVERY or step
        all_points += [(kind, n) for n in range(1 + (os.getpid() % step if step > 1 else 0), total + 1, step)]
    return all_points


def guarded(tcx):
    """What is hooked is guarded: from the first hook on, to the last."""
    for dev in ('w0', 'w1'):
        if f'{dev} ingress rf_wan_in' not in tcx:
            continue
        p = gw('bpftool', '-j', 'map', 'dump', 'pinned', f'/sys/fs/bpf/ringfence/{INSTANCE}/maps/guards')
        address = {'w0': '"0xcb","0x00","0x71","0x01"', 'w1': '"0xc6","0x33","0x64","0x09"'}[dev]
        if p.returncode or address not in p.stdout:
            raise Failed(f'{dev} is hooked, and not guarded: {p.stdout}{p.stderr}')


def wan(state):
    """What makes a WAN device guarded. Inside devices are the controller's, too, which begins with them."""
    tcx, xdp, _ = state.parts['programs']
    return [p for p in tcx if 'rf_wan_' in p or 'rf_lo' in p], xdp, state.parts['guards']


def told(when, wanted):
    """wanted: states with which all may be content. What `status` and the controller say of it."""
    tcx = gw('tcx').stdout
    guarded(tcx)
    rc, status = rf('status')
    if rc == 0:
        now = wan(State(ids=False))
        if now not in [wan(w) for w in wanted]:
            raise Failed(f'{when}: status is content: {now}')
        return 'done'
    expect(f'{when}: status says {status}', rc, 1)
    p = gw('timeout', '10', ENV['RFD'], '--config', ENV['RF_CONFIG'], '--instance', INSTANCE)
    expect(f'{when}: the controller says {p.stdout}{p.stderr}', p.returncode, 1)
    if 'was interrupted' in status:
        if 'was interrupted' not in p.stdout + p.stderr:
            raise Failed(f'{when}: the controller says {p.stdout}{p.stderr}')
        return 'interrupted'
    if not re.search(r'is not attached to any device; first: ringfence attach dev DEV', status):
        raise Failed(f'{when}: status says {status}')
    if 'rf_' in tcx:
        raise Failed(f'{when}: "not attached", but there is {tcx}')
    return 'nothing'


def killed(prepare, args, wanted, finish):
    outcomes = {}
    for i, (kind, n) in enumerate(points(prepare, *args)):
        prepare()
        when = f'killed before {kind} call {n}'
        p = gw('failat', kind, str(n), '0', *RF, *args)
        if p.returncode not in (0, 137):
            raise Failed(f'{when}: status {p.returncode}: {p.stdout}{p.stderr}')
        outcome = told(when, wanted)
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
        finish(i, when, outcome)
    if not outcomes.get('interrupted'):
        raise Failed(f'never interrupted: {outcomes}')
    return ', '.join(f'{k} {v} times' for k, v in sorted(outcomes.items()))


def attach_and_detach(which, wanted):
    def finish(i, when, outcome):
        if outcome != 'done' and i % 3:
            try:
                must(*which)
                wanted.must_be(State(ids=False), f'{when}, attached again')
            except Failed as e:
                raise Failed(f'{when}: {e}') from e
        if outcome == 'nothing' and not i % 3:
            rc, said = rf('detach', 'all')  # says that it is not attached, or removes remains
            if rc not in (0, 1):
                raise Failed(f'{when}: detach all: status {rc}: {said}')
        else:
            must('detach', 'all')
        nothing_left(when)
    return finish


def main():
    tap = Tap('killed: ')

    def nothing():
        if State().parts['pins']:
            must('detach', 'all')

    def first():
        nothing()
        must(*W0)

    def both():
        first()
        must(*W1)

    first()
    only_w0 = State(ids=False)
    must(*W1)
    w0_w1 = State(ids=False)
    must('detach', 'all')
    nothing_left('detach')
    last = attach_and_detach(W0, only_w0)
    tap.test('first attach', lambda: killed(nothing, W0, [only_w0], last))
    tap.test('detach of the last', lambda: killed(first, ['detach', 'dev', 'w0'], [only_w0], last))

    def second(i, when, outcome):
        if outcome == 'interrupted' and i % 3 == 1:
            must(*W1)
            w0_w1.must_be(State(ids=False), f'{when}, attached again')
        elif outcome == 'interrupted' and i % 3 == 2:
            must('detach', 'dev', 'w1')
            rc, said = rf('status')
            expect(f'{when}: detached: {said}', rc, 0)
    tap.test('second attach', lambda: killed(first, W1, [only_w0, w0_w1], second))
    tap.test('detach of one', lambda: killed(both, ['detach', 'dev', 'w1'], [only_w0, w0_w1], second))
    tap.done()


main()
