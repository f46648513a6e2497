#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Automation that starts builds by ID tokens: who is which agent, and who is none.

Tokens are signed by node's crypto (tests/tools/issuer_standin.js); Travis CI is a stand-in.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness  # noqa: E402
from harness import request, wait_until  # noqa: E402
from test_triggers import BUILDS, OWNERS, SLUG, refused, world  # noqa: E402

BOTS = {"name": "bots", "effect": "allow", "action": ["build.*"],
	"subject": {"principal": ["agent:release-bot"]}}
BOUND = {"name": "release-bot", "issuer": "actions",
	"claims": ["repository_id=4242", "sub=repo:acme/parcel-api:*"]}
WHO = "agent:release-bot"


def agents(w, *known, **issuer):
	"""Let w know these agents, of the stand-in's issuer; its keys are found by discovery."""
	w.daemon.config["issuers"] = [{"name": "actions", "url": w.issuer.url + "/oidc",
		"audience": "stagewire", **issuer}]
	w.daemon.config["agents"] = list(known or [BOUND])


def id_token(w, head=None, **claims):
	return w.issuer.ask("POST", "/id-token",
		{"head": head or {}, "claims": {"repository_id": "4242", **claims}})


def ask(w, body=None, head=None, **claims):
	return w.call("POST", BUILDS, body, token=id_token(w, head, **claims))


def test_an_agent_starts_a_build_and_the_entries_say_by_which_token(box):
	with world(box, BOTS, start=False) as w:
		agents(w)
		w.daemon.start()
		answer = ask(w, {"branch": "main"}, jti="run-17")
		assert answer.status == 202, answer
		shown = wait_until(lambda: (t := w.call("GET", answer.headers["Location"],
			token=id_token(w)).json())["state"] == "built" and t, "it is built")
		assert shown["principal"] == WHO and shown["rule"] == "bots", shown
		post, = w.posts()
		assert post["body"]["request"]["message"] == "Started by " + WHO, post
		for entry in w.audit("build.trigger"):
			assert entry["actor"] == WHO, entry
			word = dict(w.split("=", 1) for w in entry["token"].split(" "))
			assert word["issuer"] == w.issuer.url + "/oidc" and word["jti"] == "run-17", entry
			assert len(word["kid"]) == 36 and int(word["iat"]) > 0, entry
		w.daemon.accept(id=shown["builds"][0], slug=SLUG, state="passed")
		entry = wait_until(lambda: w.audit("webhook.accept"), "its webhook")[0]
		assert entry["requested_by"] == WHO, entry


def test_the_entries_of_users_say_by_which_token_too(box):
	with world(box, OWNERS) as w:
		w.order()
		refused(w.call("POST", BUILDS, who="mallory"), 403, "access-denied")
		entries = wait_until(lambda: len(e := w.audit("build.trigger")) >= 2 and e, "entries")
		for entry in entries:
			assert entry["token"].startswith(f"issuer={w.issuer.url}/api/auth token_sha256="), entry
			assert " kid=" in entry["token"] and " iat=" in entry["token"], entry


def test_a_token_that_is_no_agents_or_two_agents_is_refused(box):
	with world(box, {**BOTS, "subject": {"principal": ["agent:*"]}}, start=False) as w:
		agents(w, BOUND, {"name": "any", "issuer": "actions", "claims": ["event=push"]})
		w.daemon.start()
		for claims, reason in (({"repository_id": "42"}, "no-agent"),
				({"repository_id": None}, "no-agent"), ({"repository_id": True}, "no-agent"),
				({"repository_id": ["4242"]}, "no-agent"), ({"sub": "repo:acme/other:x"}, "no-agent"),
				({"sub": "REPO:acme/parcel-api:x"}, "no-agent"), ({"event": "push"}, "several-agents")):
			answer = refused(ask(w, **claims), 401, "token-refused")
			assert reason in answer.json()["detail"], (claims, answer)
		assert ask(w, repository_id=4242).status == 202, "a number is as good as its text"
		assert len(w.posts()) <= 1
		denied = w.audit("access.refuse")
		assert denied[0]["reason"] == "no-agent" and denied[0]["actor"] == "actions", denied


