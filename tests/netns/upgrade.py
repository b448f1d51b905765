# SPDX-License-Identifier: GPL-2.0-only
"""Calls of the old version, taken over by this one under running media."""
import json
import os
import re
import shutil
import struct
import threading
import time
import zlib

from old_calls import ATTACH, INSTANCE, MAPS, NEW, OLD, PINHOLE_SIZE, Lives, abi, bpf_map, call_list, maps_are_new, \
    pinholes, set_abi, state, tool, value_size, version
from ua import ENV, Call, Failed, Tap, alive, counts, daemon_kill, daemon_pid, daemon_start, expect, reasons, rf, sdp


def refused(text, *args, program=None, changes=False):
    """Fails with status 1 and this sentence, and changes nothing."""
    before = state()
    p = tool(*(program or [ENV['RF'], '--instance', INSTANCE]), *args, check=False)
    said = p.stdout + p.stderr
    if p.returncode != 1 or not re.search(text, said):
        raise Failed(f'{" ".join(args)}: status {p.returncode}, wanted 1 and "{text}": {said}')
    if 'ERROR: ' in said:
        raise Failed(f'{" ".join(args)}: {said}')
    after = state()
    if not changes and before != after:
        raise Failed(f'{" ".join(args)} changed something: {before} {after}')


def old_controller_runs():
    """Nothing of this version works on the instance, and it is not taken over while its controller runs."""
    older = rf'is of an older version \(ABI {OLD}, this is {NEW}\); to take it over with its calls, .* replace'
    for args in ('status', 'call show', 'pinhole show', 'reason show', 'registration show', 'attach dev w0'):
        refused(older, *args.split())
    refused(rf'controller of the older version \(pid {daemon_pid()}\) still runs: stop it first, calls go on meanwhile; '
            'then again', *ATTACH, 'replace')
    refused('is not attached, so there is nothing to replace', 'attach', 'dev', 'l0', 'replace')
    version(OLD)
    expect('the old controller is alive', alive(), True)
    version(NEW)


def beat(age_s):
    """Somebody says that he lives, or did some seconds ago, whoever has the lock."""
    value = json.loads(bpf_map('dump', 'pinned', f'{MAPS}/control'))[0]['value']
    ns = int((time.monotonic() - age_s) * 1e9)
    value[:8] = [f'0x{ns >> 8 * i & 255:02x}' for i in range(8)]
    bpf_map('update', 'pinned', f'{MAPS}/control', 'key', '0', '0', '0', '0', 'value', *value)


def stopped():
    """Stopped, but its instance is not: the controller of this version says so."""
    before = state()
    daemon_kill(15)
    if ENV.get('KEEP_JOURNAL'):  # for tests/data/journal-abi5
        shutil.copy(f'/run/ringfence/{INSTANCE}/journal', ENV['KEEP_JOURNAL'])
    refused('is of an older version', '--config', ENV['RF_CONFIG'], '--instance', INSTANCE, program=[ENV['RFD']])
    refused(r'is of an older version', *ATTACH)
    expect('what a stop changes', state(), before)


def elsewhere():
    """A controller with a /run of its own shows by its heartbeat."""
    end = threading.Event()

    def beating():
        while not end.is_set():
            beat(0)
            end.wait(0.2)
    t = threading.Thread(target=beating)
    t.start()
    try:
        refused('controller of the older version.* still runs', *ATTACH, 'replace')
    finally:
        end.set()
        t.join()
        beat(5)


def other_versions():
    """Too old, or newer than this: detach with that one."""
    for n in (4, NEW + 1, 4 | 1 << 31):
        set_abi(n)
        for args in ('status', 'attach dev w0', 'attach dev w0 replace', 'detach all', 'detach dev w0'):
            refused(rf'was attached by another version \(ABI {n & 0xffff}, this is {NEW}\); detach it with that version',
                    *args.split())
    set_abi(OLD)


def bad_entry():
    """What cannot be converted is not left out."""
    key = ['0'] * 18 + ['1', '0']
    bpf_map('update', 'pinned', f'{MAPS}/pinholes', 'key', *key, 'value', *['9'] * 104)
    refused('pinhole 151587081 at .* cannot be converted: it is neither open nor closed', *ATTACH, 'replace')
    bpf_map('delete', 'pinned', f'{MAPS}/pinholes', 'key', *key)


def cannot_pin():
    """A failure after the programs are exchanged: the old ones come back."""
    blocked = f'{MAPS}/reasons_new' if OLD == 5 else f'{MAPS}/instance_new'
    os.mkdir(blocked)
    try:
        refused(f'cannot pin {blocked}', *ATTACH, 'replace', changes=True)
    finally:
        os.rmdir(blocked)
    expect('version', abi(), OLD)
    expect('size of a pinhole', value_size(), PINHOLE_SIZE)


def unchanged(fn):
    """Fails if the function changes anything."""
    before = state()
    fn()
    expect('what was there before', state(), before)


