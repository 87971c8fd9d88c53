// SPDX-License-Identifier: GPL-2.0
/*
 * Sizes: files that are cut and stretched, holes, offsets beyond 32 bits, and
 * that zeros are where nothing was written.
 */
#include <signal.h>
#include <sys/resource.h>
#include <sys/sendfile.h>

#include "posix.h"

#define GIB	(1LL << 30)

static void is_zero(int fd, off_t from, size_t size)
{
	char *found = malloc(size);
	size_t i;

	CHECK(found);
	EQ(OK(pread(fd, found, size, from)), size);
	for (i = 0; i < size; i++) {
		if (found[i])
			FAIL("byte %lld is %d", (long long)(from + i),
			     found[i]);
	}
	free(found);
}

CASE(size_shrinks)
{
	put("f", "0123456789");
	OK(truncate("f", 4));
	has("f", "0123");
	OK(truncate("f", 0));
	has("f", "");
}

CASE(size_grows_with_zeros)
{
	int fd = open_file("f");

	EQ(OK(write(fd, "abc", 3)), 3);
	OK(ftruncate(fd, 10000));
	EQ(fstat_of(fd).st_size, 10000);
	is_zero(fd, 3, 9997);
	EQ(OK(lseek(fd, 0, SEEK_CUR)), 3);
}

/* What was cut off does not come back */
CASE(size_shrinks_and_grows)
{
	char data[9000];
	int fd = open_file("f");

	memset(data, 'x', sizeof(data));
	EQ(OK(write(fd, data, sizeof(data))), sizeof(data));
	OK(ftruncate(fd, 100));
	OK(ftruncate(fd, 9000));
	is_zero(fd, 100, 8900);
	OK(ftruncate(fd, 50));
	EQ(OK(pwrite(fd, "y", 1, 8000)), 1);
	is_zero(fd, 50, 7950);
}

CASE(size_far_beyond_the_end)
{
	int fd = open_file("f");

	OK(ftruncate(fd, 5 * GIB));
	EQ(fstat_of(fd).st_size, 5 * GIB);
	is_zero(fd, 5 * GIB - 100, 100);
	EQ(OK(pread(fd, (char [8]) { }, 8, 5 * GIB)), 0);
	CHECK(fstat_of(fd).st_blocks < 1000);
}

CASE(size_refused)
{
	put("f", "data");
	OK(mkdir("d", 0755));
	FAILS(EINVAL, truncate("f", -1));
	FAILS(EISDIR, truncate("d", 0));
	FAILS(ENOENT, truncate("no", 0));
	FAILS(ENOTDIR, truncate("f/x", 0));
	has("f", "data");
}

CASE(size_through_a_symlink)
{
	put("f", "data");
	OK(symlink("f", "l"));
	OK(truncate("l", 2));
	has("f", "da");
}

static void truncate_readable(void)
{
	FAILS(EACCES, truncate("f", 0));
	FAILS(EINVAL, ftruncate(OK(open("f", O_RDONLY)), 0));
}

CASE(size_needs_the_right_to_write)
{
	put("f", "data");
	run_as(ALICE, ALICE, truncate_readable);
	has("f", "data");
}

static void truncate_own(void)
{
	int fd = OK(open("d/f", O_RDWR | O_CREAT, 0644));

	EQ(OK(write(fd, "data", 4)), 4);
	OK(fchmod(fd, 0));
	OK(ftruncate(fd, 1));
	EQ(fstat_of(fd).st_size, 1);
}

/* A descriptor keeps the rights it was opened with */
CASE(size_by_descriptor_after_chmod)
{
	OK(mkdir("d", 0755));
	OK(chown("d", ALICE, ALICE));
	run_as(ALICE, ALICE, truncate_own);
}

CASE(size_limit_of_the_process)
{
	struct rlimit limit = { 1000, 1000 };
	int fd = open_file("f");

	signal(SIGXFSZ, SIG_IGN);
	OK(setrlimit(RLIMIT_FSIZE, &limit));
	EQ(OK(pwrite(fd, "0123456789", 10, 995)), 5);
	FAILS(EFBIG, pwrite(fd, "x", 1, 1000));
	FAILS(EFBIG, ftruncate(fd, 1001));
	EQ(fstat_of(fd).st_size, 1000);
}

