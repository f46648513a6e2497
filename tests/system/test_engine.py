#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How the daemon treats sinks that fail, are slow or overloaded: over real sockets."""
import os
import re
import time

from harness import HttpSink, components, main, wait_until

PATIENT = "100ms" + " 200ms" * 30
NO_CIRCUIT = {"failures": 0}


def bus(box, **options):
	"""A daemon with a file sink and a bus sink that has these options."""
	sink = box.sink()
	daemon = box.daemon()
	daemon.use_bus(sink)
	daemon.config["sinks"][-1].update(options)
	return daemon, sink


def state(daemon, name="bus"):
	return next(s for s in daemon.ctl("status")["sinks"] if s["name"] == name)


def operator_events(daemon, what):
	return [e for e in daemon.recorded() if e["type"] == f"dev.stagewire.operator.sink.{what}"]


def hear_of_sinks(daemon):
	daemon.config["routes"].append({"name": "operators",
		"when": {"type": ["dev.stagewire.operator.*"]}, "to": ["record"]})


def deliveries(daemon, event, sink="bus"):
	return [d for d in daemon.ctl("deliveries", "--limit", "1000")
		if d["event"] == event and d["sink"] == sink]


def test_a_dead_sink_trips_its_circuit_and_one_probe_finds_it_alive(box):
	daemon, sink = bus(box, schedule=PATIENT,
		circuit={"min_tries": 5, "hold": "300ms", "max_hold": "600ms"})
	hear_of_sinks(daemon)
	daemon.start()
	sink.down()
	first = daemon.accept()
	tripped = wait_until(lambda: operator_events(daemon, "tripped"), "an operator event")[0]
	assert tripped["data"]["sink"] == "bus"
	assert tripped["data"]["event"] == first
	assert "unreachable" in tripped["data"]["answer"].lower(), tripped
	assert "left alone" in tripped["data"]["message"]
	assert state(daemon)["circuit"] in ("open", "probing")
	ids = [first] + [daemon.accept() for _ in range(20)]
	daemon.wait_recorded(*ids)  # the other sink does not care
	sink.up()
	wait_until(lambda: [e["id"] for e in sink.events()] == ids, "all events, in order")
	wait_until(lambda: operator_events(daemon, "recovered"), "the good news")
	assert state(daemon)["circuit"] == "closed"
	audit = [(a["action"], a["sink"]) for a in daemon.ctl("audit", "--limit", "1000")
		if a["action"].startswith("sink.")]
	assert audit[0] == ("sink.trip", "bus") and ("sink.recover", "bus") in audit, audit


def test_an_open_circuit_uses_up_no_tries(box):
	daemon, sink = bus(box, schedule="50ms 50ms 50ms 50ms 50ms 50ms",
		circuit={"min_tries": 3, "hold": "1d", "max_hold": "1d"})
	daemon.start()
	sink.down()
	ids = [daemon.accept() for _ in range(5)]
	wait_until(lambda: state(daemon)["circuit"] == "open", "the circuit to open")
	tries = state(daemon)["tempfails"]
	assert tries == 3, tries
	assert [d["state"] for i in ids for d in deliveries(daemon, i)] == ["pending"] * 5


def test_a_schedule_that_is_over_makes_a_dead_letter_and_the_next_event_goes_on(box):
	daemon, sink = bus(box, schedule="50ms 50ms", circuit=NO_CIRCUIT)
	sink.answer = (500, {}, b"{}")
	daemon.start()
	dead = daemon.accept()
	wait_until(lambda: deliveries(daemon, dead)[0]["state"] == "dead", "a dead letter")
	assert deliveries(daemon, dead)[0]["tries"] == 3
	sink.answer = (201, {}, b"")
	alive = daemon.accept()
	wait_until(lambda: deliveries(daemon, alive)[0]["state"] == "done", "the next event")


def test_no_schedule_is_one_try(box):
	daemon, sink = bus(box, schedule="none")
	sink.answer = (500, {}, b"{}")
	daemon.start()
	dead = daemon.accept()
	wait_until(lambda: deliveries(daemon, dead)[0]["state"] == "dead", "a dead letter")
	assert deliveries(daemon, dead)[0]["tries"] == 1


