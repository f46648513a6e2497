#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Run a real Backstage backend with its own PostgreSQL, on loopback.
#
#   run-peer.sh install            fetch the packages (start does it too)
#   run-peer.sh start | stop | status
#   run-peer.sh start-backstage | stop-backstage | start-postgres | stop-postgres
#   run-peer.sh wait-entity REF    until the catalog has processed it
#   run-peer.sh node               print which Node.js is used
#
# PEER_STATE    database, logs, pid and entities.yaml, which tests may edit;
#               remove the directory for a fresh catalog
# PEER_MODULES  where packages are installed and Backstage runs from, by default
#               here; keep it between runs, or use one for several source trees
# PEER_MODULE   package archive of the module in ../../../backstage: installed, and
#               loaded into Backstage; PEER_MODULES must be elsewhere then
# PEER_PLUGINS  more of the installed packages to load, such as the scaffolder's
# PEER_CONFIG   more configuration for Backstage
# PEER_NODE     Node.js to use; else "node" if it is 20 or newer, else npm's own
# PEER_PORT, PEER_PG_PORT        of Backstage and PostgreSQL
# PEER_FILES_PORT                where url locations may be read from
# PEER_RELAY_PORT                the relay: proxy target and JWKS
# PEER_WAIT                      seconds to wait for anything
set -u

here=$(cd "$(dirname "$0")" && pwd)
: "${PEER_STATE:=${TMPDIR:-/tmp}/stagewire-peer}" "${PEER_MODULES:=$here}"
: "${PEER_PORT:=17007}" "${PEER_PG_PORT:=15432}"
: "${PEER_FILES_PORT:=18090}" "${PEER_RELAY_PORT:=18091}" "${PEER_WAIT:=60}"
mkdir -p "$PEER_STATE" "$PEER_MODULES" || exit 1
PEER_STATE=$(cd "$PEER_STATE" && pwd)
PEER_MODULES=$(cd "$PEER_MODULES" && pwd)
PEER_ENTITIES=$PEER_STATE/entities.yaml
export PEER_PORT PEER_PG_PORT PEER_FILES_PORT PEER_RELAY_PORT PEER_ENTITIES
url=http://127.0.0.1:$PEER_PORT
token=relay-static-token-0123456789abcdef
pidfile=$PEER_STATE/backstage.pid
module=@stagewire/backstage-plugin-catalog-backend-module-stagewire
PEER_LOADS="${PEER_MODULE:+$module} ${PEER_PLUGINS:-}"
export PEER_LOADS

die()
{
	echo "run-peer.sh: $*" >&2
	exit 1
}

# --- packages -----------------------------------------------------------------

node_is_new()
{
	"$1" -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)' 2>/dev/null
}

# Debian 12's own Node.js is too old; npm has a newer one as a package.
pick_node()
{
	local cpu cache=$PEER_MODULES/.node

	if [ -n "${PEER_NODE:-}" ]; then
		node=$PEER_NODE
		node_is_new "$node" || die "$node is no Node.js of version 20 or newer"
		return
	fi
	node=node
	node_is_new "$node" && return
	case $(uname -m) in
	x86_64) cpu=x64 ;;
	aarch64) cpu=arm64 ;;
	*) die "needs Node.js 20 or newer: set PEER_NODE" ;;
	esac
	node=$cache/node_modules/node-linux-$cpu/bin/node
	if ! node_is_new "$node"; then
		npm install --prefix "$cache" --no-audit --no-fund "node-linux-$cpu@24" \
			>"$PEER_STATE/npm-node.log" 2>&1 ||
			die "cannot install Node.js: see $PEER_STATE/npm-node.log"
	fi
	node_is_new "$node" || die "$node does not run"
}

# Backstage finds its packages and their configuration schemas from where it lies.
install_packages()
{
	local stamp=$PEER_MODULES/node_modules/.installed-lock

	exec 9>"$PEER_MODULES/.lock"
	flock -w 600 9 || die "another installation into $PEER_MODULES does not end"
	pick_node
	if [ "$PEER_MODULES" != "$here" ]; then
		cp "$here"/{index.js,probe.js,app-config.yaml,package.json,package-lock.json} \
			"$PEER_MODULES/" || die "cannot write to $PEER_MODULES"
	fi
	if ! cmp -s "$here/package-lock.json" "$stamp"; then
		(cd "$PEER_MODULES" && npm ci --ignore-scripts --no-audit --no-fund) \
			>"$PEER_STATE/npm.log" 2>&1 || die "npm ci failed: see $PEER_STATE/npm.log"
		cp "$here/package-lock.json" "$stamp"
	fi
	install_module
	exec 9>&-
}

# As a user does, so that Backstage finds its configuration schema too. An archive of
# the same name may have changed.
install_module()
{
	[ -n "${PEER_MODULE:-}" ] || return 0
	[ "$PEER_MODULES" != "$here" ] || die "PEER_MODULE needs PEER_MODULES"
	rm -rf "${PEER_MODULES:?}/node_modules/$module"
	(cd "$PEER_MODULES" && npm install --ignore-scripts --no-audit --no-fund "$PEER_MODULE") \
		>"$PEER_STATE/npm-module.log" 2>&1 ||
		die "npm install failed: see $PEER_STATE/npm-module.log"
}

