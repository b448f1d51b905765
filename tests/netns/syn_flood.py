# SPDX-License-Identifier: GPL-2.0-only
"""Connections over TCP while somebody outside sends SYNs from sources that are not there."""
import socket
import struct
import sys
import threading
import time

from ua import Failed, Tap, bracket, build, expect, ns_socket, rf, token, wait_until
from ua_tcp import TcpUa
from world import World

family, who = int(sys.argv.pop(1)), sys.argv.pop(1)
AF = socket.AF_INET6 if family == 6 else socket.AF_INET
RATE = 1500  # SYN/s, if the machine can
CONNECTIONS = 40
PATIENCE = 5.0  # the SYN may be sent again: what is shown is that nobody is shut out


def checksum(data):
    data += b'\0' * (len(data) % 2)
    n = sum(struct.unpack(f'>{len(data) // 2}H', data))
    while n >> 16:
        n = (n & 0xffff) + (n >> 16)
    return ~n & 0xffff


def syn(n, dst):
    """From another source each time; in IPv6 from another /64."""
    src = f'198.18.{n >> 8 & 0xff}.{n & 0xff}' if family == 4 else f'2001:db8:2:{n & 0xffff:x}::1'
    s, d = socket.inet_pton(AF, src), socket.inet_pton(AF, dst)
    tcp = struct.pack('>HHIIBBHHH', 1024 + n % 60000, 5060, n, 0, 5 << 4, 2, 65535, 0, 0)
    sum_ = checksum(s + d + struct.pack('>II', len(tcp), 6) + tcp)
    tcp = tcp[:16] + struct.pack('>H', sum_) + tcp[18:]
    if family == 6:
        return struct.pack('>IHBB', 6 << 28, len(tcp), 6, 64) + s + d + tcp
    ip = struct.pack('>BBHHHBBH', 0x45, 0, 40, 7, 0, 64, 6, 0) + s + d
    return ip[:10] + struct.pack('>H', checksum(ip)) + ip[12:] + tcp


class Flood:
    def __init__(self, dst):
        self.sock, self.dst, self.n, self.ends = ns_socket('third', AF, socket.SOCK_RAW, socket.IPPROTO_RAW), dst, 0, False
        self.thread = threading.Thread(target=self.run)

    def run(self):
        start = time.monotonic()
        while not self.ends:
            while self.n < (time.monotonic() - start) * RATE:
                self.sock.sendto(syn(self.n, self.dst), (self.dst, 0))
                self.n += 1
            time.sleep(0.005)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ends = True
        self.thread.join()
        self.sock.close()


def options(ua, to):
    return build(f'OPTIONS sip:{bracket(to[0])} SIP/2.0', [
        ['Via', f'SIP/2.0/TCP {ua.hp};branch={token("z9hG4bK")}'], ['Max-Forwards', '70'],
        ['From', f'<sip:{ua.user}@{ua.hp}>;tag={token("o")}'], ['To', f'<sip:{bracket(to[0])}>'],
        ['Call-ID', token('opt')], ['CSeq', '1 OPTIONS']])


def connects(ua, to, at):
    s = ua.connect(to, timeout=PATIENCE)
    s.send(options(ua, to))
    if at.get(lambda m: m.method == 'OPTIONS', PATIENCE) is None:
        raise Failed(f'what {ua.user} says to {to} does not arrive')


def holders(key):
    """Of each of the three; a controller that is not seen alive, as the machine is busy, is asked again."""
    found = {}

    def ask():
        found.update({h['who']: h[key] for h in rf('status')['tcp_holders']})
        return found
    wait_until('the controller tells who holds connections', ask, 20)
    return found


def flooded():
    """Phones connect to the provider, and the provider to the phone, as long as the flood lasts."""
    with World(family) as w:
        phone = w.keep(TcpUa(w.ph_ns, w.ph, 'alice'))
        prov = w.keep(TcpUa('prov', w.prov, 'bob'))
        with Flood(w.gw) as flood:
            # more than the table had room for before, so that it is a flood
            wait_until('the flood is there', lambda: holders('opening')[who] >= 600, 30)
            times = []
            for _ in range(CONNECTIONS):
                began = time.monotonic()
                connects(phone, (w.prov, 5060), prov)
                times.append(time.monotonic() - began)
                time.sleep(0.03)
            held = holders('opening')
            expect('handshakes of others', {k: n for k, n in held.items() if k != who and n}, {})
            expect('they are at most their share', held[who] <= holders('opening_max')[who], True)
            text = rf('status', json_out=False).stdout
            expect('status names them', f'{who} ' in text and 'most by ' in text, True)
            if who == 'strangers':
                connects(prov, (w.gw, 5060), phone)
        return f'{flood.n} SYNs, connected within {max(times):.3f} s'


tap = Tap(f'SYN flood, IPv{family}, {who}: ')
tap.test('inside phones connect', flooded)
tap.done()
