#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds read back as Travis CI's API v3 would tell them, by those who show a credential."""

import base64
import contextlib
import itertools
import json
import os
import re
import sqlite3
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness  # noqa: E402
from harness import request, wait_until  # noqa: E402

SLUG = "acme/parcel-api"
BUILDS = "/repo/acme%2Fparcel-api/builds"
SECRET = "builds-secret-0123456789"
OTHER = "page-secret-0123456789ab"

_ids = itertools.count(1000)


def credential(daemon, name, secret, *allow):
	path = os.path.join(daemon.dir, name + ".secret")
	daemon.write(path, secret + "\n")
	os.chmod(path, 0o600)
	return {"name": name, "secret": {"file": path}, "allow": list(allow)}


def relay(box):
	"""A daemon with the API listener, and its port as daemon.api; not started."""
	daemon = box.daemon()
	daemon.api = harness.free_port()
	daemon.config["listen"]["api"] = [f"127.0.0.1:{daemon.api}"]
	daemon.config["credentials"] = [credential(daemon, "proxy", SECRET, "builds"),
		credential(daemon, "browser", OTHER, "page")]
	return daemon


def ask(daemon, path, authorization="Bearer " + SECRET, method="GET"):
	return request(daemon.api, method, path,
		headers={} if authorization is None else {"Authorization": authorization})


def read(daemon, path):
	answer = ask(daemon, path)
	assert answer.status == 200, answer
	return answer.json()


def error(answer, status, error_type):
	assert answer.status == status, answer
	body = answer.json()
	assert body["@type"] == "error" and body["error_type"] == error_type, body
	assert body["error_message"], body
	return body


def build(daemon, state="passed", slug=SLUG, **overrides):
	build_id = overrides.pop("id", None) or next(_ids)
	daemon.accept(id=build_id, slug=slug, state=state, **overrides)
	return build_id


def states(daemon, path=BUILDS):
	return [(b["id"], b["state"]) for b in read(daemon, path)["builds"]]


def entities_of(daemon, build_id):
	"""The entities that a build is kept with."""
	with contextlib.closing(sqlite3.connect(f"file:{daemon.store}?mode=ro", uri=True)) as db:
		text, = db.execute("SELECT entities FROM build WHERE id = ?", (build_id,)).fetchone()
	return [e["ref"] for e in json.loads(text or "[]")]


def refusals(daemon):
	return [e for e in daemon.ctl("audit") if e["action"] == "api.refuse"]


# --- builds ---


def test_builds_of_a_repository_come_newest_first_and_page_by_page(box):
	daemon = relay(box).start()
	ids = [build(daemon, state) for state in ("passed", "failed", "errored", "canceled", "started")]
	whole = read(daemon, BUILDS)
	assert [b["id"] for b in whole["builds"]] == ids[::-1], whole
	assert [b["state"] for b in whole["builds"]] == ["started", "canceled", "errored", "failed",
		"passed"], whole
	assert whole["@pagination"]["count"] == 5 and whole["@pagination"]["is_last"], whole

	page = read(daemon, BUILDS + "?offset=2&limit=2")
	assert [b["id"] for b in page["builds"]] == [ids[2], ids[1]], page
	assert page["@pagination"]["count"] == 5, page
	assert all(b["build_num"] == 5 for b in page["builds"]), page
	following = read(daemon, page["@pagination"]["next"]["@href"])
	assert [b["id"] for b in following["builds"]] == [ids[0]], following
	assert following["@pagination"]["next"] is None, following


