#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A 202 is a promise that no kill -9 breaks. STAGEWIRE_KILLS says how many times to try."""

import collections
import contextlib
import http.client
import json
import os
import random
import threading
import time

from harness import SOURCE, components, compose_payload, connect, form_encode, main, wait_until

KILLS = int(os.environ.get("STAGEWIRE_KILLS", "10"))
SENDERS = 4


class Load:
	"""Senders that post as fast as they are answered, until the daemon dies."""

	def __init__(self, daemon):
		self.daemon = daemon
		self.promised = {}  # event id -> payload
		self.threads = [threading.Thread(target=self.send, args=(i,)) for i in range(SENDERS)]
		for t in self.threads:
			t.start()

	def send(self, lane):
		with contextlib.closing(connect(self.daemon.hooks)) as c:
			with contextlib.suppress(OSError, http.client.HTTPException):
				while True:
					payload = compose_payload(slug=f"acme/lane-{lane}")
					c.request("POST", f"/hooks/travis/{SOURCE}", body=form_encode(payload), headers={
						"Content-Type": "application/x-www-form-urlencoded",
						"Signature": self.daemon.signer.sign(payload)})
					answer = c.getresponse()
					body = answer.read()
					if answer.status == 202:
						self.promised[body.split(b'"')[3].decode()] = payload

	def join(self):
		for t in self.threads:
			t.join()


def every_item(daemon, path):
	"""All of a list, page by page."""
	items, cursor = [], ""
	while True:
		page = daemon.get(f"{path}limit=1000{cursor}").json()
		items += page["items"]
		if "next" not in page:
			return items
		cursor = f"&cursor={page['next']}"


def every_event(daemon):
	"""The ids of all events in the store."""
	return {item["id"] for item in every_item(daemon, "/v1/events?")}


def outstanding(daemon):
	"""How many deliveries each sink has still to come, of those that have any."""
	return collections.Counter(item["sink"] for item in
		every_item(daemon, "/v1/deliveries?state=pending&"))


def whole_lines(daemon):
	"""What the file sink has. A kill may tear the line being written: its event comes again."""
	events, torn = [], 0
	with open(daemon.record, encoding="utf-8", errors="replace") as f:
		for line in f:
			try:
				events.append(json.loads(line))
			except ValueError:
				torn += 1
	assert torn <= KILLS, f"{torn} torn lines of {KILLS} kills"
	return events


def test_every_202_survives_kill_9_and_is_delivered(box):
	sink = box.sink()
	daemon = box.daemon()
	daemon.use_bus(sink)
	daemon.config["log"]["level"] = "warning"
	daemon.config["sinks"][-1].update(schedule="100ms" + " 200ms" * 30, circuit={"failures": 0})
	daemon.config["sinks"].append({"name": "dead", "type": "backstage-notifications"})
	daemon.config["routes"][0]["to"].append("dead")
	sink.answers["/api/notifications"] = (503, {}, b"")
	daemon.write(daemon.catalog_path,
		components(f"acme/lane-{lane}" for lane in range(SENDERS)))
	dice = random.Random(2)
	promised = {}
	daemon.start()
	for _ in range(KILLS):
		load = Load(daemon)
		time.sleep(dice.uniform(0, 0.25))
		daemon.kill()
		load.join()
		promised.update(load.promised)
		daemon.start()
	assert promised, "no load was made"

	missing = set(promised) - every_event(daemon)
	assert not missing, f"{len(missing)} of {len(promised)} promised events are not in the store"
	# One sink is dead all the time: it has everything still to come, and the others nothing.
	wait_until(lambda: outstanding(daemon).keys() <= {"dead"}, "all deliveries", timeout=120)
	assert outstanding(daemon) == {"dead": len(every_event(daemon))}, outstanding(daemon)

	# Once at least, and a repeat is known by its id: one id never names two events.
	for delivered in (sink.events(), whole_lines(daemon)):
		by_id = {}
		for event in delivered:
			assert by_id.setdefault(event["id"], event) == event, event["id"]
		assert set(promised) <= set(by_id), len(set(promised) - set(by_id))
	repeats = len(sink.events()) - len({e["id"] for e in sink.events()})
	print(f"# {KILLS} kills, {len(promised)} promised, {repeats} delivered to the bus twice")

	# Sent again, each is recognised.
	for event_id, payload in dice.sample(sorted(promised.items()), min(20, len(promised))):
		again = daemon.post(payload).json()
		assert again == {"event": event_id, "result": "duplicate"}, again


if __name__ == "__main__":
	main(globals())
