# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The programs of an older version, for tests of an upgrade: built once from the history, into the build
# directory that is plain also when what is tested has sanitizers.
# shellcheck disable=SC2034 # what is set is for who sources this

# old_version COMMIT: $OLD is the directory with its ringfence and ringfenced; else OLD_WHY says why there is none.
old_version() {
	local commit=$1 dir=${B%-san}/old-$1
	OLD='' OLD_WHY=''
	if ! git -C "$LAB_ROOT" cat-file -e "$commit^{tree}" 2>/dev/null; then
		OLD_WHY="no commit $commit in the history here"
		return 1
	fi
	mkdir -p "$dir"
	# two tests may want it at the same time
	if ! (
		flock 9
		[ ! -e "$dir/done" ] || exit 0
		rm -rf "$dir/src" && mkdir "$dir/src" &&
			git -C "$LAB_ROOT" archive "$commit" | tar -x -C "$dir/src" &&
			make -C "$dir/src" B="$dir/build" all >"$dir/log" 2>&1 && touch "$dir/done"
	) 9>"$dir/lock"; then
		OLD_WHY="commit $commit does not build: $(tail -n 1 "$dir/log")"
		return 1
	fi
	OLD=$dir/build
}

# The last commit of each ABI version that can be taken over.
OLD_VERSIONS="5:22b0c45 6:9ae6f45"

# for_each_old_version FUNCTION NAME: with $OLD and $OLD_ABI set; skips those that cannot be built here.
for_each_old_version() {
	local v
	for v in $OLD_VERSIONS; do
		OLD_ABI=${v%:*}
		if old_version "${v#*:}"; then
			"$1"
		else
			skip "$2 from ABI $OLD_ABI ($OLD_WHY)"
		fi
	done
}
