#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# ringfence replay on the captures of tests/data: what would have been opened, edited and dropped, in
# text and in JSON; what a CI can fail on; files that are none. No root, no kernel side.
set -u
export TZ=UTC

ROOT=$(cd "$(dirname "$0")/../.." && pwd)
B=${B:-build}
case $B in /*) ;; *) B=$ROOT/$B ;; esac
RF=${RF:-$B/ringfence}
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
cd "$ROOT/tests/data" || exit 2
passed=0 failed=0

yes() { passed=$((passed + 1)); echo "ok $1"; }
no()
{
	failed=$((failed + 1))
	echo "not ok $1"
	cut -c1-400 "$TMP/out" "$TMP/err" | sed 's/^/#   /' | head -60
}

# t NAME STATUS PATTERN ARGS...: status, and a regular expression found in what is printed
t()
{
	local name=$1 want=$2 pattern=$3 status
	shift 3
	"$RF" replay "$@" >"$TMP/out" 2>"$TMP/err" </dev/null
	status=$?
	if [ "$status" = "$want" ] && cat "$TMP/out" "$TMP/err" | grep -Eq -- "$pattern"; then yes "$name"; else
		no "$name: replay $* gave $status, wanted $want and /$pattern/"
	fi
}

# has NAME PATTERN / lacks NAME PATTERN: about the last output
has() { if grep -Eq -- "$2" "$TMP/out"; then yes "$1"; else no "$1: no /$2/"; fi; }
lacks() { if grep -Eq -- "$2" "$TMP/out"; then no "$1: /$2/"; else yes "$1"; fi; }

# j NAME STATUS EXPRESSION ARGS...: a Python expression on the JSON object d; stderr stays empty, and -p
# says the same
j()
{
	local name=$1 want=$2 status
	"$RF" -j replay "${@:4}" >"$TMP/out" 2>"$TMP/err" </dev/null
	status=$?
	"$RF" -p replay "${@:4}" >"$TMP/pretty" 2>>"$TMP/err" </dev/null
	if [ "$status" = "$want" ] && [ ! -s "$TMP/err" ] && [ "$(wc -l <"$TMP/out")" = 1 ] &&
		python3 - "$TMP/out" "$TMP/pretty" "$3" 2>>"$TMP/err" <<-'END'; then
		import json, sys
		d, p = (json.load(open(f)) for f in sys.argv[1:3])
		assert d == p
		def events(kind, call=0):
		    return [e for e in d['calls'][call]['events'] if e['kind'] == kind]
		def states(call=0):
		    return [e['state'] for e in events('state', call)]
		def holes():
		    return [(e['change'], e['pinhole']) for e in events('pinhole')]
		def findings():
		    return {f['kind']: f['count'] for f in d['findings']}
		def edits(line):
		    return {(x['where'], x['before'], x['after']) for e in events('message') if e['line'].startswith(line)
		            for x in e['edits']}
		def media(direction, inside=None):
		    return [(m['passed'], m['dropped']) for m in d['calls'][0]['media'] if m['direction'] == direction
		            and (inside is None or m['inside'] == inside)]
		if not eval('(' + sys.argv[3] + ')'):
		    sys.exit('false: ' + sys.argv[3])
	END
		yes "$name (json)"
	else
		no "$name: -j replay ${*:4} gave $status, wanted $want and $3"
	fi
}

# The captures are what their script makes.
mkdir "$TMP/data"
python3 make_pcaps.py "$TMP/data"
same=1
for f in "$TMP"/data/*; do cmp -s "$f" "${f##*/}" || same=; done
: >"$TMP/out" && : >"$TMP/err"
if [ "$same" ]; then yes "captures as made"; else no "captures differ from make_pcaps.py's"; fi

ALL=(fail-on all)

t "call out" 0 "call 1  outgoing  ended  BYE from inside" out.pcap "${ALL[@]}"
has "edit" "^ +Contact +10.0.0.5:5060 +-> +192.0.2.1:5060$"
has "open" "\+1.100  pinhole open  1  10.0.0.5:20000 = 192.0.2.1:20000 <-> 198.51.100.9:40000  audio  RTP  PCMU"
has "closed by BYE" "\+1.650  pinhole close  1"
has "after the call" "10 passed  3 dropped$"
has "by its name" "3  pinhole_closed"
has "verdict" "nothing to complain about"
BASIC='states() == ["early", "talking", "ended"] and holes() == [("open", 1), ("open", 2), ("close", 1), ("close", 2)]
	and media("out") == [(10, 0)] and media("in")[0][0] == 10 and not d["calls"][0]["open"]'
