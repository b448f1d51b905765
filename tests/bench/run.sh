#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# All benchmarks, as root: tables on the terminal, JSON in the build directory.
set -u
cd "$(dirname "$0")/../.." || exit 2
[ "$(id -u)" = 0 ] || { echo "make bench needs root: it makes network namespaces and loads BPF programs" >&2; exit 1; }
export B=${B:-build}
rc=0
"$B/bench/quick" tests/bench/costs.json || rc=1
tests/bench/media.sh || rc=1
[ ! -x tests/bench/signalling.sh ] || tests/bench/signalling.sh || rc=1
exit $rc
