#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The live catalog and live browsers against a real Backstage, also one that comes and goes."""

import http.server
import json
import os
import re
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import peer as peers  # first: it finds the harness
import harness
from harness import wait_until
from peer import RELAY_TOKEN, RUN, Peer

HERE = os.path.dirname(os.path.abspath(__file__))

TOPIC = "stagewire.catalog"
COMPONENT = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: %(name)s
  annotations: {travis-ci.com/repo-slug: acme/%(name)s}
spec: {type: service, lifecycle: production, owner: %(owner)s}
"""


class Files:
	"""What url locations are read from."""

	def __init__(self):
		files = self.text = {}

		class Handler(http.server.BaseHTTPRequestHandler):
			def do_GET(self):
				body = files.get(self.path)
				self.send_response(404 if body is None else 200)
				self.end_headers()
				self.wfile.write((body or "").encode())

			def log_message(self, *_):
				pass

		self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
		threading.Thread(target=self.server.serve_forever, daemon=True).start()
		self.port = self.server.server_address[1]


class LivePeer(Peer):
	def __init__(self):
		super().__init__()
		self.files = Files()
		self.env["PEER_FILES_PORT"] = str(self.files.port)
		self.port = int(self.env["PEER_PORT"])

	def add_location(self, name, owner):
		"""Register a component; its location's id, once its owner is known."""
		self.files.text[f"/{name}.yaml"] = COMPONENT % {"name": name, "owner": owner}
		_, answer = self.call("POST", "/api/catalog/locations", {"type": "url",
			"target": f"http://127.0.0.1:{self.files.port}/{name}.yaml"})
		wait_until(lambda: self.owners(f"component:default/{name}"), f"{name} in Backstage",
			timeout=60)
		return answer["location"]["id"]

	def remove_location(self, location, name):
		self.call("DELETE", f"/api/catalog/locations/{location}")
		wait_until(lambda: not self.owners(f"component:default/{name}"),
			f"{name} to leave Backstage", timeout=60)

	def owners(self, ref):
		try:
			_, page = self.call("POST", "/api/catalog/entities/by-refs", {"entityRefs": [ref]})
		except (OSError, urllib.error.HTTPError):
			return []
		entity = page["items"][0]
		return [r["targetRef"] for r in (entity or {}).get("relations", [])
			if r["type"] == "ownedBy"]

	def publish(self, topic, payload):
		status, _ = self.call("POST", "/api/events/bus/v1/events",
			{"event": {"topic": topic, "payload": payload}})
		assert status == 201, f"nobody subscribes to {topic}: {status}"

	def pid(self):
		with open(os.path.join(self.state, "backstage.pid"), encoding="ascii") as f:
			return int(f.read().split()[0])

	def answers_empty_404(self):
		"""Is it between opening its port and mounting its routes?"""
		try:
			self.call("GET", "/api/catalog/entities?limit=1")
		except urllib.error.HTTPError as e:
			return e.code == 404 and e.read() == b""
		except OSError:
			return False
		raise AssertionError("its routes are mounted already")

	def unread(self):
		"""Connections on which Backstage has not read what it was sent."""
		here = f"{self.port:04X}"
		with open("/proc/net/tcp", encoding="ascii") as f:
			rows = [line.split() for line in f.readlines()[1:]]
		return sum(r[1].endswith(":" + here) and r[3] == "01" and
			int(r[4].split(":")[1], 16) > 0 for r in rows)


peer = None


def relay(box, refresh="1h", sinks=(), **options):
	"""A stagewired that follows the peer's bus, once it is up to date."""
	daemon = box.daemon()
	token = os.path.join(daemon.dir, "token")
	daemon.write(token, RELAY_TOKEN + "\n")
	os.chmod(token, 0o600)
	daemon.config["backstage"] = {"url": peer.url, "token": {"file": token}, "subscribe": True,
		**options}
	daemon.config["catalog"] = {"refresh": refresh}
	daemon.config["sinks"] += sinks
	daemon.config["routes"][0]["to"] += [s["name"] for s in sinks]
	daemon.start()
	wait_followed(daemon)
	return daemon


def bus(daemon):
	return daemon.ctl("status")["bus"]


def wait_followed(daemon):
	wait_until(lambda: bus(daemon)["subscribed"] and bus(daemon)["kept"] == 0 and
		daemon.ctl("status")["catalog"]["repositories"] >= 2, "the bus and the catalog",
		timeout=90)


def entities(daemon):
	return daemon.ctl("status")["catalog"]["entities"]


