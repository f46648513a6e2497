#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Signals for live browsers: what is stale is neither sent nor mourned."""

import json
import time

from harness import main, wait_until


def now(ago=0):
	return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - ago))


def signalling(box, **options):
	daemon = box.daemon()
	sink = box.sink()
	daemon.use_bus(sink)
	daemon.config["sinks"][-1] = {"name": "live", "type": "backstage-signals", **options}
	daemon.config["routes"][0]["to"] = ["record", "live"]
	return daemon.start(), sink


def signals(sink):
	return [json.loads(body)["event"] for path, _, body in list(sink.requests)
		if path == "/api/events/bus/v1/events"]


def delivery(daemon, event):
	"""What became of the signal, once that is known."""
	def done():
		rows = [r for r in daemon.ctl("event", event)["deliveries"] if r["sink"] == "live"]
		return rows if rows and rows[0]["state"] != "pending" else None
	return wait_until(done, "the signal's end")[0]


def test_owners_get_the_build_and_not_who_wrote_what(box):
	daemon, sink = signalling(box, channel="ci")
	event = daemon.accept(state="failed", finished_at=now())
	signal = wait_until(lambda: signals(sink), "the signal")[0]
	assert signal["topic"] == "signals"
	assert signal["payload"]["channel"] == "ci"
	assert signal["payload"]["recipients"] == {"type": "user",
		"entityRef": ["group:default/payments"]}
	message = signal["payload"]["message"]
	assert message["id"] == event and message["outcome"] == "failure"
	assert message["entities"] == ["component:default/parcel-api"]
	for confidential in ("Weigh parcels", "Ada", "example.com"):
		assert confidential not in json.dumps(message, ensure_ascii=False)
	assert delivery(daemon, event)["state"] == "done"


def test_a_broadcast_names_the_entity_and_nothing_else(box):
	daemon, sink = signalling(box, broadcast=True)
	daemon.accept(finished_at=now())
	signal = wait_until(lambda: signals(sink), "the signal")[0]
	assert signal == {"topic": "signals", "payload": {"channel": "stagewire.build",
		"recipients": {"type": "broadcast"},
		"message": {"type": "changed", "entities": ["component:default/parcel-api"]}}}


def test_an_old_event_is_not_signalled(box):
	daemon, sink = signalling(box, max_age="1m")
	event = daemon.accept(finished_at=now(ago=90))
	row = delivery(daemon, event)
	assert row["state"] == "done" and "too old" in row["note"], row
	assert "delivery.moot" in daemon.log()
	fresh = daemon.accept(finished_at=now(ago=10))
	assert delivery(daemon, fresh)["state"] == "done"
	assert [s["payload"]["message"]["id"] for s in signals(sink)] == [fresh]
	live = [s for s in daemon.ctl("status")["sinks"] if s["name"] == "live"][0]
	assert (live["moot"], live["delivered"]) == (1, 1)
	reasons = [e.get("reason") for e in daemon.ctl("audit") if e.get("sink") == "live"]
	assert reasons == ["moot", None]


def test_an_outage_leaves_no_dead_letters_and_a_stale_signal_no_false_recovery(box):
	daemon, sink = signalling(box, max_age="1s",
		circuit={"failures": 1, "min_tries": 1, "hold": "300ms", "max_hold": "300ms"})
	sink.answer = (503, {}, b"")
	missed = [daemon.accept(finished_at=now()) for _ in range(5)]
	wait_until(lambda: "sink.trip" in daemon.log(), "the circuit to open")
	for event in missed:
		row = delivery(daemon, event)
		assert row["state"] == "done" and "too old" in row["note"], row
	assert daemon.ctl("deliveries", "--state", "dead") == []
	assert "sink.recover" not in daemon.log(), "nothing was delivered"
	sink.answer = (201, {}, b"")
	fresh = daemon.accept(finished_at=now())
	delivery(daemon, fresh)
	assert [s["payload"]["message"]["id"] for s in signals(sink)][-1] == fresh
	wait_until(lambda: "sink.recover" in daemon.log(), "the recovery")


def test_a_schedule_of_days_is_refused(box):
	daemon = box.daemon()
	daemon.use_bus(box.sink())
	daemon.config["sinks"][-1] = {"name": "live", "type": "backstage-signals", "schedule": "5s 1h"}
	daemon.config["routes"][0]["to"] = ["live"]
	daemon.write_config()
	daemon.spawn()
	daemon.expect_exit = daemon.wait_exit()
	assert daemon.expect_exit != 0
	assert "type backstage-signals has no 'schedule'" in daemon.log()


if __name__ == "__main__":
	main(globals())
