/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdint.h>

#include "base/codec.h"
#include "io/crypto.h"
#include "io/pseudonym.h"
#include "model/cloudevent.h"
#include "sink/syslog_format.h"
#include "travis/payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Its event reads back, and a log takes it, in either format and cut. */
static void check_event(const struct build *b)
{
	const struct cloudevent ce = { .build = b, .attempt = 1, .source_name = "travis" };
	CLEANUP(cloudevent_facts_release) struct cloudevent_facts f;
	CLEANUP(buf_release) struct buf event, message;
	struct syslog_format s = { .facility = 3, .max = SYSLOG_MESSAGE_MIN, .host = "h" };

	buf_init(&event, 1 << 20);
	buf_init(&message, 1 << 20);
	assert(cloudevent_write(&ce, &event) == ERR_OK);
	assert(cloudevent_read(buf_span(&event), &f) == ERR_OK);
	for (int i = 0; i < 2; i++) {
		s.is_text = i == 1;
		buf_clear(&message);
		assert(syslog_write(&s, buf_span(&event), &message) == ERR_OK);
		assert(message.len <= s.max && utf8_is_valid(buf_span(&message)));
		for (size_t j = 0; j < message.len; j++)
			assert((unsigned char)message.data[j] >= ' ');
	}
}

static const struct pseudonym_key *key(void)
{
	static const uint8_t seed[PSEUDONYM_SEED_BYTES] = { 1 };
	static struct pseudonym_key *k;

	if (k == NULL && crypto_init() == ERR_OK)
		k = pseudonym_key_new(seed);
	return k;
}

/* A payload that reads has what an event needs, and reads back from its own record. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	CLEANUP(build_release) struct build b;
	CLEANUP(build_release) struct build again;
	CLEANUP(buf_release) struct buf json;
	struct travis_author_rules author = { .host = SPAN("github.com") };
	const char *why = NULL;

	author.names = key();
	build_init(&b);
	build_init(&again);
	buf_init(&json, 1 << 20);
	if (travis_payload_read((struct span){ (const char *)data, len }, &author, &b, &why) !=
		ERR_OK) {
		assert(why != NULL);
		return 0;
	}
	assert(b.id > 0 && b.repository_id > 0 && b.owner.n > 0 && b.name.n > 0);
	IGNORE(travis_payload_is_from(&b, "app.travis-ci.com"));
	b.host = SPAN("app.travis-ci.com");
	assert(build_write(&b, &json) == ERR_OK);
	assert(build_read(buf_span(&json), &again) == ERR_OK);
	assert(span_eq(b.branch, again.branch) && b.state == again.state);
	assert(b.author_mail.n == 0 || b.author_mail.n == PSEUDONYM_MAX - 1);
	assert(b.author_login.n == 0 || b.author_mail.n > 0);
	check_event(&b);
	return 0;
}
