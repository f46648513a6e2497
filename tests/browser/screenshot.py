#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""screenshot.py DIRECTORY: make status-page.png and status-page-dark.png there.

The real daemon shows what it was sent: payloads of real builds, from 2012 to 2026, signed anew with a
key of our own, and some composed as the tests' are, with times of today.
"""

import datetime
import glob
import json
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from browser import TOP, Browser, harness  # noqa: E402
from harness import FIXTURES, compose_payload, wait_until  # noqa: E402

sys.path.insert(0, os.path.join(TOP, "tests", "system"))
from test_page import component, write_catalog  # noqa: E402

CATALOG = [  # name, system, owner, repository
	("docs", "open-source", "docs", "travis-ci/docs-travis-ci-com"),
	("travis-demo", "open-source", "docs", "ihabunek/travis-demo"),
	("travis-test", "open-source", "docs", "sathwikshetty33/travis-test"),
	("flow-jsdoc", "open-source", "platform", "Kegsay/flow-jsdoc"),
	("buildlight", "open-source", "platform", "collectiveidea/buildlight"),
	("sentry", "open-source", "platform", "billyvg/sentry"),
	("parcel-api", "parcels", "payments", None),
	("parcel-labels", "parcels", "logistics", None),
	("parcel-ui", "parcels", "frontend", None),
	("invoices", "money", "payments", None),
	("ledger", "money", "payments", None),
	("runbooks", None, "platform", None),
]

# repository, state, minutes ago, seconds, branch, what for
BUILDS = [
	("acme/parcel-ui", "passed", 190, 201, "main", "Show weights in grams"),
	("acme/ledger", "failed", 171, 94, "main", "Close the books at noon"),
	("acme/invoices", "passed", 143, 322, "main", "Round half to even"),
	("acme/parcel-labels", "passed", 95, 148, "main", "Print labels two to a sheet"),
	("acme/ledger", "passed", 62, 118, "main", "Close the books at midnight again"),
	("acme/parcel-api", "passed", 41, 271, "main", "Weigh parcels twice"),
	("acme/parcel-ui", "failed", 18, 187, "main", "Sort the list of parcels by weight"),
	("acme/parcel-labels", "errored", 12, 9, "gs1-128", "Try GS1-128 for pallets"),
	("acme/prototype", "passed", 9, 60, "main", "An idea"),
	("acme/parcel-api", "started", 2, None, "feature/customs", "Declare goods to customs"),
]


def ago(minutes):
	t = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=minutes)
	return t.strftime("%Y-%m-%dT%H:%M:%SZ")


def send_genuine(daemon):
	paths = sorted(glob.glob(os.path.join(FIXTURES, "travis", "samples", "*.json")))
	assert paths, f"no payloads in {FIXTURES}"
	for path in paths:
		with open(path, "rb") as f:
			payload = f.read()
		host = json.loads(payload)["build_url"].split("/")[2]
		answer = daemon.post(payload, source=host.replace(".", "-"))
		assert answer.status == 202, (path, answer)


def send_composed(daemon):
	for slug, state, minutes, seconds, branch, message in BUILDS:
		finished = None if seconds is None else ago(minutes - seconds / 60)
		payload = compose_payload(slug=slug, state=state, branch=branch, message=message,
			started_at=ago(minutes), finished_at=finished)
		answer = daemon.post(payload, source="app-travis-ci-com")
		assert answer.status == 202, (slug, answer)


def write_secret(daemon):
	"""The path of a key to sign with."""
	path = os.path.join(daemon.dir, "chat.key")
	daemon.write(path, "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n")
	return path


def begin(box):
	daemon = box.daemon()
	source = daemon.config["sources"][0]
	daemon.config["sources"] = [{**source, "name": host.replace(".", "-"), "host": host}
		for host in ("app.travis-ci.com", "travis-ci.org")]
	bus, chat = box.sink(), box.sink()
	daemon.use_bus(bus)
	daemon.config["catalog"] = {"file": daemon.catalog_path}
	chat.answer = (503, {}, b"")
	daemon.config["sinks"].append({"name": "chat", "type": "http", "url": chat.url,
		"allow": [f"127.0.0.0/8:{chat.port}"], "secrets": [{"file": write_secret(daemon)}]})
	daemon.config["routes"].append({"name": "trouble", "when": {"outcome": ["failure", "error"]},
		"to": ["chat"]})
	write_catalog(daemon, [component(name, system, owner, slug)
		for name, system, owner, slug in CATALOG])
	return daemon.start()


def shoot(daemon, directory):
	browser = Browser()
	try:
		for scheme, name in (("light", "status-page.png"), ("dark", "status-page-dark.png")):
			browser.open(f"http://127.0.0.1:{daemon.admin}/", colorScheme=scheme,
				viewport={"width": 1320, "height": 960})
			browser.wait("document.getElementById('live').textContent === 'Live'", "the stream")
			browser.do("screenshot", file=os.path.join(directory, name))
			size = os.path.getsize(os.path.join(directory, name))
			print(f"{name}: {size} bytes")
			assert size < 200_000, "too large for a README"
	finally:
		browser.stop()


def main():
	keys = tempfile.mkdtemp(prefix="stagewire-key-")
	harness.Box.key = harness.make_key(os.path.join(keys, "travis.pem"))
	box = harness.Box()
	try:
		daemon = begin(box)
		send_genuine(daemon)
		send_composed(daemon)
		wait_until(lambda: any(s["name"] == "chat" and s["tempfails"]
			for s in daemon.ctl("status")["sinks"]), "that a sink has failed")
		shoot(daemon, os.path.abspath(sys.argv[1]))
	finally:
		box.finish()
		box.remove()
		shutil.rmtree(keys)


if __name__ == "__main__":
	main()
