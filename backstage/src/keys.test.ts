// SPDX-License-Identifier: Apache-2.0
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { parseSigningKey, signedHeaders } from './keys';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

// The seed is what stands at the end of PKCS#8, the public half at that of SPKI.
function makePair() {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const seed = privateKey
    .export({ format: 'der', type: 'pkcs8' })
    .subarray(-32);
  const half = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  return { seed, half, publicKey };
}

describe('signing', () => {
  it('by a shared secret is what the library of Standard Webhooks verifies', () => {
    const now = Math.floor(Date.now() / 1000);
    const body = '{"type":"entity.updated","é":"✓"}';
    const headers = signedHeaders([parseSigningKey(SECRET)], 'a-1', now, body);
    expect(new Webhook(SECRET).verify(body, headers)).toEqual({
      type: 'entity.updated',
      é: '✓',
    });
    expect(() => new Webhook(SECRET).verify(`${body} `, headers)).toThrow();
  });

  it('by Ed25519 verifies with the public half, from a seed or a whole key', () => {
    const { seed, half, publicKey } = makePair();
    for (const bytes of [seed, Buffer.concat([seed, half])]) {
      const key = parseSigningKey(`whsk_${bytes.toString('base64')}`);
      const { 'webhook-signature': signature } = signedHeaders(
        [key],
        'a-1',
        1700000000,
        '{}',
      );
      expect(signature).toMatch(/^v1a,/);
      expect(
        verify(
          null,
          Buffer.from('a-1.1700000000.{}'),
          createPublicKey(publicKey.export({ format: 'pem', type: 'spki' })),
          Buffer.from(signature!.slice(4), 'base64'),
        ),
      ).toBe(true);
    }
  });

  it('by several keys has a signature of each', () => {
    const { seed } = makePair();
    const keys = [SECRET, `whsk_${seed.toString('base64')}`];
    const headers = signedHeaders(keys.map(parseSigningKey), 'a', 1, '{}');
    expect(headers['webhook-signature']).toMatch(/^v1,\S+ v1a,\S+$/);
  });

  it.each([
    ['of another kind', 'sk_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0', 'begin with'],
    ['too short', 'whsec_c2VjcmV0', '24 to 64'],
    ['no base64', 'whsec_c2VjcmV0!c2VjcmV0c2VjcmV0c2VjcmV0', 'base64'],
    ['half a pair', 'whsk_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0', '32 or 64'],
  ])('refuses a key that is %s, without telling it', (_, text, why) => {
    expect(() => parseSigningKey(text)).toThrow(why);
    expect(() => parseSigningKey(text)).not.toThrow('c2VjcmV0');
  });
});
