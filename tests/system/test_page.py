#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The status page, its events and badges, over sockets; what browsers make of it is in tests/browser."""

import base64
import contextlib
import json
import os
import re
import signal
import sys
import time
import urllib.parse
import xml.etree.ElementTree as ET

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness  # noqa: E402
from harness import PATIENCE_S, connect, request, wait_until  # noqa: E402
from test_bus import live_daemon  # noqa: E402

HTML = "{http://www.w3.org/1999/xhtml}"
SVG = "{http://www.w3.org/2000/svg}"

CATALOG = [  # name, system, owner; the repository is acme/NAME
	("ledger", "money", "payments"),
	("parcel-api", "parcels", "payments"),
	("parcel-ui", "parcels", "frontend"),
	("tools", None, "platform"),
]


def component(name, system=None, owner="payments", slug=None):
	spec = {"type": "service", "lifecycle": "production", "owner": owner}
	if system:
		spec["system"] = system
	return {"apiVersion": "backstage.io/v1alpha1", "kind": "Component",
		"metadata": {"name": name, "annotations": {"travis-ci.com/repo-slug": slug or f"acme/{name}"}},
		"spec": spec}


def write_catalog(daemon, entities):
	"""JSON is YAML too."""
	daemon.write(daemon.catalog_path, "\n---\n".join(json.dumps(e) for e in entities))


def relay(box, catalog=None):
	daemon = box.daemon()
	write_catalog(daemon, [component(*c) for c in CATALOG] if catalog is None else catalog)
	return daemon


class Page:
	"""An answer that must be well-formed; ElementTree stops at whatever is not."""

	def __init__(self, answer):
		assert answer.status == 200, answer
		assert answer.headers["Content-Type"] == "text/html; charset=utf-8", answer.headers
		self.answer = answer
		self.text = answer.body.decode("utf-8")
		self.root = ET.fromstring(answer.body)

	def all(self, tag, **attributes):
		return [e for e in self.root.iter(HTML + tag)
			if all(e.get(k.rstrip("_").replace("_", "-")) == v for k, v in attributes.items())]

	def by_id(self, identity):
		found = [e for e in self.root.iter() if e.get("id") == identity]
		assert len(found) == 1, f"{len(found)} of id {identity}"
		return found[0]

	def rows(self):
		"""name -> the texts of its cells."""
		rows = {}
		for row in self.all("tr"):
			if row.get("data-entity"):
				rows[row.get("data-entity").split("/")[1]] = [words(cell) for cell in row]
		return rows

	def names(self):
		return list(self.rows())

	def groups(self):
		return [words(e) for e in self.all("tr", class_="group")]

	def tally(self):
		"""state -> how many."""
		return {words(a).split(" ", 1)[1]: int(words(a).split(" ")[0])
			for a in self.by_id("summary").iter(HTML + "a")}

	def title(self):
		return words(self.all("title")[0])


def words(element):
	return " ".join("".join(element.itertext()).split())


def show(daemon, query="", over=None):
	return Page(daemon.get("/" + query, over=over or daemon.admin))


class Stream:
	"""Server-Sent Events as they come."""

	def __init__(self, address, headers=None, path="/page/events"):
		self.connection = connect(address)
		self.connection.request("GET", path, headers=headers or {})
		self.response = self.connection.getresponse()
		self.last_id = None

	def event(self):
		"""The next one as (name, data), or None at the end."""
		fields = {}
		while True:
			line = self.response.readline()
			if not line:
				return None
			line = line.decode().rstrip("\n")
			if line == "" and "data" in fields:
				self.last_id = fields["id"]
				return fields["event"], json.loads(fields["data"])
			if line and not line.startswith(":"):
				name, value = line.split(": ", 1)
				fields[name] = value

	def until(self, name, /, **wanted):
		"""The data of the first event of that name that has these members."""
		end = time.monotonic() + PATIENCE_S
		while time.monotonic() < end:
			event = self.event()
			assert event is not None, f"the stream ended before {name}"
			if event[0] == name and wanted.items() <= event[1].items():
				return event[1]
		raise AssertionError(f"no {name} {wanted}")

	def close(self):
		self.response.close()
		self.connection.close()


