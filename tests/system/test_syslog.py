#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Events as syslog messages, over every way there is, to collectors that misbehave."""

import json
import os
import ssl

from collector import Authority, DatagramCollector, StreamCollector
from harness import free_port, main, wait_until


def daemon_for(box, address, **options):
	"""A daemon that sends everything to a syslog too."""
	daemon = box.daemon()
	daemon.config["sinks"].append({"name": "log", "type": "syslog", "address": address,
		"schedule": "100ms" + " 200ms" * 30, "circuit": {"failures": 0}, **options})
	daemon.config["routes"][0]["to"].append("log")
	return daemon


def log_status(daemon):
	return next(s for s in daemon.ctl("status")["sinks"] if s["name"] == "log")


def wait_settled(daemon, n):
	wait_until(lambda: log_status(daemon)["delivered"] >= n, f"{n} deliveries")
	status = log_status(daemon)
	assert (status["delivered"], status["tempfails"], status["dead"]) == (n, 0, 0), status


def check_messages(daemon, messages, ids):
	"""Each event once, and its message says what the event says."""
	recorded = {e["id"]: e for e in daemon.wait_recorded(*ids)}
	assert [m.param("id") for m in messages] == [[i] for i in ids]
	for m in messages:
		event = json.loads(m.text)
		assert event == recorded[event["id"]]
		assert m.element == "stagewire@32473" and m.app == "stagewired" and m.msgid == "build"
		assert m.time == event["time"], (m.time, event["time"])
		for name in ("type", "source", "repository", "transition"):
			assert m.param(name) == [event[name]], m.params
		build = event["data"]["customData"]["stagewire"]["build"]
		assert m.param("outcome") == [build["outcome"]]
		assert m.param("owner") == ["group:default/payments"]
		assert m.param("entity") == ["component:default/parcel-api"]


def send_three(daemon):
	return [daemon.accept(state=s) for s in ("started", "failed", "errored")]


def check_way(box, address, collector, messages, **options):
	daemon = daemon_for(box, address, **options).start()
	ids = send_three(daemon)
	wait_settled(daemon, 3)
	wait_until(lambda: len(messages()) >= 3, "three messages")
	check_messages(daemon, messages(), ids)
	assert [m.severity for m in messages()] == [6, 3, 3]
	assert {m.facility for m in messages()} == {3}
	daemon.stop()
	collector.down()
	return daemon


def test_over_a_unix_datagram_socket(box):
	collector = DatagramCollector(os.path.join(box.dir, "log"))
	check_way(box, f"unix:{collector.path}", collector, collector.take)


def test_over_a_unix_stream_socket(box):
	collector = StreamCollector(os.path.join(box.dir, "log"))
	check_way(box, f"unix-stream:{collector.address}", collector, lambda: collector.messages)
	assert collector.accepted == 1


def test_over_tcp_to_a_number_and_to_a_name(box):
	for host in ("127.0.0.1", "localhost"):
		collector = StreamCollector(("127.0.0.1", free_port()))
		check_way(box, f"tcp:{host}:{collector.address[1]}", collector,
			lambda c=collector: c.messages)
		assert collector.accepted == 1


def test_over_tls_to_a_number_and_to_a_name(box):
	authority = Authority(box.dir)
	for host, alternative in (("127.0.0.1", "IP:127.0.0.1"), ("localhost", "DNS:localhost")):
		collector = StreamCollector(("127.0.0.1", free_port()),
			authority.server(host, alternative))
		check_way(box, f"tls:{host}:{collector.address[1]}", collector,
			lambda c=collector: c.messages, ca=authority.certificate)
		assert collector.accepted == 1


def test_as_a_line_for_people(box):
	collector = DatagramCollector(os.path.join(box.dir, "log"))
	daemon = daemon_for(box, f"unix:{collector.path}", format="text", facility="local0").start()
	daemon.accept(state="failed", number="42", id=7, branch="größe")
	wait_settled(daemon, 1)
	message, = collector.take()
	assert message.facility == 16
	assert message.text.decode("utf-8-sig") == ("acme/parcel-api: größe build 42 failed "
		"https://app.travis-ci.com/acme/parcel-api/builds/7"), message.text
	daemon.accept(state="passed", number="43", id=8, branch="main")
	wait_settled(daemon, 2)
	assert collector.take()[1].text.startswith(b"acme/parcel-api: main build 43 passed")
	collector.down()


