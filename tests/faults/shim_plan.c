/* SPDX-License-Identifier: Apache-2.0 */
#include "shim_plan.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STEPS_MAX 16

struct step {
	enum fault_kind kind;
	char suffix[64];
	unsigned long at;
	bool onwards;
	enum fault fault;
	int err;
	unsigned long count; /* calls that were its kind */
};

static struct step plan[STEPS_MAX];
static size_t plan_n;
static char plan_while[PATH_MAX]; /* "": always */

static const char *const kind_names[] = {
	[KIND_OPEN] = "open",
	[KIND_WRITE] = "write",
	[KIND_TRUNCATE] = "truncate",
	[KIND_SYNC] = "sync",
	[KIND_NAME] = "name",
};

static const struct {
	const char *name;
	enum fault fault;
	int err;
} errors[] = {
	{ "EIO", FAULT_ERROR, EIO },
	{ "ENOSPC", FAULT_ERROR, ENOSPC },
	{ "EDQUOT", FAULT_ERROR, EDQUOT },
	{ "EMFILE", FAULT_ERROR, EMFILE },
	{ "ENFILE", FAULT_ERROR, ENFILE },
	{ "SHORT", FAULT_SHORT, 0 },
};

static bool kind_read(struct step *s, const char *text)
{
	for (size_t i = 0; i < sizeof(kind_names) / sizeof(*kind_names); i++) {
		s->kind = (enum fault_kind)i;
		if (strcmp(text, kind_names[i]) == 0)
			return true;
	}
	return false;
}

static bool error_read(struct step *s, const char *text)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		s->fault = errors[i].fault;
		s->err = errors[i].err;
		if (strcmp(text, errors[i].name) == 0)
			return true;
	}
	return false;
}

/* KIND[@SUFFIX]:N[+]:ERROR */
static bool step_read(struct step *s, char *text)
{
	char *at = strchr(text, ':'), *error, *end, *suffix;

	if (at == NULL)
		return false;
	*at++ = '\0';
	suffix = strchr(text, '@');
	if (suffix != NULL) {
		*suffix++ = '\0';
		snprintf(s->suffix, sizeof(s->suffix), "%s", suffix);
	}
	error = strchr(at, ':');
	if (error == NULL)
		return false;
	*error++ = '\0';
	s->at = strtoul(at, &end, 10);
	s->onwards = *end == '+';
	return s->at > 0 && kind_read(s, text) && error_read(s, error);
}

void plan_read(const char *text, const char *while_path)
{
	char copy[1024], *rest = copy, *one;

	if (text == NULL)
		return;
	snprintf(copy, sizeof(copy), "%s", text);
	snprintf(plan_while, sizeof(plan_while), "%s", while_path == NULL ? "" : while_path);
	while ((one = strsep(&rest, ",")) != NULL) {
		if (plan_n == STEPS_MAX || !step_read(&plan[plan_n++], one)) {
			fprintf(stderr, "FAULTS_PLAN makes no sense: %s\n", text);
			_exit(2);
		}
	}
}

static bool name_ends_in(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	return n >= m && strcmp(name + n - m, suffix) == 0;
}

enum fault plan_next(enum fault_kind kind, const char *name, int *err)
{
	enum fault f = FAULT_NONE;

	*err = 0;
	for (size_t i = 0; i < plan_n; i++) {
		struct step *s = &plan[i];

		if (s->kind != kind || !name_ends_in(name, s->suffix))
			continue;
		s->count++;
		if (f != FAULT_NONE || s->count < s->at || (s->count > s->at && !s->onwards))
			continue;
		if (plan_while[0] != '\0' && access(plan_while, F_OK) != 0)
			continue;
		f = s->fault;
		*err = s->err;
	}
	return f;
}
