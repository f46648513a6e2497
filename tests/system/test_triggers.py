#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds started, restarted and canceled by those whom the policy lets, and nobody else.

Tokens are signed by node's crypto (tests/tools/issuer_standin.js); Travis CI is a stand-in that
answers as its API does (tests/tools/travis_standin.py).
"""

import contextlib
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools"))
import harness  # noqa: E402
from vault_standin import VaultStandin  # noqa: E402
from harness import TOP_SRC, need_program, request, wait_until  # noqa: E402

SLUG = "acme/parcel-api"
BUILDS = "/v1/entities/component/default/parcel-api/builds"

PEOPLE = harness.components([SLUG, "other/thing"]) + """\
---
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: {name: payments}
spec: {type: team, children: []}
---
apiVersion: backstage.io/v1alpha1
kind: User
metadata: {name: alice}
spec: {memberOf: [payments]}
---
apiVersion: backstage.io/v1alpha1
kind: User
metadata: {name: mallory}
spec: {memberOf: []}
"""

OWNERS = {"name": "owners", "effect": "allow", "action": ["build.*"],
	"subject": {"owner_of_entity": True}}


class Tool:
	"""A stand-in of tests/tools: a child that prints its port and ends with its input."""

	def __init__(self, program, script):
		self.process = subprocess.Popen([program, os.path.join(TOP_SRC, "tests", "tools", script)],
			stdin=subprocess.PIPE, stdout=subprocess.PIPE)
		self.port = int(self.process.stdout.readline())
		self.url = f"http://127.0.0.1:{self.port}"

	def ask(self, method, path, body=None):
		answer = request(self.port, method, path, body=None if body is None else json.dumps(body))
		assert answer.status == 200, answer
		return answer.json()

	def stop(self):
		self.process.stdin.close()
		self.process.wait(harness.PATIENCE_S)
		self.process.stdout.close()


class World:
	"""A relay with an issuer of tokens and a Travis CI, all stand-ins but the relay."""

	def __init__(self, box, stack, policy, start):
		self.issuer = Tool(need_program("node"), "issuer_standin.js")
		stack.callback(self.issuer.stop)
		self.travis = Tool(sys.executable, "travis_standin.py")
		stack.callback(self.travis.stop)
		self.daemon = box.daemon()
		self.api = harness.free_port()
		c = self.daemon.config
		c["listen"]["api"] = [f"127.0.0.1:{self.api}"]
		c["access"] = {"issuer": self.issuer.url + "/api/auth"}
		c["policy"] = policy
		c["sources"][0].update(api_url=self.travis.url, api_token={"file": self.secret()})
		self.daemon.write(self.daemon.catalog_path, PEOPLE)
		if start:
			self.daemon.start()

	def secret(self):
		path = os.path.join(self.daemon.dir, "travis.token")
		self.daemon.write(path, "acme-token\n")
		os.chmod(path, 0o600)
		return path

	def token(self, who="alice", head=None, **claims):
		return self.issuer.ask("POST", "/token",
			{"head": head or {}, "claims": {"sub": f"user:default/{who}", **claims}})

	def call(self, method, path, body=None, who="alice", token=None, **fields):
		headers = {"Authorization": "Bearer " + (token or self.token(who)), **fields}
		return request(self.api, method, path,
			body=None if body is None else json.dumps(body), headers=headers)

	def order(self, path=BUILDS, body=None, **more):
		answer = self.call("POST", path, body, **more)
		assert answer.status == 202, answer
		location = answer.headers["Location"]
		assert location == "/v1/triggers/" + answer.json()["trigger"], answer
		assert location == answer.json()["location"], answer
		return location

	def shown(self, location, who="alice"):
		answer = self.call("GET", location, who=who)
		assert answer.status == 200, answer
		return answer.json()

	def await_state(self, location, state, who="alice"):
		return wait_until(lambda: (t := self.shown(location, who))["state"] == state and t,
			f"{location} is {state}")

	def posts(self):
		return [c for c in self.travis.ask("GET", "/_seen") if c["method"] == "POST"]

	def audit(self, prefix):
		return [e for e in self.daemon.ctl("audit") if e["action"].startswith(prefix)]


@contextlib.contextmanager
def world(box, *policy, start=True):
	with contextlib.ExitStack() as stack:
		yield World(box, stack, list(policy), start)


def refused(answer, status, kind):
	assert answer.status == status, answer
	assert answer.headers["Content-Type"] == "application/problem+json", answer.headers
	assert kind in answer.json()["type"], answer
	return answer


# --- who may ---


def test_an_owner_starts_a_build_and_follows_it_to_its_number(box):
	with world(box, {**OWNERS, "env_override": True}) as w:
		location = w.order(body={"branch": "main", "message": "Try the new scales",
			"variables": {"SCALE": "new"}})
		built = w.await_state(location, "built")
		post, = w.posts()
		assert post["path"] == "/repo/acme%2Fparcel-api/requests", post
		assert post["authorization"] == "token acme-token", post
		assert post["body"] == {"request": {"branch": "main", "message": "Try the new scales",
			"merge_mode": "deep_merge_append", "config": {"env": {"global": {"SCALE": "new"}}}}
		}, post
		assert built["builds"] == [built["request"] * 10], built
		assert built["principal"] == "user:default/alice" and built["rule"] == "owners", built
		entries = w.audit("build.trigger")
		assert [e["reason"] for e in entries] == ["allowed", "asked", "requested", "built"], entries
		assert all(e["actor"] == "user:default/alice" for e in entries), entries
		assert all(e["rule"] == "owners" for e in entries), entries
		assert "acme-token" not in w.daemon.log()


def test_who_is_no_owner_gets_403_an_entry_and_nothing_leaves(box):
	with world(box, OWNERS) as w:
		refused(w.call("POST", BUILDS, who="mallory"), 403, "access-denied")
		refused(w.call("POST", BUILDS, who="nobody"), 403, "access-denied")
		entry = wait_until(lambda: w.audit("build.trigger"), "an entry")[0]
		assert entry["outcome"] == "denied" and entry["reason"] == "no-rule", entry
		assert entry["actor"] == "user:default/mallory", entry
		assert entry["inputs"]["catalog_age_s"] == 0 and "token_age_s" in entry["inputs"], entry
		assert entry["entities"] == ["component:default/parcel-api"], entry
		assert w.travis.ask("GET", "/_seen") == []


def test_without_a_rule_nobody_may(box):
	with world(box) as w:
		refused(w.call("POST", BUILDS), 403, "access-denied")
		refused(w.call("GET", BUILDS), 403, "access-denied")


def test_a_rule_that_denies_wins(box):
	deny = {"name": "freeze", "effect": "deny", "action": ["build.trigger"], "branch": ["main"]}
	with world(box, OWNERS, deny) as w:
		refused(w.call("POST", BUILDS, {"branch": "main"}), 403, "access-denied")
		w.order(body={"branch": "next"})


def test_variables_need_a_rule_that_covers_them(box):
	with world(box, OWNERS) as w:
		refused(w.call("POST", BUILDS, {"variables": {"A": "1"}}), 403, "access-denied")
		w.daemon.config["policy"] = [{**OWNERS, "env_override": True}]
		w.daemon.write_config()
		w.daemon.reload()
		location = w.order(body={"variables": {"A": "1"}})
		w.await_state(location, "built")
		assert w.posts()[0]["body"]["request"]["config"] == {"env": {"global": {"A": "1"}}}


def test_a_token_that_is_not_a_users_own_is_refused(box):
	now = int(time.time())
	with world(box, OWNERS) as w:
		for head, claims, reason in (
				({"typ": "vnd.backstage.limited-user"}, {}, "wrong-type"),
				({"typ": "vnd.backstage.plugin"}, {}, "wrong-type"),
				({"alg": "none"}, {}, "wrong-algorithm"),
				({"kid": "another"}, {}, "unknown-key"),
				({}, {"iss": "http://127.0.0.1:1/api/auth"}, "wrong-issuer"),
				({}, {"aud": "other"}, "wrong-audience"),
				({}, {"iat": now - 7200, "exp": now - 3600}, "expired"),
				({}, {"iat": now + 3600, "exp": now + 7200}, "not-yet"),
				({}, {"sub": "group:default/payments"}, "no-user"),
				({}, {"sub": "agent:default/alice"}, "no-user")):
			answer = w.call("POST", BUILDS, token=w.token(head=head, **claims))
			refused(answer, 401, "token-refused")
			assert reason in answer.json()["detail"], (reason, answer)
			assert "Bearer" in answer.headers["WWW-Authenticate"]
		for field in ({}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer"}):
			refused(request(w.api, "POST", BUILDS, headers=field), 401, "token-missing")
		refused(w.call("POST", BUILDS, token="a.b.c"), 401, "token-refused")
		assert w.travis.ask("GET", "/_seen") == []


def test_the_webhook_of_a_build_tells_who_asked_for_it(box):
	with world(box, OWNERS) as w:
		number = w.await_state(w.order(), "built")["builds"][0]
		w.daemon.accept(id=number, slug=SLUG, state="passed")
		w.daemon.accept(id=number + 1, slug=SLUG, state="passed")
		asked, pushed = wait_until(lambda: len(e := w.daemon.recorded()) == 2 and e, "two events")
		who = [e["data"]["customData"]["stagewire"]["correlation"].get("requestedBy")
			for e in (asked, pushed)]
		assert who == ["user:default/alice", None], who
		entries = w.audit("webhook.accept")
		assert [e.get("requested_by") for e in entries] == ["user:default/alice", None], entries


def test_a_trigger_tells_what_became_of_its_build_and_of_nothing_before_it(box):
	with world(box, OWNERS) as w:
		location = w.order()
		built = w.await_state(location, "built")
		assert built["results"] == [], built
		number = built["builds"][0]
		w.daemon.accept(id=number, slug=SLUG, state="started")
		assert [r["state"] for r in w.shown(location)["results"]] == ["started"]
		w.daemon.accept(id=number, slug=SLUG, state="failed")
		result, = w.shown(location)["results"]
		assert (result["id"], result["state"]) == (number, "failed"), result
		assert w.call("GET", f"{BUILDS}/{number}").json() == result

		w.travis.ask("POST", "/_control",
			{"build": {"id": number, "slug": SLUG, "state": "failed"}})
		again = w.order(f"{BUILDS}/{number}/restart")
		assert w.await_state(again, "built")["results"] == [], "that was before the restart"
		w.daemon.accept(id=number, slug=SLUG, state="passed", started_at="2026-11-20T11:00:00Z",
			finished_at="2026-11-20T11:05:00Z")
		assert [r["state"] for r in w.shown(again)["results"]] == ["passed"]


def test_of_a_build_that_was_asked_for_the_end_is_looked_for(box):
	with world(box, OWNERS, start=False) as w:
		vault_world(box, w, {"travis/payments": "acme-token"})
		w.daemon.config["sources"][0]["heal"] = {"enabled": True, "unfinished_after": "1s"}
		w.daemon.start()
		number = w.await_state(w.order(), "built")["builds"][0]
		w.travis.ask("POST", "/_control",
			{"build": {"id": number, "slug": SLUG, "state": "passed"}})
		event, = wait_until(w.daemon.recorded, "the event")
		ours = event["data"]["customData"]["stagewire"]
		assert ours["build"]["backfilled"] is True and ours["build"]["id"] == number, ours
		assert ours["correlation"]["requestedBy"] == "user:default/alice", ours
		assert {c["authorization"] for c in w.travis.ask("GET", "/_seen")} == {"token acme-token"}

def test_who_asked_is_known_after_a_kill_and_of_a_build_that_was_restarted(box):
	with world(box, OWNERS) as w:
		number = w.await_state(w.order(), "built")["builds"][0]
		w.travis.ask("POST", "/_control", {"build": {"id": 42, "slug": SLUG, "state": "failed"}})
		w.daemon.accept(id=42, slug=SLUG, state="failed")
		w.await_state(w.order(BUILDS + "/42/restart"), "built")
		w.daemon.kill()
		w.daemon.start()
		w.daemon.accept(id=number, slug=SLUG, state="passed")
		w.daemon.accept(id=42, slug=SLUG, state="passed", started_at="2026-11-26T03:00:00Z")
		entries = w.audit("webhook.accept")
		assert [e.get("requested_by") for e in entries] == [None] + ["user:default/alice"] * 2, \
			entries


def test_who_asked_in_vain_did_not_start_what_comes(box):
	with world(box, OWNERS) as w:
		w.travis.ask("POST", "/_control", {"build": {"id": 42, "slug": SLUG, "state": "started"}})
		w.daemon.accept(id=42, slug=SLUG, state="started")
		w.await_state(w.order(BUILDS + "/42/restart"), "refused")
		w.daemon.accept(id=42, slug=SLUG, state="passed")
		assert [e.get("requested_by") for e in w.audit("webhook.accept")] == [None, None]


# --- keys ---


def test_a_new_key_is_fetched_when_a_token_by_it_comes(box):
	with world(box, OWNERS, start=False) as w:
		w.daemon.config["access"]["key_refetch"] = "1s"
		w.daemon.start()
		w.order()
		w.issuer.ask("POST", "/rotate")
		token = w.token()
		wait_until(lambda: w.call("POST", BUILDS, token=token).status == 202, "the key is known")


def test_keys_are_not_fetched_for_every_token_by_a_key_that_is_unknown(box):
	with world(box, OWNERS) as w:
		w.order()
		w.issuer.ask("POST", "/rotate")
		fetches = w.issuer.ask("GET", "/fetches")
		refused(w.call("POST", BUILDS, token=w.token()), 401, "token-refused")
		assert w.issuer.ask("GET", "/fetches") == fetches, "once in half a minute is enough"


def test_while_the_keys_are_away_those_that_were_fetched_hold(box):
	with world(box, OWNERS) as w:
		w.order()
		w.issuer.ask("POST", "/away")
		w.order()


def test_before_the_keys_were_ever_fetched_the_answer_is_to_come_again(box):
	with world(box, OWNERS, start=False) as w:
		w.issuer.ask("POST", "/away")
		w.daemon.start()
		answer = refused(w.call("POST", BUILDS), 503, "keys-missing")
		assert int(answer.headers["Retry-After"]) > 0
		w.issuer.ask("POST", "/back")
		wait_until(lambda: w.call("POST", BUILDS).status == 202, "the keys are fetched")


# --- what is asked for ---


def test_the_same_key_asks_for_the_same_build_once(box):
	with world(box, OWNERS) as w:
		first = w.order(body={"branch": "main"}, **{"Idempotency-Key": "k-1"})
		again = w.order(body={"branch": "main"}, **{"Idempotency-Key": "k-1"})
		assert first == again
		refused(w.call("POST", BUILDS, {"branch": "next"}, **{"Idempotency-Key": "k-1"}),
			422, "key-reused")
		w.await_state(first, "built")
		assert len(w.posts()) == 1
		assert w.order(body={"branch": "main"}, **{"Idempotency-Key": "k-2"}) != first


def test_a_build_is_restarted_only_through_its_own_entity(box):
	with world(box, OWNERS) as w:
		w.travis.ask("POST", "/_control",
			{"build": {"id": 42, "slug": "acme/parcel-api", "state": "failed"}})
		refused(w.call("POST", BUILDS + "/42/restart"), 404, "build-unknown")
		w.daemon.accept(id=42, slug=SLUG, state="failed")
		w.daemon.accept(id=43, slug="other/thing", state="failed")
		refused(w.call("POST", BUILDS + "/43/restart"), 404, "build-unknown")
		location = w.order(BUILDS + "/42/restart")
		w.await_state(location, "built")
		assert [p["path"] for p in w.posts()] == ["/build/42/restart"]


def test_travis_is_not_believed_that_a_build_is_ours(box):
	with world(box, OWNERS) as w:
		w.daemon.accept(id=42, slug=SLUG, state="failed")
		w.travis.ask("POST", "/_control",
			{"build": {"id": 42, "slug": "acme/secret-vault", "state": "failed"}})
		location = w.order(BUILDS + "/42/cancel")
		failed = w.await_state(location, "failed")
		assert "another repository" in failed["note"], failed
		assert w.posts() == []


def test_a_build_that_runs_is_not_restarted_and_it_is_told_why(box):
	with world(box, OWNERS) as w:
		w.daemon.accept(id=42, slug=SLUG, state="started")
		w.travis.ask("POST", "/_control",
			{"build": {"id": 42, "slug": SLUG, "state": "started"}})
		location = w.order(BUILDS + "/42/restart")
		assert "build_already_running" in w.await_state(location, "refused")["note"]


def test_a_request_that_travis_rejects_says_why(box):
	with world(box, OWNERS) as w:
		w.travis.ask("POST", "/_control", {"reject": "the build config is invalid"})
		refusal = w.await_state(w.order(), "refused")
		assert refusal["note"] == "the build config is invalid", refusal
		assert w.audit("build.trigger")[-1]["outcome"] == "failure"


def test_what_travis_may_have_heard_is_not_said_twice(box):
	with world(box, OWNERS) as w:
		w.travis.ask("POST", "/_control", {"fail": ["reset"]})
		w.await_state(w.order(), "uncertain")
		w.travis.ask("POST", "/_control", {"fail": [502]})
		w.await_state(w.order(), "uncertain")
		assert len(w.posts()) == 2


def test_while_travis_cannot_be_reached_it_is_asked_again(box):
	with world(box, OWNERS, start=False) as w:
		port = harness.free_port()
		w.daemon.config["sources"][0]["api_url"] = f"http://127.0.0.1:{port}"
		w.daemon.start()
		location = w.order()
		wait_until(lambda: w.shown(location)["state"] == "asked", "it is being asked")
		w.daemon.config["sources"][0]["api_url"] = w.travis.url
		w.daemon.write_config()
		w.daemon.reload()
		w.await_state(location, "built")
		assert len(w.posts()) == 1


def test_a_bad_token_of_ours_fails_it_at_once(box):
	with world(box, OWNERS, start=False) as w:
		w.daemon.write(os.path.join(w.daemon.dir, "travis.token"), "wrong\n")
		w.daemon.start()
		assert "access denied" in w.await_state(w.order(), "failed")["note"]


def test_a_kill_loses_none_and_doubles_none(box):
	with world(box, OWNERS) as w:
		locations = []
		for _ in range(10):
			locations.append(w.order())
		w.daemon.kill()
		w.daemon.start()
		ends = [wait_until(lambda at=at: (t := w.shown(at))["state"] in ("built", "uncertain") and t,
			"its end") for at in locations]
		numbers = [t["request"] for t in ends if t["state"] == "built"]
		assert len(set(numbers)) == len(numbers), ends
		assert len(w.posts()) <= 10, "one each at most"


def test_triggers_are_shown_to_who_asked_only(box):
	with world(box, OWNERS) as w:
		location = w.order()
		refused(w.call("GET", location, who="mallory"), 404, "trigger-unknown")
		refused(w.call("GET", "/v1/triggers/00000000-0000-8000-8000-000000000000"), 404,
			"trigger-unknown")


def test_an_order_that_makes_no_sense_is_refused_with_a_reason(box):
	with world(box, OWNERS) as w:
		for body, detail in (({"merge_mode": "shred"}, "merge_mode"), ({"branch": ""}, "branch"),
				({"branch": "a\nb"}, "branch"), ({"colour": "red"}, "not known"),
				({"variables": {"A-B": "1"}}, "variables"), ({"variables": {"A": 1}}, "variables"),
				({"on_behalf_of": "group:default/x"}, "on_behalf_of"), ([], "object")):
			answer = refused(w.call("POST", BUILDS, body), 400, "body")
			assert detail in answer.json()["detail"], (body, answer)
		path = "/v1/entities/component/default"
		refused(w.call("POST", path + "/unknown/builds"), 404, "entity-unknown")
		refused(w.call("POST", "/v1/entities/group/default/payments/builds"), 422, "no-repository")
		refused(w.call("POST", path + "/parcel-api/builds/0/restart"), 404, "not-found")
		refused(w.call("GET", BUILDS + "/42/restart"), 405, "method")
		refused(w.call("POST", BUILDS, **{"Idempotency-Key": "k" * 256}), 400, "key")
		assert w.posts() == []


# --- whose token ---


def vault_world(box, w, paths):
	"""The token comes from a stand-in of Vault, one for each owner."""
	vault = VaultStandin()
	box.sinks.append(vault)
	for path, token in paths.items():
		vault.put(path, {"token": token})
	provider = {"name": "vault", "type": "vault", "address": vault.url, "refresh": "1d"}
	for name in ("role_id", "secret_id"):
		path = os.path.join(w.daemon.dir, name)
		w.daemon.write(path, getattr(vault, name) + "\n")
		os.chmod(path, 0o600)
		provider[name] = {"file": path}
	w.daemon.config["secrets"] = [provider]
	w.daemon.config["sources"][0]["api_token"] = {"vault": "travis/{owner.name}",
		"field": "token", "provider": "vault"}
	return vault


def test_each_entity_is_built_with_its_owners_token(box):
	with world(box, OWNERS, start=False) as w:
		vault_world(box, w, {"travis/payments": "acme-token", "travis/others": "other-token"})
		w.daemon.start()
		w.await_state(w.order(), "built")
		assert [p["authorization"] for p in w.posts()] == ["token acme-token"]
		assert "acme-token" not in w.daemon.log()


def test_who_is_not_allowed_has_no_token_fetched(box):
	with world(box, OWNERS, start=False) as w:
		vault = vault_world(box, w, {"travis/payments": "acme-token"})
		w.daemon.start()
		refused(w.call("POST", BUILDS, who="mallory"), 403, "access-denied")
		assert vault.count("secret/data/travis/payments") == 0
		w.await_state(w.order(), "built")
		assert vault.count("secret/data/travis/payments") == 1


def test_a_token_that_travis_does_not_take_is_fetched_anew(box):
	with world(box, OWNERS, start=False) as w:
		vault = vault_world(box, w, {"travis/payments": "acme-token"})
		w.daemon.start()
		w.await_state(w.order(), "built")
		time.sleep(1.1)  # what is refused within a second of its fetch is not doubted
		w.travis.ask("POST", "/_control", {"fail": [401]})
		w.await_state(w.order(), "built")
		assert vault.count("secret/data/travis/payments") == 2
		time.sleep(1.1)
		w.travis.ask("POST", "/_control", {"fail": [401, 401]})
		w.await_state(w.order(), "failed")
		assert vault.count("secret/data/travis/payments") == 2, "this value was doubted before"


if __name__ == "__main__":
	harness.main(globals())
