// SPDX-License-Identifier: Apache-2.0
import { JsonObject } from '@backstage/types';

/**
 * One row of the outbox: what a trigger saw.
 */
export interface Row {
  seq: string;
  at: Date;
  op: 'created' | 'updated' | 'deleted' | 'resync';
  entityRef: string;
  uid: string;
  etag: string | null;
  /** Refs of the ownedBy relations. */
  owners: string[];
}

/**
 * A change to tell, and the rows that are told by it.
 */
export interface Change extends Row {
  seqs: string[];
}

// Two changes of one incarnation of an entity, told as one.
function merged(before: Change, after: Change): Change {
  const op =
    before.op === 'created' && after.op === 'updated' ? 'created' : after.op;
  return { ...after, op, seqs: [...before.seqs, ...after.seqs] };
}

function allRows(changes: Change[]): string[] {
  return changes.flatMap(change => change.seqs);
}

/**
 * Changes to tell instead of the rows, which are in order: one for each
 * incarnation of an entity, in groups that may be told in any order. What comes
 * before a resync is part of it.
 */
export function coalesce(rows: Row[]): Change[][] {
  let groups = new Map<string, Change[]>();
  for (const row of rows) {
    const change: Change = { ...row, seqs: [row.seq] };
    if (row.op === 'resync') {
      change.seqs.unshift(...allRows([...groups.values()].flat()));
      groups = new Map([['', [change]]]);
      continue;
    }
    const group = groups.get(row.entityRef) ?? [];
    const last = group.at(-1);
    if (last && last.uid === row.uid) {
      group[group.length - 1] = merged(last, change);
    } else {
      group.push(change);
    }
    groups.set(row.entityRef, group);
  }
  return [...groups.values()];
}

/**
 * What is published, as README.md describes it: on the bus the payload, in a push
 * the body.
 */
export function payloadOf(change: Change, stream: string): JsonObject {
  const head = {
    id: messageId(change, stream),
    timestamp: change.at.toISOString(),
  };
  if (change.op === 'resync') {
    return { type: 'catalog.resync', ...head, resync: true, data: {} };
  }
  return {
    type: `entity.${change.op}`,
    ...head,
    entityRef: change.entityRef,
    data: {
      entityRef: change.entityRef,
      uid: change.uid,
      etag: change.etag,
      owner: change.owners[0] ?? null,
      owners: change.owners,
    },
  };
}

/**
 * The same whenever the same change is told again, and another's nowhere. It has
 * no dot, which the signed text would take for its own.
 */
export function messageId(change: Change, stream: string): string {
  return `${stream}-${change.seq}`;
}
