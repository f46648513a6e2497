// SPDX-License-Identifier: Apache-2.0
// A stand-in for what signs tokens, by node's crypto: Backstage's auth backend, and an issuer of
// ID tokens. It listens on a free loopback port, prints the port, and ends when its standard
// input is closed.
//	GET  /api/auth/.well-known/jwks.json	the keys of Backstage
//	POST /token	{"head": {...}, "claims": {...}}: a token, of a user if it is not said otherwise
//	GET  /oidc/.well-known/openid-configuration, /oidc/jwks	the other issuer
//	POST /id-token	an ID token of that one's, by RS256
//	POST /document	members of its discovery document that are otherwise from now on
//	POST /rotate	sign with new keys from now on; all are published
//	POST /away, /back	whether the keys are to be had
//	GET  /fetches	how often they were fetched, of both
'use strict';
const crypto = require('node:crypto');
const http = require('node:http');

const pairs = { ES256: [], RS256: [] };
let away = false, fetches = 0, base, document = {};

function rotate() {
	const ec = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
	const rsa = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
	pairs.ES256.push({ ...ec, kid: crypto.randomUUID() });
	pairs.RS256.push({ ...rsa, kid: crypto.randomUUID() });
}

const json = x => Buffer.from(JSON.stringify(x)).toString('base64url');

function sign(alg, head, claims) {
	const pair = pairs[alg].at(-1), now = Math.floor(Date.now() / 1000);
	const text = json({ alg, kid: pair.kid, ...head }) + '.' +
		json({ iat: now, exp: now + 3600, ...claims });
	const signature = crypto.sign('sha256', Buffer.from(text),
		{ key: pair.privateKey, dsaEncoding: 'ieee-p1363' });
	return text + '.' + signature.toString('base64url');
}

const user = ({ head, claims }) => sign('ES256', { typ: 'vnd.backstage.user', ...head },
	{ iss: `${base}/api/auth`, sub: 'user:default/alice', aud: 'backstage', ...claims });
const id = ({ head, claims }) => sign('RS256', { typ: 'JWT', ...head },
	{ iss: `${base}/oidc`, sub: 'repo:acme/parcel-api:ref:refs/heads/main', aud: 'stagewire',
		jti: crypto.randomUUID(), ...claims });

function keys(alg) {
	fetches++;
	return away ? null : { keys: pairs[alg].map(p =>
		({ ...p.publicKey.export({ format: 'jwk' }), kid: p.kid, alg, use: 'sig' })) };
}

const answers = {
	'GET /api/auth/.well-known/jwks.json': () => keys('ES256'),
	'GET /oidc/.well-known/openid-configuration': () =>
		({ issuer: `${base}/oidc`, jwks_uri: `${base}/oidc/jwks`, ...document }),
	'GET /oidc/jwks': () => keys('RS256'),
	'POST /token': user,
	'POST /id-token': id,
	'POST /document': body => { document = body; return {}; },
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
		const body = Buffer.concat(parts).toString();
		const value = answer ? answer(body ? JSON.parse(body) : {}) : null;
		res.writeHead(value === null ? 503 : 200, { 'content-type': 'application/json' });
		res.end(JSON.stringify(value));
	});
});

rotate();
server.listen(0, '127.0.0.1', () => {
	base = `http://127.0.0.1:${server.address().port}`;
	process.stdout.write(`${server.address().port}\n`);
});
process.stdin.on('end', () => process.exit(0)).resume();
