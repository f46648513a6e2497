#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ownership in time and authors against a real Backstage: entities come, change hands, are
orphaned, go and come again; a commit's author is told, and told once."""

import http.server
import json
import os
import subprocess
import threading
import time

import test_backstage as backstage  # first: it finds the harness
import harness
from harness import seconds, wait_until
from test_backstage import settled

OTHER = "component:default/bystander"
PLATFORM, PAYMENTS = "group:default/platform", "group:default/payments"

# What a real catalog takes its time for: a round of processing, an orphan's end.
SLOW_S = 90


def component(name, owner):
	return f"""\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {{name: {name}, annotations: {{travis-ci.com/repo-slug: acme/{name}}}}}
spec: {{type: service, lifecycle: production, owner: {owner}}}
"""


class Location:
	"""A location of Backstage's catalog: a file that is served from here."""

	def __init__(self, *documents):
		location = self

		class Handler(http.server.BaseHTTPRequestHandler):
			def do_GET(self):
				body = location.text.encode()
				self.send_response(200)
				self.send_header("Content-Type", "text/yaml")
				self.send_header("Content-Length", str(len(body)))
				self.end_headers()
				self.wfile.write(body)

			def log_message(self, *_):
				pass

		self.set(*documents)
		port = int(backstage.peer.env["PEER_FILES_PORT"])
		self.target = f"http://127.0.0.1:{port}/{time.monotonic_ns()}.yaml"
		self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
		self.server.daemon_threads = True
		threading.Thread(target=self.server.serve_forever, daemon=True).start()
		self.id = None

	def set(self, *documents):
		self.text = "---\n".join(documents)

	def register(self):
		_, answer = backstage.peer.call("POST", "/api/catalog/locations",
			{"type": "url", "target": self.target})
		self.id = answer["location"]["id"]

	def unregister(self):
		if self.id is not None:
			backstage.peer.call("DELETE", f"/api/catalog/locations/{self.id}")
			self.id = None

	def close(self):
		self.unregister()
		self.server.shutdown()
		self.server.server_close()


def refresh(ref):
	"""Let Backstage read an entity's location again now."""
	backstage.peer.call("POST", "/api/catalog/refresh", {"entityRef": ref})


def history(daemon, ref):
	done = subprocess.run([harness.STAGEWIRECTL, "--socket", daemon.socket, "--json", "catalog",
		"show", ref], capture_output=True, text=True, timeout=harness.PATIENCE_S, check=False)
	return json.loads(done.stdout)["history"][::-1] if done.returncode == 0 else []


def wait_change(daemon, ref, rows, what):
	return wait_until(lambda: len(history(daemon, ref)) >= rows and history(daemon, ref), what,
		timeout=SLOW_S)


def ref_of(name):
	return f"component:default/{name}"


