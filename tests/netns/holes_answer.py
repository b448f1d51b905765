# SPDX-License-Identifier: GPL-2.0-only
"""Answers from a third host, with every identifier right: they pass to nobody and win nothing."""
import sys

from ua import Call, Failed, MODE, Tap, Ua, bracket, counts, expect, open_pinholes, rf, sdp, token
from world import Talk, World

family = int(sys.argv.pop(1))


class AnswerWorld(World):
    def third_ua(self):
        return self.keep(Ua('third', self.third, 'mallory', 5060))


def may_answer(w, phone, third):
    """The phone has sent the third host a request; where that came from is where to answer."""
    Call(phone, third, f'sip:{bracket(w.third)}:5060').la.request('OPTIONS')
    return third.want('OPTIONS').src


def try_rights(w, third, to):
    """Requests of the third host for the phone; and what came through."""
    for method, extra in (('INVITE', []), ('MESSAGE', []),
                          ('NOTIFY', [('Event', 'message-summary'), ('Subscription-State', 'active')])):
        c = Call(third, third, f'sip:alice@{bracket(w.public(w.ph))}:{to[1]}', wire=to)
        c.la.request(method, sdp(w.third, 30000) if method == 'INVITE' else b'', extra=extra)


def nothing_asked(phone, timeout=0.4):
    """No request has come to the phone."""
    m = phone.get(lambda x: x.is_request, timeout)
    if m:
        raise Failed(f'the phone got {m}')


def start_register(w, phone, prov, cseq_of=None):
    """A REGISTER on its way: as the provider has it."""
    leg = cseq_of or Call(phone, prov, f'sip:{bracket(w.prov)}').la
    leg.request('REGISTER', extra=[('Contact', f'<{phone.uri}>'), ('Expires', '600')])
    return leg, prov.want('REGISTER')


def registrar_answers(w, phone, prov, req):
    prov.respond(req, 200, contact=False, extra=[('Contact', f'{req.h("Contact")};expires=600')])
    phone.want(200, None)


def registrars():
    return [r['registrar'].rsplit(':', 1)[0].strip('[]') for r in rf('registration', 'show')['registrations']]


def no_registrar():
    """It answers a REGISTER that is open: the first one, and a refresh."""
    with AnswerWorld(family) as w:
        phone, prov, third = w.phone(), w.provider(), w.third_ua()
        to = may_answer(w, phone, third)
        leg = None
        for _ in range(2):
            leg, req = start_register(w, phone, prov, leg)
            with counts(sip_unasked=2, sip_unknown_peer=3):
                third.respond(req, 200, contact=False, extra=[('Contact', f'{req.h("Contact")};expires=86400')])
                third.respond(req, 403)
                try_rights(w, third, to)
            phone.nothing()
            registrar_answers(w, phone, prov, req)
            expect('registrars', registrars(), [w.prov])
            with counts(sip_unknown_peer=3):
                try_rights(w, third, to)
            phone.nothing()
        # the real one keeps its right
        t = Talk(w, phone, prov, w.inside_media(), w.outside_media(), out=False, wire_port=req.src[1])
        t.flow(5)
        t.call.bye()


def no_notifier():
    """A 200 to a SUBSCRIBE that was never sent, one to a SUBSCRIBE of others, and NOTIFY in that dialog."""
    with AnswerWorld(family) as w:
        phone, prov, third = w.phone(), w.provider(), w.third_ua()
        to = may_answer(w, phone, third)
        sub = Call(phone, prov, f'sip:{bracket(w.prov)}')
        sub.la.request('SUBSCRIBE', extra=[('Event', 'message-summary'), ('Expires', '600')])
        req = prov.want('SUBSCRIBE')
        with counts(sip_unasked=1):
            third.respond(req, 200, extra=[('Expires', '86400')])
        phone.nothing()
        # never sent: other identifiers
        req.headers = [[n, v.replace(req.call_id, 'never') if n == 'Call-ID' else v] for n, v in req.headers]
        third.respond(req, 200, extra=[('Expires', '86400')])
        for call_id in (sub.id, 'never'):
            c = Call(third, third, f'sip:alice@{bracket(w.public(w.ph))}:{to[1]}', wire=to, call_id=call_id)
            c.la.local_tag, c.la.remote_tag = 'tmallory', sub.la.local_tag
            with counts(sip_unknown_peer=1):
                c.la.request('NOTIFY', extra=[('Event', 'message-summary'), ('Subscription-State', 'active')])
        with counts(sip_unknown_peer=3):
            try_rights(w, third, to)
        nothing_asked(phone)


def the_notifier():
    """Who was asked may send NOTIFY: in that dialog, of that event."""
    with AnswerWorld(family) as w:
        phone, prov = w.phone(), w.provider()
        sub = Call(phone, prov, f'sip:{bracket(w.prov)}')
        sub.la.request('SUBSCRIBE', extra=[('Event', 'message-summary'), ('Expires', '600')])
        req = prov.want('SUBSCRIBE')
        prov.respond(req, 200, extra=[('Expires', '600')], to_tag='n')
        phone.want(200)
        c = Call(prov, phone, req.contact_uri, wire=req.src, call_id=req.call_id)
        c.la.local_tag, c.la.remote_tag = 'n', req.tag('From')
        state = ('Subscription-State', 'active;expires=600')
        c.la.request('NOTIFY', extra=[('Event', 'message-summary'), state])
        phone.want('NOTIFY')
        with counts(sip_unknown_peer=2):
            c.la.request('NOTIFY', extra=[('Event', 'ua-profile'), state])
            c.la.remote_tag = token('x')
            c.la.request('NOTIFY', extra=[('Event', 'message-summary'), state])
        phone.nothing()


def media():
    return [p for p in open_pinholes() if p.get('media')]


def no_party():
    """It answers an open INVITE, early and finally: no media, no dialog; then the provider does."""
    with AnswerWorld(family) as w:
        phone, prov, third = w.phone(), w.provider(), w.third_ua()
        to = may_answer(w, phone, third)
        i, o, m = w.inside_media(), w.outside_media(), w.third_media()
        c = Call(phone, prov, f'sip:bob@{prov.hp}')
        inv = c.invite(sdp(i.addr, i.port))
        before = len(media())
        with counts(sip_unasked=4):
            for status in (183, 200, 302, 401):
                third.respond(inv, status, body=sdp(m.addr, m.port) if status < 300 else b'', to_tag='evil')
        phone.nothing()
        expect('pinholes', len(media()), before)
        m.burst(5, inv.sdp.ep())
        i.burst(5, (m.addr, m.port))
        expect('RTP of the third host', i.seqs(0, quiet=0.2), [])
        expect('RTP to the third host', m.seqs(0, quiet=0.2), [])
        ok = c.answer(200, sdp(o.addr, o.port))
        c.ack()
        sent = o.burst(5, inv.sdp.ep())
        expect('RTP in', i.seqs(5), sent)
        sent = i.burst(5, ok.sdp.ep())
        expect('RTP out', o.seqs(5), sent)
        with counts(sip_unknown_peer=3):
            try_rights(w, third, to)
        c.bye()
        nothing_asked(phone)


tap = Tap(f'answers {MODE} IPv{family}: ')
tap.test('the notifier says what it was asked', the_notifier)  # before it is a registrar, who may say more
tap.test('a third host is no registrar', no_registrar)
tap.test('a third host is no notifier', no_notifier)
tap.test('a third host is no party of a call', no_party)
tap.done()
