// SPDX-License-Identifier: Apache-2.0
// Makes tests/unit/jwts.txt: tokens signed by node's crypto, honest and hostile, and what each
// is to be taken for. The keys are made anew each time and thrown away.
//	node tests/tools/make_jwts.js > tests/unit/jwts.txt
// A line each: the key set, then verdict, rules and token, parted by tabs. The time is NOW.
'use strict';
const crypto = require('node:crypto');

const NOW = 1800000000;
const ISSUER = 'https://backstage.example/api/auth';
const b64 = x => Buffer.from(x).toString('base64url');
const json = x => b64(JSON.stringify(x));

const ec = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
const other = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
const p384 = crypto.generateKeyPairSync('ec', { namedCurve: 'P-384' });
const rsa = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
const short = crypto.generateKeyPairSync('rsa', { modulusLength: 1024 });
const pem = ec.publicKey.export({ type: 'spki', format: 'pem' });

const jwk = (pair, kid, more) => ({ ...pair.publicKey.export({ format: 'jwk' }), kid, ...more });
const off = jwk(ec, 'off-curve', { alg: 'ES256' });
off.y = jwk(other).y;
const keys = [
	jwk(ec, 'ec-1', { alg: 'ES256', use: 'sig' }),
	jwk(rsa, 'rsa-1', { alg: 'RS256' }),
	jwk(other, 'for-encryption', { use: 'enc' }),
	jwk(other, 'other-alg', { alg: 'ES512' }),
	jwk(p384, 'p384', {}),
	jwk(short, 'short', { alg: 'RS256' }),
	off,
	{ kty: 'oct', k: b64('secret'), kid: 'symmetric' },
];

