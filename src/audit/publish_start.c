/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/publish_impl.h"
#include "base/codec.h"
#include "io/crypto.h"

/* How a publisher comes to run: it takes a log up, or begins one. */

#define AGAIN_MS   1000
#define RECORD_MAX ((size_t)16 * 1024)

static bool is_known(const struct publisher *p)
{
	return strcmp(p->ledger.origin, p->origin) == 0;
}

static void go(struct publisher *p, enum publisher_state state)
{
	p->state = state;
	publisher_step(p);
}

/* Whatever the store answered, something else may be tried now; false: nothing was answered. */
static bool answered(struct publisher *p, enum err e)
{
	p->busy = false;
	if (e == ERR_OK)
		return true;
	publisher_step_later(p, AGAIN_MS);
	return false;
}

/* --- what the store remembers --- */

static void on_loaded(void *ctx, enum err e, int64_t version, struct span value)
{
	struct publisher *p = ctx;

	if (!answered(p, e == ERR_NOTFOUND ? ERR_OK : e))
		return;
	p->ledger_version = version;
	if (e == ERR_OK && ledger_read(value, &p->ledger) != ERR_OK) {
		p->ledger.origin[0] = '\0';
		publisher_doubt(p, "what the store remembers of the log cannot be read");
		return;
	}
	go(p, PUBLISHER_OPENING);
}

void publisher_load(struct publisher *p)
{
	p->busy = true;
	if (store_get(p->store, LEDGER_NS, SPAN(LEDGER_KEY), on_loaded, p) != ERR_OK)
		IGNORE(answered(p, ERR_BUSY));
}

/* --- the folder --- */

void publisher_open(struct publisher *p)
{
	struct publish_job *j = publish_job_new(PUBLISH_OPEN);

	j->memory.is_known = is_known(p);
	j->memory.witness = p->witness;
	if (j->memory.is_known)
		j->memory.remembered = buf_span(&p->ledger.checkpoint);
	publisher_submit(p, j);
}

void publisher_opened(struct publisher *p)
{
	p->beat_size = p->size;
	if (is_known(p) && p->ledger.open != 0)
		go(p, PUBLISHER_COMPARING);
	else
		go(p, PUBLISHER_BEGINNING);
}

/* --- a new log --- */

static void on_open_kept(void *ctx, enum claim_result r)
{
	struct publisher *p = ctx;

	if (answered(p, r == CLAIM_OK ? ERR_OK : ERR_BUSY))
		go(p, PUBLISHER_COMPARING);
	else
		p->ledger.open = 0; /* not durable: look for it again */
}

static void on_opening_page(void *ctx, enum err e, const struct store_entry *entries, size_t n,
	int64_t first, int64_t last)
{
	struct publisher *p = ctx;

	(void)first;
	(void)last;
	if (!answered(p, e))
		return;
	for (size_t i = 0; i < n; i++) {
		if (memmem(entries[i].entry.p, entries[i].entry.n, p->ledger.opening,
			    strlen(p->ledger.opening)) == NULL)
			continue;
		p->ledger.open = entries[i].seq;
		publisher_keep_ledger(p, on_open_kept);
		return;
	}
	if (n == 0) {
		publisher_doubt(p, "the store has lost the entry that opens the log");
		return;
	}
	p->ledger.after = entries[n - 1].seq;
	publisher_step(p);
}

static void find_opening(struct publisher *p)
{
	if (store_audit_read(p->store, p->ledger.after, PUBLISH_PAGE, on_opening_page, p) != ERR_OK)
		IGNORE(answered(p, ERR_BUSY));
}

static void on_begun(void *ctx, const struct append_answer *a)
{
	struct publisher *p = ctx;

	switch (a->result) {
	case APPEND_STORED:
		ledger_release(&p->ledger);
		p->ledger = p->next;
		ledger_init(&p->next);
		p->ledger_version++;
		break;
	case APPEND_CONFLICT: p->state = PUBLISHER_LOADING; break;
	case APPEND_DUPLICATE:
	case APPEND_RETRY: IGNORE(answered(p, ERR_BUSY)); return;
	}
	if (answered(p, ERR_OK))
		publisher_step(p);
}

/* What the opening entry says: who signs, and which log was here before. */
static enum err opening_detail(const struct publisher *p, struct buf *detail)
{
	struct span note = buf_span(&p->ledger.checkpoint), origin, size, root;
	CLEANUP(buf_release) struct buf vkey;
	enum err e;

	buf_init(&vkey, NOTE_MAX);
	e = note_key_write(&p->writer->key, &vkey);
	if (e == ERR_OK)
		e = buf_addf(detail, "key=%s opening=%s", vkey.data, p->next.opening);
	if (e != ERR_OK || p->ledger.origin[0] == '\0')
		return e;
	if (note_line(&note, &origin) && note_line(&note, &size) && note_line(&note, &root))
		return buf_addf(detail,
			" previous_origin=%.*s previous_size=%.*s previous_root=%.*s",
			SPAN_ARGS(origin), SPAN_ARGS(size), SPAN_ARGS(root));
	return buf_addf(detail, " previous_origin=%s previous_size=0", p->ledger.origin);
}

