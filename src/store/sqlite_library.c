/* SPDX-License-Identifier: Apache-2.0 */
#include <sqlite3.h>

#include "store/store.h"

/* By itself, so that whoever asks need not have all of the store. */
const char *store_library(const char **built)
{
	*built = SQLITE_VERSION;
	return sqlite3_libversion();
}
