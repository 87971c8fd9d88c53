// SPDX-License-Identifier: GPL-2.0
/*
 * rename() is the only way to change a file as a whole or not at all, and the
 * errors it must give are what keeps a tree a tree.
 */
#include <sys/syscall.h>

#include "posix.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE	1
#define RENAME_EXCHANGE		2
#endif

static long rename_flags(const char *from, const char *to, unsigned int flags)
{
	return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

CASE(rename_keeps_the_file)
{
	struct stat before;

	put("a", "data");
	before = stat_of("a");
	OK(rename("a", "b"));
	is_absent("a");
	has("b", "data");
	EQ(stat_of("b").st_ino, before.st_ino);
	EQ(stat_of("b").st_nlink, 1);
}

CASE(rename_over_a_file)
{
	ino_t ino;

	put("a", "new");
	put("b", "old");
	ino = stat_of("a").st_ino;
	OK(rename("a", "b"));
	has("b", "new");
	EQ(stat_of("b").st_ino, ino);
	EQ(count_of("."), 1);
}

CASE(rename_over_one_link_of_two)
{
	put("a", "new");
	put("b", "old");
	OK(link("b", "c"));
	OK(rename("a", "b"));
	has("b", "new");
	has("c", "old");
	EQ(stat_of("c").st_nlink, 1);
}

CASE(rename_of_two_links_of_one_file)
{
	put("a", "data");
	OK(link("a", "b"));
	OK(rename("a", "b"));
	has("a", "data");
	has("b", "data");
	EQ(stat_of("a").st_nlink, 2);
}

CASE(rename_to_itself)
{
	put("a", "data");
	OK(mkdir("d", 0755));
	OK(rename("a", "a"));
	OK(rename("d", "d"));
	has("a", "data");
	EQ(count_of("."), 2);
}

CASE(rename_of_an_open_file)
{
	int fd = open_file("a");

	OK(mkdir("d", 0755));
	OK(rename("a", "d/b"));
	EQ(OK(write(fd, "later", 5)), 5);
	has("d/b", "later");
	OK(ftruncate(fd, 2));
	has("d/b", "la");
	OK(fchmod(fd, 0600));
	EQ(mode_of("d/b"), 0600);
}

CASE(rename_over_an_open_directory)
{
	int fd;

	OK(mkdir("a", 0755));
	OK(mkdir("b", 0755));
	put("a/f", "data");
	fd = OK(open("b", O_RDONLY | O_DIRECTORY));
	OK(rename("a", "b"));
	has("b/f", "data");
	FAILS(ENOENT, openat(fd, "f", O_RDONLY));
	FAILS(ENOENT, openat(fd, "g", O_WRONLY | O_CREAT, 0644));
}

CASE(rename_of_an_open_directory)
{
	int fd;
	int file;

	OK(mkdir("a", 0755));
	OK(mkdir("b", 0755));
	fd = OK(open("a", O_RDONLY | O_DIRECTORY));
	OK(rename("a", "b/c"));
	file = OK(openat(fd, "f", O_WRONLY | O_CREAT, 0644));
	EQ(OK(write(file, "x", 1)), 1);
	has("b/c/f", "x");
	OK(unlinkat(fd, "f", 0));
	is_absent("b/c/f");
}

CASE(rename_of_the_working_directory)
{
	char path[PATH_MAX];
	char *end;

	OK(mkdir("a", 0755));
	OK(mkdir("b", 0755));
	OK(chdir("a"));
	OK(rename("../a", "../b/c"));
	put("f", "data");
	has("../c/f", "data");
	CHECK(getcwd(path, sizeof(path)));
	end = path + strlen(path) - 4;
	EQ(strcmp(end, "/b/c"), 0);
}

CASE(rename_of_a_tree)
{
	OK(mkdir("a", 0755));
	OK(mkdir("a/b", 0755));
	put("a/b/f", "deep");
	OK(mkdir("t", 0755));
	OK(rename("a", "t/z"));
	has("t/z/b/f", "deep");
	EQ(stat_of("t/z/..").st_ino, stat_of("t").st_ino);
	is_absent("a");
}

CASE(rename_of_a_directory_counts_links)
{
	nlink_t a;
	nlink_t b;

	OK(mkdir("a", 0755));
	OK(mkdir("b", 0755));
	OK(mkdir("a/d", 0755));
	a = stat_of("a").st_nlink;
	b = stat_of("b").st_nlink;
	OK(rename("a/d", "b/d"));
	EQ(stat_of("a").st_nlink, a - 1);
	EQ(stat_of("b").st_nlink, b + 1);
}

CASE(rename_between_kinds)
{
	put("f", "");
	OK(mkdir("d", 0755));
	FAILS(EISDIR, rename("f", "d"));
	FAILS(ENOTDIR, rename("d", "f"));
	FAILS(ENOTDIR, rename("f/x", "g"));
	FAILS(ENOTDIR, rename("d", "f/x"));
}

CASE(rename_over_a_full_directory)
{
	OK(mkdir("a", 0755));
	OK(mkdir("b", 0755));
	put("b/f", "");
	FAILS_EITHER(ENOTEMPTY, EEXIST, rename("a", "b"));
	OK(unlink("b/f"));
	OK(rename("a", "b"));
	is_absent("a");
}

CASE(rename_into_itself)
{
	OK(mkdir("a", 0755));
	OK(mkdir("a/b", 0755));
	FAILS(EINVAL, rename("a", "a/c"));
	FAILS(EINVAL, rename("a", "a/b/c"));
	FAILS_EITHER(ENOTEMPTY, EEXIST, rename("a/b", "a"));
}

CASE(rename_of_what_is_not_there)
{
	put("f", "");
	FAILS(ENOENT, rename("no", "g"));
	FAILS(ENOENT, rename("f", "no/g"));
	FAILS(ENOENT, rename("no/f", "g"));
	FAILS(ENOENT, rename("f", ""));
	FAILS(ENOENT, rename("", "g"));
}

CASE(rename_of_dots)
{
	OK(mkdir("d", 0755));
	FAILS_EITHER(EBUSY, EINVAL, rename(".", "x"));
	FAILS_EITHER(EBUSY, EINVAL, rename("d/.", "x"));
	FAILS_EITHER(EBUSY, EINVAL, rename("d/..", "x"));
	FAILS_EITHER(EBUSY, EINVAL, rename("d", "."));
}

CASE(rename_of_a_symlink)
{
	put("f", "data");
	put("g", "other");
	OK(symlink("f", "l"));
	OK(rename("l", "m"));
	EQ(S_ISLNK(stat_of("m").st_mode), 1);
	OK(rename("g", "m"));
	EQ(S_ISREG(stat_of("m").st_mode), 1);
	has("f", "data");
}

CASE(rename_of_a_fifo)
{
	OK(mkfifo("p", 0644));
	put("f", "");
	OK(rename("p", "f"));
	EQ(S_ISFIFO(stat_of("f").st_mode), 1);
}

CASE(rename_to_another_filesystem)
{
	put("f", "");
	FAILS(EXDEV, rename("f", "/proc/f"));
}

CASE(rename_without_replacing)
{
	put("a", "a");
	put("b", "b");
	FAILS(EEXIST, rename_flags("a", "b", RENAME_NOREPLACE));
	OK(rename_flags("a", "c", RENAME_NOREPLACE));
	has("b", "b");
	has("c", "a");
}

CASE(rename_exchanging)
{
	put("a", "a");
	OK(mkdir("d", 0755));
	put("d/b", "b");
	OK(rename_flags("a", "d/b", RENAME_EXCHANGE));
	has("a", "b");
	has("d/b", "a");
	FAILS(ENOENT, rename_flags("a", "no", RENAME_EXCHANGE));
}

CASE(rename_with_flags_that_contradict)
{
	put("a", "a");
	put("b", "b");
	FAILS(EINVAL, rename_flags("a", "b",
				   RENAME_NOREPLACE | RENAME_EXCHANGE));
	FAILS(EINVAL, rename_flags("a", "b", 1 << 10));
	has("a", "a");
	has("b", "b");
}

#define ROUNDS	15

static void replace_again_and_again(void)
{
	char name[32];
	int i;

	for (i = 0; i < ROUNDS; i++) {
		snprintf(name, sizeof(name), "new%d", i);
		put(name, "whole");
		OK(rename(name, "f"));
	}
}

/* Whoever opens the name finds one file or the other, never none */
CASE(rename_is_seen_whole)
{
	pid_t child;
	int fd;
	int i;

	put("f", "whole");
	child = start(replace_again_and_again);
	for (i = 0; i < 2 * ROUNDS; i++) {
		fd = open("f", O_RDONLY);
		if (fd < 0)
			FAIL("round %d: %s", i, strerror(errno));
		fd_has(fd, "whole");
		OK(close(fd));
	}
	wait_for(child);
	EQ(count_of("."), 1);
}
