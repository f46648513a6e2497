#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An operator delivers again what was given up, finds out why, and tries other routes."""

import contextlib
import http.client
import json
import os
import random
import threading
import time

from harness import (ENTITIES, compose_payload, fill, flat_entry, main, need_program, request,
	small_disk, wait_until)

REASON = "the bus was down"

PARCEL_UI = """---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: parcel-ui
  annotations: {travis-ci.com/repo-slug: acme/parcel-ui}
spec: {type: website, lifecycle: production, owner: user:alice}
"""


def start_with_bus(box):
	"""A daemon that gives up at the second failure, and the bus that it delivers to."""
	sink = box.sink()
	daemon = box.daemon()
	daemon.use_bus(sink)
	daemon.config["sinks"][-1].update(schedule="100ms", circuit={"failures": 0})
	daemon.write(daemon.catalog_path, ENTITIES + PARCEL_UI)
	daemon.start()
	return daemon, sink


def break_bus(sink):
	sink.answer = (500, {}, b"")


def mend_bus(sink):
	sink.requests.clear()
	sink.answer = (201, {}, b"")


def wait_dead(daemon, n):
	wait_until(lambda: daemon.ctl("status")["store"]["dead"] == n, f"{n} dead letters")


def wait_idle(daemon):
	wait_until(lambda: daemon.ctl("status")["store"]["pending"] == 0, "all deliveries", timeout=120)


def many_dead(box, n):
	"""A daemon with so many dead letters for a bus that takes them now; their ids."""
	daemon, sink = start_with_bus(box)
	daemon.config["log"]["level"] = "warning"
	daemon.restart()
	sink.answer = (400, {}, b"")
	ids = [daemon.accept() for _ in range(n)]
	wait_dead(daemon, n)
	mend_bus(sink)
	return daemon, sink, ids


def order_in_thread(daemon, answers):
	def order():
		answers.append(request(daemon.socket, "POST", "/v1/replay",
			json.dumps({"from": "dead", "reason": REASON})))
	t = threading.Thread(target=order)
	t.start()
	return t


def audit_of(daemon, action):
	entries, cursor = [], 0
	while True:
		page = daemon.get(f"/v1/audit?limit=1000&cursor={cursor}").json()
		items = [flat_entry(item) for item in page["items"]]
		entries += [e for e in items if e["action"] == action]
		if "next" not in page:
			return entries
		cursor = page["next"]


def replay(daemon, *args):
	return json.loads(daemon.ctl_text("--json", "replay", *args, "--reason", REASON))


# --- dead letters -------------------------------------------------------------


def test_dead_letters_are_replayed_in_order_with_the_same_ids(box):
	daemon, sink = start_with_bus(box)
	break_bus(sink)
	ids = [daemon.accept(id=281000000 + i) for i in range(12)]
	wait_dead(daemon, 12)
	dead = daemon.ctl("dead")
	assert [d["event"] for d in dead] == ids, "oldest first"
	assert {(d["sink"], d["tries"], d["status"], d["owners"][0]) for d in dead} == {
		("bus", 2, 500, "group:default/payments")}

	mend_bus(sink)
	dry = json.loads(daemon.ctl_text("--json", "replay", "--from", "dead", "--dry-run"))
	assert (dry["dry_run"], dry["events"], dry["deliveries"]) == (True, 12, 12), dry
	assert [(i["event"], i["sinks"]) for i in dry["items"]] == [(e, ["bus"]) for e in ids]
	assert len(daemon.ctl("dead")) == 12 and not sink.requests
	assert not audit_of(daemon, "operator.replay"), "a dry run leaves no trace"

	done = replay(daemon, "--from", "dead")
	assert (done["complete"], done["events"], done["deliveries"]) == (True, 12, 12), done
	wait_idle(daemon)
	assert [e["id"] for e in sink.events()] == ids
	assert daemon.ctl("status")["store"]["dead"] == 0
	assert [e["id"] for e in daemon.recorded()] == ids, "the other sink got nothing twice"

	order, *entries = audit_of(daemon, "operator.replay")
	assert "event" not in order and order["detail"] == "from=dead", order
	assert [e["event"] for e in entries] == ids
	for entry in [order, *entries]:
		assert (entry["actor"], entry["reason"]) == (f"uid:{os.getuid()}", REASON), entry
	assert {tuple(e["to"]) for e in entries} == {("bus",)}


