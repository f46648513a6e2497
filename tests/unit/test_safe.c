/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/crypto.h"
#include "io/httpc.h"
#include "io/loop.h"
#include "io/secmem.h"
#include "secret/provider.h"
#include "secret/safe.h"
#include "secret/vault.h"
#include "standin.h"

/* Secrets of entities, from the stand-in of Vault. */
struct world {
	struct standin vault;
	struct loop *loop;
	struct httpc *http;
	struct safe *safe;
	bool done;
	enum err err;
	char text[64];
	unsigned told;
};

static char dir[] = "/tmp/test_safe.XXXXXX";
static char token_path[sizeof(dir) + sizeof("/root-token")];
static struct world w;

static void on_change(void *ctx)
{
	(void)ctx;
}

static void on_trouble(void *ctx, const char *provider, const char *why)
{
	(void)ctx;
	(void)provider;
	(void)why;
}

static void provider_add(const char *name, int64_t refresh_ms)
{
	const struct vault_conf conf = {
		.name = name,
		.address = w.vault.url,
		.mount = "secret",
		.method = VAULT_TOKEN,
		.token = { .place = SECRET_FILE, .name = token_path },
		.timeout_ms = 5000,
		.refresh_ms = refresh_ms,
		.overlap_ms = 60000,
		.grace_ms = 60000,
	};

	safe_add_provider(w.safe, vault_new(w.loop, w.http, &conf));
}

static void setup(void)
{
	struct safe_needs needs = { .on_change = on_change, .on_trouble = on_trouble };

	cr_assert_eq(crypto_init(), ERR_OK);
	cr_assert_not_null(mkdtemp(dir));
	snprintf(token_path, sizeof(token_path), "%s/root-token", dir);
	standin_start_script(&w.vault, "vault_standin.py", dir);
	w.loop = loop_new();
	w.http = httpc_new(w.loop);
	needs.loop = w.loop;
	w.safe = safe_new(&needs);
	provider_add("vault", 60000);
	provider_add("brisk", 90);
}

static void teardown(void)
{
	safe_free(w.safe);
	httpc_free(w.http);
	loop_free(w.loop);
	standin_stop(&w.vault);
	unlink(token_path);
	rmdir(dir);
}

TestSuite(safe, .init = setup, .fini = teardown);

static char path[] = "travis/{namespace}/{name}", field[] = "token", provider[] = "vault";
static const struct secret_ref ref = {
	.place = SECRET_VAULT,
	.name = path,
	.field = field,
	.provider = provider,
};

static struct secret_vars vars_of(const char *name)
{
	return (struct secret_vars){ .namespace = SPAN("default"), .name = span_of(name) };
}

static void on_secret(void *ctx, const struct secret *secret, enum err e, const char *why)
{
	(void)ctx;
	(void)why;
	w.err = e;
	w.told++;
	w.done = true;
	snprintf(w.text, sizeof(w.text), "%s", secret == NULL ? "" : secret_text(secret));
	loop_stop(w.loop);
}

static enum err fetch(const char *name)
{
	const struct secret_vars vars = vars_of(name);
	enum err e = safe_fetch(w.safe, &ref, &vars, on_secret, NULL, NULL);

	if (e != ERR_OK)
		return e;
	w.done = false;
	loop_run_until(w.loop, &w.done);
	return w.err;
}

static uint64_t fetches(void)
{
	return safe_stats(w.safe, 0).fetches;
}

Test(safe, has_for_each_entity_its_own_secret)
{
	cr_assert_eq(fetch("parcel-api"), ERR_OK);
	cr_assert_str_eq(w.text, "token of parcel-api");
	cr_assert_eq(fetch("Weigh-API"), ERR_OK);
	cr_assert_str_eq(w.text, "token of weigh-api");
	cr_assert_eq(fetches(), 2);
}

Test(safe, asks_once_for_what_is_fresh)
{
	cr_assert_eq(fetch("parcel-api"), ERR_OK);
	cr_assert_eq(fetch("parcel-api"), ERR_OK);
	cr_assert_eq(fetch("parcel-api"), ERR_OK);
	cr_assert_str_eq(w.text, "token of parcel-api");
	cr_assert_eq(fetches(), 1);
	cr_assert_eq(w.told, 3);
}

