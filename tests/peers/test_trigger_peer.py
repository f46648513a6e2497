#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Users of a real Backstage start, restart and cancel builds through its proxy, as README says.

Travis CI and Vault are stand-ins (tests/tools); the catalog, the sign-in, the proxy and the
notifications are Backstage's own. What README shows of configuration is what is run here.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request

import peer as peers  # first: it finds the harness
import harness
from harness import wait_until
from peer import RELAY_TOKEN, TOP, Peer
from test_backstage import settled
from test_travis_card import MODULES, install, shown as card_shown
from test_triggers import OWNERS, Tool, vault_world


GUEST = "user:default/guest"
PROXY = "/api/proxy/stagewire"

# The guest is of platform and of scales, not of payments, and is not alice.
OURS = "/v1/entities/component/default/weigh-api/builds"
SCALES = "/v1/entities/component/default/scale-ui/builds"
ALICES = "/v1/entities/component/default/parcel-ui/builds"
TOKENS = {"travis/platform": "acme-token", "travis/scales": "other-token",
	"travis/alice": "alice-token", "travis/payments": "payments-token"}

MORE_ENTITIES = """\
---
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: {name: scales}
spec: {type: team, children: [], members: [guest]}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: weigh-api
  annotations: {travis-ci.com/repo-slug: acme/weigh-api}
spec: {type: service, lifecycle: production, owner: platform}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: scale-ui
  annotations: {travis-ci.com/repo-slug: other/scale-ui}
spec: {type: website, lifecycle: production, owner: scales}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: parcel-docs
  annotations: {travis-ci.com/repo-slug: acme/parcel-api}
spec: {type: documentation, lifecycle: production, owner: platform}
"""

SCAFFOLDER = ("@backstage/plugin-scaffolder-backend",
	"@backstage/plugin-catalog-backend-module-scaffolder-entity-model",
	"@roadiehq/scaffolder-backend-module-http-request")

peer = None


def readme_block(name, containing):
	"""The one block of code in README that begins with that file's name and has that text."""
	with open(os.path.join(TOP, "README.md"), encoding="utf-8") as f:
		blocks = re.findall(r"```\w*\n(.*?)```", f.read(), re.DOTALL)
	found = [b for b in blocks if name in b.split("\n")[0] and containing in b]
	assert len(found) == 1, f"README has {len(found)} blocks {name} with {containing!r}"
	return found[0]


def proxy_config():
	"""What README tells to write, with the relay where it is here."""
	text = readme_block("app-config.yaml", "'/stagewire'").replace("127.0.0.1:8473",
		"127.0.0.1:" + peer.env["PEER_RELAY_PORT"])
	card = "    '/travisci/api':\n"
	assert text.count(card) == 1, text
	# The peer has an entry of that name, which adds a secret; ours has none.
	return text.replace(card, card + "      headers: null\n")


def templates():
	"""README's, and one without what README says makes it the user's."""
	text = readme_block("template.yaml", "kind: Template")
	bare = text.replace("        useBackstageToken: true\n", "").replace(
		"name: start-build,", "name: start-build-bare,")
	assert len(bare.splitlines()) == len(text.splitlines()) - 1 and "start-build-bare" in bare
	return text, bare


class Answer:
	def __init__(self, status, headers, body):
		self.status, self.headers, self.body = status, headers, body

	def json(self):
		return json.loads(self.body)

	def __repr__(self):
		return f"<{self.status} {self.body[:500]!r}>"


def through(method, path, body=None, token=None, proxy=PROXY, **fields):
	"""Call the relay as a page of Backstage does: at the proxy, with the user's token."""
	headers = {"Authorization": f"Bearer {token or peer.guest()}", **fields}
	if body is not None:
		headers["Content-Type"] = "application/json"
		body = json.dumps(body).encode()
	asked = urllib.request.Request(peer.url + proxy + path, method=method, data=body,
		headers=headers)
	try:
		with urllib.request.urlopen(asked, timeout=30) as answer:
			return Answer(answer.status, answer.headers, answer.read())
	except urllib.error.HTTPError as e:
		with e:
			return Answer(e.code, e.headers, e.read())