def test_refused_credentials_pause_the_sink_and_burn_nothing(box):
	daemon, sink = bus(box, schedule="none", circuit={"hold": "300ms", "max_hold": "300ms"})
	hear_of_sinks(daemon)
	sink.answer = (401, {}, b'{"error":{"name":"AuthenticationError"}}')
	daemon.start()
	ids = [daemon.accept() for _ in range(4)]
	refuses = wait_until(lambda: operator_events(daemon, "refuses"), "an operator event")[0]
	assert refuses["data"]["status"] == 401
	wait_until(lambda: state(daemon)["tempfails"] >= 3, "some probes")
	rows = [deliveries(daemon, i)[0] for i in ids]
	assert [(r["state"], r["tries"]) for r in rows] == [("pending", 0)] * 4, rows
	sink.answer = (201, {}, b"")
	wait_until(lambda: all(deliveries(daemon, i)[0]["state"] == "done" for i in ids), "all done")


def test_retry_after_holds_back_the_whole_sink(box):
	daemon, sink = bus(box, schedule=PATIENT, circuit=NO_CIRCUIT)
	daemon.write(daemon.catalog_path, components([f"acme/r{i}" for i in range(6)]))
	sink.answer = (429, {"Retry-After": "2"}, b"{}")
	daemon.start()
	begin = time.monotonic()
	first = daemon.accept(slug="acme/r0")
	wait_until(lambda: state(daemon)["throttled"], "the sink to be left alone")
	sink.answer = (201, {}, b"")
	heard = len(sink.requests)
	ids = [daemon.accept(slug=f"acme/r{i}") for i in range(1, 6)]
	wait_until(lambda: {first, *ids} <= {e["id"] for e in sink.events()[heard:]}, "all events")
	assert time.monotonic() - begin >= 2, "it was not left alone for as long as it asked"


def test_a_longer_retry_after_than_is_allowed_is_cut(box):
	daemon, sink = bus(box, schedule="50ms 50ms", circuit=NO_CIRCUIT, max_retry_after="200ms")
	sink.answer = (503, {"Retry-After": "86400"}, b"{}")
	daemon.start()
	event = daemon.accept()
	wait_until(lambda: state(daemon)["tempfails"] == 1, "one try")
	sink.answer = (201, {}, b"")
	wait_until(lambda: deliveries(daemon, event)[0]["state"] == "done", "a second try, soon")


def test_a_rate_spreads_what_is_sent(box):
	daemon, sink = bus(box, rate=10)
	daemon.write(daemon.catalog_path, components([f"acme/r{i}" for i in range(30)]))
	daemon.start()
	for i in range(30):
		daemon.accept(slug=f"acme/r{i}")
	stamps = wait_until(lambda: len(sink.times) == 30 and sink.times, "all events")
	within = max(sum(1 for b in stamps if 0 <= b - a < 1) for a in stamps)
	assert within <= 21, f"{within} tries began within a second"  # a second's worth, twice
	assert stamps[-1] - stamps[0] >= 1.9


def test_a_sink_that_hangs_holds_only_its_own_lanes(box):
	daemon, sink = bus(box, inflight=2)
	daemon.config["backstage"]["timeout"] = "1m"
	daemon.write(daemon.catalog_path, components([f"acme/r{i}" for i in range(10)]))
	sink.delay = 2
	daemon.start()
	begin = time.monotonic()
	ids = [daemon.accept(slug=f"acme/r{i % 10}") for i in range(40)]
	daemon.wait_recorded(*ids)
	assert time.monotonic() - begin < 30
	assert state(daemon)["inflight"] <= 2
	assert state(daemon, "record")["delivered"] == 40
	sink.delay = 0


def test_a_sink_that_fails_for_too_long_is_disabled_over_a_restart(box):
	daemon, sink = bus(box, schedule=PATIENT, circuit=NO_CIRCUIT, disable_after="1s")
	hear_of_sinks(daemon)
	daemon.start()
	sink.down()
	event = daemon.accept()
	disabled = wait_until(lambda: operator_events(daemon, "disabled"), "an operator event")[0]
	assert disabled["data"]["event"] == event and "too long" in disabled["data"]["message"]
	assert state(daemon)["gate"] == "disabled"
	sink.up()
	daemon.restart()
	assert state(daemon)["gate"] == "disabled"
	other = daemon.accept()
	daemon.wait_recorded(other)
	assert sink.events() == []
	assert [deliveries(daemon, e)[0]["state"] for e in (event, other)] == ["pending"] * 2