def test_a_build_has_what_the_card_shows(box):
	daemon = relay(box).start()
	build_id = build(daemon, "failed", number="417")
	shown = read(daemon, BUILDS + "?offset=0&limit=1")["builds"][0]
	assert shown["@type"] == "build" and shown["@href"] == f"/builds/{build_id}", shown
	assert shown["number"] == "417" and shown["duration"] == 271, shown
	assert shown["started_at"] == "2026-11-20T10:00:00Z", shown
	assert shown["finished_at"] == "2026-11-20T10:04:31Z", shown
	assert shown["branch"]["name"] == "main", shown
	assert shown["commit"]["message"] == "Weigh parcels twice", shown
	assert shown["commit"]["sha"].startswith("8f2d6c1b"), shown
	assert shown["commit"]["compare_url"].startswith("https://github.com/acme/"), shown
	assert shown["repository"]["slug"] == SLUG, shown
	one = read(daemon, f"/build/{build_id}")
	assert read(daemon, shown["@href"]) == one
	assert "build_num" not in one
	assert {**shown, "build_num": None} == {**one, "build_num": None}
	assert "ada@example.com" not in str(shown)


def test_wherever_a_proxy_leaves_the_path_it_is_found(box):
	daemon = relay(box).start()
	build_id = build(daemon)
	for path in (BUILDS, "/travisci/api" + BUILDS, "/v3" + BUILDS, "/repo/acme/parcel-api/builds",
			"/repo/github/acme%2Fparcel-api/builds", "/repo/ACME%2fParcel-API/builds",
			BUILDS + "?limit=5&offset=0&include=build.commit"):
		assert states(daemon, path) == [(build_id, "passed")], path
	for fields in ({"Travis-API-Version": "3"}, {"Accept": "application/json"}):
		answer = request(daemon.api, "GET", BUILDS,
			headers={"Authorization": "Bearer " + SECRET, **fields})
		assert answer.status == 200 and answer.headers["Content-Type"] == "application/json"


def test_a_late_start_does_not_undo_a_result_and_a_restart_does(box):
	daemon = relay(box).start()
	build_id = build(daemon, "started")
	assert states(daemon) == [(build_id, "started")]
	build(daemon, "failed", id=build_id)
	build(daemon, "started", id=build_id, message="late")
	assert states(daemon) == [(build_id, "failed")]

	build(daemon, "failed", id=build_id, duration=300)
	assert read(daemon, f"/build/{build_id}")["duration"] == 300, "the follow-up of fast_finish"

	later = {"id": build_id, "started_at": "2026-11-20T12:00:00Z"}
	build(daemon, "started", **later)
	assert states(daemon) == [(build_id, "started")]
	build(daemon, "passed", **later, finished_at="2026-11-20T12:01:00Z")
	shown = read(daemon, f"/build/{build_id}")
	assert (shown["state"], shown["finished_at"]) == ("passed", "2026-11-20T12:01:00Z"), shown
	daemon.restart()
	assert read(daemon, f"/build/{build_id}") == shown


def test_builds_can_be_chosen_by_state(box):
	daemon = relay(box).start()
	ids = [build(daemon, state) for state in ("passed", "failed", "passed", "errored", "passed")]
	assert states(daemon, BUILDS + "?build.state=failed,errored") == [
		(ids[3], "errored"), (ids[1], "failed")]
	page = read(daemon, BUILDS + "?build.state=passed&limit=2")
	assert [b["id"] for b in page["builds"]] == [ids[4], ids[2]], page
	assert page["@pagination"]["next"], page


# --- what is seen ---


def test_the_catalog_says_which_repositories_are_seen(box):
	daemon = relay(box).start()
	hidden = build(daemon, slug="acme/secret-plans")
	seen = build(daemon)
	assert entities_of(daemon, hidden) == []
	assert entities_of(daemon, seen) == ["component:default/parcel-api"]
	path = "/repo/acme%2Fsecret-plans/builds"
	assert error(ask(daemon, path), 404, "not_found")["resource_type"] == "repository"
	assert error(ask(daemon, f"/build/{hidden}"), 404, "not_found")["resource_type"] == "build"
	error(ask(daemon, "/repo/acme%2Fnothing/builds"), 404, "not_found")
	error(ask(daemon, "/build/77777"), 404, "not_found")

	daemon.write(daemon.catalog_path, harness.components(["acme/secret-plans"]))
	daemon.reload()
	assert states(daemon, path) == [(hidden, "passed")]
	assert read(daemon, f"/build/{hidden}")["id"] == hidden
	wait_until(lambda: entities_of(daemon, hidden) == ["component:default/secret-plans"],
		"the entity that came later")
	error(ask(daemon, BUILDS), 404, "not_found")
	error(ask(daemon, f"/build/{seen}"), 404, "not_found")


