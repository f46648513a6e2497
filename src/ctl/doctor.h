/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTL_DOCTOR_H
#define CTL_DOCTOR_H

struct wish;

/*
 * "stagewirectl doctor": look at what can be seen from here, have the daemon look at
 * the rest, and print what each check found. The exit status: 0, 1 if one failed, 2 if
 * there was nothing to look at.
 */
int doctor_command(const struct wish *w);

#endif
