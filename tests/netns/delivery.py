# SPDX-License-Identifier: GPL-2.0-only
"""Media by every way of delivery: nothing lost, every payload intact, counted by the way that was promised."""
import socket
import struct
import subprocess
import sys

from exact import checksum
from ua import ENV, Failed, MODE, Tap, expect, ns_socket, reasons, rtp, wait_until
from world import Talk, World

family, WAY_IN = int(sys.argv.pop(1)), sys.argv.pop(1)  # media_xdp, media_tc, any
if family == 6 and WAY_IN == 'media_xdp' and ENV['LAB_CSUM'] == 'on':
    WAY_IN = 'media_tc'  # a partial IPv6 checksum cannot leave by XDP


def talk(w, **kw):
    return Talk(w, w.phone(), w.provider(), w.inside_media(), w.outside_media(), **kw)


def flows(out):
    with World(family) as w:
        t = talk(w, out=out)
        before = reasons()
        t.flow(50)
        grown = reasons() - before
        delivered = {k: n for k, n in grown.items() if k.startswith('media_')}
        expect('packets delivered by us', sum(delivered.values()), 100)
        if grown['media_stack']:
            raise Failed(f'{grown["media_stack"]} packets went by the stack')
        if WAY_IN in ('media_xdp', 'media_tc'):
            wanted = 100 if WAY_IN == 'media_tc' else 50
            if MODE == 'host':
                wanted = 0
            if grown[WAY_IN] < wanted:
                raise Failed(f'{WAY_IN} grew by {grown[WAY_IN]}, wanted {wanted}: {dict(grown)}')
            # the way out, once the next hop is known
            if ENV.get('INSIDE_XDP') == 'always' and WAY_IN == 'media_xdp' and grown[WAY_IN] <= wanted:
                raise Failed(f'nothing went out by XDP: {dict(grown)}')
        sizes(t)
        t.call.bye()


def sizes(t):
    """Every length class, random payloads: checksums of every kind."""
    top = int(ENV['LAB_MTU']) - (60 if family == 6 else 40)
    for size in [0, 1, 2, 3, 63, 64, 65, 159, 160, 500, 1001, 1400] + [top - 1, top]:
        if size > top:
            continue
        tail = bytes((i * 7 + size) & 255 for i in range(size))
        a, b = rtp(7, size=0) + tail, rtp(9, size=0) + tail[::-1]
        t.outside.send(a, t.pub)
        t.inside.send(b, t.far)
        got_in, got_out = t.inside.recv(1), t.outside.recv(1)
        expect(f'in, {size} bytes', got_in and got_in[0], a)
        expect(f'out, {size} bytes', got_out and got_out[0], b)


def checksum_zero_sum():
    """Payloads that bring the UDP checksum to 0x0000/0xffff and its neighbours."""
    with World(family) as w:
        t = talk(w)
        for x in range(0, 0x10000, 257):
            for y in (x, x ^ 0xffff):
                a = rtp(7, size=0) + struct.pack('>HH', y, (x * 3 + 1) & 0xffff)
                t.outside.send(a, t.pub)
                t.inside.send(a, t.far)
        got_in, got_out = len(t.inside.seqs(512)), len(t.outside.seqs(512))
        expect('packets in', got_in, 512)
        expect('packets out', got_out, 512)
        t.call.bye()


def first_packet_neighbour():
    """The first media packet goes to hosts whose neighbour entry is not there yet."""
    with World(family) as w:
        third = w.third_media()
        t = Talk(w, w.phone(), w.provider(), w.inside_media(), third)
        for dev in ('w0',) + ((ENV.get('IN_DEV', 'l0'),) if MODE != 'host' else ()):
            subprocess.run(['nsenter', '--net=/run/netns/gw', '--', 'ip', 'neigh', 'flush', 'dev', dev], check=False)
        sent = t.inside.burst(1, t.far)
        expect('the first packet out', third.seqs(1, timeout=3), sent)
        sent = third.burst(1, t.pub)
        expect('the first packet in', t.inside.seqs(1, timeout=3), sent)
        t.flow(5)
        t.call.bye()


