// SPDX-License-Identifier: GPL-2.0
/* Files in memory: what is mapped is the file, or a copy of it. */
#include <signal.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "posix.h"

#define PAGE	4096

/* A file of pages, each filled by its number; open to read and write */
static int pages_file(unsigned int pages)
{
	int fd = open_file("f");
	char page[PAGE];
	unsigned int i;

	for (i = 0; i < pages; i++) {
		memset(page, 'a' + i, PAGE);
		EQ(OK(write(fd, page, PAGE)), PAGE);
	}
	return fd;
}

static char *map_file(int fd, size_t size, int protection, int flags)
{
	char *map = mmap(NULL, size, protection, flags, fd, 0);

	if (map == MAP_FAILED)
		FAIL("mmap: %s", strerror(errno));
	return map;
}

CASE(map_private_is_read)
{
	int fd = pages_file(3);
	char *map = map_file(fd, 3 * PAGE, PROT_READ, MAP_PRIVATE);

	EQ(map[0], 'a');
	EQ(map[3 * PAGE - 1], 'c');
	OK(close(fd));
	EQ(map[PAGE], 'b');
}

CASE(map_private_is_a_copy)
{
	int fd = pages_file(2);
	char *map = map_file(fd, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	char byte;

	map[0] = 'X';
	EQ(map[0], 'X');
	EQ(OK(pread(fd, &byte, 1, 0)), 1);
	EQ(byte, 'a');
	OK(munmap(map, 2 * PAGE));
	EQ(OK(pread(fd, &byte, 1, 0)), 1);
	EQ(byte, 'a');
}

CASE(map_shared_is_read)
{
	int fd = pages_file(2);
	char *map = map_file(fd, 2 * PAGE, PROT_READ, MAP_SHARED);

	EQ(map[PAGE], 'b');
}

CASE(map_shared_is_written)
{
	int fd = pages_file(2);
	char *map = map_file(fd, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
	char byte;

	map[PAGE + 5] = 'X';
	EQ(OK(pread(fd, &byte, 1, PAGE + 5)), 1);
	EQ(byte, 'X');
	EQ(OK(pwrite(fd, "Y", 1, 7)), 1);
	EQ(map[7], 'Y');
	OK(msync(map, 2 * PAGE, MS_SYNC));
	if (posix_options.other) {
		int seen = OK(open(other("f"), O_RDONLY));

		EQ(OK(pread(seen, &byte, 1, PAGE + 5)), 1);
		EQ(byte, 'X');
	}
}

CASE(map_shared_is_written_when_closed)
{
	int fd = pages_file(1);
	char *map = map_file(fd, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
	char found[6] = "";

	memcpy(map, "mapped", 6);
	OK(munmap(map, PAGE));
	OK(close(fd));
	fd = OK(open("f", O_RDONLY));
	EQ(OK(pread(fd, found, 6, 0)), 6);
	EQ(memcmp(found, "mapped", 6), 0);
}

static char *shared_map;

static void write_to_shared(void)
{
	shared_map[0] = 'c';
}

CASE(map_shared_by_processes)
{
	int fd = pages_file(1);

	shared_map = map_file(fd, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
	wait_for(start(write_to_shared));
	EQ(shared_map[0], 'c');
}

CASE(map_ends_within_a_page)
{
	int fd = pages_file(1);
	char *map;

	OK(ftruncate(fd, 100));
	map = map_file(fd, PAGE, PROT_READ, MAP_PRIVATE);
	EQ(map[99], 'a');
	EQ(map[100], 0);
	EQ(map[PAGE - 1], 0);
}

static sigjmp_buf beyond;

static void on_bus_error(int signal)
{
	(void)signal;
	siglongjmp(beyond, 1);
}

static bool read_gives_bus_error(volatile char *map)
{
	if (sigsetjmp(beyond, 1))
		return true;
	(void)map[0];
	return false;
}

CASE(map_beyond_the_end)
{
	int fd = pages_file(1);
	char *map = map_file(fd, 2 * PAGE, PROT_READ, MAP_PRIVATE);

	signal(SIGBUS, on_bus_error);
	EQ(read_gives_bus_error(map), false);
	EQ(read_gives_bus_error(map + PAGE), true);
}

CASE(map_shrinks_with_the_file)
{
	int fd = pages_file(3);
	char *map = map_file(fd, 3 * PAGE, PROT_READ, MAP_PRIVATE);

	EQ(map[2 * PAGE], 'c');
	OK(ftruncate(fd, PAGE));
	signal(SIGBUS, on_bus_error);
	EQ(read_gives_bus_error(map + 2 * PAGE), true);
	EQ(map[0], 'a');
}

CASE(map_rights)
{
	int fd;

	OK(close(pages_file(1)));
	fd = OK(open("f", O_RDONLY));
	CHECK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) ==
	      MAP_FAILED);
	EQ(errno, EACCES);
	map_file(fd, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	fd = OK(open("f", O_WRONLY));
	CHECK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED);
	EQ(errno, EACCES);
}

static void copy_program(const char *to)
{
	static char buffer[1 << 16];
	int from = OK(open("/proc/self/exe", O_RDONLY));
	int fd = OK(open(to, O_WRONLY | O_CREAT, 0755));
	ssize_t size;

	while ((size = OK(read(from, buffer, sizeof(buffer)))))
		EQ(OK(write(fd, buffer, size)), size);
	OK(close(fd));
}

static void run_program(void)
{
	OK(dup2(OK(open("/dev/null", O_WRONLY)), 1));
	execl("./program", "program", "-l", NULL);
	_exit(126);
}

CASE(map_program_is_run)
{
	copy_program("program");
	wait_for(start(run_program));
	OK(chmod("program", 0644));
	FAILS(EACCES, execl("./program", "program", "-l", NULL));
}

CASE(map_program_that_runs_is_not_written)
{
	int fd;
	pid_t child;

	copy_program("program");
	fd = OK(open("program", O_WRONLY));
	FAILS(ETXTBSY, execl("./program", "program", "-l", NULL));
	OK(close(fd));
	child = start(run_program);
	wait_for(child);
}
