/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "audit/bundle.h"
#include "audit/receipt.h"
#include "audit/record.h"
#include "audit/writer.h"
#include "audit_log.h"
#include "io/crypto.h"

static void setup(void)
{
	cr_assert_eq(crypto_init(), ERR_OK);
}

TestSuite(audit_log, .init = setup);

/* --- a log that is written here --- */

struct bench {
	struct scratch dir;
	struct log_writer *w;
	struct buf note; /* the last checkpoint */
	uint64_t size;
};

static void bench_open_writer(struct bench *b)
{
	const struct log_memory m = { .is_known = true, .remembered = buf_span(&b->note) };
	char *why = NULL;

	b->w = log_writer_new(b->dir.dir, LOG_ORIGIN, log_key('k'));
	cr_assert_eq(log_writer_open(b->w, &m, &why), ERR_OK, "%s", why);
	cr_assert_eq(b->w->edge->size, b->size);
}

static void bench_init(struct bench *b)
{
	*b = (struct bench){ 0 };
	scratch_make(&b->dir);
	buf_init(&b->note, NOTE_MAX);
	bench_open_writer(b);
}

static void bench_release(struct bench *b)
{
	log_writer_free(b->w);
	buf_release(&b->note);
	scratch_remove(&b->dir);
}

/* Entries that only their number tells apart. */
static void bench_add(struct bench *b, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		char text[32];
		struct span entry = { text,
			(size_t)snprintf(text, sizeof(text), "{\"n\":%" PRIu64 "}", b->size) };
		const struct log_page page = { b->size, &entry, 1 };

		cr_assert_eq(log_writer_add(b->w, &page), ERR_OK);
		b->size++;
	}
}

static void bench_sign(struct bench *b)
{
	cr_assert_eq(log_writer_sign(b->w, &b->note), ERR_OK);
}

static void bench_reopen_writer(struct bench *b)
{
	log_writer_free(b->w);
	bench_open_writer(b);
}

static void assert_verifies(struct bench *b)
{
	struct findings f;
	uint64_t size;

	cr_assert(log_verify(b->dir.dir, &b->w->key, &f, &size), "%s", f.first);
	cr_assert_eq(size, b->size);
}

/* --- writing --- */

Test(audit_log, verifies_at_every_size_and_after_every_start)
{
	static const uint64_t step[] = { 1, 1, 5, 248, 1, 1, 254, 1, 300, 0, 600 };
	struct bench b;

	bench_init(&b);
	bench_sign(&b);
	assert_verifies(&b);
	for (size_t i = 0; i < ARRAY_SIZE(step); i++) {
		bench_add(&b, step[i]);
		bench_sign(&b);
		assert_verifies(&b);
		bench_reopen_writer(&b);
	}
	bench_release(&b);
}

Test(audit_log, over_two_levels_verifies, .timeout = 60)
{
	struct bench b;

	bench_init(&b);
	bench_add(&b, 65600);
	bench_sign(&b);
	assert_verifies(&b);
	bench_reopen_writer(&b);
	bench_add(&b, 1);
	bench_sign(&b);
	assert_verifies(&b);
	bench_release(&b);
}

Test(audit_log, drops_partial_tiles_once_the_full_one_is_signed)
{
	char path[128];
	struct bench b;

	bench_init(&b);
	bench_add(&b, 255);
	bench_sign(&b);
	cr_expect_eq(access(scratch_path(&b.dir, "tile/0/000.p/255", path), F_OK), 0);
	bench_add(&b, 2);
	bench_sign(&b);
	cr_expect_neq(access(scratch_path(&b.dir, "tile/0/000.p", path), F_OK), 0);
	cr_expect_neq(access(scratch_path(&b.dir, "tile/entries/000.p", path), F_OK), 0);
	cr_expect_eq(access(scratch_path(&b.dir, "tile/0/001.p/1", path), F_OK), 0);
	bench_release(&b);
}

Test(audit_log, entries_after_the_checkpoint_are_nobodys_business)
{
	struct bench b;
	struct findings f;
	uint64_t size;

	bench_init(&b);
	bench_add(&b, 10);
	bench_sign(&b);
	bench_add(&b, 300);
	cr_assert(log_verify(b.dir.dir, &b.w->key, &f, &size), "%s", f.first);
	cr_expect_eq(size, 10);
	b.size = 10;
	bench_reopen_writer(&b);
	bench_add(&b, 300);
	bench_sign(&b);
	assert_verifies(&b);
	bench_release(&b);
}

