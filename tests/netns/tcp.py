# SPDX-License-Identifier: GPL-2.0-only
"""SIP over TCP: the messages that the controller's sockets take apart, edit and pass on, and their media."""
import select
import socket
import sys
import threading
import time

from ua import Call, Failed, MODE, Tap, alive, bracket, build, calls, counts, daemon_kill, daemon_pid, daemon_start, \
    expect, no_way, rf, sdp, token, wait_until
from ua_tcp import ONE_BY_ONE, TcpUa
from world import Talk, World, free_of

family = int(sys.argv.pop(1))


class TcpWorld(World):
    def phone(self, user='alice', port=5060, second=False):
        return self.keep(TcpUa(self.ph_ns, self.ph_b if second else self.ph, user, port))

    def provider(self, user='bob', port=5060):
        return self.keep(TcpUa('prov', self.prov, user, port))

    def second_provider(self, user='eve', port=5060):
        return self.keep(TcpUa('prov', self.prov[:-1] + '5', user, port))

    def stranger(self, user='mallory', port=5060):
        return self.keep(TcpUa('third', self.third, user, port))


def people(w):
    return w.phone(), w.provider(), w.inside_media(), w.outside_media()


def register(w, phone, prov):
    """Registers and returns the contact that the provider knows."""
    c = Call(phone, prov, f'sip:{bracket(w.prov)};transport=tcp')
    c.la.request('REGISTER', extra=[('Contact', f'<{phone.uri}>'), ('Expires', '300')])
    req = prov.want('REGISTER')
    prov.respond(req, 200, contact=False, extra=[('Contact', f'{req.h("Contact")};expires=300')])
    res = phone.want(200)
    expect('Contact that the phone reads', res.h('Contact').split(';expires')[0], f'<{phone.uri}>')
    free_of(req.raw, *([w.ph] if w.nat else []))
    return req.contact_uri


def options(ua, to, body=b'', extra=()):
    hp = ua.hp
    return build(f'OPTIONS sip:{bracket(to[0])} SIP/2.0', [
        ['Via', f'SIP/2.0/TCP {hp};branch={token("z9hG4bK")}'], ['Max-Forwards', '70'],
        ['From', f'<sip:{ua.user}@{hp}>;tag={token("o")}'], ['To', f'<sip:{bracket(to[0])}>'],
        ['Call-ID', token('opt')], ['CSeq', '1 OPTIONS'], *extra], body, 'text/plain')


# ---- calls ----------------------------------------------------------------------------------------

def call_out(cut):
    """A call to the provider; .cut: how the messages are cut into segments."""
    with TcpWorld(family) as w:
        phone, prov, inside, outside = people(w)
        phone.cut = prov.cut = cut
        t = Talk(w, phone, prov, inside, outside)
        t.check_public()
        t.flow()
        if w.nat:
            free_of(t.call.invite_at_b.raw, w.ph)
            expect('Contact', t.call.invite_at_b.contact_uri, f'sip:alice@{bracket(w.gw)}:5060;transport=tcp')
            expect('where the provider sees it come from', prov.streams[0].peer, (w.gw, 5060))
        else:
            expect('where the provider sees it come from', prov.streams[0].peer, phone.streams[0].local)
        expect('where the phone thinks it is connected to', phone.streams[0].peer, (w.prov, 5060))
        t.call.bye()
        no_way(t.outside, t.pub, t.inside)
        no_way(t.inside, t.far, t.outside)
        expect('connections of the phone', len(phone.streams), 1)
        expect('connections of the provider', len(prov.streams), 1)


