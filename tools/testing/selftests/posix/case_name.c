// SPDX-License-Identifier: GPL-2.0
/*
 * Names: any bytes but two, up to 255 of them, and each its own. Paths, dots
 * and slashes.
 */
#include <dirent.h>
#include <limits.h>

#include "posix.h"

/* Made, found, listed, renamed and removed */
static void name_works(const char *name)
{
	bool listed = false;
	struct dirent *entry;
	DIR *dir;

	put(name, name);
	has(name, name);
	dir = opendir(".");
	CHECK(dir);
	while ((entry = readdir(dir)))
		listed |= !strcmp(entry->d_name, name);
	closedir(dir);
	if (!listed)
		FAIL("%s is not listed", name);
	OK(rename(name, "plain"));
	is_absent(name);
	OK(rename("plain", name));
	OK(unlink(name));
	is_absent(name);
}

CASE(name_of_any_bytes)
{
	static const char * const names[] = {
		"a", " ", "  two blanks ", "-rf", "*?[]", "\\", "\"'`$", "...",
		"..a", ".hidden", "trailing.", "new\nline", "tab\t", "\x01\x1f\x7f",
		"CON", "a:b", "~", "#", "%2f", "%00",
		"\xc3\xbc", "\xe4\xb8\xad\xe6\x96\x87", "\xf0\x9f\x98\x80",
		"\xfc\xe4\xf6", "\xff\xfe", "\x80", "\xc0\xaf", "\xed\xa0\x80",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		name_works(names[i]);
}

CASE(name_of_every_byte)
{
	unsigned int i;

	for (i = 0; i < 256; i += 16) {
		char name[17] = "";
		unsigned int at = 0;
		unsigned int byte;

		for (byte = i; byte < i + 16; byte++) {
			if (byte && byte != '/')
				name[at++] = byte;
		}
		OK(mkdir(name, 0755));
	}
	EQ(count_of("."), 16);
}

/* 255 bytes out of repetitions of @part, the rest out of x */
static void long_name(char *name, const char *part)
{
	size_t size = strlen(part);
	size_t at = 0;

	memset(name, 'x', NAME_MAX);
	for (; at + size <= NAME_MAX; at += size)
		memcpy(name + at, part, size);
	name[NAME_MAX] = 0;
}

CASE(name_of_255_bytes)
{
	static const char * const parts[] = {
		"n", "\xc3\xbc", "\xe4\xb8\xad", "\xf0\x9f\x98\x80", "\xff",
		"\x01", " ",
	};
	char name[NAME_MAX + 1];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		long_name(name, parts[i]);
		name_works(name);
	}
}

CASE(name_of_255_bytes_for_all_kinds)
{
	char name[NAME_MAX + 1];

	long_name(name, "k");
	put("f", "");
	OK(mkdir(name, 0755));
	OK(rmdir(name));
	OK(symlink("f", name));
	OK(unlink(name));
	OK(link("f", name));
	OK(unlink(name));
	OK(mkfifo(name, 0600));
	OK(unlink(name));
	OK(rename("f", name));
	EQ(count_of("."), 1);
}

CASE(name_of_256_bytes_is_refused)
{
	char name[NAME_MAX + 2];
	struct stat st;

	long_name(name, "n");
	strcat(name, "!");
	put("f", "");
	FAILS(ENAMETOOLONG, open(name, O_WRONLY | O_CREAT, 0644));
	FAILS(ENAMETOOLONG, stat(name, &st));
	FAILS(ENAMETOOLONG, mkdir(name, 0755));
	FAILS(ENAMETOOLONG, symlink("f", name));
	FAILS(ENAMETOOLONG, link("f", name));
	FAILS(ENAMETOOLONG, mkfifo(name, 0600));
	FAILS(ENAMETOOLONG, rename("f", name));
	FAILS(ENAMETOOLONG, rename(name, "g"));
	FAILS(ENAMETOOLONG, unlink(name));
	FAILS(ENAMETOOLONG, rmdir(name));
	EQ(count_of("."), 1);
}

