#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Our front and Node's HTTP server read the same mutated bytes.

Every request that ours runs, Node must run too, in the same order and with the same method, path,
query and body: a disagreement is what request smuggling lives on. The other way round ours may
refuse what Node takes, but only for one of the reasons in STRICTER. Seeded, so that a failure can
be had again; bounded in number and time. Skipped where there is no node.
"""
import contextlib
import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import time

import front

SEED = 20261124
CASES = 8000
LIMIT_S = 20

# Where ours is stricter than Node on purpose, by the detail of our refusal. What RFC 9112 lets or
# makes a server do is said with it; "policy" is ours alone.
STRICTER = {
	"GET, HEAD and POST are the methods known here.": "policy",
	"The request target must begin with a slash.": "policy: no proxy, so origin-form only",
	"The request target has characters that must be escaped.": "RFC 3986, 3.3",
	"The request target is too long.": "limit",
	"A POST must say how long its body is.": "RFC 9110, 15.5.12",
	"There are too many header fields.": "limit",
	"The header fields are too long.": "limit",
	"The body is too large.": "limit",
	"The only transfer coding known here is chunked.": "RFC 9112, 6.1",
	"HTTP/1.0 has no Transfer-Encoding.": "RFC 9112, 6.1",
	"A chunk size is not 1 to 8 hex digits and CRLF.": "policy: no extensions",
	"The framing of the chunks is broken.": "policy: no trailers",
	"Content-Length is not a number of 1 to 15 digits.": "policy: longest length",
	"The only expectation met here is 100-continue.": "RFC 9110, 10.1.1",
	"A body must be sent without a content coding.": "RFC 9110, 8.4",
	"Host is not a host and port.": "RFC 9112, 3.2",
	"Host is missing.": "RFC 9112, 3.2; Node refuses it too, but reads on behind it",
	"Host is there twice.": "RFC 9112, 3.2",
	"There are empty lines before the request.": "policy: one is enough",
	"The request line does not have three parts.": "RFC 9112, 3",
	"The request line does not end in an HTTP version.": "RFC 9112, 2.3",
	"There is a control character in the head.": "RFC 9112, 2.2 and 5",
}

PIECES = [
	b"\r\n", b"\n", b"\r", b" ", b"\t", b"\x00", b"\x0b", b":", b";", b",", b"0", b"1", b"5", b"A",
	b"/", b"?", b"%", b"#", b"+", b"-", b"x", b"\x7f", b"\x80", b"\xc3\xbc", b'"', b"\r\n\r\n",
	b"\r\n ", b"Host: b\r\n", b"Content-Length: 5\r\n", b"Content-Length: 0\r\n",
	b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: identity\r\n", b"Connection: close\r\n",
	b"Expect: 100-continue\r\n", b"HTTP/1.0", b"HTTP/1.1", b"GET", b"POST", b"chunked", b"0\r\n\r\n",
	b"5\r\nhello\r\n", b"GET /smuggled HTTP/1.1\r\nHost: c\r\n\r\n",
]
SWAPS = [
	(b"\r\n", b"\n"), (b": ", b":"), (b": ", b" : "), (b"chunked", b"Chunked"), (b"1.1", b"1.0"),
	(b"Content-Length", b"content-length"), (b"Content-Length", b"Content_Length"),
	(b"Content-Length", b"Transfer-Encoding"), (b"5", b"05"), (b"5", b"+5"), (b"5", b"0x5"),
	(b"5", b"5 "), (b"5", b"6"), (b"5", b"4"), (b"GET", b"POST"), (b"POST", b"GET"),
	(b"Host", b"X-Host"), (b"/", b"*"), (b"\r\n", b"\r\n\r\n"), (b" ", b"  "),
]


def request(dice):
	"""A good request, plain or framed in one of the two ways."""
	path = dice.choice([b"/", b"/a", b"/hooks/travis/main", b"/a?b=c", b"//x/%20", b"/a?b?c"])
	fields = [b"Host: a\r\n"]
	for extra in (b"Connection: keep-alive\r\n", b"Accept: */*\r\n", b"X-A:\t b \r\n", b"X-B:\r\n",
				b"TE: trailers\r\n"):
		if dice.random() < 0.2:
			fields.append(extra)
	dice.shuffle(fields)
	head = b" " + path + b" HTTP/1.1\r\n" + b"".join(fields)
	kind = dice.randrange(4)
	if kind == 0:
		return b"GET" + head + b"\r\n"
	if kind == 1:
		body = dice.choice([b"", b"hello", b"GET /smuggled HTTP/1.1\r\nHost: c\r\n\r\n"])
		return b"POST" + head + b"Content-Length: %d\r\n\r\n" % len(body) + body
	chunks = b"".join(dice.choice([b"5\r\nhello\r\n", b"a\r\n0123456789\r\n", b"01\r\nx\r\n"])
					for _ in range(dice.randrange(3)))
	return b"POST" + head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


def mutate(raw, dice):
	kind = dice.randrange(6)
	at = dice.randrange(len(raw) + 1)
	if kind == 0:
		return raw[:at] + dice.choice(PIECES) + raw[at:]
	if kind == 1:
		return raw[:at] + raw[at + dice.randrange(1, 4):]
	if kind == 2:
		return raw[:at] + dice.choice(PIECES) + raw[at + 1:]
	if kind == 3:
		old, new = dice.choice(SWAPS)
		places = [m.start() for m in re.finditer(re.escape(old), raw)]
		if not places:
			return raw
		place = dice.choice(places)
		return raw[:place] + new + raw[place + len(old):]
	lines = raw.split(b"\r\n")
	i, j = dice.randrange(len(lines)), dice.randrange(len(lines))
	if kind == 4:
		lines.insert(i, lines[j])
	else:
		lines[i], lines[j] = lines[j], lines[i]
	return b"\r\n".join(lines)


def connection(dice):
	"""The bytes of one connection: one to three requests, with none to three mutations."""
	raw = b"".join(request(dice) for _ in range(dice.randrange(1, 4)))
	for _ in range(dice.randrange(4)):
		raw = mutate(raw, dice)
	return raw


def read_by_ours(address, raw):
	"""What was run, in order, and the answer that refused the next, if any."""
	run = []
	for answer in front.exchange(address, raw, half_close=True):
		if answer.status != 200:
			return run, answer
		run.append(json.loads(answer.body))
	return run, None


class Node:
	"""node_echo.js under way."""

	def __init__(self, process):
		self.process = process
		self.address = ("127.0.0.1", int(process.stdout.readline()))

	def read(self, raw):
		"""What was run, in order."""
		with front.dial(self.address) as s:
			front.say(s, raw)
			with contextlib.suppress(OSError):
				s.shutdown(socket.SHUT_WR)
			front.hear_all(s)
		return json.loads(self.process.stdout.readline())


def disagreement(raw, ours, refusal, theirs):
	if ours != theirs[:len(ours)]:
		return f"of {raw!r}\nours ran {ours}\nnode ran {theirs}"
	if refusal is None or len(theirs) == len(ours):
		return ""
	detail = json.loads(refusal.body)["detail"]
	if detail not in STRICTER:
		return f"of {raw!r}\nrefused by ours ({detail})\nnode ran {theirs[len(ours)]}"
	return ""


@contextlib.contextmanager
def running_node():
	script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "node_echo.js")
	with subprocess.Popen(["node", script], stdin=subprocess.PIPE,
						stdout=subprocess.PIPE) as process:
		yield Node(process)
		process.stdin.close()


def main():
	if shutil.which("node") is None:
		return front.skip_all("there is no node")
	dice = random.Random(SEED)
	tap = front.Tap()
	done = ran = stricter = 0
	found = []
	begun = time.monotonic()
	with running_node() as node, front.echoing() as address:
		while done < CASES and time.monotonic() - begun < LIMIT_S and len(found) < 5:
			raw = connection(dice)
			ours, refusal = read_by_ours(address.hooks, raw)
			theirs = node.read(raw)
			why = disagreement(raw, ours, refusal, theirs)
			if why:
				found.append(why)
			done += 1
			ran += len(ours)
			stricter += refusal is not None and len(theirs) > len(ours)
	print(f"# seed {SEED}: {done} connections, {ran} requests run by both, "
		f"{stricter} connections where ours is stricter")
	tap.check(not found, "ours runs nothing that node does not run alike", "\n".join(found))
	tap.check(ran > done / 2 and stricter > 0, "enough of the mutations are still requests")
	return tap.end()


if __name__ == "__main__":
	sys.exit(main())
