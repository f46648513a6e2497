/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTL_AUDIT_H
#define CTL_AUDIT_H

#include <stdbool.h>

/*
 * "stagewirectl audit show | verify | prove | bundle": they work on the log's
 * folder, or a copy of it, and never ask the daemon.
 */

/* Where the word after "audit" is one of these: its place in argv, else 0. */
int audit_command_at(int argc, char **argv);

/* Run it, with argv beginning at that word; the exit status. */
int audit_command(int argc, char **argv);

#endif
