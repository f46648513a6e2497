/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/httpd_private.h"
#include "io/sd.h"

#define BACKLOG          1024
#define ACCEPTS_PER_PASS 64
#define PAUSE_MS         200
#define PASSED_MAX       16

static void listener_resume(void *ctx);

static enum err fail(char **why, const char *address, const char *what)
{
	if (asprintf(why, "%s: %s", address, what) < 0)
		abort();
	return ERR_IO;
}

/* What an address is counted as: all of IPv4, the /64 of IPv6 that one client has. */
static struct span peer_key(const struct in6_addr *address)
{
	const char *b = (const char *)address->s6_addr;

	if (IN6_IS_ADDR_V4MAPPED(address))
		return (struct span){ b + 12, 4 };
	return (struct span){ b, 8 };
}

bool peer_enter(struct httpd *h, const struct in6_addr *address)
{
	struct peer *peer = map_get(&h->peers, peer_key(address));

	if (peer == NULL) {
		peer = xcalloc(1, sizeof(*peer));
		IGNORE(map_put(&h->peers, peer_key(address), peer) != NULL);
	}
	if (peer->connections >= h->limits.connections_per_address)
		return false;
	peer->connections++;
	return true;
}

void peer_leave(struct httpd *h, const struct in6_addr *address)
{
	struct peer *peer = map_get(&h->peers, peer_key(address));

	if (--peer->connections > 0)
		return;
	IGNORE(map_remove(&h->peers, peer_key(address)) != peer);
	free(peer);
}

/* IPv4 becomes v4-mapped; false for a unix socket. */
static bool address_of(const struct sockaddr_storage *from, struct in6_addr *address)
{
	if (from->ss_family == AF_INET6) {
		*address = ((const struct sockaddr_in6 *)from)->sin6_addr;
		return true;
	}
	if (from->ss_family != AF_INET)
		return false;
	*address = (struct in6_addr){ .s6_addr = { [10] = 0xff, [11] = 0xff } };
	memcpy(address->s6_addr + 12, &((const struct sockaddr_in *)from)->sin_addr, 4);
	return true;
}

/* Hold to the caps: over one, the connection is closed without a word. */
static void listener_admit(struct listener *ln, int fd, const struct sockaddr_storage *from)
{
	struct httpd *h = ln->h;
	struct in6_addr address;
	bool is_tcp = address_of(from, &address);
	int on = 1;

	h->stats.accepted++;
	if (h->stats.connections >= h->limits.connections_max) {
		h->stats.refused_total++;
		close(fd);
		return;
	}
	if (is_tcp && !peer_enter(h, &address)) {
		h->stats.refused_address++;
		close(fd);
		return;
	}
	if (is_tcp)
		IGNORE(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0);
	conn_new(ln, fd, is_tcp ? &address : NULL);
}

