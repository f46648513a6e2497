// SPDX-License-Identifier: Apache-2.0
import { Knex } from 'knex';
import { Row } from './changes';
import { isPostgres } from './database';

/** A way out. What one has told, the other may still owe. */
export type Way = 'bus' | 'push';

const BATCH = 500;

// PostgreSQL gives times as Date and large integers as text, SQLite the other way round.
function rowOf(row: any): Row {
  return {
    seq: String(row.seq),
    at: new Date(row.at),
    op: row.op,
    entityRef: row.entity_ref,
    uid: row.uid,
    etag: row.etag,
    owners: JSON.parse(row.owners ?? '[]') ?? [],
  };
}

/**
 * The changes that are not told yet, and who may tell them.
 */
export class Outbox {
  readonly #knex: Knex;
  readonly #ways: Way[];

  /** ways: those that are configured. The others are never owed anything. */
  constructor(knex: Knex, ways: Way[]) {
    this.#knex = knex;
    this.#ways = ways;
  }

  /**
   * The oldest rows that this way owes, in order: a batch, or as many as the last
   * resync takes the place of.
   */
  async owed(way: Way): Promise<Row[]> {
    const owed = () =>
      this.#knex('stagewire_outbox').where(`${way}_owed`, true).orderBy('seq');
    const rows = await owed().limit(BATCH);
    if (rows.length === BATCH) {
      const after = rows.at(-1).seq;
      const resync = await owed()
        .where('op', 'resync')
        .where('seq', '>', after);
      if (resync.length > 0) {
        const last = resync.at(-1).seq;
        rows.push(
          ...(await owed().whereBetween('seq', [after, last])).slice(1),
        );
      }
    }
    return rows.map(rowOf);
  }

  /**
   * These rows were told this way; the last way takes them off.
   */
  async settle(way: Way, seqs: string[]): Promise<void> {
    const others = this.#ways.filter(w => w !== way);
    await this.#knex.transaction(async trx => {
      const rows = () => trx('stagewire_outbox').whereIn('seq', seqs);
      if (others.length > 0) {
        await rows().update({ [`${way}_owed`]: false });
      }
      await rows()
        .where(Object.fromEntries(others.map(w => [`${w}_owed`, false])))
        .delete();
    });
  }
}

const LEASE_S = 20;
const RENEW_MS = 5000;
const RETRY_MS = 1000;

/**
 * Of several instances on one database, one publishes. A crashed one is followed
 * by another after 20 seconds at most. SQLite has one instance anyway.
 */
export class Lease {
  readonly #knex: Knex;
  readonly #holder: string;
  #asked = -Infinity;
  #held = false;
  #asking: Promise<boolean> | undefined;

  constructor(knex: Knex, holder: string) {
    this.#knex = knex;
    this.#holder = holder;
  }

  /**
   * Is it ours, for some seconds more?
   */
  async isHeld(): Promise<boolean> {
    if (!isPostgres(this.#knex)) {
      return true;
    }
    const age = performance.now() - this.#asked;
    if (age > (this.#held ? RENEW_MS : RETRY_MS)) {
      this.#asking ??= this.#ask().finally(() => {
        this.#asking = undefined;
      });
    }
    return (await this.#asking) ?? this.#held;
  }

  async #ask(): Promise<boolean> {
    const now = performance.now();
    this.#held = false;
    const taken = await this.#knex('stagewire_publisher')
      .where('holder', this.#holder)
      .orWhere('until', '<', this.#knex.raw('clock_timestamp()'))
      .update({
        holder: this.#holder,
        until: this.#knex.raw(
          `clock_timestamp() + interval '${LEASE_S} seconds'`,
        ),
      });
    this.#held = taken > 0;
    this.#asked = now;
    return this.#held;
  }

  async release(): Promise<void> {
    if (this.#held) {
      this.#held = false;
      await this.#knex('stagewire_publisher')
        .where('holder', this.#holder)
        .update({ holder: null, until: this.#knex.raw("'-infinity'") });
    }
  }
}
