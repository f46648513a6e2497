#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What people get of the status page: Debian's Chromium shows it, from the real daemon."""

import contextlib
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from browser import TOP, Browser, harness  # noqa: E402

sys.path.insert(0, os.path.join(TOP, "tests", "system"))
from test_page import HOSTILE, api_relay, component, relay, write_catalog  # noqa: E402

LIVE = "document.getElementById('live').textContent === 'Live'"
NARROW = {"width": 360, "height": 740}


@contextlib.contextmanager
def browsing():
	browser = Browser()
	try:
		yield browser
	finally:
		browser.stop()


def home(daemon, query=""):
	return f"http://127.0.0.1:{daemon.admin}/{query}"


def state_of(name):
	"""JavaScript for the state that the row of a component shows."""
	return (f"document.querySelector('tr[data-entity=\"component:default/{name}\"] .state')"
		".textContent")


def names(browser):
	return browser.text("tr[data-entity] th")


def expect_no_problem(browser):
	problems = browser.do("problems")
	assert problems == [], problems


def fill(daemon):
	"""Something in every state, something in quarantine, something turned, a sink on hold."""
	for slug, state in (("acme/ledger", "passed"), ("acme/ledger", "failed"),
			("acme/parcel-api", "failed"), ("acme/parcel-api", "passed"),
			("acme/parcel-ui", "started"), ("acme/nobody", "errored")):
		daemon.accept(slug=slug, state=state)
	daemon.ctl_text("hold", "record", "--reason", "to be seen")


def expect_accessible(browser, what):
	found = browser.do("axe")
	grave = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
	assert grave == [], (what, grave)
	# It has looked, colours too.
	assert {"color-contrast", "document-title", "html-has-lang"} <= set(found["passes"]), found


# --- tests --------------------------------------------------------------------


def test_it_renders_without_a_complaint_in_light_and_dark(box):
	daemon = relay(box).start()
	fill(daemon)
	with browsing() as browser:
		grounds = set()
		for scheme in ("light", "dark"):
			browser.open(home(daemon), colorScheme=scheme)
			browser.wait(LIVE, "the stream")
			assert names(browser) == ["ledger", "parcel-api", "parcel-ui", "tools"]
			assert browser.do("title") == "1 failed, 1 started, 1 passed · Stagewire"
			grounds.add(browser.eval("getComputedStyle(document.documentElement).backgroundColor"))
			expect_no_problem(browser)
		assert len(grounds) == 2, grounds


def test_axe_finds_nothing_serious_in_either_scheme_on_wide_and_narrow_screens(box):
	daemon = relay(box).start()
	fill(daemon)
	with browsing() as browser:
		for scheme in ("light", "dark"):
			for path, size in (("", None), ("", NARROW), ("?owner=nobody", None), ("?state=failed", None),
					("page/quarantine", None)):
				more = {"viewport": size} if size else {}
				browser.open(home(daemon, path), colorScheme=scheme, **more)
				expect_accessible(browser, (scheme, path, size))
		# It would be found: a text in the colour of its ground.
		browser.open(home(daemon))
		browser.eval("document.querySelector('h2').className = 'state none';"
			"document.styleSheets[0].insertRule('h2 { color: #eee !important }')")
		found = [v["id"] for v in browser.do("axe")["violations"]]
		assert "color-contrast" in found, found


def test_a_narrow_screen_scrolls_the_table_and_nothing_else(box):
	daemon = relay(box).start()
	fill(daemon)
	with browsing() as browser:
		browser.open(home(daemon), viewport=NARROW)
		assert browser.eval("document.documentElement.scrollWidth <= innerWidth")


