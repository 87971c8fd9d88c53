// SPDX-License-Identifier: GPL-2.0
/*
 * posix - what a directory owes a program, in KTAP
 *
 * posix [OPTION]... DIR
 *   -l         list the cases and end
 *   -t CASE    only this one, or those that a pattern fits; may be repeated
 *   -o DIR     the same directory, seen in another way: a second mount, ...
 *   -s NAME    beneath DIR, a filesystem of a megabyte or less, to be filled
 *   -q NAME    beneath DIR, one where user 1001 has a quota that is smaller
 *   -n COUNT   entries of a large directory (1000)
 *   -k FILE    known differences, of which those count that are about
 *   -m MODE    this mode
 *   -T SECONDS for one case (120)
 *
 * A case that is known to differ fails if it passes after all, so that the
 * list stays true. The exit status is 0 if none has failed, 1 if one has, 2 if
 * it could not begin.
 */
#include <fnmatch.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "posix.h"

#define STATUS_FAILED	1
#define STATUS_SKIPPED	4
#define MAX_PATTERNS	64
/* What takes longer is told, in milliseconds */
#define SLOW		2000

struct posix_options posix_options = { .entries = 1000 };

static struct posix_case *cases;
static const char *patterns[MAX_PATTERNS];
static unsigned int pattern_count;
static unsigned int seconds = 120;

/* Sorted by name, in whatever order the linker put them */
void posix_add(struct posix_case *one)
{
	struct posix_case **at = &cases;

	while (*at && strcmp((*at)->name, one->name) < 0)
		at = &(*at)->next;
	one->next = *at;
	*at = one;
}

static bool case_exists(const char *name)
{
	const struct posix_case *one;

	for (one = cases; one; one = one->next) {
		if (!strcmp(one->name, name))
			return true;
	}
	return false;
}

static bool case_is_wanted(const struct posix_case *one)
{
	unsigned int i;

	for (i = 0; i < pattern_count; i++) {
		if (!fnmatch(patterns[i], one->name, 0))
			return true;
	}
	return !pattern_count;
}

static unsigned int wanted_count(void)
{
	const struct posix_case *one;
	unsigned int count = 0;

	for (one = cases; one; one = one->next)
		count += case_is_wanted(one);
	return count;
}

static void list_cases(void)
{
	const struct posix_case *one;

	for (one = cases; one; one = one->next) {
		if (case_is_wanted(one))
			printf("%s\n", one->name);
	}
}

/* Runs in the child, in a folder of the case's own */
static void run_in(const struct posix_case *one, const char *folder)
{
	if (setpgid(0, 0) || mkdir(folder, 0755) || chdir(folder)) {
		printf("# %s: %s\n", folder, strerror(errno));
		fflush(stdout);
		_exit(STATUS_FAILED);
	}
	umask(022);
	alarm(seconds);
	one->run();
	fflush(stdout);
	_exit(0);
}

/* Its status, 128 and more for a signal */
static int run_case(const struct posix_case *one)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		return 128;
	if (!pid)
		run_in(one, one->name);
	if (waitpid(pid, &status, 0) != pid)
		return 128;
	/* What it has started and not ended */
	kill(-pid, SIGKILL);
	remove_tree(one->name);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
				     WEXITSTATUS(status);
}

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The same, and a remark if it took long */
static int run_timed(const struct posix_case *one)
{
	long began = now_ms();
	int status = run_case(one);
	long took = now_ms() - began;

	if (took > SLOW)
		printf("# %s took %ld ms\n", one->name, took);
	return status;
}

static const char *signal_remark(int status)
{
	if (status == 128 + SIGALRM)
		return "# it took too long\n";
	return status > 128 ? "# a signal ended it\n" : "";
}

/* Prints the result; true unless it failed */
static bool report(const struct posix_case *one, unsigned int number,
		   int status)
{
	const char *known = known_reason(one->name);

	if (status == STATUS_SKIPPED) {
		printf("ok %u %s # SKIP cannot be tried here\n", number,
		       one->name);
		return true;
	}
	if (known && status) {
		printf("ok %u %s # SKIP known: %s\n", number, one->name, known);
		return true;
	}
	if (known) {
		printf("# it is listed as a known difference: %s\n", known);
		printf("not ok %u %s # it works\n", number, one->name);
		return false;
	}
	printf("%s%sok %u %s\n", signal_remark(status), status ? "not " : "",
	       number, one->name);
	return !status;
}

static int run_cases(void)
{
	const struct posix_case *one;
	unsigned int number = 0;
	int failed = 0;

	printf("KTAP version 1\n1..%u\n", wanted_count());
	for (one = cases; one; one = one->next) {
		if (!case_is_wanted(one))
			continue;
		if (!report(one, ++number, run_timed(one)))
			failed = 1;
		fflush(stdout);
	}
	return failed;
}

/* A folder of this run's own in @dir, to work in; the other view of it */
static int enter(const char *dir)
{
	static char top[PATH_MAX];
	static char seen[PATH_MAX];
	int length;

	if (!realpath(dir, top))
		return -1;
	length = strlen(top);
	snprintf(top + length, sizeof(top) - length, "/posix.%d", getpid());
	if (posix_options.other) {
		snprintf(seen, sizeof(seen), "%s%s", posix_options.other,
			 top + length);
		posix_options.other = seen;
	}
	if (mkdir(top, 0755) || chmod(top, 0755))
		return -1;
	return chdir(top);
}

static const char *known_file;
static const char *known_mode = "";

static int parse(int argc, char **argv)
{
	bool list = false;
	int option;

	while ((option = getopt(argc, argv, "lt:o:s:q:n:k:m:T:")) != -1) {
		switch (option) {
		case 'l':
			list = true;
			break;
		case 't':
			if (pattern_count == MAX_PATTERNS)
				return 2;
			patterns[pattern_count++] = optarg;
			break;
		case 'o':
			posix_options.other = optarg;
			break;
		case 's':
			posix_options.small = optarg;
			break;
		case 'q':
			posix_options.quota = optarg;
			break;
		case 'n':
			posix_options.entries = strtoul(optarg, NULL, 10);
			break;
		case 'k':
			known_file = optarg;
			break;
		case 'm':
			known_mode = optarg;
			break;
		case 'T':
			seconds = strtoul(optarg, NULL, 10);
			break;
		default:
			return 2;
		}
	}
	if (!list)
		return optind == argc - 1 ? 0 : 2;
	list_cases();
	exit(0);
}

int main(int argc, char **argv)
{
	char folder[32];
	int failed;

	if (parse(argc, argv)) {
		fprintf(stderr, "usage: posix [OPTION]... DIR; see main.c\n");
		return 2;
	}
	if (!wanted_count()) {
		fprintf(stderr, "posix: there is no such case\n");
		return 2;
	}
	if (known_file && (known_read(known_file, known_mode) ||
			   !known_all_exist(case_exists)))
		return 2;
	if (enter(argv[optind])) {
		fprintf(stderr, "posix: %s: %s\n", argv[optind],
			strerror(errno));
		return 2;
	}
	failed = run_cases();
	snprintf(folder, sizeof(folder), "../posix.%d", getpid());
	remove_tree(folder);
	return failed;
}
