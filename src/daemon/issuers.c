/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/issuers.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/defs.h"
#include "base/log.h"
#include "conf/conf.h"
#include "io/issuer.h"

#define USER_TOKEN "vnd.backstage.user"
#define FETCH_MS   10000
#define GRACE_MS   (INT64_C(24) * 3600 * 1000)

/* One of them. The configuration that name and url point into is the one in use. */
struct trusted {
	const char *name; /* NULL: the users' */
	const char *url;
	struct issuer *issuer;
};

struct issuers {
	struct loop *loop;
	struct httpc *http;
	char *users_url, *users_keys_url;
	struct trusted *one;
	size_t n;
	struct issuer_pace pace;
};

struct issuers *issuers_new(struct loop *l, struct httpc *http)
{
	struct issuers *s = xcalloc(1, sizeof(*s));

	s->loop = l;
	s->http = http;
	return s;
}

void issuers_free(struct issuers *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n; i++)
		issuer_free(s->one[i].issuer);
	free(s->one);
	free(s->users_url);
	free(s->users_keys_url);
	free(s);
}

/* The same as before with its keys, taken out of the old ones; or a new one. */
static struct issuer *issuer_of(
	struct issuers *s, const struct issuer_conf *conf, struct trusted *old, size_t old_n)
{
	for (size_t i = 0; i < old_n; i++) {
		if (old[i].issuer != NULL && issuer_set(old[i].issuer, conf))
			return TAKE(old[i].issuer);
	}
	return issuer_new(s->loop, s->http, conf);
}

static struct issuer_conf users_conf(struct issuers *s, const struct conf *c)
{
	free(s->users_url);
	free(s->users_keys_url);
	s->users_url = conf_access_issuer(c);
	s->users_keys_url = c->access_keys_url == NULL ? NULL : xstrdup(c->access_keys_url);
	if (s->users_url != NULL && s->users_keys_url == NULL &&
		asprintf(&s->users_keys_url, "%s/.well-known/jwks.json", s->users_url) < 0)
		out_of_memory();
	return (struct issuer_conf){
		.rules = { .type = USER_TOKEN,
			.issuer = s->users_url,
			.audience = c->access_audience },
		.keys_url = s->users_keys_url,
	};
}

static void on_trouble(void *ctx, const char *iss, const char *why)
{
	(void)ctx;
	if (why == NULL)
		log_notice("issuer.recovered", "issuer=%s", iss);
	else
		log_warning("issuer.trouble", "issuer=%s why=\"%s\"", iss, why);
}

static void issuers_add(struct issuers *s, const char *name, struct issuer_conf *conf,
	const struct conf *c, const char *algorithm, struct trusted *old, size_t old_n)
{
	/* Its form has been checked. */
	IGNORE(jws_alg_parse(span_of(algorithm), &conf->rules.alg) != ERR_OK);
	conf->timeout_ms = FETCH_MS;
	conf->refetch_min_ms = c->access_key_refetch_ms;
	conf->grace_ms = GRACE_MS;
	conf->pace = &s->pace;
	conf->on_trouble = on_trouble;
	s->one[s->n++] =
		(struct trusted){ name, conf->rules.issuer, issuer_of(s, conf, old, old_n) };
}

void issuers_set(struct issuers *s, const struct conf *c)
{
	struct trusted *old = s->one;
	size_t old_n = s->n;
	struct issuer_conf users = users_conf(s, c);

	s->one = xcalloc(c->issuers + 1, sizeof(*s->one));
	s->n = 0;
	/* Nobody comes where nobody is listened to. */
	if (c->listen_api != NULL && s->users_url != NULL)
		issuers_add(s, NULL, &users, c, c->access_algorithm, old, old_n);
	for (size_t i = 0; c->listen_api != NULL && i < c->issuers; i++) {
		const struct conf_issuer *one = &c->issuer[i];
		struct issuer_conf conf = {
			.rules = { .issuer = one->url, .audience = one->audience },
			.keys_url = one->keys_url,
		};

		issuers_add(s, one->name, &conf, c, one->algorithm, old, old_n);
	}
	for (size_t i = 0; i < old_n; i++)
		issuer_free(old[i].issuer);
	free(old);
}

struct issuer *issuers_find(const struct issuers *s, struct span iss)
{
	for (size_t i = 0; i < s->n; i++) {
		if (span_is(iss, s->one[i].url))
			return s->one[i].issuer;
	}
	return s->n > 0 && s->one[0].name == NULL ? s->one[0].issuer : NULL;
}

static const struct trusted *issuers_get(const struct issuers *s, const struct issuer *issuer)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->one[i].issuer == issuer)
			return &s->one[i];
	}
	return NULL;
}

const char *issuers_name(const struct issuers *s, const struct issuer *i)
{
	const struct trusted *t = issuers_get(s, i);

	return t == NULL ? NULL : t->name;
}

bool issuers_is_of_users(const struct issuers *s, const struct issuer *i)
{
	const struct trusted *t = issuers_get(s, i);

	return t != NULL && t->name == NULL;
}
