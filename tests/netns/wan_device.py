# SPDX-License-Identifier: GPL-2.0-only
"""What happens to the WAN device, the clock and the process while a call is up: the call goes on, and ends by BYE."""
import os
import signal
import struct
import subprocess
import sys
import time

from ua import ENV, Call, Tap, alive, bracket, calls, counts, daemon_kill, daemon_pid, daemon_start, expect, no_way, \
    open_pinholes, rf, wait_until
from ua_tcp import TcpUa
from world import Talk, World

family = int(sys.argv.pop(1))
HOST = ENV['LAB_MODE'] == 'host'


def sh(ns, command):
    subprocess.run(['nsenter', f'--net=/run/netns/{ns}', '--', 'sh', '-ec', command], check=True, timeout=20)


def ifindex():
    out = subprocess.run(['nsenter', '--net=/run/netns/gw', '--', 'ip', '-o', 'link', 'show', 'w0'],
                         capture_output=True, text=True, check=True, timeout=20).stdout
    return int(out.split(':')[0])


def talk(w):
    return Talk(w, w.phone(), w.provider(), w.inside_media(), w.outside_media())


def wan_state():
    return [d['state'] for d in rf('status')['wan'] if d['dev'] == 'w0']


def addresses():
    return f"{ENV['GW4']}/24 {ENV['GW6']}/64"


def take_addresses():
    """As a DHCP client does whose lease is over."""
    sh('gw', 'ip addr flush dev w0 scope global')


def give_addresses():
    sh('gw', f'for a in {addresses()}; do case $a in *:*) n=nodad ;; *) n= ;; esac; ip addr add $a dev w0 $n; done')
    warm()


def warm():
    """Neighbours, so that nothing waits for them, nor keeps what was at the other end before."""
    other = ENV['PROV4' if family == 4 else 'PROV6']
    sh('prov', 'ip neigh flush all')
    subprocess.run(['nsenter', '--net=/run/netns/gw', '--', 'bash', '-c', f'echo >/dev/udp/{other}/9'], check=False,
                   timeout=20)


def remove():
    sh('gw', 'ip link del w0')


def make():
    """The same name, another number."""
    sh('gw', 'ip link add name w0 netns gw type veth peer name wan0 netns net && ip link set w0 up')
    sh('net', 'ip link set wan0 up && ip link set wan0 master br0')
    give_addresses()


def served(t, n=20):
    """As soon as the device is hooked, and a neighbour is known; then without a loss."""
    def both():
        t.inside.burst(1, t.far)
        t.outside.burst(1, t.pub)
        return t.inside.seqs(1, timeout=0.1, quiet=0.02) and t.outside.seqs(1, timeout=0.1, quiet=0.02)
    wait_until('media flows again', both, 20)
    t.inside.drain(0.2)
    t.outside.drain(0.2)
    t.flow(n)


def talking():
    return [c['call_id'] for c in calls() if c['state'] == 'talking']


def ends(t, w):
    """Who is outside finds us, and what is over is closed."""
    expect('calls', talking(), [t.call.id])
    t.call.bye(by_b=True)
    no_way(t.outside, t.pub, t.inside)
    wait_until('no media pinhole is open', lambda: not [p for p in open_pinholes() if p.get('call')], 5)


def address_away():
    with World(family) as w:
        t = talk(w)
        t.flow(5)
        take_addresses()
        wait_until('it is said', lambda: said('w0 has no IPv'), 10)
        give_addresses()
        served(t)
        ends(t, w)


def made_anew():
    with World(family) as w:
        t = talk(w)
        t.flow(5)
        was = ifindex()
        remove()
        wait_until('it is missed', lambda: wan_state() == ['missing'])
        if not HOST:
            time.sleep(0.3)  # next hops that are known hold for a tenth of a second
            with counts(no_route=5):
                t.inside.burst(5, t.far)
        make()
        expect('another number', ifindex() != was, True)
        served(t)
        ends(t, w)


def made_anew_while_away():
    """The controller is killed while the device is there, and knows it by its name when it starts again."""
    with World(family) as w:
        t = talk(w)
        t.flow(5)
        daemon_kill()
        remove()
        make()
        daemon_start()
        served(t)
        ends(t, w)


def restarted_while_gone():
    with World(family) as w:
        t = talk(w)
        t.flow(5)
        remove()
        wait_until('it is missed', lambda: wan_state() == ['missing'])
        daemon_kill()
        daemon_start()
        make()
        served(t)
        daemon_kill()
        daemon_start()
        served(t)
        ends(t, w)


def over_tcp():
    """A SIP connection outlives the device, if the address is the same."""
    with World(family) as w:
        phone = w.keep(TcpUa(w.ph_ns, w.ph, 'alice'))
        prov = w.keep(TcpUa('prov', w.prov, 'bob'))
        t = Talk(w, phone, prov, w.inside_media(), w.outside_media())
        t.flow(5)
        remove()
        wait_until('it is missed', lambda: wan_state() == ['missing'])
        make()
        served(t, 5)
        t.call.bye()
        no_way(t.outside, t.pub, t.inside)
        expect('connections of the phone', len(phone.streams), 1)


