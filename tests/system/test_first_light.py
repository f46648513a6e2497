#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The way of a webhook, from its signature to a line in a file."""

import base64
import os

from harness import (ENTITIES, FIXTURES, HOST, PATIENCE_S, Skip, compose_payload, main, request,
	wait_until)

PARCEL_UI = """---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: parcel-ui
  annotations: {travis-ci.com/repo-slug: ACME/Parcel-UI}
spec: {type: website, lifecycle: production, owner: user:alice}
"""


def test_a_signed_webhook_is_recorded_with_its_entity_and_owner(box):
	daemon = box.daemon().start()
	event_id = daemon.accept(state="failed", id=280123456)

	event, = daemon.wait_recorded(event_id)
	assert event["specversion"] == "1.0"
	assert event["type"] == "dev.cdevents.pipelinerun.finished.0.3.0", event["type"]
	assert event["entityref"] == "component:default/parcel-api", event
	assert event["ownerref"] == "group:default/payments", event
	assert event["data"]["subject"]["content"]["outcome"] == "failure"
	build = event["data"]["customData"]["stagewire"]["build"]
	assert build["repository"] == "acme/parcel-api"
	assert build["id"] == 280123456
	assert build["url"] == f"https://{HOST}/acme/parcel-api/builds/280123456"


def test_nothing_of_the_config_or_of_people_is_kept(box):
	daemon = box.daemon().start()
	daemon.wait_recorded(daemon.accept())
	daemon.ctl("audit")
	daemon.stop()
	paths = [os.path.join(folder, name) for folder, _, names in os.walk(daemon.dir)
		for name in names]
	assert any("tile/entries" in path for path in paths), paths
	for path in paths:
		if path == daemon.socket:
			continue
		with open(path, "rb") as f:
			content = f.read()
		for secret in (b"s3cret-path", b"ada@example.com", "Ada Änderung".encode()):
			assert secret not in content, f"{secret} in {path}"


def test_the_audit_trail_tells_both_decisions(box):
	daemon = box.daemon().start()
	event_id = daemon.accept(state="passed")
	entries = wait_until(lambda: [e for e in daemon.ctl("audit") if e.get("event") == event_id
		and e["action"] == "delivery.attempt"] and daemon.ctl("audit"), "the delivery's entry")

	accept, = (e for e in entries if e.get("event") == event_id
		and e["action"] == "webhook.accept")
	assert accept["outcome"] == "success"
	assert accept["source"] == "travis-com"
	assert accept["repository"] == "acme/parcel-api"
	assert accept["owners"] == ["group:default/payments"]
	assert len(accept["payload_sha256"]) == 64
	attempt, = (e for e in entries if e["action"] == "delivery.attempt")
	assert (attempt["sink"], attempt["outcome"]) == ("record", "success")
	assert [e["seq"] for e in entries] == sorted({e["seq"] for e in entries})
	assert "daemon.start" in {e["action"] for e in entries}


def test_an_operator_reads_it_in_tables_and_in_json(box):
	daemon = box.daemon().start()
	event_id = daemon.accept(state="errored", number="4711")
	wait_until(lambda: daemon.ctl("deliveries", "--state", "done"), "its delivery")

	row, = daemon.ctl("events")
	assert (row["id"], row["outcome"], row["place"]) == (event_id, "error", "routed")
	one = daemon.ctl("event", event_id)
	assert one["event"]["id"] == event_id
	assert [d["state"] for d in one["deliveries"]] == ["done"]
	status = daemon.ctl("status")
	assert status["ready"] and status["store"]["events"] == 1
	assert status["sources"][0]["accepted"] == 1
	assert status["sinks"][0]["delivered"] == 1

	for command in (["events"], ["event", event_id], ["deliveries"], ["audit"]):
		assert event_id in daemon.ctl_text(*command), command
	assert "group:default/payments" in daemon.ctl_text("event", event_id)
	assert "4711" in daemon.ctl_text("event", event_id)
	assert "ready" in daemon.ctl_text("status")
	assert "nothing is in quarantine" in daemon.ctl_text("quarantine")


