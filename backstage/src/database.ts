// SPDX-License-Identifier: Apache-2.0
import { Knex } from 'knex';

/*
 * Beside the catalog's own tables there are two of ours:
 *
 * stagewire_outbox     a row for each change of final_entities that is not told
 *                      yet on every way; written by triggers, in the transaction
 *                      that makes the change
 * stagewire_publisher  one row: the instance that may publish, and the name that
 *                      the outbox's numbers belong to
 *
 * A trigger must never be in the catalog's way: it only adds rows and waits for
 * nobody, PostgreSQL lets columns that it reads be changed, and what goes wrong in it
 * is a warning in the database's log.
 */

/** Rows that a way out which does not get through may leave behind, roughly. */
export const OUTBOX_MAX = 10_000;
const TRIM_EVERY = 1000;

export const CHANNEL = 'stagewire_catalog';

// To be changed with the triggers: then those of an older release are replaced.
const TRIGGERS_VERSION = 'stagewire 1';

const LOCK_KEY = 0x57a6e1;

const PG_TABLES = `
CREATE TABLE stagewire_outbox (
  seq bigserial PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  op text NOT NULL,
  entity_ref text NOT NULL DEFAULT '',
  uid text NOT NULL DEFAULT '',
  etag text,
  owners text,
  bus_owed boolean NOT NULL DEFAULT true,
  push_owed boolean NOT NULL DEFAULT true
);
DROP TABLE IF EXISTS stagewire_publisher;
CREATE TABLE stagewire_publisher (
  stream text NOT NULL,
  holder text,
  until timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO stagewire_outbox (op) VALUES ('resync');
`;

// PostgreSQL does not read every text that JSON may have; then only the ref is told.
const PG_TRIGGERS = `
CREATE OR REPLACE FUNCTION stagewire_note() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS $note$
DECLARE
  entity text;
  note_seq bigint;
  note_op text;
  note_ref text;
  note_uid text;
  note_etag text;
  note_owners text;
BEGIN
  IF TG_OP = 'DELETE' THEN
    entity := OLD.final_entity;
    note_op := 'deleted';
    note_ref := OLD.entity_ref;
    note_uid := OLD.entity_id;
  ELSE
    entity := NEW.final_entity;
    note_op := 'created';
    note_ref := NEW.entity_ref;
    note_uid := NEW.entity_id;
    IF TG_OP = 'UPDATE' AND OLD.final_entity IS NOT NULL THEN
      IF OLD.hash = NEW.hash THEN
        RETURN NULL;
      END IF;
      note_op := 'updated';
    END IF;
  END IF;
  IF entity IS NULL THEN
    RETURN NULL;
  END IF;

  BEGIN
    note_etag := entity::json -> 'metadata' ->> 'etag';
    note_owners := (
      SELECT json_agg(r ->> 'targetRef') FROM json_array_elements(entity::json -> 'relations') r
      WHERE r ->> 'type' = 'ownedBy');
  EXCEPTION WHEN OTHERS THEN
    note_etag := NULL;
    note_owners := NULL;
  END;
  INSERT INTO stagewire_outbox (op, entity_ref, uid, etag, owners)
    VALUES (note_op, note_ref, note_uid, note_etag, note_owners)
    RETURNING seq INTO note_seq;

  IF note_seq % ${TRIM_EVERY} = 0 AND EXISTS (
    SELECT 1 FROM stagewire_outbox WHERE seq <= note_seq - ${OUTBOX_MAX}
  ) THEN
    DELETE FROM stagewire_outbox WHERE seq IN (
      SELECT seq FROM stagewire_outbox WHERE seq <= note_seq - ${OUTBOX_MAX}
      FOR UPDATE SKIP LOCKED);
    INSERT INTO stagewire_outbox (op) VALUES ('resync');
  END IF;

  PERFORM pg_notify('${CHANNEL}', '');
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  RAISE WARNING 'stagewire: a change was not noted: %', SQLERRM;
  RETURN NULL;
END
$note$;
COMMENT ON FUNCTION stagewire_note() IS '${TRIGGERS_VERSION}';
DROP TRIGGER IF EXISTS stagewire_note ON final_entities;
CREATE TRIGGER stagewire_note AFTER INSERT OR UPDATE OR DELETE ON final_entities
  FOR EACH ROW EXECUTE PROCEDURE stagewire_note();
INSERT INTO stagewire_outbox (op) VALUES ('resync');
`;

const PG_TRIGGERS_ARE_THERE = `
SELECT 1 FROM pg_trigger
WHERE tgrelid = 'final_entities'::regclass AND tgname = 'stagewire_note' AND tgenabled <> 'D'
  AND obj_description(tgfoid, 'pg_proc') = '${TRIGGERS_VERSION}'
`;

