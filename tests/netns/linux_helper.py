# SPDX-License-Identifier: GPL-2.0-only
"""What the Linux SIP helper gets wrong, point by point, for the side named by LAB_SIDE (helper, ringfence).

Each scenario ends with see(right, text): whether things went as they should, and what was seen. Ringfence
must be right; the helper must not be (that is the documented failure), and a line says so where it is.
linux_helper.py --table prints what both runs have left in HELPER_RESULTS.
"""
import collections
import contextlib
import json
import os
import resource
import select
import socket
import struct
import sys
import time

from ua import Call, Failed, Leg, Media, Tap, build, ns_socket, sdp, token
from world import Talk, World

ENV = os.environ
SIDE = ENV.get('LAB_SIDE', 'ringfence')
HELPER = SIDE == 'helper'
TITLE = {'helper': 'Linux helper', 'ringfence': 'Ringfence'}


class Seen(Exception):
    def __init__(self, right, text):
        super().__init__(text)
        self.right, self.text = right, text


def see(right, text):
    raise Seen(right, text)


def ct_flush():
    """Forgets every connection of the gateway, and with them the helper's expectations."""
    with contextlib.closing(ns_socket('gw', socket.AF_NETLINK, socket.SOCK_RAW, 12)) as s:
        # IPCTNL_MSG_CT_DELETE for any family, with an acknowledgement
        s.send(struct.pack('=IHHIIBBH', 20, (1 << 8) | 2, 5, 1, 0, 0, 0, 0))
        error = struct.unpack('=i', s.recv(4096)[16:20])[0]
        if error:
            raise OSError(-error, 'flush of conntrack')


def people(w):
    return w.phone(), w.provider(), w.inside_media(), w.outside_media()


def arrived(sender, to, receiver, n=10, data=None):
    """How many of n packets arrive."""
    sender.burst(n, to, data=data)
    return len(receiver.seqs(n, timeout=0.4, quiet=0.05))


def outcome(got, n):
    return 'all pass' if got == n else 'none passes' if not got else f'{got} of {n} pass'


# ---- the points ----------------------------------------------------------------------------------

def ordinary():
    """The control: what both can do."""
    with World() as w:
        t = Talk(w, *people(w))
        t.check_public()
        t.flow()
        t.call.bye()
        see(True, 'works')


def after_bye():
    with World() as w:
        t = Talk(w, *people(w))
        t.flow(5)
        t.call.bye()
        got_in, got_out = arrived(t.outside, t.pub, t.inside), arrived(t.inside, t.far, t.outside)
        see(got_in + got_out == 0, 'closed' if got_in + got_out == 0 else
            f'goes on: {got_in} of 10 in, {got_out} of 10 out')


def bye_of_another():
    """Call A runs with media. Call B is answered, its peer is about to speak first; then A ends."""
    with World() as w:
        phone, prov = w.phone(), w.provider()
        a = Talk(w, phone, prov, w.inside_media(20000), w.outside_media(30000))
        ic, oc = w.inside_media(20001), w.outside_media(30001)
        a.flow(5)
        report = struct.pack('>BBHI', 0x80, 201, 1, 0x1234)
        for _ in range(2):  # so that nothing of A is left to wait for
            arrived(oc, (a.pub[0], a.pub[1] + 1), ic, 1, report)
            arrived(ic, (a.far[0], a.far[1] + 1), oc, 1, report)
        b = Talk(w, phone, prov, w.inside_media(22000), w.outside_media(32000))
        a.call.bye()
        got = arrived(b.outside, b.pub, b.inside)
        b.call.bye()
        see(got == 10, "the other calls' media pass" if got == 10 else
            f"the other call's pinholes are gone: {outcome(got, 10)}")


