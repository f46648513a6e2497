/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_write_impl.h"

/* The statements of the writer. */

/*
 * What a probe for room writes, in bytes: about as much as a busy group, so
 * that an answer of yes is worth something.
 */
#define PROBE_BYTES "262144"

#define OF_TRY "WHERE seq >= ?1 << 8 AND seq < (?1 + 1) << 8 AND sink = ?2 AND state = 0"

/* Between the last number looked at and the first that cannot be old; ?3 is the age's moment. */
#define IN_SWEEP "seq > ?1 AND seq < ?2 ORDER BY seq LIMIT ?4"

static const char *const write_sql[] = {
	[W_BEGIN] = "BEGIN IMMEDIATE",
	[W_COMMIT] = "COMMIT",
	[W_ROLLBACK] = "ROLLBACK",
	[W_SEEN] = "SELECT 1 FROM seen WHERE id = ?1",
	[W_SEEN_ADD] = "INSERT INTO seen (id, event_seq) VALUES (?1, ?2)",
	[W_EVENT_ADD] = "INSERT INTO event (id, place, received_ms, source, type, repository,"
			" outcome, okey, fact, body)"
			" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
	[W_DELIVERY_ADD] = "INSERT INTO delivery (seq, part, sink, okey, state, tries, made_ms,"
			   " due_ms, updated_ms, status, note)"
			   " VALUES (?1, ?2, ?3, ?4, 0, 0, ?5, ?5, ?5, 0, '')",
	[W_STATE] = "SELECT version, value FROM state WHERE ns = ?1 AND key = ?2",
	[W_STATE_SET] = "REPLACE INTO state (ns, key, version, value) VALUES (?1, ?2, ?3, ?4)",
	[W_STATE_BUMP] = "INSERT INTO state (ns, key, version, value) VALUES (?1, ?2, 1, ?3)"
			 " ON CONFLICT DO UPDATE SET version = version + 1, value = ?3",
	[W_STATE_DROP] = "DELETE FROM state WHERE ns = ?1 AND key = ?2",
	[W_AUDIT_ADD] = "INSERT INTO audit (event_seq, entry, at_ms) VALUES (?1, ?2, ?3)",
	[W_PARKED] = "SELECT place, okey FROM event WHERE seq = ?1 AND place <> 0",
	[W_REROUTE] = "UPDATE event SET place = ?2, body = ?3 WHERE seq = ?1",
	[W_BUILD_NEWS] =
		"INSERT INTO build (seq, changed, host, id, repository, state, transition, attempt,"
		" started_ms, finished_ms, updated_ms, number, branch, fact, entities)"
		" VALUES (?1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"
		" ON CONFLICT (id, host) DO UPDATE SET changed = ?1, state = ?5, transition = ?6,"
		" attempt = ?7, started_ms = ?8, finished_ms = ?9, updated_ms = ?10, fact = ?13,"
		" entities = ?14",
	[W_BUILD_REFRESH] = "UPDATE build SET started_ms = ?3, finished_ms = ?4, updated_ms = ?5,"
			    " fact = ?6 WHERE id = ?1 AND host = ?2",
	[W_BUILD_ENTITIES] = "UPDATE build SET entities = ?2 WHERE changed = ?1",
	[W_SETTLE] = "UPDATE delivery SET state = ?3, tries = tries + 1, updated_ms = ?4,"
		     " status = ?5, note = ?6 " OF_TRY,
	[W_RETRY] = "UPDATE delivery SET due_ms = ?3, tries = tries + ?7, updated_ms = ?4,"
		    " status = ?5, note = ?6 " OF_TRY,
	[W_ROUTED] = "SELECT okey FROM event WHERE seq = ?1 AND place = 0",
	[W_OF_SINK] = "SELECT seq, state FROM delivery"
		      " WHERE seq >= ?1 << 8 AND seq < (?1 + 1) << 8 AND sink = ?2",
	[W_REVIVE] = "UPDATE delivery SET state = 0, tries = 0, made_ms = ?2, due_ms = ?2,"
		     " updated_ms = ?2 WHERE seq = ?1",
	[W_NEXT_FREE] = "SELECT coalesce(max(seq) + 1, ?1 << 8) FROM delivery"
			" WHERE seq >= ?1 << 8 AND seq < (?1 + 1) << 8",
	[W_OWNERSHIP] = "SELECT read_ms, orphan, gone, uid, slug, owners FROM ownership"
			" WHERE ref = ?1 ORDER BY seq DESC LIMIT 1",
	[W_OWNERSHIP_ADD] = "INSERT INTO ownership (ref, not_before_ms, read_ms, since_ms, first,"
			    " orphan, gone, uid, slug, owners)"
			    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
	[W_PICK_DELIVERIES] =
		"SELECT seq, state = 1 AND updated_ms < ?3 FROM delivery WHERE " IN_SWEEP,
	[W_PICK_DEAD] = "SELECT seq, updated_ms < ?3 FROM delivery INDEXED BY delivery_open"
			" WHERE state <> 1 AND state = 2 AND " IN_SWEEP,
	[W_PICK_EVENTS] = "SELECT seq, place = 0 AND NOT EXISTS (SELECT 1 FROM delivery AS d"
			  " WHERE d.seq >= event.seq << 8 AND d.seq < (event.seq + 1) << 8)"
			  " FROM event WHERE " IN_SWEEP,
	[W_PICK_QUARANTINE] = "SELECT seq, 1 FROM event INDEXED BY event_parked"
			      " WHERE place <> 0 AND place = 1 AND " IN_SWEEP,
	[W_PICK_AUDIT] = "SELECT seq, at_ms < ?3 FROM audit WHERE " IN_SWEEP,
	[W_PICK_BUILDS] = "SELECT seq, updated_ms < ?3 AND EXISTS (SELECT 1 FROM build AS b"
			  " WHERE b.repository = build.repository AND b.id > build.id)"
			  " FROM build WHERE " IN_SWEEP,
	/* The newest of an entity goes when it says that the entity is gone. */
	[W_PICK_OWNERSHIP] = "SELECT seq, coalesce((SELECT n.since_ms FROM ownership AS n"
			     " WHERE n.ref = o.ref AND n.seq > o.seq ORDER BY n.seq LIMIT 1),"
			     " CASE WHEN gone THEN since_ms ELSE ?3 END) < ?3"
			     " FROM ownership AS o WHERE " IN_SWEEP,
	[W_DROP_DELIVERY] = "DELETE FROM delivery WHERE seq = ?1",
	[W_DROP_EVENT] = "DELETE FROM event WHERE seq = ?1",
	[W_DROP_AUDIT] = "DELETE FROM audit WHERE seq = ?1",
	[W_DROP_BUILD] = "DELETE FROM build WHERE seq = ?1",
	[W_DROP_OWNERSHIP] = "DELETE FROM ownership WHERE seq = ?1",
	[W_COUNT_REMOVED] = "INSERT INTO removed (kind, n) VALUES ('event', ?1)"
			    " ON CONFLICT DO UPDATE SET n = n + ?1",
	[W_LAST_EVENT] = "SELECT max(seq) FROM event",
	[W_LAST_AUDIT] = "SELECT max(seq) FROM audit",
	[W_OLDEST] = "SELECT made_ms FROM delivery INDEXED BY delivery_open"
		     " WHERE state <> 1 AND state = 0 ORDER BY seq LIMIT 1",
	[W_PROBE_FILL] = "REPLACE INTO state (ns, key, version, value)"
			 " VALUES ('', 'probe', 0, zeroblob(" PROBE_BYTES "))",
	[W_PROBE_DROP] = "DELETE FROM state WHERE ns = '' AND key = 'probe'",
};

static int on_wal(void *ctx, sqlite3 *conn, const char *name, int pages)
{
	struct writer *w = ctx;

	(void)conn;
	(void)name;
	w->log_pages = pages;
	return SQLITE_OK;
}

enum err writer_prepare(struct writer *w, char **why)
{
	/* Instead of the checkpoint that SQLite would make within a commit. */
	sqlite3_wal_hook(w->db.conn, on_wal, w);
	return db_prepare(&w->db, write_sql, ARRAY_SIZE(write_sql), why);
}
