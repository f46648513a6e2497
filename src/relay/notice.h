/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_NOTICE_H
#define RELAY_NOTICE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/codec.h"
#include "base/map.h"
#include "relay/dispatch.h"
#include "store/store.h"

struct notice;
struct operator_event;
struct parcel;
struct relay;

/* Where notices go out from: what the store holds of sinks, and what waits for room there. */
struct notice_desk {
	struct relay *relay;
	struct map kept; /* sink -> struct kept */
	struct loop_timer *timer;
	struct notice *again;
};

void notice_desk_init(struct notice_desk *desk, struct relay *r);
void notice_desk_release(struct notice_desk *desk);

/* The store holds a sink's state in this version. */
void notice_desk_know(struct notice_desk *desk, struct span sink, int64_t version);

#define NOTICE_OKEY_MAX 512
#define NOTICE_TEXT_MAX (16 * 1024)

/*
 * Something about a sink, or the relay itself, on its way to the store: the
 * sink's state, an audit entry and an event, each where there is one, in one
 * append. Then the event is offered to its sinks and on_done is called.
 */
struct notice {
	struct notice_desk *desk;
	struct notice *next; /* while it waits to be tried again */
	char *sink;          /* whose state it is; NULL: nobody's */
	struct buf state, event, audit;
	struct store_event head;
	char okey[NOTICE_OKEY_MAX];
	char id[UUID_TEXT_MAX];
	const char *type; /* of the event; NULL: there is none */
	bool once;        /* somebody waits: fail rather than try again */
	unsigned rounds;
	struct parcel *parcel;
	void (*on_done)(void *ctx, enum err e);
	void *ctx;
};

struct notice *notice_new(struct notice_desk *desk, const char *sink);
void notice_free(struct notice *n);

/* Nothing is kept of a sink that is open and well. */
void notice_set_state(
	struct notice *n, enum sink_gate gate, struct wall failing_since, struct span reason);

/* Fills in id and time. Events of one subject keep their order. */
void notice_set_event(struct notice *n, struct operator_event *e);

/* Would any sink get the event? */
bool notice_is_wanted(const struct notice *n);

/* Hand it over: it frees itself. One with once is answered ERR_BUSY if nothing can be stored now. */
MUST_CHECK enum err notice_submit(struct notice *n);

#endif
