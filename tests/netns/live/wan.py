# SPDX-License-Identifier: GPL-2.0-only
"""What a capture sees for the length of a with block: of the WAN, or at a phone's own device."""
import collections
import contextlib
import io
import os
import signal
import subprocess
import time

import wire
from ua import Failed, wait_until

ENV = os.environ
PRIVATE = ('10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fd00::/8')


def _mu_law(x):
    x = ~x & 0xff
    magnitude = (((x & 15) << 3) + 0x84 << (x >> 4 & 7)) - 0x84
    return -magnitude if x & 0x80 else magnitude


MU_LAW = [_mu_law(x) for x in range(256)]


class Capture:
    def __init__(self, name, ns='net', dev='wan0'):
        self.path, self.ns, self.dev = f'{ENV["LAB_TMP"]}/{name}.pcap', ns, dev

    def __enter__(self):
        self.log = open(self.path + '.log', 'w+')
        self.process = subprocess.Popen(['nsenter', f'--net=/run/netns/{self.ns}', '--', 'tcpdump', '-i', self.dev, '-n',
                                         '-s', '0', '-U', '--immediate-mode', '-w', self.path], stderr=self.log,
                                        stdout=subprocess.DEVNULL)
        wait_until('tcpdump listens', lambda: 'listening on' in self._text())
        return self

    def _text(self):
        self.log.seek(0)
        return self.log.read()

    def __exit__(self, *_):
        time.sleep(0.1)
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(5)
        self.log.close()

    def rtp(self):
        """Packets by (source, destination), addresses only."""
        flows = collections.Counter()
        for _, src, _, dst, _, payload in wire.datagrams(self.path):
            if len(payload) >= 12 and payload[0] & 0xc0 == 0x80:
                flows[(str(src), str(dst))] += 1
        return flows

    def samples(self, addr):
        """The PCMU that ADDR gets, decoded."""
        out = []
        for _, _, _, dst, _, payload in wire.datagrams(self.path):
            if str(dst) == addr and len(payload) > 12 and payload[0] == 0x80 and payload[1] & 0x7f == 0:
                out += [MU_LAW[x] for x in payload[12:]]
        return out

    def messages(self):
        """(source, destination, text) of what is SIP."""
        return [(str(src), str(dst), payload.decode(errors='replace'))
                for _, src, _, dst, _, payload in wire.datagrams(self.path) if wire.looks_like_text(payload)]

    def no_private(self):
        text = io.StringIO()
        with contextlib.redirect_stdout(text):
            bad = wire.private(self.path, PRIVATE)
        if bad:
            raise Failed(f'on the WAN: {text.getvalue()}')
