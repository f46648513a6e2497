// SPDX-License-Identifier: Apache-2.0
// render.js BACKEND TOKEN SLUG [ID]: show the card in jsdom until it has rows, and print
// as JSON what it shows: for each row the build's name, address, status and branch.
// With the ID of a build, show the tab instead, click that build's icon to restart it,
// and print what was posted then, with the answer.
'use strict';

const { open, print } = require('./browser.js');

const [backend, token, slug, restart] = process.argv.slice(2);

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

const button = document => [...document.querySelectorAll('tbody tr')]
	.find(tr => tr.querySelector('td')?.textContent.trim() === restart)?.querySelector('button');

async function main() {
	const page = open('card.js', { backend, token, slug, tab: restart !== undefined });

	if (restart === undefined) {
		await page.until(() => rows(page.document).length);
	} else {
		await page.until(() => button(page.document));
		button(page.document)?.click();
		await page.until(() => page.posts.length);
	}
	print({ complaints: page.complaints, posts: page.posts, rows: rows(page.document),
		text: page.document.body.textContent });
}

main();
