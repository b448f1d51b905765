#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Nobody but hash.h uses uthash's own way when memory runs out, which ends the process; and what json-c could not make is seen.
cd "$(dirname "$0")/../.." || exit 2

check() { # NAME, lines that should not be there
	if [ -z "$2" ]; then
		echo "ok $1"
	else
		printf 'not ok %s\n%s\n' "$1" "$2"
	fi
}

check "uthash.h is included by user/hash.h only" "$(grep -rn 'include <uthash\.h>' user tests bpf include | grep -v '^user/hash\.h:')"
check "entries are added by hash_add() and hash_add_key()" "$(grep -rnE 'HASH_(ADD|REPLACE)' user | grep -v '^user/hash\.h:')"
check "members of JSON objects are added by json_add()" \
	"$(grep -rnE 'json_object_(object|array)_add' user | grep -vE '^user/(json_add\.h|cmd_pinhole\.c):')"
