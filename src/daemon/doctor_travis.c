/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "daemon/daemon.h"
#include "daemon/doctor_impl.h"
#include "io/crypto.h"
#include "io/httpc.h"
#include "io/secmem.h"
#include "model/catalog.h"
#include "model/entity.h"
#include "relay/source.h"
#include "relay/token.h"
#include "secret/safe.h"
#include "travis/api.h"
#include "travis/keys.h"

/*
 * Each source's Travis CI: its /config, and its API with the token that a build
 * would be started with. Where tokens are kept by entity, one entity is the example.
 */

#define URL_MAX    2048
#define REPOS_PATH "/repos?limit=100&repository.active=true"

static const struct conf_source *conf_of(const struct probe *p)
{
	return &p->doctor->daemon->parts.conf->source[p->which];
}

static struct source *source_of(const struct probe *p)
{
	const struct relay_setup *s = relay_setup_now(p->doctor->daemon->relay);

	for (size_t i = 0; i < s->sources; i++) {
		if (strcmp(s->source[i]->name, p->about) == 0)
			return s->source[i];
	}
	return NULL;
}

/* --- /config --- */

static bool is_known(const struct source *s, const struct rsa_key *key)
{
	struct rsa_key *const *live;
	size_t n = 0;

	live = travis_keys_live(s->keys, &n);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(rsa_key_fingerprint(live[i]), rsa_key_fingerprint(key)) == 0)
			return true;
	}
	return false;
}

static void judge_key(struct probe *p, struct span pem)
{
	struct doctor_report *r = &p->doctor->report;
	const struct source *s = source_of(p);
	struct rsa_key *key = NULL;

	if (rsa_key_parse(pem, &key) != ERR_OK) {
		doctor_say(r, DOCTOR_FAIL, "travis-key", p->about,
			"its key is no RSA key of 2048 bits or more");
		doctor_fix(r, "Have the administrator of that Travis CI set a key of 2048 bits.");
	} else if (s != NULL && is_known(s, key)) {
		doctor_say(r, DOCTOR_OK, "travis-key", p->about, "it signs with %s, which we know",
			rsa_key_fingerprint(key));
	} else {
		doctor_say(r, DOCTOR_FAIL, "travis-key", p->about,
			"it signs with %s, which is none of ours", rsa_key_fingerprint(key));
		doctor_fix(r,
			"Put that key into public_keys of source '%s', or name its config_url, and "
			"reload: systemctl reload stagewired.",
			p->about);
	}
	rsa_key_free(key);
}

static void fix_config_url(struct probe *p)
{
	doctor_fix(&p->doctor->report,
		"Check config_url and api_url of source '%s': /config of its API has the key.",
		p->about);
}

/* Some instances tell their host, as people's browsers know it. */
static void judge_host(struct probe *p, struct span body)
{
	struct json_value config, host;
	struct span told;
	const char *ours = conf_of(p)->host;

	if (!json_get(json_root(body), "config", &config) || !json_get(config, "host", &host) ||
		json_plain(host, &told) != ERR_OK)
		return;
	if (span_is_nocase(told, ours)) {
		doctor_say(&p->doctor->report, DOCTOR_OK, "travis-host", p->about, "%s", ours);
		return;
	}
	doctor_say(&p->doctor->report, DOCTOR_WARN, "travis-host", p->about,
		"it says that its host is %.*s, and builds of %s only are taken", SPAN_ARGS(told),
		ours);
	doctor_fix(&p->doctor->report, "Set host of source '%s' to what its build URLs have.",
		p->about);
}

static void on_config(void *ctx, const struct httpc_answer *a)
{
	struct probe *p = ctx;
	struct doctor_report *r = &p->doctor->report;
	CLEANUP(buf_release) struct buf pem;
	enum err e;

	p->call = NULL;
	buf_init(&pem, DOCTOR_ANSWER_MAX);
	e = travis_config_key(a, &pem);
	if (e == ERR_OK) {
		judge_key(p, buf_span(&pem));
		judge_host(p, a->body);
	} else if (e == ERR_NOTFOUND) {
		doctor_say(r, DOCTOR_FAIL, "travis-key", p->about,
			"it has no key, so it signs nothing");
		doctor_fix(r, "Have the administrator of that Travis CI set a webhook key.");
	} else {
		doctor_say(r, DOCTOR_FAIL, "travis-key", p->about, "its /config: %s, status %d",
			httpc_result_str(a->result), a->status);
		fix_config_url(p);
	}
	if (a->result == HTTPC_ANSWERED)
		doctor_judge_clock(p->doctor, p->about, a);
	probe_end(p);
}

