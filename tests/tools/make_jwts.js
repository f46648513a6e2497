// SPDX-License-Identifier: Apache-2.0
// Makes tests/unit/jwts.txt: tokens signed by node's crypto, honest and hostile, and what each
// is to be taken for. The keys are made anew each time and thrown away.
//	node tests/tools/make_jwts.js > tests/unit/jwts.txt
// A line each: the key set, then verdict, rules, the case's name and its token, parted by tabs.
// The time is NOW.
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
const almost = crypto.generateKeyPairSync('rsa', { modulusLength: 2047 });
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
	jwk(almost, 'almost', { alg: 'RS256' }),
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
const add = (verdict, name, t, rules = 'user') => lines.push([verdict, rules, name, t].join('\t'));
const good = user();
const [h, b, s] = good.split('.');
const signature = Buffer.from(s, 'base64url');
const ORDER = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');
const number = bytes => BigInt('0x' + bytes.toString('hex'));
const bytes = n => Buffer.from(n.toString(16).padStart(64, '0'), 'hex');
const half = n => signature.subarray(32 * n, 32 * n + 32);
const hmac = key => t => crypto.createHmac('sha256', key).update(t).digest();

add('good', 'of a user', good);
add('good', 'audience in a list of one', user({}, { aud: ['backstage'] }));
add('good', 'begins now', user({}, { nbf: NOW }));
add('good', 'ended within the skew', user({}, { exp: NOW - 29 }));
add('good', 'issued within the skew', user({}, { iat: NOW + 30 }));
add('good', 'keys of its own are ignored', user({ jku: 'https://evil.example',
	jwk: jwk(other, 'x'), x5u: 'https://evil.example', x5c: ['AA=='], x5t: 'AA' }));
add('good', 'twin with the other s', `${h}.${b}.` +
	Buffer.concat([half(0), bytes(ORDER - number(half(1)))]).toString('base64url'));
add('good', 'of an agent', oidc(), 'oidc');
add('good', 'slashes escaped in the claims', token(json(head),
	b64(JSON.stringify(body).replaceAll('/', '\\/'))));
add('good', 'every letter escaped in the claims', token(json(head),
	b64(JSON.stringify(body).replace(/"(iss|sub|aud)":"([^"]*)"/g, (all, name, text) =>
		`"${name}":"${[...text].map(c => '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0'))
			.join('')}"`))));
add('good', 'without a type', token(json({ alg: 'RS256', kid: 'rsa-1' }), json(body), rs), 'oidc');
add('good', 'of an agent by ES256', user({ typ: 'JWT' }), 'oidc-es');

add('wrong-type', 'JWT for a user', user({ typ: 'JWT' }));
add('wrong-type', 'limited user', user({ typ: 'vnd.backstage.limited-user' }));
add('wrong-type', 'plugin', user({ typ: 'vnd.backstage.plugin' }));
add('wrong-type', 'in capitals', user({ typ: 'VND.BACKSTAGE.USER' }));
add('wrong-type', 'with a blank', user({ typ: 'vnd.backstage.user ' }));
add('wrong-type', 'none for a user', token(json(without(head, 'typ')), json(body)));
add('wrong-type', 'access token for an agent', oidc({ typ: 'at+jwt' }), 'oidc');
add('wrong-type', 'user for an agent', good, 'oidc-es');

add('wrong-algorithm', 'none', user({ alg: 'none' }, {}, () => ''));
add('wrong-algorithm', 'none in capitals', user({ alg: 'NONE' }, {}, () => ''));
add('wrong-algorithm', 'none with a good signature', user({ alg: 'none' }));
add('wrong-algorithm', 'HS256 with the PEM', user({ alg: 'HS256' }, {}, hmac(pem)));
add('wrong-algorithm', 'HS256 with the DER', user({ alg: 'HS256' }, {},
	hmac(ec.publicKey.export({ type: 'spki', format: 'der' }))));
add('wrong-algorithm', 'HS256 with the JWK', user({ alg: 'HS256' }, {},
	hmac(JSON.stringify(keys[0]))));
add('wrong-algorithm', 'HS256 with the PEM for an agent', oidc({ alg: 'HS256' }, {},
	hmac(rsa.publicKey.export({ type: 'spki', format: 'pem' }))), 'oidc');
