#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Every test that docs/rfc.md names exists: the file, and the test function in it, which is also run.
set -u
cd "$(dirname "$0")/../.." || exit 2
n=0 bad=0

if [ ! -f docs/rfc.md ]; then
	echo "not ok docs/rfc.md is missing"
	exit 1
fi
while read -r name; do
	file=tests/${name%%:*}
	function=${name#*:}
	n=$((n + 1))
	if [ ! -f "$file" ]; then
		echo "not ok docs/rfc.md names $name: no such file"
		bad=1
	elif [ "$function" != "$name" ] && { ! grep -q "^static void $function(void \*\*" "$file" ||
		[ "$(grep -cw "$function" "$file")" -lt 2 ]; }; then
		echo "not ok docs/rfc.md names $name: no such test"
		bad=1
	fi
done < <(grep '^|' docs/rfc.md | grep -oE '`(unit|bpf|netns)/[^`]+`' | tr -d '\`' | sort -u)
if [ "$n" -lt 50 ]; then
	echo "not ok docs/rfc.md names $n tests only"
	bad=1
fi
# a claim without a test
if grep -E '^\| [^|]+\| met \|' docs/rfc.md | grep -vE '`(unit|bpf|netns)/'; then
	echo "not ok docs/rfc.md: met, but by which test?"
	bad=1
fi
[ $bad = 1 ] || echo "ok the $n tests that docs/rfc.md names exist"
exit $bad
