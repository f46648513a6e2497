#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Start, restart, stop; and what systemd is told of it."""

import contextlib
import os
import signal
import socket
import sqlite3
import threading

from harness import (compose_payload, fill, form_encode, main, need_program, request,
	small_disk, wait_until)


class Notify:
	"""The socket on which systemd would listen ($NOTIFY_SOCKET)."""

	def __init__(self, directory):
		self.path = os.path.join(directory, "notify.sock")
		self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		self.socket.bind(self.path)
		self.socket.setblocking(False)
		self.lines = []

	def heard(self, what):
		"""Read what came; is a line among all so far that begins so?"""
		with contextlib.suppress(BlockingIOError):
			while True:
				self.lines += self.socket.recv(65536).decode().splitlines()
		return [line for line in self.lines if line.startswith(what)]

	def wait(self, what, count=1):
		wait_until(lambda: len(self.heard(what)) >= count, f"{what} from the daemon")


def test_systemd_hears_of_readiness_reload_watchdog_and_stop(box):
	daemon = box.daemon()
	notify = Notify(box.dir)
	daemon.environ = {"NOTIFY_SOCKET": notify.path, "WATCHDOG_USEC": "400000"}
	daemon.start()
	notify.wait("READY=1")
	notify.wait("WATCHDOG=1", 3)
	daemon.reload()
	notify.wait("RELOADING=1")
	notify.wait("MONOTONIC_USEC=")
	notify.wait("READY=1", 2)
	assert daemon.stop() == 0
	assert notify.heard("STOPPING=1")
	order = [line for line in notify.lines if line in ("READY=1", "RELOADING=1", "STOPPING=1")]
	assert order == ["READY=1", "RELOADING=1", "READY=1", "STOPPING=1"], order
	notify.socket.close()


def test_sockets_passed_by_systemd_are_served(box):
	activate = need_program("systemd-socket-activate")
	daemon = box.daemon()
	daemon.config["listen"]["hooks"] = ["systemd:hooks"]
	# It starts the daemon on the first connection, and passes its own pid on by exec.
	daemon.write_config()
	daemon.spawn([activate, f"--listen=127.0.0.1:{daemon.hooks}", "--fdname=hooks"])

	def poke():
		try:
			with socket.create_connection(("127.0.0.1", daemon.hooks), 1):
				return True
		except OSError:
			return False

	wait_until(poke, "the listening socket")
	wait_until(daemon.is_ready, "readiness")
	daemon.wait_recorded(daemon.accept())


def test_a_restart_remembers_everything(box):
	daemon = box.daemon().start()
	payload = compose_payload(id=1, state="failed", finished_at="2026-11-20T10:01:00Z")
	event_id = daemon.post(payload).json()["event"]
	daemon.post(compose_payload(slug="acme/unknown"))
	before = daemon.ctl("events")
	daemon.restart()
	assert daemon.ctl("events") == before
	assert daemon.ctl("event", event_id)["event"]["id"] == event_id
	assert len(daemon.ctl("quarantine")) == 1
	fixed = daemon.accept(id=2, state="passed", started_at="2026-11-20T10:05:00Z",
		finished_at="2026-11-20T10:06:00Z")
	events = daemon.wait_recorded(fixed)
	assert events[-1]["transition"] == "fixed", events[-1]


def test_what_was_pending_is_delivered_by_the_next_run(box):
	sink = box.sink()
	daemon = box.daemon()
	daemon.use_bus(sink)
	sink.down()
	daemon.start()
	ids = [daemon.accept() for _ in range(3)]
	daemon.config["shutdown"] = {"drain": "500ms"}
	daemon.restart()
	sink.up()
	wait_until(lambda: len(sink.events()) >= 3, "the deliveries")
	assert [e["id"] for e in sink.events()] == ids


def test_a_catalog_that_was_read_survives_backstage(box):
	backstage = box.sink()
	item = ('{"kind":"Component","metadata":{"name":"parcel-api","namespace":"default","uid":"u1",'
		'"etag":"e","annotations":{"travis-ci.com/repo-slug":"acme/parcel-api"}},'
		'"spec":{"type":"service","lifecycle":"production"},'
		'"relations":[{"type":"ownedBy","targetRef":"group:default/payments"}]}')
	backstage.answer = (200, {"Content-Type": "application/json"},
		('{"items":[%s],"totalItems":1,"pageInfo":{}}' % item).encode())
	daemon = box.daemon()
	daemon.use_bus(backstage)
	daemon.config["catalog"] = {"refresh": "1h"}
	daemon.config["routes"][0]["to"] = ["record"]
	daemon.start()
	wait_until(lambda: daemon.ctl("status")["catalog"]["loaded"], "the catalog")
	backstage.down()
	daemon.restart()
	event_id = daemon.accept()
	event, = daemon.wait_recorded(event_id)
	assert event["ownerref"] == "group:default/payments", event


def test_before_a_first_catalog_events_wait_and_are_then_delivered(box):
	backstage = box.sink()
	backstage.answer = (503, {}, b"")
	daemon = box.daemon()
	daemon.use_bus(backstage)
	del daemon.config["catalog"]
	daemon.config["routes"][0]["to"] = ["record"]
	daemon.start()
	answer = daemon.post(compose_payload())
	assert (answer.status, answer.json()["result"]) == (202, "waiting"), answer
	daemon.config["catalog"] = {"file": daemon.catalog_path}
	daemon.restart()
	daemon.wait_recorded(answer.json()["event"])


def refuses_to_start(daemon, word):
	daemon.spawn()
	code = daemon.wait_exit()
	assert code == 1, code
	last = daemon.log().splitlines()[-1]
	assert daemon.store in last and word in last, last


