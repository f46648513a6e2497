/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/hint_book.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "store_bench.h"

static struct bench b;
static struct hint_book *book;
static struct {
	unsigned written, unkept;
	bool read;
	struct buf lines;
} heard;

static void set_up(void)
{
	bench_init(&b);
	bench_open(&b);
	book = hint_book_new(b.s);
	memset(&heard, 0, sizeof(heard));
	buf_init(&heard.lines, 65536);
}

static void tear_down(void)
{
	store_close(TAKE(b.s));
	hint_book_free(book);
	buf_release(&heard.lines);
	bench_release(&b);
}

TestSuite(hint_book, .init = set_up, .fini = tear_down, .timeout = 60);

static void on_written(void *ctx, bool kept)
{
	(void)ctx;
	heard.written++;
	heard.unkept += !kept;
	loop_stop(b.loop);
}

static void add(const char *key, const char *value, bool pinned)
{
	cr_assert_eq(hint_book_add(book, span_of(key), span_of(value), pinned), ERR_OK);
}

static void write_down(void)
{
	unsigned before = heard.written;

	hint_book_write(book, on_written, NULL);
	loop_timer_set(b.patience, BENCH_PATIENCE_MS);
	while (heard.written == before)
		cr_assert_eq(loop_run(b.loop), ERR_OK);
	loop_timer_stop(b.patience);
}

/* What the store holds: keys, one a line. */
static void assert_kept(const char *want)
{
	CLEANUP(reply_release) struct reply r;

	bench_scan(&b, "hint", "", 100, &r);
	cr_assert_str_eq(r.text.data, want);
}

/* Kill and start again. */
static void reopen(void)
{
	store_close(TAKE(b.s));
	hint_book_free(book);
	bench_open(&b);
	book = hint_book_new(b.s);
}

static void on_line(void *ctx, struct span key, struct span value)
{
	(void)ctx;
	cr_assert_eq(
		buf_addf(&heard.lines, "%.*s=%.*s\n", SPAN_ARGS(key), SPAN_ARGS(value)), ERR_OK);
}

static void on_read(void *ctx, enum err e)
{
	(void)ctx;
	cr_assert_eq(e, ERR_OK);
	heard.read = true;
	loop_stop(b.loop);
}

static void read_back(void)
{
	const struct hint_book_reader reader = { on_line, on_read, NULL };

	heard.read = false;
	buf_clear(&heard.lines);
	cr_assert_eq(hint_book_read(book, &reader), ERR_OK);
	loop_timer_set(b.patience, BENCH_PATIENCE_MS);
	while (!heard.read)
		cr_assert_eq(loop_run(b.loop), ERR_OK);
	loop_timer_stop(b.patience);
}

Test(hint_book, has_what_was_written_after_a_restart)
{
	add("component:default/a", "-", false);
	add("push acme/a", "named", true);
	write_down();
	cr_assert_eq(heard.unkept, 0);
	reopen();
	read_back();
	cr_assert_str_eq(heard.lines.data, "component:default/a=-\npush acme/a=named\n");
	cr_assert_eq(hint_book_lines(book), 2);
	cr_assert_not(hint_book_settle(book));
	add("component:default/b", "-", false);
	write_down();
	assert_kept("component:default/b\n");
}

Test(hint_book, reads_back_more_than_a_page)
{
	char key[64];

	for (unsigned i = 0; i < 1300; i++) {
		snprintf(key, sizeof(key), "component:default/n%u", i);
		add(key, "-", false);
	}
	write_down();
	reopen();
	read_back();
	cr_assert_eq(hint_book_lines(book), 1300);
	cr_assert(hint_book_settle(book));
	cr_assert_gt(hint_book_lines(book), 500, "not all at once");
	while (hint_book_settle(book)) {
	}
	add("component:default/last", "-", false);
	write_down();
	assert_kept("component:default/last\n");
}

Test(hint_book, writes_a_line_once)
{
	add("component:default/a", "-", false);
	write_down();
	add("component:default/a", "-", false);
	hint_book_write(book, on_written, NULL);
	cr_assert_eq(heard.written, 2, "there was nothing to wait for");
	cr_assert_eq(hint_book_lines(book), 1);
}

Test(hint_book, leaves_what_is_pinned)
{
	add("push acme/a", "named", true);
	add("component:default/a", "-", false);
	write_down();
	cr_assert_not(hint_book_settle(book));
	cr_assert_eq(hint_book_lines(book), 1);
	hint_book_unpin(book, SPAN("push acme/a"));
	cr_assert_not(hint_book_settle(book));
	cr_assert_eq(hint_book_lines(book), 0);
	add("component:default/b", "-", false);
	write_down();
	assert_kept("component:default/b\n");
}

Test(hint_book, forgets_a_line_that_was_never_written)
{
	add("component:default/a", "-", false);
	cr_assert_not(hint_book_settle(book));
	cr_assert_eq(hint_book_lines(book), 0);
	hint_book_write(book, on_written, NULL);
	cr_assert_eq(heard.written, 1);
}

Test(hint_book, is_full_some_day)
{
	char key[64];

	for (unsigned i = 0; i < HINT_BOOK_MAX; i++) {
		snprintf(key, sizeof(key), "component:default/n%u", i);
		add(key, "-", false);
	}
	cr_assert_eq(hint_book_add(book, SPAN("component:default/x"), SPAN("-"), false), ERR_LIMIT);
	cr_assert_eq(hint_book_add(book, SPAN("component:default/n1"), SPAN("-"), false), ERR_OK);
}

Test(hint_book, says_that_a_store_without_room_did_not_take_it)
{
	store_close(TAKE(b.s));
	hint_book_free(book);
	if (!bench_mount(&b, "1m")) {
		bench_open(&b);
		book = hint_book_new(b.s);
		cr_skip_test("mounting a small tmpfs is not allowed here: %s", strerror(errno));
	}
	bench_open(&b);
	book = hint_book_new(b.s);
	scratch_run(&b.dir, "head -c 2000000 /dev/zero >filler || true");
	add("component:default/a", "-", false);
	write_down();
	cr_assert_eq(heard.unkept, 1);
	scratch_run(&b.dir, "rm filler");
	store_close(TAKE(b.s));
	hint_book_free(TAKE(book));
	cr_assert_eq(umount2(b.dir.dir, MNT_DETACH), 0);
	bench_open(&b);
	book = hint_book_new(b.s);
}