/* --- never a fork --- */

static char *open_again(struct bench *b, const struct log_memory *m)
{
	struct log_writer *w = log_writer_new(b->dir.dir, LOG_ORIGIN, log_key('k'));
	char *why = NULL;
	enum err e = log_writer_open(w, m, &why);

	cr_assert_eq(e == ERR_AUTH, why != NULL);
	log_writer_free(w);
	return why;
}

static void assert_doubt(struct bench *b, const struct log_memory *m, const char *words)
{
	CLEANUP(freep) char *why = open_again(b, m);

	cr_assert_not_null(why, "no doubt about: %s", words);
	cr_expect_not_null(strstr(why, words), "%s", why);
}

Test(audit_log, is_not_taken_up_where_the_store_knows_more_or_other)
{
	struct log_memory m = { .is_known = true };
	struct bench b, other;
	CLEANUP(buf_release) struct buf old, longer;
	char path[128];

	bench_init(&b);
	bench_init(&other);
	buf_init(&old, NOTE_MAX);
	buf_init(&longer, NOTE_MAX);
	bench_add(&b, 300);
	bench_sign(&b);
	cr_assert_eq(buf_add_span(&old, buf_span(&b.note)), ERR_OK);
	bench_add(&b, 300);
	bench_sign(&b);
	cr_assert_eq(buf_add_span(&longer, buf_span(&b.note)), ERR_OK);

	m.remembered = buf_span(&old);
	cr_expect_null(open_again(&b, &m), "an older checkpoint of the same log is no doubt");
	m.is_known = false;
	m.remembered = (struct span){ 0 };
	assert_doubt(&b, &m, "the store knows nothing");

	/* The folder was put back to an older state. */
	m.is_known = true;
	m.remembered = buf_span(&longer);
	scratch_write(&b.dir, "checkpoint", buf_span(&old));
	assert_doubt(&b, &m, "tiles at the end");
	cr_assert_eq(unlink(scratch_path(&b.dir, "checkpoint", path)), 0);
	assert_doubt(&b, &m, "lost its checkpoint");

	/* Another history of the same key. */
	bench_add(&other, 1);
	bench_sign(&other);
	m.remembered = buf_span(&old);
	assert_doubt(&other, &m, "has 300 entries");
	scratch_write(&b.dir, "checkpoint", buf_span(&longer));
	m.remembered = buf_span(&other.note);
	cr_expect_null(open_again(&b, &m), "its first entry is the same");
	bench_release(&b);
	bench_release(&other);
}

Test(audit_log, is_not_taken_up_where_a_witness_saw_another)
{
	struct bench b, fork;
	struct log_memory m = { .is_known = true };
	char path[128], elsewhere[128];

	bench_init(&b);
	bench_init(&fork);
	bench_add(&b, 20);
	bench_sign(&b);
	bench_add(&b, 20);
	bench_sign(&b);
	m.remembered = buf_span(&b.note);
	m.witness = scratch_path(&b.dir, "witness", path);
	assert_doubt(&b, &m, "cannot be read");
	scratch_write(&b.dir, "witness", buf_span(&b.note));
	cr_expect_null(open_again(&b, &m));
	scratch_write(&b.dir, "witness", SPAN("nonsense\n"));
	assert_doubt(&b, &m, "is no checkpoint");

	/* The same number of entries, the first one another. */
	for (int i = 0; i < 40; i++) {
		struct span entry = SPAN("{\"forged\":true}");
		const struct log_page page = { (uint64_t)i, &entry, 1 };

		cr_assert_eq(log_writer_add(fork.w, &page), ERR_OK);
	}
	bench_sign(&fork);
	m.witness = scratch_path(&fork.dir, "checkpoint", elsewhere);
	assert_doubt(&b, &m, "has not grown out of the witness");
	bench_release(&b);
	bench_release(&fork);
}

