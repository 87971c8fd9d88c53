// SPDX-License-Identifier: GPL-2.0
/* What the flags of open() promise, and what open() must refuse. */
#include <sys/uio.h>

#include "posix.h"

CASE(open_append_goes_to_the_end)
{
	int fd;

	put("f", "one");
	fd = OK(open("f", O_RDWR | O_APPEND));
	EQ(OK(write(fd, "two", 3)), 3);
	OK(lseek(fd, 0, SEEK_SET));
	EQ(OK(write(fd, "three", 5)), 5);
	EQ(OK(lseek(fd, 0, SEEK_CUR)), 11);
	has("f", "onetwothree");
}

CASE(open_append_follows_others)
{
	int append;
	int plain;

	put("f", "one");
	append = OK(open("f", O_WRONLY | O_APPEND));
	plain = OK(open("f", O_WRONLY));
	EQ(OK(pwrite(plain, "longer text", 11, 0)), 11);
	EQ(OK(write(append, "!", 1)), 1);
	has("f", "longer text!");
	OK(ftruncate(plain, 2));
	EQ(OK(write(append, "!", 1)), 1);
	has("f", "lo!");
}

CASE(open_append_set_later)
{
	int fd = open_file("f");
	int plain = open_file("f");

	EQ(OK(write(plain, "12345", 5)), 5);
	OK(fcntl(fd, F_SETFL, O_APPEND));
	EQ(OK(write(fd, "6", 1)), 1);
	has("f", "123456");
	OK(fcntl(fd, F_SETFL, 0));
	EQ(OK(pwrite(fd, "0", 1, 0)), 1);
	has("f", "023456");
}

#define RECORD	32
#define RECORDS	15

static void append_records(void)
{
	int fd = OK(open("f", O_WRONLY | O_APPEND));
	char record[RECORD];
	int i;

	memset(record, 'a' + getpid() % 26, sizeof(record));
	for (i = 0; i < RECORDS; i++)
		EQ(OK(write(fd, record, RECORD)), RECORD);
	OK(close(fd));
}

CASE(open_append_of_several_processes)
{
	char record[RECORD];
	pid_t children[3];
	unsigned int i;
	int fd;

	put("f", "");
	for (i = 0; i < ARRAY_SIZE(children); i++)
		children[i] = start(append_records);
	for (i = 0; i < ARRAY_SIZE(children); i++)
		wait_for(children[i]);
	EQ(stat_of("f").st_size, ARRAY_SIZE(children) * RECORDS * RECORD);
	fd = OK(open("f", O_RDONLY));
	while (OK(read(fd, record, RECORD)) == RECORD) {
		for (i = 1; i < RECORD; i++)
			EQ(record[i], record[0]);
	}
}

CASE(open_excl_refuses_what_is_there)
{
	int flags = O_WRONLY | O_CREAT | O_EXCL;

	OK(close(OK(open("f", flags, 0644))));
	FAILS(EEXIST, open("f", flags, 0644));
	OK(symlink("nowhere", "l"));
	FAILS(EEXIST, open("l", flags, 0644));
	OK(mkdir("d", 0755));
	FAILS(EEXIST, open("d", flags, 0644));
	is_absent("nowhere");
}

static void try_exclusive(void)
{
	char name[16];
	int i;

	for (i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		if (open(name, O_WRONLY | O_CREAT | O_EXCL, 0644) >= 0)
			EQ(OK(write(OK(open("won", O_WRONLY | O_APPEND)),
				    "w", 1)), 1);
		else if (errno != EEXIST)
			FAIL("%s: %s", name, strerror(errno));
	}
}

/* Of two that want to be first, one is */
CASE(open_excl_has_one_winner)
{
	pid_t child;

	put("won", "");
	child = start(try_exclusive);
	try_exclusive();
	wait_for(child);
	EQ(stat_of("won").st_size, 30);
}

CASE(open_creat_takes_what_is_there)
{
	int fd;

	put("f", "data");
	OK(chmod("f", 0600));
	fd = OK(open("f", O_RDWR | O_CREAT, 0777));
	fd_has(fd, "data");
	EQ(mode_of("f"), 0600);
}

CASE(open_creat_through_a_symlink)
{
	OK(symlink("f", "l"));
	put("l", "data");
	has("f", "data");
	EQ(S_ISLNK(stat_of("l").st_mode), 1);
}

