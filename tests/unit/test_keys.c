/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_write.h"
#include "base/log.h"
#include "io/crypto.h"
#include "io/httpc.h"
#include "io/loop.h"
#include "scratch.h"
#include "standin.h"
#include "travis/key_cache.h"
#include "travis/keys.h"

#define HOUR_MS (60 * 60 * 1000)
#define DAY_MS  (24 * HOUR_MS)

/*
 * A real HTTP client against config_standin.py, which reads what to answer from
 * files of the scratch folder. The keys are a.pub, b.pub and c.pub.
 */
static struct scratch scratch;
static struct standin standin;
static struct loop *loop;
static struct httpc *http;
static char config_url[128], cache_path[128], rotated_to[RSA_FINGERPRINT_MAX];
static unsigned rotations;

/* Made once for all tests, which find the folder by this name in the environment. */
#define KEYS_FOLDER "STAGEWIRE_TEST_KEYS"

static struct scratch keys_folder;

ReportHook(PRE_ALL)(struct criterion_test_set *tests)
{
	(void)tests;
	scratch_make(&keys_folder);
	setenv(KEYS_FOLDER, keys_folder.dir, 1);
	scratch_run(&keys_folder,
		"for k in a b c; do openssl genrsa -out $k.pem 2048 2>/dev/null "
		"&& openssl rsa -in $k.pem -pubout -out $k.pub 2>/dev/null; done");
}

ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
	(void)stats;
	scratch_remove(&keys_folder);
}

static void setup(void)
{
	cr_assert_eq(crypto_init(), ERR_OK);
	log_set_level(LOG_LEVEL_ERR);
	scratch_make(&scratch);
	scratch_run(&scratch, "cp \"$" KEYS_FOLDER "\"/* .");
	standin_start_script(&standin, "config_standin.py", scratch.dir);
	snprintf(config_url, sizeof(config_url), "%s/config", standin.url);
	scratch_path(&scratch, "cache.json", cache_path);
	loop = loop_new();
	http = httpc_new(loop);
	rotations = 0;
}

static void teardown(void)
{
	standin_stop(&standin);
	httpc_free(http);
	loop_free(loop);
	scratch_remove(&scratch);
}

TestSuite(keys, .init = setup, .fini = teardown);

/* What the instance says from now on: a file of a key, or NULL for no key. */
static void publish(const char *pem_file)
{
	CLEANUP(buf_release) struct buf pem, json;
	struct json_writer w;

	buf_init(&pem, 65536);
	buf_init(&json, 65536);
	json_writer_init(&w, &json);
	if (pem_file != NULL)
		scratch_read(&scratch, pem_file, &pem);
	json_put_raw(
		&w, SPAN("{\"config\":{\"host\":\"travis-ci.com\",\"notifications\":{\"webhook\":"
			 "{\"public_key\":"));
	w.comma = false;
	if (pem_file == NULL)
		json_put_null(&w);
	else
		json_put_span(&w, buf_span(&pem));
	cr_assert_eq(json_done(&w), ERR_OK);
	cr_assert_eq(buf_add_str(&json, "}}}}"), ERR_OK);
	scratch_write(&scratch, "config.new", buf_span(&json));
	scratch_run(&scratch, "mv config.new config");
}

static void behave(const char *mode)
{
	scratch_write(&scratch, "mode.new", span_of(mode));
	scratch_run(&scratch, "mv mode.new mode");
}

static void on_rotate(void *ctx, const char *fingerprint)
{
	(void)ctx;
	rotations++;
	memcpy(rotated_to, fingerprint, strlen(fingerprint) + 1);
}

static struct travis_keys *keys_start(int64_t refresh_ms, int64_t overlap_ms)
{
	const struct travis_keys_conf conf = {
		.name = "test",
		.config_url = config_url,
		.cache_path = cache_path,
		.refresh_ms = refresh_ms,
		.refetch_min_ms = HOUR_MS,
		.overlap_ms = overlap_ms,
		.on_rotate = on_rotate,
	};
	struct travis_keys *k = NULL;
	char *why = NULL;

