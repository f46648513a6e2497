/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_gate.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/codec.h"
#include "base/hash.h"
#include "base/json_read.h"
#include "base/json_scan.h"

#define GATE_DEPTH_MAX     128
#define GATE_DEPTH_DEFAULT 32
#define GATE_VALUES        20000

/*
 * Member names seen so far, as hashes of (object, name). The keyed hash cannot
 * be steered, and two names of one document collide by chance once in 2^64, so
 * the names themselves need not be kept.
 */
struct gate_names {
	uint64_t *slot;
	size_t cap, count;
	uint64_t small[128];
};

struct gate {
	const char *p, *end, *start;
	unsigned depth, depth_max, values_left;
	uint64_t object; /* number of the innermost object opened so far */
	struct {         /* what each open bracket was */
		char close;
		uint64_t object;
	} open[GATE_DEPTH_MAX];
	struct gate_names names;
};

static bool names_add(struct gate_names *n, uint64_t hash)
{
	size_t i = hash & (n->cap - 1);

	while (n->slot[i] != 0) {
		if (n->slot[i] == hash)
			return false;
		i = (i + 1) & (n->cap - 1);
	}
	n->slot[i] = hash;
	n->count++;
	return true;
}

static void names_grow(struct gate_names *n)
{
	uint64_t *old = n->slot;
	size_t old_cap = n->cap;

	n->cap = old_cap * 2;
	n->count = 0;
	n->slot = xcalloc(n->cap, sizeof(*n->slot));
	for (size_t i = 0; i < old_cap; i++) {
		if (old[i] != 0)
			IGNORE(names_add(n, old[i]));
	}
	if (old != n->small)
		free(old);
}

static void gate_space(struct gate *g)
{
	while (g->p < g->end && (*g->p == ' ' || *g->p == '\t' || *g->p == '\n' || *g->p == '\r'))
		g->p++;
}

static bool gate_hex4(struct gate *g, unsigned *unit)
{
	uint8_t b[2];

	if (g->end - g->p < 4 || hex_decode((struct span){ g->p, 4 }, b, 2) != ERR_OK)
		return false;
	*unit = (unsigned)b[0] << 8 | b[1];
	g->p += 4;
	return true;
}

/* After "\u": one unit or a surrogate pair; never U+0000. */
static bool gate_unicode(struct gate *g)
{
	unsigned high, low;

	if (!gate_hex4(g, &high) || high == 0)
		return false;
	if (high < 0xd800 || high > 0xdfff)
		return true;
	if (high > 0xdbff || g->end - g->p < 6 || g->p[0] != '\\' || g->p[1] != 'u')
		return false;
	g->p += 2;
	return gate_hex4(g, &low) && low >= 0xdc00 && low <= 0xdfff;
}

static bool gate_escape(struct gate *g)
{
	if (g->p == g->end)
		return false;
	switch (*g->p++) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't': return true;
	case 'u': return gate_unicode(g);
	default: return false;
	}
}

/* A string, p behind its opening quote. Says whether it had escapes. */
static bool gate_string(struct gate *g, bool *escaped)
{
	const char *start = g->p;
	uint64_t high = 0;

	*escaped = false;
	for (;;) {
		g->p = json_scan_string(g->p, g->end, &high);
		if (g->p == g->end)
			return false;
		if (*g->p == '"')
			break;
		if (*g->p != '\\')
			return false;
		g->p++;
		*escaped = true;
		if (!gate_escape(g))
			return false;
	}
	g->p++;
	return high == 0 || utf8_is_valid((struct span){ start, (size_t)(g->p - start) - 1 });
}

static uint64_t gate_name_hash(uint64_t object, struct span name)
{
	struct hash_key key = *hash_process_key();
	uint64_t h;

	key.k1 ^= object;
	h = hash_bytes(&key, name);
	return h == 0 ? 1 : h;
}

/* A member's name, p behind its opening quote: well formed and new in its object. */
static bool gate_name(struct gate *g)
{
	const char *start = g->p;
	CLEANUP(buf_release) struct buf plain;
	struct span name;
	bool escaped;

	buf_init(&plain, SIZE_MAX / 2);
	if (!gate_string(g, &escaped))
		return false;
	name = (struct span){ start, (size_t)(g->p - start) - 1 };
	if (escaped) {
		IGNORE(json_unescape(name, &plain) != ERR_OK);
		name = buf_span(&plain);
	}
	if ((g->names.count + 1) * 2 > g->names.cap)
		names_grow(&g->names);
	return names_add(&g->names, gate_name_hash(g->open[g->depth - 1].object, name));
}

