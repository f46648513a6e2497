/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_SUGGEST_H
#define BASE_SUGGEST_H

#include <stddef.h>

#include "base/span.h"

/*
 * Finds what somebody may have meant by a misspelt word: offer every word there
 * is, then read best, which is empty if none is near. Spans are borrowed.
 */
struct suggestion {
	struct span wanted, best;
	size_t distance; /* of best */
};

void suggestion_init(struct suggestion *s, struct span wanted);
void suggestion_offer(struct suggestion *s, struct span word);

/*
 * Letters to insert, delete, replace or swap with their neighbour to make b of a
 * (optimal string alignment), without regard to ASCII case. Words over 63 bytes
 * are as far apart as can be: SIZE_MAX.
 */
size_t edit_distance(struct span a, struct span b);

#endif
