/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* No ceiling is above this, so that sizes can be added and doubled without a wrap. */
#define BUF_MAX (SIZE_MAX / 4)

static char buf_empty[1];

/* Enough for most of what is put together piece by piece. */
#define FIRST_BYTES 256

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .data = buf_empty, .max = max < BUF_MAX ? max : BUF_MAX };
}

void buf_init_wiping(struct buf *b, size_t max)
{
	buf_init(b, max);
	b->wipes = true;
}

void buf_release(struct buf *b)
{
	if (b->wipes && b->cap != 0)
		explicit_bzero(b->data, b->cap);
	if (b->cap != 0)
		free(b->data);
	*b = (struct buf){ 0 };
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	if (b->cap != 0)
		b->data[0] = '\0';
}

/* realloc(3) would leave what it was in. */
static void buf_move(struct buf *b, size_t cap)
{
	char *data = xcalloc(cap, 1);

	memcpy(data, b->data, b->len);
	if (b->cap != 0) {
		explicit_bzero(b->data, b->cap);
		free(b->data);
	}
	b->data = data;
}

static void buf_grow(struct buf *b, size_t need)
{
	size_t cap = b->cap == 0 ? FIRST_BYTES : b->cap;

	while (cap < need)
		cap *= 2;
	if (b->wipes)
		buf_move(b, cap);
	else
		b->data = xrealloc(b->cap == 0 ? NULL : b->data, cap, 1);
	b->data[b->len] = '\0';
	b->cap = cap;
}

enum err buf_add(struct buf *b, const void *bytes, size_t n)
{
	char *at = buf_room(b, n);

	if (at == NULL)
		return ERR_LIMIT;
	if (n > 0)
		memcpy(at, bytes, n);
	b->len += n;
	b->data[b->len] = '\0';
	return ERR_OK;
}

enum err buf_add_span(struct buf *b, struct span s)
{
	return buf_add(b, s.p, s.n);
}

enum err buf_add_str(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

enum err buf_add_lower(struct buf *b, struct span s)
{
	enum err e = buf_add_span(b, s);

	if (e == ERR_OK && s.n > 0)
		span_lower(s, b->data + b->len - s.n, s.n);
	return e;
}

enum err buf_addf(struct buf *b, const char *fmt, ...)
{
	char *at = buf_room(b, 0);
	size_t room = b->cap - b->len;
	va_list ap;
	int n;

	/* Mostly there is room for it already. */
	va_start(ap, fmt);
	n = vsnprintf(at, room, fmt, ap);
	va_end(ap);
	if (n >= 0)
		at = buf_room(b, (size_t)n);
	if (n < 0 || at == NULL) {
		b->data[b->len] = '\0';
		return n < 0 ? ERR_IO : ERR_LIMIT;
	}
	if ((size_t)n >= room) {
		va_start(ap, fmt);
		vsnprintf(at, (size_t)n + 1, fmt, ap);
		va_end(ap);
	}
	b->len += (size_t)n;
	return ERR_OK;
}

char *buf_room(struct buf *b, size_t n)
{
	if (n > b->max - b->len)
		return NULL;
	if (b->len + n + 1 > b->cap)
		buf_grow(b, b->len + n + 1);
	return b->data + b->len;
}

struct span buf_span(const struct buf *b)
{
	return (struct span){ .p = b->data, .n = b->len };
}

char *buf_detach(struct buf *b)
{
	char *data;

	if (b->cap == 0)
		buf_grow(b, 1);
	/* Who wrote into buf_room() need not have ended it. */
	b->data[b->len] = '\0';
	data = TAKE(b->data);
	*b = (struct buf){ .data = buf_empty, .max = b->max, .wipes = b->wipes };
	return data;
}
