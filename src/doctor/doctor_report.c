/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/doctor_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/printable.h"
#include "base/span.h"

const char *doctor_verdict_str(enum doctor_verdict v)
{
	switch (v) {
	case DOCTOR_OK: return "ok";
	case DOCTOR_SKIPPED: return "skipped";
	case DOCTOR_WARN: return "warn";
	case DOCTOR_FAIL: return "fail";
	}
	return "fail";
}

static char *compose(const char *fmt, va_list ap) PRINTF(1, 0);

static char *compose(const char *fmt, va_list ap)
{
	char *text;

	if (vasprintf(&text, fmt, ap) < 0)
		out_of_memory();
	printable_make(text, strlen(text), ' ');
	return text;
}

void doctor_say(struct doctor_report *r, enum doctor_verdict v, const char *check,
	const char *about, const char *seen, ...)
{
	struct doctor_finding *f;
	va_list ap;

	r->list = xrealloc(r->list, r->n + 1, sizeof(*r->list));
	f = &r->list[r->n++];
	*f = (struct doctor_finding){
		.verdict = v,
		.by = r->by,
		.check = xstrdup(check),
		.about = xstrdup(about),
	};
	va_start(ap, seen);
	f->seen = compose(seen, ap);
	va_end(ap);
}

void doctor_fix(struct doctor_report *r, const char *fix, ...)
{
	struct doctor_finding *f = &r->list[r->n - 1];
	va_list ap;

	free(f->fix);
	va_start(ap, fix);
	f->fix = compose(fix, ap);
	va_end(ap);
}

void doctor_report_release(struct doctor_report *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->list[i].check);
		free(r->list[i].about);
		free(r->list[i].seen);
		free(r->list[i].fix);
	}
	free(r->list);
	*r = (struct doctor_report){ .by = r->by };
}

enum doctor_verdict doctor_report_verdict(const struct doctor_report *r)
{
	enum doctor_verdict worst = DOCTOR_OK;

	for (size_t i = 0; i < r->n; i++) {
		if (r->list[i].verdict > worst)
			worst = r->list[i].verdict;
	}
	return worst;
}

size_t doctor_report_count(const struct doctor_report *r, enum doctor_verdict v)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += r->list[i].verdict == v;
	return n;
}

void doctor_report_write(const struct doctor_report *r, struct json_writer *w)
{
	json_object_begin(w);
	json_member_str(w, "verdict", doctor_verdict_str(doctor_report_verdict(r)));
	json_key(w, "findings");
	json_array_begin(w);
	for (size_t i = 0; i < r->n; i++) {
		const struct doctor_finding *f = &r->list[i];

		json_object_begin(w);
		json_member_str(w, "by", f->by);
		json_member_str(w, "check", f->check);
		json_member_str(w, "about", f->about);
		json_member_str(w, "verdict", doctor_verdict_str(f->verdict));
		json_member_str(w, "seen", f->seen);
		json_member_opt(w, "fix", span_of(f->fix));
		json_object_end(w);
	}
	json_array_end(w);
	json_object_end(w);
}