def test_a_replay_takes_only_what_it_is_asked_for(box):
	daemon, sink = start_with_bus(box)
	break_bus(sink)
	api = [daemon.accept(slug="acme/parcel-api") for _ in range(3)]
	ui = [daemon.accept(slug="acme/parcel-ui") for _ in range(3)]
	wait_dead(daemon, 6)
	mend_bus(sink)
	cases = (
		(["--owner", "user:default/alice"], ui),
		(["--owner", "GROUP:default/*"], api),
		(["--owner", "group:default/nobody"], []),
		(["--repository", "ACME/Parcel-UI"], ui),
		(["--repository", "acme/*"], api + ui),
		(["--sink", "bus"], api + ui),
		(["--sink", "record"], []),
		(["--since", "1h"], api + ui),
		(["--until", "1h"], []),
		(["--since", "2026-01-01T00:00:00Z", "--limit", "2"], api[:2]),
		(["--event", ui[1]], [ui[1]]),
	)
	for words, want in cases:
		dry = json.loads(daemon.ctl_text("--json", "replay", "--from", "dead", "--dry-run", *words))
		assert [i["event"] for i in dry["items"]] == want, words
		if "--event" not in words:
			assert [d["event"] for d in daemon.ctl("dead", *words)] == want, words

	assert replay(daemon, "--from", "dead", "--owner", "user:default/alice")["events"] == 3
	wait_idle(daemon)
	assert [e["id"] for e in sink.events()] == ui
	assert replay(daemon, "--event", api[0])["deliveries"] == 2, "to all it went to"
	wait_idle(daemon)
	assert [e["id"] for e in sink.events()] == [*ui, api[0]]
	assert len(daemon.ctl("dead")) == 2


def test_what_is_outstanding_is_left_alone(box):
	daemon, sink = start_with_bus(box)
	daemon.config["sinks"][-1]["schedule"] = "1h 1h"
	daemon.restart()
	break_bus(sink)
	event_id = daemon.accept()
	wait_until(lambda: sink.requests, "the first try")
	done = replay(daemon, "--event", event_id, "--sink", "bus")
	assert (done["events"], done["outstanding"]) == (0, 1), done
	assert len(sink.requests) == 1


# --- history and quarantine ---------------------------------------------------


def test_history_goes_to_a_sink_that_never_had_it(box):
	daemon = box.daemon()
	daemon.start()
	ids = [daemon.accept() for _ in range(5)]
	daemon.wait_recorded(*ids)
	second = os.path.join(daemon.dir, "second.jsonl")
	daemon.config["sinks"].append({"name": "second", "type": "file", "path": second})
	daemon.write_config()
	assert "reload.refused" not in daemon.reload()
	assert replay(daemon, "--from", "history", "--sink", "second")["deliveries"] == 5
	wait_idle(daemon)
	with open(second, encoding="utf-8") as f:
		assert [json.loads(line)["id"] for line in f] == ids
	assert len(daemon.recorded()) == 5


def test_quarantine_is_released_once_by_the_catalog_or_by_a_replay(box):
	daemon = box.daemon()
	daemon.start()
	ids = [daemon.accept(slug="acme/parcel-ui") for _ in range(200)]
	done = replay(daemon, "--from", "quarantine")
	assert (done["events"], done["parked"]) == (0, 200), done
	assert len(daemon.ctl("quarantine", "--limit", "1000")) == 200

	daemon.write(daemon.catalog_path, ENTITIES + PARCEL_UI)
	answers = []
	t = threading.Thread(target=lambda: answers.append(replay(daemon, "--from", "quarantine")))
	daemon.signal(1)
	t.start()
	daemon.wait_recorded(*ids)
	t.join()
	wait_idle(daemon)
	released = audit_of(daemon, "event.release")
	replayed = [e for e in audit_of(daemon, "operator.replay") if "event" in e]
	print(f"# {len(released)} released by the catalog, {len(replayed)} by the replay")
	assert sorted(e["event"] for e in released + replayed) == sorted(ids)
	assert answers[0]["events"] == len(replayed)
	assert [e["id"] for e in daemon.recorded()] == ids


