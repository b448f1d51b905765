# SPDX-License-Identifier: GPL-2.0-only
"""Writes the scenarios that SIPp plays: sipp_scenarios.py FOLDER makes uac_NAME.xml and uas_NAME.xml.

SIPp does the signalling; at the point where a real agent would, each side tells its media agent
(keyword [media], a command) to send and expect N packets. N and its interval are below; a phase
without media in one direction sends or expects 0. Ports are [auto_media_port+OFFSET], which is
20000 + 4 x (call number - 1) + OFFSET; SIPp knows that keyword in SDP only.
A callee's media starts behind its answer: SIPp takes no ACK while it runs a command, so the command comes
before the answer, with a delay for what SIPp may take until then on a busy machine. Media that leaves before
the answer does is agreed by nobody, and lost.
"""
import os
import sys

N, MS, ANSWERED = 40, 15, 100

SDP = '''v=0
o=sipp 53655765 2353687637 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [auto_media_port+{port}] RTP/AVP 0
a=rtpmap:0 PCMU/8000
a={direction}
'''


def sdp(port=100, direction='sendrecv'):
    return SDP.format(port=port, direction=direction)


def send(start, headers, body='', retrans='', actions='', contact=True):
    lines = [start] + headers
    if contact:
        lines.append('Contact: <sip:[user]@[local_ip]:[local_port]>')
    if body:
        lines += ['Content-Type: application/sdp']
    lines += ['Content-Length: [len]', '', body.rstrip('\n') if body else '']
    text = '\n'.join(lines)
    if body:
        text += '\n'
    return f'<send{retrans}>\n<![CDATA[\n{text}\n]]>\n{actions}</send>\n'


RETRANS = ' retrans="500"'
VIA = 'Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]'


def request(method, cseq, body='', to_tag='[peer_tag_param]', uri='[next_url]', retrans=RETRANS, via=VIA):
    """A request of the side that called."""
    return send(f'{method} {uri} SIP/2.0', [
        via, 'Max-Forwards: 70', 'From: <sip:[user]@example.org>;tag=[pid]a[call_number]',
        f'To: <sip:[peer]@example.net>{to_tag}', 'Call-ID: [call_id]', f'CSeq: {cseq} {method}',
    ], body, retrans)


def invite(cseq=1, body=None, **kw):
    first = {'to_tag': '', 'uri': 'sip:[peer]@[remote_ip]:[remote_port]'} if cseq == 1 else {}
    return request('INVITE', cseq, sdp() if body is None else body, **{**first, **kw})


def ack(cseq=1, body='', **kw):
    return request('ACK', cseq, body, retrans='', **kw)


REMOTE = '''<ereg regexp="m=audio ([0-9]+)" search_in="body" check_it="true" assign_to="m,rport"/>
<ereg regexp="c=IN IP[46] ([0-9A-Fa-f.:]+)" search_in="body" check_it="true" assign_to="c,raddr"/>
'''


def media(name, sends=N, expects=N, port=100, delay=0):
    return (f'<exec command="[media] {name} [call_number] {port} [$raddr] [$rport] '
            f'{sends} {expects} {MS} {delay}"/>\n')


def nop(actions):
    return f'<nop><action>\n{actions}</action></nop>\n'


def recv(what, actions='', optional=False, attributes=''):
    kind = f'response="{what}"' if isinstance(what, int) else f'request="{what}"'
    body = f'<action>\n{actions}</action>\n' if actions else ''
    opt = ' optional="true"' if optional else ''
    rrs = ' rrs="true"' if what in (183, 200, 'INVITE') else ''
    return f'<recv {kind}{opt}{rrs}{attributes}>\n{body}</recv>\n'


def provisional():
    return recv(100, optional=True) + recv(180, optional=True)


def response(status, reason, body='', retrans='', tag=True):
    to = '[last_To:];tag=[pid]b[call_number]' if tag else '[last_To:]'
    return send(f'SIP/2.0 {status} {reason}', ['[last_Via:]', '[last_From:]', to, '[last_Call-ID:]', '[last_CSeq:]'],
                body, retrans, contact=status < 300)


def pause(ms):
    return f'<pause milliseconds="{ms}"/>\n'


TALK = pause(N * MS + ANSWERED + 600)
BYE = request('BYE', 9) + recv(200)
BYE_UAS = recv('BYE') + response(200, 'OK', tag=False)
OK_RETRANS = ' retrans="500"'


def uas_answer(name='b', body=None, **kw):
    return nop(media(name, delay=ANSWERED, **kw)) + response(200, 'OK', body or sdp(), OK_RETRANS) + recv('ACK')


def basic():
    a = invite() + provisional() + recv(200, REMOTE) + nop(media('a')) + ack() + TALK + BYE
    b = recv('INVITE', REMOTE) + response(180, 'Ringing') + uas_answer() + BYE_UAS
    return a, b


def early():
    a = invite() + recv(100, optional=True) + recv(183, REMOTE) + nop(media('a-early')) + TALK + recv(200) + ack() + \
        nop(media('a')) + TALK + BYE
    b = recv('INVITE', REMOTE) + nop(media('b-early', delay=ANSWERED)) + \
        response(183, 'Session Progress', sdp()) + TALK + TALK + nop(media('b', delay=ANSWERED)) + \
        response(200, 'OK', sdp(), OK_RETRANS) + recv('ACK') + BYE_UAS
    return a, b


