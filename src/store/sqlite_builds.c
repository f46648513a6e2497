/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_read.h"

/*
 * Builds for those who show them. Each kind of query walks one index from its
 * end; the rows that an offset passes over are not read.
 */

#define BUILDS                                                                                     \
	"SELECT changed, id, host, repository, state, transition, attempt, started_ms,"            \
	" finished_ms, updated_ms, number, branch, fact, entities FROM build "

#define OF_REPOSITORY BUILDS "INDEXED BY build_repository WHERE repository = ?1 ORDER BY id DESC"

#define OF_ID BUILDS "INDEXED BY build_id WHERE id = ?1 AND (?2 = '' OR host = ?2) ORDER BY host"

#define OF_ALL BUILDS "INDEXED BY build_changed WHERE changed < ?1 ORDER BY changed DESC"

/* No further than ?2: the rest of a large one is not worth the time. */
#define COUNT                                                                                      \
	"SELECT count(*) FROM (SELECT 1 FROM build INDEXED BY build_repository"                    \
	" WHERE repository = ?1 LIMIT ?2)"

static bool state_fits(const struct store_builds_query *q, sqlite3_stmt *st)
{
	return q->states == 0 || (q->states >> (unsigned)column_int(st, 4) & 1) != 0;
}

static void build_take(struct read_item *it, sqlite3_stmt *st)
{
	struct store_build *b = item_row(it, sizeof(*b));
	struct arena *mem = &it->mem;

	b->event_seq = column_int(st, 0);
	b->id = column_int(st, 1);
	b->host = arena_span(mem, column_span(st, 2));
	b->repository = arena_span(mem, column_span(st, 3));
	b->state = (unsigned)column_int(st, 4);
	b->transition = (unsigned)column_int(st, 5);
	b->attempt = column_int(st, 6);
	b->started.ms = column_int(st, 7);
	b->finished.ms = column_int(st, 8);
	b->updated.ms = column_int(st, 9);
	b->number = arena_span(mem, column_span(st, 10));
	b->branch = arena_span(mem, column_span(st, 11));
	b->fact = arena_span(mem, column_span(st, 12));
	b->entities = arena_span(mem, column_span(st, 13));
}

/* What one answer may still look at. */
struct walk {
	struct reader *r;
	struct read_item *it;
	unsigned looked;
};

static bool walk_is_over(const struct walk *w)
{
	return w->looked >= STORE_BUILDS_LOOK || item_is_large(w->it);
}

/* Take a bound statement's rows; false, at a row, if there are more than are wanted now. */
static bool walk_rows(struct walk *w, sqlite3_stmt *st)
{
	const struct store_builds_query *q = &w->it->builds.query;
	size_t passed = 0, taken = 0;

	while (db_row(&w->r->db, st)) {
		if (taken == q->limit || walk_is_over(w))
			return false;
		w->looked++;
		if (!state_fits(q, st) || passed++ < q->offset)
			continue;
		build_take(w->it, st);
		taken++;
	}
	return true;
}

static void count_builds(struct walk *w, sqlite3_stmt *st, struct span repository)
{
	bind_text(st, 1, repository);
	bind_int(st, 2, STORE_BUILDS_LOOK);
	if (!db_row(&w->r->db, st))
		return;
	w->it->builds.answer.total += column_int(st, 0);
	w->looked += (unsigned)column_int(st, 0) / 16; /* which is cheaper than a row */
	db_done(st);
}

static void read_repositories(struct walk *w)
{
	struct read_builds *b = &w->it->builds;
	sqlite3_stmt *rows = read_prepare(w->r, OF_REPOSITORY);
	sqlite3_stmt *count = b->query.count ? read_prepare(w->r, COUNT) : NULL;
	size_t i = 0;

	for (; i < b->query.repositories && !walk_is_over(w); i++) {
		size_t before = w->it->n;

		w->looked++; /* so that those without builds count, too */
		bind_text(rows, 1, b->query.repository[i]);
		if (!walk_rows(w, rows))
			db_done(rows);
		if (i > 0 && walk_is_over(w)) {
			w->it->n = before; /* the next answer has it whole */
			break;
		}
		if (count != NULL)
			count_builds(w, count, b->query.repository[i]);
	}
	b->answer.answered = i;
	sqlite3_finalize(rows);
	sqlite3_finalize(count);
}

static void read_id(struct walk *w)
{
	const struct store_builds_query *q = &w->it->builds.query;
	sqlite3_stmt *st = read_prepare(w->r, OF_ID);

	bind_int(st, 1, q->id);
	bind_text(st, 2, q->host);
	IGNORE(walk_rows(w, st));
	sqlite3_finalize(st);
}

/* Where the answer was cut, the next one begins with the row at which it was. */
static void read_all(struct walk *w)
{
	struct read_builds *b = &w->it->builds;
	sqlite3_stmt *st = read_prepare(w->r, OF_ALL);

	bind_int(st, 1, b->query.before_seq == 0 ? INT64_MAX : b->query.before_seq);
	if (!walk_rows(w, st))
		b->answer.next_seq = column_int(st, 0) + 1;
	sqlite3_finalize(st);
}

void read_builds(struct reader *r, struct read_item *it)
{
	struct walk w = { .r = r, .it = it };

	if (it->builds.query.repositories > 0)
		read_repositories(&w);
	else if (it->builds.query.id != 0)
		read_id(&w);
	else
		read_all(&w);
}
