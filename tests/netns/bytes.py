# SPDX-License-Identifier: GPL-2.0-only
"""Messages before and after, byte by byte: only addresses, ports and Content-Length may differ, on
the way out and, exactly undone, on the way back."""
import re
import sys

from exact import Pair, edited, plain, response, same, session
from ua import Failed, Tap, bracket, expect, token
from world import World

family = int(sys.argv.pop(1))


def methods(p, method):
    more = {'SUBSCRIBE': 'Event: presence\r\nExpires: 300\r\n', 'PUBLISH': 'Event: presence\r\nExpires: 300\r\n',
            'NOTIFY': 'Event: presence\r\nSubscription-State: active;expires=200\r\n',
            'REFER': f'Refer-To: <sip:carol@{p.inside};method=INVITE?Replaces=a%40b>\r\nReferred-By: <sip:alice@{p.inside}>\r\n',
            }.get(method, '') + f'Contact: <sip:alice@{p.inside};transport=udp>;+sip.instance="<urn:uuid:1>"\r\n'
    body = b'hello from 10.0.0.11, in words\r\n' if method == 'MESSAGE' else b''
    if body:  # text that people wrote is theirs
        raw = plain(p, method, more, body)
        p.phone.send(raw, (p.w.prov, 5060))
        got = p.prov.recv(2)
        if got is None:
            raise Failed('nothing came out')
        head, _, text = got[0].partition(b'\r\n\r\n')
        expect('the text of the message', text, body)
        p.src = got[1]
        seen = got[0]
    else:
        seen = p.send_out(plain(p, method, more))
    p.send_back(response(seen, '200 OK', f'Contact: <sip:bob@{bracket(p.w.prov)}:5060>\r\nServer:  x  y\r\n'))


def register(p):
    contact = (f'Contact: "Alice, desk" <sip:alice@{p.inside};ob>;q=0.5;expires=120;+sip.instance="<urn:uuid:2>"'
               f'\r\nSupported: path,  outbound\r\nExpires: 120\r\n')
    seen = p.send_out(plain(p, 'REGISTER', contact, uri=f'sip:{bracket(p.w.prov)}'))
    echoed = re.search(rb'(?m)^Contact: (.*)\r$', seen).group(1).decode()
    p.send_back(response(seen, '401 Unauthorized', 'WWW-Authenticate: Digest realm="r", nonce="n, 10.0.0.11"\r\n'))
    seen = p.send_out(plain(p, 'REGISTER', contact, uri=f'sip:{bracket(p.w.prov)}'))
    p.send_back(response(seen, '200 OK', f'Contact: {echoed}\r\nDate: Sat, 21 Nov 2026 14:00:00 GMT\r\n'))
    # and a request to the registered contact arrives inside with the inside URI
    uri = re.search(r'<([^>]+)>', echoed).group(1)
    raw = (f'OPTIONS {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {bracket(p.w.prov)}:5060;branch={token("z9hG4bK")}\r\n'
           f'From: <sip:reg@{bracket(p.w.prov)}>;tag=q\r\nTo: <{uri}>\r\nCall-ID: {token("opt")}\r\nCSeq: 1 OPTIONS\r\n'
           f'Max-Forwards: 10\r\nContent-Length: 0\r\n\r\n').encode()
    p.prov.send(raw, (p.w.gw, p.port))
    got = p.phone.recv(2)
    if got is None:
        raise Failed('the request to the contact did not arrive')
    got = got[0]
    # To is what the caller wrote, and comes back to him; the Request-URI is the phone's own again
    same('inward', got, edited(raw.partition(b'\r\n')[0] + b'\r\n\r\n', p.back)[:-4] + b'\r\n' + raw.partition(b'\r\n')[2])
    answer = response(got, '200 OK', f'Contact: <sip:alice@{p.inside};ob>\r\nAllow: INVITE\r\n')
    p.send_out(answer)


def invite(p, raw, media):
    seen = p.send_out(raw, media)
    p.send_back(response(seen, '100 Trying'))
    p.send_back(response(seen, '486 Busy Here', 'Warning: 399 x "no"\r\n'))
    p.phone.send(plain(p, 'ACK').replace(b'CSeq: 7 ACK', b'CSeq: 1 ACK'), (p.w.prov, 5060))
    p.prov.drain(0.05)


