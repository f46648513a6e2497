#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
. "$top_srcdir/tests/tap.sh"

for page in "$top_srcdir"/doc/man/*.[0-9]; do
	[ -f "$page" ] || continue
	tap_with mandoc "${page##*/} is clean mdoc" mandoc -T lint -W warning "$page"
done
[ "$tap_count" -gt 0 ] || tap_skip "manual pages" "there is none"
tap_done
