#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Run every fuzz target over its corpus. libFuzzer's own binaries do the same
# when they are given files.
. "$top_srcdir/tests/tap.sh"

for target in fuzz/fuzz_*; do
	case $target in *.*) continue ;; esac
	[ -f "$target" ] && [ -x "$target" ] || continue
	name=${target#fuzz/fuzz_}
	tap "$name takes its whole corpus" "$target" "$top_srcdir/fuzz/corpus/$name"/*
done
[ "$tap_count" -gt 0 ] || tap_skip "corpora" "no fuzz target is built"
tap_done
