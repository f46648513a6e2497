/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/variables.h"

#include <stdio.h>
#include <stdlib.h>

#include "audit/record.h"
#include "base/log.h"
#include "relay/announce.h"
#include "relay/journal.h"
#include "relay/source.h"
#include "relay/variables_impl.h"

#define LEASE_TTL_MS   30000
#define LEASE_RENEW_MS 10000
#define LEASE_RETRY_MS 1000
/* While the catalog is too old to know who owns what. */
#define STALE_MS 5000
#define SCAN_MS  500

/* --- whose turn it is --- */

static bool is_busy(const struct variables *v, const struct target *t)
{
	for (size_t i = 0; i < PUSHES_AT_ONCE; i++) {
		const struct target *other = v->pushing[i];

		if (other != NULL && strcasecmp(other->slug, t->slug) == 0 &&
			strcmp(other->source, t->source) == 0)
			return true;
	}
	return false;
}

static struct target **free_place(struct variables *v)
{
	for (size_t i = 0; i < PUSHES_AT_ONCE; i++) {
		if (v->pushing[i] == NULL)
			return &v->pushing[i];
	}
	return NULL;
}

static bool catalog_is_stale(const struct variables *v)
{
	int64_t age_ms = relay_catalog_age_ms(v->relay);

	return v->relay->catalog == NULL || age_ms < 0 ||
	       age_ms > v->relay->setup.catalog_age_max_ms;
}

/* How long the limits of its token, as far as it is known, let nothing be written. */
static int64_t limit_wait(const struct variables *v, const struct target *t)
{
	return budget_spare_wait(v->relay->budget, &t->token, loop_now(v->relay->loop));
}

static void target_begin(struct target *t, struct target **place)
{
	TAILQ_REMOVE(&t->all->due, t, link);
	*place = t;
	t->state = TARGET_PUSHING;
	t->step = STEP_LIST;
	target_push(t);
}

/* Begin as many as can be; a token that must rest holds up no other. */
static void pushes_begin(struct variables *v)
{
	struct target **place = free_place(v), *t, *next;
	int64_t least_ms = INT64_MAX;

	for (t = TAILQ_FIRST(&v->due); t != NULL && place != NULL; t = next) {
		int64_t wait_ms = limit_wait(v, t);

		next = TAILQ_NEXT(t, link);
		if (wait_ms > 0) {
			least_ms = wait_ms < least_ms ? wait_ms : least_ms;
		} else if (!is_busy(v, t)) {
			target_begin(t, place);
			place = free_place(v);
		}
	}
	if (least_ms < INT64_MAX)
		loop_timer_set(v->pace, least_ms);
}

static void on_pace(void *ctx)
{
	struct variables *v = ctx;

	if (!variables_hold(v) || v->stopping)
		return;
	if (catalog_is_stale(v))
		loop_timer_set(v->pace, STALE_MS);
	else
		pushes_begin(v);
}

/* On a turn of its own: pushes that end at once do not pile up. */
void variables_next(struct variables *v)
{
	if (!TAILQ_EMPTY(&v->due))
		loop_timer_set(v->pace, 0);
}

void target_enqueue(struct target *t)
{
	loop_timer_stop(t->timer);
	t->state = TARGET_DUE;
	TAILQ_INSERT_TAIL(&t->all->due, t, link);
	variables_next(t->all);
}

void target_dequeue(struct target *t)
{
	TAILQ_REMOVE(&t->all->due, t, link);
	t->state = TARGET_RESTING;
}

void target_leave(struct target *t)
{
	struct variables *v = t->all;

	for (size_t i = 0; i < PUSHES_AT_ONCE; i++) {
		if (v->pushing[i] == t)
			v->pushing[i] = NULL;
	}
	variables_next(v);
}

/* --- the audit trail --- */

struct audit_record target_record(const struct target *t, const struct span *entity)
{
	return (struct audit_record){
		.actor = SPAN("stagewired"),
		.source = span_of(t->source),
		.repository = span_of(t->slug),
		.entity = entity,
		.entities = 1,
		.rule = span_of(t->name),
	};
}

