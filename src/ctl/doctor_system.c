/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/timex.h>

#include "base/buf.h"
#include "base/file.h"
#include "conf/conf.h"
#include "ctl/doctor_impl.h"

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