def owner_of_build(daemon, slug):
	event = daemon.accept(slug=slug)
	return [e.get("ownerref") for e in daemon.wait_recorded(event) if e["id"] == event][0]


def test_an_entity_comes_and_goes_at_once_without_polling(box):
	daemon = relay(box)
	before, whole = entities(daemon), bus(daemon)["whole_reads_owed"]
	location = peer.add_location("dyn", "payments")
	assert entities(daemon) == before, "nothing has told yet"
	begin = time.monotonic()
	peer.publish(TOPIC, {"entityRef": "component:default/dyn"})
	wait_until(lambda: entities(daemon) == before + 1, "the entity")
	assert time.monotonic() - begin < 2
	assert owner_of_build(daemon, "acme/dyn") == "group:default/payments"

	peer.remove_location(location, "dyn")
	begin = time.monotonic()
	peer.publish(TOPIC, {"entityRef": "Component:default/DYN"})
	wait_until(lambda: entities(daemon) == before, "the removal")
	assert time.monotonic() - begin < 2
	assert bus(daemon)["whole_reads_owed"] == whole, "all of it was by reference"
	assert bus(daemon)["failures"] == 0


def test_a_push_tells_of_a_new_entity_and_of_a_changed_one(box):
	daemon = relay(box, topics=["github.push"], settle="1s")
	before = entities(daemon)
	push = {"ref": "refs/heads/main", "repository": {"full_name": "acme/pushed",
		"default_branch": "main"}, "commits": [{"added": ["catalog-info.yaml"], "modified": [],
		"removed": []}]}
	location = peer.add_location("pushed", "payments")
	peer.publish("github.push", push)
	wait_until(lambda: entities(daemon) == before + 1, "the new entity, by a whole read")
	whole = bus(daemon)["whole_reads_owed"]
	peer.remove_location(location, "pushed")
	peer.publish("github.push", push)
	wait_until(lambda: entities(daemon) == before, "the removal, by reference")
	assert bus(daemon)["whole_reads_owed"] == whole


def test_a_batch_that_another_reader_took_is_healed_by_the_sync(box):
	daemon = relay(box, refresh="3s")
	name = re.search(r"bus\.subscribed id=(\S+)", daemon.log()).group(1)
	before = entities(daemon)
	daemon.signal(signal.SIGSTOP)
	try:
		location = peer.add_location("stolen", "payments")
		peer.publish(TOPIC, {"entityRef": "component:default/stolen"})
		path = f"/api/events/bus/v1/subscriptions/{urllib.parse.quote(name)}/events"
		status, page = peer.call("GET", path)
		assert status == 200 and len(page["events"]) == 1, "the bus gives it away"
	finally:
		daemon.signal(signal.SIGCONT)
	wait_until(lambda: entities(daemon) == before + 1, "the sync")
	assert bus(daemon)["events"] == 0, "the relay never saw it"
	peer.remove_location(location, "stolen")


def test_while_the_database_is_away_the_catalog_stays_and_then_all_is_read(box):
	daemon = relay(box)
	before = entities(daemon)
	peer.run("stop-postgres")
	try:
		wait_until(lambda: not bus(daemon)["subscribed"] and "bus.trouble" in daemon.log(),
			"the bus to fail")
		assert entities(daemon) == before
		assert owner_of_build(daemon, "acme/parcel-api") == "group:default/platform"
	finally:
		peer.run("start-postgres")
	whole = bus(daemon)["whole_reads_owed"]
	wait_followed(daemon)
	assert bus(daemon)["whole_reads_owed"] > whole, "a gap"
	location = peer.add_location("after", "payments")
	peer.publish(TOPIC, {"entityRef": "component:default/after"})
	wait_until(lambda: entities(daemon) == before + 1, "the bus works again")
	peer.remove_location(location, "after")


def test_backstage_killed_in_a_long_poll_costs_nothing(box):
	daemon = relay(box)
	before = entities(daemon)
	os.kill(peer.pid(), signal.SIGKILL)
	wait_until(lambda: not bus(daemon)["subscribed"], "the end of the poll to be seen")
	assert entities(daemon) == before
	peer.edit("owner: platform # of parcel-api", "owner: payments # of parcel-api")
	try:
		peer.run("start-backstage")
		wait_followed(daemon)
		wait_until(lambda: peer.owners("component:default/parcel-api") ==
			["group:default/payments"], "the new owner in Backstage", timeout=60)
		peer.publish(TOPIC, {"entityRef": "component:default/parcel-api"})
		wait_until(lambda: owner_of_build(daemon, "acme/parcel-api") ==
			"group:default/payments", "the new owner in the relay")
		assert entities(daemon) == before
	finally:
		peer.edit("owner: payments # of parcel-api", "owner: platform # of parcel-api")
		wait_until(lambda: peer.owners("component:default/parcel-api") ==
			["group:default/platform"], "the old owner in Backstage", timeout=60)


