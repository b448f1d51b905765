# SPDX-License-Identifier: GPL-2.0-only
"""A scriptable SIP user agent for tests: exact bytes, exact points in time, any network namespace.

One process holds the sockets of phones, providers and attackers at once, so a test reads top to
bottom in the order in which things happen on the wire. Nothing here retransmits by itself.
"""
import collections
import contextlib
import ctypes
import json
import os
import re
import select
import socket
import struct
import subprocess
import sys
import time
import traceback

_libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
ENV = os.environ
PLAIN = bool(ENV.get('LAB_PLAIN'))
MODE = ENV.get('LAB_MODE', 'nat')


class Failed(Exception):
    """An expectation of a test that did not hold."""


def expect(what, got, wanted):
    if got != wanted:
        raise Failed(f'{what}: got {short(got)}, wanted {short(wanted)}')


def short(x):
    text = repr(x)
    return text if len(text) < 400 else f'{text[:300]} ... ({len(text)} characters)'


# ---- namespaces and sockets ----------------------------------------------------------------------

@contextlib.contextmanager
def in_ns(ns):
    """The calling thread is in the namespace; sockets made there stay there."""
    own = os.open('/proc/thread-self/ns/net', os.O_RDONLY)
    there = os.open(f'/run/netns/{ns}', os.O_RDONLY)
    try:
        if _libc.setns(there, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f'setns {ns}')
        yield
    finally:
        if _libc.setns(own, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), 'setns back')
        os.close(own)
        os.close(there)


def ns_socket(ns, family, kind=socket.SOCK_DGRAM, proto=0):
    with in_ns(ns):
        return socket.socket(family, kind, proto)


def family_of(addr):
    return socket.AF_INET6 if ':' in addr else socket.AF_INET


def bracket(addr):
    return f'[{addr}]' if ':' in addr else addr


class Endpoint:
    """A UDP socket at ADDR:PORT in a namespace."""

    def __init__(self, ns, addr, port=0):
        self.ns, self.addr = ns, addr
        self.sock = ns_socket(ns, family_of(addr))
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
        self.sock.bind((addr, port))
        self.port = self.sock.getsockname()[1]

    def send(self, data, to):
        self.sock.sendto(data, to)

    def recv(self, timeout=2.0):
        """(bytes, (address, port)) or None."""
        if not select.select([self.sock], [], [], max(timeout, 0))[0]:
            return None
        data, src = self.sock.recvfrom(65536)
        return data, src[:2]

    def drain(self, quiet=0.05):
        got = []
        while True:
            one = self.recv(quiet)
            if one is None:
                return got
            got.append(one)

    def close(self):
        self.sock.close()


# ---- SIP messages --------------------------------------------------------------------------------

COMPACT = {'v': 'via', 'f': 'from', 't': 'to', 'i': 'call-id', 'm': 'contact', 'l': 'content-length',
           'c': 'content-type', 'k': 'supported', 's': 'subject'}


class Msg:
    """A received or built message; .raw is never touched."""

    def __init__(self, raw, src=None):
        self.raw, self.src = raw, src
        head, _, self.body = raw.partition(b'\r\n\r\n')
        lines = head.decode('utf-8', 'surrogateescape').split('\r\n')
        self.start, self.headers = lines[0], []
        for line in lines[1:]:
            if line[:1] in ' \t' and self.headers:
                self.headers[-1][1] += '\r\n' + line
            else:
                name, _, value = line.partition(':')
                self.headers.append([name, value.strip()])
        self.is_request = not self.start.startswith('SIP/2.0 ')
        self.status = 0 if self.is_request else int(self.start.split()[1])
        self.method = self.start.split()[0] if self.is_request else self.h('CSeq').split()[-1]
        self.uri = self.start.split()[1] if self.is_request else None

    def all(self, name):
        name = name.lower()
        return [v for n, v in self.headers if COMPACT.get(n.strip().lower(), n.strip().lower()) == name]

    def h(self, name):
        found = self.all(name)
        return found[0] if found else None

    @property
    def call_id(self):
        return self.h('Call-ID')

    def tag(self, name):
        m = re.search(r';\s*tag=([^;\s]+)', self.h(name) or '')
        return m.group(1) if m else None

    @property
    def contact_uri(self):
        m = re.search(r'<([^>]+)>|(sips?:\S+)', self.h('Contact') or '')
        return (m.group(1) or m.group(2)) if m else None

    @property
    def sdp(self):
        return Sdp(self.body) if self.body else None

    def __repr__(self):
        return self.start


