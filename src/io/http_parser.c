/* SPDX-License-Identifier: Apache-2.0 */
#include "io/http_parser.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/defs.h"

/* "POST" is the longest method we know; one that is longer than this is none at all. */
#define METHOD_MAX 32

/* Digits of a length: no number of them overflows. */
#define LENGTH_DIGITS_MAX 15
#define CHUNK_DIGITS_MAX  8

/* Field names and methods (tchar), targets (pchar / "/" / "?"), hosts (reg-name). */
#define T 1
#define P 2
#define R 4
/* Never in a head: CTL but HTAB. CR and LF are among them; the scanner looks closer. */
#define C 8
#define H 16 /* hex digits */

static const unsigned char char_class[256] = {
	[0x00 ... 0x08] = C,
	[0x0a ... 0x1f] = C,
	[0x7f] = C,
	['!'] = T | P | R,
	['#'] = T,
	['$'] = T | P | R,
	['%'] = T | P | R,
	['&'] = T | P | R,
	['\''] = T | P | R,
	['('] = P | R,
	[')'] = P | R,
	['*'] = T | P | R,
	['+'] = T | P | R,
	[','] = P | R,
	['-'] = T | P | R,
	['.'] = T | P | R,
	['/'] = P,
	['0' ... '9'] = T | P | R | H,
	[':'] = P,
	[';'] = P | R,
	['='] = P | R,
	['?'] = P,
	['@'] = P,
	['A' ... 'F'] = T | P | R | H,
	['G' ... 'Z'] = T | P | R,
	['^'] = T,
	['_'] = T | P | R,
	['`'] = T,
	['a' ... 'f'] = T | P | R | H,
	['g' ... 'z'] = T | P | R,
	['|'] = T,
	['~'] = T | P | R,
};

static bool is(char c, unsigned class)
{
	return (char_class[(unsigned char)c] & class) != 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

void http_parser_init(struct http_parser *p, const struct http_limits *limits)
{
	*p = (struct http_parser){ .limits = *limits };
	assert(limits->head_max <= UINT32_MAX);
	buf_init_wiping(&p->head, limits->head_max); /* Authorization */
	buf_init(&p->body, 0);
}

void http_parser_release(struct http_parser *p)
{
	buf_release(&p->head);
	buf_release(&p->body);
	free(p->field);
	p->field = NULL;
}

static const char *problem_of(int status)
{
	static const struct {
		int status;
		const char *problem;
	} problems[] = {
		{ 411, "length-required" },
		{ 413, "body-too-large" },
		{ 414, "target-too-long" },
		{ 415, "content-coding-unsupported" },
		{ 417, "expectation-unsupported" },
		{ 431, "head-too-large" },
		{ 501, "method-unknown" },
		{ 505, "version-unsupported" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(problems); i++) {
		if (problems[i].status == status)
			return problems[i].problem;
	}
	return "request-malformed";
}

static void refuse(struct http_parser *p, int status, const char *detail)
{
	p->state = HTTP_IS_REFUSED;
	p->status = status;
	p->problem = problem_of(status);
	p->detail = detail;
}

static struct span head_span(const struct http_parser *p, uint32_t at, uint32_t n)
{
	return (struct span){ .p = p->head.data + at, .n = n };
}

static uint32_t head_offset(const struct http_parser *p, const char *at)
{
	return (uint32_t)(at - p->head.data);
}

static size_t class_run(struct span s, unsigned class)
{
	size_t n = 0;

	while (n < s.n && is(s.p[n], class))
		n++;
	return n;
}

/* Is every '%' followed by two hex digits (RFC 3986, section 2.1)? */
static bool escapes_are_whole(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '%')
			continue;
		if (s.n - i < 3 || !is(s.p[i + 1], H) || !is(s.p[i + 2], H))
			return false;
		i += 2;
	}
	return true;
}

