/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/receipt.h"

#include <inttypes.h>

#include "base/codec.h"

#define FIRST_LINE "c2sp.org/tlog-proof@v1"

enum err receipt_write(
	const struct tlog_tree *t, uint64_t index, struct span checkpoint_note, struct buf *out)
{
	struct tlog_proof proof;
	enum err e = tlog_prove(t, index, &proof);

	if (e == ERR_OK)
		e = buf_addf(out, FIRST_LINE "\nindex %" PRIu64 "\n", index);
	for (size_t i = 0; i < proof.n && e == ERR_OK; i++) {
		e = base64_encode(out, proof.hash[i].b, sizeof(proof.hash[i].b));
		if (e == ERR_OK)
			e = buf_add_str(out, "\n");
	}
	if (e == ERR_OK)
		e = buf_add_str(out, "\n");
	return e == ERR_OK ? buf_add_span(out, checkpoint_note) : e;
}

static enum err index_parse(struct span line, uint64_t *index)
{
	static const char word[] = "index ";
	uint64_t n = 0;
	size_t at = sizeof(word) - 1;

	if (!span_starts(line, word) || line.n == at || line.n > at + 18 ||
		(line.n > at + 1 && line.p[at] == '0'))
		return ERR_PARSE;
	for (; at < line.n; at++) {
		if (line.p[at] < '0' || line.p[at] > '9')
			return ERR_PARSE;
		n = n * 10 + (uint64_t)(line.p[at] - '0');
	}
	*index = n;
	return ERR_OK;
}

/* Read up to the empty line; what follows it is the note. */
static enum err proof_parse(struct span *text, struct tlog_proof *p)
{
	struct span line;
	size_t n;

	p->n = 0;
	while (note_line(text, &line)) {
		if (line.n == 0)
			return ERR_OK;
		if (p->n == TLOG_PROOF_MAX ||
			base64_decode(line, p->hash[p->n].b, TLOG_HASH_BYTES, &n) != ERR_OK ||
			n != TLOG_HASH_BYTES)
			return ERR_PARSE;
		p->n++;
	}
	return ERR_PARSE;
}

enum err receipt_parse(struct span text, struct receipt *r)
{
	struct span line;
	enum err e;

	if (!note_line(&text, &line) || !span_is(line, FIRST_LINE) || !note_line(&text, &line))
		return ERR_PARSE;
	e = index_parse(line, &r->index);
	if (e == ERR_OK)
		e = proof_parse(&text, &r->proof);
	r->note = text;
	return e;
}

enum err receipt_check(struct span text, const struct note_key *k, struct span entry,
	uint64_t *index, struct checkpoint *c)
{
	struct tlog_hash leaf;
	struct receipt r;
	enum err e = receipt_parse(text, &r);

	if (e == ERR_OK)
		e = checkpoint_open(r.note, k, c);
	if (e != ERR_OK)
		return e;
	*index = r.index;
	tlog_leaf(entry, &leaf);
	return tlog_check(&r.proof, r.index, &leaf, c->size, &c->root);
}
