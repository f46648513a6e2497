/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/crypto.h"
#include "io/httpc.h"
#include "io/issuer.h"
#include "io/loop.h"
#include "scratch.h"
#include "standin.h"

#define HOUR_MS 3600000
#define DAY_MS  (24 * HOUR_MS)

/*
 * A real HTTP client against config_standin.py, which answers with a file of the
 * scratch folder: the keys of tests/unit/jwts.txt, or others. Its first token is
 * by one of them.
 */
static struct scratch scratch;
static struct standin standin;
static struct loop *loop;
static struct httpc *http;
static struct issuer_pace pace;
static char keys_url[128];
static struct buf file;
static struct span keys, token;

/* What was said of the tokens. */
static unsigned judged, unknown;

static struct span cut(struct span *rest, char at)
{
	const char *end = memchr(rest->p, at, rest->n);
	struct span part = { rest->p, (size_t)(end - rest->p) };

	rest->p = end + 1;
	rest->n -= part.n + 1;
	return part;
}

static void setup(void)
{
	const char *top = getenv("top_srcdir");
	struct span rest;
	char path[512];

	cr_assert_eq(crypto_init(), ERR_OK);
	snprintf(path, sizeof(path), "%s/tests/unit/jwts.txt", top == NULL ? "." : top);
	buf_init(&file, 1 << 20);
	cr_assert_eq(file_read(path, &file), ERR_OK, "%s", path);
	rest = buf_span(&file);
	keys = cut(&rest, '\n');
	cut(&rest, '\t');
	cut(&rest, '\t');
	cut(&rest, '\t');
	token = cut(&rest, '\n');
	scratch_make(&scratch);
	standin_start_script(&standin, "config_standin.py", scratch.dir);
	snprintf(keys_url, sizeof(keys_url), "%s/config", standin.url);
	loop = loop_new();
	http = httpc_new(loop);
	pace = (struct issuer_pace){ 0 };
	judged = unknown = 0;
}

static void teardown(void)
{
	httpc_free(http);
	loop_free(loop);
	standin_stop(&standin);
	scratch_remove(&scratch);
	buf_release(&file);
}

TestSuite(issuer, .init = setup, .fini = teardown);

static void publish(struct span set)
{
	scratch_write(&scratch, "config.new", set);
	scratch_run(&scratch, "mv config.new config");
}

/* "status 503", or "" to answer with what was published. */
static void behave(const char *mode)
{
	scratch_write(&scratch, "mode.new", span_of(mode));
	scratch_run(&scratch, "mv mode.new mode");
}

static unsigned fetches(void)
{
	CLEANUP(buf_release) struct buf lines;
	char path[128];
	unsigned n = 0;

	buf_init(&lines, 1 << 20);
	IGNORE(file_read(scratch_path(&scratch, "requests", path), &lines) != ERR_OK);
	for (size_t i = 0; i < lines.len; i++)
		n += lines.data[i] == '\n';
	return n;
}

static struct issuer_conf conf_of(int64_t refetch_min_ms)
{
	return (struct issuer_conf){
		.rules = { JWS_ES256, "vnd.backstage.user", "https://backstage.example/api/auth",
			"backstage" },
		.keys_url = keys_url,
		.timeout_ms = 10000,
		.refetch_min_ms = refetch_min_ms,
		.grace_ms = DAY_MS,
		.pace = &pace,
	};
}

static struct issuer *open_issuer(int64_t refetch_min_ms)
{
	const struct issuer_conf conf = conf_of(refetch_min_ms);

	return issuer_new(loop, http, &conf);
}

/* --- waiting, bounded --- */

static void wait_until(bool (*holds)(const void *issuer), const struct issuer *i)
{
	loop_wait_for(loop, holds, i);
}

static bool has_keys(const void *i)
{
	return issuer_status(i).keys > 0;
}

static bool has_no_keys(const void *i)
{
	return issuer_status(i).keys == 0;
}

static bool is_fetched(const void *i)
{
	return issuer_status(i).fetched.ms != WALL_NONE.ms;
}

/* The tokens' time is another one than today's, so a known key is seen by any other verdict. */
static void on_judged(void *ctx, enum jwt_verdict v, const struct jwt *t)
{
	bool *done = ctx;

	cr_expect_not_null(t);
	judged++;
	unknown += v == JWT_UNKNOWN_KEY;
	*done = true;
	loop_stop(loop);
}

/* Is it judged by a key that is known? */
static bool knows_key_of(struct issuer *i, struct span t)
{
	unsigned before = unknown;
	bool done = false;

	issuer_judge(i, t, on_judged, &done);
	if (!done)
		loop_run_until(loop, &done);
	return unknown == before;
}

static bool knows(struct issuer *i)
{
	return knows_key_of(i, token);
}

/* A token by a key that there is not: it makes the issuer look. */
static bool knows_other(struct issuer *i)
{
	return knows_key_of(
		i, SPAN("eyJhbGciOiJFUzI1NiIsInR5cCI6InZuZC5iYWNrc3RhZ2UudXNlciIsImtpZCI6Im4ifQ."
			"eyJpc3MiOiJodHRwczovL2JhY2tzdGFnZS5leGFtcGxlL2FwaS9hdXRoIiwiYXVkIjoiYmFj"
			"a3N0YWdlIn0."));
}

/* --- */

Test(issuer, a_token_that_comes_before_the_keys_waits_for_them)
{
	struct issuer *i = open_issuer(HOUR_MS);

	publish(keys);
	cr_expect(knows(i));
	cr_expect_eq(fetches(), 1);
	issuer_free(i);
}

