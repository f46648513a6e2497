/* SPDX-License-Identifier: Apache-2.0 */
#include "base/egress.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define V4_BITS 32
#define V6_BITS 128

struct block {
	uint8_t network[16];
	unsigned bits;
};

/* IANA's special-purpose IPv4 addresses, but for those that are served globally. */
static const struct block special_v4[] = {
	{ { 0 }, 8 },                 /* "this network": Linux takes it for this host */
	{ { 10 }, 8 },                /* private */
	{ { 100, 64 }, 10 },          /* carrier-grade NAT; Alibaba's metadata */
	{ { 127 }, 8 },               /* loopback */
	{ { 168, 63, 129, 16 }, 32 }, /* Azure's own services, on every machine there */
	{ { 169, 254 }, 16 },         /* link-local; the metadata of most clouds */
	{ { 172, 16 }, 12 },          /* private */
	{ { 192, 0, 0 }, 24 },        /* protocol assignments; Oracle's metadata */
	{ { 192, 0, 2 }, 24 },        /* documentation */
	{ { 192, 88, 99 }, 24 },      /* 6to4 relays, withdrawn */
	{ { 192, 168 }, 16 },         /* private */
	{ { 198, 18 }, 15 },          /* benchmarks */
	{ { 198, 51, 100 }, 24 },     /* documentation */
	{ { 203, 0, 113 }, 24 },      /* documentation */
	{ { 224 }, 4 },               /* multicast */
	{ { 240 }, 4 },               /* reserved; broadcast */
};

/*
 * Only 2000::/3 is given out. Outside of it are loopback, v4-mapped and
 * -compatible, NAT64 (64:ff9b::/96, 64:ff9b:1::/48), segment routing, ULA,
 * link- and site-local and multicast.
 */
static const struct block unicast_v6 = { { 0x20 }, 3 };

static const struct block special_v6[] = {
	{ { 0x20, 0x01 }, 23 },             /* protocol assignments: Teredo, ORCHID, benchmarks */
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32 }, /* documentation */
	{ { 0x20, 0x02 }, 16 },             /* 6to4 */
	{ { 0x3f, 0xfe }, 16 },             /* 6bone, returned */
	{ { 0x3f, 0xff }, 20 },             /* documentation */
};

/* Do the first bits of both agree? */
static bool prefix_same(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;
	uint8_t mask = (uint8_t)(0xff00 >> rest);

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || ((a[whole] ^ b[whole]) & mask) == 0;
}

static bool is_in(const uint8_t *bytes, const struct block *blocks, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (prefix_same(bytes, blocks[i].network, blocks[i].bits))
			return true;
	}
	return false;
}

bool egress_is_public(const struct egress_address *a)
{
	if (!a->v6)
		return !is_in(a->bytes, special_v4, ARRAY_SIZE(special_v4));
	return is_in(a->bytes, &unicast_v6, 1) &&
	       !is_in(a->bytes, special_v6, ARRAY_SIZE(special_v6));
}

bool egress_may_connect(const struct egress_rule *rules, size_t n, const struct egress_address *a)
{
	if (egress_is_public(a))
		return true;
	for (size_t i = 0; i < n; i++) {
		if (rules[i].v6 == a->v6 && rules[i].port == a->port &&
			prefix_same(a->bytes, rules[i].network, rules[i].bits))
			return true;
	}
	return false;
}

/* Digits up to max, without sign or leading zero. */
static enum err number_read(struct span text, unsigned max, unsigned *n)
{
	unsigned value = 0;

	if (text.n == 0 || text.n > 5 || (text.n > 1 && text.p[0] == '0'))
		return ERR_PARSE;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return ERR_PARSE;
		value = 10 * value + (unsigned)(text.p[i] - '0');
	}
	if (value > max)
		return ERR_PARSE;
	*n = value;
	return ERR_OK;
}

/* "address/bits", whose host part must be zero. */
static enum err network_read(struct span text, struct egress_rule *r)
{
	const char *slash = memchr(text.p, '/', text.n);
	const unsigned width = r->v6 ? V6_BITS : V4_BITS;
	char address[INET6_ADDRSTRLEN];
	size_t n = slash == NULL ? 0 : (size_t)(slash - text.p);
	enum err e;

	if (n == 0 || n >= sizeof(address))
		return ERR_PARSE;
	memcpy(address, text.p, n);
	address[n] = '\0';
	if (inet_pton(r->v6 ? AF_INET6 : AF_INET, address, r->network) != 1)
		return ERR_PARSE;
	e = number_read((struct span){ slash + 1, text.n - n - 1 }, width, &r->bits);
	if (e != ERR_OK)
		return e;
	for (unsigned bit = r->bits; bit < width; bit++) {
		if (r->network[bit / 8] & (0x80 >> bit % 8))
			return ERR_PARSE;
	}
	return ERR_OK;
}

enum err egress_rule_parse(struct span text, struct egress_rule *rule)
{
	const char *colon = text.n == 0 ? NULL : memrchr(text.p, ':', text.n);
	struct egress_rule r = { .v6 = text.n > 0 && text.p[0] == '[' };
	struct span network;
	unsigned port = 0;
	enum err e;

	if (colon == NULL)
		return ERR_PARSE;
	network = (struct span){ text.p, (size_t)(colon - text.p) };
	e = number_read((struct span){ colon + 1, text.n - network.n - 1 }, UINT16_MAX, &port);
	if (e != ERR_OK || port == 0)
		return ERR_PARSE;
	if (r.v6) {
		if (network.n < 2 || network.p[network.n - 1] != ']')
			return ERR_PARSE;
		network = (struct span){ network.p + 1, network.n - 2 };
	}
	e = network_read(network, &r);
	if (e != ERR_OK)
		return e;
	r.port = (uint16_t)port;
	*rule = r;
	return ERR_OK;
}
