/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/api.h"

#include "base/defs.h"

static struct httpd_verdict on_head(void *ctx, struct httpd_req *req)
{
	static const struct httpd_problem missing = {
		.status = 404,
		.type = "not-found",
		.detail = "There is nothing here.",
	};

	(void)ctx;
	httpd_reply_problem(req, &missing);
	return (struct httpd_verdict){ .refused = true };
}

static void on_request(void *ctx, struct httpd_req *req)
{
	(void)ctx;
	IGNORE(on_head(ctx, req).refused);
}

struct httpd_handler api_handler(struct daemon *d)
{
	return (struct httpd_handler){ .on_head = on_head, .on_request = on_request, .ctx = d };
}
