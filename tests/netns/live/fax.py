# SPDX-License-Identifier: GPL-2.0-only
"""SIPp at both ends switches a call from audio to T.38 by re-INVITE; RTP and UDPTL are sent and counted here.

The media of the far side is at a third host. Each SIPp says where it was told to send by a line in a file.
"""
import os
import struct
import subprocess
import sys
import time

from people import ALICE as PH, FAMILY, GW, PROV, THIRD
from ua import Failed, Media, Tap, both_ways, bracket, calls, expect, no_way, open_pinholes, rtp, wait_until
from wan import Capture

sys.path.insert(0, os.path.join(os.environ['LAB_ROOT'], 'tests/netns'))
import sipp_scenarios as xml  # noqa: E402

ENV = os.environ
TMP = ENV['LAB_TMP']
PAUSE = 1800  # ms, for what is sent in each part of the call

SDP = '''v=0
o=fax 53655765 {version} IN IP{family} [maddr]
s=-
c=IN IP{family} [maddr]
t=0 0
'''
AUDIO = SDP.format(version=1, family=FAMILY) + '''m=audio [aport] RTP/AVP 0
a=rtpmap:0 PCMU/8000
'''
IMAGE = SDP.format(version=2, family=FAMILY) + '''m=image [iport] udptl t38
a=T38FaxVersion:0
a=T38MaxBitRate:14400
a=T38FaxRateManagement:transferredTCF
a=T38FaxMaxBuffer:72
a=T38FaxMaxDatagram:316
a=T38FaxUdpEC:t38UDPRedundancy
'''


def told(kind):
    return (f'<ereg regexp="m={kind} ([0-9]+)" search_in="body" check_it="true" assign_to="m{kind},port{kind}"/>\n'
            f'<ereg regexp="c=IN IP{FAMILY} ([0-9a-f:.]+)" search_in="body" check_it="true" assign_to="c{kind},addr{kind}"/>\n')


def tell(kind):
    return xml.nop(f'<exec command="[tell] {kind} [$addr{kind}] [$port{kind}]"/>\n')


def scenarios():
    uac = xml.invite(1, AUDIO) + xml.provisional() + xml.recv(200, told('audio')) + tell('audio') + xml.ack(1) + \
        xml.pause(PAUSE) + xml.invite(2, IMAGE) + xml.recv(100, optional=True) + xml.recv(200, told('image')) + \
        tell('image') + xml.ack(2) + xml.pause(PAUSE) + xml.BYE
    uas = xml.recv('INVITE', told('audio')) + tell('audio') + xml.response(180, 'Ringing') + \
        xml.response(200, 'OK', AUDIO, xml.OK_RETRANS) + xml.recv('ACK') + xml.recv('INVITE', told('image')) + \
        tell('image') + xml.response(200, 'OK', IMAGE, xml.OK_RETRANS, tag=False) + xml.recv('ACK') + xml.BYE_UAS
    for name, text in (('uac', uac), ('uas', uas)):
        with open(f'{TMP}/fax_{name}.xml', 'w') as f:
            names = 'maudio,caudio,mimage,cimage'
            f.write(f'<?xml version="1.0"?>\n<scenario name="{name}">\n{text}<Reference variables="{names}"/>\n</scenario>\n')
    with open(f'{TMP}/tell.sh', 'w') as f:
        f.write('#!/bin/sh\necho "$2 $3 $4" >>"$1"\n')
    os.chmod(f'{TMP}/tell.sh', 0o755)


def sipp(ns, addr, side, maddr, aport, iport, remote=None):
    user, peer = ('alice', 'bob') if ns == 'ph' else ('bob', 'alice')
    cmd = ['nsenter', f'--net=/run/netns/{ns}', '--', 'timeout', '-k', '2', '30', 'sipp', '-sf', f'{TMP}/fax_{side}.xml',
           '-i', addr, '-p', '5060', '-m', '1', '-key', 'user', user, '-key', 'peer', peer, '-key', 'maddr', maddr,
           '-key', 'aport', str(aport), '-key', 'iport', str(iport), '-key', 'tell', f'{TMP}/tell.sh {TMP}/{side}.told',
           '-cid_str', '%u-%p@fax.example', '-nostdin', '-timeout', '25', '-timeout_error', '-recv_timeout', '15000',
           '-trace_err', '-error_file', f'{TMP}/fax_{side}.err'] + ([remote] if remote else [])
    with open(f'{TMP}/fax_{side}.out', 'w') as out:
        return subprocess.Popen(cmd, stdin=subprocess.DEVNULL, stdout=out, stderr=out)