def test_a_long_message_is_cut_and_says_so(box):
	collector = DatagramCollector(os.path.join(box.dir, "log"))
	daemon = daemon_for(box, f"unix:{collector.path}", max_message="2KiB").start()
	event_id = daemon.accept(message="x" * 4000)
	wait_settled(daemon, 1)
	message, = collector.take()
	whole, = (e for e in daemon.wait_recorded(event_id))
	assert len(message.raw) == 2048
	assert int(message.param("bytes")[0]) == len(json.dumps(whole, separators=(",", ":")))
	assert message.text.startswith(b'{"specversion":"1.0"')
	collector.down()


def test_a_full_queue_is_waited_for(box):
	collector = DatagramCollector(os.path.join(box.dir, "log"))
	daemon = daemon_for(box, f"unix:{collector.path}", timeout="5m", inflight=1000).start()
	with open("/proc/sys/net/unix/max_dgram_qlen", encoding="ascii") as f:
		n = int(f.read()) + 20
	ids = [daemon.accept(slug=f"acme/parcel-api") for _ in range(n)]
	daemon.wait_recorded(*ids)  # another sink does not wait
	assert 0 < log_status(daemon)["delivered"] < n
	assert daemon.process.poll() is None and daemon.is_ready()
	wait_until(lambda: len(collector.take()) >= n, "all messages")
	wait_settled(daemon, n)
	assert collector.ids() == ids
	collector.down()


def test_a_socket_that_comes_later_or_anew_is_found(box):
	path = os.path.join(box.dir, "log")
	daemon = daemon_for(box, f"unix:{path}").start()
	first = daemon.accept()
	wait_until(lambda: log_status(daemon)["tempfails"] > 0, "a failed try")
	assert log_status(daemon)["trouble"] == "No such file or directory", log_status(daemon)
	collector = DatagramCollector(path)
	wait_until(lambda: log_status(daemon)["delivered"] == 1, "the delivery")
	assert [m.param("id") for m in collector.take()] == [[first]]
	collector.down()
	again = DatagramCollector(path)
	failed = log_status(daemon)["tempfails"]
	second = daemon.accept()
	wait_until(lambda: log_status(daemon)["delivered"] == 2, "the delivery")
	assert log_status(daemon)["tempfails"] == failed
	assert [m.param("id") for m in again.take()] == [[second]]
	again.down()


def test_a_connection_closed_while_idle_costs_no_event(box):
	collector = StreamCollector(("127.0.0.1", free_port()))
	daemon = daemon_for(box, f"tcp:127.0.0.1:{collector.address[1]}").start()
	ids = [daemon.accept()]
	wait_settled(daemon, 1)
	collector.hang_up()
	ids.append(daemon.accept())
	wait_settled(daemon, 2)
	assert collector.ids() == ids and collector.accepted == 2
	collector.down()
	ids.append(daemon.accept())
	wait_until(lambda: log_status(daemon)["tempfails"] > 0, "a failed try")
	assert log_status(daemon)["trouble"] == "Connection refused", log_status(daemon)
	collector.up()
	wait_until(lambda: log_status(daemon)["delivered"] == 3, "the delivery")
	assert collector.ids() == ids
	collector.down()


def test_what_closes_at_once_has_taken_nothing(box):
	"""As a proxy does that has nobody behind it."""
	collector = StreamCollector(("127.0.0.1", free_port()))
	collector.read = lambda connection: (connection.recv(1 << 16), connection.close())
	daemon = daemon_for(box, f"tcp:127.0.0.1:{collector.address[1]}").start()
	event_id = daemon.accept()
	wait_until(lambda: log_status(daemon)["tempfails"] >= 2, "failed tries")
	assert log_status(daemon)["delivered"] == 0
	assert log_status(daemon)["trouble"] in ("the other side closed the connection",
		"Connection reset by peer"), log_status(daemon)
	del collector.read
	wait_until(lambda: log_status(daemon)["delivered"] == 1, "the delivery")
	assert collector.ids() == [event_id]
	collector.down()