add('wrong-algorithm', 'RS256 for a user', user({ alg: 'RS256', kid: 'rsa-1' }, {}, rs));
add('wrong-algorithm', 'in small letters', user({ alg: 'es256' }));
add('wrong-algorithm', 'missing', token(json(without(head, 'alg')), json(body)));
add('wrong-algorithm', 'ES256 for an agent', oidc({ alg: 'ES256', kid: 'ec-1' }, {}, es), 'oidc');
add('wrong-algorithm', 'PS256', oidc({ alg: 'PS256' }, {}, t => crypto.sign('sha256',
	Buffer.from(t), { key: rsa.privateKey, padding: crypto.constants.RSA_PKCS1_PSS_PADDING })),
'oidc');

add('critical-extension', 'known to nobody', user({ crit: ['exp'] }));
add('critical-extension', 'empty', user({ crit: [] }));
add('critical-extension', 'unencoded payload', user({ crit: ['b64'], b64: false }));
add('wrong-issuer', 'another', user({}, { iss: 'https://evil.example/api/auth' }));
add('wrong-issuer', 'ours and an escaped letter more',
	token(json(head), b64(JSON.stringify(body).replace('api/auth"', 'api/auth\\u0061"'))));
add('wrong-issuer', 'with a slash more', user({}, { iss: ISSUER + '/' }));
add('wrong-issuer', 'in capitals', user({}, { iss: ISSUER.toUpperCase() }));
add('wrong-issuer', 'missing', token(json(head), json(without(body, 'iss'))));
add('wrong-audience', 'another', user({}, { aud: 'backstage-external' }));
add('wrong-audience', 'two in a list', user({}, { aud: ['backstage', 'other'] }));
add('wrong-audience', 'two in a list, ours last', user({}, { aud: ['other', 'backstage'] }));
add('wrong-audience', 'the same twice', user({}, { aud: ['backstage', 'backstage'] }));
add('wrong-audience', 'a list in a list', user({}, { aud: [['backstage']] }));
add('wrong-audience', 'an empty list', user({}, { aud: [] }));
add('wrong-audience', 'a number', user({}, { aud: 7 }));
add('wrong-audience', 'missing', token(json(head), json(without(body, 'aud'))));

add('unknown-key', 'another name', user({ kid: 'ec-2' }));
add('unknown-key', 'no name', token(json(without(head, 'kid')), json(body)));
add('unknown-key', 'an empty name', user({ kid: '' }));
add('unknown-key', 'of the other kind', user({ kid: 'rsa-1' }));
add('unknown-key', 'for encryption', user({ kid: 'for-encryption' }, {}, t => es(t, other)));
add('unknown-key', 'for another algorithm', user({ kid: 'other-alg' }, {}, t => es(t, other)));
add('unknown-key', 'not on the curve', user({ kid: 'off-curve' }));
add('unknown-key', 'on another curve', user({ kid: 'p384' }, {}, t => es(t, p384)));
add('unknown-key', 'symmetric', user({ kid: 'symmetric' }, {}, hmac('secret')));
add('unknown-key', 'RSA of 1024 bits', oidc({ kid: 'short' }, {}, t => rs(t, short)), 'oidc');
add('unknown-key', 'RSA of 2047 bits', oidc({ kid: 'almost' }, {}, t => rs(t, almost)), 'oidc');

add('bad-signature', 'by another key', user({}, {}, t => es(t, other)));
add('bad-signature', 'by the key in the header', user({ jwk: jwk(other, 'ec-1') }, {},
	t => es(t, other)));
add('bad-signature', 'empty', user({}, {}, () => ''));
add('bad-signature', 'of zeros', user({}, {}, () => Buffer.alloc(64)));
add('bad-signature', 'r is zero', user({}, {}, t => Buffer.concat([Buffer.alloc(32),
	es(t).subarray(32)])));
add('bad-signature', 's is zero', user({}, {}, t => Buffer.concat([es(t).subarray(0, 32),
	Buffer.alloc(32)])));
add('bad-signature', 'r and s are the order', user({}, {}, () => Buffer.concat([bytes(ORDER),
	bytes(ORDER)])));
add('bad-signature', 'of 65 bytes', user({}, {}, t => Buffer.concat([es(t), Buffer.from([0])])));
add('bad-signature', 'of 65 bytes, a zero first',
	user({}, {}, t => Buffer.concat([Buffer.from([0]), es(t)])));
add('bad-signature', 'of 63 bytes', user({}, {}, t => es(t).subarray(0, 63)));
add('bad-signature', 'in DER', user({}, {},
	t => crypto.sign('sha256', Buffer.from(t), { key: ec.privateKey, dsaEncoding: 'der' })));
