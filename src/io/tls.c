/* SPDX-License-Identifier: Apache-2.0 */
#include "io/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tls_server {
	SSL_CTX *ctx;
};

struct tls_client {
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

static SSL_CTX *server_ctx_new(void)
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
					 SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_CLEANSE_PLAINTEXT);
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

static enum err ctx_load_pair(SSL_CTX *ctx, const char *certificate, const char *key, char **why)
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

static enum err server_ctx_load(const char *certificate, const char *key, SSL_CTX **out, char **why)
{
	CLEANUP(ctx_freep) SSL_CTX *ctx = server_ctx_new();
	enum err e = ctx_load_pair(ctx, certificate, key, why);

	if (e == ERR_OK)
		*out = TAKE(ctx);
	return e;
}

enum err tls_server_new(
	const char *certificate, const char *key, struct tls_server **out, char **why)
{
	SSL_CTX *ctx;
	enum err e = server_ctx_load(certificate, key, &ctx, why);

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
	enum err e = server_ctx_load(certificate, key, &ctx, why);

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

/* --- client --- */

static SSL_CTX *client_ctx_new(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (ctx == NULL || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
		abort();
	SSL_CTX_set_options(ctx,
		SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_default_passwd_cb(ctx, refuse_passphrase);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	return ctx;
}

static enum err client_ctx_load(const struct tls_client_conf *conf, SSL_CTX **out, char **why)
{
	CLEANUP(ctx_freep) SSL_CTX *ctx = client_ctx_new();
	const char *file = conf->authorities;
	enum err e;

	ERR_clear_error();
	if ((file == NULL ? SSL_CTX_set_default_verify_paths(ctx)
			  : SSL_CTX_load_verify_file(ctx, file)) != 1) {
		say_why(file == NULL ? "the system's authorities" : file, why);
		return ERR_IO;
	}
	if (conf->certificate != NULL) {
		e = ctx_load_pair(ctx, conf->certificate, conf->key, why);
		if (e != ERR_OK)
			return e;
	}
	*out = TAKE(ctx);
	return ERR_OK;
}

enum err tls_client_new(const struct tls_client_conf *conf, struct tls_client **out, char **why)
{
	SSL_CTX *ctx;
	enum err e = client_ctx_load(conf, &ctx, why);

	if (e != ERR_OK)
		return e;
	*out = xcalloc(1, sizeof(**out));
	(*out)->ctx = ctx;
	return ERR_OK;
}

void tls_client_free(struct tls_client *t)
{
	if (t == NULL)
		return;
	SSL_CTX_free(t->ctx);
	free(t);
}

enum err tls_client_reload(struct tls_client *t, const struct tls_client_conf *conf, char **why)
{
	SSL_CTX *ctx;
	enum err e = client_ctx_load(conf, &ctx, why);

	if (e != ERR_OK)
		return e;
	SSL_CTX_free(t->ctx);
	t->ctx = ctx;
	return ERR_OK;
}

/* An address is compared with the certificate's addresses, a name with its names. */
static bool session_expect_host(SSL *ssl, const char *host)
{
	/* Its macro would cast const away. */
	CLEANUP(freep) char *name = xstrdup(host);

	if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1)
		return true;
	SSL_set_hostflags(
		ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

struct ssl_st *tls_client_session_new(const struct tls_client *t, const char *host)
{
	SSL *ssl = SSL_new(t->ctx);

	if (ssl != NULL && !session_expect_host(ssl, host)) {
		SSL_free(ssl);
		ssl = NULL;
	}
	ERR_clear_error();
	return ssl;
}

const char *tls_session_error(const struct ssl_st *session, unsigned long error, int system_error)
{
	long verdict = SSL_get_verify_result(session);
	const char *reason = ERR_reason_error_string(error);

	if (verdict != X509_V_OK)
		return X509_verify_cert_error_string(verdict);
	return reason != NULL ? reason : strerror(system_error);
}

void tls_session_finish(struct ssl_st *session)
{
	/* Before the end of the handshake there is nothing to say. */
	if (SSL_is_init_finished(session))
		IGNORE(SSL_shutdown(session) < 0);
	ERR_clear_error();
}