def test_a_new_build_is_shown_and_said_without_a_reload_and_the_focus_stays(box):
	daemon = relay(box).start()
	daemon.accept(slug="acme/parcel-api", state="passed")
	with browsing() as browser:
		browser.open(home(daemon))
		browser.wait(LIVE, "the stream")
		browser.eval("window.mark = 1; document.querySelector("
			"'tr[data-entity=\"component:default/parcel-api\"] .build a').focus()")
		old = browser.eval("document.activeElement.href")
		for state, word in (("started", "Running"), ("failed", "Failed")):
			daemon.accept(slug="acme/parcel-api", state=state)
			browser.wait(f"{state_of('parcel-api')} === '{word}'", word)
			browser.wait("document.getElementById('news').textContent.startsWith("
				f"'parcel-api: {word}')", f"that {word} is said")
		assert browser.eval("window.mark") == 1
		assert browser.do("title") == "1 failed · Stagewire"
		assert browser.text("#summary a") == ["1 Failed", "3 No builds"]
		assert browser.text("#turns .who") == ["parcel-api"], browser.text("#turns")
		# The link itself leads to the new build; it is still where the keyboard is.
		assert browser.eval("document.activeElement.closest('tr')?.dataset.entity"
			) == "component:default/parcel-api"
		assert browser.eval("document.activeElement.href") != old
		expect_no_problem(browser)


def test_what_did_not_change_is_left_alone(box):
	daemon = relay(box).start()
	daemon.accept(slug="acme/ledger", state="passed")
	with browsing() as browser:
		browser.open(home(daemon))
		browser.wait(LIVE, "the stream")
		browser.eval("document.getElementById('f-owner').value = 'half a na';"
			"document.getElementById('f-owner').focus();"
			"for (const e of document.querySelectorAll('tr, input, h2, section')) e.mine = true")
		daemon.accept(slug="acme/ledger", state="failed")
		browser.wait(f"{state_of('ledger')} === 'Failed'", "the new state")
		assert browser.eval("[...document.querySelectorAll('tr, input, h2, section')]"
			".every((e) => e.mine)")
		assert browser.eval("document.activeElement.value") == "half a na"


def test_sinks_and_quarantine_follow_too(box):
	daemon = relay(box).start()
	with browsing() as browser:
		browser.open(home(daemon))
		browser.wait(LIVE, "the stream")
		daemon.ctl_text("hold", "record", "--reason", "to be seen")
		browser.wait("document.getElementById('sinks').textContent.includes('On hold')", "the hold")
		daemon.accept(slug="acme/nobody")
		browser.wait("document.querySelector('#relay a')?.textContent === '1 build'", "the quarantine")
		expect_no_problem(browser)


def test_a_filter_is_a_url_and_is_kept_while_the_page_follows(box):
	daemon = relay(box).start()
	with browsing() as browser:
		browser.open(home(daemon, "?system=parcels&state=failed"))
		browser.wait(LIVE, "the stream")
		assert names(browser) == []
		assert "Nothing matches" in browser.text("#components")[0]
		daemon.accept(slug="acme/ledger", state="failed")
		daemon.accept(slug="acme/parcel-ui", state="failed")
		browser.wait("document.querySelectorAll('tr[data-entity]').length === 1", "the one that fits")
		assert names(browser) == ["parcel-ui"]
		daemon.accept(slug="acme/parcel-ui", state="passed")
		browser.wait("document.querySelectorAll('tr[data-entity]').length === 0", "that it has gone")
		expect_no_problem(browser)


def test_it_is_used_by_keyboard_alone(box):
	daemon = relay(box).start()
	daemon.accept(slug="acme/parcel-ui", state="failed")
	with browsing() as browser:
		browser.open(home(daemon))
		browser.press("Tab")
		assert browser.eval("document.activeElement.className") == "skip"
		assert browser.eval("document.activeElement.getBoundingClientRect().top") >= 0
		browser.press("Tab", "Tab")
		assert browser.eval("document.activeElement.name") == "owner"
		assert browser.eval("getComputedStyle(document.activeElement).outlineStyle") == "solid"
		browser.do("type", text="frontend")
		browser.press("Enter")
		browser.wait("location.search.includes('owner=frontend')", "the filter in the URL")
		assert names(browser) == ["parcel-ui"]
		assert browser.eval("document.getElementById('f-owner').value") == "frontend"
		browser.press("Tab", "Enter")  # past the skip link
		assert browser.eval("document.activeElement.id") == "main"
		browser.press("Tab", "Tab", "Tab", "Tab", "Enter")  # region, system, build, owner
		browser.wait("location.search === '?owner=frontend'", "the owner's link")
		expect_no_problem(browser)