/* origin-form = absolute-path [ "?" query ] (RFC 9112, section 3.2.1). */
static void parse_target(struct http_parser *p, struct span target)
{
	const char *mark;

	if (target.n > p->limits.uri_max) {
		refuse(p, 414, "The request target is too long.");
		return;
	}
	if (target.n == 0 || target.p[0] != '/') {
		refuse(p, 400, "The request target must begin with a slash.");
		return;
	}
	if (class_run(target, P) != target.n || !escapes_are_whole(target)) {
		refuse(p, 400, "The request target has characters that must be escaped.");
		return;
	}
	mark = memchr(target.p, '?', target.n);
	p->target = head_offset(p, target.p);
	p->path_len = (uint32_t)(mark == NULL ? target.n : (size_t)(mark - target.p));
	p->query_len = mark == NULL ? 0 : (uint32_t)(target.n - p->path_len - 1);
}

static void parse_version(struct http_parser *p, struct span version)
{
	if (span_is(version, "HTTP/1.1"))
		return;
	if (span_is(version, "HTTP/1.0")) {
		p->is_http10 = true;
		p->wants_close = true;
		return;
	}
	if (version.n == 8 && span_starts(version, "HTTP/") && is_digit(version.p[5]) &&
		version.p[6] == '.' && is_digit(version.p[7]))
		refuse(p, 505, "HTTP/1.0 and HTTP/1.1 are spoken here.");
	else
		refuse(p, 400, "The request line does not end in an HTTP version.");
}

static void parse_method(struct http_parser *p, struct span method)
{
	if (span_is(method, "POST"))
		p->is_post = true;
	else if (span_is(method, "HEAD"))
		p->is_head = true;
	else if (!span_is(method, "GET"))
		refuse(p, 501, "GET, HEAD and POST are the methods known here.");
}

/* request-line = method SP request-target SP HTTP-version (RFC 9112, section 3). */
static void parse_request_line(struct http_parser *p, struct span line)
{
	const char *first = memchr(line.p, ' ', line.n);
	const char *last = memrchr(line.p, ' ', line.n);
	struct span method, target, version;

	if (first == NULL || first == last) {
		refuse(p, 400, "The request line does not have three parts.");
		return;
	}
	method = (struct span){ line.p, (size_t)(first - line.p) };
	target = (struct span){ first + 1, (size_t)(last - first - 1) };
	version = (struct span){ last + 1, (size_t)(line.p + line.n - last - 1) };
	if (method.n == 0 || class_run(method, T) != method.n) {
		refuse(p, 400, "The method is not a token.");
		return;
	}
	p->state = HTTP_IN_FIELDS;
	parse_version(p, version);
	if (p->state == HTTP_IN_FIELDS)
		parse_method(p, method);
	if (p->state == HTTP_IN_FIELDS)
		parse_target(p, target);
}

