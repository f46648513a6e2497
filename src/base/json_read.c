/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_read.h"

#include "base/codec.h"
#include "base/json_scan.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_space(struct json_iter *it)
{
	while (it->p < it->end && is_space(*it->p))
		it->p++;
}

/* p at the opening quote; returns behind the closing one. */
static const char *string_end(const char *p, const char *end)
{
	uint64_t high = 0;

	p++;
	for (;;) {
		p = json_scan_string(p, end, &high);
		if (end - p < 2)
			return end;
		if (*p == '"')
			return p + 1;
		p += 2;
	}
}

/* p at the opening bracket; returns behind its partner. */
static const char *container_end(const char *p, const char *end)
{
	unsigned depth = 0;

	while (p < end) {
		switch (*p) {
		case '"': p = string_end(p, end); continue;
		case '{':
		case '[': depth++; break;
		case '}':
		case ']':
			if (--depth == 0)
				return p + 1;
			break;
		default: break;
		}
		p++;
	}
	return end;
}

static const char *scalar_end(const char *p, const char *end)
{
	while (p < end && *p != ',' && *p != '}' && *p != ']' && (unsigned char)*p > ' ')
		p++;
	return p;
}

static struct json_value take_value(struct json_iter *it)
{
	struct json_value v = { JSON_NULL, { it->p, 0 } };

	if (it->p == it->end)
		return v;
	switch (*it->p) {
	case '"':
		v.type = JSON_STRING;
		it->p = string_end(it->p, it->end);
		break;
	case '{':
	case '[':
		v.type = *it->p == '{' ? JSON_OBJECT : JSON_ARRAY;
		it->p = container_end(it->p, it->end);
		break;
	default:
		v.type = *it->p == 'n'                    ? JSON_NULL
			 : *it->p == 't' || *it->p == 'f' ? JSON_BOOL
							  : JSON_NUMBER;
		it->p = scalar_end(it->p, it->end);
		break;
	}
	v.text.n = (size_t)(it->p - v.text.p);
	return v;
}

struct json_value json_root(struct span gated)
{
	struct json_iter it = { gated.p, gated.p + gated.n };

	skip_space(&it);
	/* What is neither space nor value is not there: no need to look for the end. */
	while (it.end > it.p && is_space(it.end[-1]))
		it.end--;
	if (it.p < it.end && (*it.p == '{' || *it.p == '['))
		return (struct json_value){ *it.p == '{' ? JSON_OBJECT : JSON_ARRAY,
			{ it.p, (size_t)(it.end - it.p) } };
	return take_value(&it);
}

struct json_iter json_iter(struct json_value container)
{
	if (container.type != JSON_OBJECT && container.type != JSON_ARRAY)
		return (struct json_iter){ NULL, NULL };
	return (struct json_iter){ container.text.p + 1, container.text.p + container.text.n - 1 };
}

bool json_next_element(struct json_iter *it, struct json_value *v)
{
	skip_space(it);
	if (it->p < it->end && *it->p == ',') {
		it->p++;
		skip_space(it);
	}
	if (it->p >= it->end)
		return false;
	*v = take_value(it);
	return true;
}

bool json_next_member(struct json_iter *it, struct span *name, struct json_value *v)
{
	struct json_value key;

	if (!json_next_element(it, &key))
		return false;
	*name = (struct span){ key.text.p + 1, key.text.n - 2 };
	skip_space(it);
	it->p++; /* the colon */
	skip_space(it);
	*v = take_value(it);
	return true;
}

static bool escaped_name_is(struct span name, const char *plain)
{
	CLEANUP(buf_release) struct buf resolved;

	buf_init(&resolved, name.n);
	return json_unescape(name, &resolved) == ERR_OK && span_is(buf_span(&resolved), plain);
}

/* An escape is longer than what it stands for, so that the length tells nearly all. */
bool json_name_is(struct span name, const char *plain)
{
	size_t n = strlen(plain);
	bool escaped;

	if (name.n < n || (name.n == n && memcmp(name.p, plain, n) != 0))
		return false;
	escaped = name.n > 0 && memchr(name.p, '\\', name.n) != NULL;
	return escaped ? escaped_name_is(name, plain) : name.n == n;
}

