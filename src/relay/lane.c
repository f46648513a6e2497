/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/lane.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "io/crypto.h"
#include "relay/dispatch_impl.h"
#include "relay/outlet.h"
#include "relay/parcel.h"
#include "relay/settle.h"

#define CLAIM_PER_LANE  16
#define CLAIM_BYTES_MAX (256 * 1024)
#define AGAIN_MS        1000

/* Who waits longer than this does so on disk. */
#define UNLOAD_MS 10000

/* --- what is in it --- */

struct lane *lane_new(struct dispatch *d, struct outlet *o, struct span okey)
{
	struct lane *lane = xcalloc(1, sizeof(*lane));

	*lane = (struct lane){ .dispatch = d, .outlet = o };
	lane->okey = xstrndup(okey.p, okey.n);
	lane->okey_len = okey.n;
	lane->part = store_part(okey);
	lane->tail = &lane->head;
	o->lanes++;
	return lane;
}

struct span lane_okey(const struct lane *lane)
{
	return (struct span){ lane->okey, lane->okey_len };
}

static void lane_push(struct lane *lane, struct parcel *p, unsigned tries)
{
	struct lane_item *item = xcalloc(1, sizeof(*item));

	*item = (struct lane_item){ .parcel = parcel_hold(p), .tries = tries };
	*lane->tail = item;
	lane->tail = &item->next;
	if (p->seq > lane->last_seq)
		lane->last_seq = p->seq;
	lane->dispatch->memory += p->size;
}

static void lane_pop(struct lane *lane)
{
	struct lane_item *item = lane->head;

	lane->head = item->next;
	if (lane->head == NULL)
		lane->tail = &lane->head;
	lane->dispatch->memory -= item->parcel->size;
	parcel_release(item->parcel);
	free(item);
}

/* Leave it to the store; it is claimed again when its time has come. */
static void lane_unload(struct lane *lane)
{
	lane->on_disk |= lane->head != NULL;
	while (lane->head != NULL)
		lane_pop(lane);
}

void lane_free(struct lane *lane)
{
	while (lane->head != NULL)
		lane_pop(lane);
	lane->outlet->lanes--;
	loop_timer_free(lane->timer);
	free(lane->earlier);
	free(lane->okey);
	free(lane);
}

/* --- waiting --- */

static void on_due(void *ctx)
{
	struct lane *lane = ctx;

	lane->state = LANE_IDLE;
	lane_kick(lane);
}

static void lane_wait(struct lane *lane, int64_t wait_ms)
{
	if (lane->timer == NULL)
		lane->timer = loop_timer_new(lane->dispatch->loop, on_due, lane);
	lane->state = LANE_WAITING;
	loop_timer_set(lane->timer, wait_ms);
}

void lane_kick(struct lane *lane)
{
	struct dispatch *d = lane->dispatch;
	int64_t rest_ms = lane->rest.ms - loop_now(d->loop).ms;

	if (lane->state != LANE_IDLE || d->draining || !dispatch_is_loaded(d))
		return;
	if (rest_ms > 0 && !lane->hurry)
		lane_wait(lane, rest_ms);
	else if (lane->head != NULL)
		outlet_queue(lane->outlet, lane);
	else if (lane->settling > 0)
		return; /* what is not written down yet would be claimed again */
	else if (lane->on_disk)
		outlet_queue(lane->outlet, lane);
	else
		dispatch_forget(d, lane);
}

void lane_hurry(struct lane *lane)
{
	lane->hurry = true;
	if (lane->state != LANE_WAITING)
		return;
	loop_timer_stop(lane->timer);
	lane->state = LANE_IDLE;
	lane_kick(lane);
}

/* --- claiming --- */

static void lane_take_claimed(struct lane *lane, const struct store_delivery *d)
{
	char id[UUID_TEXT_MAX];
	struct parcel *p = parcel_new(uuid_format(d->event_id, id), d->okey, d->body, NULL, 0);

	p->seq = d->event_seq;
	lane_push(lane, p, d->tries);
	parcel_release(p);
}

