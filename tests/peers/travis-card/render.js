// SPDX-License-Identifier: Apache-2.0
// render.js BACKEND TOKEN SLUG [ID]: show the card in jsdom until it has rows, and print
// as JSON what it shows: for each row the build's name, address, status and branch.
// With the ID of a build, show the tab instead, click that build's icon to restart it,
// and print what was called then, with the status of the answer.
'use strict';

const esbuild = require('esbuild');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { JSDOM } = require('jsdom');

const [backend, token, slug, restart] = process.argv.slice(2);
const PATIENCE_MS = 60000;
const complaints = [];
const posts = [];

const folder = name => path.join(__dirname, 'node_modules', name);

function bundle(dir) {
	const outfile = path.join(dir, 'card.js');

	esbuild.buildSync({
		entryPoints: [path.join(__dirname, 'card.js')],
		bundle: true, outfile, platform: 'browser', format: 'iife', globalName: 'card',
		define: { 'process.env.NODE_ENV': '"production"', global: 'window' },
		// The plugin pins a beta of the router that no app of today has: as an app overrides it.
		alias: { 'react-router': folder('react-router'), 'react-router-dom': folder('react-router-dom') },
		loader: { '.woff': 'empty', '.woff2': 'empty', '.svg': 'empty', '.png': 'empty' },
		logLevel: 'error',
	});
	return fs.readFileSync(outfile, 'utf8');
}

function rows(document) {
	return [...document.querySelectorAll('tbody tr')].map(tr => {
		const [name, status, branch] = tr.querySelectorAll('td');

		return branch && {
			name: name.textContent.trim(),
			href: name.querySelector('a')?.href,
			status: status.textContent.trim(),
			branch: branch.textContent.trim(),
		};
	}).filter(Boolean);
}

async function watched(resource, init) {
	const answer = await fetch(resource, init);

	if (init?.method?.toUpperCase() === 'POST')
		posts.push({ url: String(resource), status: answer.status, body: await answer.clone().json() });
	return answer;
}

const button = document => [...document.querySelectorAll('tbody tr')]
	.find(tr => tr.querySelector('td')?.textContent.trim() === restart)?.querySelector('button');

async function main() {
	const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'stagewire-card-'));
	const dom = new JSDOM('<body></body>', {
		url: 'http://localhost/', runScripts: 'outside-only', pretendToBeVisual: true });
	const { window } = dom;
	const end = Date.now() + PATIENCE_MS;
	const until = async done => {
		while (!done() && !complaints.length && Date.now() < end)
			await new Promise(resolve => setTimeout(resolve, 50));
	};

	Object.assign(window, { fetch: watched, Headers, Request, Response, TextEncoder, TextDecoder });
	// The card rejects once more what it has complained of; a browser would only note that.
	process.on('unhandledRejection', e => complaints.push(String(e)));
	try {
		window.eval(bundle(dir) + '\nwindow.card = card;');
	} finally {
		fs.rmSync(dir, { recursive: true });
	}
	window.card.show({ backend, token, slug, tab: restart !== undefined,
		complain: e => complaints.push(String(e)) });
	if (restart === undefined) {
		await until(() => rows(window.document).length);
	} else {
		await until(() => button(window.document));
		button(window.document)?.click();
		await until(() => posts.length);
	}
	process.stdout.write(JSON.stringify({ complaints, posts, rows: rows(window.document),
		text: window.document.body.textContent }) + '\n');
	process.exit(0);
}

main();
