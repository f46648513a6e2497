/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/announce.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "audit/record.h"
#include "base/log.h"
#include "io/json.h"
#include "model/operator_event.h"
#include "relay/notice.h"
#include "relay/relay_impl.h"

#define NS_SINK   "sink"
#define SCAN_ROWS 256

/* What is said of each turn. */
static const struct turn_words {
	const char *type;   /* of the event; NULL: there is none */
	const char *action; /* of the audit entry */
	const char *outcome;
} turn_words[] = {
	[SINK_SAME] = { NULL, NULL, NULL },
	[SINK_TRIPPED] = { "dev.stagewire.operator.sink.tripped", "sink.trip", "failure" },
	[SINK_REFUSES] = { "dev.stagewire.operator.sink.refuses", "sink.trip", "failure" },
	[SINK_RECOVERED] = { "dev.stagewire.operator.sink.recovered", "sink.recover", "success" },
	[SINK_GONE] = { "dev.stagewire.operator.sink.disabled", "sink.disable", "failure" },
	[SINK_FAILED_LONG] = { "dev.stagewire.operator.sink.disabled", "sink.disable", "failure" },
};

static const struct verb {
	const char *word, *action, *type;
	enum sink_gate gate;
} verbs[] = {
	{ "hold", "operator.hold", "dev.stagewire.operator.sink.held", SINK_HELD },
	{ "release", "operator.release", "dev.stagewire.operator.sink.released", SINK_OPEN },
	{ "enable", "operator.enable", "dev.stagewire.operator.sink.enabled", SINK_OPEN },
	{ "disable", "operator.disable", "dev.stagewire.operator.sink.disabled", SINK_DISABLED },
};

struct announcer {
	struct relay *relay;
	struct notice_desk desk;
	struct buf after; /* of the scan */
	void (*on_restored)(void *ctx);
	void *ctx;
};

/* --- what changed by itself --- */

static void news_message(const struct sink_news *news, struct buf *out)
{
	switch (news->turn) {
	case SINK_TRIPPED:
		IGNORE(buf_addf(out, "Sink %s fails too often and is left alone for %" PRId64 " s",
			news->sink, news->hold_ms / 1000));
		break;
	case SINK_REFUSES:
		IGNORE(buf_addf(out,
			"Sink %s refuses our credentials and is left alone for %" PRId64 " s",
			news->sink, news->hold_ms / 1000));
		break;
	case SINK_RECOVERED: IGNORE(buf_addf(out, "Sink %s works again", news->sink)); return;
	case SINK_GONE:
		IGNORE(buf_addf(out, "Sink %s wants no more events and was disabled", news->sink));
		break;
	case SINK_FAILED_LONG:
		IGNORE(buf_addf(out, "Sink %s failed for too long and was disabled", news->sink));
		break;
	case SINK_SAME: return;
	}
	IGNORE(buf_addf(out, "; its last answer: %.150s", news->note));
}

static void news_event(struct notice *n, const struct sink_news *news, struct span message)
{
	char subject[NOTICE_OKEY_MAX];
	bool failing = news->turn != SINK_RECOVERED;
	struct operator_event e = {
		.type = turn_words[news->turn].type,
		.message = message,
		.sink = span_of(news->sink),
		.event = span_of(failing ? news->event_id : NULL),
		.status = news->status,
		.answer = span_of(failing ? news->note : NULL),
		.hold_ms = news->hold_ms,
		.failing_since = news->failing_since,
	};
	int len = snprintf(subject, sizeof(subject), "sink/%s", news->sink);

	e.subject = (struct span){ subject, (size_t)len };
	notice_set_event(n, &e);
}

static void news_audit(struct notice *n, const struct sink_news *news, struct span message)
{
	struct audit_record r = {
		.at = clock_wall(),
		.action = turn_words[news->turn].action,
		.outcome = turn_words[news->turn].outcome,
		.actor = SPAN("stagewired"),
		.sink = span_of(news->sink),
		.status = news->status,
		.detail = message,
	};

	IGNORE(audit_record_write(&r, &n->audit));
}

void announce_news(struct announcer *a, const struct sink_news *news)
{
	CLEANUP(buf_release) struct buf message;
	struct notice *n = notice_new(&a->desk, news->sink);

	buf_init(&message, NOTICE_TEXT_MAX);
	notice_set_state(n, news->gate, news->failing_since, span_of(NULL));
	if (news->turn != SINK_SAME) {
		news_message(news, &message);
		if (news->turn == SINK_RECOVERED)
			log_notice(turn_words[news->turn].action, "sink=%s", news->sink);
		else
			log_err(turn_words[news->turn].action,
				"sink=%s gate=%s hold_ms=%" PRId64 " event=%s status=%d",
				news->sink, sink_gate_str(news->gate), news->hold_ms,
				news->event_id, news->status);
		news_event(n, news, buf_span(&message));
		news_audit(n, news, buf_span(&message));
	}
	IGNORE(notice_submit(n) != ERR_OK);
}

