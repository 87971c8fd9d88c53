// SPDX-License-Identifier: GPL-2.0
/*
 * rig-guest - hand a call over to the server in dom0
 *
 * An emulated CPU takes a second to start Python. So a server (lib/server.py)
 * that has everything loaded does the work: it gets the arguments, the working
 * directory and this program's stdin, stdout and stderr, and answers with the
 * exit status. What scripts call most, exec, is done here (see exec.c).
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "exec.h"

#define SERVER "/run/rig-guest.sock"

/* The working directory and the arguments, each ended by a zero byte. */
static char *pack_call(int argc, char **argv, size_t *length)
{
	char *folder = getcwd(NULL, 0);
	char *call, *end;
	int i;

	if (!folder)
		folder = strdup("/");
	*length = strlen(folder) + 1;
	for (i = 1; i < argc; i++)
		*length += strlen(argv[i]) + 1;
	call = malloc(*length);
	if (!call || !folder)
		return NULL;
	end = stpcpy(call, folder) + 1;
	for (i = 1; i < argc; i++)
		end = stpcpy(end, argv[i]) + 1;
	free(folder);
	return call;
}

/* The length goes along with the three descriptors, the call after it. */
static int send_call(int server, const char *call, size_t length)
{
	static const int streams[3] = { 0, 1, 2 };
	union {
		char buffer[CMSG_SPACE(sizeof(streams))];
		struct cmsghdr align;
	} control = { { 0 } };
	unsigned int size = length;
	struct iovec part = { .iov_base = &size, .iov_len = sizeof(size) };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.buffer,
		.msg_controllen = sizeof(control.buffer),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	ssize_t sent;

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(streams));
	memcpy(CMSG_DATA(header), streams, sizeof(streams));
	if (sendmsg(server, &message, MSG_NOSIGNAL) != sizeof(size))
		return -1;
	while (length) {
		sent = send(server, call, length, MSG_NOSIGNAL);
		if (sent < 0)
			return -1;
		call += sent;
		length -= sent;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = SERVER };
	int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unsigned char status;
	size_t length;
	char *call;

	if (argc > 1 && !strcmp(argv[1], "exec"))
		return exec_in_guest(argc - 1, argv + 1);
	if (server < 0 || connect(server, (struct sockaddr *)&address, sizeof(address))) {
		fprintf(stderr, "rig-guest: no server at " SERVER ": %s\n", strerror(errno));
		return 125;
	}
	call = pack_call(argc, argv, &length);
	if (!call || send_call(server, call, length)) {
		fprintf(stderr, "rig-guest: cannot hand over the call: %s\n", strerror(errno));
		return 125;
	}
	if (recv(server, &status, 1, 0) != 1) {
		fprintf(stderr, "rig-guest: the server went away during the call\n");
		return 125;
	}
	return status;
}
