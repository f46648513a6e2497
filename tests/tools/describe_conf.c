/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"

/* Print the option table; with a file, what the configuration in it comes to. */
int main(int argc, char **argv)
{
	struct conf *c;
	char *why;

	if (argc < 2) {
		conf_describe(stdout);
		return EXIT_SUCCESS;
	}
	if (conf_load(argv[1], &c, &why) != ERR_OK) {
		fprintf(stderr, "%s\n", why);
		free(why);
		return EXIT_FAILURE;
	}
	conf_print(c, stdout);
	conf_free(c);
	return EXIT_SUCCESS;
}
