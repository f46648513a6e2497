/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_reader ORIGIN: for each line of the input, which names a store's file, look
 * at the audit log beside it as an auditor would, then let the publisher go on
 * with it as after any start, and print what came of it:
 *
 *	root N HASH	the log's root when it had N entries, base64
 *
 * and "broken WHY" if it does not verify, before or after, or the publisher is in
 * doubt, or not every entry of the store is in the log in the end. A line with a
 * full stop ends each answer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit/edge.h"
#include "audit/folder.h"
#include "audit/key_file.h"
#include "audit/publish.h"
#include "audit/verify.h"
#include "base/codec.h"
#include "io/crypto.h"
#include "io/loop.h"
#include "store/store.h"

#define POLL_MS   1
#define POLLS_MAX 10000

struct reader {
	const char *origin;
	char folder[4096], key[4096];
	struct loop *loop;
	struct loop_timer *poll;
	unsigned polls;
	struct store *store;
	struct publisher *publisher;
};

NORETURN static void fail(const char *what)
{
	fprintf(stderr, "log_reader: %s\n", what);
	exit(EXIT_FAILURE);
}

/* --- as an auditor --- */

static void on_failure(void *ctx, const char *line)
{
	printf("broken %s the publisher: %s\n", (const char *)ctx, line);
}

static bool log_is_there(const struct reader *r)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/%s", r->folder, FOLDER_CHECKPOINT);
	return access(path, F_OK) == 0;
}

static uint64_t verify(const struct reader *r, const char *when)
{
	CLEANUP(freep) char *moment = xstrdup(when);
	struct verifier v = { .on_failure = on_failure, .ctx = moment };
	struct checkpoint c = { 0 };
	struct note_key key;

	if (folder_key(r->folder, &key) != ERR_OK) {
		printf("broken %s the publisher: there is no vkey\n", when);
		return 0;
	}
	v.key = &key;
	return folder_verify(&v, r->folder, &c) ? c.size : 0;
}

static enum err ignore_bundle(void *ctx, uint64_t n, unsigned width, struct span bytes)
{
	(void)ctx;
	(void)n;
	(void)width;
	(void)bytes;
	return ERR_OK;
}

static enum err ignore_tile(void *ctx, unsigned level, const struct edge_tile *t)
{
	(void)ctx;
	(void)level;
	(void)t;
	return ERR_OK;
}

static void print_root(const struct edge *e)
{
	CLEANUP(buf_release) struct buf text;
	struct tlog_hash root;

	buf_init(&text, 64);
	edge_root(e, &root);
	if (base64_encode(&text, root.b, sizeof(root.b)) != ERR_OK)
		fail("base64");
	printf("root %llu %s\n", (unsigned long long)e->size, text.data);
}

/* Build the tree anew from the entries alone, with its root at each size. */
static void print_roots(const struct reader *r, uint64_t size)
{
	const struct edge_ops ignore = { .on_bundle = ignore_bundle, .on_tile = ignore_tile };
	struct folder_entries entries;
	struct edge *e = edge_new();
	struct span entry;

	folder_entries_init(&entries, r->folder, size);
	for (uint64_t i = 0; i < size; i++) {
		if (folder_entry(&entries, i, &entry) != ERR_OK || edge_add(e, entry) != ERR_OK ||
			edge_settle(e, &ignore) != ERR_OK)
			fail("an entry that verified cannot be read");
		print_root(e);
	}
	folder_entries_release(&entries);
	edge_free(e);
}

/* --- as the daemon --- */

static void on_trouble(void *ctx, const char *why)
{
	(void)ctx;
	if (why != NULL)
		printf("broken the publisher has trouble: %s\n", why);
}

static void on_poll(void *ctx)
{
	struct reader *r = ctx;
	enum publisher_state state = publisher_stats(r->publisher).state;

	if (state == PUBLISHER_RUNNING)
		publisher_finish(r->publisher);
	if (++r->polls == POLLS_MAX)
		printf("broken the publisher is %s\n", publisher_state_str(state));
	if (r->polls == POLLS_MAX || publisher_is_finished(r->publisher))
		loop_stop(r->loop);
	else
		loop_timer_set(r->poll, POLL_MS);
}

/* Let it publish all that the store has. */
static void publish(struct reader *r)
{
	const struct publisher_conf conf = {
		.directory = r->folder,
		.origin = r->origin,
		.pace = { .sign_every = 4096, .interval_ms = 60000, .heartbeat_ms = 3600000 },
		.on_trouble = on_trouble,
	};
	CLEANUP(freep) char *why = NULL;
	struct signing_key *key;

	if (audit_key_load(r->key, !log_is_there(r), &key, &why) != ERR_OK) {
		printf("broken %s\n", why);
		return;
	}
	if (publisher_new(r->loop, r->store, &conf, key, &r->publisher) != ERR_OK)
		fail("no thread");
	r->polls = 0;
	loop_timer_set(r->poll, POLL_MS);
	if (loop_run(r->loop) != ERR_OK)
		fail("loop");
}

static void go_on(struct reader *r, const char *path)
{
	const struct store_config conf = { path, "reader", (size_t)1 << 20 };
	CLEANUP(freep) char *why = NULL;
	int64_t entries;
	uint64_t size;

	if (sqlite_store_open(r->loop, &conf, &r->store, &why) != ERR_OK) {
		printf("refused %s\n", why);
		return;
	}
	publish(r);
	entries = store_counts(r->store).audit;
	store_close(TAKE(r->store));
	publisher_free(TAKE(r->publisher));
	size = verify(r, "after");
	if ((int64_t)size != entries)
		printf("broken the log has %llu entries and the store %lld\n",
			(unsigned long long)size, (long long)entries);
	print_roots(r, size);
}

static void answer(struct reader *r, const char *path)
{
	const char *slash = strrchr(path, '/');
	int n = slash == NULL ? 0 : (int)(slash - path);

	snprintf(r->folder, sizeof(r->folder), "%.*s/audit", n, path);
	snprintf(r->key, sizeof(r->key), "%.*s/audit.key", n, path);
	if (log_is_there(r))
		verify(r, "before");
	go_on(r, path);
}

int main(int argc, char **argv)
{
	struct reader r = { .origin = argv[1], .loop = loop_new() };
	char path[4000];

	if (argc != 2 || crypto_init() != ERR_OK)
		fail("usage: log_reader ORIGIN");
	r.poll = loop_timer_new(r.loop, on_poll, &r);
	while (fgets(path, sizeof(path), stdin) != NULL) {
		path[strcspn(path, "\n")] = '\0';
		answer(&r, path);
		printf(".\n");
		fflush(stdout);
	}
	loop_timer_free(r.poll);
	loop_free(r.loop);
	return 0;
}
