#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Calls of the real daemon that fail, one in each run: what it acknowledged it keeps, it
never syncs again what failed to sync, and it never hangs. IOFAULTS says how many calls of
each kind to fail, "all" for every one; SEED which ones; PLAN is a single one, as shim.h says."""

import collections
import concurrent.futures
import contextlib
import functools
import json
import os
import random
import subprocess
import sys
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))

# pylint: disable=wrong-import-position
import load
import powercut
import writelog
from harness import Box, STAGEWIRECTL, TOP_BUILD, compose_payload, main, wait_until

SAMPLE = os.environ.get("IOFAULTS") or "5"
SEED = os.environ.get("SEED") or str(random.randrange(1 << 32))
STORE_READER = functools.partial(powercut.Reader,
	os.path.join(TOP_BUILD, "tests", "faults", "store_reader"))
EACH = 3  # webhooks of a lane
ERRORS = {
	"open": ["EMFILE"],
	"write": ["EIO", "ENOSPC", "SHORT", "TORN"],
	"truncate": ["EIO"],
	"sync": ["EIO"],
	"name": ["EIO"],
}


class Case:
	"""One run of the daemon under a plan, and one without it afterwards."""

	def __init__(self, directory, plan):
		self.plan = plan
		self.log = directory + ".writelog"
		self.daemon = load.data_daemon(directory, Box.key)
		# Small enough to rotate, so that renaming is among the calls.
		self.daemon.config["sinks"][0].update({"rotate_size": "8KiB", "keep": 9})
		self.promised = {}
		self.code = None  # with which it ended by itself

	def run(self):
		"""With faults: start, load, and stop unless it ended by itself."""
		d = self.daemon
		load.shim(d, log=self.log, plan=self.plan)
		d.write_config()
		d.spawn()
		wait_until(lambda: self.has_ended() or d.is_ready(), "readiness or an end")
		if not self.has_ended():
			self.promised = load.Load(d, EACH).join().promised
			wait_until(lambda: self.has_ended() or self.is_idle(), "all deliveries or an end")
		if self.has_ended():
			self.code = d.wait_exit()
		else:
			self.code = d.stop() or None  # the fault may hit while it stops
		return self

	def has_ended(self):
		return self.daemon.process.poll() is not None

	def is_idle(self):
		try:
			return self.daemon.get("/v1/status").json()["store"]["pending"] == 0
		except OSError:
			return False

	def trace(self):
		return writelog.read_log(self.log)

	def fault(self):
		"""The index of the fault's record, or None where the plan was not reached."""
		for i, record in enumerate(self.trace()):
			if record.op == writelog.FAULT:
				return i
		return None

	def check_end(self):
		"""How it took the fault."""
		log = self.daemon.log()
		for sign in ("AddressSanitizer", "LeakSanitizer", "runtime error:"):
			assert sign not in log, f"{sign} in the log"
		if self.code is not None:
			assert self.fault() is not None, f"ended with {self.code} for nothing"
			assert self.code == 1, f"ended with {self.code}"
			assert any(word in log for word in ("store.broken", "audit.broken", "stagewired: ")), \
				f"ended without a word: {log}"
		self.check_syncs()

	def check_syncs(self):
		"""A file of the store or the log that failed to sync is not synced again by the same
		process."""
		trace, at = self.trace(), self.fault()
		if at is None:
			return
		fault = trace[at]
		if writelog.KINDS[fault.off] != "sync" or \
			not fault.name.startswith(("stagewire.db", "audit")):
			return
		# SQLite takes back the first page of a new file, which nobody was promised.
		if fault.name.endswith(".db") and not any(r.name.endswith("-wal") for r in trace[:at]):
			return
		again = [r for r in trace[at + 1:] if r.op == writelog.SYNC_BEGIN and r.name == fault.name]
		assert not again, f"{fault.name} is synced again after a sync that failed"

	def check_after(self):
		"""Without faults, all that was promised is there, and is delivered."""
		d = self.daemon
		load.shim(d)
		d.start()
		wait_until(self.is_idle, "all deliveries after the restart")
		log = wait_until(self.log_is_open, "the audit log's opening")
		assert log["state"] == "ok", log
		code = d.stop()
		assert code == 0, f"stopped with {code}"
		self.check_store()
		self.check_log()
		missing = self.promised.keys() - self.recorded()
		assert not missing, f"{len(missing)} of {len(self.promised)} are not in the record"

	def check_store(self):
		reader = STORE_READER()
		lines = reader.facts(self.daemon.store)
		reader.close()
		wrong = [line for line in lines if line.startswith((b"broken", b"refused", b"dead"))]
		assert not wrong, wrong
		facts = set(lines)
		for event in self.promised:
			for fact in ("event %s", "delivery %s record", "done %s record", "audit %s"):
				assert (fact % event).encode() in facts, f"lost: {fact % event}"

	def log_is_open(self):
		"""What the audit log is, as soon as it is either well or in doubt."""
		log = self.daemon.get("/v1/status").json()["audit_log"]
		return log if log["state"] in ("ok", "doubtful") else None

	def check_log(self):
		folder = os.path.join(self.daemon.data, "audit")
		with open(os.path.join(folder, "vkey"), encoding="utf-8") as f:
			key = f.read().strip()
		done = subprocess.run([STAGEWIRECTL, "audit", "verify", "--key", key, folder],
			capture_output=True, text=True, check=False)
		assert done.returncode == 0, done

	def recorded(self):
		"""Ids in the file and in those it rotated to. A line that was cut short stands alone."""
		ids = set()
		for name in os.listdir(self.daemon.data):
			if not name.startswith("events.jsonl"):
				continue
			with open(os.path.join(self.daemon.data, name), "rb") as f:
				for line in f.read().split(b"\n"):
					with contextlib.suppress(ValueError):
						ids.add(json.loads(line)["id"])
		return ids

	def finish(self):
		d = self.daemon
		if d.process is not None:
			d.process.kill()
			d.process.wait()