	cr_assert_eq(travis_keys_new(loop, http, &conf, &k, &why), ERR_OK, "%s", why);
	return k;
}

/* --- waiting, bounded --- */

static void wait_until(bool (*holds)(const void *arg), const void *arg)
{
	loop_wait_for(loop, holds, arg);
}

static bool is_fetched(const void *arg)
{
	return travis_keys_fetched_at(arg).ms != WALL_NONE.ms;
}

static bool is_rotated(const void *arg)
{
	return rotations >= *(const unsigned *)arg;
}

static bool one_is_live(const void *arg)
{
	size_t n;

	IGNORE(travis_keys_live(arg, &n) == NULL);
	return n == 1;
}

static unsigned requests_seen(void)
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

static bool is_requested(const void *arg)
{
	return requests_seen() >= *(const unsigned *)arg;
}

/* Until n requests more: the answer to all but the last of them has been taken. */
static void wait_for_requests(unsigned n)
{
	unsigned until = requests_seen() + n;

	wait_until(is_requested, &until);
}

static bool is_past(const void *arg)
{
	return clock_mono().ms >= ((const struct mono *)arg)->ms;
}

/* Give what must not happen the time to happen. */
static void idle(void)
{
	struct mono until = { clock_mono().ms + 60 };

	wait_until(is_past, &until);
}

/* --- who is live --- */

static const char *fingerprint_of(const char *pem_file, char text[RSA_FINGERPRINT_MAX])
{
	CLEANUP(buf_release) struct buf pem;
	struct rsa_key *key = NULL;

	buf_init(&pem, 65536);
	scratch_read(&scratch, pem_file, &pem);
	cr_assert_eq(rsa_key_parse(buf_span(&pem), &key), ERR_OK);
	memcpy(text, rsa_key_fingerprint(key), RSA_FINGERPRINT_MAX);
	rsa_key_free(key);
	return text;
}

/* The letters of the live keys in their order, such as "ba". */
static void cr_assert_live(const struct travis_keys *k, const char *letters)
{
	struct rsa_key *const *live;
	char want[RSA_FINGERPRINT_MAX];
	size_t n;

	live = travis_keys_live(k, &n);
	cr_assert_eq(n, strlen(letters), "%zu are live, not %s", n, letters);
	for (size_t i = 0; i < n; i++) {
		const char file[] = { letters[i], '.', 'p', 'u', 'b', '\0' };

		cr_assert_str_eq(
			rsa_key_fingerprint(live[i]), fingerprint_of(file, want), "key %zu", i);
	}
}

Test(keys, are_fetched_at_the_start_and_told)
{
	struct travis_keys *k;
	char want[RSA_FINGERPRINT_MAX];

	publish("a.pub");
	k = keys_start(HOUR_MS, 0);
	cr_assert_live(k, "");
	cr_assert_eq(travis_keys_fetched_at(k).ms, WALL_NONE.ms);
	wait_until(is_fetched, k);
	cr_assert_live(k, "a");
	cr_assert_eq(rotations, 1);
	cr_assert_str_eq(rotated_to, fingerprint_of("a.pub", want));
	travis_keys_free(k);
}

Test(keys, verify_what_the_instance_signs)
{
	CLEANUP(buf_release) struct buf sig;
	struct travis_keys *k;
	struct rsa_key *const *live;
	size_t n, by;

	publish("a.pub");
	k = keys_start(HOUR_MS, 0);
	wait_until(is_fetched, k);
	scratch_write(&scratch, "payload", SPAN("{\"id\":1}"));
	scratch_run(&scratch, "openssl dgst -sha1 -sign a.pem payload | openssl base64 -A >sig");
	buf_init(&sig, 4096);
	scratch_read(&scratch, "sig", &sig);
	live = travis_keys_live(k, &n);
	cr_assert_eq(
		travis_webhook_verify(SPAN("{\"id\":1}"), buf_span(&sig), live, n, &by), ERR_OK);
	cr_assert_eq(
		travis_webhook_verify(SPAN("{\"id\":2}"), buf_span(&sig), live, n, &by), ERR_AUTH);
	travis_keys_free(k);
}

