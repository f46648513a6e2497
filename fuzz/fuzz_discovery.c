/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/discovery.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define ISSUER "http://127.0.0.1:3000/oidc"
#define ORIGIN "http://127.0.0.1:3000/"

/* Whatever an issuer says of itself: keys over TLS or from its own port, or an error. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *url = NULL;

	if (discovery_read((struct span){ (const char *)data, len }, ISSUER, &url) == ERR_OK) {
		assert(strncmp(url, "https://", 8) == 0 ||
			strncmp(url, ORIGIN, strlen(ORIGIN)) == 0);
		assert(strpbrk(url, "@#\\ \r\n") == NULL);
		assert(memmem(data, len, "issuer", 6) != NULL || memchr(data, '\\', len) != NULL);
	} else {
		assert(url == NULL);
	}
	free(url);
	return 0;
}
