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

/* The first and the last moment that four digits of a year can name. */
#define WALL_FIRST_MS (-62167219200000)
#define WALL_LAST_MS  253402300799999

/* Write n as so many digits; returns what follows them. */
static char *put_digits(char *at, int n, int digits)
{
	for (int i = digits - 1; i >= 0; i--, n /= 10)
		at[i] = (char)('0' + n % 10);
	return at + digits;
}

/* Write a part of a time and what stands behind it. */
static char *put_part(char *at, int n, int digits, char mark)
{
	at = put_digits(at, n, digits);
	*at = mark;
	return at + 1;
}

char *wall_format(struct wall t, char text[WALL_TEXT_MAX])
{
	int64_t ms = t.ms < WALL_FIRST_MS ? WALL_FIRST_MS : t.ms;
	char *at = text;
	time_t secs;
	struct tm tm;

	if (ms > WALL_LAST_MS)
		ms = WALL_LAST_MS;
	secs = ms / 1000 - (ms % 1000 < 0);
	ms -= secs * 1000;
	gmtime_r(&secs, &tm);
	at = put_part(at, tm.tm_year + 1900, 4, '-');
	at = put_part(at, tm.tm_mon + 1, 2, '-');
	at = put_part(at, tm.tm_mday, 2, 'T');
	at = put_part(at, tm.tm_hour, 2, ':');
	at = put_part(at, tm.tm_min, 2, ':');
	at = put_part(at, tm.tm_sec, 2, ms == 0 ? 'Z' : '.');
	if (ms != 0)
		at = put_part(at, (int)ms, 3, 'Z');
	*at = '\0';
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

/* Behind the point: at least one digit; those after the third do not count. */
static bool take_fraction_ms(struct span *s, int *ms)
{
	int scale = 100, digit;

	if (!take_digits(s, 1, &digit))
		return false;
	*ms = digit * scale;
	while (take_digits(s, 1, &digit)) {
		scale /= 10;
		*ms += digit * scale;
	}
	return true;
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
	if (!take_digits(s, 2, &hours) || !take_char(s, ':') || !take_digits(s, 2, &minutes) ||
		hours > 23 || minutes > 59)
		return false;
	*offset_min = sign * (hours * 60 + minutes);
	return true;
}

static int days_in_month(int year, int mon)
{
	static const int days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return mon == 1 && leap ? 29 : days[mon];
}

static bool tm_is_sane(const struct tm *tm)
{
	return tm->tm_mon >= 0 && tm->tm_mon < 12 && tm->tm_mday >= 1 &&
	       tm->tm_mday <= days_in_month(tm->tm_year + 1900, tm->tm_mon) && tm->tm_hour < 24 &&
	       tm->tm_min < 60 && tm->tm_sec <= 60;
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
	if (take_char(&s, '.') && !take_fraction_ms(&s, &ms))
		return ERR_PARSE;
	if (!take_offset_min(&s, &offset_min) || s.n != 0)
		return ERR_PARSE;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	if (!tm_is_sane(&tm))
		return ERR_PARSE;
	t->ms = ((int64_t)timegm(&tm) - (int64_t)offset_min * 60) * 1000 + ms;
	return ERR_OK;
}