def test_the_operator_is_told_what_is_wrong_with_a_question(box):
	daemon = box.daemon().start()
	unknown = "00000000-0000-8000-8000-000000000000"
	daemon.ctl_text("event", unknown, expect=1)
	daemon.ctl_text("event", "no-uuid", expect=1)
	daemon.ctl_text("deliveries", "--state", "sleeping", expect=1)
	daemon.ctl_text("events", "--limit", "many", expect=1)
	daemon.ctl_text("dance", expect=2)
	daemon.ctl_text(expect=2)
	daemon.stop()
	daemon.ctl_text("status", expect=1)


def test_a_list_is_limited_and_newest_first(box):
	daemon = box.daemon().start()
	ids = [daemon.accept() for _ in range(5)]
	rows = daemon.ctl("events", "--limit", "2")
	assert [r["id"] for r in rows] == [ids[4], ids[3]], rows


def test_the_same_webhook_again_changes_nothing(box):
	daemon = box.daemon().start()
	payload = compose_payload()
	first = daemon.post(payload)
	again = daemon.post(payload)
	assert (first.status, first.json()["result"]) == (202, "accepted"), first
	assert (again.status, again.json()["result"]) == (202, "duplicate"), again
	assert first.json()["event"] == again.json()["event"]

	daemon.restart()
	later = daemon.post(payload)
	assert (later.status, later.json()["result"]) == (202, "duplicate"), later
	other = daemon.accept()
	events = daemon.wait_recorded(other)
	assert [e["id"] for e in events] == [first.json()["event"], other]


def test_a_late_start_never_overwrites_a_final_state(box):
	daemon = box.daemon().start()
	daemon.accept(id=7, state="passed")
	late = daemon.post(compose_payload(id=7, state="started"))
	assert (late.status, late.json()["result"]) == (202, "late"), late
	daemon.wait_recorded(last := daemon.accept(id=8))
	assert [e["id"] for e in daemon.recorded()][-1] == last
	assert len(daemon.recorded()) == 2


def test_a_follow_up_of_fast_finish_is_not_announced_again(box):
	daemon = box.daemon().start()
	daemon.accept(id=7, state="passed", duration=100)
	follow = daemon.post(compose_payload(id=7, state="passed", duration=150))
	assert (follow.status, follow.json()["result"]) == (202, "updated"), follow
	daemon.wait_recorded(daemon.accept(id=8))
	assert len(daemon.recorded()) == 2


def test_transitions_come_from_history_not_from_the_message(box):
	daemon = box.daemon().start()
	for number, state in enumerate(("passed", "failed", "errored", "canceled", "passed"), 1):
		last = daemon.accept(id=number, state=state, status_message="Passed",
			started_at=f"2026-11-20T10:0{number}:00Z", finished_at=f"2026-11-20T10:0{number}:30Z")
	events = daemon.wait_recorded(last)
	assert [e["transition"] for e in events] == [
		"none", "broken", "still_failing", "none", "fixed"]


def test_what_maps_to_no_entity_waits_in_quarantine_until_it_does(box):
	daemon = box.daemon().start()
	answer = daemon.post(compose_payload(slug="acme/parcel-ui"))
	event_id = answer.json()["event"]
	assert (answer.status, answer.json()["result"]) == (202, "quarantined"), answer
	row, = daemon.ctl("quarantine")
	assert (row["id"], row["reason"]) == (event_id, "no-entity")
	assert "acme/parcel-ui" in daemon.ctl_text("quarantine")

	daemon.write(daemon.catalog_path, ENTITIES + PARCEL_UI)
	daemon.reload()
	event, = daemon.wait_recorded(event_id)
	assert event["entityref"] == "component:default/parcel-ui"
	assert event["ownerref"] == "user:default/alice"
	assert daemon.ctl("quarantine") == []


