#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Builds the fuzz targets and runs each of them: tests/fuzz/run.sh [SECONDS [TARGET]...]
#
# Seeds are tests/fuzz/corpus/TARGET/, and what a run learns is kept under $B/fuzz/, so that the next one
# goes on from there. Prints an "ok" or "not ok" line per target; a finding's input and the end of the log
# follow the latter, and the input stays in $B/fuzz/TARGET.found/.
set -u
cd "$(dirname "$0")/../.." || exit 2
B=${B:-build}
CLANG=${CLANG:-clang}
SECONDS_EACH=${1:-30}
shift
TARGETS=${*:-"fuzz_sip fuzz_sdp fuzz_engine fuzz_calls"}
OUT=$B/fuzz
LIBS='libosip2 json-c nettle zlib'
status=0

if ! echo 'int LLVMFuzzerTestOneInput(void){return 0;}' |
	$CLANG -fsanitize=fuzzer,address,undefined -x c -o /dev/null - 2>/dev/null; then
	for t in $TARGETS; do echo "skip $t: $CLANG has no libFuzzer"; done
	exit 0
fi
mkdir -p "$OUT"

# What decides and parses, and nothing that does: no system call is left to fuzz.
sources() {
	local f
	for f in user/*.c; do
		case $f in
		*/ringfence*.c | */cmd_*.c | */replay*.c | */pcap_read.c) ;;
		*/control*.c | */netlink*.c | */inside.c | */hooks.c | */doer.c | */bpffs.c) ;;
		*/datapath*.c | */pinhole_table.c | */punt.c | */release.c | */events.c) ;;
		*/journal.c | */privileges.c | */log.c | */out*.c | */tcp_*.c | */diff.c) ;;
		*) grep -qE '#include (<bpf/|<event2/|"ringfence.skel.h")' "$f" || echo "$f" ;;
		esac
	done
}

build() {
	# shellcheck disable=SC2046
	$CLANG -O1 -g -std=gnu11 -D_GNU_SOURCE -DRF_SYSCONFDIR='"/etc"' \
		-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer \
		-Iinclude -Iuser -Itests $(pkg-config --cflags $LIBS) -o "$OUT/$1" \
		"tests/fuzz/$1.c" $(sources) $(pkg-config --libs $LIBS)
}

for t in $TARGETS; do
	if ! build "$t" >"$OUT/$t.build" 2>&1; then
		echo "not ok $t: does not build"
		tail -20 "$OUT/$t.build"
		status=1
		continue
	fi
	seeds=tests/fuzz/corpus/$t
	mkdir -p "$OUT/$t.corpus" "$OUT/$t.found"
	dict=()
	[ -f tests/fuzz/corpus/sip.dict ] && dict=(-dict=tests/fuzz/corpus/sip.dict)
	[ -d "$seeds" ] || seeds=
	# shellcheck disable=SC2086
	if nice -n 10 "$OUT/$t" "$OUT/$t.corpus" $seeds -max_total_time="$SECONDS_EACH" -max_len=12000 \
		-timeout=20 -rss_limit_mb=2048 -print_final_stats=1 "${dict[@]}" \
		-artifact_prefix="$OUT/$t.found/" >"$OUT/$t.log" 2>&1; then
		echo "ok $t: $(sed -n 's/^stat::number_of_executed_units: *//p' "$OUT/$t.log") runs in ${SECONDS_EACH} s"
	else
		echo "not ok $t: see $OUT/$t.log"
		grep -vE '(NEW|REDUCE|pulse|RELOAD|INITED) ' "$OUT/$t.log" | tail -60
		status=1
	fi
done
exit $status