@contextlib.contextmanager
def following(address, headers=None):
	stream = Stream(address, headers)
	try:
		assert stream.response.status == 200, stream.response.status
		yield stream
	finally:
		stream.close()


# --- what it shows ------------------------------------------------------------


def test_components_stand_by_system_with_the_state_of_their_latest_build(box):
	daemon = relay(box).start()
	daemon.accept(slug="acme/parcel-api", state="passed")
	daemon.accept(slug="acme/parcel-api", state="failed", branch="topic")
	daemon.accept(slug="acme/ledger", state="started")
	page = show(daemon)
	assert page.groups() == ["money", "parcels", "No system"], page.groups()
	assert page.names() == ["ledger", "parcel-api", "parcel-ui", "tools"], page.names()
	rows = page.rows()
	assert rows["parcel-api"][1] == "Failed" and " topic " in rows["parcel-api"][2], rows
	assert rows["parcel-api"][4] == "4 min 31 s" and rows["parcel-api"][5] == "payments", rows
	assert rows["ledger"][1] == "Running" and rows["ledger"][4] == "", rows
	assert rows["parcel-ui"][1:5] == ["No builds", "", "", ""], rows
	assert page.tally() == {"Failed": 1, "Running": 1, "No builds": 2}, page.tally()
	assert page.title() == "1 failed, 1 started · Stagewire", page.title()


def test_the_page_is_the_same_over_the_unix_socket(box):
	daemon = relay(box).start()
	daemon.accept(slug="acme/ledger", state="passed")
	assert show(daemon, over=daemon.socket).rows() == show(daemon).rows()


def test_what_is_asked_for_in_the_url_is_all_that_is_shown(box):
	daemon = relay(box).start()
	daemon.accept(slug="acme/parcel-api", state="failed")
	daemon.accept(slug="acme/ledger", state="failed")
	for query, names in (
			("?system=parcels", ["parcel-api", "parcel-ui"]),
			("?system=system:default/parcels", ["parcel-api", "parcel-ui"]),
			("?owner=payments", ["ledger", "parcel-api"]),
			("?owner=Group%3Adefault%2FPayments", ["ledger", "parcel-api"]),
			("?component=parcel-api", ["parcel-api"]),
			("?component=parcel-*", ["parcel-api", "parcel-ui"]),
			("?component=*", ["ledger", "parcel-api", "parcel-ui", "tools"]),
			("?component=parcel", []),
			("?state=failed", ["ledger", "parcel-api"]),
			("?state=none", ["parcel-ui", "tools"]),
			("?state=failed&system=parcels", ["parcel-api"]),
			("?system=parcels&owner=frontend", ["parcel-ui"]),
			("?system=&owner=&component=&state=&by=", ["ledger", "parcel-api", "parcel-ui", "tools"]),
			("?by=owner", ["parcel-ui", "ledger", "parcel-api", "tools"]),
			("?owner=nobody", []),
			("?owner=%3Cscript%3E+x", []),
			("?page=2", [])):
		page = show(daemon, query)
		assert page.names() == names, (query, page.names())
		empty = [e for e in page.all("div") if e.get("class") == "empty"]
		assert bool(empty) == (not names), query
	assert show(daemon, "?by=owner").groups() == ["frontend", "payments", "platform"]
	# The tally is of the filter but for the state, so that one can go from state to state.
	assert show(daemon, "?system=parcels&state=failed").tally() == {"Failed": 1, "No builds": 1}


def test_links_lead_to_where_they_say(box):
	"""Every link of the page that stays on it is followed, as far as they go."""
	daemon = relay(box).start()
	daemon.accept(slug="acme/parcel-api", state="failed")
	seen, todo = set(), [""]
	while todo:
		page = show(daemon, todo.pop())
		for a in page.all("a"):
			href = a.get("href")
			if href.startswith("?") and href not in seen:
				seen.add(href)
				todo.append(href)
	assert {"?system=parcels", "?owner=payments", "?state=failed"} <= seen, seen
	assert len(seen) > 15, seen


def test_a_query_that_cannot_be_is_answered_400(box):
	daemon = relay(box).start()
	for query, what in (("?state=green", "state"), ("?page=0", "page"), ("?page=x", "page"),
			("?by=colour", "by"), ("?owner=a&owner=b", "owner"), ("?system=%zz", "system")):
		answer = daemon.get("/" + query, over=daemon.admin)
		if query.endswith("%zz"):
			assert answer.status == 400, answer
			continue
		assert answer.status == 400 and what in answer.json()["detail"], (query, answer)


