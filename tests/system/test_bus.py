#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The live catalog: what a stand-in for Backstage's event bus publishes is read again at once."""

import os
import sqlite3
import sys
import time

from harness import fill, main, small_disk, wait_until

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools"))
from bus_standin import Backstage  # pylint: disable=wrong-import-position,import-error

SLUG = "acme/parcel-api"
REF = "component:default/parcel-api"
TOPIC = "stagewire.catalog"


def subscriber(box, refresh="1h", **options):
	"""A daemon that is not started yet, and what it subscribes to."""
	backstage = Backstage()
	box.sinks.append(backstage)
	backstage.set("parcel-api", SLUG, "group:default/payments", "e1")
	daemon = box.daemon()
	daemon.config["backstage"] = {"url": backstage.url, "subscribe": True, **options}
	daemon.config["catalog"] = {"refresh": refresh}
	return daemon, backstage


def live_daemon(box, **options):
	daemon, backstage = subscriber(box, **options)
	daemon.start()
	wait_settled(daemon, backstage)
	return daemon, backstage


def wait_settled(daemon, backstage):
	"""The first reads have ended, and with them what the subscription owed."""
	wait_until(lambda: bus(daemon)["subscribed"] and daemon.ctl("status")["catalog"]["loaded"]
		and backstage.polls > 0, "the subscription and the catalog")
	wait_until(lambda: bus(daemon)["kept"] == 0, "the first reads to end")


def bus(daemon):
	return daemon.ctl("status")["bus"]


def kept(daemon):
	"""What the store holds of what the bus has told."""
	with sqlite3.connect(f"file:{daemon.store}?mode=ro", uri=True) as db:
		return sorted(key.decode() if isinstance(key, bytes) else key for key, in
			db.execute("SELECT key FROM state WHERE ns = 'hint'"))


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
	_, backstage = live_daemon(box)
	reads = backstage.reads
	backstage.publish(TOPIC, {"entityRef": "no reference"})
	wait_until(lambda: backstage.reads > reads, "the whole read")
	assert backstage.lookups == []


def test_what_was_told_is_durable_before_the_bus_is_asked_for_more(box):
	daemon, backstage = live_daemon(box)
	seen = []
	backstage.unanswered = True  # so that nothing is followed, and nothing removed
	backstage.on_poll = lambda: seen.append(kept(daemon))
	backstage.publish(TOPIC, {"entityRef": REF})
	wait_until(lambda: len(seen) >= 2, "the poll that has the event, and the next")
	assert [k for k in seen if REF in k] == seen[-1:], seen
	backstage.on_poll = lambda: None
	backstage.answer_lookups()
	wait_until(lambda: kept(daemon) == [], "the hint to be followed and forgotten")


def test_a_kill_between_the_answer_and_the_re_read_loses_no_hint(box):
	daemon, backstage = live_daemon(box)
	backstage.unanswered = True
	backstage.set("parcel-api", SLUG, "group:default/logistics", "e2")
	backstage.publish(TOPIC, {"entityRef": REF})
	wait_until(lambda: backstage.lookups == [[REF]] and REF in kept(daemon), "the look-up")
	daemon.kill()
	backstage.unlisted = 503  # nothing but the hint can tell
	backstage.answer_lookups()
	daemon.start()
	wait_until(lambda: backstage.lookups == [[REF], [REF]], "the same look-up")
	wait_until(lambda: "added=0 changed=1 removed=0" in daemon.log(), "the change")
	assert bus(daemon)["resumed"] >= 1
	assert "group:default/logistics" in str(owners(daemon))
	backstage.unlisted = None
	wait_until(lambda: kept(daemon) == [], "everything to be followed")


def test_a_full_store_does_not_stop_the_bus(box):
	disk = os.path.join(box.dir, "disk")
	with small_disk(disk, "4m"):
		daemon, backstage = subscriber(box)
		daemon.store = daemon.config["store"]["path"] = os.path.join(disk, "stagewire.db")
		daemon.config["audit"] = {"directory": os.path.join(box.dir, "audit")}
		daemon.start()
		wait_settled(daemon, backstage)
		fill(os.path.join(disk, "filler"))
		reads = backstage.reads
		backstage.set("parcel-api", SLUG, "group:default/logistics", "e2")
		backstage.publish(TOPIC, {"entityRef": REF})
		wait_until(lambda: backstage.lookups == [[REF]], "the look-up")
		wait_until(lambda: "bus.unkept" in daemon.log(), "the store to refuse")
		wait_until(lambda: backstage.reads > reads, "the whole read that is owed")
		polls = backstage.polls
		backstage.publish(TOPIC, {"entityRef": REF})
		wait_until(lambda: backstage.polls > polls, "the next poll")
		os.remove(os.path.join(disk, "filler"))
		backstage.publish(TOPIC, {"entityRef": REF})
		wait_until(lambda: len(backstage.lookups) >= 2, "another look-up")
		daemon.stop()


