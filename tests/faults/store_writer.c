/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_writer PATH FROM EVENTS: keep so many events, of numbers FROM up, in a store as the daemon would, several
 * at a time, settle and checkpoint some, close and open again; under the shim.
 * Whenever the store has said that something is durable, a mark says so in the
 * words of store_reader. The last line tells how many events were kept.
 *
 * STORE_WRITER_SYNCHRONOUS, NORMAL or OFF, weakens the store, to prove that the
 * harness finds out. The daemon has no such switch.
 */
#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "io/loop.h"
#include "store/sqlite.h"

#define SESSIONS    3
#define IN_FLIGHT   8
#define UPKEEP_EACH 16
#define LANES       5
#define BODY_MAX    6000

static const char *const sinks[] = { "alpha", "beta" };

struct session {
	const char *path;
	struct loop *loop;
	struct store *store;
	int64_t token;
	uint64_t next, last; /* events to keep: numbers */
	bool upkeep;         /* due when nothing is under way */
	unsigned under_way;
};

/* One event on its way. */
struct one {
	struct session *session;
	uint64_t n;
	int64_t seq;
	char id[UUID_TEXT_MAX];
};

NORETURN static void fail(const char *what, const char *why)
{
	fprintf(stderr, "store_writer: %s: %s\n", what, why == NULL ? "" : why);
	exit(EXIT_FAILURE);
}

PRINTF(1, 2) static void mark(const char *fmt, ...)
{
	static void (*shim_mark)(const char *text, size_t n);
	char text[512];
	va_list ap;
	int n;

	if (shim_mark == NULL)
		*(void **)&shim_mark = dlsym(RTLD_DEFAULT, "shim_mark");
	if (shim_mark == NULL)
		fail("shim_mark", "not preloaded");
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	shim_mark(text, (size_t)n);
}

static void session_fill(struct session *s);

static void one_end(struct one *o)
{
	struct session *s = o->session;

	s->under_way--;
	free(o);
	session_fill(s);
	if (s->under_way == 0)
		loop_stop(s->loop);
}

static void on_finished(void *ctx, enum claim_result r)
{
	struct one *o = ctx;

	if (r != CLAIM_OK)
		fail("finish", o->id);
	mark("done %s alpha\naudit %s 2", o->id, o->id);
	one_end(o);
}

static struct span entry_of(const struct one *o, const char *action, char text[128])
{
	int n = snprintf(text, 128, "{\"action\":\"%s\",\"event\":\"%s\"}", action, o->id);

	return (struct span){ text, (size_t)n };
}

static void one_finish(struct one *o)
{
	struct session *s = o->session;
	char text[128];
	struct store_finish f = {
		.event_seq = o->seq,
		.sink = sinks[0],
		.result = FINISH_DONE,
		.status = 201,
		.audit = entry_of(o, "delivery", text),
	};

	if (store_finish(s->store, 0, s->token, &f, 1, on_finished, o) != ERR_OK)
		fail("finish", o->id);
}

static void on_appended(void *ctx, const struct append_answer *a)
{
	struct one *o = ctx;

	if (a->result != APPEND_STORED)
		fail("append", o->id);
	o->seq = a->seq;
	mark("event %s\nbuild %s\ndelivery %s alpha\ndelivery %s beta\naudit %s", o->id, o->id,
		o->id, o->id, o->id);
	if (o->n % 3 != 0)
		one_finish(o);
	else
		one_end(o);
}

static void on_maintained(void *ctx, enum claim_result r)
{
	struct session *s = ctx;

	if (r != CLAIM_OK)
		fail("maintain", NULL);
	s->under_way--;
	session_fill(s);
	if (s->under_way == 0)
		loop_stop(s->loop);
}

/* Bodies of all lengths, so that some need pages of their own. */
static struct span body_of(uint64_t n, char body[BODY_MAX])
{
	size_t len = 100 + (size_t)(n * 7919 % (n % 8 == 0 ? BODY_MAX - 100 : 900));

	memset(body, 'x', len);
	body[0] = body[len - 1] = '"';
	return (struct span){ body, len };
}