def test_an_operator_holds_and_releases_a_sink(box):
	daemon, sink = bus(box, schedule=PATIENT)
	hear_of_sinks(daemon)
	daemon.start()
	assert "bus is held" in daemon.ctl_text("hold", "bus", "--reason", "moving house")
	ids = [daemon.accept() for _ in range(5)]
	daemon.wait_recorded(*ids)
	daemon.restart()
	assert state(daemon)["gate"] == "held"
	assert sink.events() == [] and state(daemon, "record")["gate"] == "open"
	assert "bus is open" in daemon.ctl_text("release", "bus", "--reason", "moved")
	wait_until(lambda: [e["id"] for e in sink.events()] == ids, "all events, in order")
	held, released = operator_events(daemon, "held")[0], operator_events(daemon, "released")[0]
	assert held["data"]["reason"] == "moving house" and released["data"]["reason"] == "moved"
	assert held["data"]["actor"] == f"uid:{os.getuid()}"
	audit = [a for a in daemon.ctl("audit", "--limit", "1000")
		if a["action"] in ("operator.hold", "operator.release")]
	assert [(a["actor"], a["sink"]) for a in audit] == [(f"uid:{os.getuid()}", "bus")] * 2, audit


def test_an_enabled_sink_gets_at_once_what_waited(box):
	daemon, sink = bus(box, schedule="1h 1h", circuit=NO_CIRCUIT)
	daemon.start()
	sink.down()
	event = daemon.accept()
	wait_until(lambda: state(daemon)["tempfails"] == 1, "one try")
	daemon.ctl_text("disable", "bus", "--reason", "it is down")
	sink.up()
	daemon.ctl_text("enable", "bus", "--reason", "it is up")
	wait_until(lambda: deliveries(daemon, event)[0]["state"] == "done", "the event")


def test_orders_about_sinks_are_refused_with_a_reason(box):
	daemon, _ = bus(box)
	daemon.start()
	daemon.ctl_text("hold", "bsu", "--reason", "x", expect=1)
	daemon.ctl_text("hold", "bus", expect=1)  # why?
	daemon.ctl_text("hold", expect=2)
	assert state(daemon)["gate"] == "open"


def test_a_backlog_waits_on_disk_and_drains_in_order_after_a_kill(box):
	slugs = [f"acme/r{i}" for i in range(20)]
	daemon, sink = bus(box, schedule=PATIENT, inflight=8,
		circuit={"min_tries": 5, "hold": "300ms", "max_hold": "300ms"})
	daemon.config["delivery"] = {"max_memory": "1MiB"}
	daemon.config["log"]["level"] = "warning"
	daemon.write(daemon.catalog_path, components(slugs))
	daemon.start()
	sink.down()
	sent = {slug: [] for slug in slugs}

	def build_all(rounds):
		for _ in range(rounds):
			for slug in slugs:
				sent[slug].append(daemon.accept(slug=slug))

	build_all(60)
	waiting = int(re.search(r"^stagewire_lanes_bytes (\d+)$",
		daemon.get("/metrics").body.decode(), re.MULTILINE).group(1))
	# An event that is claimed alone, so that its lane goes on, may come on top.
	assert waiting <= (1 << 20) + 20 * 8192, f"{waiting} bytes wait in memory"
	daemon.kill()
	daemon.start()
	build_all(2)  # behind what is on disk
	sink.up()
	build_all(3)
	wait_until(lambda: daemon.ctl("status")["store"]["pending"] == 0, "the backlog to drain")
	heard = {slug: [] for slug in slugs}
	for event in sink.events():
		repository = event["data"]["customData"]["stagewire"]["build"]["repository"]
		if event["id"] not in heard[repository]:  # a kill may repeat one
			heard[repository].append(event["id"])
	assert heard == sent


class Backstage(HttpSink):
	"""A stand-in for Backstage's notifications: somebody is always told."""

	def __init__(self):
		super().__init__()
		self.answer = (200, {"Content-Type": "application/json"}, b'[{"user":"user:default/bob"}]')


def test_a_storm_of_builds_shares_notifications(box):
	sink = Backstage()
	box.sinks.append(sink)
	daemon = box.daemon()
	daemon.use_bus(sink)
	daemon.config["sinks"][-1] = {"name": "bus", "type": "backstage-notifications",
		"coalesce": "1s"}
	daemon.start()
	ids = [daemon.accept(state="failed") for _ in range(12)]
	wait_until(lambda: all(deliveries(daemon, i)[0]["state"] == "done" for i in ids), "all done")
	assert 2 <= len(sink.requests) <= 4, f"{len(sink.requests)} notifications for 12 builds"


if __name__ == "__main__":
	main(globals())
