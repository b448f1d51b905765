#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""baresip for the lab: baresip.py config DIR ADDR ACCOUNT HZ [KEY VALUE]... | baresip.py COMMAND ADDR [PARAMS]
| baresip.py tone FILE HZ | baresip.py found DIR HZ [OTHER-HZ]

config writes a configuration folder with a tone of HZ as its microphone and recordings into DIR.
Any other word is sent to a running baresip (ctrl_tcp on ADDR:4444), the reply's text is printed.
found looks for HZ in DIR's recording of what was heard: prints its share of the energy, its length.
"""
import glob
import json
import math
import os
import socket
import struct
import sys
import wave

RATE = 8000


def tone(path, hz, seconds=40):
    with wave.open(path, 'wb') as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(RATE)
        period = [int(12000 * math.sin(2 * math.pi * hz * i / RATE)) for i in range(RATE)]
        w.writeframes(struct.pack(f'<{RATE}h', *period) * seconds)


def config(folder, addr, account, hz, more, modules=()):
    os.makedirs(folder, exist_ok=True)
    tone(f'{folder}/tone.wav', hz)
    settings = {
        'module_path': '/usr/lib/baresip/modules', 'poll_method': 'epoll', 'sip_listen': f'{addr}:5060',
        'call_max_calls': '4', 'audio_source': f'aufile,{folder}/tone.wav', 'audio_player': 'aubridge,nil',
        'audio_alert': 'aubridge,nil', 'ausrc_srate': str(RATE), 'auplay_srate': str(RATE), 'audio_channels': '1-1',
        'ausrc_channels': '1', 'auplay_channels': '1', 'rtp_ports': '20000-20098', 'rtcp_mux': 'no',
        'audio_buffer': '20-160', 'snd_path': folder, 'ctrl_tcp_listen': f'{addr}:4444', 'dns_server': '127.0.0.1:53',
        'sip_cafile': '', 'net_interface': '',
    }
    settings.update(zip(more[::2], more[1::2]))
    with open(f'{folder}/config', 'w') as f:
        for key, value in settings.items():
            if value:
                f.write(f'{key}\t{value}\n')
        for m in ('g711.so', 'aufile.so', 'aubridge.so', 'sndfile.so', *modules):
            f.write(f'module\t{m}\n')
        f.write('module_tmp\tuuid.so\nmodule_tmp\taccount.so\n')
        f.write('module_app\tmenu.so\nmodule_app\tctrl_tcp.so\n')
    with open(f'{folder}/accounts', 'w') as f:
        f.write(account + '\n')
    open(f'{folder}/contacts', 'w').close()


def command(word, addr, params):
    request = json.dumps({'command': word, 'params': params, 'token': 'lab'}).encode()
    with socket.create_connection((addr, 4444), timeout=5) as s:
        s.sendall(str(len(request)).encode() + b':' + request + b',')
        buf = b''
        while True:
            more = s.recv(65536)
            if not more:
                raise SystemExit('baresip closed the connection')
            buf += more
            while b':' in buf:
                n = int(buf.split(b':', 1)[0])
                start = buf.index(b':') + 1
                if len(buf) < start + n + 1:
                    break
                message, buf = json.loads(buf[start:start + n]), buf[start + n + 1:]
                if message.get('response'):
                    print(message.get('data', '').strip())
                    return 0 if message.get('ok') else 1


def read_wav(path):
    """Samples; baresip may still be writing, so the header's length is not trusted."""
    with open(path, 'rb') as f:
        raw = f.read()
    channels, rate = struct.unpack('<HI', raw[22:28])
    at = raw.index(b'data') + 8
    raw = raw[at:at + (len(raw) - at) // 2 * 2]
    return struct.unpack(f'<{len(raw) // 2}h', raw)[::channels], rate


def share(samples, rate, hz):
    """Energy at hz as a share of all energy (Goertzel, windows of 50 ms)."""
    size, at_hz, total = rate // 20, 0.0, 0.0
    k = 2 * math.cos(2 * math.pi * hz / rate)
    for start in range(0, len(samples) - size, size):
        s1 = s2 = 0.0
        for x in samples[start:start + size]:
            s1, s2 = x + k * s1 - s2, s1
        at_hz += (s1 * s1 + s2 * s2 - k * s1 * s2) * 2 / size
        total += sum(x * x for x in samples[start:start + size])
    return at_hz / total if total else 0.0


def found(folder, hz, other):
    files = sorted(glob.glob(f'{folder}/dump-*-dec.wav'), key=os.path.getmtime)
    if not files:
        print('nothing was recorded')
        return 1
    samples, rate = read_wav(files[-1])
    samples = samples[:rate * 6]
    got = share(samples, rate, hz)
    text = f'{got:.0%} of the energy of {len(samples) / rate:.1f} s is at {hz} Hz'
    if other:
        text += f', {share(samples, rate, other):.0%} at {other} Hz'
    print(text)
    return 0 if got > 0.9 and len(samples) > rate else 1


def main(argv):
    if len(argv) >= 6 and argv[1] == 'config':
        config(argv[2], argv[3], argv[4], int(argv[5]), argv[6:])
        return 0
    if len(argv) == 4 and argv[1] == 'tone':
        tone(argv[2], int(argv[3]))
        return 0
    if len(argv) in (4, 5) and argv[1] == 'found':
        return found(argv[2], int(argv[3]), int(argv[4]) if len(argv) == 5 else 0)
    if len(argv) in (3, 4):
        return command(argv[1], argv[2], argv[3] if len(argv) == 4 else '')
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == '__main__':
    sys.exit(main(sys.argv))