CASE(open_creat_mode_and_umask)
{
	umask(027);
	OK(close(OK(open("a", O_WRONLY | O_CREAT, 0666))));
	EQ(mode_of("a"), 0640);
	umask(0);
	OK(close(OK(open("b", O_WRONLY | O_CREAT, 04751))));
	EQ(mode_of("b"), 04751);
}

static void creat_without_rights(void)
{
	int fd = OK(open("d/f", O_RDWR | O_CREAT | O_EXCL, 0));

	EQ(OK(write(fd, "mine", 4)), 4);
	fd_has(fd, "mine");
	FAILS(EACCES, open("d/f", O_RDONLY));
}

/* The mode counts from the next open on */
CASE(open_creat_without_rights)
{
	OK(mkdir("d", 0755));
	OK(chown("d", ALICE, ALICE));
	run_as(ALICE, ALICE, creat_without_rights);
	EQ(mode_of("d/f"), 0);
	EQ(stat_of("d/f").st_uid, ALICE);
}

CASE(open_trunc_empties)
{
	int before;
	ino_t ino;

	put("f", "long content");
	ino = stat_of("f").st_ino;
	before = OK(open("f", O_RDONLY));
	OK(close(OK(open("f", O_WRONLY | O_TRUNC))));
	EQ(stat_of("f").st_size, 0);
	EQ(stat_of("f").st_ino, ino);
	fd_has(before, "");
}

static void trunc_a_strangers_file(void)
{
	FAILS(EACCES, open("f", O_WRONLY | O_TRUNC));
}

CASE(open_trunc_needs_the_right_to_write)
{
	put("f", "kept");
	run_as(ALICE, ALICE, trunc_a_strangers_file);
	has("f", "kept");
}

CASE(open_for_one_direction)
{
	char byte;
	int fd;

	put("f", "data");
	fd = OK(open("f", O_RDONLY));
	FAILS(EBADF, write(fd, "x", 1));
	FAILS(EINVAL, ftruncate(fd, 0));
	fd = OK(open("f", O_WRONLY));
	FAILS(EBADF, read(fd, &byte, 1));
	has("f", "data");
}

CASE(open_directory_to_write)
{
	OK(mkdir("d", 0755));
	FAILS(EISDIR, open("d", O_WRONLY));
	FAILS(EISDIR, open("d", O_RDWR));
	FAILS(EISDIR, open("d", O_RDONLY | O_CREAT, 0644));
	FAILS(EISDIR, open("d", O_WRONLY | O_TRUNC));
	FAILS(EISDIR, read(OK(open("d", O_RDONLY)), (char [1]) { }, 1));
}

CASE(open_o_directory)
{
	put("f", "");
	OK(mkdir("d", 0755));
	OK(symlink("d", "l"));
	FAILS(ENOTDIR, open("f", O_RDONLY | O_DIRECTORY));
	OK(close(OK(open("d", O_RDONLY | O_DIRECTORY))));
	OK(close(OK(open("l", O_RDONLY | O_DIRECTORY))));
}

CASE(open_nofollow)
{
	put("f", "");
	OK(symlink("f", "l"));
	FAILS(ELOOP, open("l", O_RDONLY | O_NOFOLLOW));
	OK(close(OK(open("f", O_RDONLY | O_NOFOLLOW))));
}

CASE(open_path_only)
{
	struct stat st;
	char byte;
	int fd;

	put("f", "data");
	OK(chmod("f", 0));
	fd = OK(open("f", O_PATH));
	FAILS(EBADF, read(fd, &byte, 1));
	st = fstat_of(fd);
	EQ(st.st_size, 4);
	OK(symlink("f", "l"));
	fd = OK(open("l", O_PATH | O_NOFOLLOW));
	EQ(S_ISLNK(fstat_of(fd).st_mode), 1);
}

CASE(open_what_is_not_there)
{
	put("f", "");
	FAILS(ENOENT, open("no", O_RDONLY));
	FAILS(ENOENT, open("no/f", O_WRONLY | O_CREAT, 0644));
	FAILS(ENOTDIR, open("f/g", O_RDONLY));
	FAILS(ENOENT, open("", O_RDONLY));
	FAILS(EISDIR, open("no/", O_WRONLY | O_CREAT, 0644));
}

/* Sizes and addresses that every device takes */
#define BLOCK	4096

