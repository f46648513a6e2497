// SPDX-License-Identifier: Apache-2.0
// press.js BACKEND TOKEN NAME: show README's button for a component in jsdom, press it
// until it says no more, and print as JSON what it says then.
'use strict';

const { open, print } = require('./browser.js');

const [backend, token, name] = process.argv.slice(2);

async function main() {
	const page = open('button.js', { backend, token, name });
	const button = () => page.document.querySelector('button');

	await page.until(button);
	const before = button()?.textContent;
	button()?.click();
	await page.until(() => button().textContent !== before && !button().disabled);
	print({ complaints: page.complaints, said: button()?.textContent });
}

main();
