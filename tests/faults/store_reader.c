/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_reader: for each line of the input, which names a store's file, open it
 * as the daemon would and print what is in it, one fact a line:
 *
 *	event ID
 *	delivery ID SINK
 *	done ID SINK	that delivery's state; or "dead", "pending"
 *	audit ID	an entry of that event; one line for each
 *	build ID	what is shown of a build whose latest event that is
 *
 * and "refused WHY" or "broken WHY" where it cannot be opened or does not hold
 * together. A line with a full stop ends each answer.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/codec.h"
#include "base/json_read.h"
#include "io/loop.h"
#include "store/store.h"

#define PAGE 1000

struct reader {
	struct loop *loop;
	struct store *store;
	enum store_list list;
	int64_t rows, cursor;
	bool more;
	char (*id)[UUID_TEXT_MAX]; /* of the events, by number; "" where there is none */
	size_t ids;
	int64_t next_seq; /* of builds */
};

NORETURN static void fail(const char *what)
{
	fprintf(stderr, "store_reader: %s\n", what);
	exit(EXIT_FAILURE);
}

static struct span member(struct json_value row, const char *name)
{
	struct json_value v;
	struct span s = { 0 };

	if (!json_get(row, name, &v) || json_plain(v, &s) != ERR_OK)
		printf("broken a row is without its %s\n", name);
	return s;
}

static void put_delivery(struct json_value row)
{
	struct span id = member(row, "event"), sink = member(row, "sink");

	printf("delivery %.*s %.*s\n%.*s %.*s %.*s\n", SPAN_ARGS(id), SPAN_ARGS(sink),
		SPAN_ARGS(member(row, "state")), SPAN_ARGS(id), SPAN_ARGS(sink));
}

/* Whatever the shape of an entry: the first text in it that is an id. */
static void put_audit(struct span entry)
{
	const size_t id_n = UUID_TEXT_MAX - 1;
	uint8_t id[UUID_BYTES];

	for (size_t i = 0; i + id_n + 2 <= entry.n; i++) {
		struct span text = { entry.p + i + 1, id_n };

		if (entry.p[i] != '"' || text.p[id_n] != '"' || text.p[8] != '-' ||
			uuid_parse(text, id) != ERR_OK)
			continue;
		printf("audit %.*s\n", SPAN_ARGS(text));
		return;
	}
}

/* Remember an event's id, by which its build is told. */
static void put_event(struct reader *r, const struct store_item *item)
{
	struct span id = member(json_root(item->json), "id");
	size_t seq = (size_t)item->cursor;

	printf("event %.*s\n", SPAN_ARGS(id));
	if (seq >= r->ids) {
		r->id = xrealloc(r->id, seq + 1, sizeof(*r->id));
		memset(r->id[r->ids], 0, (seq + 1 - r->ids) * sizeof(*r->id));
		r->ids = seq + 1;
	}
	snprintf(r->id[seq], sizeof(r->id[seq]), "%.*s", SPAN_ARGS(id));
}

static void put_row(struct reader *r, const struct store_item *item)
{
	struct span json = item->json;

	switch (r->list) {
	case LIST_EVENTS: put_event(r, item); break;
	case LIST_DELIVERIES: put_delivery(json_root(json)); break;
	case LIST_AUDIT: put_audit(json); break;
	case LIST_QUARANTINE: break;
	}
}

static void on_page(void *ctx, enum err e, const struct store_item *items, size_t n, bool more)
{
	struct reader *r = ctx;

	if (e != ERR_OK)
		fail("a list cannot be read");
	for (size_t i = 0; i < n; i++)
		put_row(r, &items[i]);
	r->rows += (int64_t)n;
	if (n > 0)
		r->cursor = items[n - 1].cursor;
	r->more = more;
	loop_stop(r->loop);
}

/* Print a list; returns its length. */
static int64_t list_print(struct reader *r, enum store_list list)
{
	r->list = list;
	r->rows = r->cursor = 0;
	do {
		const struct store_query q = { .list = list, .cursor = r->cursor, .limit = PAGE };

		if (store_query(r->store, &q, on_page, r) != ERR_OK || loop_run(r->loop) != ERR_OK)
			fail("a list cannot be asked for");
	} while (r->more);
	return r->rows;
}

static void on_builds(void *ctx, enum err e, const struct store_builds *b)
{
	struct reader *r = ctx;

	if (e != ERR_OK)
		fail("builds cannot be read");
	for (size_t i = 0; i < b->n; i++) {
		size_t seq = (size_t)b->build[i].event_seq;

		if (seq < r->ids && r->id[seq][0] != '\0')
			printf("build %s\n", r->id[seq]);
		else
			printf("broken a build is of no event\n");
	}
	r->next_seq = b->next_seq;
	loop_stop(r->loop);
}

static void builds_print(struct reader *r)
{
	r->next_seq = 0;
	do {
		const struct store_builds_query q = { .before_seq = r->next_seq, .limit = PAGE };

		if (store_builds(r->store, &q, on_builds, r) != ERR_OK ||
			loop_run(r->loop) != ERR_OK)
			fail("builds cannot be asked for");
	} while (r->next_seq != 0);
}

static void check_counts(struct reader *r)
{
	const struct store_counts c = store_counts(r->store);
	int64_t events = list_print(r, LIST_EVENTS);
	int64_t audit = list_print(r, LIST_AUDIT);
	int64_t deliveries = list_print(r, LIST_DELIVERIES);

	if (c.events != events || c.audit != audit || c.pending > deliveries)
		printf("broken the counts are wrong\n");
}

/* After the store has recovered and closed it. */
static void check_file(const char *path)
{
	sqlite3_stmt *st = NULL;
	sqlite3 *db;

	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
		sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &st, NULL) != SQLITE_OK ||
		sqlite3_step(st) != SQLITE_ROW)
		printf("broken %s\n", sqlite3_errmsg(db));
	else if (strcmp((const char *)sqlite3_column_text(st, 0), "ok") != 0)
		printf("broken %.200s\n", (const char *)sqlite3_column_text(st, 0));
	sqlite3_finalize(st);
	sqlite3_close(db);
}

static void answer(struct reader *r, const char *path)
{
	const struct store_config conf = { path, "reader", (size_t)1 << 20 };
	CLEANUP(freep) char *why = NULL;

	if (sqlite_store_open(r->loop, &conf, &r->store, &why) != ERR_OK) {
		printf("refused %s\n", why);
		return;
	}
	check_counts(r);
	builds_print(r);
	r->ids = 0;
	store_close(TAKE(r->store));
	check_file(path);
}

int main(void)
{
	struct reader r = { .loop = loop_new() };
	char path[4096];

	while (fgets(path, sizeof(path), stdin) != NULL) {
		path[strcspn(path, "\n")] = '\0';
		answer(&r, path);
		printf(".\n");
		fflush(stdout);
	}
	free(r.id);
	loop_free(r.loop);
	return 0;
}
