/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_SECMEM_H
#define IO_SECMEM_H

#include <stddef.h>

#include "base/defs.h"
#include "base/err.h"

/*
 * A secret in guarded memory that is kept out of core files and wiped when
 * freed. It has a type of its own, so that nothing prints it by mistake.
 */
struct secret;

/* Copy n bytes. Wipe where they came from with secret_wipe(). */
struct secret *secret_new(const char *bytes, size_t n);
void secret_free(struct secret *s);

/* NUL terminated, borrowed. Pass it on at once; keep no copy. */
const char *secret_text(const struct secret *s);
size_t secret_len(const struct secret *s);

/* Overwrite a buffer that held a secret; the compiler cannot leave it out. */
void secret_wipe(void *p, size_t n);

#endif
