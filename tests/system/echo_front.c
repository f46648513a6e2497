/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The front with a handler that tells what it has read, which the daemon rightly
 * never does. The hostile and the differential test talk to it. It listens on a
 * port of the system's choice, prints the address, and ends when its standard
 * input does.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/codec.h"
#include "base/json_write.h"
#include "io/httpd.h"
#include "io/loop.h"

#define BODY_MAX 65536

static struct httpd_verdict on_head(void *ctx, struct httpd_req *req)
{
	(void)ctx;
	(void)req;
	return (struct httpd_verdict){ .body_max = BODY_MAX };
}

static const char *method_of(const struct httpd_req *req)
{
	if (httpd_req_is_post(req))
		return "POST";
	return httpd_req_is_head(req) ? "HEAD" : "GET";
}

static void on_request(void *ctx, struct httpd_req *req)
{
	static char hex[2 * BODY_MAX + 1];
	CLEANUP(buf_release) struct buf text;
	struct span body = httpd_req_body(req);
	struct json_writer w;

	(void)ctx;
	hex_encode(body.p, body.n, hex);
	buf_init(&text, 4 * BODY_MAX);
	json_writer_init(&w, &text);
	json_object_begin(&w);
	json_member_str(&w, "method", method_of(req));
	json_member_span(&w, "path", httpd_req_path(req));
	json_member_span(&w, "query", httpd_req_query(req));
	json_member_str(&w, "body", hex);
	json_object_end(&w);
	if (json_done(&w) != ERR_OK)
		abort();
	httpd_reply(req, &(struct httpd_answer){
				 .status = 200,
				 .content_type = "application/json",
				 .body = buf_span(&text),
			 });
}

static void on_stdin(void *ctx, unsigned ready)
{
	char byte;

	(void)ready;
	if (read(STDIN_FILENO, &byte, 1) <= 0)
		loop_stop(ctx);
}

int main(int argc, char **argv)
{
	const struct httpd_limits limits = {
		.head_max = 16384,
		.uri_max = 2048,
		.fields_max = 64,
		.request_ms = argc > 1 ? strtoimax(argv[1], NULL, 10) : 10000,
		.body_ms_per_mib = 1000,
		.idle_ms = argc > 2 ? strtoimax(argv[2], NULL, 10) : 5000,
		.requests_max = 100,
		.connections_max = 512,
		.connections_per_address = 512,
		.inflight_max = 1 << 26,
		.output_pause = 65536,
	};
	struct loop *l = loop_new();
	struct httpd *h = httpd_new(l, &limits);
	struct loop_watch *input = loop_watch_new(l, STDIN_FILENO, LOOP_READ, on_stdin, l);
	struct httpd_listen conf = {
		.address = "127.0.0.1:0",
		.handler = { .on_head = on_head, .on_request = on_request },
	};
	char *why = NULL;
	enum err e = httpd_listen(h, &conf, &why);

	if (e == ERR_OK) {
		printf("%s\n", httpd_address(h, 0));
		fflush(stdout);
		e = loop_run(l);
	} else {
		fprintf(stderr, "%s\n", why);
	}
	free(why);
	httpd_free(h);
	loop_watch_free(input);
	loop_free(l);
	return e == ERR_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
