// SPDX-License-Identifier: GPL-2.0
/* What cases share: files, users, processes that take turns. */
#include <dirent.h>
#include <ftw.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <time.h>

#include "posix.h"

static void end_case(int status, const char *prefix, const char *format,
		     va_list list)
{
	printf("# %s", prefix);
	vprintf(format, list);
	printf("\n");
	fflush(stdout);
	_exit(status);
}

void posix_fail(const char *file, int line, const char *format, ...)
{
	const char *name = strrchr(file, '/');
	char prefix[80];
	va_list list;

	snprintf(prefix, sizeof(prefix), "%s:%d: ", name ? name + 1 : file,
		 line);
	va_start(list, format);
	end_case(1, prefix, format, list);
	_exit(1);
}

void posix_skip(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	end_case(4, "", format, list);
	_exit(4);
}

void posix_equal(const char *file, int line, const char *what,
		 long long found, long long wanted)
{
	if (found != wanted)
		posix_fail(file, line, "%s is %lld (%#llo), not %lld (%#llo)",
			   what, found, found, wanted, wanted);
}

void posix_fails(const char *file, int line, const char *what, long result,
		 int found, int one, int two)
{
	if (result != -1)
		posix_fail(file, line, "%s gave %ld, wanted: %s", what, result,
			   strerror(one));
	if (found != one && (!two || found != two))
		posix_fail(file, line, "%s: %s, wanted: %s", what,
			   strerror(found), strerror(one));
}

void put(const char *path, const char *text)
{
	int fd = OK(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));

	EQ(OK(write(fd, text, strlen(text))), strlen(text));
	OK(close(fd));
}

int open_file(const char *path)
{
	return OK(open(path, O_RDWR | O_CREAT, 0644));
}

void fd_has(int fd, const char *text)
{
	char found[4096];
	ssize_t size = OK(pread(fd, found, sizeof(found) - 1, 0));

	found[size] = 0;
	if (strcmp(found, text))
		FAIL("found '%s', wanted '%s'", found, text);
}

void has(const char *path, const char *text)
{
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		FAIL("%s: %s", path, strerror(errno));
	fd_has(fd, text);
	OK(close(fd));
}

void is_absent(const char *path)
{
	struct stat st;

	if (!lstat(path, &st))
		FAIL("%s is there", path);
	if (errno != ENOENT)
		FAIL("%s: %s", path, strerror(errno));
}

struct stat stat_of(const char *path)
{
	struct stat st;

	if (lstat(path, &st))
		FAIL("%s: %s", path, strerror(errno));
	return st;
}

struct stat fstat_of(int fd)
{
	struct stat st;

	OK(fstat(fd, &st));
	return st;
}

unsigned int mode_of(const char *path)
{
	return stat_of(path).st_mode & 07777;
}

unsigned int count_of(const char *path)
{
	DIR *dir = opendir(path);
	unsigned int count = 0;
	struct dirent *entry;

	if (!dir)
		FAIL("%s: %s", path, strerror(errno));
	while ((entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			count++;
	}
	closedir(dir);
	return count;
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *place)
{
	(void)st;
	(void)type;
	(void)place;
	return remove(path) && errno != ENOENT;
}

void remove_tree(const char *path)
{
	if (nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS) &&
	    errno != ENOENT)
		printf("# %s cannot be removed: %s\n", path, strerror(errno));
}

void fill(void *buffer, size_t size, unsigned int seed)
{
	unsigned char *to = buffer;
	size_t i;

	for (i = 0; i < size; i++)
		to[i] = (i * 7 + (i >> 8) + seed * 31) & 0xff;
}

void sleep_ms(unsigned int ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&time, NULL);
}

const char *other(const char *path)
{
	static char found[PATH_MAX];
	char here[PATH_MAX];

	if (!posix_options.other)
		posix_skip("needs -o, another view of the directory");
	if (!getcwd(here, sizeof(here)))
		FAIL("getcwd: %s", strerror(errno));
	snprintf(found, sizeof(found), "%s%s/%s", posix_options.other,
		 strrchr(here, '/'), path);
	return found;
}

static void as_user(uid_t uid, gid_t gid)
{
	OK(setgroups(0, NULL));
	OK(setresgid(gid, gid, gid));
	OK(setresuid(uid, uid, uid));
}

void run_as(uid_t uid, gid_t gid, void (*function)(void))
{
	pid_t child;

	fflush(stdout);
	child = OK(fork());
	if (!child) {
		as_user(uid, gid);
		function();
		fflush(stdout);
		_exit(0);
	}
	wait_for(child);
}

pid_t start(void (*function)(void))
{
	pid_t child;

	fflush(stdout);
	child = OK(fork());
	if (!child) {
		function();
		fflush(stdout);
		_exit(0);
	}
	return child;
}

void wait_for(pid_t child)
{
	int status;

	EQ(OK(waitpid(child, &status, 0)), child);
	if (WIFSIGNALED(status))
		FAIL("a child was ended by signal %d", WTERMSIG(status));
	/* It has said why */
	if (WEXITSTATUS(status))
		_exit(WEXITSTATUS(status));
}

void turns_init(struct turns *turns)
{
	OK(pipe(turns->pipes[0]));
	OK(pipe(turns->pipes[1]));
}

void turn_give(struct turns *turns, int end)
{
	EQ(OK(write(turns->pipes[end][1], "", 1)), 1);
}

/* A child that has ended instead of taking its turn has said why */
static void child_lives(void)
{
	int status;

	if (waitpid(-1, &status, WNOHANG) > 0)
		_exit(WIFEXITED(status) && WEXITSTATUS(status) ?
		      WEXITSTATUS(status) : 1);
}

void turn_take(struct turns *turns, int end)
{
	struct pollfd wait = {
		.fd = turns->pipes[!end][0],
		.events = POLLIN,
	};
	char got;

	while (!OK(poll(&wait, 1, 100))) {
		if (!end)
			child_lives();
	}
	EQ(OK(read(turns->pipes[!end][0], &got, 1)), 1);
}