def invite_odd(p):
    """Compact and odd-cased names, folding, strange spacing, unknown headers, comments."""
    me, body = p.inside, session(p.w, 21000)
    raw = (f'INVITE sip:bob@{bracket(p.w.prov)};x=y SIP/2.0\r\nv:SIP/2.0/UDP {me};rport;branch={token("z9hG4bK")}\r\n'
           f'MAX-FORWARDS :  70\r\nf: Alice\r\n <sip:alice@{bracket(p.w.ph)}>\r\n\t;tag={token("f")}\r\nt:<sip:bob@{bracket(p.w.prov)}>\r\n'
           f'i:{token("odd")}\r\ncSEQ:  1   INVITE\r\nm: <sip:alice@{me}>\r\n'
           f'X-Custom-Thing:   keep;;me ,, exactly "as\\"is"  \r\nSubject:\r\nk: 100rel,timer\r\n'
           f'P-Asserted-Identity: "A" <sip:alice@{me}>\r\nAllow: INVITE,ACK , BYE\r\n'
           f'C:   application/sdp\r\nL:{len(body)}\r\n\r\n').encode() + body
    invite(p, raw, {21000: 21000})


def invite_c_media(p):
    raw = plain(p, 'INVITE', f'Contact: <sip:alice@{p.inside}>\r\n', session(p.w, 21010, c=False), 'application/sdp')
    invite(p, raw, {21010: 21010})


def invite_multipart(p):
    part = session(p.w, 21020)
    body = (b'--b0undary\r\nContent-Type: application/sdp\r\n\r\n' + part +
            b'\r\n--b0undary\r\nContent-Type: application/isup;version=x\r\nContent-Transfer-Encoding: binary\r\n\r\n'
            b'\x00\x01\xff\xfe 10.0.0.11 \x80\r\n--b0undary--\r\n')
    raw = plain(p, 'INVITE', f'Contact: <sip:alice@{p.inside}>\r\n', body, 'multipart/mixed;boundary=b0undary')
    p.phone.send(raw, (p.w.prov, 5060))
    got = p.prov.recv(2)
    if got is None:
        raise Failed('nothing came out')
    wanted_part = edited(b'x\r\n\r\n' + part, p.out)[5:]
    wanted_body = body.replace(part, wanted_part)
    expect('the other part', got[0].partition(b'\r\n\r\n')[2], wanted_body)
    expect('Content-Length', re.search(rb'Content-Length: (\d+)', got[0]).group(1), str(len(wanted_body)).encode())
    p.src = got[1]
    p.send_back(response(got[0], '486 Busy Here'))


def invite_public(p):
    """An address that is public already is left alone."""
    w = p.w
    raw = plain(p, 'INVITE', f'Contact: <sip:alice@{p.outside}>\r\n', session(w, 21030), 'application/sdp')
    invite(p, raw, {21030: 21030})


def record_route(p):
    """A proxy inside puts itself into Record-Route; Route comes back to it as it wrote it."""
    rr = f'Record-Route: <sip:{p.inside};lr>,\r\n <sip:edge.example;lr>\r\n'
    raw = plain(p, 'INVITE', rr + f'Contact: <sip:alice@{p.inside}>\r\n', session(p.w, 21040), 'application/sdp')
    seen = p.send_out(raw, {21040: 21040})
    p.send_back(response(seen, '486 Busy Here', ))


def keep_alive(p):
    """CRLF keep-alives and what is no SIP pass unaltered."""
    p.send_out(plain(p, 'OPTIONS', f'Contact: <sip:alice@{p.inside}>\r\n'))
    for raw in (b'\r\n\r\n', b'\0\0\0\0', b'\r\n'):
        p.phone.send(raw, (p.w.prov, 5060))
        got = p.prov.recv(1)
        expect('keep-alive', got and got[0], raw)


tap = Tap(f'IPv{family}: ')
for method in ('OPTIONS', 'SUBSCRIBE', 'NOTIFY', 'MESSAGE', 'INFO', 'PUBLISH', 'REFER'):
    with World(family) as world:
        tap.test(method, methods, Pair(world), method)
for title, fn in (('REGISTER, its answers, a request to the contact', register),
                  ('INVITE with odd but legal writing', invite_odd), ('INVITE, c= at the media level', invite_c_media),
                  ('INVITE with a multipart body', invite_multipart), ('INVITE with a public Contact', invite_public),
                  ('INVITE with Record-Route', record_route), ('keep-alives', keep_alive)):
    with World(family) as world:
        tap.test(title, fn, Pair(world))
tap.done()
