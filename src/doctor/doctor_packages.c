/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "doctor/doctor_report.h"

static bool is_digit(struct span s)
{
	return s.n > 0 && isdigit((unsigned char)*s.p);
}

static struct span skip(struct span s, size_t n)
{
	return (struct span){ s.p + n, s.n - n };
}

/* '~' before the end, the end before letters, letters before all else. */
static int rank(struct span s)
{
	unsigned char c = s.n == 0 ? 0 : (unsigned char)*s.p;

	if (c == '~')
		return -1;
	if (c == 0 || isdigit(c))
		return 0;
	return isalpha(c) ? c : c + 256;
}

static int number_order(struct span *a, struct span *b)
{
	size_t n = 0, m = 0;
	int order;

	while (a->n > 0 && *a->p == '0')
		*a = skip(*a, 1);
	while (b->n > 0 && *b->p == '0')
		*b = skip(*b, 1);
	while (is_digit(skip(*a, n)))
		n++;
	while (is_digit(skip(*b, m)))
		m++;
	order = n != m ? (n > m) - (n < m) : n == 0 ? 0 : memcmp(a->p, b->p, n);
	*a = skip(*a, n);
	*b = skip(*b, m);
	return order;
}

static int part_order(struct span a, struct span b)
{
	while (a.n > 0 || b.n > 0) {
		int order;

		while ((a.n > 0 && !is_digit(a)) || (b.n > 0 && !is_digit(b))) {
			if (rank(a) != rank(b))
				return rank(a) - rank(b);
			a = skip(a, 1);
			b = skip(b, 1);
		}
		order = number_order(&a, &b);
		if (order != 0)
			return order;
	}
	return 0;
}

/* Take the upstream version off: before the last '-', or all of it. */
static struct span take_upstream(struct span *version)
{
	const char *dash = memrchr(version->p, '-', version->n);
	struct span upstream = *version;

	if (dash != NULL)
		upstream.n = (size_t)(dash - version->p);
	*version = skip(*version, dash == NULL ? upstream.n : upstream.n + 1);
	return upstream;
}

int deb_version_order(struct span a, struct span b)
{
	struct span upstream_a = take_upstream(&a), upstream_b = take_upstream(&b);
	int order = part_order(upstream_a, upstream_b);

	return order != 0 ? order : part_order(a, b);
}

/*
 * Security updates of Debian 12 that this program depends on: requests smuggled by
 * libevent (CVE-2026-63381, -63382), and libcurl as its own SigV4 was measured with.
 */
static const struct {
	const char *package, *least;
} updates[] = {
	{ "libevent-core-2.1-7", "2.1.12-stable-8+deb12u1" },
	{ "libevent-openssl-2.1-7", "2.1.12-stable-8+deb12u1" },
	{ "libcurl4", "7.88.1-10+deb12u15" },
};

/* The rest of the line that begins so, from s on; empty if there is none before an empty line. */
static struct span field_of(struct span s, const char *name)
{
	while (s.n > 0 && *s.p != '\n') {
		const char *end = memchr(s.p, '\n', s.n);
		size_t n = end == NULL ? s.n : (size_t)(end - s.p);
		const struct span line = { s.p, n };

		if (span_starts(line, name))
			return skip(line, strlen(name));
		s = skip(s, n < s.n ? n + 1 : n);
	}
	return (struct span){ 0 };
}

static bool package_version(struct span status, const char *package, struct span *version)
{
	char line[64];
	size_t n = (size_t)snprintf(line, sizeof(line), "Package: %s\n", package);

	while (status.n > 0) {
		const char *at = memmem(status.p, status.n, line, n);

		if (at == NULL)
			return false;
		status = skip(status, (size_t)(at - status.p));
		*version = field_of(status, "Version: ");
		if (span_ends(field_of(status, "Status: "), " installed"))
			return true;
		status = skip(status, n);
	}
	return false;
}

void doctor_packages(struct doctor_report *r, struct span os_release, struct span status)
{
	const struct span id = field_of(os_release, "ID=");
	const struct span release = field_of(os_release, "VERSION_ID=");

	if (!span_is(id, "debian") || !span_is(release, "\"12\"")) {
		doctor_say(r, DOCTOR_SKIPPED, "package", "packages",
			"the security updates of this system are not known to us, only Debian "
			"12's");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(updates); i++) {
		struct span version;

		if (!package_version(status, updates[i].package, &version)) {
			doctor_say(r, DOCTOR_SKIPPED, "package", updates[i].package,
				"dpkg does not know it");
		} else if (deb_version_order(version, span_of(updates[i].least)) < 0) {
			doctor_say(r, DOCTOR_FAIL, "package", updates[i].package,
				"%.*s is older than the security update %s", SPAN_ARGS(version),
				updates[i].least);
			doctor_fix(r, "apt-get install --only-upgrade %s, and restart stagewired",
				updates[i].package);
		} else {
			doctor_say(r, DOCTOR_OK, "package", updates[i].package, "%.*s",
				SPAN_ARGS(version));
		}
	}
}