def trunk(n=5):
    """n calls are answered over one 5-tuple before the far side sends."""
    with World() as w:
        phone, prov = w.phone(), w.provider()
        talks = [Talk(w, phone, prov, w.inside_media(20000 + 4 * i), w.outside_media(30000 + 4 * i))
                 for i in range(n)]
        good = sum(arrived(t.outside, t.pub, t.inside, 3) == 3 for t in talks)
        for t in talks:
            t.call.bye()
        see(good == n, f'media of {good} of {n} calls')


def equal_ports():
    with World() as w:
        prov, a, b = w.provider(), w.phone('alice'), w.phone('carol', second=True)
        ta = Talk(w, a, prov, w.inside_media(20000), w.outside_media(30000))
        w.inside_media(20000, second=True)
        c = Call(b, prov, f'sip:bob@{prov.hp}')
        c.la.request('INVITE', sdp(w.ph_b, 20000))
        inv = prov.get(lambda m: m.is_request and m.method == 'INVITE', 1.0)
        if not inv:
            ta.call.bye()
            see(False, "the second phone's INVITE is dropped")
        pub = inv.sdp.ep()
        prov.respond(inv, 486, to_tag='x')
        ta.call.bye()
        see(pub != ta.pub, 'each gets a public port of its own' if pub != ta.pub else 'both get the same port')


def any_source_port():
    with World() as w:
        t, other = Talk(w, *people(w)), w.outside_media(30500)
        taken = arrived(other, t.pub, t.inside)
        real = arrived(t.outside, t.pub, t.inside)
        t.call.bye()
        text = f'a stranger\'s port: {outcome(taken, 10)}; then the agreed one: {outcome(real, 10)}'
        see(taken == 0 and real == 10, text)


def garbage():
    with World() as w:
        t = Talk(w, *people(w))
        t.flow(3)
        text, zeros, stun = (arrived(t.outside, t.pub, t.inside, 5, data) for data in (
            b'G' * 172, bytes(172), struct.pack('>HHI', 1, 0, 0x2112a442) + b'abcdefghijkl'))
        t.flow(3)
        t.call.bye()
        see(text + zeros + stun == 0, 'dropped' if text + zeros + stun == 0 else
            f'passes as media: {text} of 5 of text, {zeros} of 5 of zeros, {stun} of 5 of STUN')


def leak(what):
    """The provider must not see the phone's address in WHAT."""
    with World() as w:
        phone, prov, inside, _ = people(w)
        extra, headers = '', []
        if what == 'a=rtcp':
            extra = f'a=rtcp:20011 IN IP4 {w.ph}\r\n'
        elif what == 'ICE candidates':
            extra = (f'a=ice-ufrag:8hhY\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\n'
                     f'a=candidate:1 1 UDP 2130706431 {w.ph} {inside.port} typ host\r\n')
        elif what == 'Record-Route':
            headers = [('Record-Route', f'<sip:{w.ph}:5060;lr>')]
        else:
            headers = [('P-Asserted-Identity', f'"Alice" <sip:alice@{w.ph}>')]
        c = Call(phone, prov, f'sip:bob@{prov.hp}')
        seen = c.invite(sdp(inside.addr, inside.port, extra=extra), extra=headers)
        c.failure_ack(c.answer(486))
        lines = [x for x in seen.raw.split(b'\r\n') if w.ph.encode() in x]
        wanted = {'a=rtcp': b'a=rtcp:', 'ICE candidates': b'a=candidate', 'Record-Route': b'Record-Route:',
                  'P-Asserted-Identity': b'P-Asserted-Identity:'}[what]
        mine = [x for x in lines if x.startswith(wanted)]
        if lines and not mine:
            raise Failed(f'an address leaks elsewhere: {lines}')
        see(not lines, 'not on the WAN' if not lines else f'leaks: `{mine[0].decode()}`')


