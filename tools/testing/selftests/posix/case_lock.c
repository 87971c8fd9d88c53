// SPDX-License-Identifier: GPL-2.0
/*
 * Locks of files, between processes of one machine and between what sees the
 * files another way. A lock that is given twice loses somebody's data.
 */
#include <sys/file.h>
#include <sys/wait.h>

#include "posix.h"

static int lock_range(int fd, int command, short type, off_t start, off_t size)
{
	struct flock lock = {
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = start,
		.l_len = size,
	};

	return fcntl(fd, command, &lock);
}

static int lock_whole(int fd, short type)
{
	return lock_range(fd, F_SETLK, type, 0, 0);
}

/* What stands in the way of a lock: its type, F_UNLCK if nothing does */
static struct flock lock_of_others(int fd, short type, off_t start, off_t size)
{
	struct flock lock = {
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = start,
		.l_len = size,
	};

	OK(fcntl(fd, F_GETLK, &lock));
	return lock;
}

/* Runs @function in a child while this process keeps its locks */
static void meanwhile(void (*function)(void))
{
	wait_for(start(function));
}

static void is_locked(void)
{
	int fd = OK(open("f", O_RDWR));
	struct flock found;

	FAILS_EITHER(EAGAIN, EACCES, lock_whole(fd, F_WRLCK));
	FAILS_EITHER(EAGAIN, EACCES, lock_whole(fd, F_RDLCK));
	found = lock_of_others(fd, F_WRLCK, 0, 0);
	EQ(found.l_type, F_WRLCK);
	EQ(found.l_pid, getppid());
}

static void is_free(void)
{
	int fd = OK(open("f", O_RDWR));

	EQ(lock_of_others(fd, F_WRLCK, 0, 0).l_type, F_UNLCK);
	OK(lock_whole(fd, F_WRLCK));
}

CASE(lock_keeps_others_out)
{
	int fd = open_file("f");

	OK(lock_whole(fd, F_WRLCK));
	meanwhile(is_locked);
	OK(lock_whole(fd, F_UNLCK));
	meanwhile(is_free);
}

static void may_read(void)
{
	int fd = OK(open("f", O_RDWR));

	OK(lock_whole(fd, F_RDLCK));
	FAILS_EITHER(EAGAIN, EACCES, lock_whole(fd, F_WRLCK));
}

CASE(lock_to_read_is_shared)
{
	int fd = open_file("f");

	OK(lock_whole(fd, F_RDLCK));
	meanwhile(may_read);
	OK(lock_whole(fd, F_WRLCK));
	meanwhile(is_locked);
}

static void lock_around(void)
{
	int fd = OK(open("f", O_RDWR));
	struct flock found;

	OK(lock_range(fd, F_SETLK, F_WRLCK, 0, 100));
	OK(lock_range(fd, F_SETLK, F_WRLCK, 200, 50));
	FAILS_EITHER(EAGAIN, EACCES,
		     lock_range(fd, F_SETLK, F_WRLCK, 199, 1));
	found = lock_of_others(fd, F_WRLCK, 0, 0);
	EQ(found.l_start, 100);
	EQ(found.l_len, 100);
}

CASE(lock_of_a_range)
{
	int fd = open_file("f");

	OK(lock_range(fd, F_SETLK, F_WRLCK, 100, 100));
	meanwhile(lock_around);
}

static void lock_middle(void)
{
	int fd = OK(open("f", O_RDWR));

	OK(lock_range(fd, F_SETLK, F_WRLCK, 40, 20));
	FAILS_EITHER(EAGAIN, EACCES, lock_range(fd, F_SETLK, F_WRLCK, 39, 1));
	FAILS_EITHER(EAGAIN, EACCES, lock_range(fd, F_SETLK, F_WRLCK, 60, 1));
}

CASE(lock_is_split)
{
	int fd = open_file("f");

	OK(lock_range(fd, F_SETLK, F_WRLCK, 0, 100));
	OK(lock_range(fd, F_SETLK, F_UNLCK, 40, 20));
	meanwhile(lock_middle);
}

static void lock_far(void)
{
	int fd = OK(open("f", O_RDWR));

	OK(lock_range(fd, F_SETLK, F_WRLCK, (1LL << 40) + 10, 5));
	FAILS_EITHER(EAGAIN, EACCES,
		     lock_range(fd, F_SETLK, F_WRLCK, (1LL << 40) + 9, 1));
}

CASE(lock_beyond_32_bits)
{
	int fd = open_file("f");

	OK(lock_range(fd, F_SETLK, F_WRLCK, 1LL << 40, 10));
	meanwhile(lock_far);
}

/* The trap of POSIX locks, which programs count on all the same */
CASE(lock_ends_with_any_descriptor)
{
	int fd = open_file("f");

	OK(lock_whole(fd, F_WRLCK));
	OK(close(OK(open("f", O_RDONLY))));
	meanwhile(is_free);
}

static void lock_and_die(void)
{
	OK(lock_whole(OK(open("f", O_RDWR)), F_WRLCK));
}