class Sdp:
    def __init__(self, body):
        self.lines = [x for x in body.decode('utf-8', 'surrogateescape').replace('\r\n', '\n').split('\n') if x]
        session, self.media = None, []
        for line in self.lines:
            if line.startswith('m='):
                kind, port, proto, *formats = line[2:].split()
                self.media.append({'kind': kind, 'port': int(port.split('/')[0]), 'addr': session, 'proto': proto,
                                   'formats': formats, 'rtcp': None, 'attributes': []})
            elif line.startswith('c='):
                addr = line.split()[-1].split('/')[0]
                if self.media:
                    self.media[-1]['addr'] = addr
                else:
                    session = addr
            elif line.startswith('a=') and self.media:
                self.media[-1]['attributes'].append(line[2:])
                if line.startswith('a=rtcp:'):
                    words = line[7:].split()
                    self.media[-1]['rtcp'] = (words[-1] if len(words) > 1 else None, int(words[0]))

    def ep(self, i=0):
        return self.media[i]['addr'], self.media[i]['port']


def uri_host(uri):
    """(host without brackets, port) of a SIP URI."""
    m = re.match(r'sips?:(?:[^@]*@)?(\[[^\]]+\]|[^:;?>]+)(?::(\d+))?', uri)
    return m.group(1).strip('[]'), int(m.group(2) or 5060)


def sdp(addr, port, direction='sendrecv', formats='0 101', extra='', kind='audio', session_c=True, origin=None):
    v = 'IP6' if ':' in addr else 'IP4'
    c = f'c=IN {v} {addr}\r\n'
    return (f'v=0\r\no=ua 2890844526 2890844526 IN {v} {origin or addr}\r\ns=-\r\n' + (c if session_c else '') +
            f't=0 0\r\nm={kind} {port} RTP/AVP {formats}\r\n' + ('' if session_c else c) +
            f'a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na={direction}\r\n' +
            extra).encode()


def build(start, headers, body=b'', ctype='application/sdp'):
    lines = [start] + [f'{n}: {v}' for n, v in headers]
    if body:
        lines.append(f'Content-Type: {ctype}')
    lines.append(f'Content-Length: {len(body)}')
    return '\r\n'.join(lines).encode('utf-8', 'surrogateescape') + b'\r\n\r\n' + body


_count = 0


def token(prefix):
    global _count
    _count += 1
    return f'{prefix}{os.getpid():x}x{_count}'


class Ua(Endpoint):
    """A SIP endpoint; received messages are kept apart by Call-ID, so that calls do not mix."""
    transport = 'UDP'

    def __init__(self, ns, addr, user, port=5060, host_port=None):
        super().__init__(ns, addr, port)
        self.user = user
        self.hp = host_port or f'{bracket(addr)}:{self.port}'  # as it writes itself
        self.stash = collections.deque()

    @property
    def uri(self):
        return f'sip:{self.user}@{self.hp}'

    def get(self, match=lambda m: True, timeout=3.0):
        """The next message that matches, or None."""
        for m in self.stash:
            if match(m):
                self.stash.remove(m)
                return m
        end = time.monotonic() + timeout
        while True:
            one = self.recv(end - time.monotonic())
            if one is None:
                return None
            m = Msg(*one)
            if match(m):
                return m
            self.stash.append(m)

    def want(self, what, call_id=None, timeout=3.0):
        """The next message: a method name or a status code, perhaps of one call."""
        def match(m):
            return (call_id is None or m.call_id == call_id) and \
                (m.status == what if isinstance(what, int) else m.is_request and m.method == what)
        m = self.get(match, timeout)
        if m is None:
            raise Failed(f'{self.user}: no {what} came within {timeout:g} s; waiting: {list(self.stash)}')
        return m

    def nothing(self, timeout=0.3):
        one = self.recv(timeout)
        if one:
            raise Failed(f'{self.user}: nothing should have come, but {one[0][:60]!r} from {one[1]}')

    def respond(self, req, status, reason='', body=b'', contact=True, to_tag=None, extra=()):
        """Builds and sends a response to a request, to where it came from (symmetric response)."""
        headers = [['Via', v] for v in req.all('Via')]
        headers += [['Record-Route', v] for v in req.all('Record-Route')]
        to = req.h('To')
        if 'tag=' not in to and status > 100:
            to += f';tag={to_tag or "t" + self.user}'
        headers += [['From', req.h('From')], ['To', to], ['Call-ID', req.call_id], ['CSeq', req.h('CSeq')]]
        if contact and status < 400:
            headers.append(['Contact', f'<{self.uri}>'])
        headers += [list(x) for x in extra]
        raw = build(f'SIP/2.0 {status} {reason or "Reason"}', headers, body)
        self.send(raw, req.src)
        return Msg(raw)


