/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static char *print(const struct conf *c)
{
	char *text = NULL;
	size_t n;
	FILE *to = open_memstream(&text, &n);

	if (to == NULL)
		abort();
	conf_print(c, to);
	fclose(to);
	return text;
}

static void check_complaint(char *why)
{
	if (why == NULL || strncmp(why, "conf:", 5) != 0 || strchr(why, '\n') != NULL)
		abort();
	free(why);
}

/* What is accepted prints to what is accepted, is the same, and prints the same. */
static void check_round_trip(struct conf *c)
{
	char *once = print(c), *twice, *why = NULL;
	struct conf *again;

	if (conf_parse(span_of(once), "conf", &again, &why) != ERR_OK)
		abort();
	twice = print(again);
	if (strcmp(once, twice) != 0 || conf_frozen_change(c, again) != NULL)
		abort();
	free(twice);
	free(once);
	conf_free(again);
	conf_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct conf *c = NULL;
	char *why = NULL;

	if (conf_parse((struct span){ (const char *)data, len }, "conf", &c, &why) == ERR_OK)
		check_round_trip(c);
	else
		check_complaint(why);
	return 0;
}
