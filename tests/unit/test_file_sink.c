/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/loop.h"
#include "scratch.h"
#include "sink/file.h"

#define LINE "{\"n\":\"123456789\"}"

static struct scratch scratch;
static struct loop *loop;

static void setup(void)
{
	scratch_make(&scratch);
	loop = loop_new();
}

static void teardown(void)
{
	loop_free(loop);
	scratch_remove(&scratch);
}

TestSuite(file_sink, .init = setup, .fini = teardown, .timeout = 30);

static enum err open_sink(struct sink *sink, const char *name, int64_t rotate_size, char **why)
{
	char path[128];
	const struct file_sink_conf conf = {
		.path = scratch_path(&scratch, name, path),
		.rotate_size = rotate_size,
		.keep = 2,
	};

	return file_sink_init(sink, loop, "log", &conf, why);
}

static struct sink a_sink(int64_t rotate_size)
{
	struct sink sink;
	char *why = NULL;

	cr_assert_eq(open_sink(&sink, "log", rotate_size, &why), ERR_OK, "%s", why);
	return sink;
}

static void sink_end(struct sink *sink)
{
	sink->ops->free(sink->self);
	free(sink->name);
}

/* Tries that are waited for together. */
struct heard {
	unsigned wanted, results, ok;
	bool done;
	struct sink_result last;
};

static void on_result(void *ctx, const struct sink_result *r)
{
	struct heard *h = ctx;

	h->results++;
	h->ok += r->outcome == OUTCOME_OK;
	h->last = *r;
	if (h->results < h->wanted)
		return;
	h->done = true;
	loop_stop(loop);
}

static void start_try(struct sink *sink, const char *text, struct heard *h)
{
	const struct delivery d = { .event_id = "id", .event = span_of(text) };

	sink->ops->send(sink->self, &d, on_result, h);
	cr_assert_eq(h->done, false, "a result came from inside send()");
}

static struct sink_result append(struct sink *sink, const char *text)
{
	struct heard h = { .wanted = 1 };

	start_try(sink, text, &h);
	while (!h.done)
		cr_assert_eq(loop_run(loop), ERR_OK);
	return h.last;
}

static void append_ok(struct sink *sink, const char *text)
{
	struct sink_result r = append(sink, text);

	cr_assert_eq(r.outcome, OUTCOME_OK, "%s", r.note);
}

static void expect_file(const char *name, const char *text)
{
	CLEANUP(buf_release) struct buf found;

	buf_init(&found, 1 << 20);
	scratch_read(&scratch, name, &found);
	cr_assert_str_eq(found.data, text, "%s holds %s", name, found.data);
}

static bool is_there(const char *name)
{
	char path[128];

	return access(scratch_path(&scratch, name, path), F_OK) == 0;
}

Test(file_sink, an_event_is_a_line_and_lines_stay_in_order)
{
	CLEANUP(buf_release) struct buf want;
	struct sink sink = a_sink(0);
	struct heard h = { .wanted = 500 };
	char line[32];

	buf_init(&want, 1 << 20);
	for (unsigned i = 0; i < h.wanted; i++) {
		snprintf(line, sizeof(line), "{\"n\":%u}", i);
		cr_assert_eq(buf_addf(&want, "%s\n", line), ERR_OK);
		start_try(&sink, line, &h);
	}
	while (!h.done)
		cr_assert_eq(loop_run(loop), ERR_OK);
	cr_assert_eq(h.ok, h.wanted);
	expect_file("log", want.data);
	sink_end(&sink);
}

Test(file_sink, appends_to_what_is_there_and_lets_no_stranger_read_it)
{
	struct sink sink = a_sink(0);
	struct stat st;
	char path[128];

	append_ok(&sink, "one");
	sink_end(&sink);
	sink = a_sink(0);
	append_ok(&sink, "two");
	sink_end(&sink);
	expect_file("log", "one\ntwo\n");
	cr_assert_eq(stat(scratch_path(&scratch, "log", path), &st), 0);
	cr_assert_eq(st.st_mode & 07137, 0);
}

Test(file_sink, a_line_cut_short_by_a_crash_is_ended_first)
{
	struct sink sink;

	scratch_write(&scratch, "log", SPAN("whole\n{\"cut\":"));
	sink = a_sink(0);
	append_ok(&sink, "next");
	sink_end(&sink);
	expect_file("log", "whole\n{\"cut\":\nnext\n");
}

Test(file_sink, rotates_by_size_and_keeps_so_many)
{
	struct sink sink = a_sink(10);

	append_ok(&sink, "first-line");
	append_ok(&sink, "second-line");
	append_ok(&sink, "third-line");
	append_ok(&sink, "fourth-line");
	append_ok(&sink, "5");
	append_ok(&sink, "6");
	sink_end(&sink);
	expect_file("log", "5\n6\n");
	expect_file("log.1", "fourth-line\n");
	expect_file("log.2", "third-line\n");
	cr_assert_not(is_there("log.3"));
}

