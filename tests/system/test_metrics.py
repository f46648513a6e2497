#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is counted is what happened, in a form that Prometheus takes."""

import subprocess

from harness import compose_payload, main, need_program, wait_until


def metrics(daemon):
	"""The page's samples by name with labels."""
	page = daemon.get("/metrics", over=daemon.admin)
	assert page.status == 200 and page.headers["Content-Type"].startswith("text/plain"), page
	samples = {}
	for line in page.body.decode().splitlines():
		if not line.startswith("#"):
			name, value = line.rsplit(" ", 1)
			assert name not in samples, f"{name} twice"
			samples[name] = float(value)
	return samples


def test_promtool_finds_nothing_to_complain_of(box):
	promtool = need_program("promtool")
	daemon = box.daemon().start()
	daemon.accept()
	done = subprocess.run([promtool, "check", "metrics"], capture_output=True, check=False,
		input=daemon.get("/metrics").body)
	assert done.returncode == 0, done


def test_every_webhook_is_counted_once_by_what_became_of_it(box):
	daemon = box.daemon().start()
	payload = compose_payload()
	for answer, status in ((daemon.post(payload), 202), (daemon.post(payload), 202),
			(daemon.post(compose_payload(slug="acme/unknown")), 202),
			(daemon.post(payload, signature="QUFB"), 403), (daemon.post(payload, signature=""), 401)):
		assert answer.status == status, answer
	wait_until(lambda: metrics(daemon)["stagewire_deliveries_pending"] == 0, "the delivery")
	m = metrics(daemon)
	source = '{source="travis-com"}'
	assert m["stagewire_webhooks_accepted_total" + source] == 2, m
	assert m["stagewire_webhooks_duplicate_total" + source] == 1, m
	assert m["stagewire_webhooks_refused_total" + source] == 2, m
	assert m["stagewire_events"] == 2 and m["stagewire_events_quarantined"] == 1, m
	assert m['stagewire_deliveries_delivered_total{sink="record"}'] == 1, m
	assert m["stagewire_store_writable"] == 1, m
	assert m["stagewire_catalog_entities"] == 2, m


def test_health_is_for_anyone_on_the_admin_listener(box):
	daemon = box.daemon().start()
	for path in ("/healthz", "/readyz"):
		answer = daemon.get(path, over=daemon.admin)
		assert answer.status == 200, answer


if __name__ == "__main__":
	main(globals())
