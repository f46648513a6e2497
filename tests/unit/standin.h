/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_STANDIN_H
#define TESTS_UNIT_STANDIN_H

#include <stdbool.h>

#include "io/loop.h"

/*
 * A script of tests/tools as a child of this test: a server that prints its port.
 * It ends with the test, however that ends.
 */
struct standin {
	int stdin_fd;
	int port;
	char url[64];       /* "http://127.0.0.1:PORT" */
	char unix_path[64]; /* http_standin.py listens here too */
};

/* http_standin.py; see there for the behaviours that a path can ask for. */
void standin_start(struct standin *s);

/* Another script, with one argument. */
void standin_start_script(struct standin *s, const char *name, const char *argument);

/* May be called again. */
void standin_stop(struct standin *s);

/* Run the loop until *done, whose setter calls loop_stop(); fails the test after 10 seconds. */
void loop_run_until(struct loop *l, const bool *done);

/* Run the loop until something holds, looked at often; fails the test after 10 seconds. */
void loop_wait_for(struct loop *l, bool (*holds)(const void *arg), const void *arg);

#endif
