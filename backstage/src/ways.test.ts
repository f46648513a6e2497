// SPDX-License-Identifier: Apache-2.0
import { createServer, IncomingHttpHeaders, Server } from 'node:http';
import { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { parseSigningKey } from './keys';
import { busWay, Later, pushWay, Refused } from './ways';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const PAYLOAD = { type: 'entity.deleted', id: 'stream-7', entityRef: 'a:b/c' };
const never = new AbortController().signal;

// A stand-in for the relay's /hooks/catalog.
class Receiver {
  readonly requests: { headers: IncomingHttpHeaders; body: string }[] = [];
  status = 202;
  headers: Record<string, string> = {};
  silent = false;
  server!: Server;

  async start() {
    this.server = createServer(async (req, res) => {
      let body = '';
      for await (const chunk of req) body += chunk;
      this.requests.push({ headers: req.headers, body });
      if (!this.silent) {
        res.writeHead(this.status, this.headers).end('{}');
      }
    });
    await new Promise<void>(resolve => {
      this.server.listen(0, '127.0.0.1', resolve);
    });
  }

  tell(timeoutMs = 5000) {
    const { port } = this.server.address() as AddressInfo;
    return pushWay({
      url: `http://127.0.0.1:${port}/hooks/catalog/backstage`,
      keys: [parseSigningKey(SECRET)],
      timeoutMs,
    });
  }
}

describe('a push', () => {
  const receiver = new Receiver();

  beforeEach(async () => {
    Object.assign(receiver, { status: 202, headers: {}, silent: false });
    receiver.requests.length = 0;
    await receiver.start();
  });
  afterEach(() => {
    receiver.server.closeAllConnections();
    receiver.server.close();
  });

  it('is a webhook that the library of Standard Webhooks verifies', async () => {
    await receiver.tell()(PAYLOAD, never);
    const [{ headers, body }] = receiver.requests as [any];
    expect(headers['content-type']).toBe('application/json');
    expect(headers['webhook-id']).toBe('stream-7');
    expect(new Webhook(SECRET).verify(body, headers)).toEqual(PAYLOAD);
  });

  it.each([400, 413, 415, 422])('is given up after %i', async status => {
    receiver.status = status;
    await expect(receiver.tell()(PAYLOAD, never)).rejects.toThrow(Refused);
  });

  it.each([302, 401, 403, 404, 410, 500])(
    'is to be tried again after %i',
    async status => {
      receiver.status = status;
      receiver.headers = { location: '/elsewhere' };
      const end = receiver.tell()(PAYLOAD, never);
      await expect(end).rejects.toThrow(`answered ${status}`);
      await expect(end).rejects.not.toThrow(Refused);
      expect(receiver.requests).toHaveLength(1);
    },
  );

  it('is tried again when the receiver says', async () => {
    receiver.status = 429;
    receiver.headers = { 'retry-after': '7' };
    await expect(receiver.tell()(PAYLOAD, never)).rejects.toMatchObject({
      ms: 7000,
    });
    receiver.headers = { 'retry-after': '999999' };
    const end = receiver.tell()(PAYLOAD, never);
    await expect(end).rejects.toThrow(Later);
    await expect(end).rejects.toMatchObject({ ms: 300_000 });
  });

  it('does not wait for ever, nor for a backend that stops', async () => {
    receiver.silent = true;
    await expect(receiver.tell(100)(PAYLOAD, never)).rejects.toThrow();
    const stop = new AbortController();
    const end = receiver.tell()(PAYLOAD, stop.signal);
    stop.abort();
    await expect(end).rejects.toThrow();
  });
});

describe('the bus', () => {
  it('gets topic and payload', async () => {
    const publish = jest.fn().mockResolvedValue(undefined);
    const events = { publish, subscribe: jest.fn() };
    await busWay(events, 'stagewire.catalog')(PAYLOAD, never);
    expect(publish).toHaveBeenCalledWith({
      topic: 'stagewire.catalog',
      eventPayload: PAYLOAD,
    });
  });

  it('is not waited for by a backend that stops', async () => {
    const events = {
      publish: () => new Promise<void>(() => {}),
      subscribe: jest.fn(),
    };
    const stop = new AbortController();
    const end = busWay(events, 'stagewire.catalog')(PAYLOAD, stop.signal);
    stop.abort();
    await expect(end).rejects.toThrow();
  });
});
