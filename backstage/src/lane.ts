// SPDX-License-Identifier: Apache-2.0
import { LoggerService } from '@backstage/backend-plugin-api';
import { setTimeout as sleep } from 'node:timers/promises';
import { Bell } from './bell';
import { Change, coalesce, payloadOf } from './changes';
import { Lease, Outbox, Way } from './outbox';
import { Later, Refused, Tell } from './ways';

const AT_ONCE = 8;
const RETRY_MIN_MS = 1000;
const RETRY_MAX_MS = 60_000;
const STANDBY_MS = 2000;

export interface LaneNeeds {
  way: Way;
  tell: Tell;
  stream: string;
  outbox: Outbox;
  lease: Lease;
  bell: Bell;
  logger: LoggerService;
  stop: AbortSignal;
  /** For tests: between 0 and 1. */
  dice?: () => number;
}

/**
 * Tells what the outbox has, one way. It keeps nothing: what is not told stays in
 * the outbox, for the next try, the next start or another instance.
 */
export class Lane {
  readonly #needs: LaneNeeds;
  #failures = 0;

  constructor(needs: LaneNeeds) {
    this.#needs = needs;
  }

  async run(): Promise<void> {
    const { bell, stop } = this.#needs;
    while (!stop.aborted) {
      const { rings } = bell;
      try {
        const waitMs = await this.#round();
        if (waitMs > 0) {
          await bell.wait(waitMs, rings);
        }
      } catch (error) {
        const waitMs = this.#failed(error);
        await sleep(waitMs, undefined, { signal: stop }).catch(() => {});
      }
    }
  }

  // Tell a batch, and return how long to wait for the bell.
  async #round(): Promise<number> {
    const { lease, outbox, way } = this.#needs;
    if (!(await lease.isHeld())) {
      return STANDBY_MS;
    }
    const rows = await outbox.owed(way);
    if (rows.length === 0) {
      return Infinity;
    }
    const told = await this.#tellAll(coalesce(rows));
    return told ? 0 : STANDBY_MS;
  }

  // False if another instance has taken over meanwhile.
  async #tellAll(groups: Change[][]): Promise<boolean> {
    const next = groups.values();
    const halt = new AbortController();
    const worker = async () => {
      for (const group of next) {
        for (const change of group) {
          if (halt.signal.aborted || !(await this.#tellOne(change))) {
            return false;
          }
        }
      }
      return true;
    };
    const work = Array.from({ length: AT_ONCE }, () =>
      worker().catch(error => {
        halt.abort();
        throw error;
      }),
    );
    const ends = await Promise.allSettled(work);
    const failed = ends.find(end => end.status === 'rejected');
    if (failed) {
      throw failed.reason;
    }
    return ends.every(end => end.status === 'fulfilled' && end.value);
  }

  async #tellOne(change: Change): Promise<boolean> {
    const { lease, logger, outbox, stop, stream, tell, way } = this.#needs;
    if (stop.aborted || !(await lease.isHeld())) {
      return false;
    }
    try {
      await tell(payloadOf(change, stream), stop);
    } catch (error) {
      if (!(error instanceof Refused)) {
        throw error;
      }
      logger.error(
        `Not told by ${way}: ${change.op} ${change.entityRef}: ${error.message}`,
      );
    }
    await outbox.settle(way, change.seqs);
    this.#succeeded();
    return true;
  }

  #succeeded() {
    if (this.#failures > 0) {
      this.#failures = 0;
      this.#needs.logger.info(`Changes are told by ${this.#needs.way} again`);
    }
  }

  // How long to wait; said once, not at every try.
  #failed(error: unknown): number {
    const { dice = Math.random, logger, stop, way } = this.#needs;
    if (stop.aborted) {
      return 0;
    }
    if (this.#failures === 0) {
      logger.warn(
        `Changes cannot be told by ${way} and are kept for later: ${error}`,
      );
    }
    this.#failures += 1;
    const limit = RETRY_MIN_MS * 2 ** Math.min(this.#failures - 1, 10);
    const backoff = Math.min(limit, RETRY_MAX_MS) * (0.5 + dice() / 2);
    return error instanceof Later ? Math.max(backoff, error.ms) : backoff;
  }
}
