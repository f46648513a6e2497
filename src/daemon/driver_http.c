/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/egress.h"
#include "conf/conf.h"
#include "daemon/assembly.h"
#include "daemon/driver.h"
#include "io/secmem.h"
#include "io/tls.h"
#include "model/sink.h"
#include "secret/safe.h"
#include "sink/http.h"
#include "sink/http_credentials.h"

static void credentials_freep(struct http_credentials **c)
{
	http_credentials_free(*c);
}

static void say_why(const struct conf_sink *c, const char *option, const char *what, char **why)
{
	if (asprintf(why, "sink '%s': %s: %s", c->name, option, what) < 0)
		abort();
}

/* One thing that a sink has secrets for. */
struct use {
	const struct conf_sink *sink;
	const char *option;
	const struct safe *safe;
	bool both; /* while one value replaces another, both are used */
	enum err (*add)(struct http_credentials *c, struct secret *s, const char **why);
};

/* Read one secret and add it. */
static enum err secret_add(const struct use *use, const struct secret_ref *ref,
	struct http_credentials *to, char **why)
{
	struct secret *current = NULL, *previous = NULL;
	const char *what;
	enum err e = safe_read(use->safe, ref, &current, &previous, why);

	if (e != ERR_OK)
		return e;
	e = use->add(to, current, &what);
	if (e != ERR_OK)
		say_why(use->sink, use->option, what, why);
	if (e == ERR_OK && use->both && previous != NULL)
		IGNORE(use->add(to, TAKE(previous), &what) != ERR_OK);
	secret_free(previous);
	return e;
}

static enum err secrets_add(const struct use *use, const struct secret_ref *refs,
	struct http_credentials *to, char **why)
{
	enum err e = ERR_OK;

	for (; refs != NULL && refs->place != SECRET_NONE && e == ERR_OK; refs++)
		e = secret_add(use, refs, to, why);
	return e;
}

static enum err credentials_fetch(const struct safe *safe, const struct conf_sink *c,
	struct http_credentials **out, char **why)
{
	const struct use keys = { c, "secrets", safe, true, http_credentials_add_key };
	const struct use fields = { c, "secret_headers", safe, false, http_credentials_add_field };
	const struct use token = { c, "token", safe, false, http_credentials_set_token };
	CLEANUP(credentials_freep) struct http_credentials *made = http_credentials_new();
	const char *what;
	enum err e = secrets_add(&keys, c->secrets, made, why);

	if (e == ERR_OK)
		e = secrets_add(&fields, c->secret_headers, made, why);
	if (e == ERR_OK && c->token.place != SECRET_NONE)
		e = secret_add(&token, &c->token, made, why);
	if (e != ERR_OK)
		return e;
	e = http_credentials_check(made, &what);
	if (e != ERR_OK) {
		say_why(c, "secrets", what, why);
		return e;
	}
	*out = TAKE(made);
	return ERR_OK;
}

static size_t rules_read(char *const *allow, struct egress_rule **out)
{
	struct egress_rule *rule;
	size_t n = 0;

	while (allow != NULL && allow[n] != NULL)
		n++;
	rule = xcalloc(n + 1, sizeof(*rule));
	/* Their form has been checked. */
	for (size_t i = 0; i < n; i++)
		IGNORE(egress_rule_parse(span_of(allow[i]), &rule[i]) != ERR_OK);
	*out = rule;
	return n;
}

/* libcurl reads the files itself, but only when it connects: say now what is wrong with them. */
static enum err tls_files_check(const struct conf_sink *c, char **why)
{
	const struct tls_client_conf conf = { c->ca, c->certificate, c->key };
	struct tls_client *tls;
	enum err e;

	if (c->ca == NULL && c->certificate == NULL)
		return ERR_OK;
	e = tls_client_new(&conf, &tls, why);
	if (e == ERR_OK)
		tls_client_free(tls);
	return e;
}

enum err driver_http_init(const struct assembly_needs *needs, struct backstage_client *client,
	const struct conf_sink *c, struct sink *sink, char **why)
{
	CLEANUP(freep) struct egress_rule *rule = NULL;
	struct http_credentials *credentials;
	struct http_sink_conf conf = {
		.url = c->url,
		.mode = strcmp(c->mode, "structured") == 0 ? HTTP_STRUCTURED : HTTP_BINARY,
		.origin = c->origin,
		.handshake = c->handshake,
		.timeout_ms = c->timeout_ms,
		.answer_max = c->answer_max,
		.header = (const char *const *)c->headers,
		.ca = c->ca,
		.certificate = c->certificate,
		.key = c->key,
		.on_refused = needs->on_refused,
		.refused_ctx = needs->ctx,
	};
	enum err e = tls_files_check(c, why);

	(void)client;
	if (e == ERR_OK)
		e = credentials_fetch(needs->safe, c, &credentials, why);
	if (e != ERR_OK)
		return e;
	conf.rules = rules_read(c->allow, &rule);
	conf.rule = rule;
	http_sink_init(sink, needs->http, c->name, &conf, credentials);
	return ERR_OK;
}

/* What was good and is so no more is not shown to anybody. */
static void outdated_make(struct driver_renewal *out)
{
	out->credentials = http_credentials_new();
	out->credentials->outdated = true;
}

enum err driver_http_renew(const struct safe *safe, const struct conf_sink *c, struct sink *sink,
	struct driver_renewal *out, char **why)
{
	enum err e = tls_files_check(c, why);

	if (e == ERR_OK)
		e = credentials_fetch(safe, c, &out->credentials, why);
	if (e == ERR_OK || e == ERR_NOTFOUND)
		out->sink = sink;
	if (e == ERR_NOTFOUND)
		outdated_make(out);
	return e;
}
