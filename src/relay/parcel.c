/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/parcel.h"

#include <stdlib.h>

#include "base/defs.h"
#include "store/store.h"

static struct span copy_in(char **at, struct span s)
{
	struct span copy = { *at, s.n };

	if (s.n > 0)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return copy;
}

struct parcel *parcel_new(const char *id, struct span okey, struct span body,
	const char *const *sinks, size_t sinks_n)
{
	size_t names = sinks_n * sizeof(*sinks), size = sizeof(struct parcel) + names;
	struct parcel *p;
	const char **name;
	char *at;

	for (size_t i = 0; i < sinks_n; i++)
		size += strlen(sinks[i]) + 1;
	size += okey.n + body.n;
	p = xcalloc(1, size);
	p->refs = 1;
	p->size = size;
	strcpy(p->id, id);
	p->part = store_part(okey);
	name = (const char **)(void *)p->data;
	p->sinks = name;
	p->sinks_n = sinks_n;
	at = p->data + names;
	for (size_t i = 0; i < sinks_n; i++) {
		name[i] = at;
		at = stpcpy(at, sinks[i]) + 1;
	}
	p->okey = copy_in(&at, okey);
	p->body = copy_in(&at, body);
	return p;
}

struct parcel *parcel_hold(struct parcel *p)
{
	p->refs++;
	return p;
}

void parcel_release(struct parcel *p)
{
	if (p != NULL && --p->refs == 0)
		free(p);
}