def test_the_404s_of_a_starting_backstage_delete_nothing(box):
	daemon = relay(box)
	before = entities(daemon)
	peer.run("stop-backstage")
	starter = subprocess.Popen(["bash", RUN, "start-backstage"], env=peer.env,
		stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
	stopped = None
	begin = len(daemon.log())
	try:
		wait_until(peer.answers_empty_404, "an empty 404")
		stopped = peer.pid()
		os.kill(stopped, signal.SIGSTOP)  # so that the moment lasts until the relay has asked
		daemon.restart()
		wait_until(lambda: peer.unread() >= 2, "the relay's requests")
	finally:
		if stopped is not None:
			os.kill(stopped, signal.SIGCONT)
		assert starter.wait(120) == 0
	wait_followed(daemon)
	troubles = [line for line in daemon.log()[begin:].splitlines()
		if "404 unexplained" in line]
	assert troubles, "it met none"
	assert entities(daemon) == before and "removed=1" not in daemon.log()[begin:]


class Listener:
	"""A browser's connection to the signals, signed in with a token or not at all."""

	def __init__(self, channel, token=None):
		self.channel = channel
		self.lines = []
		env = dict(os.environ,
			NODE_PATH=os.path.join(peer.env["PEER_MODULES"], "node_modules"))
		self.process = subprocess.Popen(["node", os.path.join(HERE, "signal_listener.js"),
			peer.url.replace("http", "ws") + "/api/signals", channel, *([token] if token else [])],
			env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
		threading.Thread(target=self.read, daemon=True).start()
		self.fence()

	def read(self):
		for line in self.process.stdout:
			self.lines.append(json.loads(line))

	def messages(self):
		return [line["message"] for line in self.lines if "fence" not in line["message"]]

	def fence(self):
		"""Whatever was sent before has come when this has: a broadcast on its channel."""
		mark = os.urandom(8).hex()

		def came():
			peer.publish("signals", {"channel": self.channel, "recipients": {"type": "broadcast"},
				"message": {"fence": mark}})
			end = time.monotonic() + 0.5
			while time.monotonic() < end and not self.passed(mark):
				time.sleep(0.01)
			return self.passed(mark)
		wait_until(came, "the listener's connection", timeout=60)

	def passed(self, mark):
		return any(line["message"].get("fence") == mark for line in list(self.lines))

	def down(self):
		self.process.stdin.close()
		self.process.wait(10)
		self.process.stdout.close()


def now():
	return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def test_a_signal_reaches_owners_and_a_broadcast_tells_nobody_a_secret(box):
	owner = Listener("stagewire.build", peer.guest())
	stranger = Listener("stagewire.build")
	crowd = Listener("stagewire.changed")
	box.sinks += [owner, stranger, crowd]
	daemon = relay(box, sinks=[{"name": "live", "type": "backstage-signals"},
		{"name": "crowd", "type": "backstage-signals", "channel": "stagewire.changed",
			"broadcast": True}])
	event = daemon.accept(slug="acme/parcel-api", state="failed", finished_at=now(),
		branch="secret-plan", message="secret words")
	message = wait_until(owner.messages, "the owner's signal")[0]
	assert message["id"] == event and message["outcome"] == "failure"
	assert message["entities"] == ["component:default/parcel-api"]
	assert message["branch"] == "secret-plan" and "secret words" not in json.dumps(message)

	# Another's build: the guest owns nothing of it.
	daemon.accept(slug="acme/parcel-ui", finished_at=now())
	changed = wait_until(lambda: len(crowd.messages()) == 2 and crowd.messages(), "broadcasts")
	assert sorted(changed, key=str) == [
		{"type": "changed", "entities": ["component:default/parcel-api"]},
		{"type": "changed", "entities": ["component:default/parcel-ui"]}]
	for listener in (owner, stranger):
		listener.fence()
	assert len(owner.messages()) == 1
	assert stranger.messages() == [], "who is not signed in learns nothing"


def main():
	global peer
	if peers.is_skipped():
		return
	with LivePeer() as peer:
		peer.start_with_platform()
		harness.main(globals())


if __name__ == "__main__":
	main()
