/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/*
 * A table from byte strings to pointers: open addressing, linear probing, at
 * most three quarters full. It copies keys and never looks at the values;
 * whoever stores them frees them.
 */
struct map {
	struct map_slot *slot;
	size_t cap; /* a power of two, or 0 */
	size_t count;
};

void map_init(struct map *m);
void map_release(struct map *m);

/* NULL if the key is not there. */
void *map_get(const struct map *m, struct span key);

/* Returns the value that was there before, or NULL. value must not be NULL. */
void *map_put(struct map *m, struct span key, void *value);

/* Returns the value that was there, or NULL. */
void *map_remove(struct map *m, struct span key);

/*
 * Walk in no order: start with *at = 0 and go on until false. The map must not
 * change meanwhile.
 */
bool map_next(const struct map *m, size_t *at, struct span *key, void **value);

/* All values as they are now, count of them, for a walk in which the map changes; free(3) it. */
void **map_values(const struct map *m);

/* Take out and drop what is not to be kept; the room it had is given back. */
void map_filter(struct map *m, bool (*keeps)(const void *value, const void *ctx), const void *ctx,
	void (*drop)(void *value));

#endif
