/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

const char *err_str(enum err e)
{
	switch (e) {
	case ERR_OK: return "ok";
	case ERR_IO: return "i/o error";
	case ERR_PARSE: return "malformed input";
	case ERR_AUTH: return "not authentic";
	case ERR_LIMIT: return "limit exceeded";
	case ERR_NOTFOUND: return "not found";
	case ERR_BUSY: return "busy";
	}
	return "unknown error";
}