def test_a_page_has_a_hundred_rows_and_the_next_goes_on(box):
	names = [f"c{n:03}" for n in range(230)]
	daemon = relay(box, [component(n, "s" if i % 2 else None) for i, n in enumerate(names)]).start()
	seen, query, pages = [], "", 0
	while query is not None:
		page = show(daemon, query)
		seen += page.names()
		pages += 1
		following_page = page.all("a", rel="next")
		query = following_page[0].get("href") if following_page else None
	assert pages == 3, pages
	assert sorted(seen) == names, len(seen)
	assert show(daemon).tally() == {"No builds": 230}


def test_several_components_of_one_repository_show_the_same_build(box):
	daemon = relay(box, [component(f"part-{n}", slug="acme/mono") for n in range(70)]).start()
	daemon.accept(slug="acme/Mono", state="errored")
	page = show(daemon)
	assert page.tally() == {"Errored": 70}, page.tally()
	daemon.accept(slug="acme/mono", state="passed")
	assert show(daemon).tally() == {"Passed": 70}


def test_where_there_is_nothing_the_page_says_so(box):
	daemon = relay(box, [{"apiVersion": "backstage.io/v1alpha1", "kind": "Group",
		"metadata": {"name": "payments"}, "spec": {"type": "team", "children": []}}]).start()
	text = words(show(daemon).by_id("components"))
	assert "No entity of the catalog has a repository" in text, text
	assert "travis-ci.com/repo-slug" in text, text

	other = box.daemon()
	token = os.path.join(other.dir, "token")
	other.write(token, "token-0123456789abcdef\n")
	os.chmod(token, 0o600)
	del other.config["catalog"]
	other.config["backstage"] = {"url": f"http://127.0.0.1:{harness.free_port()}",
		"token": {"file": token}}
	other.start()
	text = words(show(other).by_id("components"))
	assert "No catalog has been read yet" in text, text
	text = words(show(relay(box).start(), "?owner=nobody").by_id("components"))
	assert "Nothing matches this filter" in text, text


def test_what_turned_last_is_listed_newest_first_within_the_filter(box):
	daemon = relay(box).start()
	for slug, state in (("acme/parcel-ui", "passed"), ("acme/ledger", "failed"),
			("acme/parcel-ui", "failed"), ("acme/ledger", "passed"), ("acme/ledger", "passed"),
			("acme/unclaimed", "passed"), ("acme/unclaimed", "failed")):
		daemon.accept(slug=slug, state=state)

	def turns(query=""):
		return [words(e) for e in show(daemon, query).by_id("turns").iter(HTML + "li")]

	found = turns()
	assert [t.split(" #")[0] for t in found] == ["Broken acme/unclaimed", "Fixed ledger",
		"Broken parcel-ui"], found
	assert [t.split(" #")[0] for t in turns("?system=money")] == ["Fixed ledger"]
	assert turns("?owner=platform") == []


def test_sinks_backlog_and_quarantine_are_shown_as_they_are(box):
	sink = box.sink()
	daemon = relay(box)
	daemon.use_bus(sink)
	daemon.config["catalog"] = {"file": daemon.catalog_path}
	daemon.start()
	page = show(daemon)
	assert words(page.by_id("sinks")) == "Sinks Well record Well bus", words(page.by_id("sinks"))
	assert "Backlog nothing waits Quarantine empty" in words(page.by_id("relay"))

	daemon.ctl_text("hold", "bus", "--reason", "it moves")
	event = daemon.accept(slug="acme/ledger")
	daemon.accept(slug="acme/nobody")
	wait_until(lambda: [d["sink"] for d in daemon.ctl("deliveries", "--state", "pending")] == ["bus"],
		f"that only the bus waits for {event}")
	page = show(daemon)
	sinks = words(page.by_id("sinks"))
	assert "On hold bus waiting: 1 repository" in sinks, sinks
	text = words(page.by_id("relay"))
	assert "Backlog 1 delivery, the oldest from" in text, text
	assert "Quarantine 1 build that no entity claims" in text, text
	link = next(a for a in page.by_id("relay").iter(HTML + "a"))
	listed = Page(daemon.get("/" + link.get("href"), over=daemon.admin))
	rows = [[words(cell) for cell in row] for row in listed.all("tr")]
	assert rows[1][:3] == ["acme/nobody", "success", "no entity has this repository"], rows


