# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# What scripts/quickstart and scripts/test share. Sourced from the top of the
# source tree, with $logs naming a directory for the output of long steps.

export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

build_packages="autoconf autoconf-archive automake gcc libc6-dev libcurl4-openssl-dev libevent-dev
	libjson-c-dev libsodium-dev libsqlite3-dev libssl-dev libsystemd-dev libyaml-dev make
	pkg-config"

die()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# A build directory that root made is no place for others to build in.
need_room()
{
	[ -d "$logs" ] && [ -w "$logs" ] ||
		die "cannot write to $logs; was it made by another user?"
}

# Run a long step: its output goes to a log, one line says how it went.
#   step NAME LABEL COMMAND...
step()
{
	step_log=$logs/$1.log
	step_label=$2
	step_began=$(date +%s)
	shift 2
	printf '%-58s ' "$step_label"
	if "$@" >"$step_log" 2>&1 </dev/null; then
		printf 'ok      %4d s\n' $(($(date +%s) - step_began))
		return 0
	fi
	printf 'FAILED  %4d s  %s\n' $(($(date +%s) - step_began)) "$step_log"
	return 1
}

must()
{
	step "$@" || die "failed: $2; see $step_log"
}

# --- packages -----------------------------------------------------------------

missing_packages()
{
	for package; do
		dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null |
			grep -q ' ok installed$' || printf '%s\n' "$package"
	done
}

as_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo env DEBIAN_FRONTEND="$DEBIAN_FRONTEND" "$@"
	fi
}

apt_get()
{
	as_root apt-get -q -y -o DPkg::Lock::Timeout=120 "$@"
}

# The lists are fetched only where a package is unknown or no longer where they say.
apt_install()
{
	if apt-cache show "$@" >/dev/null 2>&1; then
		apt_get install --no-install-recommends "$@" && return 0
	fi
	apt_get update && apt_get install --no-install-recommends "$@"
}

# Install those of the packages that are not there yet.
need_packages()
{
	command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
		die "needs Debian 12 or newer (apt-get); elsewhere build by hand as HACKING.md says"
	missing=$(missing_packages "$@")
	[ -n "$missing" ] || return 0
	[ "$(id -u)" = 0 ] || command -v sudo >/dev/null ||
		die "needs root or sudo to install:" $missing
	# shellcheck disable=SC2086 # a list
	must packages "install $(echo $missing | wc -w) packages" apt_install $missing
}

# --- building -----------------------------------------------------------------

# Leave the source tree ready to be configured from a directory outside of it.
prepare_source()
{
	[ ! -f config.status ] || {
		echo "The source tree itself is configured: run make distclean first."
		return 1
	}
	autoreconf -i
}

# build_tree DIR CONFIGURE-ARGUMENT...
build_tree()
{
	build_dir=$1
	shift
	source_dir=$PWD
	mkdir -p "$build_dir" && (
		cd "$build_dir" || exit 1
		if [ "$(cat .configured-with 2>/dev/null)" != "$*" ] || [ ! -f config.status ]; then
			"$source_dir/configure" "$@" && printf '%s\n' "$*" >.configured-with || exit 1
		fi
		make -j"$(nproc)"
	)
}

# --- ports --------------------------------------------------------------------

port_is_taken()
{
	port_hex=$(printf '%04X' "$1")
	cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
		awk -v end=":$port_hex" '$4 == "0A" && substr($2, length($2) - 4) == end { hit = 1 }
			END { exit !hit }'
}

# Print the first port from $1 up that nobody listens on.
free_port()
{
	port=$1
	while port_is_taken "$port"; do
		port=$((port + 10))
	done
	echo "$port"
}
