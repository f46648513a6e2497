#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every decision of the policy is an entry of the audit trail, with its rule and all that it looked at."""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools"))
import harness  # noqa: E402
from harness import request, wait_until  # noqa: E402
from bus_standin import Backstage, group  # noqa: E402
from test_triggers import BUILDS, OWNERS, SLUG, refused, world  # noqa: E402

FREEZE = {"name": "freeze", "effect": "deny", "action": ["build.*"], "branch": ["main"]}


def decisions(w):
	"""The entries of decisions: those with what was looked at."""
	return [e for e in w.daemon.ctl("audit", "--limit", "1000") if "inputs" in e]


def entry(w, number=1):
	"""The newest decision, once there are so many."""
	return wait_until(lambda: len(e := decisions(w)) >= number and e, f"{number} decisions")[number - 1]


def test_what_is_allowed_has_an_entry_with_its_rule_and_inputs(box):
	with world(box, {**OWNERS, "env_override": True}) as w:
		now = int(time.time())
		location = w.order(body={"branch": "dev", "variables": {"A": "secret-value"}},
			token=w.token(iat=now - 100, exp=now + 500))
		e = entry(w)
		assert (e["action"], e["outcome"], e["reason"], e["rule"]) == ("build.trigger", "success",
			"allowed", "owners"), e
		assert e["actor"] == "user:default/alice" and e["owners"] == ["group:default/payments"], e
		assert e["entities"] == ["component:default/parcel-api"] and e["repository"] == SLUG, e
		assert e["event"] == location.rsplit("/", 1)[1], e
		age = e["inputs"].pop("token_age_s")
		assert 100 <= age < 100 + harness.PATIENCE_S, age
		assert e["inputs"] == {"branch": "dev", "env_override": True, "catalog_age_s": 0}, e
		w.await_state(location, "built")
		assert len(decisions(w)) == 1, "steps of a trigger are no decisions"
		assert "secret-value" not in w.daemon.ctl_text("--json", "audit")


def test_what_is_denied_has_one_too(box):
	with world(box, OWNERS, FREEZE) as w:
		w.daemon.accept(id=42, slug=SLUG, state="failed")  # of main
		for number, (ask, who, action, reason, rule, branch) in enumerate((
				(("POST", BUILDS, {"branch": "main"}), "alice", "build.trigger", "denied", "freeze", "main"),
				(("POST", BUILDS + "/42/restart"), "alice", "build.restart", "denied", "freeze", "main"),
				(("POST", BUILDS + "/42/cancel"), "mallory", "build.cancel", "denied", "freeze", "main"),
				(("GET", BUILDS), "mallory", "build.read", "no-rule", None, None)), 1):
			refused(w.call(*ask, who=who), 403, "access-denied")
			e = entry(w, number)
			assert (e["action"], e["outcome"], e["reason"], e.get("rule")) == (action, "denied", reason,
				rule), e
			assert e["actor"] == f"user:default/{who}" and e["status"] == 403, e
			assert e["address"] == "127.0.0.1" and e["owners"] == ["group:default/payments"], e
			assert e["inputs"].get("branch") == branch and not e["inputs"]["env_override"], e


def test_what_is_read_has_one_too(box):
	with world(box, OWNERS) as w:
		w.daemon.accept(id=42, slug=SLUG, state="failed")
		assert w.call("GET", BUILDS).status == 200
		assert w.call("GET", BUILDS + "/42").status == 200
		first, second = entry(w), entry(w, 2)
		assert first["action"] == second["action"] == "build.read", (first, second)
		assert first["outcome"] == "success" and first["rule"] == "owners", first
		assert "branch" not in first["inputs"] and second["inputs"]["branch"] == "main", (first, second)


def test_for_whom_it_was_asked_is_in_it(box):
	with world(box, OWNERS) as w:
		w.order(body={"on_behalf_of": "bob"})
		assert entry(w)["inputs"]["on_behalf_of"] == "user:default/bob"


def test_what_is_allowed_and_not_done_after_all_says_why(box):
	with world(box, OWNERS) as w:
		key = {"Idempotency-Key": "k"}
		first = w.order(body={"branch": "dev"}, **key)
		assert w.order(body={"branch": "dev"}, **key) == first
		refused(w.call("POST", BUILDS, {"branch": "next"}, **key), 422, "key-reused")
		refused(w.call("POST", BUILDS, {"source": "nowhere"}), 422, "no-source")
		assert [entry(w, n)["reason"] for n in (1, 2, 3, 4)] == ["allowed", "repeated", "key-reused",
			"no-source"]
		repeated, reused, nowhere = decisions(w)[1:]
		assert repeated["outcome"] == "success" and repeated["event"] == first.rsplit("/", 1)[1], repeated
		assert reused["outcome"] == "failure" and reused["inputs"]["branch"] == "next", reused
		assert all(e["rule"] == "owners" for e in (repeated, reused, nowhere))


def test_the_age_of_the_catalog_that_denied_is_in_it(box):
	with world(box, OWNERS, start=False) as w:
		backstage = Backstage()
		box.sinks.append(backstage)
		backstage.add(group("payments"))
		backstage.set("parcel-api", SLUG, "group:default/payments", "e1")
		w.daemon.config["backstage"] = {"url": backstage.url}
		w.daemon.config["catalog"] = {"refresh": "1h"}
		w.daemon.config["access"]["catalog_max_age"] = "1s"
		w.daemon.start()
		wait_until(lambda: w.call("POST", BUILDS).status == 403 and
			[e for e in decisions(w) if e["reason"] == "stale-catalog"], "a stale catalog")
		stale = [e for e in decisions(w) if e["reason"] == "stale-catalog"][0]
		assert stale["inputs"]["catalog_age_s"] >= 1 and "rule" not in stale, stale


def test_no_text_of_a_request_passes_for_another_input(box):
	with world(box, OWNERS) as w:
		branch = 'main on_behalf_of=user:default/root token_age_s=0","env_override":true,"x":"' + "ß" * 400
		w.order(body={"branch": branch})
		assert entry(w)["inputs"]["branch"] == branch
		assert entry(w)["inputs"]["env_override"] is False
		assert "on_behalf_of" not in entry(w)["inputs"]


def test_none_is_left_out_however_many_there_are(box):
	with world(box, OWNERS) as w:
		token = w.token("mallory")
		for _ in range(300):
			assert request(w.api, "POST", BUILDS,
				headers={"Authorization": "Bearer " + token}).status == 403
		wait_until(lambda: len(decisions(w)) == 300, "300 entries")


if __name__ == "__main__":
	harness.main(globals())