static struct span trim(struct span s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* Host = uri-host [ ":" port ] (RFC 9110, section 7.2); it may be empty. */
static bool host_is_valid(struct span v)
{
	size_t at = class_run(v, R);

	if (v.n > 0 && v.p[0] == '[') {
		for (at = 1; at < v.n && (is(v.p[at], H) || v.p[at] == ':' || v.p[at] == '.');)
			at++;
		if (at == v.n || v.p[at] != ']' || at == 1)
			return false;
		at++;
	}
	if (at < v.n && v.p[at++] != ':')
		return false;
	while (at < v.n && is_digit(v.p[at]))
		at++;
	return at == v.n && escapes_are_whole(v);
}

static void note_host(struct http_parser *p, struct span value)
{
	if (p->has_host)
		refuse(p, 400, "Host is there twice.");
	else if (!host_is_valid(value))
		refuse(p, 400, "Host is not a host and port.");
	p->has_host = true;
}

static void note_length(struct http_parser *p, struct span value)
{
	if (p->has_length) {
		refuse(p, 400, "Content-Length is there twice.");
		return;
	}
	if (value.n == 0 || value.n > LENGTH_DIGITS_MAX) {
		refuse(p, 400, "Content-Length is not a number of 1 to 15 digits.");
		return;
	}
	for (size_t i = 0; i < value.n; i++) {
		if (!is_digit(value.p[i])) {
			refuse(p, 400, "Content-Length is not a number of 1 to 15 digits.");
			return;
		}
		p->length = p->length * 10 + (uint64_t)(value.p[i] - '0');
	}
	p->has_length = true;
}

static void note_transfer_coding(struct http_parser *p, struct span value)
{
	if (p->is_chunked)
		refuse(p, 400, "Transfer-Encoding is there twice.");
	else if (!span_is_nocase(value, "chunked"))
		refuse(p, 400, "The only transfer coding known here is chunked.");
	p->is_chunked = true;
}

static void note_expectation(struct http_parser *p, struct span value)
{
	if (p->expects_continue || !span_is_nocase(value, "100-continue"))
		refuse(p, 417, "The only expectation met here is 100-continue.");
	p->expects_continue = true;
}

static void note_content_coding(struct http_parser *p, struct span value)
{
	if (!span_is_nocase(value, "identity"))
		refuse(p, 415, "A body must be sent without a content coding.");
}

static void note_connection(struct http_parser *p, struct span value)
{
	while (value.n > 0) {
		const char *comma = memchr(value.p, ',', value.n);
		size_t n = comma == NULL ? value.n : (size_t)(comma - value.p);
		size_t skip = comma == NULL ? n : n + 1;

		if (span_is_nocase(trim((struct span){ value.p, n }), "close"))
			p->wants_close = true;
		value.p += skip;
		value.n -= skip;
	}
}

/* The fields that decide how the rest is read. */
static void note_field(struct http_parser *p, struct span name, struct span value)
{
	static const struct {
		const char *name;
		size_t n;
		void (*note)(struct http_parser *p, struct span value);
	} known[] = {
		{ "host", 4, note_host },
		{ "expect", 6, note_expectation },
		{ "connection", 10, note_connection },
		{ "content-length", 14, note_length },
		{ "content-encoding", 16, note_content_coding },
		{ "transfer-encoding", 17, note_transfer_coding },
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (name.n == known[i].n && strncasecmp(name.p, known[i].name, name.n) == 0) {
			known[i].note(p, value);
			return;
		}
	}
}

static void keep_field(struct http_parser *p, struct span name, struct span value)
{
	if (p->fields == p->fields_room) {
		p->fields_room = p->fields_room == 0 ? 16 : p->fields_room * 2;
		p->field = xrealloc(p->field, p->fields_room, sizeof(*p->field));
	}
	p->field[p->fields++] = (struct http_field){
		.name = head_offset(p, name.p),
		.name_len = (uint32_t)name.n,
		.value = head_offset(p, value.p),
		.value_len = (uint32_t)value.n,
	};
}

/* field-line = field-name ":" OWS field-value OWS (RFC 9112, section 5). */
static void parse_field(struct http_parser *p, struct span line)
{
	struct span name = { line.p, class_run(line, T) };
	struct span value;

	if (p->fields == p->limits.fields_max) {
		refuse(p, 431, "There are too many header fields.");
		return;
	}
	if (name.n == 0 || name.n == line.n || line.p[name.n] != ':') {
		refuse(p, 400, "A header line is not a name, a colon and a value.");
		return;
	}
	value = trim((struct span){ line.p + name.n + 1, line.n - name.n - 1 });
	keep_field(p, name, value);
	note_field(p, name, value);
}

/* The empty line: is what the fields say together a request (RFC 9112, section 6)? */
static void finish_head(struct http_parser *p)
{
	p->state = HTTP_AT_BODY;
	if (!p->is_http10 && !p->has_host)
		refuse(p, 400, "Host is missing.");
	else if (p->is_chunked && p->has_length)
		refuse(p, 400, "Transfer-Encoding and Content-Length exclude each other.");
	else if (p->is_chunked && p->is_http10)
		refuse(p, 400, "HTTP/1.0 has no Transfer-Encoding.");
	else if (p->is_post && !p->is_chunked && !p->has_length)
		refuse(p, 411, "A POST must say how long its body is.");
	if (p->is_http10)
		p->expects_continue = false; /* RFC 9110, section 10.1.1 */
}

static void finish_line(struct http_parser *p)
{
	struct span line = { p->head.data + p->line, p->head.len - p->line - 2 };

	p->line = p->head.len;
	if (p->state == HTTP_IN_FIELDS) {
		if (line.n == 0)
			finish_head(p);
		else
			parse_field(p, line);
	} else if (line.n > 0) {
		parse_request_line(p, line);
	} else if (p->saw_empty_line) {
		refuse(p, 400, "There are empty lines before the request.");
	} else {
		p->saw_empty_line = true; /* RFC 9112, section 2.2 */
	}
}

/* How long the line may be that is being read, with its end. */
static size_t line_max(const struct http_parser *p)
{
	size_t room = p->limits.head_max - p->line;
	size_t request = p->limits.uri_max + METHOD_MAX + sizeof("  HTTP/1.1\r\n") - 1;

	if (p->state == HTTP_IN_REQUEST_LINE && request < room)
		return request;
	return room;
}

static void refuse_long_line(struct http_parser *p)
{
	struct span line = { p->head.data + p->line, p->head.len - p->line };
	size_t method = class_run(line, T);

	if (p->state == HTTP_IN_FIELDS)
		refuse(p, 431, "The header fields are too long.");
	else if (method > METHOD_MAX)
		refuse(p, 501, "GET, HEAD and POST are the methods known here.");
	else if (method < line.n && method > 0 && line.p[method] == ' ')
		refuse(p, 414, "The request target is too long.");
	else
		refuse(p, 400, "The request line does not have three parts.");
}

/*
 * Find the end of the line in b, which may begin amid one. Returns how many
 * bytes are of this line; *ends says whether the last of them ends it. Refuses
 * CR or LF alone and every other control character but HTAB.
 */
static size_t scan_line(struct http_parser *p, const char *b, size_t n, bool *ends)
{
	bool after_cr = p->head.len > p->line && p->head.data[p->head.len - 1] == '\r';
	size_t at = 0;

	*ends = false;
	if (!after_cr) {
		while (at < n && !is(b[at], C))
			at++;
		if (at == n)
			return n;
		if (b[at++] != '\r') {
			refuse(p, 400, "There is a control character in the head.");
			return at;
		}
		if (at == n)
			return n;
	}
	if (b[at] == '\n')
		*ends = true;
	else
		refuse(p, 400, "There is a control character in the head.");
	return at + 1;
}

static size_t feed_line(struct http_parser *p, const char *b, size_t n)
{
	size_t room = line_max(p) - (p->head.len - p->line);
	bool ends;
	size_t used;

	if (n > room)
		n = room;
	used = scan_line(p, b, n, &ends);
	if (p->state == HTTP_IS_REFUSED)
		return used;
	IGNORE(buf_add(&p->head, b, used) != ERR_OK); /* line_max() has seen to it */
	if (ends)
		finish_line(p);
	else if (used == room)
		refuse_long_line(p);
	return used;
}

static bool in_head(const struct http_parser *p)
{
	return p->state == HTTP_IN_REQUEST_LINE || p->state == HTTP_IN_FIELDS;
}

static size_t feed_head(struct http_parser *p, const char *b, size_t n)
{
	size_t room = p->limits.head_max - p->head.len;
	size_t at = 0;

	/* Most heads come in one piece: one allocation then. */
	IGNORE(buf_room(&p->head, n < room ? n : room) == NULL);
	while (at < n && in_head(p))
		at += feed_line(p, b + at, n - at);
	return at;
}

static size_t feed_data(struct http_parser *p, const char *b, size_t n, enum http_state then)
{
	if (n > p->left)
		n = (size_t)p->left;
	if (buf_add(&p->body, b, n) != ERR_OK) {
		refuse(p, 413, "The body is too large.");
		return n;
	}
	p->left -= n;
	if (p->left == 0)
		p->state = then;
	return n;
}

static void finish_chunk_size(struct http_parser *p)
{
	p->chunk_digits = 0;
	if (p->left == 0)
		p->state = HTTP_AT_LAST_CR;
	else if (p->left > p->body.max - p->body.len)
		refuse(p, 413, "The body is too large.");
	else
		p->state = HTTP_IN_CHUNK_DATA;
}

static void feed_chunk_size(struct http_parser *p, char c)
{
	unsigned digit;

	if (c == '\r' && p->chunk_digits > 0) {
		p->state = HTTP_AT_CHUNK_SIZE_LF;
		return;
	}
	if (!is(c, H) || p->chunk_digits == CHUNK_DIGITS_MAX) {
		refuse(p, 400, "A chunk size is not 1 to 8 hex digits and CRLF.");
		return;
	}
	digit = is_digit(c) ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a' + 10);
	p->left = p->left * 16 + digit;
	p->chunk_digits++;
}

/* The one byte that may come next. */
static void feed_expected(struct http_parser *p, char c, char expected, enum http_state then)
{
	if (c == expected)
		p->state = then;
	else
		refuse(p, 400, "The framing of the chunks is broken.");
}

/* A body of declared length, or chunked-body without extensions and trailers (RFC 9112, 7.1). */
static size_t feed_body(struct http_parser *p, const char *b, size_t n)
{
	switch (p->state) {
	case HTTP_IN_CHUNK_SIZE: feed_chunk_size(p, b[0]); return 1;
	case HTTP_AT_CHUNK_SIZE_LF:
		feed_expected(p, b[0], '\n', HTTP_IN_CHUNK_DATA);
		if (p->state == HTTP_IN_CHUNK_DATA)
			finish_chunk_size(p);
		return 1;
	case HTTP_IN_CHUNK_DATA: return feed_data(p, b, n, HTTP_AT_CHUNK_DATA_CR);
	case HTTP_AT_CHUNK_DATA_CR: feed_expected(p, b[0], '\r', HTTP_AT_CHUNK_DATA_LF); return 1;
	case HTTP_AT_CHUNK_DATA_LF: feed_expected(p, b[0], '\n', HTTP_IN_CHUNK_SIZE); return 1;
	case HTTP_AT_LAST_CR: feed_expected(p, b[0], '\r', HTTP_AT_LAST_LF); return 1;
	case HTTP_AT_LAST_LF: feed_expected(p, b[0], '\n', HTTP_AT_END); return 1;
	case HTTP_IN_BODY: return feed_data(p, b, n, HTTP_AT_END);
	case HTTP_IN_REQUEST_LINE:
	case HTTP_IN_FIELDS:
	case HTTP_AT_BODY:
	case HTTP_AT_END:
	case HTTP_IS_REFUSED: break;
	}
	return 0;
}

static bool in_body(const struct http_parser *p)
{
	return p->state >= HTTP_IN_BODY && p->state < HTTP_AT_END;
}

static enum http_verdict verdict(const struct http_parser *p)
{
	if (p->state == HTTP_IS_REFUSED)
		return HTTP_REFUSED;
	if (p->state == HTTP_AT_BODY)
		return HTTP_HEAD;
	return p->state == HTTP_AT_END ? HTTP_DONE : HTTP_MORE;
}

enum http_verdict http_parser_feed(struct http_parser *p, const char *bytes, size_t n, size_t *used)
{
	size_t at = 0;

	if (in_head(p))
		at = feed_head(p, bytes, n);
	while (at < n && in_body(p))
		at += feed_body(p, bytes + at, n - at);
	*used = at;
	return verdict(p);
}

enum http_verdict http_parser_admit(struct http_parser *p, size_t body_max)
{
	assert(p->state == HTTP_AT_BODY);
	p->body.max = body_max;
	p->left = p->length;
	if (p->is_chunked)
		p->state = HTTP_IN_CHUNK_SIZE;
	else if (p->length > body_max)
		refuse(p, 413, "The body is too large.");
	else
		p->state = p->length > 0 ? HTTP_IN_BODY : HTTP_AT_END;
	return verdict(p);
}

struct span http_parser_path(const struct http_parser *p)
{
	return head_span(p, p->target, p->path_len);
}

struct span http_parser_query(const struct http_parser *p)
{
	if (p->query_len == 0)
		return (struct span){ 0 };
	return head_span(p, p->target + p->path_len + 1, p->query_len);
}

bool http_parser_field(const struct http_parser *p, const char *name, struct span *value)
{
	for (unsigned i = 0; i < p->fields; i++) {
		const struct http_field *f = &p->field[i];

		if (span_is_nocase(head_span(p, f->name, f->name_len), name)) {
			*value = head_span(p, f->value, f->value_len);
			return true;
		}
	}
	return false;
}

unsigned http_parser_field_count(const struct http_parser *p, const char *name)
{
	unsigned count = 0;

	for (unsigned i = 0; i < p->fields; i++) {
		const struct http_field *f = &p->field[i];

		if (span_is_nocase(head_span(p, f->name, f->name_len), name))
			count++;
	}
	return count;
}
