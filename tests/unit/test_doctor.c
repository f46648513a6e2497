/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/doctor_report.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "io/libraries.h"

static struct doctor_report report;

static void fini(void)
{
	doctor_report_release(&report);
}

TestSuite(doctor, .fini = fini);

static const struct doctor_finding *only(void)
{
	cr_assert_eq(report.n, 1);
	return &report.list[0];
}

Test(doctor, orders_versions_as_debian_does)
{
	/* Each before the next; by dpkg --compare-versions. */
	static const char *const rising[] = { "1.0~rc1", "1.0", "1.0-1~deb12u1", "1.0-1",
		"1.0-1+b1", "1.0-9", "1.0-10", "1.0+x-1", "1.0.1", "1.2a", "1.2b", "1.2+", "1.10" };

	for (size_t i = 0; i < ARRAY_SIZE(rising); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(rising); k++) {
			int order = deb_version_order(span_of(rising[i]), span_of(rising[k]));

			cr_expect_eq((order > 0) - (order < 0), (i > k) - (i < k), "%s %s",
				rising[i], rising[k]);
		}
	}
	cr_expect_eq(deb_version_order(SPAN("1.007"), SPAN("1.7")), 0);
}

#define BOOKWORM SPAN("PRETTY_NAME=\"Debian\"\nVERSION_ID=\"12\"\nID=debian\n")

static const char *verdict_on(const char *libevent)
{
	static char status[512];

	snprintf(status, sizeof(status),
		"Package: libevent-core-2.1-7-dbg\nStatus: install ok installed\nVersion: 9\n\n"
		"Package: libevent-core-2.1-7\nStatus: install ok installed\nVersion: %s\n\n"
		"Package: libcurl4\nStatus: deinstall ok config-files\nVersion: 1\n",
		libevent);
	doctor_report_release(&report);
	doctor_packages(&report, BOOKWORM, span_of(status));
	cr_assert_str_eq(report.list[0].about, "libevent-core-2.1-7");
	return doctor_verdict_str(report.list[0].verdict);
}

Test(doctor, a_package_older_than_its_security_update_fails)
{
	cr_expect_str_eq(verdict_on("2.1.12-stable-8"), "fail");
	cr_expect(strstr(report.list[0].fix, "apt-get install") != NULL);
	cr_expect(strstr(report.list[0].fix, "libevent-core-2.1-7") != NULL);
	cr_expect_str_eq(verdict_on("2.1.12-stable-8+deb12u1"), "ok");
	cr_expect_str_eq(verdict_on("2.1.12-stable-8+deb12u2"), "ok");
}

Test(doctor, a_package_that_is_not_installed_is_skipped)
{
	cr_expect_str_eq(verdict_on("2.1.12-stable-8+deb12u1"), "ok");
	cr_assert_eq(report.n, 3);
	cr_expect_eq(report.list[1].verdict, DOCTOR_SKIPPED);
	cr_expect_eq(report.list[2].verdict, DOCTOR_SKIPPED);
}

Test(doctor, another_system_is_not_judged_by_debian_12)
{
	doctor_packages(&report, SPAN("ID=debian\nVERSION_ID=\"13\"\n"), SPAN(""));
	cr_expect_eq(only()->verdict, DOCTOR_SKIPPED);
}

Test(doctor, a_library_that_is_too_old_fails)
{
	static const struct {
		struct library l;
		enum doctor_verdict verdict;
	} tries[] = {
		{ { "x", "2.1.12-stable", "2.1.12-stable", "2.1.12" }, DOCTOR_OK },
		{ { "x", "2.1.11-stable", "2.1.11-stable", "2.1.12" }, DOCTOR_FAIL },
		{ { "x", "7.88.1", "7.88.1", "7.88" }, DOCTOR_OK },
		{ { "x", "7.9", "7.9", "7.88" }, DOCTOR_FAIL },
		{ { "x", "8.0", "7.88.1", "7.88" }, DOCTOR_OK },
		{ { "x", "7.88.1", "8.0", "7.88" }, DOCTOR_WARN },
		{ { "x", "0.16", NULL, "0.16.0" }, DOCTOR_OK },
		{ { "x", "0.16", NULL, "0.16.1" }, DOCTOR_FAIL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(tries); i++) {
		doctor_report_release(&report);
		doctor_library(&report, &tries[i].l);
		cr_expect_eq(only()->verdict, tries[i].verdict, "%s %s", tries[i].l.running,
			tries[i].l.least);
		cr_expect_eq(only()->fix != NULL, tries[i].verdict != DOCTOR_OK);
	}
}

Test(doctor, the_libraries_here_will_do)
{
	doctor_libraries(&report);
	cr_expect_eq(report.n, 7);
	cr_expect_eq(doctor_report_verdict(&report), DOCTOR_OK);
}

Test(doctor, foreign_text_is_made_printable)
{
	doctor_say(&report, DOCTOR_FAIL, "c", "a", "%s", "one\n\x1b[2Jtwo");
	doctor_fix(&report, "%s", "\x7f");
	cr_expect_str_eq(only()->seen, "one  [2Jtwo");
	cr_expect_str_eq(only()->fix, " ");
}

Test(doctor, what_was_skipped_is_not_bad)
{
	cr_expect_eq(doctor_report_verdict(&report), DOCTOR_OK);
	doctor_say(&report, DOCTOR_WARN, "c", "a", "w");
	doctor_say(&report, DOCTOR_SKIPPED, "c", "a", "s");
	cr_expect_eq(doctor_report_verdict(&report), DOCTOR_WARN);
	cr_expect_eq(doctor_report_count(&report, DOCTOR_SKIPPED), 1);
}
