#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The live catalog: what a stand-in for Backstage's event bus publishes is read again at once."""

import os
import sys
import time

from harness import main, wait_until

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools"))
from bus_standin import Backstage  # pylint: disable=wrong-import-position,import-error

SLUG = "acme/parcel-api"
REF = "component:default/parcel-api"
TOPIC = "stagewire.catalog"


def live_daemon(box, refresh="1h", **options):
	backstage = Backstage()
	box.sinks.append(backstage)
	backstage.set("parcel-api", SLUG, "group:default/payments", "e1")
	daemon = box.daemon()
	daemon.config["backstage"] = {"url": backstage.url, "subscribe": True, **options}
	daemon.config["catalog"] = {"refresh": refresh}
	daemon.start()
	wait_until(lambda: bus(daemon)["subscribed"] and daemon.ctl("status")["catalog"]["loaded"]
		and backstage.polls > 0, "the subscription and the catalog")
	wait_until(lambda: not reading(backstage), "the first reads to end")
	return daemon, backstage


def bus(daemon):
	return daemon.ctl("status")["bus"]


def reading(backstage):
	"""Did the number of whole reads grow within a moment?"""
	before = backstage.reads
	deadline = time.monotonic() + 0.5
	while time.monotonic() < deadline:
		if backstage.reads != before:
			return True
		time.sleep(0.02)
	return False


def owners(daemon):
	"""The owners that a build of the moment is told to have."""
	event = daemon.accept()
	return [e for e in daemon.wait_recorded(event) if e["id"] == event][-1]


def test_a_hint_changes_the_owner_at_once_without_a_whole_read(box):
	daemon, backstage = live_daemon(box)
	assert "group:default/payments" in str(owners(daemon))
	reads = backstage.reads
	begin = time.monotonic()
	backstage.set("parcel-api", SLUG, "group:default/logistics", "e2")
	backstage.publish(TOPIC, {"entityRef": "Component:default/Parcel-API"})
	wait_until(lambda: backstage.lookups == [[REF]], "the look-up")
	wait_until(lambda: "added=0 changed=1 removed=0" in daemon.log(), "the change")
	assert time.monotonic() - begin < 2
	assert "group:default/logistics" in str(owners(daemon))
	assert backstage.reads == reads


def test_only_a_null_by_reference_removes_an_entity(box):
	daemon, backstage = live_daemon(box)
	backstage.publish(TOPIC, {"entityRef": REF, "action": "deleted"})
	wait_until(lambda: len(backstage.lookups) == 1, "the look-up of what is still there")
	assert daemon.ctl("status")["catalog"]["entities"] == 1
	del backstage.catalog[REF]
	backstage.publish(TOPIC, {"entityRef": REF, "action": "deleted"})
	wait_until(lambda: daemon.ctl("status")["catalog"]["entities"] == 0, "the removal")


def test_a_lost_batch_is_healed_by_a_whole_read(box):
	daemon, backstage = live_daemon(box)
	backstage.lose = 1
	backstage.set("parcel-api", SLUG, "group:default/logistics", "e2")
	backstage.publish(TOPIC, {"entityRef": REF})
	wait_until(lambda: backstage.lost == 1, "the loss")
	wait_until(lambda: "changed=1" in daemon.log(), "the healing")
	assert backstage.lookups == []  # nobody was told which entity it was
	assert "group:default/logistics" in str(owners(daemon))
	assert bus(daemon)["failures"] == 1


def test_a_forgotten_subscription_is_put_again_and_the_catalog_read(box):
	daemon, backstage = live_daemon(box, topics=["one", "two"])
	reads = backstage.reads
	backstage.gone = True
	backstage.publish("one", {"no": "reference"})  # ends the poll
	wait_until(lambda: len(backstage.puts) == 2, "the second PUT")
	assert backstage.puts[0] == backstage.puts[1]
	assert backstage.puts[0][1] == ["one", "two"]
	wait_until(lambda: backstage.reads > reads, "the whole read")
	wait_until(lambda: bus(daemon)["subscribed"], "the subscription")


def test_what_repeats_every_round_is_looked_up_once(box):
	daemon, backstage = live_daemon(box)
	for _ in range(5):
		backstage.publish("experimental.catalog.errors",
			{"entity": REF, "errors": [{"name": "InputError"}]})
	wait_until(lambda: bus(daemon)["events"] == 5, "five events")
	wait_until(lambda: len(backstage.lookups) == 1, "the look-up")
	assert bus(daemon)["hints"] == 1
	assert bus(daemon)["repeats"] == 4


def test_a_hint_that_cannot_be_read_owes_a_whole_read(box):
	_, backstage = live_daemon(box, topics=["github.push", TOPIC])
	for payload in ({"entityRef": "no reference"},
			{"commits": [{"modified": ["services/a/catalog-info.yaml"]}]}):
		reads = backstage.reads
		backstage.publish("github.push", payload)
		wait_until(lambda: backstage.reads > reads, "the whole read")  # pylint: disable=cell-var-from-loop
	assert backstage.lookups == []


if __name__ == "__main__":
	main(globals())
