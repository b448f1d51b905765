#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The goals of the project against what a run has measured: goals.py BUILD-DIRECTORY.
Reads bench-media.json, bench-signalling.json and bench-bystander.json there, prints a table, writes bench-goals.json.
A goal whose figures are missing is shown as not measured; a goal that is not met fails nothing."""
import json
import os
import statistics
import sys
import time


def load(path):
    """Empty when it is not there, or unreadable because its part did not end; says from when it is."""
    try:
        with open(path, encoding='utf-8') as f:
            value = json.load(f)
        when = time.strftime('%Y-%m-%d %H:%M', time.localtime(os.path.getmtime(path)))
        print(f'# {path}: of {when}')
        return value
    except OSError:
        print(f'# {path}: not there')
    except ValueError:
        print(f'# {path}: not JSON: its part did not end')
    return {}


def by(rows, *keys):
    return {tuple(r[k] for k in keys): r for r in rows or []}


class Goals:
    def __init__(self):
        self.rows = []

    def add(self, goal, value, limit, unit='', at_least=False, note=''):
        """value None: not measured. Met: at most limit, or at least."""
        met = None if value is None else (value >= limit if at_least else value <= limit)
        self.rows.append({'goal': goal, 'measured': value, 'limit': limit, 'at_least': at_least, 'unit': unit,
                          'met': met, 'note': note})

    def table(self):
        def text(v):
            return '-' if v is None else f'{v:,.0f}' if abs(v) >= 100 else f'{v:.2f}'.rstrip('0').rstrip('.')
        print(f'\n{"goal":62} {"limit":>14} {"measured":>14}  met')
        for r in self.rows:
            limit = ('>= ' if r['at_least'] else '<= ') + text(r['limit']) + r['unit']
            met = {None: 'not measured', True: 'yes', False: 'NO'}[r['met']]
            print(f'{r["goal"]:62} {limit:>14} {text(r["measured"]) + (r["unit"] if r["measured"] is not None else ""):>14}  '
                  f'{met}{"  (" + r["note"] + ")" if r["note"] else ""}')


def ratio(a, b):
    return round(a / b, 3) if a and b else None


def media_goals(g, media):
    rows = by(media.get('media'), 'way', 'dir')

    def over(a, b, d):
        """Median of the ratios of each round: the two were measured right after each other."""
        pair = [rows.get((w, d), {}).get('rounds') or [] for w in (a, b)]
        return round(statistics.median(x / y for x, y in zip(*pair)), 3) if all(pair) else None

    for six, family in (('', 'IPv4'), ('6', 'IPv6')):
        for d in ('in', 'out'):
            rf = 'rf_xdp' + six
            g.add(f'{family} {d}: XDP delivery / minimal XDP NAT with FIB', over(rf, 'fib' + six, d), 1.0, ' x')
            g.add(f'{family} {d}: conntrack NAT / XDP delivery', over('nft' + six, rf, d), 2.6, ' x', True)
            if not six:
                g.add(f'{family} {d}: rtpengine / XDP delivery', over('rtpengine', rf, d), 13, ' x', True)
                neigh = over('rf_tc', 'tc_neigh', d)
                g.add(f'{family} {d}: TC delivery / minimal TC redirect', over('rf_tc', 'tc_redirect', d), 1.0, ' x',
                      note=f'redirect_neigh: {neigh} x' if neigh else '')
    lost = [r.get('lost', 0) for (way, _), r in rows.items() if way.startswith('rf_')]
    g.add('media lost by Ringfence while measured', sum(lost) if lost else None, 0)

    size = by(media.get('growth'), 'way', 'flows')

    def growth(way):
        return ratio(size.get((way, 1000000), {}).get('ns'), size.get((way, 1000), {}).get('ns'))

    others = ', '.join(f'{name} {growth(way)} x' for name, way in
                       (('NAT with FIB', 'fib'), ('stored', 'stored'), ('conntrack', 'nft')) if growth(way))
    g.add('growth from 1 k to 1 M pinholes', growth('rf_xdp'), 1.5, ' x', note=others)

    flood = by(media.get('flood'), 'way').get(('rf_xdp',))
    g.add('unsolicited packets dropped per core and second', 1e9 / flood['ns'] if flood else None, 5e6, at_least=True,
          note='with the generator')
    lost = flood and flood['media_sent'] - flood['media_arrived'] + flood['flood_arrived']
    g.add('media lost, flood let through, 99 of 100 packets are flood', lost, 0)


def memory(g, n, rf, others):
    """A phone for each call, so that a call's memory has its phone's signalling in it."""
    g.add(f'{n}: kernel memory per call', rf['kernel_bytes_per_call'], 1024, ' B',
          note=', '.join(f'{w} {p["kernel_bytes_per_call"]:,.0f} B' for w, p in others))
    g.add(f'{n}: controller memory per call', rf['user_kb_per_call'], 4, ' KB',
          note=', '.join(f'{w} {p["user_kb_per_call"]:.0f} KB' for w, p in others))


def signalling_goals(g, signalling):
    rows = signalling.get('capacity') or []
    for r in rows:
        n = f'{r["calls"]:,} calls of a trunk'
        g.add(f'{n}: set-ups per second', r['setups_per_s'], 5000, '/s', True)
        g.add(f'{n}: controller CPU per call', r['setup_cpu_us'] + r['bye_cpu_us'], 150, ' us')
        g.add(f'{n}: calls failed', r['failed'] + r['unended'], 0)
        g.add(f'{n}: kernel memory per call', r['kernel_bytes_per_call'], 1024, ' B',
              note=f'{r["kernel_mb_before"]:.0f} MB without calls')
        g.add(f'{n}: controller memory per call', r['rss_kb_per_call'], 4, ' KB')
    if not rows:
        g.add('set-ups per second', None, 5000, '/s', True)

    compared = signalling.get('compared', {})
    peers = by(compared.get('peers'), 'way')
    rf = peers.get(('rf',))
    others = [(w, peers[(w,)]) for w in ('helper', 'proxy') if (w,) in peers]
    g.add('added latency of an INVITE, median', rf and rf['added_invite_us'], 60, ' us',
          note=', '.join(f'{w} {p["added_invite_us"]:.0f} us' for w, p in others))
    rest = ('ok', 'ack', 'bye', 'bye_ok')
    g.add('added latency of 200, ACK, BYE, the slowest of them', rf and max(rf[f'added_{m}_us'] for m in rest), 60, ' us',
          note=', '.join(f'{w} {max(p[f"added_{m}_us"] for m in rest):.0f} us' for w, p in others))
    if rf:
        n = f'{compared["calls"]:,} phones'
        g.add(f'{n}: controller CPU per call', rf['daemons_cpu_us'], 150, ' us',
              note='added, kernel and load too: ' + ', '.join(f'{w} {p["added_cpu_us"]:.0f} us' for w, p in [('rf', rf)] + others))
        g.add(f'{n}: calls failed or without media', rf['failed'] + rf['without_media'], 0)
        memory(g, n, rf, others)
    for held in signalling.get('held') or []:
        peers = by(held['peers'], 'way')
        rf = peers.get(('rf',))
        others = [(w, peers[(w,)]) for w in ('helper', 'proxy') if (w,) in peers]
        if not rf:
            continue
        n = f'{held["calls"]:,} phones'
        g.add(f'{n}: set-ups per second', rf['setups_per_s'], 5000, '/s', True,
              note=', '.join(f'{w} {p["setups_per_s"]:,.0f}/s' for w, p in others))
        g.add(f'{n}: calls failed or without media', held['calls'] - rf['tried'] + rf['failed'] + rf['without_media'], 0)
        memory(g, n, rf, others)
    timed = by(compared.get('timing'), 'way')
    t = timed.get(('rf',))
    looked = t and t['looked']
    g.add('first packets lost, pinhole not there as the 200 leaves', t and t['first_lost_in'] + t['first_lost_out'] + t['not_open'], 0)
    g.add('media after the BYE, pinhole there as the BYE leaves', t and t['after_bye_in'] + t['after_bye_out'] + t['not_closed'], 0,
          note=', '.join(f'{w} {timed[(w,)]["after_bye_in"] + timed[(w,)]["after_bye_out"]} of {2 * timed[(w,)]["calls"]}'
                         for w in ('helper', 'proxy') if (w,) in timed))
    g.add('pinhole closed after the BYE is seen, at most', t['close_max_us'] if looked else None, 1000, ' us',
          note=f'median {t["close_p50_us"]:.0f} us, p99 {t["close_p99_us"]:.0f}' if looked else '')


def bystander_goals(g, rows):
    """By TC, as mode auto is on veth; of the others the worst is told."""
    for load in dict.fromkeys(r['load'] for r in rows) or ['TCP']:
        of = {}
        for r in rows:
            if r['load'] == load and r['delivery'] != 'none':
                of.setdefault(r['delivery'], {})[r['mode']] = r['ratio']
        tc = of.pop('tc', {})
        g.add(f'ordinary {load}: with Ringfence by TC / without', min(tc.values(), default=None), 0.95, ' x', True,
              note='; '.join([', '.join(f'{m} {v:.2f}' for m, v in tc.items())] * bool(tc) +
                             [f'{d} {min(v.values()):.2f}' for d, v in of.items()]))


def main():
    where = sys.argv[1]
    g = Goals()
    media_goals(g, load(os.path.join(where, 'bench-media.json')))
    signalling_goals(g, load(os.path.join(where, 'bench-signalling.json')))
    bystander_goals(g, load(os.path.join(where, 'bench-bystander.json')).get('bystander') or [])
    g.table()
    with open(os.path.join(where, 'bench-goals.json'), 'w', encoding='utf-8') as f:
        json.dump({'goals': g.rows}, f, indent=1)
        f.write('\n')


main()
