/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_TLS_H
#define IO_TLS_H

#include "base/defs.h"
#include "base/err.h"

struct ssl_st;

/*
 * The server's side of TLS 1.2 and 1.3: certificate chain and key from PEM
 * files. New connections use what was loaded last.
 */
struct tls_server;

/* On failure *why (free(3) it) says what is wrong with which file. */
MUST_CHECK enum err tls_server_new(
	const char *certificate, const char *key, struct tls_server **out, char **why);
void tls_server_free(struct tls_server *t);

/* Read both files again; on failure the old pair stays. */
MUST_CHECK enum err tls_server_reload(
	struct tls_server *t, const char *certificate, const char *key, char **why);

/*
 * Can these PEM files be used by a client: a CA to trust, a certificate and its
 * key? Each may be NULL. On failure *why (free(3) it) says what is wrong with
 * which file.
 */
MUST_CHECK enum err tls_client_check(
	const char *ca, const char *certificate, const char *key, char **why);

/*
 * For httpd only: the state of one connection under the pair of the moment,
 * which it keeps. The caller owns it. NULL if there is none to be had.
 */
struct ssl_st *tls_session_new(const struct tls_server *t);

/* Tell the peer that nothing follows (close_notify), if the socket takes it. */
void tls_session_finish(struct ssl_st *session);

#endif
