// SPDX-License-Identifier: Apache-2.0
// Signs webhooks as a sender would: v1 by npm's standardwebhooks, v1a and X-Hub-Signature-256 by
// node's own crypto. Reads a line of JSON for each question ({id, at, body, secret},
// {id, at, body, pair} or {body, hub}; body in base64) and writes one with the answer:
// {signature}. Without any of them it makes a key pair: {pair, public}.
'use strict';
const crypto = require('crypto');
const path = require('path');
const readline = require('readline');
const { Webhook } = require(path.join(process.argv[2], 'node_modules', 'standardwebhooks'));

function makePair() {
  const pair = crypto.generateKeyPairSync('ed25519');
  const half = pair.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  return {
    pair: pair.privateKey.export({ format: 'pem', type: 'pkcs8' }),
    public: `whpk_${half.toString('base64')}`,
  };
}

function sign({ id, at, body, secret, pair, hub }) {
  const bytes = Buffer.from(body, 'base64');
  if (hub)
    return `sha256=${crypto.createHmac('sha256', hub).update(bytes).digest('hex')}`;
  if (secret)
    return new Webhook(secret).sign(id, new Date(at * 1000), bytes.toString('utf8'));
  const text = Buffer.concat([Buffer.from(`${id}.${at}.`), bytes]);
  return `v1a,${crypto.sign(null, text, pair).toString('base64')}`;
}

readline.createInterface({ input: process.stdin }).on('line', line => {
  const question = JSON.parse(line);
  const answer = 'body' in question ? { signature: sign(question) } : makePair();
  console.log(JSON.stringify(answer));
});
