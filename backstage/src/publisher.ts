// SPDX-License-Identifier: Apache-2.0
import { LoggerService } from '@backstage/backend-plugin-api';
import { Knex } from 'knex';
import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Bell } from './bell';
import { checkClient, prepareDatabase } from './database';
import { Lane } from './lane';
import { Lease, Outbox, Way } from './outbox';
import { Tell } from './ways';

const PREPARE_RETRY_MS = 5000;
const STOP_MS = 2000;

/**
 * Watches the catalog's database and tells of changes on every way there is.
 */
export class Publisher {
  readonly #knex: Knex;
  readonly #logger: LoggerService;
  readonly #ways: Map<Way, Tell>;
  readonly #halt = new AbortController();
  readonly #lease: Lease;
  #running: Promise<void> | undefined;

  /** Throws if the catalog's database is none that can be watched. */
  constructor(knex: Knex, logger: LoggerService, ways: Map<Way, Tell>) {
    checkClient(knex);
    this.#knex = knex;
    this.#logger = logger;
    this.#ways = ways;
    this.#lease = new Lease(knex, randomUUID());
    setMaxListeners(0, this.#halt.signal);
  }

  /** To be called once the catalog has its tables. */
  start() {
    this.#running = this.#run();
  }

  /**
   * Stop, and return when all is quiet or has had its time: what is not told by
   * then is told after the next start.
   */
  async stop(): Promise<void> {
    this.#halt.abort();
    await Promise.race([
      this.#running?.then(() => this.#lease.release()).catch(() => {}),
      sleep(STOP_MS, undefined, { ref: false }),
    ]);
  }

  async #run() {
    const stream = await this.#prepare();
    if (stream === undefined) {
      return;
    }
    const bell = new Bell(this.#knex, this.#logger, this.#halt.signal);
    const outbox = new Outbox(this.#knex, [...this.#ways.keys()]);
    const lanes = [...this.#ways].map(
      ([way, tell]) =>
        new Lane({
          way,
          tell,
          stream,
          outbox,
          bell,
          lease: this.#lease,
          logger: this.#logger,
          stop: this.#halt.signal,
        }),
    );
    await Promise.all([bell.run(), ...lanes.map(lane => lane.run())]);
  }

  // The name of the outbox's numbers; undefined if we shall stop instead.
  async #prepare(): Promise<string | undefined> {
    const { signal } = this.#halt;
    while (!signal.aborted) {
      try {
        return await prepareDatabase(this.#knex, randomUUID);
      } catch (error) {
        if (!signal.aborted) {
          this.#logger.error(
            `Cannot watch the catalog's database yet: ${error}`,
          );
        }
        await sleep(PREPARE_RETRY_MS, undefined, { signal }).catch(() => {});
      }
    }
    return undefined;
  }
}
