/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/syslog_format.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/codec.h"
#include "model/cloudevent.h"
#include "model/summary.h"

#define APP_NAME "stagewired"

/* The enterprise number that documents and examples may use (RFC 5612). */
#define ELEMENT_ID "stagewire@32473"

#define VALUE_MAX 200

/* Room for the parameter that tells of a cut. */
#define BYTES_PARAM_MAX sizeof(" bytes=\"18446744073709551615\"]")

static const char *const facilities[] = { "kern", "user", "mail", "daemon", "auth", "syslog", "lpr",
	"news", "uucp", "cron", "authpriv", "ftp", "ntp", "audit", "alert", "clock", "local0",
	"local1", "local2", "local3", "local4", "local5", "local6", "local7" };

int syslog_facility(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(facilities); i++) {
		if (strcmp(facilities[i], name) == 0)
			return (int)i;
	}
	return -1;
}

void syslog_format_init(struct syslog_format *s)
{
	*s = (struct syslog_format){ .pid = (int)getpid() };
	if (gethostname(s->host, sizeof(s->host) - 1) != 0)
		s->host[0] = '\0';
	for (const char *p = s->host; *p != '\0'; p++) {
		if (*p <= ' ' || *p >= 0x7f)
			s->host[0] = '\0';
	}
	if (s->host[0] == '\0')
		strcpy(s->host, "-");
}

/* --- text --- */

/* Bytes of the control character that text begins with; 0 if it is another one. */
static size_t control_len(struct span text)
{
	unsigned char c = (unsigned char)text.p[0];

	if (c < 0x20 || c == 0x7f)
		return 1;
	return c == 0xc2 && text.n > 1 && (unsigned char)text.p[1] < 0xa0 ? 2 : 0;
}

/* Append with a '?' for each control character, and what is in escaped behind a backslash. */
static enum err put_clean(struct span text, const char *escaped, struct buf *out)
{
	enum err e = ERR_OK;

	while (text.n > 0 && e == ERR_OK) {
		size_t n = control_len(text);

		if (n > 0)
			e = buf_add_str(out, "?");
		else if (strchr(escaped, text.p[0]) != NULL)
			e = buf_addf(out, "\\%c", text.p[0]);
		else
			e = buf_add(out, text.p, 1);
		n = n > 0 ? n : 1;
		text = (struct span){ text.p + n, text.n - n };
	}
	return e;
}

static bool is_ascii(struct span text)
{
	for (size_t i = 0; i < text.n; i++) {
		if ((unsigned char)text.p[i] > 0x7e)
			return false;
	}
	return true;
}

/* The number of a character that utf8_len() has measured. */
static uint32_t code_point(const char *p, size_t n)
{
	static const unsigned char first_bits[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t c = (unsigned char)p[0] & first_bits[n];

	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((unsigned char)p[i] & 0x3f);
	return c;
}

static enum err put_escape(uint32_t c, struct buf *out)
{
	if (c < 0x10000)
		return buf_addf(out, "\\u%04" PRIx32, c);
	c -= 0x10000;
	return buf_addf(
		out, "\\u%04" PRIx32 "\\u%04" PRIx32, 0xd800 + (c >> 10), 0xdc00 + (c & 0x3ff));
}

/* JSON has such characters in strings only, where an escape means the same. */
static enum err put_ascii_json(struct span json, struct buf *out)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < json.n && e == ERR_OK;) {
		size_t n = utf8_len((struct span){ json.p + i, json.n - i });

		if (n == 0)
			return ERR_PARSE;
		if (n == 1)
			e = buf_add(out, json.p + i, 1);
		else
			e = put_escape(code_point(json.p + i, n), out);
		i += n;
	}
	return e;
}

/* One line for people. UTF-8 is announced (RFC 5424, section 6.4), ASCII needs no word. */
static enum err put_line(const struct cloudevent_facts *f, struct buf *out)
{
	CLEANUP(buf_release) struct buf line;
	enum err e;