CASE(size_offsets_of_64_bits)
{
	static const off_t places[] = {
		(1LL << 31) - 2, (1LL << 32) - 2, 5 * GIB + 1,
	};
	int fd = open_file("f");
	char got[4];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(places); i++)
		EQ(OK(pwrite(fd, "word", 4, places[i])), 4);
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		EQ(OK(pread(fd, got, 4, places[i])), 4);
		EQ(memcmp(got, "word", 4), 0);
	}
	EQ(fstat_of(fd).st_size, 5 * GIB + 5);
	EQ(OK(lseek(fd, -3, SEEK_END)), 5 * GIB + 2);
	EQ(OK(read(fd, got, 4)), 3);
	is_zero(fd, 3 * GIB, 100);
}

CASE(size_offsets_that_there_are_not)
{
	int fd = open_file("f");
	char byte = 0;

	FAILS(EINVAL, pwrite(fd, &byte, 1, -1));
	FAILS(EINVAL, pread(fd, &byte, 1, -5));
	FAILS(EINVAL, lseek(fd, -1, SEEK_SET));
	FAILS_EITHER(EFBIG, EINVAL, pwrite(fd, &byte, 1, INT64_MAX));
	EQ(fstat_of(fd).st_size, 0);
}

CASE(size_reads_at_the_end)
{
	int fd = open_file("f");
	char got[100];

	EQ(OK(write(fd, "12345", 5)), 5);
	EQ(OK(pread(fd, got, 100, 0)), 5);
	EQ(OK(pread(fd, got, 100, 4)), 1);
	EQ(OK(pread(fd, got, 100, 5)), 0);
	EQ(OK(pread(fd, got, 100, 1000)), 0);
	EQ(OK(pread(fd, got, 0, 0)), 0);
	EQ(OK(write(fd, got, 0)), 0);
	EQ(fstat_of(fd).st_size, 5);
}

CASE(size_large_writes_are_whole)
{
	size_t size = 3 * 1024 * 1024 + 77;
	char *data = malloc(size);
	char *found = malloc(size);
	int fd = open_file("f");
	size_t done = 0;
	ssize_t got;

	CHECK(data && found);
	fill(data, size, 5);
	EQ(OK(write(fd, data, size)), size);
	while (done < size) {
		got = OK(pread(fd, found + done, size - done, done));
		CHECK(got > 0);
		done += got;
	}
	EQ(memcmp(data, found, size), 0);
}

CASE(size_of_every_alignment)
{
	static const unsigned int places[] = {
		0, 1, 511, 4095, 4096, 4097, 8191, 65535,
	};
	static char whole[80000];
	static char found[80000];
	int fd = open_file("f");
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		fill(whole + places[i], 5000, i);
		EQ(OK(pwrite(fd, whole + places[i], 5000, places[i])), 5000);
	}
	EQ(OK(pread(fd, found, sizeof(found), 0)), 70535);
	EQ(memcmp(whole, found, 70535), 0);
}

CASE(size_written_backwards)
{
	char data[300];
	int fd = open_file("f");
	int i;

	fill(data, sizeof(data), 9);
	for (i = sizeof(data) - 1; i >= 0; i -= 7)
		EQ(OK(pwrite(fd, data + i, 1, 4000 + i)), 1);
	for (i = sizeof(data) - 1; i >= 0; i -= 7) {
		char got;

		EQ(OK(pread(fd, &got, 1, 4000 + i)), 1);
		EQ(got, data[i]);
	}
	is_zero(fd, 0, 4000);
}

/* As much of SEEK_HOLE as every filesystem has: the end is a hole */
CASE(size_holes_at_least_at_the_end)
{
	int fd = open_file("f");

	EQ(OK(write(fd, "data", 4)), 4);
	EQ(OK(lseek(fd, 0, SEEK_DATA)), 0);
	EQ(OK(lseek(fd, 2, SEEK_DATA)), 2);
	EQ(OK(lseek(fd, 0, SEEK_HOLE)), 4);
	FAILS(ENXIO, lseek(fd, 4, SEEK_DATA));
	FAILS(ENXIO, lseek(fd, 5, SEEK_HOLE));
}