static void ask_config(struct doctor *x, size_t i)
{
	const struct conf_source *s = &x->daemon->parts.conf->source[i];
	char url[URL_MAX];
	struct probe *p;

	if (s->config_url == NULL && s->api_url == NULL) {
		doctor_say(&x->report, DOCTOR_SKIPPED, "travis-key", s->name,
			"the source has neither config_url nor api_url");
		return;
	}
	if (s->config_url != NULL)
		snprintf(url, sizeof(url), "%s", s->config_url);
	else
		snprintf(url, sizeof(url), "%s/config", s->api_url);
	p = probe_new(x, s->name, i);
	if (!probe_get(p, url, on_config)) {
		doctor_say(&x->report, DOCTOR_FAIL, "travis-key", s->name, "it cannot be asked");
		fix_config_url(p);
		probe_end(p);
	}
}

/* --- its token: who is it, what does it see, what may it do --- */

/* With a deadline of our own, which is shorter than that of the source's own API. */
static enum err api_send(struct probe *p, const char *path,
	void (*on_reply)(void *ctx, const struct travis_reply *r))
{
	const struct travis_api_conf conf = {
		.url = conf_of(p)->api_url,
		.timeout_ms = DOCTOR_TIMEOUT_MS,
	};
	struct travis_api *api = travis_api_new(p->doctor->daemon->http, &conf);
	enum err e = travis_api_send(
		api, "GET", path, p->token, (struct span){ 0 }, on_reply, p, &p->travis);

	travis_api_free(api);
	return e;
}

static void ask_next(struct probe *p, const char *path,
	void (*on_reply)(void *ctx, const struct travis_reply *r))
{
	if (api_send(p, path, on_reply) == ERR_OK)
		return;
	doctor_say(&p->doctor->report, DOCTOR_FAIL, "travis-token", p->about,
		"Travis cannot be asked with it");
	doctor_fix(&p->doctor->report,
		"Put a token without odd characters where api_token of source '%s' says.",
		p->about);
	probe_end(p);
}

static void on_repository(void *ctx, const struct travis_reply *reply)
{
	struct probe *p = ctx;
	struct doctor_report *r = &p->doctor->report;
	struct json_value permissions, may;

	p->travis = NULL;
	if (reply->answer != TRAVIS_OK) {
		doctor_say(r, DOCTOR_FAIL, "travis-permission", p->about, "%s: %s", p->slug,
			reply->why);
		doctor_fix(r, "Give the token's user access to %s, or correct the annotation.",
			p->slug);
	} else if (!json_get(reply->body, "@permissions", &permissions) ||
		   !json_get(permissions, "create_request", &may)) {
		doctor_say(r, DOCTOR_SKIPPED, "travis-permission", p->about,
			"Travis tells no permissions on %s", p->slug);
	} else if (json_is_true(may)) {
		doctor_say(r, DOCTOR_OK, "travis-permission", p->about,
			"the token's user may start builds of %s", p->slug);
	} else {
		doctor_say(r, DOCTOR_FAIL, "travis-permission", p->about,
			"the token's user may not start builds of %s (create_request)", p->slug);
		doctor_fix(r, "Give the token's user write access to %s at the place it is hosted.",
			p->slug);
	}
	probe_end(p);
}

static void ask_repository(struct probe *p)
{
	CLEANUP(buf_release) struct buf path;

	buf_init(&path, URL_MAX);
	if (p->slug != NULL && travis_path_repo(span_of(p->slug), "", &path) == ERR_OK) {
		ask_next(p, path.data, on_repository);
		return;
	}
	doctor_say(&p->doctor->report, DOCTOR_SKIPPED, "travis-permission", p->about,
		"the catalog has no entity with a repository of this source");
	probe_end(p);
}

/* How many are another owner's, and one of them. */
static size_t count_foreign(
	const struct source *s, struct json_value repositories, size_t *all, struct span *one)
{
	struct json_iter it = json_iter(repositories);
	struct json_value v, slug;
	struct span text;
	size_t foreign = 0;

	*all = 0;
	while (json_next_element(&it, &v)) {
		const char *slash;

		if (!json_get(v, "slug", &slug) || json_plain(slug, &text) != ERR_OK)
			continue;
		++*all;
		slash = memrchr(text.p, '/', text.n);
		if (slash == NULL ||
			source_hears(s, (struct span){ text.p, (size_t)(slash - text.p) }))
			continue;
		foreign++;
		*one = text;
	}
	return foreign;
}

static void on_repositories(void *ctx, const struct travis_reply *reply)
{
	struct probe *p = ctx;
	struct doctor_report *r = &p->doctor->report;
	const struct source *s = source_of(p);
	struct json_value list;
	struct span one = { 0 };
	size_t all = 0, foreign;

	p->travis = NULL;
	if (reply->answer != TRAVIS_OK || !json_get(reply->body, "repositories", &list) ||
		s == NULL) {
		doctor_say(r, DOCTOR_SKIPPED, "travis-scope", p->about, "/repos: %s",
			reply->answer == TRAVIS_OK ? "no list came" : reply->why);
		ask_repository(p);
		return;
	}
	foreign = count_foreign(s, list, &all, &one);
	if (foreign > 0) {
		doctor_say(r, DOCTOR_WARN, "travis-scope", p->about,
			"the token's user sees %zu of %zu repositories that the source does not "
			"listen to, such as %.*s",
			foreign, all, SPAN_ARGS(one));
		doctor_fix(r,
			"Use a token of a user who has rights on repositories of source '%s' only: "
			"Travis tokens have no narrower scope.",
			p->about);
	} else if (s->owners == NULL) {
		doctor_say(r, DOCTOR_SKIPPED, "travis-scope", p->about,
			"the source listens to all owners, so none of %zu repositories is foreign",
			all);
	} else {
		doctor_say(r, DOCTOR_OK, "travis-scope", p->about,
			"all of %zu repositories looked at are of the source's owners", all);
	}
	ask_repository(p);
}