def test_an_event_lost_without_a_trace_is_healed_by_the_next_read(box):
	daemon, backstage = live_daemon(box, refresh="2s")
	backstage.swallow = 1
	backstage.set("parcel-api", SLUG, "group:default/logistics", "e2")
	backstage.publish(TOPIC, {"entityRef": REF})
	wait_until(lambda: "changed=1" in daemon.log(), "the healing")
	assert backstage.lookups == [] and bus(daemon)["events"] == 0
	assert bus(daemon)["failures"] == 0
	assert "group:default/logistics" in str(owners(daemon))


def test_a_bus_that_is_starting_is_waited_for(box):
	daemon, backstage = subscriber(box)
	backstage.starting = 3
	daemon.start()
	wait_settled(daemon, backstage)
	assert "404 unexplained" in daemon.log()
	assert daemon.ctl("status")["catalog"]["entities"] == 1


def operator_events(daemon, kind):
	return [e for e in daemon.recorded() if e["type"] == f"dev.stagewire.operator.bus.{kind}"]


def test_a_refusal_is_told_once_and_ends_with_another_token(box):
	daemon, backstage = subscriber(box)
	daemon.config["routes"].append({"name": "operators",
		"when": {"type": ["dev.stagewire.operator.*"]}, "to": ["record"]})
	backstage.refuse = 403
	daemon.start()
	told = wait_until(lambda: operator_events(daemon, "refuses"), "the operator event")
	assert len(told) == 1 and "403 NotAllowedError: not you" in told[0]["data"]["answer"]
	assert bus(daemon)["refused"] and not bus(daemon)["subscribed"]
	assert "bus.refuse" in [e["action"] for e in daemon.ctl("audit")]
	backstage.refuse = None
	daemon.reload()  # asks again at once, not after the long wait
	wait_until(lambda: operator_events(daemon, "recovered"), "the other one")
	wait_until(lambda: not bus(daemon)["refused"] and bus(daemon)["subscribed"], "the bus")
	assert bus(daemon)["failures"] == 0 and len(operator_events(daemon, "refuses")) == 1


def pushed(path, slug=SLUG):
	"""GitHub's push, as its topic carries it."""
	return {"ref": "refs/heads/main", "repository": {"full_name": slug, "default_branch": "main"},
		"commits": [{"id": "1", "added": [], "removed": [], "modified": [path]}]}


def test_a_push_has_the_repositorys_entities_read_again_once_backstage_has(box):
	daemon, backstage = live_daemon(box, topics=["github.push"], settle="200ms")
	reads = backstage.reads
	backstage.publish("github.push", pushed("src/main.c"))
	backstage.set("parcel-api", SLUG, "group:default/logistics", "e2")
	backstage.publish("github.push", pushed("deploy/values.yaml", slug="ACME/Parcel-API"))
	wait_until(lambda: backstage.lookups == [[REF], [REF]], "two looks")
	wait_until(lambda: kept(daemon) == [], "the push to be followed and forgotten")
	assert "group:default/logistics" in str(owners(daemon))
	assert bus(daemon)["pushes"] == 1 and backstage.reads == reads


def test_a_push_of_a_catalog_file_to_an_unknown_repository_owes_a_whole_read(box):
	daemon, backstage = live_daemon(box, topics=["github.push"], settle="200ms")
	backstage.publish("github.push", pushed("README.md", slug="acme/new"))
	backstage.set("new", "acme/new", "group:default/payments", "n1")
	backstage.publish("github.push", pushed("svc/catalog-info.yaml", slug="acme/new"))
	wait_until(lambda: "entities=2 added=1 changed=0 removed=0" in daemon.log(), "the new entity")
	assert bus(daemon)["pushes"] == 1 and backstage.lookups == []


if __name__ == "__main__":
	main(globals())
