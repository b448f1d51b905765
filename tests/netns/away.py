# SPDX-License-Identifier: GPL-2.0-only
"""The controller away, hung, killed at any moment, upgraded; deadlines that the kernel side keeps."""
import os
import random
import signal
import sys
import threading
import time

from ua import ENV, Call, Failed, MODE, Tap, alive, bracket, calls, counts, daemon_kill, daemon_pid, daemon_start, \
    expect, no_way, open_pinholes, rf, sdp, wait_until
from world import Talk, World

family = int(sys.argv.pop(1))
AWAY = sys.argv.pop(1)  # the configured policy


def talk(w, **kw):
    return Talk(w, w.phone(), w.provider(), w.inside_media(), w.outside_media(), **kw)


def media_pinholes():
    return [p for p in open_pinholes() if p.get('call')]


def refuse_new():
    """Away: media goes on, new calls are refused, the old one ends properly after the restart."""
    with World(family) as w:
        t = talk(w)
        t.flow(5)
        daemon_kill()
        wait_until('the controller counts as away', lambda: not alive(), 10)
        t.flow(10)
        c = Call(t.phone, t.prov, f'sip:new@{t.prov.hp}')
        with counts(controller_away=1):
            c.la.request('INVITE', sdp(w.ph, 26000))
            t.prov.nothing(0.5)
        m, o = w.inside_media(26000), w.outside_media(36000)
        no_way(o, (w.public(w.ph), 26000), m)
        no_way(t.outside, (w.public(w.ph), 26000), m)
        t.flow(10)
        daemon_start()
        t.flow(10)
        t.call.bye()
        no_way(t.outside, t.pub, t.inside)
        no_way(t.inside, t.far, t.outside)


def pass_new():
    """The other policy: signalling passes as it is, media stays closed."""
    with World(family) as w:
        phone, prov, m, o = w.phone(), w.provider(), w.inside_media(), w.outside_media()
        daemon_kill()
        wait_until('the controller counts as away', lambda: not alive(), 10)
        try:
            c = Call(phone, prov, f'sip:new@{prov.hp}')
            c.la.request('INVITE', sdp(w.ph, m.port))
            expect('INVITE as it was', prov.want('INVITE').body, sdp(w.ph, m.port))
            no_way(o, (w.ph, m.port), m)
        finally:
            daemon_start()


def registered():
    """A registration is known after a crash."""
    with World(family) as w:
        phone, prov = w.phone(port=5064), w.provider()
        c = Call(phone, prov, f'sip:{bracket(w.prov)}')
        c.la.request('REGISTER', extra=[('Contact', f'<{phone.uri}>'), ('Expires', '300')])
        req = prov.want('REGISTER')
        prov.respond(req, 200, contact=False, extra=[('Contact', f'{req.h("Contact")};expires=300')])
        phone.want(200)
        uri = req.contact_uri
        daemon_kill()
        daemon_start()
        if not rf('registration', 'show')['registrations']:
            raise Failed('no registration is shown after the restart')
        c = Call(prov, phone, uri)
        inv = c.invite(sdp(w.prov, 30000))
        expect('Request-URI', inv.uri, phone.uri)
        c.failure_ack(c.answer(486))


def early_over_crash(out):
    """Killed while it rings with early media: the media goes on, the answer is understood afterwards."""
    with World(family) as w:
        t = talk(w, out=out, early=True)
        t.flow(5)
        daemon_kill()
        t.flow(5)
        daemon_start()
        t.flow(5)
        answerer = t.outside if out else t.inside
        t.call.answer(200, sdp(answerer.addr, answerer.port))
        t.call.ack()
        t.flow(10)
        t.call.bye()
        no_way(t.outside, t.pub, t.inside)


def ringing_over_crash():
    """Killed between INVITE and 180: the answer still goes through, media flows."""
    with World(family) as w:
        phone, prov, m, o = w.phone(), w.provider(), w.inside_media(), w.outside_media()
        c = Call(phone, prov, f'sip:bob@{prov.hp}')
        pub = c.invite(sdp(w.ph, m.port)).sdp.ep()
        daemon_kill()
        daemon_start()
        c.answer(180)
        c.answer(200, sdp(w.prov, o.port))
        c.ack()
        sent = o.burst(5, pub)
        expect('RTP', m.seqs(5), sent)
        c.bye(by_b=True)
        no_way(o, pub, m)


def deadline():
    """A pinhole's deadline holds although nobody is there to close it."""
    with World(family) as w:
        m, o = w.inside_media(20500), w.outside_media(30500)
        outside = f'{bracket(w.public(w.ph))}:20500'
        rf('pinhole', 'add', 'outside', outside, 'inside', f'{bracket(w.ph)}:20500', 'remote',
           f'{bracket(w.prov)}:30500', 'class', 'rtp', 'for', '3s')
        started = time.monotonic()
        sent = o.burst(5, (w.public(w.ph), 20500))
        expect('before the deadline', m.seqs(5), sent)
        daemon_kill()
        try:
            sent = o.burst(5, (w.public(w.ph), 20500))
            expect('before the deadline, controller dead', m.seqs(5), sent)
            time.sleep(max(0.0, started + 3.1 - time.monotonic()))
            with counts(pinhole_expired=10):
                no_way(o, (w.public(w.ph), 20500), m, 5)
                no_way(m, (w.prov, 30500), o, 5)
        finally:
            daemon_start()