class World:
	"""A relay between the peer and the stand-ins."""

	def __init__(self, box, stack, policy, token_text):
		self.travis = Tool(sys.executable, "travis_standin.py")
		stack.callback(self.travis.stop)
		self.daemon = box.daemon()
		token = os.path.join(self.daemon.dir, "token")
		self.daemon.write(token, token_text + "\n")
		os.chmod(token, 0o600)
		c = self.daemon.config
		c["backstage"] = {"url": peer.url, "token": {"file": token}}
		c["catalog"] = {"refresh": "1s"}
		c["listen"]["api"] = ["127.0.0.1:" + peer.env["PEER_RELAY_PORT"]]
		c["policy"] = policy
		c["sources"][0]["api_url"] = self.travis.url
		c["sinks"].append({"name": "notify", "type": "backstage-notifications",
			"coalesce": "0ms"})
		c["routes"] = [{"name": "all", "to": ["record", "notify"]}]
		self.vault = vault_world(box, self, TOKENS)
		self.daemon.start()
		if token_text == RELAY_TOKEN:
			wait_until(lambda: self.daemon.ctl("status")["catalog"]["repositories"] >= 4,
				"the catalog")

	def calls(self, method=None):
		"""What Travis CI has heard."""
		return [c for c in self.travis.ask("GET", "/_seen") if method in (None, c["method"])]

	def fetched(self):
		"""Whose tokens the vault was asked for."""
		return [path[len("secret/data/travis/"):] for _, path, _ in list(self.vault.requests)
			if path.startswith("secret/data/travis/")]

	def audit(self, action):
		return [e for e in self.daemon.ctl("audit") if e["action"] == action]

	def order(self, path, body=None, **fields):
		answer = through("POST", path, body, **fields)
		assert answer.status == 202, answer
		return answer.json()["location"]

	def shown(self, location):
		answer = through("GET", location)
		assert answer.status == 200, answer
		return answer.json()

	def await_state(self, location, state):
		return wait_until(lambda: (t := self.shown(location))["state"] == state and t,
			f"{location} is {state}")

	def known_build(self, number, slug, state):
		"""A build that Travis CI has, and told of by a webhook."""
		self.travis.ask("POST", "/_control",
			{"build": {"id": number, "slug": slug, "state": state}})
		self.daemon.accept(id=number, slug=slug, state=state)


@contextlib.contextmanager
def world(box, policy=(OWNERS,), token=RELAY_TOKEN):
	with contextlib.ExitStack() as stack:
		yield World(box, stack, list(policy), token)


def notification_of(text):
	return wait_until(lambda: [n["payload"] for n in peer.notifications()
		if text in n["payload"]["title"]], f"a notification of {text}")[0]


def test_whoever_signs_in_first_of_all_is_known(box):
	# A fresh Backstage has no key until then, and the relay has asked for its keys before.
	with world(box):
		wait_until(lambda: through("GET", OURS).status == 200, "the first key is known", 10)


def test_an_owner_starts_a_build_and_the_notification_names_who_asked(box):
	with world(box) as w:
		answer = through("POST", OURS, {"branch": "main", "message": "Weigh again"})
		assert answer.status == 202, answer
		location = answer.json()["location"]
		built = w.await_state(location, "built")
		post, = w.calls("POST")
		assert post["path"] == "/repo/acme%2Fweigh-api/requests", post
		assert post["authorization"] == "token acme-token", post
		assert post["body"] == {"request": {"branch": "main", "message": "Weigh again",
			"merge_mode": "deep_merge_append"}}, post
		assert w.fetched() == ["platform"], w.fetched()

		number, = built["builds"]
		event = w.daemon.accept(id=number, slug="acme/weigh-api", state="failed")
		settled(w.daemon, event)
		notice = notification_of("weigh-api")
		assert f"asked for by {GUEST}" in notice["description"], notice
		entries = w.audit("build.trigger")
		assert [e["reason"] for e in entries] == ["allowed", "asked", "requested", "built"], entries
		assert all((e["actor"], e["rule"], e["entities"]) ==
			(GUEST, "owners", ["component:default/weigh-api"]) for e in entries), entries
		entry, = w.audit("webhook.accept")
		assert entry["requested_by"] == GUEST, entry
		assert entry["build"] == entries[-1]["build"] == f"{harness.HOST}/{number}", entries
		assert "acme-token" not in w.daemon.log()


def test_another_owners_component_is_built_with_another_token(box):
	with world(box) as w:
		w.await_state(w.order(SCALES), "built")
		post, = w.calls("POST")
		assert post["path"] == "/repo/other%2Fscale-ui/requests", post
		assert post["authorization"] == "token other-token", post
		assert w.fetched() == ["scales"], w.fetched()