def run_case(box, plan):
	"""Returns (plan, whether the fault happened, how it ended, complaint or None)."""
	directory = os.path.join(box.dir, plan.translate(str.maketrans(":@,", "---")))
	for attempt in range(3):
		case = Case(f"{directory}.{attempt}", plan)
		try:
			case.run()
			if "already in use" in case.daemon.log():
				continue  # another took the port
			case.check_end()
			case.check_after()
			return plan, case.fault() is not None, case.code, None
		except Exception:  # pylint: disable=broad-except # anything may go wrong in a case
			return plan, True, case.code, traceback.format_exc() + case.daemon.log()[-1500:]
		finally:
			case.finish()
	return plan, False, None, "no port to be had"


def count_calls(box):
	"""How many calls of each kind one undisturbed run makes."""
	case = Case(os.path.join(box.dir, "undisturbed"), None).run()
	case.check_after()
	assert len(case.promised) == EACH * load.LANES, "webhooks were refused without a fault"
	calls = collections.Counter()
	for record in case.trace():
		if record.op == writelog.OPEN:
			calls["open"] += 1
		elif record.op == writelog.WRITE:
			calls["write"] += 1
		elif record.op == writelog.TRUNCATE:
			calls["truncate"] += 1
		elif record.op == writelog.SYNC_BEGIN:
			calls["sync"] += 1
		elif record.op in (writelog.RENAME, writelog.UNLINK, writelog.LINK, writelog.MKDIR):
			calls["name"] += 1
	return calls


def choose_plans(calls):
	dice = random.Random(SEED)
	plans = []
	for kind, errors in ERRORS.items():
		for error in errors:
			numbers = range(1, calls[kind] + 1)
			if SAMPLE != "all":
				numbers = dice.sample(numbers, min(int(SAMPLE), calls[kind]))
			plans += [plan_of(kind, n, error) for n in numbers]
	return plans


def plan_of(kind, n, error):
	"""TORN is what a disk does that becomes full: some of it, and then no more."""
	if error == "TORN":
		return f"{kind}:{n}:SHORT,{kind}:{n + 1}:ENOSPC"
	return f"{kind}:{n}:{error}"


def test_every_call_may_fail(box):
	calls = count_calls(box)
	plans = [os.environ["PLAN"]] if "PLAN" in os.environ else choose_plans(calls)
	begin = time.monotonic()
	# A run mostly waits: for a disk, a start, an end.
	with concurrent.futures.ThreadPoolExecutor(2 * len(os.sched_getaffinity(0))) as pool:
		results = list(pool.map(functools.partial(run_case, box), plans))
	fired = [r for r in results if r[1]]
	ended = [r for r in fired if r[2] is not None]
	print(f"# SEED={SEED} calls: {dict(calls)}; {len(plans)} runs, {len(fired)} with a fault, "
		f"{len(ended)} ended by it, in {time.monotonic() - begin:.0f} s")
	wrong = [r for r in results if r[3] is not None]
	for plan, _, _, complaint in wrong[:10]:
		print(f"# PLAN={plan}")
		for line in complaint.splitlines():
			print("# |", line)
	assert not wrong, f"{len(wrong)} of {len(plans)}: {[r[0] for r in wrong][:20]}"
	assert len(fired) * 2 > len(plans), "most plans were not reached"


def start_switched(box, plan):
	"""A daemon whose plan holds while the file of the second answer exists."""
	daemon = load.data_daemon(os.path.join(box.dir, "d"), Box.key)
	box.daemons.append(daemon)
	switch = os.path.join(box.dir, "switch")
	load.shim(daemon, plan=plan, while_path=switch)
	daemon.start()
	return daemon, switch


def check_full_disk(box, error):
	daemon, switch = start_switched(box, f"write:1+:{error},truncate:1+:{error}")
	first = daemon.accept(slug="acme/lane-0")
	open(switch, "w", encoding="utf-8").close()
	payload = compose_payload(slug="acme/lane-0")
	for _ in range(3):
		refused = daemon.post(payload)
		assert refused.status == 503, refused
		assert int(refused.headers["Retry-After"]) > 0, refused.headers
	status = daemon.get("/v1/status").json()
	assert status["store"]["health"] == "no-room", status
	assert "store.full" in daemon.log()
	os.unlink(switch)
	taken = wait_until(lambda: (a := daemon.post(payload)).status == 202 and a, "room again")
	assert daemon.process.poll() is None
	assert taken.json()["result"] == "accepted", taken
	daemon.wait_recorded(first, taken.json()["event"])
	assert daemon.get("/v1/status").json()["store"]["health"] == "ok"


def test_full_disk_refuses_until_there_is_room(box):
	check_full_disk(box, "ENOSPC")


def test_exhausted_quota_refuses_until_there_is_room(box):
	check_full_disk(box, "EDQUOT")


def test_full_disk_of_a_file_sink_delays_its_events_only(box):
	daemon, switch = start_switched(box, "write@events.jsonl:1+:ENOSPC")
	open(switch, "w", encoding="utf-8").close()
	events = [daemon.accept(slug=f"acme/lane-{i % load.LANES}") for i in range(6)]
	wait_until(lambda: daemon.get("/v1/status").json()["sinks"][0]["tempfails"] > 0, "a failure")
	assert daemon.recorded() == []
	os.unlink(switch)
	daemon.wait_recorded(*events)
	assert len(daemon.recorded()) == len(events), "a line is there twice"


if __name__ == "__main__":
	main(globals())