BASIC=$(tr -d '\n' <<<"$BASIC")
j "call out" 0 "$BASIC and edits('INVITE') == {('Via', '10.0.0.5:5060', '192.0.2.1:5060'),
	('Call-ID', '10.0.0.5', '192.0.2.1'), ('Contact', '10.0.0.5:5060', '192.0.2.1:5060'),
	('Content-Length', '147', '149'), ('o=', '10.0.0.5', '192.0.2.1'), ('c=', '10.0.0.5', '192.0.2.1')}
	and not edits('SIP/2.0') and d['calls'][0]['began'] == '2026-09-21T14:13:20.000000+00:00'
	and d['summary']['taken'] == 'inside' and findings() == {}" out.pcap
j "another public address" 0 "edits('BYE') >= {('Via', '10.0.0.5:5060', '203.0.113.77:5060')}" out.pcap public 203.0.113.77
j "call in" 0 "$BASIC and d['calls'][0]['direction'] == 'in' and findings() == {}
	and edits('SIP/2.0 200') >= {('c=', '10.0.0.5', '192.0.2.1')}" in.pcapng "${ALL[@]}"
j "early media" 0 "media('in') == [(15, 0)] and events('pinhole')[0]['at_s'] == 0.1" early.pcap "${ALL[@]}"
j "hold, resume with a new port" 0 "states() == ['early', 'talking', 'held', 'talking', 'ended']
	and media('in', '10.0.0.5:20000') == [(10, 8)] and media('in', '10.0.0.5:20002') == [(10, 0)]
	and {(r['reason'], r['packets']) for m in d['calls'][0]['media'] for r in m['reasons']}
	== {('on_hold', 4), ('pinhole_closed', 4)} and d['summary']['link'].startswith('LOOP')" hold.pcap "${ALL[@]}"
j "silence on hold is none, other silence is" 0 "states() == ['early', 'talking', 'held', 'talking', 'ended']
	and media('in') == media('out') == [(20, 4)] and {(r['reason'], r['packets']) for m in d['calls'][0]['media']
	for r in m['reasons']} == {('pinhole_idle', 4)} and findings() == {'lost-media': 2}" silent.pcap
LOST="[sorted((m['direction'], m['inside'].split(':')[1], m['passed'], m['dropped'], m['lost']) for m in c['media'])
	for c in d['calls']]"
j "answered under another To tag" 0 "$LOST == [[('in', '20000', 5, 11, 8), ('out', '20000', 0, 11, 8)],
	[('in', '20002', 5, 7, 4), ('in', '20004', 15, 0, 0), ('out', '20004', 10, 0, 0)]]
	and {r['reason'] for c in d['calls'] for m in c['media'] for r in m['reasons']} == {'pinhole_closed'}
	and findings() == {'lost-media': 3}" tags.pcap
j "a stream is given up" 0 "$LOST == [[('in', '20000', 10, 4, 0), ('out', '20000', 10, 4, 0)]]" zero.pcap "${ALL[@]}"
j "a TTL that is spent" 0 "$LOST == [[('in', '20000', 10, 0, 0), ('out', '20000', 0, 10, 10)]]
	and {r['reason'] for m in d['calls'][0]['media'] for r in m['reasons']} == {'ttl_expired'}" spent.pcap
j "fragments in another order" 0 "$BASIC and d['summary']['fragments'] == 3
	and ('c=', '10.0.0.5', '192.0.2.1') in edits('INVITE')" fragments.pcap "${ALL[@]}"
for f in vlan sll; do j "$f" 0 "$BASIC" $f.pcap "${ALL[@]}"; done
j "sll2, each packet at two devices" 0 "$BASIC and d['summary']['twice'] == 30 and d['summary']['messages'] == 7" \
	sll2.pcap "${ALL[@]}"
j "IPv6, raw IP" 0 "$BASIC and ('c=', 'fd00::5', '2001:db8::1') in edits('INVITE')" six.pcap "${ALL[@]}"
j "two calls, one inside port" 0 "[sorted((m['direction'], m['passed'], m['dropped']) for m in c['media'])
	for c in d['calls']] == [[('in', 10, 4), ('out', 10, 0)], [('in', 20, 0), ('out', 20, 0)]]
	and [[e['change'] for e in events('pinhole', i)] for i in (0, 1)] == [['open', 'open', 'close', 'close'],
		['open', 'open', 'change', 'change', 'close', 'close']]" \
	shared.pcap "${ALL[@]}"
