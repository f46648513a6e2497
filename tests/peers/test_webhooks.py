#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Signatures of the http sink hold for the receivers' own library: npm's standardwebhooks."""

import base64
import json
import os
import shutil
import subprocess
import sys

TOP = os.environ.get("top_srcdir") or os.path.dirname(os.path.dirname(os.path.dirname(
	os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "system"))
sys.path.insert(0, os.path.join(TOP, "tests", "tools"))
import harness  # noqa: E402
from harness import Skip, wait_until  # noqa: E402
from hook_standin import Hook  # noqa: E402

HERE = os.path.join(TOP, "tests", "peers", "webhooks")
MODULES = os.path.join(os.environ.get("top_builddir", TOP), "tests", "peers", "webhook-modules")

NEW = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OLD = "whsec_" + base64.b64encode(bytes(range(32, 64))).decode()
OTHER = "whsec_" + base64.b64encode(bytes(range(64, 96))).decode()
# The key pair of the specification's example.
PAIR = ("whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6"
	"Kvg==")
PUBLIC = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="


def install():
	"""Install the library once, or skip."""
	for program in ("node", "npm"):
		if shutil.which(program) is None:
			raise Skip(f"{program} is not installed")
	os.makedirs(MODULES, exist_ok=True)
	for name in ("package.json", "package-lock.json"):
		shutil.copy(os.path.join(HERE, name), MODULES)
	done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=MODULES,
		capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=600, check=False)
	assert done.returncode == 0, done.stderr


class Receiver:
	"""verify.js under way."""

	def __init__(self):
		self.process = subprocess.Popen(["node", os.path.join(HERE, "verify.js"),
			os.path.abspath(MODULES)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

	def accepts(self, request, body=None, headers=None, **key):
		fields = {n.lower(): v for n, v in request.fields if n.lower().startswith("webhook-")}
		question = {"headers": {**fields, **(headers or {})},
			"body": base64.b64encode(request.body if body is None else body).decode(), **key}
		self.process.stdin.write(json.dumps(question) + "\n")
		self.process.stdin.flush()
		return json.loads(self.process.stdout.readline())["ok"]

	def stop(self):
		self.process.stdin.close()
		self.process.wait(30)


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
	install()
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


if __name__ == "__main__":
	harness.main(globals())