Test(issuer, an_unknown_key_is_looked_for_once_in_a_while_only)
{
	struct issuer *i = open_issuer(HOUR_MS);

	publish(SPAN("{\"keys\":[]}"));
	wait_until(is_fetched, i);
	publish(keys);
	for (int n = 0; n < 3; n++)
		cr_expect_not(knows(i));
	cr_expect_eq(fetches(), 1);
	issuer_free(i);
}

Test(issuer, an_unknown_key_is_found_when_the_bound_lets)
{
	struct issuer *i = open_issuer(0);

	publish(SPAN("{\"keys\":[]}"));
	wait_until(is_fetched, i);
	cr_expect_not(knows(i));
	publish(keys);
	cr_expect(knows(i));
	cr_expect_eq(fetches(), 3);
	issuer_free(i);
}

Test(issuer, all_together_look_for_unknown_keys_ten_times_in_a_minute)
{
	struct issuer *one = open_issuer(0), *two = open_issuer(0);

	publish(SPAN("{\"keys\":[]}"));
	wait_until(is_fetched, one);
	wait_until(is_fetched, two);
	for (int n = 0; n < ISSUER_PACE_MAX; n++) {
		cr_expect_not(knows(one));
		cr_expect_not(knows(two));
	}
	cr_expect_eq(judged, 2 * ISSUER_PACE_MAX);
	cr_expect_eq(fetches(), 2 + ISSUER_PACE_MAX);
	issuer_free(one);
	issuer_free(two);
}

Test(issuer, the_pace_is_over_any_minute)
{
	struct issuer_pace p = { 0 };

	for (int64_t n = 0; n < ISSUER_PACE_MAX; n++)
		cr_expect(issuer_pace_take(&p, (struct mono){ 1000 * n }));
	cr_expect_not(issuer_pace_take(&p, (struct mono){ 59999 }));
	cr_expect(issuer_pace_take(&p, (struct mono){ 60000 }));
	cr_expect_not(issuer_pace_take(&p, (struct mono){ 60999 }));
	cr_expect(issuer_pace_take(&p, (struct mono){ 61000 }));
}

Test(issuer, what_is_no_key_set_does_not_replace_the_last_good_one)
{
	static const char one[] = "{\"kty\":\"RSA\"},";
	CLEANUP(buf_release) struct buf many, big;
	struct issuer *i = open_issuer(0);
	const char *modes[] = { "status 503", "status 404", "redirect" };
	struct span bad[] = { SPAN("{}"), SPAN("<html>"), { 0 }, { 0 } };

	buf_init(&many, 1 << 16);
	buf_init(&big, 1 << 18);
	cr_assert_eq(buf_add_str(&many, "{\"keys\":["), ERR_OK);
	for (int n = 0; n <= JWK_SET_KEYS; n++)
		cr_assert_eq(buf_add_str(&many, one), ERR_OK);
	cr_assert_eq(buf_add_str(&many, "{}]}"), ERR_OK);
	cr_assert_eq(buf_add_span(&big, keys), ERR_OK);
	while (big.len <= JWK_SET_BYTES)
		cr_assert_eq(buf_add_str(&big, "          "), ERR_OK);
	bad[2] = buf_span(&many);
	bad[3] = buf_span(&big);
	publish(keys);
	wait_until(has_keys, i);
	for (size_t n = 0; n < ARRAY_SIZE(bad) + ARRAY_SIZE(modes); n++) {
		unsigned failures = issuer_status(i).failures;

		if (n < ARRAY_SIZE(bad))
			publish(bad[n]);
		else
			behave(modes[n - ARRAY_SIZE(bad)]);
		cr_expect_not(knows_other(i));
		cr_expect_eq(issuer_status(i).failures, failures + 1, "case %zu", n);
		cr_expect(knows(i), "case %zu", n);
	}
	issuer_free(i);
}

Test(issuer, the_last_good_keys_hold_for_their_grace)
{
	struct issuer_conf conf = conf_of(0);
	struct issuer *i;

	conf.grace_ms = 1500;
	publish(keys);
	i = issuer_new(loop, http, &conf);
	wait_until(has_keys, i);
	behave("status 503");
	cr_expect(knows(i));
	wait_until(has_no_keys, i);
	cr_expect_not(knows(i));
	behave("");
	wait_until(has_keys, i);
	cr_expect(knows(i));
	issuer_free(i);
}

Test(issuer, other_bounds_are_taken_over_with_the_keys_and_other_rules_are_not)
{
	struct issuer_conf conf = conf_of(HOUR_MS), other;
	struct issuer *i = issuer_new(loop, http, &conf);

	publish(keys);
	wait_until(has_keys, i);
	conf.refetch_min_ms = 0;
	conf.timeout_ms = 1;
	cr_expect(issuer_set(i, &conf));
	cr_expect(has_keys(i));
	conf.timeout_ms = 10000;
	cr_expect(issuer_set(i, &conf));
	for (int n = 0; n < 6; n++) {
		other = conf;
		switch (n) {
		case 0: other.rules.issuer = "https://other.example"; break;
		case 1: other.rules.audience = "other"; break;
		case 2: other.rules.alg = JWS_RS256; break;
		case 3: other.rules.type = NULL; break;
		case 4: other.keys_url = "https://other.example/keys"; break;
		default: other.keys_url = NULL; break;
		}
		cr_expect_not(issuer_set(i, &other), "case %d", n);
	}
	cr_expect(knows(i));
	cr_expect_not(knows_other(i));
	cr_expect_eq(fetches(), 2, "the other bound holds");
	issuer_free(i);
}

Test(issuer, who_waits_is_judged_when_it_goes)
{
	struct issuer *i = open_issuer(HOUR_MS);
	bool done = false;

	behave("slow");
	issuer_judge(i, token, on_judged, &done);
	cr_expect_not(done);
	issuer_free(i);
	cr_expect(done);
	cr_expect_eq(unknown, 1);
}
