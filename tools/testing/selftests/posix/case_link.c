// SPDX-License-Identifier: GPL-2.0
/* Hard links, which are the file, and symbolic links, which are a text. */
#include "posix.h"

CASE(link_is_the_file)
{
	put("a", "data");
	OK(link("a", "b"));
	EQ(stat_of("a").st_nlink, 2);
	EQ(stat_of("b").st_nlink, 2);
	EQ(stat_of("a").st_ino, stat_of("b").st_ino);
	put("b", "changed");
	has("a", "changed");
	OK(chmod("a", 0600));
	EQ(mode_of("b"), 0600);
}

CASE(link_outlives_the_other)
{
	put("a", "data");
	OK(link("a", "b"));
	OK(unlink("a"));
	has("b", "data");
	EQ(stat_of("b").st_nlink, 1);
	OK(link("b", "a"));
	EQ(stat_of("a").st_nlink, 2);
}

CASE(link_many)
{
	char name[16];
	int i;

	put("f", "data");
	for (i = 0; i < 15; i++) {
		snprintf(name, sizeof(name), "l%d", i);
		OK(link("f", name));
	}
	EQ(stat_of("f").st_nlink, 16);
	EQ(stat_of("l14").st_nlink, 16);
	for (i = 0; i < 15; i++) {
		snprintf(name, sizeof(name), "l%d", i);
		OK(unlink(name));
	}
	EQ(stat_of("f").st_nlink, 1);
}

CASE(link_refused)
{
	put("f", "");
	put("g", "");
	OK(mkdir("d", 0755));
	FAILS(EEXIST, link("f", "g"));
	FAILS(EEXIST, link("f", "f"));
	FAILS(EEXIST, link("f", "d"));
	FAILS(EPERM, link("d", "e"));
	FAILS(ENOENT, link("no", "x"));
	FAILS(ENOENT, link("f", "no/x"));
	FAILS(ENOTDIR, link("f", "g/x"));
	FAILS(EXDEV, link("f", "/dev/posix-link"));
	EQ(stat_of("f").st_nlink, 1);
}

CASE(link_to_a_symlink)
{
	put("f", "data");
	OK(symlink("f", "l"));
	OK(link("l", "m"));
	EQ(S_ISLNK(stat_of("m").st_mode), 1);
	EQ(stat_of("m").st_ino, stat_of("l").st_ino);
	OK(linkat(AT_FDCWD, "l", AT_FDCWD, "n", AT_SYMLINK_FOLLOW));
	EQ(S_ISREG(stat_of("n").st_mode), 1);
	EQ(stat_of("f").st_nlink, 2);
}

CASE(link_across_directories)
{
	OK(mkdir("d", 0755));
	OK(mkdir("e", 0755));
	put("d/f", "data");
	OK(link("d/f", "e/g"));
	OK(rename("e/g", "h"));
	EQ(stat_of("h").st_ino, stat_of("d/f").st_ino);
	has("h", "data");
}

CASE(link_to_an_open_file)
{
	int fd = open_file("f");

	OK(link("f", "g"));
	EQ(fstat_of(fd).st_nlink, 2);
	EQ(OK(write(fd, "data", 4)), 4);
	has("g", "data");
}

CASE(link_to_a_fifo)
{
	OK(mkfifo("p", 0600));
	OK(link("p", "q"));
	EQ(S_ISFIFO(stat_of("q").st_mode), 1);
	EQ(stat_of("p").st_nlink, 2);
}

static void reads_back(const char *target)
{
	char found[PATH_MAX];
	ssize_t size;

	OK(symlink(target, "l"));
	size = OK(readlink("l", found, sizeof(found)));
	EQ(size, strlen(target));
	EQ(memcmp(found, target, size), 0);
	EQ(stat_of("l").st_size, size);
	OK(unlink("l"));
}

CASE(symlink_holds_any_text)
{
	char target[PATH_MAX];

	reads_back("x");
	reads_back("/");
	reads_back("../../../..");
	reads_back("no such thing\n\x01\xff");
	memset(target, 'y', sizeof(target));
	target[59] = 0;
	reads_back(target);
	target[59] = 'y';
	target[60] = 0;
	reads_back(target);
	target[60] = 'y';
	target[1000] = 0;
	reads_back(target);
	target[1000] = 'y';
	target[4094] = 0;
	reads_back(target);
	target[4094] = 'y';
	target[4095] = 0;
	reads_back(target);
}

