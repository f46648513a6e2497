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
 * The client's side: the server's certificate must lead to one of the
 * authorities and be for the host that was asked for. There is no way around it.
 */
struct tls_client;

struct tls_client_conf {
	const char *authorities;       /* PEM file; NULL: those of the system */
	const char *certificate, *key; /* our own, PEM files; or NULL */
};

/* On failure *why (free(3) it) says what is wrong with which file. */
MUST_CHECK enum err tls_client_new(
	const struct tls_client_conf *conf, struct tls_client **out, char **why);
void tls_client_free(struct tls_client *t);

/* Read the files again, for connections to come; on failure the old ones stay. */
MUST_CHECK enum err tls_client_reload(
	struct tls_client *t, const struct tls_client_conf *conf, char **why);

/* --- for httpd and stream only --- */

/*
 * The state of one connection under the pair of the moment, which it keeps. The
 * caller owns it. NULL if there is none to be had.
 */
struct ssl_st *tls_session_new(const struct tls_server *t);

/* The same of a connection to a host, given by name or address. */
struct ssl_st *tls_client_session_new(const struct tls_client *t, const char *host);

/* Why a connection failed: OpenSSL's error, or else the system's. Borrowed. */
const char *tls_session_error(const struct ssl_st *session, unsigned long error, int system_error);

/* Tell the peer that nothing follows (close_notify), if the socket takes it. */
void tls_session_finish(struct ssl_st *session);

#endif
