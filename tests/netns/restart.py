# SPDX-License-Identifier: GPL-2.0-only
"""What comes first in a start, and what does not hold it up."""
import fcntl
import os
import stat

from ua import ENV, Failed, Tap, calls, daemon_kill, daemon_pid, daemon_start, expect, open_pinholes
from world import Talk, World

RUN = f'/run/ringfence/{ENV["RF_INSTANCE"]}'
LOCK = f'/sys/fs/bpf/ringfence/{ENV["RF_INSTANCE"]}/lock'


def said(text):
    with open(ENV['RF_LOG']) as f:
        return [line for line in f if text in line]


def beside_a_command(w, phone, prov):
    """One that works on the instance, as a `replace` does for seconds: calls do not wait for it."""
    with_media = Talk(w, phone, prov, w.inside_media(20000), w.outside_media(30000))
    lock = os.open(LOCK, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        daemon_kill()
        daemon_start()
        expect('calls', len(calls()), 1)
        with_media.flow(5)
        other = Talk(w, phone, prov, w.inside_media(20004), w.outside_media(30004), out=False)
        other.flow(5)
    finally:
        os.close(lock)
    other.call.bye()
    with_media.call.bye()
    expect('pinholes', [p for p in open_pinholes() if p['classes'] != ['sip']], [])


def one_among_others():
    """Its hurry is over with its start."""
    with open(f'/proc/{daemon_pid()}/stat') as f:
        expect('nice value', int(f.read().rsplit(')', 1)[1].split()[16]), 0)


def damaged(w, phone, prov):
    """A flipped bit in the record of one of three calls: the others go on, and it is said."""
    talks = [Talk(w, phone, prov, w.inside_media(21000 + 4 * k), w.outside_media(31000 + 4 * k)) for k in range(3)]
    daemon_kill()
    daemon_start()  # so that nothing else but these and what is over is in there
    daemon_kill()
    with open(f'{RUN}/journal', 'r+b') as f:
        whole = f.read()
        at = whole.rindex(talks[1].call.id.encode())
        f.seek(at)
        f.write(bytes([whole[at] ^ 1]))
        f.seek(0)
        was = f.read()
    daemon_start()
    line = said('journal is damaged')
    if len(line) != 1 or ': 1 entries' not in line[0] or 'at most 1 calls' not in line[0]:
        raise Failed(f'the log says {line}')
    with open(f'{RUN}/journal.damaged', 'rb') as f:
        expect('the copy is what was found', f.read() == was, True)
        expect('its rights', stat.S_IMODE(os.fstat(f.fileno()).st_mode), 0o600)
    for k in (0, 2):
        talks[k].flow(5)
        talks[k].call.bye()
    daemon_kill()
    daemon_start()
    expect('times that it is said', len(said('journal is damaged')), 1)


def main():
    tap = Tap('restart: ')
    with World(4) as w:
        phone, prov = w.phone(), w.provider()
        tap.test('beside a command that is at work', beside_a_command, w, phone, prov)
        tap.test('then one process among others', one_among_others)
        tap.test('a damaged journal', damaged, w, phone, prov)
    tap.done()


main()