def setup_deadline():
    """An INVITE that nobody answers: its pinholes are past their deadline after setup_timeout (10 s)."""
    with World(family) as w:
        t = talk(w, early=True)
        t.flow(5)
        daemon_kill()
        try:
            time.sleep(8)
            t.flow(3)

            def refused():
                t.outside.burst(1, t.pub)
                return not t.inside.seqs(1, timeout=0.2, quiet=0.02)
            wait_until('early media is past its deadline', refused, 8)
            with counts(pinhole_expired=5):
                no_way(t.outside, t.pub, t.inside, 5)
        finally:
            daemon_start()
        wait_until('no media pinhole is open', lambda: not media_pinholes(), 5)


def hung():
    """Stopped, not dead: after the heartbeat limit it counts as away; it recovers."""
    with World(family) as w:
        t = talk(w)
        t.flow(3)
        os.kill(daemon_pid(), signal.SIGSTOP)
        try:
            time.sleep(4)
            with counts(controller_away=1):
                c = Call(t.phone, t.prov, f'sip:new@{t.prov.hp}')
                c.la.request('INVITE', sdp(w.ph, 26000))
                t.prov.drain(0.3)
            t.flow(5)
        finally:
            os.kill(daemon_pid(), signal.SIGCONT)
        wait_until('it is alive again', alive)
        t.prov.drain(0.3)  # what was held when it stopped comes now
        t.prov.stash.clear()
        t.call.bye()
        no_way(t.outside, t.pub, t.inside)


def upgrade():
    """Stop, replace the programs, start again: 4,000 packets each way without a loss."""
    with World(family) as w:
        t = talk(w)
        stop, sent = threading.Event(), [0]

        def pump():
            due = time.monotonic()
            while not stop.is_set():
                t.outside.burst(1, t.pub)
                t.inside.burst(1, t.far)
                sent[0] += 1
                due += 0.001
                time.sleep(max(0, due - time.monotonic()))

        pumping = threading.Thread(target=pump)
        pumping.start()
        try:
            time.sleep(0.5)
            daemon_kill(signal.SIGTERM)
            time.sleep(0.5)
            rf('attach', 'dev', 'w0', 'config', ENV['RF_CONFIG'], 'replace')
            time.sleep(0.5)
            daemon_start()
            time.sleep(0.5)
        finally:
            stop.set()
            pumping.join()
        for name, m in (('in', t.inside), ('out', t.outside)):
            got = m.seqs(sent[0])
            expect(f'packets {name}, of {sent[0]}', len(got), sent[0])
        expect('call known', [c['state'] for c in calls() if c['call_id'] == t.call.id], ['talking'])
        t.call.bye()


def chaos():
    """Killed at random points of thirty calls. Messages that were held at that moment are lost, as on
    any network, and sent again; in the end nothing is left open."""
    rng = random.Random(1)
    with World(family) as w:
        phone, prov = w.phone(), w.provider()
        for k in range(30):
            m, o = w.inside_media(22000 + 4 * k), w.outside_media(32000 + 4 * k)
            c = Call(phone, prov, f'sip:c{k}@{prov.hp}')
            killed = threading.Timer(rng.uniform(0, 0.004), daemon_kill) if k % 3 == 0 else None
            if killed:
                killed.start()

            def again(send, receiver, what, call_id=None):
                for _ in range(8):  # as a real agent retransmits
                    send()
                    got = receiver.get(lambda x: (x.status == what if isinstance(what, int) else x.method == what and
                                                  x.is_request) and (call_id is None or x.call_id == call_id), 0.3)
                    if got:
                        return got
                    if not alive_pid():
                        daemon_start()
                raise Failed(f'call {k}: {what} does not come through')

            raw = c.la.request('INVITE', sdp(w.ph, m.port), branch=c._branch()).raw
            c.invite_at_b = again(lambda: phone.send(raw, (w.prov, 5060)), prov, 'INVITE')
            c.id_b = c.invite_at_b.call_id
            res = again(lambda: prov.respond(c.invite_at_b, 200, body=sdp(w.prov, o.port), to_tag=c.b_tag), phone, 200,
                        c.id)
            c.la.remote_tag, c.la.target = res.tag('To'), res.contact_uri
            c._leg_b()
            ack = c.la.request('ACK', cseq=1).raw
            again(lambda: phone.send(ack, (w.prov, 5060)), prov, 'ACK')
            if killed:
                killed.join()
                if not alive_pid():
                    daemon_start()
            pub = c.invite_at_b.sdp.ep()
            sent = o.burst(3, pub)
            expect(f'RTP of call {k}', m.seqs(3), sent)
            bye = c.la.request('BYE').raw
            req = again(lambda: phone.send(bye, (w.prov, 5060)), prov, 'BYE')
            again(lambda: prov.respond(req, 200, contact=False), phone, 200, c.id)
            phone.drain(0.01)
            prov.drain(0.01)
            phone.stash.clear()
            prov.stash.clear()
        wait_until('no media pinhole is open', lambda: not media_pinholes(), 5)


def alive_pid():
    try:
        with open(f'/proc/{daemon_pid()}/stat') as f:
            return f.read().rsplit(')', 1)[1].split()[0] != 'Z'
    except OSError:
        return False


tap = Tap(f'{MODE} IPv{family}: ')
if AWAY == 'pass':
    tap.test('away with policy "pass": signalling passes, media stays closed', pass_new)
    tap.done()
tap.test('away: media goes on, new calls are refused', refuse_new)
if MODE == 'nat':
    tap.test('a registration outlives a crash', registered)
tap.test('early media over a crash, call out', early_over_crash, True)
tap.test('early media over a crash, call in', early_over_crash, False)
tap.test('a crash between INVITE and 180', ringing_over_crash)
tap.test('a deadline without a controller', deadline)
tap.test('an unanswered INVITE without a controller', setup_deadline)
tap.test('a hung controller', hung)
tap.test('upgrade: programs replaced under running media', upgrade)
tap.test('killed at random, thirty calls', chaos)
tap.done()
