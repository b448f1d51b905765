#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The media half of a SIPp agent: media_agent.py ADDR FIFO RESULTS PORT...

Ports are bound before the first offer is made, as in any real agent, so that a packet which the
peer sends early is counted. A line in the FIFO starts a phase on one port:
  NAME PORT REMOTE REMOTE-PORT SENDS EXPECTS INTERVAL-MS DELAY-MS
One JSON line in RESULTS ends it. What comes before the line counts for the phase, what comes after
its end for the next one on that port; a packet that belongs to no phase is reported as "late".
"""
import heapq
import json
import os
import selectors
import signal
import socket
import struct
import sys
import time

LIMIT, LINGER = 4.0, 0.06


class Port:
    def __init__(self, addr, port):
        self.port = port
        self.sock = socket.socket(socket.AF_INET6 if ':' in addr else socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.sock.bind((addr, port))
        self.got, self.phase = [], None

    def read(self):
        while True:
            try:
                data, src = self.sock.recvfrom(2048)
            except BlockingIOError:
                return
            self.got.append((struct.unpack('>H', data[2:4])[0] if len(data) == 172 else -1, src[:2]))


class Phase:
    def __init__(self, port, words, now):
        self.port, self.name = port, words[0]
        self.remote = (words[2], int(words[3]))
        self.sends, self.expects, self.gap = int(words[4]), int(words[5]), int(words[6]) / 1000
        self.sent, self.errors, self.end, self.done_at = 0, 0, now + LIMIT, None
        self.ssrc = struct.pack('>I', hash(self.name) & 0xffffffff)

    def send(self):
        self.sent += 1
        data = struct.pack('>BBHI', 0x80, 0, self.sent, self.sent * 160) + self.ssrc + b'\xd5' * 160
        try:
            self.port.sock.sendto(data, self.remote)
        except OSError:
            self.errors += 1

    def finished(self, now):
        if self.done_at is None and self.sent >= self.sends and len(self.port.got) >= self.expects:
            self.done_at = now
        return now >= self.end or (self.done_at is not None and now >= self.done_at + LINGER)

    def result(self):
        seqs = [s for s, _ in self.port.got]
        foreign = sorted({src for _, src in self.port.got if src != self.remote})
        return {'name': self.name, 'complete': seqs == list(range(1, self.expects + 1)) and not foreign
                and not self.errors and self.sent == self.sends, 'sent': self.sent - self.errors,
                'errors': self.errors, 'received': len(seqs), 'wanted': self.expects,
                'missing': sorted(set(range(1, self.expects + 1)) - set(seqs))[:10], 'foreign': foreign,
                'in_order': seqs == sorted(seqs)}


def main(argv):
    addr, fifo, results = argv[1:4]
    ports = {int(p): Port(addr, int(p)) for p in argv[4:]}
    sel = selectors.DefaultSelector()
    for p in ports.values():
        sel.register(p.sock, selectors.EVENT_READ, p)
    os.mkfifo(fifo)
    commands = open(fifo, 'rb+', buffering=0)  # both ends: never at its end
    os.set_blocking(commands.fileno(), False)
    sel.register(commands, selectors.EVENT_READ, None)
    due, phases, text, stop = [], [], b'', []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    out = open(results, 'a', buffering=1)
    while not stop:
        now = time.monotonic()
        while due and due[0][0] <= now:
            when, _, phase = heapq.heappop(due)
            phase.send()
            if phase.sent < phase.sends:
                heapq.heappush(due, (when + phase.gap, id(phase), phase))
        for phase in [p for p in phases if p.finished(now)]:
            out.write(json.dumps(phase.result()) + '\n')
            phases.remove(phase)
            phase.port.phase, phase.port.got = None, []
        wait = min([due[0][0] - now if due else 0.05] + [0.02 if phases else 0.05])
        for key, _ in sel.select(max(wait, 0)):
            if key.data:
                key.data.read()
                continue
            text += commands.read(65536) or b''
            *lines, text = text.split(b'\n')
            for line in lines:
                words = line.decode().split()
                phase = Phase(ports[int(words[1])], words, time.monotonic())
                phase.port.read()
                phases.append(phase)
                if phase.sends:
                    heapq.heappush(due, (time.monotonic() + int(words[7]) / 1000, id(phase), phase))
    for p in ports.values():
        p.read()
        if p.got:
            out.write(json.dumps({'name': f'late on {p.port}', 'complete': False, 'sent': 0,
                                  'received': len(p.got)}) + '\n')


if __name__ == '__main__':
    main(sys.argv)