CASE(lock_ends_with_its_process)
{
	put("f", "");
	wait_for(start(lock_and_die));
	is_free();
}

CASE(lock_is_not_inherited)
{
	int fd = open_file("f");
	pid_t child;

	OK(lock_whole(fd, F_WRLCK));
	fflush(stdout);
	child = OK(fork());
	if (!child) {
		FAILS_EITHER(EAGAIN, EACCES, lock_whole(fd, F_WRLCK));
		_exit(0);
	}
	wait_for(child);
}

static struct turns turns;

static void wait_for_lock(void)
{
	int fd = OK(open("f", O_RDWR));

	turn_give(&turns, 1);
	OK(lock_range(fd, F_SETLKW, F_WRLCK, 0, 0));
	fd_has(fd, "done");
}

CASE(lock_is_waited_for)
{
	int fd = open_file("f");
	pid_t child;

	turns_init(&turns);
	OK(lock_whole(fd, F_WRLCK));
	child = start(wait_for_lock);
	turn_take(&turns, 0);
	sleep_ms(200);
	EQ(OK(waitpid(child, NULL, WNOHANG)), 0);
	EQ(OK(write(fd, "done", 4)), 4);
	OK(lock_whole(fd, F_UNLCK));
	wait_for(child);
}

#define COUNTS	8

static void count_up(void)
{
	int fd = OK(open("f", O_RDWR));
	int value;
	int i;

	for (i = 0; i < COUNTS; i++) {
		OK(lock_range(fd, F_SETLKW, F_WRLCK, 0, 0));
		EQ(OK(pread(fd, &value, sizeof(value), 0)), sizeof(value));
		value++;
		EQ(OK(pwrite(fd, &value, sizeof(value), 0)), sizeof(value));
		OK(lock_whole(fd, F_UNLCK));
	}
}

CASE(lock_guards_what_is_counted)
{
	int fd = open_file("f");
	int value = 0;
	pid_t one;
	pid_t two;

	EQ(OK(write(fd, &value, sizeof(value))), sizeof(value));
	one = start(count_up);
	two = start(count_up);
	wait_for(one);
	wait_for(two);
	EQ(OK(pread(fd, &value, sizeof(value), 0)), sizeof(value));
	EQ(value, 2 * COUNTS);
}

CASE(lock_needs_the_right_descriptor)
{
	int fd;

	put("f", "");
	fd = OK(open("f", O_RDONLY));
	FAILS(EBADF, lock_whole(fd, F_WRLCK));
	OK(lock_whole(fd, F_RDLCK));
	fd = OK(open("f", O_WRONLY));
	FAILS(EBADF, lock_whole(fd, F_RDLCK));
}

CASE(lock_of_open_files)
{
	int one = open_file("f");
	int two = OK(open("f", O_RDWR));

	OK(lock_range(one, F_OFD_SETLK, F_WRLCK, 0, 0));
	FAILS_EITHER(EAGAIN, EACCES,
		     lock_range(two, F_OFD_SETLK, F_WRLCK, 0, 0));
	OK(close(one));
	OK(lock_range(two, F_OFD_SETLK, F_WRLCK, 0, 0));
}

CASE(lock_of_flock)
{
	int one = open_file("f");
	int two = OK(open("f", O_RDWR));

	OK(flock(one, LOCK_EX));
	FAILS(EWOULDBLOCK, flock(two, LOCK_EX | LOCK_NB));
	OK(flock(one, LOCK_SH));
	OK(flock(two, LOCK_SH | LOCK_NB));
	OK(flock(one, LOCK_UN));
	OK(flock(two, LOCK_EX | LOCK_NB));
}

/* Who looks from elsewhere, a second mount or the host, is kept out too */
CASE(lock_is_seen_from_elsewhere)
{
	int fd = open_file("f");
	int seen = OK(open(other("f"), O_RDWR));
	struct flock ofd = {
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
	};

	OK(lock_range(fd, F_SETLK, F_WRLCK, 10, 10));
	FAILS_EITHER(EAGAIN, EACCES,
		     lock_range(seen, F_OFD_SETLK, F_WRLCK, 15, 1));
	OK(lock_range(seen, F_OFD_SETLK, F_WRLCK, 30, 1));
	OK(fcntl(seen, F_OFD_GETLK, &ofd));
	EQ(ofd.l_type, F_WRLCK);
	EQ(ofd.l_start, 10);
	EQ(ofd.l_len, 10);
}

static void keep_from_elsewhere(void)
{
	OK(lock_whole(OK(open(other("f"), O_RDWR)), F_WRLCK));
	turn_give(&turns, 1);
	turn_take(&turns, 1);
}

CASE(lock_from_elsewhere_counts)
{
	int fd = open_file("f");
	pid_t child;

	turns_init(&turns);
	child = start(keep_from_elsewhere);
	turn_take(&turns, 0);
	FAILS_EITHER(EAGAIN, EACCES, lock_whole(fd, F_WRLCK));
	turn_give(&turns, 0);
	wait_for(child);
	OK(lock_range(fd, F_SETLKW, F_WRLCK, 0, 0));
}
