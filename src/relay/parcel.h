/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_PARCEL_H
#define RELAY_PARCEL_H

#include <stddef.h>
#include <stdint.h>

#include "base/codec.h"
#include "base/span.h"

/*
 * An event in memory on its way to its sinks: one copy, shared by the lanes it
 * waits in and counted by references.
 */
struct parcel {
	unsigned refs;
	char id[UUID_TEXT_MAX];
	int64_t seq; /* 0 until it is stored */
	uint16_t part;
	struct span okey, body;   /* inside data */
	const char *const *sinks; /* names, inside data */
	size_t sinks_n;
	size_t size; /* bytes held */
	char data[];
};

struct parcel *parcel_new(const char *id, struct span okey, struct span body,
	const char *const *sinks, size_t sinks_n);
struct parcel *parcel_hold(struct parcel *p);

/* Drop a reference; takes NULL. */
void parcel_release(struct parcel *p);

#endif
