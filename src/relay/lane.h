/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_LANE_H
#define RELAY_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/span.h"

struct dispatch;
struct loop_timer;
struct outlet;
struct parcel;
struct sink_result;

/* A delivery waiting in memory. */
struct lane_item {
	struct lane_item *next;
	struct parcel *parcel; /* a reference */
	unsigned tries;
};

/*
 * What goes from one repository to one sink, in order.
 *
 *	idle --work--> ready --the sink admits--> sending --answer--> idle
 *	 |               |  ^                        |
 *	 |               |  +---- claiming           +--tempfail--> waiting --due--> idle
 *	 |               +-none in memory--^
 *	 +--none at all: forgotten, once the rest after the last try is over
 */
enum lane_state {
	LANE_IDLE,     /* on no list */
	LANE_READY,    /* on its outlet's ready list */
	LANE_SENDING,  /* the head, and perhaps some behind it, are with the sink */
	LANE_WAITING,  /* until its timer is due */
	LANE_CLAIMING, /* the store was asked for more */
};

struct lane {
	struct dispatch *dispatch;
	struct outlet *outlet; /* where it leads; kept when the sink is gone */
	char *okey;
	size_t okey_len;
	uint16_t part;
	enum lane_state state;
	struct lane *next_ready;
	struct lane_item *head, **tail;
	bool on_disk;      /* the store holds more than is in memory */
	bool missed;       /* offered while claiming: the answer may lack it */
	bool hurry;        /* what is claimed goes at once, due or not */
	int64_t last_seq;  /* of the newest event that was in memory */
	unsigned settling; /* finishes not committed yet */
	struct loop_timer *timer;
	struct mono started;  /* the try under way */
	struct mono rest;     /* no try begins before: the sink takes several events at once */
	unsigned sending;     /* deliveries that the try under way is about */
	struct span *earlier; /* all of these but the last */
};

struct lane *lane_new(struct dispatch *d, struct outlet *o, struct span okey);
void lane_free(struct lane *lane);
struct span lane_okey(const struct lane *lane);

/* There is another event for it: in memory, as far as there is room. */
void lane_offer(struct lane *lane, struct parcel *p);

/* The store holds something for it that is not in memory. */
void lane_note_on_disk(struct lane *lane);

/* If it does nothing, give it the next thing to do, or forget it if there is none. */
void lane_kick(struct lane *lane);

/* Wait no longer, whatever the schedule says. */
void lane_hurry(struct lane *lane);

/* Its turn at the outlet: begin a try, or claim from the store first. */
void lane_proceed(struct lane *lane);

/* The sink has given up the try under way, and its answer will not come. */
void lane_recall(struct lane *lane);

#endif
