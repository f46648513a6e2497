/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_PUSHED_H
#define MODEL_PUSHED_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

#define PUSHED_DIGEST_MAX  40
#define PUSHED_VERSION_MAX 72
#define PUSHED_ID_MAX      64

/*
 * What is known of a variable that was written into a repository's settings. Its
 * value is not: a digest that only we can make tells whether it is that of now.
 */
struct pushed {
	char digest[PUSHED_DIGEST_MAX];   /* empty: it was never written, as far as is known */
	char version[PUSHED_VERSION_MAX]; /* the provider's name of the value; may be empty */
	char id[PUSHED_ID_MAX];           /* Travis's, which changes if somebody else replaces it */
	struct wall at;                   /* when it was written; or WALL_NONE */
	bool asking; /* it is being written: it may be there or not, if nothing else is known */
};

void pushed_init(struct pushed *p);

/* Append it as JSON, to be kept; and back. ERR_PARSE if it is none, p is untouched then. */
MUST_CHECK enum err pushed_write(const struct pushed *p, struct buf *out);
MUST_CHECK enum err pushed_read(struct span json, struct pushed *p);

#endif