static int listener_accept(const struct listener *ln, struct sockaddr_storage *from)
{
	socklen_t len = sizeof(*from);

	*from = (struct sockaddr_storage){ 0 };
	return accept4(ln->fd, (struct sockaddr *)from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/* Out of descriptors: let one client know at once, by the spare one. */
static void turn_one_away(struct listener *ln)
{
	struct httpd *h = ln->h;
	struct sockaddr_storage from;
	int fd;

	if (h->spare_fd < 0)
		return;
	close(h->spare_fd);
	fd = listener_accept(ln, &from);
	if (fd >= 0) {
		h->stats.accepted++;
		h->stats.refused_total++;
		close(fd);
	}
	h->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Wait instead of spinning on a socket that stays readable. */
static void listener_pause(struct listener *ln)
{
	ln->h->stats.pauses++;
	loop_watch_free(TAKE(ln->watch));
	loop_timer_set(ln->resume, PAUSE_MS);
}

static bool is_passing(int error)
{
	return error == EAGAIN || error == EINTR || error == ECONNABORTED;
}

static void listener_on_ready(void *ctx, unsigned ready)
{
	struct listener *ln = ctx;

	(void)ready;
	for (unsigned i = 0; i < ACCEPTS_PER_PASS; i++) {
		struct sockaddr_storage from;
		int fd = listener_accept(ln, &from);

		if (fd >= 0) {
			listener_admit(ln, fd, &from);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE)
			turn_one_away(ln);
		else if (is_passing(errno))
			return;
		listener_pause(ln);
		return;
	}
}

static void listener_resume(void *ctx)
{
	struct listener *ln = ctx;

	if (ln->h->spare_fd < 0)
		ln->h->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ln->watch = loop_watch_new(ln->h->l, ln->fd, LOOP_READ, listener_on_ready, ln);
}

static void listener_close(struct listener *ln)
{
	struct stat st;

	loop_watch_free(TAKE(ln->watch));
	loop_timer_stop(ln->resume);
	if (ln->fd < 0)
		return;
	close(ln->fd);
	ln->fd = -1;
	/* Unless another process has put its own socket there. */
	if (ln->path != NULL && stat(ln->path, &st) == 0 && st.st_dev == ln->dev &&
		st.st_ino == ln->ino)
		IGNORE(unlink(ln->path) != 0);
}

void listener_drain(struct listener *ln)
{
	/* Who is in the backlog would get a RST; what activation passed stays open elsewhere. */
	if (ln->fd >= 0 && ln->watch != NULL && !ln->is_passed)
		listener_on_ready(ln, LOOP_READ);
	listener_close(ln);
}

void listener_free(struct listener *ln)
{
	listener_close(ln);
	loop_timer_free(ln->resume);
	LIST_REMOVE(ln, entry);
	free(ln->address);
	free(ln->path);
	free(ln);
}

/* The text of where fd is bound; free(3) it. */
static char *bound_address(int fd)
{
	union {
		struct sockaddr_storage any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	} at = { 0 };
	char host[INET6_ADDRSTRLEN] = "?";
	socklen_t len = sizeof(at);
	char *text;
	int n;

	IGNORE(getsockname(fd, (struct sockaddr *)&at, &len) != 0);
	if (at.any.ss_family == AF_INET) {
		IGNORE(inet_ntop(AF_INET, &at.in.sin_addr, host, sizeof(host)) == NULL);
		n = asprintf(&text, "%s:%u", host, ntohs(at.in.sin_port));
	} else if (at.any.ss_family == AF_INET6) {
		IGNORE(inet_ntop(AF_INET6, &at.in6.sin6_addr, host, sizeof(host)) == NULL);
		n = asprintf(&text, "[%s]:%u", host, ntohs(at.in6.sin6_port));
	} else {
		n = asprintf(&text, "unix:%.*s", (int)sizeof(at.un.sun_path), at.un.sun_path);
	}
	if (n < 0)
		abort();
	return text;
}

/* Takes fd, which listens already. */
static struct listener *listener_new(struct httpd *h, const struct httpd_listen *conf, int fd)
{
	struct listener *ln = xcalloc(1, sizeof(*ln));

	*ln = (struct listener){
		.h = h,
		.fd = fd,
		.tls = conf->tls,
		.handler = conf->handler,
		.takes_tokens = conf->takes_tokens,
		.address = bound_address(fd),
	};
	ln->resume = loop_timer_new(h->l, listener_resume, ln);
	listener_resume(ln);
	LIST_INSERT_HEAD(&h->listeners, ln, entry);
	return ln;
}

/* Remove a socket that nobody listens on; leave everything else. */
static enum err replace_stale(const struct sockaddr_un *at, const char *address, char **why)
{
	struct stat st;
	bool answered;
	int fd;

	if (lstat(at->sun_path, &st) != 0)
		return errno == ENOENT ? ERR_OK : fail(why, address, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return fail(why, address, "there is a file that is not a socket");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(why, address, strerror(errno));
	answered =
		connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0 || errno != ECONNREFUSED;
	close(fd);
	if (answered)
		return fail(why, address, "somebody else listens there");
	if (unlink(at->sun_path) != 0)
		return fail(why, address, strerror(errno));
	return ERR_OK;
}

static enum err listen_unix(struct httpd *h, const struct httpd_listen *conf, char **why)
{
	const char *path = conf->address + strlen("unix:");
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct listener *ln;
	struct stat st;
	int fd;

	if (path[0] != '/' || strlen(path) >= sizeof(at.sun_path))
		return fail(why, conf->address, "a socket's path is absolute and short");
	strcpy(at.sun_path, path);
	if (replace_stale(&at, conf->address, why) != ERR_OK)
		return ERR_IO;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* fchmod() before bind(): never wider than wanted; chmod() after: in spite of the umask. */
	if (fd < 0 || fchmod(fd, conf->mode) != 0 ||
		bind(fd, (const struct sockaddr *)&at, sizeof(at)) != 0 ||
		chmod(path, conf->mode) != 0 || listen(fd, BACKLOG) != 0 || stat(path, &st) != 0) {
		IGNORE(fail(why, conf->address, strerror(errno)) == ERR_OK);
		if (fd >= 0)
			close(fd);
		return ERR_IO;
	}
	ln = listener_new(h, conf, fd);
	ln->path = xstrdup(path);
	ln->dev = st.st_dev;
	ln->ino = st.st_ino;
	return ERR_OK;
}

static enum err listen_passed(struct httpd *h, const struct httpd_listen *conf, char **why)
{
	int fds[PASSED_MAX];
	size_t n = sd_sockets(conf->address + strlen("systemd:"), fds, PASSED_MAX);

	if (n == 0)
		return fail(why, conf->address, "systemd has passed no socket of that name");
	for (size_t i = 0; i < n; i++) {
		int flags = fcntl(fds[i], F_GETFL);

		if (flags < 0 || fcntl(fds[i], F_SETFL, flags | O_NONBLOCK) != 0)
			return fail(why, conf->address, strerror(errno));
		listener_new(h, conf, fds[i])->is_passed = true;
	}
	return ERR_OK;
}

/* A socket that listens, or -1 and errno. */
static int listening_socket(const struct addrinfo *ai)
{
	int fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1, error;

	if (fd < 0)
		return -1;
	IGNORE(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0);
	if (ai->ai_family == AF_INET6)
		IGNORE(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0);
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

/* Cut "host:port" or "[v6]:port" in two; false if it is neither. host is free(3)d by the caller. */
static bool split_address(const char *address, char **host, const char **port)
{
	const char *colon = strrchr(address, ':');
	size_t n = colon == NULL ? 0 : (size_t)(colon - address);

	if (n == 0 || colon[1] == '\0' || strspn(colon + 1, "0123456789") != strlen(colon + 1) ||
		strtoul(colon + 1, NULL, 10) > 65535)
		return false;
	if (address[0] == '[' && n > 2 && address[n - 1] == ']') {
		address++;
		n -= 2;
	} else if (memchr(address, ':', n) != NULL) {
		return false;
	}
	*host = xstrndup(address, n);
	*port = colon + 1;
	return true;
}

static enum err listen_tcp(struct httpd *h, const struct httpd_listen *conf, char **why)
{
	const struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM };
	CLEANUP(freep) char *host = NULL;
	struct addrinfo *list;
	enum err e = ERR_OK;
	const char *port;
	int rc;

	if (!split_address(conf->address, &host, &port))
		return fail(why, conf->address,
			"want host:port, [v6]:port, unix:/path or systemd:NAME");
	rc = getaddrinfo(host, port, &hints, &list);
	if (rc != 0)
		return fail(why, conf->address, gai_strerror(rc));
	for (const struct addrinfo *ai = list; ai != NULL && e == ERR_OK; ai = ai->ai_next) {
		int fd = listening_socket(ai);

		if (fd < 0)
			e = fail(why, conf->address, strerror(errno));
		else
			IGNORE(listener_new(h, conf, fd) == NULL);
	}
	freeaddrinfo(list);
	return e;
}

enum err httpd_listen(struct httpd *h, const struct httpd_listen *conf, char **why)
{
	if (strncmp(conf->address, "unix:", strlen("unix:")) == 0)
		return listen_unix(h, conf, why);
	if (strncmp(conf->address, "systemd:", strlen("systemd:")) == 0)
		return listen_passed(h, conf, why);
	return listen_tcp(h, conf, why);
}