CASE(name_is_not_folded)
{
	put("name", "lower");
	put("NAME", "upper");
	/* The same letter, as one character and as two */
	put("\xc3\xa9", "composed");
	put("e\xcc\x81", "decomposed");
	has("name", "lower");
	has("NAME", "upper");
	has("\xc3\xa9", "composed");
	has("e\xcc\x81", "decomposed");
	EQ(count_of("."), 4);
}

CASE(name_path_of_4095_bytes)
{
	char path[PATH_MAX + 1];
	struct stat st;

	memset(path, '/', sizeof(path));
	path[0] = '.';
	path[PATH_MAX - 2] = 'f';
	path[PATH_MAX - 1] = 0;
	put(path, "data");
	has("f", "data");
	path[PATH_MAX - 2] = '/';
	path[PATH_MAX - 1] = 'f';
	path[PATH_MAX] = 0;
	FAILS(ENAMETOOLONG, stat(path, &st));
}

CASE(name_deep_tree)
{
	char path[PATH_MAX];
	int depth;

	for (depth = 0; depth < 20; depth++) {
		OK(mkdir("level", 0755));
		OK(chdir("level"));
	}
	put("f", "deep");
	CHECK(getcwd(path, sizeof(path)));
	strcat(path, "/f");
	has(path, "deep");
	for (depth = 0; depth < 20; depth++)
		OK(chdir(".."));
	EQ(count_of("."), 1);
}

CASE(name_slash_behind)
{
	struct stat st;

	put("f", "");
	OK(mkdir("d/", 0755));
	OK(stat("d/", &st));
	OK(stat("d//.//", &st));
	FAILS(ENOTDIR, stat("f/", &st));
	FAILS(ENOTDIR, unlink("f/"));
	FAILS_EITHER(ENOTDIR, EISDIR, open("f/", O_WRONLY));
	OK(rename("d/", "e/"));
	FAILS(ENOTDIR, rename("f", "g/"));
	OK(rmdir("e/"));
	EQ(count_of("."), 1);
}

CASE(name_dots)
{
	OK(mkdir("d", 0755));
	FAILS(EINVAL, rmdir("."));
	FAILS(EINVAL, rmdir("d/."));
	FAILS(ENOTEMPTY, rmdir("d/.."));
	FAILS(EISDIR, unlink("."));
	FAILS(EISDIR, unlink("d/.."));
	FAILS(EEXIST, mkdir(".", 0755));
	FAILS(EEXIST, mkdir("d/..", 0755));
	FAILS(EISDIR, open(".", O_WRONLY));
	EQ(count_of("."), 1);
}

CASE(name_dot_dot_leads_back)
{
	OK(mkdir("a", 0755));
	OK(mkdir("a/b", 0755));
	put("f", "data");
	has("a/b/../../f", "data");
	EQ(stat_of("a/b/..").st_ino, stat_of("a").st_ino);
	EQ(stat_of("a/b/.").st_ino, stat_of("a/b").st_ino);
	OK(chdir("a/b"));
	OK(chdir(".."));
	OK(chdir(".."));
	has("f", "data");
}

CASE(name_dot_dot_of_the_mount_leads_out)
{
	char path[PATH_MAX];
	char *slash;
	struct stat st;

	CHECK(getcwd(path, sizeof(path)));
	do {
		slash = strrchr(path, '/');
		if (slash == path)
			break;
		*slash = 0;
	} while (stat_of(path).st_dev == stat_of(".").st_dev);
	OK(stat(path, &st));
	CHECK(st.st_dev != stat_of(".").st_dev || slash == path);
}

CASE(name_is_looked_up_again_after_a_miss)
{
	struct stat st;
	int i;

	for (i = 0; i < 10; i++) {
		FAILS(ENOENT, stat("f", &st));
		put("f", "");
		OK(stat("f", &st));
		OK(unlink("f"));
	}
	FAILS(ENOENT, stat("f", &st));
	OK(mkdir("f", 0755));
	OK(stat("f", &st));
	EQ(S_ISDIR(st.st_mode), 1);
}
