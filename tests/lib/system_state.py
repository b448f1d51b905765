# SPDX-License-Identifier: GPL-2.0-only
"""What an instance has in the system, to be compared: pins, programs on devices, content of maps."""
import json
import os
import re
import subprocess

from ua import ENV, Failed

INSTANCE = ENV['RF_INSTANCE']
PINS = f'/sys/fs/bpf/ringfence/{INSTANCE}'
EMPTY = (PINS, PINS + '/lock')  # folders of a lock that say nothing by themselves
MAPS = ('settings', 'guards', 'inside', 'devices', 'pinholes')


def gw(*args, timeout=240, env=None):
    return subprocess.run(['nsenter', '--net=/run/netns/gw', '--', *args], capture_output=True, text=True,
                          timeout=timeout, check=False, env={**os.environ, **(env or {})})


def pins():
    return sorted(os.path.join(d, n) for d, dirs, names in os.walk('/sys/fs/bpf/ringfence') for n in dirs + names)


def programs(ids):
    """At tcx and XDP of each device, and filters of ours."""
    xdp = [(d['ifname'], d['xdp']['prog']['id' if ids else 'name'])
           for d in json.loads(gw('ip', '-j', '-d', 'link', 'show').stdout) if 'prog' in d.get('xdp', {})]
    qdiscs = re.findall(r'qdisc (?:clsact|ingress) .*', gw('tc', 'qdisc', 'show').stdout)
    tcx = gw('tcx', '-i').stdout if ids else gw('tcx').stdout
    return sorted(tcx.splitlines()), sorted(xdp), qdiscs


def content(name):
    p = gw('bpftool', '-j', 'map', 'dump', 'pinned', f'{PINS}/maps/{name}')
    return sorted((e['key'], e['value']) for e in json.loads(p.stdout)) if p.returncode == 0 else p.stderr


def map_id(name):
    p = gw('bpftool', '-j', 'map', 'show', 'pinned', f'{PINS}/maps/{name}')
    return json.loads(p.stdout)['id'] if p.returncode == 0 else None


class State:
    """ids: also which programs and maps they are, to be the same ones later; else what is there."""

    def __init__(self, ids=True, maps=MAPS):
        self.parts = {'pins': [p for p in pins() if p not in EMPTY], 'programs': programs(ids)}
        if os.path.isdir(PINS + '/maps'):
            self.parts.update((name, content(name)) for name in maps)
            if ids:
                self.parts['ids'] = [map_id(name) for name in sorted(os.listdir(PINS + '/maps'))]

    def differs(self, other, but=()):
        found = []
        for k in {**self.parts, **other.parts}:
            was, now = self.parts.get(k), other.parts.get(k)
            if was == now or k in but:
                continue
            if isinstance(was, list) and isinstance(now, list):
                was, now = [x for x in was if x not in now], [x for x in now if x not in was]
            found.append(f'{k}: was {was}, is {now}')
        return found

    def must_be(self, other, when):
        d = self.differs(other)
        if d:
            raise Failed(f'{when}: ' + '; '.join(d))


def nothing_left(when, folders=False):
    """folders: but the empty ones of the lock."""
    left = [p for p in pins() if not folders or p not in EMPTY], programs(False)
    if left != ([], ([], [], [])):
        raise Failed(f'{when}: left behind: {left}')
