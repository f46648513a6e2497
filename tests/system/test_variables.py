#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Secrets that are kept as environment variables in the settings of repositories.

Travis CI and Vault are stand-ins (tests/tools); what that of Vault is worth is judged in
tests/peers.
"""

import contextlib
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools"))
# pylint: disable=wrong-import-position
import harness
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


harness.main(globals())