CASE(size_holes_are_found)
{
	int fd = open_file("f");
	off_t hole;

	EQ(OK(pwrite(fd, "a", 1, 0)), 1);
	EQ(OK(pwrite(fd, "b", 1, 1 << 20)), 1);
	OK(fsync(fd));
	hole = OK(lseek(fd, 0, SEEK_HOLE));
	CHECK(hole > 0 && hole <= 1 << 16);
	EQ(OK(lseek(fd, hole, SEEK_DATA)), 1 << 20);
}

CASE(size_holes_take_no_space)
{
	int fd = open_file("f");

	EQ(OK(pwrite(fd, "end", 3, GIB)), 3);
	OK(fsync(fd));
	is_zero(fd, GIB / 2, 4096);
	CHECK(fstat_of(fd).st_blocks < 2048);
}

CASE(size_blocks_are_counted)
{
	static char data[256 * 1024];
	int fd = open_file("f");

	fill(data, sizeof(data), 1);
	EQ(OK(write(fd, data, sizeof(data))), sizeof(data));
	OK(fsync(fd));
	CHECK(fstat_of(fd).st_blocks >= (blkcnt_t)(sizeof(data) / 512));
}

CASE(size_allocated_ahead)
{
	int fd = open_file("f");

	OK(fallocate(fd, 0, 0, 100000));
	EQ(fstat_of(fd).st_size, 100000);
	OK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 200000));
	EQ(fstat_of(fd).st_size, 100000);
	is_zero(fd, 0, 1000);
}

CASE(size_hole_is_punched)
{
	char data[20000];
	int fd = open_file("f");

	memset(data, 'x', sizeof(data));
	EQ(OK(write(fd, data, sizeof(data))), sizeof(data));
	OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096,
		     8192));
	is_zero(fd, 4096, 8192);
	EQ(fstat_of(fd).st_size, 20000);
}

CASE(size_allocated_by_the_library)
{
	int fd = open_file("f");

	EQ(posix_fallocate(fd, 0, 50000), 0);
	EQ(fstat_of(fd).st_size, 50000);
	is_zero(fd, 40000, 10000);
}

CASE(size_copied_in_the_kernel)
{
	char data[100000];
	char found[100000];
	off_t from = 0;
	off_t to = 0;
	int a = open_file("a");
	int b = open_file("b");
	size_t done = 0;

	fill(data, sizeof(data), 3);
	EQ(OK(write(a, data, sizeof(data))), sizeof(data));
	while (done < sizeof(data)) {
		ssize_t got = OK(copy_file_range(a, &from, b, &to,
						 sizeof(data) - done, 0));

		CHECK(got > 0);
		done += got;
	}
	EQ(OK(pread(b, found, sizeof(found), 0)), sizeof(found));
	EQ(memcmp(data, found, sizeof(data)), 0);
}

CASE(size_sent_in_the_kernel)
{
	char data[70000];
	char found[70000];
	int a = open_file("a");
	int b = open_file("b");
	off_t from = 0;

	fill(data, sizeof(data), 4);
	EQ(OK(write(a, data, sizeof(data))), sizeof(data));
	while (from < (off_t)sizeof(data))
		CHECK(OK(sendfile(b, a, &from, sizeof(data) - from)) > 0);
	EQ(OK(pread(b, found, sizeof(found), 0)), sizeof(found));
	EQ(memcmp(data, found, sizeof(data)), 0);
}

CASE(size_synced)
{
	int fd = open_file("f");
	int dir = OK(open(".", O_RDONLY | O_DIRECTORY));

	EQ(OK(write(fd, "data", 4)), 4);
	OK(fdatasync(fd));
	OK(fsync(fd));
	OK(fsync(dir));
	OK(syncfs(fd));
	if (posix_options.other)
		has(other("f"), "data");
}

CASE(size_written_is_seen_by_other_processes)
{
	int fd = open_file("f");
	pid_t child;

	EQ(OK(write(fd, "data", 4)), 4);
	fflush(stdout);
	child = OK(fork());
	if (!child) {
		has("f", "data");
		put("f", "changed");
		_exit(0);
	}
	wait_for(child);
	fd_has(fd, "changed");
	EQ(fstat_of(fd).st_size, 7);
}
