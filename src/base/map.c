/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <stdlib.h>

#include "base/defs.h"
#include "base/hash.h"

struct map_slot {
	uint64_t hash;
	char *key; /* NULL: empty */
	size_t len;
	void *value;
};

void map_init(struct map *m)
{
	*m = (struct map){ 0 };
}

void map_release(struct map *m)
{
	for (size_t i = 0; i < m->cap; i++)
		free(m->slot[i].key);
	free(m->slot);
	*m = (struct map){ 0 };
}

/* The key's slot, or the empty one where it would go. */
static struct map_slot *map_slot_of(const struct map *m, struct span key, uint64_t hash)
{
	size_t i = hash & (m->cap - 1);

	while (m->slot[i].key != NULL) {
		struct map_slot *s = &m->slot[i];

		if (s->hash == hash && span_eq((struct span){ s->key, s->len }, key))
			return s;
		i = (i + 1) & (m->cap - 1);
	}
	return &m->slot[i];
}

void *map_get(const struct map *m, struct span key)
{
	if (m->count == 0)
		return NULL;
	return map_slot_of(m, key, hash_bytes(hash_process_key(), key))->value;
}

static void map_grow(struct map *m)
{
	struct map old = *m;

	m->cap = old.cap == 0 ? 16 : old.cap * 2;
	m->slot = xcalloc(m->cap, sizeof(*m->slot));
	for (size_t i = 0; i < old.cap; i++) {
		struct map_slot *s = &old.slot[i];

		if (s->key != NULL)
			*map_slot_of(m, (struct span){ s->key, s->len }, s->hash) = *s;
	}
	free(old.slot);
}

void *map_put(struct map *m, struct span key, void *value)
{
	uint64_t hash = hash_bytes(hash_process_key(), key);
	struct map_slot *s;
	void *before;

	if ((m->count + 1) * 4 > m->cap * 3)
		map_grow(m);
	s = map_slot_of(m, key, hash);
	before = s->value;
	if (s->key == NULL) {
		*s = (struct map_slot){ hash, xstrndup(key.p, key.n), key.n, NULL };
		m->count++;
	}
	s->value = value;
	return before;
}

/* Close the gap at i, so that no probe sequence is cut. */
static void map_close_gap(struct map *m, size_t i)
{
	size_t j = i;

	for (;;) {
		size_t home;

		j = (j + 1) & (m->cap - 1);
		if (m->slot[j].key == NULL)
			break;
		home = m->slot[j].hash & (m->cap - 1);
		if (((j - home) & (m->cap - 1)) >= ((j - i) & (m->cap - 1))) {
			m->slot[i] = m->slot[j];
			i = j;
		}
	}
	m->slot[i] = (struct map_slot){ 0 };
}

void *map_remove(struct map *m, struct span key)
{
	struct map_slot *s;
	void *value;

	if (m->count == 0)
		return NULL;
	s = map_slot_of(m, key, hash_bytes(hash_process_key(), key));
	if (s->key == NULL)
		return NULL;
	value = s->value;
	free(s->key);
	m->count--;
	map_close_gap(m, (size_t)(s - m->slot));
	return value;
}

bool map_next(const struct map *m, size_t *at, struct span *key, void **value)
{
	for (; *at < m->cap; (*at)++) {
		const struct map_slot *s = &m->slot[*at];

		if (s->key == NULL)
			continue;
		*key = (struct span){ s->key, s->len };
		*value = s->value;
		(*at)++;
		return true;
	}
	return false;
}

void **map_values(const struct map *m)
{
	void **all = xcalloc(m->count + 1, sizeof(*all));
	size_t at = 0, n = 0;
	struct span key;

	while (map_next(m, &at, &key, &all[n]))
		n++;
	return all;
}

void map_filter(struct map *m, bool (*keeps)(const void *value, const void *ctx), const void *ctx,
	void (*drop)(void *value))
{
	struct map kept;
	size_t at = 0;
	struct span key;
	void *value;

	map_init(&kept);
	while (map_next(m, &at, &key, &value)) {
		if (keeps(value, ctx))
			IGNORE(map_put(&kept, key, value) != NULL);
		else
			drop(value);
	}
	map_release(m);
	*m = kept;
}