static void next_fill(struct publisher *p, int64_t first, int64_t last)
{
	struct ledger *next = &p->next;
	uint8_t opening[(LEDGER_OPENING - 1) / 2];

	random_bytes(opening, sizeof(opening));
	hex_encode(opening, sizeof(opening), next->opening);
	snprintf(next->origin, sizeof(next->origin), "%s", p->origin);
	next->after = last;
	next->from = first == 0 ? last + 1 : first;
	/* In doubt all goes into the new log, so that nothing is in none. */
	if (p->ledger.origin[0] == '\0' || p->ledger.doubtful != 0)
		return;
	/* Where the former log ended; but the store may have forgotten. */
	if (ledger_unpublished(&p->ledger) > next->from)
		next->from = ledger_unpublished(&p->ledger);
	if (next->from > last + 1)
		next->from = last + 1;
}

static void on_ends(void *ctx, enum err e, const struct store_entry *entries, size_t n,
	int64_t first, int64_t last)
{
	struct publisher *p = ctx;
	CLEANUP(buf_release) struct buf detail, record, state;
	struct store_put put = { .ns = LEDGER_NS, .key = SPAN(LEDGER_KEY) };
	struct store_append a = { .puts = &put, .puts_n = 1, .audit_n = 1 };
	struct span entry;

	buf_init(&detail, RECORD_MAX);
	buf_init(&record, RECORD_MAX);
	buf_init(&state, LEDGER_MAX);
	(void)entries;
	(void)n;
	if (!answered(p, e))
		return;
	next_fill(p, first, last);
	if (opening_detail(p, &detail) != ERR_OK ||
		publisher_entry("audit.open", detail.data, &record) != ERR_OK ||
		ledger_write(&p->next, &state) != ERR_OK) {
		publisher_doubt(p, "the opening entry is too long");
		return;
	}
	put.expect = p->ledger_version;
	put.value = buf_span(&state);
	entry = buf_span(&record);
	a.audit = &entry;
	p->busy = true;
	if (store_append(p->store, &a, on_begun, p) != ERR_OK)
		IGNORE(answered(p, ERR_BUSY));
}

void publisher_begin(struct publisher *p)
{
	p->busy = true;
	if (is_known(p))
		find_opening(p);
	else if (store_audit_read(p->store, 0, 0, on_ends, p) != ERR_OK)
		IGNORE(answered(p, ERR_BUSY));
}

/* --- the store against what was published --- */

/* The newest seq that the log has. */
static int64_t published_seq(const struct publisher *p)
{
	int64_t seq = ledger_seq(&p->ledger, p->size - 1);

	return seq > p->ledger.open ? seq : p->ledger.open;
}

static void compare_submit(
	struct publisher *p, uint64_t index, const struct store_entry *entries, size_t n)
{
	struct publish_job *j = publish_job_new(PUBLISH_COMPARE);

	publish_job_fill(j, index, entries, n);
	publisher_submit(p, j);
}

/* Entries of one page that the log has, but for the opening one, which has its own turn. */
static size_t compare_gather(struct publisher *p, const struct store_entry *entries, size_t n,
	struct store_entry out[PUBLISH_PAGE])
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		const struct store_entry *row = &entries[i];

		if (row->seq > published_seq(p))
			break;
		if (row->seq != p->compared + 1) {
			publisher_doubt(p, "the store has lost entry %" PRId64, p->compared + 1);
			return 0;
		}
		p->compared = row->seq;
		if (row->seq != p->ledger.open && ledger_index(&p->ledger, row->seq) < p->size)
			out[kept++] = *row;
	}
	return kept;
}

static void on_compare_page(void *ctx, enum err e, const struct store_entry *entries, size_t n,
	int64_t first, int64_t last)
{
	struct store_entry page[PUBLISH_PAGE];
	struct publisher *p = ctx;
	size_t kept;

	if (!answered(p, e))
		return;
	if (last < published_seq(p)) {
		publisher_doubt(p,
			"the store ends with entry %" PRId64 ", but %" PRId64 " was published",
			last, published_seq(p));
		return;
	}
	/* The oldest may be forgotten once they are published. */
	if (p->compared < first - 1) {
		p->compared = first - 1;
		publisher_step(p);
		return;
	}
	kept = compare_gather(p, entries, n, page);
	if (p->state == PUBLISHER_DOUBTFUL)
		return;
	if (kept > 0)
		compare_submit(p, ledger_index(&p->ledger, page[0].seq), page, kept);
	else
		publisher_step(p);
}

static void on_compare_open(void *ctx, enum err e, const struct store_entry *entries, size_t n,
	int64_t first, int64_t last)
{
	struct publisher *p = ctx;

	(void)last;
	if (!answered(p, e))
		return;
	p->open_compared = true;
	if (n == 1 && entries[0].seq == p->ledger.open)
		compare_submit(p, 0, entries, 1);
	else if (first > p->ledger.open)
		publisher_step(p);
	else
		publisher_doubt(p, "the store has lost the entry that opens the log");
}

void publisher_compare(struct publisher *p)
{
	enum err e;

	if (p->size == 0 || p->compared >= published_seq(p)) {
		p->beat = loop_now(p->loop);
		p->more = true;
		p->ledger.doubtful = 0;
		go(p, PUBLISHER_RUNNING);
		return;
	}
	p->busy = true;
	if (!p->open_compared) {
		p->compared = p->ledger.from - 1;
		e = store_audit_read(p->store, p->ledger.open - 1, 1, on_compare_open, p);
	} else {
		e = store_audit_read(p->store, p->compared, PUBLISH_PAGE, on_compare_page, p);
	}
	if (e != ERR_OK)
		IGNORE(answered(p, ERR_BUSY));
}
