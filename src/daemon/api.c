/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/api.h"

#include "base/defs.h"
#include "daemon/api_builds.h"
#include "daemon/api_description.h"
#include "daemon/api_triggers.h"
#include "daemon/api_wish.h"
#include "daemon/page.h"
#include "travis/v3_read.h"

/* Of a room where all is read. */
static struct httpd_verdict head_of_reading(struct daemon *d, struct httpd_req *req)
{
	(void)d;
	if (!httpd_req_is_post(req))
		return (struct httpd_verdict){ .body_max = 0 };
	httpd_reply_problem(req, &(struct httpd_problem){ .status = 405,
					 .type = "method",
					 .detail = "This is read with GET.",
					 .fields = "Allow: GET, HEAD\r\n" });
	return (struct httpd_verdict){ .refused = true };
}

/* The rooms of the listener: the first that owns a path takes its requests. */
static const struct room {
	bool (*owns)(struct span path);
	struct httpd_verdict (*head)(struct daemon *d, struct httpd_req *req);
	void (*request)(struct daemon *d, struct httpd_req *req);
} rooms[] = {
	{ v3_owns, api_builds_head, api_builds_request },
	{ api_wish_owns, api_triggers_head, api_triggers_request },
	{ api_description_is, head_of_reading, api_description_request },
	{ page_has, head_of_reading, page_api_request },
};

static const struct room *room_of(const struct httpd_req *req)
{
	for (size_t i = 0; i < ARRAY_SIZE(rooms); i++) {
		if (rooms[i].owns(httpd_req_path(req)))
			return &rooms[i];
	}
	return NULL;
}

static struct httpd_verdict on_head(void *ctx, struct httpd_req *req)
{
	static const struct httpd_problem missing = {
		.status = 404,
		.type = "not-found",
		.detail = "There is nothing here.",
	};
	const struct room *room = room_of(req);

	if (room != NULL)
		return room->head(ctx, req);
	httpd_reply_problem(req, &missing);
	return (struct httpd_verdict){ .refused = true };
}

static void on_request(void *ctx, struct httpd_req *req)
{
	room_of(req)->request(ctx, req);
}

struct httpd_handler api_handler(struct daemon *d)
{
	return (struct httpd_handler){ .on_head = on_head, .on_request = on_request, .ctx = d };
}
