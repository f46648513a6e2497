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
#include "io/secmem.h"
#include "relay/askers.h"
#include "relay/errand.h"
#include "relay/healer.h"
#include "relay/journal.h"
#include "relay/quota.h"
#include "relay/relay_impl.h"
#include "relay/source.h"
#include "relay/token.h"

#define VALUE_MAX  (128 * 1024)
#define RECORD_MAX (16 * 1024)
#define KEY_MAX    2048

/* Under way at once. */
#define OPEN_MAX   1000
#define CROWDED_MS 10000

/* After a restart, whose build's webhook may still come names who asked for it. */
#define REMEMBERED_MS (3 * INT64_C(86400000))
#define SCAN_ROWS     500

/* "id:digest:time" of what was asked for with a key. */
#define WISH_MAX (UUID_TEXT_MAX + 2 * SHA256_BYTES + 24)

/* One that is being written down. */
struct taking {
	struct triggers *all;
	struct trigger t;
	struct access access; /* what the policy looked at, but for the entity */
	char id[UUID_TEXT_MAX], wish[WISH_MAX];
	struct budget_turn turn;
	int64_t wait_ms; /* it is not taken before, unless it was taken already */
	const char *why;
	trigger_taken_cb on_taken;
	void *ctx;
};

struct triggers {
	struct relay *relay;
	struct map open;       /* id -> struct errand */
	size_t taking;         /* being written down, soon open */
	struct askers *askers; /* of those that are over */
	struct errand *over;   /* the last one: whoever told of its end is not done with it yet */
	struct buf after;      /* where the scan goes on */
	void (*on_row)(struct triggers *t, const struct trigger *was, int64_t version);
	void (*on_scanned)(void *ctx);
	void *ctx;
};

static void on_over(void *ctx, struct errand *e);
static enum err scan(struct triggers *t);

struct triggers *triggers_new(struct relay *r)
{
	struct triggers *t = xcalloc(1, sizeof(*t));

	t->relay = r;
	t->askers = askers_new();
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
	errand_free(t->over);
	askers_free(t->askers);
	buf_release(&t->after);
	free(t);
}

static void triggers_note(struct triggers *t, const struct trigger *was)
{
	if (was->state == TRIGGER_BUILT)
		askers_note(t->askers, was);
}

/* It is over: only who asked for which build is remembered, for as long as there is room. */
static void on_over(void *ctx, struct errand *e)
{
	struct triggers *t = ctx;

	healer_expect(t->relay->healer, errand_trigger(e));
	IGNORE(map_remove(&t->open, errand_trigger(e)->id) != NULL);
	triggers_note(t, errand_trigger(e));
	errand_free(t->over);
	t->over = e;
}

static void triggers_begin(struct triggers *t, const struct trigger *what, int64_t version,
	struct budget_turn *turn, void (*begin)(struct errand *e))
{
	struct errand *e = errand_new(t->relay, what, version, on_over, t);

	if (e == NULL) {
		log_err("trigger.unreadable", "trigger=%.*s", SPAN_ARGS(what->id));
		return;
	}
	IGNORE(map_put(&t->open, errand_trigger(e)->id, e) != NULL);
	if (turn != NULL)
		errand_give_turn(e, turn);
	begin(e);
}

/* --- taking one --- */

