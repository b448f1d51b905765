# SPDX-License-Identifier: GPL-2.0-only
"""A SIP user agent over TCP: the same calls as over UDP, on connections that tests can cut, drop and count."""
import contextlib
import re
import select
import socket
import time

from ua import Failed, Ua, family_of, in_ns

ONE_BY_ONE = object()  # every byte in a segment of its own


class Stream:
    """One connection; .messages() are the whole ones that have come."""

    def __init__(self, sock):
        self.sock, self.buf, self.ended, self.pongs = sock, b'', False, 0
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.peer, self.local = sock.getpeername()[:2], sock.getsockname()[:2]

    def read(self):
        try:
            data = self.sock.recv(65536)
        except ConnectionError:
            data = b''
        self.ended = not data
        self.buf += data

    def messages(self):
        while True:
            while self.buf[:2] == b'\r\n':
                self.buf = self.buf[2:]
                self.pongs += 1
            head, end, rest = self.buf.partition(b'\r\n\r\n')
            if not end:
                return
            m = re.search(rb'(?im)^(?:content-length|l)[ \t]*:[ \t]*(\d+)', head)
            n = int(m.group(1)) if m else 0
            if len(rest) < n:
                return
            self.buf = rest[n:]
            yield head + end + rest[:n]

    def send(self, data, cut=None):
        """cut: None, ONE_BY_ONE, or where to cut (each piece a segment)."""
        if cut is None:
            self.sock.sendall(data)
            return
        at = list(range(1, len(data))) if cut is ONE_BY_ONE else sorted(cut)
        for a, b in zip([0] + at, at + [len(data)]):
            self.sock.sendall(data[a:b])
            time.sleep(0.0002 if cut is ONE_BY_ONE else 0.05)

    def end_seen(self, timeout=3.0):
        """Does the other side end it within that time?"""
        end = time.monotonic() + timeout
        while not self.ended and select.select([self.sock], [], [], max(0, end - time.monotonic()))[0]:
            self.read()
        return self.ended

    def close(self, reset=False):
        if reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
        self.sock.close()


class TcpUa(Ua):
    """Listens at ADDR:PORT; sends by the connection that is there, or opens one from any port."""
    transport = 'TCP'

    def __init__(self, ns, addr, user, port=5060, **kw):
        self.streams, self.cut, self.waiting = [], None, []
        super().__init__(ns, addr, user, port, **kw)
        self.sock.close()
        with in_ns(ns):
            self.sock = socket.socket(family_of(addr), socket.SOCK_STREAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind((addr, port))
        self.sock.listen(20)

    @property
    def uri(self):
        return f'sip:{self.user}@{self.hp};transport=tcp'

    def connect(self, to, port=0, timeout=3.0):
        with in_ns(self.ns):
            s = socket.socket(family_of(self.addr), socket.SOCK_STREAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.settimeout(timeout)
        try:
            s.bind((self.addr, port))
            s.connect(to)
        except OSError:
            s.close()
            raise
        self.streams.append(Stream(s))
        return self.streams[-1]

    def stream(self, to):
        for s in reversed(self.streams):
            if s.peer == tuple(to) and not s.ended:
                return s
        return self.connect(tuple(to))

    def send(self, data, to):
        self.stream(to).send(data, self.cut)

    def recv(self, timeout=2.0):
        """(bytes of one message, (address, port)) or None."""
        end = time.monotonic() + timeout
        while not self.waiting:
            live = [s for s in self.streams if not s.ended]
            ready = select.select([self.sock] + [s.sock for s in live], [], [], max(0, end - time.monotonic()))[0]
            if not ready:
                return None
            if self.sock in ready:
                self.streams.append(Stream(self.sock.accept()[0]))
            for s in live:
                if s.sock in ready:
                    s.read()
                    self.waiting += [(m, s.peer) for m in s.messages()]
        return self.waiting.pop(0)

    def accepted(self, timeout=3.0):
        """The next connection that somebody opened to us."""
        if not select.select([self.sock], [], [], timeout)[0]:
            raise Failed(f'{self.user}: nobody has connected')
        self.streams.append(Stream(self.sock.accept()[0]))
        return self.streams[-1]

    def hang_up(self, reset=False):
        for s in self.streams:
            s.close(reset)
        self.streams = []

    def close(self):
        with contextlib.suppress(OSError):
            self.hang_up()
        super().close()
