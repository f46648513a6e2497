/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_schema.h"
#include "store/sqlite_write_impl.h"

/* What became of deliveries. */

static bool try_settle(struct writer *w, const struct store_finish *f)
{
	sqlite3_stmt *st = writer_stmt(w, f->result == FINISH_RETRY ? W_RETRY : W_SETTLE);

	bind_int(st, 1, f->event_seq);
	bind_text(st, 2, span_of(f->sink));
	switch (f->result) {
	case FINISH_DONE: bind_int(st, 3, DELIVERY_DONE); break;
	case FINISH_DEAD: bind_int(st, 3, DELIVERY_DEAD); break;
	case FINISH_RETRY: bind_int(st, 3, w->now.ms + f->retry_ms); break;
	}
	bind_int(st, 4, w->now.ms);
	bind_int(st, 5, f->status);
	bind_text(st, 6, f->note);
	return db_run(&w->db, st) > 0;
}

/* One that is settled already stays as it is, and its audit entry is there. */
void write_finish(struct writer *w, struct write_item *it)
{
	if (it->finish.token != w->token) {
		it->result = CLAIM_STALE;
		return;
	}
	for (size_t i = 0; i < it->finish.n; i++) {
		const struct store_finish *f = &it->finish.list[i];

		if (!try_settle(w, f))
			continue;
		if (f->result != FINISH_RETRY)
			w->tally.pending--;
		if (f->result == FINISH_DEAD)
			w->tally.dead++;
		if (f->audit.n > 0)
			audit_add(w, f->event_seq, f->audit);
	}
}