# --- no room ---


def test_what_found_no_room_is_done_when_there_is_room_without_being_asked_again(box):
	need_program("mount")
	disk = os.path.join(box.dir, "disk")
	filler = os.path.join(disk, "filler")
	with small_disk(disk, "8M"):
		sink = box.sink()
		daemon = box.daemon()
		daemon.use_bus(sink)
		daemon.config["store"]["path"] = os.path.join(disk, "stagewire.db")
		daemon.start()
		sink.answer = (400, {}, b"")
		dead = [daemon.accept() for _ in range(20)]
		parked = [daemon.accept(slug="acme/parcel-ui") for _ in range(20)]
		wait_dead(daemon, 20)
		wait_idle(daemon)
		mend_bus(sink)
		fill(filler)
		wait_until(lambda: daemon.post(compose_payload()).status == 503, "no room")

		daemon.write(daemon.catalog_path, ENTITIES + PARCEL_UI)
		daemon.reload()
		assert len(daemon.ctl("quarantine")) == 20, "there was room"
		refused = request(daemon.socket, "POST", "/v1/replay",
			json.dumps({"from": "dead", "reason": REASON}))
		assert refused.status == 503, "an order that cannot be put on record is refused"
		os.unlink(filler)
		wait_until(lambda: {e["id"] for e in sink.events()} >= set(parked), "the quarantined")
		assert not daemon.ctl("quarantine")
		assert replay(daemon, "--from", "dead")["events"] == 20
		wait_idle(daemon)
		assert {e["id"] for e in sink.events()} >= set(dead)
		assert len(audit_of(daemon, "event.release")) == 20
		assert daemon.stop() == 0


# --- kill -9 ------------------------------------------------------------------


def test_kill_9_during_a_replay_loses_nothing_and_repeats_no_entry(box):
	daemon, sink, ids = many_dead(box, 600)
	dice = random.Random(3)
	kills = 0
	for _ in range(5):
		def order():
			with contextlib.suppress(OSError, http.client.HTTPException):
				request(daemon.socket, "POST", "/v1/replay",
					json.dumps({"from": "dead", "reason": REASON}))
		t = threading.Thread(target=order)
		t.start()
		time.sleep(dice.uniform(0, 0.03))
		daemon.kill()
		t.join()
		daemon.start()
		wait_idle(daemon)
		left = daemon.ctl("status")["store"]["dead"]
		kills += 0 < left < 600
		delivered = {e["id"] for e in sink.events()}
		assert len(delivered) + left == 600, "each is dead or delivered"
	print(f"# {kills} of 5 kills in the middle, {left} left for the last order")
	replay(daemon, "--from", "dead")
	wait_idle(daemon)
	assert {e["id"] for e in sink.events()} == set(ids)
	entries = [e["event"] for e in audit_of(daemon, "operator.replay") if "event" in e]
	assert sorted(entries) == sorted(ids), "an entry each, and no second one"


def test_of_two_orders_at_once_one_is_refused_and_nothing_goes_twice(box):
	daemon, sink, ids = many_dead(box, 300)
	answers = []
	for t in [order_in_thread(daemon, answers) for _ in range(4)]:
		t.join()
	assert {a.status for a in answers} <= {200, 409}, answers
	assert sum(a.json()["events"] for a in answers if a.status == 200) == 300
	wait_idle(daemon)
	assert [e["id"] for e in sink.events()] == ids


def test_a_stop_ends_a_replay_and_says_how_far_it_came(box):
	daemon, sink, ids = many_dead(box, 600)
	answers = []
	t = order_in_thread(daemon, answers)
	wait_until(lambda: audit_of(daemon, "operator.replay"), "the order")
	assert daemon.stop() == 0
	t.join()
	answer = answers[0].json()
	print(f"# stopped after {answer['events']} of 600")
	assert answer["complete"] == (answer["events"] == 600), answer
	daemon.start()
	wait_idle(daemon)
	assert daemon.ctl("status")["store"]["dead"] == 600 - answer["events"]
	replay(daemon, "--from", "dead")
	wait_idle(daemon)
	assert {e["id"] for e in sink.events()} == set(ids)


# --- explain ------------------------------------------------------------------