j "two calls, one of them waits" 0 "[sorted((m['direction'], m['passed'], m['dropped']) for m in c['media'])
	for c in d['calls']] == [[('in', 16, 4), ('out', 16, 4)], [('in', 10, 0), ('out', 5, 0)]]" waits.pcap
j "ICE checks are verified as live" 0 "{(m['direction'], m['remote'].split(':')[0], m['passed'],
	tuple((r['reason'], r['packets']) for r in m['reasons'])) for m in d['calls'][0]['media']} == {
	('in', '198.51.100.9', 5, ()), ('in', '198.51.100.77', 5, (('pinhole_closed', 1),)), ('out', '198.51.100.77', 4, ()),
	('in', '192.0.2.66', 0, (('wrong_source', 4), ('stun_not_agreed', 2))),
	('in', '192.0.2.67', 0, (('wrong_source', 4), ('stun_not_agreed', 1))),
	('out', '198.51.100.9', 1, ()), ('out', '192.0.2.68', 0, (('stun_not_agreed', 1),))}
	and any('198.51.100.77' in str(e['remotes']) for e in events('pinhole') if e['change'] == 'change')" ice.pcap
j "both sides of a NAT" 0 "$BASIC and d['summary']['copies'] == 7 and len(events('message')) == 7" both.pcap \
	public 203.0.113.9 "${ALL[@]}"
j "both sides of a NAT, its address unknown" 0 "$BASIC and len(events('message')) == 7" both.pcap "${ALL[@]}"
j "SIP over TCP" 0 "$BASIC and d['summary']['messages_tcp'] == 7 and d['summary']['tcp_troubles'] == 0
	and all(e['transport'] == 'tcp' for e in events('message'))" tcp.pcap "${ALL[@]}"
j "at a server with a public address" 0 "$BASIC and d['summary']['taken'] == 'outside' and d['summary']['edited'] == 0
	and events('pinhole')[0]['inside'] == events('pinhole')[0]['outside'] == '203.0.113.5:20000'" \
	wan.pcap public 203.0.113.5 "${ALL[@]}"
j "routed inside hosts" 0 "$BASIC and d['summary']['edited'] == 0" wan.pcap inside 203.0.113.0/24 "${ALL[@]}"
t "whose addresses?" 1 "crosses.*public ADDR.*203.0.113.5" wan.pcap
j "an INVITE nobody answers" 0 "states() == ['early', 'ended'] and events('state')[1]['at_s'] == 180
	and d['calls'][0]['ended_by'] == 'not answered in time'" silence.pcap "${ALL[@]}"
j "registration" 0 "not d['calls'] and d['others'][0]['method'] == 'REGISTER' and d['summary']['keep_alives'] == 1
	and 'sip:bob@provider.example' in [e for e in d['others'][0]['events'] if e['kind'] == 'note'][0]['note']
	and findings() == {'malformed': 1, 'unparsed': 1}" register.pcap

# What a CI can fail on
j "findings" 0 "findings() == {'leak': 1, 'open-call': 1, 'lost-media': 2} and d['calls'][0]['open']
	and events('message')[0]['leak'] == '10.0.0.5' and d['media'][0]['reasons'][0]['reason'] == 'no_pinhole'
	and [m['reasons'][0]['reason'] for m in d['calls'][0]['media'] if m['lost']] == ['wrong_source']" trouble.pcap
for kind in leak open-call lost-media all; do
	t "fail on $kind" 1 "found what was asked to fail on: .*${kind#all}" trouble.pcap fail-on $kind
done
t "fail on others" 0 "LEAKS 10.0.0.5" trouble.pcap fail-on malformed fail-on drop fail-on refused fail-on unparsed
t "fail on malformed" 1 "malformed$" register.pcap fail-on malformed
t "shortened" 1 "unparsed$" register.pcap fail-on u
j "fail, as JSON" 1 "'leak' in d['error'] and d['calls']" trouble.pcap fail-on leak

