/* SPDX-License-Identifier: Apache-2.0 */
#include "base/defs.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void out_of_memory(void)
{
	static const char line[] = "stagewire: out of memory\n";

	IGNORE(write(STDERR_FILENO, line, sizeof(line) - 1) < 0);
	_exit(EXIT_FAILURE);
}

void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n == 0 ? 1 : n, size);

	if (p == NULL)
		out_of_memory();
	return p;
}

void *xrealloc(void *p, size_t n, size_t size)
{
	void *grown = reallocarray(p, n == 0 ? 1 : n, size);

	if (grown == NULL)
		out_of_memory();
	return grown;
}

char *xstrdup(const char *s)
{
	return xstrndup(s, strlen(s));
}

char *xstrndup(const char *s, size_t n)
{
	char *copy = xcalloc(n + 1, 1);

	if (n > 0)
		memcpy(copy, s, n);
	return copy;
}

void freep(void *p)
{
	void *held;

	memcpy(&held, p, sizeof(held));
	free(held);
}

void strings_free(char **strings)
{
	if (strings == NULL)
		return;
	for (char **s = strings; *s != NULL; s++)
		free(*s);
	free(strings);
}

bool text_same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}
