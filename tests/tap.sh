# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# TAP (testanything.org) from a shell test. Sourced.

tap_count=0
tap_failed=0

# tap NAME COMMAND...: one test; its output is shown only where it fails.
tap()
{
	tap_count=$((tap_count + 1))
	tap_name=$1
	shift
	if tap_output=$("$@" 2>&1); then
		echo "ok $tap_count - $tap_name"
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok $tap_count - $tap_name"
		printf '%s\n' "$tap_output" | sed 's/^/# /'
	fi
}

# tap_skip NAME REASON
tap_skip()
{
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1 # SKIP $2"
}

# tap_with PROGRAM NAME COMMAND...: a test that needs a program which may be missing.
tap_with()
{
	tap_needs=$1
	shift
	if command -v "$tap_needs" >/dev/null; then
		tap "$@"
	else
		tap_skip "$1" "$tap_needs is not installed"
	fi
}

tap_done()
{
	echo "1..$tap_count"
	exit $((tap_failed > 0))
}