	buf_init(&line, SIZE_MAX / 2);
	e = summary_write(f, &line);
	if (e == ERR_OK && f->url.n > 0)
		e = buf_addf(&line, " %.*s", SPAN_ARGS(f->url));
	if (e == ERR_OK && !is_ascii(buf_span(&line)))
		e = buf_add_str(out, "\xef\xbb\xbf");
	return e == ERR_OK ? put_clean(buf_span(&line), "", out) : e;
}

/* --- structured data --- */

/* Append the parameter if there is something to say, and room. */
static enum err put_param(const char *name, struct span value, size_t max, struct buf *out)
{
	size_t before = out->len;
	enum err e;

	if (value.n == 0)
		return ERR_OK;
	e = buf_addf(out, " %s=\"", name);
	if (e == ERR_OK)
		e = put_clean(utf8_cut(value, VALUE_MAX), "\"\\]", out);
	if (e == ERR_OK)
		e = buf_add_str(out, "\"");
	if (e == ERR_OK && out->len > max) {
		out->len = before;
		out->data[before] = '\0';
	}
	return e;
}

static enum err put_element(const struct cloudevent_facts *f, size_t max, struct buf *out)
{
	const struct {
		const char *name;
		struct span value;
	} params[] = {
		{ "id", f->id },
		{ "type", f->type },
		{ "source", f->source },
		{ "repository", f->repository },
		{ "build", f->number },
		{ "branch", f->branch },
		{ "tag", f->tag },
		{ "outcome", f->outcome },
		{ "transition", f->transition },
		{ "sink", f->sink },
	};
	enum err e = buf_add_str(out, "[" ELEMENT_ID);

	for (size_t i = 0; i < ARRAY_SIZE(params) && e == ERR_OK; i++)
		e = put_param(params[i].name, params[i].value, max, out);
	for (size_t i = 0; i < f->owners && e == ERR_OK; i++)
		e = put_param("owner", f->owner[i], max, out);
	for (size_t i = 0; i < f->entities && e == ERR_OK; i++)
		e = put_param("entity", f->entity[i], max, out);
	return e;
}

/* --- the message --- */

static enum err put_header(
	const struct syslog_format *s, const struct cloudevent_facts *f, struct buf *out)
{
	char time[WALL_TEXT_MAX] = "-";
	struct wall at;

	if (wall_parse(f->time, &at) == ERR_OK)
		wall_format(at, time);
	return buf_addf(out, "<%d>1 %s %s " APP_NAME " %d %s ",
		s->facility * 8 + (int)summary_severity(f), time, s->host, s->pid,
		f->message.n > 0 ? "operator" : "build");
}

/* End the structured data and append as much of the text as there is room for. */
static enum err put_text(
	const struct syslog_format *s, struct span text, size_t begun, struct buf *out)
{
	size_t used = out->len - begun, room;
	enum err e;

	if (used + sizeof("] ") - 1 + text.n <= s->max) {
		e = buf_add_str(out, "] ");
	} else {
		e = buf_addf(out, " bytes=\"%zu\"] ", text.n);
		room = s->max - (out->len - begun);
		text = utf8_cut(text, room);
	}
	return e == ERR_OK ? buf_add_span(out, text) : e;
}

enum err syslog_write(const struct syslog_format *s, struct span event, struct buf *out)
{
	CLEANUP(cloudevent_facts_release) struct cloudevent_facts f;
	CLEANUP(buf_release) struct buf text;
	size_t begun = out->len;
	enum err e = cloudevent_read(event, &f);

	buf_init(&text, SIZE_MAX / 2);
	if (e == ERR_OK)
		e = s->is_text ? put_line(&f, &text) : put_ascii_json(event, &text);
	if (e == ERR_OK)
		e = put_header(s, &f, out);
	if (e == ERR_OK)
		e = put_element(&f, begun + s->max / 2 - BYTES_PARAM_MAX, out);
	return e == ERR_OK ? put_text(s, buf_span(&text), begun, out) : e;
}