def test_quarantine_goes_on_page_by_page(box):
	daemon = relay(box).start()
	for n in range(130):
		daemon.accept(slug=f"acme/q{n:03}")
	seen, path = [], "/page/quarantine"
	while path:
		page = Page(daemon.get(path, over=daemon.admin))
		seen += [words(e) for e in page.all("th", scope="row")]
		link = page.all("a", rel="next")
		path = "/page/quarantine" + link[0].get("href") if link else None
	assert seen == [f"acme/q{n:03}" for n in range(130)], len(seen)
	assert daemon.get("/page/quarantine?after=x", over=daemon.admin).status == 400


# --- what it lets through -----------------------------------------------------


def test_it_may_load_nothing_from_elsewhere_and_runs_nothing_inline(box):
	daemon = relay(box).start()
	daemon.accept(slug="acme/ledger")
	page = show(daemon)
	policy = dict(part.strip().split(" ", 1) for part in
		page.answer.headers["Content-Security-Policy"].split(";"))
	assert policy == {"default-src": "'none'", "script-src": "'self'", "style-src": "'self'",
		"img-src": "'self'", "connect-src": "'self'", "base-uri": "'none'", "form-action": "'self'",
		"frame-ancestors": "'none'", "require-trusted-types-for": "'script'",
		"trusted-types": "'none'"}, policy
	for name, value in (("X-Content-Type-Options", "nosniff"), ("X-Frame-Options", "DENY"),
			("Referrer-Policy", "no-referrer"), ("Cache-Control", "no-store"),
			("Cross-Origin-Resource-Policy", "same-origin"),
			("Cross-Origin-Opener-Policy", "same-origin")):
		assert page.answer.headers[name] == value, name
	assert not page.all("style")
	for e in page.root.iter():
		assert e.get("style") is None and not any(a.startswith("on") for a in e.keys()), e.attrib
		if e.tag == HTML + "script":
			assert not (e.text or "").strip() and e.get("src"), e.attrib
		for name in ("src", "action", "href"):
			if e.tag != HTML + "a" and e.get(name):
				assert ":" not in e.get(name) and not e.get(name).startswith("//"), e.attrib


def test_everything_the_page_is_made_of_is_there_and_kept_by_its_tag(box):
	daemon = relay(box).start()
	page = show(daemon)
	paths = [e.get("href") for e in page.all("link")] + [e.get("src") for e in page.all("script")]
	assert len(paths) == 3, paths
	types = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
		".svg": "image/svg+xml"}
	for path in paths:
		answer = daemon.get("/" + path, over=daemon.admin)
		source = os.path.join(harness.TOP_SRC, "src", "daemon", path)
		with open(source, "rb") as f:
			assert answer.body == f.read(), path
		assert answer.headers["Content-Type"] == types[os.path.splitext(path)[1]], path
		assert answer.headers["X-Content-Type-Options"] == "nosniff", path
		tag = answer.headers["ETag"]
		again = request(daemon.admin, "GET", "/" + path, headers={"If-None-Match": "W/" + tag})
		assert (again.status, again.body, again.headers["ETag"]) == (304, b"", tag), again
		other = request(daemon.admin, "GET", "/" + path, headers={"If-None-Match": '"x"'})
		assert other.status == 200, other
	assert daemon.get("/page/none.js", over=daemon.admin).status == 404
	assert daemon.get("/page/../page/live.js", over=daemon.admin).status in (400, 404)


HOSTILE = ['<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', "' onmouseover='x",
	"]]> &amp; <!-- --> &#60;", "\u202egnp.exe", "\u2066\u2067", "a\u0085\u009bb", "x" * 5000, "😀" * 500]


