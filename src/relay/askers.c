/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/askers.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "base/map.h"
#include "model/trigger.h"

#define KEY_MAX 1024

struct asker {
	TAILQ_ENTRY(asker) link;
	char *key, *principal;
};

struct askers {
	struct map of;           /* "host build" -> struct asker */
	TAILQ_HEAD(, asker) all; /* the oldest first */
};

struct askers *askers_new(void)
{
	struct askers *a = xcalloc(1, sizeof(*a));

	map_init(&a->of);
	TAILQ_INIT(&a->all);
	return a;
}

static void asker_remove(struct askers *a, struct asker *one)
{
	IGNORE(map_remove(&a->of, span_of(one->key)) != NULL);
	TAILQ_REMOVE(&a->all, one, link);
	free(one->key);
	free(one->principal);
	free(one);
}

void askers_free(struct askers *a)
{
	struct asker *one;

	if (a == NULL)
		return;
	while ((one = TAILQ_FIRST(&a->all)) != NULL)
		asker_remove(a, one);
	map_release(&a->of);
	free(a);
}

static enum err key_add(struct span host, int64_t build, struct buf *key)
{
	return buf_addf(key, "%.*s %" PRId64, SPAN_ARGS(host), build);
}

static void note_one(struct askers *a, struct span host, int64_t build, struct span principal)
{
	CLEANUP(buf_release) struct buf key;
	struct asker *one;

	buf_init(&key, KEY_MAX);
	if (key_add(host, build, &key) != ERR_OK)
		return;
	one = map_get(&a->of, buf_span(&key));
	if (one != NULL)
		asker_remove(a, one);
	else if (a->of.count >= ASKERS_MAX)
		asker_remove(a, TAILQ_FIRST(&a->all));
	one = xcalloc(1, sizeof(*one));
	one->key = buf_detach(&key);
	one->principal = xstrndup(principal.p, principal.n);
	TAILQ_INSERT_TAIL(&a->all, one, link);
	IGNORE(map_put(&a->of, span_of(one->key), one) != NULL);
}

void askers_note(struct askers *a, const struct trigger *t)
{
	for (size_t i = 0; i < t->builds; i++)
		note_one(a, t->host, t->build[i], t->principal);
}

struct span askers_principal(const struct askers *a, struct span host, int64_t build)
{
	CLEANUP(buf_release) struct buf key;
	const struct asker *one = NULL;

	buf_init(&key, KEY_MAX);
	if (key_add(host, build, &key) == ERR_OK)
		one = map_get(&a->of, buf_span(&key));
	return one == NULL ? (struct span){ NULL, 0 } : span_of(one->principal);
}