const es = (text, key = ec) =>
	crypto.sign('sha256', Buffer.from(text), { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
const rs = (text, key = rsa) => crypto.sign('sha256', Buffer.from(text), key.privateKey);
const token = (head, body, sign = es) => {
	const text = `${head}.${body}`;
	return `${text}.${Buffer.from(sign(text)).toString('base64url')}`;
};

const head = { typ: 'vnd.backstage.user', alg: 'ES256', kid: 'ec-1' };
const body = { iss: ISSUER, sub: 'user:default/alice', aud: 'backstage', iat: NOW - 60,
	exp: NOW + 3540, uip: 'x' };
const user = (h, b, sign) => token(json({ ...head, ...h }), json({ ...body, ...b }), sign);
const without = (object, name) => { const o = { ...object }; delete o[name]; return o; };
const oidc = (h, b, sign = rs) =>
	token(json({ typ: 'JWT', alg: 'RS256', kid: 'rsa-1', ...h }), json({ ...body, ...b }), sign);

const lines = [];
const add = (verdict, t, rules = 'user') => lines.push([verdict, rules, t].join('\t'));
const good = user();
const [h, b, s] = good.split('.');
const signature = Buffer.from(s, 'base64url');

add('good', good);
add('good', user({}, { aud: ['backstage'] }));
add('good', user({}, { nbf: NOW }));
add('good', user({}, { exp: NOW - 29 }));
add('good', user({}, { iat: NOW + 30 }));
add('good', user({ jku: 'https://evil.example', jwk: jwk(other, 'x'), x5c: ['AA=='] }));
add('good', oidc(), 'oidc');
add('good', token(json({ alg: 'RS256', kid: 'rsa-1' }), json(body), rs), 'oidc');

add('wrong-type', user({ typ: 'JWT' }));
add('wrong-type', user({ typ: 'vnd.backstage.limited-user' }));
add('wrong-type', user({ typ: 'vnd.backstage.plugin' }));
add('wrong-type', user({ typ: 'VND.BACKSTAGE.USER' }));
add('wrong-type', token(json(without(head, 'typ')), json(body)));
add('wrong-type', oidc({ typ: 'at+jwt' }), 'oidc');

add('wrong-algorithm', user({ alg: 'none' }, {}, () => ''));
add('wrong-algorithm', user({ alg: 'HS256' }, {},
	t => crypto.createHmac('sha256', pem).update(t).digest()));
add('wrong-algorithm', user({ alg: 'RS256', kid: 'rsa-1' }, {}, rs));
add('wrong-algorithm', user({ alg: 'es256' }));
add('wrong-algorithm', token(json(without(head, 'alg')), json(body)));
add('wrong-algorithm', oidc({ alg: 'ES256', kid: 'ec-1' }, {}, es), 'oidc');

add('critical-extension', user({ crit: ['exp'] }));
add('critical-extension', user({ crit: [] }));
add('wrong-issuer', user({}, { iss: 'https://evil.example/api/auth' }));
add('wrong-issuer', user({}, { iss: ISSUER + '/' }));
add('wrong-issuer', token(json(head), json(without(body, 'iss'))));
add('wrong-audience', user({}, { aud: 'backstage-external' }));
add('wrong-audience', user({}, { aud: ['backstage', 'other'] }));
add('wrong-audience', user({}, { aud: [] }));
add('wrong-audience', user({}, { aud: 7 }));
add('wrong-audience', token(json(head), json(without(body, 'aud'))));

add('unknown-key', user({ kid: 'ec-2' }));
add('unknown-key', token(json(without(head, 'kid')), json(body)));
add('unknown-key', user({ kid: 'rsa-1' }));
add('unknown-key', user({ kid: 'for-encryption' }, {}, t => es(t, other)));
add('unknown-key', user({ kid: 'other-alg' }, {}, t => es(t, other)));
add('unknown-key', user({ kid: 'off-curve' }));
add('unknown-key', user({ kid: 'p384' }, {}, t => es(t, p384)));
add('unknown-key', oidc({ kid: 'short' }, {}, t => rs(t, short)), 'oidc');

add('bad-signature', user({}, {}, t => es(t, other)));
add('bad-signature', user({}, {}, () => ''));
add('bad-signature', user({}, {}, () => Buffer.alloc(64)));
add('bad-signature', user({}, {}, t => Buffer.concat([es(t), Buffer.from([0])])));
add('bad-signature', user({}, {}, t => es(t).subarray(0, 63)));
add('bad-signature', user({}, {},
	t => crypto.sign('sha256', Buffer.from(t), { key: ec.privateKey, dsaEncoding: 'der' })));
add('bad-signature', `${h}.${json({ ...body, sub: 'user:default/bob' })}.${s}`);
add('bad-signature', oidc({}, {}, t => Buffer.concat([Buffer.from([0]), rs(t)])), 'oidc');
add('bad-signature', oidc({}, {}, t => crypto.sign('sha1', Buffer.from(t), rsa.privateKey)), 'oidc');
add('bad-signature', oidc({}, {}, t => crypto.sign('sha256', Buffer.from(t),
	{ key: rsa.privateKey, padding: crypto.constants.RSA_PKCS1_PSS_PADDING })), 'oidc');

add('no-times', token(json(head), json(without(body, 'exp'))));
add('no-times', token(json(head), json(without(body, 'iat'))));
add('expired', user({}, { exp: NOW - 30 }));
add('expired', user({}, { iat: 0, exp: 0 }));
add('not-yet', user({}, { iat: NOW + 31 }));
add('not-yet', user({}, { nbf: NOW + 31 }));
add('no-subject', token(json(head), json(without(body, 'sub'))));
add('no-subject', user({}, { sub: '' }));

add('malformed', '-');
add('malformed', `${h}.${b}`);
add('malformed', `${good}.`);
add('malformed', `${h}.${b}.${s}=`);
add('malformed', `${h}=.${b}.${s}`);
add('malformed', `${h}.${b}.${signature.toString('base64')}==`);
// The last character of 64 bytes has four bits that mean nothing.
add('malformed', `${h}.${b}.${s.slice(0, -1)}${s.at(-1) === 'B' ? 'C' : 'B'}`);
add('malformed', `${h}.${b} .${s}`);
add('malformed', `${json([head])}.${b}.${s}`);
add('malformed', token(b64('{"alg":"ES256","alg":"ES256","typ":"vnd.backstage.user","kid":"ec-1"}'),
	json(body)));
add('malformed', token(json(head), b64(`{"sub":"user:default/bob",${JSON.stringify(body).slice(1)}`)));
add('malformed', token(json(head), b64(JSON.stringify(body) + ' x')));
add('malformed', user({}, { exp: '1900000000' }));
add('malformed', user({}, { exp: NOW + 0.5 }));
add('malformed', user({}, { exp: -1 }));
add('malformed', user({}, { sub: ['user:default/alice'] }));
add('malformed', user({}, { sub: 'user:default/alice\u0000' }));
add('malformed', user({ kid: 1 }));

process.stdout.write([JSON.stringify({ keys }), ...lines].join('\n') + '\n');