struct span target_detail(
	const struct target *t, const struct pushed *p, char detail[TARGET_DETAIL_MAX])
{
	snprintf(detail, TARGET_DETAIL_MAX, "variable=%s branch=%s version=%s digest=%s",
		t->variable, t->branch == NULL ? "" : t->branch, p->version, p->digest);
	return span_of(detail);
}

/* --- trouble --- */

static size_t troubled_of(const struct variables *v, const char *name)
{
	size_t at = 0, n = 0;
	struct span key;
	void *t;

	while (map_next(&v->target, &at, &key, &t)) {
		const struct target *one = t;

		n += one->trouble[0] != '\0' && strcmp(one->name, name) == 0;
	}
	return n;
}

static void journal_trouble(const struct target *t)
{
	const struct span entity = span_of(t->entity);
	char detail[TARGET_TROUBLE_MAX + 300];
	struct audit_record r = target_record(t, &entity);

	r.action = "variable.push";
	r.outcome = "failure";
	r.reason = t->lacking ? "no-value" : t->rival ? "rival" : "refused";
	snprintf(detail, sizeof(detail), "variable=%s branch=%s why=%s", t->variable,
		t->branch == NULL ? "" : t->branch, t->trouble);
	r.detail = span_of(detail);
	journal_write(t->all->relay->journal, &r);
}

void target_set_trouble(struct target *t, const char *why)
{
	struct variables *v = t->all;
	const bool was = t->trouble[0] != '\0', is = why != NULL;
	char text[TARGET_TROUBLE_MAX];

	if (is && t->entry == NULL)
		return;
	/* why may be what it is now. */
	snprintf(text, sizeof(text), "%s", is ? why : "");
	if (strcmp(text, t->trouble) == 0)
		return;
	snprintf(t->trouble, sizeof(t->trouble), "%s", text);
	v->stats.troubled += is;
	v->stats.troubled -= was;
	if (is)
		journal_trouble(t);
	/* Operators hear of the first and of the end of the last. */
	if (is && !was && troubled_of(v, t->name) == 1)
		announce_trouble(v->relay->announcer, TROUBLE_VARIABLE, t->name, t->trouble);
	else if (was && !is && troubled_of(v, t->name) == 0)
		announce_trouble(v->relay->announcer, TROUBLE_VARIABLE, t->name, NULL);
}

/* --- what is left behind --- */

void target_tell_left(const struct target *t)
{
	const struct span entity = span_of(t->entity);
	char detail[TARGET_DETAIL_MAX];
	struct audit_record r = target_record(t, &entity);

	if (t->entry == NULL || (t->known.digest[0] == '\0' && !t->known.asking))
		return;
	r.action = "variable.leave";
	r.outcome = "success";
	r.reason = "not-wanted";
	r.detail = target_detail(t, &t->known, detail);
	log_notice("variable.leave", "name=%s entity=%s repository=%s variable=%s", t->name,
		t->entity, t->slug, t->variable);
	journal_write(t->all->relay->journal, &r);
}

/* --- one writer --- */

static void on_lease(void *ctx, bool held, int64_t token)
{
	struct variables *v = ctx;

	(void)token;
	v->leasing = false;
	v->held_until.ms = held ? v->asked.ms + LEASE_TTL_MS : 0;
	loop_timer_set(v->lease, LEASE_RENEW_MS);
	variables_next(v);
}

bool variables_hold(const struct variables *v)
{
	return loop_now(v->relay->loop).ms < v->held_until.ms;
}

static void on_lease_due(void *ctx)
{
	struct variables *v = ctx;

	if (v->leasing || v->stopping)
		return;
	v->asked = loop_now(v->relay->loop);
	v->leasing = store_lease(v->relay->store, "variables", LEASE_TTL_MS, on_lease, v) == ERR_OK;
	if (!v->leasing)
		loop_timer_set(v->lease, LEASE_RETRY_MS);
}

