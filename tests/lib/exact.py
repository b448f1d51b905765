# SPDX-License-Identifier: GPL-2.0-only
"""Messages before and after, byte by byte: what a message must look like on the other side."""
import re
import struct

from ua import Endpoint, Failed, bracket, expect, token

CRLF = '\r\n'


def edited(raw, pairs, media=None):
    """raw with the address tokens exchanged (in SDP only in o=, c=, a=rtcp), media ports in m= mapped,
    Content-Length digits new."""
    head, _, body = raw.partition(b'\r\n\r\n')

    def swap(text):
        for old, new in pairs:
            text = re.sub(rb'(?<![0-9A-Fa-f.])' + re.escape(old.encode()) + rb'(?![0-9.])', new.encode(), text)
        return text

    lines = [swap(x) if x.startswith((b'o=', b'c=', b'a=rtcp:')) else x for x in body.split(b'\r\n')]
    head, new_body = swap(head), b'\r\n'.join(lines)
    for old, new in (media or {}).items():
        new_body = re.sub(rb'(?m)^(m=\w+ )%d\b' % old, rb'\g<1>%d' % new, new_body)
    if len(new_body) != len(body):
        head = re.sub(rb'(?im)^((?:content-length|l)[ \t]*:[ \t]*)\d+', rb'\g<1>%d' % len(new_body), head)
    return head + b'\r\n\r\n' + new_body


def same(what, got, wanted):
    if got == wanted:
        return
    for a, b in zip(got.split(b'\r\n'), wanted.split(b'\r\n')):
        if a != b:
            raise Failed(f'{what}: got {a!r}, wanted {b!r}')
    raise Failed(f'{what}: {len(got)} bytes, wanted {len(wanted)}: {got[-80:]!r} / {wanted[-80:]!r}')


class Pair:
    """A phone at 5062 (its own number is free on the gateway) and the provider, both raw."""

    def __init__(self, w, port=5062):
        self.w = w
        self.phone = w.keep(Endpoint(w.ph_ns, w.ph, port))
        self.prov = w.keep(Endpoint('prov', w.prov, 5060))
        self.inside, self.outside = f'{bracket(w.ph)}:{port}', f'{bracket(w.gw)}:{port}'
        self.port = port
        self.out = [(self.inside, self.outside), (bracket(w.ph), bracket(w.gw))]
        if w.family == 6:
            self.out.append((w.ph, w.gw))
        self.back = [(b, a) for a, b in self.out]

    def send_out(self, raw, media=None):
        """The phone sends; what the provider gets must be the edited original."""
        self.phone.send(raw, (self.w.prov, 5060))
        one = self.prov.recv(2)
        if one is None:
            raise Failed('nothing came out')
        same('outward', one[0], edited(raw, self.out, media))
        self.src = one[1]
        expect('source', one[1], (self.w.gw, self.port))
        return one[0]

    def send_back(self, raw, media=None, to=None):
        self.prov.send(raw, to or self.src)
        one = self.phone.recv(2)
        if one is None:
            raise Failed('nothing came back')
        same('inward', one[0], edited(raw, self.back, media))
        expect('source inside', one[1], (self.w.prov, 5060))
        return one[0]


def response(raw, status, extra='', body=b''):
    """A response as a registrar would build it: headers of the request echoed as they came."""
    head = raw.partition(b'\r\n\r\n')[0].decode('utf-8', 'surrogateescape')
    lines = re.sub(r'\r\n[ \t]+', '\0 ', head).split(CRLF)
    keep = [x.replace('\0 ', '\r\n ') for x in lines[1:]
            if re.match(r'(?i)(via|v|from|f|to|t|call-id|i|cseq|record-route)[ \t]*:', x)]
    keep = [x + ';tag=srv' if re.match(r'(?i)(to|t)[ \t]*:', x) and 'tag=' not in x else x for x in keep]
    return (CRLF.join([f'SIP/2.0 {status}'] + keep) + CRLF + extra +
            f'Content-Length: {len(body)}\r\n\r\n').encode('utf-8', 'surrogateescape') + body


def plain(p, method, more='', body=b'', ctype='text/plain', uri=None):
    me, far = p.inside, f'{bracket(p.w.prov)}'
    return (f'{method} {uri or "sip:bob@" + far} SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch={token("z9hG4bK")};rport\r\n'
            f'Max-Forwards: 70\r\nFrom: "Alice" <sip:alice@{bracket(p.w.ph)}>;tag={token("t")}\r\nTo: <sip:bob@{far}>\r\n'
            f'Call-ID: {token("bytes")}\r\nCSeq: 7 {method}\r\n{more}User-Agent: Some phone/1.0 (10.99.0.1 is not ours)\r\n' +
            (f'Content-Type: {ctype}\r\n' if body else '') + f'Content-Length: {len(body)}\r\n\r\n').encode() + body


def session(w, port, extra='', c=True):
    a, v = w.ph, f'IP{w.family}'
    return (f'v=0\r\no=alice 1 1 IN {v} {a}\r\ns=Call with {a} in words\r\n' + (f'c=IN {v} {a}\r\n' if c else '') +
            f't=0 0\r\nm=audio {port} RTP/AVP 8 0 101\r\n' + ('' if c else f'c=IN {v} {a}\r\n') +
            f'a=rtpmap:8 PCMA/8000\r\na=x-unknown:  odd   spacing \r\na=sendrecv\r\n{extra}').encode()


def checksum(data):
    data += b'\0' * (len(data) % 2)
    total = sum(struct.unpack(f'>{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff or 0xffff
