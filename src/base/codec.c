/* SPDX-License-Identifier: Apache-2.0 */
#include "base/codec.h"

#include <ctype.h>
#include <string.h>

static const char hex_digits[] = "0123456789abcdef";

void hex_encode(const void *bytes, size_t n, char *text)
{
	const uint8_t *b = bytes;

	for (size_t i = 0; i < n; i++) {
		text[2 * i] = hex_digits[b[i] >> 4];
		text[2 * i + 1] = hex_digits[b[i] & 15];
	}
	text[2 * n] = '\0';
}

/* clang-format off */

/* Of each digit one more than it is worth, so that 0 is none. */
static const uint8_t hex_values[256] = {
	['0'] = 1, ['1'] = 2, ['2'] = 3, ['3'] = 4, ['4'] = 5, ['5'] = 6, ['6'] = 7, ['7'] = 8,
	['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15,
	['f'] = 16, ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

static const uint8_t base64_values[256] = {
	['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8,
	['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15,
	['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22,
	['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29,
	['d'] = 30, ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36,
	['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42, ['q'] = 43,
	['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49, ['x'] = 50,
	['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56, ['4'] = 57,
	['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};
/* clang-format on */

static int hex_value(char c)
{
	return hex_values[(uint8_t)c] - 1;
}

/* What two digits stand for, or -1. */
static int hex_byte(const char *digits)
{
	int high = hex_value(digits[0]), low = hex_value(digits[1]);

	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

enum err hex_decode(struct span text, void *bytes, size_t n)
{
	uint8_t *b = bytes;

	if (text.n != 2 * n)
		return ERR_PARSE;
	for (size_t i = 0; i < n; i++) {
		int byte = hex_byte(text.p + 2 * i);

		if (byte < 0)
			return ERR_PARSE;
		b[i] = (uint8_t)byte;
	}
	return ERR_OK;
}

static const char base64_alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* What a character of the alphabet, standard or for URLs, stands for; or -1. */
static int base64_value(char c, bool url)
{
	if (url && (c == '+' || c == '/'))
		return -1;
	if (url && (c == '-' || c == '_'))
		c = c == '-' ? '+' : '/';
	return base64_values[(uint8_t)c] - 1;
}

/* Bits of n characters of the alphabet, or -1 if one is not of it. */
static int32_t base64_bits(const char *text, size_t n, bool url)
{
	int32_t bits = 0;

	for (size_t i = 0; i < n; i++) {
		int v = base64_value(text[i], url);

		if (v < 0)
			return -1;
		bits = bits << 6 | v;
	}
	return bits;
}

/* The two or three characters behind the last four; bits that are left over must be zero. */
static enum err base64_tail(const char *text, size_t n, bool url, uint8_t *out)
{
	int32_t bits = base64_bits(text, n, url);

	if (bits < 0 || (bits & (n == 2 ? 0xf : 0x3)) != 0)
		return ERR_PARSE;
	bits <<= n == 2 ? 12 : 6;
	out[0] = (uint8_t)(bits >> 16);
	if (n == 3)
		out[1] = (uint8_t)(bits >> 8);
	return ERR_OK;
}

/* text is without padding. */
static enum err base64_read(struct span text, bool url, void *bytes, size_t max, size_t *n)
{
	size_t tail = text.n % 4, len = text.n / 4 * 3 + (tail == 0 ? 0 : tail - 1);
	const char *end = text.p + (text.n - tail);
	uint8_t *out = bytes;

	if (tail == 1)
		return ERR_PARSE;
	if (len > max)
		return ERR_LIMIT;
	for (const char *p = text.p; p != end; p += 4) {
		int32_t bits = base64_bits(p, 4, url);

		if (bits < 0)
			return ERR_PARSE;
		*out++ = (uint8_t)(bits >> 16);
		*out++ = (uint8_t)(bits >> 8);
		*out++ = (uint8_t)bits;
	}
	if (tail > 0 && base64_tail(end, tail, url, out) != ERR_OK)
		return ERR_PARSE;
	*n = len;
	return ERR_OK;
}

enum err base64_decode(struct span text, void *bytes, size_t max, size_t *n)
{
	if (text.n % 4 != 0)
		return ERR_PARSE;
	for (unsigned pad = 0; pad < 2 && text.n > 0 && text.p[text.n - 1] == '='; pad++)
		text.n--;
	return base64_read(text, false, bytes, max, n);
}

enum err base64url_decode(struct span text, struct buf *out)
{
	size_t max = text.n / 4 * 3 + 2, n;
	char *at = buf_room(out, max);
	enum err e;

	if (at == NULL)
		return ERR_LIMIT;
	e = base64_read(text, true, at, max, &n);
	at[e == ERR_OK ? n : 0] = '\0';
	if (e == ERR_OK)
		out->len += n;
	return e;
}

enum err base64_encode(struct buf *out, const void *bytes, size_t n)
{
	const uint8_t *b = bytes;
	char *at = buf_room(out, (n + 2) / 3 * 4);

	if (at == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < n; i += 3) {
		uint32_t bits = (uint32_t)b[i] << 16;

		if (i + 1 < n)
			bits |= (uint32_t)b[i + 1] << 8;
		if (i + 2 < n)
			bits |= b[i + 2];
		*at++ = base64_alphabet[bits >> 18];
		*at++ = base64_alphabet[bits >> 12 & 63];
		*at++ = i + 1 < n ? base64_alphabet[bits >> 6 & 63] : '=';
		*at++ = i + 2 < n ? base64_alphabet[bits & 63] : '=';
	}
	*at = '\0';
	out->len += (n + 2) / 3 * 4;
	return ERR_OK;
}

enum err base64url_encode(struct buf *out, const void *bytes, size_t n)
{
	size_t begin = out->len;
	enum err e = base64_encode(out, bytes, n);

	if (e != ERR_OK)
		return e;
	while (out->len > begin && out->data[out->len - 1] == '=')
		out->data[--out->len] = '\0';
	for (char *p = out->data + begin; *p != '\0'; p++) {
		if (*p == '+')
			*p = '-';
		else if (*p == '/')
			*p = '_';
	}
	return ERR_OK;
}

/* %XX is a byte; '+' is a space or itself. */
static enum err percent_decode(struct span text, char plus, struct buf *out)
{
	/* Decoding never lengthens, so one reservation is enough. */
	char *at = buf_room(out, text.n), *start = at;

	if (at == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c == '%') {
			int byte = text.n - i < 3 ? -1 : hex_byte(text.p + i + 1);

			if (byte < 0) {
				*start = '\0';
				return ERR_PARSE;
			}
			c = (char)byte;
			i += 2;
		} else if (c == '+') {
			c = plus;
		}
		*at++ = c;
	}
	*at = '\0';
	out->len += (size_t)(at - start);
	return ERR_OK;
}

enum err form_decode(struct span text, struct buf *out)
{
	return percent_decode(text, ' ', out);
}

enum err url_decode(struct span text, struct buf *out)
{
	return percent_decode(text, '+', out);
}

/* Cut the next field off the front of a form body that is not empty. */
static struct span form_take(struct span *body)
{
	const char *amp = memchr(body->p, '&', body->n);
	struct span field = { .p = body->p, .n = body->n };

	if (amp != NULL)
		field.n = (size_t)(amp - body->p);
	body->p += field.n + (amp != NULL);
	body->n -= field.n + (amp != NULL);
	return field;
}

enum err form_find(struct span body, const char *name, struct span *value)
{
	size_t name_len = strlen(name);
	struct span found = { .p = NULL };

	while (body.n > 0) {
		struct span field = form_take(&body);
		bool has_value = field.n > name_len;
		size_t skip = name_len + (has_value ? 1 : 0);

		if (!span_starts(field, name) || (has_value && field.p[name_len] != '='))
			continue;
		if (found.p != NULL)
			return ERR_PARSE;
		found = (struct span){ .p = field.p + skip, .n = field.n - skip };
	}
	if (found.p == NULL)
		return ERR_NOTFOUND;
	*value = found;
	return ERR_OK;
}

static bool url_is_unreserved(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

static char *put_percent(char *at, uint8_t c)
{
	*at++ = '%';
	*at++ = "0123456789ABCDEF"[c >> 4];
	*at++ = "0123456789ABCDEF"[c & 15];
	return at;
}

enum err url_encode(struct span text, struct buf *out)
{
	char *at = buf_room(out, 3 * text.n), *start = at;

	if (at == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = (uint8_t)text.p[i];

		if (url_is_unreserved((char)c))
			*at++ = (char)c;
		else
			at = put_percent(at, c);
	}
	*at = '\0';
	out->len += (size_t)(at - start);
	return ERR_OK;
}

/* Where the path of a URI begins: brackets may stand before it, around an address. */
static size_t uri_path(struct span uri)
{
	const char *colon = uri.n == 0 ? NULL : memmem(uri.p, uri.n, "://", 3);
	size_t i = colon == NULL ? 0 : (size_t)(colon - uri.p) + 3;

	while (i < uri.n && colon != NULL && strchr("/?#", uri.p[i]) == NULL)
		i++;
	return i;
}

/* May the character at i stay as it is? A fragment begins once. */
static bool uri_keeps(struct span uri, size_t i, size_t path, bool in_fragment)
{
	char c = uri.p[i];

	if (c == '%')
		return i + 2 < uri.n && isxdigit((unsigned char)uri.p[i + 1]) &&
		       isxdigit((unsigned char)uri.p[i + 2]);
	if (c == '[' || c == ']')
		return i < path;
	if (c == '#')
		return !in_fragment;
	return url_is_unreserved(c) || (c != '\0' && strchr("!$&'()*+,;=:@/?", c) != NULL);
}

enum err uri_repair(struct span text, struct buf *out)
{
	char *at = buf_room(out, 3 * text.n), *start = at;
	size_t path = uri_path(text);
	bool in_fragment = false;

	if (at == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < text.n; i++) {
		if (uri_keeps(text, i, path, in_fragment))
			*at++ = text.p[i];
		else
			at = put_percent(at, (uint8_t)text.p[i]);
		in_fragment = in_fragment || text.p[i] == '#';
	}
	*at = '\0';
	out->len += (size_t)(at - start);
	return ERR_OK;
}

void uuid_mark(uint8_t id[UUID_BYTES])
{
	id[6] = (uint8_t)(0x80 | (id[6] & 0x0f));
	id[8] = (uint8_t)(0x80 | (id[8] & 0x3f));
}

void uuid_stamp(uint8_t id[UUID_BYTES], uint64_t ms)
{
	for (size_t i = 0; i < 6; i++)
		id[i] = (uint8_t)(ms >> (40 - 8 * i));
}

char *uuid_format(const uint8_t id[UUID_BYTES], char text[UUID_TEXT_MAX])
{
	char *at = text;

	for (int i = 0; i < UUID_BYTES; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*at++ = '-';
		*at++ = hex_digits[id[i] >> 4];
		*at++ = hex_digits[id[i] & 15];
	}
	*at = '\0';
	return text;
}

enum err uuid_parse(struct span text, uint8_t id[UUID_BYTES])
{
	char digits[2 * UUID_BYTES];
	size_t n = 0;

	if (text.n != UUID_TEXT_MAX - 1)
		return ERR_PARSE;
	for (size_t i = 0; i < text.n; i++) {
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (text.p[i] != '-')
				return ERR_PARSE;
			continue;
		}
		digits[n++] = text.p[i];
	}
	return hex_decode((struct span){ .p = digits, .n = n }, id, UUID_BYTES);
}

/* By Unicode's table 3-7: the second byte's range depends on the first. */
static inline size_t utf8_char(const uint8_t *p, size_t left)
{
	uint8_t low = 0x80, high = 0xbf;
	size_t n;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (left < n)
		return 0;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++) {
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	}
	return n;
}

size_t utf8_len(struct span s)
{
	return s.n == 0 ? 0 : utf8_char((const uint8_t *)s.p, s.n);
}

bool utf8_is_valid(struct span s)
{
	for (size_t i = 0; i < s.n;) {
		size_t n = utf8_char((const uint8_t *)s.p + i, s.n - i);

		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

struct span utf8_cut(struct span s, size_t max)
{
	if (s.n <= max)
		return s;
	while (max > 0 && ((uint8_t)s.p[max] & 0xc0) == 0x80)
		max--;
	return (struct span){ .p = s.p, .n = max };
}
