/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_ASSETS_H
#define DAEMON_ASSETS_H

#include <stddef.h>

/* Files of the source tree that the build puts into C. Clients get them as they are. */
struct asset {
	const char *name;
	const unsigned char *bytes;
	size_t len;
};

/* Of src/daemon/page/. */
extern const struct asset page_assets[];
extern const size_t page_assets_n;

/* doc/openapi.json alone. */
extern const struct asset api_assets[];
extern const size_t api_assets_n;

#endif