def test_who_is_no_owner_gets_403_an_entry_and_nothing_leaves(box):
	with world(box) as w:
		w.daemon.accept(id=42, slug="acme/parcel-ui", state="failed")
		before = len(w.vault.requests)
		for path, action in ((ALICES, "trigger"), (ALICES + "/42/restart", "restart"),
				(ALICES + "/42/cancel", "cancel")):
			answer = through("POST", path)
			assert answer.status == 403 and "access-denied" in answer.json()["type"], answer
			entry = wait_until(lambda action=action: w.audit("build." + action), "an entry")[0]
			assert (entry["outcome"], entry["reason"]) == ("denied", "no-rule"), entry
			assert entry["actor"] == GUEST, entry
			assert entry["entities"] == ["component:default/parcel-ui"], entry
		assert through("GET", ALICES).status == 403
		assert w.calls() == [], "Travis CI was asked"
		assert w.fetched() == [] and len(w.vault.requests) == before, w.vault.requests


def test_a_build_is_restarted_and_canceled_and_its_end_followed(box):
	with world(box) as w:
		w.known_build(42, "acme/weigh-api", "failed")
		restart = w.order(OURS + "/42/restart")
		assert w.await_state(restart, "built")["results"] == []
		w.daemon.accept(id=42, slug="acme/weigh-api", state="passed",
			started_at="2026-11-24T11:00:00Z", finished_at="2026-11-24T11:05:00Z")
		assert [r["state"] for r in w.shown(restart)["results"]] == ["passed"]
		w.known_build(43, "other/scale-ui", "started")
		w.await_state(w.order(SCALES + "/43/cancel"), "built")
		assert [(c["path"], c["authorization"]) for c in w.calls("POST")] == [
			("/build/42/restart", "token acme-token"),
			("/build/43/cancel", "token other-token")], w.calls("POST")
		assert [e["build"] for e in w.audit("build.cancel")] == [harness.HOST + "/43"] * 3


def test_the_proxy_of_readme_lets_through_what_a_caller_needs(box):
	with world(box) as w:
		key = {"Idempotency-Key": "deploy-17"}
		first = through("POST", OURS, {"branch": "main"}, **key)
		again = through("POST", OURS, {"branch": "main"}, **key)
		assert first.headers["Location"] == first.json()["location"], first.headers
		assert again.json() == {**first.json(), "repeated": True}, again
		w.await_state(first.json()["location"], "built")
		assert len(w.calls("POST")) == 1

		# An entry that allows no fields keeps them: the location is in the body all the same.
		bare = through("POST", OURS, {"branch": "main"}, proxy="/api/proxy/relay", **key)
		assert bare.status == 202 and bare.headers["Location"] is None, bare.headers
		assert bare.json()["repeated"] is False, "the key does not come through"
		w.await_state(bare.json()["location"], "built")


def test_until_there_is_a_catalog_the_caller_is_told_when_to_come_again(box):
	with world(box, token="no-such-token-of-backstage") as w:
		answer = wait_until(lambda: (a := through("GET", "/repo/acme%2Fweigh-api/builds")).status
			== 503 and a, "503")
		assert int(answer.headers["Retry-After"]) > 0, answer.headers
		assert through("POST", OURS).status == 503
		assert w.calls() == []


# --- the card ---


def test_the_restart_icon_of_the_card_restarts_a_build_of_its_user(box):
	install()
	with world(box) as w:
		w.known_build(42, "acme/weigh-api", "failed")
		card = card_shown("acme/weigh-api", peer)
		assert card["complaints"] == [] and [r["status"] for r in card["rows"]] == ["Failed"], card
		card = card_shown("acme/weigh-api", peer, [42])
		post, = card["posts"]
		assert post["status"] == 202 and post["body"]["state_change"] == "restart", card
		assert post["url"] == peer.url + "/api/proxy/travisci/api/build/42/restart", post
		w.await_state(post["body"]["location"], "built")
		call, = w.calls("POST")
		assert call["path"] == "/build/42/restart" and call["body"] is None, call
		assert call["authorization"] == "token acme-token", call
		assert {(e["actor"], e["rule"]) for e in w.audit("build.restart")} == {(GUEST, "owners")}


def test_the_restart_icon_does_nothing_for_who_may_only_read(box):
	install()
	read = {"name": "all-read", "effect": "allow", "action": ["build.read"]}
	with world(box, policy=[OWNERS, read]) as w:
		w.known_build(42, "acme/parcel-ui", "failed")
		card = card_shown("acme/parcel-ui", peer, [42])
		post, = card["posts"]
		assert (post["status"], post["body"]["error_type"]) == (403, "insufficient_access"), card
		entry = wait_until(lambda: w.audit("build.restart"), "an entry")[0]
		assert (entry["outcome"], entry["actor"]) == ("denied", GUEST), entry
		assert w.calls() == [] and w.fetched() == []


