// SPDX-License-Identifier: Apache-2.0
import { Config, readDurationFromConfig } from '@backstage/config';
import { durationToMilliseconds } from '@backstage/types';
import { parseSigningKey, SigningKey } from './keys';

export const DEFAULT_TOPIC = 'stagewire.catalog';

export interface PushOptions {
  url: string;
  keys: SigningKey[];
  timeoutMs: number;
}

export interface Options {
  /** undefined: the bus is not wanted. */
  topic: string | undefined;
  push: PushOptions | undefined;
}

function readUrl(config: Config): string {
  const text = config.getString('url');
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new Error('stagewire.push.url is no URL');
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new Error('stagewire.push.url must be an http or https URL');
  }
  if (url.username || url.password) {
    throw new Error('stagewire.push.url must not have credentials');
  }
  return text;
}

function readKeys(config: Config): SigningKey[] {
  const texts = config.getStringArray('signing');
  if (texts.length === 0) {
    throw new Error('stagewire.push.signing needs a key');
  }
  return texts.map((text, i) => {
    try {
      return parseSigningKey(text);
    } catch (error) {
      throw new Error(
        `stagewire.push.signing[${i}]: ${(error as Error).message}`,
      );
    }
  });
}

function readPush(config: Config): PushOptions {
  const timeoutMs = config.has('timeout')
    ? durationToMilliseconds(readDurationFromConfig(config, { key: 'timeout' }))
    : 5000;
  if (!(timeoutMs >= 100 && timeoutMs <= 15_000)) {
    throw new Error('stagewire.push.timeout must be 0.1 to 15 seconds');
  }
  return { url: readUrl(config), keys: readKeys(config), timeoutMs };
}

/**
 * What the configuration says under "stagewire". Throws where it makes no sense.
 */
export function readOptions(root: Config): Options {
  const config = root.getOptionalConfig('stagewire');
  const push = config?.getOptionalConfig('push');
  const bus = config?.getOptionalBoolean('bus') ?? true;
  if (!bus && !push) {
    throw new Error('stagewire.bus is off and there is no stagewire.push');
  }
  return {
    topic: bus
      ? (config?.getOptionalString('topic') ?? DEFAULT_TOPIC)
      : undefined,
    push: push && readPush(push),
  };
}
