#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SIGHUP applies a configuration wholly or not at all."""

import os
import subprocess
import threading

from harness import (ENTITIES, STAGEWIRED, TOP_SRC, Signer, compose_payload, main, make_key,
	need_program, wait_until)


def test_a_good_configuration_is_applied(box):
	daemon = box.daemon().start()
	daemon.accept()
	daemon.config["sources"][0]["name"] = "renamed"
	daemon.write_config()
	assert " reload " in daemon.reload()
	assert daemon.post(compose_payload()).status == 404
	assert daemon.post(compose_payload(), source="renamed").status == 202
	reload, = (e for e in daemon.ctl("audit") if e["action"] == "config.reload")
	assert reload["outcome"] == "success"


def test_a_bad_configuration_changes_nothing(box):
	daemon = box.daemon().start()
	good = dict(daemon.config)
	for bad in ({"routes": [{"name": "x", "to": ["nowhere"]}]},
			{"sauces": []}, {"catalog": {"file": daemon.dir + "/none.yaml"}}):
		daemon.config = {**good, **bad}
		daemon.write_config()
		line = daemon.reload()
		assert "reload.refused" in line, line
		daemon.accept()
	daemon.write(daemon.config_path, "listen: [\n")
	assert "stagewire.yaml:" in daemon.reload()
	daemon.accept()
	failures = [e for e in daemon.ctl("audit") if e["action"] == "config.reload"]
	assert len(failures) == 4 and {e["outcome"] for e in failures} == {"failure"}, failures
	daemon.config = good


def test_what_needs_a_restart_is_refused_by_name(box):
	daemon = box.daemon().start()
	daemon.config["store"]["path"] += "2"
	daemon.write_config()
	line = daemon.reload()
	assert "reload.refused" in line and "store.path" in line, line
	daemon.accept()


def test_a_new_key_is_taken_without_losing_the_old_one_meanwhile(box):
	daemon = box.daemon().start()
	old, new = daemon.signer, Signer(make_key(daemon.dir + "/new.pem"))
	source = daemon.config["sources"][0]
	first = source["public_keys"][0]
	for keys, old_status, new_status in (([first, daemon.dir + "/new.pem.pub"], 202, 202),
			([daemon.dir + "/new.pem.pub"], 403, 202)):
		source["public_keys"] = keys
		daemon.write_config()
		daemon.reload()
		for signer, status in ((old, old_status), (new, new_status)):
			payload = compose_payload()
			assert daemon.post(payload, signature=signer.sign(payload)).status == status


def test_the_catalog_file_is_read_again(box):
	daemon = box.daemon().start()
	daemon.write(daemon.catalog_path, ENTITIES.replace("owner: payments", "owner: user:alice"))
	daemon.reload()
	event, = daemon.wait_recorded(daemon.accept())
	assert event["ownerref"] == "user:default/alice", event


def test_a_rotated_file_sink_goes_on_in_a_new_file(box):
	daemon = box.daemon().start()
	first = daemon.accept()
	daemon.wait_recorded(first)
	os.rename(daemon.record, daemon.record + ".1")
	daemon.reload()
	second = daemon.accept()
	assert [e["id"] for e in daemon.wait_recorded(second)] == [second]
	with open(daemon.record + ".1", encoding="utf-8") as f:
		assert first in f.read()


def test_a_new_certificate_is_served_to_new_connections(box):
	openssl = need_program("openssl")
	daemon = box.daemon()
	daemon.config["tls"] = {"certificate": daemon.dir + "/tls.crt", "key": daemon.dir + "/tls.key"}

	def make_certificate(name):
		subprocess.run([openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt",
			"ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={name}",
			"-keyout", daemon.dir + "/tls.key", "-out", daemon.dir + "/tls.crt"],
			check=True, capture_output=True)

	def served():
		return subprocess.run([openssl, "s_client", "-connect", f"127.0.0.1:{daemon.hooks}"],
			input=b"", capture_output=True, check=False, timeout=30).stdout.decode()

	make_certificate("first.example")
	daemon.start()
	assert "first.example" in served()
	make_certificate("second.example")
	daemon.reload()
	assert "second.example" in served()
	daemon.write(daemon.dir + "/tls.crt", "no certificate\n")
	assert "reload.refused" in daemon.reload()
	assert "second.example" in served()


def test_no_webhook_is_lost_while_reloading(box):
	daemon = box.daemon().start()
	statuses = []
	stop = threading.Event()

	def send():
		while not stop.is_set():
			statuses.append(daemon.post(compose_payload()).status)

	senders = [threading.Thread(target=send) for _ in range(3)]
	for s in senders:
		s.start()
	try:
		reloads = 0
		while reloads < 10 or len(statuses) <= 10:
			assert " reload " in daemon.reload()
			reloads += 1
	finally:
		stop.set()
		for s in senders:
			s.join()
	assert set(statuses) == {202}, set(statuses)
	wait_until(lambda: len(daemon.recorded()) == len(statuses), "all deliveries")


def test_check_config_says_file_line_column_and_what_was_meant(box):
	daemon = box.daemon()
	daemon.write(daemon.config_path, "log:\n  levle: info\n")
	done = subprocess.run([STAGEWIRED, "-c", daemon.config_path, "--check-config"],
		capture_output=True, text=True, check=False)
	assert done.returncode == 78, done
	assert f"{daemon.config_path}:2:3: " in done.stderr, done.stderr
	assert "level" in done.stderr, done.stderr
	assert done.stderr.count("\n") == 1, done.stderr


def test_print_config_reads_back_to_the_same_and_shows_no_secret(box):
	sink = box.sink()
	daemon = box.daemon()
	daemon.use_bus(sink)
	daemon.write_config()

	def printed():
		return subprocess.run([STAGEWIRED, "-c", daemon.config_path, "--print-config"],
			capture_output=True, text=True, check=True).stdout

	text = printed()
	assert "token-0123456789abcdef" not in text
	daemon.write(daemon.config_path, text)
	assert printed() == text


def test_the_sample_configuration_is_good(_box):
	sample = os.path.join(TOP_SRC, "etc", "stagewire.yaml")
	done = subprocess.run([STAGEWIRED, "-c", sample, "--check-config"], capture_output=True,
		text=True, check=False)
	assert done.returncode == 0, done


def test_wrong_usage_is_told_from_wrong_configuration(box):
	def code(*args):
		return subprocess.run([STAGEWIRED, *args], capture_output=True, check=False).returncode

	assert code("--dance") == 2
	assert code("extra") == 2
	assert code("-c", box.dir + "/none.yaml") == 78
	assert code("--version") == 0
	assert code("--help") == 0


if __name__ == "__main__":
	main(globals())
