# SPDX-License-Identifier: GPL-2.0-only
"""Attended transfer by real phones: who transfers is inside or outside, and so is who is transferred.

Three linphones and the provider's proxy; a phone that is sent to another one calls it with Replaces.
"""
import re

from linphone import Linphone
from people import GW, PHONES, PROV, THIRD, uri
from phone import at_the_phones
from scene import direct, end_phones, expect_pinholes, pair, phones, scenario, tap
from ua import Failed, bracket

CONNECTED = 'Media streams established with {}'


def call(x, y):
    """x calls y; each hears the other."""
    phones[x].do('call', uri(y))
    streams(x, y)
    at_the_phones(pair(x, y), seconds=0.8)


def streams(x, y):
    phones[x].wait(CONNECTED.format('.*' + re.escape(uri(y))))
    phones[y].wait(CONNECTED.format('.*' + re.escape(uri(x))))


def replaced(wan, caller, callee):
    """The WAN has seen an INVITE with Replaces from caller to callee."""
    found = [t for _, _, t in wan.messages() if t.startswith(f'INVITE sip:{callee}@') and re.search('\nReplaces: ', t)
             and re.search(f'\nFrom: [^\n]*sip:{caller}@', t)]
    if not found:
        raise Failed(f'no INVITE with Replaces from {caller} to {callee} on the WAN')


def attended(who, first, second):
    """who calls first, puts it on hold, calls second, and sends first to second."""
    def peer(x, y):
        return GW if 'carol' not in (x, y) else THIRD

    def holes(*pairs):
        expect_pinholes(*[(x, peer(x, y)) for a, b in pairs for x, y in ((a, b), (b, a)) if x != 'carol'])
    call(who, first)
    holes((who, first))
    phones[who].do('pause')
    phones[who].wait('Call [0-9]+ with .* is now paused')
    at_the_phones([(phones[who], phones[first])], wanted=False, seconds=0.5)
    call(who, second)
    first_id, second_id = phones[who].calls(2)
    phones[who].do(f'transfer {first_id} --to-call {second_id}')
    phones[first].wait(CONNECTED.format('.*' + re.escape(uri(second))))
    phones[who].no_calls()
    at_the_phones(pair(first, second))
    at_the_phones([(phones[who], phones[first])], wanted=False, seconds=0.5)
    holes((first, second))
    phones[first].do('terminate')
    phones[second].no_calls()

    def check(wan):
        replaced(wan, first, second)
        direct(wan)
    return check


def registration():
    for ns, dev, addr, name, hz in PHONES:
        phones[name] = Linphone(ns, dev, addr, name, hz, bracket(PROV))
    for p in phones.values():
        p.registered()


only, tap.only = tap.only, None
tap.test('registration of linphone', registration)
tap.only = only
scenario('attended transfer of the outside phone to the other inside one, linphone', attended, 'alice', 'carol', 'bob')
scenario('attended transfer of an inside phone to the other inside one, linphone', attended, 'carol', 'alice', 'bob')
scenario('attended transfer of an inside phone to the outside one, linphone', attended, 'bob', 'alice', 'carol')
end_phones()
tap.done()
