/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/edge.h"
#include "audit/tlog.h"
#include "base/codec.h"
#include "base/file.h"
#include "io/crypto.h"
#include "io/json.h"

static void setup(void)
{
	cr_assert_eq(crypto_init(), ERR_OK);
}

TestSuite(tlog, .init = setup);

static struct tlog_hash hash_of(const char *hex)
{
	struct tlog_hash h;

	cr_assert_eq(hex_decode(span_of(hex), h.b, sizeof(h.b)), ERR_OK);
	return h;
}

static void assert_hash(const struct tlog_hash *have, const char *hex)
{
	const struct tlog_hash want = hash_of(hex);

	cr_assert(tlog_hash_eq(have, &want), "not %s", hex);
}

/* --- a tree in memory: all its leaves, tiles cut from them by the definition --- */

#define LEAVES_MAX 70000

struct forest {
	struct tlog_hash *leaf;
	uint64_t size;
};

/* RFC 6962, section 2.1, word by word: what everything else is compared with. */
static struct tlog_hash mth(const struct forest *f, uint64_t lo, uint64_t hi)
{
	struct tlog_hash l, r, out;
	uint64_t k = 1;

	if (hi - lo == 1)
		return f->leaf[lo];
	while (k * 2 < hi - lo)
		k *= 2;
	l = mth(f, lo, lo + k);
	r = mth(f, lo + k, hi);
	tlog_node(&l, &r, &out);
	return out;
}

static enum err forest_read(
	void *ctx, unsigned level, uint64_t n, unsigned width, struct tlog_hash *out)
{
	const struct forest *f = ctx;
	uint64_t span = (uint64_t)1 << (8 * level);

	cr_assert_eq(width, tlog_tile_width(f->size, level, n));
	for (unsigned i = 0; i < width; i++) {
		uint64_t at = (n * TLOG_TILE + i) * span;

		out[i] = mth(f, at, at + span);
	}
	return ERR_OK;
}

static struct tlog_tree tree_of(struct forest *f, uint64_t size)
{
	f->size = size;
	return (struct tlog_tree){ .size = size, .read = forest_read, .ctx = f };
}

static void forest_init(struct forest *f, uint64_t leaves)
{
	f->leaf = xcalloc(leaves, sizeof(*f->leaf));
	for (uint64_t i = 0; i < leaves; i++)
		tlog_leaf((struct span){ (const char *)&i, sizeof(i) }, &f->leaf[i]);
}

/* --- published values --- */

static const char *const rfc_leaf[] = { "", "00", "10", "2021", "3031", "40414243",
	"5051525354555657", "606162636465666768696a6b6c6d6e6f" };
