/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONF_CONF_NUMBER_H
#define CONF_CONF_NUMBER_H

#include <stdint.h>

#include "base/defs.h"
#include "base/err.h"

/*
 * Numbers as people write them: "30s", "64MiB", "0660". They are never
 * negative, have no fraction, one unit, and no leading zero but for modes.
 * Read: ERR_PARSE unless text is one. Write: the largest unit that loses
 * nothing; what was written reads back to the same.
 */
#define CONF_NUMBER_MAX 32

MUST_CHECK enum err conf_integer_read(const char *text, int64_t *n);
MUST_CHECK enum err conf_size_read(const char *text, int64_t *bytes);  /* B, KiB, MiB, GiB */
MUST_CHECK enum err conf_duration_read(const char *text, int64_t *ms); /* ms, s, m, h, d */
MUST_CHECK enum err conf_mode_read(const char *text, int64_t *mode);

struct schedule;

/* Durations parted by blanks, or "none"; ERR_LIMIT if there are more than it holds. */
MUST_CHECK enum err conf_schedule_read(const char *text, struct schedule *s);

const char *conf_integer_write(int64_t n, char text[CONF_NUMBER_MAX]);
const char *conf_size_write(int64_t bytes, char text[CONF_NUMBER_MAX]);
const char *conf_duration_write(int64_t ms, char text[CONF_NUMBER_MAX]);
const char *conf_mode_write(int64_t mode, char text[CONF_NUMBER_MAX]);

#endif
