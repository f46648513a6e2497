#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Backstage's Travis CI card shows the relay's builds, through the real proxy of Backstage.

The card is npm's @roadiehq/backstage-plugin-travis-ci, shown in jsdom. Node.js stands in for
the browser, and a small app for Backstage's own.
"""

import json
import os
import subprocess
import urllib.error
import urllib.request

import peer as peers  # first: it finds the harness
import harness
from harness import wait_until
from peer import Peer


MODULES = peers.modules_of("travis-card")
PROXY = "/api/proxy/travisci/api"
BUILDS = PROXY + "/repo/acme%2Fparcel-api/builds"
SECRET = "proxy-to-relay-secret"  # of the peer's app-config.yaml
REPOSITORY = {"id": 4242, "name": "parcel-api", "owner_name": "acme", "url": None}

peer = None


def relay(box):
	"""A stagewired that reads the peer's catalog, and that the peer's proxy reads builds from."""
	daemon = box.daemon()
	daemon.write(os.path.join(daemon.dir, "token"), "relay-static-token-0123456789abcdef\n")
	daemon.write(os.path.join(daemon.dir, "proxy.secret"), SECRET + "\n")
	daemon.config["backstage"] = {"url": peer.url,
		"token": {"file": os.path.join(daemon.dir, "token")}}
	daemon.config["catalog"] = {"refresh": "1s"}
	daemon.config["listen"]["api"] = ["127.0.0.1:" + peer.env["PEER_RELAY_PORT"]]
	daemon.config["credentials"] = [{"name": "backstage-proxy", "allow": ["builds"],
		"secret": {"file": os.path.join(daemon.dir, "proxy.secret")}}]
	daemon.start()
	wait_until(lambda: daemon.ctl("status")["catalog"]["repositories"] >= 2, "the catalog")
	return daemon


def builds(daemon, *states):
	"""Builds of acme/parcel-api; their messages are Change 1, 2, ..."""
	for n, state in enumerate(states, start=1):
		daemon.accept(id=7000 + n, number=str(n), state=state, repository=REPOSITORY,
			message=f"Change {n}\n\nat length", branch="main" if n % 2 else "release/2",
			started_at=f"2026-11-24T{n:02}:00:00Z",
			finished_at=None if state == "started" else f"2026-11-24T{n:02}:05:00Z")


def call(path, method="GET", token=None):
	"""As the card calls: with the user's token, which the proxy keeps to itself."""
	fields = {"Authorization": f"Bearer {token or peer.guest()}", "Travis-API-Version": "3"}
	request = urllib.request.Request(peer.url + path, method=method, headers=fields)
	try:
		with urllib.request.urlopen(request, timeout=30) as answer:
			return answer.status, json.load(answer)
	except urllib.error.HTTPError as e:
		with e:
			return e.code, json.loads(e.read() or b"null")


def test_the_calls_of_the_card_are_answered_through_the_proxy(box):
	daemon = relay(box)
	builds(daemon, "passed", "failed", "errored", "canceled", "passed", "started")
	status, first = call(BUILDS + "?offset=0&limit=1")
	assert status == 200, first
	assert first["builds"][0]["build_num"] == 6, first
	_, page = call(BUILDS + "?offset=0&limit=5")
	assert [b["number"] for b in page["builds"]] == ["6", "5", "4", "3", "2"], page
	assert all(b["branch"]["name"] and b["commit"]["message"] for b in page["builds"]), page
	_, page = call(BUILDS + "?offset=5&limit=5")
	assert [b["number"] for b in page["builds"]] == ["1"], page
	status, build = call(f"{PROXY}/build/7002")
	assert (status, build["state"]) == (200, "failed"), build
	status, user = call(f"{PROXY}/user")
	assert (status, user["login"]) == (200, "backstage-proxy"), user

	status, answer = call(f"{PROXY}/build/7002/restart", method="POST")
	assert (status, answer["error_type"]) == (403, "insufficient_access"), answer
	status, answer = call(PROXY + "/repo/acme%2Fnothing/builds?offset=0&limit=5")
	assert (status, answer["error_type"]) == (404, "not_found"), answer
	status, answer = call(BUILDS + "?limit=x")
	assert (status, answer["error_type"]) == (400, "wrong_params"), answer
	assert SECRET not in daemon.log()


def test_nobody_reads_builds_past_backstage(box):
	daemon = relay(box)
	builds(daemon, "passed")
	assert call(BUILDS, token="nonsense")[0] == 401, "Backstage asks who it is"
	port = int(peer.env["PEER_RELAY_PORT"])
	path = "/repo/acme%2Fparcel-api/builds"
	# Without a rule that says so, the user's own token opens nothing at the relay.
	answer = harness.request(port, "GET", path,
		headers={"Authorization": "Bearer " + peer.guest()})
	assert answer.status == 403, answer
	daemon.config["credentials"][0]["allow"] = ["page"]
	daemon.write_config()
	daemon.reload()
	assert call(BUILDS)[0] == 403, "a credential for something else"


# --- the card itself ---


def install():
	"""Install the card and what an app of Backstage is made of, once."""
	# The card says React 17, its neighbours say 18 or 17: npm would take that for a conflict.
	peers.npm_install("travis-card", 18, "--legacy-peer-deps")


def shown(slug="acme/parcel-api", at=None, restart=()):
	"""What the card shows to the guest, or what it posts when one restarts that build."""
	at = at or peer
	done = subprocess.run(["node", "render.js", at.url, at.guest(), slug, *map(str, restart)],
		cwd=MODULES, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120,
		check=False)
	assert done.returncode == 0, done.stderr
	return json.loads(done.stdout)


def test_the_card_shows_the_builds_of_the_relay(box):
	install()
	daemon = relay(box)
	builds(daemon, "passed", "failed", "errored", "canceled", "passed", "started")
	card = shown()
	assert card["complaints"] == [], card
	assert [(r["name"], r["status"], r["branch"]) for r in card["rows"]] == [
		("Change 6", "started", "release/2"),
		("Change 5", "passed", "main"),
		("Change 4", "Canceled", "release/2"),
		("Change 3", "errored", "main"),
		("Change 2", "Failed", "release/2"),
	], card
	assert card["rows"][4]["href"] == "https://app.travis-ci.com/github/acme/parcel-api/builds/7002"


def test_the_card_says_so_where_the_catalog_claims_no_such_repository(box):
	install()
	relay(box)
	card = shown("acme/nothing")
	assert card["rows"] == [] and any("404" in c for c in card["complaints"]), card


def main():
	global peer
	if peers.is_skipped():
		return
	with Peer() as peer:
		peer.start()
		harness.main(globals())


if __name__ == "__main__":
	main()
