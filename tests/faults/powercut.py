# SPDX-License-Identifier: Apache-2.0
"""Power cuts, replayed: run a program under the shim, cut the power at any record of
its write log, and have the real code read what may be left.

A reader is given the path of a file and answers with facts, a line each: "broken WHY"
and "refused WHY" are complaints. As a program it is given a path a line, and ends its
answers with a full stop. Marks in the log are facts that were promised: in every
state of a later moment they must be there.
"""

import collections
import json
import os
import random
import shutil
import subprocess
import tempfile
import time

import writelog
from harness import TOP_BUILD

SHIM = os.path.join(TOP_BUILD, "tests", "faults", "shim.so")


def memory_folder(prefix):
	"""A folder whose syncs cost nothing, where there is one."""
	shm = "/dev/shm"
	return tempfile.mkdtemp(prefix=prefix, dir=shm if os.access(shm, os.W_OK) else None)


def shim_environ(folder, log=None, plan=None, while_path=None):
	"""What a program's environment needs to run under the shim."""
	environ = {
		"LD_PRELOAD": SHIM,
		"FAULTS_DIR": folder,
		# A sanitizer's library wants to be the first, but the shim calls the kernel only.
		"ASAN_OPTIONS": "exitcode=99:verify_asan_link_order=0",
	}
	for name, value in (("FAULTS_LOG", log), ("FAULTS_PLAN", plan), ("FAULTS_WHILE", while_path)):
		if value is not None:
			environ[name] = value
	return environ


class Reader:
	"""A process that reads states. One that damage ends is started again."""

	def __init__(self, *command):
		self.command = command
		self.process = None

	def start(self):
		self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE,
			stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

	def facts(self, path):
		if self.process is None:
			self.start()
		self.process.stdin.write(path.encode() + b"\n")
		self.process.stdin.flush()
		lines = []
		for line in self.process.stdout:
			if line == b".\n":
				return lines
			lines.append(line[:-1])
		return lines + [b"broken the reader ended with %d" % self.close()]

	def close(self):
		if self.process is None:
			return 0
		process, self.process = self.process, None
		process.stdin.close()
		process.stdout.close()
		return process.wait()


class Subject:
	"""What is looked at: a log, and how to read states of its folder."""

	def __init__(self, log, reader, file, judge=None, ignore=("-shm",)):
		self.log = log
		self.records = writelog.read_log(log)
		self.reader = reader  # makes one, as Reader is
		self.file = file  # the name that the reader is given
		self.judge = judge or (lambda facts, folder: [])  # more complaints
		self.ignore = ignore

	def disk(self):
		return writelog.Disk(self.ignore)

	def check_complete(self, folder):
		"""The log must hold all that happened: replayed, it gives what is there."""
		disk = self.disk()
		for record in self.records:
			disk.replay(record)
		state = disk.state(random.Random(0), "everything")
		there = {}
		for path, _, names in os.walk(folder):
			for name in names:
				full = os.path.join(path, name)
				with open(full, "rb") as f:
					there[os.path.relpath(full, folder)] = f.read()
		there = {name: data for name, data in there.items() if not name.endswith(self.ignore)}
		state = {name: bytes(data) for name, data in state.items() if data is not None}
		assert there.keys() == state.keys(), f"{sorted(there)} but replayed {sorted(state)}"
		for name, data in there.items():
			assert data == state[name], f"{name} is not what was recorded"


def write_state(folder, state):
	shutil.rmtree(folder, ignore_errors=True)
	os.mkdir(folder, 0o700)
	for name, content in state.items():
		path = os.path.join(folder, name)
		if content is None:
			os.mkdir(path)
			continue
		fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
		os.write(fd, content)
		os.close(fd)


def numbered(lines):
	"""Facts as a set; what is there n times is there as "... 1" to "... n" too."""
	facts = set(lines)
	if len(facts) < len(lines):
		for line, n in collections.Counter(lines).items():
			if n > 1:
				facts.update(line + b" %d" % i for i in range(1, n + 1))
	return facts


class Cut:
	"""One state: when the power went, and what of it is left. Drawn from the seed alone."""

	def __init__(self, seed, number, records):
		self.number = number
		self.dice = random.Random(f"{seed}/{number}")
		self.at = self.dice.randint(1, records)
		self.mode = self.dice.choice(writelog.MODES)

	def __str__(self):
		return f"state {self.number} ({self.mode} of what was not synced at record {self.at})"


def check_cuts(subject, cuts, complaints):
	"""Look at some cuts, in the order of their moments."""
	folder = memory_folder("stagewire-cut-")
	reader = subject.reader()
	disk = subject.disk()
	promised, done = set(), 0
	state_folder = os.path.join(folder, "state")
	try:
		for one in sorted(cuts, key=lambda c: c.at):
			for record in subject.records[done:one.at]:
				if record.op == writelog.MARK:
					promised.update(record.data.split(b"\n"))
				else:
					disk.replay(record)
			done = one.at
			state = disk.state(one.dice, one.mode)
			write_state(state_folder, state)
			found = complaints_of(subject, reader, state_folder, state, promised)
			if found:
				complaints.append((one.number, str(one), found))
	finally:
		code = reader.close()
		shutil.rmtree(folder, ignore_errors=True)
	assert code == 0, f"the reader ended with {code}"


def complaints_of(subject, reader, folder, state, promised):
	"""Words about what is wrong with a state."""
	if subject.file not in state:
		return [f"lost: {len(promised)}, and the file itself"] if promised else []
	lines = reader.facts(os.path.join(folder, subject.file))
	facts = numbered(lines)
	found = [line.decode() for line in lines if line.startswith((b"refused ", b"broken "))]
	missing = promised - facts
	if missing and not found:
		found.append(f"lost: {len(missing)}, as {min(missing).decode()}")
	return found + subject.judge(facts, folder)


class Outcome:
	def __init__(self, states, seconds, complaints):
		self.states = states
		self.seconds = seconds
		self.complaints = sorted(complaints)

	def count(self, word):
		return sum(any(text.startswith(word) for text in found)
			for _, _, found in self.complaints)

	def __str__(self):
		return (f"{self.states} states in {self.seconds:.1f} s: {self.count('lost')} lose, "
			f"{self.count('broken')} are broken, {self.count('refused')} are refused")


def run_cuts(subject, states, seed, only=None):
	"""Check so many states on all processors; only: the number of a single one."""
	begin = time.monotonic()
	cuts = [Cut(seed, i, len(subject.records)) for i in range(states)]
	if only is not None:
		cuts = [Cut(seed, only, len(subject.records))]
	workers = min(len(os.sched_getaffinity(0)), max(1, len(cuts) // 50))
	folder = tempfile.mkdtemp(prefix="stagewire-cuts-")
	children = []
	complaints = []
	try:
		for w in range(workers):
			path = os.path.join(folder, str(w))
			children.append((fork_worker(subject, cuts[w::workers], path), path))
		for pid, path in children:
			_, status = os.waitpid(pid, 0)
			assert status == 0, f"a worker ended with {status}"
			with open(path, encoding="utf-8") as f:
				complaints += json.load(f)
	finally:
		shutil.rmtree(folder)
	return Outcome(len(cuts), time.monotonic() - begin, complaints)


def fork_worker(subject, cuts, path):
	pid = os.fork()
	if pid != 0:
		return pid
	complaints = []
	code = 1
	try:
		check_cuts(subject, cuts, complaints)
		with open(path, "w", encoding="utf-8") as f:
			json.dump(complaints, f)
		code = 0
	finally:
		os._exit(code)
