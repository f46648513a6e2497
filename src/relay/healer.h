/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_HEALER_H
#define RELAY_HEALER_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/span.h"

struct build;
struct healer;
struct relay;
struct trigger;

/*
 * Finds the builds that no webhook told: Travis never repeats one, and of some
 * builds it sends no final one at all. Sources that allow it are asked for builds
 * of which there was no end for long, and for what is new in each repository of
 * the catalog; what they answer is taken in as a webhook is (relay/intake.h).
 */
struct healer *healer_new(struct relay *r);

/* The store must be closed before: its last answers still come here. */
void healer_free(struct healer *h);

/* Read what an earlier run left of builds and of how far it came; then begin. */
void healer_start(struct healer *h);

/* The relay's sources are other ones. */
void healer_apply(struct healer *h);

/* Ask nothing more. */
void healer_halt(struct healer *h);

/* What secrets are in is another one from now on; the old one is there yet. */
void healer_rekey(struct healer *h);

/* A source's build is known to be in this state. */
void healer_note(struct healer *h, const char *source, const struct build *b);

/* Travis was made to build: see to it that we hear of it. */
void healer_expect(struct healer *h, const struct trigger *t);

/* How it goes with the i-th source that was ever healed in this run. */
struct healer_stats {
	const char *source;
	size_t repositories, unfinished;
	uint64_t found, asked, failures, abandoned;
	struct wall swept_at; /* the last list that was read whole; or WALL_NONE */
	const char *trouble;  /* NULL: none */
};

size_t healer_sources(const struct healer *h);
struct healer_stats healer_stats(const struct healer *h, size_t i);

#endif
