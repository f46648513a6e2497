/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_PAGE_ASSETS_H
#define DAEMON_PAGE_ASSETS_H

#include <stddef.h>

/*
 * The files of src/daemon/page/, which the build puts into page_assets.c. Browsers
 * get them as they are.
 */
struct page_asset {
	const char *name;
	const unsigned char *bytes;
	size_t len;
};

extern const struct page_asset page_assets[];
extern const size_t page_assets_n;

#endif