def test_a_repository_without_builds_has_none(box):
	daemon = relay(box).start()
	page = read(daemon, BUILDS)
	assert page["builds"] == [] and page["@pagination"]["count"] == 0, page


def test_before_any_catalog_the_answer_is_to_come_again(box):
	daemon = relay(box)
	daemon.config["backstage"] = {"url": f"http://127.0.0.1:{harness.free_port()}"}
	del daemon.config["catalog"]["file"]
	daemon.write_config()
	daemon.spawn()
	answer = wait_until(lambda: harness_answer(daemon), "the listener")
	error(answer, 503, "error")
	assert answer.headers["Retry-After"] == "5"


def harness_answer(daemon):
	try:
		return ask(daemon, BUILDS)
	except OSError:
		return None


def test_a_store_of_the_first_schema_is_taken_and_builds_appear_as_they_come(box):
	daemon = relay(box)
	with open(os.path.join(harness.TOP_SRC, "tests", "unit", "store-v1.db"), "rb") as old:
		with open(daemon.store, "wb") as new:
			new.write(old.read())
	os.chmod(daemon.store, 0o600)
	daemon.start()
	assert read(daemon, BUILDS)["builds"] == []
	build_id = build(daemon)
	assert states(daemon) == [(build_id, "passed")]


# --- what is refused ---


def test_wrong_parameters_are_told_in_travis_shape(box):
	daemon = relay(box).start()
	for query in ("offset=x", "limit=x", "limit=", "limit=1&limit=2", "build.state=green"):
		error(ask(daemon, BUILDS + "?" + query), 400, "wrong_params")
	for query in ("branch.name=main", "sort_by=started_at"):
		error(ask(daemon, BUILDS + "?" + query), 501, "not_implemented")
	assert read(daemon, BUILDS + "?limit=5000")["@pagination"]["limit"] == 100
	for path in ("/repo/4711/builds", "/repo/a%2Fb/branches", "/build/x", "/v3/owner/acme",
			"/repo/a%2Fb%22/builds", "/user/1"):
		error(ask(daemon, path), 404, "not_found")
	answer = ask(daemon, "/nothing")
	assert answer.status == 404 and answer.headers["Content-Type"] == "application/problem+json"


def test_nothing_is_restarted_here_and_that_is_said(box):
	daemon = relay(box).start()
	build_id = build(daemon)
	answer = ask(daemon, f"/build/{build_id}/restart", method="POST")
	assert error(answer, 403, "insufficient_access")["permission"] == "restart"
	answer = ask(daemon, BUILDS, method="POST")
	error(answer, 405, "method_not_allowed")
	assert answer.headers["Allow"] == "GET"
	error(ask(daemon, f"/build/{build_id}/restart", None, method="POST"), 401, "login_required")


