# SPDX-License-Identifier: GPL-2.0-only
"""Bad input at the wire, from both sides: no crash, nothing opened, nothing leaked, calls go on."""
import os
import random
import re
import sys
import time

from exact import Pair, plain, session
from ua import Call, Endpoint, Failed, Tap, bracket, daemon_pid, expect, no_way, open_pinholes, rf, sdp, wait_until
from world import Talk, World

family = int(sys.argv.pop(1))
ROUNDS = int(os.environ.get('ROUNDS', '1500'))


def media_pinholes():
    return [p for p in open_pinholes() if p.get('call')]


def rss_kb():
    with open(f'/proc/{daemon_pid()}/status') as f:
        return int(re.search(r'VmRSS:\s+(\d+)', f.read()).group(1))


def fds():
    return len(os.listdir(f'/proc/{daemon_pid()}/fd'))


def invite(p, body=None, **swap):
    w = p.w
    raw = plain(p, 'INVITE', f'Contact: <sip:alice@{p.inside}>\r\n', session(w, 21000) if body is None else body,
                'application/sdp')
    for old, new in swap.items():
        raw = raw.replace(old.encode(), new)
    return raw


def without(raw, header):
    return re.sub(rb'(?m)^' + header + rb':.*\r\n', b'', raw, count=1)


def curated(p):
    """(name, message from the phone): none of them may open anything."""
    good = invite(p)
    head, _, body = good.partition(b'\r\n\r\n')
    a, v = p.w.ph.encode(), b'IP%d' % family

    def sdp_with(old, new):
        new_body = body.replace(old, new)
        return re.sub(rb'Content-Length: \d+', b'Content-Length: %d' % len(new_body), head) + b'\r\n\r\n' + new_body

    yield 'only a start line', b'INVITE sip:bob@x SIP/2.0\r\n\r\n'
    yield 'no end of the headers', head
    for h in (b'Call-ID', b'CSeq', b'From', b'To', b'Via'):
        yield f'no {h.decode()}', without(good, h)
    yield 'Content-Length beyond the datagram', good.replace(b'Content-Length: %d' % len(body), b'Content-Length: 9999')
    yield 'a negative Content-Length', good.replace(b'Content-Length: %d' % len(body), b'Content-Length: -1')
    yield 'a huge Content-Length', good.replace(b'Content-Length: %d' % len(body),
                                                b'Content-Length: 99999999999999999999999')
    yield 'two different Content-Length', good.replace(b'Content-Length:', b'Content-Length: 3\r\nContent-Length:', 1)
    yield 'Content-Length 0 with a body', good.replace(b'Content-Length: %d' % len(body), b'Content-Length: 0')
    yield 'a NUL in a header', good.replace(b'User-Agent: ', b'User-Agent: \0')
    yield 'a huge CSeq', re.sub(rb'CSeq: 7', b'CSeq: 99999999999', good)
    yield 'CSeq of another method', good.replace(b'CSeq: 7 INVITE', b'CSeq: 7 BYE')
    yield 'SIP/9.0', good.replace(b' SIP/2.0\r\n', b' SIP/9.0\r\n', 1)
    yield 'a Via without a host', re.sub(rb'Via: SIP/2.0/UDP [^;]*;', b'Via: SIP/2.0/UDP ;', good)
    yield '500 headers', good.replace(b'User-Agent:', b'X: y\r\n' * 500 + b'User-Agent:')
    yield 'a header of 30,000 bytes', good.replace(b'User-Agent: ', b'User-Agent: ' + b'x' * 30000)
    yield 'a Call-ID of 10,000 bytes', good.replace(b'Call-ID: ', b'Call-ID: ' + b'c' * 10000)
    yield 'm= without a port', sdp_with(b'm=audio 21000 ', b'm=audio ')
    yield 'm= with port 99999', sdp_with(b'm=audio 21000', b'm=audio 99999')
    yield 'm= with a negative port', sdp_with(b'm=audio 21000', b'm=audio -2')
    yield 'c= that is no address', sdp_with(b'c=IN ' + v + b' ' + a, b'c=IN ' + v + b' 999.1.2.3')
    yield 'c= that is a multicast group', sdp_with(b'c=IN ' + v + b' ' + a, b'c=IN ' + v +
                                                   (b' ff05::1' if family == 6 else b' 224.2.2.2/127'))
    yield 'c= that is loopback', sdp_with(b'c=IN ' + v + b' ' + a, b'c=IN ' + v + (b' ::1' if family == 6 else b' 127.0.0.1'))
    yield '1,000 m-lines', sdp_with(b'm=audio 21000', b'm=audio 21000 RTP/AVP 0\r\n' * 1000 + b'm=audio 21000')
    yield 'SDP that is only noise', sdp_with(body, os.urandom(300))
    yield 'an SDP line of 20,000 bytes', sdp_with(b's=', b's=' + b'z' * 20000)


