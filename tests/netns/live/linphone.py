# SPDX-License-Identifier: GPL-2.0-only
"""A linphonec in a namespace: commands go to its standard input, what it says is waited for in its output."""
import os
import re
import signal
import subprocess

import baresip
from ua import Failed, bracket, wait_until

ENV = os.environ
CONFIG = '''[sip]
sip_port=5060
sip_tcp_port=0
sip_tls_port=0
use_ipv6={six}
media_encryption=none
default_proxy=0
guess_hostname=0
contact="{name}" <sip:{name}@{host}>
[proxy_0]
reg_proxy=<sip:{registrar};transport=udp>
reg_identity=sip:{name}@{registrar}
reg_expires=60
reg_sendregister=1
publish=0
[auth_info_0]
username={name}
passwd=secret
realm=lab.example
[rtp]
audio_rtp_port=20000-20098
[audio_codec_0]
mime=PCMU
rate=8000
channels=1
enabled=1
[misc]
uuid={uuid}
[video]
enabled=0
capture=0
display=0
'''


class Linphone:
    def __init__(self, ns, dev, addr, name, hz, registrar):
        self.ns, self.dev, self.addr, self.name, self.hz = ns, dev, addr, name, hz
        self.folder = f'{ENV["LAB_TMP"]}/{name}'
        os.makedirs(f'{self.folder}/.local/share/linphone', exist_ok=True)
        baresip.tone(f'{self.folder}/tone.wav', hz, 40)
        with open(f'{self.folder}/linphonerc', 'w') as f:
            f.write(CONFIG.format(name=name, host=bracket(addr), registrar=registrar, six=int(':' in addr),
                                  uuid=f'00000000-0000-0000-0000-{hz:012}'))
        self.log = f'{self.folder}.log'
        self.at = 0
        with open(self.log, 'w') as log:
            self.process = subprocess.Popen(
                ['nsenter', f'--net=/run/netns/{ns}', '--', 'stdbuf', '-oL', 'linphonec', '-c', f'{self.folder}/linphonerc', '-S', '-a'] +
                (['-d', '6', '-l', f'{self.folder}/debug'] if ENV.get('VERBOSE') else []),
                stdin=subprocess.PIPE, stdout=log, stderr=log, text=True, cwd=self.folder, env={**ENV, 'HOME': self.folder})
        self.do('codec disable all')
        self.do('codec enable', str(self.codec('PCMU')))
        self.do('soundcard use files')
        self.do(f'play {self.folder}/tone.wav')

    def do(self, *words):
        self.process.stdin.write(' '.join(words) + '\n')
        self.process.stdin.flush()

    def ask(self, command, pattern):
        """Runs a command; all matches in what it says, once there is any."""
        before = len(self.text())
        self.do(command)
        found = []

        def look():
            found[:] = re.findall(pattern, self.text()[before:])
            return found
        wait_until(f'{self.name} says {pattern} after {command}', look, 8)
        return found

    def codec(self, name):
        return int(self.ask('codec list', f'([0-9]+): {name} ')[0])

    def registered(self):
        wait_until(f'{self.name} is registered',
                   lambda: self.ask('status register', 'registered=?.*')[0].startswith('registered,'), 8)

    def calls(self, n):
        """Numbers of its n calls, the oldest first."""
        found = []

        def look():
            found[:] = sorted(int(x) for x in self.ask('calls', '\n([0-9]+) +\\| '))
            return len(found) == n
        wait_until(f'{self.name} has {n} calls', look)
        return found

    def no_calls(self):
        wait_until(f'{self.name} has no call',
                   lambda: self.ask('calls', 'No active call|\n[0-9]+ +\\| .*')[0].startswith('No'))

    def hang_up(self):
        self.do('terminate')

    def text(self):
        with open(self.log, errors='replace') as f:
            return f.read()

    def wait(self, pattern, timeout=8):
        """The next line that matches; what came before it does not count any more."""
        found = []

        def look():
            found[:] = [re.compile(pattern).search(self.text(), self.at)]
            return found[0]
        try:
            wait_until(f'{self.name} says {pattern}', look, timeout)
        except Failed as e:
            raise Failed(f'{e}; log: {self.text()[-800:]}') from e
        self.at = found[0].end()
        return found[0]

    def forget(self):
        self.at = len(self.text())

    def stop(self):
        self.do('quit')
        try:
            self.process.wait(8)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            raise Failed(f'{self.name}: linphone does not end') from None
