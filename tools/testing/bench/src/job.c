// SPDX-License-Identifier: GPL-2.0
/* What every work needs: errors, paths, commands. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

/**
 * job_fail - note why a job failed
 * @job: the job
 * @format: what went wrong, as printf() takes it; errno's text is appended if
 *	errno is set
 *
 * Return: -1.
 */
int job_fail(struct job *job, const char *format, ...)
{
	int err = errno;
	va_list args;
	size_t len;

	va_start(args, format);
	vsnprintf(job->error, sizeof(job->error), format, args);
	va_end(args);
	len = strlen(job->error);
	if (err)
		snprintf(job->error + len, sizeof(job->error) - len, ": %s",
			 strerror(err));
	return -1;
}

/**
 * job_count - how many operations this job is to do
 * @job: the job
 *
 * Return: the work's number, scaled, at least 1.
 */
unsigned int job_count(const struct job *job)
{
	uint64_t count = (uint64_t)job->work->count * job->setup->scale / 100;

	return count ? count : 1;
}

/**
 * job_path - a path beneath the job's own directory
 * @job: the job
 * @path: where to put it, BENCH_PATH bytes
 * @format: the rest of it, as printf() takes it
 *
 * Return: 0, or -1 if it is too long.
 */
int job_path(struct job *job, char *path, const char *format, ...)
{
	int len = snprintf(path, BENCH_PATH, "%s/", job->dir);
	va_list args;

	va_start(args, format);
	if (len < BENCH_PATH)
		len += vsnprintf(path + len, BENCH_PATH - len, format, args);
	va_end(args);
	errno = 0;
	return len < BENCH_PATH ? 0 : job_fail(job, "a path is too long");
}

static void job_exec(char *const argv[], bool quiet)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0) {
		perror("bench: /dev/null");
		return;
	}
	/* Standard output is for results alone */
	dup2(null, STDIN_FILENO);
	dup2(quiet ? null : STDERR_FILENO, STDOUT_FILENO);
	execvp(argv[0], argv);
	fprintf(stderr, "bench: %s: %s\n", argv[0], strerror(errno));
	close(null);
}

/**
 * job_command - run a program and wait for it
 * @job: the job
 * @argv: its name and arguments
 * @quiet: throw away what it prints
 *
 * Return: 0 if it ended with 0, else -1.
 */
int job_command(struct job *job, char *const argv[], bool quiet)
{
	int status;
	pid_t pid;

	pid = fork();
	if (pid < 0)
		return job_fail(job, "fork");
	if (!pid) {
		job_exec(argv, quiet);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return job_fail(job, "waiting for %s", argv[0]);
	}
	if (status) {
		errno = 0;
		return job_fail(job, "%s ended with status %d%s", argv[0],
				WIFEXITED(status) ? WEXITSTATUS(status) :
				128 + WTERMSIG(status),
				WIFEXITED(status) && WEXITSTATUS(status) == 127 ?
				" (is it installed?)" : "");
	}
	return 0;
}

/**
 * job_empty - remove the files in a directory
 * @job: the job
 * @path: the directory; it has no subdirectories
 *
 * Return: 0 or -1.
 */
int job_empty(struct job *job, const char *path)
{
	struct dirent *entry;
	int ret = 0;
	DIR *dir;

	dir = opendir(path);
	if (!dir)
		return job_fail(job, "opendir %s", path);
	while (!ret && (entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (unlinkat(dirfd(dir), entry->d_name, 0))
			ret = job_fail(job, "unlink %s/%s", path, entry->d_name);
	}
	closedir(dir);
	return ret;
}
