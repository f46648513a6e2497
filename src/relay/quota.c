/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/quota.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/codec.h"
#include "base/defs.h"
#include "base/map.h"

/* An administrator of Travis cannot allow more than 200. */
#define BUILDS_MAX 256
#define KEY_MAX    4096
/* So many are kept before it is looked which of them are of no interest any more. */
#define REPOSITORIES_MIN 256

struct counted {
	char id[UUID_TEXT_MAX];
	struct mono at;
};

struct repository {
	struct counted *build; /* the oldest first */
	size_t n, room;
	struct mono full_until;
};

struct quota {
	struct map repositories; /* "host owner/name", in lower case -> struct repository */
	size_t sweep_at;
};

struct quota *quota_new(void)
{
	struct quota *q = xcalloc(1, sizeof(*q));

	map_init(&q->repositories);
	q->sweep_at = REPOSITORIES_MIN;
	return q;
}

static void repository_free(void *repository)
{
	struct repository *r = repository;

	free(r->build);
	free(r);
}

void quota_free(struct quota *q)
{
	size_t at = 0;
	struct span key;
	void *r;

	if (q == NULL)
		return;
	while (map_next(&q->repositories, &at, &key, &r))
		repository_free(r);
	map_release(&q->repositories);
	free(q);
}

/* What Travis compares without regard to case is one. */
static enum err key_add(struct span host, struct span slug, struct buf *key)
{
	enum err e = buf_add_lower(key, host);

	if (e == ERR_OK)
		e = buf_add_str(key, " ");
	return e == ERR_OK ? buf_add_lower(key, slug) : e;
}

static struct repository *find(const struct quota *q, struct span host, struct span slug)
{
	CLEANUP(buf_release) struct buf key;

	buf_init(&key, KEY_MAX);
	return key_add(host, slug, &key) == ERR_OK ? map_get(&q->repositories, buf_span(&key))
						   : NULL;
}

static bool is_in_use(const void *repository, const void *now)
{
	const struct repository *r = repository;
	const struct mono *t = now;

	return (r->n > 0 && r->build[r->n - 1].at.ms + QUOTA_MS > t->ms) ||
	       r->full_until.ms > t->ms;
}

/* Forget those of which nothing is to be remembered. */
static void sweep(struct quota *q, struct mono now)
{
	map_filter(&q->repositories, is_in_use, &now, repository_free);
	q->sweep_at = 2 * q->repositories.count + REPOSITORIES_MIN;
}

static struct repository *find_or_add(
	struct quota *q, struct span host, struct span slug, struct mono now)
{
	CLEANUP(buf_release) struct buf key;
	struct repository *r = find(q, host, slug);

	buf_init(&key, KEY_MAX);
	if (r != NULL || key_add(host, slug, &key) != ERR_OK)
		return r;
	if (q->repositories.count >= q->sweep_at)
		sweep(q, now);
	r = xcalloc(1, sizeof(*r));
	r->full_until = now;
	IGNORE(map_put(&q->repositories, buf_span(&key), r) != NULL);
	return r;
}

/* The first one that still counts. */
static size_t first_young(const struct repository *r, struct mono now)
{
	size_t i = 0;

	while (i < r->n && r->build[i].at.ms + QUOTA_MS <= now.ms)
		i++;
	return i;
}

static void remove_at(struct repository *r, size_t i)
{
	memmove(r->build + i, r->build + i + 1, (r->n - i - 1) * sizeof(*r->build));
	r->n--;
}

static void remove_id(struct repository *r, struct span id)
{
	for (size_t i = r->n; i-- > 0;) {
		if (span_is(id, r->build[i].id))
			remove_at(r, i);
	}
}

int64_t quota_wait(
	const struct quota *q, struct span host, struct span slug, size_t max, struct mono now)
{
	const struct repository *r = find(q, host, slug);
	int64_t until_ms;

	if (r == NULL)
		return 0;
	until_ms = r->full_until.ms;
	/* Until fewer than max of them count. */
	if (max > 0 && r->n - first_young(r, now) >= max) {
		int64_t old_ms = r->build[r->n - max].at.ms + QUOTA_MS;

		if (old_ms > until_ms)
			until_ms = old_ms;
	}
	return until_ms > now.ms ? until_ms - now.ms : 0;
}

/* Sorted by time: after a restart they come in the order of their ids. */
static void insert(struct repository *r, struct span id, struct mono at)
{
	struct counted *c;
	size_t i;

	if (r->n == BUILDS_MAX)
		remove_at(r, 0);
	if (r->n == r->room) {
		r->room = r->room == 0 ? QUOTA_DEFAULT : 2 * r->room;
		r->build = xrealloc(r->build, r->room, sizeof(*r->build));
	}
	for (i = r->n; i > 0 && r->build[i - 1].at.ms > at.ms; i--)
		r->build[i] = r->build[i - 1];
	c = &r->build[i];
	snprintf(c->id, sizeof(c->id), "%.*s", SPAN_ARGS(id));
	c->at = at;
	r->n++;
}

void quota_count(
	struct quota *q, struct span host, struct span slug, struct span id, struct mono at)
{
	struct repository *r = find_or_add(q, host, slug, at);

	if (r == NULL)
		return;
	remove_id(r, id);
	while (r->n > 0 && r->build[0].at.ms + QUOTA_MS <= at.ms)
		remove_at(r, 0);
	insert(r, id, at);
}

void quota_drop(struct quota *q, struct span host, struct span slug, struct span id)
{
	struct repository *r = find(q, host, slug);

	if (r != NULL)
		remove_id(r, id);
}

void quota_full(struct quota *q, struct span host, struct span slug, int64_t max, int64_t per_ms,
	struct mono now)
{
	struct repository *r = find_or_add(q, host, slug, now);
	int64_t until_ms = now.ms + per_ms / max;
	size_t oldest;

	if (r == NULL)
		return;
	oldest = first_young(r, now);
	if (oldest < r->n && r->build[oldest].at.ms + per_ms < until_ms)
		until_ms = r->build[oldest].at.ms + per_ms;
	if (until_ms > r->full_until.ms)
		r->full_until.ms = until_ms;
}