def call_in(by_same, cut=None, by_b=False):
    """A call to the registered phone, on its own connection or on a new one."""
    with TcpWorld(family) as w:
        phone, prov, inside, outside = people(w)
        uri = register(w, phone, prov)
        phone.cut = prov.cut = cut
        host, port = w.public(w.ph), 5060
        expect('the contact that the provider knows', uri, f'sip:alice@{bracket(host)}:{port};transport=tcp')
        if not by_same:
            prov.connect((host, port))
            expect('connections of the provider', len(prov.streams), 2)
            wire = (host, port)
        else:
            wire = prov.streams[0].peer
        c = Call(prov, phone, uri, wire=wire)
        inv = c.invite(sdp(outside.addr, outside.port))
        expect('Request-URI', inv.uri, phone.uri)
        expect('offered media', inv.sdp.ep(), (outside.addr, outside.port))
        if not by_same:
            expect('where the phone sees it come from', phone.streams[1].peer, prov.streams[1].local)
        ok = c.answer(200, sdp(inside.addr, inside.port))
        if w.nat:
            free_of(ok.raw, w.ph)
        pub = ok.sdp.ep()
        expect('address of the media', pub[0], host)
        c.ack()
        sent = outside.burst(10, pub)
        expect('RTP in', inside.seqs(10), sent)
        sent = inside.burst(10, (outside.addr, outside.port))
        expect('RTP out', outside.seqs(10), sent)
        c.bye(by_b=by_b)
        no_way(outside, pub, inside)
        expect('connections of the phone', len(phone.streams), 1 if by_same else 2)


def unregistered():
    """`inbound` names the phone: nobody has registered."""
    with TcpWorld(family) as w:
        phone, prov, inside, outside = people(w)
        t = Talk(w, phone, prov, inside, outside, out=False)
        t.check_public()
        t.flow()
        expect('where the phone sees it come from', phone.streams[0].peer, prov.streams[0].local)
        t.call.bye(by_b=True)
        no_way(t.outside, t.pub, t.inside)


# ---- streams --------------------------------------------------------------------------------------

def at_once():
    """Two messages and keep-alives in one segment; a body that looks like a message."""
    with TcpWorld(family) as w:
        phone, prov = w.phone(), w.provider()
        to = (w.prov, 5060)
        inner = options(phone, to, b'x' * 3)
        a, b = options(phone, to, inner), options(phone, to)
        s = phone.connect(to)
        s.send(b'\r\n\r\n' + a + b'\r\n\r\n' + b)
        got = [prov.want('OPTIONS'), prov.want('OPTIONS')]
        expect('body', got[0].body, inner)
        expect('Call-IDs differ', got[0].call_id != got[1].call_id, True)
        s.send(b'\r\n\r\n')
        s.send(options(phone, to))
        prov.want('OPTIONS')
        prov.streams[0].send(b'\r\n')
        for m in got:
            prov.respond(m, 200, contact=False)
        phone.want(200)
        phone.want(200)
        expect('keep-alives that reached the provider', prov.streams[0].pongs >= 2, True)
        expect('keep-alives that reached the phone', phone.streams[0].pongs, 1)


def ends(who, reset):
    """One side ends, the other one sees it; what was sent before arrives."""
    with TcpWorld(family) as w:
        phone, prov = w.phone(), w.provider()
        s = phone.connect((w.prov, 5060))
        s.send(options(phone, (w.prov, 5060)))
        m = prov.want('OPTIONS')
        if who == 'phone':
            if not reset:
                s.send(options(phone, (w.prov, 5060)) * 3)
            phone.hang_up(reset)
            for _ in range(0 if reset else 3):
                prov.want('OPTIONS')
            expect('the provider sees the end', prov.streams[0].end_seen(), True)
        else:
            if not reset:
                prov.respond(m, 200, contact=False)
            prov.hang_up(reset)
            if not reset:
                phone.want(200)
            expect('the phone sees the end', s.end_seen(), True)


def half_closed():
    """The phone says that no more comes; the answer still reaches it."""
    with TcpWorld(family) as w:
        phone, prov = w.phone(), w.provider()
        s = phone.connect((w.prov, 5060))
        s.send(options(phone, (w.prov, 5060)))
        s.sock.shutdown(socket.SHUT_WR)
        m = prov.want('OPTIONS')
        expect('the provider sees the end', prov.streams[0].end_seen(), True)
        prov.streams[0].ended = False
        prov.respond(m, 200, contact=False)
        phone.want(200)


def nobody_there():
    """Nobody listens at the provider: the phone is not left waiting."""
    with TcpWorld(family) as w:
        phone = w.phone()
        s = phone.connect((w.prov, 5060))
        s.send(options(phone, (w.prov, 5060)))
        expect('the phone sees the end', s.end_seen(), True)


