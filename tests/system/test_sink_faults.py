#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What an http sink makes of every way in which a receiver can fail, over real sockets.

What is asserted is what became of the one try of an event: its class, its status, and that the
operator reads why.
"""

import base64
import contextlib
import json
import os
import ssl
import subprocess
import sys
import time
import warnings

from harness import TOP_SRC, main, need_program, wait_until

sys.path.insert(0, os.path.join(TOP_SRC, "tests", "tools"))
import hook_standin as standin  # noqa: E402
from hook_standin import Hook, answers  # noqa: E402

KEY = "whsec_" + base64.b64encode(bytes(range(100, 132))).decode()
TOKEN = "fault-t0ken-s3cret"

# name, the receiver, state of the delivery after one try, status, part of the note
FAULTS = [
	# It takes long, or for ever.
	("slow", lambda: Hook(standin.silent), "pending", 0, "timeout: "),
	("drips", lambda: Hook(standin.drips), "pending", 200, "timeout: "),
	("half-open", lambda: Hook(standin.half_closed), "pending", 0, "unreachable: "),
	# The connection is reset.
	("rst-connect", lambda: Hook(early_reset="connect"), "pending", 0, "unreachable: "),
	("rst-head", lambda: Hook(early_reset="head"), "pending", 0, "unreachable: "),
	("rst-body", lambda: Hook(early_reset="body"), "pending", 0, "unreachable: "),
	("rst-request", lambda: Hook(standin.resets), "pending", 0, "unreachable: "),
	("rst-answer-head", lambda: Hook(standin.resets_within_head), "pending", None, "reset by peer"),
	("rst-answer", lambda: Hook(standin.resets_within_answer), "pending", None, "reset by peer"),
	# It answers, but does not take the event.
	("s301", lambda: Hook(answers(301, ("Location", "/other"))), "pending", 301, "not followed"),
	("s302", lambda: Hook(answers(302, ("Location", "http://127.0.0.1:1/"))), "pending", 302,
		"not followed"),
	("s307", lambda: Hook(answers(307, ("Location", "/other"))), "pending", 307, "not followed"),
	("s400", lambda: Hook(answers(400)), "dead", 400, "400: "),
	("s401", lambda: Hook(answers(401)), "pending", 401, "401: it does not know us"),
	("s404", lambda: Hook(answers(404)), "pending", 404, "is the URL right?"),
	("s410", lambda: Hook(answers(410)), "dead", 410, "it wants no more"),
	("s413", lambda: Hook(answers(413)), "dead", 413, "413: "),
	("s422", lambda: Hook(answers(422)), "dead", 422, "422: "),
	("s429", lambda: Hook(answers(429, ("Retry-After", "4000"))), "pending", 429, "429: "),
	("s500", lambda: Hook(answers(500)), "pending", 500, "500"),
	("s503", lambda: Hook(answers(503)), "pending", 503, "503: "),
	# Its answer is no good.
	("cl-long", lambda: Hook(standin.is_cut_short), "pending", 200, "broken: "),
	("cl-short", lambda: Hook(standin.says_too_little), "done", 200, ""),
	("cl-twice", lambda: Hook(standin.contradicts_itself), "done", 200, ""),
	("cl-minus", lambda: Hook(standin.is_no_number), "pending", 200, "broken: "),
	("no-http", lambda: Hook(standin.is_no_http), "pending", 0, "broken: "),
	# It wants to fill our memory. What it says with 2xx counts all the same.
	("bomb", lambda: Hook(standin.sends_bomb), "done", 200, ""),
	("bomb-chunks", lambda: Hook(standin.sends_bomb_in_chunks), "pending", 500, "500"),
	("endless-head", lambda: Hook(standin.sends_head_without_end), "pending", None, "Too large"),
	("endless-line", lambda: Hook(standin.sends_line_without_end), "pending", None, "too long"),
	("endless-1xx", lambda: Hook(standin.sends_interim_without_end), "pending", None, "Too large"),
]


def use_hook(box, daemon, name, hook, **options):
	box.sinks.append(hook)
	daemon.config["sinks"].append({"name": name, "type": "http", "url": hook.url,
		"allow": [f"127.0.0.0/8:{hook.port}", f"[::1/128]:{hook.port}"], **options})
	daemon.config["routes"][0]["to"].append(name)


def reference(daemon, name, text):
	path = os.path.join(daemon.dir, name)
	daemon.write(path, text + "\n")
	return {"file": path}


def tried(daemon, names):
	"""What became of the first try of each, counted or only noted: the deliveries by sink."""
	def untried():
		rows = {d["sink"]: d for d in daemon.ctl("deliveries", "--limit", "200")}
		return [n for n in names if n not in rows or
			(rows[n]["tries"] == 0 and not rows[n]["note"])], rows
	wait_until(lambda: not untried()[0], f"a try of each of {names}")
	return untried()[1]


def assert_no_secret(daemon, *words):
	for name in os.listdir(daemon.dir):
		if name.startswith(("stagewire.db", "stagewired.log", "events.jsonl")):
			with open(os.path.join(daemon.dir, name), "rb") as f:
				text = f.read()
			for word in words:
				assert word.encode() not in text, f"{word} is in {name}"


def test_every_fault_has_its_class(box):
	daemon = box.daemon()
	key, token = reference(daemon, "key", KEY), reference(daemon, "token", TOKEN)
	good = Hook()
	hooks = {"good": good}
	use_hook(box, daemon, "good", good, secrets=[key], token=token)
	for name, make, *_ in FAULTS:
		hooks[name] = make()
		use_hook(box, daemon, name, hooks[name], timeout="2s", secrets=[key], token=token)
	event = daemon.start().accept()
	daemon.wait_recorded(event)
	wait_until(good.posts, "the event where nothing is wrong")
	rows = tried(daemon, [name for name, *_ in FAULTS])
	wrong = []
	for name, _, state, status, note in FAULTS:
		row = rows[name]
		print(f"# {name}: {row['state']} {row['status']} {row['note']}")
		if row["state"] != state or note not in row["note"] or (
				status is not None and row["status"] != status):
			wrong.append(f"{name}: {row['state']} {row['status']} {row['note']}")
	assert not wrong, "\n".join(wrong)
	log = daemon.log()
	for name, _, state, _, _ in FAULTS:
		line = {"pending": "delivery.tempfail", "dead": "delivery.dead", "done": "delivery.ok"}[state]
		assert any(f" {line} " in text and f"sink={name} " in text for text in log.splitlines()), name
	for name in ("s301", "s302", "s307"):
		assert {r.target for r in hooks[name].requests} == {"/hook"}, "a redirect was followed"
	# What was read of those that want to fill our memory, with what lies in the sockets' buffers.
	for name in ("bomb-chunks", "endless-head", "endless-line", "endless-1xx"):
		print(f"# {name}: {hooks[name].sent} bytes sent")
		assert hooks[name].sent < 16 << 20, f"{name}: {hooks[name].sent} bytes"
	daemon.accept()
	wait_until(lambda: len(good.posts()) == 2, "the next event where nothing is wrong")
	assert_no_secret(daemon, KEY[6:], TOKEN)


def test_a_receiver_that_hangs_holds_up_nobody_else(box):
	daemon = box.daemon()
	daemon.config["shutdown"] = {"drain": "0ms"}
	hangs, good = Hook(standin.silent), Hook()
	use_hook(box, daemon, "hangs", hangs, timeout="5m")
	use_hook(box, daemon, "good", good)
	daemon.start()
	events = [daemon.accept() for _ in range(20)]
	wait_until(lambda: len(good.posts()) == 20, "all events at the good receiver")
	assert [r.get("webhook-id") for r in good.posts()] == events
	daemon.wait_recorded(*events)
	# All are of one repository, so the first one is still under way there, and no other.
	assert len(hangs.posts()) == 1


def test_a_wish_to_wait_is_passed_on(box):
	daemon = box.daemon()
	hook = Hook(answers(429, ("Retry-After", "4000")))
	use_hook(box, daemon, "busy", hook)
	daemon.start().accept()
	row = tried(daemon, ["busy"])["busy"]
	due = time.mktime(time.strptime(row["due"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
	assert 3900 < due - time.time() < 4100, row


def test_a_receiver_that_is_away_gets_the_event_when_it_is_back(box):
	daemon = box.daemon()
	hook = Hook()
	port = hook.port
	use_hook(box, daemon, "away", hook)
	hook.down()
	event = daemon.start().accept()
	row = tried(daemon, ["away"])["away"]
	assert row["state"] == "pending" and "unreachable" in row["note"], row
	back = Hook(port=port)
	box.sinks.append(back)
	wait_until(back.posts, "the event at the receiver that is back")
	assert back.posts()[0].get("webhook-id") == event


# --- TLS ----------------------------------------------------------------------


def openssl(*args, cwd):
	subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=cwd)


class Authority:
	"""A CA of a test's own, and certificates by it."""

	def __init__(self, directory, name):
		self.dir = os.path.join(directory, name)
		os.mkdir(self.dir)
		self.ca = os.path.join(self.dir, "ca.pem")
		openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
			"-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", f"/CN={name}",
			cwd=self.dir)

	def issue(self, name, host="localhost", *dates):
		"""A certificate and its key. dates: when it begins and ends, as openssl-ca(1) has it."""
		openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
			"-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}", cwd=self.dir)
		with open(os.path.join(self.dir, "ca.conf"), "w", encoding="ascii") as f:
			f.write("[ca]\ndefault_ca = it\n[it]\ndatabase = index\nserial = serial\n"
				"new_certs_dir = .\ndefault_md = sha256\npolicy = any\nunique_subject = no\n"
				f"x509_extensions = ext\n[any]\ncommonName = supplied\n[ext]\n"
				f"subjectAltName = DNS:{host}\n")
		for path, text in (("index", ""), ("serial", "01\n")):
			if not os.path.exists(os.path.join(self.dir, path)):
				with open(os.path.join(self.dir, path), "w", encoding="ascii") as f:
					f.write(text)
		openssl("ca", "-config", "ca.conf", "-batch", "-notext", "-in", f"{name}.csr",
			"-cert", "ca.pem", "-keyfile", "ca.key", "-out", f"{name}.pem",
			*(["-startdate", dates[0], "-enddate", dates[1]] if dates else ["-days", "1"]),
			cwd=self.dir)
		return os.path.join(self.dir, f"{name}.pem"), os.path.join(self.dir, f"{name}.key")