add('bad-signature', 'over another subject',
	`${h}.${json({ ...body, sub: 'user:default/bob' })}.${s}`);
add('bad-signature', 'over another header', `${json({ ...head, x: 1 })}.${b}.${s}`);
add('bad-signature', 'RSA with a zero first',
	oidc({}, {}, t => Buffer.concat([Buffer.from([0]), rs(t)])), 'oidc');
add('bad-signature', 'RSA over SHA-1',
	oidc({}, {}, t => crypto.sign('sha1', Buffer.from(t), rsa.privateKey)), 'oidc');
add('bad-signature', 'RSA-PSS', oidc({}, {}, t => crypto.sign('sha256', Buffer.from(t),
	{ key: rsa.privateKey, padding: crypto.constants.RSA_PKCS1_PSS_PADDING })), 'oidc');

add('no-times', 'without an end', token(json(head), json(without(body, 'exp'))));
add('no-times', 'without an issue', token(json(head), json(without(body, 'iat'))));
add('expired', 'at the skew', user({}, { exp: NOW - 30 }));
add('expired', 'in 1970', user({}, { iat: 0, exp: 0 }));
add('not-yet', 'issued after the skew', user({}, { iat: NOW + 31 }));
add('not-yet', 'begins after the skew', user({}, { nbf: NOW + 31 }));
add('no-subject', 'missing', token(json(head), json(without(body, 'sub'))));
add('no-subject', 'empty', user({}, { sub: '' }));

add('malformed', 'a dash', '-');
add('malformed', 'two parts', `${h}.${b}`);
add('malformed', 'four parts', `${good}.`);
add('malformed', 'five parts, as if encrypted', `${good}.${h}.${b}`);
add('malformed', 'padded signature', `${h}.${b}.${s}=`);
add('malformed', 'padded header', `${h}=.${b}.${s}`);
add('malformed', 'base64 of the other alphabet', `${h}.${b}.${signature.toString('base64')}==`);
// The last character of 64 bytes has four bits that mean nothing.
add('malformed', 'bits that mean nothing are set',
	`${h}.${b}.${s.slice(0, -1)}${s.at(-1) === 'B' ? 'C' : 'B'}`);
add('malformed', 'a blank in the body', `${h}.${b} .${s}`);
add('malformed', 'a header that is a list', `${json([head])}.${b}.${s}`);
add('malformed', 'an algorithm twice', token(
	b64('{"alg":"ES256","alg":"ES256","typ":"vnd.backstage.user","kid":"ec-1"}'), json(body)));
add('malformed', 'an algorithm twice, once escaped', token(
	b64('{"\\u0061lg":"none","alg":"ES256","typ":"vnd.backstage.user","kid":"ec-1"}'),
	json(body)));
add('malformed', 'a subject twice',
	token(json(head), b64(`{"sub":"user:default/bob",${JSON.stringify(body).slice(1)}`)));
add('malformed', 'text after the claims', token(json(head), b64(JSON.stringify(body) + ' x')));
add('malformed', 'an end that is a text', user({}, { exp: '1900000000' }));
add('malformed', 'an end with a fraction', user({}, { exp: NOW + 0.5 }));
add('malformed', 'an end before 1970', user({}, { exp: -1 }));
add('malformed', 'an end that is a power',
	token(json(head), b64(JSON.stringify(body).replace(`${NOW + 3540}`, '19e8'))));
add('malformed', 'an end beyond all numbers',
	token(json(head), b64(JSON.stringify(body).replace(`${NOW + 3540}`, '9'.repeat(30)))));
add('malformed', 'an end that is nothing', user({}, { exp: null }));
add('malformed', 'a beginning that is a text', user({}, { nbf: `${NOW}` }));
add('malformed', 'subjects in a list', user({}, { sub: ['user:default/alice'] }));
add('malformed', 'a subject with NUL', user({}, { sub: 'user:default/alice\u0000' }));
add('malformed', 'an escaped algorithm', token(b64(JSON.stringify(head).replace('ES', '\\u0045S')),
	json(body)));
add('malformed', 'half of a character', token(json(head),
	b64(JSON.stringify(body).replace('alice', '\\ud800'))));
add('malformed', 'bytes that are no UTF-8', token(json(head), b64(Buffer.concat([
	Buffer.from('{"sub":"'), Buffer.from([0xc0, 0x80]), Buffer.from('"}')]))));
add('malformed', 'a key name that is a number', user({ kid: 1 }));

process.stdout.write([JSON.stringify({ keys }), ...lines].join('\n') + '\n');
