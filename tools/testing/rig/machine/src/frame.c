// SPDX-License-Identifier: GPL-2.0
/*
 * Frames between dom0 and a guest's agent; see frame.h
 */

#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "frame.h"

#define LIMIT (1u << 24)

struct header {
	char kind;
	uint32_t length;
} __attribute__((packed));

static bool receive(int link, void *data, size_t length)
{
	ssize_t got;

	for (; length; length -= got, data = (char *)data + got) {
		got = recv(link, data, length, 0);
		if (got <= 0)
			return false;
	}
	return true;
}

static bool send_all(int link, const void *data, size_t length)
{
	ssize_t sent;

	for (; length; length -= sent, data = (const char *)data + sent) {
		sent = send(link, data, length, MSG_NOSIGNAL);
		if (sent < 0)
			return false;
	}
	return true;
}

bool frame_send(int link, char kind, const void *data, size_t length)
{
	struct header header = { kind, length };

	return send_all(link, &header, sizeof(header)) && send_all(link, data, length);
}

char *frame_receive(int link, char *kind, size_t *length)
{
	struct header header;
	char *data;

	if (!receive(link, &header, sizeof(header)) || header.length > LIMIT)
		return NULL;
	data = malloc(header.length + 1);
	if (!data || !receive(link, data, header.length)) {
		free(data);
		return NULL;
	}
	data[header.length] = '\0';
	*kind = header.kind;
	*length = header.length;
	return data;
}
