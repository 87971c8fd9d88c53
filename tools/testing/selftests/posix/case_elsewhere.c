// SPDX-License-Identifier: GPL-2.0
/*
 * What others change underneath, on the host or through another mount: open
 * files and directories go on working, and what changed is seen.
 */
#include <dirent.h>

#include "posix.h"

static void rename_there(const char *from, const char *to)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s", other(from));
	OK(rename(path, other(to)));
}

CASE(elsewhere_file_is_renamed)
{
	int fd = open_file("f");

	EQ(OK(write(fd, "one", 3)), 3);
	OK(fsync(fd));
	OK(mkdir("d", 0755));
	rename_there("f", "d/g");
	fd_has(fd, "one");
	EQ(OK(pwrite(fd, "two", 3, 0)), 3);
	OK(fsync(fd));
	fd_has(fd, "two");
	has(other("d/g"), "two");
	EQ(fstat_of(fd).st_size, 3);
}

CASE(elsewhere_file_is_removed)
{
	int fd = open_file("f");

	EQ(OK(write(fd, "one", 3)), 3);
	OK(fsync(fd));
	OK(unlink(other("f")));
	fd_has(fd, "one");
	EQ(OK(pwrite(fd, "two", 3, 0)), 3);
	fd_has(fd, "two");
	OK(ftruncate(fd, 1));
	EQ(fstat_of(fd).st_size, 1);
	EQ(fstat_of(fd).st_nlink, 0);
}

CASE(elsewhere_name_is_removed)
{
	put("f", "one");
	has("f", "one");
	OK(unlink(other("f")));
	is_absent("f");
	FAILS(ENOENT, open("f", O_RDONLY));
}

CASE(elsewhere_name_of_an_open_file_is_removed)
{
	int fd = open_file("f");

	OK(unlink(other("f")));
	is_absent("f");
	OK(close(fd));
	is_absent("f");
}

CASE(elsewhere_file_is_made)
{
	is_absent("f");
	put(other("f"), "made");
	has("f", "made");
	EQ(count_of("."), 1);
}

CASE(elsewhere_file_is_replaced)
{
	int fd;

	put("f", "old");
	fd = OK(open("f", O_RDONLY));
	put(other("g"), "new");
	rename_there("g", "f");
	fd_has(fd, "old");
	OK(close(fd));
	has("f", "new");
}

CASE(elsewhere_file_is_replaced_while_open)
{
	int fd;

	put("f", "old");
	fd = OK(open("f", O_RDONLY));
	put(other("g"), "new");
	rename_there("g", "f");
	has("f", "new");
	fd_has(fd, "old");
}

CASE(elsewhere_content_changes)
{
	put("f", "one");
	has("f", "one");
	put(other("f"), "second");
	has("f", "second");
	EQ(stat_of("f").st_size, 6);
}

CASE(elsewhere_content_changes_while_open)
{
	int fd;

	put("f", "one");
	fd = OK(open("f", O_RDONLY));
	fd_has(fd, "one");
	put(other("f"), "second");
	fd_has(fd, "second");
	EQ(fstat_of(fd).st_size, 6);
}

CASE(elsewhere_content_of_the_same_size)
{
	put("f", "one");
	has("f", "one");
	sleep_ms(20);
	put(other("f"), "two");
	has("f", "two");
}

CASE(elsewhere_file_is_appended_to)
{
	int fd;
	int there;

	put("f", "one");
	fd = OK(open("f", O_WRONLY | O_APPEND));
	there = OK(open(other("f"), O_WRONLY | O_APPEND));
	EQ(OK(write(there, "two", 3)), 3);
	OK(fsync(there));
	EQ(OK(write(fd, "three", 5)), 5);
	OK(fsync(fd));
	has(other("f"), "onetwothree");
}

CASE(elsewhere_attributes_change)
{
	put("f", "");
	stat_of("f");
	OK(chmod(other("f"), 0600));
	OK(chown(other("f"), ALICE, TEAM));
	EQ(mode_of("f"), 0600);
	EQ(stat_of("f").st_uid, ALICE);
	EQ(stat_of("f").st_gid, TEAM);
}

CASE(elsewhere_kind_changes)
{
	put("f", "");
	stat_of("f");
	OK(unlink(other("f")));
	OK(mkdir(other("f"), 0755));
	EQ(S_ISDIR(stat_of("f").st_mode), 1);
	put("f/g", "inside");
	has(other("f/g"), "inside");
}

CASE(elsewhere_directory_is_renamed)
{
	int fd;
	int dir;

	OK(mkdir("d", 0755));
	dir = OK(open("d", O_RDONLY | O_DIRECTORY));
	rename_there("d", "e");
	fd = OK(openat(dir, "f", O_WRONLY | O_CREAT, 0644));
	EQ(OK(write(fd, "x", 1)), 1);
	OK(close(fd));
	has(other("e/f"), "x");
	has("e/f", "x");
	FAILS(ENOENT, open("d/f", O_RDONLY));
}

CASE(elsewhere_working_directory_is_renamed)
{
	char from[PATH_MAX];
	char to[PATH_MAX];

	OK(mkdir("d", 0755));
	snprintf(from, sizeof(from), "%s", other("d"));
	snprintf(to, sizeof(to), "%s", other("e"));
	OK(chdir("d"));
	OK(rename(from, to));
	put("f", "x");
	has("f", "x");
	strcat(to, "/f");
	has(to, "x");
	has("../e/f", "x");
}

CASE(elsewhere_directory_is_removed)
{
	DIR *dir;

	OK(mkdir("d", 0755));
	dir = opendir("d");
	CHECK(dir);
	OK(rmdir(other("d")));
	FAILS(ENOENT, openat(dirfd(dir), "f", O_WRONLY | O_CREAT, 0644));
	FAILS(ENOENT, open("d/f", O_WRONLY | O_CREAT, 0644));
	is_absent("d");
}

CASE(elsewhere_entries_come_and_go)
{
	put("a", "");
	EQ(count_of("."), 1);
	put(other("b"), "");
	put(other("c"), "");
	EQ(count_of("."), 3);
	OK(unlink(other("a")));
	EQ(count_of("."), 2);
}

CASE(elsewhere_symlink_is_replaced)
{
	char found[8];

	OK(symlink("one", "l"));
	EQ(OK(readlink("l", found, sizeof(found))), 3);
	OK(symlink("two", other("new")));
	rename_there("new", "l");
	EQ(OK(readlink("l", found, sizeof(found))), 3);
	EQ(memcmp(found, "two", 3), 0);
}

CASE(elsewhere_what_is_written_is_seen_after_fsync)
{
	int fd = open_file("f");

	EQ(OK(write(fd, "data", 4)), 4);
	OK(fsync(fd));
	has(other("f"), "data");
}

CASE(elsewhere_what_is_written_is_seen_after_close)
{
	put("f", "data");
	has(other("f"), "data");
	put("f", "more data");
	EQ(stat_of(other("f")).st_size, 9);
}

CASE(elsewhere_truncated_is_seen)
{
	put("f", "0123456789");
	OK(truncate(other("f"), 3));
	has("f", "012");
	EQ(stat_of("f").st_size, 3);
	OK(truncate("f", 1));
	has(other("f"), "0");
}
