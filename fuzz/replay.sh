#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
for t in fuzz/fuzz_*; do
	test -x "$t" && test -f "$t" || continue
	case $t in *.o|*.sh) continue ;; esac
	"$t" "$top_srcdir/fuzz/corpus/${t#fuzz/fuzz_}"/* || exit 1
done
