/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SECRET_KEYRING_H
#define SECRET_KEYRING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

struct secret;

/*
 * What one use of a secret goes by: the value of now, and for a while the one
 * before it, so that both sides of a rotation understand each other. Never more
 * than these two.
 */
struct keyring {
	struct secret *current;  /* NULL: not known yet, or no more */
	struct secret *previous; /* NULL: there is none */
	struct mono previous_until;
};

void keyring_init(struct keyring *k);
void keyring_release(struct keyring *k);

/*
 * Take a value. If it is another than the current one, that one is the previous
 * for overlap_ms (0: it is forgotten) and the answer is true.
 */
bool keyring_put(struct keyring *k, struct secret *s, struct mono now, int64_t overlap_ms);

/* Take the value before the current one; it is dropped if it is the same. */
void keyring_put_previous(struct keyring *k, struct secret *s, struct mono until);

/* Forget the previous one if its time is over; was it? */
bool keyring_expire(struct keyring *k, struct mono now);

/*
 * When to ask again for what lasts so long: after two thirds of it, a tenth more
 * or less as the dice say, so that many relays do not ask in step. At least 1 ms.
 */
int64_t keyring_refresh_after(int64_t lease_ms, uint64_t dice);

#endif
