#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Users read, restart and cancel builds by the paths of Travis CI's API v3, as the policy lets them.

These are the calls of Backstage's Travis CI card, whose proxy forwards the user's token.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness  # noqa: E402
from harness import request, wait_until  # noqa: E402
from test_api import credential, error  # noqa: E402
from test_triggers import OWNERS, PEOPLE, SLUG, world  # noqa: E402

BUILDS = "/repo/acme%2Fparcel-api/builds"
SECRET = "builds-secret-0123456789"

# A second entity of the same repository, which mallory owns.
DOCS = """\
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: parcel-docs
  annotations: {travis-ci.com/repo-slug: acme/parcel-api}
spec: {type: documentation, lifecycle: production, owner: "user:mallory"}
"""


def known(w, number=42, state="failed", slug=SLUG, **more):
	"""A build that Travis CI has, and that a webhook told of."""
	w.travis.ask("POST", "/_control", {"build": {"id": number, "slug": slug, "state": state}})
	w.daemon.accept(id=number, slug=slug, state=state, **more)


def pending(answer, act, number=42):
	assert answer.status == 202, answer
	body = answer.json()
	assert (body["@type"], body["state_change"], body["build"]["id"]) == ("pending", act, number)
	assert body["location"] == answer.headers["Location"], answer
	return body["location"]


def denied(answer, permission):
	assert error(answer, 403, "insufficient_access")["permission"] == permission, answer


def test_an_owner_restarts_a_build_by_the_path_of_travis(box):
	with world(box, OWNERS) as w:
		known(w)
		location = pending(w.call("POST", "/build/42/restart"), "restart")
		shown = w.await_state(location, "built")
		post, = w.posts()
		assert post["path"] == "/build/42/restart" and post["body"] is None, post
		assert post["authorization"] == "token acme-token", post
		assert shown["entity"] == "component:default/parcel-api", shown
		entries = w.audit("build.restart")
		assert [(e["reason"], e["rule"], e["actor"]) for e in entries] == [
			(reason, "owners", "user:default/alice") for reason in ("allowed", "asked", "built")]


def test_the_webhook_after_a_restart_names_who_restarted_it(box):
	anybody = {"name": "anybody", "effect": "allow", "action": ["build.restart"]}
	with world(box, OWNERS, anybody) as w:
		number = w.await_state(w.order("/v1/entities/component/default/parcel-api/builds"),
			"built")["builds"][0]
		known(w, number)
		pressed = {}
		for who in ("mallory", "nobody"):
			location = pending(w.call("POST", f"/build/{number}/restart", who=who), "restart", number)
			pressed[who] = wait_until(lambda at=location, who=who: (t := w.shown(at, who))["state"] in
				("built", "refused") and t, "its end")["state"]
		assert pressed == {"mallory": "built", "nobody": "refused"}, "it runs already"
		w.daemon.accept(id=number, slug=SLUG, state="passed", started_at="2026-11-20T11:00:00Z",
			finished_at="2026-11-20T11:05:00Z")
		entries = [e.get("requested_by") for e in w.audit("webhook.accept")]
		assert entries == ["user:default/alice", "user:default/mallory"], entries


def test_an_owner_cancels_a_build_wherever_a_proxy_leaves_the_path(box):
	with world(box, OWNERS) as w:
		known(w, state="started")
		location = pending(w.call("POST", "/travisci/api/build/42/cancel", {}), "cancel")
		w.await_state(location, "built")
		assert [p["path"] for p in w.posts()] == ["/build/42/cancel"]


def test_who_is_no_owner_gets_403_in_the_shape_of_travis_and_nothing_leaves(box):
	with world(box, OWNERS) as w:
		known(w)
		for act in ("restart", "cancel"):
			denied(w.call("POST", f"/build/42/{act}", who="mallory"), act)
			entry = wait_until(lambda act=act: w.audit("build." + act), "an entry")[0]
			assert (entry["outcome"], entry["reason"]) == ("denied", "no-rule"), entry
			assert entry["actor"] == "user:default/mallory", entry
			assert entry["entities"] == ["component:default/parcel-api"], entry
		assert w.travis.ask("GET", "/_seen") == []


