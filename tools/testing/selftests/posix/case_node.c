// SPDX-License-Identifier: GPL-2.0
/* FIFOs, sockets and device nodes: names in the tree, but the kernel's own. */
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include "posix.h"

static void write_through(void)
{
	int fd = OK(open("p", O_WRONLY));

	EQ(OK(write(fd, "through", 7)), 7);
}

CASE(node_fifo_connects_processes)
{
	char found[8] = "";
	pid_t child;
	int fd;

	OK(mkfifo("p", 0640));
	EQ(stat_of("p").st_mode, S_IFIFO | 0640);
	child = start(write_through);
	fd = OK(open("p", O_RDONLY));
	EQ(OK(read(fd, found, 7)), 7);
	EQ(strcmp(found, "through"), 0);
	wait_for(child);
	EQ(OK(read(fd, found, 7)), 0);
}

CASE(node_fifo_without_waiting)
{
	char byte;
	int reader;
	int writer;

	OK(mkfifo("p", 0600));
	FAILS(ENXIO, open("p", O_WRONLY | O_NONBLOCK));
	reader = OK(open("p", O_RDONLY | O_NONBLOCK));
	writer = OK(open("p", O_WRONLY | O_NONBLOCK));
	FAILS(EAGAIN, read(reader, &byte, 1));
	EQ(OK(write(writer, "x", 1)), 1);
	EQ(OK(read(reader, &byte, 1)), 1);
	FAILS(ESPIPE, lseek(reader, 0, SEEK_SET));
}

CASE(node_fifo_outlives_its_name)
{
	char byte;
	int fd;

	OK(mkfifo("p", 0600));
	fd = OK(open("p", O_RDWR));
	OK(rename("p", "q"));
	EQ(OK(write(fd, "x", 1)), 1);
	OK(unlink("q"));
	EQ(OK(read(fd, &byte, 1)), 1);
	EQ(byte, 'x');
}

CASE(node_fifo_has_attributes)
{
	OK(mkfifo("p", 0600));
	OK(chmod("p", 0666));
	OK(chown("p", ALICE, TEAM));
	EQ(mode_of("p"), 0666);
	EQ(stat_of("p").st_uid, ALICE);
	EQ(stat_of("p").st_gid, TEAM);
	FAILS(EEXIST, mkfifo("p", 0600));
	FAILS_EITHER(EINVAL, ESPIPE, truncate("p", 0));
}

static int unix_socket(struct sockaddr_un *address)
{
	*address = (struct sockaddr_un) {
		.sun_family = AF_UNIX,
		.sun_path = "s",
	};
	return OK(socket(AF_UNIX, SOCK_STREAM, 0));
}

static void connect_and_say(void)
{
	struct sockaddr_un address;
	int fd = unix_socket(&address);

	OK(connect(fd, (struct sockaddr *)&address, sizeof(address)));
	EQ(OK(write(fd, "hello", 5)), 5);
}

CASE(node_socket_connects_processes)
{
	struct sockaddr_un address;
	int fd = unix_socket(&address);
	char found[5];
	pid_t child;
	int peer;

	OK(bind(fd, (struct sockaddr *)&address, sizeof(address)));
	OK(listen(fd, 1));
	EQ(S_ISSOCK(stat_of("s").st_mode), 1);
	child = start(connect_and_say);
	peer = OK(accept(fd, NULL, NULL));
	EQ(OK(read(peer, found, 5)), 5);
	EQ(memcmp(found, "hello", 5), 0);
	wait_for(child);
	FAILS(EADDRINUSE, bind(unix_socket(&address),
			       (struct sockaddr *)&address, sizeof(address)));
}

CASE(node_socket_without_listener)
{
	struct sockaddr_un address;
	int fd = unix_socket(&address);

	OK(mknod("s", S_IFSOCK | 0600, 0));
	FAILS(ECONNREFUSED, connect(fd, (struct sockaddr *)&address,
				    sizeof(address)));
	FAILS(ENXIO, open("s", O_RDONLY));
}

CASE(node_regular_file)
{
	OK(mknod("f", S_IFREG | 0640, 0));
	EQ(stat_of("f").st_mode, S_IFREG | 0640);
	OK(mknod("g", 0600, 0));
	EQ(stat_of("g").st_mode, S_IFREG | 0600);
	put("f", "data");
	has("f", "data");
}

CASE(node_devices)
{
	struct stat st;

	OK(mknod("c", S_IFCHR | 0600, makedev(1, 3)));
	OK(mknod("b", S_IFBLK | 0600, makedev(8, 300)));
	st = stat_of("c");
	EQ(S_ISCHR(st.st_mode), 1);
	EQ(major(st.st_rdev), 1);
	EQ(minor(st.st_rdev), 3);
	EQ(minor(stat_of("b").st_rdev), 300);
}

static void make_device(void)
{
	FAILS(EPERM, mknod("d/c", S_IFCHR | 0600, makedev(1, 3)));
	OK(mkfifo("d/p", 0600));
	OK(mknod("d/s", S_IFSOCK | 0600, 0));
}

CASE(node_devices_are_roots)
{
	OK(mkdir("d", 0755));
	OK(chmod("d", 0777));
	run_as(ALICE, ALICE, make_device);
	is_absent("d/c");
}
