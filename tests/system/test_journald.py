#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Events as entries of the journal: at a socket of the test's own, and at a real journald."""

import json
import os
import subprocess

from collector import JournalSocket
from harness import Skip, main, need_program, wait_until

JOURNALD = "/lib/systemd/systemd-journald"


def daemon_for(box, path, **options):
	daemon = box.daemon()
	daemon.config["sinks"].append({"name": "journal", "type": "journald", "socket": path,
		"schedule": "100ms" + " 200ms" * 30, "circuit": {"failures": 0}, **options})
	daemon.config["routes"][0]["to"].append("journal")
	return daemon


def journal_status(daemon):
	return next(s for s in daemon.ctl("status")["sinks"] if s["name"] == "journal")


def wait_delivered(daemon, n):
	wait_until(lambda: journal_status(daemon)["delivered"] >= n, f"{n} deliveries")


def test_an_event_is_an_entry_with_fields_of_its_own(box):
	journal = JournalSocket(os.path.join(box.dir, "socket"))
	daemon = daemon_for(box, journal.path).start()
	event_id = daemon.accept(state="failed", number="42", tag="v1.2")
	wait_delivered(daemon, 1)
	entry, = journal.take()
	event, = daemon.wait_recorded(event_id)
	fields = dict(entry)
	assert json.loads(fields.pop("STAGEWIRE_EVENT")) == event
	assert fields == {
		"MESSAGE": "acme/parcel-api: tag v1.2 build 42 failed",
		"PRIORITY": "3",
		"SYSLOG_IDENTIFIER": "stagewired",
		"MESSAGE_ID": "ae3eb205eb6042e9b8ebbdfded48189e",
		"STAGEWIRE_EVENT_ID": event_id,
		"STAGEWIRE_TYPE": event["type"],
		"STAGEWIRE_SOURCE": event["source"],
		"STAGEWIRE_TIME": event["time"],
		"STAGEWIRE_REPOSITORY": "acme/parcel-api",
		"STAGEWIRE_BUILD": "42",
		"STAGEWIRE_BRANCH": "main",
		"STAGEWIRE_TAG": "v1.2",
		"STAGEWIRE_OUTCOME": "failure",
		"STAGEWIRE_TRANSITION": event["transition"],
		"STAGEWIRE_URL": event["data"]["subject"]["content"]["uri"],
		"STAGEWIRE_OWNER": "group:default/payments",
		"STAGEWIRE_ENTITY": "component:default/parcel-api",
	}, fields
	assert len(entry) == len(dict(entry))
	journal.down()


def test_each_owner_is_a_field(box):
	journal = JournalSocket(os.path.join(box.dir, "socket"))
	daemon = daemon_for(box, journal.path)
	with open(daemon.catalog_path, "a", encoding="utf-8") as f:
		f.write("""---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: parcel-ui
  annotations: {travis-ci.com/repo-slug: acme/parcel-api}
spec: {type: website, lifecycle: production, owner: user:alice}
""")
	daemon.start()
	daemon.accept()
	wait_delivered(daemon, 1)
	entry, = journal.take()
	assert sorted(v for n, v in entry if n == "STAGEWIRE_OWNER") == [
		"group:default/payments", "user:default/alice"]
	assert sorted(v for n, v in entry if n == "STAGEWIRE_ENTITY") == [
		"component:default/parcel-api", "component:default/parcel-ui"]
	journal.down()


def test_without_journald_nothing_is_lost(box):
	path = os.path.join(box.dir, "socket")
	daemon = daemon_for(box, path).start()
	ids = [daemon.accept() for _ in range(3)]
	wait_until(lambda: journal_status(daemon)["tempfails"] > 0, "a failed try")
	assert journal_status(daemon)["trouble"] == "No such file or directory"
	journal = JournalSocket(path)
	wait_delivered(daemon, 3)
	assert [dict(e)["STAGEWIRE_EVENT_ID"] for e in journal.take()] == ids
	journal.down()


def start_journald(box):
	"""A real journald with a /run and a /var/log of its own; it ends with this test."""
	if not os.access(JOURNALD, os.X_OK):
		raise Skip("systemd-journald is not installed")
	unshare = need_program("unshare")
	need_program("journalctl")
	run = os.path.join(box.dir, "run")
	os.mkdir(run)
	script = ('mount --bind "$1" /run && mkdir -p /run/systemd/journal && '
		'mount -t tmpfs tmpfs /var/log && exec setpriv --pdeathsig KILL ' + JOURNALD)
	process = subprocess.Popen([unshare, "--mount", "sh", "-c", script, "sh", run],
		stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
	path = os.path.join(run, "systemd", "journal", "socket")
	try:
		wait_until(lambda: process.poll() is not None or os.path.exists(path), "journald")
		if process.poll() is not None:
			raise Skip("journald does not run here: " +
				process.stderr.read().decode("utf-8", "replace").strip().replace("\n", "; "))
	except BaseException:
		process.kill()
		process.wait()
		raise
	return process, run, path


def read_journal(run, *matches):
	done = subprocess.run(["journalctl", "--directory", os.path.join(run, "log", "journal"),
		"--output=json", "--all", *matches], capture_output=True, text=True, check=False)
	return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_real_journald_finds_an_event_by_its_fields(box):
	process, run, path = start_journald(box)
	try:
		daemon = daemon_for(box, path).start()
		small = daemon.accept(state="failed", number="42")
		large = daemon.accept(state="passed", message="é" * 100)
		wait_delivered(daemon, 2)
		found = wait_until(lambda: read_journal(run, f"STAGEWIRE_EVENT_ID={large}"),
			"the entry in the journal")
		assert found[0]["PRIORITY"] == "5"
		failed, = read_journal(run, "STAGEWIRE_OUTCOME=failure",
			"STAGEWIRE_OWNER=group:default/payments")
		assert failed["STAGEWIRE_EVENT_ID"] == small
		assert failed["MESSAGE"] == "acme/parcel-api: main build 42 failed", failed
		assert json.loads(failed["STAGEWIRE_EVENT"]) == daemon.recorded()[0]
		assert failed["_TRANSPORT"] == "journal" and failed["_COMM"] == "stagewired"
	finally:
		process.terminate()
		process.wait()
		process.stderr.close()


if __name__ == "__main__":
	main(globals())
