/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/tries.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/defs.h"

struct
try {
	LIST_ENTRY(try) entry;
	void (*on_result)(void *ctx, const struct sink_result *r);
	void *ctx;
};

struct try *try_begin(
	struct tries *all, void (*on_result)(void *ctx, const struct sink_result *r), void *ctx)
{
	struct try *t = xcalloc(1, sizeof(*t));

	t->on_result = on_result;
	t->ctx = ctx;
	LIST_INSERT_HEAD(all, t, entry);
	return t;
}

static void try_free(struct try *t)
{
	LIST_REMOVE(t, entry);
	free(t);
}

void try_end(struct try *t, enum outcome outcome, const char *note)
{
	struct sink_result r = { .outcome = outcome, .retry_after_ms = -1 };
	void (*on_result)(void *ctx, const struct sink_result *r) = t->on_result;
	void *ctx = t->ctx;

	if (note != NULL)
		snprintf(r.note, sizeof(r.note), "%s", note);
	try_free(t);
	on_result(ctx, &r);
}

void tries_forget(struct tries *all)
{
	while (!LIST_EMPTY(all))
		try_free(LIST_FIRST(all));
}