def test_a_token_is_judged_by_the_rules_of_the_issuer_that_it_names(box):
	with world(box, {**BOTS, "subject": {"principal": ["agent:*", "user:*"]}}, start=False) as w:
		agents(w)
		w.daemon.start()
		users = w.issuer.url + "/api/auth"
		for head, claims, reason in (
				({"typ": "vnd.backstage.user"}, {}, "wrong-type"),
				({"typ": "at+jwt"}, {}, "wrong-type"),
				({"alg": "ES256"}, {}, "wrong-algorithm"),
				({"alg": "none"}, {}, "wrong-algorithm"),
				({"crit": ["exp"]}, {}, "critical-extension"),
				({"kid": "another"}, {}, "unknown-key"),
				({}, {"aud": "backstage"}, "wrong-audience"),
				({}, {"aud": ["stagewire", "other"]}, "wrong-audience"),
				({}, {"iss": "https://elsewhere.example"}, "wrong-type"),
				({"typ": "vnd.backstage.user", "alg": "ES256"}, {"iss": users, "aud": "backstage"},
					"unknown-key"),
				({}, {"iat": 1, "exp": 2}, "expired"),
				({}, {"sub": ""}, "no-subject")):
			answer = refused(ask(w, head=head, **claims), 401, "token-refused")
			assert reason in answer.json()["detail"], (head, claims, answer)
		# The same bytes by the other key: what signs for users signs for no agent.
		token = w.token(head={"typ": "JWT"}, iss=w.issuer.url + "/oidc", aud="stagewire",
			repository_id="4242")
		answer = refused(w.call("POST", BUILDS, token=token), 401, "token-refused")
		assert "wrong-algorithm" in answer.json()["detail"], answer
		assert w.posts() == []


def test_an_agent_that_acts_for_a_user_needs_both_to_be_allowed(box):
	behalf = {**BOTS, "require": {"on_behalf_of": True}}
	with world(box, behalf, OWNERS, start=False) as w:
		agents(w)
		w.daemon.start()
		refused(ask(w), 403, "access-denied")
		refused(ask(w, {"on_behalf_of": "user:default/mallory"}), 403, "access-denied")
		assert ask(w, {"on_behalf_of": "user:default/alice"}).status == 202
		reasons = [e["reason"] for e in w.audit("build.trigger") if e["outcome"] == "denied"]
		assert reasons == ["no-rule", "behalf-denied"], reasons


def test_an_agent_has_no_rights_of_a_users(box):
	"""Whatever its sub says: the rule for owners is for people of the catalog."""
	with world(box, OWNERS, start=False) as w:
		agents(w, {"name": "release-bot", "issuer": "actions", "claims": ["repository_id=4242"]})
		w.daemon.start()
		refused(ask(w, sub="user:default/alice"), 403, "access-denied")
		assert w.posts() == []


# --- where keys are ---


def test_keys_that_are_named_are_fetched_without_discovery(box):
	with world(box, BOTS, start=False) as w:
		agents(w, keys_url=w.issuer.url + "/oidc/jwks")
		w.issuer.ask("POST", "/document", {"issuer": "https://elsewhere.example"})
		w.daemon.start()
		assert ask(w).status == 202


