#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Secrets that are kept as environment variables in the settings of repositories.

Travis CI and Vault are stand-ins (tests/tools); what that of Vault is worth is judged in
tests/peers.
"""

import contextlib
import json
import os
import random
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools"))
# pylint: disable=wrong-import-position
import harness
import memory
from bus_standin import Backstage, group
from harness import TOP_SRC, request, wait_until
from vault_standin import VaultStandin

SLUG = "acme/parcel-api"
LIST = "/repo/acme%2Fparcel-api/env_vars"
GROUP = """\
---
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: {name: payments}
spec: {type: team, children: []}
"""


def component(name, slug=SLUG, tags=("rotated",), owner="payments"):
	return f"""\
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: {name}
  tags: [{", ".join(tags)}]
  annotations: {{travis-ci.com/repo-slug: {slug}}}
spec: {{type: service, lifecycle: production, owner: {owner}}}
"""


def make_value():
	return "value-" + os.urandom(16).hex()


class Travis:
	"""The stand-in: a child that prints its port and ends with its input."""

	def __init__(self):
		script = os.path.join(TOP_SRC, "tests", "tools", "travis_standin.py")
		self.process = subprocess.Popen([sys.executable, script], stdin=subprocess.PIPE,
			stdout=subprocess.PIPE)
		self.port = int(self.process.stdout.readline())
		self.url = f"http://127.0.0.1:{self.port}"

	def ask(self, method, path, body=None):
		answer = request(self.port, method, path, body=None if body is None else json.dumps(body))
		assert answer.status == 200, answer
		return answer.json()

	def control(self, **what):
		self.ask("POST", "/_control", what)

	def seen(self):
		return self.ask("GET", "/_seen")

	def writes(self):
		return [c for c in self.seen() if c["method"] != "GET"]

	def variables(self, slug=SLUG):
		"""Name -> value, branches behind an @."""
		kept = self.ask("GET", "/_settings")["settings"].get(slug, [])
		return {v["name"] + ("@" + v["branch"] if v["branch"] else ""): v["value"] for v in kept}

	def check(self):
		"""What never happens, whatever else does."""
		assert self.ask("GET", "/_settings")["overlaps"] == []
		for call in self.seen():
			assert "key_pair" not in call["path"], call
			if call["method"] in ("POST", "PATCH"):
				assert call["body"]["env_var.public"] is False, call

	def down(self):
		if self.process.poll() is None:
			self.process.stdin.close()
			self.process.wait(harness.PATIENCE_S)
			self.process.stdout.close()


class World:
	"""A relay that keeps DEPLOY_TOKEN in the repositories of entities tagged rotated."""

	def __init__(self, box, catalog, refresh, overlap):
		self.travis, self.vault, self.values = Travis(), VaultStandin(), []
		box.sinks += [self.travis, self.vault]
		self.d = box.daemon()
		self.vault.put("travis/payments", {"token": "acme-token"})
		c = self.d.config
		c["secrets"] = [{"name": "vault", "type": "vault", "address": self.vault.url,
			"role_id": self.file("role_id", self.vault.role_id),
			"secret_id": self.file("secret_id", self.vault.secret_id),
			"refresh": refresh, "overlap": overlap, "timeout": "2s"}]
		c["sources"][0].update(api_url=self.travis.url, api_token={
			"vault": "travis/{owner.name}", "field": "token", "provider": "vault"})
		self.entry = {"name": "deploy", "variable": "DEPLOY_TOKEN", "entity": {"tag": ["rotated"]},
			"value": {"vault": "ci/{namespace}/{name}", "field": "deploy", "provider": "vault"}}
		c["variables"] = [self.entry]
		self.catalog(catalog)

	def file(self, name, text):
		"""A file that only we can read, as a reference."""
		path = os.path.join(self.d.dir, name)
		self.d.write(path, text + "\n")
		os.chmod(path, 0o600)
		return {"file": path}

	def catalog(self, *documents):
		self.d.write(self.d.catalog_path, "".join(documents).removeprefix("---\n"))

	def put(self, name="parcel-api", value=None):
		"""A new version in Vault; returns its value."""
		value = value or make_value()
		self.values.append(value)
		self.vault.put("ci/default/" + name, {"deploy": value})
		return value

	def shown(self):
		return self.d.ctl("variables")

	def row(self, **which):
		rows = [r for r in self.shown() if all(r.get(k) == v for k, v in which.items())]
		return rows[0] if rows else None

	def audit(self, action="variable."):
		return [e for e in self.d.ctl("audit") if e["action"].startswith(action)]

	def wait_variables(self, wanted, slug=SLUG):
		return wait_until(lambda: self.travis.variables(slug) == wanted, f"{wanted} in {slug}")

	def wait_state(self, state, **which):
		return wait_until(lambda: (r := self.row(**which)) and r["state"] == state and r,
			f"{which} is {state}")


@contextlib.contextmanager
def world(box, *documents, refresh="1s", overlap="1h"):
	w = World(box, "".join(documents) or GROUP + component("parcel-api"), refresh, overlap)
	yield w
	w.travis.check()
	# No value, and no token, is in anything that the relay leaves behind.
	if w.d.process is not None:
		assert w.d.stop() == 0
	for folder, _, names in os.walk(w.d.dir):
		for name in names:
			with open(os.path.join(folder, name), "rb") as f:
				text = f.read()
			for value in w.values + ["acme-token"]:
				assert value.encode() not in text, f"{value} in {name}"


# --- what is written ---


def test_a_value_is_written_when_it_is_new_and_when_it_changes(box):
	with world(box) as w:
		first = w.put()
		w.d.start()
		w.wait_variables({"DEPLOY_TOKEN": first})
		second = w.put()
		w.wait_variables({"DEPLOY_TOKEN": second})
		w.wait_state("pushed", version="2")
		assert [(c["method"], c["authorization"]) for c in w.travis.writes()] == [
			("POST", "token acme-token"), ("PATCH", "token acme-token")], w.travis.writes()
		entries = w.audit()
		assert [e["reason"] for e in entries] == ["created", "replaced"], entries
		assert all(e["rule"] == "deploy" and e["repository"] == SLUG and e["owners"] ==
			["group:default/payments"] and e["entities"] == ["component:default/parcel-api"]
			for e in entries), entries
		assert "version=2" in entries[1]["detail"] and "DEPLOY_TOKEN" in entries[1]["detail"]


def test_a_restart_writes_nothing_that_is_there(box):
	with world(box) as w:
		first = w.put()
		w.d.start()
		w.wait_state("pushed")
		w.d.restart()
		w.wait_state("pushed")
		wait_until(lambda: len([c for c in w.travis.seen() if c["method"] == "GET"]) == 2,
			"it is looked whether it is there")
		assert len(w.travis.writes()) == 1
		w.d.stop()
		second = w.put()
		w.d.start()
		w.wait_variables({"DEPLOY_TOKEN": second})
		assert first != second and len(w.travis.writes()) == 2


def test_a_reload_asks_for_the_value_of_now(box):
	with world(box, refresh="1d") as w:
		w.put()
		w.d.start()
		w.wait_state("pushed")
		second = w.put()
		w.d.reload()
		w.wait_variables({"DEPLOY_TOKEN": second})


def test_what_others_have_under_that_name_is_replaced_and_nothing_else(box):
	with world(box) as w:
		for variable in ({"name": "DEPLOY_TOKEN", "value": "old"},
				{"name": "DEPLOY_TOKEN", "value": "theirs", "branch": "next"},
				{"name": "DEPLOY", "value": "theirs", "public": True}):
			w.travis.control(variable={"slug": SLUG, **variable})
		value = w.put()
		w.d.start()
		w.wait_variables({"DEPLOY_TOKEN": value, "DEPLOY_TOKEN@next": "theirs", "DEPLOY": "theirs"})
		w.wait_state("pushed")
		assert [c["method"] for c in w.travis.writes()] == ["PATCH"]


def test_one_that_is_missing_public_or_replaced_is_written_again(box):
	with world(box) as w:
		w.entry["check"] = "1s"
		value = w.put()
		w.d.start()
		w.wait_variables({"DEPLOY_TOKEN": value})
		w.travis.control(without={"slug": SLUG, "name": "DEPLOY_TOKEN"})
		w.wait_variables({"DEPLOY_TOKEN": value})
		w.travis.control(variable={"slug": SLUG, "name": "DEPLOY_TOKEN", "value": "another"})
		w.wait_variables({"DEPLOY_TOKEN": value})
		w.wait_state("pushed")
		w.travis.control(public={"slug": SLUG, "name": "DEPLOY_TOKEN"})
		wait_until(lambda: not w.travis.ask("GET", "/_settings")["settings"][SLUG][0]["public"],
			"it is private again")


def test_a_job_has_the_value_as_it_is_and_its_branch(box):
	value = "it's $HOME `id` \"\\ two\nlines \u20ac"
	with world(box) as w:
		w.values.append("two\nlines")
		w.vault.put("ci/default/parcel-api", {"deploy": value})
		w.entry["branch"] = "release/1"
		w.d.start()
		word = wait_until(lambda: w.travis.variables().get("DEPLOY_TOKEN@release/1"), "the variable")
		job = subprocess.run(["sh", "-c", f"export V={word}\nprintf %s \"$V\""],
			capture_output=True, check=True)
		assert job.stdout.decode() == value, job


def test_a_value_may_be_on_this_host(box):
	with world(box) as w:
		value = make_value()
		w.values.append(value)
		w.entry["value"] = w.file("deploy", value)
		w.d.config["sources"][0]["api_token"] = token = w.file("token", "acme-token")
		w.d.start()
		w.wait_variables({"DEPLOY_TOKEN": value})
		second = make_value()
		w.values.append(second)
		w.file("deploy", second)
		w.d.reload()
		w.wait_variables({"DEPLOY_TOKEN": second})
		os.unlink(token["file"])
		third = make_value()
		w.values.append(third)
		w.file("deploy", third)
		w.d.reload()
		assert "No such file" in w.wait_state("failing")["trouble"]
		w.file("token", "acme-token")
		w.d.reload()
		w.wait_variables({"DEPLOY_TOKEN": third})
		os.unlink(token["file"])
		os.unlink(w.entry["value"]["file"])


# --- whose ---


def test_only_entities_that_are_chosen_and_have_an_owner_have_it(box):
	with world(box, GROUP, component("parcel-api"), component("plain", "acme/plain", tags=()),
			component("orphan", "acme/orphan", owner="nobody")) as w:
		for name in ("plain", "orphan"):
			w.put(name)
		w.wait = w.put()
		w.d.start()
		w.wait_state("pushed")
		assert [r["entity"] for r in w.shown()] == ["component:default/parcel-api"]
		assert {c["path"] for c in w.travis.seen()} == {LIST}
		for name in ("plain", "orphan"):
			assert w.vault.count("secret/data/ci/default/" + name) == 0, "no secret is fetched"


def test_who_wants_it_no_more_is_left_alone(box):
	with world(box) as w:
		first = w.put()
		w.d.start()
		w.wait_state("pushed")
		w.catalog(GROUP, component("parcel-api", tags=()))
		w.d.reload()
		w.wait_state("left", repository=SLUG, variable="DEPLOY_TOKEN", version="1")
		entry = wait_until(lambda: w.audit("variable.leave"), "an entry")[0]
		assert entry["entities"] == ["component:default/parcel-api"] and entry["rule"] == "deploy"
		asked = w.vault.count("secret/data/ci/default/parcel-api")
		w.put()
		w.catalog(GROUP, component("parcel-api", tags=()), component("weigh-api", "acme/weigh-api"))
		w.put("weigh-api")
		w.d.reload()
		w.wait_state("pushed", repository="acme/weigh-api")
		assert w.travis.variables() == {"DEPLOY_TOKEN": first}
		assert w.vault.count("secret/data/ci/default/parcel-api") == asked


def test_each_repository_is_asked_with_its_owners_token(box):
	others = GROUP.replace("payments", "logistics")
	with world(box, GROUP, others, component("parcel-api"),
			component("stowage", "other/stowage", owner="logistics")) as w:
		w.vault.put("travis/logistics", {"token": "other-token"})
		values = w.put(), w.put("stowage")
		w.d.start()
		w.wait_variables({"DEPLOY_TOKEN": values[0]})
		w.wait_variables({"DEPLOY_TOKEN": values[1]}, "other/stowage")
		assert {(c["path"].split("%2F")[0], c["authorization"]) for c in w.travis.seen()} == {
			("/repo/acme", "token acme-token"), ("/repo/other", "token other-token")}


def test_of_two_that_want_one_place_the_first_keeps_it_and_it_is_told(box):
	with world(box, GROUP, component("parcel-api"), component("parcel-ui")) as w:
		value = w.put()
		w.put("parcel-ui")
		w.d.start()
		w.wait_state("pushed", entity="component:default/parcel-api")
		rival = w.wait_state("rival", entity="component:default/parcel-ui")
		assert "component:default/parcel-api" in rival["trouble"], rival
		assert w.travis.variables() == {"DEPLOY_TOKEN": value}
		w.catalog(GROUP, component("parcel-ui"))
		w.d.reload()
		w.wait_variables({"DEPLOY_TOKEN": w.values[1]})


def test_an_entity_without_a_secret_is_shown_and_told_of(box):
	with world(box) as w:
		w.d.config["routes"].append({"name": "operators", "to": ["record"],
			"when": {"type": ["dev.stagewire.operator.*"]}})
		w.d.start()
		assert "404" in w.wait_state("no-value")["trouble"]
		events = wait_until(lambda: [e for e in w.d.recorded() if e["subject"] == "variables/deploy"],
			"the alarm")
		assert events[0]["type"] == "dev.stagewire.operator.variable.trouble", events
		assert w.travis.seen() == []
		assert "stagewire_variables_in_trouble 1" in w.d.get("/metrics").body.decode()
		w.put()
		w.wait_state("pushed")
		wait_until(lambda: any(e["type"] == "dev.stagewire.operator.variable.recovered"
			for e in w.d.recorded()), "its end")


# --- one at a time ---


def test_the_stand_in_tells_of_two_changes_at_a_time(box):
	travis = Travis()
	box.sinks.append(travis)
	travis.control(slow=0.5)

	def add(name):
		request(travis.port, "POST", LIST, body=json.dumps({"env_var.name": name,
			"env_var.value": "v"}), headers={"Authorization": "token acme-token",
			"Travis-API-Version": "3"})

	both = [threading.Thread(target=add, args=(name,)) for name in ("A", "B")]
	for one in both:
		one.start()
	for one in both:
		one.join()
	assert travis.ask("GET", "/_settings")["overlaps"] == [SLUG]
	assert len(travis.variables()) == 1, "and one is lost, as at the real one"


def test_the_variables_of_a_repository_are_written_one_after_the_other(box):
	names = [f"part-{i}" for i in range(4)]
	with world(box, GROUP, *[component(n) for n in names],
			*[component(f"own-{i}", f"acme/own-{i}") for i in range(3)]) as w:
		w.d.config["variables"] = [{**w.entry, "name": n, "variable": n.upper().replace("-", "_"),
			"entity": {"name": [n]}} for n in names] + [{**w.entry, "entity": {"name": ["own-*"]}}]
		wanted = {n.upper().replace("-", "_"): w.put(n) for n in names}
		own = [w.put(f"own-{i}") for i in range(3)]
		w.travis.control(slow=0.1)
		w.d.start()
		w.wait_variables(wanted)
		for i, value in enumerate(own):
			w.wait_variables({"DEPLOY_TOKEN": value}, f"acme/own-{i}")
		wanted = {n.upper().replace("-", "_"): w.put(n) for n in names}
		w.wait_variables(wanted)


def test_travis_is_not_written_to_more_often_than_it_bears(box):
	"""40 POSTs in half a minute, of which 10 are left to those who start builds."""
	names = [f"c-{i}" for i in range(35)]
	with world(box, GROUP, *[component(n, f"acme/{n}") for n in names], refresh="1d") as w:
		for n in names:
			w.put(n)
		w.d.start()
		wait_until(lambda: [r["state"] for r in w.shown()].count("pushed") == 30, "the first 30")
		assert len(w.travis.writes()) == 30
		rest = [r["state"] for r in w.shown() if r["state"] != "pushed"]
		assert len(rest) == 5 and set(rest) <= {"due", "pushing"}, rest


# --- the value before ---


def test_the_value_before_goes_on_in_a_variable_of_its_own_and_ends(box):
	with world(box, overlap="4s") as w:
		w.entry["previous"] = "DEPLOY_TOKEN_PREVIOUS"
		first = w.put()
		w.d.start()
		w.wait_variables({"DEPLOY_TOKEN": first})
		assert w.wait_state("absent", variable="DEPLOY_TOKEN_PREVIOUS")
		second = w.put()
		w.wait_variables({"DEPLOY_TOKEN": second, "DEPLOY_TOKEN_PREVIOUS": first})
		w.wait_variables({"DEPLOY_TOKEN": second})
		wrote = [(c["method"], (c["body"] or {}).get("env_var.name")) for c in w.travis.writes()]
		assert wrote == [("POST", "DEPLOY_TOKEN"), ("POST", "DEPLOY_TOKEN_PREVIOUS"),
			("PATCH", "DEPLOY_TOKEN"), ("DELETE", None)], wrote
		wait_until(lambda: w.audit("variable.remove"), "an entry")


def test_the_new_value_waits_until_the_old_one_is_kept(box):
	with world(box) as w:
		w.entry["previous"] = "DEPLOY_TOKEN_PREVIOUS"
		first = w.put()
		w.d.start()
		w.wait_state("pushed", variable="DEPLOY_TOKEN")
		w.travis.control(fail=[422])
		second = w.put()
		w.wait_state("failing", variable="DEPLOY_TOKEN_PREVIOUS")
		assert w.travis.variables() == {"DEPLOY_TOKEN": first}
		w.d.reload()
		w.wait_variables({"DEPLOY_TOKEN": second, "DEPLOY_TOKEN_PREVIOUS": first})


def test_a_previous_one_that_is_somebody_elses_is_not_removed(box):
	with world(box, overlap="4s") as w:
		w.entry["previous"] = "DEPLOY_TOKEN_PREVIOUS"
		w.put()
		w.d.start()
		w.wait_state("pushed", variable="DEPLOY_TOKEN")
		second = w.put()
		w.wait_state("pushed", variable="DEPLOY_TOKEN_PREVIOUS")
		w.travis.control(variable={"slug": SLUG, "name": "DEPLOY_TOKEN_PREVIOUS", "value": "theirs"})
		w.wait_state("absent", variable="DEPLOY_TOKEN_PREVIOUS")
		assert w.travis.variables() == {"DEPLOY_TOKEN": second, "DEPLOY_TOKEN_PREVIOUS": "theirs"}


# --- what goes wrong ---


def test_a_kill_while_it_is_written_is_made_good(box):
	with world(box) as w:
		w.travis.control(slow=1)
		w.put()
		w.d.start()
		wait_until(w.travis.writes, "it is being written")
		w.d.kill()
		w.travis.control(slow=0)
		w.d.start()
		w.wait_state("due")
		w.wait_state("pushed")
		w.wait_variables({"DEPLOY_TOKEN": w.values[0]})
		assert [c["method"] for c in w.travis.writes()] == ["POST", "PATCH"]


def test_an_answer_that_is_lost_is_asked_for_by_writing_again(box):
	with world(box) as w:
		w.travis.control(fail=["reset"])
		value = w.put()
		w.d.start()
		w.wait_state("pushed")
		assert w.travis.variables() == {"DEPLOY_TOKEN": value}
		assert [c["method"] for c in w.travis.writes()] == ["POST", "PATCH"]


def test_what_is_there_meanwhile_is_looked_for_again(box):
	with world(box) as w:
		w.travis.control(fail=[409])
		value = w.put()
		w.d.start()
		w.wait_variables({"DEPLOY_TOKEN": value})
		w.travis.control(fail=[404])
		value = w.put()
		w.wait_variables({"DEPLOY_TOKEN": value})
		assert "variable.fail" not in w.d.log()


def test_what_may_pass_is_tried_again_and_no_trouble_at_first(box):
	with world(box) as w:
		w.travis.control(fail_lists=[502], fail=[503])
		value = w.put()
		w.d.start()
		w.wait_variables({"DEPLOY_TOKEN": value})
		assert "trouble" not in w.wait_state("pushed")
		assert [e["outcome"] for e in w.audit()] == ["success"]


def test_what_travis_refuses_is_told_and_mended_by_a_reload(box):
	with world(box, GROUP, component("parcel-api", "other/thing")) as w:
		w.put()
		w.d.start()
		assert "not_found" in w.wait_state("failing")["trouble"]
		entry, = w.audit()
		assert entry["outcome"] == "failure" and "not_found" in entry["detail"], entry
		assert w.travis.writes() == []
		w.vault.put("travis/payments", {"token": "other-token"})
		w.d.reload()
		wait_until(lambda: w.d.reload() and w.row()["state"] == "pushed", "the new token is used")


def test_a_token_that_travis_does_not_take_is_fetched_anew(box):
	with world(box, refresh="1d") as w:
		w.vault.put("travis/payments", {"token": "wrong"})
		value = w.put()
		w.d.start()
		wait_until(lambda: "variable.fail" in w.d.log(), "the first try")
		w.vault.put("travis/payments", {"token": "acme-token"})
		w.wait_variables({"DEPLOY_TOKEN": value})


def test_while_travis_says_so_it_is_left_alone(box):
	with world(box) as w:
		w.travis.control(fail=["limit"])
		w.put()
		w.d.start()
		line = wait_until(lambda: [x for x in w.d.log().splitlines() if "variable.fail" in x],
			"the refusal")[0]
		assert "wait_ms=60000" in line and "429" in line, line
		assert len(w.travis.writes()) == 1


def test_a_banned_token_is_shown_to_travis_for_no_other_repository(box):
	with world(box, GROUP, component("parcel-api")) as w:
		w.travis.control(fail_lists=["banned"])
		w.put()
		w.d.start()
		wait_until(lambda: "variable.fail" in w.d.log(), "the ban")
		w.put("weigh-api")
		w.catalog(GROUP, component("parcel-api"), component("weigh-api", "acme/weigh-api"))
		w.d.reload()
		wait_until(lambda: [r["state"] for r in w.shown()] == ["due", "due"], "both wait")
		assert len(w.travis.seen()) == 1


def test_while_the_catalog_is_too_old_nothing_is_written(box):
	with world(box) as w:
		backstage = Backstage()
		box.sinks.append(backstage)
		backstage.add(group("payments"))
		backstage.set("parcel-api", SLUG, "group:default/payments", "1")
		w.entry["entity"] = {"kind": ["component"]}
		w.d.config["backstage"] = {"url": backstage.url}
		w.d.config["catalog"] = {"refresh": "1s"}
		w.d.config["access"] = {"catalog_max_age": "2s"}
		first = w.put()
		w.d.start()
		w.wait_variables({"DEPLOY_TOKEN": first})
		backstage.unlisted = 503
		wait_until(lambda: w.d.ctl("policy", "explain", "component:default/parcel-api",
			"--principal", "user:default/a")["reason"] == "stale-catalog", "the catalog is old")
		second = w.put()
		w.wait_state("due", version="1")
		assert w.travis.variables() == {"DEPLOY_TOKEN": first}
		backstage.unlisted = None
		w.wait_variables({"DEPLOY_TOKEN": second})


def test_an_entity_that_changes_hands_while_it_is_due_is_asked_about_no_more(box):
	with world(box) as w:
		w.travis.control(fail=[503])
		w.put()
		w.d.start()
		wait_until(lambda: "variable.fail" in w.d.log(), "the first try")
		seen = len(w.travis.seen())
		w.catalog(component("parcel-api"))  # its owner is gone
		w.d.reload()
		w.wait_state("left")  # for all that is known, the answer 503 may have come too late
		assert len(w.travis.seen()) == seen and w.travis.variables() == {}


def test_a_stop_waits_for_what_is_being_written(box):
	with world(box) as w:
		w.travis.control(slow=1)
		value = w.put()
		w.d.start()
		wait_until(w.travis.writes, "it is being written")
		w.d.restart()
		assert w.travis.variables() == {"DEPLOY_TOKEN": value}
		w.wait_state("pushed")
		assert len(w.travis.writes()) == 1


class Mishaps:
	"""Whatever may happen, by chance."""

	NAMES = ("ant", "bee", "cat", "dog")

	def __init__(self, w, dice):
		self.w, self.dice = w, dice
		self.live = {}  # name -> the values of now and before

	def documents(self):
		"""Two entities for each of two repositories, each with a variable of its own."""
		return [GROUP] + [component(n, f"acme/{'low' if n < 'c' else 'high'}",
			tags=(n,) if self.dice.random() < 0.8 else ()) for n in self.NAMES]

	def rotate(self):
		name = self.dice.choice(self.NAMES)
		self.live.setdefault(name, []).append(self.w.put(name))

	def reload(self):
		self.w.catalog(*self.documents())
		self.w.d.reload()

	def kill(self):
		self.w.d.kill()
		self.w.d.start()

	def fail(self):
		self.w.travis.control(fail=[self.dice.choice([503, 404, 409, 422, "reset"])])

	def fail_list(self):
		self.w.travis.control(fail_lists=[self.dice.choice([502, 404])])

	def hasten(self):
		self.w.travis.control(slow=self.dice.choice([0, 0.05, 0.2]))

	def meddle(self):
		self.w.travis.control(without={"slug": "acme/low", "name": "ANT"})

	def one(self):
		acts = [self.rotate] * 4 + [self.reload] * 2 + [self.fail, self.fail, self.fail_list,
			self.hasten, self.meddle, self.kill]
		self.dice.choice(acts)()


def test_whatever_happens_each_variable_ends_with_the_value_of_now(box):
	"""STAGEWIRE_MISHAPS=N and STAGEWIRE_SEED=N make more of it, and the same again."""
	seed = int(os.environ.get("STAGEWIRE_SEED", random.randrange(1 << 30)))
	print("# seed", seed)
	with world(box) as w:
		m = Mishaps(w, random.Random(seed))
		w.d.config["variables"] = [{**w.entry, "name": n, "variable": n.upper(), "check": "1s",
			"entity": {"tag": [n]}} for n in m.NAMES]
		for name in m.NAMES:
			m.live[name] = [w.put(name)]
		w.d.start()
		for _ in range(int(os.environ.get("STAGEWIRE_MISHAPS", "30"))):
			m.one()
		w.travis.control(slow=0)
		w.catalog(GROUP, *[component(n, f"acme/{'low' if n < 'c' else 'high'}", tags=(n,))
			for n in m.NAMES])

		def is_right():
			have = {**w.travis.variables("acme/low"), **w.travis.variables("acme/high")}
			return have == {n.upper(): m.live[n][-1] for n in m.NAMES}

		# A reload tries again at once what failed.
		wait_until(lambda: w.d.reload() and is_right(), "all as they should be", timeout=60)


# --- what is left in memory ---


def test_memory_has_no_value_but_the_live_one(box):
	with world(box, overlap="0s") as w:
		first = w.put()
		w.d.start()
		w.wait_state("pushed", version="1")
		memory.need_access(w.d.process.pid)
		second = w.put()
		w.wait_state("pushed", version="2")
		found = memory.copies(w.d.process.pid, {"old": first, "live": second})
		print("# copies:", found)
		assert found == {"old": 0, "live": 1}, found


harness.main(globals())