Test(keys, are_asked_for_without_an_api_version)
{
	CLEANUP(buf_release) struct buf lines;
	struct travis_keys *k;

	publish("a.pub");
	k = keys_start(HOUR_MS, 0);
	wait_until(is_fetched, k);
	buf_init(&lines, 65536);
	scratch_read(&scratch, "requests", &lines);
	cr_assert(span_starts(buf_span(&lines), "/config "));
	cr_assert_null(strstr(lines.data, "version"), "%s", lines.data);
	cr_assert_null(strstr(lines.data, "authorization"), "%s", lines.data);
	travis_keys_free(k);
}

Test(keys, stay_when_a_refresh_brings_the_same)
{
	struct travis_keys *k;

	publish("a.pub");
	k = keys_start(10, 0);
	wait_for_requests(4);
	cr_assert_live(k, "a");
	cr_assert_eq(rotations, 1);
	travis_keys_free(k);
}

Test(keys, that_followed_each_other_are_both_live)
{
	struct travis_keys *k;
	unsigned twice = 2;

	publish("a.pub");
	k = keys_start(10, 0);
	wait_until(is_fetched, k);
	publish("b.pub");
	wait_until(is_rotated, &twice);
	cr_assert_live(k, "ba");
	travis_keys_free(k);
}

Test(keys, older_than_the_last_two_are_dropped)
{
	struct travis_keys *k;
	unsigned twice = 2, thrice = 3;

	publish("a.pub");
	k = keys_start(10, 0);
	wait_until(is_fetched, k);
	publish("b.pub");
	wait_until(is_rotated, &twice);
	publish("c.pub");
	wait_until(is_rotated, &thrice);
	cr_assert_live(k, "cb");
	travis_keys_free(k);
}

Test(keys, that_come_back_are_live_once)
{
	struct travis_keys *k;
	unsigned twice = 2, thrice = 3;

	publish("a.pub");
	k = keys_start(10, 0);
	wait_until(is_fetched, k);
	publish("b.pub");
	wait_until(is_rotated, &twice);
	publish("a.pub");
	wait_until(is_rotated, &thrice);
	cr_assert_live(k, "ab");
	travis_keys_free(k);
}

Test(keys, of_before_end_after_the_overlap)
{
	struct key_cache cache = { .n = 0 };
	struct travis_keys *k;
	unsigned twice = 2;

	publish("a.pub");
	k = keys_start(10, 100);
	wait_until(is_fetched, k);
	publish("b.pub");
	wait_until(is_rotated, &twice);
	cr_assert_live(k, "ba");
	wait_until(one_is_live, k);
	cr_assert_live(k, "b");
	cr_assert_eq(key_cache_read(cache_path, &cache), ERR_OK);
	cr_assert_eq(cache.n, 1, "and they leave the cache");
	key_cache_release(&cache);
	travis_keys_free(k);
}

Test(keys, survive_whatever_config_answers_instead)
{
	static const struct {
		const char *mode, *config;
	} cases[] = {
		{ "status 404", NULL },
		{ "status 500", NULL },
		{ "status 203", NULL },
		{ "redirect", NULL },
		{ NULL, "" },
		{ NULL, "not JSON" },
		{ NULL, "{}" },
		{ NULL, "[]" },
		{ NULL, "{\"config\":{}}" },
		{ NULL, "{\"config\":{\"notifications\":{\"webhook\":{\"public_key\":null}}}}" },
		{ NULL, "{\"config\":{\"notifications\":{\"webhook\":{\"public_key\":7}}}}" },
		{ NULL, "{\"config\":{\"notifications\":{\"webhook\":{\"public_key\":\"\"}}}}" },
		{ NULL, "{\"config\":{\"notifications\":{\"webhook\":{\"public_key\":\"x\"}}}}" },
		{ NULL, "{\"config\":{\"notifications\":null}}" },
		{ NULL, "{\"config\":1,\"config\":2}" },
	};
	struct travis_keys *k;

	publish("a.pub");
	k = keys_start(10, 0);
	wait_until(is_fetched, k);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		/* Whatever mode was read before is over when b, which must not be taken, appears. */
		publish("a.pub");
		behave(cases[i].mode == NULL ? "" : cases[i].mode);
		wait_for_requests(2);
		if (cases[i].config == NULL)
			publish("b.pub");
		else
			scratch_write(&scratch, "config", span_of(cases[i].config));
		wait_for_requests(2);
		cr_assert_live(k, "a");
		cr_assert_eq(rotations, 1, "case %zu", i);
	}
	travis_keys_free(k);
}

