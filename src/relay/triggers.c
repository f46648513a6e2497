/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/triggers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "audit/record.h"
#include "base/codec.h"
#include "base/log.h"
#include "base/map.h"
#include "io/crypto.h"
#include "io/loop.h"
#include "relay/errand.h"
#include "relay/healer.h"
#include "relay/journal.h"
#include "relay/relay_impl.h"

#define NS_WISH    "trigger-key"
#define VALUE_MAX  (128 * 1024)
#define RECORD_MAX (16 * 1024)
#define KEY_MAX    2048

/* Under way at once, and remembered with who asked after they are over. */
#define OPEN_MAX       1000
#define REMEMBERED_MAX 1000
#define CROWDED_MS     10000
#define SCAN_ROWS      100

/* "id:digest" of what was asked for with a key. */
#define WISH_MAX (UUID_TEXT_MAX + 2 * SHA256_BYTES + 1)

/* One that is being written down. */
struct taking {
	struct triggers *all;
	struct trigger t;
	struct access access; /* what the policy looked at, but for the entity */
	char id[UUID_TEXT_MAX], wish[WISH_MAX];
	trigger_taken_cb on_taken;
	void *ctx;
};

struct triggers {
	struct relay *relay;
	struct map open;                     /* id -> struct errand */
	size_t taking;                       /* being written down, soon open */
	struct errand *over[REMEMBERED_MAX]; /* a ring: whose builds they are */
	size_t over_next;
	struct buf after; /* where the scan goes on */
};

static void on_over(void *ctx, struct errand *e);

struct triggers *triggers_new(struct relay *r)
{
	struct triggers *t = xcalloc(1, sizeof(*t));

	t->relay = r;
	map_init(&t->open);
	buf_init(&t->after, KEY_MAX);
	return t;
}

void triggers_free(struct triggers *t)
{
	size_t at = 0;
	struct span id;
	void *e;

	if (t == NULL)
		return;
	while (map_next(&t->open, &at, &id, &e))
		errand_free(e);
	map_release(&t->open);
	for (size_t i = 0; i < REMEMBERED_MAX; i++)
		errand_free(t->over[i]);
	buf_release(&t->after);
	free(t);
}

/* It is over: only who asked for which build is remembered, for as long as there is room. */
static void on_over(void *ctx, struct errand *e)
{
	struct triggers *t = ctx;

	healer_expect(t->relay->healer, errand_trigger(e));
	IGNORE(map_remove(&t->open, errand_trigger(e)->id) != NULL);
	errand_free(t->over[t->over_next]);
	t->over[t->over_next] = e;
	t->over_next = (t->over_next + 1) % REMEMBERED_MAX;
}

static void triggers_begin(struct triggers *t, const struct trigger *what, int64_t version,
	void (*begin)(struct errand *e))
{
	struct errand *e = errand_new(t->relay, what, version, on_over, t);

	if (e == NULL) {
		log_err("trigger.unreadable", "trigger=%.*s", SPAN_ARGS(what->id));
		return;
	}
	IGNORE(map_put(&t->open, errand_trigger(e)->id, e) != NULL);
	begin(e);
}

/* --- taking one --- */

static const char *untaken_str(enum trigger_taken taken)
{
	switch (taken) {
	case TRIGGER_TAKEN:
	case TRIGGER_REPEATED: return "repeated";
	case TRIGGER_DIFFERS: return "key-reused";
	case TRIGGER_CROWDED: return "too-many";
	case TRIGGER_UNSTORED: break;
	}
	return "storage";
}

/* It was allowed and no new trigger tells so: the decision has an entry of its own. */
static void note_untaken(struct triggers *all, const struct trigger *t, const struct access *access,
	enum trigger_taken taken, struct span id)
{
	struct audit_record r = {
		.action = access_action_str(t->action),
		.outcome = taken == TRIGGER_REPEATED ? "success" : "failure",
		.reason = untaken_str(taken),
		.actor = t->principal,
		.event = id,
		.source = t->source,
		.repository = t->repository,
		.entity = &t->entity,
		.entities = 1,
		.rule = t->rule,
		.inputs = access,
	};

	journal_write(all->relay->journal, &r);
}

