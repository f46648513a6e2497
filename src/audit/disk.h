/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUDIT_DISK_H
#define AUDIT_DISK_H

#include <sys/types.h>

#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

/*
 * Writing a log's files. What is written is on the disk when a call returns, and
 * a reader finds each file whole or not at all. A failed fsync ends the process:
 * the kernel may have dropped what it could not write, so trying again would lie.
 *
 * ERR_BUSY: there is no room, or no folder, now; the same call later is right.
 */
MUST_CHECK enum err disk_folder(const char *path, mode_t mode);

/*
 * Sync the folders there are on the way to dir/name, and the one dir is in: an
 * earlier run may have been killed between making a folder and syncing it.
 */
MUST_CHECK enum err disk_settle(const char *dir, const char *name);

/* Put a file at dir/name, whose folders are made where they are missing. */
MUST_CHECK enum err disk_put(const char *dir, const char *name, struct span bytes);

/* Remove the folder dir/name with the files in it, if it is there: it is not needed any more. */
void disk_drop(const char *dir, const char *name);

#endif
