/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_CODEC_H
#define BASE_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

/* Write 2 * n lower-case digits and a NUL. */
void hex_encode(const void *bytes, size_t n, char *text);

/* ERR_PARSE unless text is exactly 2 * n digits of either case. */
MUST_CHECK enum err hex_decode(struct span text, void *bytes, size_t n);

/*
 * Read base64 (RFC 4648, section 4: standard alphabet, padded, canonical tail,
 * no white space) of at most max bytes. ERR_PARSE otherwise; ERR_LIMIT if the
 * bytes are more than max.
 */
MUST_CHECK enum err base64_decode(struct span text, void *bytes, size_t max, size_t *n);

/* Append the padded standard form. */
MUST_CHECK enum err base64_encode(struct buf *out, const void *bytes, size_t n);

/* Append the form for URLs and JOSE (RFC 4648, section 5), without padding. */
MUST_CHECK enum err base64url_encode(struct buf *out, const void *bytes, size_t n);

/*
 * Append what such a text stands for. ERR_PARSE if it has padding, another
 * alphabet, or bits left over that are not zero; ERR_LIMIT if out is full.
 */
MUST_CHECK enum err base64url_decode(struct span text, struct buf *out);

/*
 * Decode one application/x-www-form-urlencoded value (WHATWG URL, section 5.1:
 * '+' is a space, %XX a byte) and append it to out. ERR_PARSE on a '%' without
 * two hex digits, which no encoder sends.
 */
MUST_CHECK enum err form_decode(struct span text, struct buf *out);

/*
 * Find the value of a field in a form body, still encoded; a field without '='
 * has an empty one. ERR_NOTFOUND if it is not there, ERR_PARSE if it is there
 * twice.
 */
MUST_CHECK enum err form_find(struct span body, const char *name, struct span *value);

/* The same for a part of a URL's path (RFC 3986, section 2.1), where '+' is itself. */
MUST_CHECK enum err url_decode(struct span text, struct buf *out);

/* Append text percent-encoded but for RFC 3986's unreserved characters. */
MUST_CHECK enum err url_encode(struct span text, struct buf *out);

/*
 * Append an address that somebody wrote as a URI (RFC 3986): what cannot stand
 * where it does is percent-encoded, all else stays as it is.
 */
MUST_CHECK enum err uri_repair(struct span text, struct buf *out);

#define UUID_BYTES    16
#define UUID_TEXT_MAX 37

/*
 * Make the 16 bytes a UUID of version 8 (RFC 9562, section 5.8): ours are cut
 * from a SHA-256, so that the same input always has the same id.
 */
void uuid_mark(uint8_t id[UUID_BYTES]);

/* Begin it with a time in ms, as version 7 does, so that texts sort as the times do. */
void uuid_stamp(uint8_t id[UUID_BYTES], uint64_t ms);
char *uuid_format(const uint8_t id[UUID_BYTES], char text[UUID_TEXT_MAX]);
MUST_CHECK enum err uuid_parse(struct span text, uint8_t id[UUID_BYTES]);

/* Bytes of the well-formed UTF-8 character (RFC 3629) that s begins with; 0 if it does not. */
size_t utf8_len(struct span s);

/* Is this well-formed UTF-8? */
bool utf8_is_valid(struct span s);

/* The longest prefix of at most max bytes that does not cut a character. */
struct span utf8_cut(struct span s, size_t max);

#endif
