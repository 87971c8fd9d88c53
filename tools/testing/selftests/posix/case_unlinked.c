// SPDX-License-Identifier: GPL-2.0
/*
 * A file or directory that is open outlives its name, until the last
 * descriptor is closed: that is what every temporary file relies on.
 */
#include <dirent.h>
#include <sys/mman.h>

#include "posix.h"

/* Open, with a text, and without a name */
static int open_unlinked(const char *text)
{
	int fd = open_file("f");

	EQ(OK(write(fd, text, strlen(text))), strlen(text));
	OK(unlink("f"));
	is_absent("f");
	return fd;
}

CASE(unlinked_is_read_and_written)
{
	int fd = open_unlinked("before");

	fd_has(fd, "before");
	EQ(OK(pwrite(fd, "BE", 2, 0)), 2);
	EQ(OK(write(fd, "+", 1)), 1);
	fd_has(fd, "BEfore+");
	OK(fsync(fd));
	fd_has(fd, "BEfore+");
}

CASE(unlinked_has_attributes)
{
	int fd = open_file("f");
	struct stat before;
	struct stat after;

	put("f", "content");
	before = fstat_of(fd);
	OK(unlink("f"));
	after = fstat_of(fd);
	EQ(after.st_ino, before.st_ino);
	EQ(after.st_size, 7);
	EQ(after.st_nlink, 0);
	EQ(after.st_mode, before.st_mode);
}

CASE(unlinked_is_truncated)
{
	int fd = open_unlinked("0123456789");

	OK(ftruncate(fd, 4));
	fd_has(fd, "0123");
	EQ(fstat_of(fd).st_size, 4);
	OK(ftruncate(fd, 1 << 20));
	EQ(fstat_of(fd).st_size, 1 << 20);
}

CASE(unlinked_changes_attributes)
{
	struct timespec times[2] = { { 1000, 0 }, { 2000, 0 } };
	int fd = open_unlinked("x");
	struct stat st;

	OK(fchmod(fd, 0640));
	OK(fchown(fd, ALICE, TEAM));
	OK(futimens(fd, times));
	st = fstat_of(fd);
	EQ(st.st_mode & 07777, 0640);
	EQ(st.st_uid, ALICE);
	EQ(st.st_gid, TEAM);
	EQ(st.st_atime, 1000);
	EQ(st.st_mtime, 2000);
}

CASE(unlinked_changes_attributes_after_closing_another)
{
	int fd = open_file("f");
	int second = OK(open("f", O_RDONLY));

	OK(unlink("f"));
	OK(close(fd));
	OK(fchmod(second, 0600));
	EQ(fstat_of(second).st_mode & 07777, 0600);
	EQ(fstat_of(second).st_nlink, 0);
}

CASE(unlinked_name_is_free)
{
	int fd = open_unlinked("old");
	int again = open_file("f");

	EQ(OK(write(again, "new", 3)), 3);
	fd_has(fd, "old");
	has("f", "new");
	CHECK(fstat_of(fd).st_ino != fstat_of(again).st_ino);
	EQ(fstat_of(again).st_nlink, 1);
}

CASE(unlinked_is_inherited)
{
	int fd = open_unlinked("data");
	pid_t child;

	fflush(stdout);
	child = OK(fork());
	if (!child) {
		fd_has(fd, "data");
		EQ(OK(pwrite(fd, "child", 5, 0)), 5);
		_exit(0);
	}
	wait_for(child);
	fd_has(fd, "child");
}

CASE(unlinked_is_opened_by_proc)
{
	char path[64];
	int second;
	int fd = open_unlinked("data");

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	second = OK(open(path, O_RDONLY));
	fd_has(second, "data");
}

CASE(unlinked_gets_no_new_link)
{
	char path[64];
	int fd = open_unlinked("data");

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	FAILS(ENOENT, linkat(AT_FDCWD, path, AT_FDCWD, "g",
			     AT_SYMLINK_FOLLOW));
}

CASE(unlinked_one_of_two_links)
{
	int fd = open_file("f");

	OK(link("f", "g"));
	OK(unlink("f"));
	EQ(fstat_of(fd).st_nlink, 1);
	EQ(OK(write(fd, "seen", 4)), 4);
	has("g", "seen");
}

CASE(unlinked_by_rename_over_it)
{
	int fd = open_file("old");

	put("old", "old");
	put("new", "new");
	OK(rename("new", "old"));
	fd_has(fd, "old");
	EQ(OK(pwrite(fd, "OLD", 3, 0)), 3);
	fd_has(fd, "OLD");
	has("old", "new");
	EQ(fstat_of(fd).st_nlink, 0);
}

CASE(unlinked_is_mapped)
{
	int fd = open_unlinked("mapped");
	char *map = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);

	CHECK(map != MAP_FAILED);
	OK(close(fd));
	EQ(memcmp(map, "mapped", 6), 0);
}

CASE(unlinked_by_its_reader_only)
{
	int reader;

	put("f", "data");
	reader = OK(open("f", O_RDONLY));
	OK(unlink("f"));
	fd_has(reader, "data");
	FAILS(EBADF, write(reader, "x", 1));
	FAILS(EINVAL, ftruncate(reader, 0));
	EQ(fstat_of(reader).st_size, 4);
}

CASE(unlinked_directory_is_open)
{
	struct dirent *entry;
	DIR *dir;

	OK(mkdir("d", 0755));
	dir = opendir("d");
	CHECK(dir);
	OK(rmdir("d"));
	EQ(S_ISDIR(fstat_of(dirfd(dir)).st_mode), 1);
	while ((entry = readdir(dir)))
		CHECK(entry->d_name[0] == '.');
	FAILS(ENOENT, openat(dirfd(dir), "f", O_WRONLY | O_CREAT, 0644));
	FAILS(ENOENT, mkdirat(dirfd(dir), "e", 0755));
	FAILS(ENOENT, symlinkat("x", dirfd(dir), "l"));
}

CASE(unlinked_directory_is_cwd)
{
	char path[PATH_MAX];

	OK(mkdir("d", 0755));
	OK(chdir("d"));
	OK(rmdir("../d"));
	CHECK(!getcwd(path, sizeof(path)) && errno == ENOENT);
	FAILS(ENOENT, open("f", O_WRONLY | O_CREAT, 0644));
	FAILS(ENOENT, mkdir("e", 0755));
}

CASE(unlinked_many_at_once)
{
	char name[32];
	int fds[10];
	char text[32];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		snprintf(name, sizeof(name), "f%u", i);
		fds[i] = open_file(name);
		put(name, name);
		OK(unlink(name));
	}
	EQ(count_of("."), 0);
	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		snprintf(text, sizeof(text), "f%u", i);
		fd_has(fds[i], text);
	}
}

CASE(unlinked_never_had_a_name)
{
	int fd = OK(open(".", O_TMPFILE | O_RDWR, 0600));
	char path[64];

	EQ(OK(write(fd, "tmp", 3)), 3);
	EQ(count_of("."), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	OK(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
	has("named", "tmp");
}
