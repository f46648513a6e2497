// SPDX-License-Identifier: Apache-2.0
// jsdom in place of a browser, with a page of which show() is the way in.
'use strict';

const esbuild = require('esbuild');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { JSDOM } = require('jsdom');

const PATIENCE_MS = 60000;

const folder = name => path.join(__dirname, 'node_modules', name);

function bundle(entry, dir) {
	const outfile = path.join(dir, 'page.js');

	esbuild.buildSync({
		entryPoints: [path.join(__dirname, entry)],
		bundle: true, outfile, platform: 'browser', format: 'iife', globalName: 'page',
		define: { 'process.env.NODE_ENV': '"production"', global: 'window' },
		// The plugin pins a beta of the router that no app of today has: as an app overrides it.
		alias: { 'react-router': folder('react-router'), 'react-router-dom': folder('react-router-dom') },
		loader: { '.woff': 'empty', '.woff2': 'empty', '.svg': 'empty', '.png': 'empty' },
		logLevel: 'error',
	});
	return fs.readFileSync(outfile, 'utf8');
}

// Show a page. posts is what it has posted by window.fetch, each with its
// answer; until() waits for a
// condition, for a complaint, or for long enough.
exports.open = (entry, args) => {
	const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'stagewire-card-'));
	const dom = new JSDOM('<body></body>', {
		url: 'http://localhost/', runScripts: 'outside-only', pretendToBeVisual: true });
	const { window } = dom;
	const complaints = [], posts = [];
	const end = Date.now() + PATIENCE_MS;

	async function watched(resource, init) {
		const answer = await fetch(resource, init);

		if (init?.method?.toUpperCase() === 'POST')
			posts.push({ url: String(resource), status: answer.status,
				body: await answer.clone().json() });
		return answer;
	}

	async function until(done) {
		while (!done() && !complaints.length && Date.now() < end)
			await new Promise(resolve => setTimeout(resolve, 50));
	}

	Object.assign(window, { fetch: watched, Headers, Request, Response, TextEncoder, TextDecoder });
	// The card rejects once more what it has complained of; a browser would only note that.
	process.on('unhandledRejection', e => complaints.push(String(e)));
	try {
		window.eval(bundle(entry, dir) + '\nwindow.page = page;');
	} finally {
		fs.rmSync(dir, { recursive: true });
	}
	window.page.show({ ...args, complain: e => complaints.push(String(e)) });
	return { document: window.document, complaints, posts, until };
};

exports.print = answer => {
	process.stdout.write(JSON.stringify(answer) + '\n');
	process.exit(0);
};