def test_routes_choose_by_outcome_transition_branch_and_owner(box):
	daemon = box.daemon()
	paths = {}
	for name in ("failures", "fixes", "releases", "payments", "strangers"):
		paths[name] = os.path.join(daemon.dir, name + ".jsonl")
		daemon.config["sinks"].append({"name": name, "type": "file", "path": paths[name]})
	daemon.config["routes"] += [
		{"name": "1", "when": {"outcome": ["failure", "error"]}, "to": ["failures"]},
		{"name": "2", "when": {"transition": ["fixed"]}, "to": ["fixes"]},
		{"name": "3", "when": {"branch": ["release/*"]}, "to": ["releases"]},
		{"name": "4", "when": {"owner": ["group:default/payments"]}, "to": ["payments"]},
		{"name": "5", "when": {"owner": ["user:default/mallory"]}, "to": ["strangers"]},
	]
	daemon.start()
	failed = daemon.accept(state="failed", finished_at="2026-11-20T10:01:00Z")
	fixed = daemon.accept(state="passed", started_at="2026-11-20T10:02:00Z",
		finished_at="2026-11-20T10:03:00Z")
	release = daemon.accept(state="passed", branch="release/1.2")
	wait_until(lambda: daemon.ctl("status")["store"]["pending"] == 0, "all deliveries")

	def ids(name):
		daemon.record = paths[name]
		return [e["id"] for e in daemon.recorded()]

	assert ids("failures") == [failed]
	assert ids("fixes") == [fixed]
	assert ids("releases") == [release]
	assert ids("payments") == [failed, fixed, release]
	assert ids("strangers") == []


def test_a_sink_that_is_down_gets_everything_in_order_when_it_is_back(box):
	sink = box.sink()
	daemon = box.daemon()
	daemon.use_bus(sink)
	daemon.config["sinks"][-1].update(schedule="100ms" + " 200ms" * 30, circuit={"failures": 0})
	daemon.start()
	sink.down()
	ids = [daemon.accept() for _ in range(5)]
	daemon.wait_recorded(*ids)  # one dead sink does not delay another
	wait_until(lambda: daemon.ctl("status")["sinks"][1]["tempfails"] > 0, "a failed try")
	assert len(daemon.ctl("deliveries", "--state", "pending")) == 5
	sink.up()
	wait_until(lambda: len(sink.events()) == 5, "the deliveries")
	assert [e["id"] for e in sink.events()] == ids


def test_a_refusal_for_good_becomes_a_dead_letter(box):
	sink = box.sink()
	daemon = box.daemon()
	daemon.use_bus(sink)
	daemon.start()
	sink.answer = (400, {"Content-Type": "application/json"},
		b'{"error":{"name":"InputError","message":"no"}}')
	event_id = daemon.accept()
	dead = wait_until(lambda: daemon.ctl("deliveries", "--state", "dead"), "a dead letter")
	assert [(d["event"], d["sink"], d["status"]) for d in dead] == [(event_id, "bus", 400)]
	assert "bus" in daemon.ctl_text("deliveries", "--state", "dead")


def test_the_admin_port_shows_no_events(box):
	daemon = box.daemon().start()
	event_id = daemon.accept()
	for path in ("/v1/status", "/v1/events", f"/v1/events/{event_id}", "/v1/audit"):
		assert daemon.get(path).status == 200, path
		assert daemon.get(path, over=daemon.admin).status == 404, path
		assert daemon.get(path, over=daemon.hooks).status == 404, path
	for path in ("/healthz", "/readyz", "/metrics"):
		assert daemon.get(path, over=daemon.admin).status == 200, path
		assert daemon.get(path, over=daemon.hooks).status == 404, path


