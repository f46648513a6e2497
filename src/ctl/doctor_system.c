/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/timex.h>

#include "base/buf.h"
#include "base/file.h"
#include "ctl/doctor_impl.h"
#include "daemon/conf.h"

#define MIB            (INT64_C(1024) * 1024)
#define ROOM_WARN      (256 * MIB)
#define ROOM_FAIL      (16 * MIB)
#define STATUS_MAX     (64 * 1024 * 1024)
#define CIFS_SUPER     0xff534d42
#define SMB2_SUPER     0xfe534d42
#define OS_RELEASE     "/etc/os-release"
#define PACKAGE_STATUS "/var/lib/dpkg/status"

/* --- the disk --- */

static void judge_room(struct doctor_report *r, const char *folder, const struct statfs *fs)
{
	int64_t room = (int64_t)fs->f_bavail * (int64_t)fs->f_bsize;
	enum doctor_verdict v = room < ROOM_FAIL   ? DOCTOR_FAIL
				: room < ROOM_WARN ? DOCTOR_WARN
						   : DOCTOR_OK;

	doctor_say(r, v, "disk-room", folder, "%" PRId64 " MiB are free", room / MIB);
	if (v != DOCTOR_OK)
		doctor_fix(r,
			"Make room on the disk of %s, or shorten retention: without room, webhooks "
			"are answered 503 and Travis does not send them again.",
			folder);
}

static void judge_kind(struct doctor_report *r, const char *folder, const struct statfs *fs)
{
	switch ((uint32_t)fs->f_type) {
	case TMPFS_MAGIC:
	case RAMFS_MAGIC:
		doctor_say(r, DOCTOR_WARN, "disk-kind", folder,
			"it is in memory, and what was acknowledged goes with the power");
		doctor_fix(r, "Move store.path from %s to a disk.", folder);
		return;
	case NFS_SUPER_MAGIC:
	case CIFS_SUPER:
	case SMB2_SUPER:
		doctor_say(r, DOCTOR_FAIL, "disk-kind", folder,
			"it is another host's, where SQLite's log does not work");
		doctor_fix(r, "Move store.path from %s to a disk of this host.", folder);
		return;
	default: doctor_say(r, DOCTOR_OK, "disk-kind", folder, "it keeps what is synced"); return;
	}
}

void doctor_disk(struct doctor_report *r, const struct conf *c)
{
	CLEANUP(freep) char *folder = conf_beside_store(c, ".");
	struct statfs fs;

	if (statfs(folder, &fs) != 0) {
		doctor_say(r, DOCTOR_SKIPPED, "disk-room", folder, "%s", strerror(errno));
		return;
	}
	folder[strlen(folder) - 2] = '\0'; /* without "/." */
	judge_room(r, folder, &fs);
	judge_kind(r, folder, &fs);
}

/* --- the clock --- */

/* adjtimex(2) without a mode only reads. */
void doctor_clock(struct doctor_report *r)
{
	struct timex t = { 0 };

	if (adjtimex(&t) < 0) {
		doctor_say(r, DOCTOR_SKIPPED, "clock", "system", "%s", strerror(errno));
	} else if ((t.status & STA_UNSYNC) != 0) {
		doctor_say(
			r, DOCTOR_WARN, "clock", "system", "the kernel says that nobody keeps it");
		doctor_fix(r, "timedatectl set-ntp true");
	} else {
		doctor_say(r, DOCTOR_OK, "clock", "system",
			"it is kept, and right to %" PRId64 " ms at worst",
			(int64_t)t.maxerror / 1000);
	}
}

/* --- packages --- */

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

int deb_version_order(struct span a, struct span b)
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

void doctor_packages_here(struct doctor_report *r)
{
	CLEANUP(buf_release) struct buf os, status;

	buf_init(&os, STATUS_MAX);
	buf_init(&status, STATUS_MAX);
	if (file_read(OS_RELEASE, &os) != ERR_OK || file_read(PACKAGE_STATUS, &status) != ERR_OK) {
		doctor_say(r, DOCTOR_SKIPPED, "package", "packages", "this system has no dpkg");
		return;
	}
	doctor_packages(r, buf_span(&os), buf_span(&status));
}