static bool gate_digits(struct gate *g)
{
	const char *start = g->p;

	while (g->p < g->end && *g->p >= '0' && *g->p <= '9')
		g->p++;
	return g->p > start;
}

static bool gate_number(struct gate *g)
{
	if (*g->p == '-')
		g->p++;
	if (g->p < g->end && *g->p == '0')
		g->p++;
	else if (!gate_digits(g))
		return false;
	if (g->p < g->end && *g->p == '.') {
		g->p++;
		if (!gate_digits(g))
			return false;
	}
	if (g->p < g->end && (*g->p == 'e' || *g->p == 'E')) {
		g->p++;
		if (g->p < g->end && (*g->p == '+' || *g->p == '-'))
			g->p++;
		return gate_digits(g);
	}
	return true;
}

static bool gate_word(struct gate *g, struct span word)
{
	if ((size_t)(g->end - g->p) < word.n || memcmp(g->p, word.p, word.n) != 0)
		return false;
	g->p += word.n;
	return true;
}

static enum err gate_open(struct gate *g, char close)
{
	if (g->depth == g->depth_max)
		return ERR_LIMIT;
	g->p++;
	g->open[g->depth].close = close;
	g->open[g->depth].object = ++g->object;
	g->depth++;
	return ERR_OK;
}

/* A scalar, or the opening bracket of what is not. */
static enum err gate_value(struct gate *g)
{
	bool escaped, good;

	if (g->p == g->end)
		return ERR_PARSE;
	if (g->values_left-- == 0)
		return ERR_LIMIT;
	switch (*g->p) {
	case '{': return gate_open(g, '}');
	case '[': return gate_open(g, ']');
	case '"':
		g->p++;
		good = gate_string(g, &escaped);
		break;
	case 't': good = gate_word(g, SPAN("true")); break;
	case 'f': good = gate_word(g, SPAN("false")); break;
	case 'n': good = gate_word(g, SPAN("null")); break;
	case '-':
	case '0' ... '9': good = gate_number(g); break;
	default: good = false; break;
	}
	return good ? ERR_OK : ERR_PARSE;
}

/* In an object, what stands before the value: a name and a colon. */
static bool gate_member(struct gate *g)
{
	if (g->p == g->end || *g->p++ != '"' || !gate_name(g))
		return false;
	gate_space(g);
	if (g->p == g->end || *g->p++ != ':')
		return false;
	gate_space(g);
	return true;
}

/*
 * Behind a value: close what ends here, up to the comma that asks for another
 * value or to the end of the document.
 */
static enum err gate_after(struct gate *g, bool *more)
{
	*more = false;
	while (g->depth > 0) {
		gate_space(g);
		if (g->p == g->end)
			return ERR_PARSE;
		if (*g->p == ',') {
			g->p++;
			gate_space(g);
			*more = true;
			return ERR_OK;
		}
		if (*g->p != g->open[g->depth - 1].close)
			return ERR_PARSE;
		g->p++;
		g->depth--;
	}
	return ERR_OK;
}

static enum err gate_document(struct gate *g)
{
	bool more = true;

	gate_space(g);
	while (more) {
		unsigned depth = g->depth;
		enum err e;

		if (depth > 0 && g->open[depth - 1].close == '}' && !gate_member(g))
			return ERR_PARSE;
		e = gate_value(g);
		if (e != ERR_OK)
			return e;
		if (g->depth > depth) {
			gate_space(g);
			if (g->p < g->end && *g->p != g->open[depth].close)
				continue;
		}
		e = gate_after(g, &more);
		if (e != ERR_OK)
			return e;
	}
	gate_space(g);
	return g->p == g->end ? ERR_OK : ERR_PARSE;
}

enum err json_gate(struct span text, const struct json_limits *limits, size_t *at)
{
	struct gate g = { .p = text.p, .end = text.p + text.n, .start = text.p };
	enum err e;

	g.depth_max = limits != NULL && limits->depth != 0 ? limits->depth : GATE_DEPTH_DEFAULT;
	if (g.depth_max > GATE_DEPTH_MAX)
		g.depth_max = GATE_DEPTH_MAX;
	g.values_left = limits != NULL && limits->values != 0 ? limits->values : GATE_VALUES;
	g.names.slot = g.names.small;
	g.names.cap = ARRAY_SIZE(g.names.small);
	e = gate_document(&g);
	if (g.names.slot != g.names.small)
		free(g.names.slot);
	if (e != ERR_OK && at != NULL)
		*at = (size_t)(g.p - g.start);
	return e;
}
