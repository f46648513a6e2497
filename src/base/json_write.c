/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_write.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/codec.h"

void json_writer_init(struct json_writer *w, struct buf *out)
{
	*w = (struct json_writer){ .out = out };
}

enum err json_done(const struct json_writer *w)
{
	return w->err;
}

static void put(struct json_writer *w, const char *bytes, size_t n)
{
	if (w->err == ERR_OK)
		w->err = buf_add(w->out, bytes, n);
}

static void begin_value(struct json_writer *w)
{
	if (w->comma)
		put(w, ",", 1);
	w->comma = true;
}

static void open_bracket(struct json_writer *w, const char *bracket)
{
	begin_value(w);
	put(w, bracket, 1);
	w->comma = false;
}

static void close_bracket(struct json_writer *w, const char *bracket)
{
	put(w, bracket, 1);
	w->comma = true;
}

void json_object_begin(struct json_writer *w)
{
	open_bracket(w, "{");
}

void json_object_end(struct json_writer *w)
{
	close_bracket(w, "}");
}

void json_array_begin(struct json_writer *w)
{
	open_bracket(w, "[");
}

void json_array_end(struct json_writer *w)
{
	close_bracket(w, "]");
}

void json_key(struct json_writer *w, const char *key)
{
	begin_value(w);
	put(w, "\"", 1);
	put(w, key, strlen(key));
	put(w, "\":", 2);
	w->comma = false;
}

static void put_escape(struct json_writer *w, unsigned char c)
{
	static const char short_escapes[] = { ['\b'] = 'b',
		['\t'] = 't',
		['\n'] = 'n',
		['\f'] = 'f',
		['\r'] = 'r',
		['"'] = '"',
		['\\'] = '\\' };
	char text[8];

	if (c < sizeof(short_escapes) && short_escapes[c] != 0) {
		text[0] = '\\';
		text[1] = short_escapes[c];
		put(w, text, 2);
		return;
	}
	snprintf(text, sizeof(text), "\\u%04x", c);
	put(w, text, 6);
}

/* Does this character, of n bytes, stand for itself in a string? */
static bool is_literal(const char *p, size_t n)
{
	unsigned char c = (unsigned char)p[0];

	return n > 1 || (n == 1 && c >= 0x20 && c != '"' && c != '\\' && c != 0x7f);
}

/* Cut off the front what can be written as it is. */
static struct span take_literal(struct span *s)
{
	struct span run = { s->p, 0 };

	while (s->n > 0) {
		size_t n = utf8_len(*s);

		if (!is_literal(s->p, n))
			break;
		run.n += n;
		s->p += n;
		s->n -= n;
	}
	return run;
}

void json_put_span(struct json_writer *w, struct span s)
{
	begin_value(w);
	put(w, "\"", 1);
	while (s.n > 0) {
		struct span run = take_literal(&s);

		put(w, run.p, run.n);
		if (s.n == 0)
			break;
		if ((unsigned char)s.p[0] < 0x80)
			put_escape(w, (unsigned char)s.p[0]);
		else
			put(w, "\xef\xbf\xbd", 3);
		s.p++;
		s.n--;
	}
	put(w, "\"", 1);
}

void json_put_str(struct json_writer *w, const char *s)
{
	json_put_span(w, span_of(s));
}

void json_put_int(struct json_writer *w, int64_t n)
{
	char text[24], *at = text + sizeof(text);
	uint64_t rest = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;

	do {
		*--at = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	if (n < 0)
		*--at = '-';
	begin_value(w);
	put(w, at, (size_t)(text + sizeof(text) - at));
}

void json_put_bool(struct json_writer *w, bool b)
{
	begin_value(w);
	put(w, b ? "true" : "false", b ? 4 : 5);
}

void json_put_null(struct json_writer *w)
{
	begin_value(w);
	put(w, "null", 4);
}

void json_put_wall(struct json_writer *w, struct wall t)
{
	char text[WALL_TEXT_MAX];

	if (t.ms == WALL_NONE.ms)
		json_put_null(w);
	else
		json_put_str(w, wall_format(t, text));
}

void json_put_raw(struct json_writer *w, struct span json)
{
	begin_value(w);
	put(w, json.p, json.n);
}

void json_member_span(struct json_writer *w, const char *key, struct span s)
{
	json_key(w, key);
	json_put_span(w, s);
}

void json_member_opt(struct json_writer *w, const char *key, struct span s)
{
	if (s.n > 0)
		json_member_span(w, key, s);
}

void json_member_str(struct json_writer *w, const char *key, const char *s)
{
	json_member_span(w, key, span_of(s));
}

void json_member_spans(struct json_writer *w, const char *key, const struct span *list, size_t n)
{
	json_key(w, key);
	json_array_begin(w);
	for (size_t i = 0; i < n; i++)
		json_put_span(w, list[i]);
	json_array_end(w);
}

void json_member_int(struct json_writer *w, const char *key, int64_t n)
{
	json_key(w, key);
	json_put_int(w, n);
}

void json_member_bool(struct json_writer *w, const char *key, bool b)
{
	json_key(w, key);
	json_put_bool(w, b);
}

void json_member_wall(struct json_writer *w, const char *key, struct wall t)
{
	json_key(w, key);
	json_put_wall(w, t);
}
