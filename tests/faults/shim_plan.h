/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FAULTS_SHIM_PLAN_H
#define TESTS_FAULTS_SHIM_PLAN_H

/* Which calls are to fail: the shim's FAULTS_PLAN. Callers hold the shim's lock. */

enum fault_kind {
	KIND_OPEN,
	KIND_WRITE,
	KIND_TRUNCATE,
	KIND_SYNC,
	KIND_NAME,
};

enum fault {
	FAULT_NONE,
	FAULT_ERROR,
	FAULT_SHORT,
};

/* Read a plan, NULL for none; one that makes no sense ends the process. */
void plan_read(const char *text, const char *while_path);

/* Count this call, and say how it fares; *err is an errno. */
enum fault plan_next(enum fault_kind kind, const char *name, int *err);

#endif
