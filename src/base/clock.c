/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

static int64_t clock_read(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct mono clock_mono(void)
{
	return (struct mono){ .ms = clock_read(CLOCK_MONOTONIC) };
}

struct wall clock_wall(void)
{
	return (struct wall){ .ms = clock_read(CLOCK_REALTIME) };
}

char *wall_format(struct wall t, char text[WALL_TEXT_MAX])
{
	time_t secs = (time_t)(t.ms / 1000);
	int ms = (int)(t.ms % 1000);
	struct tm tm;
	size_t n;

	if (ms < 0) {
		ms += 1000;
		secs--;
	}
	gmtime_r(&secs, &tm);
	n = strftime(text, WALL_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	if (ms != 0)
		snprintf(text + n, WALL_TEXT_MAX - n, ".%03dZ", ms);
	else
		snprintf(text + n, WALL_TEXT_MAX - n, "Z");
	return text;
}

/* Take exactly n digits off the front of *s. */
static bool take_digits(struct span *s, size_t n, int *value)
{
	int v = 0;

	if (s->n < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return false;
		v = v * 10 + (s->p[i] - '0');
	}
	s->p += n;
	s->n -= n;
	*value = v;
	return true;
}

static bool take_char(struct span *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	s->p++;
	s->n--;
	return true;
}

static int take_fraction_ms(struct span *s)
{
	int ms = 0, scale = 100;

	while (s->n > 0 && s->p[0] >= '0' && s->p[0] <= '9') {
		ms += (s->p[0] - '0') * scale;
		scale /= 10;
		s->p++;
		s->n--;
	}
	return ms;
}

static bool take_offset_min(struct span *s, int *offset_min)
{
	int hours, minutes, sign;

	if (take_char(s, 'Z')) {
		*offset_min = 0;
		return true;
	}
	if (take_char(s, '+'))
		sign = 1;
	else if (take_char(s, '-'))
		sign = -1;
	else
		return false;
	if (!take_digits(s, 2, &hours) || !take_char(s, ':') || !take_digits(s, 2, &minutes))
		return false;
	*offset_min = sign * (hours * 60 + minutes);
	return true;
}

static bool tm_is_sane(const struct tm *tm)
{
	return tm->tm_mon >= 0 && tm->tm_mon < 12 && tm->tm_mday >= 1 && tm->tm_mday <= 31 &&
	       tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec <= 60;
}

enum err wall_parse(struct span s, struct wall *t)
{
	struct tm tm = { 0 };
	int ms = 0, offset_min;

	if (!take_digits(&s, 4, &tm.tm_year) || !take_char(&s, '-') ||
		!take_digits(&s, 2, &tm.tm_mon) || !take_char(&s, '-') ||
		!take_digits(&s, 2, &tm.tm_mday) || !take_char(&s, 'T') ||
		!take_digits(&s, 2, &tm.tm_hour) || !take_char(&s, ':') ||
		!take_digits(&s, 2, &tm.tm_min) || !take_char(&s, ':') ||
		!take_digits(&s, 2, &tm.tm_sec))
		return ERR_PARSE;
	if (take_char(&s, '.'))
		ms = take_fraction_ms(&s);
	if (!take_offset_min(&s, &offset_min) || s.n != 0)
		return ERR_PARSE;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	if (!tm_is_sane(&tm))
		return ERR_PARSE;
	t->ms = ((int64_t)timegm(&tm) - (int64_t)offset_min * 60) * 1000 + ms;
	return ERR_OK;
}
