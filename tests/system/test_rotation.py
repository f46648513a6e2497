#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Secrets of Vault and of AWS change while webhooks stream in: none is refused, lost or doubled.

The load and the sink that counts are bench/hookload; a part of the events goes to a sink that
looks at signatures and tokens. STAGEWIRE_ROTATIONS and STAGEWIRE_RATE make more of it: make
check-rotation.
"""

import json
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools"))
# pylint: disable=wrong-import-position
import harness
from aws_standin import AwsStandin
from harness import TOP_BUILD, TOP_SRC, wait_until
from test_secrets import (bearer, in_vault, is_signed_by, make_key, make_token, secret_file,
	vault_provider)
from vault_standin import VaultStandin

HOOKLOAD = os.path.join(TOP_BUILD, "bench", "hookload")
# It ends without freeing anything, of which a sanitizer would make a failure.
LEAVES_ALL = dict(os.environ, ASAN_OPTIONS="detect_leaks=0")
ROTATIONS = int(os.environ.get("STAGEWIRE_ROTATIONS", "3"))
RATE = int(os.environ.get("STAGEWIRE_RATE", "100"))
REPOSITORIES = 50
INFLIGHT = 32
# A rotation takes about a second, and the load goes on after the last one.
SECONDS = 1.5 * ROTATIONS + 2


def make_work(d):
	"""Signed requests, the key they are signed with, and the names of their repositories."""
	work = os.path.join(d.dir, "load")
	os.mkdir(work)
	subprocess.run([HOOKLOAD, "make", "-n", str(int(RATE * SECONDS)), "-R", str(REPOSITORIES),
		"-t", os.path.join(TOP_SRC, "bench", "payload.json"), work], check=True)
	with open(os.path.join(work, "slugs"), encoding="utf-8") as f:
		return work, f.read().split()


class Rotated:
	"""What is kept at the providers: a key and a credential in Vault, a token at AWS."""

	def __init__(self, box):
		self.vault, self.aws = VaultStandin(), AwsStandin()
		box.sinks += [self.vault, self.aws]
		self.keys, self.tokens, self.credentials = [], [], []
		self.turn()

	def turn(self):
		self.keys.append(make_key())
		self.tokens.append(make_token())
		self.credentials.append(make_token())
		self.vault.put("ci/hook", {"key": self.keys[-1], "credential": self.credentials[-1]})
		self.aws.put("ci/hook", self.tokens[-1])

	def providers(self, d):
		vault_provider(d, self.vault, overlap="1h")
		d.config["secrets"].append({"name": "aws", "type": "aws", "region": self.aws.region,
			"address": self.aws.url, "refresh": "1s", "timeout": "2s", "overlap": "1h",
			"credentials": "static", "access_key_id": secret_file(d, "key_id", self.aws.key_id),
			"secret_access_key": secret_file(d, "aws_key", self.aws.key)})

	def check(self, request):
		"""A receiver that is one rotation behind, or ahead, takes it."""
		at = [i for i, k in enumerate(self.keys) if is_signed_by(request, k)]
		assert at and len(at) <= 2 and at[-1] - at[0] == len(at) - 1, at
		assert bearer(request) in self.tokens, request


def configure(d, rotated, work, slugs, port, looker, api):
	rotated.providers(d)
	d.config["sources"][0].update(host="app.travis-ci.com",
		public_keys=[os.path.join(work, "key.pem")])
	d.config["sources"][0].pop("config_url", None)
	d.config["listen"]["api"] = [f"127.0.0.1:{api}"]
	d.config["credentials"] = [{"name": "card", "allow": ["page"],
		"secret": in_vault("ci/hook", "credential")}]
	secrets = {"secrets": [in_vault("ci/hook", "key")], "token": {"aws": "ci/hook", "provider": "aws"}}
	d.config["sinks"] = [
		{"name": "count", "type": "http", "url": f"http://127.0.0.1:{port}/sink/0",
			"mode": "structured", "allow": [f"127.0.0.1/32:{port}"], "inflight": INFLIGHT, **secrets},
		{"name": "look", "type": "http", "url": looker.url + "/hook",
			"allow": [f"127.0.0.1/32:{looker.port}"], "inflight": 8, **secrets}]
	d.config["routes"] = [{"name": "all", "to": ["count"]},
		{"name": "some", "when": {"repository": slugs[:2]}, "to": ["look"]}]
	d.write(d.catalog_path, harness.components(slugs))


def known(api, credential):
	headers = {"Authorization": "Bearer " + credential}
	return harness.request(api, "GET", "/", headers=headers).status not in (401, 403)


def test_while_secrets_rotate_nothing_is_lost_refused_or_doubled(box):
	d, looker, rotated = box.daemon(), box.sink(), Rotated(box)
	work, slugs = make_work(d)
	port, api = harness.free_port(), harness.free_port()
	configure(d, rotated, work, slugs, port, looker, api)
	d.start()
	before, applied = os.getloadavg(), []
	with subprocess.Popen([HOOKLOAD, "run", "-p", str(d.hooks), "-s", str(port), "-c", str(INFLIGHT),
			"-r", str(RATE), "-d", str(SECONDS + 5), "-w", "30", work],
			stdout=subprocess.PIPE, text=True, env=LEAVES_ALL) as load:
		try:
			wait_until(lambda: looker.requests, "the first event")
			while load.poll() is None and len(applied) < ROTATIONS:
				begin = time.monotonic()
				rotated.turn()
				wait_until(lambda: bearer(looker.requests[-1]) == rotated.tokens[-1]
					and is_signed_by(looker.requests[-1], rotated.keys[-1]), "the new ones in use")
				wait_until(lambda: known(api, rotated.credentials[-1]), "the new credential")
				assert known(api, rotated.credentials[-2]), "the one before is good for a while"
				applied.append(time.monotonic() - begin)
			amid = load.poll() is None
			counted = json.loads(load.stdout.read())
		finally:
			load.kill()
	print(f"# {counted} rotations={len(applied)} of {max(applied):.1f} s at most, load average "
		f"before {before[0]:.1f}")
	assert amid and len(applied) == ROTATIONS, applied
	assert counted["sent"] == counted["acked"] == counted["delivered"] == int(RATE * SECONDS), counted
	for wrong in ("refused", "broken", "missing", "duplicates", "unknown"):
		assert counted[wrong] == 0, counted
	wait_until(lambda: d.ctl("status")["store"]["pending"] == 0, "all delivered")
	ids = [json.loads(r[2])["id"] if "ce-id" not in r[1] else r[1]["ce-id"]
		for r in looker.requests]
	assert len(ids) == len(set(ids)) > ROTATIONS, len(ids)
	for request in looker.requests:
		rotated.check(request)
	log = d.log()
	assert not any(s in log for s in rotated.keys + rotated.tokens + rotated.credentials)
	shutil.rmtree(work)


if __name__ == "__main__":
	harness.main(globals())