def killed():
    """Killed before the pins of the maps are exchanged. Every other step: test_upgrade_killed.sh."""
    n = {5: 18, 6: 9}[OLD]
    p = tool('killat', str(n), ENV['NEW'], '--instance', INSTANCE, *ATTACH, 'replace', check=False)
    expect(f'status when killed at {n}', p.returncode, 137)
    expect(f'maps are new when killed at {n}', maps_are_new(), False)
    expect(f'version when killed at {n}', abi(), 1 << 31 | OLD)
    for program in (ENV['NEW'], ENV['OLD'] + '/ringfence'):
        for args in ('status', 'attach dev w0'):
            refused('was interrupted, calls go on; to finish it: ringfence attach dev DEV replace'
                    if program == ENV['NEW'] else 'another version', '--instance', INSTANCE, *args.split(),
                    program=[program])


def room(name):
    return json.loads(bpf_map('show', 'pinned', f'{MAPS}/{name}'))['max_entries']


def take_over():
    """The fresh maps are as large as the old ones were made for their configuration."""
    entries = room('pinholes')
    out = rf(*ATTACH, 'replace')
    expect('room for pinholes', room('pinholes'), entries)
    expect('room for their cold part', room('pinhole_cold'), room('pinhole_state'))
    expect('room for reasons', room('reasons'), 128)
    expect('taken over from', out.get('upgraded_from_abi'), OLD)
    expect('version', abi(), NEW)
    expect('size of a pinhole', value_size(), 112)
    expect('maps', [n for n in os.listdir(MAPS) if n.endswith('_new')], [])


def known(before):
    daemon_start()
    expect('calls', call_list(), before['calls'])
    expect('pinholes', pinholes(), before['pinholes'])
    expect('registrations', len(rf('registration', 'show')['registrations']), 1)
    with open(ENV['RF_LOG']) as f:
        forgotten = [line for line in f if 'journal' in line and 'forgotten' in line]
    expect('what the log says is forgotten', forgotten, [])


def counters(before):
    now = reasons()
    less = {k: (v, now[k]) for k, v in before['reasons'].items() if now[k] < v}
    expect('counters that are lower than before', less, {})
    for k in ('sip_held', 'released', 'on_hold'):
        if not before['reasons'][k]:
            raise Failed(f'{k} was not counted before')


def resume(x):
    """A re-INVITE in a call of the old version: its media flows again."""
    t = x.held
    t.call.within('INVITE', sdp(t.inside.addr, t.inside.port), answer=sdp(t.outside.addr, t.outside.port))
    t.flow(10)


def stranger(x):
    m = x.w4.third_media()
    with counts(wrong_source=3):
        m.burst(3, x.plain.pub)
        m.burst(3, x.learnt.pub)
        time.sleep(0.2)
    x.w4.outside_media(31000).burst(3, x.plain.pub)  # the pump would tell that one came
    time.sleep(0.2)


def called(x):
    """The registration is known: a call comes in by it."""
    c = Call(x.prov, x.registered, x.contact)
    expect('Request-URI', c.invite(sdp(x.w4.prov, 30900)).uri, x.registered.uri)
    c.failure_ack(c.answer(486))


def newer_records():
    """What a newer version has written is not forgotten without a word."""
    daemon_kill(15)
    with open(f'/run/ringfence/{INSTANCE}/journal', 'r+b') as f:
        instance = f.read(56)[48:]
        f.seek(0, os.SEEK_END)
        for kind, number, magic in ((1, 900, b'CALL'), (1, 901, b'CALL'), (3, 902, b'REGI')):
            record = magic + struct.pack('<H', 7) + bytes(40)
            crc = zlib.crc32(instance + struct.pack('<III', len(record), kind, number) + record)
            f.write(struct.pack('<IIIII', 0xf5e1d1f0, len(record), crc, kind, number) + record)
    daemon_start()
    with open(ENV['RF_LOG']) as f:
        said = [line for line in f if 'forgotten' in line]
    if len(said) != 1 or '2 calls, 1 registration (the first is of version 7)' not in said[0]:
        raise Failed(f'the log says: {said}')


def main():
    tap = Tap(f'upgrade from ABI {OLD}: ')
    version(OLD)
    lives = []
    tap.test('calls of the old version', lambda: lives.append(Lives()))
    if not lives:
        tap.done()
    x, before = lives[0], {}
    x.held.outside.burst(3, x.held.pub)  # on hold: dropped, by name
    time.sleep(0.6)  # what the controller counts is written
    before.update(calls=call_list(), pinholes=pinholes(), reasons=reasons())
    x.pump.start()
    time.sleep(0.5)
    version(NEW)
    tap.test('the old controller runs: refused', old_controller_runs)
    tap.test('the old controller is stopped', stopped)
    tap.test('one that runs elsewhere: refused', elsewhere)
    tap.test('too old or too new: refused', other_versions)
    if OLD == 5:
        tap.test('an entry that cannot be converted: refused', unchanged, bad_entry)
    tap.test('a failure behind the exchange: taken back', unchanged, cannot_pin)
    tap.test('killed: it can be finished', killed)
    tap.test('taken over', take_over)
    tap.test('the new controller knows every call', known, before)
    tap.test('counters are not lower', counters, before)
    tap.test('resumed from hold', resume, x)
    tap.test('a stranger is dropped', stranger, x)
    tap.test('a registration of the old version', called, x)
    tap.test('media of the whole time: none lost', lambda: f'{x.pump.stop()} packets')
    tap.test('everything ends', x.end)
    tap.test('records of a newer version', newer_records)
    tap.done()


main()