CASE(open_direct)
{
	char *block = aligned_alloc(BLOCK, 4 * BLOCK);
	char *found = aligned_alloc(BLOCK, 4 * BLOCK);
	int fd = OK(open("f", O_RDWR | O_CREAT | O_DIRECT, 0644));
	int plain = OK(open("f", O_RDWR));

	CHECK(block && found);
	fill(block, 4 * BLOCK, 1);
	EQ(OK(write(fd, block, 4 * BLOCK)), 4 * BLOCK);
	EQ(OK(pread(fd, found, 4 * BLOCK, 0)), 4 * BLOCK);
	EQ(memcmp(block, found, 4 * BLOCK), 0);
	memset(found, 0, BLOCK);
	EQ(OK(pread(plain, found, BLOCK, BLOCK)), BLOCK);
	EQ(memcmp(block + BLOCK, found, BLOCK), 0);
	EQ(OK(pread(fd, found, BLOCK, 8 * BLOCK)), 0);
}

/* What others wrote through a cache is what direct reads see, and back */
CASE(open_direct_and_cached_agree)
{
	char *block = aligned_alloc(BLOCK, BLOCK);
	char found[BLOCK];
	int plain = open_file("f");
	int direct;

	CHECK(block);
	fill(block, BLOCK, 2);
	EQ(OK(write(plain, block, BLOCK)), BLOCK);
	EQ(OK(pread(plain, found, BLOCK, 0)), BLOCK);
	direct = OK(open("f", O_RDWR | O_DIRECT));
	memset(block, 0, BLOCK);
	EQ(OK(pread(direct, block, BLOCK, 0)), BLOCK);
	EQ(memcmp(block, found, BLOCK), 0);
	fill(block, BLOCK, 3);
	EQ(OK(pwrite(direct, block, BLOCK, 0)), BLOCK);
	EQ(OK(pread(plain, found, BLOCK, 0)), BLOCK);
	EQ(memcmp(block, found, BLOCK), 0);
}

static void write_with(const char *name, int flag)
{
	int fd = OK(open(name, O_RDWR | O_CREAT | flag, 0644));

	CHECK((OK(fcntl(fd, F_GETFL)) & flag) == flag);
	EQ(OK(write(fd, "synced", 6)), 6);
	if (posix_options.other)
		has(other(name), "synced");
	fd_has(fd, "synced");
	OK(close(fd));
}

/* Written is written: whoever looks from elsewhere sees it at once */
CASE(open_sync)
{
	write_with("sync", O_SYNC);
	write_with("dsync", O_DSYNC);
}

CASE(open_sync_many_writes)
{
	int fd = OK(open("f", O_WRONLY | O_CREAT | O_DSYNC | O_APPEND, 0644));
	int i;

	for (i = 0; i < 15; i++) {
		EQ(OK(write(fd, "0123456789", 10)), 10);
		if (posix_options.other)
			EQ(stat_of(other("f")).st_size, 10 * (i + 1));
	}
	EQ(stat_of("f").st_size, 150);
}

static void open_noatime(void)
{
	FAILS(EPERM, open("f", O_RDONLY | O_NOATIME));
}

CASE(open_noatime_is_for_the_owner)
{
	put("f", "data");
	run_as(ALICE, ALICE, open_noatime);
	OK(close(OK(open("f", O_RDONLY | O_NOATIME))));
}

CASE(open_the_same_file_often)
{
	int fds[30];
	unsigned int i;

	put("f", "data");
	for (i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = OK(open("f", i % 2 ? O_RDWR : O_RDONLY));
	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		fd_has(fds[i], "data");
		OK(close(fds[i]));
	}
}

CASE(open_offsets_are_each_descriptors)
{
	int a = open_file("f");
	int b = OK(open("f", O_RDONLY));
	int c = OK(dup(a));
	char got[2];

	EQ(OK(write(a, "abcdef", 6)), 6);
	EQ(OK(read(b, got, 2)), 2);
	EQ(memcmp(got, "ab", 2), 0);
	EQ(OK(lseek(c, 0, SEEK_CUR)), 6);
	OK(lseek(c, 3, SEEK_SET));
	EQ(OK(read(a, got, 2)), 2);
	EQ(memcmp(got, "de", 2), 0);
}

CASE(open_vectors)
{
	char one[3] = "abc", two[5] = "defgh";
	struct iovec parts[2] = { { one, 3 }, { two, 5 } };
	char back[8];
	struct iovec whole[2] = { { back, 1 }, { back + 1, 7 } };
	int fd = open_file("f");

	EQ(OK(pwritev(fd, parts, 2, 10)), 8);
	EQ(OK(preadv(fd, whole, 2, 10)), 8);
	EQ(memcmp(back, "abcdefgh", 8), 0);
	EQ(fstat_of(fd).st_size, 18);
}
