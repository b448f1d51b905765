# SPDX-License-Identifier: GPL-2.0-only
"""Who takes part, for the address family of LIVE_FAMILY."""
import os

from ua import bracket

ENV = os.environ
FAMILY = ENV.get('LIVE_FAMILY', '4')
GW, PROV, THIRD, ALICE, BOB = (ENV[x + FAMILY] for x in ('GW', 'PROV', 'THIRD', 'PH', 'LIVE_PH2_'))
PHONES = (('ph', 'e0', ALICE, 'alice', 440), ('ph2', 'e0', BOB, 'bob', 660), ('third', 't0', THIRD, 'carol', 880))


def uri(name):
    return f'sip:{name}@{bracket(PROV)}'


def host(endpoint):
    """The address of ADDR:PORT or [ADDR]:PORT."""
    return endpoint.rpartition(':')[0].strip('[]')


def port(endpoint):
    return int(endpoint.rpartition(':')[2])
