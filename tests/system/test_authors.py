#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Authors: a commit's author is a user of the catalog, is told where a route says so, and
leaves no address behind."""

import glob
import json
import os
import stat
import sys

import harness
from harness import main, wait_until

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools"))
from bus_standin import Backstage, group, user  # pylint: disable=wrong-import-position,import-error

REF = "component:default/parcel-api"
SLUG = "acme/parcel-api"
OWNER = "group:default/payments"
ADA = "user:default/ada"
HIDDEN = "583231+OctoCat@users.noreply.github.com"
LOGIN = "github.com/user-login"
TOPIC = "stagewire.catalog"


def author_daemon(box, routes=None, **catalog):
	"""A daemon whose catalog and notifications are a stand-in for Backstage's."""
	backstage = Backstage()
	box.sinks.append(backstage)
	backstage.set("parcel-api", SLUG, OWNER, "e1")
	backstage.add(group("payments"))
	backstage.add(user("ada", "Ada@Example.com"))
	backstage.add(user("octo", None, **{LOGIN: "octocat"}))
	backstage.add(user("two", "shared@example.com"))
	backstage.add(user("too", "Shared@example.com"))
	daemon = box.daemon()
	daemon.config["backstage"] = {"url": backstage.url, "subscribe": True}
	daemon.config["catalog"] = {"refresh": "1h", **catalog}
	daemon.config["sinks"].append({"name": "notify", "type": "backstage-notifications",
		"coalesce": "0ms"})
	if routes is not None:
		daemon.config["routes"] += routes
	daemon.start()
	wait_until(lambda: daemon.ctl("status")["bus"]["subscribed"] and
		daemon.ctl("status")["catalog"]["entities"] == 6, "the catalog")
	return daemon, backstage


def correlation(daemon, event):
	found = [e for e in daemon.wait_recorded(event) if e["id"] == event][-1]
	return found["data"]["customData"]["stagewire"]["correlation"]


def author(daemon, email, **more):
	return correlation(daemon, daemon.accept(author_email=email, **more)).get("author")


def told(backstage, count):
	"""The recipients of so many notifications, in order."""
	sent = wait_until(lambda: len(backstage.notifications) >= count and backstage.notifications,
		f"{count} notifications")
	assert len(sent) == count, sent
	return [n["recipients"]["entityRef"] for n in sent]


def test_an_author_is_found_by_address_or_by_the_login_hidden_in_it(box):
	daemon, _ = author_daemon(box)
	assert author(daemon, "ada@example.COM") == ADA
	assert author(daemon, HIDDEN) == "user:default/octo"
	for nobody in ("eve@example.com", "shared@example.com", "noreply@github.com", None, "x",
			"octocat@users.noreply.gitlab.com"):
		assert author(daemon, nobody) is None, nobody
	assert daemon.ctl("catalog", "drift")["shared_names"] == 1


def test_another_annotation_names_another_host(box):
	daemon, backstage = author_daemon(box, author_annotation="git.example/login")
	backstage.add(user("grace", None, **{"git.example/login": "grace"}))
	backstage.publish(TOPIC, {"entityRef": "user:default/grace"})
	wait_until(lambda: daemon.ctl("status")["catalog"]["entities"] == 7, "the user")
	assert author(daemon, "grace@users.noreply.git.example") == "user:default/grace"
	assert author(daemon, "octocat@users.noreply.github.com") is None


def test_a_route_addresses_owner_author_or_both(box):
	routes = [
		{"name": "owners", "when": {"outcome": "failure"}, "to": "notify"},
		{"name": "authors", "when": {"branch": "dev"}, "address": "author", "to": "notify"},
	]
	daemon, backstage = author_daemon(box, routes)
	daemon.accept(state="failed", author_email="ada@example.com")
	assert told(backstage, 1) == [[REF]]
	daemon.accept(branch="dev", author_email="ada@example.com")
	assert told(backstage, 2)[1:] == [[ADA]]
	both = daemon.accept(state="failed", branch="dev", author_email="ada@example.com")
	assert told(backstage, 3)[2:] == [[REF, ADA]]
	# Of a stranger only the owners hear, and where nobody else is addressed nobody does.
	daemon.accept(state="failed", branch="dev", author_email="eve@example.com")
	assert told(backstage, 4)[3:] == [[REF]]
	quiet = daemon.accept(branch="dev", author_email="eve@example.com")
	wait_until(lambda: all(d["state"] == "done" for d in daemon.ctl("event", quiet)["deliveries"]),
		"the delivery")
	assert [d["sink"] for d in daemon.ctl("event", quiet)["deliveries"]] == ["record"]
	assert correlation(daemon, both)["address"] == {"notify": ["owner", "author"]}
	assert "address" not in correlation(daemon, quiet)
	said = daemon.ctl("explain", both)
	assert said["author"] == ADA, said
	assert said["addressed"] == [{"sink": "notify", "address": ["owner", "author"]}], said
	text = daemon.ctl_text("explain", quiet)
	assert "no  author: user:* is asked for, nothing was found" in text, text
	text = daemon.ctl_text("explain", both)
	assert "tells        notify: owner author" in text, text