const SQLITE_TABLES = [
  `CREATE TABLE stagewire_outbox (
    seq integer PRIMARY KEY AUTOINCREMENT,
    at text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    op text NOT NULL,
    entity_ref text NOT NULL DEFAULT '',
    uid text NOT NULL DEFAULT '',
    etag text,
    owners text,
    bus_owed boolean NOT NULL DEFAULT true,
    push_owed boolean NOT NULL DEFAULT true
  )`,
  'DROP TABLE IF EXISTS stagewire_publisher',
  'CREATE TABLE stagewire_publisher (stream text NOT NULL, holder text, until text)',
  "INSERT INTO stagewire_outbox (op) VALUES ('resync')",
];

function sqliteNote(kind: string, row: 'OLD' | 'NEW') {
  return `INSERT INTO stagewire_outbox (op, entity_ref, uid, etag, owners) SELECT
    ${kind}, ${row}.entity_ref, ${row}.entity_id,
    json_extract(${row}.final_entity, '$.metadata.etag'),
    (SELECT json_group_array(json_extract(value, '$.targetRef'))
      FROM json_each(${row}.final_entity, '$.relations')
      WHERE json_extract(value, '$.type') = 'ownedBy');`;
}

// SQLite takes the triggers away where a migration makes the table anew.
const SQLITE_TRIGGERS = [
  `CREATE TRIGGER stagewire_note_insert AFTER INSERT ON final_entities
  WHEN NEW.final_entity IS NOT NULL
  BEGIN ${sqliteNote("'created'", 'NEW')} END`,
  `CREATE TRIGGER stagewire_note_update AFTER UPDATE ON final_entities
  WHEN NEW.final_entity IS NOT NULL AND NEW.hash IS NOT OLD.hash
  BEGIN ${sqliteNote(
    "CASE WHEN OLD.final_entity IS NULL THEN 'created' ELSE 'updated' END",
    'NEW',
  )} END`,
  `CREATE TRIGGER stagewire_note_delete AFTER DELETE ON final_entities
  WHEN OLD.final_entity IS NOT NULL
  BEGIN ${sqliteNote("'deleted'", 'OLD')} END`,
  `CREATE TRIGGER stagewire_trim AFTER INSERT ON stagewire_outbox
  WHEN NEW.seq % ${TRIM_EVERY} = 0
    AND EXISTS (SELECT 1 FROM stagewire_outbox WHERE seq <= NEW.seq - ${OUTBOX_MAX})
  BEGIN
    DELETE FROM stagewire_outbox WHERE seq <= NEW.seq - ${OUTBOX_MAX};
    INSERT INTO stagewire_outbox (op) VALUES ('resync');
  END`,
];

const SQLITE_TRIGGERS_ARE_THERE = `
SELECT count(*) AS n FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'stagewire!_%' ESCAPE '!'
`;

export function isPostgres(knex: Knex): boolean {
  return knex.client.config.client === 'pg';
}

/**
 * Refuse a database in which nobody would notice a deletion: MySQL's triggers do
 * not see what a foreign key deletes.
 */
export function checkClient(knex: Knex) {
  const client = String(knex.client.config.client);
  if (client !== 'pg' && client !== 'better-sqlite3') {
    throw new Error(
      `stagewire needs a catalog in PostgreSQL or SQLite, not in ${client}`,
    );
  }
}

async function makePostgres(trx: Knex.Transaction) {
  await trx.raw('SELECT pg_advisory_xact_lock(?)', [LOCK_KEY]);
  // Whoever waits for the lock on the table makes all others wait behind it.
  await trx.raw("SET LOCAL lock_timeout = '2s'");
  if (!(await trx.schema.hasTable('stagewire_outbox'))) {
    await trx.raw(PG_TABLES);
  }
  const found = await trx.raw(PG_TRIGGERS_ARE_THERE);
  if (found.rows.length === 0) {
    await trx.raw(PG_TRIGGERS);
  }
}

async function makeSqlite(trx: Knex.Transaction) {
  if (!(await trx.schema.hasTable('stagewire_outbox'))) {
    for (const statement of SQLITE_TABLES) await trx.raw(statement);
  }
  const [found] = await trx.raw(SQLITE_TRIGGERS_ARE_THERE);
  if (found.n !== SQLITE_TRIGGERS.length) {
    for (const name of ['note_insert', 'note_update', 'note_delete', 'trim']) {
      await trx.raw(`DROP TRIGGER IF EXISTS stagewire_${name}`);
    }
    for (const statement of SQLITE_TRIGGERS) await trx.raw(statement);
    await trx('stagewire_outbox').insert({ op: 'resync' });
  }
}

/**
 * Have the tables and the triggers, and return the name of the outbox's numbers.
 * Where one of them was not there, changes may have gone unseen: that is a resync,
 * in the same transaction.
 */
export async function prepareDatabase(
  knex: Knex,
  newStream: () => string,
): Promise<string> {
  return await knex.transaction(async trx => {
    await (isPostgres(knex) ? makePostgres(trx) : makeSqlite(trx));
    const [known] = await trx('stagewire_publisher').select('stream');
    if (known) {
      return known.stream;
    }
    const stream = newStream();
    await trx('stagewire_publisher').insert({ stream });
    return stream;
  });
}
