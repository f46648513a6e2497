/* SPDX-License-Identifier: Apache-2.0 */
#include "io/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tls_server {
	SSL_CTX *ctx;
};

static void ctx_freep(SSL_CTX **ctx)
{
	SSL_CTX_free(*ctx);
}

/* An encrypted key is an error: nobody is there to type. */
static int refuse_passphrase(char *text, int size, int writing, void *ctx)
{
	(void)text;
	(void)size;
	(void)writing;
	(void)ctx;
	return -1;
}

/* HTTP/1.1 if the client offers protocols (RFC 7301); fail if it wants only others. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
	const unsigned char *in, unsigned in_len, void *ctx)
{
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *chosen;

	(void)ssl;
	(void)ctx;
	if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, in, in_len) !=
		OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *ctx_new(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (ctx == NULL || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
		abort();
	/*
	 * Length frames every message, so that an end without close_notify
	 * cannot pass for a whole one: it may count as an end.
	 */
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					 SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE |
					 SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	/* An idle connection holds no record buffers: 34 KB less. */
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_default_passwd_cb(ctx, refuse_passphrase);
	SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
	return ctx;
}

/* The first error in OpenSSL's queue is the cause, what follows says who passed it on. */
static void say_why(const char *path, char **why)
{
	unsigned long error = ERR_peek_error();
	const char *reason = ERR_reason_error_string(error);

	if (ERR_SYSTEM_ERROR(error))
		reason = strerror(ERR_GET_REASON(error));
	if (asprintf(why, "%s: %s", path, reason == NULL ? "cannot be read" : reason) < 0)
		abort();
	ERR_clear_error();
}

static enum err ctx_use_pair(SSL_CTX *ctx, const char *certificate, const char *key, char **why)
{
	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1) {
		say_why(certificate, why);
		return ERR_IO;
	}
	/* Checks that the key is the certificate's, too. */
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1) {
		say_why(key, why);
		return ERR_IO;
	}
	return ERR_OK;
}

static enum err ctx_load(const char *certificate, const char *key, SSL_CTX **out, char **why)
{
	CLEANUP(ctx_freep) SSL_CTX *ctx = ctx_new();
	enum err e = ctx_use_pair(ctx, certificate, key, why);

	if (e == ERR_OK)
		*out = TAKE(ctx);
	return e;
}

enum err tls_client_check(const char *ca, const char *certificate, const char *key, char **why)
{
	CLEANUP(ctx_freep) SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (ctx == NULL)
		abort();
	SSL_CTX_set_default_passwd_cb(ctx, refuse_passphrase);
	ERR_clear_error();
	if (ca != NULL && SSL_CTX_load_verify_file(ctx, ca) != 1) {
		say_why(ca, why);
		return ERR_IO;
	}
	return certificate == NULL ? ERR_OK : ctx_use_pair(ctx, certificate, key, why);
}

enum err tls_server_new(
	const char *certificate, const char *key, struct tls_server **out, char **why)
{
	SSL_CTX *ctx;
	enum err e = ctx_load(certificate, key, &ctx, why);

	if (e != ERR_OK)
		return e;
	*out = xcalloc(1, sizeof(**out));
	(*out)->ctx = ctx;
	return ERR_OK;
}

void tls_server_free(struct tls_server *t)
{
	if (t == NULL)
		return;
	SSL_CTX_free(t->ctx);
	free(t);
}

enum err tls_server_reload(
	struct tls_server *t, const char *certificate, const char *key, char **why)
{
	SSL_CTX *ctx;
	enum err e = ctx_load(certificate, key, &ctx, why);

	if (e != ERR_OK)
		return e;
	SSL_CTX_free(t->ctx);
	t->ctx = ctx;
	return ERR_OK;
}

struct ssl_st *tls_session_new(const struct tls_server *t)
{
	return SSL_new(t->ctx);
}

void tls_session_finish(struct ssl_st *session)
{
	/* Before the end of the handshake there is nothing to say. */
	if (SSL_is_init_finished(session))
		IGNORE(SSL_shutdown(session) < 0);
	ERR_clear_error();
}
