#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for Backstage's event bus that follows a script.

usage: bus_script.py "PUT=201 GET=events/a GET=gone PUT=201"

Each step is a request that must come next and how it is answered; another one is
answered 599 with what was expected. Behind the last step a GET is held, as by a
bus without news. Look-ups by reference stand outside the script: nothing that is
asked for exists. It answers on a loopback port, which it prints, until its
standard input ends.

answers:
  201, 500, ...   that status; from 400 on with Backstage's error body
  202/MS          no news: ends after MS milliseconds
  dead/MS         promises to end after MS milliseconds, and never does
  events/A,B      one event a word, whose payload's entityRef is the word
  push/SLUG       GitHub's push of a catalog-info file to that repository
  bytes/N         an answer of N bytes
  cut             the connection is closed without an answer
  gone            404 with a JSON body; the subscription is not known
  empty           404 without a body; the routes are not mounted yet
"""

import http.server
import json
import sys
import threading

FOREVER = threading.Event()
NAMES = {400: "InputError", 401: "AuthenticationError", 403: "NotAllowedError",
	404: "NotFoundError"}


class Script:
	def __init__(self, text):
		self.lock = threading.Lock()
		self.steps = [step.split("=", 1) for step in text.split()]

	def next(self, method):
		with self.lock:
			if not self.steps:
				return "hold" if method == "GET" else "599"
			expected, answer = self.steps[0]
			if expected != method:
				return "599"
			del self.steps[0]
			return answer


def event(ref):
	return {"topic": "t", "payload": {"entityRef": ref}}


def push(slug):
	return {"topic": "github.push", "payload": {"ref": "refs/heads/main",
		"repository": {"full_name": slug, "default_branch": "main"},
		"commits": [{"added": [], "modified": ["catalog-info.yaml"], "removed": []}]}}


class Handler(http.server.BaseHTTPRequestHandler):
	protocol_version = "HTTP/1.1"

	def log_message(self, *_):
		pass

	def send(self, status, body=b"", content_type=None):
		self.send_response(status)
		if content_type is not None:
			self.send_header("Content-Type", content_type)
		self.send_header("Content-Length", str(len(body)))
		self.end_headers()
		self.wfile.write(body)

	def send_json(self, status, document):
		self.send(status, json.dumps(document).encode(), "application/json; charset=utf-8")

	def send_error_body(self, status):
		self.send_json(status, {"error": {"name": NAMES.get(status, "Error"),
			"message": "not what the script has next" if status == 599 else "as scripted"}})

	def poll(self, timeout_ms, end_ms):
		self.send_response(202)
		self.send_header("backstage-events-notify-timeout", str(timeout_ms))
		self.send_header("Transfer-Encoding", "chunked")
		self.end_headers()
		self.wfile.flush()
		FOREVER.wait(None if end_ms is None else end_ms / 1000)
		self.wfile.write(b"0\r\n\r\n")

	def send_bytes(self, n):
		self.send_response(200)
		self.send_header("Content-Type", "application/json")
		self.send_header("Content-Length", str(n))
		self.end_headers()
		chunk = b" " * 1048576
		try:
			for at in range(0, n, len(chunk)):
				self.wfile.write(chunk[:n - at])
		except OSError:
			self.close_connection = True

	def follow(self):
		self.rfile.read(int(self.headers.get("Content-Length", 0)))
		what, _, how = self.server.script.next(self.command).partition("/")
		if what == "hold":
			self.poll(60000, None)
		elif what == "202":
			self.poll(int(how), int(how))
		elif what == "dead":
			self.poll(int(how), None)
		elif what == "events":
			self.send_json(200, {"events": [event(ref) for ref in how.split(",")]})
		elif what == "push":
			self.send_json(200, {"events": [push(how)]})
		elif what == "bytes":
			self.send_bytes(int(how))
		elif what == "cut":
			self.close_connection = True
		elif what == "gone":
			self.send_error_body(404)
		elif what == "empty":
			self.send(404)
		elif int(what) < 400:
			self.send(int(what))
		else:
			self.send_error_body(int(what))

	do_GET = do_PUT = follow

	def do_POST(self):
		asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
		self.send_json(200, {"items": [None for _ in asked["entityRefs"]]})


def main():
	server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
	server.daemon_threads = True
	server.script = Script(sys.argv[1])
	threading.Thread(target=server.serve_forever, daemon=True).start()
	sys.stdout.write(f"{server.server_address[1]}\n")
	sys.stdout.flush()
	sys.stdin.read()


main()