Test(keys, are_fetched_again_at_growing_intervals_while_that_fails)
{
	struct travis_keys *k;

	behave("status 500");
	publish("a.pub");
	/* A refresh so far away that only the backoff, of half a second first, asks again. */
	k = keys_start(HOUR_MS, 0);
	wait_for_requests(1);
	behave("");
	wait_until(is_fetched, k);
	cr_assert_live(k, "a");
	cr_assert_eq(requests_seen(), 2);
	travis_keys_free(k);
}

Test(keys, that_are_too_large_are_not_taken)
{
	CLEANUP(buf_release) struct buf json;
	struct travis_keys *k;

	publish("a.pub");
	buf_init(&json, 1 << 20);
	scratch_read(&scratch, "config", &json);
	json.len--;
	cr_assert_eq(buf_addf(&json, ",\"pad\":\"%070000d\"}", 0), ERR_OK);
	scratch_write(&scratch, "config", buf_span(&json));
	k = keys_start(10, 0);
	wait_for_requests(3);
	cr_assert_live(k, "");
	travis_keys_free(k);
}

Test(keys, that_are_weak_are_not_taken)
{
	struct travis_keys *k;

	scratch_run(
		&scratch, "openssl genrsa 1024 2>/dev/null | openssl pkey -pubout -out weak.pub");
	publish("weak.pub");
	k = keys_start(10, 0);
	wait_for_requests(3);
	cr_assert_live(k, "");
	cr_assert_eq(rotations, 0);
	travis_keys_free(k);
}

Test(keys, in_doubt_are_fetched_no_more_often_than_allowed)
{
	struct travis_keys *k;
	unsigned before;

	publish("a.pub");
	k = keys_start(HOUR_MS, 0);
	wait_until(is_fetched, k);
	before = requests_seen();
	for (int i = 0; i < 1000; i++)
		travis_keys_doubt(k);
	idle();
	cr_assert_eq(requests_seen(), before);
	travis_keys_free(k);
}

Test(keys, in_doubt_are_fetched_when_that_is_allowed)
{
	const struct travis_keys_conf conf = { .name = "test",
		.config_url = config_url,
		.refresh_ms = HOUR_MS,
		.refetch_min_ms = 1,
		.on_rotate = on_rotate };
	struct travis_keys *k = NULL;
	unsigned twice = 2;
	char *why;

	publish("a.pub");
	cr_assert_eq(travis_keys_new(loop, http, &conf, &k, &why), ERR_OK);
	wait_until(is_fetched, k);
	publish("b.pub");
	idle();
	travis_keys_doubt(k);
	travis_keys_doubt(k);
	wait_until(is_rotated, &twice);
	cr_assert_live(k, "ba");
	cr_assert_eq(requests_seen(), 2, "one fetch at a time");
	travis_keys_free(k);
}

Test(keys, can_be_freed_while_a_fetch_is_under_way)
{
	struct travis_keys *k;

	behave("slow");
	publish("a.pub");
	k = keys_start(HOUR_MS, 0);
	wait_for_requests(1);
	travis_keys_free(k);
	idle();
	cr_assert_eq(rotations, 0);
}

/* --- the cache --- */

