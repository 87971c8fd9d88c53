// SPDX-License-Identifier: GPL-2.0
/*
 * A server that answers with as many bytes as it is asked for, and looks at
 * nothing else. What it takes is what socket, client and two switches between
 * processes take.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "units.h"

static void serve(int fd)
{
	static uint8_t buf[MSIZE];
	uint32_t size;

	for (;;) {
		receive_all(fd, buf, HEADER);
		size = get32(buf);
		if (size < HEADER + 4 || size > sizeof(buf))
			die("echo: a request of %u bytes", size);
		receive_all(fd, buf + HEADER, size - HEADER);
		size = get32(buf + HEADER);
		if (size < HEADER || size > sizeof(buf))
			die("echo: asked for %u bytes", size);
		put32(buf, size);
		buf[4]++;
		send_all(fd, buf, size);
	}
}

/* Serve in a child, which ends with this process's connection; its port */
uint16_t serve_echo(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(address);
	int one = 1, fd;

	if (listener < 0 || bind(listener, (void *)&address, len) ||
	    listen(listener, 1) ||
	    getsockname(listener, (void *)&address, &len))
		die("echo: %s", strerror(errno));
	switch (fork()) {
	case -1:
		die("fork: %s", strerror(errno));
	case 0:
		fd = accept(listener, NULL, NULL);
		if (fd < 0)
			die("accept: %s", strerror(errno));
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		/* The end of the connection is the end, and no mistake */
		close(STDERR_FILENO);
		serve(fd);
	}
	close(listener);
	return ntohs(address.sin_port);
}
