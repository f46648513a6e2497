/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_DEFS_H
#define BASE_DEFS_H

#include <stdbool.h>
#include <stddef.h>

#define MUST_CHECK      __attribute__((warn_unused_result))
#define PRINTF(fmt, ap) __attribute__((format(printf, fmt, ap)))
#define CLEANUP(fn)     __attribute__((cleanup(fn)))
#define NORETURN        __attribute__((noreturn))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The struct of the given type whose member is at p. */
#define CONTAINER_OF(p, type, member) ((type *)(void *)((char *)(p)-offsetof(type, member)))

/* Hand over what p owns and leave NULL behind. */
#define TAKE(p)                                                                                    \
	__extension__({                                                                            \
		__typeof__(p) take_ = (p);                                                         \
		(p) = NULL;                                                                        \
		take_;                                                                             \
	})

/* Say out loud that a result does not matter; a (void) cast is not enough. */
#define IGNORE(call)                                                                               \
	do {                                                                                       \
		if (call) {                                                                        \
		}                                                                                  \
	} while (0)

/*
 * Allocate or exit: for the small, fixed allocations of our own. What was not
 * committed was not acknowledged, so exiting loses nothing. Sizes that a peer
 * chooses go through struct buf instead.
 */
NORETURN void out_of_memory(void);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);

/* Equal, or both NULL. */
bool text_same(const char *a, const char *b);

/* Free a NULL-ended list and the strings in it; NULL is none. */
void strings_free(char **strings);

/* For CLEANUP(): free(3) what the variable points at. */
void freep(void *p);

#endif
