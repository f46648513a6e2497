/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_DOCTOR_REPORT_H
#define DOCTOR_DOCTOR_REPORT_H

#include <stddef.h>

#include "base/defs.h"
#include "base/json_write.h"
#include "base/span.h"

struct library;

/* In the order of how bad it is; what was skipped is not known to be bad. */
enum doctor_verdict {
	DOCTOR_OK,
	DOCTOR_SKIPPED,
	DOCTOR_WARN,
	DOCTOR_FAIL,
};

/* "ok", "skipped", "warn", "fail". */
const char *doctor_verdict_str(enum doctor_verdict v);

/* What a check of "stagewirectl doctor" found of one thing. */
struct doctor_finding {
	enum doctor_verdict verdict;
	const char *by; /* the program that looked; a literal */
	char *check;    /* the check's stable name: "file-mode" */
	char *about;    /* the thing it is about: a path, a source's name */
	char *seen;     /* what was seen, or why it was skipped; printable */
	char *fix;      /* what to do about it, in a sentence; NULL: nothing */
};

struct doctor_report {
	const char *by; /* of the findings to come */
	struct doctor_finding *list;
	size_t n;
};

void doctor_report_release(struct doctor_report *r);

/* Add a finding. Foreign text may be part of it; it is made printable. */
void doctor_say(struct doctor_report *r, enum doctor_verdict v, const char *check,
	const char *about, const char *seen, ...) PRINTF(5, 6);

/* What mends the last finding. */
void doctor_fix(struct doctor_report *r, const char *fix, ...) PRINTF(2, 3);

/* The worst of all. */
enum doctor_verdict doctor_report_verdict(const struct doctor_report *r);

/* The number of findings with that verdict. */
size_t doctor_report_count(const struct doctor_report *r, enum doctor_verdict v);

/* {"verdict":…,"findings":[…]} */
void doctor_report_write(const struct doctor_report *r, struct json_writer *w);

/* A library that runs must be one that will do. */
void doctor_library(struct doctor_report *r, const struct library *l);

/* Both programs look at the libraries that they run with. */
void doctor_libraries(struct doctor_report *r);

/*
 * Packages that had a security update: given the texts of os-release(5) and of dpkg's
 * list of what is installed.
 */
void doctor_packages(struct doctor_report *r, struct span os_release, struct span status);

/* Below 0, 0, above 0: two versions as Debian compares them (deb-version(7)), without epoch. */
int deb_version_order(struct span a, struct span b);

#endif