def test_a_document_of_another_issuer_gives_no_keys(box):
	for lie in ({"issuer": "https://elsewhere.example"}, {"jwks_uri": "http://127.0.0.1:1/keys"},
			{"jwks_uri": None}, {"jwks_uri": "file:///etc/passwd"}):
		with world(box, BOTS, start=False) as w:
			agents(w)
			w.issuer.ask("POST", "/document", lie)
			w.daemon.start()
			refused(ask(w), 503, "keys-missing")
			assert w.issuer.ask("GET", "/fetches") <= 1, "that of Backstage only"
			w.issuer.ask("POST", "/document", {})
			wait_until(lambda: ask(w).status == 202, "the right document is read")
			log = w.daemon.log()
			assert log.count(f"issuer.trouble issuer={w.issuer.url}/oidc why=") == 1, log
			assert f"issuer.recovered issuer={w.issuer.url}/oidc" in log, log


def test_a_new_key_of_an_issuer_is_found(box):
	with world(box, BOTS, OWNERS, start=False) as w:
		agents(w)
		w.daemon.config["access"]["key_refetch"] = "1s"
		w.daemon.start()
		assert ask(w).status == 202
		w.issuer.ask("POST", "/rotate")
		token = id_token(w)
		wait_until(lambda: w.call("POST", BUILDS, token=token).status == 202, "the key is known")


# --- reload ---


def test_a_reload_keeps_the_keys_of_who_stays(box):
	with world(box, BOTS, OWNERS, start=False) as w:
		agents(w)
		w.daemon.config["access"]["key_refetch"] = "1d"
		w.daemon.start()
		assert ask(w).status == 202
		w.order()
		w.issuer.ask("POST", "/away")
		fetches = w.issuer.ask("GET", "/fetches")
		w.daemon.config["access"]["key_refetch"] = "1s"
		w.daemon.config["agents"][0]["claims"] = ["repository_id=4242"]
		w.daemon.write_config()
		w.daemon.reload()
		w.order()
		assert ask(w, sub="other").status == 202
		assert w.issuer.ask("GET", "/fetches") == fetches, "nothing about the keys has changed"
		# Now once a second is enough: a token by a new key is waited for at once.
		w.issuer.ask("POST", "/back")
		w.issuer.ask("POST", "/rotate")
		wait_until(lambda: w.call("POST", BUILDS, token=id_token(w, sub="x")).status == 202,
			"the new bound holds")


def test_who_was_an_agent_is_none_after_a_reload_without_it(box):
	with world(box, BOTS, start=False) as w:
		agents(w)
		w.daemon.start()
		token = id_token(w)
		assert w.call("POST", BUILDS, token=token).status == 202
		w.daemon.config["agents"] = []
		w.daemon.write_config()
		w.daemon.reload()
		answer = refused(w.call("POST", BUILDS, token=token), 401, "token-refused")
		assert "no-agent" in answer.json()["detail"], answer
		w.daemon.config["issuers"] = []
		w.daemon.write_config()
		w.daemon.reload()
		answer = refused(w.call("POST", BUILDS, token=token), 401, "token-refused")
		assert "wrong-type" in answer.json()["detail"], answer


# --- length ---


def long_token(w, length):
	"""A token of about that length: base64 makes four of three, and a byte may be missing."""
	short = len(id_token(w, pad=""))
	token = id_token(w, pad="x" * ((length - short) * 3 // 4))
	assert length - 4 <= len(token) <= length, len(token)
	return token


def test_tokens_of_32_kib_are_taken_and_longer_ones_are_not(box):
	with world(box, BOTS, start=False) as w:
		agents(w)
		w.daemon.start()
		for length in (16 * 1024, 32000, 32768):
			assert w.call("POST", BUILDS, token=long_token(w, length)).status == 202, length
		answer = refused(w.call("POST", BUILDS, token=long_token(w, 32800)), 401, "token-refused")
		assert "too-long" in answer.json()["detail"], answer
		answer = w.call("POST", BUILDS, token=long_token(w, 49152))
		assert answer.status == 431, answer
		hooks = request(w.daemon.hooks, "GET", "/", headers={"X-Long": "x" * 17000})
		assert hooks.status == 431, hooks


if __name__ == "__main__":
	harness.main(globals())