def server(pair, **options):
	context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
	context.load_cert_chain(*pair)
	for name, value in options.items():
		setattr(context, name, value)
	return context


def old_server(pair):
	"""TLS 1.0 and 1.1 only, by keys and digests that Debian forbids as a default."""
	context = server(pair)
	context.set_ciphers("ALL:@SECLEVEL=0")
	with warnings.catch_warnings():
		warnings.simplefilter("ignore", DeprecationWarning)
		context.minimum_version = ssl.TLSVersion.TLSv1
		context.maximum_version = ssl.TLSVersion.TLSv1_1
	return context


def asking_server(pair, ca):
	"""Lets in only who has a certificate of that CA. TLS 1.2, where it says so at once."""
	context = server(pair, verify_mode=ssl.CERT_REQUIRED, maximum_version=ssl.TLSVersion.TLSv1_2)
	context.load_verify_locations(ca)
	return context


def asking_server_13(pair, ca):
	"""The same by TLS 1.3, where a client is refused only after its handshake."""
	context = server(pair, verify_mode=ssl.CERT_REQUIRED, minimum_version=ssl.TLSVersion.TLSv1_3)
	context.load_verify_locations(ca)
	return context


def test_a_certificate_that_does_not_hold_stops_the_event(box):
	daemon = box.daemon()
	ours, theirs = Authority(daemon.dir, "ours"), Authority(daemon.dir, "theirs")
	good, client = ours.issue("good"), ours.issue("client")
	stranger = theirs.issue("stranger")
	ca = {"ca": ours.ca}
	cases = {
		"good": (server(good), ca, None),
		"expired": (server(ours.issue("expired", "localhost", "20200101000000Z",
			"20210101000000Z")), ca, "tls: "),
		"not-yet": (server(ours.issue("early", "localhost", "20450101000000Z",
			"20460101000000Z")), ca, "tls: "),
		"wrong-host": (server(ours.issue("wrong", "hooks.example")), ca, "tls: "),
		"unknown-ca": (server(stranger), ca, "tls: "),
		"system-ca": (server(good), {}, "tls: "),
		"old-tls": (old_server(good), ca, "tls: "),
		"mtls": (asking_server(good, ours.ca),
			{**ca, "certificate": client[0], "key": client[1]}, None),
		"mtls-13": (asking_server_13(good, ours.ca),
			{**ca, "certificate": client[0], "key": client[1]}, None),
		"mtls-none": (asking_server(good, ours.ca), ca, ": "),
		"mtls-none-13": (asking_server_13(good, ours.ca), ca, ": "),
		"mtls-stranger": (asking_server(good, ours.ca),
			{**ca, "certificate": stranger[0], "key": stranger[1]}, ": "),
		"plain": (None, {**ca, "url": None}, ": "),
	}
	hooks = {}
	token = reference(daemon, "token", TOKEN)
	for name, (tls, options, _) in cases.items():
		hooks[name] = Hook(tls=tls)
		if name == "plain":
			options["url"] = hooks[name].url.replace("http:", "https:")
		use_hook(box, daemon, name, hooks[name], token=token, timeout="5s", **options)
	event = daemon.start().accept()
	daemon.wait_recorded(event)
	rows = tried(daemon, cases)
	for name, (_, _, note) in cases.items():
		row = rows[name]
		print(f"# {name}: {row['state']} {row['status']} {row['note']}")
		if note is None:
			assert row["state"] == "done" and row["status"] == 204, row
			assert len(hooks[name].posts()) == 1
		else:
			assert row["state"] == "pending" and note in row["note"], row
			assert not hooks[name].requests, f"{name}: something was sent"
	assert_no_secret(daemon, TOKEN, "BEGIN PRIVATE KEY")


