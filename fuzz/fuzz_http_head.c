/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests on one connection: any fragmentation gives the same result, no byte
 * past the input is read, and what is accepted is what the rules allow. Small
 * limits put each of them within a fuzzer's reach.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/defs.h"
#include "base/hash.h"
#include "io/http_parser.h"

#define BODY_MAX     300
#define REQUESTS_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct http_limits limits = { .head_max = 700, .uri_max = 100, .fields_max = 10 };
static const struct hash_key no_key;

/* What one connection's bytes meant. */
struct reading {
	uint64_t digest; /* of every accepted request */
	unsigned requests;
	enum http_verdict last;
	int status;
	const char *detail;
};

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_accepted(const struct http_parser *p)
{
	struct span path = http_parser_path(p);
	struct span head = buf_span(&p->head);
	unsigned hosts = http_parser_field_count(p, "host");
	unsigned lengths = http_parser_field_count(p, "content-length");
	unsigned codings = http_parser_field_count(p, "transfer-encoding");

	check(head.n <= limits.head_max && p->body.len <= BODY_MAX);
	check(p->fields <= limits.fields_max);
	check(path.n > 0 && path.p[0] == '/' && path.n + p->query_len <= limits.uri_max);
	check(memchr(head.p, '\0', head.n) == NULL);
	check(head.n >= 4 && memcmp(head.p + head.n - 4, "\r\n\r\n", 4) == 0);
	for (size_t i = 0; i < head.n; i++)
		check(head.p[i] != '\n' || (i > 0 && head.p[i - 1] == '\r'));
	check(hosts == 1 || (hosts == 0 && p->is_http10));
	check(lengths + codings <= 1 && lengths + codings >= (p->is_post ? 1u : 0u));
	check(codings == 0 || !p->is_http10);
	check(p->is_chunked || p->body.len == p->length);
}

static uint64_t digest_of(const struct http_parser *p, uint64_t before)
{
	uint64_t parts[3] = { before, hash_bytes(&no_key, buf_span(&p->head)),
		hash_bytes(&no_key, buf_span(&p->body)) };

	return hash_bytes(&no_key, (struct span){ (const char *)parts, sizeof(parts) });
}

/* One request from at on; returns how many bytes it took. Pieces are of 1 to step bytes. */
static size_t read_request(
	struct reading *r, const uint8_t *data, size_t len, unsigned step, uint32_t *dice)
{
	struct http_parser p;
	size_t at = 0;

	http_parser_init(&p, &limits);
	r->last = HTTP_MORE;
	while (at < len && r->last == HTTP_MORE) {
		size_t piece, used;
		char *exact;

		*dice = *dice * 1664525 + 1013904223;
		piece = 1 + (*dice >> 16) % step;
		if (piece > len - at)
			piece = len - at;
		exact = malloc(piece);
		memcpy(exact, data + at, piece);
		r->last = http_parser_feed(&p, exact, piece, &used);
		if (r->last == HTTP_HEAD)
			r->last = http_parser_admit(&p, BODY_MAX);
		free(exact);
		check(used <= piece && (used == piece || p.state >= HTTP_AT_BODY));
		at += used;
	}
	if (r->last == HTTP_DONE) {
		check_accepted(&p);
		r->digest = digest_of(&p, r->digest);
		r->requests++;
	}
	r->status = r->last == HTTP_REFUSED ? p.status : 0;
	r->detail = r->last == HTTP_REFUSED ? p.detail : "";
	check(r->last != HTTP_REFUSED || (r->status >= 400 && r->status <= 505));
	http_parser_release(&p);
	return at;
}

static struct reading read_connection(const uint8_t *data, size_t len, unsigned step)
{
	struct reading r = { .last = HTTP_DONE };
	uint32_t dice = (uint32_t)len;
	size_t at = 0;

	while (at < len && r.last == HTTP_DONE && r.requests < REQUESTS_MAX)
		at += read_request(&r, data + at, len - at, step, &dice);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const unsigned steps[] = { 1, 3, 64 };
	struct reading whole;

	if (len > 4096)
		return 0;
	whole = read_connection(data, len, 1u << 15);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		struct reading cut = read_connection(data, len, steps[i]);

		check(cut.digest == whole.digest && cut.requests == whole.requests);
		check(cut.last == whole.last && cut.status == whole.status);
		check(cut.detail == whole.detail);
	}
	return 0;
}
