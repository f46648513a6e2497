/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELAY_BOARD_H
#define RELAY_BOARD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/json_read.h"
#include "model/build.h"
#include "model/entity.h"
#include "store/store.h"

/*
 * What is shown of builds: how a build of the model stands in the store as a
 * struct store_build, and how those who show it read it back. Its state and
 * transition are the numbers of enum build_state and enum transition, its fact
 * is build_write()'s.
 */
struct board_news {
	const struct build *build;
	const struct build_record *record; /* as judged with it */
	enum transition transition;
	struct span slug;
	const struct entity *entity; /* that claim its repository now */
	size_t entities;
};

/* Fill *out, which borrows from news and from the two buffers; both are empty before. */
MUST_CHECK enum err board_compose(const struct board_news *news, struct buf *fact,
	struct buf *entities, struct store_build *out);

/*
 * Read a build back as it is known now: b, which was given to build_init(), is its
 * fact with the state, attempt's times and host of the row. ERR_PARSE if that does
 * not read; release b in either case. The host is borrowed from row.
 */
MUST_CHECK enum err board_read(const struct store_build *row, struct build *b);

/*
 * Append the entities of a build as JSON: each with its ref, uid, type, system and
 * owners of the moment. Nothing for none.
 */
MUST_CHECK enum err board_entities_write(const struct entity *e, size_t n, struct buf *out);

/* Walk them: from board_entities() on, until false. What does not read is passed over. */
struct json_iter board_entities(const struct store_build *b);
bool board_entities_next(struct json_iter *it, struct entity *e);

enum build_state board_state(const struct store_build *b);
enum transition board_transition(const struct store_build *b);

#endif