Test(audit_log, is_not_taken_up_with_another_key)
{
	struct bench b;
	struct log_writer *w;
	struct log_memory m = { .is_known = true };
	char *why = NULL;

	bench_init(&b);
	bench_add(&b, 3);
	bench_sign(&b);
	w = log_writer_new(b.dir.dir, LOG_ORIGIN, log_key('x'));
	cr_expect_eq(log_writer_open(w, &m, &why), ERR_AUTH);
	cr_expect_not_null(strstr(why, "not signed by this key"), "%s", why);
	free(why);
	log_writer_free(w);
	bench_release(&b);
}

Test(audit_log, tells_which_entry_the_store_has_otherwise)
{
	struct bench b;
	struct span entry[] = { SPAN("{\"n\":0}"), SPAN("{\"n\":1}"), SPAN("{\"n\":x}") };
	struct log_page page = { 0, entry, 2 };
	char *why = NULL;

	bench_init(&b);
	bench_add(&b, 5);
	bench_sign(&b);
	cr_expect_eq(log_writer_compare(b.w, &page, &why), ERR_OK);
	page.n = 3;
	cr_expect_eq(log_writer_compare(b.w, &page, &why), ERR_AUTH);
	cr_expect_str_eq(why, "entry 2 is not in the store as it was published");
	free(why);
	bench_release(&b);
}

/* --- one bit --- */

/* All files below dir, for each of which visit gets the path. */
static void each_file(const char *dir, void (*visit)(void *ctx, const char *path), void *ctx)
{
	struct dirent *entry;
	DIR *d = opendir(dir);

	cr_assert_not_null(d);
	while ((entry = readdir(d)) != NULL) {
		char path[512];
		struct stat st;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		cr_assert_eq(stat(path, &st), 0);
		if (S_ISDIR(st.st_mode))
			each_file(path, visit, ctx);
		else
			visit(ctx, path);
	}
	closedir(d);
}

struct flips {
	struct bench *bench;
	uint64_t n;
};

static void write_at(FILE *f, long at, int byte)
{
	cr_assert_eq(fseek(f, at, SEEK_SET), 0);
	cr_assert_neq(putc(byte, f), EOF);
	cr_assert_eq(fflush(f), 0);
}

/* Of each byte one bit, another one from byte to byte. */
static void flip_all(void *ctx, const char *path)
{
	struct flips *flips = ctx;
	CLEANUP(buf_release) struct buf bytes;
	struct findings found;
	FILE *f = fopen(path, "r+");

	cr_assert_not_null(f);
	buf_init(&bytes, 1 << 20);
	cr_assert_eq(file_read(path, &bytes), ERR_OK);
	for (size_t at = 0; at < bytes.len; at++) {
		int byte = (unsigned char)bytes.data[at];

		write_at(f, (long)at, byte ^ 1 << at % 8);
		cr_assert_not(
			log_verify(flips->bench->dir.dir, &flips->bench->w->key, &found, NULL),
			"%s, byte %zu", path, at);
		write_at(f, (long)at, byte);
		flips->n++;
	}
	fclose(f);
}

Test(audit_log, one_flipped_bit_in_any_file_is_found, .timeout = 120)
{
	struct flips flips = { 0 };
	struct bench b;

	bench_init(&b);
	bench_add(&b, 257);
	bench_sign(&b);
	bench_add(&b, 2);
	bench_sign(&b);
	assert_verifies(&b);
	flips.bench = &b;
	each_file(b.dir.dir, flip_all, &flips);
	fprintf(stderr, "# %" PRIu64 " bytes, each with one bit flipped\n", flips.n);
	cr_assert_gt(flips.n, 10000);
	assert_verifies(&b);
	bench_release(&b);
}

