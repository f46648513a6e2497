/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/board.h"

#include "base/json_gate.h"
#include "base/json_write.h"

enum err board_compose(const struct board_news *news, struct buf *fact, struct buf *entities,
	struct store_build *out)
{
	const struct build *b = news->build;
	enum err e = build_write(b, fact);

	if (e == ERR_OK)
		e = board_entities_write(news->entity, news->entities, entities);
	if (e != ERR_OK)
		return e;
	*out = (struct store_build){
		.host = b->host,
		.id = b->id,
		.repository = news->slug,
		.number = b->number,
		.branch = b->branch,
		.state = b->state,
		.transition = news->transition,
		.attempt = news->record->attempt,
		.started = news->record->started_at,
		.finished = news->record->finished_at,
		.fact = buf_span(fact),
		.entities = buf_span(entities),
	};
	return ERR_OK;
}

enum err board_read(const struct store_build *row, struct build *b)
{
	enum err e = build_read(row->fact, b);

	if (e != ERR_OK)
		return e;
	b->host = row->host;
	b->state = board_state(row);
	b->started_at = row->started;
	b->finished_at = row->finished;
	return ERR_OK;
}

/* Of what the catalog knows of an entity, that which tells whose build it was. */
static enum err write_entity(const struct entity *e, struct buf *out)
{
	struct entity part = {
		.ref = e->ref,
		.uid = e->uid,
		.type = e->type,
		.system = e->system,
		.owners = e->owners,
	};

	memcpy(part.owner, e->owner, sizeof(part.owner));
	return entity_write(&part, out);
}

enum err board_entities_write(const struct entity *e, size_t n, struct buf *out)
{
	enum err err = ERR_OK;

	for (size_t i = 0; i < n && err == ERR_OK; i++) {
		err = buf_add_str(out, i == 0 ? "[" : ",");
		if (err == ERR_OK)
			err = write_entity(&e[i], out);
	}
	return n > 0 && err == ERR_OK ? buf_add_str(out, "]") : err;
}

struct json_iter board_entities(const struct store_build *b)
{
	if (json_gate(b->entities, NULL, NULL) != ERR_OK ||
		json_root(b->entities).type != JSON_ARRAY)
		return (struct json_iter){ 0 };
	return json_iter(json_root(b->entities));
}

bool board_entities_next(struct json_iter *it, struct entity *e)
{
	struct json_value v;

	while (it->p != NULL && json_next_element(it, &v)) {
		if (entity_read(v.text, e) == ERR_OK)
			return true;
	}
	return false;
}

/* A number of a later version reads as the first. */
enum build_state board_state(const struct store_build *b)
{
	return b->state < BUILD_STATES ? (enum build_state)b->state : BUILD_QUEUED;
}

enum transition board_transition(const struct store_build *b)
{
	return b->transition < TRANSITIONS ? (enum transition)b->transition : TRANSITION_NONE;
}