def in_advance():
    """Connected first, and only then spoken to: the far side does not wait for a message."""
    with TcpWorld(family) as w:
        phone, prov = w.phone(), w.provider()
        s = phone.connect((w.prov, 5060))
        prov.accepted()
        s.send(options(phone, (w.prov, 5060)))
        m = prov.want('OPTIONS')
        if w.nat:
            free_of(m.raw, w.ph)
            expect('Via', f'{bracket(w.gw)}:5060' in m.h('Via'), True)


def one_port_two_servers():
    """A client may use one port towards several servers."""
    with TcpWorld(family) as w:
        phone, prov = w.phone(), w.provider()
        second = w.second_provider()
        for to, ua in (((w.prov, 5060), prov), ((second.addr, 5060), second)):
            phone.connect(to, port=5099).send(options(phone, to))
            ua.want('OPTIONS')


def two_to_one():
    """Two connections of one phone to the same server: each its own."""
    with TcpWorld(family) as w:
        phone, prov = w.phone(), w.provider()
        for i in range(2):
            phone.connect((w.prov, 5060)).send(options(phone, (w.prov, 5060)))
            prov.want('OPTIONS')
        expect('connections', len(prov.streams), 2)
        expect('connections that are shown', rf('status')['tcp_connections'], 2)
        for s in prov.streams:
            s.send(options(prov, s.peer))
        phone.want('OPTIONS')
        phone.want('OPTIONS')


