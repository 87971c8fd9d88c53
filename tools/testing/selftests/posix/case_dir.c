// SPDX-License-Identifier: GPL-2.0
/*
 * Directories: what readdir() lists, also when there is a lot of it and others
 * add and remove meanwhile. An entry that was there all the time is listed, and
 * listed once.
 */
#include <dirent.h>
#include <signal.h>
#include <sys/syscall.h>

#include "posix.h"

/* The kernel's struct linux_dirent64 */
struct entry {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
} __attribute__((packed));

/* A directory that is read with getdents(), so that the pieces are known */
struct reader {
	int fd;
	size_t piece;
	char buffer[65536] __attribute__((aligned(8)));
	long size;
	long at;
};

static void reader_init(struct reader *reader, const char *path, size_t piece)
{
	reader->fd = OK(open(path, O_RDONLY | O_DIRECTORY));
	reader->piece = piece;
	reader->size = 0;
	reader->at = 0;
}

/* The next entry, or NULL at the end */
static const struct entry *reader_next(struct reader *reader)
{
	const struct entry *entry;

	if (reader->at == reader->size) {
		reader->size = OK(syscall(SYS_getdents64, reader->fd,
					  reader->buffer, reader->piece));
		reader->at = 0;
		if (!reader->size)
			return NULL;
	}
	entry = (const void *)(reader->buffer + reader->at);
	reader->at += entry->reclen;
	return entry;
}

static void reader_end(struct reader *reader)
{
	OK(close(reader->fd));
}

static void numbered(char *name, size_t size, const char *prefix,
		     unsigned long number)
{
	snprintf(name, size, "%s%06lu", prefix, number);
}

/* In the working directory, which was entered for it: links are the cheapest */
static void make_entries(const char *prefix, unsigned long count)
{
	char name[32];
	unsigned long i;

	for (i = 0; i < count; i++) {
		numbered(name, sizeof(name), prefix, i);
		/* Until there are as many as one file may have */
		if (!i || link("keep000000", name))
			OK(mknod(name, S_IFREG | 0600, 0));
	}
}

static void enter_new(const char *path)
{
	OK(mkdir(path, 0755));
	OK(chdir(path));
}

/* Marks in @seen what the reader shows of the entries with the prefix */
static void read_all(struct reader *reader, const char *prefix,
		     unsigned char *seen, unsigned long count)
{
	size_t length = strlen(prefix);
	const struct entry *entry;
	unsigned long number;

	while ((entry = reader_next(reader))) {
		if (strncmp(entry->name, prefix, length))
			continue;
		number = strtoul(entry->name + length, NULL, 10);
		CHECK(number < count);
		seen[number]++;
	}
}

static void each_once(const unsigned char *seen, unsigned long count)
{
	unsigned long i;

	for (i = 0; i < count; i++) {
		if (seen[i] != 1)
			FAIL("entry %lu was seen %u times", i, seen[i]);
	}
}

CASE(dir_lists_all_kinds)
{
	unsigned int kinds = 0;
	struct dirent *entry;
	struct stat st;
	DIR *dir;

	put("f", "");
	OK(mkdir("d", 0755));
	OK(symlink("x", "l"));
	OK(mkfifo("p", 0600));
	OK(mknod("s", S_IFSOCK | 0600, 0));
	dir = opendir(".");
	CHECK(dir);
	while ((entry = readdir(dir))) {
		st = stat_of(entry->d_name);
		EQ(entry->d_type, IFTODT(st.st_mode));
		if (strcmp(entry->d_name, ".."))
			EQ(entry->d_ino, st.st_ino);
		kinds++;
	}
	EQ(kinds, 7);
}

CASE(dir_is_read_twice)
{
	DIR *a = opendir(".");
	DIR *b = opendir(".");
	unsigned int seen = 0;

	CHECK(a && b);
	put("f", "");
	put("g", "");
	rewinddir(a);
	rewinddir(b);
	while (readdir(a))
		seen += !!readdir(b);
	EQ(seen, 4);
	CHECK(!readdir(b));
}

CASE(dir_rewound_sees_changes)
{
	unsigned int seen = 0;
	DIR *dir;

	put("a", "");
	dir = opendir(".");
	CHECK(dir);
	while (readdir(dir))
		;
	put("b", "");
	OK(unlink("a"));
	rewinddir(dir);
	for (;;) {
		struct dirent *entry = readdir(dir);

		if (!entry)
			break;
		CHECK(strcmp(entry->d_name, "a"));
		seen++;
	}
	EQ(seen, 3);
}

