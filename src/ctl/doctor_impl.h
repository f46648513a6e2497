/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTL_DOCTOR_IMPL_H
#define CTL_DOCTOR_IMPL_H

#include "base/span.h"
#include "daemon/doctor_report.h"

struct conf;

/* The inside of the doctor at the operator's side: a file for each subject. */

/* Modes and owners of what the configuration names, and of what lies beside the store. */
void doctor_files(struct doctor_report *r, const struct conf *c, const char *conf_path);

/* The disk that the store is on. */
void doctor_disk(struct doctor_report *r, const struct conf *c);

/* Is the system's clock kept by somebody? */
void doctor_clock(struct doctor_report *r);

/* Packages that had a security update: os-release(5), and dpkg's list of what is installed. */
void doctor_packages(struct doctor_report *r, struct span os_release, struct span status);

/* The same of this system. */
void doctor_packages_here(struct doctor_report *r);

/* Below 0, 0, above 0: two versions as Debian compares them (deb-version(7)). */
int deb_version_order(struct span a, struct span b);

#endif
