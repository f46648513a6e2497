/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUDIT_TAR_H
#define AUDIT_TAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

/*
 * Archives in POSIX's ustar form of which every byte follows from the members'
 * names and contents, so that what reads them can refuse any other byte.
 */
#define TAR_BLOCK    512
#define TAR_NAME_MAX 100

/* name is shorter than TAR_NAME_MAX. ERR_IO, with errno. */
MUST_CHECK enum err tar_put(FILE *to, const char *name, struct span bytes);

/* The same in steps, for what is too long to hold. */
MUST_CHECK enum err tar_begin(FILE *to, const char *name, uint64_t size);
MUST_CHECK enum err tar_pad(FILE *to, uint64_t size);
MUST_CHECK enum err tar_end(FILE *to);

/*
 * The next member's name and size. ERR_NOTFOUND at the end, after which nothing
 * may follow; ERR_PARSE for any byte that tar_put() would not have written.
 */
MUST_CHECK enum err tar_next(FILE *from, char name[TAR_NAME_MAX], uint64_t *size);

/* Append a member's bytes, with what pads them; ERR_LIMIT if out is too small. */
MUST_CHECK enum err tar_get(FILE *from, uint64_t size, struct buf *out);

/* Read what pads a member of this size. */
MUST_CHECK enum err tar_skip_pad(FILE *from, uint64_t size);

#endif