Test(safe, has_none_for_an_entity_without_one)
{
	cr_assert_eq(fetch("other-api"), ERR_NOTFOUND);
	cr_assert_str_eq(w.text, "");
	cr_assert_str_eq(safe_stats(w.safe, 0).trouble, "");
}

Test(safe, asks_nothing_for_a_name_that_would_climb)
{
	cr_assert_eq(fetch("../weigh-api"), ERR_PARSE);
	cr_assert_eq(fetch(".."), ERR_PARSE);
	cr_assert_eq(fetches(), 0);
}

Test(safe, knows_no_provider_but_its_own)
{
	static char nobody[] = "nobody";
	const struct secret_vars vars = vars_of("parcel-api");
	struct secret_ref other = ref;

	other.provider = nobody;
	cr_assert_eq(safe_fetch(w.safe, &other, &vars, on_secret, NULL, NULL), ERR_NOTFOUND);
}

Test(safe, does_not_call_back_who_cancelled)
{
	const struct secret_vars vars = vars_of("parcel-api");
	struct safe_wait *wait = NULL;

	cr_assert_eq(safe_fetch(w.safe, &ref, &vars, on_secret, NULL, &wait), ERR_OK);
	safe_cancel(wait);
	cr_assert_eq(fetch("weigh-api"), ERR_OK);
	cr_assert_eq(w.told, 1);
	cr_assert_str_eq(w.text, "token of weigh-api");
}

Test(safe, frees_what_is_under_way)
{
	const struct secret_vars vars = vars_of("parcel-api");

	cr_assert_eq(safe_fetch(w.safe, &ref, &vars, on_secret, NULL, NULL), ERR_OK);
	cr_assert_eq(w.told, 0);
}

struct watching {
	struct safe_watch *watch;
	unsigned words, enough;
	enum err err;
	bool done;
};

static void on_word(void *ctx, enum err e, const char *why)
{
	struct watching *x = ctx;

	cr_assert_eq(e == ERR_OK, why == NULL);
	x->err = e;
	x->done = ++x->words >= x->enough;
	if (x->done)
		loop_stop(w.loop);
}

static void watch(struct watching *x, const char *at, const char *name, unsigned enough)
{
	const struct secret_vars vars = vars_of(name);
	CLEANUP(freep) char *place = xstrdup(at);
	struct secret_ref r = ref;

	r.provider = place;
	*x = (struct watching){ .enough = enough };
	cr_assert_eq(safe_watch(w.safe, &r, &vars, on_word, x, &x->watch), ERR_OK);
}

Test(safe, tells_those_that_watch_what_is_there)
{
	struct watching x;

	cr_assert_eq(fetch("parcel-api"), ERR_OK);
	watch(&x, "vault", "parcel-api", 1);
	loop_run_until(w.loop, &x.done);
	cr_assert_eq(x.err, ERR_OK);
	cr_assert_str_eq(secret_text(safe_watched(x.watch).current), "token of parcel-api");
	cr_assert_null(safe_watched(x.watch).previous);
	cr_assert_str_eq(safe_watched(x.watch).version, "1");
	cr_assert_eq(fetches(), 2, "it was asked for anew");
	safe_unwatch(x.watch);
}

Test(safe, keeps_fresh_what_is_watched_and_nothing_else)
{
	struct watching x, late;

	watch(&x, "brisk", "parcel-api", 4);
	loop_run_until(w.loop, &x.done);
	cr_assert_eq(safe_stats(w.safe, 1).fetches, 4);
	safe_unwatch(x.watch);
	watch(&late, "brisk", "weigh-api", 4);
	loop_run_until(w.loop, &late.done);
	cr_assert_leq(safe_stats(w.safe, 1).fetches, 9, "the first is asked for no more");
	cr_assert_eq(x.words, 4);
	safe_unwatch(late.watch);
}

Test(safe, tells_those_that_watch_why_there_is_nothing)
{
	struct watching x;

	watch(&x, "vault", "other-api", 1);
	loop_run_until(w.loop, &x.done);
	cr_assert_eq(x.err, ERR_NOTFOUND);
	cr_assert_null(safe_watched(x.watch).current);
	safe_unwatch(x.watch);
}