def test_a_corrupt_store_is_refused_and_left_alone(box):
	daemon = box.daemon().start()
	daemon.wait_recorded(*[daemon.accept() for _ in range(20)])
	daemon.stop()
	with open(daemon.store, "r+b") as f:
		f.seek(100)
		f.write(b"\xff" * 3000)
	with open(daemon.store, "rb") as f:
		before = f.read()
	refuses_to_start(daemon, "")
	with open(daemon.store, "rb") as f:
		assert f.read() == before


def test_a_file_that_is_no_database_is_refused(box):
	daemon = box.daemon()
	daemon.write_config()
	daemon.write(daemon.store, "this is no database, but somebody's text\n" * 100)
	refuses_to_start(daemon, "")


def test_a_store_of_a_newer_version_is_refused(box):
	daemon = box.daemon().start()
	daemon.accept()
	daemon.stop()
	with sqlite3.connect(daemon.store) as db:
		version, = db.execute("PRAGMA user_version").fetchone()
		db.execute(f"PRAGMA user_version = {version + 1}")
	refuses_to_start(daemon, "newer")


def test_a_second_daemon_on_the_same_store_is_refused(box):
	first = box.daemon().start()
	second = box.daemon()
	second.store = second.config["store"]["path"] = first.store
	second.write_config()
	refuses_to_start(second, "")
	first.accept()


def test_a_port_that_is_taken_is_a_clear_refusal(box):
	first = box.daemon().start()
	second = box.daemon()
	second.config["listen"]["hooks"] = [f"127.0.0.1:{first.hooks}"]
	second.write_config()
	second.spawn()
	assert second.wait_exit() == 1
	assert str(first.hooks) in second.log().splitlines()[-1]
	second.process = None


def test_a_stop_answers_what_is_under_way_and_takes_no_more(box):
	sink = box.sink()
	sink.delay = 0.5
	daemon = box.daemon()
	daemon.use_bus(sink)
	daemon.start()
	ids, after = [], []
	enough = threading.Event()

	def send():
		while True:
			try:
				answer = daemon.post(compose_payload())
			except OSError:
				return
			(ids if answer.status == 202 else after).append(answer)
			if len(ids) >= 20:
				enough.set()

	senders = [threading.Thread(target=send) for _ in range(4)]
	for s in senders:
		s.start()
	enough.wait(30)
	assert daemon.stop() == 0
	for s in senders:
		s.join()
	assert {a.status for a in after} <= {503}, after
	daemon.start()
	kept = {e["id"] for e in daemon.ctl("events", "--limit", "1000")}
	assert {a.json()["event"] for a in ids} <= kept


def test_sigint_stops_it_too(box):
	daemon = box.daemon().start()
	daemon.signal(signal.SIGINT)
	assert daemon.wait_exit() == 0


def test_the_admin_socket_is_not_for_everyone(box):
	daemon = box.daemon()
	daemon.config["listen"]["mode"] = "0600"
	daemon.start()
	assert os.stat(daemon.socket).st_mode & 0o777 == 0o600
	assert request(daemon.socket, "GET", "/healthz").status == 200


def test_a_full_disk_is_503_and_recovers_without_a_restart(box):
	need_program("mount")
	disk = os.path.join(box.dir, "disk")
	with small_disk(disk, "8M"):
		daemon = box.daemon()
		daemon.config["store"]["path"] = os.path.join(disk, "stagewire.db")
		daemon.start()
		answers = [daemon.post(compose_payload())]
		fill(os.path.join(disk, "filler"))

		def post_until(status):
			def post():
				answers.append(daemon.post(compose_payload()))
				return answers[-1].status == status

			wait_until(post, f"an answer {status}")
			return answers[-1]

		refused = post_until(503)
		assert int(refused.headers["Retry-After"]) > 0, refused.headers
		wait_until(lambda: daemon.get("/readyz").status == 503, "unreadiness")
		os.unlink(os.path.join(disk, "filler"))
		post_until(202)
		assert daemon.get("/readyz").status == 200
		promised = [a.json()["event"] for a in answers if a.status == 202]
		assert {a.status for a in answers} == {202, 503}
		daemon.wait_recorded(*promised)
		daemon.restart()
		assert {e["id"] for e in daemon.ctl("events", "--limit", "1000")} == set(promised)
		assert daemon.stop() == 0


def test_of_webhooks_that_come_twice_at_once_after_a_restart_each_is_told(box):
	"""The relay has forgotten what the store holds, and both are judged before it knows again."""
	daemon = box.daemon()
	daemon.start()
	ids = range(400_000_000, 400_000_040)
	for n in ids:
		daemon.accept(id=n, state="started")
	daemon.restart()
	sockets = []
	for n in ids:
		payload = compose_payload(id=n, state="passed")
		body = form_encode(payload)
		head = (f"POST /hooks/travis/travis-com HTTP/1.1\r\nHost: localhost\r\n"
			f"Signature: {daemon.signer.sign(payload)}\r\nContent-Length: {len(body)}\r\n"
			"Content-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n\r\n")
		for _ in range(2):
			s = socket.create_connection(("127.0.0.1", daemon.hooks))
			s.sendall(head.encode() + body[:-1])
			sockets.append((s, body[-1:]))
	for s, last in sockets:
		s.sendall(last)
	for s, _ in sockets:
		with contextlib.closing(s):
			answer = s.recv(1000)
			assert answer.startswith(b"HTTP/1.1 202"), answer
	ends = wait_until(lambda: len(e := [r["data"]["customData"]["stagewire"]["build"]["id"]
		for r in daemon.recorded() if r["type"].startswith("dev.cdevents.pipelinerun.finished")]
		) >= len(ids) and e, "all ends")
	assert sorted(ends) == list(ids)


if __name__ == "__main__":
	main(globals())
