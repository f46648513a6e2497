/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_HTTP_PARSER_H
#define IO_HTTP_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

/*
 * One HTTP/1.x request, read strictly (RFC 9112) and in any fragmentation: the
 * verdict depends on the bytes, never on how they arrived. Pure: no sockets, no
 * clock.
 *
 * Stricter than the RFC, on purpose: only origin-form targets, only GET,
 * HEAD and POST, a POST must frame its body (else 411), no bare LF, no obs-fold,
 * no chunk extensions, no trailers, no transfer coding but chunked, no content
 * coding, one empty line at most before the request. What can be read in two ways is
 * refused, and whoever is refused is closed: nothing after it is ever read as
 * another request.
 */
struct http_limits {
	size_t head_max;     /* bytes of request line and fields, with their line ends */
	size_t uri_max;      /* bytes of the request target */
	unsigned fields_max; /* header fields */
};

enum http_verdict {
	HTTP_MORE,    /* give me more bytes */
	HTTP_HEAD,    /* the head is complete: call http_parser_admit() */
	HTTP_DONE,    /* the request is complete; what follows is the next one's */
	HTTP_REFUSED, /* answer with status, close */
};

enum http_state {
	HTTP_IN_REQUEST_LINE,
	HTTP_IN_FIELDS,
	HTTP_AT_BODY, /* waits for http_parser_admit() */
	HTTP_IN_BODY, /* of a declared length */
	HTTP_IN_CHUNK_SIZE,
	HTTP_AT_CHUNK_SIZE_LF,
	HTTP_IN_CHUNK_DATA,
	HTTP_AT_CHUNK_DATA_CR,
	HTTP_AT_CHUNK_DATA_LF,
	HTTP_AT_LAST_CR,
	HTTP_AT_LAST_LF,
	HTTP_AT_END,
	HTTP_IS_REFUSED,
};

/* Offsets into head, which moves while it grows. */
struct http_field {
	uint32_t name, name_len;
	uint32_t value, value_len; /* trimmed */
};

struct http_parser {
	struct http_limits limits;
	enum http_state state;
	struct buf head; /* as received, line ends included */
	struct buf body; /* without chunk framing */
	struct http_field *field;
	unsigned fields, fields_room;
	size_t line; /* where in head the line begins that is being read */
	uint32_t target, path_len, query_len;
	uint64_t length; /* declared by Content-Length */
	uint64_t left;   /* of this chunk, or of the declared length */
	unsigned chunk_digits;
	bool is_post; /* else GET, or HEAD */
	bool is_head;
	bool is_http10;
	bool is_chunked;
	bool has_length;
	bool has_host;
	bool wants_close; /* HTTP/1.0, or Connection: close */
	bool expects_continue;
	bool saw_empty_line; /* before the request line */
	int status;          /* of a refusal */
	const char *problem; /* its stable name, such as "target-too-long" */
	const char *detail;  /* for a human; repeats nothing of the input */
};

void http_parser_init(struct http_parser *p, const struct http_limits *limits);
void http_parser_release(struct http_parser *p);

/*
 * Read some of n bytes and say in *used how many. Stops behind a complete head,
 * behind a complete request and at a refusal; then feed it no more (after
 * HTTP_HEAD: not before http_parser_admit()).
 */
enum http_verdict http_parser_feed(
	struct http_parser *p, const char *bytes, size_t n, size_t *used);

/* The head was found good: read a body of at most body_max bytes, or refuse with 413. */
enum http_verdict http_parser_admit(struct http_parser *p, size_t body_max);

/* Valid from HTTP_HEAD on; borrowed. */
struct span http_parser_path(const struct http_parser *p);
struct span http_parser_query(const struct http_parser *p);

/* The value of the first field of that name; false if there is none. */
bool http_parser_field(const struct http_parser *p, const char *name, struct span *value);
unsigned http_parser_field_count(const struct http_parser *p, const char *name);

#endif
