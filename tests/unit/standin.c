/* SPDX-License-Identifier: Apache-2.0 */
#include "standin.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/defs.h"

void standin_start(struct standin *s)
{
	char path[sizeof(s->unix_path)];

	snprintf(path, sizeof(path), "/tmp/standin-%d.sock", (int)getpid());
	standin_start_script(s, "http_standin.py", path);
	memcpy(s->unix_path, path, sizeof(path));
}

void standin_start_script(struct standin *s, const char *name, const char *argument)
{
	const char *top = getenv("top_srcdir");
	char script[4096], copy[256], port[16] = "";
	char python[] = "python3";
	char *argv[] = { python, script, copy, NULL };
	posix_spawn_file_actions_t fds;
	int in[2], out[2], failed;
	bool started;
	FILE *from;
	pid_t pid;

	snprintf(script, sizeof(script), "%s/tests/tools/%s", top == NULL ? "." : top, name);
	snprintf(copy, sizeof(copy), "%s", argument);
	s->unix_path[0] = '\0';
	signal(SIGPIPE, SIG_IGN);
	cr_assert_eq(pipe2(in, O_CLOEXEC), 0);
	cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
	posix_spawn_file_actions_init(&fds);
	posix_spawn_file_actions_adddup2(&fds, in[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&fds, out[1], STDOUT_FILENO);
	failed = posix_spawnp(&pid, python, &fds, NULL, argv, environ);
	cr_assert_eq(failed, 0);
	posix_spawn_file_actions_destroy(&fds);
	close(in[0]);
	close(out[1]);
	from = fdopen(out[0], "r");
	started = fgets(port, sizeof(port), from) != NULL;
	fclose(from);
	cr_assert(started, "the stand-in did not start");
	s->stdin_fd = in[1];
	s->port = atoi(port);
	snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%d", s->port);
}

void standin_stop(struct standin *s)
{
	if (s->stdin_fd < 0)
		return;
	close(s->stdin_fd);
	s->stdin_fd = -1;
	if (s->unix_path[0] != '\0')
		unlink(s->unix_path);
}

struct deadline {
	struct loop *loop;
	bool passed;
};

static void on_deadline(void *ctx)
{
	struct deadline *d = ctx;

	d->passed = true;
	loop_stop(d->loop);
}

void loop_run_until(struct loop *l, const bool *done)
{
	struct deadline d = { .loop = l };
	struct loop_timer *timer = loop_timer_new(l, on_deadline, &d);

	loop_timer_set(timer, 10000);
	while (!*done && !d.passed)
		cr_assert_eq(loop_run(l), ERR_OK);
	loop_timer_free(timer);
	cr_assert(*done, "it did not happen within 10 seconds");
}

struct look {
	struct loop *loop;
	bool (*holds)(const void *arg);
	const void *arg;
	struct loop_timer *timer;
	bool done;
};

static void on_look(void *ctx)
{
	struct look *w = ctx;

	w->done = w->holds(w->arg);
	if (w->done)
		loop_stop(w->loop);
	else
		loop_timer_set(w->timer, 2);
}

void loop_wait_for(struct loop *l, bool (*holds)(const void *arg), const void *arg)
{
	struct look w = { .loop = l, .holds = holds, .arg = arg };

	w.timer = loop_timer_new(l, on_look, &w);
	loop_timer_set(w.timer, 0);
	loop_run_until(l, &w.done);
	loop_timer_free(w.timer);
}
