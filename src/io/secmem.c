/* SPDX-License-Identifier: Apache-2.0 */
#include "io/secmem.h"

#include <malloc.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* The text lies alone on locked pages between guard pages, read-only once written. */
struct secret {
	char *text;
	size_t len;
	size_t max; /* of one that comes in pieces, and stays writable; else 0 */
};

static struct secret *secret_alloc(size_t n)
{
	struct secret *s = xcalloc(1, sizeof(*s));

	if (n == SIZE_MAX || sodium_init() < 0)
		out_of_memory();
	s->text = sodium_malloc(n + 1);
	if (s->text == NULL)
		out_of_memory();
	s->text[0] = '\0';
	return s;
}

struct secret *secret_new(const char *bytes, size_t n)
{
	struct secret *s = secret_alloc(n);

	if (n > 0)
		memcpy(s->text, bytes, n);
	s->text[n] = '\0';
	s->len = n;
	IGNORE(sodium_mprotect_readonly(s->text) != 0);
	return s;
}

struct secret *secret_room(size_t max)
{
	struct secret *s = secret_alloc(max);

	s->max = max;
	return s;
}

enum err secret_append(struct secret *s, const void *bytes, size_t n)
{
	if (n > s->max - s->len)
		return ERR_LIMIT;
	if (n > 0)
		memcpy(s->text + s->len, bytes, n);
	s->len += n;
	s->text[s->len] = '\0';
	return ERR_OK;
}

bool secret_is_same(const struct secret *a, const struct secret *b)
{
	return a->len == b->len && sodium_memcmp(a->text, b->text, a->len) == 0;
}

void secret_free(struct secret *s)
{
	if (s == NULL)
		return;
	sodium_free(s->text);
	free(s);
}

const char *secret_text(const struct secret *s)
{
	return s->text;
}

size_t secret_len(const struct secret *s)
{
	return s->len;
}

void secret_wipe(void *p, size_t n)
{
	sodium_memzero(p, n);
}

void secmem_free(void *p)
{
	if (p != NULL)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

void *secmem_realloc(void *p, size_t size)
{
	size_t had = p == NULL ? 0 : malloc_usable_size(p);
	void *larger;

	if (p != NULL && size > 0 && size <= had)
		return p;
	larger = malloc(size);
	if (larger == NULL)
		return NULL;
	if (p != NULL)
		memcpy(larger, p, had < size ? had : size);
	secmem_free(p);
	return larger;
}