def bad_invites():
    """Where the message itself passes is the policy's business; that it opens no foreign media is ours."""
    wrong = []
    with World(family) as w:
        p = Pair(w)
        for name, raw in curated(p):
            before = {x['id'] for x in media_pinholes()}
            try:
                p.phone.send(raw, (w.prov, 5060))
            except OSError:
                continue
            time.sleep(0.05)
            for x in [x for x in media_pinholes() if x['id'] not in before]:
                inside = str(x.get('inside'))
                if not inside.startswith((f'{w.ph}:', f'[{w.ph}]:')):
                    wrong.append(f'{name}: opened {x}')
            if name.startswith(('no ', 'only', 'Content-Length beyond', 'a negative', 'a huge', 'CSeq', 'SIP/9', 'm= without',
                                'm= with', 'SDP that')) and {x['id'] for x in media_pinholes()} - before:
                wrong.append(f'{name}: opened a pinhole')
            p.prov.drain(0.01)
            p.phone.drain(0.01)
    if wrong:
        raise Failed('\n'.join(wrong))


def truncated():
    """Every truncation of a good INVITE, from both sides."""
    with World(family) as w:
        p = Pair(w)
        raw = invite(p)
        before = len(media_pinholes())
        for n in range(1, len(raw), 3):
            p.phone.send(raw[:n], (w.prov, 5060))
            p.prov.send(raw[:n], (w.gw, p.port))
        p.prov.drain(0.1)
        p.phone.drain(0.1)
        expect('pinholes', len(media_pinholes()), before)


def mutated():
    """Messages with random damage, hundreds of them, from both sides."""
    rng = random.Random(family)
    with World(family) as w:
        p = Pair(w)
        p.send_out(plain(p, 'OPTIONS'))
        rss, files = rss_kb(), fds()
        words = [b'\r\n', b'\r\n\r\n', b'"', b'<', b'>', b';', b',', b':', b'@', b'[', b']', b'\0', b'%', b' ', b'\t',
                 b'99999999999', b'-1', b'sip:', b'SIP/2.0', b'=', b'//', b'\xff', b'c=IN IP4 10.0.0.1', b'm=audio 9 x 0\r\n']
        for k in range(ROUNDS):
            if k % 2:
                method = rng.choice(('REGISTER', 'OPTIONS', 'BYE', 'CANCEL', 'ACK', 'REFER', 'NOTIFY'))
                raw = plain(p, method, f'Contact: <sip:alice@{p.inside}>\r\n')
            else:
                raw = invite(p)
            raw = bytearray(raw)
            for _ in range(rng.randint(1, 6)):
                at = rng.randrange(len(raw))
                kind = rng.randrange(4)
                if kind == 0:
                    raw[at] = rng.randrange(256)
                elif kind == 1:
                    raw[at:at] = rng.choice(words) * rng.choice((1, 1, 1, 30))
                elif kind == 2:
                    del raw[at:at + rng.randint(1, 40)]
                else:
                    raw[at:at] = raw[rng.randrange(len(raw)):][:rng.randint(1, 200)]
            if k % 4 < 3:
                p.phone.send(bytes(raw), (w.prov, 5060))
            else:
                p.prov.send(bytes(raw), (w.gw, p.port))
            if k % 50 == 0:
                p.prov.drain(0.005)
                p.phone.drain(0.005)
        p.prov.drain(0.2)
        p.phone.drain(0.2)
        os.kill(daemon_pid(), 0)
        for x in media_pinholes():
            if not str(x.get('inside')).startswith((f'{w.ph}:', f'[{w.ph}]:')):
                raise Failed(f'opened for somebody else: {x}')
        p.send_out(plain(p, 'OPTIONS'))
        grown = rss_kb() - rss
        if grown > 20000 and not os.environ.get('ASAN_RUN'):
            raise Failed(f'the controller grew by {grown} kB')
        if fds() > files + 2:
            raise Failed(f'the controller had {files} descriptors, now {fds()}')


