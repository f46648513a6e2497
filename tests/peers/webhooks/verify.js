// SPDX-License-Identifier: Apache-2.0
// Verifies webhooks as a receiver would: v1 by npm's standardwebhooks, v1a by node's own crypto,
// since no library of the specification's knows v1a yet. Reads a line of JSON for each question
// ({headers, body, secret} or {headers, body, publicKey}; body in base64) and writes one with the
// answer: {ok, why}.
'use strict';
const crypto = require('crypto');
const path = require('path');
const readline = require('readline');
const { Webhook } = require(path.join(process.argv[2], 'node_modules', 'standardwebhooks'));

// The first bytes of an Ed25519 key as SubjectPublicKeyInfo (RFC 8410).
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');

function verifyPair(headers, body, publicKey) {
  const key = crypto.createPublicKey({
    key: Buffer.concat([SPKI, Buffer.from(publicKey.slice('whpk_'.length), 'base64')]),
    format: 'der',
    type: 'spki',
  });
  const text = Buffer.concat([
    Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.`), body]);
  const signatures = headers['webhook-signature'].split(' ')
    .filter(signature => signature.startsWith('v1a,'))
    .map(signature => Buffer.from(signature.slice('v1a,'.length), 'base64'));
  if (!signatures.some(signature => crypto.verify(null, text, key, signature)))
    throw new Error('no v1a signature holds');
}

readline.createInterface({ input: process.stdin }).on('line', line => {
  const { headers, body, secret, publicKey } = JSON.parse(line);
  const bytes = Buffer.from(body, 'base64');
  try {
    if (publicKey)
      verifyPair(headers, bytes, publicKey);
    else
      new Webhook(secret).verify(bytes.toString('utf8'), headers);
    console.log(JSON.stringify({ ok: true }));
  } catch (error) {
    console.log(JSON.stringify({ ok: false, why: error.message }));
  }
});