def test_what_builds_say_of_themselves_is_only_ever_text(box):
	daemon = relay(box).start()
	for text in HOSTILE:
		branch = text if len(text) < 40 and "\u0085" not in text else "main"
		daemon.accept(slug="acme/ledger", state="failed", branch=branch, message=text)
		page = show(daemon)
		row = page.rows()["ledger"]
		assert row[1] == "Failed", (text, row)
		tags = {e.tag for e in page.root.iter()}
		assert HTML + "img" not in tags and len(page.all("script")) == 1, (text, tags)
		assert not re.search("[\u202a-\u202e\u2066-\u2069\x80-\x9f]", page.text), text
		if len(text) < 40:
			kept = re.sub("[\u202a-\u202e\u2066-\u2069\x80-\x9f]", "\ufffd", text)
			assert " ".join(kept.split()) in row[2], (text, row)
		assert max(len(cell) for cell in row) < 400, (text[:20], len(page.text))
		for a in page.all("a"):
			assert re.match(r"https://app\.travis-ci\.com/|\?|\./|#|page/", a.get("href")), a.attrib


def test_a_hostile_filter_is_only_ever_text(box):
	daemon = relay(box).start()
	for text in HOSTILE[:5]:
		for name in ("system", "owner", "component"):
			page = show(daemon, f"?{name}={urllib.parse.quote(text)}")
			assert page.names() == [] and len(page.all("script")) == 1, text


# --- who may see it -----------------------------------------------------------


def test_on_loopback_it_answers_only_to_names_of_loopback(box):
	daemon = relay(box).start()
	for host in ("127.0.0.1", f"127.0.0.1:{daemon.admin}", "localhost", "LocalHost:1", "[::1]:80",
			"127.1.2.3"):
		for path in ("/", "/badge/component/default/ledger.svg", "/page/style.css"):
			answer = request(daemon.admin, "GET", path, headers={"Host": host})
			assert answer.status == 200, (host, path, answer)
	for host in ("evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil.example",
			"127.evil.example", "10.0.0.1", "[::2]", "localhost:80.evil.example"):
		for path in ("/", "/page/events", "/page/quarantine", "/badge/component/default/ledger.svg"):
			answer = request(daemon.admin, "GET", path, headers={"Host": host})
			assert answer.status in (400, 403), (host, path, answer)
			assert b"ledger" not in answer.body, answer
	# Health is for whoever reaches it, as ever.
	assert request(daemon.admin, "GET", "/healthz", headers={"Host": "evil.example"}).status == 200


def test_a_proxy_on_this_host_does_not_pass_for_a_browser_on_it(box):
	daemon = relay(box).start()
	for field in ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP", "X-Forwarded-Host"):
		answer = request(daemon.admin, "GET", "/", headers={field: "203.0.113.9"})
		assert answer.status == 403 and answer.json()["type"].endswith(":not-local"), (field, answer)
		assert request(daemon.socket, "GET", "/", headers={field: "203.0.113.9"}).status == 200, field


def test_it_is_only_read(box):
	daemon = relay(box).start()
	for path in ("/", "/page/events", "/badge/component/default/ledger.svg"):
		answer = request(daemon.admin, "POST", path, body=b"x=1")
		assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD"), answer
		head = request(daemon.admin, "HEAD", path)
		assert head.status == 200 and head.body == b"", (path, head)


def credential(daemon, name, *allow):
	path = os.path.join(daemon.dir, name + ".secret")
	daemon.write(path, f"{name}-secret-0123456789\n")
	os.chmod(path, 0o600)
	return {"name": name, "secret": {"file": path}, "allow": list(allow)}


def basic(name):
	text = f"{name}:{name}-secret-0123456789".encode()
	return {"Authorization": "Basic " + base64.b64encode(text).decode()}


def api_relay(box):
	daemon = relay(box)
	daemon.api = harness.free_port()
	daemon.config["listen"]["api"] = [f"127.0.0.1:{daemon.api}"]
	daemon.config["credentials"] = [credential(daemon, "reader", "page"),
		credential(daemon, "proxy", "builds")]
	return daemon


