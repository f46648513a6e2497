/* SPDX-License-Identifier: Apache-2.0 */
#include "io/sd.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/defs.h"

/* A socket in the abstract namespace, in systemd's place. */
static int listen_as_systemd(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	char name[64];

	snprintf(name, sizeof(name), "@test_sd.%d", (int)getpid());
	memcpy(at.sun_path + 1, name + 1, strlen(name) - 1);
	cr_assert_eq(bind(fd, (struct sockaddr *)&at,
			     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
		0);
	cr_assert_eq(setenv("NOTIFY_SOCKET", name, 1), 0);
	return fd;
}

static void expect_note(int fd, const char *start)
{
	char note[256] = { 0 };

	cr_assert_gt(recv(fd, note, sizeof(note) - 1, MSG_DONTWAIT), 0);
	cr_assert_eq(strncmp(note, start, strlen(start)), 0, "%s", note);
}

Test(sd, tells_systemd_what_happens)
{
	int fd = listen_as_systemd();

	sd_ready();
	expect_note(fd, "READY=1");
	sd_status("two\nREADY=1");
	expect_note(fd, "STATUS=two");
	sd_watchdog_feed();
	expect_note(fd, "WATCHDOG=1");
	sd_reloading();
	expect_note(fd, "RELOADING=1\nMONOTONIC_USEC=");
	sd_stopping();
	expect_note(fd, "STOPPING=1");
	close(fd);
}

Test(sd, keeps_a_status_to_its_one_line)
{
	int fd = listen_as_systemd();
	char note[256] = { 0 };

	sd_status("two\nREADY=1");
	cr_assert_eq(recv(fd, note, sizeof(note) - 1, MSG_DONTWAIT), (ssize_t)strlen("STATUS=two"));
	close(fd);
}

Test(sd, feeds_the_watchdog_twice_in_its_time)
{
	char pid[16];

	unsetenv("WATCHDOG_USEC");
	cr_assert_eq(sd_watchdog_interval_ms(), 0);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	setenv("WATCHDOG_USEC", "3000000", 1);
	cr_assert_eq(sd_watchdog_interval_ms(), 1500);
	setenv("WATCHDOG_USEC", "1000", 1);
	cr_assert_eq(sd_watchdog_interval_ms(), 1);
}

/* In a child of ours, whose descriptors 3 to 5 nobody misses; returns its verdict. */
static int take_passed_sockets(void)
{
	int listening = fcntl(socket(AF_UNIX, SOCK_STREAM, 0), F_DUPFD, 20);
	int plain = fcntl(socket(AF_UNIX, SOCK_STREAM, 0), F_DUPFD, 20);
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char pid[16];
	int fds[4];

	/* An address of no length is a name of the kernel's choice. */
	if (bind(listening, (struct sockaddr *)&at, sizeof(at.sun_family)) != 0 ||
		listen(listening, 1) != 0)
		return 1;
	if (dup2(listening, 3) != 3 || dup2(listening, 4) != 4 || dup2(plain, 5) != 5)
		return 2;
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "3", 1);
	setenv("LISTEN_FDNAMES", "admin:hooks:hooks", 1);
	if (sd_sockets("hooks", fds, 4) != 1 || fds[0] != 4)
		return 3; /* the one at 5 does not listen */
	if (sd_sockets("admin", fds, 4) != 1 || fds[0] != 3)
		return 4;
	if (sd_sockets("admin", fds, 0) != 0 || sd_sockets("other", fds, 4) != 0)
		return 5;
	return 0;
}

Test(sd, finds_passed_sockets_by_name)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(take_passed_sockets());
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0, "step %d", WEXITSTATUS(status));
}

Test(sd, does_nothing_without_systemd)
{
	int fds[1];

	unsetenv("NOTIFY_SOCKET");
	unsetenv("LISTEN_FDS");
	sd_ready();
	cr_assert_eq(sd_sockets("hooks", fds, 1), 0);
}