# --- PostgreSQL ---------------------------------------------------------------

# PostgreSQL refuses to run as root.
as_postgres()
{
	if [ "$(id -u)" = 0 ]; then
		(cd / && runuser -u postgres -- "$@")
	else
		"$@"
	fi
}

pg_ctl()
{
	as_postgres "$pgbin/pg_ctl" -D "$PEER_STATE/pg" -w -t "$PEER_WAIT" -s "$@"
}

find_postgres()
{
	pgbin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
	if [ -z "$pgbin" ]; then
		pgbin=$(pg_config --bindir 2>/dev/null) || die "needs PostgreSQL's server"
	fi
	[ -x "$pgbin/initdb" ] || die "needs PostgreSQL's server"
}

make_database()
{
	[ -f "$PEER_STATE/pg/PG_VERSION" ] && return
	mkdir -p "$PEER_STATE/pg" && chmod 700 "$PEER_STATE/pg"
	if [ "$(id -u)" = 0 ]; then
		chmod a+x "$PEER_STATE"
		chown postgres: "$PEER_STATE/pg"
	fi
	as_postgres test -w "$PEER_STATE/pg" ||
		die "the user postgres cannot reach $PEER_STATE: set PEER_STATE to another place"
	as_postgres "$pgbin/initdb" -D "$PEER_STATE/pg" -A trust -U postgres -E UTF8 \
		--locale=C.UTF-8 --no-sync >"$PEER_STATE/initdb.log" 2>&1 ||
		die "initdb failed: see $PEER_STATE/initdb.log"
}

start_postgres()
{
	make_database
	pg_ctl status >/dev/null 2>&1 && return
	pg_ctl -l "$PEER_STATE/pg/server.log" -o "-p $PEER_PG_PORT -c listen_addresses=127.0.0.1 \
		-c unix_socket_directories='' -c fsync=off" start ||
		die "PostgreSQL does not start: see $PEER_STATE/pg/server.log"
}

stop_postgres()
{
	[ -f "$PEER_STATE/pg/postmaster.pid" ] || return 0
	pg_ctl status >/dev/null 2>&1 || return 0
	pg_ctl -m fast stop || pg_ctl -m immediate stop || die "PostgreSQL does not stop"
}

# --- Backstage ----------------------------------------------------------------

# A process is told by its number and its time of birth, so that none other is ever stopped.
# A dead one that nobody has asked for yet was never born.
born()
{
	sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | awk '$1 != "Z" { print $20 }'
}

backstage_runs()
{
	read -r pid birth 2>/dev/null <"$pidfile" && [ "$(born "$pid")" = "$birth" ]
}

start_backstage()
{
	if ! backstage_runs; then
		[ -f "$PEER_ENTITIES" ] || cp "$here/entities.yaml" "$PEER_ENTITIES"
		cd "$PEER_MODULES" || exit 1
		setsid "$node" index.js --config app-config.yaml ${PEER_CONFIG:+--config "$PEER_CONFIG"} \
			>>"$PEER_STATE/backstage.log" 2>&1 </dev/null &
		echo "$! $(born $!)" >"$pidfile"
	fi
	"$node" "$PEER_MODULES/probe.js" "$PEER_WAIT" "$url" ready && backstage_runs ||
		die "Backstage does not get ready: see $PEER_STATE/backstage.log"
}

stop_backstage()
{
	local i

	backstage_runs && kill "$pid" 2>/dev/null
	for i in $(seq 150); do
		backstage_runs || break
		sleep 0.1
	done
	backstage_runs && kill -9 "$pid" 2>/dev/null
	rm -f "$pidfile"
}

# --- commands -----------------------------------------------------------------

case ${1:-} in
install)
	install_packages
	;;
start)
	find_postgres
	install_packages
	start_postgres
	start_backstage
	echo "ready at $url"
	;;
stop)
	find_postgres
	stop_backstage
	stop_postgres
	;;
start-backstage)
	install_packages
	start_backstage
	;;
stop-backstage)
	stop_backstage
	;;
start-postgres)
	find_postgres
	start_postgres
	;;
stop-postgres)
	find_postgres
	stop_postgres
	;;
node)
	pick_node
	command -v "$node"
	;;
status)
	if backstage_runs; then echo "runs at $url"; else echo stopped; exit 1; fi
	;;
wait-entity)
	[ $# = 2 ] || die "wait-entity needs a ref"
	pick_node
	"$node" "$here/probe.js" "$PEER_WAIT" "$url" entity "$token" "$2" ||
		die "the catalog has no $2 after $PEER_WAIT s"
	;;
*)
	sed -n 's/^#   run-peer/run-peer/p' "$0" >&2
	exit 2
	;;
esac
