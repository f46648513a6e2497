/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/codec.h"

static enum log_level log_level = LOG_LEVEL_INFO;

static const char *const log_names[] = {
	[LOG_LEVEL_ERR] = "err",
	[LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_NOTICE] = "notice",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

void log_set_level(enum log_level level)
{
	log_level = level;
}

enum err log_level_parse(struct span text, enum log_level *level)
{
	for (size_t i = LOG_LEVEL_ERR; i < ARRAY_SIZE(log_names); i++) {
		if (span_is(text, log_names[i])) {
			*level = (enum log_level)i;
			return ERR_OK;
		}
	}
	return ERR_PARSE;
}

/* May this character, of n bytes, stand as it is? Those of C1 move some terminals too. */
static bool log_is_plain(const char *p, size_t n)
{
	unsigned char c = (unsigned char)p[0];

	if (n == 1)
		return c >= 0x20 && c != 0x7f && c != '"' && c != '\\';
	return n > 2 || (n == 2 && !(c == 0xc2 && (unsigned char)p[1] < 0xa0));
}

const char *log_quote(struct span foreign, char text[LOG_QUOTE_MAX])
{
	char *at = text, *end = text + LOG_QUOTE_MAX - 2;

	*at++ = '"';
	while (foreign.n > 0) {
		size_t n = utf8_len(foreign);
		bool plain = log_is_plain(foreign.p, n);

		if (!plain)
			n = 1;
		if ((size_t)(end - at) < (plain ? n : 4))
			break;
		if (plain)
			at = mempcpy(at, foreign.p, n);
		else
			at += sprintf(at, "\\x%02x", (unsigned char)foreign.p[0]);
		foreign.p += n;
		foreign.n -= n;
	}
	*at++ = '"';
	*at = '\0';
	return text;
}

static size_t log_prefix(enum log_level level, char *line, size_t max)
{
	char now[WALL_TEXT_MAX];

	if (getenv("JOURNAL_STREAM") != NULL)
		return (size_t)snprintf(line, max, "<%d>", (int)level);
	return (size_t)snprintf(
		line, max, "%s %s ", wall_format(clock_wall(), now), log_names[level]);
}

static PRINTF(3, 0) void log_write(
	enum log_level level, const char *name, const char *fmt, va_list ap)
{
	char line[4096];
	size_t n;
	int more;

	if (level > log_level)
		return;
	n = log_prefix(level, line, sizeof(line));
	n += (size_t)snprintf(line + n, sizeof(line) - n, "%s ", name);
	more = vsnprintf(line + n, sizeof(line) - n, fmt, ap);
	if (more < 0)
		return;
	n += (size_t)more;
	if (n > sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	IGNORE(write(STDERR_FILENO, line, n) < 0);
}

#define LOG_FUNCTION(fn, level)                                                                    \
	void fn(const char *name, const char *fmt, ...)                                            \
	{                                                                                          \
		va_list ap;                                                                        \
                                                                                                   \
		va_start(ap, fmt);                                                                 \
		log_write(level, name, fmt, ap);                                                   \
		va_end(ap);                                                                        \
	}

LOG_FUNCTION(log_err, LOG_LEVEL_ERR)
LOG_FUNCTION(log_warning, LOG_LEVEL_WARNING)
LOG_FUNCTION(log_notice, LOG_LEVEL_NOTICE)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