CASE(symlink_refused)
{
	char target[PATH_MAX + 1];

	memset(target, 'y', PATH_MAX);
	target[PATH_MAX] = 0;
	put("f", "");
	FAILS(ENAMETOOLONG, symlink(target, "l"));
	FAILS(ENOENT, symlink("", "l"));
	FAILS(EEXIST, symlink("x", "f"));
	FAILS(ENOENT, symlink("x", "no/l"));
	FAILS(ENOTDIR, symlink("x", "f/l"));
	is_absent("l");
}

CASE(symlink_is_read_in_part)
{
	char found[10] = "----------";

	OK(symlink("0123456789", "l"));
	EQ(OK(readlink("l", found, 4)), 4);
	EQ(memcmp(found, "0123------", 10), 0);
	put("f", "");
	FAILS(EINVAL, readlink("f", found, 4));
	FAILS(EINVAL, readlink(".", found, 4));
}

CASE(symlink_is_followed)
{
	OK(mkdir("d", 0755));
	put("d/f", "data");
	OK(symlink("d", "l"));
	OK(symlink("l/f", "m"));
	OK(symlink("../d/f", "d/n"));
	has("l/f", "data");
	has("m", "data");
	has("l/n", "data");
	EQ(stat_of("l/..").st_ino, stat_of(".").st_ino);
}

CASE(symlink_out_of_the_mount)
{
	struct stat st;

	OK(symlink("/proc/self/status", "l"));
	OK(stat("l", &st));
	EQ(S_ISREG(st.st_mode), 1);
	CHECK(st.st_dev != stat_of(".").st_dev);
}

CASE(symlink_that_dangles)
{
	struct stat st;

	OK(symlink("no", "l"));
	FAILS(ENOENT, stat("l", &st));
	FAILS(ENOENT, open("l", O_RDONLY));
	OK(unlink("l"));
	is_absent("l");
}

CASE(symlink_loops)
{
	struct stat st;

	OK(symlink("b", "a"));
	OK(symlink("a", "b"));
	OK(symlink("self", "self"));
	FAILS(ELOOP, stat("a", &st));
	FAILS(ELOOP, open("self", O_RDONLY));
	FAILS(ELOOP, open("self/x", O_WRONLY | O_CREAT, 0644));
	FAILS(ELOOP, chdir("a"));
	OK(lstat("a", &st));
}

CASE(symlink_chains)
{
	char name[16];
	char target[16];
	struct stat st;
	int i;

	put("l0", "end");
	for (i = 1; i <= 41; i++) {
		snprintf(target, sizeof(target), "l%d", i - 1);
		snprintf(name, sizeof(name), "l%d", i);
		OK(symlink(target, name));
	}
	has("l40", "end");
	FAILS(ELOOP, stat("l41", &st));
}

CASE(symlink_with_a_slash_behind)
{
	struct stat st;

	OK(mkdir("d", 0755));
	put("f", "");
	OK(symlink("d", "l"));
	OK(symlink("f", "m"));
	OK(lstat("l/", &st));
	EQ(S_ISDIR(st.st_mode), 1);
	FAILS(ENOTDIR, lstat("m/", &st));
	FAILS(ENOTDIR, rmdir("l"));
	FAILS(ENOTDIR, rmdir("l/"));
	OK(unlink("l"));
}

CASE(symlink_has_all_rights)
{
	umask(077);
	OK(symlink("x", "l"));
	EQ(mode_of("l"), 0777);
}

CASE(symlink_is_replaced)
{
	char found[8];

	OK(symlink("one", "l"));
	OK(symlink("two", "new"));
	OK(rename("new", "l"));
	EQ(OK(readlink("l", found, sizeof(found))), 3);
	EQ(memcmp(found, "two", 3), 0);
	OK(unlink("l"));
	OK(symlink("longer", "l"));
	EQ(OK(readlink("l", found, sizeof(found))), 6);
}
