/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

#include "base/egress.h"

static struct egress_address address_of(const char *text, uint16_t port)
{
	struct egress_address a = { .v6 = strchr(text, ':') != NULL, .port = port };

	cr_assert_eq(inet_pton(a.v6 ? AF_INET6 : AF_INET, text, a.bytes), 1, "%s", text);
	return a;
}

/* First and last address of each block, and the nearest outside of it. */
static const struct {
	const char *text;
	bool public;
} addresses[] = {
	{ "0.0.0.0", false },
	{ "0.255.255.255", false },
	{ "1.0.0.0", true },
	{ "1.1.1.1", true },
	{ "8.8.8.8", true },
	{ "9.255.255.255", true },
	{ "10.0.0.0", false },
	{ "10.255.255.255", false },
	{ "11.0.0.0", true },
	{ "100.63.255.255", true },
	{ "100.64.0.0", false },
	{ "100.100.100.200", false },
	{ "100.127.255.255", false },
	{ "100.128.0.0", true },
	{ "126.255.255.255", true },
	{ "127.0.0.1", false },
	{ "127.255.255.255", false },
	{ "128.0.0.0", true },
	{ "168.63.129.15", true },
	{ "168.63.129.16", false },
	{ "169.253.255.255", true },
	{ "169.254.169.254", false },
	{ "169.255.0.0", true },
	{ "172.15.255.255", true },
	{ "172.16.0.0", false },
	{ "172.31.255.255", false },
	{ "172.32.0.0", true },
	{ "192.0.0.192", false },
	{ "192.0.1.0", true },
	{ "192.0.2.1", false },
	{ "192.0.3.0", true },
	{ "192.88.98.255", true },
	{ "192.88.99.1", false },
	{ "192.167.255.255", true },
	{ "192.168.0.0", false },
	{ "192.168.255.255", false },
	{ "192.169.0.0", true },
	{ "198.17.255.255", true },
	{ "198.18.0.0", false },
	{ "198.19.255.255", false },
	{ "198.20.0.0", true },
	{ "198.51.100.7", false },
	{ "203.0.113.7", false },
	{ "203.0.114.0", true },
	{ "223.255.255.255", true },
	{ "224.0.0.1", false },
	{ "239.255.255.255", false },
	{ "240.0.0.1", false },
	{ "255.255.255.255", false },
	{ "::", false },
	{ "::1", false },
	{ "::7f00:1", false },         /* v4-compatible */
	{ "::ffff:127.0.0.1", false }, /* v4-mapped */
	{ "::ffff:8.8.8.8", false },   /* also of a public one: nobody writes that */
	{ "::ffff:0:8.8.8.8", false }, /* v4-translated */
	{ "64:ff9b::7f00:1", false },  /* NAT64 */
	{ "64:ff9b::808:808", false },
	{ "64:ff9b:1::a00:1", false }, /* NAT64, local use */
	{ "100::1", false },           /* discard only */
	{ "1fff:ffff::1", false },
	{ "2000::1", true },
	{ "2001::1", false }, /* Teredo */
	{ "2001:0:5ef5:79fd::1", false },
	{ "2001:2::1", false },  /* benchmarks */
	{ "2001:10::1", false }, /* ORCHID */
	{ "2001:20::1", false }, /* ORCHIDv2 */
	{ "2001:1ff:ffff::1", false },
	{ "2001:200::1", true },
	{ "2001:4860:4860::8888", true },
	{ "2001:db7:ffff::1", true },
	{ "2001:db8::1", false },
	{ "2001:db9::1", true },
	{ "2002::1", false },
	{ "2002:7f00:1::", false }, /* 6to4 of 127.0.0.1 */
	{ "2003::1", true },
	{ "2606:4700:4700::1111", true },
	{ "3ffd::1", true },
	{ "3ffe::1", false },
	{ "3fff::1", false },
	{ "3fff:fff::1", false },
	{ "3fff:1000::1", true },
	{ "4000::1", false },
	{ "5f00::1", false }, /* segment routing */
	{ "fc00::1", false },
	{ "fd00:ec2::254", false }, /* Amazon's metadata */
	{ "fe80::1", false },
	{ "fec0::1", false }, /* site-local */
	{ "ff02::1", false },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false },
};

Test(egress, knows_the_public_internet)
{
	cr_assert_geq(ARRAY_SIZE(addresses), 60);
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		struct egress_address a = address_of(addresses[i].text, 443);

		cr_expect_eq(egress_is_public(&a), addresses[i].public, "%s", addresses[i].text);
		cr_expect_eq(egress_may_connect(NULL, 0, &a), addresses[i].public, "%s",
			addresses[i].text);
	}
}