Test(keys, of_the_cache_are_live_at_once_while_the_instance_is_down)
{
	struct travis_keys *k;

	publish("a.pub");
	k = keys_start(HOUR_MS, 0);
	wait_until(is_fetched, k);
	travis_keys_free(k);
	standin_stop(&standin);
	rotations = 0;
	k = keys_start(HOUR_MS, 0);
	cr_assert_live(k, "a");
	idle();
	cr_assert_live(k, "a");
	cr_assert_eq(rotations, 0);
	cr_assert_eq(travis_keys_fetched_at(k).ms, WALL_NONE.ms);
	travis_keys_free(k);
}

Test(keys, of_the_cache_are_no_news_when_fetched_again)
{
	struct travis_keys *k;

	publish("a.pub");
	k = keys_start(HOUR_MS, 0);
	wait_until(is_fetched, k);
	travis_keys_free(k);
	rotations = 0;
	k = keys_start(HOUR_MS, 0);
	wait_until(is_fetched, k);
	cr_assert_live(k, "a");
	cr_assert_eq(rotations, 0);
	travis_keys_free(k);
}

static char *pem_of(const char *file)
{
	struct buf pem;

	buf_init(&pem, 65536);
	scratch_read(&scratch, file, &pem);
	return buf_detach(&pem);
}

/* A cache that says: b since so long ago, and a before it. */
static void remember(int64_t ago_ms)
{
	struct wall now = clock_wall();
	struct key_cache cache = {
		.key = { { pem_of("b.pub"), { now.ms - ago_ms } },
			{ pem_of("a.pub"), { now.ms - 30 * (int64_t)DAY_MS } } },
		.n = 2,
	};

	cr_assert_eq(key_cache_write(cache_path, &cache), ERR_OK);
	key_cache_release(&cache);
}

Test(keys, of_before_stay_over_a_restart_for_what_is_left_of_the_overlap)
{
	struct travis_keys *k;

	standin_stop(&standin);
	remember(DAY_MS - HOUR_MS);
	k = keys_start(HOUR_MS, 0);
	cr_assert_live(k, "ba");
	idle();
	cr_assert_live(k, "ba");
	travis_keys_free(k);
}

Test(keys, of_before_end_after_a_restart_when_the_overlap_is_over)
{
	struct travis_keys *k;

	standin_stop(&standin);
	remember(DAY_MS + 1);
	k = keys_start(HOUR_MS, 0);
	wait_until(one_is_live, k);
	cr_assert_live(k, "b");
	travis_keys_free(k);
}

Test(keys, of_the_future_do_not_lengthen_the_overlap)
{
	struct travis_keys *k;

	standin_stop(&standin);
	remember(-30 * (int64_t)DAY_MS);
	k = keys_start(HOUR_MS, 50);
	cr_assert_live(k, "ba");
	wait_until(one_is_live, k);
	cr_assert_live(k, "b");
	travis_keys_free(k);
}

Test(keys, are_fetched_all_the_same_if_the_cache_is_garbage)
{
	static const char *const garbage[] = { "", "garbage", "{", "[]", "{}", "{\"keys\":{}}",
		"{\"keys\":[1]}", "{\"keys\":[{\"pem\":\"x\",\"since\":\"2026-01-01T00:00:00Z\"}]}",
		"{\"keys\":[{\"pem\":7,\"since\":\"2026-01-01T00:00:00Z\"}]}",
		"{\"keys\":[{\"pem\":\"x\"}]}", "{\"keys\":[{\"pem\":\"x\",\"since\":\"now\"}]}",
		"{\"keys\":[{\"pem\":\"\\u0000\",\"since\":\"2026-01-01T00:00:00Z\"}]}" };

	publish("a.pub");
	for (size_t i = 0; i < ARRAY_SIZE(garbage); i++) {
		struct travis_keys *k;

		scratch_write(&scratch, "cache.json", span_of(garbage[i]));
		k = keys_start(HOUR_MS, 0);
		cr_assert_live(k, "");
		wait_until(is_fetched, k);
		cr_assert_live(k, "a");
		travis_keys_free(k);
	}
}