static const char *const rfc_root[] = {
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
	"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
	"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
	"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
	"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
	"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
	"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
	"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

static struct span rfc_entry(size_t i, char bytes[16])
{
	size_t n = strlen(rfc_leaf[i]) / 2;

	cr_assert_eq(hex_decode(span_of(rfc_leaf[i]), bytes, n), ERR_OK);
	return (struct span){ bytes, n };
}

Test(tlog, roots_are_those_that_certificate_transparency_publishes)
{
	struct edge *e = edge_new();
	struct tlog_hash root;
	char bytes[16];

	for (size_t n = 0;; n++) {
		edge_root(e, &root);
		assert_hash(&root, rfc_root[n]);
		if (n == ARRAY_SIZE(rfc_leaf))
			break;
		cr_assert_eq(edge_add(e, rfc_entry(n, bytes)), ERR_OK);
	}
	edge_free(e);
}

Test(tlog, tiles_lie_where_the_specification_says)
{
	static const struct {
		int kind;
		uint64_t n;
		unsigned width;
		const char *path;
	} tile[] = {
		{ 0, 0, 256, "tile/0/000" },
		{ 0, 999, 256, "tile/0/999" },
		{ 1, 1000, 256, "tile/1/x001/000" },
		{ 2, 1234067, 256, "tile/2/x001/x234/067" },
		{ 0, 273, 112, "tile/0/273.p/112" },
		{ TLOG_ENTRIES, 1234067, 1, "tile/entries/x001/x234/067.p/1" },
		{ 7, UINT64_MAX, 255, "tile/7/x018/x446/x744/x073/x709/x551/615.p/255" },
	};
	char path[TLOG_PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(tile); i++)
		cr_expect_str_eq(
			tlog_tile_path(tile[i].kind, tile[i].n, tile[i].width, path), tile[i].path);
}

Test(tlog, seventy_thousand_entries_make_the_tiles_of_the_specifications_example)
{
	cr_expect_eq(tlog_tile_width(70000, 0, 272), 256);
	cr_expect_eq(tlog_tile_width(70000, 0, 273), 112);
	cr_expect_eq(tlog_tile_width(70000, 0, 274), 0);
	cr_expect_eq(tlog_tile_width(70000, 1, 0), 256);
	cr_expect_eq(tlog_tile_width(70000, 1, 1), 17);
	cr_expect_eq(tlog_tile_width(70000, 2, 0), 1);
	cr_expect_eq(tlog_tile_width(70000, 3, 0), 0);
	cr_expect_eq(tlog_tile_width(UINT64_MAX, 0, UINT64_MAX), 0);
	cr_expect_eq(tlog_tile_width(0, 0, 0), 0);
}

/* --- against the definition --- */

Test(tlog, every_root_and_every_proof_of_small_trees_holds)
{
	struct forest f;

	forest_init(&f, 66);
	for (uint64_t size = 1; size <= 66; size++) {
		struct tlog_tree t = tree_of(&f, size);
		struct tlog_hash want = mth(&f, 0, size), root;
		struct tlog_proof p;

		cr_assert_eq(tlog_root(&t, size, &root), ERR_OK);
		cr_assert(tlog_hash_eq(&root, &want));
		for (uint64_t i = 0; i < size; i++) {
			cr_assert_eq(tlog_prove(&t, i, &p), ERR_OK);
			cr_assert_eq(tlog_check(&p, i, &f.leaf[i], size, &root), ERR_OK);
		}
		for (uint64_t m = 1; m <= size; m++) {
			struct tlog_hash then = mth(&f, 0, m);

			cr_assert_eq(tlog_prove_growth(&t, m, &p), ERR_OK);
			cr_assert_eq(tlog_check_growth(&p, m, &then, size, &root), ERR_OK);
		}
	}
	free(f.leaf);
}

Test(tlog, proofs_reach_over_tiles_and_levels, .timeout = 60)
{
	static const uint64_t at[] = { 0, 1, 255, 256, 257, 511, 65535, 65536, 65791, 65792,
		69999 };
	struct forest f;
	struct tlog_tree t;
	struct tlog_hash root;
	struct tlog_proof p;

	forest_init(&f, LEAVES_MAX);
	t = tree_of(&f, LEAVES_MAX);
	root = mth(&f, 0, LEAVES_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		uint64_t m = at[i] + 1;
		struct tlog_hash then = mth(&f, 0, m), have;

		cr_assert_eq(tlog_prove(&t, at[i], &p), ERR_OK);
		cr_assert_eq(tlog_check(&p, at[i], &f.leaf[at[i]], LEAVES_MAX, &root), ERR_OK);
		cr_assert_eq(tlog_prove_growth(&t, m, &p), ERR_OK);
		cr_assert_eq(tlog_check_growth(&p, m, &then, LEAVES_MAX, &root), ERR_OK);
		cr_assert_eq(tlog_root(&t, m, &have), ERR_OK);
		cr_assert(tlog_hash_eq(&have, &then));
	}
	free(f.leaf);
}

Test(tlog, nothing_about_a_proof_can_be_another)
{
	struct forest f;
	struct tlog_tree t;
	struct tlog_hash root, then, wrong;
	struct tlog_proof p, bad;

	forest_init(&f, 13);
	t = tree_of(&f, 13);
	root = mth(&f, 0, 13);
	then = mth(&f, 0, 6);
	cr_assert_eq(tlog_prove(&t, 7, &p), ERR_OK);
	cr_expect_eq(tlog_check(&p, 6, &f.leaf[7], 13, &root), ERR_AUTH);
	cr_expect_eq(tlog_check(&p, 7, &f.leaf[6], 13, &root), ERR_AUTH);
	cr_expect_eq(tlog_check(&p, 7, &f.leaf[7], 13, &then), ERR_AUTH);
	cr_expect_eq(tlog_check(&p, 7, &f.leaf[7], 7, &root), ERR_AUTH);
	cr_expect_eq(tlog_check(&p, 7, &f.leaf[7], 0, &root), ERR_AUTH);
	for (size_t i = 0; i < p.n; i++) {
		bad = p;
		bad.hash[i].b[31] ^= 1;
		cr_expect_eq(tlog_check(&bad, 7, &f.leaf[7], 13, &root), ERR_AUTH);
	}
	bad = p;
	bad.n--;
	cr_expect_eq(tlog_check(&bad, 7, &f.leaf[7], 13, &root), ERR_AUTH);
	bad = p;
	bad.hash[bad.n++] = root;
	cr_expect_eq(tlog_check(&bad, 7, &f.leaf[7], 13, &root), ERR_AUTH);

	cr_assert_eq(tlog_prove_growth(&t, 6, &p), ERR_OK);
	wrong = then;
	wrong.b[0] ^= 1;
	cr_expect_eq(tlog_check_growth(&p, 6, &wrong, 13, &root), ERR_AUTH);
	cr_expect_eq(tlog_check_growth(&p, 6, &then, 13, &then), ERR_AUTH);
	cr_expect_eq(tlog_check_growth(&p, 5, &then, 13, &root), ERR_AUTH);
	cr_expect_eq(tlog_check_growth(&p, 14, &then, 13, &root), ERR_AUTH);
	for (size_t i = 0; i < p.n; i++) {
		bad = p;
		bad.hash[i].b[0] ^= 0x80;
		cr_expect_eq(tlog_check_growth(&bad, 6, &then, 13, &root), ERR_AUTH);
	}
	bad = p;
	bad.n = 0;
	cr_expect_eq(tlog_check_growth(&bad, 6, &then, 13, &root), ERR_AUTH);
	cr_expect_eq(tlog_check_growth(&bad, 13, &then, 13, &root), ERR_AUTH);
	cr_expect_eq(tlog_check_growth(&bad, 13, &root, 13, &root), ERR_OK);
	cr_expect_eq(tlog_prove(&t, 13, &p), ERR_NOTFOUND);
	cr_expect_eq(tlog_prove_growth(&t, 14, &p), ERR_NOTFOUND);
	free(f.leaf);
}

/* --- the edge --- */

struct written {
	uint64_t tiles[TLOG_LEVELS], bundles;
	enum err answer; /* of the next call */
	unsigned refusals;
};

static enum err on_bundle(void *ctx, uint64_t n, unsigned width, struct span bytes)
{
	struct written *w = ctx;
	struct span entry;
	unsigned got = 0;

	if (w->answer != ERR_OK) {
		w->refusals++;
		return w->answer;
	}
	while (bundle_next(&bytes, &entry))
		got++;
	cr_assert_eq(got, width);
	cr_assert_eq(bytes.n, 0);
	cr_assert_eq(n, w->bundles);
	w->bundles++;
	return ERR_OK;
}

static enum err on_tile(void *ctx, unsigned level, const struct edge_tile *t)
{
	struct written *w = ctx;

	cr_assert_eq(t->n, w->tiles[level]);
	w->tiles[level]++;
	return ERR_OK;
}

Test(tlog, an_edge_comes_to_the_root_of_the_definition_at_any_length, .timeout = 60)
{
	struct written w = { 0 };
	const struct edge_ops ops = { on_bundle, on_tile, &w };
	struct edge *e = edge_new();
	struct tlog_hash root, want;
	struct forest f;

	forest_init(&f, 66000);
	for (uint64_t i = 0; i < 66000; i++) {
		cr_assert_eq(edge_add(e, (struct span){ (const char *)&i, sizeof(i) }), ERR_OK);
		cr_assert_eq(edge_settle(e, &ops), ERR_OK);
		if (i > 600 && (i < 65530 || i > 65540) && i != 65999)
			continue;
		edge_root(e, &root);
		want = mth(&f, 0, i + 1);
		cr_assert(tlog_hash_eq(&root, &want), "%lu", (unsigned long)i);
	}
	cr_expect_eq(w.bundles, 257);
	cr_expect_eq(w.tiles[0], 257);
	cr_expect_eq(w.tiles[1], 1);
	cr_assert_eq(edge_partials(e, &ops), ERR_OK);
	cr_expect_eq(w.tiles[0], 258);
	cr_expect_eq(w.tiles[1], 2);
	cr_expect_eq(w.tiles[2], 1);
	edge_free(e);
	free(f.leaf);
}

Test(tlog, an_edge_that_cannot_write_loses_nothing)
{
	struct written w = { .answer = ERR_BUSY };
	const struct edge_ops ops = { on_bundle, on_tile, &w };
	struct edge *e = edge_new();

	for (int i = 0; i < TLOG_TILE; i++) {
		cr_assert_eq(edge_settle(e, &ops), ERR_OK);
		cr_assert_eq(edge_add(e, SPAN("x")), ERR_OK);
	}
	cr_expect_eq(edge_settle(e, &ops), ERR_BUSY);
	cr_expect_eq(edge_settle(e, &ops), ERR_BUSY);
	w.answer = ERR_OK;
	cr_expect_eq(edge_settle(e, &ops), ERR_OK);
	cr_expect_eq(w.bundles, 1);
	cr_expect_eq(e->size, 256);
	cr_expect_eq(e->tile[1].width, 1);
	edge_free(e);
}

Test(tlog, an_entry_that_is_too_long_is_not_added)
{
	static char text[TLOG_ENTRY_MAX + 1];
	struct edge *e = edge_new();

	cr_expect_eq(edge_add(e, (struct span){ text, sizeof(text) }), ERR_LIMIT);
	cr_expect_eq(edge_add(e, (struct span){ text, sizeof(text) - 1 }), ERR_OK);
	cr_expect_eq(e->size, 1);
	cr_expect_eq(e->bundle.len, TLOG_ENTRY_MAX + 2);
	edge_free(e);
}

/* --- all of the vectors, where the folder of fixtures is at hand --- */

static void proof_of(struct json_object *list, struct tlog_proof *p)
{
	p->n = jdoc_count(list);
	for (size_t i = 0; i < p->n; i++)
		p->hash[i] = hash_of(jdoc_text(jdoc_at(list, i)));
}

static void assert_proof_eq(const struct tlog_proof *a, const struct tlog_proof *b)
{
	cr_assert_eq(a->n, b->n);
	for (size_t i = 0; i < a->n; i++)
		cr_assert(tlog_hash_eq(&a->hash[i], &b->hash[i]));
}

static struct json_object *vectors_read(void)
{
	const char *top = getenv("top_srcdir");
	CLEANUP(buf_release) struct buf text;
	struct json_object *root = NULL;
	char path[512];

	buf_init(&text, 1024 * 1024);
	snprintf(path, sizeof(path), "%s/../shared/fixtures/tlog/vectors.json",
		top == NULL ? "." : top);
	if (file_read(path, &text) != ERR_OK)
		cr_skip_test("needs ../shared/fixtures");
	cr_assert_eq(jdoc_parse(buf_span(&text), NULL, &root), ERR_OK);
	return root;
}

Test(tlog, makes_the_proofs_of_the_vectors)
{
	struct json_object *root = vectors_read(), *list;
	struct tlog_proof want, have;
	char bytes[16];
	struct forest f;

	f.leaf = xcalloc(ARRAY_SIZE(rfc_leaf), sizeof(*f.leaf));
	for (size_t i = 0; i < ARRAY_SIZE(rfc_leaf); i++)
		tlog_leaf(rfc_entry(i, bytes), &f.leaf[i]);
	list = jdoc_member(root, "audit_paths");
	cr_assert_gt(jdoc_count(list), 20);
	for (size_t i = 0; i < jdoc_count(list); i++) {
		struct json_object *v = jdoc_at(list, i);
		struct tlog_tree t = tree_of(&f, (uint64_t)jdoc_int(jdoc_member(v, "size"), 0));

		proof_of(jdoc_member(v, "path"), &want);
		cr_assert_eq(tlog_prove(&t, (uint64_t)jdoc_int(jdoc_member(v, "index"), 0), &have),
			ERR_OK);
		assert_proof_eq(&have, &want);
	}
	list = jdoc_member(root, "consistency");
	cr_assert_gt(jdoc_count(list), 20);
	for (size_t i = 0; i < jdoc_count(list); i++) {
		struct json_object *v = jdoc_at(list, i);
		struct tlog_tree t = tree_of(&f, (uint64_t)jdoc_int(jdoc_member(v, "new"), 0));

		proof_of(jdoc_member(v, "proof"), &want);
		cr_assert_eq(
			tlog_prove_growth(&t, (uint64_t)jdoc_int(jdoc_member(v, "old"), 0), &have),
			ERR_OK);
		assert_proof_eq(&have, &want);
	}
	free(f.leaf);
	jdoc_free(root);
}
