/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "audit/bundle_index.h"
#include "audit/receipt.h"
#include "audit/tar.h"
#include "io/crypto.h"

#define TEXT_MAX   ((size_t)1024 * 1024)
#define CHUNK      4096
#define ENTRIES_AT "entries/"

/* A bundle that is being read, member by member. */
struct reading {
	struct verifier *v;
	FILE *from;
	struct bundle_facts *facts;
	struct bundle_wish wish;
	char owner[SELECTION_MAX];
	char name[TAR_NAME_MAX]; /* of the member that was come to */
	uint64_t size;
	struct buf note, selection, entry, text;
	struct audit_entry parsed;
	struct map events;
	struct sha256 *index; /* of the table as it should be */
	uint64_t index_size;
};

/* Come to the next member; false, and the failure is told, if the archive is damaged. */
static bool next(struct reading *r, bool *end)
{
	enum err e = tar_next(r->from, r->name, &r->size);

	*end = e == ERR_NOTFOUND;
	if (e != ERR_OK && e != ERR_NOTFOUND)
		verifier_fail(r->v, "the archive is damaged behind %s",
			r->name[0] == '\0' ? "its start" : r->name);
	return e == ERR_OK || e == ERR_NOTFOUND;
}

static bool get(struct reading *r, struct buf *out)
{
	buf_clear(out);
	if (tar_get(r->from, r->size, out) == ERR_OK)
		return true;
	verifier_fail(r->v, "%s: is damaged", r->name);
	return false;
}

/* The next member must have this name. */
static bool get_named(struct reading *r, const char *name, struct buf *out)
{
	bool end;

	if (!next(r, &end))
		return false;
	if (!end && strcmp(r->name, name) == 0)
		return get(r, out);
	verifier_fail(r->v, "%s: is missing", name);
	return false;
}

static bool read_texts(struct reading *r)
{
	struct note_key beside;
	CLEANUP(buf_release) struct buf again;

	buf_init(&again, SELECTION_MAX);
	if (!get_named(r, "vkey", &r->text))
		return false;
	if (r->text.len == 0 || r->text.data[r->text.len - 1] != '\n' ||
		note_key_parse((struct span){ r->text.data, r->text.len - 1 }, &beside) != ERR_OK ||
		memcmp(&beside, r->v->key, sizeof(beside)) != 0)
		verifier_fail(r->v, "vkey: is another key than the one to check with");
	if (!get_named(r, "checkpoint", &r->note))
		return false;
	if (checkpoint_open(buf_span(&r->note), r->v->key, &r->facts->checkpoint) != ERR_OK) {
		verifier_fail(r->v, "checkpoint: is not signed by this key");
		return false;
	}
	r->facts->checkpoint.origin = span_of(r->v->key->name);
	if (!get_named(r, "selection", &r->selection))
		return false;
	if (selection_parse(buf_span(&r->selection), &r->wish, r->owner) != ERR_OK ||
		selection_write(&r->wish, &again) != ERR_OK ||
		!span_eq(buf_span(&again), buf_span(&r->selection))) {
		verifier_fail(r->v, "selection: cannot be read");
		return false;
	}
	return true;
}

/* --- entries --- */

static bool entry_index(const char *name, uint64_t *index)
{
	char again[TAR_NAME_MAX];

	if (strncmp(name, ENTRIES_AT, strlen(ENTRIES_AT)) != 0)
		return false;
	*index = strtoull(name + strlen(ENTRIES_AT), NULL, 10);
	snprintf(again, sizeof(again), ENTRIES_AT "%" PRIu64 ".json", *index);
	return strcmp(name, again) == 0;
}

/* The bundle's checkpoint was opened already, so its copy need only be the same. */
static void check_receipt(struct reading *r, uint64_t index)
{
	const struct checkpoint *c = &r->facts->checkpoint;
	struct tlog_hash leaf;
	struct receipt receipt;

	tlog_leaf(buf_span(&r->entry), &leaf);
	if (receipt_parse(buf_span(&r->text), &receipt) != ERR_OK || receipt.index != index ||
		!span_eq(receipt.note, buf_span(&r->note)) ||
		tlog_check(&receipt.proof, index, &leaf, c->size, &c->root) != ERR_OK)
		verifier_fail(r->v, "entry %" PRIu64 ": its receipt does not hold", index);
}

