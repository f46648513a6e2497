#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a dump of the daemon would tell: every secret is used, replaced by another and used again;
then its memory, a core of it, its log and its files are searched.

A mapping that is kept out of cores has the flag "dd" in /proc/PID/smaps (proc(5)); a live secret
may be there, and a former one nowhere at all.
"""

import base64
import glob
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools"))
# pylint: disable=wrong-import-position
import harness
import memory
from aws_standin import AwsStandin
from bus_standin import component
from harness import need_program, wait_until
from push_standin import Sender, SharedKey, post
from test_doctor import Peer, travis_peer
from test_secrets import (deliver, http_sink, in_vault, is_signed_by, make_certificate, make_key,
	make_token, secret_file, vault_provider)
from vault_standin import VaultStandin

BUILDS = "/v1/entities/component/default/parcel-api/builds"

harness.STAGEWIRED = os.path.abspath(harness.STAGEWIRED)


class World:
	"""A daemon that has a secret of each kind, and everybody whom it shows them to."""

	def __init__(self, box):
		self.d, self.box = box.daemon(), box
		d = self.d
		certificate = make_certificate(d)
		self.vault, self.aws = VaultStandin(tls=certificate), AwsStandin()
		self.hook, self.store = box.sink(), box.sink()
		self.travis, self.backstage = travis_peer(box), Peer()
		box.sinks += [self.vault, self.aws, self.backstage]
		known = {"items": [component("parcel-api", "acme/parcel-api", "group:default/payments", "1")],
			"totalItems": 1, "pageInfo": {}}
		self.backstage.answers = {"/api/catalog/entities/by-query": (200, known),
			"/api/catalog/entities/by-refs": (200, known), "/api/events/bus/v1/events": (201, None)}
		self.api = harness.free_port()
		self.pusher = SharedKey(os.urandom(16))
		vault_provider(d, self.vault, overlap="0s", ca=certificate[0])
		d.config["secrets"].append({"name": "aws", "type": "aws", "region": self.aws.region,
			"address": self.aws.url, "refresh": "1s", "timeout": "2s", "overlap": "0s",
			"credentials": "static", "access_key_id": secret_file(d, "key_id", self.aws.key_id),
			"secret_access_key": secret_file(d, "key", self.aws.key)})
		http_sink(d, self.hook, secrets=[in_vault("ci/hook", "key")],
			token=in_vault("ci/hook", "token"))
		d.config["sinks"].append({"name": "warehouse", "type": "http", "url": self.store.url + "/in",
			"allow": [f"127.0.0.1/32:{self.store.port}"],
			"token": {"aws": "ci/warehouse", "provider": "aws"}})
		d.config["sinks"].append({"name": "bus", "type": "backstage-events"})
		d.config["routes"][0]["to"] += ["warehouse", "bus"]
		d.config["catalog"] = {}
		d.config["backstage"] = {"url": self.backstage.url, "token": in_vault("ci/backstage", "token")}
		d.config["sources"][0].update(api_url=self.travis.url,
			api_token=in_vault("ci/{namespace}/{name}", "token"))
		d.config["sources"].append({"name": "portal", "type": "catalog",
			"protocol": "standard-webhooks",
			"secrets": [secret_file(d, "pusher", self.pusher.verifier)]})
		d.config["listen"]["api"] = [f"127.0.0.1:{self.api}"]
		d.config["credentials"] = [{"name": "card", "allow": ["page"],
			"secret": in_vault("ci/card", "secret")}]
		self.put()

	def put(self):
		"""New secrets everywhere."""
		self.now = {"sink's key": make_key(), "sink's token": make_token(),
			"backstage's token": make_token(), "travis's token": make_token(),
			"api credential": make_token(), "token in aws": make_token(),
			"refused credential": "eyJhbGciOiJFUzI1NiIsInR5cCI6InZuZC5iYWNrc3RhY2sudXNlciJ9." +
				os.urandom(600).hex() + "." + os.urandom(64).hex()}
		n = self.now
		self.vault.put("ci/hook", {"key": n["sink's key"], "token": n["sink's token"]})
		self.vault.put("ci/backstage", {"token": n["backstage's token"]})
		self.vault.put("ci/default/parcel-api", {"token": n["travis's token"]})
		self.vault.put("ci/card", {"secret": n["api credential"]})
		self.aws.put("ci/warehouse", n["token in aws"])

	def logins(self):
		return [t for t in self.vault.tokens if t != self.vault.root.text]

	def shown(self, sink, name):
		"""To a sink, or to a peer."""
		requests = list(sink.seen) if isinstance(sink, Peer) else [
			(None, None, fields.get("Authorization")) for _, fields, _ in list(sink.requests)]
		return any(self.now[name] in (shown or "") for _, _, shown in requests)

	def asks_with(self, name, path):
		return harness.request(self.api, "GET", path,
			headers={"Authorization": "Bearer " + self.now[name]}).status

	def use(self):
		"""See each of them used."""
		d = self.d

		def delivered():
			deliver(d, self.hook)
			return (is_signed_by(self.hook.requests[-1], self.now["sink's key"]) and
				self.shown(self.hook, "sink's token") and
				self.shown(self.store, "token in aws") and
				self.shown(self.backstage, "backstage's token"))

		def asked_travis():
			subprocess.run([harness.STAGEWIRECTL, "--socket", d.socket, "doctor", "--config",
				d.config_path], capture_output=True, timeout=harness.PATIENCE_S, check=False)
			return self.shown(self.travis, "travis's token")

		wait_until(delivered, "the sinks' secrets")
		wait_until(asked_travis, "the token of Travis")
		wait_until(lambda: self.asks_with("api credential", "/") == 200, "the credential")
		assert self.asks_with("refused credential", BUILDS) in (401, 503)
		body, fields = Sender(self.pusher).request({"entityRef": "component:default/parcel-api"})
		assert post(d.hooks, "/hooks/catalog/portal", body, fields)[0] == 202


def all_forms(secrets):
	"""As bytes, each as it is written and, where that is base64, as it is used."""
	forms = {name: text.encode() for name, text in secrets.items()}
	for name, text in secrets.items():
		if text.startswith("whsec_") or name.endswith(".key"):
			forms[name + ", decoded"] = base64.b64decode(text.removeprefix("whsec_"))
	return forms


def own_key(d, name):
	"""A key that the daemon made beside its store: 32 bytes in base64."""
	with open(os.path.join(d.dir, name), encoding="ascii") as f:
		text = next(line for line in reversed(f.read().split()) if len(line) == 44)
	assert len(base64.b64decode(text)) == 32
	return text


def used_and_replaced(box):
	"""A world, what is secret in it now, and what was."""
	w = World(box)
	w.d.start()
	memory.need_access(w.d.process.pid)
	w.use()
	former = {"former " + name: text for name, text in w.now.items()}
	former.update({f"former login {token[-6:]}": token for token in w.logins()})
	w.vault.revoke_all()
	w.put()
	w.use()
	former.update({f"former login {token[-6:]}": token for token in w.logins()})
	# Other providers now, which have nothing under way when they are looked at.
	for provider in w.d.config["secrets"]:
		provider["refresh"] = "1h"
	w.d.write_config()
	assert "reload.refused" not in w.d.reload()
	live = {**w.now, "role_id": w.vault.role_id, "secret_id": w.vault.secret_id,
		"key of aws": w.aws.key, "pusher's key": w.pusher.verifier}
	live.update({"login": token for token in w.logins() if token not in former.values()})
	assert "login" in live
	live.update({name: own_key(w.d, name) for name in ("audit.key", "author.key")})
	return w, all_forms(live), all_forms(former)


def settled(w, live, former):
	"""memory.places(), once no call is under way: while one is, libcurl has a copy, which it then wipes."""
	last = {}

	def clean():
		last["found"] = memory.places(w.d.process.pid, {**live, **former})
		last["wrong"] = {name: places for name, places in last["found"].items()
			if set(places) - {"out"} or (name in former and places)}
		return not last["wrong"]

	try:
		wait_until(clean, "no copy", timeout=10)
	except AssertionError:
		raise AssertionError(last["wrong"]) from None
	return last["found"]


def test_memory_has_live_secrets_where_no_core_has_them_and_former_ones_nowhere(box):
	w, live, former = used_and_replaced(box)
	found = settled(w, live, former)
	print("# copies:", found)
	assert found["sink's token"]["out"] >= 1 and found["backstage's token"]["out"] >= 1


def test_a_core_taken_by_root_has_no_secret(box):
	gcore = need_program("gcore")
	w, live, former = used_and_replaced(box)
	settled(w, live, former)
	core = os.path.join(box.dir, "dump")
	done = subprocess.run([gcore, "-o", core, str(w.d.process.pid)], capture_output=True, text=True,
		check=False)
	assert done.returncode == 0, done
	with open(f"{core}.{w.d.process.pid}", "rb") as f:
		content = f.read()
	assert w.d.config_path.encode() in content  # it is a core of that process, with its heap
	there = [name for name, text in {**live, **former}.items() if text in content]
	assert not there, there


def test_log_and_files_have_no_secret(box):
	w, live, former = used_and_replaced(box)
	assert w.d.stop() == 0
	kept = {os.path.join(w.d.dir, p) for p in ("key_id", "key", "role_id", "secret_id", "pusher",
		"audit.key", "author.key")}
	for folder, _, names in os.walk(w.d.dir):
		for path in (os.path.join(folder, name) for name in names):
			with open(path, "rb") as f:
				content = f.read()
			there = [name for name, text in {**live, **former}.items() if text in content]
			assert path in kept or not there, (path, there)


def test_the_kernel_writes_no_core(box):
	shell = 'cd "$0" && ulimit -c unlimited && exec "$@"'
	control = os.path.join(box.dir, "control")
	os.mkdir(control)
	subprocess.run(["sh", "-c", shell, control, "sh", "-c", "kill -ABRT $$"], check=False,
		capture_output=True)
	if not glob.glob(control + "/core*"):
		raise harness.Skip("the kernel writes no core files here")
	d = box.daemon()
	d.start(["sh", "-c", shell, d.dir])
	d.signal(signal.SIGABRT)
	assert d.wait_exit() == -signal.SIGABRT
	assert not glob.glob(d.dir + "/core*")


if __name__ == "__main__":
	harness.main(globals())
