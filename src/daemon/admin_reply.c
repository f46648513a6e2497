/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_write.h"
#include "daemon/admin_impl.h"

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