def by_hand():
    """A static pinhole follows, too."""
    with World(family) as w:
        m, o = w.inside_media(20500), w.outside_media(30500)
        pub = (w.public(w.ph), 20500)
        show = lambda a, p: f'[{a}]:{p}' if ':' in a else f'{a}:{p}'
        rf('pinhole', 'add', 'outside', show(*pub), 'inside', show(w.ph, 20500), 'remote', show(w.prov, 30500),
           'class', 'rtp')
        remove()
        wait_until('it is missed', lambda: wan_state() == ['missing'])
        make()

        def flows():
            m.burst(1, (w.prov, 30500))
            return o.seqs(1, timeout=0.1, quiet=0.02)
        wait_until('it leads out', flows, 20)
        rf('pinhole', 'delete', 'id', str([p['id'] for p in rf('pinhole', 'show')['pinholes'] if not p.get('call') and
                                           'sip' not in p['classes']][0]))


def clock_step(seconds):
    with open(ENV['WALLCLOCK'], 'r+b') as f:
        f.write(struct.pack('=q', seconds))


def clock():
    """A day ahead, then a day back: deadlines are of the monotonic clock."""
    day = 86400
    with World(family) as w:
        phone, prov = w.phone(), w.provider()
        c = Call(phone, prov, f'sip:{bracket(w.prov)}')
        c.la.request('REGISTER', extra=[('Contact', f'<{phone.uri}>'), ('Expires', '300')])
        req = prov.want('REGISTER')
        prov.respond(req, 200, contact=False, extra=[('Contact', f'{req.h("Contact")};expires=300')])
        phone.want(200)
        t = Talk(w, phone, prov, w.inside_media(), w.outside_media())
        t.flow(5)
        m, o = w.inside_media(20500), w.outside_media(30500)
        pub = (w.public(w.ph), 20500)
        rf('pinhole', 'add', 'outside', f'{pub[0]}:{pub[1]}', 'inside', f'{w.ph}:20500', 'remote', f'{w.prov}:30500',
           'class', 'rtp', 'for', '300s')
        for step in (day, -day, 0):
            clock_step(step)
            time.sleep(1.2)  # ticks and sweeps
            t.flow(5)
            sent = o.burst(3, pub)
            expect('by the static pinhole', m.seqs(3), sent)
            expect('registrations', len(rf('registration', 'show')['registrations']), 1)
            expect('calls', talking(), [t.call.id])
            daemon_kill()  # and what is restored is not a day late
            daemon_start()
            t.flow(5)
            expect('registrations after a restart', len(rf('registration', 'show')['registrations']), 1)
        ends(t, w)
        rf('pinhole', 'delete', 'id', str([p['id'] for p in rf('pinhole', 'show')['pinholes'] if not p.get('call') and
                                           'sip' not in p['classes']][0]))


def stopped():
    """By SIGSTOP: it seems to be dead, and another one takes over; who wakes up sees that."""
    with World(family) as w:
        t = talk(w)
        t.flow(5)
        old = daemon_pid()
        os.kill(old, signal.SIGSTOP)
        other = other_controller()
        try:
            wait_until('the other one has it', lambda: f'process {other.pid}' in
                       rf('status', json_out=False).stdout, 10)
            os.kill(old, signal.SIGCONT)
            wait_until('the one that was stopped leaves', lambda: gone(old), 10)
            expect('and says so', said('another controller has taken'), True)
            expect('the other one stays', other.poll(), None)
            wait_until('and is alive', alive)
        finally:
            if not gone(old):
                os.kill(old, signal.SIGCONT)
            other.terminate()
            other.communicate(timeout=10)
        daemon_start()


def said(text):
    with open(ENV['RF_LOG']) as f:
        return text in f.read()


def gone(pid):
    try:
        with open(f'/proc/{pid}/stat') as f:
            return f.read().rsplit(')', 1)[1].split()[0] == 'Z'
    except OSError:
        return True


def other_controller():
    """With a run directory of its own, as in another container."""
    return subprocess.Popen(
        ['nsenter', '--net=/run/netns/gw', '--', 'unshare', '--mount', '--propagation', 'private', 'sh', '-ec',
         'mount -t tmpfs -o mode=755 other /run/ringfence; exec "$0" --config "$1" --instance "$2"', ENV['RFD'],
         ENV['RF_CONFIG'], ENV['RF_INSTANCE']], stderr=subprocess.PIPE, text=True)


def two_controllers():
    """Another run directory, the same maps: the second one is refused, and costs the calls of the first nothing."""
    with World(family) as w:
        t = talk(w)
        t.flow(5)
        other = other_controller()
        said = other.communicate(timeout=20)[1]
        expect('status', other.returncode, 1)
        expect('it says why', 'runs already' in said and 'another container' in said, True)
        t.flow(10)
        expect('calls', talking(), [t.call.id])
        ends(t, w)


tap = Tap(f"{ENV['LAB_MODE']} IPv{family}: ")
tap.test('the address is taken and given back', address_away)
tap.test('the device is made anew', made_anew)
tap.test('the device is made anew while no controller runs', made_anew_while_away)
if not HOST:
    tap.test('the controller is restarted while the device is gone, and after', restarted_while_gone)
    tap.test('the device is made anew: a static pinhole follows', by_hand)
    tap.test('the device is made anew: a call over TCP goes on', over_tcp)
    tap.test('two controllers with different run directories', two_controllers)
if family == 4 and not HOST:
    tap.test('the clock is stepped a day both ways', clock)
    tap.test('a stopped controller, and another one meanwhile', stopped)
tap.done()
