/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_SECMEM_H
#define IO_SECMEM_H

#include <stdbool.h>
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

/* For a secret that comes in pieces: empty, with room for max bytes. */
struct secret *secret_room(size_t max);

/* Append all of it, or nothing and return ERR_LIMIT. Only to what secret_room() made. */
MUST_CHECK enum err secret_append(struct secret *s, const void *bytes, size_t n);

/* Do both say the same? In time that depends on the lengths only. */
bool secret_is_same(const struct secret *a, const struct secret *b);

/* NUL terminated, borrowed. Pass it on at once; keep no copy. */
const char *secret_text(const struct secret *s);
size_t secret_len(const struct secret *s);

/* Overwrite a buffer that held a secret; the compiler cannot leave it out. */
void secret_wipe(void *p, size_t n);

/*
 * free(3) and realloc(3) for libraries whose buffers secrets pass through: what goes
 * back to the heap is wiped before. What they take is of malloc(3).
 */
void secmem_free(void *p);
void *secmem_realloc(void *p, size_t size);

#endif
