/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_SCRATCH_H
#define TESTS_UNIT_SCRATCH_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"

/*
 * A directory of a test's own, for real files and for what other programs make.
 * Where something fails here the test cannot go on, so everything is asserted.
 */
struct scratch {
	char dir[64];
};

static inline void scratch_run(const struct scratch *s, const char *command)
{
	CLEANUP(buf_release) struct buf line;

	buf_init(&line, 16384);
	cr_assert_eq(buf_addf(&line, "cd %s && { %s; }", s->dir, command), ERR_OK);
	cr_assert_eq(system(line.data), 0, "failed: %s", command);
}

static inline void scratch_make(struct scratch *s)
{
	snprintf(s->dir, sizeof(s->dir), "/tmp/stagewire-test-XXXXXX");
	cr_assert_not_null(mkdtemp(s->dir));
}

static inline void scratch_remove(struct scratch *s)
{
	scratch_run(s, "rm -rf \"$PWD\"");
}

static inline const char *scratch_path(const struct scratch *s, const char *name, char path[128])
{
	snprintf(path, 128, "%s/%s", s->dir, name);
	return path;
}

static inline void scratch_read(const struct scratch *s, const char *name, struct buf *out)
{
	char path[128];

	cr_assert_eq(file_read(scratch_path(s, name, path), out), ERR_OK, "no file %s", name);
}

static inline void scratch_write(const struct scratch *s, const char *name, struct span bytes)
{
	char path[128];
	FILE *f = fopen(scratch_path(s, name, path), "wb");

	cr_assert_not_null(f);
	cr_assert_eq(fwrite(bytes.p, 1, bytes.n, f), bytes.n);
	cr_assert_eq(fclose(f), 0);
}

#endif