static struct egress_rule rule_of(const char *text)
{
	struct egress_rule r;

	cr_assert_eq(egress_rule_parse(span_of(text), &r), ERR_OK, "%s", text);
	return r;
}

static const struct {
	const char *rule, *address;
	uint16_t port;
	bool may;
} decisions[] = {
	{ "10.0.0.0/8:443", "10.1.2.3", 443, true },
	{ "10.0.0.0/8:443", "10.1.2.3", 80, false },
	{ "10.0.0.0/8:443", "11.1.2.3", 80, true }, /* public needs no rule */
	{ "10.0.0.0/8:443", "192.168.0.1", 443, false },
	{ "10.1.2.3/32:8080", "10.1.2.3", 8080, true },
	{ "10.1.2.3/32:8080", "10.1.2.2", 8080, false },
	{ "172.16.0.0/12:1", "172.31.255.255", 1, true },
	{ "172.16.0.0/13:1", "172.24.0.0", 1, false },
	{ "0.0.0.0/0:443", "127.0.0.1", 443, true },
	{ "0.0.0.0/0:443", "::1", 443, false },
	{ "[::/0]:443", "127.0.0.1", 443, false },
	{ "[::1/128]:65535", "::1", 65535, true },
	{ "[fd00::/8]:443", "fdff::1", 443, true },
	{ "[fd00::/8]:443", "fc00::1", 443, false },
	{ "[fd00:1:2:3::/64]:443", "fd00:1:2:3:4::1", 443, true },
	{ "[fd00:1:2:3::/64]:443", "fd00:1:2:4::1", 443, false },
	/* A mapped address is judged as the IPv6 address it is. */
	{ "127.0.0.0/8:443", "::ffff:127.0.0.1", 443, false },
	{ "[::ffff:127.0.0.0/104]:443", "::ffff:127.0.0.1", 443, true },
};

Test(egress, lets_pass_what_a_rule_names_with_its_port)
{
	for (size_t i = 0; i < ARRAY_SIZE(decisions); i++) {
		struct egress_rule r = rule_of(decisions[i].rule);
		struct egress_address a = address_of(decisions[i].address, decisions[i].port);

		cr_expect_eq(egress_may_connect(&r, 1, &a), decisions[i].may, "%s %s %u",
			decisions[i].rule, decisions[i].address, decisions[i].port);
	}
}

Test(egress, any_rule_will_do)
{
	const struct egress_rule rules[] = { rule_of("10.0.0.0/8:443"), rule_of("[::1/128]:80") };
	struct egress_address a = address_of("::1", 80);

	cr_assert(egress_may_connect(rules, ARRAY_SIZE(rules), &a));
	cr_assert_not(egress_may_connect(rules, 1, &a));
}

static const char *const no_rules[] = {
	"",
	":",
	"10.0.0.0",
	"10.0.0.0/8",
	"10.0.0.0:443",
	"10.0.0.0/8:",
	"10.0.0.0/8:0",
	"10.0.0.0/8:65536",
	"10.0.0.0/8:443 ",
	" 10.0.0.0/8:443",
	"10.0.0.0/33:443",
	"10.0.0.0/08:443",
	"10.0.0.0/-1:443",
	"10.0.0.0/:443",
	"/8:443",
	"10.1.0.0/8:443",
	"10.0.0.1/31:443",
	"10.0/8:443",
	"010.0.0.0/8:443",
	"0x0a.0.0.0/8:443",
	"10.0.0.0/8:*",
	"10.0.0.0/8:443/tcp",
	"fd00::/8:443",
	"[fd00::/8]",
	"[fd00::/8:443",
	"[fd00::]/8:443",
	"[fd00::/129]:443",
	"[fd00::1/8]:443",
	"[10.0.0.0/8]:443",
	"[]:443",
	"[fe80::%lo/64]:1",
	"intranet/8:443",
	"10.0.0.0/8:+443",
	"10.0.0.0/8:0443",
};

Test(egress, refuses_what_is_no_rule)
{
	struct egress_rule r;

	for (size_t i = 0; i < ARRAY_SIZE(no_rules); i++)
		cr_expect_eq(egress_rule_parse(span_of(no_rules[i]), &r), ERR_PARSE, "'%s'",
			no_rules[i]);
}
