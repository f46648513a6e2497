/* SPDX-License-Identifier: Apache-2.0 */
#include "io/discovery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json_gate.h"
#include "base/json_read.h"

#define URL_BYTES 2048

char *discovery_url(const char *issuer)
{
	size_t n = strlen(issuer);
	char *url;

	if (n > 0 && issuer[n - 1] == '/')
		n--;
	if (asprintf(&url, "%.*s/.well-known/openid-configuration", (int)n, issuer) < 0)
		out_of_memory();
	return url;
}

static enum err member_read(struct json_value document, const char *name, struct buf *out)
{
	struct json_value v;

	return json_get(document, name, &v) ? json_string(v, out) : ERR_PARSE;
}

/* Nothing in it that two readers could take differently. */
static bool url_is_plain(struct span url)
{
	for (size_t i = 0; i < url.n; i++) {
		if (url.p[i] <= ' ' || url.p[i] > '~' || strchr("\\#@\"<>", url.p[i]) != NULL)
			return false;
	}
	return true;
}

/* "http://host:port/" of an issuer, or all of it where no path follows. */
static struct span origin_of(const char *issuer)
{
	return (struct span){ issuer, 7 + strcspn(issuer + 7, "/") };
}

static bool keys_may_be_at(struct span url, const char *issuer)
{
	struct span origin;

	if (!url_is_plain(url))
		return false;
	if (span_starts(url, "https://"))
		return url.n > 8;
	if (strncmp(issuer, "http://", 7) != 0)
		return false;
	origin = origin_of(issuer);
	return url.n > origin.n && memcmp(url.p, origin.p, origin.n) == 0 && url.p[origin.n] == '/';
}

enum err discovery_read(struct span json, const char *issuer, char **keys_url)
{
	CLEANUP(buf_release) struct buf name, url;
	struct json_value document;
	enum err e;

	buf_init(&name, URL_BYTES);
	buf_init(&url, URL_BYTES);
	if (json.n > DISCOVERY_BYTES)
		return ERR_LIMIT;
	e = json_gate(json, NULL, NULL);
	if (e != ERR_OK)
		return e;
	document = json_root(json);
	e = member_read(document, "issuer", &name);
	if (e == ERR_OK)
		e = member_read(document, "jwks_uri", &url);
	if (e != ERR_OK)
		return e;
	if (!span_is(buf_span(&name), issuer) || !keys_may_be_at(buf_span(&url), issuer))
		return ERR_AUTH;
	*keys_url = buf_detach(&url);
	return ERR_OK;
}
