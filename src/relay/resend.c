/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/resend.h"

#include <stdlib.h>

#include "audit/record.h"
#include "base/log.h"
#include "io/loop.h"
#include "relay/relay_impl.h"

#define AGAIN_MS   1000
#define RECORD_MAX (16 * 1024)

/* An event on its way to the disk. */
struct sending {
	struct resend *resend;
	struct sending *next; /* while it waits to be tried again */
	int64_t seq;
	char *okey;
	char *sink[STORE_SINKS_MAX];
	size_t sinks;
	struct buf audit;
	store_replay_cb on_sent;
	void *ctx;
};

struct resend {
	struct relay *relay;
	struct loop_timer *timer; /* set while there is something in again */
	struct sending *again;
	bool given_up;
};

static void sending_free(struct sending *s)
{
	for (size_t i = 0; i < s->sinks; i++)
		free(s->sink[i]);
	buf_release(&s->audit);
	free(s->okey);
	free(s);
}

static void sending_end(struct sending *s, enum claim_result r, size_t made)
{
	s->on_sent(s->ctx, r, made);
	sending_free(s);
}

/* What waits keeps its place: the lanes go by the events' numbers. */
static void sending_again(struct sending *s)
{
	struct resend *rs = s->resend;

	s->next = rs->again;
	rs->again = s;
	if (!loop_timer_is_set(rs->timer))
		loop_timer_set(rs->timer, AGAIN_MS);
}

static void on_replayed(void *ctx, enum claim_result r, size_t made)
{
	struct sending *s = ctx;

	if (r == CLAIM_RETRY && !s->resend->given_up) {
		sending_again(s);
		return;
	}
	for (size_t i = 0; r == CLAIM_OK && i < s->sinks; i++)
		dispatch_hint(s->resend->relay->dispatch, s->sink[i], span_of(s->okey));
	sending_end(s, r, made);
}

static void sending_submit(struct sending *s)
{
	const struct store_replay m = {
		.event_seq = s->seq,
		.sinks = (const char *const *)s->sink,
		.sinks_n = s->sinks,
		.audit = buf_span(&s->audit),
	};

	if (store_replay(s->resend->relay->store, &m, on_replayed, s) != ERR_OK)
		sending_again(s);
}

static void on_again(void *ctx)
{
	struct resend *rs = ctx;
	struct sending *s = TAKE(rs->again), *next;

	for (; s != NULL; s = next) {
		next = s->next;
		sending_submit(s);
	}
}

static void audit_compose(struct sending *s, const struct resend_order *o)
{
	struct audit_record r = {
		.at = clock_wall(),
		.action = "operator.replay",
		.outcome = "success",
		.reason = o->reason,
		.actor = span_of(o->actor),
		.event = o->facts->id,
		.source = o->found->source,
		.repository = o->found->repository,
		.entity = o->facts->entity,
		.entities = o->facts->entities,
		.owner = o->facts->owner,
		.owners = o->facts->owners,
		.to = o->sinks,
		.to_n = o->sinks_n,
	};

	buf_init(&s->audit, RECORD_MAX);
	if (audit_record_write(&r, &s->audit) != ERR_OK)
		log_warning("audit.lost", "action=%s reason=too-long", r.action);
}

void resend_event(
	struct resend *rs, const struct resend_order *o, store_replay_cb on_sent, void *ctx)
{
	struct sending *s = xcalloc(1, sizeof(*s));

	*s = (struct sending){
		.resend = rs,
		.seq = o->found->event_seq,
		.okey = xstrndup(o->found->okey.p, o->found->okey.n),
		.on_sent = on_sent,
		.ctx = ctx,
	};
	for (size_t i = 0; i < o->sinks_n; i++)
		s->sink[s->sinks++] = xstrdup(o->sinks[i]);
	audit_compose(s, o);
	sending_submit(s);
}

void resend_give_up(struct resend *rs)
{
	struct sending *s = TAKE(rs->again), *next;

	rs->given_up = true;
	loop_timer_stop(rs->timer);
	for (; s != NULL; s = next) {
		next = s->next;
		sending_end(s, CLAIM_RETRY, 0);
	}
}

struct resend *resend_new(struct relay *r)
{
	struct resend *rs = xcalloc(1, sizeof(*rs));

	rs->relay = r;
	rs->timer = loop_timer_new(r->loop, on_again, rs);
	return rs;
}

void resend_free(struct resend *rs)
{
	struct sending *s, *next;

	if (rs == NULL)
		return;
	for (s = rs->again; s != NULL; s = next) {
		next = s->next;
		sending_free(s);
	}
	loop_timer_free(rs->timer);
	free(rs);
}
