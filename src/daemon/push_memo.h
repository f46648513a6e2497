/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_PUSH_MEMO_H
#define DAEMON_PUSH_MEMO_H

#include <stdbool.h>

#include "backstage/push.h"
#include "base/map.h"

struct catalog;

/*
 * Tells whether a push has news of an entity. What the catalog in force has is
 * compared with that. A plugin that pushes everything also tells of entities
 * that we keep nothing of, again and again: the state that each was last
 * told in is remembered, of so many at most.
 */
struct push_memo {
	struct map states; /* by ref */
};

#define PUSH_MEMO_MAX 50000

void push_memo_init(struct push_memo *m);
void push_memo_release(struct push_memo *m);

/* known may be NULL: no catalog is in force. */
bool push_memo_is_news(
	const struct push_memo *m, const struct catalog *known, const struct push_entity *e);

/* It is read again now. */
void push_memo_note(struct push_memo *m, const struct push_entity *e);

#endif