def test_an_event_is_explained(box):
	daemon = box.daemon()
	daemon.config["routes"].append({"name": "trouble on main", "to": ["record"],
		"when": {"outcome": ["failure", "error"], "branch": ["main"]}})
	daemon.start()
	event_id = daemon.accept(state="failed", branch="topic")
	daemon.wait_recorded(event_id)
	wait_idle(daemon)
	why = json.loads(daemon.ctl_text("--json", "explain", event_id))
	assert (why["source"], why["host"], why["place"]) == ("travis-com", "app.travis-ci.com", "routed")
	assert why["key"].startswith("sha256:")
	assert why["owners"] == why["owners_now"] == ["group:default/payments"]
	everything, trouble = why["routes"]
	assert everything["matches"] and everything["conditions"] == []
	assert not trouble["matches"]
	assert [(c["condition"], c["holds"]) for c in trouble["conditions"]] == [
		("outcome", True), ("branch", False)]
	assert trouble["conditions"][1]["wanted"] == ["main"]
	assert trouble["conditions"][1]["found"] == ["topic"]
	assert why["sinks_now"] == ["record"]
	assert [(d["sink"], d["state"]) for d in why["deliveries"]] == [("record", "done")]
	assert [h["action"] for h in why["history"]] == ["webhook.accept", "delivery.attempt"]
	text = daemon.ctl_text("explain", event_id)
	assert "no  branch: main is asked for, topic was found" in text, text

	parked = daemon.accept(slug="acme/unknown")
	why = json.loads(daemon.ctl_text("--json", "explain", parked))
	assert why["needs"] == "an entity with the annotation travis-ci.com/repo-slug: acme/unknown"
	assert (why["place"], why["entities_now"]) == ("quarantined", [])
	daemon.ctl_text("explain", "00000000-0000-8000-8000-000000000000", expect=1)
	daemon.ctl_text("explain", "no-uuid", expect=1)


# --- routes test --------------------------------------------------------------


def test_other_routes_are_tried_on_history_and_nothing_changes(box):
	daemon = box.daemon()
	other = os.path.join(daemon.dir, "other.jsonl")
	daemon.config["sinks"].append({"name": "other", "type": "file", "path": other})
	daemon.start()
	passed = daemon.accept(state="passed")
	failed = daemon.accept(state="failed")
	daemon.wait_recorded(passed, failed)
	wait_idle(daemon)
	before = daemon.ctl("status")["store"]

	changed = os.path.join(daemon.dir, "changed.yaml")
	config = json.loads(json.dumps(daemon.config))
	config["routes"] = [
		{"name": "trouble", "to": ["other", "record"], "when": {"outcome": "failure"}}]
	daemon.write(changed, json.dumps(config))
	answer = json.loads(daemon.ctl_text("--json", "routes", "test", changed))
	assert (answer["looked"], answer["changed"], answer["complete"]) == (2, 2, True), answer
	assert [(i["event"], i["added"], i["removed"]) for i in answer["items"]] == [
		(passed, [], ["record"]), (failed, ["other"], [])]
	assert sorted((s["sink"], s["added"], s["removed"]) for s in answer["sinks"]) == [
		("other", 1, 0), ("record", 0, 1)]
	assert "2 of 2 events would go elsewhere" in daemon.ctl_text("routes", "test", changed)
	same = daemon.ctl_text("routes", "test", daemon.config_path)
	assert "no differences" in same and "0 of 2" in same, same

	daemon.write(changed, json.dumps(config).replace('"record"]', '"recrod"]'))
	done = daemon.get("/readyz")
	assert done.status == 200
	refused = request(daemon.socket, "POST", "/v1/routes/test",
		json.dumps({"config": open(changed, encoding="utf-8").read(), "name": "changed.yaml"}))
	assert refused.status == 400, refused
	assert refused.json()["detail"].startswith("changed.yaml:1:"), refused
	assert "did you mean 'record'" in refused.json()["detail"], refused
	daemon.ctl_text("routes", "test", changed, expect=1)
	daemon.ctl_text("routes", "test", os.path.join(daemon.dir, "nowhere"), expect=1)
	after = daemon.ctl("status")["store"]
	for name in ("events", "pending", "dead", "audit"):
		assert before[name] == after[name], name
	assert not os.path.exists(other) or os.path.getsize(other) == 0