Test(audit_log, says_which_file_or_entry_is_wrong)
{
	static const struct {
		const char *command, *says;
	} wrong[] = {
		{ "rm tile/0/000", "tile/0/000: is missing" },
		{ "rm tile/1/000.p/1", "tile/1/000.p/1: is missing" },
		{ "rm tile/entries/001.p/4", "tile/entries/001.p/4: is missing" },
		{ "truncate -s -32 tile/0/000", "tile/0/000: has another length" },
		{ "rm checkpoint", "checkpoint: is missing" },
		{ "printf x | dd of=tile/0/000 bs=1 seek=320 conv=notrunc status=none",
			"entry 10: is not the one that tile/0/000 has" },
		{ "sed -i 's/\"n\":17}/\"n\":71}/' tile/entries/000",
			"entry 17: is not the one that tile/0/000 has" },
		{ "cp tile/0/000 tile/1/000.p/1", "tile/1/000.p/1: has another length" },
		{ "head -c 32 tile/0/000 >tile/1/000.p/1",
			"tile/1/000.p/1: hash 0 is not that of tile/0/000" },
		{ "echo >>checkpoint", "checkpoint: is no signed checkpoint" },
		{ "sed -i s/^260/259/ checkpoint", "checkpoint: is not signed by this key" },
		{ "echo x >>vkey", "vkey: is another key than the one to check with" },
	};
	struct bench b;

	bench_init(&b);
	bench_add(&b, 260);
	bench_sign(&b);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct findings f;

		scratch_run(&b.dir,
			"rm -rf ../$(basename $PWD).copy && cp -r . ../$(basename $PWD).copy");
		scratch_run(&b.dir, wrong[i].command);
		cr_expect_not(log_verify(b.dir.dir, &b.w->key, &f, NULL), "%s", wrong[i].command);
		cr_expect_str_eq(f.first, wrong[i].says);
		scratch_run(&b.dir, "rm -rf ./* && cp -r ../$(basename $PWD).copy/. . && "
				    "rm -rf ../$(basename $PWD).copy");
	}
	assert_verifies(&b);
	bench_release(&b);
}

Test(audit_log, a_signed_checkpoint_of_other_entries_is_told)
{
	const struct span forged = SPAN("{\"n\":9}");
	struct log_page page = { 0, &forged, 1 };
	struct bench b, other;
	struct findings f;

	bench_init(&b);
	bench_init(&other);
	bench_add(&b, 1);
	bench_sign(&b);
	cr_assert_eq(log_writer_add(other.w, &page), ERR_OK);
	bench_sign(&other);
	scratch_write(&b.dir, "checkpoint", buf_span(&other.note));
	cr_expect_not(log_verify(b.dir.dir, &b.w->key, &f, NULL));
	cr_expect_str_eq(f.first, "checkpoint: its root is not that of the entries");
	bench_release(&b);
	bench_release(&other);
}

/* --- receipts and bundles --- */

Test(audit_log, a_receipt_is_for_its_entry_and_no_other)
{
	CLEANUP(folder_tree_freep) struct folder_tree *tree = NULL;
	CLEANUP(buf_release) struct buf receipt;
	struct checkpoint c;
	struct bench b;
	uint64_t index;

	bench_init(&b);
	bench_add(&b, 300);
	bench_sign(&b);
	buf_init(&receipt, NOTE_MAX);
	tree = folder_tree_new(b.dir.dir, 300);
	cr_assert_eq(receipt_write(&tree->tree, 257, buf_span(&b.note), &receipt), ERR_OK);
	cr_assert_eq(receipt_check(buf_span(&receipt), &b.w->key, SPAN("{\"n\":257}"), &index, &c),
		ERR_OK);
	cr_expect_eq(index, 257);
	cr_expect_eq(c.size, 300);
	cr_expect_eq(receipt_check(buf_span(&receipt), &b.w->key, SPAN("{\"n\":258}"), &index, &c),
		ERR_AUTH);
	for (size_t at = 0; at < receipt.len; at++) {
		receipt.data[at] ^= 4;
		cr_assert_neq(receipt_check(buf_span(&receipt), &b.w->key, SPAN("{\"n\":257}"),
				      &index, &c),
			ERR_OK, "byte %zu", at);
		receipt.data[at] ^= 4;
	}
	bench_release(&b);
}

/* Records as the relay writes them: an event of one of two owners, and its delivery. */
static void add_record(struct bench *b, unsigned n, bool delivery)
{
	const struct span owner = n % 2 == 0 ? SPAN("group:default/a") : SPAN("group:default/b");
	char id[16];
	struct audit_record r = {
		.at = { 1795485160000 + n * 1000 },
		.action = delivery ? "delivery.attempt" : "webhook.accept",
		.outcome = "success",
		.owner = &owner,
		.owners = delivery ? 0 : 1,
		.detail = SPAN("a\ttab"),
	};
	CLEANUP(buf_release) struct buf json;
	struct span entry;
	const struct log_page page = { b->size, &entry, 1 };

	snprintf(id, sizeof(id), "event-%u", n);
	r.event = span_of(id);
	buf_init(&json, 10000);
	cr_assert_eq(audit_record_write(&r, &json), ERR_OK);
	entry = buf_span(&json);
	cr_assert_eq(log_writer_add(b->w, &page), ERR_OK);
	b->size++;
}