# Who may speak is the configuration's word
cat >"$TMP/peers.json" <<END
{ "inside": [ "10.0.0.0/8" ], "sip": { "inbound": "10.0.0.5:5060" }, "peers": [ { "name": "trunk", "address": "198.51.100.0/24" } ] }
END
cat >"$TMP/others.json" <<END
{ "sip": { "inbound": "10.0.0.5:5060" }, "peers": [ { "name": "other", "address": "203.0.113.0/24" } ] }
END
cat >"$TMP/nobody.json" <<END
{ "peers": [ { "name": "trunk", "address": "198.51.100.0/24" } ] }
END
echo '{ "colour": 1 }' >"$TMP/bad.json"
j "a peer" 0 "$BASIC" in.pcapng config "$TMP/peers.json" "${ALL[@]}"
t "no peer" 1 "DROPPED  sip_unknown_peer" in.pcapng config "$TMP/others.json" fail-on refused
t "nobody inside" 1 "DROPPED  sip_no_inside" in.pcapng config "$TMP/nobody.json" fail-on refused
lacks "nothing is opened" "pinhole open"
t "dropped" 1 "refused" in.pcapng config "$TMP/nobody.json" fail-on drop
t "broken configuration" 1 "colour: unknown key" in.pcapng config "$TMP/bad.json"
t "no configuration" 1 "No such file" in.pcapng config "$TMP/none.json"

# Damage
t "truncated file" 1 "damaged after 29 packets .*up to there it was read" truncated.pcap
has "what was read is shown" "BYE from inside"
j "truncated file" 1 "'damaged' in d['error'] and $BASIC" truncated.pcap
t "cut packets" 1 "7 packets are cut \(the capture kept 96 bytes of each\)" cut.pcap fail-on unparsed
t "no capture" 1 "garbage.pcap is no capture that can be read" garbage.pcap
t "link type" 1 "link type IEEE802_11" wifi.pcap
t "empty capture" 0 "no SIP message" empty.pcap "${ALL[@]}"
t "missing file" 1 "cannot read none.pcap: No such file" none.pcap
t "directory" 1 "Is a directory" .
j "missing file" 1 "'No such file' in d['error']" none.pcap

# Usage
t "no file" 2 "FILE is missing"
t "unknown argument" 2 "unknown argument \"colour\"" out.pcap colour
t "unknown finding" 2 "unknown finding \"noise\", expected: malformed" out.pcap fail-on noise
t "value missing" 2 "KIND is missing" out.pcap fail-on
t "prefix" 2 "expected a prefix" out.pcap inside ten
t "host bits" 2 "must be zero" out.pcap inside 10.0.0.1/8
t "address" 2 "expected an address" out.pcap public 10.0.0.0/8
t "config twice" 2 "given twice" out.pcap config a config b
t "help" 0 "fail-on KIND" help

# Damaged captures of every kind: whatever is read, it ends with 0 or 1.
cat >"$TMP/damage.py" <<'END'
import random, sys
random.seed(7)
for name in sys.argv[2:]:
    whole = open(name, 'rb').read()
    for i in range(12):
        data = bytearray(whole)
        for _ in range(random.choice((1, 5, 50))):
            at = random.randrange(24, len(data))
            data[at] = random.choice((0, 0xff, 0x0a, data[at] ^ 1 << random.randrange(8), random.randrange(256)))
        if i % 3 == 0:
            data = data[:random.randrange(24, len(data))]
        open('%s/%s.%d' % (sys.argv[1], name, i), 'wb').write(data)
END
mkdir "$TMP/bad"
python3 "$TMP/damage.py" "$TMP/bad" out.pcap in.pcapng hold.pcap fragments.pcap vlan.pcap sll2.pcap six.pcap tcp.pcap \
	register.pcap trouble.pcap
bad=
: >"$TMP/out"
for f in "$TMP"/bad/*; do
	timeout 20 "$RF" -j replay "$f" "${ALL[@]}" >"$TMP/json" 2>"$TMP/err" </dev/null
	status=$?
	if [ $status -gt 1 ] || [ -s "$TMP/err" ] || ! python3 -m json.tool <"$TMP/json" >/dev/null 2>&1; then
		bad="$bad ${f##*/}($status)"
		cat "$TMP/err" >>"$TMP/out"
	fi
done
if [ -z "$bad" ]; then yes "damaged captures"; else no "damaged captures:$bad"; fi

echo "# $passed passed, $failed failed"
[ "$failed" = 0 ]
