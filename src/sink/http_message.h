/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_HTTP_MESSAGE_H
#define SINK_HTTP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/span.h"

/* httpc sends at most 64. */
#define HTTP_FIELDS_MAX 60

/* The header fields and the body of one request. */
struct http_message {
	const char *field[HTTP_FIELDS_MAX + 1]; /* "Name: value", ended by NULL */
	size_t fields;
	char *own[HTTP_FIELDS_MAX]; /* those that are freed with it */
	size_t owned;
	struct buf text; /* the body, where it is not a part of the event */
	struct span body;
};

void http_message_init(struct http_message *m);
void http_message_release(struct http_message *m);

/* Add a field: a copy of the text, or one that is borrowed. ERR_LIMIT if there are too many. */
MUST_CHECK enum err http_message_add(struct http_message *m, const char *name, struct span value);
MUST_CHECK enum err http_message_borrow(struct http_message *m, const char *field);

/*
 * Put an event in JSON's structured form into a message as CloudEvents' HTTP
 * binding 1.0.2 says: as it is, or with its attributes as ce- fields and its data
 * as the body, which also is CDEvents' binding. The body is borrowed from event
 * as long as m lasts. ERR_PARSE if it is no CloudEvent that can be sent so.
 */
MUST_CHECK enum err http_message_structured(struct http_message *m, struct span event);
MUST_CHECK enum err http_message_binary(struct http_message *m, struct span event);

/*
 * May the configuration add this field, "Name: value"? Not what the message
 * itself or the client writes, nor what frames it.
 */
bool http_field_is_free(const char *field);

#endif
