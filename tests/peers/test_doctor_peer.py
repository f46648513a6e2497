#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""stagewirectl doctor against a real Backstage: what it says of tokens is what Backstage does."""

import json
import subprocess

import test_backstage as backstage  # first: it finds the harness
import harness
from harness import wait_until
from peer import EVENTS_TOKEN, FULL_TOKEN


def examine(daemon):
	done = subprocess.run([harness.STAGEWIRECTL, "--socket", daemon.socket, "--json", "doctor",
		"--config", daemon.config_path], capture_output=True, text=True, check=False,
		timeout=harness.PATIENCE_S)
	return json.loads(done.stdout)["findings"]


def verdicts(findings, check):
	"""about -> verdict"""
	return {f["about"]: f["verdict"] for f in findings if f["check"] == check}


def fix(findings, check, about):
	return next(f["fix"] for f in findings if (f["check"], f["about"]) == (check, about))


def test_a_token_for_what_is_needed_and_nothing_else_is_well(box):
	findings = examine(backstage.relay(box))
	assert verdicts(findings, "backstage-plugin") == {"catalog": "ok", "events": "ok",
		"notifications": "ok"}, findings
	scope = verdicts(findings, "backstage-scope")
	assert "warn" not in scope.values() and scope["permission"] == "ok", findings
	assert verdicts(findings, "clock-skew") == {"backstage": "ok"}, findings


def test_an_identity_of_our_own_is_well(box):
	daemon = backstage.relay(box, identity={"issuer": "https://relay.example",
		"audience": "backstage-external", "subject": "instance-a"})
	findings = examine(daemon)
	assert verdicts(findings, "backstage-plugin") == {"catalog": "ok", "events": "ok",
		"notifications": "ok"}, findings
	assert list(verdicts(findings, "own-keys").values()) == ["ok"], findings


def change_token(daemon, text):
	with open(daemon.config["backstage"]["token"]["file"], "w", encoding="ascii") as f:
		f.write(text + "\n")
	assert "reload.refused" not in daemon.reload()


def test_a_token_that_is_good_for_more_or_less_or_nothing_is_told(box):
	daemon = backstage.relay(box)
	change_token(daemon, EVENTS_TOKEN)
	findings = examine(daemon)
	assert verdicts(findings, "backstage-plugin") == {"catalog": "fail", "events": "ok",
		"notifications": "fail"}, findings
	assert "plugin: catalog" in fix(findings, "backstage-plugin", "catalog")
	change_token(daemon, "nobody-knows-0123456789abcdef")
	findings = examine(daemon)
	assert set(verdicts(findings, "backstage-plugin").values()) == {"fail"}, findings
	assert "externalAccess" in fix(findings, "backstage-plugin", "events")
	# Of the full one, each plugin that is not needed is told.
	daemon.config["sinks"] = [s for s in daemon.config["sinks"] if s["name"] != "notify"]
	daemon.config["routes"][0]["to"].remove("notify")
	daemon.write_config()
	change_token(daemon, FULL_TOKEN)
	findings = examine(daemon)
	assert verdicts(findings, "backstage-plugin") == {"catalog": "ok", "events": "ok"}, findings
	assert verdicts(findings, "backstage-scope")["notifications"] == "warn", findings
	assert "catalog events" in fix(findings, "backstage-scope", "notifications")


def test_z_backstage_that_is_away_is_told(box):
	daemon = backstage.relay(box)
	backstage.peer.run("stop-backstage")
	try:
		findings = examine(daemon)
		assert set(verdicts(findings, "backstage-plugin").values()) == {"fail"}, findings
		assert backstage.peer.url in fix(findings, "backstage-plugin", "catalog")
	finally:
		backstage.peer.run("start-backstage")
	wait_until(lambda: set(verdicts(examine(daemon), "backstage-plugin").values()) == {"ok"},
		"Backstage's return", timeout=60)


def test_z_backstage_without_the_events_plugin_is_told(box):
	daemon = backstage.relay(box)
	backstage.peer.run("stop-backstage")
	backstage.peer.env["PEER_WITHOUT_EVENTS"] = "1"
	try:
		backstage.peer.run("start-backstage")
		findings = examine(daemon)
		assert verdicts(findings, "backstage-plugin") == {"catalog": "ok", "events": "fail",
			"notifications": "ok"}, findings
		assert "@backstage/plugin-events-backend" in fix(findings, "backstage-plugin", "events")
	finally:
		del backstage.peer.env["PEER_WITHOUT_EVENTS"]
		backstage.peer.run("stop-backstage")
		backstage.peer.run("start-backstage")


if __name__ == "__main__":
	backstage.main(globals())
