/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/settle.h"

#include <stdlib.h>

#include "audit/record.h"
#include "base/clock.h"
#include "base/log.h"
#include "io/loop.h"
#include "model/cloudevent.h"
#include "relay/parcel.h"

#define AGAIN_MS   1000
#define RECORD_MAX (16 * 1024)

/* One finish on its way to the disk. */
struct writing {
	struct settler *settler;
	struct writing *next; /* while it waits to be tried again */
	uint16_t part;
	int64_t token, seq;
	char *sink, *note;
	struct store_finish finish;
	struct buf audit;
	void (*on_settled)(void *ctx);
	void *ctx;
};

struct settler {
	struct store *store;
	struct loop_timer *timer;
	struct writing *again;
	size_t pending;
};

static void writing_free(struct writing *w)
{
	buf_release(&w->audit);
	free(w->sink);
	free(w->note);
	free(w);
}

static void writing_submit(struct writing *w);

static void on_again(void *ctx)
{
	struct settler *s = ctx;
	struct writing *w = TAKE(s->again), *next;

	for (; w != NULL; w = next) {
		next = w->next;
		writing_submit(w);
	}
}

static void writing_again(struct writing *w)
{
	struct settler *s = w->settler;

	w->next = s->again;
	s->again = w;
	if (!loop_timer_is_set(s->timer))
		loop_timer_set(s->timer, AGAIN_MS);
}

static void on_finished(void *ctx, enum claim_result r)
{
	struct writing *w = ctx;

	switch (r) {
	case CLAIM_RETRY: writing_again(w); return;
	case CLAIM_STALE:
		log_err("delivery.stale", "sink=%s part=%u", w->sink, (unsigned)w->part);
		break;
	case CLAIM_OK: break;
	}
	w->settler->pending--;
	w->on_settled(w->ctx);
	writing_free(w);
}

static void writing_submit(struct writing *w)
{
	enum err e =
		store_finish(w->settler->store, w->part, w->token, &w->finish, 1, on_finished, w);

	if (e != ERR_OK)
		writing_again(w);
}

static const char *finish_reason(enum finish_result f, enum outcome outcome)
{
	if (outcome == OUTCOME_MOOT)
		return "moot";
	switch (f) {
	case FINISH_DONE: return NULL;
	case FINISH_RETRY: return "retry";
	case FINISH_WAIT: return "sink-refuses";
	case FINISH_DEAD: return "dead";
	}
	return NULL;
}

static void audit_compose(struct buf *out, const struct settlement *t)
{
	struct audit_record r = {
		.at = clock_wall(),
		.action = "delivery.attempt",
		.outcome = t->finish == FINISH_DONE ? "success" : "failure",
		.reason = finish_reason(t->finish, t->result->outcome),
		.event = span_of(t->parcel->id),
		.sink = span_of(t->sink),
		.status = t->result->status,
		.tries = t->tries,
		.detail = span_of(t->result->note),
	};

	if (audit_record_write(&r, out) != ERR_OK)
		buf_clear(out);
}

void settler_settle(
	struct settler *s, const struct settlement *t, void (*on_settled)(void *ctx), void *ctx)
{
	struct writing *w = xcalloc(1, sizeof(*w));

	*w = (struct writing){
		.settler = s,
		.part = t->parcel->part,
		.token = t->token,
		.sink = xstrdup(t->sink),
		.note = xstrdup(t->result->note),
		.on_settled = on_settled,
		.ctx = ctx,
	};
	buf_init(&w->audit, RECORD_MAX);
	audit_compose(&w->audit, t);
	w->finish = (struct store_finish){
		.event_seq = t->parcel->seq,
		.sink = w->sink,
		.result = t->finish,
		.retry_ms = t->retry_ms,
		.status = t->result->status,
		.note = span_of(w->note),
		.audit = buf_span(&w->audit),
	};
	s->pending++;
	writing_submit(w);
}

size_t settler_pending(const struct settler *s)
{
	return s->pending;
}

struct settler *settler_new(struct loop *l, struct store *store)
{
	struct settler *s = xcalloc(1, sizeof(*s));

	s->store = store;
	s->timer = loop_timer_new(l, on_again, s);
	return s;
}

void settler_free(struct settler *s)
{
	struct writing *w, *next;

	if (s == NULL)
		return;
	for (w = s->again; w != NULL; w = next) {
		next = w->next;
		writing_free(w);
	}
	loop_timer_free(s->timer);
	free(s);
}