static void on_claimed(
	void *ctx, enum claim_result r, const struct store_delivery *found, size_t n, bool more)
{
	struct lane *lane = ctx;
	struct dispatch *dispatch = lane->dispatch;
	struct outlet *o = lane->outlet;

	lane->state = LANE_IDLE;
	o->claiming--;
	if (r != CLAIM_OK) {
		lane_wait(lane, AGAIN_MS);
		return;
	}
	/* A full answer may have been cut at the most of one lane. */
	lane->on_disk = more || n == CLAIM_PER_LANE || lane->missed;
	lane->missed = false;
	for (size_t i = 0; i < n; i++)
		lane_take_claimed(lane, &found[i]);
	if (n > 0 && found[0].wait_ms > 0 && !lane->hurry) {
		if (found[0].wait_ms > UNLOAD_MS)
			lane_unload(lane);
		lane_wait(lane, found[0].wait_ms);
	} else if (lane->head != NULL && !dispatch->draining) {
		outlet_queue_first(o, lane);
	} else {
		lane_kick(lane); /* which may forget it */
	}
	loop_defer(dispatch->loop, &dispatch->pump);
}

static void lane_claim(struct lane *lane)
{
	struct dispatch *d = lane->dispatch;
	bool crowded = d->memory > d->conf.memory_max;
	struct store_claim c = {
		.part = lane->part,
		.token = d->token[lane->part],
		.sink = lane->outlet->name,
		.okey = lane_okey(lane),
		.per_lane = crowded ? 1 : CLAIM_PER_LANE,
		.items_max = crowded ? 1 : CLAIM_PER_LANE,
		.bytes_max = CLAIM_BYTES_MAX,
	};

	lane->state = LANE_CLAIMING;
	lane->missed = crowded;
	lane->outlet->claiming++;
	if (store_claim(d->store, &c, on_claimed, lane) == ERR_OK)
		return;
	lane->outlet->claiming--;
	lane_wait(lane, AGAIN_MS);
}

/* --- sending --- */

static void attempt_log(const struct settlement *t, int64_t took_ms)
{
	static const char *const name[] = {
		[FINISH_DONE] = "delivery.ok",
		[FINISH_RETRY] = "delivery.tempfail",
		[FINISH_WAIT] = "delivery.tempfail",
		[FINISH_DEAD] = "delivery.dead",
	};
	char note[LOG_QUOTE_MAX];

	if (t->result->outcome == OUTCOME_MOOT)
		log_info("delivery.moot", "event=%s sink=%s note=%s", t->parcel->id, t->sink,
			log_quote(span_of(t->result->note), note));
	else if (t->finish == FINISH_DONE)
		log_info(name[t->finish], "event=%s sink=%s try=%u status=%d ms=%" PRId64,
			t->parcel->id, t->sink, t->tries, t->result->status, took_ms);
	else
		log_warning(name[t->finish],
			"event=%s sink=%s try=%u status=%d wait_ms=%" PRId64 " note=%s",
			t->parcel->id, t->sink, t->tries, t->result->status, t->retry_ms,
			log_quote(span_of(t->result->note), note));
}

/* Who refuses our credentials refuses everything: that is no delivery's fault. */
static bool is_refused(const struct sink_result *r)
{
	return r->outcome == OUTCOME_TEMPFAIL && r->advice == ADVICE_PAUSE;
}

/*
 * The schedule's wait, or the sink's own wish where that is longer; -1 if there is
 * no other try. Where the sink refuses us, its circuit says when it is asked again.
 */
static int64_t retry_wait(const struct sink_policy *p, const struct sink_result *r, unsigned tries)
{
	int64_t wait_ms = is_refused(r) ? 0 : schedule_wait(&p->schedule, tries, random_u64());
	int64_t asked_ms = r->retry_after_ms;

	if (wait_ms < 0)
		return -1;
	if (asked_ms > p->retry_after_max_ms)
		asked_ms = p->retry_after_max_ms;
	return asked_ms > wait_ms ? asked_ms : wait_ms;
}

static void on_settled(void *ctx)
{
	struct lane *lane = ctx;

	lane->settling--;
	lane_kick(lane);
}

/* Write down how the try ended for each delivery that it was about. */
static void lane_settle(
	struct lane *lane, const struct sink_result *r, enum finish_result finish, int64_t retry_ms)
{
	int64_t took_ms = clock_mono().ms - lane->started.ms;
	struct lane_item *item = lane->head;

	for (unsigned i = 0; i < lane->sending; i++, item = item->next) {
		struct settlement t = {
			.parcel = item->parcel,
			.sink = lane->outlet->name,
			.finish = finish,
			.retry_ms = retry_ms,
			.tries = item->tries + 1,
			.token = lane->dispatch->token[lane->part],
			.result = r,
		};

		item->tries += finish != FINISH_WAIT;
		attempt_log(&t, took_ms);
		lane->settling++;
		settler_settle(lane->dispatch->settler, &t, on_settled, lane);
	}
}

