/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_FILE_H
#define SINK_FILE_H

#include <stdint.h>

#include "base/defs.h"
#include "base/err.h"
#include "model/sink.h"

struct loop;

/*
 * The sink "file": one CloudEvent a line, appended and synced before it counts
 * as delivered. Writing happens on a thread of its own. Over rotate_size the
 * file moves to PATH.1, PATH.1 to PATH.2 and so on up to keep; reopen() opens
 * the path anew, for logrotate(8). A line that a crash cut short is ended before
 * the next one is written.
 */
struct file_sink_conf {
	const char *path;
	int64_t rotate_size; /* bytes; 0: never */
	unsigned keep;
};

/* ERR_IO with *why (free(3) it) if the file cannot be opened for appending. */
MUST_CHECK enum err file_sink_init(struct sink *sink, struct loop *l, const char *name,
	const struct file_sink_conf *conf, char **why);

#endif