def test_users_read_what_the_policy_lets_them(box):
	reads = {**OWNERS, "action": ["build.read"]}
	secret = {"name": "release", "effect": "deny", "action": ["build.read"], "branch": ["secret"]}
	with world(box, reads, secret) as w:
		known(w)
		known(w, 43, branch="secret")
		answer = w.call("GET", BUILDS + "?limit=5")
		assert [b["id"] for b in answer.json()["builds"]] == [43, 42], answer
		assert w.call("GET", "/build/42").json()["state"] == "failed"
		denied(w.call("GET", "/build/43"), "read")
		assert w.call("GET", "/user").json()["login"] == "user:default/alice"
		for path in (BUILDS, "/build/42"):
			denied(w.call("GET", path, who="mallory"), "read")
		denied(w.call("POST", "/build/42/restart"), "restart")
		error(w.call("GET", "/repo/acme%2Fnothing/builds"), 404, "not_found")


def test_of_several_entities_of_a_repository_one_is_enough(box):
	with world(box, OWNERS, start=False) as w:
		w.daemon.write(w.daemon.catalog_path, PEOPLE + DOCS)
		w.daemon.start()
		known(w)
		location = pending(w.call("POST", "/build/42/restart", who="mallory"), "restart")
		assert w.shown(location, "mallory")["entity"] == "component:default/parcel-docs"
		location = pending(w.call("POST", "/build/42/restart", who="alice"), "restart")
		assert w.shown(location)["entity"] == "component:default/parcel-api"
		denied(w.call("POST", "/build/42/restart", who="nobody"), "restart")
		entry = wait_until(lambda: [e for e in w.audit("build.restart") if e["outcome"] == "denied"],
			"an entry")[0]
		assert entry["entities"] == ["component:default/parcel-api",
			"component:default/parcel-docs"], entry


def test_a_build_of_no_entity_or_of_several_hosts_is_not_restarted(box):
	with world(box, OWNERS, start=False) as w:
		second = {**w.daemon.config["sources"][0], "name": "second", "host": "travis.example"}
		w.daemon.config["sources"].append(second)
		w.daemon.start()
		error(w.call("POST", "/build/42/restart"), 404, "not_found")
		known(w, 44, slug="nobody/thing")
		error(w.call("POST", "/build/44/restart"), 404, "not_found")
		known(w)
		payload = harness.compose_payload(id=42, slug="other/thing", state="failed",
			build_url="https://travis.example/other/thing/builds/42")
		assert w.daemon.post(payload, source="second").status == 202
		error(w.call("POST", "/build/42/restart"), 409, "error")
		assert w.travis.ask("GET", "/_seen") == []


def test_where_no_source_has_an_api_nothing_is_promised(box):
	with world(box, OWNERS, start=False) as w:
		for key in ("api_url", "api_token"):
			del w.daemon.config["sources"][0][key]
		w.daemon.start()
		w.daemon.accept(id=42, slug=SLUG, state="failed")
		error(w.call("POST", "/build/42/restart"), 501, "not_implemented")


def test_a_credential_reads_beside_users_and_restarts_nothing(box):
	with world(box, OWNERS, start=False) as w:
		w.daemon.config["credentials"] = [credential(w.daemon, "proxy", SECRET, "builds")]
		w.daemon.start()
		known(w)
		fields = {"Authorization": "Bearer " + SECRET}
		assert request(w.api, "GET", BUILDS, headers=fields).status == 200
		denied(request(w.api, "POST", "/build/42/restart", headers=fields), "restart")
		assert w.call("GET", BUILDS).status == 200
		answer = w.call("GET", BUILDS, token="eyJhbGciOiJub25lIn0.e30.")
		assert answer.status == 401 and "token-refused" in answer.json()["type"], answer
		error(w.call("GET", BUILDS, token="no-such-secret-at-all"), 401, "login_required")
		assert w.travis.ask("GET", "/_seen") == []


def test_what_travis_has_and_the_relay_has_not_is_refused_in_its_shape(box):
	with world(box, OWNERS) as w:
		known(w)
		denied(w.call("POST", "/build/42/priority"), "priority")
		error(w.call("POST", BUILDS), 405, "method_not_allowed")
		error(w.call("GET", "/build/42/restart"), 405, "method_not_allowed")
		assert w.call("POST", "/build/42/restart", "x" * 2000).status == 413
		assert w.posts() == []


if __name__ == "__main__":
	harness.main(globals())
