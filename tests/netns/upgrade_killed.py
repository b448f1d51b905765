# SPDX-License-Identifier: GPL-2.0-only
"""The take-over killed at every step, one after the other."""
import time

from old_calls import ATTACH, INSTANCE, NEW, OLD, Lives, abi, call_list, maps_are_new, pinholes, tool, version
from ua import ENV, Failed, Tap, daemon_kill, daemon_start, expect, reasons

UPGRADING = 1 << 31
HOOKS = 8  # steps that exchange hooks once more when the maps are new already


def killed_everywhere():
    """Each run is killed one step later than the one before, and begins with what that has left. When the
    maps are exchanged the steps are fewer: those behind the hooks are counted from there."""
    n, runs, new_maps = 1, 0, False
    while True:
        p = tool('killat', str(n), ENV['NEW'], '--instance', INSTANCE, *ATTACH, 'replace', check=False)
        if p.returncode == 0 and '"error"' not in p.stdout:
            break
        expect(f'status when killed at {n}: {p.stdout}{p.stderr}', p.returncode, 137)
        runs += 1
        if abi() not in (OLD, UPGRADING | OLD, NEW):
            raise Failed(f'version {abi()} when killed at {n}')
        if not new_maps and maps_are_new():
            new_maps, n = True, HOOKS
        n += 1
        if n > 100:
            raise Failed('it never ends')
    expect('version', abi(), NEW)
    if not new_maps or runs < 20:
        raise Failed(f'only {runs} kills')
    return f'{runs} kills'


def main():
    tap = Tap(f'upgrade from ABI {OLD}, killed: ')
    version(OLD)
    x = Lives()
    before = {'calls': call_list(), 'pinholes': pinholes(), 'reasons': reasons()}
    x.pump.gap = 0.004  # it takes long: the processors are for the verifier
    x.pump.start()
    daemon_kill(15)
    version(NEW)
    tap.test('at each step', killed_everywhere)
    daemon_start()
    time.sleep(0.5)
    tap.test('media of the whole time: none lost', lambda: f'{x.pump.stop()} packets')
    tap.test('calls', lambda: expect('calls', call_list(), before['calls']))
    tap.test('pinholes', lambda: expect('pinholes', pinholes(), before['pinholes']))
    now = reasons()
    tap.test('counters', lambda: expect('lower', {k: v for k, v in before['reasons'].items() if now[k] < v}, {}))
    tap.test('everything ends', x.end)
    tap.done()


main()
