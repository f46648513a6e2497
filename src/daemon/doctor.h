/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_DOCTOR_H
#define DAEMON_DOCTOR_H

struct doctor;

/*
 * The daemon's part of "stagewirectl doctor": what only it can see, and what only
 * it may ask, as it has the tokens. Everybody is asked at once, by harmless GETs,
 * and each check has its deadline. One runs at a time.
 */

/*
 * End one that runs: its questions are given up, and whoever asked is told so. Before
 * anything of the configuration goes. NULL is nothing.
 */
void doctor_free(struct doctor *x);

#endif