def test_who_may_not_read_sees_no_builds_in_the_card(box):
	install()
	with world(box) as w:
		w.known_build(42, "acme/parcel-ui", "failed")
		card = card_shown("acme/parcel-ui", peer)
		assert card["rows"] == [] and any("403" in c for c in card["complaints"]), card


def test_in_the_card_one_of_several_entities_of_a_repository_is_enough(box):
	with world(box) as w:
		w.known_build(42, "acme/parcel-api", "failed")
		path = "/v1/entities/component/default/parcel-api/builds/42/restart"
		assert through("POST", path).status == 403, "it is of payments"
		answer = through("POST", "/build/42/restart", proxy="/api/proxy/travisci/api")
		assert answer.status == 202, answer
		shown = w.await_state(answer.json()["location"], "built")
		assert shown["entity"] == "component:default/parcel-docs", shown
		assert w.fetched() == ["platform"], w.fetched()


# --- the button ---


def pressed(name):
	"""What README's button says in the end for a component, pressed by the guest."""
	with open(os.path.join(MODULES, "BuildButton.jsx"), "w", encoding="utf-8") as f:
		f.write(readme_block("BuildButton.jsx", "export function BuildButton"))
	done = subprocess.run(["node", "press.js", peer.url, peer.guest(), name], cwd=MODULES,
		capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120, check=False)
	assert done.returncode == 0, done.stderr
	button = json.loads(done.stdout)
	assert button["complaints"] == [], button
	return button["said"]


def test_the_button_of_readme_starts_a_build_and_follows_it(box):
	install()
	with world(box) as w:
		assert pressed("weigh-api") == "Build main built"
		post, = w.calls("POST")
		assert post["body"]["request"]["branch"] == "main", post
		assert {e["actor"] for e in w.audit("build.trigger")} == {GUEST}
		assert pressed("parcel-ui") == "Build main No rule of the policy allows that."
		assert len(w.calls("POST")) == 1


# --- the scaffolder ---


def run_template(template="start-build", **values):
	"""Run the template of README as the guest; how it ended, and what it told."""
	answer = through("POST", "", {"templateRef": "template:default/" + template,
		"values": values}, proxy="/api/scaffolder/v2/tasks")
	assert answer.status == 201, answer
	path = "/api/scaffolder/v2/tasks/" + answer.json()["id"]
	task = wait_until(lambda: (t := through("GET", "", proxy=path).json())["status"] not in
		("open", "processing") and t, "the end of the task", 60)
	return task["status"], through("GET", "", proxy=path + "/events").json()


def test_the_scaffolders_own_token_is_not_the_users(box):
	with world(box) as w:
		status, events = run_template("start-build-bare", name="weigh-api", branch="main")
		assert status == "failed" and "wrong-type" in json.dumps(events), events
		assert w.calls() == []


def test_the_template_of_readme_starts_a_build_for_the_user_who_runs_it(box):
	with world(box) as w:
		status, events = run_template(name="weigh-api", branch="next")
		assert status == "completed", events
		location = events[-1]["body"]["output"]["text"][0]["content"]
		assert w.await_state(location, "built")["principal"] == GUEST
		post, = w.calls("POST")
		assert post["body"]["request"]["branch"] == "next", post
		assert post["authorization"] == "token acme-token", post
		status, events = run_template(name="parcel-ui", branch="main")
		assert status == "failed" and "access-denied" in json.dumps(events), events
		assert len(w.calls("POST")) == 1


def main():
	global peer
	if peers.is_skipped():
		return
	with Peer() as peer:
		peer.write_entities("---\n".join([peer.template() + MORE_ENTITIES, *templates()]))
		peer.env["PEER_PLUGINS"] = " ".join(SCAFFOLDER)
		peer.env["PEER_CONFIG"] = os.path.join(peer.state, "proxy.yaml")
		with open(peer.env["PEER_CONFIG"], "w", encoding="utf-8") as f:
			f.write(proxy_config())
		peer.start("component:default/weigh-api", "component:default/scale-ui",
			"component:default/parcel-docs", "template:default/start-build",
			"template:default/start-build-bare")
		harness.main(globals())


if __name__ == "__main__":
	main()
