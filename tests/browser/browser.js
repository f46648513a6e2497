// SPDX-License-Identifier: Apache-2.0
//
//	node browser.js MODULES CHROMIUM
//
// A browser by remote control: each line of standard input is a request, {"do": ...},
// and has one line of answer, {"value": ...} or {"error": ...}. See browser.py.
"use strict";

const path = require("path");
const readline = require("readline");

const modules = path.resolve(process.argv[2], "node_modules");
const { chromium } = require(path.join(modules, "playwright-core"));
const axe = require(path.join(modules, "axe-core"));

const PATIENCE_MS = 30000;

// A test's browser goes nowhere but to the daemon: nothing of its own is looked up.
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
	"--disable-background-networking", "--disable-component-update", "--disable-sync",
	"--disable-dev-shm-usage"];

let browser, context, page, problems = [];

function watch(origin) {
	page.on("console", (m) => {
		if (m.type() === "error" || m.type() === "warning")
			problems.push(`console ${m.type()}: ${m.text()}`);
	});
	page.on("pageerror", (e) => problems.push(`exception: ${e.message}`));
	page.on("dialog", (d) => {
		problems.push(`dialog: ${d.message()}`);
		d.dismiss();
	});
	page.on("request", (r) => {
		if (new URL(r.url()).origin !== origin)
			problems.push(`request to ${r.url()}`);
	});
}

const actions = {
	// A fresh page in a fresh context; options are Playwright's of a context.
	async open({ url, options }) {
		if (context)
			await context.close();
		problems = [];
		context = await browser.newContext(options || {});
		context.setDefaultTimeout(PATIENCE_MS);
		page = await context.newPage();
		watch(new URL(url).origin);
		await page.addInitScript(() => {
			window.violations = [];
			document.addEventListener("securitypolicyviolation",
				(e) => window.violations.push(`${e.violatedDirective} ${e.blockedURI}`));
		});
		await page.goto(url);
	},
	async goto({ url }) {
		await page.goto(url);
	},
	url: () => page.url(),
	title: () => page.title(),
	eval: ({ code }) => page.evaluate(code),
	// Asked from here: the page's policy lets nobody wait inside of it by text.
	wait: async ({ code }) => {
		for (const end = Date.now() + PATIENCE_MS; Date.now() < end;) {
			if (await page.evaluate(code).catch(() => false)) // it may be on its way elsewhere
				return;
			await new Promise((done) => setTimeout(done, 25));
		}
		throw new Error(`${code} stays untrue`);
	},
	text: ({ at }) => page.locator(at).allInnerTexts(),
	press: ({ key }) => page.keyboard.press(key),
	type: ({ text }) => page.keyboard.type(text),
	screenshot: async ({ file }) => {
		await page.screenshot({ path: file });
	},
	// What went wrong since it was opened; looked at once the page has come to rest.
	problems: async ({ scripts }) => {
		const violations = scripts === false ? [] : await page.evaluate("window.violations");
		return problems.concat(violations.map((v) => `violation: ${v}`));
	},
	axe: async () => {
		await page.evaluate(axe.source);
		const found = await page.evaluate("axe.run(document)");
		return { violations: found.violations.map((v) => ({ id: v.id, impact: v.impact,
			nodes: v.nodes.map((n) => `${n.html} ${n.failureSummary}`) })),
			passes: found.passes.map((p) => p.id) };
	},
};

async function main() {
	browser = await chromium.launch({ executablePath: process.argv[3], args: FLAGS });
	console.log(JSON.stringify({ value: browser.version() }));
	for await (const line of readline.createInterface({ input: process.stdin })) {
		const request = JSON.parse(line);
		let answer;
		try {
			answer = { value: (await actions[request.do](request)) ?? null };
		} catch (e) {
			answer = { error: String(e.message || e) };
		}
		console.log(JSON.stringify(answer));
	}
	await browser.close();
}

main();
