/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTL_WISH_H
#define CTL_WISH_H

#include <stdbool.h>

/* What the command line asks for. All is borrowed from it; NULL is not given. */
struct wish {
	const char *socket;
	bool json;
	const char *limit, *state;
	const char *event, *from, *since, *until, *sink, *owner, *repository, *reason;
	const char *at, *days, *ref;
	const char *principal, *behalf, *action, *branch, *token_age;
	bool variables;
	const char *config;
	bool dry_run;
	const char *word; /* behind the command: an id, a file */
};

#endif
