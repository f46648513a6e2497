// SPDX-License-Identifier: Apache-2.0
import { resolvePackagePath } from '@backstage/backend-plugin-api';
import { TestDatabases } from '@backstage/backend-test-utils';
import { Knex } from 'knex';
import { createHash } from 'node:crypto';

/**
 * PostgreSQL if the environment names one, and SQLite.
 */
export function createDatabases() {
  return TestDatabases.create({
    ids: ['POSTGRES_15', 'SQLITE_3'],
    disableDocker: true,
  });
}

/** The catalog's own tables, made by its own migrations. */
export async function makeCatalogTables(knex: Knex) {
  if (knex.client.config.client === 'better-sqlite3') {
    await knex.raw('PRAGMA foreign_keys = ON');
  }
  await knex.migrate.latest({
    directory: resolvePackagePath(
      '@backstage/plugin-catalog-backend',
      'migrations',
    ),
  });
}

/** A final entity, as the catalog writes it. */
export async function putEntity(
  knex: Knex,
  ref: string,
  uid: string,
  owner: string,
  more: object = {},
) {
  const entity = {
    metadata: { uid, etag: `etag-of-${owner}`, ...more },
    relations: [
      { type: 'dependsOn', targetRef: 'component:default/other' },
      { type: 'ownedBy', targetRef: owner },
    ],
  };
  const hash = createHash('sha1').update(JSON.stringify(entity)).digest('hex');
  await knex('refresh_state')
    .insert({
      entity_id: uid,
      entity_ref: ref,
      unprocessed_entity: '{}',
      errors: '[]',
      next_update_at: knex.fn.now(),
      last_discovery_at: knex.fn.now(),
    })
    .onConflict('entity_id')
    .ignore();
  await knex('final_entities')
    .insert({
      entity_id: uid,
      entity_ref: ref,
      hash,
      final_entity: JSON.stringify(entity),
      last_updated_at: knex.fn.now(),
    })
    .onConflict('entity_id')
    .merge(['hash', 'final_entity', 'last_updated_at']);
}

/** As the catalog does: its final entity goes by the foreign key. */
export async function dropEntity(knex: Knex, uid: string) {
  await knex('refresh_state').where('entity_id', uid).delete();
}

/** Call until the answer is true, or complain after a while. */
export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  what: string,
  ms = 15_000,
) {
  const end = Date.now() + ms;
  while (!(await condition())) {
    if (Date.now() > end) {
      throw new Error(`waited in vain: ${what}`);
    }
    await new Promise(resolve => setTimeout(resolve, 10));
  }
}
