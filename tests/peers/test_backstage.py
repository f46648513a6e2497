#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The main job against a real Backstage: owners are told, the bus carries the event."""

import itertools
import os
import time

import peer as peers  # first: it finds the harness
import harness
from harness import wait_until
from peer import EVENTS_TOKEN, RELAY_TOKEN, Peer

SUBSCRIPTION = "external.test"
TOPIC = "stagewire.build"

peer = None


def bus_events():
	"""What is on the bus for our topic; each event is read once."""
	status, page = peer.call("GET", f"/api/events/bus/v1/subscriptions/{SUBSCRIPTION}/events")
	return page["events"] if status == 200 else []


def relay(box, identity=None, token_text=RELAY_TOKEN, **backstage):
	"""A stagewired whose catalog and sinks are the peer's."""
	daemon = box.daemon()
	token = os.path.join(daemon.dir, "token")
	daemon.write(token, token_text + "\n")
	os.chmod(token, 0o600)
	daemon.config["backstage"] = {"url": peer.url, "token": {"file": token}, **backstage}
	if identity is not None:
		daemon.config["backstage"] = {"url": peer.url, "identity": identity}
		daemon.config["listen"]["keys"] = ["127.0.0.1:" + peer.env["PEER_RELAY_PORT"]]
	daemon.config["catalog"] = {"refresh": "1s"}
	patient = {"schedule": "1s" + " 2s" * 31, "circuit": {"failures": 0}}
	daemon.config["sinks"] += [
		{"name": "notify", "type": "backstage-notifications", "coalesce": "0ms", **patient},
		{"name": "bus", "type": "backstage-events", "topic": TOPIC, **patient},
	]
	daemon.config["routes"] = [{"name": "all", "to": ["record", "notify", "bus"]}]
	daemon.start()
	wait_until(lambda: daemon.ctl("status")["catalog"]["repositories"] >= 2, "the catalog")
	return daemon


def settled(daemon, event):
	"""The event's deliveries, once none is pending."""
	def done():
		rows = daemon.ctl("event", event)["deliveries"]
		return rows if rows and all(r["state"] != "pending" for r in rows) else None
	return wait_until(done, f"deliveries of {event}", timeout=60)


def titles():
	return [n["payload"]["title"] for n in peer.notifications()]


def platform_build(daemon, **overrides):
	"""A build of the component that the guest's team owns, once the relay knows it does."""
	return daemon.accept(repository={"id": 4242, "name": "parcel-api", "owner_name": "acme",
		"url": None}, branch="main", **overrides)


def test_owners_read_of_a_failure_and_the_next_build_updates_the_notification(box):
	daemon = relay(box)
	event = platform_build(daemon, id=9001, number="1", state="failed",
		started_at="2026-11-24T01:00:00Z", finished_at="2026-11-24T01:05:00Z")
	rows = settled(daemon, event)
	assert {r["sink"]: r["state"] for r in rows} == {
		"record": "done", "notify": "done", "bus": "done"}, rows
	first = [n for n in peer.notifications() if "parcel-api" in n["payload"]["title"]]
	assert len(first) == 1, first
	assert "failed" in first[0]["payload"]["title"], first
	assert first[0]["payload"]["severity"] == "high", first
	assert first[0]["payload"]["link"].startswith("https://"), first

	event = platform_build(daemon, id=9002, number="2", state="passed",
		started_at="2026-11-24T02:00:00Z", finished_at="2026-11-24T02:05:00Z")
	settled(daemon, event)
	second = [n for n in peer.notifications() if "parcel-api" in n["payload"]["title"]]
	assert len(second) == 1, f"updated, not added: {second}"
	assert second[0]["id"] == first[0]["id"]
	assert "fixed" in second[0]["payload"]["title"], second


def test_the_bus_carries_the_event_with_its_owners(box):
	peer.call("PUT", f"/api/events/bus/v1/subscriptions/{SUBSCRIPTION}", {"topics": [TOPIC]})
	daemon = relay(box)
	event = platform_build(daemon, id=9010, number="10", state="started",
		started_at="2026-11-24T03:00:00Z", finished_at=None)
	seen = []

	def arrived():
		seen.extend(bus_events())
		return [e for e in seen if e["payload"]["id"] == event]
	found = wait_until(arrived, "the event on the bus")[0]
	assert found["topic"] == TOPIC
	assert found["payload"]["type"].startswith("dev.cdevents.pipelinerun.started."), found
	assert found["payload"]["entityref"] == "component:default/parcel-api", found
	assert found["payload"]["ownerref"] == "group:default/platform", found


def test_a_change_of_owner_in_the_catalog_changes_the_recipient(box):
	daemon = relay(box)
	before = len(peer.notifications())
	peer.edit("owner: platform # of parcel-api", "owner: payments # of parcel-api")
	try:
		wait_until(lambda: peer.owners("component:default/parcel-api") ==
			["group:default/payments"], "the new owner in Backstage", timeout=60)
		wait_until(lambda: daemon.accept(id=9020 + len(daemon.recorded()), state="started",
			number="20", finished_at=None, started_at="2026-11-24T04:00:00Z") and
			any(e.get("ownerref") == "group:default/payments" for e in daemon.recorded()),
			"the new owner in an event", timeout=60)
		event = platform_build(daemon, id=9050, number="50", state="errored",
			started_at="2026-11-24T05:00:00Z", finished_at="2026-11-24T05:05:00Z",
			pull_request=True, pull_request_number=50, type="pull_request")
		settled(daemon, event)
		assert not [t for t in titles() if "pull request 50" in t], titles()
		assert len(peer.notifications()) <= before + 1
	finally:
		peer.edit("owner: payments # of parcel-api", "owner: platform # of parcel-api")
		wait_until(lambda: peer.owners("component:default/parcel-api") ==
			["group:default/platform"], "the old owner in Backstage", timeout=60)


