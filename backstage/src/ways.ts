// SPDX-License-Identifier: Apache-2.0
import { JsonObject } from '@backstage/types';
import { EventsService } from '@backstage/plugin-events-node';
import { signedHeaders } from './keys';
import { limited } from './limit';
import { PushOptions } from './options';

const BUS_TIMEOUT_MS = 10_000;
const RETRY_AFTER_MAX_S = 300;

/**
 * Tell one change, or throw. The signal says that nobody waits any more.
 */
export type Tell = (payload: JsonObject, signal: AbortSignal) => Promise<void>;

/** The receiver will never take this one. */
export class Refused extends Error {}

/** The receiver says when to come again. */
export class Later extends Error {
  constructor(
    message: string,
    readonly ms: number,
  ) {
    super(message);
  }
}

export function busWay(events: EventsService, topic: string): Tell {
  return (payload, signal) =>
    limited(BUS_TIMEOUT_MS, signal, () =>
      events.publish({ topic, eventPayload: payload }),
    );
}

// Only what is wrong with this one body; a wrong key or path is mended some day.
function isRefusal(status: number) {
  return [400, 413, 415, 422].includes(status);
}

function retryAfterMs(answer: Response): number | undefined {
  const text = answer.headers.get('retry-after') ?? '';
  return /^\d{1,6}$/.test(text)
    ? Math.min(Number(text), RETRY_AFTER_MAX_S) * 1000
    : undefined;
}

function judge(answer: Response) {
  if (answer.ok) {
    return;
  }
  const what = `the receiver answered ${answer.status}`;
  if (isRefusal(answer.status)) {
    throw new Refused(what);
  }
  const ms = retryAfterMs(answer);
  throw ms === undefined ? new Error(what) : new Later(what, ms);
}

async function post(
  options: PushOptions,
  payload: JsonObject,
  signal: AbortSignal,
): Promise<Response> {
  const body = JSON.stringify(payload);
  const seconds = Math.floor(Date.now() / 1000);
  const answer = await fetch(options.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...signedHeaders(options.keys, String(payload.id), seconds, body),
    },
    body,
    redirect: 'manual',
    signal,
  });
  await answer.arrayBuffer();
  return answer;
}

export function pushWay(options: PushOptions): Tell {
  return async (payload, stop) => {
    judge(
      await limited(options.timeoutMs, stop, signal =>
        post(options, payload, signal),
      ),
    );
  };
}
