/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/tlog.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "io/crypto.h"

static struct span hash_span(const struct tlog_hash *h)
{
	return (struct span){ (const char *)h->b, sizeof(h->b) };
}

void tlog_leaf(struct span entry, struct tlog_hash *out)
{
	const struct span part[] = { { "\0", 1 }, entry };

	sha256_joined(part, ARRAY_SIZE(part), out->b);
}

void tlog_node(const struct tlog_hash *l, const struct tlog_hash *r, struct tlog_hash *out)
{
	const struct span part[] = { { "\1", 1 }, hash_span(l), hash_span(r) };

	sha256_joined(part, ARRAY_SIZE(part), out->b);
}

bool tlog_hash_eq(const struct tlog_hash *a, const struct tlog_hash *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

void tlog_fold(const struct tlog_hash *hash, size_t n, struct tlog_hash *out)
{
	struct tlog_hash level[TLOG_TILE];

	assert(n > 0 && n <= TLOG_TILE && (n & (n - 1)) == 0);
	memcpy(level, hash, n * sizeof(*hash));
	for (; n > 1; n /= 2) {
		for (size_t i = 0; i < n / 2; i++)
			tlog_node(&level[2 * i], &level[2 * i + 1], &level[i]);
	}
	*out = level[0];
}

/* --- tiles --- */

unsigned tlog_tile_width(uint64_t size, unsigned level, uint64_t n)
{
	uint64_t hashes = level >= TLOG_LEVELS ? 0 : size >> (8 * level);
	uint64_t before;

	if (__builtin_mul_overflow(n, (uint64_t)TLOG_TILE, &before) || hashes <= before)
		return 0;
	return hashes - before < TLOG_TILE ? (unsigned)(hashes - before) : TLOG_TILE;
}

char *tlog_tile_path(int kind, uint64_t n, unsigned width, char path[TLOG_PATH_MAX])
{
	uint64_t group[7]; /* of three digits; the last first */
	size_t groups = 0, at;

	do {
		group[groups++] = n % 1000;
		n /= 1000;
	} while (n > 0);
	if (kind == TLOG_ENTRIES)
		at = (size_t)snprintf(path, TLOG_PATH_MAX, "tile/entries/");
	else
		at = (size_t)snprintf(path, TLOG_PATH_MAX, "tile/%d/", kind);
	while (groups > 1)
		at += (size_t)snprintf(
			path + at, TLOG_PATH_MAX - at, "x%03" PRIu64 "/", group[--groups]);
	at += (size_t)snprintf(path + at, TLOG_PATH_MAX - at, "%03" PRIu64, group[0]);
	if (width < TLOG_TILE)
		snprintf(path + at, TLOG_PATH_MAX - at, ".p/%u", width);
	return path;
}

/* The hash of subtree i among those of 2^height leaves. */
static enum err tree_hash(
	const struct tlog_tree *t, unsigned height, uint64_t i, struct tlog_hash *out)
{
	unsigned level = height / 8;
	size_t n = (size_t)1 << height % 8;
	uint64_t first = i * n;
	struct tlog_hash tile[TLOG_TILE];
	unsigned width = tlog_tile_width(t->size, level, first / TLOG_TILE);
	enum err e;

	if (first % TLOG_TILE + n > width)
		return ERR_NOTFOUND;
	e = t->read(t->ctx, level, first / TLOG_TILE, width, tile);
	if (e == ERR_OK)
		tlog_fold(&tile[first % TLOG_TILE], n, out);
	return e;
}

/* --- trees: the names are those of RFC 6962, section 2.1 --- */

/* The largest power of two below n, which is at least 2, as its exponent. */
static unsigned split_height(uint64_t n)
{
	return 63 - (unsigned)__builtin_clzll(n - 1);
}

/* MTH of the leaves from lo to hi; lo is a multiple of the power of two at or above hi - lo. */
static enum err range_hash(
	const struct tlog_tree *t, uint64_t lo, uint64_t hi, struct tlog_hash *out)
{
	struct tlog_hash l, r;
	uint64_t n = hi - lo;
	unsigned height;
	enum err e;

	if ((n & (n - 1)) == 0) {
		height = (unsigned)__builtin_ctzll(n);
		return tree_hash(t, height, lo >> height, out);
	}
	height = split_height(n);
	e = tree_hash(t, height, lo >> height, &l);
	if (e == ERR_OK)
		e = range_hash(t, lo + ((uint64_t)1 << height), hi, &r);
	if (e == ERR_OK)
		tlog_node(&l, &r, out);
	return e;
}

enum err tlog_root(const struct tlog_tree *t, uint64_t size, struct tlog_hash *out)
{
	if (size > t->size)
		return ERR_NOTFOUND;
	if (size > 0)
		return range_hash(t, 0, size, out);
	sha256((struct span){ "", 0 }, out->b);
	return ERR_OK;
}

/* PATH: the siblings on the way from the leaf to the root, written from the root down. */
enum err tlog_prove(const struct tlog_tree *t, uint64_t index, struct tlog_proof *out)
{
	struct tlog_hash down[TLOG_PROOF_MAX];
	uint64_t lo = 0, hi = t->size;
	size_t n = 0;

	if (index >= t->size)
		return ERR_NOTFOUND;
	while (hi - lo > 1) {
		uint64_t mid = lo + ((uint64_t)1 << split_height(hi - lo));
		enum err e;

		if (index < mid)
			e = range_hash(t, mid, hi, &down[n++]);
		else
			e = range_hash(t, lo, mid, &down[n++]);
		if (e != ERR_OK)
			return e;
		if (index < mid)
			hi = mid;
		else
			lo = mid;
	}
	for (size_t i = 0; i < n; i++)
		out->hash[i] = down[n - 1 - i];
	out->n = n;
	return ERR_OK;
}

/* PROOF, by SUBPROOF without its recursion: whole says that the left edge was never left. */
enum err tlog_prove_growth(const struct tlog_tree *t, uint64_t from, struct tlog_proof *out)
{
	struct tlog_hash down[TLOG_PROOF_MAX + 1];
	uint64_t lo = 0, hi = t->size;
	bool whole = true;
	size_t n = 0;
	enum err e = ERR_OK;

	if (from > t->size)
		return ERR_NOTFOUND;
	while (from > 0 && from < hi && e == ERR_OK) {
		uint64_t mid = lo + ((uint64_t)1 << split_height(hi - lo));

		if (from <= mid) {
			e = range_hash(t, mid, hi, &down[n++]);
			hi = mid;
		} else {
			e = range_hash(t, lo, mid, &down[n++]);
			lo = mid;
			whole = false;
		}
	}
	if (e == ERR_OK && !whole)
		e = range_hash(t, lo, hi, &down[n++]);
	if (e != ERR_OK)
		return e;
	for (size_t i = 0; i < n; i++)
		out->hash[i] = down[n - 1 - i];
	out->n = n;
	return ERR_OK;
}

/* --- checking: the algorithms of RFC 9162, sections 2.1.3.2 and 2.1.4.2 --- */

enum err tlog_check(const struct tlog_proof *p, uint64_t index, const struct tlog_hash *leaf,
	uint64_t size, const struct tlog_hash *root)
{
	struct tlog_hash r = *leaf;
	uint64_t fn = index, sn = size - 1;

	if (index >= size)
		return ERR_AUTH;
	for (size_t i = 0; i < p->n; i++) {
		if (sn == 0)
			return ERR_AUTH;
		if ((fn & 1) == 0 && fn != sn) {
			tlog_node(&r, &p->hash[i], &r);
		} else {
			tlog_node(&p->hash[i], &r, &r);
			for (; (fn & 1) == 0 && fn != 0; fn >>= 1)
				sn >>= 1;
		}
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0 && tlog_hash_eq(&r, root) ? ERR_OK : ERR_AUTH;
}

enum err tlog_check_growth(const struct tlog_proof *p, uint64_t from,
	const struct tlog_hash *from_root, uint64_t size, const struct tlog_hash *root)
{
	bool power = (from & (from - 1)) == 0;
	uint64_t fn = from - 1, sn = size - 1;
	struct tlog_hash fr, sr;
	size_t i = power ? 0 : 1;

	if (from > size)
		return ERR_AUTH;
	if (from == 0 || from == size)
		return p->n == 0 && (from == 0 || tlog_hash_eq(from_root, root)) ? ERR_OK
										 : ERR_AUTH;
	if (p->n < i)
		return ERR_AUTH;
	fr = sr = power ? *from_root : p->hash[0];
	for (; (fn & 1) == 1; fn >>= 1)
		sn >>= 1;
	for (; i < p->n; i++) {
		if (sn == 0)
			return ERR_AUTH;
		if ((fn & 1) == 1 || fn == sn) {
			tlog_node(&p->hash[i], &fr, &fr);
			tlog_node(&p->hash[i], &sr, &sr);
			for (; (fn & 1) == 0 && fn != 0; fn >>= 1)
				sn >>= 1;
		} else {
			tlog_node(&sr, &p->hash[i], &sr);
		}
		fn >>= 1;
		sn >>= 1;
	}
	if (sn != 0 || !tlog_hash_eq(&fr, from_root) || !tlog_hash_eq(&sr, root))
		return ERR_AUTH;
	return ERR_OK;
}