def test_a_credential_is_needed_and_each_refusal_is_counted_and_on_record(box):
	daemon = relay(box).start()
	basic = "Basic " + base64.b64encode(f"proxy:{SECRET}".encode()).decode()
	for good in ("Bearer " + SECRET, "bearer " + SECRET, "token " + SECRET, basic):
		assert ask(daemon, BUILDS, good).status == 200, good
	answer = ask(daemon, BUILDS, None)
	error(answer, 401, "login_required")
	challenges = answer.headers.get_all("WWW-Authenticate")
	assert [c.split(" ")[0] for c in challenges] == ["Bearer", "Basic"], challenges
	other = "Basic " + base64.b64encode(f"browser:{SECRET}".encode()).decode()
	for bad in ("Bearer x" + SECRET, "Bearer", "Bearer ", SECRET, other, "Basic !", "Digest x"):
		error(ask(daemon, BUILDS, bad), 401, "login_required")
	error(ask(daemon, BUILDS, "Bearer " + OTHER), 403, "insufficient_access")
	# Whether there is something is not told to strangers.
	error(ask(daemon, "/build/77777", None), 401, "login_required")

	reasons = {"credential-missing", "credential-wrong", "credential-not-allowed"}
	found = wait_until(lambda: reasons == {e["reason"] for e in refusals(daemon)} and
		refusals(daemon), "all kinds of refusal on record")
	assert [e.get("actor") for e in found if e["status"] == 403] == ["browser"], found
	metrics = daemon.get("/metrics").body.decode()
	for word, n in (("good", 4), ("missing", 2), ("wrong", 7), ("not-allowed", 1)):
		assert f'stagewire_api_requests_total{{credential="{word}"}} {n}\n' in metrics, word
	for secret in (SECRET, OTHER, basic):
		assert secret not in daemon.log()
		assert secret not in daemon.ctl_text("--json", "audit")


def test_two_credential_fields_are_none(box):
	daemon = relay(box).start()
	lines = f"Authorization: Bearer {SECRET}\r\n" * 2
	with harness.socket.create_connection(("127.0.0.1", daemon.api), timeout=30) as s:
		s.sendall(f"GET {BUILDS} HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode())
		assert s.recv(100).split(b" ")[1] in (b"400", b"401")


def test_refusals_in_a_flood_are_not_all_written(box):
	daemon = relay(box).start()
	for _ in range(200):
		assert ask(daemon, BUILDS, "Bearer nonsense").status == 401
	metrics = daemon.get("/metrics").body.decode()
	assert 'credential="wrong"} 200\n' in metrics
	assert int(re.search(r"\nstagewire_audit_entries (\d+)\n", metrics).group(1)) < 150, metrics


def test_who_asks_is_told_who_they_are(box):
	daemon = relay(box).start()
	user = read(daemon, "/user")
	assert user["@type"] == "user" and user["login"] == "proxy", user
	assert SECRET not in str(user)


def test_a_secret_is_exchanged_by_reloads_without_a_gap(box):
	daemon = relay(box).start()
	new = "another-secret-0123456789"
	old_one = daemon.config["credentials"][0]
	daemon.config["credentials"].append(credential(daemon, "proxy-2", new, "builds"))
	daemon.write_config()
	assert "refused" not in daemon.reload()
	assert ask(daemon, BUILDS, "Bearer " + SECRET).status == 200
	assert ask(daemon, BUILDS, "Bearer " + new).status == 200
	daemon.config["credentials"].remove(old_one)
	daemon.write_config()
	assert "refused" not in daemon.reload()
	assert ask(daemon, BUILDS, "Bearer " + SECRET).status == 401
	assert ask(daemon, BUILDS, "Bearer " + new).status == 200


def test_a_reload_with_a_weak_secret_changes_nothing(box):
	daemon = relay(box).start()
	daemon.write(daemon.config["credentials"][0]["secret"]["file"], "short\n")
	line = daemon.reload()
	assert "reload.refused" in line and "credential 'proxy'" in line, line
	assert "short" not in line, line
	assert ask(daemon, BUILDS, "Bearer " + SECRET).status == 200


def test_the_listener_serves_nothing_of_the_others(box):
	daemon = relay(box).start()
	for path in ("/healthz", "/metrics", "/v1/status", "/hooks/travis/travis-com",
			"/.well-known/jwks.json"):
		assert ask(daemon, path).status == 404, path
	for port in (daemon.hooks, daemon.admin):
		assert request(port, "GET", BUILDS).status == 404


if __name__ == "__main__":
	harness.main(globals())
