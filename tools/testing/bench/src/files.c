// SPDX-License-Identifier: GPL-2.0
/* Work on many small files, and listing directories. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"

#define FEW	100
#define MANY	10000

static const char content[64] = "sixty-four bytes of a small file that somebody wrote and reads";

static int create_file(struct job *job, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);

	if (fd < 0)
		return job_fail(job, "create %s", path);
	errno = 0;
	if (write(fd, content, sizeof(content)) != sizeof(content)) {
		job_fail(job, "write %s", path);
		close(fd);
		return -1;
	}
	return close(fd) ? job_fail(job, "close %s", path) : 0;
}

/* How many entries, without . and .. */
static int entries_of(struct job *job, const char *path, unsigned int *count)
{
	struct dirent *entry;
	DIR *dir;

	*count = 0;
	dir = opendir(path);
	if (!dir)
		return job_fail(job, "opendir %s", path);
	errno = 0;
	while ((entry = readdir(dir)))
		*count += strcmp(entry->d_name, ".") &&
			  strcmp(entry->d_name, "..");
	if (errno) {
		closedir(dir);
		return job_fail(job, "readdir %s", path);
	}
	return closedir(dir) ? job_fail(job, "closedir %s", path) : 0;
}

/**
 * files_fill - see to it that a directory has that many files, f0 and so on
 * @job: the job
 * @path: the directory, made if need be
 * @count: how many
 *
 * Return: 0 or -1.
 */
int files_fill(struct job *job, const char *path, unsigned int count)
{
	char name[BENCH_PATH + 16];
	unsigned int i, found;

	if (mkdir(path, 0755) && errno != EEXIST)
		return job_fail(job, "mkdir %s", path);
	if (entries_of(job, path, &found))
		return -1;
	snprintf(name, sizeof(name), "%s/f%u", path, count - 1);
	if (found == count && !access(name, F_OK))
		return 0;
	if (found && job_empty(job, path))
		return -1;
	for (i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%s/f%u", path, i);
		if (create_file(job, name))
			return -1;
	}
	return 0;
}

static int files_none(struct job *job)
{
	char path[BENCH_PATH];

	if (job_path(job, path, "files"))
		return -1;
	if (mkdir(path, 0755) && errno != EEXIST)
		return job_fail(job, "mkdir %s", path);
	return job_empty(job, path);
}

static int files_all(struct job *job)
{
	char path[BENCH_PATH];

	return job_path(job, path, "files") ? -1 :
	       files_fill(job, path, job_count(job));
}

/* Call something for each file of the job, by its name in this directory */
static int each(struct job *job, int (*act)(struct job *, const char *))
{
	unsigned int i, count = job_count(job);
	char name[16];

	for (i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		if (act(job, name))
			return -1;
		job->ops++;
	}
	return 0;
}

static int create_one(struct job *job, const char *path)
{
	job->bytes += sizeof(content);
	return create_file(job, path);
}

static int stat_one(struct job *job, const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return job_fail(job, "stat %s", path);
	errno = 0;
	return st.st_size == sizeof(content) ? 0 :
	       job_fail(job, "%s is %lld bytes long", path,
			(long long)st.st_size);
}

static int open_one(struct job *job, const char *path)
{
	char buffer[sizeof(content) + 1];
	ssize_t size;
	int fd;

	fd = open(path, O_RDONLY);
	if (fd < 0)
		return job_fail(job, "open %s", path);
	size = read(fd, buffer, sizeof(buffer));
	if (size < 0) {
		job_fail(job, "read %s", path);
		close(fd);
		return -1;
	}
	if (close(fd))
		return job_fail(job, "close %s", path);
	errno = 0;
	if (size != sizeof(content) || memcmp(buffer, content, size))
		return job_fail(job, "wrong data in %s", path);
	job->bytes += size;
	return 0;
}

static int rename_one(struct job *job, const char *path)
{
	char target[32];

	snprintf(target, sizeof(target), "%s.new", path);
	return rename(path, target) ? job_fail(job, "rename %s", path) : 0;
}

static int unlink_one(struct job *job, const char *path)
{
	return unlink(path) ? job_fail(job, "unlink %s", path) : 0;
}

static int files_create(struct job *job)
{
	return each(job, create_one);
}

static int files_stat(struct job *job)
{
	return each(job, stat_one);
}

static int files_open(struct job *job)
{
	return each(job, open_one);
}

static int files_rename(struct job *job)
{
	return each(job, rename_one);
}

static int files_unlink(struct job *job)
{
	return each(job, unlink_one);
}

static int shared_path(struct job *job, char *path, bool many)
{
	int len = snprintf(path, BENCH_PATH, "%s/%s", job->setup->dir,
			   many ? "many" : "few");

	errno = 0;
	return len < BENCH_PATH ? 0 : job_fail(job, "a path is too long");
}

/**
 * files_shared - make the two directories that are only listed
 * @job: any job
 *
 * Return: 0 or -1.
 */
int files_shared(struct job *job)
{
	char path[BENCH_PATH];

	if (shared_path(job, path, false) || files_fill(job, path, FEW))
		return -1;
	return shared_path(job, path, true) ? -1 : files_fill(job, path, MANY);
}

/* One process makes them, for all */
static int readdir_prepare(struct job *job)
{
	return job->proc ? 0 : files_shared(job);
}

static int list(struct job *job, bool many)
{
	unsigned int i, found, count = job_count(job);
	unsigned int wanted = many ? MANY : FEW;

	for (i = 0; i < count; i++) {
		if (entries_of(job, ".", &found))
			return -1;
		errno = 0;
		if (found != wanted)
			return job_fail(job, "%u entries listed, there are %u",
					found, wanted);
		job->ops++;
	}
	return 0;
}

static int readdir_few(struct job *job)
{
	return list(job, false);
}

static int readdir_many(struct job *job)
{
	return list(job, true);
}

static int nothing(struct job *job)
{
	job->ops = 1;
	return 0;
}

#define FILES(name_, where_, count_, prepare_, run_) {			\
	.name = name_, .group = "files", .where = where_, .count = count_, \
	.prepare = prepare_, .run = run_ }

const struct work files_works[] = {
	FILES("create", "files", 200, files_none, files_create),
	FILES("stat", "files", 200, files_all, files_stat),
	FILES("open", "files", 200, files_all, files_open),
	FILES("readdir-100", "../few", 20, readdir_prepare, readdir_few),
	FILES("readdir-10000", "../many", 1, readdir_prepare, readdir_many),
	FILES("rename", "files", 200, files_all, files_rename),
	FILES("unlink", "files", 200, files_all, files_unlink),
	{ .name = "nothing", .group = "none", .where = "files", .count = 1,
	  .hidden = true, .prepare = files_none, .run = nothing },
	{ }
};
