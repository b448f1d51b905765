# SPDX-License-Identifier: GPL-2.0-only
"""sipvicious and sipsak while alice talks with carol: from a stranger's address, and from carol's own machine."""
import subprocess

from people import ALICE, BOB, FAMILY, GW, PHONES, PROV, THIRD, uri
from phone import ENV, Phone, at_the_phones
from scene import end_phones, expect_pinholes, media_pinholes, pair, phones, scenario, tap
from ua import Failed, bracket, calls, counts, expect, rf
from wan import Capture

STRANGER = {'4': '203.0.113.66', '6': '2001:db8::66'}[FAMILY]


def start(ns, *cmd, limit=30):
    return subprocess.Popen(['nsenter', f'--net=/run/netns/{ns}', '--', 'timeout', str(limit), *cmd], text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ENV['LAB_TMP'],
                            env={**ENV, 'HOME': ENV['LAB_TMP']})


def scan(ns, source):
    """All tools at once; by command, what each said."""
    v6 = ['-6'] if FAMILY == '6' else []
    own = [*v6, '-b', source, '-x', source]
    tools, port = [], 5090
    for method in ('OPTIONS', 'INVITE', 'REGISTER'):
        tools.append(('svmap', *own, '-P', str(port), '-p5060-5063', '-m', method, GW))
        if FAMILY == '4':  # the others have no IPv6
            tools.append(('svwar', *own, '-P', str(port + 1), '-e100-120', '--force', '-m', method, '-t', '0.001', GW))
        port += 2
    if FAMILY == '4':
        tools += [('sipsak', '-s', f'sip:{user}@{GW}') for user in ('alice', 'bob')]
        tools.append(('sipsak', '-F', '-e', '500', '-s', f'sip:alice@{GW}'))
    running = [(x, start(ns, *x, limit=4 if x[0] == 'sipsak' else 30)) for x in tools]
    return {x: p.communicate()[0] for x, p in running}


def state():
    return ([(r['aor'], r['inside'], r['outside']) for r in rf('registration', 'show')['registrations']],
            [(c['id'], c['state']) for c in calls() if c['state'] != 'ending'],
            sorted((p['inside'], p['outside'], p['remotes']) for p in media_pinholes()))


def fire(ns, source):
    phones['alice'].do('dial', uri('carol'))
    for n in ('alice', 'carol'):
        phones[n].wait('CALL_ESTABLISHED')
    expect_pinholes(('alice', THIRD))
    before = state()
    with Capture('inside', 'gw', 'inbr') as inside, counts(sip_unknown_peer=500 if FAMILY == '4' else 6):
        found = scan(ns, source)
    for tool, text in found.items():
        if tool[0] != 'sipsak' and 'found nothing' not in text:
            raise Failed(f'{" ".join(tool)} says: {text}')
        if tool[0] == 'sipsak' and 'SIP/2.0' in text:
            raise Failed(f'{" ".join(tool)} got an answer: {text}')
    expect('who sends SIP to the phones', {src for src, dst, _ in inside.messages() if dst in (ALICE, BOB)} - {PROV}, set())
    at_the_phones(pair('alice', 'carol'))
    expect('registrations, calls and pinholes', state(), before)
    phones['alice'].do('hangup')
    for n in ('alice', 'carol'):
        phones[n].wait('CALL_CLOSED')

    def check(wan):
        answers = [(dst, text) for src, dst, text in wan.messages() if src == GW and dst in (STRANGER, THIRD)]
        expect('answers to the scanner', answers, [])
    return check


for ns, dev, addr, name, hz in PHONES:
    phones[name] = Phone(ns, dev, addr, name, hz, bracket(PROV))
for p in phones.values():
    p.registered()
scenario('sipvicious and sipsak from an unknown address', fire, 'stranger', STRANGER)
scenario('sipvicious and sipsak from the host of the media', fire, 'third', THIRD)
end_phones()
tap.done()
