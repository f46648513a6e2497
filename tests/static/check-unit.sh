#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The units are well-formed and as locked up as they were promised to be.
. "$top_srcdir/tests/tap.sh"

dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
# verify wants the program to be where the unit says.
sed "s|[^ =]*/sbin/stagewired|$top_builddir/stagewired|" \
	"$top_builddir/systemd/stagewired.service" >"$dir/stagewired.service"
cp "$top_srcdir"/systemd/*.socket "$dir"

verify()
{
	SYSTEMD_UNIT_PATH=$dir: systemd-analyze verify --man=no "$dir/$1" >"$dir/said" 2>&1
	verify_code=$?
	# Other units of the host are not ours to judge.
	if grep "^$dir\|stagewired" "$dir/said"; then return 1; fi
	return $verify_code
}

# The threshold is ten times what is printed: 1.5.
check_exposure()
{
	systemd-analyze security --offline=true --threshold=15 "$dir/stagewired.service"
}

check_sysusers()
{
	mkdir -p "$dir/root/etc" &&
		systemd-sysusers --root="$dir/root" "$top_srcdir/systemd/sysusers.d/stagewire.conf" &&
		grep '^stagewire:' "$dir/root/etc/passwd"
}

# Ownership can be given away by root only.
check_tmpfiles()
{
	systemd-tmpfiles --root="$dir/root" --create "$top_srcdir/systemd/tmpfiles.d/stagewire.conf" &&
		[ "$(stat -c %a "$dir/root/var/lib/stagewire")" = 750 ]
}

tap_with systemd-analyze "stagewired.service is well-formed" verify stagewired.service
tap_with systemd-analyze "stagewired.socket is well-formed" verify stagewired.socket
tap_with systemd-analyze "stagewired-admin.socket is well-formed" verify stagewired-admin.socket
tap_with systemd-analyze "the service is exposed to at most 1.5 of 10" check_exposure
tap_with systemd-sysusers "sysusers.d makes the user" check_sysusers
if [ "$(id -u)" = 0 ]; then
	tap_with systemd-tmpfiles "tmpfiles.d makes the directories" check_tmpfiles
else
	tap_skip "tmpfiles.d makes the directories" "needs root"
fi
tap_done
