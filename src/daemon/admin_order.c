/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/codec.h"
#include "base/json_gate.h"
#include "base/json_read.h"
#include "conf/conf_form.h"
#include "conf/conf_number.h"
#include "daemon/admin_impl.h"

#define TEXT_MAX   256
#define REASON_MAX 500

static void refuse(struct httpd_req *req, const char *type, const struct order_field *f)
{
	char detail[256];

	switch (f->type) {
	case ORDER_TEXT:
		snprintf(detail, sizeof(detail),
			"%s is a text of 1 to %" PRId64 " bytes, without control characters.",
			f->name, f->most == 0 ? TEXT_MAX : f->most);
		break;
	case ORDER_COUNT:
		snprintf(detail, sizeof(detail), "%s is a number from 0 to %" PRId64 ".", f->name,
			f->most);
		break;
	case ORDER_TEXTS:
		snprintf(detail, sizeof(detail),
			"%s is an object of at most %" PRId64 " texts, named like variables.",
			f->name, f->most);
		break;
	case ORDER_FLAG: snprintf(detail, sizeof(detail), "%s is true or false.", f->name); break;
	case ORDER_TIME:
		snprintf(detail, sizeof(detail),
			"%s is a time such as 2026-11-24T10:00:00Z, or a duration back from now "
			"such as 2h or 7d.",
			f->name);
		break;
	}
	reply_problem(req, 400, type, detail);
}

/* The text at the end of the buf from there on, if it is one that may be. */
static bool text_fits(const struct order_field *f, const struct buf *text, size_t from)
{
	size_t n = text->len - from, most = f->most == 0 ? TEXT_MAX : (size_t)f->most;

	/* A text of more than a line's length is a file's. */
	return n > 0 && n <= most && strlen(text->data + from) == n &&
	       (most > 4096 || conf_text_is_printable(text->data + from));
}

static bool time_read(const char *text, struct wall *t)
{
	int64_t back_ms;

	if (wall_parse(span_of(text), t) == ERR_OK)
		return true;
	if (conf_duration_read(text, &back_ms) != ERR_OK || back_ms > clock_wall().ms)
		return false;
	t->ms = clock_wall().ms - back_ms;
	return true;
}

/* Set a text or time from what stands in text from there on, which stays there with its NUL. */
static bool field_set_text(const struct order_field *f, struct buf *text, size_t from, void *at)
{
	const char *value = text->data + from;

	if (!text_fits(f, text, from))
		return false;
	if (f->type == ORDER_TIME)
		return time_read(value, at);
	memcpy(at, &value, sizeof(value));
	return buf_add(text, "", 1) == ERR_OK;
}

static bool field_set_count(const struct order_field *f, int64_t n, void *at)
{
	if (n < 0 || n > f->most)
		return false;
	memcpy(at, &n, sizeof(n));
	return true;
}

/* A name that a shell takes, too. */
static bool is_variable(struct span name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (c != '_' && !isalpha((unsigned char)c) &&
			(i == 0 || !isdigit((unsigned char)c)))
			return false;
	}
	return name.n > 0;
}

static bool field_set_texts(const struct order_field *f, struct json_value v, void *at)
{
	struct json_value text;
	struct json_iter it;
	struct span name;
	int64_t n = 0;

	if (v.type != JSON_OBJECT)
		return false;
	it = json_iter(v);
	while (json_next_member(&it, &name, &text)) {
		if (text.type != JSON_STRING || !is_variable(name) || ++n > f->most)
			return false;
	}
	memcpy(at, &v.text, sizeof(v.text));
	return true;
}

