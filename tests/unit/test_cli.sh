#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The command line without any device: exit statuses, shortened and ambiguous words, help at every
# level, errors as JSON, and what somebody without rights is told. B names the build directory.
set -u

ROOT=$(cd "$(dirname "$0")/../.." && pwd)
B=${B:-build}
case $B in /*) ;; *) B=$ROOT/$B ;; esac
RF=${RF:-$B/ringfence}
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
passed=0 failed=0
I=(--instance clitest-none)

# t NAME STATUS PATTERN ARGS...: status, and a regular expression found in stdout and stderr ("" for none)
t()
{
	local name=$1 want=$2 pattern=$3 status
	shift 3
	"$RF" "$@" >"$TMP/out" 2>"$TMP/err" </dev/null
	status=$?
	if [ "$status" = "$want" ] && cat "$TMP/out" "$TMP/err" | grep -Eq -- "$pattern"; then
		passed=$((passed + 1))
		echo "ok $name"
	else
		failed=$((failed + 1))
		echo "not ok $name: $* gave $status, wanted $want and /$pattern/"
		sed 's/^/#   /' "$TMP/out" "$TMP/err"
	fi
}

# j: the same under -j: stdout is one line of JSON, stderr is empty; with -p it is the same JSON
j()
{
	local name=$1 want=$2 pattern=$3
	shift 3
	t "$name (json)" "$want" "$pattern" -j "$@"
	if [ ! -s "$TMP/err" ] && [ "$(wc -l <"$TMP/out")" = 1 ] && python3 -m json.tool <"$TMP/out" >"$TMP/a" 2>&1 &&
		"$RF" -p "$@" 2>&1 </dev/null | python3 -m json.tool >"$TMP/b" 2>&1 && cmp -s "$TMP/a" "$TMP/b"; then
		passed=$((passed + 1))
		echo "ok $name (valid)"
	else
		failed=$((failed + 1))
		echo "not ok $name: no JSON, or not the same with -p: $*"
		sed 's/^/#   /' "$TMP/out" "$TMP/err" "$TMP/a" "$TMP/b"
	fi
}

quiet() # what must not be there
{
	if grep -Eq -- "$2" "$TMP/out" "$TMP/err"; then
		failed=$((failed + 1))
		echo "not ok $1"
	else
		passed=$((passed + 1))
		echo "ok $1"
	fi
}

cat >"$TMP/good.json" <<END
{ /* fine */ "wan": [ { "dev": "eth0" } ] } // really
END
cat >"$TMP/bad.json" <<END
{
  "wan": [ { "dev": "eth0", "media_ports": "9-3" } ],
  "colour": 1
}
END
printf '{ "user": "\377" }' >"$TMP/bytes.json"

t "no arguments" 2 "OBJECT is missing"
t "help" 0 "call show \[id ID\]" help
t "-h" 0 "call show" -h
t "--help" 0 "pinhole add" --help
t "version" 0 "^ringfence [0-9]" --version
for object in attach detach status call pinhole registration reason event config; do
	t "help $object" 0 "^$object" help "$object"
	t "$object help" 0 "^$object" "$object" help
done
t "help at a command" 0 "drop id ID" call show help
t "help at the end" 0 "mode native" attach dev eth0 help
t "shortened help" 0 "event monitor" he
t "help of nothing" 2 "unknown object \"xyz\"" help xyz

t "unknown object" 2 "unknown object \"xyz\", expected: attach, .*config" xyz
t "ambiguous object" 2 "\"re\" is ambiguous: registration, reason" re show
t "ambiguous object" 2 "\"c\" is ambiguous: call, config" c
t "empty object" 2 "unknown object \"\"" ""
t "shortened words" 0 "is fine" co c "$TMP/good.json"
t "command missing" 2 "COMMAND is missing" call
t "unknown command" 2 "unknown command \"hide\", expected: show, drop" call hide
t "usage of that object only" 2 "call drop id ID" call drop
quiet "usage of no other object" "pinhole"
t "unknown option" 2 "unknown option \"-x\"" -x status
t "option without a value" 2 "missing after" --instance

for bad in "" a/b .. "a b" ÄÖ 123456789012345678901234567890123; do
	t "instance \"$bad\"" 2 "instance name" --instance "$bad" status
done

t "attach without a device" 2 "dev DEV is missing" attach
t "attach: unknown word" 2 "unknown argument \"device\"" attach device eth0
t "attach: value missing" 2 "DEV is missing" attach dev
t "attach: twice" 2 "dev is given twice" attach dev a dev b
t "attach: long name" 2 "not the name of a network device" attach dev sixteencharacter
t "attach: slash" 2 "not the name of a network device" attach dev a/b
t "attach: mode" 2 "unknown mode \"fast\"" attach dev eth0 mode fast
t "attach: prefix" 2 "inside \"ten\"" attach dev eth0 inside ten
t "attach: host bits" 2 "must be zero" attach dev eth0 inside 10.0.0.1/8
t "attach: broken configuration" 1 "unknown key" "${I[@]}" attach dev lo config "$TMP/bad.json"
t "attach: no configuration" 1 "No such file" "${I[@]}" attach dev lo config "$TMP/none.json"
t "attach: no device" 1 "rfnosuchdev|root|permi|CAP_" "${I[@]}" attach dev rfnosuchdev
t "detach: nothing" 2 "dev DEV or all is missing" detach
t "detach: not attached" 1 "." "${I[@]}" detach all
t "detach: too much" 2 "too many arguments" detach all now