/* --- what an operator says --- */

static const struct verb *verb_find(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(verbs[i].word, word) == 0)
			return &verbs[i];
	}
	return NULL;
}

static bool sink_is_known(const struct relay *r, const char *name)
{
	for (size_t i = 0; i < dispatch_sinks(r->dispatch); i++) {
		if (strcmp(dispatch_sink_stats(r->dispatch, i).sink, name) == 0)
			return true;
	}
	return false;
}

static void order_compose(struct notice *n, const struct gate_order *order, const struct verb *verb)
{
	char subject[NOTICE_OKEY_MAX], message[NOTICE_OKEY_MAX];
	struct operator_event e = {
		.type = verb->type,
		.sink = span_of(order->sink),
		.reason = order->reason,
		.actor = order->actor,
	};
	struct audit_record r = {
		.at = clock_wall(),
		.action = verb->action,
		.outcome = "success",
		.actor = order->actor,
		.sink = span_of(order->sink),
		.detail = order->reason,
	};

	snprintf(subject, sizeof(subject), "sink/%s", order->sink);
	snprintf(message, sizeof(message), "Sink %s is now %s, by %.*s", order->sink,
		sink_gate_str(verb->gate), SPAN_ARGS(order->actor));
	e.subject = span_of(subject);
	e.message = span_of(message);
	notice_set_state(n, verb->gate, WALL_NONE, order->reason);
	notice_set_event(n, &e);
	IGNORE(audit_record_write(&r, &n->audit));
}

/* An order that is being written down. */
struct order {
	struct relay *relay;
	enum sink_gate gate;
	char *sink;
	void (*on_done)(void *ctx, enum err e);
	void *ctx;
};

static void order_free(struct order *o)
{
	free(o->sink);
	free(o);
}

static void on_ordered(void *ctx, enum err e)
{
	struct order *o = ctx;

	if (e == ERR_OK)
		dispatch_set_gate(o->relay->dispatch, o->sink, o->gate);
	o->on_done(o->ctx, e);
	order_free(o);
}

enum err announce_order(struct announcer *a, const struct gate_order *order,
	void (*on_done)(void *ctx, enum err e), void *ctx)
{
	const struct verb *verb = verb_find(order->verb);
	struct order *waiter;
	struct notice *n;

	if (verb == NULL)
		return ERR_PARSE;
	if (!sink_is_known(a->relay, order->sink))
		return ERR_NOTFOUND;
	waiter = xcalloc(1, sizeof(*waiter));
	*waiter = (struct order){ a->relay, verb->gate, xstrdup(order->sink), on_done, ctx };
	n = notice_new(&a->desk, order->sink);
	n->once = true;
	n->on_done = on_ordered;
	n->ctx = waiter;
	order_compose(n, order, verb);
	if (notice_submit(n) != ERR_OK) {
		order_free(waiter);
		return ERR_BUSY;
	}
	log_notice(verb->action, "sink=%s actor=%.*s", order->sink, SPAN_ARGS(order->actor));
	return ERR_OK;
}

/* --- the event bus --- */

void announce_bus(struct announcer *a, const char *why)
{
	struct operator_event e = {
		.type = why == NULL ? "dev.stagewire.operator.bus.recovered"
				    : "dev.stagewire.operator.bus.refuses",
		.subject = SPAN("bus"),
		.message = why == NULL ? SPAN("Backstage's event bus lets the relay in again")
				       : SPAN("Backstage's event bus refuses our credentials"),
		.answer = span_of(why),
	};
	struct audit_record r = {
		.at = clock_wall(),
		.action = why == NULL ? "bus.recover" : "bus.refuse",
		.outcome = why == NULL ? "success" : "failure",
		.actor = SPAN("stagewired"),
		.detail = span_of(why),
	};
	struct notice *n = notice_new(&a->desk, NULL);

	if (why == NULL)
		log_notice(r.action, "state=ok");
	else
		log_err(r.action, "why=\"%s\"", why);
	notice_set_event(n, &e);
	IGNORE(audit_record_write(&r, &n->audit));
	IGNORE(notice_submit(n) != ERR_OK);
}

/* --- other troubles --- */

/* Where nobody wants it, it is not worth an event. */
static void announce_if_wanted(struct announcer *a, struct operator_event *e)
{
	struct notice *n = notice_new(&a->desk, NULL);

	notice_set_event(n, e);
	if (notice_is_wanted(n))
		IGNORE(notice_submit(n) != ERR_OK);
	else
		notice_free(n);
}