def test_what_nobody_reads_is_not_delivered(box):
	collector = StreamCollector(os.path.join(box.dir, "log"))
	collector.reading.clear()
	daemon = daemon_for(box, f"unix-stream:{collector.address}", timeout="300ms").start()
	event_id = daemon.accept()
	daemon.wait_recorded(event_id)
	wait_until(lambda: log_status(daemon)["tempfails"] > 0, "a failed try")
	assert log_status(daemon)["trouble"] == "not acknowledged in time", log_status(daemon)
	collector.reading.set()
	wait_until(lambda: log_status(daemon)["delivered"] == 1, "the delivery")
	assert set(collector.ids()) == {event_id}
	collector.down()


def check_refused(box, address, context, note, **options):
	collector = StreamCollector(("127.0.0.1", free_port()), context)
	daemon = daemon_for(box, f"tls:{address}:{collector.address[1]}", **options).start()
	event_id = daemon.accept()
	daemon.wait_recorded(event_id)
	wait_until(lambda: log_status(daemon)["tempfails"] > 0, "a failed try")
	status = log_status(daemon)
	assert note in status["trouble"] and status["delivered"] == 0, status
	assert collector.messages == []
	daemon.stop()
	collector.down()


def test_tls_refuses_who_it_is_not_sure_of(box):
	ours = Authority(box.dir)
	other = Authority(box.dir, "other")
	good = "DNS:localhost"
	check_refused(box, "localhost", other.server("unknown", good),
		"unable to get local issuer certificate", ca=ours.certificate)
	check_refused(box, "localhost", ours.server("system", good), "certificate")  # no ca
	check_refused(box, "localhost", ours.server("host", "DNS:elsewhere.example"),
		"ostname mismatch", ca=ours.certificate)
	check_refused(box, "127.0.0.1", ours.server("address", good), "IP address mismatch",
		ca=ours.certificate)
	check_refused(box, "localhost", ours.server("old", good, days=-1), "certificate has expired",
		ca=ours.certificate)
	check_refused(box, "localhost", None, "", ca=ours.certificate, timeout="500ms")


def test_tls_shows_a_certificate_where_one_is_asked_for(box):
	authority = Authority(box.dir)
	context = authority.server("server", "DNS:localhost")
	context.verify_mode = ssl.CERT_REQUIRED
	context.load_verify_locations(authority.certificate)
	collector = StreamCollector(("127.0.0.1", free_port()), context)
	address = f"tls:localhost:{collector.address[1]}"
	daemon = daemon_for(box, address, ca=authority.certificate).start()
	event_id = daemon.accept()
	wait_until(lambda: log_status(daemon)["tempfails"] > 0, "a failed try")
	assert log_status(daemon)["delivered"] == 0
	# Its alert, unless the collector's end of the connection overtook that.
	assert log_status(daemon)["trouble"] in ("tlsv13 alert certificate required",
		"Connection reset by peer", "the other side closed the connection")
	certificate, key = authority.issue("client", "DNS:client")
	daemon.config["sinks"][-1].update(certificate=certificate, key=key)
	daemon.write_config()
	daemon.reload()
	wait_until(lambda: log_status(daemon)["delivered"] == 1, "the delivery")
	assert collector.ids() == [event_id]
	collector.down()


def test_a_renewed_authority_is_read_on_sighup(box):
	first, second = Authority(box.dir, "first"), Authority(box.dir, "second")
	bundle = os.path.join(box.dir, "ca.pem")
	os.link(first.certificate, bundle)
	collector = StreamCollector(("127.0.0.1", free_port()), second.server("s", "DNS:localhost"))
	daemon = daemon_for(box, f"tls:localhost:{collector.address[1]}", ca=bundle).start()
	daemon.accept()
	wait_until(lambda: log_status(daemon)["tempfails"] > 0, "a failed try")
	os.replace(second.certificate, bundle)
	daemon.reload()
	wait_until(lambda: log_status(daemon)["delivered"] == 1, "the delivery")
	collector.down()


def test_files_that_cannot_be_read_are_told_at_the_start(box):
	daemon = daemon_for(box, "tls:localhost:6514", ca="/nonexistent/ca.pem")
	daemon.write_config()
	daemon.expect_exit = None
	daemon.spawn()
	assert daemon.wait_exit() != 0
	assert "/nonexistent/ca.pem" in daemon.log()


if __name__ == "__main__":
	main(globals())
