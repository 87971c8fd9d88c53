// SPDX-License-Identifier: GPL-2.0
/* Reading and writing a file of 16 MiB, in order and at random. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"

#define MEBI		(1024 * 1024)
#define FILE_SIZE	(16 * MEBI)
#define PAGE		4096
#define DATA		"data"

/*
 * Each page of the file begins with its number, so that data from a wrong place
 * is noticed at hardly any cost.
 */
static void stamp(unsigned char *buffer, size_t size, uint64_t offset)
{
	uint32_t page;
	size_t i;

	for (i = 0; i < size; i += PAGE) {
		page = (offset + i) / PAGE;
		memcpy(buffer + i, &page, sizeof(page));
	}
}

static int verify(struct job *job, const unsigned char *buffer, size_t size,
		  uint64_t offset)
{
	uint32_t page;
	size_t i;

	for (i = 0; i < size; i += PAGE) {
		memcpy(&page, buffer + i, sizeof(page));
		errno = 0;
		if (page != (offset + i) / PAGE)
			return job_fail(job, "wrong data at offset %llu",
					(unsigned long long)(offset + i));
	}
	return 0;
}

static int move_all(struct job *job, int fd, unsigned char *buffer,
		    size_t size, uint64_t offset, bool out)
{
	ssize_t done;

	while (size) {
		errno = 0;
		done = out ? pwrite(fd, buffer, size, offset) :
			     pread(fd, buffer, size, offset);
		if (done <= 0)
			return job_fail(job, "%s at offset %llu",
					out ? "write" : "read",
					(unsigned long long)offset);
		buffer += done;
		size -= done;
		offset += done;
	}
	return 0;
}

static int data_write_file(struct job *job, const char *path)
{
	unsigned char *buffer;
	uint64_t offset;
	int fd, ret = 0;

	buffer = calloc(1, MEBI);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || !buffer)
		ret = job_fail(job, "create %s", path);
	for (offset = 0; !ret && offset < FILE_SIZE; offset += MEBI) {
		stamp(buffer, MEBI, offset);
		ret = move_all(job, fd, buffer, MEBI, offset, true);
	}
	/* What was not written yet is not to be measured later */
	if (!ret && fsync(fd))
		ret = job_fail(job, "fsync %s", path);
	if (fd >= 0 && close(fd) && !ret)
		ret = job_fail(job, "close %s", path);
	free(buffer);
	return ret;
}

/* What the process reads into and writes from, touched before it is measured */
static unsigned char *block_buffer;

static int data_prepare(struct job *job)
{
	char path[BENCH_PATH];
	struct stat st;

	block_buffer = aligned_alloc(PAGE, job->work->block);
	if (!block_buffer)
		return job_fail(job, "no memory for a block");
	memset(block_buffer, 0, job->work->block);
	if (job_path(job, path, DATA))
		return -1;
	if (!stat(path, &st) && st.st_size == FILE_SIZE)
		return 0;
	return data_write_file(job, path);
}

/* Where the next operation goes: in order, or from a linear congruence */
static uint64_t next_offset(struct job *job, unsigned int i, uint32_t *seed)
{
	size_t block = job->work->block;
	unsigned int blocks = FILE_SIZE / block;

	if (strncmp(job->work->name, "rand", 4))
		return (uint64_t)(i % blocks) * block;
	*seed = *seed * 1664525 + 1013904223;
	return (uint64_t)((*seed >> 8) % blocks) * block;
}

static int data_loop(struct job *job, int fd, bool out)
{
	uint32_t seed = 1 + job->proc + 1000 * job->round;
	unsigned int i, count = job_count(job);
	size_t block = job->work->block;
	unsigned char *buffer = block_buffer;
	uint64_t offset;
	int ret = 0;

	for (i = 0; !ret && i < count; i++) {
		offset = next_offset(job, i, &seed);
		if (out)
			stamp(buffer, block, offset);
		ret = move_all(job, fd, buffer, block, offset, out);
		if (!ret && !out)
			ret = verify(job, buffer, block, offset);
	}
	if (out && !ret && fsync(fd))
		ret = job_fail(job, "fsync");
	job->ops = count;
	job->bytes = (uint64_t)count * block;
	return ret;
}

static int data_run(struct job *job, bool out)
{
	int fd, ret;

	fd = open(DATA, out ? O_WRONLY : O_RDONLY);
	if (fd < 0)
		return job_fail(job, "open " DATA);
	ret = data_loop(job, fd, out);
	if (close(fd) && !ret)
		ret = job_fail(job, "close " DATA);
	return ret;
}

static int data_read(struct job *job)
{
	return data_run(job, false);
}

static int data_write(struct job *job)
{
	return data_run(job, true);
}

#define WORK(name_, count_, block_, run_) {				\
	.name = name_, .group = "data", .count = count_,		\
	.block = block_, .prepare = data_prepare, .run = run_ }

const struct work data_works[] = {
	WORK("write-4k", 512, 4096, data_write),
	WORK("write-64k", 128, 65536, data_write),
	WORK("write-1m", 16, MEBI, data_write),
	WORK("randwrite-4k", 512, 4096, data_write),
	WORK("read-4k", 512, 4096, data_read),
	WORK("read-64k", 128, 65536, data_read),
	WORK("read-1m", 16, MEBI, data_read),
	WORK("randread-4k", 512, 4096, data_read),
	{ }
};