def media_c_line():
    """The offer's media is at another inside host than its sender (a PBX with a media server beside it)."""
    with World() as w:
        phone, prov, outside = w.phone(), w.provider(), w.outside_media()
        inside = w.inside_media(20000, second=True)
        body = sdp(w.ph, 20000).replace(b'm=audio 20000 RTP/AVP 0 101\r\n',
                                        b'm=audio 20000 RTP/AVP 0 101\r\nc=IN IP4 %s\r\n' % w.ph_b.encode())
        c = Call(phone, prov, f'sip:bob@{prov.hp}')
        ep = c.invite(body).sdp.ep()
        c.answer(200, sdp(outside.addr, outside.port))
        c.ack()
        got = 0
        inside.burst(1, (outside.addr, outside.port))  # so that it takes part; who speaks for it is not configured
        outside.seqs(1)
        if ep[0] == w.gw:
            got = arrived(outside, ep, inside)
        c.bye()
        see(got == 10, 'the other host gets its media once it sends' if got == 10 else
            f'offered as {ep[0]}:{ep[1]}, {outcome(got, 10) if ep[0] == w.gw else "which nobody can reach"}')


def third_host():
    with World() as w:
        third = w.third_media()
        t = Talk(w, w.phone(), w.provider(), w.inside_media(), third)
        got = arrived(third, t.pub, t.inside)
        t.call.bye()
        see(got == 10, 'passes' if got == 10 else f'refused: {outcome(got, 10)}')


def tcp_two_segments():
    """An INVITE whose SDP comes in a second segment."""
    with World() as w:
        with contextlib.closing(ns_socket('prov', socket.AF_INET, socket.SOCK_STREAM)) as srv, \
                contextlib.closing(ns_socket(w.ph_ns, socket.AF_INET, socket.SOCK_STREAM)) as cli:
            srv.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            srv.bind((w.prov, 5060))
            srv.listen(1)
            cli.settimeout(2)
            cli.bind((w.ph, 5070))
            cli.connect((w.prov, 5060))
            cli.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer = srv.accept()[0]
            head, _, body = invite_bytes(w, 'TCP', 5070).partition(b'\r\n\r\n')
            cli.send(head + b'\r\n\r\n')
            time.sleep(0.1)
            cli.send(body)
            got = b''
            while body[-20:] not in got and select.select([peer], [], [], 1.0)[0]:
                got += peer.recv(65536)
            peer.close()
        lines = [x.decode() for x in got.partition(b'\r\n\r\n')[2].split(b'\r\n') if w.ph.encode() in x]
        see(bool(got) and not lines, f'goes out unedited: `{lines[1]}`' if lines else 'the SDP is edited')


def invite_bytes(w, transport, port):
    hp = f'{w.ph}:{port}'
    return build('INVITE sip:bob@%s SIP/2.0' % w.prov, [
        ['Via', f'SIP/2.0/{transport} {hp};branch={token("z9hG4bK")};rport'], ['Max-Forwards', '70'],
        ['From', f'<sip:alice@{hp}>;tag={token("a")}'], ['To', f'<sip:bob@{w.prov}>'],
        ['Call-ID', f'{token("c")}@example'], ['CSeq', '1 INVITE'], ['Contact', f'<sip:alice@{hp}>']],
        sdp(w.ph, 20000))


