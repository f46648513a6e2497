# SPDX-License-Identifier: Apache-2.0
"""What tests of the HTTP front share: raw exchanges, answers, TAP, the echoing front."""
import contextlib
import os
import socket
import subprocess
from collections import namedtuple

# Where a front listens and what it promises. hooks and admin are (host, port); source is the
# name in /hooks/travis/<source>; the limits are in seconds.
Address = namedtuple("Address", "hooks admin source request_s idle_s")
Answer = namedtuple("Answer", "status fields body")

# How long an answer may take that is due at once.
PATIENCE_S = 10

# Problems that the front itself finds; a handler has other ones.
FRONT_PROBLEMS = {
	"request-malformed", "request-timeout", "length-required", "body-too-large",
	"target-too-long", "content-coding-unsupported", "expectation-unsupported",
	"head-too-large", "method-unknown", "version-unsupported",
}


@contextlib.contextmanager
def echoing(request_s=10, idle_s=5):
	"""The front with a handler that tells what it has read."""
	program = os.path.join(os.environ.get("top_builddir", "."), "tests/system/echo_front")
	with subprocess.Popen([program, str(int(request_s * 1000)), str(int(idle_s * 1000))],
						stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
		host, port = process.stdout.readline().decode().strip().rsplit(":", 1)
		yield Address((host, int(port)), (host, int(port)), "main", request_s, idle_s)
		process.stdin.close()
	assert process.returncode == 0, f"echo_front ended with {process.returncode}"


def dial(address, patience_s=PATIENCE_S):
	s = socket.create_connection(address, timeout=patience_s)
	s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
	return s


def hear_all(s):
	"""Everything until the end. A RST is an end too; no end in time is an error."""
	heard = b""
	while True:
		try:
			piece = s.recv(65536)
		except (ConnectionResetError, BrokenPipeError):
			return heard
		if not piece:
			return heard
		heard += piece


def say(s, raw, piece=None):
	"""Send raw, in pieces of so many bytes; a peer that has closed meanwhile is no error."""
	try:
		for at in range(0, len(raw), piece or len(raw) or 1):
			s.sendall(raw[at:at + (piece or len(raw))])
	except (ConnectionResetError, BrokenPipeError):
		pass


def exchange(address, raw, piece=None, half_close=False):
	with dial(address) as s:
		say(s, raw, piece)
		if half_close:
			with contextlib.suppress(OSError):
				s.shutdown(socket.SHUT_WR)
		return answers(hear_all(s))


def answers(heard):
	"""Cut what was heard into final answers; ValueError if it is anything else."""
	found = []
	while heard:
		head, end, rest = heard.partition(b"\r\n\r\n")
		lines = head.split(b"\r\n")
		if not end or not lines[0].startswith(b"HTTP/1.1 "):
			raise ValueError(f"not an answer: {heard[:80]!r}")
		fields = {}
		for line in lines[1:]:
			name, _, value = line.partition(b":")
			fields[name.decode().lower()] = value.strip().decode()
		status = int(lines[0][9:12])
		n = int(fields.get("content-length", 0))
		if len(rest) < n:
			raise ValueError("the answer is cut short")
		if status >= 200:
			found.append(Answer(status, fields, rest[:n]))
		heard = rest[n:]
	return found


class Tap:
	"""Test Anything Protocol on standard output."""

	def __init__(self):
		self.n = self.failed = 0

	def about(self, what):
		"""Say what the checks from here on are about."""
		print(f"# {what}", flush=True)

	def check(self, good, name, why=""):
		self.n += 1
		self.failed += not good
		print(f"{'ok' if good else 'not ok'} {self.n} - {name}", flush=True)
		if not good:
			for line in str(why).splitlines():
				print(f"# {line}", flush=True)

	def end(self):
		print(f"1..{self.n}", flush=True)
		return self.failed != 0


def skip_all(why):
	print(f"1..0 # SKIP {why}")
	return 0
