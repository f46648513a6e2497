#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ownership in time: what the record says of the past, and where catalog and builds drift apart."""

import json
import os
import re
import subprocess
import sys
import time

import harness
from harness import main, seconds, wait_until

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools"))
from bus_standin import Backstage, group  # pylint: disable=wrong-import-position,import-error

SLUG = "acme/parcel-api"
REF = "component:default/parcel-api"
TOPIC = "stagewire.catalog"
A, B = "group:default/payments", "group:default/logistics"


def live_daemon(box, refresh="1h"):
	"""A daemon that hears of every change at once, from a stand-in for Backstage."""
	backstage = Backstage()
	box.sinks.append(backstage)
	backstage.add(group("payments"))
	backstage.add(group("logistics"))
	backstage.set("parcel-api", SLUG, A, "e1")
	daemon = box.daemon()
	daemon.config["backstage"] = {"url": backstage.url, "subscribe": True}
	daemon.config["catalog"] = {"refresh": refresh}
	daemon.start()
	wait_until(lambda: daemon.ctl("status")["bus"]["subscribed"] and backstage.polls > 0,
		"the subscription")
	wait_until(lambda: history(daemon), "the record's beginning")
	return daemon, backstage


def show(daemon, ref=REF):
	return daemon.ctl("catalog", "show", ref)


def history(daemon, ref=REF):
	"""The changes on record, oldest first; none if there is no record of it."""
	done = subprocess.run([harness.STAGEWIRECTL, "--socket", daemon.socket, "--json", "catalog",
		"show", ref], capture_output=True, text=True, timeout=harness.PATIENCE_S, check=False)
	return json.loads(done.stdout)["history"][::-1] if done.returncode == 0 else []


def owners_at(daemon, at, ref=REF):
	return daemon.ctl("catalog", "owners", ref, "--at", at)


def refused(daemon, *args):
	done = subprocess.run([harness.STAGEWIRECTL, "--socket", daemon.socket, "catalog", *args],
		capture_output=True, text=True, timeout=harness.PATIENCE_S, check=False)
	assert done.returncode == 1 and done.stdout == "", done
	assert done.stderr.count("\n") == 1, done
	return done.stderr


def hint(daemon, backstage, ref=REF):
	rows = len(history(daemon, ref))
	backstage.publish(TOPIC, {"entityRef": ref})
	return wait_until(lambda: len(history(daemon, ref)) > rows and history(daemon, ref),
		"the change")


def audit(daemon, action):
	return [e for e in daemon.ctl("audit") if e["action"] == action]


def test_there_and_back_is_three_rows_when_each_step_was_told(box):
	daemon, backstage = live_daemon(box)
	backstage.set("parcel-api", SLUG, B, "e2")
	hint(daemon, backstage)
	backstage.set("parcel-api", SLUG, A, "e1")
	rows = hint(daemon, backstage)
	assert [r["owners"] for r in rows] == [[A], [B], [A]], rows
	assert [r["change"] for r in rows] == ["begins", "owners", "owners"], rows
	assert rows[0]["not_before"] is None
	for before, after in zip(rows, rows[1:]):
		assert seconds(before["since"]) <= seconds(after["since"])
		assert seconds(after["not_before"]) <= seconds(after["since"])
	for row in rows:
		then = owners_at(daemon, row["since"])
		assert then["owners"] == row["owners"] and then["certain"], then
	assert show(daemon)["entity"]["owners"] == [A]
	# One entry for each change, and one for the beginning.
	changes = audit(daemon, "ownership.change")
	assert [(e["reason"], e["owners"], e["detail"]) for e in changes] == [
		("owners", [B], f"owners were {A}"), ("owners", [A], f"owners were {B}")], changes
	assert len(audit(daemon, "ownership.begin")) == 1


def test_an_orphan_a_removal_and_a_new_uid_are_told(box):
	daemon, backstage = live_daemon(box)
	backstage.set("parcel-api", SLUG, A, "e2", orphan=True)
	hint(daemon, backstage)
	assert show(daemon)["entity"]["orphan"]
	del backstage.catalog[REF]
	rows = hint(daemon, backstage)
	answer = show(daemon)
	assert "entity" not in answer and rows[-1]["gone"]
	gone = owners_at(daemon, rows[-1]["since"])
	assert not gone["present"] and gone["certain"] and "owners" not in gone, gone
	backstage.set("parcel-api", SLUG, B, "e3", uid="uid-again")
	rows = hint(daemon, backstage)
	assert [r["change"] for r in rows] == ["begins", "orphaned", "removed", "added"], rows
	assert [r.get("uid") for r in rows] == ["uid-parcel-api", "uid-parcel-api", None, "uid-again"]
	assert [r["orphan"] for r in rows] == [False, True, False, False]
	# A new uid alone is another entity of the same name.
	backstage.set("parcel-api", SLUG, B, "e4", uid="uid-third")
	assert hint(daemon, backstage)[-1]["change"] == "recreated"


def test_a_whole_read_tells_the_interval_in_which_the_change_was(box):
	daemon, backstage = live_daemon(box, refresh="1s")
	reads = backstage.reads
	wait_until(lambda: backstage.reads > reads + 1, "two more reads")
	before = time.time()
	backstage.set("parcel-api", SLUG, B, "e2")
	after = time.time()
	rows = wait_until(lambda: len(history(daemon)) == 2 and history(daemon), "the change")
	change = rows[1]
	assert seconds(change["not_before"]) <= after + 0.002, (change, after)
	assert seconds(change["since"]) >= before - 0.002, (change, before)
	between = owners_at(daemon, stamp((seconds(change["not_before"]) +
		seconds(change["since"])) / 2))
	assert not between["certain"] and between["owners"] == [A], between
	assert between["or"]["owners"] == [B], between
	text = daemon.ctl_text("catalog", "owners", REF, "--at", change["not_before"])
	assert re.search(rf"owners +{A}\n", text) and "certain      yes" in text, text


