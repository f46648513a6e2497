#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Signatures of the http sink hold for the receivers' own library, npm's standardwebhooks, and those
that it makes hold for the catalog push."""

import base64
import json
import os
import subprocess
import time

import peer as peers  # first: it finds the harness
import harness
from harness import wait_until
from peer import TOP
from bus_standin import Backstage
from hook_standin import Hook
from push_standin import post

HERE = os.path.join(TOP, "tests", "peers", "webhooks")
MODULES = peers.modules_of("webhooks")

NEW = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OLD = "whsec_" + base64.b64encode(bytes(range(32, 64))).decode()
OTHER = "whsec_" + base64.b64encode(bytes(range(64, 96))).decode()
# The key pair of the specification's example.
PAIR = ("whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6"
	"Kvg==")
PUBLIC = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="


class Node:
	"""A script of ours under way, with the library."""

	def __init__(self, script):
		self.process = subprocess.Popen(["node", os.path.join(HERE, script),
			MODULES], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

	def ask(self, **question):
		self.process.stdin.write(json.dumps(question) + "\n")
		self.process.stdin.flush()
		return json.loads(self.process.stdout.readline())

	def stop(self):
		self.process.stdin.close()
		self.process.wait(30)


class Receiver(Node):
	def __init__(self):
		super().__init__("verify.js")

	def accepts(self, request, body=None, headers=None, **key):
		fields = {n.lower(): v for n, v in request.fields if n.lower().startswith("webhook-")}
		return self.ask(headers={**fields, **(headers or {})},
			body=base64.b64encode(request.body if body is None else body).decode(), **key)["ok"]


def deliver(box, mode, *keys):
	daemon = box.daemon()
	hook = Hook()
	box.sinks.append(hook)
	refs = []
	for number, key in enumerate(keys):
		path = os.path.join(daemon.dir, f"key-{number}")
		daemon.write(path, key + "\n")
		refs.append({"file": path})
	daemon.config["sinks"].append({"name": "hook", "type": "http", "url": hook.url, "mode": mode,
		"allow": [f"127.0.0.0/8:{hook.port}"], "secrets": refs})
	daemon.config["routes"][0]["to"].append("hook")
	daemon.start().accept()
	return wait_until(hook.posts, "the event at the hook")[0]


def test_standardwebhooks_and_nodes_crypto_accept_what_is_signed(box):
	peers.npm_install("webhooks")
	receiver = Receiver()
	try:
		for mode in ("binary", "structured"):
			request = deliver(box, mode, NEW, OLD, PAIR)
			assert receiver.accepts(request, secret=NEW), mode
			assert receiver.accepts(request, secret=OLD), mode
			assert receiver.accepts(request, publicKey=PUBLIC), mode
			# And nothing else.
			assert not receiver.accepts(request, secret=OTHER)
			for key in ({"secret": NEW}, {"publicKey": PUBLIC}):
				assert not receiver.accepts(request, body=request.body + b" ", **key)
				assert not receiver.accepts(request, headers={"webhook-id": "another"}, **key)
				later = str(int(request.get("webhook-timestamp")) + 1)
				assert not receiver.accepts(request, headers={"webhook-timestamp": later}, **key)
	finally:
		receiver.stop()


def test_the_catalog_push_takes_what_standardwebhooks_and_nodes_crypto_sign(box):
	peers.npm_install("webhooks")
	sender, backstage = Node("sign.js"), Backstage()
	box.sinks.append(backstage)
	pair = sender.ask()
	hub = "a plugin's secret of some length"
	daemon = box.daemon()

	def secret(name, text):
		daemon.write(os.path.join(daemon.dir, name), text + "\n")
		return {"file": os.path.join(daemon.dir, name)}

	daemon.config["backstage"] = {"url": backstage.url}
	daemon.config["catalog"] = {}
	daemon.config["sources"] += [
		{"name": "portal", "type": "catalog", "protocol": "standard-webhooks",
			"secrets": [secret("old", OLD), secret("new", NEW), secret("pair", pair["public"])]},
		{"name": "plugin", "type": "catalog", "protocol": "forgedapps",
			"secrets": [secret("hub", hub)]}]
	daemon.start()
	body = '{"entityRef":"component:default/wäge"}'.encode()
	encoded, at = base64.b64encode(body).decode(), int(time.time())
	media = ("Content-Type", "application/json")

	def push(signature, number, body=body):
		return post(daemon.hooks, "/hooks/catalog/portal", body, [media, ("webhook-id", f"m{number}"),
			("webhook-timestamp", str(at)), ("webhook-signature", signature)])[0]

	try:
		for number, key in enumerate(({"secret": OLD}, {"secret": NEW}, {"pair": pair["pair"]})):
			signature = sender.ask(id=f"m{number}", at=at, body=encoded, **key)["signature"]
			assert push(signature, number) == 202, key
			assert push(signature, number, body + b" ") == 401, key
			assert push(signature, 9) == 401, key
		signature = sender.ask(id="m8", at=at, body=encoded, secret=OTHER)["signature"]
		assert push(signature, 8) == 401
		signature = sender.ask(body=encoded, hub=hub)["signature"]
		for text, status in ((body, 202), (body + b" ", 401)):
			assert post(daemon.hooks, "/hooks/catalog/plugin", text,
				[media, ("X-Hub-Signature-256", signature)])[0] == status
	finally:
		sender.stop()


if __name__ == "__main__":
	harness.main(globals())
