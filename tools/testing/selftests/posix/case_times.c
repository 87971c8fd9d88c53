// SPDX-License-Identifier: GPL-2.0
/*
 * Times: set to a value, to now and not at all, by those who may, and moved by
 * what changes a file or a directory. make and every backup look at them.
 */
#include <time.h>

#include "posix.h"

#define OLD	1000000

static void set_times(const char *path, time_t atime, time_t mtime)
{
	struct timespec times[2] = { { atime, 0 }, { mtime, 0 } };

	OK(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW));
}

static void is_now(time_t found)
{
	if (labs(found - time(NULL)) > 3600)
		FAIL("%lld is not now, %lld", (long long)found,
		     (long long)time(NULL));
}

/* The name of a file whose times are long ago */
static const char *old_file(void)
{
	put("old", "data");
	set_times("old", OLD, OLD);
	return "old";
}

CASE(times_are_set)
{
	struct stat st;

	put("f", "");
	set_times("f", 1000, 2000);
	st = stat_of("f");
	EQ(st.st_atime, 1000);
	EQ(st.st_mtime, 2000);
	is_now(st.st_ctime);
}

CASE(times_are_set_to_the_nanosecond)
{
	struct timespec times[2] = { { 1000, 123456789 }, { 2000, 987654321 } };
	struct stat st;

	put("f", "");
	OK(utimensat(AT_FDCWD, "f", times, 0));
	st = stat_of("f");
	EQ(st.st_atime, 1000);
	EQ(st.st_atim.tv_nsec, 123456789);
	EQ(st.st_mtime, 2000);
	EQ(st.st_mtim.tv_nsec, 987654321);
}

/* The clock's own steps are milliseconds, so they are no whole seconds */
CASE(times_of_changes_have_nanoseconds)
{
	bool seen = false;
	int i;

	for (i = 0; i < 5 && !seen; i++) {
		put("f", "data");
		sleep_ms(11);
		seen = stat_of("f").st_mtim.tv_nsec;
	}
	CHECK(seen);
}

CASE(times_before_1970_and_after_2038)
{
	struct stat st;

	put("f", "");
	set_times("f", -1000, 5000000000LL);
	st = stat_of("f");
	EQ(st.st_atime, -1000);
	EQ(st.st_mtime, 5000000000LL);
}

CASE(times_are_set_to_now)
{
	struct timespec times[2] = { { 0, UTIME_NOW }, { 0, UTIME_NOW } };
	const char *f = old_file();

	OK(utimensat(AT_FDCWD, f, times, 0));
	is_now(stat_of(f).st_atime);
	is_now(stat_of(f).st_mtime);
	set_times(f, OLD, OLD);
	OK(utimensat(AT_FDCWD, f, NULL, 0));
	is_now(stat_of(f).st_atime);
	is_now(stat_of(f).st_mtime);
}

CASE(times_one_is_now_one_is_set)
{
	struct timespec times[2] = { { 0, UTIME_NOW }, { 3000, 0 } };
	const char *f = old_file();

	OK(utimensat(AT_FDCWD, f, times, 0));
	is_now(stat_of(f).st_atime);
	EQ(stat_of(f).st_mtime, 3000);
}

CASE(times_are_left_out)
{
	struct timespec one[2] = { { 0, UTIME_OMIT }, { 3000, 0 } };
	struct timespec two[2] = { { 4000, 0 }, { 0, UTIME_OMIT } };
	struct timespec none[2] = { { 0, UTIME_OMIT }, { 0, UTIME_OMIT } };
	const char *f = old_file();

	OK(utimensat(AT_FDCWD, f, one, 0));
	EQ(stat_of(f).st_atime, OLD);
	EQ(stat_of(f).st_mtime, 3000);
	OK(utimensat(AT_FDCWD, f, two, 0));
	EQ(stat_of(f).st_atime, 4000);
	EQ(stat_of(f).st_mtime, 3000);
	OK(utimensat(AT_FDCWD, f, none, 0));
	EQ(stat_of(f).st_atime, 4000);
	EQ(stat_of(f).st_mtime, 3000);
}

CASE(times_that_there_are_not)
{
	struct timespec times[2] = { { 0, 1000000000 }, { 0, 0 } };

	put("f", "");
	FAILS(EINVAL, utimensat(AT_FDCWD, "f", times, 0));
	FAILS(ENOENT, utimensat(AT_FDCWD, "no", NULL, 0));
}

static void touch_as_writer(void)
{
	struct timespec now[2] = { { 0, UTIME_NOW }, { 0, UTIME_NOW } };
	struct timespec mixed[2] = { { 0, UTIME_NOW }, { 0, UTIME_OMIT } };
	struct timespec set[2] = { { 5, 0 }, { 5, 0 } };

	OK(utimensat(AT_FDCWD, "old", now, 0));
	OK(utimensat(AT_FDCWD, "old", NULL, 0));
	FAILS(EPERM, utimensat(AT_FDCWD, "old", set, 0));
	FAILS(EPERM, utimensat(AT_FDCWD, "old", mixed, 0));
}