def test_elsewhere_it_needs_a_credential_that_allows_it(box):
	daemon = api_relay(box).start()
	daemon.accept(slug="acme/ledger", state="failed")
	for path in ("/", "/page/events", "/page/quarantine", "/page/live.js",
			"/badge/component/default/ledger.svg"):
		answer = request(daemon.api, "GET", path)
		assert answer.status == 401 and b"ledger" not in answer.body, (path, answer)
		assert any(v.startswith("Basic ") for v in answer.headers.get_all("WWW-Authenticate")), path
		assert request(daemon.api, "GET", path, headers=basic("proxy")).status == 403, path
		wrong = {"Authorization": "Bearer reader-secret-012345678x"}
		assert request(daemon.api, "GET", path, headers=wrong).status == 401, path
	page = Page(request(daemon.api, "GET", "/", headers={**basic("reader"), "Host": "ci.example.com"}))
	assert page.rows()["ledger"][1] == "Failed"
	bearer = {"Authorization": "Bearer reader-secret-0123456789"}
	assert request(daemon.api, "GET", "/page/live.js", headers=bearer).status == 200
	with following(daemon.api, basic("reader")) as stream:
		daemon.accept(slug="acme/ledger", state="passed")
		stream.until("row", name="ledger", state="passed")


def test_badges_are_public_only_where_the_configuration_says_so(box):
	daemon = api_relay(box)
	daemon.config["page"] = {"public_badges": True}
	daemon.start()
	daemon.accept(slug="acme/ledger", state="failed")
	answer = request(daemon.api, "GET", "/badge/component/default/ledger.svg")
	assert answer.status == 200 and b"Failed" in answer.body, answer
	assert answer.headers["Cache-Control"] == "public, no-cache"
	assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
	for path in ("/", "/page/events", "/badge", "/page/badge/x.svg"):
		assert request(daemon.api, "GET", path).status in (401, 404), path


def test_who_follows_is_asked_again_after_a_reload(box):
	daemon = api_relay(box).start()
	with following(daemon.api, basic("reader")) as stream:
		assert stream.event()[0] == "again"
		daemon.config["credentials"].pop(0)
		daemon.write_config()
		assert " reload " in daemon.reload()
		assert stream.event() is None
	assert request(daemon.api, "GET", "/page/events", headers=basic("reader")).status == 401


# --- live ---------------------------------------------------------------------


def test_a_stored_build_is_told_and_the_page_shows_it(box):
	daemon = relay(box).start()
	for address in (daemon.admin, daemon.socket):
		with following(address) as stream:
			assert stream.response.headers["Content-Type"] == "text/event-stream"
			assert stream.response.headers["Cache-Control"] == "no-store"
			assert stream.event()[0] == "again"
			for state, word in (("started", "Running"), ("failed", "Failed")):
				daemon.accept(slug="acme/parcel-ui", state=state, branch='"<b>')
				row = stream.until("row", name="parcel-ui", state=state)
				assert row["entity"] == "component:default/parcel-ui" and row["word"] == word, row
				assert show(daemon).rows()["parcel-ui"][1] == word


def test_an_entity_that_changes_in_backstage_is_told_and_shown(box):
	daemon, backstage = live_daemon(box)
	daemon.accept(slug="acme/parcel-api", state="failed")
	with following(daemon.admin) as stream:
		stream.event()
		assert show(daemon).names() == ["parcel-api"]
		backstage.set("parcel-ui", "acme/parcel-ui", "group:default/frontend", "e1")
		backstage.publish("stagewire.catalog", {"entityRef": "component:default/parcel-ui"})
		stream.until("catalog")
		rows = show(daemon).rows()
		assert list(rows) == ["parcel-api", "parcel-ui"], rows
		assert rows["parcel-api"][1] == "Failed" and rows["parcel-ui"][5] == "frontend", rows
		# States go on being told by the new index.
		daemon.accept(slug="acme/parcel-ui", state="passed")
		stream.until("row", name="parcel-ui", state="passed")


def test_the_states_of_sinks_and_what_waits_are_told_when_they_change(box):
	daemon = relay(box).start()
	with following(daemon.admin) as stream:
		stream.event()
		daemon.ctl_text("hold", "record", "--reason", "it moves")
		stream.until("health")
		assert "On hold record" in words(show(daemon).by_id("sinks"))
		daemon.ctl_text("release", "record", "--reason", "it has moved")
		stream.until("health")


