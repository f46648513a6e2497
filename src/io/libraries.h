/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_LIBRARIES_H
#define IO_LIBRARIES_H

#include <stddef.h>

/*
 * The libraries of this room: the version that runs now, which may be another one
 * than we were built with, as distributions replace libraries under programs.
 */
struct library {
	const char *name;
	const char *running;
	const char *built;
	const char *least; /* as configure.ac asks for */
};

#define LIBRARIES_MAX 8

/* Texts are borrowed, until the next call. Returns how many there are. */
size_t libraries_list(struct library out[LIBRARIES_MAX]);

#endif
