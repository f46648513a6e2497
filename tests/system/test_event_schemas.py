#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every event is a valid CDEvent in a valid CloudEvent: of genuine payloads and of every state."""

import copy
import glob
import json
import os

from harness import FIXTURES, Skip, compose_payload, main
from schemas import Schemas, read

COMPONENT = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: c{number}
  annotations: {{travis-ci.com/repo-slug: {slug}}}
spec: {{type: service, lifecycle: production, owner: "group:default/team-{number}"}}
---
"""


def test_the_validator_knows_good_from_bad(box):
	schemas = Schemas()
	for path in glob.glob(os.path.join(FIXTURES, "cdevents-0.5.1", "conformance", "*.json")):
		assert schemas.cdevent_complaints(read(path)) == [], path
	event = read("cdevents-relay-samples", "pipelinerun_finished.json")
	assert schemas.cdevent_complaints(event) == []
	for path, value in (("context/timestamp", "2026-11-20 10:00:00"), ("context/id", ""),
			("context/source", "https://h/a b"), ("subject/content/outcome", "passed"),
			("subject/content/uri", "h/ü"), ("subject/content/url", "https://h/"),
			("customData", 1), ("subject/id", None)):
		bad = copy.deepcopy(event)
		at = bad
		*outer, last = path.split("/")
		for name in outer:
			at = at[name]
		at[last] = value
		assert schemas.cdevent_complaints(bad) != [], path
	envelope = {"specversion": "1.0", "id": "1", "source": "/a", "type": "t"}
	assert schemas.complaints(schemas.cloudevents, envelope) == []
	for name, value in (("id", ""), ("time", "today"), ("source", "a b"), ("subject", 1)):
		assert schemas.complaints(schemas.cloudevents, {**envelope, name: value}) != [], name


def test_events_of_genuine_payloads(box):
	schemas = Schemas()
	paths = sorted(glob.glob(os.path.join(FIXTURES, "travis", "samples", "*.json")))
	if not paths:
		raise Skip("needs ../shared/fixtures/travis/samples")
	payloads = []
	for path in paths:
		with open(path, "rb") as f:
			payloads.append(f.read())
	daemon = box.daemon()
	documents = [json.loads(p) for p in payloads]
	slugs = sorted({"{owner_name}/{name}".format(**d["repository"]) for d in documents})
	daemon.write(daemon.catalog_path, "".join(COMPONENT.format(number=n, slug=s)
		for n, s in enumerate(slugs)))
	daemon.config["sources"].append({**daemon.config["sources"][0], "name": "travis-org",
		"host": "travis-ci.org"})
	daemon.start()
	ids = []
	for path, payload, document in zip(paths, payloads, documents):
		is_org = document["build_url"].startswith("https://travis-ci.org/")
		answer = daemon.post(payload, source="travis-org" if is_org else "travis-com")
		assert (answer.status, answer.json()["result"]) == (202, "accepted"), (path, answer)
		ids.append(answer.json()["event"])
	assert len(set(ids)) == len(paths)
	for event in daemon.wait_recorded(*ids):
		assert schemas.event_complaints(event) == [], event
	assert len(daemon.recorded()) == len(paths)


# State, what the payload says besides, and the transition that must come of it. In this order.
STATES = [
	("queued", {"state": "queued"}, "none"),
	("received", {"state": "received", "status_message": None}, "none"),
	("started", {"state": "started"}, "none"),
	("passed", {"state": "passed"}, "none"),
	("broken", {"state": "failed"}, "broken"),
	("still failing", {"state": "failed"}, "still_failing"),
	("errored", {"state": "errored"}, "still_failing"),
	("canceled", {"state": "canceled"}, "none"),
	("canceled before the start", {"state": "canceled", "started_at": None, "finished_at": None,
		"duration": None}, "none"),
	("fixed", {"state": "passed"}, "fixed"),
	("pull request", {"state": "failed", "type": "pull_request", "pull_request": True,
		"pull_request_number": 12, "pull_request_title": "Größer & <schneller>"}, None),
	("tag", {"state": "passed", "branch": "v1.2", "tag": "v1.2"}, None),
	("cron", {"state": "passed", "type": "cron"}, None),
	("awkward text", {"state": "failed", "branch": "größe/\"x\"\\y", "message": "\U0001f4a5 \\u0000"},
		None),
	("no commit, no number", {"state": "passed", "commit": None, "number": None}, None),
]


def payload_of(number, fields):
	fields = {"id": 1000 + number, "number": str(number), "started_at": f"2026-11-20T10:{number:02}:00Z",
		**fields}
	if fields["state"] in ("queued", "received", "started"):
		fields["finished_at"] = None
	fields.setdefault("finished_at", f"2026-11-20T10:{number:02}:30Z")
	return compose_payload(**fields)


def test_events_of_every_state(box):
	schemas = Schemas()
	daemon = box.daemon().start()
	events = {}
	for number, (name, fields, transition) in enumerate(STATES, 1):
		answer = daemon.post(payload_of(number, fields))
		assert answer.status == 202, (name, answer)
		event_id = answer.json()["event"]
		daemon.wait_recorded(event_id)
		event = events[name] = next(e for e in daemon.recorded() if e["id"] == event_id)
		assert schemas.event_complaints(event) == [], (name, event)
		assert transition in (None, event["transition"]), (name, event["transition"])
	types = {e["type"].split(".")[3] for e in events.values()}
	assert types == {"queued", "started", "finished"}, types
	assert {e["data"]["subject"]["content"].get("outcome") for e in events.values()} == {
		None, "success", "failure", "error", "cancel"}


def test_an_event_without_entity(box):
	schemas = Schemas()
	daemon = box.daemon().start()
	answer = daemon.post(compose_payload(slug="acme/nobodys"))
	assert answer.json()["result"] == "quarantined", answer
	event = daemon.ctl("event", answer.json()["event"])["event"]
	assert "entityref" not in event
	assert schemas.event_complaints(event) == [], event


def test_an_address_that_is_no_uri_becomes_one(box):
	schemas = Schemas()
	daemon = box.daemon().start()
	ids = [daemon.accept(id=n, state="started", build_url=f"https://app.travis-ci.com/{path}")
		for n, path in enumerate(("a b", "größe", "50%", "x<y>\"z\"", "%41?b=[c]#d{e}#f", "\\"), 1)]
	events = daemon.wait_recorded(*ids)
	for event in events:
		assert schemas.event_complaints(event) == [], event
	assert [e["data"]["subject"]["content"]["uri"][len("https://app.travis-ci.com/"):]
		for e in events] == ["a%20b", "gr%C3%B6%C3%9Fe", "50%25", "x%3Cy%3E%22z%22",
		"%41?b=%5Bc%5D#d%7Be%7D%23f", "%5C"], events


if __name__ == "__main__":
	main(globals())
