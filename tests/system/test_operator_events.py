#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What operators should hear of reaches them in every form: journal, syslog, notification."""

import json
import os

from collector import DatagramCollector, JournalSocket
from harness import main, wait_until
from schemas import Schemas


def failing_daemon(box):
	"""A daemon whose bus is down, so that its circuit opens at the first try."""
	daemon = box.daemon()
	sink = box.sink()
	daemon.use_bus(sink)
	daemon.config["sinks"][-1].update(schedule="100ms" + " 200ms" * 30,
		circuit={"failures": 1, "min_tries": 1, "hold": "200ms"})
	sink.answer = (500, {}, b"")
	return daemon, sink


def hear(daemon, *names):
	daemon.config["routes"].append({"name": "operators",
		"when": {"type": ["dev.stagewire.operator.*"]}, "to": ["record", *names]})


def operator_events(daemon):
	return [e for e in daemon.recorded() if e["type"].startswith("dev.stagewire.operator.")]


def test_in_the_journal_and_in_syslog(box):
	journal = JournalSocket(os.path.join(box.dir, "journal"))
	log = DatagramCollector(os.path.join(box.dir, "log"))
	daemon, bus = failing_daemon(box)
	daemon.config["sinks"] += [{"name": "journal", "type": "journald", "socket": journal.path},
		{"name": "log", "type": "syslog", "address": f"unix:{log.path}"}]
	hear(daemon, "journal", "log")
	daemon.start()
	daemon.accept()
	wait_until(lambda: operator_events(daemon), "an operator event")
	bus.answer = (201, {}, b"")
	wait_until(lambda: len(operator_events(daemon)) >= 2, "the sink's recovery")
	wait_until(lambda: len(journal.take()) >= 2 and len(log.take()) >= 2, "the logs' messages")

	for event, entry, message, severity in zip(operator_events(daemon), journal.take(),
			log.take(), (4, 5)):
		fields = dict(entry)
		assert fields["MESSAGE"] == event["data"]["message"]
		assert fields["PRIORITY"] == str(severity)
		assert fields["MESSAGE_ID"] == "42b0f839dc9845988a67d285a149088a"
		assert fields["STAGEWIRE_SINK"] == "bus" and fields["STAGEWIRE_TYPE"] == event["type"]
		assert json.loads(fields["STAGEWIRE_EVENT"]) == event
		assert message.msgid == "operator" and message.severity == severity
		assert message.param("sink") == ["bus"] and message.param("type") == [event["type"]]
		assert json.loads(message.text) == event
	journal.down()
	log.down()


def test_as_a_notification_to_the_sinks_recipients(box):
	daemon, bus = failing_daemon(box)
	bus.answer = (500, {}, b"")
	operators = {"name": "operators", "type": "backstage-notifications",
		"schedule": "100ms" + " 200ms" * 30, "circuit": {"failures": 0},
		"recipients": ["group:default/platform", "user:default/ada"]}
	daemon.config["sinks"].append(operators)
	hear(daemon, "operators")
	daemon.start()
	daemon.accept()
	path, _, body = wait_until(lambda: [r for r in list(bus.requests)
		if r[0] == "/api/notifications"], "the notification")[0]
	event = wait_until(lambda: operator_events(daemon), "the event")[0]
	notice = json.loads(body)
	assert path == "/api/notifications"
	assert notice["recipients"] == {"type": "entity",
		"entityRef": ["group:default/platform", "user:default/ada"]}
	assert notice["payload"]["title"] == event["data"]["message"]
	assert notice["payload"]["severity"] == "high"
	assert notice["payload"]["scope"] == "stagewire:operator:bus"
	bus.answer = (201, {}, b"[{}]")


def test_without_recipients_it_ends_where_the_operator_looks(box):
	daemon, bus = failing_daemon(box)
	daemon.config["sinks"].append({"name": "owners", "type": "backstage-notifications"})
	hear(daemon, "owners")
	daemon.start()
	daemon.accept()
	event = wait_until(lambda: operator_events(daemon), "the event")[0]
	dead = wait_until(lambda: daemon.ctl("deliveries", "--state", "dead"), "a dead letter")
	assert (dead[0]["event"], dead[0]["sink"]) == (event["id"], "owners")
	assert "nobody to tell" in daemon.log()
	bus.answer = (201, {}, b"")


def test_is_a_valid_cloudevent(box):
	schemas = Schemas()
	daemon, bus = failing_daemon(box)
	hear(daemon)
	daemon.start()
	daemon.accept()
	wait_until(lambda: operator_events(daemon), "an operator event")
	bus.answer = (201, {}, b"")
	wait_until(lambda: len(operator_events(daemon)) >= 2, "the sink's recovery")
	for event in operator_events(daemon):
		assert schemas.complaints(schemas.cloudevents, event) == [], event


if __name__ == "__main__":
	main(globals())
