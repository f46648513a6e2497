/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "scratch.h"

static struct scratch scratch;

static void setup(void)
{
	scratch_make(&scratch);
}

static void teardown(void)
{
	scratch_remove(&scratch);
}

TestSuite(file, .init = setup, .fini = teardown);

Test(file, read_appends_the_whole_file)
{
	CLEANUP(buf_release) struct buf out;
	char path[128];

	scratch_run(&scratch, "head -c 100000 /dev/zero | tr '\\0' x >f");
	buf_init(&out, 100005);
	cr_assert_eq(buf_add_str(&out, "kept:"), ERR_OK);
	cr_assert_eq(file_read(scratch_path(&scratch, "f", path), &out), ERR_OK);
	cr_assert_eq(out.len, 100005);
	cr_assert_eq(strncmp(out.data, "kept:xxx", 8), 0);
}

Test(file, read_that_fails_leaves_what_was_there)
{
	CLEANUP(buf_release) struct buf out;
	char path[128];

	scratch_run(&scratch, "head -c 5000 /dev/zero >f && mkdir d");
	buf_init(&out, 4999);
	cr_assert_eq(buf_add_str(&out, "kept"), ERR_OK);
	cr_assert_eq(file_read(scratch_path(&scratch, "f", path), &out), ERR_LIMIT);
	cr_assert_eq(errno, EFBIG);
	cr_assert_eq(file_read(scratch_path(&scratch, "none", path), &out), ERR_NOTFOUND);
	cr_assert_eq(errno, ENOENT);
	cr_assert_eq(file_read(scratch_path(&scratch, "d", path), &out), ERR_IO);
	cr_assert_eq(errno, EISDIR);
	cr_assert_str_eq(out.data, "kept");
}

Test(file, replace_puts_the_bytes_there_and_leaves_nothing_else)
{
	CLEANUP(buf_release) struct buf out;
	char path[128];
	struct stat st;

	scratch_write(&scratch, "f", SPAN("before"));
	scratch_write(&scratch, "f.tmp", SPAN("left by a crash"));
	cr_assert_eq(file_replace(scratch_path(&scratch, "f", path), SPAN("after"), 0600), ERR_OK);
	buf_init(&out, 100);
	cr_assert_eq(file_read(path, &out), ERR_OK);
	cr_assert_str_eq(out.data, "after");
	scratch_run(&scratch, "test \"$(ls)\" = f");
	cr_assert_eq(file_replace(scratch_path(&scratch, "new", path), SPAN(""), 0600), ERR_OK);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0600);
	cr_assert_eq(st.st_size, 0);
}

Test(file, replace_that_fails_leaves_the_old_file)
{
	char path[128];

	cr_assert_eq(file_replace(scratch_path(&scratch, "none/f", path), SPAN("x"), 0600), ERR_IO);
	cr_assert_eq(errno, ENOENT);
	scratch_run(&scratch, "mkdir d && touch d/kept");
	cr_assert_eq(file_replace(scratch_path(&scratch, "d", path), SPAN("x"), 0600), ERR_IO);
	scratch_run(&scratch, "test -f d/kept && test ! -e d.tmp");
}

Test(file, replace_follows_no_link_in_its_way)
{
	CLEANUP(buf_release) struct buf out;
	char path[128];

	scratch_write(&scratch, "other", SPAN("kept"));
	scratch_run(&scratch, "ln -s other f.tmp");
	cr_assert_eq(file_replace(scratch_path(&scratch, "f", path), SPAN("x"), 0600), ERR_IO);
	buf_init(&out, 100);
	scratch_read(&scratch, "other", &out);
	cr_assert_str_eq(out.data, "kept");
}

Test(file, rewrite_leaves_the_bytes_as_they_are)
{
	CLEANUP(buf_release) struct buf before;
	CLEANUP(buf_release) struct buf after;
	char path[128];

	scratch_run(&scratch, "head -c 200000 /dev/urandom >f && chmod 600 f");
	buf_init(&before, 200000);
	buf_init(&after, 200000);
	scratch_read(&scratch, "f", &before);
	cr_assert_eq(file_rewrite(scratch_path(&scratch, "f", path)), ERR_OK);
	scratch_read(&scratch, "f", &after);
	cr_assert_eq(after.len, before.len);
	cr_assert_eq(memcmp(after.data, before.data, before.len), 0);
	cr_assert_eq(file_rewrite(scratch_path(&scratch, "none", path)), ERR_IO);
	cr_assert_eq(errno, ENOENT);
}
