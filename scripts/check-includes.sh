#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Keep the arrows pointing down (daemon > relay > model/io > base), each library
# in its one room, and every header able to stand alone.
. "$top_srcdir/tests/tap.sh"
cd "$top_srcdir/src" || exit 1

# Every quoted include matches a prefix listed in its directory's .may_include.
check_layers()
{
	bad=0
	for rules in */.may_include; do
		dir=${rules%/*}
		for inc in $(sed -n 's/^ *# *include *"\([^"]*\)".*/\1/p' "$dir"/*.[ch] | sort -u); do
			ok=no
			while read -r prefix; do
				case $inc in "$prefix"/*) ok=yes ;; esac
			done <"$rules"
			test $ok = yes || { echo "$dir may not include $inc"; bad=1; }
		done
	done
	return $bad
}

check_every_folder_has_rules()
{
	bad=0
	for dir in */; do
		[ -f "$dir.may_include" ] || { echo "$dir has no .may_include"; bad=1; }
	done
	return $bad
}

# check_room FOLDER PATTERN: headers that match are included from that folder only.
check_room()
{
	! grep -nE "^ *# *include *<($2)" -- */*.[ch] | grep -v "^$1/"
}

check_headers_compile_alone()
{
	bad=0
	for header in */*.h; do
		echo "#include \"$header\"" |
			${CC:-cc} -std=gnu17 -fsyntax-only -Wall -Werror -include "$top_builddir/config.h" \
				-I. $DEPS_CFLAGS -x c - || bad=1
	done
	return $bad
}

tap "includes point down" check_layers
tap "every folder says what it may include" check_every_folder_has_rules
tap "libraries are included from src/io only" check_room io \
	'event2/|curl/|openssl/|sodium|json-c/|yaml\.h|systemd/'
tap "SQLite is included from src/store only" check_room store 'sqlite3\.h'
tap "headers compile alone" check_headers_compile_alone
tap_done
