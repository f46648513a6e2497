/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_JWT_H
#define IO_JWT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json_read.h"
#include "base/span.h"
#include "io/jwk.h"

/* A token is at most so long: what Backstage allows its own. */
#define JWT_BYTES 32768

/* What a token of one issuer must be like. The strings are the configuration's. */
struct jwt_rules {
	enum jws_alg alg;
	const char *type; /* of the header, exactly; NULL: "JWT" or none */
	const char *issuer, *audience;
};

/*
 * A token that was read (RFC 7519, in the compact form of RFC 7515). The spans
 * point into it; escapes of JSON in them are resolved, since some issuers write
 * every '/' as "\/". Check nothing by them before jwt_check() said JWT_GOOD.
 */
struct jwt {
	struct buf head, body, signature, texts;
	struct span signed_text;                         /* in the token, which must live as long */
	struct span kid, type, alg, issuer, subject, id; /* empty where there is none */
	bool critical; /* the header has extensions that must be known */
	struct json_value audience, claims;
	int64_t issued_s, expires_s, begins_s; /* since 1970; -1: none */
};

void jwt_init(struct jwt *t);
void jwt_release(struct jwt *t);

/*
 * Read a token without believing it. ERR_LIMIT if it is over JWT_BYTES long;
 * ERR_PARSE if it is none, if its base64 has a second way to be read, a member
 * is there twice or of another type than RFC 7519 says.
 */
MUST_CHECK enum err jwt_read(struct span token, struct jwt *t);

enum jwt_verdict {
	JWT_GOOD,
	JWT_WRONG_TYPE,
	JWT_WRONG_ALGORITHM,
	JWT_CRITICAL_EXTENSION,
	JWT_WRONG_ISSUER,
	JWT_WRONG_AUDIENCE,
	JWT_UNKNOWN_KEY, /* the issuer may have a new one */
	JWT_BAD_SIGNATURE,
	JWT_NO_TIMES, /* no time of issue or of end */
	JWT_EXPIRED,
	JWT_NOT_YET, /* issued or begins in the future */
	JWT_NO_SUBJECT,
};

/* "good", "wrong-type", … for the audit trail. */
const char *jwt_verdict_str(enum jwt_verdict v);

/* Clocks may differ by so much. */
#define JWT_SKEW_S 30

/* Judge a token by its issuer's rules and keys. */
enum jwt_verdict jwt_check(const struct jwt *t, const struct jwt_rules *rules,
	const struct jwk_set *keys, struct wall now);

#endif
