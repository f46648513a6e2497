# SPDX-License-Identifier: Apache-2.0
"""Signed webhooks for a daemon whose disk has faults: it may refuse them, or die of it."""

import contextlib
import http.client
import os
import threading

import powercut
from harness import Daemon, SOURCE, components, compose_payload, connect, form_encode

LANES = 3
ORIGIN = "relay.example/audit"


def data_daemon(directory, key):
	"""A daemon whose store, log and record are in a folder of their own, data."""
	os.mkdir(directory)
	daemon = Daemon(directory, key)
	daemon.data = os.path.join(directory, "data")
	os.mkdir(daemon.data)
	daemon.store = daemon.config["store"]["path"] = os.path.join(daemon.data, "stagewire.db")
	daemon.record = daemon.config["sinks"][0]["path"] = os.path.join(daemon.data, "events.jsonl")
	daemon.config["audit"] = {"origin": ORIGIN, "interval": "100ms", "sign_every": 16}
	daemon.config["log"]["level"] = "warning"
	daemon.config["sinks"][0].update(schedule="100ms" + " 200ms" * 30, circuit={"failures": 0})
	daemon.write(daemon.catalog_path,
		components(f"acme/lane-{lane}" for lane in range(LANES)))
	return daemon


def shim(daemon, **how):
	"""Put a daemon under the shim, as of its next start; without how, take it away."""
	daemon.environ = powercut.shim_environ(daemon.data, **how) if how else {}


class Load:
	"""Each lane posts so many webhooks, one after the other, until the daemon is gone."""

	def __init__(self, daemon, each, on_accept=lambda event_id: None):
		self.daemon = daemon
		self.each = each
		self.on_accept = on_accept
		self.promised = {}  # event id -> payload
		self.refused = []  # answers that were no 202
		self.threads = [threading.Thread(target=self.send, args=(i,)) for i in range(LANES)]
		for thread in self.threads:
			thread.start()

	def send(self, lane):
		with contextlib.closing(connect(self.daemon.hooks)) as c:
			with contextlib.suppress(OSError, http.client.HTTPException):
				for _ in range(self.each):
					self.post(c, compose_payload(slug=f"acme/lane-{lane}"))

	def post(self, connection, payload):
		connection.request("POST", f"/hooks/travis/{SOURCE}", body=form_encode(payload), headers={
			"Content-Type": "application/x-www-form-urlencoded",
			"Signature": self.daemon.signer.sign(payload)})
		answer = connection.getresponse()
		body = answer.read()
		if answer.status != 202:
			self.refused.append((answer.status, answer.headers))
			return
		event_id = body.split(b'"')[3].decode()
		self.promised[event_id] = payload
		self.on_accept(event_id)

	def join(self):
		for thread in self.threads:
			thread.join()
		return self