static void lane_on_retry(struct lane *lane, int64_t retry_ms)
{
	lane->sending = 0;
	if (retry_ms > UNLOAD_MS)
		lane_unload(lane);
	lane_wait(lane, retry_ms);
}

static void lane_on_end(struct lane *lane)
{
	for (; lane->sending > 0; lane->sending--)
		lane_pop(lane);
	lane_kick(lane);
}

/* The newest of those that the try is about. */
static struct lane_item *lane_newest_sent(const struct lane *lane)
{
	struct lane_item *item = lane->head;

	for (unsigned i = 1; i < lane->sending; i++)
		item = item->next;
	return item;
}

static enum finish_result finish_of(const struct sink_result *r, int64_t retry_ms)
{
	switch (r->outcome) {
	case OUTCOME_OK:
	case OUTCOME_MOOT: return FINISH_DONE;
	case OUTCOME_PERMFAIL: return FINISH_DEAD;
	case OUTCOME_TEMPFAIL: break;
	}
	if (is_refused(r))
		return FINISH_WAIT;
	return retry_ms < 0 ? FINISH_DEAD : FINISH_RETRY;
}

static void on_result(void *ctx, const struct sink_result *r)
{
	struct lane *lane = ctx;
	struct dispatch *d = lane->dispatch;
	struct outlet *o = lane->outlet;
	int64_t retry_ms = 0;
	enum finish_result finish;

	if (r->outcome == OUTCOME_TEMPFAIL)
		retry_ms = retry_wait(&o->sink->policy, r, lane->head->tries + 1);
	finish = finish_of(r, retry_ms);
	if (finish == FINISH_DEAD)
		retry_ms = 0;
	lane->state = LANE_IDLE;
	lane->rest.ms = loop_now(d->loop).ms + o->sink->policy.coalesce_ms;
	outlet_note(o, r, lane_newest_sent(lane)->parcel->id, lane->sending, finish == FINISH_DEAD,
		clock_mono().ms - lane->started.ms);
	lane_settle(lane, r, finish, retry_ms);
	if (finish == FINISH_DONE || finish == FINISH_DEAD)
		lane_on_end(lane);
	else
		lane_on_retry(lane, retry_ms);
	loop_defer(d->loop, &d->pump);
}

/* As many as the sink takes at once. */
static void lane_gather(struct lane *lane, struct delivery *delivery)
{
	unsigned most = lane->outlet->sink->policy.coalesce_max, n = 1;
	const struct lane_item *newest = lane->head;

	while (n < most && newest->next != NULL) {
		newest = newest->next;
		n++;
	}
	if (n > 1) {
		const struct lane_item *item = lane->head;

		lane->earlier = xrealloc(lane->earlier, n - 1, sizeof(*lane->earlier));
		for (unsigned i = 0; i < n - 1; i++, item = item->next)
			lane->earlier[i] = item->parcel->body;
	}
	lane->sending = n;
	*delivery = (struct delivery){
		.event_id = newest->parcel->id,
		.event = newest->parcel->body,
		.tries = lane->head->tries,
		.earlier = lane->earlier,
		.earlier_n = n - 1,
	};
}

static void lane_send(struct lane *lane)
{
	struct sink *sink = lane->outlet->sink;
	struct delivery delivery;

	lane_gather(lane, &delivery);
	lane->started = clock_mono();
	lane->state = LANE_SENDING;
	lane->hurry = false;
	outlet_begin(lane->outlet);
	sink->ops->send(sink->self, &delivery, on_result, lane);
}

void lane_proceed(struct lane *lane)
{
	if (lane->head == NULL)
		lane_claim(lane);
	else
		lane_send(lane);
}

void lane_recall(struct lane *lane)
{
	if (lane->state != LANE_SENDING && lane->state != LANE_READY)
		return;
	lane->state = LANE_IDLE;
	lane->sending = 0;
}

/* --- offers --- */

void lane_note_on_disk(struct lane *lane)
{
	lane->on_disk = true;
	if (lane->state == LANE_CLAIMING)
		lane->missed = true;
}

void lane_offer(struct lane *lane, struct parcel *p)
{
	struct dispatch *d = lane->dispatch;

	/* The reader may tell of an event before the writer says that it is stored. */
	if (p->seq <= lane->last_seq)
		return;
	if (lane->state == LANE_CLAIMING || lane->on_disk || !dispatch_is_loaded(d) ||
		lane->outlet->sink == NULL || d->memory + p->size > d->conf.memory_max)
		lane_note_on_disk(lane);
	else
		lane_push(lane, p, 0);
	lane_kick(lane);
}