def where(side, kind):
    """Where SIPp was told to send: (address, port)."""
    found = []

    def look():
        if os.path.exists(f'{TMP}/{side}.told'):
            with open(f'{TMP}/{side}.told') as f:
                found[:] = [x.split() for x in f if x.startswith(kind + ' ') and x.endswith('\n')]
        return found
    wait_until(f'{side} has the SDP with {kind}', look)
    return found[-1][1], int(found[-1][2])


def udptl(seq):
    return struct.pack('>HB', seq, 6) + b'\xc0\x01\x80\x00\x00\xff' + b'\x00\x00'


def fax_way(sender, to, receiver, n=10):
    sent = [udptl(i) for i in range(n)]
    for x in sent:
        sender.send(x, to)
    receiver.seqs(n)
    expect(f'UDPTL from {sender.addr} to {to}', receiver.packets, sent)


def talk(inside, outside, x, y, out, same_port):
    """inside, outside: SIPp's sides; x, y: audio and image endpoints of each."""
    audio_in, image_in = x
    audio_out, image_out = y
    far, pub = where(inside, 'audio'), where(outside, 'audio')
    expect('address that the WAN sees', pub[0], GW)
    expect('address that the inside sees', far, (THIRD, audio_out.port))
    both_ways(audio_in, far, audio_out, pub, 10)
    no_way(audio_out, pub, audio_in, 3, data=udptl(1))
    image_far, image_pub = where(inside, 'image'), where(outside, 'image')
    expect('address that the WAN sees', image_pub[0], GW)
    time.sleep(0.2)  # the answer is on its way to the caller
    fax_way(image_in, image_far, image_out)
    fax_way(image_out, image_pub, image_in)
    expect('open pinholes', sorted(c for p in open_pinholes() if p['call'] for c in p['classes']), ['udptl'])
    # RTP has had its time, on its old port and where the fax is now
    no_way(audio_out, pub, audio_in, 3, data=rtp(1))
    no_way(audio_in, far, audio_out, 3, data=rtp(1))
    no_way(image_out, image_pub, image_in, 3, data=rtp(1))
    return image_far, image_pub


def fax(out, same_port):
    for f in ('uac.told', 'uas.told', 'fax_uac.err', 'fax_uas.err'):
        if os.path.exists(f'{TMP}/{f}'):
            os.unlink(f'{TMP}/{f}')
    step = 0 if same_port else 2
    media = [Media('ph', PH, 20000), Media('third', THIRD, 30000)]
    images = media if same_port else [Media('ph', PH, 20002), Media('third', THIRD, 30002)]
    inside, outside = ('uac', 'uas') if out else ('uas', 'uac')
    with Capture('fax') as wan:
        if out:
            b = sipp('prov', PROV, 'uas', THIRD, 30000, 30000 + step)
            time.sleep(0.3)
            a = sipp('ph', PH, 'uac', PH, 20000, 20000 + step, f'{bracket(PROV)}:5060')
        else:
            b = sipp('ph', PH, 'uas', PH, 20000, 20000 + step)
            time.sleep(0.3)
            a = sipp('prov', PROV, 'uac', THIRD, 30000, 30000 + step, f'{bracket(GW)}:5060')
        try:
            image_far, image_pub = talk(inside, outside, (media[0], images[0]), (media[1], images[1]), out, same_port)
            status = a.wait(10), b.wait(10)
            expect('exit status of SIPp (caller, callee)', status, (0, 0))
            wait_until('everything is closed', lambda: not [p for p in open_pinholes() if p['call']] and
                       all(c['state'] == 'ending' for c in calls()))
            no_way(images[1], image_pub, images[0], 5, data=udptl(1))
            no_way(images[0], image_far, images[1], 5, data=udptl(1))
        except Exception as e:
            text = ''
            for side in ('uac', 'uas'):
                for f in (f'{TMP}/fax_{side}.err', f'{TMP}/fax_{side}.out'):
                    if os.path.exists(f):
                        with open(f, errors='replace') as log:
                            text += f'\n{f}: {log.read()[-1500:]}'
            raise Failed(f'{e}{text if "SIPp" in str(e) or "SDP" in str(e) else ""}') from e
        finally:
            for p in (a, b):
                if p.poll() is None:
                    p.kill()
                    p.wait()
            for m in media + ([] if same_port else images):
                m.close()
    wan.no_private()


tap = Tap(f'IPv{FAMILY} T.38: ')
scenarios()
for way in ('out', 'in'):
    tap.test(f'{way}: switch to a new port', fax, way == 'out', False)
    tap.test(f'{way}: switch on the port of the audio', fax, way == 'out', True)
tap.done()
