/* SPDX-License-Identifier: Apache-2.0 */
#include "model/operator_event.h"

#include "base/json_write.h"

static void put_data(struct json_writer *w, const struct operator_event *e)
{
	json_key(w, "data");
	json_object_begin(w);
	json_member_span(w, "message", e->message);
	json_member_opt(w, "sink", e->sink);
	json_member_opt(w, "event", e->event);
	if (e->status != 0)
		json_member_int(w, "status", e->status);
	json_member_opt(w, "answer", e->answer);
	if (e->hold_ms != 0)
		json_member_int(w, "holdMs", e->hold_ms);
	if (e->failing_since.ms > 0)
		json_member_wall(w, "failingSince", e->failing_since);
	json_member_opt(w, "reason", e->reason);
	json_member_opt(w, "actor", e->actor);
	json_member_opt(w, "checkpoint", e->checkpoint);
	json_object_end(w);
}

enum err operator_event_write(const struct operator_event *e, struct buf *out)
{
	char id[UUID_TEXT_MAX];
	struct json_writer w;

	json_writer_init(&w, out);
	json_object_begin(&w);
	json_member_str(&w, "specversion", "1.0");
	json_member_str(&w, "id", uuid_format(e->id, id));
	json_member_str(&w, "source", "/stagewire");
	json_member_str(&w, "type", e->type);
	json_member_span(&w, "subject", e->subject);
	json_member_wall(&w, "time", e->time);
	json_member_str(&w, "datacontenttype", "application/json");
	put_data(&w, e);
	json_object_end(&w);
	return json_done(&w);
}