CASE(dir_in_pieces)
{
	static const size_t pieces[] = { 65536, 2500, 100 };
	unsigned long count = posix_options.entries;
	unsigned char *seen = calloc(count, 1);
	static struct reader reader;
	unsigned int i;

	CHECK(seen);
	enter_new("d");
	make_entries("keep", count);
	for (i = 0; i < ARRAY_SIZE(pieces); i++) {
		memset(seen, 0, count);
		reader_init(&reader, ".", pieces[i]);
		read_all(&reader, "keep", seen, count);
		reader_end(&reader);
		each_once(seen, count);
	}
}

/* Bounded, as new entries may be the last ones, and a reader sees them too */
static void add_and_remove(void)
{
	char name[32];
	unsigned long i;

	for (i = 0; i < posix_options.entries; i++) {
		numbered(name, sizeof(name), "new", i);
		OK(mknod(name, S_IFREG | 0600, 0));
		if (i < 20)
			continue;
		numbered(name, sizeof(name), "new", i - 20);
		OK(unlink(name));
	}
}

CASE(dir_while_others_change_it)
{
	unsigned long count = posix_options.entries;
	unsigned char *seen = calloc(count, 1);
	static struct reader reader;
	pid_t child;
	int round;

	CHECK(seen);
	enter_new("d");
	make_entries("keep", count);
	child = start(add_and_remove);
	for (round = 0; round < 3; round++) {
		memset(seen, 0, count);
		reader_init(&reader, ".", 2000);
		read_all(&reader, "keep", seen, count);
		reader_end(&reader);
		each_once(seen, count);
	}
	if (kill(child, SIGKILL))
		FAIL("kill: %s", strerror(errno));
}

/* As rm -r does it: each is removed as it is listed, and all are */
CASE(dir_emptied_while_read)
{
	unsigned long count = posix_options.entries / 2;
	static struct reader reader;
	const struct entry *entry;
	unsigned long removed = 0;

	enter_new("d");
	make_entries("keep", count);
	reader_init(&reader, ".", 1000);
	while ((entry = reader_next(&reader))) {
		if (entry->name[0] == '.')
			continue;
		OK(unlink(entry->name));
		removed++;
	}
	EQ(removed, count);
	OK(chdir(".."));
	OK(rmdir("d"));
}

/* What is renamed meanwhile is listed by one name or both, the rest once */
CASE(dir_while_one_is_renamed)
{
	unsigned long count = posix_options.entries / 4;
	unsigned char *seen = calloc(count, 1);
	static struct reader reader;
	const struct entry *entry;
	unsigned long done = 0;

	CHECK(seen);
	enter_new("d");
	make_entries("keep", count);
	put("a", "");
	reader_init(&reader, ".", 400);
	while ((entry = reader_next(&reader))) {
		OK(rename(done % 2 ? "b" : "a", done % 2 ? "a" : "b"));
		done++;
		if (!strncmp(entry->name, "keep", 4))
			seen[strtoul(entry->name + 4, NULL, 10)]++;
	}
	each_once(seen, count);
}

#define PLACES	24

CASE(dir_places_are_found_again)
{
	char names[PLACES + 2][256];
	long places[PLACES + 2];
	unsigned int count = 0;
	struct dirent *entry;
	unsigned int i;
	DIR *dir;

	enter_new("d");
	make_entries("keep", PLACES);
	dir = opendir(".");
	CHECK(dir);
	for (;;) {
		long place = telldir(dir);

		entry = readdir(dir);
		if (!entry)
			break;
		CHECK(count < ARRAY_SIZE(places));
		places[count] = place;
		snprintf(names[count++], sizeof(names[0]), "%s",
			 entry->d_name);
	}
	EQ(count, PLACES + 2);
	for (i = 0; i < count; i++) {
		/* Back and forth */
		unsigned int at = i % 2 ? i : count - 1 - i;

		seekdir(dir, places[at]);
		entry = readdir(dir);
		CHECK(entry);
		if (strcmp(entry->d_name, names[at]))
			FAIL("found %s at the place of %s", entry->d_name,
			     names[at]);
	}
}