static void taking_end(struct taking *k, enum trigger_taken taken, struct span id)
{
	struct trigger_answer a = { .taken = taken, .id = id };

	k->all->taking--;
	if (taken == TRIGGER_TAKEN)
		triggers_begin(k->all, &k->t, 1, errand_go);
	else
		note_untaken(k->all, &k->t, &k->access, taken, id);
	k->on_taken(k->ctx, &a);
	trigger_release(&k->t);
	free(k);
}

/* The key was used before: for the same wish, whose trigger it is, or for another. */
static void taking_known(struct taking *k, struct span held)
{
	size_t id = UUID_TEXT_MAX - 1;

	if (held.n == strlen(k->wish) && memcmp(held.p + id, k->wish + id, held.n - id) == 0)
		taking_end(k, TRIGGER_REPEATED, (struct span){ held.p, id });
	else
		taking_end(k, TRIGGER_DIFFERS, (struct span){ 0 });
}

static void on_written(void *ctx, const struct append_answer *a)
{
	struct taking *k = ctx;

	switch (a->result) {
	case APPEND_STORED: taking_end(k, TRIGGER_TAKEN, span_of(k->id)); return;
	case APPEND_CONFLICT: taking_known(k, a->held[1].value); return;
	case APPEND_DUPLICATE:
	case APPEND_RETRY: break;
	}
	taking_end(k, TRIGGER_UNSTORED, (struct span){ 0 });
}

/* What was asked for, without what is new each time. */
static void wish_digest(const struct trigger *t, uint8_t digest[SHA256_BYTES])
{
	char build[32];
	int n = snprintf(build, sizeof(build), "%" PRId64, t->builds > 0 ? t->build[0] : 0);
	const struct span part[] = { span_of(access_action_str(t->action)), t->entity, t->behalf,
		t->branch, t->message, t->merge_mode, t->variables, { build, (size_t)n } };

	sha256_parts(part, ARRAY_SIZE(part), digest);
}

static void taking_name(struct taking *k)
{
	uint8_t id[UUID_BYTES], digest[SHA256_BYTES];
	char hex[2 * SHA256_BYTES + 1];

	random_bytes(id, sizeof(id));
	uuid_mark(id);
	uuid_format(id, k->id);
	wish_digest(&k->t, digest);
	hex_encode(digest, sizeof(digest), hex);
	snprintf(k->wish, sizeof(k->wish), "%s:%s", k->id, hex);
	k->t.id = span_of(k->id);
	k->t.state = TRIGGER_ACCEPTED;
	k->t.created = k->t.updated = clock_wall();
}

/* A key is the asker's own: the same word of somebody else is another key. */
static enum err wish_key(const struct trigger *t, struct span key, struct buf *out)
{
	enum err e = buf_add_span(out, t->principal);

	if (e == ERR_OK)
		e = buf_add_str(out, " ");
	return e == ERR_OK ? buf_add_span(out, key) : e;
}

static enum err taking_write(struct taking *k, struct span key)
{
	CLEANUP(buf_release) struct buf value, audit, name;
	struct store_put put[2];
	struct store_append a = { .puts = put, .audit_n = 1 };
	struct span entry;
	enum err e;

	buf_init(&value, VALUE_MAX);
	buf_init(&audit, RECORD_MAX);
	buf_init(&name, KEY_MAX);
	e = trigger_write(&k->t, &value);
	if (e == ERR_OK)
		e = errand_audit(&k->t, &audit);
	if (e == ERR_OK)
		e = wish_key(&k->t, key, &name);
	if (e != ERR_OK)
		return e;
	entry = buf_span(&audit);
	put[0] = (struct store_put){ NS_TRIGGER, k->t.id, 0, buf_span(&value) };
	put[1] = (struct store_put){ NS_WISH, buf_span(&name), 0, span_of(k->wish) };
	a.puts_n = key.n > 0 ? 2 : 1;
	a.audit = &entry;
	return store_append(k->all->relay->store, &a, on_written, k);
}

/* The caller's texts, copied through the one form there is. */
static enum err taking_copy(struct taking *k, const struct trigger *wish)
{
	CLEANUP(buf_release) struct buf copy;
	struct trigger plain = *wish;
	enum err e;

