/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

/*
 * One line per record on stderr: level, a stable dotted name, then key=value.
 * Under systemd the line carries sd-daemon(3)'s "<N>" prefix and no time,
 * because the journal has its own. Never pass secrets or bodies; pass what a
 * peer wrote through log_quote() only.
 */
enum log_level {
	LOG_LEVEL_ERR = 3,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_NOTICE,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

/* Records less grave than level are dropped. The start value is info. */
void log_set_level(enum log_level level);

/* "err", "warning", "notice", "info" or "debug". */
MUST_CHECK enum err log_level_parse(struct span text, enum log_level *level);

#define LOG_QUOTE_MAX 515

/*
 * Write foreign text as a quoted value: control characters (also those of two
 * bytes), quotes and bytes that are not UTF-8 escaped as \xNN, cut between
 * characters at 512 bytes. Returns text.
 */
const char *log_quote(struct span foreign, char text[LOG_QUOTE_MAX]);

void log_err(const char *name, const char *fmt, ...) PRINTF(2, 3);
void log_warning(const char *name, const char *fmt, ...) PRINTF(2, 3);
void log_notice(const char *name, const char *fmt, ...) PRINTF(2, 3);
void log_info(const char *name, const char *fmt, ...) PRINTF(2, 3);
void log_debug(const char *name, const char *fmt, ...) PRINTF(2, 3);

#endif