def test_tokens_of_our_own_open_catalog_notifications_and_bus_also_while_keys_rotate(box):
	# Backstage asks for unknown keys again 30 s after it last did, at the soonest.
	daemon = relay(box, {"issuer": "https://relay.example", "audience": "backstage-external",
		"lifetime": "10s", "overlap": "2s", "rotate": "32s"})

	def rotations():
		return [e for e in daemon.ctl("audit") if e["action"] == "key.rotate"]

	builds = itertools.count(20000)

	def build():
		number = next(builds)
		event = platform_build(daemon, id=number, number=str(number), state="failed",
			started_at="2026-11-24T07:00:00Z", finished_at="2026-11-24T07:05:00Z")
		rows = settled(daemon, event)
		assert all(r["state"] == "done" and r["tries"] == 1 for r in rows), rows
	build()
	wait_until(rotations, "a newer key", timeout=60)
	end = time.monotonic() + 6  # well past the overlap
	while time.monotonic() < end:
		build()
	assert "catalog.trouble" not in daemon.log(), "the catalog was refused"


def test_a_token_with_the_restrictions_of_the_readme_does_for_every_call(box):
	daemon = relay(box, subscribe=True)
	wait_until(lambda: daemon.ctl("status")["bus"]["subscribed"], "the subscription")
	event = platform_build(daemon, id=21001, number="21001", state="failed")
	assert all(r["state"] == "done" for r in settled(daemon, event))
	# A look-up by reference, as hints ask for, while nothing is changed.
	lookups = daemon.ctl("status")["bus"]["hints"]
	peer.call("POST", "/api/events/bus/v1/events", {"event": {"topic": "stagewire.catalog",
		"payload": {"entityRef": "component:default/parcel-api"}}})
	wait_until(lambda: daemon.ctl("status")["bus"]["hints"] > lookups, "the hint")
	wait_until(lambda: daemon.ctl("status")["bus"]["kept"] == 0, "its end")
	status = daemon.ctl("status")
	assert "trouble" not in status["catalog"] and not status["bus"]["refused"], status
	assert "refuses" not in daemon.log() and " 403 " not in daemon.log()


def test_a_token_restricted_elsewhere_pauses_what_it_is_not_for_and_alarms(box):
	daemon = relay(box)
	daemon.config["routes"].append({"name": "alarms",
		"when": {"type": ["dev.stagewire.operator.*"]}, "to": ["record"]})
	for sink in daemon.config["sinks"][1:]:
		sink["circuit"] = {"hold": "300ms", "max_hold": "300ms"}
	daemon.write_config()
	token = os.path.join(daemon.dir, "token")
	daemon.write(token, EVENTS_TOKEN + "\n")
	assert " reload " in daemon.reload()
	event = platform_build(daemon, id=21002, number="21002", state="failed")

	def alarms():
		return [e["data"]["sink"] for e in daemon.recorded()
			if e["type"] == "dev.stagewire.operator.sink.refuses"]
	wait_until(lambda: alarms() == ["notify"], "the alarm")
	wait_until(lambda: next(s for s in daemon.ctl("status")["sinks"] if s["name"] == "notify")
		["tempfails"] >= 3, "some probes")
	rows = {r["sink"]: r for r in daemon.ctl("event", event)["deliveries"]}
	assert rows["bus"]["state"] == "done", rows
	assert (rows["notify"]["state"], rows["notify"]["tries"]) == ("pending", 0), rows
	assert rows["notify"]["note"].startswith("403 NotAllowedError"), rows
	wait_until(lambda: "403" in daemon.ctl("status")["catalog"].get("trouble", ""), "the catalog's")
	assert daemon.ctl("status")["catalog"]["entities"] >= 2
	assert EVENTS_TOKEN not in daemon.log()
	daemon.write(token, RELAY_TOKEN + "\n")
	assert " reload " in daemon.reload()
	assert all(r["state"] == "done" for r in settled(daemon, event))


def test_while_backstage_is_down_webhooks_are_kept_and_delivered_later(box):
	daemon = relay(box)
	peer.run("stop-backstage")
	try:
		event = platform_build(daemon, id=9060, number="60", state="failed",
			started_at="2026-11-24T06:00:00Z", finished_at="2026-11-24T06:05:00Z",
			tag="v60", message="down")
		assert daemon.restart() is daemon  # and a restart without Backstage still routes
		rows = daemon.ctl("event", event)["deliveries"]
		assert any(r["state"] == "pending" for r in rows), rows
		other = platform_build(daemon, id=9061, number="61", state="started",
			started_at="2026-11-24T06:10:00Z", finished_at=None)
		assert daemon.ctl("event", other)["place"] == "routed"
	finally:
		peer.run("start-backstage")
	rows = settled(daemon, event)
	assert all(r["state"] == "done" for r in rows), rows
	assert [t for t in titles() if "tag v60" in t], titles()


def main(names):
	"""Run the tests of a module, given its globals(), against a Backstage of their own."""
	global peer
	if peers.is_skipped():
		return
	with Peer() as peer:
		peer.start_with_platform()
		harness.main(names)


if __name__ == "__main__":
	main(globals())