class Leg:
    """One side of a dialog."""

    def __init__(self, ua, call_id, local, remote, target, wire=None):
        self.ua, self.call_id, self.local, self.remote, self.target = ua, call_id, local, remote, target
        self.local_tag = self.remote_tag = None
        self.cseq, self.wire, self.route = 0, wire, []

    def request(self, method, body=b'', cseq=None, extra=(), branch=None):
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        headers = [['Via', f'SIP/2.0/{self.ua.transport} {self.ua.hp};branch={branch or token("z9hG4bK")};rport'],
                   ['Max-Forwards', '70'],
                   ['From', f'<{self.local}>' + (f';tag={self.local_tag}' if self.local_tag else '')],
                   ['To', f'<{self.remote}>' + (f';tag={self.remote_tag}' if self.remote_tag else '')],
                   ['Call-ID', self.call_id], ['CSeq', f'{cseq} {method}']]
        headers += [['Route', r] for r in self.route]
        if method in ('INVITE', 'UPDATE', 'SUBSCRIBE', 'REFER', 'NOTIFY'):
            headers.append(['Contact', f'<{self.ua.uri}>'])
        headers += [list(x) for x in extra]
        raw = build(f'{method} {self.target} SIP/2.0', headers, body)
        self.ua.send(raw, self.wire or uri_host(self.target))
        return Msg(raw)


class Call:
    """A call from UA a to UA b, one message at a time. Media endpoints are made by the caller."""

    def __init__(self, a, b, target, wire=None, call_id=None, from_uri=None, to_uri=None):
        self.a, self.b = a, b
        self.id = call_id or f'{token("call")}@{a.user}.example'
        from_uri = from_uri or f'sip:{a.user}@example.org'
        to_uri = to_uri or f'sip:{b.user}@example.net'
        self.la = Leg(a, self.id, from_uri, to_uri, target, wire)
        self.la.local_tag = token('a')
        self.lb = None
        self.b_tag = token('b')
        self.seen = {}

    def invite(self, body=b'', extra=()):
        """a sends INVITE; returns it as b receives it."""
        self.sent_invite = self.la.request('INVITE', body, extra=extra, branch=self._branch())
        self.invite_at_b = self.b.want('INVITE', None)
        self.id_b = self.invite_at_b.call_id
        return self.invite_at_b

    def _branch(self):
        self.branch = token('z9hG4bK')
        return self.branch

    def answer(self, status=200, body=b'', req=None, extra=(), wait=True):
        """b answers; returns it as a receives it."""
        self.sent_response = self.b.respond(req or self.invite_at_b, status, body=body, to_tag=self.b_tag,
                                            extra=extra)
        if not wait:
            return None
        m = self.a.want(status, self.id)
        if self.la.remote_tag is None and m.tag('To'):
            self.la.remote_tag = m.tag('To')
        if 200 <= status < 300 and m.contact_uri:
            self.la.target = m.contact_uri
        if self.lb is None and 200 <= status < 300:
            self._leg_b()
        return m

    def _leg_b(self):
        inv = self.invite_at_b
        local = re.search(r'<([^>]+)>', inv.h('To')).group(1)
        remote = re.search(r'<([^>]+)>', inv.h('From')).group(1)
        self.lb = Leg(self.b, inv.call_id, local, remote, inv.contact_uri)
        self.lb.local_tag, self.lb.remote_tag, self.lb.cseq = self.b_tag, inv.tag('From'), 100

    def ack(self, body=b'', cseq=None):
        self.sent_ack = self.la.request('ACK', body, cseq=cseq or self.la.cseq)
        self.ack_at_b = self.b.want('ACK', self.id_b)
        return self.ack_at_b

    def failure_ack(self, response):
        """ACK of a failure: same branch and request URI as the INVITE."""
        leg = self.la
        leg.remote_tag = response.tag('To')
        leg.request('ACK', cseq=leg.cseq, branch=self.branch)
        return self.b.want('ACK', self.id_b)

    def cancel(self):
        tag, self.la.remote_tag = self.la.remote_tag, None
        self.la.request('CANCEL', cseq=self.la.cseq, branch=self.branch)
        self.la.remote_tag = tag
        c = self.b.want('CANCEL', self.id_b)
        self.b.respond(c, 200, to_tag=self.b_tag, contact=False)
        self.a.get(lambda m: m.status == 200 and m.method == 'CANCEL' and m.call_id == self.id)
        return c

    def _side(self, by_b):
        return (self.lb, self.b, self.a, self.id) if by_b else (self.la, self.a, self.b, self.id_b)

    def within(self, method, body=b'', by_b=False, status=200, answer=b'', extra=()):
        """A request inside the dialog with its answer; (request as received, response as received)."""
        leg, me, other, other_id = self._side(by_b)
        leg.request(method, body, extra=extra)
        req = other.want(method, other_id)
        other.respond(req, status, body=answer, contact=method in ('INVITE', 'UPDATE'))
        res = me.want(status, leg.call_id)
        if method == 'INVITE':
            leg.request('ACK', cseq=leg.cseq)
            other.want('ACK', other_id)
        return req, res

    def bye(self, by_b=False):
        return self.within('BYE', by_b=by_b)