static uint64_t bundle_make(struct bench *b, const struct bundle_wish *wish, FILE *to)
{
	char *why = NULL;
	uint64_t n;

	cr_assert_eq(bundle_write(b->dir.dir, &b->w->key, wish, to, &n, &why), ERR_OK, "%s", why);
	return n;
}

static bool bundle_check(
	struct bench *b, FILE *from, struct bundle_facts *facts, struct findings *f)
{
	struct verifier v = { .key = &b->w->key, .on_failure = findings_add, .ctx = f };

	*f = (struct findings){ 0 };
	rewind(from);
	return bundle_verify(&v, from, facts);
}

Test(audit_log, a_bundle_has_what_was_asked_for_and_checks_by_itself)
{
	const struct wall third = { 1795485163000 }, sixth = { 1795485166000 };
	const struct {
		struct bundle_wish wish;
		uint64_t n;
	} asked[] = {
		{ { WALL_NONE, WALL_NONE, NULL }, 20 },
		{ { third, sixth, NULL }, 6 },
		{ { WALL_NONE, WALL_NONE, "group:default/a" }, 10 },
		{ { third, sixth, "group:default/b" }, 4 },
		{ { WALL_NONE, WALL_NONE, "group:default/nobody" }, 0 },
	};
	struct bench b;

	bench_init(&b);
	for (unsigned i = 0; i < 10; i++) {
		add_record(&b, i, false);
		add_record(&b, i, true);
	}
	bench_sign(&b);
	for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
		struct bundle_facts facts;
		struct findings f;
		FILE *file = tmpfile();

		cr_assert_eq(bundle_make(&b, &asked[i].wish, file), asked[i].n, "%zu", i);
		cr_assert(bundle_check(&b, file, &facts, &f), "%zu: %s", i, f.first);
		cr_expect_eq(facts.entries, asked[i].n);
		cr_expect_eq(facts.checkpoint.size, 20);
		fclose(file);
	}
	bench_release(&b);
}

Test(audit_log, one_flipped_bit_anywhere_in_a_bundle_is_found, .timeout = 60)
{
	const struct bundle_wish wish = { { 1795485160000 }, { 1795485169000 }, "group:default/a" };
	CLEANUP(buf_release) struct buf bytes;
	struct bundle_facts facts;
	struct findings f;
	struct bench b;
	char path[128];
	FILE *file;

	bench_init(&b);
	for (unsigned i = 0; i < 3; i++) {
		add_record(&b, i, false);
		add_record(&b, i, true);
	}
	bench_sign(&b);
	file = fopen(scratch_path(&b.dir, "bundle.tar", path), "w+");
	cr_assert_not_null(file);
	cr_assert_eq(bundle_make(&b, &wish, file), 4);
	buf_init(&bytes, 1 << 20);
	cr_assert_eq(file_read(path, &bytes), ERR_OK);
	for (size_t at = 0; at < bytes.len; at++) {
		int byte = (unsigned char)bytes.data[at];

		write_at(file, (long)at, byte ^ 1 << at % 8);
		cr_assert_not(bundle_check(&b, file, &facts, &f), "byte %zu", at);
		write_at(file, (long)at, byte);
	}
	for (size_t n = 0; n < bytes.len; n += 511) {
		cr_assert_eq(ftruncate(fileno(file), (off_t)n), 0);
		cr_assert_not(bundle_check(&b, file, &facts, &f), "cut at %zu", n);
		rewind(file);
		cr_assert_eq(fwrite(bytes.data, 1, bytes.len, file), bytes.len);
		cr_assert_eq(fflush(file), 0);
	}
	cr_assert(bundle_check(&b, file, &facts, &f), "%s", f.first);
	fclose(file);
	bench_release(&b);
}
