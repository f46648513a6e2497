/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/api_wish.h"

#include <string.h>

#include "base/codec.h"
#include "conf/conf_number.h"
#include "model/entity.h"

#define PARTS_MAX 8
#define REF_MAX   1024

bool api_wish_owns(struct span path)
{
	return span_starts(path, "/v1/entities/") || span_starts(path, "/v1/triggers/");
}

/* The parts between slashes; 0 if there are too many or one is empty. */
static size_t path_split(struct span path, struct span part[PARTS_MAX])
{
	size_t n = 0;

	while (path.n > 0 && n < PARTS_MAX) {
		const char *slash;

		path.p++;
		path.n--;
		slash = path.n == 0 ? NULL : memchr(path.p, '/', path.n);
		part[n] =
			(struct span){ path.p, slash == NULL ? path.n : (size_t)(slash - path.p) };
		if (part[n].n == 0)
			return 0;
		path.p += part[n].n;
		path.n -= part[n++].n;
	}
	return path.n == 0 ? n : 0;
}

/* The parts of a ref need no escapes, so there is one way only to write each. */
static bool entity_read_parts(const struct span part[3], struct buf *ref)
{
	struct buf text;
	enum err e;

	buf_init(&text, REF_MAX);
	e = buf_addf(&text, "%.*s:%.*s/%.*s", SPAN_ARGS(part[0]), SPAN_ARGS(part[1]),
		SPAN_ARGS(part[2]));
	if (e == ERR_OK)
		e = entity_ref_parse(buf_span(&text), NULL, ref);
	buf_release(&text);
	return e == ERR_OK && entity_ref_is_canonical(buf_span(ref));
}

static bool id_read(struct span text, int64_t *id)
{
	char copy[32];

	if (text.n >= sizeof(copy))
		return false;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	return conf_integer_read(copy, id) == ERR_OK && *id > 0;
}

static bool act_read(struct span text, enum access_action *a)
{
	if (span_is(text, "restart"))
		*a = ACCESS_RESTART;
	else if (span_is(text, "cancel"))
		*a = ACCESS_CANCEL;
	else
		return false;
	return true;
}

/* "v1" "entities" kind namespace name "builds" [id [act]] */
static enum wish_what builds_read(const struct span *part, size_t n, struct api_wish *w)
{
	if (n < 6 || !span_is(part[5], "builds") || !entity_read_parts(part + 2, &w->entity))
		return WISH_NOTHING;
	if (n == 6)
		return WISH_BUILDS;
	if (!id_read(part[6], &w->build))
		return WISH_NOTHING;
	if (n == 7)
		return WISH_BUILD;
	return act_read(part[7], &w->action) ? WISH_ACT : WISH_NOTHING;
}

void api_wish_read(struct span path, struct api_wish *w)
{
	struct span part[PARTS_MAX];
	size_t n = path_split(path, part);
	uint8_t id[UUID_BYTES];

	*w = (struct api_wish){ .what = WISH_NOTHING };
	buf_init(&w->entity, REF_MAX);
	if (n >= 2 && span_is(part[1], "entities")) {
		w->what = builds_read(part, n, w);
	} else if (n == 3 && uuid_parse(part[2], id) == ERR_OK) {
		w->what = WISH_TRIGGER;
		w->trigger = part[2];
	}
}

void api_wish_release(struct api_wish *w)
{
	buf_release(&w->entity);
}

bool api_wish_posts(const struct api_wish *w)
{
	return w->what == WISH_BUILDS || w->what == WISH_ACT;
}

bool api_wish_gets(const struct api_wish *w)
{
	return w->what != WISH_ACT && w->what != WISH_NOTHING;
}