# ---- media ---------------------------------------------------------------------------------------

def rtp(seq, ssrc=0x5151, pt=0, size=160, stamp=None):
    return struct.pack('>BBHII', 0x80, pt, seq & 0xffff, (seq * 160 if stamp is None else stamp) & 0xffffffff,
                       ssrc) + bytes([0xd5]) * size


class Media(Endpoint):
    """An RTP endpoint that counts exactly."""

    def __init__(self, ns, addr, port=0, ssrc=None):
        super().__init__(ns, addr, port)
        self.seq, self.ssrc = 1, ssrc or (0x10000 + self.port)

    def burst(self, n, to, data=None, gap=0.0, **kw):
        """n packets at once; returns their sequence numbers."""
        seqs = []
        for _ in range(n):
            self.send(data if data is not None else rtp(self.seq, self.ssrc, **kw), to)
            seqs.append(self.seq)
            self.seq += 1
            if gap:
                time.sleep(gap)
        return seqs

    def seqs(self, n=0, timeout=1.5, quiet=0.1):
        """Sequence numbers that arrive: at least n within the timeout, then what else comes soon."""
        got, self.sources = [], set()
        end = time.monotonic() + timeout
        while len(got) < n:
            one = self.recv(end - time.monotonic())
            if one is None:
                break
            got.append(one)
        got += self.drain(quiet)
        self.sources = {src for _, src in got}
        self.packets = [d for d, _ in got]
        return [struct.unpack('>H', d[2:4])[0] if len(d) >= 12 else -1 for d, _ in got]


def both_ways(x, x_to, y, y_to, n=20, x_from=None, y_from=None):
    """n packets each way at the same time: none lost, none twice, from where they should come."""
    sx, sy = [], []
    for _ in range(n):
        sx += x.burst(1, x_to)
        sy += y.burst(1, y_to)
    expect(f'RTP {x.addr} -> {x_to}', sorted(y.seqs(n)), sx)
    if x_from:
        expect('source of the RTP', y.sources, {x_from})
    expect(f'RTP {y.addr} -> {y_to}', sorted(x.seqs(n)), sy)
    if y_from:
        expect('source of the RTP', x.sources, {y_from})


def no_way(sender, to, receiver, n=5, data=None):
    sender.burst(n, to, data=data)
    if PLAIN:  # nothing in the lab stops them then
        receiver.drain()
        return
    expect(f'packets from {sender.addr}:{sender.port} to {to}', receiver.seqs(0, quiet=0.2), [])


# ---- ringfence -----------------------------------------------------------------------------------

