# SPDX-License-Identifier: GPL-2.0-only
"""Somebody floods with INVITEs at 600 a second; everybody else calls as ever. Anybody may call (`inbound` without peers)."""
import contextlib
import socket
import struct
import threading
import time

from ua import ENV, Failed, Tap, Ua, counts, expect, ns_socket, reasons, rf, wait_until
from world import Talk, World

MAX, RATE = 1600, 600
IP_PKTINFO, IP_TRANSPARENT = 8, 19


class Busy(Ua):
    """Gets the flood, too, and does not care."""

    def recv(self, timeout=2.0):
        end = time.monotonic() + timeout
        while True:
            one = super().recv(end - time.monotonic())
            if one is None or b'flood' not in one[0]:
                return one


def invite(n, addr, lines):
    sdp = f'v=0\r\no=- 1 1 IN IP4 {addr}\r\ns=-\r\nc=IN IP4 {addr}\r\nt=0 0\r\n' + ''.join(
        f'm=audio {10000 + (n * lines + i) * 2 % 50000} RTP/AVP 0\r\n' for i in range(lines))
    return (f'INVITE sip:x@example.com SIP/2.0\r\nVia: SIP/2.0/UDP {addr}:5060;branch=z9hG4bKf{n}\r\nMax-Forwards: 70\r\n'
            f'From: <sip:f@example.com>;tag=f{n}\r\nTo: <sip:x@example.com>\r\nCall-ID: flood-{n}\r\nCSeq: 1 INVITE\r\n'
            f'Contact: <sip:f@{addr}:5060>\r\nContent-Type: application/sdp\r\nContent-Length: {len(sdp)}\r\n\r\n{sdp}'
            ).encode()


@contextlib.contextmanager
def flood(ns, to, source, lines=1):
    """source(n): the address of the n-th; forged ones, too."""
    sock = ns_socket(ns, socket.AF_INET)
    sock.setsockopt(socket.SOL_IP, IP_TRANSPARENT, 1)
    sock.bind(('0.0.0.0', 5061))
    over = threading.Event()

    def run():
        begin, n = time.monotonic(), 0
        while not over.is_set():
            due = int((time.monotonic() - begin) * RATE)
            for n in range(n, due):
                addr = source(n)
                info = struct.pack('i4s4s', 0, socket.inet_aton(addr), b'\0' * 4)
                with contextlib.suppress(OSError):
                    sock.sendmsg([invite(n, addr, lines)], [(socket.SOL_IP, IP_PKTINFO, info)], 0, to)
            n = max(n, due)
            time.sleep(0.01)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        sock.close()


def share(table):
    """Nothing before its first entry, or when the controller has no time to answer."""
    return next((s for s in rf('status')['shares'] if s['table'] == table), None)


def given_way(table):
    s = share(table)
    return s['gave_way'] if s else 0


def beside(w, attack, table, out_first):
    """Calls that run, and calls that come, while the attack takes all that it can get."""
    phone = w.keep(Busy(w.ph_ns, w.ph, 'alice'))
    prov = w.keep(Busy('prov', w.prov, 'bob'))
    made = 0

    def talk(out):
        nonlocal made
        made += 1
        return Talk(w, phone, prov, w.inside_media(40000 + 2 * made), w.outside_media(30000 + 2 * made), out=out)

    with counts(sip_gave_way=200, sip_share=(0,), sip_limit=(0,), sip_no_ports=(0,)):
        running = [talk(out) for out in (out_first, True, False, True, False)]
        before = given_way(table)
        with attack:
            wait_until('the table is full', lambda: given_way(table) > before + 200, 20)
            for i in range(8):
                t = talk(i % 2)
                t.flow(5)
                t.call.bye()
            for t in running:
                t.flow(5)
            said = []
            wait_until('the controller says who has what', lambda: said.append(share(table)) or said[-1])
            held = said[-1]
        for t in running:
            t.flow(5)
            t.call.bye()
    expect('refused', held['refused'], 0)
    return held


def one_stranger():
    with World(4) as w:
        held = beside(w, flood('third', (w.gw, 5060), lambda n: w.third), 'calls', True)
    expect('who holds most', (held['kind'], held['most'], held['most_held']), ('stranger', w.third, MAX // 16))


def forged():
    with World(4) as w:
        held = beside(w, flood('third', (w.gw, 5060), lambda n: f'100.{64 + n // 65536 % 64}.{n // 256 % 256}.{n % 256}'),
                      'calls', True)
    if not MAX // 4 < held['strangers'] <= MAX // 2:
        raise Failed(f'strangers hold {held["strangers"]} of {MAX} calls')


def all_ports():
    with World(4) as w:
        held = beside(w, flood(w.ph_ns, (w.prov, 5060), lambda n: w.ph_b, lines=32), 'media_ports', True)
        warned = ' '.join(rf('status')['warnings'])
    expect('who holds most', (held['kind'], held['most']), ('inside', w.ph_b))
    if f'most by inside {w.ph_b}' not in warned:
        raise Failed(f'status does not say who: {warned}')


def log_is_short():
    with open(ENV['RF_LOG']) as f:
        log = f.read().splitlines()
    lines = sum('call_new' in x for x in log)
    told = sum('more lines on calls' in x for x in log)
    if not told or lines > reasons()['sip_gave_way']:
        raise Failed(f'{lines} lines of new calls, {told} times others were left out')


tap = Tap('greedy: ')
tap.test('one stranger', one_stranger)
tap.test('many forged addresses', forged)
tap.test('an inside host that wants all ports', all_ports)
tap.test('the log is no flood', log_is_short)
tap.done()