def test_entities_come_and_go_without_a_reload(box):
	"""After a reload of the daemon, which ends the stream for a moment."""
	daemon = relay(box).start()
	with browsing() as browser:
		browser.open(home(daemon))
		browser.wait(LIVE, "the stream")
		browser.eval("window.mark = 1")
		write_catalog(daemon, [component("ledger", "money"), component("newcomer", "money", "ops")])
		daemon.reload()
		browser.wait("[...document.querySelectorAll('tr[data-entity] th')]"
			".map((e) => e.textContent).join() === 'ledger,newcomer'", "the other entities")
		assert browser.eval("window.mark") == 1


def test_it_says_that_the_relay_is_away_and_catches_up(box):
	daemon = relay(box).start()
	with browsing() as browser:
		browser.open(home(daemon))
		browser.wait(LIVE, "the stream")
		assert daemon.stop() == 0
		browser.wait("document.getElementById('live').textContent.startsWith('Disconnected')",
			"that it says so")
		daemon.start()
		daemon.accept(slug="acme/ledger", state="errored")
		browser.wait(LIVE, "that it is back")
		browser.wait(f"{state_of('ledger')} === 'Errored'", "what it has missed")


def test_it_works_without_scripts(box):
	daemon = relay(box).start()
	fill(daemon)
	with browsing() as browser:
		browser.open(home(daemon), javaScriptEnabled=False)
		assert names(browser) == ["ledger", "parcel-api", "parcel-ui", "tools"]
		assert browser.text("#live") == ["Reload to see what is new"]
		browser.do("goto", url=home(daemon, "?owner=payments"))
		assert names(browser) == ["ledger", "parcel-api"]
		assert browser.do("problems", scripts=False) == []


def test_nothing_moves_for_those_who_asked_for_that(box):
	daemon = relay(box).start()
	with browsing() as browser:
		for motion, animation in (("no-preference", "changed"), ("reduce", "none")):
			browser.open(home(daemon), reducedMotion=motion)
			browser.wait(LIVE, "the stream")
			before = browser.eval(state_of("ledger"))
			daemon.accept(slug="acme/ledger", state="failed" if before != "Failed" else "passed")
			browser.wait(f"{state_of('ledger')} !== '{before}'", "the new state")
			assert browser.eval("getComputedStyle(document.querySelector('tr.changed > td'))"
				".animationName") == animation


def test_what_builds_say_of_themselves_runs_nothing(box):
	daemon = relay(box).start()
	with browsing() as browser:
		browser.open(home(daemon))
		browser.wait(LIVE, "the stream")
		for text in HOSTILE:
			branch = text if len(text) < 40 and "\u0085" not in text else "main"
			daemon.accept(slug="acme/ledger", state="failed", branch=branch, message=text)
		daemon.accept(slug="acme/ledger", state="errored", branch=HOSTILE[0], message=HOSTILE[1])
		browser.wait(f"{state_of('ledger')} === 'Errored'", "the last")
		assert HOSTILE[0] in browser.text("tr[data-entity] .branch")[0]
		assert browser.eval("document.images.length + document.scripts.length") == 1
		expect_no_problem(browser)


def test_signing_in_by_the_browsers_own_means_is_enough(box):
	daemon = api_relay(box).start()
	with browsing() as browser:
		browser.open(f"http://127.0.0.1:{daemon.api}/", httpCredentials={"username": "reader",
			"password": "reader-secret-0123456789"})
		browser.wait(LIVE, "the stream")
		daemon.accept(slug="acme/ledger", state="failed")
		browser.wait(f"{state_of('ledger')} === 'Failed'", "the new state")


def test_a_badge_is_a_picture(box):
	daemon = relay(box).start()
	daemon.accept(slug="acme/ledger", state="failed")
	with browsing() as browser:
		browser.open(home(daemon, "badge/component/default/ledger.svg"))
		assert browser.eval("document.documentElement.tagName") == "svg"
		assert browser.eval("document.querySelector('title').textContent") == "ledger: Failed"
		# Texts stay within their halves.
		assert browser.eval("[...document.querySelectorAll('text')].every((t, i) => {"
			"const half = document.querySelectorAll('path')[i].getBBox(), b = t.getBBox();"
			"return b.x >= half.x && b.x + b.width <= half.x + half.width; })")
		expect_no_problem(browser)


if __name__ == "__main__":
	harness.main(globals())