static void on_user(void *ctx, const struct travis_reply *reply)
{
	struct probe *p = ctx;
	struct doctor_report *r = &p->doctor->report;
	struct json_value login;
	struct span name = SPAN("a user without a name");

	p->travis = NULL;
	if (reply->answer != TRAVIS_OK) {
		doctor_say(r, DOCTOR_FAIL, "travis-token", p->about, "%s", reply->why);
		if (reply->answer == TRAVIS_UNAUTHORIZED)
			doctor_fix(r,
				"Put a token that is not expired where api_token of source "
				"'%s' says.",
				p->about);
		else
			doctor_fix(r,
				"See that api_url of source '%s' leads to the API of Travis "
				"CI, and that it is up.",
				p->about);
		probe_end(p);
		return;
	}
	if (json_get(reply->body, "login", &login))
		IGNORE(json_plain(login, &name) != ERR_OK);
	doctor_say(r, DOCTOR_OK, "travis-token", p->about, "it is of %.*s%s%s", SPAN_ARGS(name),
		p->slug == NULL ? "" : ", as for ", p->slug == NULL ? "" : p->slug);
	ask_next(p, REPOS_PATH, on_repositories);
}

static void token_missing(struct probe *p, const char *why)
{
	doctor_say(&p->doctor->report, DOCTOR_FAIL, "travis-token", p->about, "%s%s%s",
		why == NULL ? "there is none" : why, p->slug == NULL ? "" : ", as for ",
		p->slug == NULL ? "" : p->slug);
	doctor_fix(
		&p->doctor->report, "Put the token where api_token of source '%s' says.", p->about);
	probe_end(p);
}

static void on_token(void *ctx, const struct secret *token, enum err e, const char *why)
{
	struct probe *p = ctx;

	(void)e;
	p->wait = NULL;
	if (token == NULL) {
		token_missing(p, why);
		return;
	}
	p->token = secret_new(secret_text(token), secret_len(token));
	ask_next(p, "/user", on_user);
}

/* An entity whose repository the source listens to. */
static bool find_example(struct doctor *x, const struct source *s, struct entity *e)
{
	const struct catalog *c = relay_catalog_now(x->daemon->relay);

	for (size_t i = 0; c != NULL && catalog_at(c, i, e); i++) {
		if (source_hears_slug(s, e->slug))
			return true;
	}
	return false;
}

static void ask_token(struct doctor *x, size_t i)
{
	const struct conf_source *conf = &x->daemon->parts.conf->source[i];
	CLEANUP(freep) char *why = NULL;
	struct probe *p = probe_new(x, conf->name, i);
	struct source *s = source_of(p);
	struct secret_vars vars;
	struct entity e;

	if (s != NULL && find_example(x, s, &e)) {
		p->slug = strndup(e.slug.p, e.slug.n);
		vars = token_vars(x->daemon->relay, e.ref);
	} else if (secret_ref_is_remote(&conf->api_token) &&
		   secret_path_has_vars(conf->api_token.name)) {
		doctor_say(&x->report, DOCTOR_SKIPPED, "travis-token", conf->name,
			"each entity has its own, and the catalog has none for this source");
		probe_end(p);
		return;
	} else {
		vars = (struct secret_vars){ 0 };
	}
	if (!secret_ref_is_remote(&conf->api_token)) {
		if (secret_fetch(&conf->api_token, &p->token, &why) == ERR_OK)
			ask_next(p, "/user", on_user);
		else
			token_missing(p, why);
	} else if (safe_fetch(x->daemon->safe, &conf->api_token, &vars, on_token, p, &p->wait) !=
		   ERR_OK) {
		token_missing(p, "no token can be kept for such an entity");
	}
}

void doctor_ask_travis(struct doctor *x)
{
	const struct conf *c = x->daemon->parts.conf;

	for (size_t i = 0; i < c->sources; i++) {
		if (strcmp(c->source[i].type, "travis") != 0)
			continue;
		ask_config(x, i);
		if (c->source[i].api_url == NULL)
			doctor_say(&x->report, DOCTOR_SKIPPED, "travis-token", c->source[i].name,
				"the source has no api_url");
		else
			ask_token(x, i);
	}
}