static bool field_read_json(
	const struct order_field *f, struct json_value v, struct buf *text, void *at)
{
	size_t from = text->len;
	int64_t n;

	switch (f->type) {
	case ORDER_TEXT:
	case ORDER_TIME: return json_string(v, text) == ERR_OK && field_set_text(f, text, from, at);
	case ORDER_COUNT: return json_int(v, &n) == ERR_OK && field_set_count(f, n, at);
	case ORDER_TEXTS: return field_set_texts(f, v, at);
	case ORDER_FLAG: *(bool *)at = json_is_true(v); return v.type == JSON_BOOL;
	}
	return false;
}

static const struct order_field *field_find(
	const struct order_field *field, size_t n, struct span name)
{
	for (size_t i = 0; i < n; i++) {
		if (json_name_is(name, field[i].name))
			return &field[i];
	}
	return NULL;
}

bool order_read_body(struct httpd_req *req, const struct order_field *field, size_t n, void *order,
	struct buf *text)
{
	struct span body = httpd_req_body(req), name;
	struct json_iter it;
	struct json_value v;

	if (json_gate(body, NULL, NULL) != ERR_OK || json_root(body).type != JSON_OBJECT) {
		reply_problem(req, 400, "body", "The body must be a JSON object.");
		return false;
	}
	/* The texts must not move: unescaped, with a NUL each, they are no longer than the body. */
	if (buf_room(text, body.n + n) == NULL) {
		reply_problem(req, 413, "body", "The body is too large.");
		return false;
	}
	it = json_iter(json_root(body));
	while (json_next_member(&it, &name, &v)) {
		const struct order_field *f = field_find(field, n, name);

		if (f == NULL) {
			reply_problem(req, 400, "body", "The body has a member that is not known.");
			return false;
		}
		if (!field_read_json(f, v, text, (char *)order + f->offset)) {
			refuse(req, "body", f);
			return false;
		}
	}
	return true;
}

/* A number of the query. */
static bool count_read(const char *text, int64_t *n)
{
	return conf_integer_read(text, n) == ERR_OK;
}

static bool flag_read(const char *text, bool *flag)
{
	*flag = strcmp(text, "true") == 0;
	return *flag || strcmp(text, "false") == 0;
}

static bool field_read_form(
	const struct order_field *f, struct span value, struct buf *text, void *at)
{
	size_t from = text->len;
	int64_t n;

	if (form_decode(value, text) != ERR_OK)
		return false;
	switch (f->type) {
	case ORDER_TEXT:
	case ORDER_TIME: return field_set_text(f, text, from, at);
	case ORDER_COUNT: return count_read(text->data + from, &n) && field_set_count(f, n, at);
	case ORDER_FLAG: return flag_read(text->data + from, at);
	case ORDER_TEXTS: break;
	}
	return false;
}

bool order_read_query(struct httpd_req *req, const struct order_field *field, size_t n, void *order,
	struct buf *text)
{
	struct span query = httpd_req_query(req), value;

	if (buf_room(text, query.n + n) == NULL) {
		reply_problem(req, 400, "query", "The query is too long.");
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		enum err e = form_find(query, field[i].name, &value);

		if (e == ERR_NOTFOUND)
			continue;
		if (e != ERR_OK ||
			!field_read_form(&field[i], value, text, (char *)order + field[i].offset)) {
			refuse(req, "query", &field[i]);
			return false;
		}
	}
	return true;
}

bool order_has_reason(struct httpd_req *req, const char *reason)
{
	if (reason != NULL && strlen(reason) <= REASON_MAX)
		return true;
	reply_problem(req, 400, "reason",
		"An order needs a reason of 1 to 500 bytes; it goes into the audit log.");
	return false;
}

const char *order_actor(const struct httpd_req *req, char text[ACTOR_MAX])
{
	snprintf(text, ACTOR_MAX, "uid:%" PRId64, httpd_req_peer_uid(req));
	return text;
}

bool order_event_id(struct httpd_req *req, struct span text, uint8_t id[])
{
	if (uuid_parse(text, id) == ERR_OK)
		return true;
	reply_problem(req, 400, "event-id", "An event's id is a UUID.");
	return false;
}
