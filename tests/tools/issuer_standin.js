// SPDX-License-Identifier: Apache-2.0
// A stand-in for what signs tokens: Backstage's auth backend, by node's crypto. It listens on a
// free loopback port, prints the port, and ends when its standard input is closed.
//	GET  /api/auth/.well-known/jwks.json	the keys
//	POST /token	{"head": {...}, "claims": {...}}: a token, of a user if it is not said otherwise
//	POST /rotate	sign with a new key from now on; both are published
//	POST /away, /back	whether the keys are to be had
//	GET  /fetches	how often they were fetched
'use strict';
const crypto = require('node:crypto');
const http = require('node:http');

const pairs = [];
let away = false, fetches = 0, issuer;

function rotate() {
	const pair = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
	pairs.push({ ...pair, kid: crypto.randomUUID() });
}

const json = x => Buffer.from(JSON.stringify(x)).toString('base64url');

function token({ head = {}, claims = {} }) {
	const pair = pairs.at(-1), now = Math.floor(Date.now() / 1000);
	const text = json({ typ: 'vnd.backstage.user', alg: 'ES256', kid: pair.kid, ...head }) + '.' +
		json({ iss: issuer, sub: 'user:default/alice', aud: 'backstage', iat: now,
			exp: now + 3600, ...claims });
	const signature = crypto.sign('sha256', Buffer.from(text),
		{ key: pair.privateKey, dsaEncoding: 'ieee-p1363' });
	return text + '.' + signature.toString('base64url');
}

function keys() {
	return { keys: pairs.map(p =>
		({ ...p.publicKey.export({ format: 'jwk' }), kid: p.kid, alg: 'ES256', use: 'sig' })) };
}

const answers = {
	'GET /api/auth/.well-known/jwks.json': () => {
		fetches++;
		return away ? null : keys();
	},
	'POST /token': body => token(JSON.parse(body || '{}')),
	'POST /rotate': () => { rotate(); return {}; },
	'POST /away': () => { away = true; return {}; },
	'POST /back': () => { away = false; return {}; },
	'GET /fetches': () => fetches,
};

const server = http.createServer((req, res) => {
	const parts = [];
	req.on('data', part => parts.push(part));
	req.on('end', () => {
		const answer = answers[`${req.method} ${req.url}`];
		const value = answer ? answer(Buffer.concat(parts).toString()) : null;
		res.writeHead(value === null ? 503 : 200, { 'content-type': 'application/json' });
		res.end(JSON.stringify(value));
	});
});

rotate();
server.listen(0, '127.0.0.1', () => {
	issuer = `http://127.0.0.1:${server.address().port}/api/auth`;
	process.stdout.write(`${server.address().port}\n`);
});
process.stdin.on('end', () => process.exit(0)).resume();
