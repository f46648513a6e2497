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

/* A delivery waiting in memory. */
struct lane_item {
	struct lane_item *next;
	struct parcel *parcel; /* a reference */
	unsigned tries;
};

/*
 * What goes from one repository to one sink, in order.
 *
 *	idle --work--> ready --room at the sink--> sending --answer--> idle
 *	 |                                            |
 *	 |                                            +--tempfail--> waiting --due--> idle
 *	 +--none in memory, some on disk--> claiming --> idle
 */
enum lane_state {
	LANE_IDLE,     /* on no list */
	LANE_READY,    /* on its outlet's ready list */
	LANE_SENDING,  /* the head is with the sink */
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
	int64_t last_seq;  /* of the newest event that was in memory */
	unsigned settling; /* finishes not committed yet */
	struct loop_timer *timer;
	struct mono started; /* the try under way */
};

#endif