Test(file_sink, rotates_a_file_that_was_too_large_at_the_start)
{
	struct sink sink;

	scratch_write(&scratch, "log", SPAN("a line of before\n"));
	sink = a_sink(10);
	append_ok(&sink, "new");
	sink_end(&sink);
	expect_file("log", "new\n");
	expect_file("log.1", "a line of before\n");
}

Test(file_sink, reopen_follows_the_path)
{
	struct sink sink = a_sink(10);

	append_ok(&sink, "first-line");
	scratch_run(&scratch, "mv log log.moved && : > log");
	sink.ops->reopen(sink.self);
	append_ok(&sink, "after");
	sink_end(&sink);
	expect_file("log.moved", "first-line\n");
	expect_file("log", "after\n");
	cr_assert_not(is_there("log.1"), "the new file was taken for the old, full one");
}

Test(file_sink, without_reopen_it_writes_on_to_a_file_that_was_renamed)
{
	struct sink sink = a_sink(0);

	append_ok(&sink, "one");
	scratch_run(&scratch, "mv log log.moved");
	append_ok(&sink, "two");
	sink_end(&sink);
	expect_file("log.moved", "one\ntwo\n");
}

Test(file_sink, a_deleted_file_is_made_anew)
{
	struct sink sink = a_sink(0);

	append_ok(&sink, "one");
	scratch_run(&scratch, "rm log");
	append_ok(&sink, "two");
	sink_end(&sink);
	expect_file("log", "two\n");
}

static void limit_file_size(rlim_t bytes)
{
	struct rlimit limit;

	cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

Test(file_sink, what_does_not_fit_is_taken_back_whole_and_tried_again)
{
	struct sink sink = a_sink(0);
	struct sink_result r;

	append_ok(&sink, LINE);
	limit_file_size(sizeof(LINE) + 5);
	r = append(&sink, LINE);
	cr_assert_eq(r.outcome, OUTCOME_TEMPFAIL);
	cr_assert_str_eq(r.note, "File too large");
	cr_assert_eq(r.retry_after_ms, -1);
	expect_file("log", LINE "\n");
	limit_file_size(RLIM_INFINITY);
	append_ok(&sink, "fits");
	sink_end(&sink);
	expect_file("log", LINE "\nfits\n");
}

Test(file_sink, a_file_truncated_by_others_is_written_from_its_new_end)
{
	struct sink sink = a_sink(0);

	append_ok(&sink, "a line that is going to be cut away");
	scratch_run(&scratch, ": > log");
	limit_file_size(2);
	cr_assert_eq(append(&sink, "two").outcome, OUTCOME_TEMPFAIL);
	expect_file("log", "");
	limit_file_size(RLIM_INFINITY);
	append_ok(&sink, "two");
	sink_end(&sink);
	expect_file("log", "two\n");
}

Test(file_sink, a_directory_that_went_away_and_came_back_is_survived)
{
	struct sink sink;
	struct sink_result r;
	char *why = NULL;

	scratch_run(&scratch, "mkdir sub");
	cr_assert_eq(open_sink(&sink, "sub/log", 0, &why), ERR_OK);
	append_ok(&sink, "one");
	scratch_run(&scratch, "mv sub away");
	sink.ops->reopen(sink.self);
	r = append(&sink, "two");
	cr_assert_eq(r.outcome, OUTCOME_TEMPFAIL);
	cr_assert_str_eq(r.note, "No such file or directory");
	scratch_run(&scratch, "mv away sub");
	append_ok(&sink, "two");
	sink_end(&sink);
	expect_file("sub/log", "one\ntwo\n");
}

Test(file_sink, refuses_at_the_start_what_cannot_be_appended_to)
{
	static const char *const row[] = { "missing/log", "dir", "fifo" };

	scratch_run(&scratch, "mkdir dir && mkfifo fifo");
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		CLEANUP(freep) char *why = NULL;
		struct sink sink;

		cr_expect_eq(open_sink(&sink, row[i], 0, &why), ERR_IO, "%s", row[i]);
		cr_expect_not_null(strstr(why, row[i]));
	}
}

Test(file_sink, a_cancelled_try_is_silent_and_the_next_is_heard)
{
	struct sink sink = a_sink(0);
	struct heard silent = { .wanted = 1 };

	start_try(&sink, "one", &silent);
	sink.ops->cancel(sink.self);
	append_ok(&sink, "two");
	start_try(&sink, "three", &silent);
	sink_end(&sink);
	cr_assert_eq(silent.results, 0);
	expect_file("log", "one\ntwo\nthree\n");
}
