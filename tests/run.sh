#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Builds and runs the tests: tests/run.sh unit|all [FILTER]
#
# unit: what needs no root. all: also the kernel side (BPF_PROG_TEST_RUN), the namespace tests and
# the style of the sources; everything that runs userspace code runs twice, plain and with the
# address and undefined behaviour sanitizers. FILTER is a part of a test's name, such as netns_calls.
#
# Test programs print "ok NAME", "not ok NAME", "skip NAME" lines (cmocka does so as TAP); each line
# counts. A crash, a timeout, silence or a sanitizer report counts as a failure. The last line says
# how it went, and the exit status is 0 only when nothing failed.
set -u
cd "$(dirname "$0")/.." || exit 2
export B=${B:-build}
SAN_B=${SAN_B:-$B-san}
WHAT=${1:-}
FILTER=${2:-}
case $WHAT in unit | all) ;; *)
	echo "usage: $0 unit|all [FILTER]" >&2
	exit 2
	;;
esac
unset MAKEFLAGS MAKELEVEL MFLAGS
export CMOCKA_MESSAGE_OUTPUT=TAP PYTHONDONTWRITEBYTECODE=1
export ASAN_OPTIONS=${ASAN_OPTIONS:-exitcode=99:detect_stack_use_after_return=1} UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
PASSED=0 FAILED=0 SKIPPED=0
FAILURES=()
# Tests at a time: they mostly wait, and cannot meet each other. What works without a break (beside) is not counted.
JOBS=${JOBS:-$((2 * $(nproc)))}
TMP=$(mktemp -d)
LOG=$TMP/log
declare -A RUNNING=() # process id -> name
declare -A BESIDE=()  # those that do not count, by process id
declare -A COMMAND=() # name -> B, limit and program of what was spawned
BUILDING='' BUILT='' # process id and status of a build
AGAIN=() # names of what failed beside others
quit() {
	trap - EXIT INT TERM
	for pid in "${!RUNNING[@]}" $BUILDING; do kill "$pid" 2>/dev/null; done
	wait
	rm -rf "$TMP"
	exit "$1"
}
trap 'quit $?' EXIT
trap 'quit 130' INT TERM
# colour only for people
if [ -t 1 ]; then RED=$'\e[31m' GREEN=$'\e[32m' YELLOW=$'\e[33m' OFF=$'\e[0m'; else RED='' GREEN='' YELLOW='' OFF=''; fi

selected() { case $1 in *"$FILTER"*) return 0 ;; *) return 1 ;; esac; }

# result NAME STATUS SECONDS: counts what is in $LOG and prints one line, and the output of failures.
result() {
	local name=$1 status=$2 seconds=$3 p f s why='' colour=$GREEN word=PASS
	p=$(grep -cE '^ok ' "$LOG")
	s=$(grep -cE '^(skip |ok .*# SKIP)' "$LOG")
	p=$((p - $(grep -cE '^ok .*# SKIP' "$LOG")))
	f=$(grep -cE '^not ok ' "$LOG")
	if grep -qE 'ERROR: (Address|Leak)Sanitizer|runtime error: ' "$LOG"; then
		[ "$f" != 0 ] || f=1
		why='sanitizer report'
	fi
	case $status in
	0) ;;
	124 | 137) f=$((f + 1)) why='did not end in time' ;;
	*) [ "$f" != 0 ] || { f=1 why="ended with status $status"; } ;;
	esac
	if [ $((p + f + s)) = 0 ]; then f=1 why='printed no result'; fi
	PASSED=$((PASSED + p)) FAILED=$((FAILED + f)) SKIPPED=$((SKIPPED + s))
	if [ "$f" != 0 ]; then
		word=FAIL colour=$RED
		FAILURES+=("$name")
	elif [ "$p" = 0 ]; then
		word=SKIP colour=$YELLOW
	fi
	printf '%s%-4s%s %-34s %4d passed' "$colour" $word "$OFF" "$name" "$p"
	[ "$f" = 0 ] || printf ' %4d failed' "$f"
	[ "$s" = 0 ] || printf ' %4d skipped' "$s"
	printf '  %5.1f s  %s\n' "$seconds" "$why"
	if [ "$f" != 0 ]; then
		# failed lines with what follows them, and the end of the output
		awk '/^not ok /{show=1} /^(ok|skip) /{show=0} show||/ERROR:|Sanitizer|runtime error/' "$LOG" | head -n 120 | sed 's/^/     /'
		[ -z "$why" ] || tail -n 40 "$LOG" | sed 's/^/     | /'
	elif [ "$s" != 0 ]; then
		grep -E '^(skip |ok .*# SKIP)' "$LOG" | head -n 5 | sed 's/^/     /'
	fi
}

