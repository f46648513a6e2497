/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "io/secmem.h"
#include "secret/ref.h"

static char dir[] = "/tmp/test_secret.XXXXXX";
static char path[sizeof(dir) + sizeof("/token")];

static void setup(void)
{
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/token", dir);
}

static void teardown(void)
{
	unlink(path);
	rmdir(dir);
}

TestSuite(secret, .init = setup, .fini = teardown);

static void write_token(const char *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, bytes, n), (ssize_t)n);
	close(fd);
}

/* Fetch what must be there. */
static void assert_fetches(enum secret_place place, char *name, const char *expected)
{
	struct secret_ref r = { .place = place, .name = name };
	struct secret *s = NULL;
	char *why = NULL;

	cr_assert_eq(secret_fetch(&r, &s, &why), ERR_OK, "%s", why);
	cr_assert_str_eq(secret_text(s), expected);
	cr_assert_eq(secret_len(s), strlen(expected));
	secret_free(s);
}

static void assert_refuses(enum secret_place place, char *name, enum err expected, const char *word)
{
	struct secret_ref r = { .place = place, .name = name };
	struct secret *s = NULL;
	CLEANUP(freep) char *why = NULL;

	cr_assert_eq(secret_fetch(&r, &s, &why), expected);
	cr_assert_null(s);
	cr_assert_not_null(strstr(why, word), "%s", why);
	cr_assert_null(strstr(why, "hunter2"), "%s", why);
}

Test(secret, is_the_file_without_one_newline)
{
	write_token("hunter2\n\n", 9);
	assert_fetches(SECRET_FILE, path, "hunter2\n");
	write_token("hunter2", 7);
	assert_fetches(SECRET_FILE, path, "hunter2");
}

Test(secret, is_found_among_systemds_credentials)
{
	static char name[] = "token";

	write_token("hunter2\n", 8);
	setenv("CREDENTIALS_DIRECTORY", dir, 1);
	assert_fetches(SECRET_CREDENTIAL, name, "hunter2");
	unsetenv("CREDENTIALS_DIRECTORY");
	assert_refuses(SECRET_CREDENTIAL, name, ERR_NOTFOUND, "$CREDENTIALS_DIRECTORY");
}

Test(secret, credential_cannot_climb_out_of_the_directory)
{
	static char up[] = "../token", dots[] = "..", none[] = "";

	write_token("hunter2", 7);
	setenv("CREDENTIALS_DIRECTORY", dir, 1);
	assert_refuses(SECRET_CREDENTIAL, up, ERR_PARSE, "../token");
	assert_refuses(SECRET_CREDENTIAL, dots, ERR_PARSE, "no path");
	assert_refuses(SECRET_CREDENTIAL, none, ERR_PARSE, "no path");
}

Test(secret, is_found_in_the_environment)
{
	static char name[] = "STAGEWIRE_TEST_TOKEN";

	setenv(name, "hunter2", 1);
	assert_fetches(SECRET_ENV, name, "hunter2");
	unsetenv(name);
	assert_refuses(SECRET_ENV, name, ERR_NOTFOUND, name);
}

Test(secret, that_cannot_be_one_is_refused_without_being_shown)
{
	static char big[65536 + 2];

	assert_refuses(SECRET_FILE, path, ERR_NOTFOUND, path);
	assert_refuses(SECRET_FILE, dir, ERR_IO, "no regular file");
	assert_refuses(SECRET_NONE, NULL, ERR_NOTFOUND, "no secret");
	write_token("\n", 1);
	assert_refuses(SECRET_FILE, path, ERR_PARSE, "empty");
	write_token("hunter2\0x", 9);
	assert_refuses(SECRET_FILE, path, ERR_PARSE, "zero byte");
	memset(big, 'x', sizeof(big));
	write_token(big, 65536 + 1);
	assert_refuses(SECRET_FILE, path, ERR_LIMIT, "64 KiB");
}

Test(secret, of_just_64_kib_is_accepted)
{
	static char big[65536 + 2];

	memset(big, 'x', 65536);
	big[65536] = '\n';
	write_token(big, 65537);
	big[65536] = '\0';
	assert_fetches(SECRET_FILE, path, big);
}

Test(secret, a_fifo_does_not_hang_the_caller)
{
	cr_assert_eq(mkfifo(path, 0600), 0);
	assert_refuses(SECRET_FILE, path, ERR_IO, "no regular file");
}

/* How a child ends that does this to a secret's memory. */
static int status_of_child(void (*misuse)(struct secret *s))
{
	static const struct rlimit no_core = { 0, 0 };
	int status = 0;
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &no_core);
		misuse(secret_new("hunter2", 7));
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static void misuse_nothing(struct secret *s)
{
	secret_free(s);
}

static void misuse_write(struct secret *s)
{
	char *text;

	memcpy(&text, &(const char *){ secret_text(s) }, sizeof(text));
	*(volatile char *)text = 'x';
}

static void misuse_overread(struct secret *s)
{
	volatile char c = secret_text(s)[secret_len(s) + 1];

	(void)c;
}

Test(secret, lies_in_memory_that_can_neither_be_written_nor_overrun)
{
	cr_assert_eq(status_of_child(misuse_nothing), 0);
	cr_assert_neq(status_of_child(misuse_write), 0);
	cr_assert_neq(status_of_child(misuse_overread), 0);
}

Test(secret, is_freed_as_nothing_too)
{
	char bytes[] = "hunter2";

	secret_free(NULL);
	secret_wipe(bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		cr_assert_eq(bytes[i], 0);
}