def many_in_setup(n=1100):
    """n calls ring at once, from n phones (SIP ports of an inside host); each has early media."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < 4 * n:
        raise Failed(f'only {hard} open files are allowed here')
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with World() as w:
        prov = w.provider()
        phones = [w.phone(f'u{i}', 6000 + i) for i in range(n)]
        inside = [w.keep(Media(w.ph_ns, w.ph, 20000 + 2 * i)) for i in range(n)]
        outside = [w.keep(Media('prov', w.prov, 30000 + 2 * i)) for i in range(n)]
        ring = {}  # number of the call -> public address of its media
        mine = {}
        for i, p in enumerate(phones):
            leg = Leg(p, token('call'), f'sip:{p.user}@example.org', 'sip:bob@example.net', f'sip:bob@{prov.hp}')
            leg.local_tag = token('a')
            mine[f'sip:u{i}@example.org'] = i
            leg.request('INVITE', sdp(w.ph, inside[i].port))
            if i % 20 == 19 or i == n - 1:
                collect(prov, ring, mine, outside, min(i + 1, 20), 0.1)
        collect(prov, ring, mine, outside, n - len(ring), 1.0)
        for i, ep in ring.items():
            outside[i].burst(1, ep)
            if i % 50 == 49:
                time.sleep(0.01)
        time.sleep(0.2)
        heard = sum(something_in(m.sock) for m in inside)
        text = f'{len(ring)} of {n} INVITEs arrive'
        if HELPER:
            with open('/proc/sys/net/netfilter/nf_conntrack_expect_max') as f:
                text += f' (nf_conntrack_expect_max is {f.read().strip()})'
        if len(ring) == heard == n:
            text = f'{n} calls in set-up, all with early media'
        elif heard != len(ring):
            text += f', early media of {heard}'
        see(len(ring) == heard == n, text)


def something_in(sock):
    sock.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        return bool(sock.recv(2048))
    return False


def collect(prov, ring, mine, outside, most, timeout):
    for _ in range(most):
        m = prov.get(lambda m: m.is_request and m.method == 'INVITE', timeout)
        if m is None:
            return
        i = mine[m.h('From').partition('<')[2].partition('>')[0]]
        ring[i] = m.sdp.ep()
        prov.respond(m, 183, body=sdp(outside[i].addr, outside[i].port), to_tag=f't{i}')


# ---- results -------------------------------------------------------------------------------------

POINTS = [  # what, scenario, arguments
    ('an ordinary call (control)', ordinary),
    ('media after BYE', after_bye),
    ('BYE on one call of a trunk', bye_of_another),
    ('calls set up over one signalling 5-tuple', trunk),
    ('two phones with the same RTP port', equal_ports),
    ('RTP from another source port', any_source_port),
    ('garbage to an open port', garbage),
    ('private address in a=rtcp', leak, 'a=rtcp'),
    ('private address in ICE candidates', leak, 'ICE candidates'),
    ('private address in Record-Route', leak, 'Record-Route'),
    ('private address in P-Asserted-Identity', leak, 'P-Asserted-Identity'),
    ('media-level c= of another inside host', media_c_line),
    ('media from another host than the signaller', third_host),
    ('SIP over TCP, SDP in a second segment', tcp_two_segments),
    ('1,100 calls in set-up', many_in_setup),
]


def results(add=None):
    found = collections.OrderedDict()
    with contextlib.suppress(OSError), open(ENV['HELPER_RESULTS']) as f:
        found = json.load(f, object_pairs_hook=collections.OrderedDict)
    if add:
        found.setdefault(add[0], {})[SIDE] = add[1:]
        with open(ENV['HELPER_RESULTS'], 'w') as f:
            json.dump(found, f)
    return found


def run(what, fn, *args):
    if HELPER:
        ct_flush()
    try:
        fn(*args)
    except Seen as s:
        right, text = s.right, s.text
    else:
        raise Failed('the scenario has seen nothing')
    results((what, right, text))
    if HELPER and fn is not ordinary:
        return f'as documented: {text}' if not right else f'BETTER THAN DOCUMENTED: {text}'
    if not right:
        raise Failed(text)
    return text


def table():
    rows = [('what', TITLE['helper'], TITLE['ringfence'])]
    for what, sides in results().items():
        rows.append((what, *(sides[s][1] if s in sides else '-' for s in TITLE)))
    rows.insert(1, ('---',) * 3)
    for r in rows:
        print('|', ' | '.join(r), '|')


def main():
    if sys.argv[1:] == ['--table']:
        table()
        return
    tap = Tap(f'{TITLE[SIDE]}: ')
    for what, fn, *args in POINTS:
        tap.test(what, run, what, fn, *args)
    tap.done()


main()
