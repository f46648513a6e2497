/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_write_impl.h"

/* What is shown of builds, as it is written. */

static void build_news(struct writer *w, int64_t event_seq, const struct store_build *b)
{
	sqlite3_stmt *st = writer_stmt(w, W_BUILD_NEWS);

	bind_int(st, 1, event_seq);
	bind_text(st, 2, b->host);
	bind_int(st, 3, b->id);
	bind_text(st, 4, b->repository);
	bind_int(st, 5, b->state);
	bind_int(st, 6, b->transition);
	bind_int(st, 7, b->attempt);
	bind_int(st, 8, b->started.ms);
	bind_int(st, 9, b->finished.ms);
	bind_int(st, 10, w->now.ms);
	bind_text(st, 11, b->number);
	bind_text(st, 12, b->branch);
	bind_text(st, 13, b->fact);
	bind_text(st, 14, b->entities);
	db_run(&w->db, st);
}

static void build_refresh(struct writer *w, const struct store_build *b)
{
	sqlite3_stmt *st = writer_stmt(w, W_BUILD_REFRESH);

	bind_int(st, 1, b->id);
	bind_text(st, 2, b->host);
	bind_int(st, 3, b->started.ms);
	bind_int(st, 4, b->finished.ms);
	bind_int(st, 5, w->now.ms);
	bind_text(st, 6, b->fact);
	db_run(&w->db, st);
}

void build_put(struct writer *w, int64_t event_seq, const struct store_build *b)
{
	if (event_seq == 0)
		build_refresh(w, b);
	else
		build_news(w, event_seq, b);
}

void build_claim(struct writer *w, int64_t event_seq, struct span entities)
{
	sqlite3_stmt *st = writer_stmt(w, W_BUILD_ENTITIES);

	bind_int(st, 1, event_seq);
	bind_text(st, 2, entities);
	db_run(&w->db, st);
}
