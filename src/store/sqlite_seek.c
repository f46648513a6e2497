/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_seek.h"

/* end is one past the last number; row answers number and time of the first from ?1 on. */
static int64_t seq_at(struct db *db, const char *end, const char *row, struct wall at)
{
	int64_t low = 1, high = db_query_int(db, end);
	sqlite3_stmt *st = NULL;
	int64_t found = high;

	if (db->rc != SQLITE_OK)
		return low;
	db->rc = sqlite3_prepare_v2(db->conn, row, -1, &st, NULL);
	/* All before low are earlier, all from high on are not; removed ones leave gaps. */
	while (low < high) {
		int64_t middle = low + (high - low) / 2;

		bind_int(st, 1, middle);
		if (!db_row(db, st))
			break;
		if (column_int(st, 1) < at.ms) {
			low = column_int(st, 0) + 1;
		} else {
			high = middle;
			found = column_int(st, 0);
		}
		db_done(st);
	}
	sqlite3_finalize(st);
	return found;
}

int64_t event_seq_at(struct db *db, struct wall at)
{
	return seq_at(db, "SELECT max(seq) + 1 FROM event",
		"SELECT seq, received_ms FROM event WHERE seq >= ?1 ORDER BY seq LIMIT 1", at);
}

int64_t ownership_seq_at(struct db *db, struct wall at)
{
	return seq_at(db, "SELECT max(seq) + 1 FROM ownership",
		"SELECT seq, since_ms FROM ownership WHERE seq >= ?1 ORDER BY seq LIMIT 1", at);
}