seconds_since() { awk "BEGIN { print ($(date +%s%N) - $1) / 1e9 }"; }

run() { # NAME LIMIT COMMAND...
	local name=$1 limit=$2 start status=0
	shift 2
	selected "$name" || return 0
	start=$(date +%s%N)
	LOG=$TMP/log
	timeout -k 10 "$limit" "$@" >"$LOG" 2>&1 </dev/null || status=$?
	result "$name" $status "$(seconds_since "$start")"
}

start() { # NAME LIMIT COMMAND...: sets pid
	local name=$1 limit=$2
	shift 2
	date +%s%N >"$TMP/start.$name"
	COMMAND[$name]="$B $limit $*"
	timeout -k 10 "$limit" "$@" >"$TMP/log.$name" 2>&1 </dev/null &
	pid=$!
	RUNNING[$pid]=$name
}

# The same in the background, up to $JOBS at a time; finish_jobs waits for all.
spawn() { # NAME LIMIT COMMAND...
	local pid
	selected "$1" || return 0
	while [ $((${#RUNNING[@]} - ${#BESIDE[@]})) -ge "$JOBS" ]; do reap; done
	start "$@"
}

# In the background, and not counted as one of them: it works without a break, and is long.
beside() { # NAME LIMIT COMMAND...
	local pid
	selected "$1" || return 0
	start "$1" "$2" "${@:3}"
	BESIDE[$pid]=$1
}

reap() {
	local pid status=0 name
	wait -n -p pid "${!RUNNING[@]}" ${BUILDING:+"$BUILDING"} || status=$?
	if [ "$pid" = "$BUILDING" ]; then
		BUILDING='' BUILT=$status
		return
	fi
	name=${RUNNING[$pid]}
	unset "RUNNING[$pid]" "BESIDE[$pid]"
	LOG=$TMP/log.$name
	if [ $status != 0 ] && ! grep -qE 'ERROR: (Address|Leak)Sanitizer|runtime error: ' "$LOG"; then
		AGAIN+=("$name")
		printf 'once more: %s failed beside other tests (status %s):\n' "$name" $status
		grep -A 3 '^not ok ' "$LOG" | head -n 20 | sed 's/^/     /'
		return
	fi
	result "$name" $status "$(seconds_since "$(cat "$TMP/start.$name")")"
	rm -f "$LOG"
}

# Cores are shared by several labs at a time, and some tests watch milliseconds: what failed gets one
# more run by itself, which then counts. A sanitizer report counts at once.
finish_jobs() {
	local name b limit program
	while [ ${#RUNNING[@]} -gt 0 ]; do reap; done
	for name in "${AGAIN[@]}"; do
		read -r b limit program <<<"${COMMAND[$name]}"
		# shellcheck disable=SC2086
		B=$b run "$name" "$limit" $program
	done
	AGAIN=()
}

# build NAME FOLDER SAN TARGET...: a build that fails is a failure too.
build() {
	build_begin "$@"
	build_end "$1"
}

build_begin() { # the same in the background
	local name=$1 folder=$2 san=$3
	shift 3
	date +%s%N >"$TMP/start.$name"
	# tests that run meanwhile come first
	nice -n 5 make -j"$(nproc)" B="$folder" SAN="$san" "$@" >"$TMP/log.$name" 2>&1 &
	BUILDING=$!
}

build_end() { # NAME
	local seconds
	while [ -n "$BUILDING" ]; do reap; done
	LOG=$TMP/log.$1
	if [ "$BUILT" != 0 ]; then
		echo "not ok $1" >>"$LOG"
		result "$1" 1 0
		tail -n 40 "$LOG" | sed 's/^/     | /'
		return 1
	fi
	seconds=$(seconds_since "$(cat "$TMP/start.$1")")
	printf '     %-34s built in %.0f s\n' "$1" "$seconds"
}

targets() { # FOLDER KIND: the test programs of tests/KIND
	local f
	for f in tests/"$2"/test_*.c; do
		[ -f "$f" ] || continue
		f=${f##*/}
		echo "$1/$2/${f%.c}"
	done
}

# Longest first, so that none of them is left over at the end; in seconds beside others.
LONGEST='netns_failures netns_interrupted netns_upgrade_killed netns_identity netns_upgrade netns_live netns_bystanders
netns_rules netns_tcp netns_sipp netns_away netns_holes_tcp netns_baresip netns_calls netns_delivery netns_holes_answer
netns_strangers netns_tcx netns_holes bpf_reasons bpf_rewrite bpf_hooks bpf_load bpf_truncation'

# longest_first: lines whose first word is a test's name
longest_first() {
	awk -v longest="$LONGEST" '
		BEGIN { n = split(longest, names); for (i = 1; i <= n; i++) rank[names[i]] = i }
		{ printf "%d %s\n", $1 in rank ? rank[$1] : n + NR, $0 }' | sort -n | cut -d ' ' -f 2-
}

unit_tests() { # FOLDER SUFFIX
	local t
	for t in $(targets "$1" unit); do spawn "unit_${t##*/test_}$2" 300 "$t"; done
	for t in tests/unit/test_*.sh; do
		[ -f "$t" ] && B=$1 spawn "unit_$(basename "$t" .sh | sed s/^test_//)$2" 300 "$t"
	done
}

kernel_side_tests() { # names and programs: what uses BPF_PROG_TEST_RUN, and the namespace tests
	local t
	for t in tests/netns/test_*.sh; do echo "netns_$(basename "$t" .sh | sed s/^test_//) $t"; done
	for t in $(targets "$B" bpf); do echo "bpf_${t##*/test_} $t"; done
}

side_by_side() { # FOLDER SUFFIX LIMIT [NAME]...: of the lines read, all but these
	local name program
	while read -r name program; do
		case " ${*:4} " in *" $name "*) continue ;; esac
		B=$1 spawn "$name$2" "$3" "$program"
	done < <(longest_first)
}

style() {
	local files
	files=$(git ls-files '*.c' '*.h' 2>/dev/null | grep -E '^(user|bpf|include|tests)/') ||
		files=$(find user bpf include tests -name '*.[ch]')
	# shellcheck disable=SC2086
	clang-format --dry-run --Werror $files && echo "ok clang-format" || echo "not ok clang-format"
	files=$(find scripts tests .ci -type f \( -name '*.sh' -o -name run -o -name '*.bash-completion' \))
	# shellcheck disable=SC2086
	shellcheck -S warning -s bash $files && echo "ok shellcheck" || echo "not ok shellcheck"
	files=$(find docs/man -name '*.[58]' 2>/dev/null)
	if [ -n "$files" ]; then
		# shellcheck disable=SC2086
		mandoc -T lint -W warning $files && echo "ok mandoc" || echo "not ok mandoc"
	fi
}

finish() {
	echo
	[ ${#FAILURES[@]} = 0 ] || printf 'failed: %s\n' "${FAILURES[*]}"
	if [ "$SKIPPED" = 0 ]; then
		echo "$PASSED passed, $FAILED failed"
	else
		echo "$PASSED passed, $FAILED failed, $SKIPPED skipped"
	fi
	[ "$FAILED" = 0 ] && [ "$PASSED" != 0 ]
	exit
}

if [ "$WHAT" = unit ]; then
	# shellcheck disable=SC2046
	build "build" "$B" 0 all $(targets "$B" unit) || finish
	unit_tests "$B" ""
	# shellcheck disable=SC2046
	build "build with sanitizers" "$SAN_B" 1 all $(targets "$SAN_B" unit) || finish
	unit_tests "$SAN_B" "_san"
	finish_jobs
	finish
fi

build "build" "$B" 0 build-tests "$B/bench/quick" || finish
# Each path of the programs still comes to its verdict, and none takes many more instructions than it did. It measures,
# so it is alone.
run "bench_quick" 120 "$B/bench/quick" tests/bench/costs.json --tap
build_begin "build with sanitizers" "$SAN_B" 1 build-tests
# On the oldest and the newest kernel that Debian has, and what the verifiers between them say.
beside "kernels" 3000 tests/kernels/run.sh "$B"
side_by_side "$B" "" 900 < <(kernel_side_tests)
unit_tests "$B" ""
build_end "build with sanitizers" || {
	finish_jobs
	finish
}
# The same with sanitizers in ringfence and ringfenced; the tools stay as they are. Not once more: what shows
# the kernel side in all its ways of delivery and among other rules, what is traced while its system calls fail or it is
# killed (the leak sanitizer traces, too), and other people's phones and scanners for minutes.
side_by_side "$SAN_B" "_san" 900 netns_{baresip,delivery,demo,failures,interrupted,linphone,live,rules} \
	netns_{strangers,upgrade_killed} < <(kernel_side_tests | grep '^netns_')
unit_tests "$SAN_B" "_san"
# the longest of what works: each fuzz target for a time of its own
spawn "fuzz" 900 tests/fuzz/run.sh 30
export -f style
spawn "style" 300 bash -c style
finish_jobs
finish