# What node's server does instead of answering over HTTP/2, and part of the note.
HTTP2_FAULTS = {"refuse": ": ", "reset": "broken: ", "goaway": ": ", "destroy": ": ",
	"silent": "timeout: "}


def test_every_fault_over_http2_is_tried_again(box):
	node = need_program("node")
	daemon = box.daemon()
	authority = Authority(daemon.dir, "ours")
	certificate, key = authority.issue("hook")
	script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "node_http2.js")
	with contextlib.ExitStack() as stack:
		peers = {}
		for name in HTTP2_FAULTS:
			peers[name] = stack.enter_context(subprocess.Popen([node, script, certificate, key, name],
				stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
			port = int(peers[name].stdout.readline())
			daemon.config["sinks"].append({"name": name, "type": "http", "ca": authority.ca,
				"timeout": "2s", "url": f"https://localhost:{port}/",
				"allow": [f"127.0.0.0/8:{port}"]})
			daemon.config["routes"][0]["to"].append(name)
		daemon.start().accept()
		rows = tried(daemon, HTTP2_FAULTS)
		for name, note in HTTP2_FAULTS.items():
			row = rows[name]
			print(f"# {name}: {row['state']} {row['status']} {row['note']}")
			assert row["state"] == "pending" and row["status"] == 0, row
			assert note in row["note"], row
			assert json.loads(peers[name].stdout.readline())["version"] == "2.0"
			peers[name].stdin.close()


def test_a_replaced_ca_is_taken_without_a_restart(box):
	daemon = box.daemon()
	first, second = Authority(daemon.dir, "first"), Authority(daemon.dir, "second")
	ca = os.path.join(daemon.dir, "ca.pem")
	hooks = [Hook(tls=server(a.issue("hook"))) for a in (first, second)]
	for number, hook in enumerate(hooks):
		use_hook(box, daemon, f"hook-{number}", hook, ca=ca)
	for number, authority in enumerate((first, second)):
		with open(authority.ca, encoding="ascii") as f:
			daemon.write(ca + ".new", f.read())
		os.rename(ca + ".new", ca)
		if number == 0:
			daemon.start().accept()
			wait_until(hooks[0].posts, "the event under the first CA")
			row = tried(daemon, ["hook-1"])["hook-1"]
			assert row["state"] == "pending" and "tls: " in row["note"], row
	wait_until(hooks[1].posts, "the event under the second CA")


if __name__ == "__main__":
	main(globals())