/* A place stays the place of an entry though those around it come and go */
CASE(dir_places_outlive_changes)
{
	struct dirent *entry;
	char name[256];
	long place = 0;
	int i;
	DIR *dir;

	enter_new("d");
	make_entries("keep", PLACES);
	dir = opendir(".");
	CHECK(dir);
	for (i = 0; i < PLACES / 2; i++) {
		CHECK(readdir(dir));
		place = telldir(dir);
	}
	entry = readdir(dir);
	CHECK(entry);
	snprintf(name, sizeof(name), "%s", entry->d_name);
	make_entries("more", 10);
	for (i = 0; i < 10; i++) {
		char gone[32];

		numbered(gone, sizeof(gone), "keep", i + 1);
		if (strcmp(gone, name))
			OK(unlink(gone));
	}
	seekdir(dir, place);
	entry = readdir(dir);
	while (entry && strcmp(entry->d_name, name) &&
	       !strncmp(entry->d_name, "more", 4))
		entry = readdir(dir);
	CHECK(entry);
	EQ(strcmp(entry->d_name, name), 0);
}

CASE(dir_names_of_255_bytes)
{
	static struct reader reader;
	const struct entry *entry;
	char name[256];
	int seen = 0;
	int i;

	memset(name, 'n', 255);
	name[255] = 0;
	for (i = 0; i < 12; i++) {
		name[0] = 'a' + i;
		OK(mkdir(name, 0755));
	}
	reader_init(&reader, ".", 300);
	while ((entry = reader_next(&reader)))
		seen += strlen(entry->name) == 255;
	EQ(seen, 12);
}

CASE(dir_piece_that_is_too_small)
{
	static struct reader reader;
	char name[256];

	memset(name, 'n', 255);
	name[255] = 0;
	put(name, "");
	reader_init(&reader, ".", 100);
	while (syscall(SYS_getdents64, reader.fd, reader.buffer, 100) > 0)
		;
	EQ(errno, EINVAL);
	CHECK(OK(syscall(SYS_getdents64, reader.fd, reader.buffer, 1000)) > 0);
}

CASE(dir_made_and_removed)
{
	OK(mkdir("d", 0750));
	EQ(mode_of("d"), 0750);
	FAILS(EEXIST, mkdir("d", 0755));
	FAILS(ENOENT, mkdir("no/d", 0755));
	put("f", "");
	FAILS(EEXIST, mkdir("f", 0755));
	FAILS(ENOTDIR, mkdir("f/d", 0755));
	FAILS(ENOTDIR, rmdir("f"));
	FAILS(EISDIR, unlink("d"));
	FAILS(ENOENT, rmdir("no"));
	OK(rmdir("d"));
	is_absent("d");
}

CASE(dir_full_is_not_removed)
{
	static const char * const inside[] = { "d/f", "d/.h", "d/l" };
	unsigned int i;

	OK(mkdir("d", 0755));
	put("d/f", "");
	put("d/.h", "");
	OK(symlink("x", "d/l"));
	for (i = 0; i < ARRAY_SIZE(inside); i++) {
		FAILS_EITHER(ENOTEMPTY, EEXIST, rmdir("d"));
		OK(unlink(inside[i]));
	}
	OK(rmdir("d"));
}

CASE(dir_counts_its_subdirectories)
{
	nlink_t before = stat_of(".").st_nlink;

	OK(mkdir("d", 0755));
	EQ(stat_of("d").st_nlink, 2);
	EQ(stat_of(".").st_nlink, before + 1);
	put("f", "");
	EQ(stat_of(".").st_nlink, before + 1);
	OK(rmdir("d"));
	EQ(stat_of(".").st_nlink, before);
}

CASE(dir_modes_of_mkdir)
{
	umask(027);
	OK(mkdir("a", 0777));
	EQ(mode_of("a"), 0750);
	umask(0);
	OK(mkdir("b", 01777));
	EQ(mode_of("b"), 01777);
}

#define WORKERS	3
#define STEPS	5

static void work_in_crowd(void)
{
	char mine[32];
	char name[64];
	int i;

	snprintf(mine, sizeof(mine), "w%d", getpid());
	for (i = 0; i < STEPS; i++) {
		OK(mkdir(mine, 0755));
		snprintf(name, sizeof(name), "%s/f", mine);
		put(name, mine);
		OK(rename(name, mine[1] % 2 ? "one" : "two"));
		OK(rmdir(mine));
		if (unlink("one") && errno != ENOENT)
			FAIL("unlink: %s", strerror(errno));
	}
}

CASE(dir_shared_by_processes)
{
	pid_t children[WORKERS];
	unsigned int i;

	for (i = 0; i < WORKERS; i++)
		children[i] = start(work_in_crowd);
	for (i = 0; i < WORKERS; i++)
		wait_for(children[i]);
	unlink("one");
	unlink("two");
	EQ(count_of("."), 0);
}