static void one_append(struct session *s, uint64_t n)
{
	struct one *o = xcalloc(1, sizeof(*o));
	char okey[32], key[32], text[128], body[BODY_MAX];
	struct store_event ev = {
		.place = EVENT_ROUTED,
		.source = SPAN("travis-com"),
		.type = SPAN("dev.cdevents.pipelinerun.finished"),
		.repository = SPAN("example-org/api"),
		.outcome = SPAN("success"),
		.body = body_of(n, body),
	};
	struct store_put put = { "build", { 0 }, 0, SPAN("{\"state\":\"passed\"}") };
	const struct store_build build = {
		.host = SPAN("app.travis-ci.com"),
		.id = (int64_t)n + 1,
		.repository = ev.repository,
		.fact = ev.body,
	};
	struct span entry;

	snprintf(okey, sizeof(okey), "lane-%" PRIu64, n % LANES);
	snprintf(key, sizeof(key), "build-%" PRIu64, n);
	ev.okey = span_of(okey);
	put.key = span_of(key);
	memcpy(ev.id, &n, sizeof(n));
	*o = (struct one){ .session = s, .n = n };
	uuid_format(ev.id, o->id);
	entry = entry_of(o, "webhook", text);
	if (store_append(s->store,
		    &(struct store_append){ .event = &ev,
			    .sinks = sinks,
			    .sinks_n = ARRAY_SIZE(sinks),
			    .puts = &put,
			    .puts_n = 1,
			    .audit = &entry,
			    .audit_n = 1,
			    .build = &build },
		    on_appended, o) != ERR_OK)
		fail("append", o->id);
	s->under_way++;
}

/*
 * Checkpoints of the kinds that a log of 16 MB gets, by a connection of their own:
 * while commits go on, and so that the log begins anew without being cut.
 */
static void checkpoint(const struct session *s, int mode)
{
	sqlite3 *db;

	if (sqlite3_open(s->path, &db) != SQLITE_OK)
		fail("checkpoint", sqlite3_errmsg(db));
	sqlite3_busy_timeout(db, 10000);
	/* Before it has read anything it does not know of the log. */
	if (sqlite3_exec(db, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL) != SQLITE_OK)
		fail("checkpoint", sqlite3_errmsg(db));
	if (sqlite3_wal_checkpoint_v2(db, NULL, mode, NULL, NULL) != SQLITE_OK)
		fail("checkpoint", sqlite3_errmsg(db));
	sqlite3_close(db);
}

/* By turns the store's own upkeep, which cuts the log when there is no work, and ours. */
static void session_upkeep(struct session *s)
{
	s->upkeep = false;
	if (s->next / UPKEEP_EACH % 2 == 0) {
		checkpoint(s, SQLITE_CHECKPOINT_RESTART);
		session_fill(s);
		return;
	}
	if (store_maintain(s->store, on_maintained, s) != ERR_OK)
		fail("maintain", NULL);
	s->under_way++;
}

static void session_fill(struct session *s)
{
	while (!s->upkeep && s->under_way < IN_FLIGHT && s->next < s->last) {
		one_append(s, s->next++);
		s->upkeep = s->next % UPKEEP_EACH == 0;
		if (s->next % UPKEEP_EACH == UPKEEP_EACH / 2)
			checkpoint(s, SQLITE_CHECKPOINT_PASSIVE);
	}
	if (s->upkeep && s->under_way == 0)
		session_upkeep(s);
}

static void on_lease(void *ctx, bool held, int64_t token)
{
	struct session *s = ctx;

	if (!held)
		fail("lease", NULL);
	s->token = token;
	session_fill(s);
}

/* Its thread has nothing to do yet, so the connection is ours. */
static void session_weaken(struct session *s, const char *level)
{
	char pragma[64];

	snprintf(pragma, sizeof(pragma), "PRAGMA synchronous = %s", level);
	if (sqlite3_exec(s->store->writer.db.conn, pragma, NULL, NULL, NULL) != SQLITE_OK)
		fail("synchronous", level);
}

static void session_run(struct session *s)
{
	const struct store_config conf = { s->path, "writer", (size_t)64 << 20 };
	const char *weaker = getenv("STORE_WRITER_SYNCHRONOUS");
	char *why = NULL;

	if (sqlite_store_open(s->loop, &conf, &s->store, &why) != ERR_OK)
		fail(s->path, why);
	if (weaker != NULL)
		session_weaken(s, weaker);
	if (store_lease(s->store, "part/0", 1000, on_lease, s) != ERR_OK ||
		loop_run(s->loop) != ERR_OK)
		fail("run", NULL);
	store_close(s->store);
}

int main(int argc, char **argv)
{
	struct session s = { 0 };
	uint64_t from, events = argc == 4 ? strtoull(argv[3], NULL, 10) : 0;

	if (events == 0)
		fail("usage", "store_writer PATH FROM EVENTS");
	s.path = argv[1];
	s.next = from = strtoull(argv[2], NULL, 10);
	s.loop = loop_new();
	for (unsigned i = 1; i <= SESSIONS; i++) {
		s.last = from + events * i / SESSIONS;
		session_run(&s);
	}
	loop_free(s.loop);
	printf("%" PRIu64 "\n", events);
	return 0;
}
