// SPDX-License-Identifier: Apache-2.0
// Keeps the status page up to date. What it looks like is the server's to say: when
// an event tells that something changed, the page is fetched again and what differs
// is put in the place of what was there.
"use strict";

(() => {
	const PARTS = ["summary", "asof", "components", "turns", "sinks", "relay"];
	const GATHER_MS = 250; // what comes close together is fetched once,
	const REST_MS = 2000; // and however much comes, no sooner than so long after
	const HIDDEN_MS = 20000; // then nobody looks, and the connection is given up
	const RETRY_MS = [1000, 2000, 5000, 10000, 30000];

	const live = document.getElementById("live");
	const news = document.getElementById("news");
	if (!live || !news || !window.EventSource)
		return;

	let source = null, failures = 0, retry = 0, leave = 0;
	let fetching = false, owed = false, timer = 0, rested = 0;

	function show(state, text) {
		if (live.textContent === text)
			return;
		live.dataset.state = state;
		live.textContent = text;
	}

	// --- what is shown ---

	function copyAttributes(from, to) {
		for (const a of [...to.attributes])
			if (!from.hasAttribute(a.name))
				to.removeAttribute(a.name);
		for (const a of from.attributes)
			if (to.getAttribute(a.name) !== a.value)
				to.setAttribute(a.name, a.value);
	}

	const hasText = (e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.nodeValue.trim());

	function markRow(e) {
		const row = e.closest("tr[data-entity]");
		if (row)
			row.classList.add("changed");
	}

	// A link stays the same element, which may have the focus.
	function exchange(from, to) {
		if (to.tagName !== "TIME")
			markRow(to);
		if (from.tagName === "A" && to.tagName === "A") {
			copyAttributes(from, to);
			to.replaceChildren(...from.childNodes);
		} else {
			to.replaceWith(from);
		}
	}

	// Only where the two differ, so that focus, selection and what is being read stay.
	function put(from, to) {
		if (from.isEqualNode(to))
			return;
		const alike = from.tagName === to.tagName && from.children.length > 0 &&
			from.children.length === to.children.length && !hasText(from) && !hasText(to) &&
			from.dataset.entity === to.dataset.entity;
		if (!alike) {
			exchange(from, to);
			return;
		}
		copyAttributes(from, to);
		const pairs = [...from.children].map((child, i) => [child, to.children[i]]);
		for (const [a, b] of pairs)
			put(a, b);
	}

	// A focused link that had to go: its successor leads to the same place.
	function focusKeeper() {
		const e = document.activeElement;
		const href = e && e.getAttribute && e.getAttribute("href");
		const row = e && e.closest && e.closest("tr[data-entity]");
		const entity = row && row.dataset.entity;
		return () => {
			if (!href || e.isConnected)
				return;
			const same = [...document.querySelectorAll("a[href]")]
				.filter((a) => a.getAttribute("href") === href);
			const kin = same.find((a) => {
				const r = a.closest("tr[data-entity]");
				return r && r.dataset.entity === entity;
			});
			if (kin || same[0])
				(kin || same[0]).focus({ preventScroll: true });
		};
	}

	function take(page) {
		if (!page || !PARTS.every((id) => page.getElementById(id)))
			throw new Error("not the page");
		const refocus = focusKeeper();
		for (const row of document.querySelectorAll("tr.changed"))
			row.classList.remove("changed");
		for (const id of PARTS)
			put(page.getElementById(id), document.getElementById(id));
		document.title = page.title;
		refocus();
		age();
	}

	// As a document, which runs nothing: no text is made into markup here.
	function fetchPage() {
		return new Promise((done, failed) => {
			const request = new XMLHttpRequest();
			request.open("GET", location.href);
			request.responseType = "document";
			request.timeout = 15000;
			request.onload = () => request.status === 200 ? done(request.responseXML)
				: failed(new Error(String(request.status)));
			request.onerror = request.ontimeout = () => failed(new Error("network"));
			request.send();
		});
	}

	async function refresh() {
		timer = 0;
		if (fetching) {
			owed = true;
			return;
		}
		fetching = true;
		try {
			take(await fetchPage());
		} catch {
			lost();
		}
		fetching = false;
		rested = Date.now() + REST_MS;
		if (owed) {
			owed = false;
			refreshSoon();
		}
	}

	function refreshSoon() {
		if (!timer)
			timer = setTimeout(refresh, Math.max(GATHER_MS, rested - Date.now()));
	}

	// --- times ---

	const STEPS = [[60, 1, "s"], [3600, 60, "min"], [172800, 3600, "h"], [63072000, 86400, "d"],
		[Infinity, 31536000, "y"]];

	function age() {
		for (const t of document.querySelectorAll("time:not([data-clock])")) {
			const s = Math.max(0, Math.floor((Date.now() - Date.parse(t.dateTime)) / 1000));
			const [, unit, name] = STEPS.find(([below]) => s < below);
			const text = `${Math.floor(s / unit)} ${name} ago`;
			if (t.textContent !== text)
				t.textContent = text;
		}
	}

	// --- what is said ---

	const said = [];

	function say() {
		const all = said.splice(0);
		if (all.length > 3)
			news.textContent = `${all.length} components changed`;
		else if (all.length > 0)
			news.textContent = all.join(". ");
	}

	function isShown(entity) {
		return [...document.querySelectorAll("tr[data-entity]")]
			.some((row) => row.dataset.entity === entity);
	}

	function onRow(event) {
		const row = JSON.parse(event.data);
		if (isShown(row.entity)) {
			const build = row.number ? `, build ${row.number}` : "";
			if (said.push(`${row.name}: ${row.word}${build}`) === 1)
				setTimeout(say, 1000);
		}
		refreshSoon();
	}

	// --- the connection ---

	function lost() {
		if (source)
			source.close();
		source = null;
		show("lost", "Disconnected, trying again");
		clearTimeout(retry);
		retry = setTimeout(follow, RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]);
	}

	function follow() {
		clearTimeout(retry);
		if (source || document.hidden)
			return;
		source = new EventSource("page/events");
		source.onopen = () => {
			failures = 0;
			show("on", "Live");
		};
		source.onerror = lost;
		source.addEventListener("row", onRow);
		for (const name of ["many", "health", "catalog", "again"])
			source.addEventListener(name, refreshSoon);
	}

	function unfollow() {
		if (source)
			source.close();
		source = null;
		clearTimeout(retry);
		show("off", "Paused");
	}

	document.addEventListener("visibilitychange", () => {
		clearTimeout(leave);
		if (document.hidden)
			leave = setTimeout(unfollow, HIDDEN_MS);
		else
			follow();
	});

	show("off", "Connecting");
	follow();
	age();
	setInterval(age, 10000);
})();
