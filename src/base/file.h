/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

/*
 * Append a whole file to out. ERR_NOTFOUND if there is none, ERR_LIMIT if it is
 * longer than out may be, ERR_IO otherwise; errno says why. out keeps what it had.
 */
MUST_CHECK enum err file_read(const char *path, struct buf *out);

/* Write all of it, however often that takes; false, with errno, if it cannot be. */
MUST_CHECK bool fd_write(int fd, struct span bytes);

/*
 * Put bytes in the place of a file, so that whoever reads it, also after a power
 * cut, finds the old file or the new one. ERR_IO, with errno, leaves the old one.
 */
MUST_CHECK enum err file_replace(const char *path, struct span bytes, mode_t mode);

/*
 * Write a file's bytes over themselves and sync them: after a sync that failed
 * the kernel may show bytes that the disk does not have, and takes them for
 * clean, so that no sync would write them. ERR_IO, with errno.
 */
MUST_CHECK enum err file_rewrite(const char *path);

#endif