/* --- other setups --- */

static void on_scan(void *ctx)
{
	variables_scan_step(ctx);
}

static bool is_same_place(const struct target *t, const struct variable *entry)
{
	const char *variable = t->is_previous ? entry->previous : entry->variable;

	return text_same(t->variable, variable) && text_same(t->branch, entry->branch) &&
	       (entry->source == NULL || strcmp(entry->source, t->source) == 0);
}

static const struct variable *entry_of(const struct target *t)
{
	const struct relay_setup *s = &t->all->relay->setup;

	for (size_t i = 0; i < s->variables; i++) {
		if (strcmp(s->variable[i].name, t->name) == 0)
			return is_same_place(t, &s->variable[i]) ? &s->variable[i] : NULL;
	}
	return NULL;
}

static void rekey_one(struct target *t)
{
	const struct variable *entry = t->entry == NULL ? NULL : entry_of(t);

	target_unwatch(t);
	if (entry == NULL) {
		target_drop(t);
		return;
	}
	t->entry = entry;
	target_watch(t);
	/* Whoever reloads has perhaps mended what failed. */
	if (t->state == TARGET_RESTING && t->tries > 0) {
		t->tries = 0;
		loop_timer_stop(t->timer);
	}
	t->checked = (struct mono){ 0 };
	target_push_rekey(t);
	target_look(t);
}

void variables_rekey(struct variables *v)
{
	/* One that is dropped leaves the map. */
	CLEANUP(freep) void **all = map_values(&v->target);
	const size_t n = v->target.count;

	for (size_t i = 0; i < n; i++)
		rekey_one(all[i]);
	if (v->relay->setup.variables > 0 && !v->leasing && !variables_hold(v))
		loop_timer_set(v->lease, 0);
	variables_scan_soon(v);
}

void variables_look(struct variables *v)
{
	variables_scan_soon(v);
}

void variables_scan_soon(struct variables *v)
{
	if (!v->started || v->stopping)
		return;
	if (v->scanning)
		v->again = true;
	else if (!loop_timer_is_set(v->scan))
		loop_timer_set(v->scan, SCAN_MS);
}

/* --- life --- */

struct variables *variables_new(struct relay *r)
{
	struct variables *v = xcalloc(1, sizeof(*v));

	v->relay = r;
	map_init(&v->target);
	TAILQ_INIT(&v->due);
	buf_init(&v->after, ENTITY_TEXT_MAX);
	v->pace = loop_timer_new(r->loop, on_pace, v);
	v->scan = loop_timer_new(r->loop, on_scan, v);
	v->lease = loop_timer_new(r->loop, on_lease_due, v);
	return v;
}

void variables_free(struct variables *v)
{
	size_t at = 0;
	struct span key;
	void *t;

	if (v == NULL)
		return;
	while (at = 0, map_next(&v->target, &at, &key, &t))
		target_free(t);
	map_release(&v->target);
	loop_timer_free(v->pace);
	loop_timer_free(v->scan);
	loop_timer_free(v->lease);
	buf_release(&v->after);
	free(v);
}

void variables_start(struct variables *v)
{
	v->started = true;
	if (v->relay->setup.variables > 0)
		loop_timer_set(v->lease, 0);
	variables_scan_soon(v);
}

void variables_stop(struct variables *v)
{
	v->stopping = true;
	loop_timer_stop(v->pace);
	loop_timer_stop(v->scan);
	loop_timer_stop(v->lease);
}

bool variables_are_idle(const struct variables *v)
{
	for (size_t i = 0; i < PUSHES_AT_ONCE; i++) {
		const struct target *t = v->pushing[i];

		/* One that only waits for Travis's limit or its next try loses nothing. */
		if (t != NULL && (t->call != NULL || t->owed > 0))
			return false;
	}
	return true;
}

struct variables_stats variables_stats(const struct variables *v)
{
	return v->stats;
}