def cancel():
    keep = send('CANCEL sip:[peer]@[remote_ip]:[remote_port] SIP/2.0', [
        '[last_Via:]', 'Max-Forwards: 70', 'From: <sip:[user]@example.org>;tag=[pid]a[call_number]',
        'To: <sip:[peer]@example.net>', 'Call-ID: [call_id]', 'CSeq: 1 CANCEL'], '', RETRANS, contact=False)
    keep_ack = send('ACK sip:[peer]@[remote_ip]:[remote_port] SIP/2.0', [
        '[last_Via:]', 'Max-Forwards: 70', 'From: <sip:[user]@example.org>;tag=[pid]a[call_number]',
        'To: <sip:[peer]@example.net>[peer_tag_param]', 'Call-ID: [call_id]', 'CSeq: 1 ACK'], '', '', contact=False)
    a = invite() + recv(100, optional=True) + recv(180) + pause(200) + keep + recv(200) + recv(487) + keep_ack
    # the 487 belongs to the INVITE: its Via and CSeq are put down when it comes
    store = ('<ereg regexp=".*" search_in="hdr" header="Via:" assign_to="via"/>\n'
             '<ereg regexp=".*" search_in="hdr" header="To:" assign_to="to"/>\n')
    b = recv('INVITE', store) + response(180, 'Ringing') + recv('CANCEL') + response(200, 'OK') + \
        send('SIP/2.0 487 Request Terminated', ['Via:[$via]', '[last_From:]', 'To:[$to];tag=[pid]b[call_number]',
                                                '[last_Call-ID:]', 'CSeq: 1 INVITE'], '', OK_RETRANS, contact=False) + \
        recv('ACK')
    return a, b


def reject():
    keep_ack = send('ACK sip:[peer]@[remote_ip]:[remote_port] SIP/2.0', [
        '[last_Via:]', 'Max-Forwards: 70', 'From: <sip:[user]@example.org>;tag=[pid]a[call_number]',
        'To: <sip:[peer]@example.net>[peer_tag_param]', 'Call-ID: [call_id]', 'CSeq: 1 ACK'], '', '', contact=False)
    a = invite() + provisional() + recv(486) + keep_ack
    b = recv('INVITE') + response(180, 'Ringing') + response(486, 'Busy Here', '', OK_RETRANS) + recv('ACK')
    return a, b


def reinvite_uas(body):
    """200 to a re-INVITE; the To tag is in the request already."""
    return response(200, 'OK', body, OK_RETRANS, tag=False) + recv('ACK')


def hold():
    a = invite() + provisional() + recv(200, REMOTE) + nop(media('a1')) + ack() + TALK
    b = recv('INVITE', REMOTE) + response(180, 'Ringing') + uas_answer('b1')
    for i, (cseq, mine, theirs) in enumerate(((2, 'sendonly', 'recvonly'), (3, 'inactive', 'inactive'),
                                              (4, 'sendrecv', 'sendrecv'))):
        to_b = 0 if mine == 'inactive' else N
        to_a = N if mine == 'sendrecv' else 0
        a += invite(cseq, sdp(direction=mine)) + recv(100, optional=True) + recv(200, REMOTE) + ack(cseq) + \
            (nop(media(f'a{i + 2}', to_b, to_a)) if to_b else '') + TALK
        b += recv('INVITE', REMOTE) + reinvite_uas(sdp(direction=theirs)) + \
            (nop(media(f'b{i + 2}', to_a, to_b)) if to_b else '')
    return a + BYE, b + BYE_UAS


def newport():
    a = invite() + provisional() + recv(200, REMOTE) + nop(media('a1')) + ack() + TALK + \
        invite(2, sdp(port=300)) + recv(100, optional=True) + recv(200, REMOTE) + nop(media('a2', port=300)) + ack(2) + \
        TALK + BYE
    b = recv('INVITE', REMOTE) + response(180, 'Ringing') + uas_answer('b1') + recv('INVITE', REMOTE) + \
        nop(media('b2', delay=ANSWERED)) + response(200, 'OK', sdp(), OK_RETRANS, tag=False) + recv('ACK') + BYE_UAS
    return a, b


def late():
    a = invite(1, '') + provisional() + recv(200, REMOTE) + ack(1, sdp()) + nop(media('a')) + TALK + BYE
    b = recv('INVITE') + response(180, 'Ringing') + response(200, 'OK', sdp(), OK_RETRANS) + recv('ACK', REMOTE) + \
        nop(media('b')) + BYE_UAS
    return a, b


SCENARIOS = (basic, early, cancel, reject, hold, newport, late)


def main(folder):
    for make in SCENARIOS:
        for who, steps in zip(('uac', 'uas'), make()):
            names = [v for v in ('m', 'c', 'rport', 'raddr', 'via', 'to') if f'assign_to="{v}' in steps or
                     f',{v}"' in steps]
            unused = f'<Reference variables="{",".join(names)}"/>\n' if names else ''
            with open(os.path.join(folder, f'{who}_{make.__name__}.xml'), 'w') as f:
                f.write(f'<?xml version="1.0" encoding="us-ascii"?>\n<!DOCTYPE scenario SYSTEM "sipp.dtd">\n'
                        f'<scenario name="{who} {make.__name__}">\n{steps}{unused}</scenario>\n')


if __name__ == '__main__':
    main(sys.argv[1])
