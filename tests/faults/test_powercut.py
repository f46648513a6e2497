#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the store said is durable outlives a power cut at any moment. STATES says in how
many states to look for it and SEED in which; no two runs write the same, so STATE looks at
a single one of a WRITELOG that a failure left behind."""

import contextlib
import functools
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))

# pylint: disable=wrong-import-position
import load
import powercut
import writelog
from harness import Box, TOP_BUILD, main, wait_until

STATES = int(os.environ.get("STATES") or "300")
SEED = os.environ.get("SEED") or str(random.randrange(1 << 32))
STATE = int(os.environ["STATE"]) if "STATE" in os.environ else None
WRITELOG = os.environ.get("WRITELOG")
SELF_TEST = 200

WRITER = os.path.join(TOP_BUILD, "tests", "faults", "store_writer")
EVENTS = 150
REPLACER = os.path.join(TOP_BUILD, "tests", "faults", "replace_writer")
VERSIONS = 40
STORE_READER = functools.partial(powercut.Reader,
	os.path.join(TOP_BUILD, "tests", "faults", "store_reader"))


def whole_or_not_at_all(facts, _folder):
	"""Each event came with its build, two deliveries and an entry, and all of these with an event."""
	found = []
	events = {fact[6:] for fact in facts if fact.startswith(b"event ")}
	for event in events:
		parts = (b"build %s", b"delivery %s alpha", b"delivery %s beta", b"audit %s")
		if not all(part % event in facts for part in parts):
			found.append(f"broken event {event.decode()} is not whole")
	for fact in facts:
		if fact.startswith((b"build ", b"delivery ", b"audit ")) and fact.split(b" ")[1] not in events:
			found.append(f"broken no event for {fact.decode()}")
	return found


def write_store(folder, log, first=1, plan=None, synchronous=None):
	"""Let the writer write under the shim; returns its exit code."""
	environ = {**os.environ, **powercut.shim_environ(folder, log=log, plan=plan)}
	if synchronous is not None:
		environ["STORE_WRITER_SYNCHRONOUS"] = synchronous
	return subprocess.run([WRITER, os.path.join(folder, "stagewire.db"), str(first), str(EVENTS)],
		env=environ, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE).returncode


def record_store(box, synchronous=None):
	folder, log = data_folder(box)
	code = write_store(folder, log, synchronous=synchronous)
	assert code == 0, f"the writer ended with {code}"
	return store_subject(folder, log)


def data_folder(box):
	folder = tempfile.mkdtemp(prefix="data-", dir=box.dir)
	return folder, folder + ".writelog"


def store_subject(folder, log):
	subject = powercut.Subject(log, STORE_READER, "stagewire.db", whole_or_not_at_all)
	subject.check_complete(folder)
	return subject


def hold(subject, states=STATES):
	"""No state may have lost anything."""
	if WRITELOG is not None:
		subject.records = writelog.read_log(WRITELOG)
	outcome = powercut.run_cuts(subject, states, SEED, STATE)
	print(f"# SEED={SEED} {outcome}, {outcome.states / outcome.seconds:.0f}/s")
	if not outcome.complaints:
		return
	for number, text, found in outcome.complaints[:10]:
		print(f"# STATE={number}: {text}: {found[:3]}")
	kept = os.path.join(TOP_BUILD, "tests", "faults", os.path.basename(subject.log))
	shutil.copy(subject.log, kept)
	print(f"# WRITELOG={kept}")
	raise AssertionError(f"{len(outcome.complaints)} states are wrong")


def test_store_keeps_what_it_acknowledged_through_power_cuts(box):
	hold(record_store(box))


def test_harness_finds_a_store_that_does_not_sync_commits(box):
	"""With synchronous = NORMAL it must lose, but not be damaged."""
	outcome = powercut.run_cuts(record_store(box, "NORMAL"), SELF_TEST, SEED)
	print(f"# SEED={SEED} {outcome}")
	assert outcome.count("lost") > outcome.states // 10, outcome
	assert outcome.count("broken") + outcome.count("refused") == 0, outcome


def test_harness_finds_a_store_that_never_syncs(box):
	"""With synchronous = OFF it must be damaged in some."""
	outcome = powercut.run_cuts(record_store(box, "OFF"), SELF_TEST, SEED)
	print(f"# SEED={SEED} {outcome}")
	assert outcome.count("broken") + outcome.count("refused") > 0, outcome


def test_store_is_whole_after_a_failed_sync_a_restart_and_a_power_cut(box):
	"""The log that could not be synced is read again from the kernel's memory, which
	takes it for clean: what comes behind it must not depend on it."""
	dice = random.Random(SEED)
	for name, n in ([("-wal", n) for n in dice.sample(range(2, 30), 3)] +
		[(".db", n) for n in (1, dice.randrange(2, 13))]):
		folder, log = data_folder(box)
		code = write_store(folder, log, plan=f"sync@{name}:{n}:EIO")
		assert any(r.op == writelog.FAULT for r in writelog.read_log(log)), f"no sync {n}"
		# Where the last connection closes there is nobody left to end.
		assert code == 1 or closes_after_fault(log), f"sync {n} failed, and the writer goes on"
		code = write_store(folder, log, first=1000)
		assert code == 0, f"the writer ended with {code} the next time"
		print(f"# {name}, sync {n}")
		hold(store_subject(folder, log), STATES // 5)


def closes_after_fault(log):
	"""Did the fault hit while the store was being closed: nothing was promised in between?"""
	records = writelog.read_log(log)
	at = next(i for i, r in enumerate(records) if r.op == writelog.FAULT)
	for record in records[at:]:
		if record.op == writelog.OPEN:
			return True
		if record.op == writelog.MARK:
			return False
	return True


class VersionReader:
	"""Of the file that replace_writer writes: this version, and so those before."""

	@staticmethod
	def facts(path):
		with open(path, "rb") as f:
			words = f.read().split()
		if len(words) != 4 or words[0] != b"version" or words[3] != b"end":
			return [b"broken it is no version"]
		return [b"version %d" % v for v in range(1, int(words[1]) + 1)]

	@staticmethod
	def close():
		return 0


def record_replace(box, environ=None):
	folder, log = data_folder(box)
	subprocess.run([REPLACER, os.path.join(folder, "file"), str(VERSIONS)], check=True,
		env={**os.environ, **powercut.shim_environ(folder, log=log), **(environ or {})})
	subject = powercut.Subject(log, VersionReader, "file")
	subject.check_complete(folder)
	return subject


def test_replaced_file_is_the_old_or_the_new_one_after_a_power_cut(box):
	hold(record_replace(box))


def test_harness_finds_a_file_replaced_without_a_sync(box):
	outcome = powercut.run_cuts(record_replace(box, {"REPLACE_WRITER_CARELESS": "1"}),
		SELF_TEST, SEED)
	print(f"# SEED={SEED} {outcome}")
	assert outcome.count("lost") > 0 and outcome.count("broken") > 0, outcome


def in_the_record(facts, folder):
	"""What the store calls delivered to the file sink stands in a file of its, whole."""
	lines = set()
	for name in os.listdir(folder):
		if name.startswith("events.jsonl"):
			with open(os.path.join(folder, name), "rb") as f:
				lines.update(f.read().split(b"\n"))
	ids = set()
	for line in lines:
		with contextlib.suppress(ValueError, TypeError, KeyError):
			ids.add(json.loads(line)["id"].encode())
	gone = [fact for fact in facts
		if fact.startswith(b"done ") and fact.endswith(b" record") and fact.split(b" ")[1] not in ids]
	return [f"lost: {len(gone)} delivered to the file, as {gone[0].decode()}"] if gone else []


def record_daemon(box, each, plan=None):
	"""The real daemon with webhooks from three lanes and a file that rotates often."""
	daemon = load.data_daemon(os.path.join(box.dir, "d"), Box.key)
	box.daemons.append(daemon)
	log = os.path.join(box.dir, "writelog")
	daemon.config["sinks"][0].update({"rotate_size": "16KiB", "keep": 50})
	load.shim(daemon, log=log, plan=plan)
	daemon.start()

	def promise(event_id):
		writelog.put_mark(log, f"event {event_id}\ndelivery {event_id} record\naudit {event_id}")

	sent = load.Load(daemon, each, promise).join()
	assert len(sent.promised) == each * load.LANES, sent.refused
	wait_until(lambda: daemon.ctl("status")["store"]["pending"] == 0, "all deliveries")
	code = daemon.stop()
	assert code == 0, f"stopped with {code}"
	load.shim(daemon)
	subject = powercut.Subject(log, STORE_READER, "stagewire.db", in_the_record)
	subject.check_complete(daemon.data)
	return subject


def test_daemon_and_its_file_keep_what_they_acknowledged_through_power_cuts(box):
	hold(record_daemon(box, 20))


def test_file_sink_keeps_its_lines_apart_after_a_sync_that_failed(box):
	"""What it could not sync may be gone for ever, and must not take others with it; nor
	where it cannot even be cut off."""
	subject = record_daemon(box, 8, plan="sync@events.jsonl:2:EIO,sync@events.jsonl:5:EIO"
		",truncate@events.jsonl:2:EIO")
	faults = [record.name for record in subject.records if record.op == writelog.FAULT]
	assert faults == ["events.jsonl"] * 3, faults
	hold(subject)


LOG_READER = functools.partial(powercut.Reader,
	os.path.join(TOP_BUILD, "tests", "faults", "log_reader"), load.ORIGIN)


class Observer(threading.Thread):
	"""Somebody who reads the log's checkpoints as they are published, and remembers them."""

	def __init__(self, folder, log):
		super().__init__()
		self.path = os.path.join(folder, "audit", "checkpoint")
		self.log = log
		self.seen = set()
		self.over = threading.Event()
		self.start()

	def run(self):
		while not self.over.wait(0.005):
			with contextlib.suppress(FileNotFoundError):
				with open(self.path, encoding="utf-8") as f:
					_, size, root = f.read().splitlines()[:3]
				if size not in self.seen:
					self.seen.add(size)
					writelog.put_mark(self.log, f"root {size} {root}")

	def end(self):
		self.over.set()
		self.join()
		return len(self.seen)


def published(daemon):
	return daemon.get("/v1/status").json()["audit_log"]["published"]


def record_log(box):
	"""The real daemon, twice, with a log that is signed often and has full tiles."""
	daemon = load.data_daemon(os.path.join(box.dir, "d"), Box.key)
	box.daemons.append(daemon)
	log = os.path.join(box.dir, "writelog")
	load.shim(daemon, log=log)
	observer = None
	for _ in range(2):
		daemon.start()
		observer = observer or Observer(daemon.data, log)
		for _ in range(4):
			before = published(daemon)
			assert len(load.Load(daemon, 10).join().promised) == 10 * load.LANES
			wait_until(lambda n=before: published(daemon) > n, "a checkpoint")
		code = daemon.stop()
		assert code == 0, f"stopped with {code}"
	seen = observer.end()
	assert seen > 4, f"only {seen} checkpoints were published"
	load.shim(daemon)
	subject = powercut.Subject(log, LOG_READER, "stagewire.db")
	subject.check_complete(daemon.data)
	return subject


def test_audit_log_agrees_with_the_store_and_never_forks_after_a_power_cut(box):
	hold(record_log(box))


if __name__ == "__main__":
	main(globals())
