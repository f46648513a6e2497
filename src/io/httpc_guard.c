/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/egress.h"
#include "io/httpc_private.h"

/*
 * Two questions, because connections are kept: may a socket be opened to this
 * address, and may this request go out on a connection that is open, perhaps
 * opened for a call with another guard.
 */

static bool guard_lets_pass(const struct httpc_guard *g, const struct egress_address *a)
{
	return egress_may_connect(g->rule, g->rules, a);
}

static bool address_of_socket(const struct curl_sockaddr *s, struct egress_address *a)
{
	*a = (struct egress_address){ .v6 = s->family == AF_INET6 };
	if (s->family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, &s->addr, sizeof(in6));
		memcpy(a->bytes, &in6.sin6_addr, 16);
		a->port = ntohs(in6.sin6_port);
	} else if (s->family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, &s->addr, sizeof(in));
		memcpy(a->bytes, &in.sin_addr, 4);
		a->port = ntohs(in.sin_port);
	} else {
		return false;
	}
	return true;
}

/* A scope ("fe80::1%eth0") does not matter: what has one is not public. */
static bool address_of_text(const char *text, int port, struct egress_address *a)
{
	char plain[INET6_ADDRSTRLEN];

	*a = (struct egress_address){ .v6 = strchr(text, ':') != NULL, .port = (uint16_t)port };
	snprintf(plain, sizeof(plain), "%.*s", (int)strcspn(text, "%"), text);
	return inet_pton(a->v6 ? AF_INET6 : AF_INET, plain, a->bytes) == 1;
}

/*
 * A peer whose machine is gone acknowledges nothing. Its requests time out, but
 * those that share the connection by HTTP/2 keep it in use; the kernel ends it.
 */
#define PEER_GONE_MS 20000

static curl_socket_t socket_open(const struct curl_sockaddr *s)
{
	const unsigned gone_ms = PEER_GONE_MS;
	int fd = socket(s->family, s->socktype | SOCK_CLOEXEC, s->protocol);

	/* Refused for a unix socket, which has no such trouble. */
	if (fd >= 0)
		IGNORE(setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &gone_ms, sizeof(gone_ms)) !=
			0);
	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static curl_socket_t on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *s)
{
	struct httpc_call *call = ctx;
	struct egress_address a;

	(void)purpose;
	if (call->guard != NULL &&
		!(address_of_socket(s, &a) && guard_lets_pass(call->guard, &a))) {
		call->forbidden = !call->opened;
		return CURL_SOCKET_BAD;
	}
	call->opened = true;
	call->forbidden = false;
	return socket_open(s);
}

static int on_request(void *ctx, char *peer, char *own, int peer_port, int own_port)
{
	struct httpc_call *call = ctx;
	struct egress_address a;

	(void)own;
	(void)own_port;
	if (call->guard == NULL ||
		(address_of_text(peer, peer_port, &a) && guard_lets_pass(call->guard, &a)))
		return CURL_PREREQFUNC_OK;
	call->forbidden = true;
	return CURL_PREREQFUNC_ABORT;
}

void httpc_guard_prepare(struct httpc_call *call)
{
	CURL *h = call->easy;

	httpc_must(curl_easy_setopt(h, CURLOPT_OPENSOCKETFUNCTION, on_open));
	httpc_must(curl_easy_setopt(h, CURLOPT_OPENSOCKETDATA, call));
	httpc_must(curl_easy_setopt(h, CURLOPT_PREREQFUNCTION, on_request));
	httpc_must(curl_easy_setopt(h, CURLOPT_PREREQDATA, call));
}