	buf_init(&copy, VALUE_MAX);
	plain.id = plain.note = (struct span){ 0 };
	plain.created = plain.updated = clock_wall();
	e = trigger_write(&plain, &copy);
	if (e == ERR_OK)
		e = trigger_read(buf_span(&copy), &k->t);
	if (e == ERR_OK && wish->access != NULL) {
		k->access = *wish->access;
		k->access.principal = k->t.principal;
		k->access.behalf = k->t.behalf;
		k->access.branch = k->t.branch;
		k->access.entity = NULL;
	}
	return e;
}

void triggers_take(struct triggers *t, const struct trigger *wish, struct span key,
	trigger_taken_cb on_taken, void *ctx)
{
	const struct trigger_answer crowded = { .taken = TRIGGER_CROWDED, .wait_ms = CROWDED_MS };
	struct taking *k;
	enum err e;

	if (t->open.count + t->taking >= OPEN_MAX) {
		note_untaken(t, wish, wish->access, TRIGGER_CROWDED, (struct span){ 0 });
		on_taken(ctx, &crowded);
		return;
	}
	k = xcalloc(1, sizeof(*k));
	k->all = t;
	k->on_taken = on_taken;
	k->ctx = ctx;
	t->taking++;
	trigger_init(&k->t);
	if (taking_copy(k, wish) == ERR_OK) {
		taking_name(k);
		k->t.access = wish->access;
		e = taking_write(k, key);
		k->t.access = NULL;
		if (e == ERR_OK)
			return;
	}
	taking_end(k, TRIGGER_UNSTORED, (struct span){ 0 });
}

void triggers_rekey(struct triggers *t)
{
	CLEANUP(freep) struct errand **open = xcalloc(t->open.count + 1, sizeof(*open));
	size_t at = 0, n = 0;
	struct span id;
	void *e;

	/* One that fails leaves the map. */
	while (map_next(&t->open, &at, &id, &e))
		open[n++] = e;
	for (size_t i = 0; i < n; i++)
		errand_rekey(open[i]);
}

/* --- after a restart --- */

static void row_restore(struct triggers *t, const struct store_row *row)
{
	struct trigger was;

	trigger_init(&was);
	if (trigger_read(row->value, &was) != ERR_OK)
		log_err("trigger.unreadable", "trigger=%.*s", SPAN_ARGS(row->key));
	else if (!trigger_is_over(&was) && map_get(&t->open, was.id) == NULL)
		triggers_begin(t, &was, row->version, errand_resume);
	trigger_release(&was);
}

static void on_rows(void *ctx, enum err e, const struct store_row *rows, size_t n, bool more)
{
	struct triggers *t = ctx;

	for (size_t i = 0; e == ERR_OK && i < n; i++)
		row_restore(t, &rows[i]);
	if (e != ERR_OK)
		log_err("trigger.unrestored", "error=\"%s\"", err_str(e));
	if (e != ERR_OK || !more)
		return;
	buf_clear(&t->after);
	if (buf_add_span(&t->after, rows[n - 1].key) == ERR_OK)
		triggers_restore(t);
}

void triggers_restore(struct triggers *t)
{
	if (store_scan(t->relay->store, NS_TRIGGER, buf_span(&t->after), SCAN_ROWS, on_rows, t) !=
		ERR_OK)
		log_err("trigger.unrestored", "error=\"%s\"", err_str(ERR_BUSY));
}

/* --- what is known --- */

static bool is_of(const struct errand *e, struct span host, int64_t build)
{
	const struct trigger *t = errand_trigger(e);

	for (size_t i = 0; t->state == TRIGGER_BUILT && i < t->builds; i++) {
		if (t->build[i] == build && span_eq(t->host, host))
			return true;
	}
	return false;
}

struct span triggers_principal(const struct triggers *t, struct span host, int64_t build)
{
	/* From the newest: who restarted it asked for what it is now. */
	for (size_t i = 1; i <= REMEMBERED_MAX; i++) {
		size_t at = (t->over_next + REMEMBERED_MAX - i) % REMEMBERED_MAX;

		if (t->over[at] == NULL)
			break;
		if (is_of(t->over[at], host, build))
			return errand_trigger(t->over[at])->principal;
	}
	return (struct span){ NULL, 0 };
}
