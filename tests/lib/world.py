# SPDX-License-Identifier: GPL-2.0-only
"""The lab's people for one address family: phones inside, a provider and a third host outside."""
import os
import time

from ua import Call, Failed, Media, MODE, Ua, bracket, expect, sdp

ENV = os.environ


class World:
    def __init__(self, family=4):
        f = str(family)
        self.family = family
        self.ph_ns = ENV['PH_NS']
        self.ph, self.ph_b = ENV['PH' + f], ENV['PH' + f + 'B']
        self.gw, self.prov, self.third = ENV['GW' + f], ENV['PROV' + f], ENV['THIRD' + f]
        self.nat = MODE == 'nat' and not ENV.get('LAB_PLAIN')
        self.things = []

    def keep(self, x):
        self.things.append(x)
        return x

    def close(self):
        for x in self.things:
            x.close()
        self.things = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # phones write the address they have, as phones do
    def phone(self, user='alice', port=5060, second=False):
        return self.keep(Ua(self.ph_ns, self.ph_b if second else self.ph, user, port))

    def provider(self, user='bob', port=5060):
        return self.keep(Ua('prov', self.prov, user, port))

    def inside_media(self, port=20000, second=False, **kw):
        return self.keep(Media(self.ph_ns, self.ph_b if second else self.ph, port, **kw))

    def outside_media(self, port=30000, **kw):
        return self.keep(Media('prov', self.prov, port, **kw))

    def third_media(self, port=30000, **kw):
        return self.keep(Media('third', self.third, port, **kw))

    def public(self, addr):
        """What the WAN sees of an inside address."""
        return self.gw if self.nat else addr


class Talk:
    """An answered call with media at both ends; .inside/.outside are Media, .pub is where the
    outside must send to, .far is where the inside must send to."""

    def __init__(self, w, phone, prov, inside, outside, out=True, answer=200, early=False, race=0, race_gap=0.0,
                 inside_extra='', outside_extra='', wire_port=5060, direction='sendrecv', call_id=None,
                 target=None, answer_addr=None):
        self.w, self.inside, self.outside, self.out = w, inside, outside, out
        offer_m, answer_m = (inside, outside) if out else (outside, inside)
        offer_x, answer_x = (inside_extra, outside_extra) if out else (outside_extra, inside_extra)
        self.phone, self.prov = phone, prov
        if out:
            self.call = Call(phone, prov, f'sip:{prov.user}@{prov.hp}', call_id=call_id)
        else:
            host = w.public(phone.addr)
            self.call = Call(prov, phone, target or f'sip:{phone.user}@{bracket(host)}:{wire_port}',
                             wire=(host, wire_port), call_id=call_id)
        c = self.call
        inv = c.invite(sdp(offer_m.addr, offer_m.port, direction, extra=offer_x))
        self.offer_seen = inv.sdp.ep()
        answer_sdp = sdp(answer_addr or answer_m.addr, answer_m.port, extra=answer_x)
        if early:
            res = c.answer(183, answer_sdp)
            self.answer_seen = res.sdp.ep()
            self._ends()
            return
        self.raced = []
        if race:  # media before anybody has seen the 200
            c.answer(200, answer_sdp, wait=False)
            time.sleep(race_gap)
            self.raced = answer_m.burst(race, self.offer_seen)
            res = c.a.want(200, c.id)
            c.la.remote_tag, c.la.target = res.tag('To'), res.contact_uri
            c._leg_b()
        else:
            res = c.answer(answer, answer_sdp)
        self.answer_seen = res.sdp.ep()
        c.ack()
        self._ends()

    def _ends(self):
        self.pub, self.far = (self.offer_seen, self.answer_seen) if self.out else (self.answer_seen, self.offer_seen)

    def check_public(self):
        """Addresses as each side must see them."""
        expect('address of the media that the WAN sees', self.pub[0], self.w.public(self.inside.addr))
        expect('address of the media that the inside sees', self.far, (self.outside.addr, self.outside.port))

    def flow(self, n=20):
        """n packets each way, none lost, right sources."""
        from ua import both_ways
        both_ways(self.inside, self.far, self.outside, self.pub, n,
                  x_from=self.pub, y_from=(self.outside.addr, self.outside.port))


def free_of(text, *addresses):
    """The bytes hold none of the inside addresses."""
    for a in addresses:
        if a.encode() in text:
            line = next(x for x in text.split(b'\r\n') if a.encode() in x)
            raise Failed(f'an inside address is on the WAN: {line!r}')
