/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTL_DOCTOR_IMPL_H
#define CTL_DOCTOR_IMPL_H

#include "doctor/doctor_report.h"

struct conf;

/* The inside of the doctor at the operator's side: a file for each subject. */

/* Modes and owners of what the configuration names, and of what lies beside the store. */
void doctor_files(struct doctor_report *r, const struct conf *c, const char *conf_path);

/* The disk that the store is on. */
void doctor_disk(struct doctor_report *r, const struct conf *c);

/* Is the system's clock kept by somebody? */
void doctor_clock(struct doctor_report *r);

/* Packages of this system that had a security update. */
void doctor_packages_here(struct doctor_report *r);

#endif
