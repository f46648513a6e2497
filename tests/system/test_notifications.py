#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Notifications of builds, as Backstage is sent them."""

import json

from harness import main, wait_until


def test_a_storm_of_one_repository_is_one_notification_after_the_first(box):
	sink = box.sink()
	sink.answer = (200, {"Content-Type": "application/json"}, b'[{"id":"1"}]')
	daemon = box.daemon()
	daemon.use_bus(sink)
	daemon.config["sinks"][-1] = {"name": "owners", "type": "backstage-notifications",
		"coalesce": "2s"}
	daemon.config["routes"][0]["to"] = ["record", "owners"]
	daemon.start()

	ids = [daemon.accept(id=1, number="1", state="passed", branch="main")]
	wait_until(lambda: len(sink.requests) == 1, "the first notification, at once")
	for number, state, branch in ((2, "failed", "one"), (3, "passed", "two"),
			(4, "errored", "three"), (5, "passed", "main")):
		ids.append(daemon.accept(id=number, number=str(number), state=state, branch=branch))
	wait_until(lambda: len([d for d in daemon.ctl("deliveries", "--state", "done")
		if d["sink"] == "owners"]) == 5, "five deliveries")

	first, storm = (json.loads(body) for _, _, body in sink.requests)
	assert "description" not in first["payload"] or "earlier" not in first["payload"]["description"]
	payload = storm["payload"]
	assert payload["title"] == "acme/parcel-api: main build 5 passed"
	assert payload["severity"] == "high"
	assert payload["scope"] == first["payload"]["scope"]
	assert payload["description"].endswith("""3 earlier builds:
• acme/parcel-api: three build 4 errored
• acme/parcel-api: two build 3 passed
• acme/parcel-api: one build 2 failed"""), payload["description"]
	assert storm["recipients"]["entityRef"] == ["component:default/parcel-api"]
	assert len(daemon.wait_recorded(*ids)) == 5  # a sink for programs gets each


if __name__ == "__main__":
	main(globals())