static bool read_entry(struct reading *r, uint64_t index)
{
	char receipt[TAR_NAME_MAX];

	snprintf(receipt, sizeof(receipt), ENTRIES_AT "%" PRIu64 ".tlog-proof", index);
	if (!get(r, &r->entry) || !get_named(r, receipt, &r->text))
		return false;
	check_receipt(r, index);
	if (r->facts->entries > 0 && index <= r->facts->last)
		verifier_fail(r->v, "entry %" PRIu64 ": is not in order", index);
	if (r->facts->entries++ == 0)
		r->facts->first = index;
	r->facts->last = index;
	if (audit_entry_read(buf_span(&r->entry), &r->parsed) != ERR_OK ||
		!selection_has(&r->wish, &r->parsed, &r->events))
		verifier_fail(r->v, "entry %" PRIu64 ": was not asked for", index);
	buf_clear(&r->text);
	if (index_row(index, &r->parsed, &r->text) != ERR_OK)
		return false;
	sha256_add(r->index, buf_span(&r->text));
	r->index_size += r->text.len;
	return true;
}

/* --- the table --- */

static bool read_index(struct reading *r)
{
	uint8_t want[SHA256_BYTES], have[SHA256_BYTES];
	struct sha256 *sum = sha256_begin();
	uint64_t left = r->size;
	char chunk[CHUNK];

	while (left > 0) {
		size_t n = left < sizeof(chunk) ? (size_t)left : sizeof(chunk);

		if (fread(chunk, 1, n, r->from) != n)
			break;
		sha256_add(sum, (struct span){ chunk, n });
		left -= n;
	}
	sha256_end(sum, have);
	sha256_end(TAKE(r->index), want);
	if (left > 0 || tar_skip_pad(r->from, r->size) != ERR_OK) {
		verifier_fail(r->v, "index.txt: is damaged");
		return false;
	}
	if (r->size != r->index_size || memcmp(want, have, sizeof(want)) != 0)
		verifier_fail(r->v, "index.txt: does not say what the entries say");
	return true;
}

static bool begin_index(struct reading *r)
{
	buf_clear(&r->text);
	r->index = sha256_begin();
	if (index_head(&r->facts->checkpoint, buf_span(&r->selection), &r->text) != ERR_OK)
		return false;
	sha256_add(r->index, buf_span(&r->text));
	r->index_size = r->text.len;
	return true;
}

static void read_members(struct reading *r)
{
	bool end;

	while (next(r, &end) && !end) {
		uint64_t index;

		if (r->index != NULL && entry_index(r->name, &index)) {
			if (!read_entry(r, index))
				return;
		} else if (r->index != NULL && strcmp(r->name, "index.txt") == 0) {
			if (!read_index(r))
				return;
		} else {
			verifier_fail(r->v, "%s: does not belong here", r->name);
			return;
		}
	}
	if (r->index != NULL)
		verifier_fail(r->v, "index.txt: is missing");
}

bool bundle_verify(struct verifier *v, FILE *from, struct bundle_facts *facts)
{
	struct reading *r = xcalloc(1, sizeof(*r));
	uint8_t unused[SHA256_BYTES];

	*facts = (struct bundle_facts){ 0 };
	*r = (struct reading){ .v = v, .from = from, .facts = facts };
	buf_init(&r->note, NOTE_MAX);
	buf_init(&r->selection, SELECTION_MAX);
	buf_init(&r->entry, TLOG_ENTRY_MAX);
	buf_init(&r->text, TEXT_MAX);
	audit_entry_init(&r->parsed);
	map_init(&r->events);
	if (read_texts(r) && begin_index(r))
		read_members(r);
	if (r->index != NULL)
		sha256_end(TAKE(r->index), unused);
	audit_entry_release(&r->parsed);
	map_release(&r->events);
	buf_release(&r->note);
	buf_release(&r->selection);
	buf_release(&r->entry);
	buf_release(&r->text);
	free(r);
	return v->failures == 0;
}

enum err bundle_key(FILE *from, struct note_key *k)
{
	CLEANUP(buf_release) struct buf text;
	char name[TAR_NAME_MAX];
	uint64_t size;
	enum err e;

	buf_init(&text, SELECTION_MAX);
	e = tar_next(from, name, &size);
	if (e == ERR_OK && strcmp(name, "vkey") == 0)
		e = tar_get(from, size, &text);
	rewind(from);
	if (e != ERR_OK || text.len < 1)
		return ERR_PARSE;
	return note_key_parse((struct span){ text.data, text.len - 1 }, k);
}
