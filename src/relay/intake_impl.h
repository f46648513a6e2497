/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_INTAKE_IMPL_H
#define RELAY_INTAKE_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/defs.h"
#include "base/err.h"
#include "io/crypto.h"
#include "model/build.h"
#include "relay/intake.h"
#include "store/store.h"

struct httpd_req;
struct parcel;
struct relay;

/* The inside of intake, for its own files. */

/*
 * One webhook between its check and its answer.
 *
 *	judge --append--> stored ---> answered 202, deliveries offered
 *	  ^                 duplicate -> answered 202
 *	  |                 retry ----> answered 503
 *	  +---- conflict ---+
 *
 * A build that we asked for goes the same way, but nobody waits for an answer.
 */
struct intake {
	struct relay *relay;
	struct httpd_req *req; /* NULL: we asked, and on_end is told */
	void (*on_end)(void *ctx, enum intake_end end);
	void *ctx;
	struct build build;
	char *source, *host, *key, *requester;
	struct wall received;
	unsigned rounds;
	uint8_t payload_sha256[SHA256_BYTES];
	uint8_t id[UUID_BYTES];
	char id_text[UUID_TEXT_MAX];

	/* Of the round under way. */
	enum build_verdict verdict;
	bool over; /* what is known of the build is its end */
	enum transition transition;
	int64_t attempt;
	enum event_place place;
	size_t puts;           /* pieces of state in the append: the build's, the line's */
	char *fresh[2];        /* of them, what was put without knowing what the store holds */
	struct parcel *parcel; /* what dispatch gets when it is stored; or NULL */
};

/* --- a round: intake_round.c --- */

/*
 * Judge the build by what is noted of it, and append what follows, if anything: the
 * answer comes to intake_appended(). Where nothing is to be written, in->puts is 0.
 */
MUST_CHECK enum err intake_judge(struct intake *in);

/* The append was stored: what was put without a note is noted now. */
void intake_note_fresh(struct intake *in);
void intake_drop_fresh(struct intake *in);

/* It was refused: note what the store holds. */
void intake_learn(struct intake *in, const struct append_answer *a);

/* What was noted for it was not written. */
void intake_forget(struct intake *in);

/* --- and its answer: intake.c --- */

void intake_appended(void *ctx, const struct append_answer *a);

#endif
