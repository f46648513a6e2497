/* SPDX-License-Identifier: Apache-2.0 */
#include "io/sd.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "base/defs.h"

/* Without $NOTIFY_SOCKET, or when it does not listen, nobody needs to know. */
static void notify(const char *state)
{
	IGNORE(sd_notify(0, state) < 0);
}

void sd_ready(void)
{
	notify("READY=1");
}

void sd_stopping(void)
{
	notify("STOPPING=1");
}

void sd_reloading(void)
{
	char state[64];
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
		(int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	notify(state);
}

void sd_status(const char *text)
{
	char state[256];

	/* A second line would be another assignment. */
	snprintf(state, sizeof(state), "STATUS=%.*s", (int)strcspn(text, "\n"), text);
	notify(state);
}

void sd_watchdog_feed(void)
{
	notify("WATCHDOG=1");
}

int64_t sd_watchdog_interval_ms(void)
{
	uint64_t limit_us;
	int64_t half_ms;

	if (sd_watchdog_enabled(0, &limit_us) <= 0)
		return 0;
	half_ms = (int64_t)(limit_us / 2000);
	return half_ms > 0 ? half_ms : 1;
}

size_t sd_sockets(const char *name, int *fds, size_t max)
{
	char **names = NULL;
	int passed = sd_listen_fds_with_names(0, &names);
	size_t stored = 0;

	for (int i = 0; i < passed; i++) {
		int fd = SD_LISTEN_FDS_START + i;

		if (stored < max && strcmp(names[i], name) == 0 &&
			sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) > 0)
			fds[stored++] = fd;
		free(names[i]);
	}
	free(names);
	return stored;
}
