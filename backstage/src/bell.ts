// SPDX-License-Identifier: Apache-2.0
import { LoggerService } from '@backstage/backend-plugin-api';
import { Knex } from 'knex';
import { EventEmitter, once } from 'node:events';
import { CHANNEL, isPostgres } from './database';

const PROBE = 'probe';
const PROBE_MS = 2000;
const RETRY_MS = 5000;

// How often the outbox is looked at although nobody rang.
const LISTENING_MS = 5000;
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
  readonly #emitter = new EventEmitter();
  #connection: RawConnection | undefined;
  #works = false;
  #told = false;

  constructor(knex: Knex, logger: LoggerService, stop: AbortSignal) {
    this.#knex = knex;
    this.#logger = logger;
    this.#stop = stop;
    this.#emitter.setMaxListeners(0);
  }

  /** Keep listening until everything stops. */
  async run(): Promise<void> {
    while (isPostgres(this.#knex) && !this.#stop.aborted) {
      try {
        await this.#listen();
      } catch (error) {
        this.#complain(error);
      }
      this.#works = false;
      await this.#hangUp();
      await this.#pause(RETRY_MS);
    }
  }

  /**
   * Until it rings, or for so long at most; at once if everything stops.
   */
  async wait(maxMs: number): Promise<void> {
    const ms = Math.min(maxMs, this.#works ? LISTENING_MS : POLLING_MS);
    const signal = AbortSignal.any([this.#stop, AbortSignal.timeout(ms)]);
    await once(this.#emitter, 'ring', { signal }).catch(() => {});
  }

  // Returns when it has been told to stop; throws when the connection is of no use.
  async #listen() {
    const connection: RawConnection =
      await this.#knex.client.acquireRawConnection();
    this.#connection = connection;
    const ended = Promise.race([
      once(connection, 'end').then(() => 'ended'),
      once(this.#stop, 'abort').then(() => 'stopped'),
    ]);
    ended.catch(() => {});
    await connection.query(`LISTEN ${CHANNEL}`);
    await this.#probe(connection);

    connection.on('notification', () => this.#emitter.emit('ring'));
    this.#works = true;
    this.#told = false;
    this.#emitter.emit('ring');
    if ((await ended) === 'ended') {
      throw new Error('the connection ended');
    }
  }

  // A pooler may have taken LISTEN for one connection and notify another.
  async #probe(connection: RawConnection) {
    const signal = AbortSignal.any([this.#stop, AbortSignal.timeout(PROBE_MS)]);
    const heard = once(connection, 'notification', { signal });
    heard.catch(() => {});
    await this.#knex.raw('SELECT pg_notify(?, ?)', [CHANNEL, PROBE]);
    await heard.catch(() => {
      throw new Error('notifications do not arrive');
    });
  }

  async #hangUp() {
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection) {
      connection.removeAllListeners('notification');
      connection.on('error', () => {}); // nobody waits for it any more
      await this.#knex.client.destroyRawConnection(connection).catch(() => {});
    }
  }

  #complain(error: unknown) {
    if (!this.#stop.aborted && !this.#told) {
      this.#told = true;
      this.#logger.warn(
        `Cannot listen to the catalog's database, looking at it every ${POLLING_MS} ms instead: ${error}`,
      );
    }
  }

  async #pause(ms: number) {
    const signal = AbortSignal.any([this.#stop, AbortSignal.timeout(ms)]);
    if (!signal.aborted) {
      await once(signal, 'abort');
    }
  }
}
