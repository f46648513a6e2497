/* SPDX-License-Identifier: Apache-2.0 */
#include "store/arena.h"

#include <stdalign.h>
#include <stdlib.h>

#include "base/defs.h"

/* With malloc's own header and ours just under a page. */
#define BLOCK_BYTES ((size_t)4032)

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	alignas(max_align_t) char bytes[];
};

void arena_release(struct arena *a)
{
	struct arena_block *next;

	for (struct arena_block *b = a->block; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	*a = (struct arena){ 0 };
}

/* A large piece gets a block of its own, behind the one being filled. */
static struct arena_block *arena_grow(struct arena *a, size_t n)
{
	size_t size = n > BLOCK_BYTES ? n : BLOCK_BYTES;
	struct arena_block *b = xcalloc(1, sizeof(*b) + size);

	b->size = size;
	if (a->block != NULL && n > BLOCK_BYTES) {
		b->next = a->block->next;
		a->block->next = b;
	} else {
		b->next = a->block;
		a->block = b;
	}
	return b;
}

void *arena_alloc(struct arena *a, size_t n)
{
	const size_t align = alignof(max_align_t);
	struct arena_block *b = a->block;
	void *p;

	n = (n + align - 1) / align * align;
	if (b == NULL || n > b->size - b->used)
		b = arena_grow(a, n);
	p = b->bytes + b->used;
	b->used += n;
	a->bytes += n;
	return p;
}

void *arena_copy(struct arena *a, const void *p, size_t n)
{
	return n == 0 ? NULL : memcpy(arena_alloc(a, n), p, n);
}

struct span arena_span(struct arena *a, struct span s)
{
	return (struct span){ .p = arena_copy(a, s.p, s.n), .n = s.n };
}

const char *arena_str(struct arena *a, const char *s)
{
	return s == NULL ? NULL : arena_copy(a, s, strlen(s) + 1);
}
