/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "audit/note.h"
#include "audit/receipt.h"
#include "io/crypto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What is read as a key or a checkpoint is written as the same bytes. */
static void read_back(struct span text)
{
	CLEANUP(buf_release) struct buf out;
	struct checkpoint c;
	struct note_key k;

	buf_init(&out, NOTE_MAX);
	if (note_key_parse(text, &k) == ERR_OK) {
		assert(note_key_write(&k, &out) == ERR_OK);
		assert(span_eq(buf_span(&out), text));
	}
	buf_clear(&out);
	if (checkpoint_parse(text, &c) == ERR_OK) {
		assert(checkpoint_write(&c, &out) == ERR_OK);
		assert(span_eq(buf_span(&out), text));
	}
}

/* Nothing that is made up is signed by the key. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint8_t nobody[ED25519_PUBLIC_BYTES] = { 1 };
	struct span text = { (const char *)data, len }, body;
	struct checkpoint c;
	struct note_key k;
	uint64_t index;

	if (crypto_init() != ERR_OK)
		abort();
	read_back(text);
	note_key_init(&k, "relay.example/audit", nobody);
	assert(note_open(text, &k, &body) != ERR_OK);
	assert(receipt_check(text, &k, SPAN("entry"), &index, &c) != ERR_OK);
	return 0;
}