def test_who_comes_back_is_told_whether_anything_was_missed(box):
	daemon = relay(box).start()
	with following(daemon.admin) as stream:
		assert stream.event()[0] == "again"
		last = stream.last_id
	with following(daemon.admin, {"Last-Event-ID": last}) as stream:
		assert stream.event()[0] == "still"
		daemon.accept(slug="acme/ledger")
		stream.until("row", name="ledger")
	with following(daemon.admin, {"Last-Event-ID": last}) as stream:
		assert stream.event()[0] == "again"
		last = stream.last_id
	daemon.restart()
	with following(daemon.admin, {"Last-Event-ID": last}) as stream:
		assert stream.event()[0] == "again"


def metric(daemon, name):
	text = daemon.get("/metrics").body.decode()
	return float(re.search(rf"^{name} (\S+)$", text, re.M).group(1))


def test_so_many_follow_and_no_more(box):
	daemon = relay(box)
	daemon.config["http"] = {"max_streams": 2}
	daemon.start()
	with following(daemon.admin), following(daemon.admin):
		answer = daemon.get("/page/events", over=daemon.admin)
		assert answer.status == 503 and answer.headers["Retry-After"], answer
		assert metric(daemon, "stagewire_http_streams") == 2
	wait_until(lambda: metric(daemon, "stagewire_http_streams") == 0, "that they are known to be gone")
	with following(daemon.admin):
		pass


def test_who_does_not_read_is_cut_off_and_delays_nobody(box):
	"""Over a unix socket, where nothing waits at the reader's: TCP would hold megabytes for it."""
	daemon = relay(box).start()
	deaf = Stream(daemon.socket)
	try:
		with following(daemon.admin) as stream:
			def build():
				daemon.accept(slug="acme/ledger", state="failed", branch="b" * 60)
				stream.until("row", name="ledger")
				return metric(daemon, "stagewire_http_streams_cut_total") == 1
			wait_until(build, "that it is cut off", timeout=2 * PATIENCE_S)
	finally:
		deaf.close()


def test_a_stop_ends_streams_at_once(box):
	daemon = relay(box)
	daemon.start()
	with following(daemon.admin) as stream:
		stream.event()
		begin = time.monotonic()
		daemon.signal(signal.SIGTERM)
		assert stream.event() is None
		stream.close()
		assert daemon.wait_exit() == 0
		assert time.monotonic() - begin < 20


# --- badges -------------------------------------------------------------------


def test_a_badge_says_the_state_and_is_asked_for_again_cheaply(box):
	daemon = relay(box).start()
	path = "/badge/component/default/parcel-api.svg"
	answer = daemon.get(path, over=daemon.admin)
	root = ET.fromstring(answer.body)
	assert root.tag == SVG + "svg" and root.get("role") == "img"
	assert root.find(SVG + "title").text == "parcel-api: No builds"
	assert root.get("aria-labelledby") == root.find(SVG + "title").get("id")
	daemon.accept(slug="acme/parcel-api", state="failed")
	answer = daemon.get(path, over=daemon.admin)
	assert answer.headers["Content-Type"] == "image/svg+xml"
	assert answer.headers["Cache-Control"] == "private, no-cache"
	assert ET.fromstring(answer.body).find(SVG + "title").text == "parcel-api: Failed"
	tag = {"If-None-Match": answer.headers["ETag"]}
	assert request(daemon.admin, "GET", path, headers=tag).status == 304
	daemon.accept(slug="acme/parcel-api", state="passed")
	assert request(daemon.admin, "GET", path, headers=tag).status == 200
	head = request(daemon.admin, "HEAD", path)
	assert head.body == b"" and int(head.headers["Content-Length"]) > 300, head.headers


def test_a_badge_of_nobody_is_a_picture_too(box):
	daemon = relay(box).start()
	for path in ("component/default/none", "component/default", "component", "a/b/c/d", "%zz/b/c",
			"component/default/%3Cscript%3E", "component/default/ledger%00", "a:b/c/d"):
		answer = daemon.get(f"/badge/{path}.svg", over=daemon.admin)
		if answer.status == 400:  # no target at all
			continue
		assert answer.status == 404 and answer.headers["Content-Type"] == "image/svg+xml", (path, answer)
		assert ET.fromstring(answer.body).find(SVG + "title").text == "entity: not found"
	assert daemon.get("/badge/component/default/ledger", over=daemon.admin).status == 404


if __name__ == "__main__":
	harness.main(globals())
