// SPDX-License-Identifier: Apache-2.0
import { ConfigReader } from '@backstage/config';
import { readOptions } from './options';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const URL = 'https://relay.example.com/hooks/catalog/backstage';

function read(stagewire?: any) {
  return readOptions(new ConfigReader({ stagewire }));
}

describe('options', () => {
  it('publish on the documented topic and push nowhere if nothing is said', () => {
    expect(read()).toEqual({ topic: 'stagewire.catalog', push: undefined });
  });

  it('can leave the bus alone', () => {
    const options = read({ bus: false, push: { url: URL, signing: [SECRET] } });
    expect(options.topic).toBeUndefined();
    expect(options.push).toMatchObject({ url: URL, timeoutMs: 5000 });
  });

  it('take a time-out in words', () => {
    const push = { url: URL, signing: [SECRET], timeout: '2s' };
    expect(read({ push }).push?.timeoutMs).toBe(2000);
  });

  it.each([
    ['neither bus nor push', { bus: false }, 'there is no stagewire.push'],
    ['a push to nowhere', { push: { signing: [SECRET] } }, 'push.url'],
    ['no key', { push: { url: URL, signing: [] } }, 'needs a key'],
    ['no URL', { push: { url: 'relay', signing: [SECRET] } }, 'no URL'],
    [
      'another protocol',
      { push: { url: 'ftp://relay/', signing: [SECRET] } },
      'http or https',
    ],
    [
      'credentials in the URL',
      { push: { url: 'https://a:b@relay/', signing: [SECRET] } },
      'credentials',
    ],
    [
      'a broken key',
      { push: { url: URL, signing: [SECRET, 'whsec_'] } },
      'stagewire.push.signing[1]: a whsec_ key must have 24 to 64 bytes',
    ],
    [
      'endless patience',
      { push: { url: URL, signing: [SECRET], timeout: '1h' } },
      'timeout',
    ],
  ])('refuse %s', (_, stagewire, why) => {
    expect(() => read(stagewire)).toThrow(why);
  });
});