def garbage():
    """What is no SIP at all, of every size, to the signalling ports."""
    rng = random.Random(5)
    with World(family) as w:
        p = Pair(w)
        p.send_out(plain(p, 'OPTIONS'))
        for n in list(range(0, 70)) + [100, 1000, 1472, 1473, 5000, 30000, 65000]:
            for sender, to in ((p.phone, (w.prov, 5060)), (p.prov, (w.gw, p.port))):
                try:
                    sender.send(bytes(rng.randrange(256) for _ in range(n)), to)
                except OSError:
                    pass
        p.prov.drain(0.2)
        p.phone.drain(0.2)
        p.send_out(plain(p, 'OPTIONS'))


def inside_of_another():
    """An offer that names somebody else's inside address does not open a way to him."""
    with World(family) as w:
        phone, prov = w.phone(), w.provider()
        victim, o = w.inside_media(20000, second=True), w.outside_media()

        c = Call(prov, phone, f'sip:alice@{bracket(w.gw)}:5060', wire=(w.gw, 5060))
        c.invite(sdp(w.prov, o.port))
        c.answer(180)
        # the provider itself offers an inside address: nothing may be opened to it
        c2 = Call(prov, phone, f'sip:alice@{bracket(w.gw)}:5060', wire=(w.gw, 5060))
        c2.la.request('INVITE', sdp(w.ph_b, 20000))
        phone.get(lambda m: m.method == 'INVITE' and m.call_id != c.id, 1)
        no_way(o, (w.gw, 20000), victim)
        c.cancel()
        c.failure_ack(c.answer(487))


def call_under_fire():
    """A call stays perfect while a thousand bad messages arrive."""
    rng = random.Random(9)
    with World(family) as w:
        t = Talk(w, w.phone(), w.provider(), w.inside_media(), w.outside_media())
        bad = w.keep(Endpoint(w.ph_ns, w.ph, 5066))
        raw = t.call.sent_invite.raw.replace(t.call.id.encode(), b'another')
        for k in range(1000):
            bad.send(raw[:rng.randint(20, 400)], (w.prov, 5060))
            if k % 20 == 0:
                t.flow(2)
        t.prov.drain(0.1)
        t.prov.stash.clear()
        t.call.bye()


def all_over():
    """When every timeout is over nothing is left open."""
    wait_until('no media pinhole is open', lambda: not media_pinholes(), 25)
    expect('calls', [c['state'] for c in rf('call', 'show')['calls'] if c['state'] == 'talking'], [])
    os.kill(daemon_pid(), 0)


tap = Tap(f'IPv{family}: ')
tap.test('bad INVITEs open nothing', bad_invites)
tap.test('every truncation', truncated)
tap.test(f'{ROUNDS} damaged messages', mutated)
tap.test('no SIP at all', garbage)
tap.test('an inside address in an offer from outside', inside_of_another)
tap.test('a call under fire', call_under_fire)
tap.test('nothing is left open', all_over)
tap.done()