def stamp(at):
	return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1000):03d}Z"


def test_what_changed_while_the_relay_was_down_is_told_at_its_start(box):
	daemon, backstage = live_daemon(box)
	confirmed = history(daemon)[0]["since"]
	daemon.stop()
	backstage.set("parcel-api", SLUG, B, "e2")
	down = time.time()
	daemon.start()
	rows = wait_until(lambda: len(history(daemon)) == 2 and history(daemon), "the change")
	assert seconds(rows[1]["not_before"]) <= down <= seconds(rows[1]["since"]), (rows, confirmed)
	assert [e["reason"] for e in audit(daemon, "ownership.change")] == ["owners"]
	assert len(audit(daemon, "ownership.begin")) == 1, "nothing begins anew"


def test_times_and_references_without_an_answer_are_refused_in_one_line(box):
	daemon, _ = live_daemon(box)
	begins = show(daemon)["record_begins"]
	assert f"begins at {begins}" in refused(daemon, "owners", REF, "--at", "2020-01-01T00:00:00Z")
	assert "future" in refused(daemon, "owners", REF, "--at", stamp(time.time() + 3600))
	assert "no such entity" in refused(daemon, "owners", "component:default/nowhere")
	assert "no such entity" in refused(daemon, "show", "component:default/nowhere")
	assert "reference" in refused(daemon, "show", "a/b/c")
	assert "at is a time" in refused(daemon, "owners", REF, "--at", "yesterday")
	assert "days is a number" in refused(daemon, "drift", "--days", "many")
	# A name alone is a component's.
	assert show(daemon, "Parcel-API")["ref"] == REF


def test_a_file_s_owners_are_certain_until_it_is_read_again(box):
	daemon = box.daemon()
	daemon.start()
	wait_until(lambda: history(daemon), "the record's beginning")
	assert owners_at(daemon, "0s")["certain"]
	daemon.write(daemon.catalog_path, harness.ENTITIES.replace("owner: payments", "owner: lost"))
	daemon.reload()
	rows = wait_until(lambda: len(history(daemon)) == 2 and history(daemon), "the change")
	assert rows[1]["owners"] == ["group:default/lost"]
	daemon.restart()
	assert len(history(daemon)) == 2, "a start is no change"


def test_drift_lists_what_does_not_fit_together(box):
	daemon, backstage = live_daemon(box)
	backstage.set("parcel-ui", "acme/monorepo", A, "e1")
	backstage.set("parcel-cli", "acme/Monorepo", B, "e1")
	backstage.set("parcel-doc", "acme/doc", None, "e1")
	backstage.set("parcel-old", "acme/old", "group:default/disbanded", "e1")
	for name in ("ui", "cli", "doc", "old"):
		hint(daemon, backstage, f"component:default/parcel-{name}")
	daemon.accept()
	daemon.accept(slug="acme/monorepo")
	daemon.accept(slug="acme/Unclaimed", state="started")
	daemon.accept(slug="acme/unclaimed", state="started")
	drift = daemon.ctl("catalog", "drift")
	assert drift["days"] == 30 and drift["events"] == 4, drift
	unclaimed = drift["repositories"]
	assert unclaimed["total"] == 1 and unclaimed["items"][0]["events"] == 2, unclaimed
	assert unclaimed["items"][0]["repository"] == "acme/unclaimed", unclaimed
	assert [e["entity"] for e in drift["entities"]["items"]] == [
		"component:default/parcel-doc", "component:default/parcel-old"], drift
	assert drift["owners"]["items"] == [{"owner": "group:default/disbanded", "entities": 1,
		"entity": "component:default/parcel-old"}], drift
	assert sorted(m["repository"].lower() for m in drift["mappings"]["items"]) == [
		"acme/doc", "acme/monorepo"], drift
	text = daemon.ctl_text("catalog", "drift", "--days", "1")
	assert "group:default/disbanded" in text and "acme/unclaimed" in text, text
	# In no time nothing was built.
	assert daemon.ctl("catalog", "drift", "--days", "0")["entities"]["total"] == 5


def test_replay_and_explain_leave_the_owner_as_of_the_build(box):
	daemon, backstage = live_daemon(box)
	event = daemon.accept()
	parked = daemon.accept(slug="acme/later")
	daemon.wait_recorded(event)
	backstage.set("parcel-api", SLUG, B, "e2")
	hint(daemon, backstage)
	said = daemon.ctl("explain", event)
	assert said["owners"] == [A] and said["owners_now"] == [B], said
	daemon.ctl("replay", "--event", event, "--reason", "again")
	twice = wait_until(lambda: [e for e in daemon.recorded() if e["id"] == event][1:] and
		[e for e in daemon.recorded() if e["id"] == event], "the replay")
	assert twice[0] == twice[1], "the same to the byte"
	assert twice[1]["data"]["customData"]["stagewire"]["correlation"]["owners"] == [A]
	# A parked one gets the owners of the moment in which it finds its entity.
	backstage.set("later", "acme/later", B, "e1")
	backstage.publish(TOPIC, {"entityRef": "component:default/later"})
	daemon.wait_recorded(parked)
	backstage.set("later", "acme/later", A, "e2")
	hint(daemon, backstage, "component:default/later")
	assert daemon.ctl("explain", parked)["owners"] == [B]


if __name__ == "__main__":
	main(globals())