def icmp_error(way):
    """Fragmentation needed / packet too big / unreachable about a media packet reaches its sender as if
    there were no translation: the kernel there accepts it as an error of that very socket."""
    with World(family) as w:
        t = talk(w)
        t.flow(2)
        sender, to = (t.inside, t.far) if way == 'inside' else (t.outside, t.pub)
        seen_src = t.pub if way == 'inside' else (t.outside.addr, t.outside.port)  # as on the far side of the gateway
        seen_dst = t.far if way == 'inside' else (t.inside.addr, t.inside.port)
        ns, router = ('prov', '2001:db8::5' if family == 6 else '203.0.113.5') if way == 'inside' else (w.ph_ns, w.ph_b)
        level, recverr = (41, 25) if family == 6 else (0, 11)  # IPV6_RECVERR, IP_RECVERR
        sender.sock.setsockopt(level, recverr, 1)
        raw = ns_socket(ns, family_const(), socket.SOCK_RAW, socket.IPPROTO_RAW)
        raw.sendto(icmp_packet(router, seen_src, seen_dst), (seen_src[0], 0))

        def error():
            try:
                _, anc, _, addr = sender.sock.recvmsg(2048, 512, socket.MSG_ERRQUEUE)
            except OSError:
                return None
            return anc, addr
        found = []
        wait_until('the error arrives at the sending socket', lambda: found.append(error()) or found[-1], 2)
        anc, addr = found[-1]
        errno_, _, kind, code, _, info = struct.unpack('IBBBBI', anc[0][2][:12])
        expect('error', (errno_, info), (90, 1280))  # EMSGSIZE
        expect('destination of the packet that the error is about', addr[:2], to)


def family_const():
    return socket.AF_INET6 if family == 6 else socket.AF_INET


def icmp_packet(router, src, dst):
    """A router's complaint to src that a 1,400 byte media packet to dst does not fit into 1,280."""
    fam = family_const()
    s, d, r = (socket.inet_pton(fam, x) for x in (src[0], dst[0], router))
    payload = rtp(5, size=1360)
    udp = struct.pack('>HHHH', src[1], dst[1], 8 + len(payload), 0x1234) + payload
    if family == 4:
        inner = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 20 + len(udp), 77, 0x4000, 60, 17, 0, s, d)
        inner = inner[:10] + struct.pack('>H', checksum(inner)) + inner[12:] + udp[:200]
        body = struct.pack('>BBHHH', 3, 4, 0, 0, 1280) + inner
        body = body[:2] + struct.pack('>H', checksum(body)) + body[4:]
        return struct.pack('>BBHHHBBH4s4s', 0x45, 0, 20 + len(body), 99, 0, 64, 1, 0, r, s) + body
    inner = struct.pack('>IHBB16s16s', 6 << 28, len(udp), 17, 60, s, d) + udp[:400]
    body = struct.pack('>BBHI', 2, 0, 0, 1280) + inner
    body = body[:2] + struct.pack('>H', checksum(r + s + struct.pack('>IHBB', len(body), 0, 0, 58) + body)) + body[4:]
    return struct.pack('>IHBB16s16s', 6 << 28, len(body), 58, 64, r, s) + body


tap = Tap(f'{MODE} IPv{family} {ENV["LAB_CASE"]}: ')
tap.test('call out', flows, True)
tap.test('call in', flows, False)
tap.test('checksums around zero', checksum_zero_sum)
tap.test('first packet to unknown neighbours', first_packet_neighbour)
tap.test('"packet too big" from outside', icmp_error, 'inside')
if MODE != 'host':
    tap.test('"packet too big" from inside', icmp_error, 'outside')
tap.done()