def rf(*args, check=True, json_out=True):
    """Runs the CLI in the gateway; returns the parsed JSON."""
    cmd = ['nsenter', '--net=/run/netns/gw', '--', ENV['RF'], '--instance', ENV['RF_INSTANCE']]
    p = subprocess.run(cmd + (['-j'] if json_out else []) + list(args), capture_output=True, text=True, timeout=20,
                       check=False)
    if check and p.returncode:
        raise Failed(f'ringfence {" ".join(args)}: status {p.returncode}: {p.stdout}{p.stderr}')
    if not json_out:
        return p
    try:
        return json.loads(p.stdout)
    except ValueError:
        raise Failed(f'ringfence -j {" ".join(args)} is not JSON: {p.stdout[:200]!r} {p.stderr[:200]!r}') from None


def reasons():
    return collections.Counter({r['name']: r['packets'] for r in rf('reason', 'show', 'all')['reasons']})


@contextlib.contextmanager
def counts(**wanted):
    """The block must raise these reasons by at least that much (a tuple: exactly)."""
    if PLAIN:
        yield
        return
    before = reasons()
    yield
    end = time.monotonic() + 1
    while True:  # what the controller drops is counted a moment later
        grown = reasons() - before
        wrong = [(name, n) for name, n in wanted.items()
                 if (grown[name] != n[0] if isinstance(n, tuple) else grown[name] < n)]
        if not wrong:
            return
        if time.monotonic() > end:
            name, n = wrong[0]
            raise Failed(f'reason {name} grew by {grown[name]}, wanted {n[0] if isinstance(n, tuple) else f"at least {n}"}; '
                         f'all that grew: {dict(grown)}')
        time.sleep(0.05)


def calls():
    return rf('call', 'show')['calls']


def open_pinholes():
    return [p for p in rf('pinhole', 'show')['pinholes'] if p.get('state', 'open') == 'open']


def wait_until(what, fn, timeout=5.0):
    end = time.monotonic() + timeout
    while not fn():
        if time.monotonic() > end:
            raise Failed(f'not within {timeout:g} s: {what}')
        time.sleep(0.05)


def daemon_pid():
    with open(os.path.join(ENV['LAB_TMP'], 'ringfenced.pid')) as f:
        return int(f.read())


def daemon_kill(sig=9):
    pid = daemon_pid()
    os.kill(pid, sig)
    wait_until('the controller is gone', lambda: _gone(pid))


def _gone(pid):
    try:
        with open(f'/proc/{pid}/stat') as f:
            return f.read().rsplit(')', 1)[1].split()[0] == 'Z'
    except OSError:
        return True


def daemon_start(config=None):
    with open(ENV['RF_LOG'], 'a') as log:
        p = subprocess.Popen(['nsenter', '--net=/run/netns/gw', '--', ENV['RFD'], '--config',
                              config or ENV['RF_CONFIG'], '--instance', ENV['RF_INSTANCE']],
                             stdout=log, stderr=log)
    with open(os.path.join(ENV['LAB_TMP'], 'ringfenced.pid'), 'w') as f:
        f.write(str(p.pid))
    wait_until('the controller is alive', alive, 10)


def alive():
    p = rf('-j', 'status', json_out=False)
    return bool(re.search(r'"(alive|controller_alive)": *true|"controller": *"alive"', p.stdout))


# ---- results -------------------------------------------------------------------------------------

class Tap:
    def __init__(self, prefix=''):
        self.prefix, self.passed, self.failed, self.skipped = prefix, 0, 0, 0
        self.only = sys.argv[1] if len(sys.argv) > 1 else None

    def test(self, name, fn, *args, **kw):
        name = self.prefix + name
        if self.only and self.only not in name:
            return
        try:
            note = fn(*args, **kw)
        except Exception as e:  # every failure of a test is a result, not the end of the run
            self.failed += 1
            print(f'not ok {name}')
            text = str(e) if isinstance(e, Failed) else traceback.format_exc()
            for line in text.rstrip().split('\n')[-25:]:
                print(f'#   {line}')
            if isinstance(e, Failed):
                where = [f for f in traceback.extract_tb(e.__traceback__) if '/tests/netns/' in f.filename]
                if where:
                    print(f'#   at {os.path.basename(where[-1].filename)}:{where[-1].lineno}: {where[-1].line}')
        else:
            self.passed += 1
            print(f'ok {name}' + (f': {note}' if isinstance(note, str) else ''))
        sys.stdout.flush()

    def skip(self, name, why):
        self.skipped += 1
        print(f'skip {self.prefix}{name} ({why})')

    def done(self):
        sys.exit(1 if self.failed else 0)