bool json_get(struct json_value object, const char *name, struct json_value *v)
{
	struct json_iter it = json_iter(object);
	struct span found;

	if (object.type != JSON_OBJECT)
		it = (struct json_iter){ NULL, NULL };
	while (json_next_member(&it, &found, v)) {
		if (json_name_is(found, name))
			return true;
	}
	*v = (struct json_value){ JSON_NULL, { NULL, 0 } };
	return false;
}

enum err json_string(struct json_value v, struct buf *out)
{
	if (v.type != JSON_STRING)
		return ERR_PARSE;
	return json_unescape((struct span){ v.text.p + 1, v.text.n - 2 }, out);
}

enum err json_plain(struct json_value v, struct span *s)
{
	if (v.type != JSON_STRING || memchr(v.text.p, '\\', v.text.n) != NULL)
		return ERR_PARSE;
	*s = (struct span){ v.text.p + 1, v.text.n - 2 };
	return ERR_OK;
}

enum err json_int(struct json_value v, int64_t *n)
{
	bool negative;
	int64_t value = 0;
	size_t i;

	if (v.type != JSON_NUMBER)
		return ERR_PARSE;
	negative = v.text.p[0] == '-';
	for (i = negative ? 1 : 0; i < v.text.n; i++) {
		int digit = v.text.p[i] - '0';

		if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
			__builtin_sub_overflow(value, digit, &value))
			return ERR_PARSE;
	}
	/* Counted downwards, because INT64_MIN has no positive twin. */
	if (!negative && __builtin_sub_overflow(0, value, &value))
		return ERR_PARSE;
	*n = value;
	return ERR_OK;
}

bool json_is_true(struct json_value v)
{
	return v.type == JSON_BOOL && v.text.p[0] == 't';
}

static unsigned hex4(const char *p)
{
	uint8_t b[2] = { 0 };

	IGNORE(hex_decode((struct span){ p, 4 }, b, 2) != ERR_OK);
	return (unsigned)b[0] << 8 | b[1];
}

static size_t utf8_put(uint32_t point, char *at)
{
	if (point < 0x80) {
		at[0] = (char)point;
		return 1;
	}
	if (point < 0x800) {
		at[0] = (char)(0xc0 | point >> 6);
		at[1] = (char)(0x80 | (point & 0x3f));
		return 2;
	}
	if (point < 0x10000) {
		at[0] = (char)(0xe0 | point >> 12);
		at[1] = (char)(0x80 | (point >> 6 & 0x3f));
		at[2] = (char)(0x80 | (point & 0x3f));
		return 3;
	}
	at[0] = (char)(0xf0 | point >> 18);
	at[1] = (char)(0x80 | (point >> 12 & 0x3f));
	at[2] = (char)(0x80 | (point >> 6 & 0x3f));
	at[3] = (char)(0x80 | (point & 0x3f));
	return 4;
}

/* p behind "\u"; returns behind the unit or the pair. */
static const char *take_unicode(const char *p, uint32_t *point)
{
	*point = hex4(p);
	p += 4;
	if (*point >= 0xd800 && *point <= 0xdbff) {
		*point = 0x10000 + ((*point - 0xd800) << 10) + (hex4(p + 2) - 0xdc00);
		p += 6;
	}
	return p;
}

static char plain_escape(char c)
{
	switch (c) {
	case 'b': return '\b';
	case 'f': return '\f';
	case 'n': return '\n';
	case 'r': return '\r';
	case 't': return '\t';
	default: return c;
	}
}

enum err json_unescape(struct span inside, struct buf *out)
{
	/* Resolving never lengthens. */
	char *at = buf_room(out, inside.n), *start = at;
	const char *p = inside.p, *end = inside.p + inside.n;

	if (at == NULL)
		return ERR_LIMIT;
	while (p < end) {
		uint32_t point;

		if (*p != '\\') {
			*at++ = *p++;
		} else if (p[1] != 'u') {
			*at++ = plain_escape(p[1]);
			p += 2;
		} else {
			p = take_unicode(p + 2, &point);
			at += utf8_put(point, at);
		}
	}
	*at = '\0';
	out->len += (size_t)(at - start);
	return ERR_OK;
}
