// SPDX-License-Identifier: Apache-2.0
import { LoggerService } from '@backstage/backend-plugin-api';
import { Knex } from 'knex';
import { EventEmitter, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { CHANNEL, isPostgres } from './database';
import { limited } from './limit';

const PROBE_MS = 2000;
const PROBE_EVERY_MS = 60_000;
const RETRY_MS = 5000;

// How often the outbox is looked at although nobody rang.
const LISTENING_MS = 1500;
const POLLING_MS = 300;

// What of node-postgres's connection is used here.
interface RawConnection extends EventEmitter {
  query(sql: string): Promise<unknown>;
}

/**
 * Rings when something may be in the outbox: at once by PostgreSQL's LISTEN; where
 * that is not to be had (SQLite, a pooler that shares connections out by
 * transactions) a few times a second.
 */
export class Bell {
  readonly #knex: Knex;
  readonly #logger: LoggerService;
  readonly #stop: AbortSignal;
  readonly #waiting = new Set<() => void>();
  #rings = 0;
  #works = false;
  #told = false;

  constructor(knex: Knex, logger: LoggerService, stop: AbortSignal) {
    this.#knex = knex;
    this.#logger = logger;
    this.#stop = stop;
    stop.addEventListener('abort', () => this.#ring());
  }

  /** How often it has rung, to be asked before the look that finds nothing. */
  get rings(): number {
    return this.#rings;
  }

  /**
   * Until it has rung more often than that, or for so long at most.
   */
  async wait(maxMs: number, rings: number): Promise<void> {
    const ms = Math.min(maxMs, this.#works ? LISTENING_MS : POLLING_MS);
    let wake = () => {};
    const rung = new Promise<void>(resolve => {
      wake = resolve;
    });
    const timer = setTimeout(wake, ms);
    this.#waiting.add(wake);
    if (this.#rings !== rings || this.#stop.aborted) {
      wake();
    }
    await rung;
    clearTimeout(timer);
    this.#waiting.delete(wake);
  }

  #ring() {
    this.#rings += 1;
    this.#waiting.forEach(wake => wake());
  }

  /** Keep listening until everything stops. */
  async run(): Promise<void> {
    while (isPostgres(this.#knex) && !this.#stop.aborted) {
      await this.#listen().catch(error => this.#complain(error));
      this.#works = false;
      await sleep(RETRY_MS, undefined, { signal: this.#stop }).catch(() => {});
    }
  }

  // Ends only by throwing.
  async #listen() {
    const { client } = this.#knex;
    const connection: RawConnection = await client.acquireRawConnection();
    // Whatever happens to it is noticed by the next probe at the latest.
    connection.on('error', () => {});
    const ended = once(connection, 'end');
    ended.catch(() => {});
    try {
      await connection.query(`LISTEN ${CHANNEL}`);
      connection.on('notification', () => this.#ring());
      for (;;) {
        await this.#probe(connection);
        this.#works = true;
        this.#told = false;
        await this.#untilNextProbe(ended);
      }
    } finally {
      client.destroyRawConnection(connection).catch(() => {});
    }
  }

  async #untilNextProbe(ended: Promise<unknown>) {
    await limited(2 * PROBE_EVERY_MS, this.#stop, signal =>
      Promise.race([
        sleep(PROBE_EVERY_MS, undefined, { signal, ref: false }),
        ended.then(() => {
          throw new Error('the connection ended');
        }),
      ]),
    );
  }

  // A pooler may have taken LISTEN for one connection and notify another.
  async #probe(connection: RawConnection) {
    await limited(PROBE_MS, this.#stop, async signal => {
      const heard = once(connection, 'notification', { signal });
      heard.catch(() => {});
      await this.#knex.raw('SELECT pg_notify(?, ?)', [CHANNEL, 'probe']);
      await heard;
    });
  }

  #complain(error: unknown) {
    if (!this.#stop.aborted && !this.#told) {
      this.#told = true;
      this.#logger.warn(
        `Cannot listen to the catalog's database, looking at it every ${POLLING_MS} ms instead: ${error}`,
      );
    }
  }
}
