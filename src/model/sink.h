/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_SINK_H
#define MODEL_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "model/circuit.h"
#include "model/pace.h"
#include "model/schedule.h"

/* How a try ended, in the words of mail transport. */
enum outcome {
	OUTCOME_OK,
	OUTCOME_TEMPFAIL, /* worth another try */
	OUTCOME_PERMFAIL, /* never will work: this delivery's fault */
	OUTCOME_MOOT, /* not tried, and done with: it is no use any more. Says nothing of the sink */
};

/* What an answer says of the sink as a whole, beyond this delivery. */
enum sink_advice {
	ADVICE_NONE,
	ADVICE_THROTTLE, /* it is overloaded: send less for a while (429, 502, 503, 504) */
	ADVICE_PAUSE,    /* it refuses who we are: nothing passes before somebody mends that */
	ADVICE_DISABLE,  /* it wants no more, for good (410) */
};

/*
 * One event for one sink; for a sink that takes several at once, also the
 * earlier ones of its lane, which end as this one does. Borrowed until
 * on_result has returned.
 */
struct delivery {
	const char *event_id;       /* stable: a sink that has seen it may ignore it */
	struct span event;          /* the CloudEvent, JSON in structured mode */
	unsigned tries;             /* that ended before this one */
	const struct span *earlier; /* oldest first */
	size_t earlier_n;
};

struct sink_result {
	enum outcome outcome;
	enum sink_advice advice;
	int status;             /* of the answer; 0: there was none */
	int64_t retry_after_ms; /* the sink's own wish; -1: none */
	char note[200]; /* for the operator: what happened, no secret, no foreign text raw */
};

/*
 * A configured way out. A driver makes one for each entry of the configuration
 * and puts its own data behind self.
 *
 * send() starts one try and leads to exactly one on_result(), which may be
 * called from inside send() where there is nothing to wait for. cancel() gives
 * up every try under way: their on_result() is not called. free() does the same
 * first. reopen() is called on SIGHUP; may be NULL.
 */
struct sink_ops {
	void (*send)(void *self, const struct delivery *d,
		void (*on_result)(void *ctx, const struct sink_result *r), void *ctx);
	void (*cancel)(void *self);
	void (*reopen)(void *self);
	void (*free)(void *self);
};

/* How patient we are with it. Set from the configuration, not by the driver. */
struct sink_policy {
	struct pace_conf pace;
	struct circuit_conf circuit;
	struct schedule schedule;
	int64_t retry_after_max_ms; /* a longer wish of the sink is cut */
	int64_t disable_after_ms;   /* of failing without a success between; 0: never */
	int64_t coalesce_ms;        /* at least so long between two tries of a lane; 0: any */
	unsigned coalesce_max;      /* events that one try may deliver together; 0 is 1 */
};

struct sink {
	char *name;
	const char *type;
	bool addresses; /* it tells people, whom routes choose by `address` */
	const struct sink_ops *ops;
	void *self;
	struct sink_policy policy;
};

#endif
