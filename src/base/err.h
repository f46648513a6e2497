/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/*
 * What can go wrong, in the few ways a caller would treat differently. The
 * words for a human go to the log, not into more codes.
 */
enum err {
	ERR_OK = 0,
	ERR_IO,    /* the system or a library failed */
	ERR_PARSE, /* the input is not what it claims to be */
	ERR_AUTH,  /* the signature or credential does not hold */
	ERR_LIMIT, /* over a configured bound */
	ERR_NOTFOUND,
	ERR_BUSY, /* try again later */
};

const char *err_str(enum err e);

#endif