def test_a_payload_of_several_megabytes_is_taken(box):
	daemon = box.daemon().start()
	jobs = [{"id": i, "number": f"1.{i}", "state": "passed", "config": {"x": "y" * 22000},
		"allow_failure": None} for i in range(200)]
	payload = compose_payload(matrix=jobs)
	assert len(payload) > 4 << 20
	answer = daemon.post(payload)
	assert answer.status == 202, answer
	event, = daemon.wait_recorded(answer.json()["event"])
	assert event["data"]["customData"]["stagewire"]["build"]["jobs"] == 200


def test_a_genuine_request_of_2016_verifies_as_it_was_sent(box):
	vector = os.path.join(FIXTURES, "travis", "vectors", "01-go-neb")
	key = os.path.join(FIXTURES, "travis", "vectors", "keys", "travis-ci.org.pem")
	if not os.path.exists(vector):
		raise Skip("needs ../shared/fixtures")
	with open(os.path.join(vector, "body.form"), "rb") as f:
		body = f.read().rstrip(b"\n")
	with open(os.path.join(vector, "signature.b64"), encoding="ascii") as f:
		signature = f.read().strip()
	daemon = box.daemon()
	daemon.config["sources"] = [{"name": "travis-org", "type": "travis", "host": "travis-ci.org",
		"public_keys": [os.path.abspath(key)]}]
	daemon.start()

	def send(body, signature):
		return daemon.post(b"", signature=signature, source="travis-org", body=body)

	assert send(body, signature).status == 202
	raw = base64.b64decode(signature)
	for at in range(0, len(raw), 16):
		flipped = bytearray(raw)
		flipped[at] ^= 1 << (at // 16 % 8)
		assert send(body, base64.b64encode(flipped).decode()).status == 403, at
	for at in range(len("payload="), len(body), 97):
		flipped = bytearray(body)
		flipped[at] ^= 1
		assert send(bytes(flipped), signature).status in (400, 403), at
	assert daemon.ctl("status")["store"]["events"] == 1


def test_keys_come_from_the_instances_config_too(box):
	travis = box.sink()
	daemon = box.daemon()
	with open(box.key + ".pub", encoding="ascii") as f:
		pem = f.read()
	config = '{"config":{"notifications":{"webhook":{"public_key":"%s"}}}}' % pem.replace(
		"\n", "\\n")
	travis.answer = (200, {"Content-Type": "application/json"}, config.encode())
	source = daemon.config["sources"][0]
	del source["public_keys"]
	source["config_url"] = travis.url + "/config"
	daemon.start()
	wait_until(lambda: daemon.ctl("status")["sources"][0]["keys"] == 1, "the key")
	daemon.accept()
	path, fields, _ = travis.requests[0]
	assert path == "/config" and "Travis-API-Version" not in fields

	travis.down()
	daemon.restart()  # the cached key verifies while Travis CI is away
	daemon.accept()


def test_it_answers_a_pipeline_in_order(box):
	import socket  # a raw one: http.client does not pipeline
	from harness import form_encode
	daemon = box.daemon().start()
	heads = []
	for _ in range(3):
		payload = compose_payload()
		body = form_encode(payload)
		heads.append((f"POST /hooks/travis/travis-com HTTP/1.1\r\nHost: x\r\n"
			f"Content-Type: application/x-www-form-urlencoded\r\n"
			f"Signature: {daemon.signer.sign(payload)}\r\n"
			f"Content-Length: {len(body)}\r\n\r\n").encode() + body)
	with socket.create_connection(("127.0.0.1", daemon.hooks), PATIENCE_S) as s:
		s.sendall(b"".join(heads))
		answer = b""
		while answer.count(b'"result"') < 3:
			part = s.recv(65536)
			assert part, answer
			answer += part
	assert answer.count(b"HTTP/1.1 202 ") == 3, answer
	assert request(daemon.socket, "GET", "/v1/status").json()["store"]["events"] == 3


if __name__ == "__main__":
	main(globals())