/* What can be amiss, and is told at its beginning and its end. */
static const struct {
	const char *begins, *ends;
	const char *place; /* before the name of the thing, in the subject */
	const char *trouble, *recovered;
	bool answered; /* why is an answer that was given to us, not a reason of ours */
} troubles[] = {
	[TROUBLE_AUDIT] = {
		.begins = "dev.stagewire.operator.audit.trouble",
		.ends = "dev.stagewire.operator.audit.recovered",
		.place = "audit",
		.trouble = "The audit log is not signed any more",
		.recovered = "The audit log is signed again",
	},
	[TROUBLE_SECRETS] = {
		.begins = "dev.stagewire.operator.secret.trouble",
		.ends = "dev.stagewire.operator.secret.recovered",
		.place = "secrets/",
		.trouble = "A provider of secrets gives no word; the last values are used "
			   "for as long as its grace",
		.recovered = "The provider of secrets answers again",
	},
	[TROUBLE_VARIABLE] = {
		.begins = "dev.stagewire.operator.variable.trouble",
		.ends = "dev.stagewire.operator.variable.recovered",
		.place = "variables/",
		.trouble = "A variable cannot be written into the settings of a "
			   "repository; stagewirectl variables shows which",
		.recovered = "The variable is as it should be in every repository",
	},
	[TROUBLE_GAPS] = {
		.begins = "dev.stagewire.operator.gaps.refused",
		.ends = "dev.stagewire.operator.gaps.recovered",
		.place = "source/",
		.trouble = "Travis CI's API does not take the token; builds that no "
			   "webhook told are not found there",
		.recovered = "Travis CI's API takes the token again",
		.answered = true,
	},
};

void announce_trouble(struct announcer *a, enum trouble what, const char *name, const char *why)
{
	char subject[128];
	struct operator_event e = {
		.type = why == NULL ? troubles[what].ends : troubles[what].begins,
		.message = span_of(why == NULL ? troubles[what].recovered : troubles[what].trouble),
	};

	snprintf(subject, sizeof(subject), "%s%s", troubles[what].place, name);
	e.subject = span_of(subject);
	if (troubles[what].answered)
		e.answer = span_of(why);
	else
		e.reason = span_of(why);
	announce_if_wanted(a, &e);
}

void announce_checkpoint(struct announcer *a, struct span note)
{
	struct operator_event e = {
		.type = "dev.stagewire.audit.checkpoint",
		.subject = SPAN("audit"),
		.message = SPAN("A checkpoint of the audit log"),
		.checkpoint = note,
	};

	announce_if_wanted(a, &e);
}

/* --- what an earlier run kept --- */

static enum sink_gate gate_of(const char *word)
{
	for (enum sink_gate g = SINK_OPEN; g < SINK_DISABLED; g++) {
		if (word != NULL && strcmp(sink_gate_str(g), word) == 0)
			return g;
	}
	return SINK_DISABLED;
}

static void row_restore(struct announcer *a, const struct store_row *row)
{
	CLEANUP(freep) char *sink = xstrndup(row->key.p, row->key.n);
	struct wall failing_since = WALL_NONE;
	struct json_object *root = NULL;
	const char *since;

	notice_desk_know(&a->desk, row->key, row->version);
	if (jdoc_parse(row->value, NULL, &root) != ERR_OK) {
		log_err("state.unreadable", "ns=%s sink=%s", NS_SINK, sink);
		return;
	}
	since = jdoc_text(jdoc_member(root, "failing_since"));
	if (since == NULL || wall_parse(span_of(since), &failing_since) != ERR_OK)
		failing_since = WALL_NONE;
	dispatch_restore(a->relay->dispatch, sink, gate_of(jdoc_text(jdoc_member(root, "gate"))),
		failing_since);
	jdoc_free(root);
}

static void restore_more(struct announcer *a);

static void on_rows(void *ctx, enum err e, const struct store_row *rows, size_t n, bool more)
{
	struct announcer *a = ctx;

	if (e != ERR_OK)
		log_err("state.unreadable", "ns=%s error=\"%s\"", NS_SINK, err_str(e));
	for (size_t i = 0; i < n; i++)
		row_restore(a, &rows[i]);
	if (e != ERR_OK || !more || n == 0) {
		a->on_restored(a->ctx);
		return;
	}
	buf_clear(&a->after);
	IGNORE(buf_add_span(&a->after, rows[n - 1].key));
	restore_more(a);
}

static void restore_more(struct announcer *a)
{
	if (store_scan(a->relay->store, NS_SINK, buf_span(&a->after), SCAN_ROWS, on_rows, a) !=
		ERR_OK)
		a->on_restored(a->ctx);
}

void announcer_restore(struct announcer *a, void (*on_done)(void *ctx), void *ctx)
{
	a->on_restored = on_done;
	a->ctx = ctx;
	restore_more(a);
}

/* --- life --- */

struct announcer *announcer_new(struct relay *r)
{
	struct announcer *a = xcalloc(1, sizeof(*a));

	a->relay = r;
	notice_desk_init(&a->desk, r);
	buf_init(&a->after, NOTICE_OKEY_MAX);
	return a;
}

void announcer_free(struct announcer *a)
{
	if (a == NULL)
		return;
	notice_desk_release(&a->desk);
	buf_release(&a->after);
	free(a);
}
