/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/http_message.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/json_gate.h"
#include "base/json_read.h"
#include "io/httpc.h"

#define VALUE_MAX     (64 * 1024)
#define PREFIX        "ce-"
#define PREFIX_LEN    (sizeof(PREFIX) - 1)
#define ATTRIBUTE_MAX 48 /* of an attribute; the specification recommends at most 20 */

void http_message_init(struct http_message *m)
{
	*m = (struct http_message){ .fields = 0 };
	buf_init(&m->text, SIZE_MAX);
}

void http_message_release(struct http_message *m)
{
	for (size_t i = 0; i < m->owned; i++)
		free(m->own[i]);
	buf_release(&m->text);
	*m = (struct http_message){ .fields = 0 };
}

enum err http_message_borrow(struct http_message *m, const char *field)
{
	if (m->fields == HTTP_FIELDS_MAX)
		return ERR_LIMIT;
	m->field[m->fields++] = field;
	return ERR_OK;
}

enum err http_message_add(struct http_message *m, const char *name, struct span value)
{
	char *field;
	enum err e;

	if (asprintf(&field, "%s: %.*s", name, SPAN_ARGS(value)) < 0)
		out_of_memory();
	e = http_message_borrow(m, field);
	if (e != ERR_OK)
		free(field);
	else
		m->own[m->owned++] = field;
	return e;
}

/* Section 3.1.3.2: space, double quote, percent and all but printable ASCII are escaped. */
static enum err put_escaped(struct span text, struct buf *out)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < text.n && e == ERR_OK; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c > 0x20 && c < 0x7f && c != '"' && c != '%')
			e = buf_add(out, &c, 1);
		else
			e = buf_addf(out, "%%%02X", c);
	}
	return e;
}

/* The text of an attribute: they are strings, numbers or truth values. */
static enum err attribute_text(struct json_value v, struct buf *out)
{
	switch (v.type) {
	case JSON_STRING: return json_string(v, out);
	case JSON_NUMBER:
	case JSON_BOOL: return buf_add_span(out, v.text);
	case JSON_NULL: return ERR_OK;
	case JSON_ARRAY:
	case JSON_OBJECT: break;
	}
	return ERR_PARSE;
}

/* Attributes are called by lower-case letters and digits (CloudEvents 1.0.2). */
static bool name_is_sound(struct span name)
{
	if (name.n == 0 || name.n > ATTRIBUTE_MAX)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		if (!(name.p[i] >= 'a' && name.p[i] <= 'z') &&
			!(name.p[i] >= '0' && name.p[i] <= '9'))
			return false;
	}
	return true;
}

/* One that is null or empty is as good as absent, and no header field can be empty. */
static enum err put_attribute(struct http_message *m, struct span name, struct json_value v)
{
	CLEANUP(buf_release) struct buf text, escaped;
	char field[PREFIX_LEN + ATTRIBUTE_MAX + 1];
	enum err e;

	buf_init(&text, VALUE_MAX);
	buf_init(&escaped, 3 * VALUE_MAX);
	if (!name_is_sound(name))
		return ERR_PARSE;
	snprintf(field, sizeof(field), PREFIX "%.*s", SPAN_ARGS(name));
	e = attribute_text(v, &text);
	if (e == ERR_OK)
		e = put_escaped(buf_span(&text), &escaped);
	if (e != ERR_OK || escaped.len == 0)
		return e;
	return http_message_add(m, field, buf_span(&escaped));
}

static bool ends_with(struct span s, const char *end)
{
	size_t n = strlen(end);

	return s.n >= n && strncasecmp(s.p + s.n - n, end, n) == 0;
}

/* Section 2.2 of the JSON format: "application/json" and what ends in "/json" or "+json". */
static bool type_is_json(struct span type)
{
	const char *end = memchr(type.p, ';', type.n);

	if (end != NULL)
		type.n = (size_t)(end - type.p);
	return ends_with(type, "/json") || ends_with(type, "+json");
}

/* JSON is sent as it stands; a text of any other type without its quotes. */
static enum err put_data(struct http_message *m, struct json_value data, struct span type)
{
	enum err e;

	if (type_is_json(type) || data.type != JSON_STRING) {
		m->body = data.text;
		return ERR_OK;
	}
	e = json_string(data, &m->text);
	m->body = buf_span(&m->text);
	return e;
}

static enum err put_content(struct http_message *m, struct json_value root)
{
	CLEANUP(buf_release) struct buf type;
	struct json_value v;
	enum err e;

	buf_init(&type, 1024);
	if (json_get(root, "data_base64", &v))
		return ERR_PARSE;
	if (json_get(root, "datacontenttype", &v))
		e = json_string(v, &type);
	else
		e = buf_add_str(&type, "application/json");
	if (e == ERR_OK)
		e = http_message_add(m, "Content-Type", buf_span(&type));
	if (e != ERR_OK || !json_get(root, "data", &v))
		return e;
	return put_data(m, v, buf_span(&type));
}

enum err http_message_binary(struct http_message *m, struct span event)
{
	struct json_value root, v;
	struct json_iter it;
	struct span name;
	enum err e;

	if (json_gate(event, NULL, NULL) != ERR_OK)
		return ERR_PARSE;
	root = json_root(event);
	if (root.type != JSON_OBJECT)
		return ERR_PARSE;
	e = put_content(m, root);
	it = json_iter(root);
	while (e == ERR_OK && json_next_member(&it, &name, &v)) {
		if (!json_name_is(name, "data") && !json_name_is(name, "datacontenttype"))
			e = put_attribute(m, name, v);
	}
	return e;
}

enum err http_message_structured(struct http_message *m, struct span event)
{
	m->body = event;
	return http_message_borrow(m, "Content-Type: application/cloudevents+json; charset=UTF-8");
}

bool http_field_is_free(const char *field)
{
	static const char *const ours[] = { "connection", "content-encoding", "content-length",
		"content-type", "expect", "host", "keep-alive", "proxy-connection", "te",
		"traceparent", "trailer", "transfer-encoding", "upgrade" };
	static const char *const families[] = { PREFIX, "webhook-" };
	const struct span name = { field, strcspn(field, ":") };

	if (!httpc_field_is_sound(field))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++) {
		if (span_is_nocase(name, ours[i]))
			return false;
	}
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		if (strncasecmp(field, families[i], strlen(families[i])) == 0)
			return false;
	}
	return true;
}
