/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replace_writer PATH VERSIONS: replace a file so many times, under the shim,
 * and mark each version that is durable. REPLACE_WRITER_CARELESS replaces it as
 * most programs do, with a rename and no sync, to prove that the harness finds out.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"

#define FILLER 3000

static enum err replace_carelessly(const char *path, struct span bytes)
{
	char tmp[4096];
	int fd;

	snprintf(tmp, sizeof(tmp), "%s.tmp", path);
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, bytes.p, bytes.n) != (ssize_t)bytes.n || close(fd) != 0)
		return ERR_IO;
	return rename(tmp, path) == 0 ? ERR_OK : ERR_IO;
}

int main(int argc, char **argv)
{
	const bool careless = getenv("REPLACE_WRITER_CARELESS") != NULL;
	void (*shim_mark)(const char *text, size_t n);
	int versions = argc == 3 ? atoi(argv[2]) : 0;

	*(void **)&shim_mark = dlsym(RTLD_DEFAULT, "shim_mark");
	if (versions == 0 || shim_mark == NULL) {
		fprintf(stderr, "usage: replace_writer PATH VERSIONS, with the shim preloaded\n");
		return EXIT_FAILURE;
	}
	for (int v = 1; v <= versions; v++) {
		char text[FILLER + 64], fact[32];
		int n = snprintf(text, sizeof(text), "version %d %0*d end\n", v, FILLER, 0);
		struct span bytes = { text, (size_t)n };

		if ((careless ? replace_carelessly(argv[1], bytes)
			      : file_replace(argv[1], bytes, 0600)) != ERR_OK)
			return EXIT_FAILURE;
		n = snprintf(fact, sizeof(fact), "version %d", v);
		shim_mark(fact, (size_t)n);
	}
	return 0;
}
