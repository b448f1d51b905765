# SPDX-License-Identifier: GPL-2.0-only
"""Media that flows beside whatever a test does, and tells exactly which packets did not come."""
import struct
import threading
import time

from ua import Failed, rtp


class Flow:
    """One direction: from one Media to another."""

    def __init__(self, name, sender, to, receiver):
        self.name, self.sender, self.to, self.receiver = name, sender, to, receiver
        self.sent, self.got = 0, set()
        self.twice = 0

    def send(self):
        self.sent += 1
        body = rtp(self.sent, self.sender.ssrc, size=0) + struct.pack('>II', self.sender.ssrc, self.sent) + bytes(152)
        self.sender.sock.sendto(body, self.to)


class Pump:
    """A packet of every flow each `gap` seconds; what comes is taken at once. One that is late goes on from
    where it is: bursts would measure the queues of the lab."""

    def __init__(self, gap=0.002):
        self.gap, self.flows, self.strange = gap, [], []
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.error = None

    def add(self, name, sender, to, receiver):
        flow = Flow(name, sender, to, receiver)
        receiver.sock.setblocking(False)
        self.flows = self.flows + [flow]
        return flow

    def both(self, name, inside, far, outside, pub):
        return [self.add(name + ' out', inside, far, outside), self.add(name + ' in', outside, pub, inside)]

    def start(self):
        self.thread.start()

    def _take(self):
        by_ssrc = {f.sender.ssrc: f for f in self.flows}
        for f in self.flows:
            while True:
                try:
                    data = f.receiver.sock.recv(2048)
                except BlockingIOError:
                    break
                ssrc, n = struct.unpack('>II', data[12:20]) if len(data) >= 20 else (0, 0)
                owner = by_ssrc.get(ssrc)
                if owner is None or owner.receiver is not f.receiver:
                    self.strange.append((f.name, data[:20]))
                elif n in owner.got:
                    owner.twice += 1
                else:
                    owner.got.add(n)

    def _run(self):
        try:
            due = time.monotonic()
            while not self.ending.is_set():
                for f in self.flows:
                    f.send()
                self._take()
                due = max(due + self.gap, time.monotonic())
                time.sleep(max(0.0, due - time.monotonic()))
        except Exception as e:  # shown by check()
            self.error = e

    def stop(self):
        """Ends it and sees what came: the number of packets sent."""
        self.ending.set()
        self.thread.join()
        for _ in range(4):
            time.sleep(0.05)
            self._take()
        for f in self.flows:
            f.receiver.sock.setblocking(True)
        if self.error:
            raise Failed(f'the media stopped: {self.error!r}')
        lost = {f.name: sorted(set(range(1, f.sent + 1)) - f.got) for f in self.flows}
        lost = {name: (len(v), v[:5]) for name, v in lost.items() if v}
        total = sum(f.sent for f in self.flows)
        if lost or self.strange or any(f.twice for f in self.flows):
            raise Failed(f'of {total} packets lost (number, first ones): {lost}; twice: '
                         f'{ {f.name: f.twice for f in self.flows if f.twice} }; strange: {self.strange[:3]}')
        return total