Test(keys, are_fetched_all_the_same_if_the_cache_cannot_be_used)
{
	struct travis_keys *k;

	scratch_run(&scratch, "mkdir -p cache.json/full");
	publish("a.pub");
	k = keys_start(HOUR_MS, 0);
	wait_until(is_fetched, k);
	cr_assert_live(k, "a");
	travis_keys_free(k);
}

/* --- keys from files --- */

static enum err start_files(
	const char *const *names, size_t n, const char *url, char **why, struct travis_keys **out)
{
	const char *files[4];
	char paths[4][128];
	const struct travis_keys_conf conf = { .name = "test",
		.files = files,
		.files_n = n,
		.config_url = url,
		.cache_path = cache_path,
		.refresh_ms = HOUR_MS,
		.refetch_min_ms = HOUR_MS,
		.on_rotate = on_rotate };

	for (size_t i = 0; i < n; i++)
		files[i] = scratch_path(&scratch, names[i], paths[i]);
	return travis_keys_new(loop, http, &conf, out, why);
}

Test(keys, from_files_are_live_in_their_order)
{
	static const char *const names[] = { "a.pub", "b.pub" };
	struct travis_keys *k = NULL;
	char *why = NULL;

	cr_assert_eq(start_files(names, 2, NULL, &why, &k), ERR_OK);
	cr_assert_live(k, "ab");
	travis_keys_doubt(k);
	idle();
	cr_assert_eq(requests_seen(), 0);
	travis_keys_free(k);
}

Test(keys, from_files_stay_beside_those_that_are_fetched)
{
	static const char *const names[] = { "a.pub" };
	struct key_cache cache = { .n = 0 };
	struct travis_keys *k = NULL;
	char *why = NULL;

	publish("b.pub");
	cr_assert_eq(start_files(names, 1, config_url, &why, &k), ERR_OK);
	cr_assert_live(k, "a");
	wait_until(is_fetched, k);
	cr_assert_live(k, "ba");
	cr_assert_eq(key_cache_read(cache_path, &cache), ERR_OK);
	cr_assert_eq(cache.n, 1, "a file's key is not cached");
	key_cache_release(&cache);
	travis_keys_free(k);
}

Test(keys, that_are_fetched_and_from_a_file_too_are_live_once)
{
	static const char *const names[] = { "a.pub", "b.pub" };
	struct travis_keys *k = NULL;
	char *why = NULL;

	publish("b.pub");
	cr_assert_eq(start_files(names, 2, config_url, &why, &k), ERR_OK);
	wait_until(is_fetched, k);
	cr_assert_live(k, "ba");
	travis_keys_free(k);
}

Test(keys, from_a_file_that_cannot_be_used_are_an_error_that_names_it)
{
	static const struct {
		const char *names[3];
		size_t n;
		enum err want;
		const char *says;
	} cases[] = {
		{ { "none.pub" }, 1, ERR_IO, "/none.pub: No such file" },
		{ { "a.pub", "none.pub" }, 2, ERR_IO, "/none.pub: No such file" },
		{ { "a.pem" }, 1, ERR_PARSE, "/a.pem: this is no PEM public key" },
		{ { "." }, 1, ERR_IO, "directory" },
		{ { "weak.pub" }, 1, ERR_PARSE, "/weak.pub: the RSA key's size" },
		{ { "a.pub", "b.pub", "c.pub" }, 3, ERR_LIMIT, "/c.pub: more key files" },
	};

	scratch_run(
		&scratch, "openssl genrsa 1024 2>/dev/null | openssl pkey -pubout -out weak.pub");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(freep) char *why = NULL;
		struct travis_keys *k = NULL;

		cr_assert_eq(start_files(cases[i].names, cases[i].n, NULL, &why, &k), cases[i].want,
			"case %zu", i);
		cr_assert_not_null(strstr(why, cases[i].says), "%s", why);
		cr_assert_null(k);
	}
}
