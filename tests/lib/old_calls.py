# SPDX-License-Identifier: GPL-2.0-only
"""An instance of the old version with calls, and what is to be seen of it from outside."""
import json
import os
import subprocess

from pump import Pump
from ua import ENV, Call, Failed, bracket, calls, expect, no_way, rf, sdp, wait_until
from world import Talk, World

INSTANCE = ENV['RF_INSTANCE']
MAPS = f'/sys/fs/bpf/ringfence/{INSTANCE}/maps'
ATTACH = ('attach', 'dev', 'w0', 'config', ENV['RF_CONFIG'])
OLD, NEW = int(ENV['OLD_ABI']), 7
PINHOLE_SIZE = {5: 104}.get(OLD, 112)


def version(which):
    """Whose programs the tools of the tests use."""
    ENV['RF'] = ENV['OLD'] + '/ringfence' if which == OLD else ENV['NEW']
    ENV['RFD'] = ENV['OLD'] + '/ringfenced' if which == OLD else ENV['NEWD']


def tool(*args, ns='gw', check=True):
    p = subprocess.run(['nsenter', f'--net=/run/netns/{ns}', '--', *args], capture_output=True, text=True, timeout=240,
                       check=False)
    if check and p.returncode:
        raise Failed(f'{" ".join(args)}: status {p.returncode}: {p.stdout}{p.stderr}')
    return p


def bpf_map(*args):
    return tool('bpftool', '-j', 'map', *args).stdout


def settings():
    return json.loads(bpf_map('dump', 'pinned', f'{MAPS}/settings'))[0]['value']


def abi():
    return sum(int(b, 16) << 8 * i for i, b in enumerate(settings()[:4]))


def set_abi(n):
    value = [f'0x{n >> 8 * i & 255:02x}' for i in range(4)] + settings()[4:]
    bpf_map('update', 'pinned', f'{MAPS}/settings', 'key', '0', '0', '0', '0', 'value', *value)


def value_size():
    return json.loads(bpf_map('show', 'pinned', f'{MAPS}/pinholes'))['bytes_value']


def maps_are_new():
    """Have the pins been exchanged to the last one?"""
    return value_size() == 112 if OLD == 5 else os.path.exists(f'{MAPS}/instance')


def programs():
    """What runs in the gateway."""
    xdp = [(d['ifname'], d.get('xdp')) for d in json.loads(tool('ip', '-j', '-d', 'link', 'show').stdout)]
    return tool('tcx').stdout, sorted(xdp, key=str)


def state():
    """All that a refused command must leave alone."""
    ids = [json.loads(bpf_map('show', 'pinned', f'{MAPS}/{name}'))['id'] for name in sorted(os.listdir(MAPS))
           if not os.path.isdir(f'{MAPS}/{name}')]
    pins = sorted(os.path.join(d, n) for d, dirs, names in os.walk(f'/sys/fs/bpf/ringfence/{INSTANCE}')
                  for n in dirs + names if n != 'lock')  # of this version, for what it refuses, too
    return ids, pins, settings(), programs()


def pinholes():
    """As they are shown, without what runs on."""
    keys = ('id', 'call', 'state', 'classes', 'held', 'learn', 'inside', 'outside', 'remotes', 'source', 'locked')
    return sorted([[(k, str(p[k])) for k in keys if k in p] for p in rf('pinhole', 'show')['pinholes']])


def call_list():
    return sorted([c['id'], c['state'], c['call_id'], c['direction'], c['from'], c['to'], str(c['inside']),
                   str(c['outside']), [str(m['inside']) + str(m['outside']) + str(m['direction'])
                                       for m in c['media']]] for c in calls())


class Lives:
    """What is up when the upgrade comes."""

    def __init__(self):
        self.w4, self.w6, self.pump = World(4), World(6), Pump()
        w4, w6, pump = self.w4, self.w6, self.pump
        phone, prov = w4.phone(), w4.provider()
        self.phone, self.prov = phone, prov
        # the Call-ID has a private address, which the WAN must not see
        self.plain = Talk(w4, phone, prov, w4.inside_media(20000), w4.outside_media(30000),
                          call_id=f'hide-me@{w4.ph}')
        self.six = Talk(w6, w6.phone(), w6.provider(), w6.inside_media(20100), w6.outside_media(30100), out=False)
        self.held = Talk(w4, phone, prov, w4.inside_media(20200), w4.outside_media(30200))
        self.held.call.within('INVITE', sdp(w4.ph, 20200, 'inactive'), answer=sdp(w4.prov, 30200, 'inactive'))
        # behind a NAT of its own: sends from elsewhere than it says
        self.learnt = Talk(w4, phone, prov, w4.inside_media(20300), w4.outside_media(30300),
                           answer_addr='192.168.77.7')
        sent = self.learnt.outside.burst(3, self.learnt.pub)
        expect('a source is learnt', self.learnt.inside.seqs(3), sent)
        self.manual = (w4.inside_media(20500), w4.outside_media(30500))
        self.manual_id = rf('pinhole', 'add', 'outside', f'{bracket(w4.gw)}:20500', 'inside', f'{w4.ph}:20500', 'remote',
                            f'{w4.prov}:30500', 'class', 'rtp')['id']
        self.register()
        pump.both('IPv4', self.plain.inside, self.plain.far, self.plain.outside, self.plain.pub)
        pump.both('IPv6', self.six.inside, self.six.far, self.six.outside, self.six.pub)
        pump.both('learnt', self.learnt.inside, self.learnt.far, self.learnt.outside, self.learnt.pub)
        pump.both('manual', self.manual[0], (w4.prov, 30500), self.manual[1], (w4.gw, 20500))

    def register(self):
        self.registered = self.w4.phone('carol', 5064)
        c = Call(self.registered, self.prov, f'sip:{bracket(self.w4.prov)}')
        c.la.request('REGISTER', extra=[('Contact', f'<{self.registered.uri}>'), ('Expires', '300')])
        req = self.prov.want('REGISTER')
        self.prov.respond(req, 200, contact=False, extra=[('Contact', f'{req.h("Contact")};expires=300')])
        self.registered.want(200)
        self.contact = req.contact_uri

    def end(self):
        """BYE closes what the old version opened; the manual one is deleted by its id."""
        for t in (self.plain, self.six, self.held, self.learnt):
            t.call.bye()
            no_way(t.outside, t.pub, t.inside)
            no_way(t.inside, t.far, t.outside)
        rf('pinhole', 'delete', 'id', str(self.manual_id))
        no_way(self.manual[1], (self.w4.gw, 20500), self.manual[0])
        wait_until('every call ends', lambda: {c['state'] for c in calls()} == {'ending'})
        expect('open pinholes', [p for p in rf('pinhole', 'show')['pinholes'] if p['state'] == 'open' and
                                 'sip' not in p['classes']], [])
