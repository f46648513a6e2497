/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/codec.h"
#include "base/json_write.h"
#include "daemon/admin_impl.h"
#include "io/crypto.h"

void reply_problem(struct httpd_req *req, int status, const char *type, const char *detail)
{
	struct httpd_problem p = { .status = status, .type = type, .detail = detail };

	httpd_reply_problem(req, &p);
}

void reply_text(struct httpd_req *req, int status, const char *type, struct span body)
{
	struct httpd_answer a = { .status = status, .content_type = type, .body = body };

	httpd_reply(req, &a);
}

void reply_page(struct httpd_req *req, const struct json_writer *w, const struct buf *page)
{
	if (json_done(w) != ERR_OK)
		reply_problem(req, 500, "too-large", "Ask for fewer at once.");
	else
		reply_text(req, 200, "application/json", buf_span(page));
}

void reply_storage(struct httpd_req *req)
{
	reply_problem(req, 503, "storage", "The store cannot be read now.");
}

#define TAG_BYTES 12
#define TAG_MAX   (2 * TAG_BYTES + 3)

static void tag_compose(struct span body, char tag[TAG_MAX])
{
	uint8_t digest[SHA256_BYTES];
	char hex[2 * TAG_BYTES + 1];

	sha256_parts(&body, 1, digest);
	hex_encode(digest, TAG_BYTES, hex);
	snprintf(tag, TAG_MAX, "\"%s\"", hex);
}

/* Is the tag one of If-None-Match, weak or not (RFC 9110, section 13.1.2)? */
static bool has_tag(const struct httpd_req *req, const char *tag)
{
	struct span list;

	if (!httpd_req_field(req, "If-None-Match", &list))
		return false;
	return span_is(list, "*") || memmem(list.p, list.n, tag, strlen(tag)) != NULL;
}

void reply_tagged(
	struct httpd_req *req, int status, const char *type, const char *fields, struct span body)
{
	struct httpd_answer answer = { .status = status, .content_type = type, .body = body };
	CLEANUP(buf_release) struct buf all;
	char tag[TAG_MAX];

	tag_compose(body, tag);
	buf_init(&all, 4096);
	IGNORE(buf_addf(&all, "%sETag: %s\r\n", fields, tag) != ERR_OK);
	answer.fields = all.data;
	if (status == 200 && has_tag(req, tag)) {
		answer.status = 304;
		answer.content_type = NULL;
		answer.body = (struct span){ 0 };
	}
	httpd_reply(req, &answer);
}
