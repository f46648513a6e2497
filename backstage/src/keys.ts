// SPDX-License-Identifier: Apache-2.0
import { createHmac, createPrivateKey, sign } from 'node:crypto';

/**
 * Signatures of Standard Webhooks 1.0.0.
 */
export type SigningKey = (content: string) => string;

const SHARED_PREFIX = 'whsec_';
const PAIR_PREFIX = 'whsk_';

// RFC 8410, 7: what stands before the seed of an Ed25519 key in PKCS#8.
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex');

function bytesOf(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) {
    throw new Error('a signing key must be padded base64');
  }
  return bytes;
}

function sharedKey(bytes: Buffer): SigningKey {
  if (bytes.length < 24 || bytes.length > 64) {
    throw new Error('a whsec_ key must have 24 to 64 bytes');
  }
  return content =>
    `v1,${createHmac('sha256', bytes).update(content).digest('base64')}`;
}

// The seed alone, or with the public half behind it.
function pairKey(bytes: Buffer): SigningKey {
  if (bytes.length !== 32 && bytes.length !== 64) {
    throw new Error('a whsk_ key must have 32 or 64 bytes');
  }
  const key = createPrivateKey({
    key: Buffer.concat([PKCS8_ED25519, bytes.subarray(0, 32)]),
    format: 'der',
    type: 'pkcs8',
  });
  return content =>
    `v1a,${sign(null, Buffer.from(content), key).toString('base64')}`;
}

/**
 * A key from "whsec_..." or "whsk_...". What it throws does not tell the key.
 */
export function parseSigningKey(text: string): SigningKey {
  if (text.startsWith(SHARED_PREFIX)) {
    return sharedKey(bytesOf(text.slice(SHARED_PREFIX.length)));
  }
  if (text.startsWith(PAIR_PREFIX)) {
    return pairKey(bytesOf(text.slice(PAIR_PREFIX.length)));
  }
  throw new Error('a signing key must begin with whsec_ or whsk_');
}

/**
 * The headers that a request with this body is sent with.
 */
export function signedHeaders(
  keys: SigningKey[],
  id: string,
  seconds: number,
  body: string,
): Record<string, string> {
  const content = `${id}.${seconds}.${body}`;
  return {
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': keys.map(key => key(content)).join(' '),
  };
}
