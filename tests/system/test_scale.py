#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A catalog of some thousands: what changes in it by the thousand, while webhooks flow."""

import os
import re
import sys
import threading

from harness import main, wait_until

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools"))
from bus_standin import Backstage  # pylint: disable=wrong-import-position,import-error

TOPIC = "stagewire.catalog"
MANY = 3000
STRIDE = 7  # webhooks go to every seventh, again and again


def slug(i):
	return f"acme/Service-{i}"


def claim(backstage, i, state):
	"""Owned by a group of its own, another in each state."""
	backstage.set(f"service-{i}", slug(i), f"group:default/{state}-{i}", f"{state}-{i}")


def large_catalog(box):
	backstage = Backstage()
	box.sinks.append(backstage)
	for i in range(MANY):
		claim(backstage, i, "old")
	daemon = box.daemon()
	daemon.config["backstage"] = {"url": backstage.url, "subscribe": True}
	daemon.config["catalog"] = {"refresh": "1h"}
	daemon.start()
	wait_until(lambda: daemon.ctl("status")["catalog"]["entities"] == MANY
		and backstage.polls > 0, "the catalog")
	wait_until(lambda: daemon.ctl("status")["bus"]["kept"] == 0, "the first reads to end")
	return daemon, backstage


class Webhooks(threading.Thread):
	"""One after the other, until it is left; told[n] is (entity, id of the event)."""

	def __init__(self, daemon):
		super().__init__(daemon=True)
		self.daemon_, self.told, self.ending, self.failed = daemon, [], threading.Event(), None

	def run(self):
		i = 0
		try:
			while not self.ending.is_set():
				self.told.append((i, self.daemon_.accept(slug=slug(i).swapcase())))
				i = (i + STRIDE) % MANY
		except AssertionError as e:
			self.failed = e

	def __enter__(self):
		self.start()
		return self

	def __exit__(self, *_):
		self.ending.set()
		self.join()


def owner_of(event, i):
	"""In which state its one owner is; it must be this entity's and be the same everywhere."""
	owners = set(re.findall(r"group:default/([a-z]+)-([0-9]+)", str(event)))
	assert len(owners) == 1, (i, event)
	(state, number), = owners
	assert int(number) == i and event["ownerref"] == f"group:default/{state}-{i}", (i, event)
	return state


def test_three_thousand_change_owner_while_webhooks_flow(box):
	daemon, backstage = large_catalog(box)
	with Webhooks(daemon) as hooks:
		wait_until(lambda: len(hooks.told) >= 50, "webhooks before")
		for i in range(MANY):
			claim(backstage, i, "new")
			backstage.publish(TOPIC, {"entityRef": f"component:default/service-{i}"})
		wait_until(lambda: sum(len(refs) for refs in backstage.lookups) >= MANY, "the look-ups", 60)
		wait_until(lambda: daemon.ctl("status")["bus"]["kept"] == 0, "all hints to be followed", 60)
		settled = len(hooks.told)
		wait_until(lambda: len(hooks.told) >= settled + 50, "webhooks after")
	assert hooks.failed is None, hooks.failed
	ids = [event for _, event in hooks.told]
	told = {e["id"]: e for e in daemon.wait_recorded(*ids)}
	owners = [owner_of(told[event], i) for i, event in hooks.told]
	assert owners[0] == "old" and set(owners[settled + 1:]) == {"new"}
	assert backstage.reads <= 2, "nothing was read as a whole for it"


def test_a_thousand_changes_leave_the_catalog_as_large_as_it_was(box):
	daemon, backstage = large_catalog(box)

	def index_bytes():
		text = daemon.get("/metrics").body.decode()
		return next(float(line.split()[1]) for line in text.splitlines()
			if line.startswith("stagewire_catalog_bytes "))

	def resident_kb():
		with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as f:
			return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))

	def is_sanitized():
		"""A sanitizer keeps what was freed for a while."""
		with open(f"/proc/{daemon.process.pid}/maps", encoding="ascii") as f:
			return "libasan" in f.read()

	def change_all(state):
		seen = sum(len(refs) for refs in backstage.lookups)
		for i in range(MANY):
			claim(backstage, i, state)
			backstage.publish(TOPIC, {"entityRef": f"component:default/service-{i}"})
		wait_until(lambda: sum(len(refs) for refs in backstage.lookups) >= seen + MANY,
			"the look-ups", 60)
		wait_until(lambda: daemon.ctl("status")["bus"]["kept"] == 0, "the hints", 60)

	for state in ("one", "two"):
		change_all(state)
	before, resident = index_bytes(), resident_kb()
	for state in ("one", "two"):
		change_all(state)
	# The tables of texts may have grown by a little more.
	assert index_bytes() <= before * 1.02, (before, index_bytes())
	assert is_sanitized() or resident_kb() <= resident + 8192, (resident, resident_kb())


if __name__ == "__main__":
	main(globals())
