/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_SORTED_H
#define BASE_SORTED_H

#include <stddef.h>

#include "base/span.h"

/*
 * Objects in order of a key that lies in them, compared byte by byte; no two
 * have the same. They stand in short runs, of which each is in order too, so
 * that an insertion moves no more than a run and the list of runs.
 */
struct sorted_run;

struct sorted {
	struct sorted_run **run;
	size_t runs, cap;
	size_t count; /* objects */
	struct span (*key)(const void *object);
};

void sorted_init(struct sorted *s, struct span (*key)(const void *object));

/* The objects stay, and are the caller's. */
void sorted_release(struct sorted *s);

/* The object with this key, or NULL. */
void *sorted_get(const struct sorted *s, struct span key);

/* Put an object in; returns the one with its key that was there and is no more, or NULL. */
void *sorted_put(struct sorted *s, void *object);

/* Take out the object with this key and return it, or NULL. */
void *sorted_remove(struct sorted *s, struct span key);

/* The i-th object; NULL if there are not so many. */
void *sorted_at(const struct sorted *s, size_t i);

/* The place of the first object whose key does not come before this one. */
size_t sorted_position(const struct sorted *s, struct span key);

/* The place of the first object whose key comes after this one. */
size_t sorted_after(const struct sorted *s, struct span key);

size_t sorted_bytes(const struct sorted *s);

#endif
