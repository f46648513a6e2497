/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_PUSHES_H
#define DAEMON_PUSHES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct loop;

/*
 * Repositories that were pushed to. Backstage hears of a push when we do, and
 * takes some seconds to read its files and to stitch its entities; a look at
 * once would see what was there before. So there are two looks: one after a
 * while, and one after three times that for what took longer.
 */
struct pushes;

struct pushes_conf {
	int64_t wait_ms; /* before the first look */
	/* Look now. named: see backstage/hint.h. last: it is off the list. */
	void (*on_due)(void *ctx, struct span slug, bool named, bool last);
	void *ctx;
};

struct pushes *pushes_new(struct loop *l, const struct pushes_conf *conf);
void pushes_free(struct pushes *p);

/* A push during the wait adds a look, and does not put the next one off. */
void pushes_add(struct pushes *p, struct span slug, bool named);

size_t pushes_count(const struct pushes *p);

#endif
