# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for those who push changes of the catalog: a sender of Standard Webhooks, whose
Ed25519 is OpenSSL's, and the plugin @forgedapps/backstage-catalog-webhook-plugin 3.5.1.
"""

import base64
import hashlib
import hmac
import http.client
import itertools
import json
import os
import subprocess
import time


def post(port, path, body, fields, method="POST"):
	"""One request; fields is a list of pairs, so that one can stand twice. Returns status, JSON."""
	connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
	connection.putrequest(method, path, skip_accept_encoding=True)
	for name, value in fields:
		connection.putheader(name, value)
	if body is not None:
		connection.putheader("Content-Length", str(len(body)))
	connection.endheaders(body)
	answer = connection.getresponse()
	text = answer.read()
	connection.close()
	return answer.status, json.loads(text), answer.headers


class SharedKey:
	def __init__(self, seed):
		self.bytes = hashlib.sha256(seed).digest()

	@property
	def verifier(self):
		return "whsec_" + base64.b64encode(self.bytes).decode()

	def sign(self, text):
		return "v1," + base64.b64encode(hmac.new(self.bytes, text, hashlib.sha256).digest()).decode()


class PairKey:
	"""Made and used by the openssl program."""

	def __init__(self, directory):
		self.path = os.path.join(directory, f"ed25519-{id(self)}.pem")
		subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", self.path],
			check=True, capture_output=True)

	@property
	def verifier(self):
		der = subprocess.run(["openssl", "pkey", "-in", self.path, "-pubout", "-outform", "DER"],
			check=True, capture_output=True).stdout
		return "whpk_" + base64.b64encode(der[-32:]).decode()

	def sign(self, text):
		message = self.path + ".message"
		with open(message, "wb") as f:
			f.write(text)
		done = subprocess.run(["openssl", "pkeyutl", "-sign", "-inkey", self.path, "-rawin", "-in",
			message], check=True, capture_output=True)
		return "v1a," + base64.b64encode(done.stdout).decode()


class Sender:
	"""Signs by Standard Webhooks 1.0.0 with all of its keys."""

	_ids = itertools.count(1)

	def __init__(self, *keys):
		self.keys = keys

	def request(self, payload, message=None, at=None):
		"""The body and the fields of a request."""
		body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
		message = message or f"msg_{os.getpid()}-{next(self._ids)}"
		at = str(int(time.time()) if at is None else at)
		text = f"{message}.{at}.".encode() + body
		return body, [("Content-Type", "application/json"), ("webhook-id", message),
			("webhook-timestamp", at),
			("webhook-signature", " ".join(key.sign(text) for key in self.keys))]


class Plugin:
	"""The plugin's runs over a catalog: a dict of entities by ref.

	What is new or has another etag is sent, so many at a time, then marked as sent; where
	one POST is not answered with a 2xx the run ends, nothing is marked and the next run sends all of
	it again, under a new batch id. Deletions are never sent.
	"""

	SEND_SIZE = 50

	def __init__(self, port, source, secret, catalog):
		self.port, self.path = port, f"/hooks/catalog/{source}"
		self.secret = secret
		self.catalog = catalog
		self.sent = {}      # etags by uid
		self.batches = itertools.count(1795488732714)
		self.config = None  # what was answered to ?config
		self.answers = []   # of the last run

	def call(self, method, path, body):
		fields = [("User-Agent", "node")]
		if body is not None:
			fields.append(("Content-Type", "application/json"))
		if self.secret is not None:
			mac = hmac.new(self.secret, body or b"", hashlib.sha256).hexdigest()
			fields.append(("X-Hub-Signature-256", "sha256=" + mac))
		return post(self.port, path, body, fields, method)[:2]

	def run(self, abort_after=None):
		"""One run; its POST number abort_after is as good as lost. Whether it went through."""
		status, document = self.call("GET", self.path + "?config", None)
		self.config = document if status == 200 else None
		changed = [e for e in self.catalog.values()
			if self.sent.get(e["metadata"]["uid"]) != e["metadata"]["etag"]]
		pieces = [changed[i:i + self.SEND_SIZE] for i in range(0, len(changed), self.SEND_SIZE)]
		batch, self.answers = next(self.batches), []
		for number, piece in enumerate(pieces or [[]], 1):
			body = json.dumps({"batchId": batch, "entities": piece,
				"isFinalBatch": number >= len(pieces)}).encode()
			self.answers.append(self.call("POST", self.path, body))
			if self.answers[-1][0] // 100 != 2 or number == abort_after:
				return False
		self.sent.update((e["metadata"]["uid"], e["metadata"]["etag"]) for e in changed)
		return True