# --- what is no order ---------------------------------------------------------


def test_what_is_no_order_is_refused_with_its_reason(box):
	daemon = box.daemon()
	daemon.start()
	event_id = daemon.accept()
	wait_idle(daemon)
	cases = (
		("", "body"),
		("{", "body"),
		("[]", "body"),
		('{"from":"dead"}', "reason"),
		('{"from":"dead","reason":""}', "body"),
		('{"from":"dead","reason":"x\\ny"}', "body"),
		(json.dumps({"from": "dead", "reason": "x" * 501}), "reason"),
		('{"from":"dead","reason":7}', "body"),
		('{"from":"dead","from":"dead","reason":"x"}', "body"),
		('{"from":"dead","reason":"x","force":true}', "body"),
		('{"from":"dead","reason":"x","dry_run":"yes"}', "body"),
		('{"from":"dead","reason":"x","limit":-1}', "body"),
		('{"from":"dead","reason":"x","since":"yesterday"}', "body"),
		('{"from":"everywhere","reason":"x"}', "from"),
		('{"reason":"x"}', "from"),
		('{"event":"x","reason":"x"}', "event-id"),
		('{"from":"dead","sink":"nobody","reason":"x"}', "sink"),
		('{"from":"quarantine","sink":"record","reason":"x"}', "sink"),
	)
	for body, problem in cases:
		answer = request(daemon.socket, "POST", "/v1/replay", body)
		assert answer.status == 400, (body, answer)
		assert answer.headers["Content-Type"] == "application/problem+json"
		assert answer.json()["type"] == f"urn:stagewire:problem:{problem}", (body, answer)
	assert daemon.get("/v1/replay").status == 405
	assert daemon.get("/v1/replay").headers["Allow"] == "POST"
	answer = request(daemon.socket, "POST", "/v1/dead", "{}")
	assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
	order = json.dumps({"event": event_id, "reason": "x"})
	assert request(daemon.admin, "POST", "/v1/replay", order).status == 405, "not over TCP"
	assert daemon.get("/v1/dead?since=yesterday").status == 400
	assert daemon.get("/v1/events/*/explain").status == 400
	assert daemon.get("/v1/events//explain").status == 404
	for words in (["replay"], ["routes"], ["routes", "test"], ["explain"], ["dead", "x"],
			["events", "--reason", "x"], ["replay", "--state", "dead"]):
		daemon.ctl_text(*words, expect=1 if words == ["replay"] else 2)
	assert not audit_of(daemon, "operator.replay")


# --- retention ----------------------------------------------------------------


def test_what_is_old_goes_and_what_is_outstanding_stays(box):
	daemon, sink = start_with_bus(box)
	daemon.config["sinks"][-1]["schedule"] = "1h 1h"
	daemon.config["retention"] = {"events": "1s", "deliveries": "1s", "dead": "1s",
		"quarantine": "1s", "audit": "1s"}
	daemon.restart()
	payload = compose_payload(slug="acme/parcel-ui")
	gone = daemon.post(payload).json()["event"]
	parked = daemon.accept(slug="acme/unknown")
	daemon.wait_recorded(gone)
	wait_idle(daemon)
	break_bus(sink)
	stuck = daemon.accept(slug="acme/parcel-api")
	wait_until(lambda: sink.requests and daemon.recorded()[-1]["id"] == stuck, "its first try")
	last = daemon.accept(slug="acme/unknown")
	wait_until(lambda: [e["id"] for e in daemon.ctl("events")] == [last, stuck], "the sweep")

	assert daemon.ctl("status")["store"]["events"] == 2
	assert [(d["event"], d["sink"]) for d in daemon.ctl("deliveries")] == [(stuck, "bus")]
	assert daemon.post(payload).json() == {"event": gone, "result": "duplicate"}
	daemon.ctl_text("explain", parked, expect=1)
	assert 'stagewire_retention_removed_total{kind="events"} 1' in \
		daemon.get("/metrics").body.decode()
	wait_until(lambda: len(daemon.ctl("audit")) < 10, "old entries to go")
	sink.answer = (201, {}, b"")
	daemon.restart()
	assert daemon.ctl("status")["store"]["events"] == 2


if __name__ == "__main__":
	main(globals())
