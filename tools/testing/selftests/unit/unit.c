// SPDX-License-Identifier: GPL-2.0
/*
 * The harness: runs each test in a child, with a limit on its time, and prints
 * KTAP. Arguments are parts of the names of the tests to run.
 */
#include <errno.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

#define TEST_SECONDS	300

static struct unit_test *tests;
static struct unit_test **last = &tests;
static uint64_t random_state;

void unit_add(struct unit_test *test)
{
	*last = test;
	last = &test->next;
}

void unit_fail(const char *file, int line, const char *format, ...)
{
	const char *name = strrchr(file, '/');
	va_list args;

	printf("# %s:%d: ", name ? name + 1 : file, line);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	/* Without the sanitizers' search for leaks: a failed test has some */
	_exit(1);
}

uint64_t unit_random(void)
{
	/* xorshift64*, by Vigna */
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * 0x2545F4914F6CDD1DULL;
}

uint64_t unit_below(uint64_t limit)
{
	return (unit_random() >> 16) % limit;
}

void *unit_copy(const void *from, size_t size)
{
	void *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	memcpy(copy, from, size);
	return copy;
}

static bool wanted(const struct unit_test *test, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (strstr(test->name, argv[i]))
			return true;
	}
	return argc == 1;
}

static void seed(void)
{
	const char *text = getenv("UNIT_SEED");

	random_state = text ? strtoull(text, NULL, 0) : 0;
	random_state = random_state * 2 + 0x9E3779B97F4A7C15ULL;
}

static int run(struct unit_test *test)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		/* What sanitizers say belongs to the test's diagnostics */
		dup2(STDOUT_FILENO, STDERR_FILENO);
		alarm(TEST_SECONDS);
		seed();
		test->run();
		exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		perror("unit: fork and waitpid");
		exit(2);
	}
	if (WIFSIGNALED(status))
		printf("# ended by signal %d\n", WTERMSIG(status));
	return status;
}

int main(int argc, char **argv)
{
	struct unit_test *test;
	int count = 0, number = 0, failed = 0;

	for (test = tests; test; test = test->next)
		count += wanted(test, argc, argv);
	printf("KTAP version 1\n1..%d\n", count);
	for (test = tests; test; test = test->next) {
		if (!wanted(test, argc, argv))
			continue;
		if (run(test)) {
			printf("not ok %d %s\n", ++number, test->name);
			failed++;
		} else {
			printf("ok %d %s\n", ++number, test->name);
		}
	}
	return failed || !count ? 1 : 0;
}