t "id without a number" 2 "not an id" call show id x
for bad in 0 -1 4294967296 99999999999999999999 1x; do
	t "id $bad" 2 "not an id" call drop id "$bad"
done
t "pinhole: nothing" 2 "outside EP is missing" pinhole add
t "pinhole: no port" 2 "outside \"192.0.2.1\"" pinhole add outside 192.0.2.1
t "pinhole: no remote" 2 "remote EP is missing" pinhole add outside 192.0.2.1:2000 inside 10.0.0.1:2000
P=(pinhole add outside 192.0.2.1:2000 inside 10.0.0.1:2000 remote 198.51.100.1:3000)
t "pinhole: ambiguous class" 2 "ambiguous: rtp, rtcp" "${P[@]}" class rt
t "pinhole: class" 2 "unknown class" "${P[@]}" class sip
t "pinhole: time" 2 "expected a time" "${P[@]}" for soon
t "pinhole: time" 2 "expected a time" "${P[@]}" for 0s
t "pinhole: time" 2 "expected a time" "${P[@]}" for 10m2h
t "pinhole: past" 2 "within the next 366 days" "${P[@]}" until 2001-01-01T00:00Z
t "pinhole: moment" 2 "ISO 8601" "${P[@]}" until tomorrow
t "pinhole: both" 2 "given twice" "${P[@]}" for 1h30m until 2026-01-01T00:00
t "pinhole: many remotes" 2 "at most 4" "${P[@]}" remote 1.1.1.1:1 remote 1.1.1.1:2 remote 1.1.1.1:3 remote 1.1.1.1:4
t "pinhole: twice" 2 "inside is given twice" "${P[@]}" inside 10.0.0.2:2000
t "pinhole: no controller" 1 "." "${I[@]}" "${P[@]}" for 10m
t "call drop: no controller" 1 "." "${I[@]}" call drop id 1
t "event: no controller" 1 "." "${I[@]}" event monitor
for what in "status" "call show" "pinhole show" "registration show" "reason show all"; do
	# shellcheck disable=SC2086 # words
	t "$what: not attached" 1 "." "${I[@]}" $what
	# shellcheck disable=SC2086
	j "$what: not attached" 1 '^\{"error":"' "${I[@]}" $what
done

t "config check" 0 "is fine" config check "$TMP/good.json"
t "config check: all mistakes" 1 "bad.json:2: wan\[0\].media_ports: found" config check "$TMP/bad.json"
grep -q 'bad.json:3: colour: unknown key' "$TMP/err" || { echo "not ok second mistake"; failed=$((failed + 1)); }
t "config check: bytes" 1 "utf-8" config check "$TMP/bytes.json"
t "config check: missing" 1 "No such file" config check "$TMP/none"
t "config check: directory" 1 "Is a directory" config check /
if [ -f "$ROOT/scripts/ringfence.json.example" ]; then
	t "the example" 0 "is fine" config check "$ROOT/scripts/ringfence.json.example"
fi

j "no object" 2 '"error":"OBJECT is missing","usage":\['
j "ambiguous" 2 'ambiguous: registration, reason' re
j "bad option" 2 'unknown option' -x
j "mistakes" 1 '"mistakes":\[\{"where":' config check "$TMP/bad.json"
j "fine" 0 '"valid":true' config check "$TMP/good.json"
j "bytes" 1 '"mistakes"' config check "$TMP/bytes.json"
j "hostile word" 2 '"error"' $'a\033[31m\377"\\'
j "help" 0 '"commands":\[' help
j "version" 0 '"version":"' --version

"$RF" help >/dev/full 2>"$TMP/err"
if [ $? = 1 ] && grep -q "cannot write" "$TMP/err"; then
	passed=$((passed + 1))
	echo "ok full disk"
else
	failed=$((failed + 1))
	echo "not ok full disk"
fi

# Somebody without rights: a clear sentence, no crash. The binary is copied to where nobody may read it.
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	chmod 755 "$TMP"
	install -m755 "$RF" "$TMP/ringfence"
	for what in "status" "call show" "attach dev lo mode tc" "detach all" "reason show"; do
		# shellcheck disable=SC2086
		setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all "$TMP/ringfence" "${I[@]}" -j $what \
			>"$TMP/out" 2>"$TMP/err"
		if [ $? = 1 ] && [ ! -s "$TMP/err" ] && python3 -m json.tool <"$TMP/out" >/dev/null && grep -q '"error"' "$TMP/out"; then
			passed=$((passed + 1))
			echo "ok as nobody: $what"
		else
			failed=$((failed + 1))
			echo "not ok as nobody: $what"
			sed 's/^/#   /' "$TMP/out" "$TMP/err"
		fi
	done
fi

echo "# $passed passed, $failed failed"
[ "$failed" = 0 ]
