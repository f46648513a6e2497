// SPDX-License-Identifier: Apache-2.0
// A real OpenID provider, npm's oidc-provider, whose one interaction signs in without a question.
// It listens on a free loopback port, prints the port, and ends when its standard input is closed.
//	GET  /auth	signs in the account below that login_hint names
//	POST /rotate	sign with new keys from now on; the old ones stay published
// Its clients are relay-rs256, relay-es256 and another, with no secret and PKCE.
'use strict';
const crypto = require('node:crypto');
const http = require('node:http');

const BACK = 'http://127.0.0.1/back';
const CLAIMS = ['repository', 'repository_id', 'run_attempt'];
const accounts = {
	'repo:acme/parcel-api:ref:refs/heads/main':
		{ repository: 'acme/parcel-api', repository_id: '4242', run_attempt: 1 },
	'repo:acme/parcel-ui:ref:refs/heads/main':
		{ repository: 'acme/parcel-ui', repository_id: '4243', run_attempt: 1 },
};
const keys = [];
let base, handler;

function addKeys() {
	const pairs = { RS256: crypto.generateKeyPairSync('rsa', { modulusLength: 2048 }),
		ES256: crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' }) };
	for (const [alg, pair] of Object.entries(pairs))
		keys.unshift({ ...pair.privateKey.export({ format: 'jwk' }), kid: crypto.randomUUID(),
			alg, use: 'sig' });
}

const client = (client_id, alg) => ({ client_id, redirect_uris: [BACK],
	token_endpoint_auth_method: 'none', application_type: 'native',
	response_types: ['code'], grant_types: ['authorization_code'],
	id_token_signed_response_alg: alg });

function settings() {
	return {
		jwks: { keys },
		clients: [client('relay-rs256', 'RS256'), client('relay-es256', 'ES256'),
			client('another', 'RS256')],
		cookies: { keys: [crypto.randomUUID()] },
		claims: { openid: ['sub', ...CLAIMS] },
		conformIdTokenClaims: false,
		features: { devInteractions: { enabled: false } },
		interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
		findAccount: (ctx, sub) =>
			({ accountId: sub, claims: () => ({ sub, ...accounts[sub] }) }),
		ttl: { IdToken: 300, AccessToken: 300, AuthorizationCode: 60, Interaction: 60,
			Session: 60, Grant: 60 },
	};
}

// The account is the hint, and it consents to everything.
async function interact(provider, req, res) {
	const { prompt, params } = await provider.interactionDetails(req, res);
	const accountId = params.login_hint;
	const grant = new provider.Grant({ accountId, clientId: params.client_id });
	grant.addOIDCScope('openid');
	grant.addOIDCClaims(CLAIMS);
	const consent = { grantId: await grant.save() };
	await provider.interactionFinished(req, res,
		prompt.name === 'login' ? { login: { accountId }, consent } : { consent });
}

async function start() {
	const { Provider } = await import('oidc-provider');
	const provider = new Provider(base, settings());
	const answer = provider.callback();
	handler = (req, res) => req.url.startsWith('/interaction/') ?
		interact(provider, req, res) : answer(req, res);
}

const server = http.createServer((req, res) => {
	if (req.method !== 'POST' || req.url !== '/rotate') {
		handler(req, res);
		return;
	}
	addKeys();
	start().then(() => res.end());
});

addKeys();
server.listen(0, '127.0.0.1', async () => {
	base = `http://127.0.0.1:${server.address().port}`;
	await start();
	process.stdout.write(`${server.address().port}\n`);
});
process.stdin.on('end', () => process.exit(0)).resume();
