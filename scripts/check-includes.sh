#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every quoted include must match a prefix listed in its directory's
# .may_include. Keeps the arrows pointing down: daemon > relay > model/io > base.
cd "${top_srcdir:-.}/src" || exit 1
bad=0
for rules in */.may_include; do
	dir=${rules%/*}
	for inc in $(sed -n 's/^ *# *include *"\([^"]*\)".*/\1/p' "$dir"/*.[ch] | sort -u); do
		ok=no
		while read -r prefix; do
			case $inc in "$prefix"/*) ok=yes ;; esac
		done <"$rules"
		test $ok = yes || { echo "$dir may not include $inc" >&2; bad=1; }
	done
done
exit $bad
