/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTL_ASK_H
#define CTL_ASK_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"

/*
 * Ask the daemon on its unix socket and wait for the answer, which is appended
 * to answer: GET path, or POST if there is a body. patient: it may take as long as
 * it takes. On failure *why (free(3) it) is one line that says what to do about it;
 * ERR_PARSE is that what was asked makes no sense to the daemon.
 */
MUST_CHECK enum err ask(const char *socket, const char *path, struct span body, bool patient,
	struct buf *answer, char **why);

#endif
