/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/conf_number.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "model/schedule.h"

struct unit {
	const char *name;
	int64_t worth;
};

/* Smallest first. */
static const struct unit sizes[] = {
	{ "B", 1 },
	{ "KiB", 1 << 10 },
	{ "MiB", 1 << 20 },
	{ "GiB", 1 << 30 },
};

static const struct unit durations[] = {
	{ "ms", 1 },
	{ "s", 1000 },
	{ "m", 60 * 1000 },
	{ "h", 60 * 60 * 1000 },
	{ "d", 24 * 60 * 60 * 1000 },
};

/* Read digits and say where they end; NULL if there are none or too many. */
static const char *digits_read(const char *text, int64_t *n)
{
	const char *p = text;

	if (*p == '0' && p[1] >= '0' && p[1] <= '9')
		return NULL;
	for (*n = 0; *p >= '0' && *p <= '9'; p++) {
		if (__builtin_mul_overflow(*n, 10, n) || __builtin_add_overflow(*n, *p - '0', n))
			return NULL;
	}
	return p == text ? NULL : p;
}

static enum err units_read(const char *text, const struct unit *units, size_t count, int64_t *out)
{
	int64_t n;
	const char *unit = digits_read(text, &n);

	if (unit == NULL)
		return ERR_PARSE;
	if (*unit == ' ')
		unit++;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(unit, units[i].name) != 0)
			continue;
		return __builtin_mul_overflow(n, units[i].worth, out) ? ERR_PARSE : ERR_OK;
	}
	return ERR_PARSE;
}

static const char *units_write(
	int64_t n, const struct unit *units, size_t count, char text[CONF_NUMBER_MAX])
{
	const struct unit *unit = &units[0];

	for (size_t i = 1; n != 0 && i < count; i++) {
		if (n % units[i].worth == 0)
			unit = &units[i];
	}
	snprintf(text, CONF_NUMBER_MAX, "%" PRId64 "%s", n / unit->worth, unit->name);
	return text;
}

enum err conf_integer_read(const char *text, int64_t *n)
{
	int64_t value;
	const char *end = digits_read(text, &value);

	if (end == NULL || *end != '\0')
		return ERR_PARSE;
	*n = value;
	return ERR_OK;
}

enum err conf_size_read(const char *text, int64_t *bytes)
{
	if (conf_integer_read(text, bytes) == ERR_OK)
		return ERR_OK;
	return units_read(text, sizes, ARRAY_SIZE(sizes), bytes);
}

enum err conf_duration_read(const char *text, int64_t *ms)
{
	return units_read(text, durations, ARRAY_SIZE(durations), ms);
}

enum err conf_mode_read(const char *text, int64_t *mode)
{
	size_t n = strspn(text, "01234567");
	int64_t value = 0;

	if (n < 3 || n > 4 || text[n] != '\0')
		return ERR_PARSE;
	for (; *text != '\0'; text++)
		value = value * 8 + (*text - '0');
	*mode = value;
	return ERR_OK;
}

const char *conf_integer_write(int64_t n, char text[CONF_NUMBER_MAX])
{
	snprintf(text, CONF_NUMBER_MAX, "%" PRId64, n);
	return text;
}

const char *conf_size_write(int64_t bytes, char text[CONF_NUMBER_MAX])
{
	return units_write(bytes, sizes, ARRAY_SIZE(sizes), text);
}

const char *conf_duration_write(int64_t ms, char text[CONF_NUMBER_MAX])
{
	return units_write(ms, durations, ARRAY_SIZE(durations), text);
}

const char *conf_mode_write(int64_t mode, char text[CONF_NUMBER_MAX])
{
	snprintf(text, CONF_NUMBER_MAX, "%04" PRIo64, (uint64_t)mode);
	return text;
}

/* The first word of *text, which is then what follows it; false if there is none or it is long. */
static bool word_next(const char **text, char word[CONF_NUMBER_MAX])
{
	const char *from = *text + strspn(*text, " ");
	size_t n = strcspn(from, " ");

	if (n == 0 || n >= CONF_NUMBER_MAX)
		return false;
	memcpy(word, from, n);
	word[n] = '\0';
	*text = from + n + strspn(from + n, " ");
	return true;
}

enum err conf_schedule_read(const char *text, struct schedule *out)
{
	struct schedule s = { 0 };
	char word[CONF_NUMBER_MAX];

	if (strcmp(text, "none") == 0)
		text = "";
	while (*text != '\0') {
		if (s.waits == SCHEDULE_WAITS_MAX)
			return ERR_LIMIT;
		if (!word_next(&text, word) ||
			conf_duration_read(word, &s.wait_ms[s.waits]) != ERR_OK)
			return ERR_PARSE;
		s.waits++;
	}
	*out = s;
	return ERR_OK;
}
