#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Travis CI's limits are kept before it has to refuse: of POSTs by a token, of builds of a
repository. Its stand-in bans and refuses as the real one does (tests/tools/travis_standin.py).
"""

import contextlib
import json
import os
import sqlite3
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness  # noqa: E402
from harness import wait_until  # noqa: E402
from test_triggers import BUILDS, OWNERS, SLUG, refused, vault_world, world  # noqa: E402


def limited(answer, least_s, most_s, words):
	"""A clear word and an honest time."""
	refused(answer, 429, "too-many")
	assert words in answer.json()["detail"], answer
	assert least_s <= int(answer.headers["Retry-After"]) <= most_s, answer.headers
	return answer


def any_number(w, token=None):
	"""As many builds as one likes."""
	w.daemon.config["sources"][0]["api_builds_per_hour"] = 0
	w.travis.ask("POST", "/_control", {"quota": {"max_requests": 1000}})
	if token:
		w.daemon.write(os.path.join(w.daemon.dir, "travis.token"), token + "\n")


# --- a repository's builds ---


def test_a_repository_has_no_more_builds_in_an_hour_than_it_may(box):
	with world(box, OWNERS, start=False) as w:
		w.daemon.config["sources"][0]["api_builds_per_hour"] = 3
		w.daemon.start()
		for _ in range(3):
			w.await_state(w.order(), "built")
		limited(w.call("POST", BUILDS), 3500, 3600, "as many builds")
		entry = wait_until(lambda: [e for e in w.audit("build.trigger")
			if e["reason"] == "too-many"], "an entry")[0]
		assert entry["actor"] == "user:default/alice", entry
		assert entry["outcome"] == "failure" and entry["rule"] == "owners", entry
		assert len(w.posts()) == 3, "Travis is not asked"


def test_what_was_taken_before_is_told_although_there_is_no_room(box):
	with world(box, OWNERS, start=False) as w:
		w.daemon.config["sources"][0]["api_builds_per_hour"] = 1
		w.daemon.start()
		key = {"Idempotency-Key": "k-1"}
		first = w.order(body={"branch": "main"}, **key)
		assert w.order(body={"branch": "main"}, **key) == first
		refused(w.call("POST", BUILDS, {"branch": "next"}, **key), 422, "key-reused")
		limited(w.call("POST", BUILDS, {"branch": "main"}, **{"Idempotency-Key": "k-2"}),
			3500, 3600, "as many builds")
		limited(w.call("POST", BUILDS, {"branch": "main"}), 3500, 3600, "as many builds")


def test_a_restart_counts_for_no_new_build(box):
	with world(box, OWNERS, start=False) as w:
		w.daemon.config["sources"][0]["api_builds_per_hour"] = 1
		w.daemon.start()
		w.await_state(w.order(), "built")
		w.travis.ask("POST", "/_control", {"build": {"id": 42, "slug": SLUG, "state": "failed"}})
		w.daemon.accept(id=42, slug=SLUG, state="failed")
		w.await_state(w.order(BUILDS + "/42/restart"), "built")


def test_what_was_not_made_does_not_count(box):
	with world(box, OWNERS, start=False) as w:
		w.daemon.config["sources"][0]["api_builds_per_hour"] = 1
		w.daemon.start()
		w.travis.ask("POST", "/_control", {"reject": "no such branch"})
		w.await_state(w.order(), "refused")
		w.await_state(w.order(), "built")
		limited(w.call("POST", BUILDS), 3500, 3600, "as many builds")


def test_what_counts_is_known_after_a_restart(box):
	with world(box, OWNERS, start=False) as w:
		w.daemon.config["sources"][0]["api_builds_per_hour"] = 2
		w.daemon.start()
		for _ in range(2):
			w.await_state(w.order(), "built")
		w.daemon.kill()
		w.daemon.start()
		limited(w.call("POST", BUILDS), 3000, 3600, "as many builds")
		assert len(w.posts()) == 2


def test_what_others_have_used_up_is_learned_from_what_travis_says_remains(box):
	with world(box, OWNERS, start=False) as w:
		w.travis.ask("POST", "/_control", {"quota": {"max_requests": 2}})
		w.daemon.start()
		w.await_state(w.order(), "built")
		w.await_state(w.order(), "built")
		limited(w.call("POST", BUILDS), 300, 360, "as many builds")
		assert len(w.posts()) == 2, "the second answer said that none remains"


def test_what_others_have_used_up_is_learned_from_a_refusal(box):
	with world(box, OWNERS, start=False) as w:
		w.travis.ask("POST", "/_control", {"quota": {"max_requests": 0, "per_seconds": 60}})
		any_number(w)
		w.travis.ask("POST", "/_control", {"quota": {"max_requests": 0}})
		w.daemon.start()
		refusal = w.await_state(w.order(), "refused")
		assert "request_limit_reached" in refusal["note"], refusal
		limited(w.call("POST", BUILDS), 1, 60, "as many builds")
		assert len(w.posts()) == 1


# --- a token's POSTs ---


def test_travis_is_not_posted_to_more_often_than_it_bears(box):
	with world(box, OWNERS, start=False) as w:
		any_number(w)
		w.daemon.start()
		locations = [w.order() for _ in range(45)]
		for location in locations[:40]:
			w.await_state(location, "built")
		assert len(w.posts()) == 40
		assert [w.shown(at)["state"] for at in locations[40:]] == ["asked"] * 5


def test_what_would_wait_for_longer_than_a_minute_is_not_taken(box):
	with world(box, OWNERS, start=False) as w:
		any_number(w)
		w.daemon.start()
		answers = [w.call("POST", BUILDS) for _ in range(130)]
		taken = [a for a in answers if a.status == 202]
		# Forty at once, and what comes within a minute.
		assert 120 <= len(taken) <= 122, len(taken)
		for answer in answers[len(taken):]:
			limited(answer, 61, 90, "wait for their turn")


def test_each_owners_token_has_turns_of_its_own(box):
	with world(box, OWNERS, start=False) as w:
		any_number(w)
		vault_world(box, w, {"travis/payments": "acme-token"})
		w.daemon.start()
		for _ in range(41):
			w.order()
		wait_until(lambda: len(w.posts()) == 40, "the first token's turns")
		w.daemon.config["sources"][0]["api_token"] = {"file": w.secret()}
		w.daemon.write(os.path.join(w.daemon.dir, "travis.token"), "acme-other-token\n")
		w.daemon.write_config()
		w.daemon.reload()
		wait_until(lambda: w.daemon.log().count("reload") and w.order(), "an order")
		wait_until(lambda: any(p["authorization"] == "token acme-other-token" for p in w.posts()),
			"a POST with the other token, long before the first one's next turn", timeout=10)


def test_a_ban_is_heeded_until_it_is_over_and_nothing_is_asked(box):
	with world(box, OWNERS, start=False) as w:
		any_number(w)
		w.daemon.start()
		w.await_state(w.order(), "built")
		# Somebody else uses the token as well.
		for _ in range(51):
			harness.request(w.travis.port, "POST", "/nothing",
				headers={"Authorization": "token acme-token"})
		seen = len(w.travis.ask("GET", "/_seen"))
		failed = w.await_state(w.order(), "failed")
		assert "60 minutes" in failed["note"], failed
		limited(w.call("POST", BUILDS), 3500, 3600, "this token")
		assert "travis.limit" in w.daemon.log()
		assert len(w.travis.ask("GET", "/_seen")) == seen + 1, "one call learned of it"
		# Another token is not banned.
		w.daemon.write(os.path.join(w.daemon.dir, "travis.token"), "acme-other-token\n")
		w.await_state(w.order(), "asked")


# --- what is kept ---


def test_what_is_over_is_kept_for_so_long_and_its_key_too(box):
	with world(box, OWNERS, start=False) as w:
		any_number(w)
		w.daemon.config["retention"] = {"triggers": "2s", "trigger_keys": "1s"}
		w.daemon.start()
		key = {"Idempotency-Key": "k-1"}
		done = w.order(**key)
		w.await_state(done, "built")
		w.travis.ask("POST", "/_control", {"fail": ["reset"]})
		# Those that wait for their turn are not over.
		for _ in range(45):
			w.order(body={"branch": "next"})
		waiting = w.order(body={"branch": "last"}, **{"Idempotency-Key": "k-2"})
		wait_until(lambda: w.call("GET", done).status == 404, "it is removed")
		assert w.shown(waiting)["state"] == "asked"
		wait_until(lambda: w.order(**key) != done, "the key asks for another build")
		for kind in ("triggers", "trigger-keys"):
			row = f'stagewire_retention_removed_total{{kind="{kind}"}} '
			wait_until(lambda r=row: r in (m := w.daemon.get("/metrics").body.decode())
				and r + "0\n" not in m, f"{kind} are counted")


def test_many_are_removed_a_page_at_a_time(box):
	with world(box, OWNERS, start=False) as w:
		any_number(w)
		w.daemon.config["sources"][0]["api_url"] = "http://127.0.0.1:1"
		w.daemon.start()
		w.daemon.stop()
		old = {"action": "build.trigger", "state": "built", "entity": "component:default/x",
			"principal": "user:default/alice", "request": 1, "builds": [7],
			"created": "2020-01-01T00:00:00Z", "updated": "2020-01-01T00:00:00Z"}
		with contextlib.closing(sqlite3.connect(w.daemon.store)) as db, db:
			for n in range(1050):
				db.execute("INSERT INTO state VALUES ('trigger', ?, 1, ?)",
					(f"0000{n:04x}-0000-8000-8000-000000000000", json.dumps(old)))
				db.execute("INSERT INTO state VALUES ('trigger-key', ?, 1, ?)",
					(f"user:default/u{n} k", f"id:digest:{n}"))
		w.daemon.start()
		wait_until(lambda: "retention.triggers triggers=1050 keys=1050" in w.daemon.log(),
			"all are removed")


if __name__ == "__main__":
	harness.main(globals())