static const char *untaken_str(enum trigger_taken taken)
{
	switch (taken) {
	case TRIGGER_TAKEN:
	case TRIGGER_REPEATED: return "repeated";
	case TRIGGER_DIFFERS: return "key-reused";
	case TRIGGER_LIMITED: return "too-many";
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

static void taking_undo(struct taking *k, enum trigger_taken taken, struct span id)
{
	note_untaken(k->all, &k->t, &k->access, taken, id);
	quota_drop(k->all->relay->quota, k->t.host, k->t.repository, k->t.id);
}

static void taking_end(struct taking *k, enum trigger_taken taken, struct span id)
{
	struct trigger_answer a = {
		.taken = taken, .id = id, .wait_ms = k->wait_ms, .why = k->why
	};

	k->all->taking--;
	if (taken == TRIGGER_TAKEN)
		triggers_begin(k->all, &k->t, 1, &k->turn, errand_go);
	else
		taking_undo(k, taken, id);
	budget_return(k->all->relay->budget, &k->turn);
	k->on_taken(k->ctx, &a);
	trigger_release(&k->t);
	free(k);
}

/* The key was used before: for the same wish, whose trigger it is, or for another. */
static void taking_known(struct taking *k, struct span held)
{
	const size_t id = UUID_TEXT_MAX - 1, end = id + 1 + 2 * SHA256_BYTES;

	if (held.n >= end && memcmp(held.p + id, k->wish + id, end - id) == 0)
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

	k->t.created = k->t.updated = clock_wall();
	random_bytes(id, sizeof(id));
	uuid_mark(id);
	uuid_stamp(id, (uint64_t)k->t.created.ms);
	uuid_format(id, k->id);
	wish_digest(&k->t, digest);
	hex_encode(digest, sizeof(digest), hex);
	snprintf(k->wish, sizeof(k->wish), "%s:%s:%" PRId64, k->id, hex, k->t.created.ms);
	k->t.id = span_of(k->id);
	k->t.state = TRIGGER_ACCEPTED;
}

/* A key is the asker's own: the same word of somebody else is another key. */
static enum err wish_key(const struct trigger *t, struct span key, struct buf *out)
{
	enum err e = buf_add_span(out, t->principal);

	if (e == ERR_OK)
		e = buf_add_str(out, " ");
	return e == ERR_OK ? buf_add_span(out, key) : e;
}

static enum err taking_write(struct taking *k, struct span key, const struct access *access)
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
	k->t.access = access;
	if (e == ERR_OK)
		e = errand_audit(&k->t, &audit);
	k->t.access = NULL;
	if (e == ERR_OK)
		e = wish_key(&k->t, key, &name);
	if (e != ERR_OK)
		return e;
	entry = buf_span(&audit);
	put[0] = (struct store_put){ NS_TRIGGER, k->t.id, 0, buf_span(&value) };
	put[1] = (struct store_put){ NS_TRIGGER_KEY, buf_span(&name), 0, span_of(k->wish) };
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

/* --- whether there is room --- */

static void taking_limit(struct taking *k, int64_t wait_ms, const char *why)
{
	if (wait_ms <= k->wait_ms)
		return;
	k->wait_ms = wait_ms;
	k->why = why;
}

/* Where the token is known already; else it is looked at when it has been fetched. */
static void taking_ask_token(struct taking *k, const struct source *s)
{
	struct relay *r = k->all->relay;
	const struct mono now = loop_now(r->loop);
	struct secret *token = token_known(r, s, k->t.entity);
	struct budget_name name;
	int64_t wait_ms;

	if (token == NULL)
		return;
	name = budget_name(r->budget, k->t.host, token);
	secret_free(token);
	wait_ms = budget_wait(r->budget, &name, now);
	if (budget_ban_wait(r->budget, &name, now) > 0)
		taking_limit(k, wait_ms, "Travis takes nothing from this token for a while.");
	else if (wait_ms > TRIGGERS_WAIT_MS)
		taking_limit(k, wait_ms, "Too many builds wait for their turn at Travis.");
	else
		budget_take(r->budget, &name, now, &k->turn);
}

/* A new build, of which a repository may have so many in an hour. */
static void taking_ask_quota(struct taking *k, const struct source *s)
{
	struct relay *r = k->all->relay;
	const struct mono now = loop_now(r->loop);
	int64_t wait_ms;

	if (k->t.action != ACCESS_TRIGGER)
		return;
	wait_ms = quota_wait(r->quota, k->t.host, k->t.repository, s->builds_per_hour, now);
	if (wait_ms > 0)
		taking_limit(k, wait_ms,
			"This repository has had as many builds on request as it may have now.");
	else
		quota_count(r->quota, k->t.host, k->t.repository, k->t.id, now);
}

static void taking_ask_room(struct taking *k)
{
	const struct source *s = relay_source(k->all->relay, k->t.source);

	if (k->all->open.count + k->all->taking > OPEN_MAX)
		taking_limit(k, CROWDED_MS, "Too many builds are being started.");
	if (s != NULL)
		taking_ask_quota(k, s);
	if (s != NULL && k->wait_ms == 0)
		taking_ask_token(k, s);
}

static void on_wish(void *ctx, enum err e, int64_t version, struct span value)
{
	struct taking *k = ctx;

	(void)version;
	if (e == ERR_OK)
		taking_known(k, value);
	else
		taking_end(k, TRIGGER_LIMITED, (struct span){ 0 });
}

/* There is no room for it, but what was taken before needs none. */
static enum err taking_look(struct taking *k, struct span key)
{
	CLEANUP(buf_release) struct buf name;
	enum err e;

	buf_init(&name, KEY_MAX);
	if (key.n == 0) {
		taking_end(k, TRIGGER_LIMITED, (struct span){ 0 });
		return ERR_OK;
	}
	e = wish_key(&k->t, key, &name);
	if (e != ERR_OK)
		return e;
	return store_get(k->all->relay->store, NS_TRIGGER_KEY, buf_span(&name), on_wish, k);
}

void triggers_take(struct triggers *t, const struct trigger *wish, struct span key,
	trigger_taken_cb on_taken, void *ctx)
{
	struct taking *k = xcalloc(1, sizeof(*k));
	enum err e;

	k->all = t;
	k->on_taken = on_taken;
	k->ctx = ctx;
	t->taking++;
	trigger_init(&k->t);
	e = taking_copy(k, wish);
	if (e == ERR_OK) {
		taking_name(k);
		taking_ask_room(k);
		e = k->wait_ms > 0 ? taking_look(k, key) : taking_write(k, key, wish->access);
	}
	if (e != ERR_OK)
		taking_end(k, TRIGGER_UNSTORED, (struct span){ 0 });
}

void triggers_rekey(struct triggers *t)
{
	/* One that fails leaves the map. */
	CLEANUP(freep) void **open = map_values(&t->open);
	const size_t n = t->open.count;

	for (size_t i = 0; i < n; i++)
		errand_rekey(open[i]);
}

/* --- after a restart --- */

/* Where it counts, and whose it is. */
static void row_remember(struct triggers *t, const struct trigger *was, int64_t version)
{
	const struct mono now = loop_now(t->relay->loop);
	int64_t age_ms = clock_wall().ms - was->updated.ms;

	(void)version;
	triggers_note(t, was);
	if (was->action != ACCESS_TRIGGER || !trigger_counts(was) || age_ms >= QUOTA_MS)
		return;
	quota_count(t->relay->quota, was->host, was->repository, was->id,
		(struct mono){ now.ms - (age_ms > 0 ? age_ms : 0) });
}

static void row_restore(struct triggers *t, const struct trigger *was, int64_t version)
{
	if (!trigger_is_over(was) && map_get(&t->open, was->id) == NULL)
		triggers_begin(t, was, version, NULL, errand_resume);
}

static void scan_row(struct triggers *t, const struct store_row *row)
{
	struct trigger was;

	trigger_init(&was);
	if (trigger_read(row->value, &was) == ERR_OK)
		t->on_row(t, &was, row->version);
	else
		log_err("trigger.unreadable", "trigger=%.*s", SPAN_ARGS(row->key));
	trigger_release(&was);
}

static void on_rows(void *ctx, enum err e, const struct store_row *rows, size_t n, bool more)
{
	struct triggers *t = ctx;

	for (size_t i = 0; e == ERR_OK && i < n; i++)
		scan_row(t, &rows[i]);
	if (e == ERR_OK && more) {
		buf_clear(&t->after);
		e = buf_add_span(&t->after, rows[n - 1].key);
		if (e == ERR_OK)
			e = scan(t);
		if (e == ERR_OK)
			return;
	}
	if (e != ERR_OK)
		log_err("trigger.unrestored", "error=\"%s\"", err_str(e));
	t->on_scanned(t->ctx);
}

static enum err scan(struct triggers *t)
{
	return store_scan(t->relay->store, NS_TRIGGER, buf_span(&t->after), SCAN_ROWS, on_rows, t);
}

/* All rows from a time on. */
static void scan_from(struct triggers *t, struct wall since)
{
	uint8_t id[UUID_BYTES] = { 0 };
	char text[UUID_TEXT_MAX];

	uuid_stamp(id, (uint64_t)since.ms);
	buf_clear(&t->after);
	if (buf_add_str(&t->after, uuid_format(id, text)) == ERR_OK && scan(t) == ERR_OK)
		return;
	log_err("trigger.unrestored", "error=\"%s\"", err_str(ERR_BUSY));
	t->on_scanned(t->ctx);
}

void triggers_remember(struct triggers *t, void (*on_done)(void *ctx), void *ctx)
{
	t->on_row = row_remember;
	t->on_scanned = on_done;
	t->ctx = ctx;
	scan_from(t, (struct wall){ clock_wall().ms - REMEMBERED_MS });
}

static void on_all_restored(void *ctx)
{
	(void)ctx;
}

void triggers_restore(struct triggers *t)
{
	t->on_row = row_restore;
	t->on_scanned = on_all_restored;
	scan_from(t, (struct wall){ 0 });
}

/* --- what is known --- */

struct span triggers_principal(const struct triggers *t, struct span host, int64_t build)
{
	return askers_principal(t->askers, host, build);
}
