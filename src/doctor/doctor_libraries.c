/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "doctor/doctor_report.h"
#include "io/libraries.h"
#include "store/store.h"

/* "7.88.1" against "7.88": number by number; what follows them ("-stable") does not count. */
static bool version_is_least(const char *version, const char *least)
{
	while (*least != '\0') {
		char *v, *l;
		unsigned long has = strtoul(version, &v, 10), wants = strtoul(least, &l, 10);

		if (has != wants)
			return has > wants;
		if (*l != '.')
			return true;
		least = l + 1;
		if (*v != '.')
			return strspn(least, ".0") == strlen(least);
		version = v + 1;
	}
	return true;
}

void doctor_library(struct doctor_report *r, const struct library *l)
{
	if (!version_is_least(l->running, l->least)) {
		doctor_say(r, DOCTOR_FAIL, "library", l->name, "%s runs, older than %s", l->running,
			l->least);
		doctor_fix(r, "Install %s %s or newer, and restart stagewired.", l->name, l->least);
	} else if (l->built == NULL) {
		doctor_say(r, DOCTOR_OK, "library", l->name, "%s", l->running);
	} else if (!version_is_least(l->running, l->built)) {
		doctor_say(r, DOCTOR_WARN, "library", l->name, "%s runs, but it was built with %s",
			l->running, l->built);
		doctor_fix(r, "Install %s %s or newer, or build Stagewire on this system.", l->name,
			l->built);
	} else {
		doctor_say(r, DOCTOR_OK, "library", l->name, "%s, built with %s", l->running,
			l->built);
	}
}

void doctor_libraries(struct doctor_report *r)
{
	struct library list[LIBRARIES_MAX], sqlite = { .name = "SQLite", .least = "3.40" };
	size_t n = libraries_list(list);

	for (size_t i = 0; i < n; i++)
		doctor_library(r, &list[i]);
	sqlite.running = store_library(&sqlite.built);
	doctor_library(r, &sqlite);
}