/* Who may write may say now, only the owner may say when */
CASE(times_of_who_may_write)
{
	const char *f = old_file();

	OK(chmod(f, 0666));
	run_as(ALICE, ALICE, touch_as_writer);
	is_now(stat_of(f).st_mtime);
}

static void touch_as_stranger(void)
{
	struct timespec set[2] = { { 5, 0 }, { 5, 0 } };

	FAILS(EACCES, utimensat(AT_FDCWD, "old", NULL, 0));
	FAILS(EPERM, utimensat(AT_FDCWD, "old", set, 0));
}

CASE(times_of_who_may_not)
{
	const char *f = old_file();

	run_as(ALICE, ALICE, touch_as_stranger);
	EQ(stat_of(f).st_mtime, OLD);
}

CASE(times_of_a_symlink)
{
	const char *f = old_file();

	OK(symlink(f, "l"));
	set_times("l", 7000, 8000);
	EQ(stat_of("l").st_mtime, 8000);
	EQ(stat_of(f).st_mtime, OLD);
}

CASE(times_of_a_directory)
{
	OK(mkdir("d", 0755));
	set_times("d", 7000, 8000);
	EQ(stat_of("d").st_atime, 7000);
	EQ(stat_of("d").st_mtime, 8000);
}

CASE(times_move_when_written)
{
	const char *f = old_file();
	int fd = OK(open(f, O_WRONLY));

	EQ(OK(write(fd, "x", 1)), 1);
	is_now(stat_of(f).st_mtime);
	is_now(fstat_of(fd).st_mtime);
}

CASE(times_move_when_written_and_closed)
{
	const char *f = old_file();
	int fd = OK(open(f, O_WRONLY));

	EQ(OK(write(fd, "x", 1)), 1);
	OK(close(fd));
	is_now(stat_of(f).st_mtime);
}

/* cp -p and tar write, then set: nothing late may move it again */
CASE(times_set_after_writing_stay)
{
	struct timespec times[2] = { { OLD, 0 }, { OLD, 0 } };
	int fd = open_file("f");

	EQ(OK(write(fd, "data", 4)), 4);
	OK(futimens(fd, times));
	EQ(fstat_of(fd).st_mtime, OLD);
	OK(close(fd));
	EQ(stat_of("f").st_mtime, OLD);
	has("f", "data");
	EQ(stat_of("f").st_mtime, OLD);
}

CASE(times_move_when_truncated)
{
	const char *f = old_file();

	OK(truncate(f, 1));
	is_now(stat_of(f).st_mtime);
	set_times(f, OLD, OLD);
	OK(close(OK(open(f, O_WRONLY | O_TRUNC))));
	is_now(stat_of(f).st_mtime);
}

CASE(times_stay_when_read)
{
	const char *f = old_file();

	has(f, "data");
	OK(close(OK(open(f, O_WRONLY))));
	EQ(stat_of(f).st_mtime, OLD);
}

/* Sets the old times and lets the clock go on; then the ctime to compare with */
static struct timespec ctime_before(const char *path)
{
	struct timespec found = stat_of(path).st_ctim;

	sleep_ms(30);
	return found;
}

static void ctime_moved(const char *path, struct timespec before)
{
	struct timespec after = stat_of(path).st_ctim;

	if (after.tv_sec < before.tv_sec ||
	    (after.tv_sec == before.tv_sec && after.tv_nsec <= before.tv_nsec))
		FAIL("the ctime of %s did not move", path);
}

CASE(times_of_change_move)
{
	const char *f = old_file();
	struct timespec before;

	before = ctime_before(f);
	OK(chmod(f, 0600));
	ctime_moved(f, before);
	before = ctime_before(f);
	OK(chown(f, ALICE, ALICE));
	ctime_moved(f, before);
	before = ctime_before(f);
	OK(link(f, "second"));
	ctime_moved(f, before);
	before = ctime_before(f);
	OK(unlink("second"));
	ctime_moved(f, before);
	before = ctime_before(f);
	set_times(f, 1, 1);
	ctime_moved(f, before);
}

static void directory_moved(const char *path)
{
	is_now(stat_of(path).st_mtime);
	set_times(path, OLD, OLD);
	EQ(stat_of(path).st_mtime, OLD);
}

CASE(times_of_a_directory_move)
{
	OK(mkdir("d", 0755));
	set_times("d", OLD, OLD);
	put("d/f", "");
	directory_moved("d");
	OK(rename("d/f", "d/g"));
	directory_moved("d");
	OK(link("d/g", "d/h"));
	directory_moved("d");
	OK(unlink("d/h"));
	directory_moved("d");
	OK(mkdir("d/e", 0755));
	directory_moved("d");
	OK(rmdir("d/e"));
	directory_moved("d");
	OK(symlink("x", "d/l"));
	directory_moved("d");
	OK(mkfifo("d/p", 0600));
	directory_moved("d");
	OK(chmod("d/g", 0600));
	EQ(stat_of("d").st_mtime, OLD);
}

CASE(times_of_birth)
{
	struct statx stx;

	put("f", "");
	OK(statx(AT_FDCWD, "f", 0, STATX_BTIME, &stx));
	if (!(stx.stx_mask & STATX_BTIME))
		FAIL("no birth time");
	is_now(stx.stx_btime.tv_sec);
}