def test_owners_there_and_back_an_orphan_and_a_new_uid_are_told(box):
	name = f"comet-{os.getpid()}"
	ref = ref_of(name)
	daemon = backstage.relay(box)
	wait_until(lambda: history(daemon, ref_of("parcel-api")), "the record's beginning")
	location = Location(component(name, "platform"), component("bystander", "platform"))
	try:
		location.register()
		wait_change(daemon, ref, 1, "the entity")
		location.set(component(name, "payments"), component("bystander", "platform"))
		refresh(ref)
		wait_change(daemon, ref, 2, "the other owner")
		location.set(component(name, "platform"), component("bystander", "platform"))
		refresh(ref)
		wait_change(daemon, ref, 3, "the first owner again")
		location.set(component("bystander", "platform"))
		refresh(OTHER)
		wait_change(daemon, ref, 4, "the orphan")
		wait_change(daemon, ref, 5, "its end")
		location.set(component(name, "payments"), component("bystander", "platform"))
		refresh(OTHER)
		wait_change(daemon, ref, 6, "the entity again")
		location.unregister()
		rows = wait_change(daemon, ref, 7, "its second end")
	finally:
		location.close()
	assert [r["change"] for r in rows] == ["added", "owners", "owners", "orphaned", "removed",
		"added", "removed"], rows
	assert [r["owners"] for r in rows] == [[PLATFORM], [PAYMENTS], [PLATFORM], [PLATFORM], [],
		[PAYMENTS], []], rows
	assert len({r["uid"] for r in rows[:4]}) == 1 and rows[5]["uid"] != rows[0]["uid"], rows
	for row in rows:
		then = daemon.ctl("catalog", "owners", ref, "--at", row["since"])
		assert then["certain"] and then["present"] != row["gone"], (row, then)
		assert then.get("owners", []) == row["owners"], (row, then)
	# Until the change may have begun, nothing but the state before is claimed.
	for before, after in zip(rows, rows[1:]):
		assert seconds(before["not_before"]) < seconds(after["not_before"]), (before, after)
		assert seconds(after["not_before"]) < seconds(after["since"]), after
		then = daemon.ctl("catalog", "owners", ref, "--at",
			max(before["since"], after["not_before"], key=seconds))
		assert then["certain"] and then.get("owners", []) == before["owners"], (after, then)
	assert not daemon.ctl("catalog", "owners", ref, "--at", rows[0]["not_before"])["present"]
	changes = [e["reason"] for e in daemon.ctl("audit") if e["action"] == "ownership.change"
		and e["entities"] == [ref]]
	assert changes == [r["change"] for r in rows], changes


def told_of(name):
	return [n for n in backstage.peer.notifications() if name in n["payload"]["title"]]


def build(daemon, slug, number, **overrides):
	owner, name = slug.split("/")
	return daemon.accept(repository={"id": 4000 + number, "name": name, "owner_name": owner,
		"url": None}, branch="main", id=60000 + number, number=str(number), state="failed",
		started_at="2026-11-24T08:00:00Z", finished_at="2026-11-24T08:05:00Z", **overrides)


def test_an_author_is_told_and_an_owner_who_is_author_once(box):
	with open(backstage.peer.entities(), encoding="utf-8") as f:
		assert "name: guest" in f.read()
	backstage.peer.edit("metadata: {name: guest}\nspec:\n",
		"metadata: {name: guest}\nspec:\n  profile: {email: Guest@Example.com}\n")
	daemon = backstage.relay(box)
	daemon.config["routes"] = [
		{"name": "all", "address": ["owner", "author"], "to": ["record", "notify"]}]
	daemon.write_config()
	assert " reload " in daemon.reload()

	def author_of(slug, number):
		event = build(daemon, slug, number, author_email="guest@example.com")
		found = [e for e in daemon.wait_recorded(event) if e["id"] == event][0]
		return found["data"]["customData"]["stagewire"]["correlation"].get("author")
	numbers = iter(range(1, 1000))
	wait_until(lambda: author_of("acme/parcel-ui", next(numbers)) == "user:default/guest",
		"the author", timeout=SLOW_S)

	# alice owns parcel-ui, and the guest is told as its author.
	event = build(daemon, "acme/parcel-ui", 1500, author_email="GUEST@example.com")
	rows = {r["sink"]: r["state"] for r in settled(daemon, event)}
	assert rows["notify"] == "done", rows
	assert [n for n in told_of("parcel-ui") if "1500" in n["payload"]["title"]], told_of("parcel-ui")

	# The guest's team owns parcel-api: both at once are one notification.
	event = build(daemon, "acme/parcel-api", 1501, author_email="guest@example.com")
	rows = {r["sink"]: r["state"] for r in settled(daemon, event)}
	assert rows["notify"] == "done", rows
	assert len([n for n in told_of("parcel-api") if "1501" in n["payload"]["title"]]) == 1

	# Of a stranger's build of parcel-ui the guest hears nothing.
	event = build(daemon, "acme/parcel-ui", 1502, author_email="stranger@example.com")
	settled(daemon, event)
	assert not [n for n in told_of("parcel-ui") if "1502" in n["payload"]["title"]]


if __name__ == "__main__":
	backstage.main(globals())