def not_sip():
    """What is no SIP ends the connection, and nobody gets any of it."""
    with TcpWorld(family) as w:
        phone, prov = w.phone(), w.provider()
        s = phone.connect((w.prov, 5060))
        with counts(tcp_not_sip=1):
            s.send(b'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
            expect('the client sees the end', s.end_seen(), True)
        prov.nothing()


def does_not_read():
    """A provider that does not read: the phone is made to wait, and everybody else is not."""
    with TcpWorld(family) as w:
        phone, prov = w.phone(), w.provider()
        s = phone.connect((w.prov, 5060))
        s.send(options(phone, (w.prov, 5060)))
        prov.accepted()
        s.sock.setblocking(False)
        n, left, end = 0, b'', time.monotonic() + 3
        while time.monotonic() < end:
            if not left:
                n, left = n + 1, options(phone, (w.prov, 5060), b'x' * 60000)
            try:
                left = left[s.sock.send(left):]
            except BlockingIOError:
                if not select.select([], [s.sock], [], 0.5)[1]:
                    break
        else:
            raise Failed(f'{n} messages were taken, although nobody reads them')
        other, second = w.phone(second=True), w.second_provider()
        other.connect((second.addr, 5060)).send(options(other, (second.addr, 5060)))
        second.want('OPTIONS')
        # and it goes on when the provider reads
        s.sock.setblocking(True)
        rest = threading.Thread(target=s.send, args=(left,))
        rest.start()
        for i in range(n + 1):
            if prov.get(lambda m: m.method == 'OPTIONS', 5.0) is None:
                raise Failed(f'{i} of {n + 1} messages came')
        rest.join()


# ---- who is refused -------------------------------------------------------------------------------

def refused(ua, to):
    try:
        s = ua.connect(to, timeout=1.0)
    except OSError:
        return
    if not s.end_seen(1.0):
        raise Failed(f'{ua.user} is connected to {to}')


def stranger():
    """Somebody who is neither a peer nor a registrar does not get a connection, also beside a call."""
    with TcpWorld(family) as w:
        phone, prov, inside, outside = people(w)
        register(w, phone, prov)
        t = Talk(w, phone, prov, inside, outside)
        mallory = w.stranger()
        with counts(sip_unknown_peer=1):
            refused(mallory, (w.public(w.ph), 5060))
        expect('connections of the phone', len(phone.streams), 1)
        phone.nothing()
        t.flow(5)
        t.call.bye()


def past_the_guard():
    """The proxy's own ports are nobody's business."""
    with TcpWorld(family) as w:
        phone = w.phone()
        with open(f'/proc/{daemon_pid()}/net/tcp{"6" if family == 6 else ""}') as f:
            ports = [int(x.split()[1].rsplit(':', 1)[1], 16) for x in f.readlines()[1:] if x.split()[3] == '0A']
        expect('listening ports', len(ports) >= 4, True)
        mallory = w.stranger()
        for port in ports:
            refused(mallory, (w.gw, port))
            refused(phone, (w.gw, port))


def too_many():
    """One address cannot take all connections."""
    with TcpWorld(family) as w:
        phone, prov = w.phone(), w.provider()
        with counts(tcp_limit=1):
            for _ in range(128):
                phone.connect((w.prov, 5060))
            refused(phone, (w.prov, 5060))
        other = w.phone(second=True)
        other.connect((w.prov, 5060)).send(options(other, (w.prov, 5060)))
        prov.want('OPTIONS')


# ---- the controller comes and goes ----------------------------------------------------------------

def killed():
    """Killed in a call: media goes on, the phone is told that its connection is gone, and comes back."""
    with TcpWorld(family) as w:
        t = Talk(w, *people(w))
        t.flow(5)
        daemon_kill()
        t.flow(5)
        old = t.phone.streams[0]
        expect('the phone sees the end', old.end_seen(), True)
        expect('the provider sees the end', t.prov.streams[0].end_seen(), True)
        wait_until('the controller counts as away', lambda: not alive(), 10)
        with counts(controller_away=1):
            expect('no connection without it', away_refuses(t.phone, (w.prov, 5060)), True)
        t.flow(5)
        daemon_start()
        t.flow(5)
        expect('the call is known', [c['state'] for c in calls() if c['call_id'] == t.call.id], ['talking'])
        t.call.bye()
        no_way(t.outside, t.pub, t.inside)


def away_refuses(phone, to):
    try:
        phone.connect(to, timeout=0.5).close()
        phone.streams.pop()
        return False
    except OSError:
        return True


def passes_unseen():
    """The other policy for the time without a controller."""
    with TcpWorld(family) as w:
        phone, prov = w.phone(), w.provider()
        s = phone.connect((w.prov, 5060), port=5098)
        s.send(options(phone, (w.prov, 5060)))
        prov.want('OPTIONS')
        daemon_kill()
        try:
            expect('the phone sees the end', s.end_seen(), True)
            phone.hang_up(True)
            prov.hang_up(True)
            with counts(sip_away_passed=1):
                def passes():
                    phone.connect((w.prov, 5060), port=5098, timeout=1.0)
                    return True
                wait_for_connect(passes)
                raw = options(phone, (w.prov, 5060))
                phone.streams[-1].send(raw)
                expect('as it was', prov.want('OPTIONS').raw, raw)
        finally:
            phone.hang_up(True)
            daemon_start()


def wait_for_connect(fn):
    def tried():
        try:
            return fn()
        except OSError:
            return False
    wait_until('a connection', tried, 10)


what = sys.argv.pop(1)
tap = Tap(f'tcp {MODE} IPv{family}: ')
if what == 'calls':
    tap.test('a call out, media both ways, closed by BYE', call_out, None)
    tap.test('the same with each message cut in two', call_out, [200])
    tap.test('the same byte by byte', call_out, ONE_BY_ONE)
    tap.test('a call to a registered phone on its connection', call_in, True)
    tap.test('the same byte by byte, ended by the phone', call_in, True, ONE_BY_ONE, True)
    tap.test('a call to a registered phone on a connection of its own', call_in, False)
    tap.test('the same, messages cut in two, ended by the phone', call_in, False, [100], True)
    tap.test('the controller is killed in a call', killed)
elif what == 'streams':
    tap.test('messages and keep-alives in one segment', at_once)
    tap.test('two connections of one phone to the same server', two_to_one)
    tap.test('one port towards two servers', one_port_two_servers)
    tap.test('connected in advance', in_advance)
    for who in ('phone', 'provider'):
        tap.test(f'the {who} ends its connection', ends, who, False)
        tap.test(f'the {who} resets its connection', ends, who, True)
    tap.test('half closed', half_closed)
    tap.test('nobody listens', nobody_there)
    tap.test('not SIP', not_sip)
    tap.test('a side that does not read', does_not_read)
    tap.test('a stranger', stranger)
    tap.test('past the guard', past_the_guard)
    tap.test('too many from one address', too_many)
elif what == 'inbound':
    tap.test('a call to a phone that has not registered', unregistered)
else:
    tap.test('the controller is away, and signalling may pass', passes_unseen)
tap.done()