def test_a_replay_tells_whom_the_first_delivery_told(box):
	routes = [{"name": "both", "address": ["owner", "author"], "to": ["notify", "record"]}]
	daemon, backstage = author_daemon(box, routes)
	event = daemon.accept(state="failed", author_email="ada@example.com")
	assert told(backstage, 1) == [[REF, ADA]]
	daemon.config["routes"][-1].pop("address")
	daemon.write_config()
	assert " reload " in daemon.reload()
	# What ada's commits may be called changes, too.
	backstage.add(user("ada", "ada.lovelace@example.com"))
	backstage.publish(TOPIC, {"entityRef": ADA})
	wait_until(lambda: author(daemon, "ada.lovelace@example.com") == ADA, "the new address")
	daemon.ctl("replay", "--event", event, "--reason", "again")
	wait_until(lambda: [n["recipients"]["entityRef"] for n in backstage.notifications].count(
		[REF, ADA]) == 2, "the replay")
	said = daemon.ctl("explain", event)
	assert said["author"] == ADA and said["addressed"][0]["address"] == ["owner", "author"], said
	assert said["addressed_now"] == [{"sink": "notify", "address": ["owner"]}], said
	# Only the sink that tells people is named in the event.
	assert correlation(daemon, event)["address"] == {"notify": ["owner", "author"]}


def test_routes_test_shows_whom_other_routes_would_tell(box):
	routes = [{"name": "owners", "to": "notify"}]
	daemon, backstage = author_daemon(box, routes)
	event = daemon.accept(author_email="ada@example.com")
	daemon.accept(author_email="eve@example.com")
	told(backstage, 2)
	other = os.path.join(daemon.dir, "other.yaml")
	config = json.loads(json.dumps(daemon.config))
	config["routes"].append({"name": "authors", "address": "author", "to": ["notify", "record"]})
	daemon.write(other, json.dumps(config))
	answer = json.loads(daemon.ctl_text("--json", "routes", "test", other))
	assert [(i["event"], i["readdressed"], i["added"]) for i in answer["items"]] == [
		(event, ["notify"], [])], answer
	assert answer["sinks"] == [{"sink": "notify", "added": 0, "removed": 0, "readdressed": 1}]


def test_a_parked_build_has_its_author_when_it_finds_its_entity(box):
	routes = [{"name": "authors", "address": "author", "to": "notify"}]
	daemon, backstage = author_daemon(box, routes)
	event = daemon.accept(slug="acme/later", author_email=HIDDEN)
	daemon.kill()  # what is known of the author must be in the store
	daemon.start()
	wait_until(lambda: daemon.ctl("status")["bus"]["subscribed"], "the subscription")
	backstage.set("later", "acme/later", OWNER, "e1")
	backstage.publish(TOPIC, {"entityRef": "component:default/later"})
	assert correlation(daemon, event)["author"] == "user:default/octo"
	assert told(backstage, 1) == [["user:default/octo"]]


def files_below(directory):
	for path in glob.glob(os.path.join(directory, "**"), recursive=True):
		if os.path.isfile(path):
			with open(path, "rb") as f:
				yield path, f.read().lower()


def test_no_address_and_no_login_is_left_anywhere(box):
	routes = [{"name": "both", "address": ["owner", "author"], "to": "notify"}]
	daemon, backstage = author_daemon(box, routes)
	for email in ("ada@example.com", HIDDEN, "eve@example.com"):
		daemon.accept(state="failed", author_email=email, committer_email="eve@example.com",
			matrix=[])
		daemon.accept(slug="acme/unclaimed", author_email=email, committer_email=email, matrix=[])
	told(backstage, 3)
	daemon.post(b'{"author_email":"ada@example.com"}')
	metrics = daemon.get("/metrics").body
	daemon.stop()
	words = [b"ada@example", b"octocat", b"eve@example", b"shared@example", b"@users.noreply"]
	for path, text in [*files_below(daemon.dir), ("metrics", metrics.lower()),
			("sinks", json.dumps(backstage.notifications).encode().lower())]:
		if path == daemon.config_path:
			continue
		for word in words:
			assert word not in text, f"{word} is in {path}"
	# The digests' key is nobody else's, and not in the database.
	key = os.path.join(daemon.dir, "author.key")
	assert stat.S_IMODE(os.stat(key).st_mode) == 0o600
	with open(key, "rb") as f:
		secret = f.read().strip()
	with open(daemon.store, "rb") as f:
		assert secret not in f.read()


def test_with_another_key_users_are_known_again_after_a_read(box):
	daemon, _ = author_daemon(box)
	assert author(daemon, "ada@example.com") == ADA
	daemon.stop()
	os.remove(os.path.join(daemon.dir, "author.key"))
	daemon.start()
	wait_until(lambda: author(daemon, "ada@example.com") == ADA, "the author")
	# And after the next start from what was kept, whether Backstage is there or not.
	daemon.restart()
	assert author(daemon, "ada@example.com") == ADA


def test_a_bad_key_stops_the_start_in_one_line(box):
	daemon = box.daemon()
	key = os.path.join(daemon.dir, "key")
	daemon.write(key, "too short\n")
	os.chmod(key, 0o600)
	daemon.config["catalog"]["author_key"] = {"file": key}
	daemon.write_config()
	daemon.spawn()
	assert daemon.wait_exit() == 1
	assert daemon.log().strip().endswith(
		"stagewired: catalog.author_key must be 32 bytes in base64"), daemon.log()
	os.remove(daemon.log_path)
	daemon.config["catalog"]["author_key"] = {"file": key + ".missing"}
	daemon.write_config()
	daemon.spawn()
	assert daemon.wait_exit() == 1 and "key.missing" in daemon.log(), daemon.log()


if __name__ == "__main__":
	main(globals())
