/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sysexits.h>

#include "conf/conf.h"
#include "daemon/daemon.h"
#include "io/crypto.h"

#define EXIT_USAGE 2

static const char usage[] =
	"usage: stagewired [-c FILE] [--check-config | --print-config]\n"
	"\n"
	"  -c, --config FILE   read this configuration (" CONF_PATH_DEFAULT ")\n"
	"      --check-config  say whether it is good, and stop\n"
	"      --print-config  print it with all defaults filled in, and stop\n"
	"  -V, --version\n"
	"  -h, --help\n";

enum mode {
	MODE_RUN,
	MODE_CHECK,
	MODE_PRINT,
};

struct command {
	enum mode mode;
	const char *conf_path;
};

enum {
	OPT_CHECK = 256,
	OPT_PRINT,
};

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "check-config", no_argument, NULL, OPT_CHECK },
	{ "print-config", no_argument, NULL, OPT_PRINT },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* Exits where there is nothing left to do. */
static struct command command_read(int argc, char **argv)
{
	struct command cmd = { .conf_path = CONF_PATH_DEFAULT };
	int opt;

	while ((opt = getopt_long(argc, argv, "c:Vh", options, NULL)) != -1) {
		switch (opt) {
		case 'c': cmd.conf_path = optarg; break;
		case OPT_CHECK: cmd.mode = MODE_CHECK; break;
		case OPT_PRINT: cmd.mode = MODE_PRINT; break;
		case 'V': puts(PACKAGE_STRING); exit(EXIT_SUCCESS);
		case 'h': fputs(usage, stdout); exit(EXIT_SUCCESS);
		default: fputs(usage, stderr); exit(EXIT_USAGE);
		}
	}
	if (optind < argc) {
		fputs(usage, stderr);
		exit(EXIT_USAGE);
	}
	return cmd;
}

static int fail(char *why, int status)
{
	fprintf(stderr, "stagewired: %s\n", why == NULL ? "cannot start" : why);
	free(why);
	return status;
}

static int run(const char *conf_path, struct conf *conf)
{
	struct daemon d;
	char *why = NULL;
	enum err e = daemon_start(&d, conf_path, conf, &why);

	if (e == ERR_OK)
		e = daemon_run(&d);
	daemon_release(&d);
	return e == ERR_OK ? EXIT_SUCCESS : fail(why, EXIT_FAILURE);
}

int main(int argc, char **argv)
{
	struct command cmd = command_read(argc, argv);
	struct conf *conf = NULL;
	char *why = NULL;

	/* Secrets must not reach a core file, whatever core_pattern says. */
	prctl(PR_SET_DUMPABLE, 0);
	if (crypto_init() != ERR_OK)
		return fail(NULL, EXIT_FAILURE);
	if (conf_load(cmd.conf_path, &conf, &why) != ERR_OK)
		return fail(why, EX_CONFIG);
	switch (cmd.mode) {
	case MODE_CHECK:
		printf("%s: ok\n", cmd.conf_path);
		conf_free(conf);
		return EXIT_SUCCESS;
	case MODE_PRINT:
		conf_print(conf, stdout);
		conf_free(conf);
		return EXIT_SUCCESS;
	case MODE_RUN: break;
	}
	return run(cmd.conf_path, conf);
}
