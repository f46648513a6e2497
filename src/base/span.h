/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* Bytes that somebody else owns. Not NUL terminated; p may be NULL if n is 0. */
struct span {
	const char *p;
	size_t n;
};

/* A string literal as a span. */
#define SPAN(lit) ((struct span){ .p = (lit), .n = sizeof(lit) - 1 })

/* printf arguments for "%.*s". */
#define SPAN_ARGS(s) (int)(s).n, (s).p

static inline struct span span_of(const char *s)
{
	return (struct span){ .p = s, .n = s == NULL ? 0 : strlen(s) };
}

static inline bool span_eq(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool span_is(struct span a, const char *s)
{
	return span_eq(a, span_of(s));
}

/* Equal but for the case of ASCII letters. */
static inline bool span_is_nocase(struct span a, const char *s)
{
	return a.n == strlen(s) && (a.n == 0 || strncasecmp(a.p, s, a.n) == 0);
}

static inline bool span_eq_nocase(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

static inline bool span_starts(struct span a, const char *prefix)
{
	size_t n = strlen(prefix);

	return a.n >= n && (n == 0 || memcmp(a.p, prefix, n) == 0);
}

static inline bool span_ends(struct span a, const char *suffix)
{
	size_t n = strlen(suffix);

	return a.n >= n && (n == 0 || memcmp(a.p + a.n - n, suffix, n) == 0);
}

/* Only letters of ASCII have a case here, whatever the locale. */
static inline char ascii_lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

/* Copy at most max bytes in lower case; what was copied. out may be where s is. */
static inline struct span span_lower(struct span s, char *out, size_t max)
{
	size_t n = s.n < max ? s.n : max;

	for (size_t i = 0; i < n; i++)
		out[i] = ascii_lower(s.p[i]);
	return (struct span){ out, n };
}

/* Byte by byte, as memcmp(3): below 0, 0, above 0. */
static inline int span_order(struct span a, struct span b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n == 0 ? 0 : memcmp(a.p, b.p, n);

	return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

/* Is s one of the n in list? */
static inline bool span_in(struct span s, const struct span *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (span_eq(s, list[i]))
			return true;
	}
	return false;
}

#endif
