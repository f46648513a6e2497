/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_PATTERN_H
#define MODEL_PATTERN_H

#include <stdbool.h>

#include "base/span.h"

/*
 * What configurations compare with: a text that is literal, or a prefix with one
 * trailing '*'. With nocase, ASCII case does not count.
 */
bool pattern_matches(const char *pattern, struct span text, bool nocase);

/* Does one of a NULL-ended list match? */
bool patterns_match(char *const *patterns, struct span text, bool nocase);

#endif
