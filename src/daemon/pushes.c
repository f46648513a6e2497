/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/pushes.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/map.h"
#include "io/loop.h"

#define LOOKS       2
#define LATER_TIMES 3

struct push {
	struct mono due;
	unsigned looks; /* to come */
	bool named;
};

struct pushes {
	struct loop *loop;
	struct pushes_conf conf;
	struct map waiting; /* slug -> struct push */
	struct loop_timer *timer;
};

/* The next that is due; NULL: none is waiting. */
static struct push *pushes_next(const struct pushes *p, struct span *slug)
{
	struct push *next = NULL;
	struct span key;
	size_t at = 0;
	void *value;

	while (map_next(&p->waiting, &at, &key, &value)) {
		struct push *push = value;

		if (next != NULL && push->due.ms >= next->due.ms)
			continue;
		next = push;
		*slug = key;
	}
	return next;
}

static void pushes_set_timer(struct pushes *p)
{
	struct span slug;
	const struct push *next = pushes_next(p, &slug);

	if (next == NULL)
		return;
	loop_timer_set(p->timer,
		next->due.ms > loop_now(p->loop).ms ? next->due.ms - loop_now(p->loop).ms : 0);
}

static void push_look(struct pushes *p, struct span slug, struct push *push)
{
	CLEANUP(freep) char *name = xstrndup(slug.p, slug.n);
	const struct span copy = { name, slug.n };
	bool last = --push->looks == 0, named = push->named;

	if (last) {
		IGNORE(map_remove(&p->waiting, copy) != NULL);
		free(push);
	} else {
		push->due.ms = loop_now(p->loop).ms + LATER_TIMES * p->conf.wait_ms;
	}
	p->conf.on_due(p->conf.ctx, copy, named, last);
}

static void on_due(void *ctx)
{
	struct pushes *p = ctx;
	struct span slug;
	struct push *next = pushes_next(p, &slug);

	if (next != NULL && next->due.ms <= loop_now(p->loop).ms)
		push_look(p, slug, next);
	pushes_set_timer(p);
}

void pushes_add(struct pushes *p, struct span slug, bool named)
{
	struct push *push = map_get(&p->waiting, slug);

	if (push == NULL) {
		push = xcalloc(1, sizeof(*push));
		push->due.ms = loop_now(p->loop).ms + p->conf.wait_ms;
		IGNORE(map_put(&p->waiting, slug, push) != NULL);
	}
	push->looks = LOOKS;
	push->named = push->named || named;
	pushes_set_timer(p);
}

size_t pushes_count(const struct pushes *p)
{
	return p->waiting.count;
}

struct pushes *pushes_new(struct loop *l, const struct pushes_conf *conf)
{
	struct pushes *p = xcalloc(1, sizeof(*p));

	p->loop = l;
	p->conf = *conf;
	map_init(&p->waiting);
	p->timer = loop_timer_new(l, on_due, p);
	return p;
}

void pushes_free(struct pushes *p)
{
	struct span slug;
	size_t at = 0;
	void *push;

	if (p == NULL)
		return;
	while (map_next(&p->waiting, &at, &slug, &push))
		free(push);
	map_release(&p->waiting);
	loop_timer_free(p->timer);
	free(p);
}
