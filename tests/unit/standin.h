/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_STANDIN_H
#define TESTS_UNIT_STANDIN_H

#include <stdbool.h>

#include "io/loop.h"

/*
 * tests/tools/http_standin.py as a child of this test. It ends with the test,
 * however that ends. See there for the behaviours that a path can ask for.
 */
struct standin {
	int stdin_fd;
	int port;
	char url[64];       /* "http://127.0.0.1:PORT" */
	char unix_path[64]; /* it listens here too */
};

void standin_start(struct standin *s);
void standin_stop(struct standin *s);

/* Run the loop until *done, whose setter calls loop_stop(); fails the test after 10 seconds. */
void loop_run_until(struct loop *l, const bool *done);

#endif
