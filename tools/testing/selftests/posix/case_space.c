// SPDX-License-Identifier: GPL-2.0
/*
 * Filesystems that are full: the call that finds no room says so, what was
 * written before is there, and room that becomes free is used. And what
 * filesystems say of themselves.
 */
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include "posix.h"

#define CHUNK	4096
#define MANY	1024

/*
 * A new folder in the small filesystem; what an earlier case, one that failed,
 * has left there goes
 */
static void enter_small(const char *where, const char *option)
{
	char path[PATH_MAX];

	if (!where)
		posix_skip("needs %s, a filesystem that is easily filled",
			   option);
	snprintf(path, sizeof(path), "../../%s/posix", where);
	remove_tree(path);
	OK(mkdir(path, 0755));
	OK(chdir(path));
}

static void leave_small(void)
{
	remove_tree("../posix");
}

/* Writes pieces until one is refused; how many went in. errno says why. */
static unsigned int fill_up(int fd, bool sync)
{
	char chunk[CHUNK];
	unsigned int count;
	ssize_t put_in;

	for (count = 0; count < MANY; count++) {
		fill(chunk, CHUNK, count);
		put_in = write(fd, chunk, CHUNK);
		if (put_in != CHUNK)
			break;
		if (sync && fsync(fd))
			break;
	}
	if (count == MANY)
		FAIL("%u writes went into the small filesystem", MANY);
	return count;
}

static void chunks_are_there(int fd, unsigned int count)
{
	char wanted[CHUNK];
	char found[CHUNK];
	unsigned int i;

	for (i = 0; i < count; i++) {
		fill(wanted, CHUNK, i);
		EQ(OK(pread(fd, found, CHUNK, (off_t)i * CHUNK)), CHUNK);
		if (memcmp(wanted, found, CHUNK))
			FAIL("chunk %u of %u is another", i, count);
	}
}

CASE(space_write_says_when_it_is_full)
{
	unsigned int count;
	int fd;

	enter_small(posix_options.small, "-s");
	fd = open_file("f");
	count = fill_up(fd, false);
	/* A last piece may go in, in part */
	if (write(fd, "x", 1) >= 0 || errno != ENOSPC)
		FAIL("the write after the last: %s", strerror(errno));
	CHECK(count > 20);
	OK(close(fd));
	fd = OK(open("f", O_RDONLY));
	chunks_are_there(fd, count);
	leave_small();
}

CASE(space_fsync_says_when_it_is_full)
{
	unsigned int count;
	int fd;

	enter_small(posix_options.small, "-s");
	fd = open_file("f");
	count = fill_up(fd, true);
	EQ(errno, ENOSPC);
	CHECK(count > 20);
	chunks_are_there(fd, count);
	OK(close(fd));
	fd = OK(open("f", O_RDONLY));
	chunks_are_there(fd, count);
	leave_small();
}

CASE(space_comes_back)
{
	unsigned int first;
	unsigned int second;
	int fd;

	enter_small(posix_options.small, "-s");
	fd = open_file("f");
	first = fill_up(fd, true);
	OK(close(fd));
	OK(unlink("f"));
	fd = open_file("g");
	second = fill_up(fd, true);
	CHECK(second + 8 > first);
	OK(ftruncate(fd, 0));
	OK(lseek(fd, 0, SEEK_SET));
	CHECK(fill_up(fd, true) + 8 > first);
	leave_small();
}

/* Nothing that was there before is hurt, and what needs no room works */
CASE(space_full_leaves_the_rest_alone)
{
	int fd;

	enter_small(posix_options.small, "-s");
	put("before", "kept");
	fd = open_file("f");
	fill_up(fd, true);
	has("before", "kept");
	OK(chmod("before", 0600));
	OK(rename("before", "after"));
	has("after", "kept");
	fd = OK(open("after", O_RDWR));
	EQ(OK(pwrite(fd, "K", 1, 0)), 1);
	OK(fsync(fd));
	has("after", "Kept");
	leave_small();
}

CASE(space_no_more_files)
{
	char name[16];
	unsigned int i;

	enter_small(posix_options.small, "-s");
	put("f", "data");
	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		if (mknod(name, S_IFREG | 0600, 0))
			break;
	}
	EQ(errno, ENOSPC);
	CHECK(i > 10 && i < MANY);
	FAILS(ENOSPC, open("more", O_WRONLY | O_CREAT, 0644));
	FAILS(ENOSPC, mkdir("more", 0755));
	FAILS(ENOSPC, symlink("x", "more"));
	FAILS(ENOSPC, mkfifo("more", 0600));
	EQ(count_of("."), i + 1);
	has("f", "data");
	OK(unlink("n0"));
	put("more", "");
	leave_small();
}

static void fill_quota(void)
{
	int fd = OK(open("d/f", O_RDWR | O_CREAT, 0644));
	unsigned int count = fill_up(fd, true);

	EQ(errno, EDQUOT);
	CHECK(count > 5);
	chunks_are_there(fd, count);
	EQ(OK(pwrite(fd, "", 1, 0)), 1);
}

CASE(space_quota_of_a_user)
{
	int fd;

	enter_small(posix_options.quota, "-q");
	OK(mkdir("d", 0755));
	OK(chown("d", ALICE, ALICE));
	run_as(ALICE, ALICE, fill_quota);
	/* Others have room */
	fd = open_file("g");
	EQ(OK(write(fd, "root's", 6)), 6);
	OK(fsync(fd));
	leave_small();
}

CASE(space_is_told)
{
	struct statvfs st;

	OK(statvfs(".", &st));
	CHECK(st.f_blocks > 0);
	CHECK(st.f_bfree <= st.f_blocks);
	CHECK(st.f_bavail <= st.f_bfree);
	CHECK(st.f_files > 0);
	CHECK(st.f_ffree <= st.f_files);
	EQ(st.f_namemax, 255);
	CHECK(st.f_bsize >= 512);
}

CASE(space_is_the_same_from_elsewhere)
{
	struct statvfs here;
	struct statvfs there;

	put("f", "");
	OK(statvfs("f", &here));
	OK(statvfs(other("f"), &there));
	EQ(here.f_blocks * here.f_frsize, there.f_blocks * there.f_frsize);
	EQ(here.f_files, there.f_files);
}

CASE(space_used_is_counted)
{
	static char data[1 << 20];
	struct statvfs before;
	struct statvfs after;
	int fd;

	OK(statvfs(".", &before));
	fd = open_file("f");
	fill(data, sizeof(data), 1);
	EQ(OK(write(fd, data, sizeof(data))), sizeof(data));
	OK(fsync(fd));
	OK(fstatvfs(fd, &after));
	CHECK((before.f_bfree - after.f_bfree) * before.f_frsize >=
	      sizeof(data) / 2);
}

/* A mount point beneath has numbers of its own */
CASE(space_of_a_mount_beneath)
{
	struct statvfs here;
	struct statvfs there;

	OK(statvfs(".", &here));
	enter_small(posix_options.small, "-s");
	OK(statvfs(".", &there));
	CHECK(here.f_blocks * here.f_frsize > there.f_blocks * there.f_frsize);
	leave_small();
}
