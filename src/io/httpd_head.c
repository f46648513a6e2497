/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "io/httpd_private.h"

static const char *reason_of(int status)
{
	static const struct {
		int status;
		const char *reason;
	} reasons[] = {
		{ 200, "OK" },
		{ 201, "Created" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 304, "Not Modified" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 411, "Length Required" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 415, "Unsupported Media Type" },
		{ 417, "Expectation Failed" },
		{ 422, "Unprocessable Content" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 505, "HTTP Version Not Supported" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		if (reasons[i].status == status)
			return reasons[i].reason;
	}
	return ""; /* which the grammar allows */
}

static enum err add_framing(const struct httpd_answer *a, enum framing framing, struct buf *head)
{
	/* A 204 has no length, not even 0 (RFC 9110, section 8.6); a 304 has no body to tell of. */
	if (a->status == 204 || a->status == 304)
		return ERR_OK;
	switch (framing) {
	case FRAMED_BY_LENGTH: return buf_addf(head, "Content-Length: %zu\r\n", a->body.n);
	case FRAMED_BY_CHUNKS: return buf_add_str(head, "Transfer-Encoding: chunked\r\n");
	case FRAMED_BY_CLOSE: break;
	}
	return ERR_OK;
}

struct span head_compose(
	const struct httpd_answer *a, enum framing framing, bool last, struct buf *head)
{
	enum err e = buf_addf(head, "HTTP/1.1 %d %s\r\n", a->status, reason_of(a->status));

	if (e == ERR_OK && a->content_type != NULL)
		e = buf_addf(head, "Content-Type: %s\r\n", a->content_type);
	if (e == ERR_OK)
		e = add_framing(a, framing, head);
	if (e == ERR_OK && a->retry_after_s > 0)
		e = buf_addf(head, "Retry-After: %u\r\n", a->retry_after_s);
	if (e == ERR_OK && last)
		e = buf_add_str(head, "Connection: close\r\n");
	if (e == ERR_OK && a->fields != NULL)
		e = buf_add_str(head, a->fields);
	if (e == ERR_OK)
		e = buf_add_str(head, "\r\n");
	assert(e == ERR_OK);
	return buf_span(head);
}
