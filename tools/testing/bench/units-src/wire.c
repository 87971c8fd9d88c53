// SPDX-License-Identifier: GPL-2.0
/* Messages: a request is put together, sent, and its reply received whole */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "units.h"

uint32_t get32(const uint8_t *from)
{
	return from[0] | from[1] << 8 | from[2] << 16 | (uint32_t)from[3] << 24;
}

void put32(uint8_t *to, uint32_t value)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		to[i] = value >> 8 * i;
}

void receive_all(int fd, void *to, size_t size)
{
	ssize_t got;

	while (size) {
		got = read(fd, to, size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			die("the server closed the connection");
		to = (uint8_t *)to + got;
		size -= got;
	}
}

void send_all(int fd, const void *from, size_t size)
{
	ssize_t put;

	while (size) {
		put = write(fd, from, size);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			die("sending: %s", strerror(errno));
		from = (const uint8_t *)from + put;
		size -= put;
	}
}

/* Start a request; only Tversion has no tag, and here every other has tag 1 */
void begin(struct client *c, uint8_t type)
{
	c->len = HEADER;
	c->out[4] = type;
	c->out[5] = type == TVERSION ? 0xff : 1;
	c->out[6] = type == TVERSION ? 0xff : 0;
}

void put(struct client *c, uint64_t value, unsigned int bytes)
{
	if (c->len + bytes > sizeof(c->out))
		die("a request is too long");
	while (bytes--) {
		c->out[c->len++] = value;
		value >>= 8;
	}
}

void put_text(struct client *c, const char *text)
{
	put(c, strlen(text), 2);
	while (*text)
		put(c, (uint8_t)*text++, 1);
}

/* Send the request and receive its reply; the error that it says, or 0 */
int call_may_fail(struct client *c)
{
	put32(c->out, c->len);
	send_all(c->fd, c->out, c->len);
	receive_all(c->fd, c->in, HEADER);
	c->in_len = get32(c->in);
	if (c->in_len < HEADER || c->in_len > sizeof(c->in))
		die("a reply of %zu bytes", c->in_len);
	receive_all(c->fd, c->in + HEADER, c->in_len - HEADER);
	if (c->in[4] == RLERROR)
		return get32(c->in + HEADER);
	if (c->in[4] != c->out[4] + 1)
		die("type %u answers type %u", c->in[4], c->out[4]);
	return 0;
}

/* The same of a request that has to go well; what follows the header */
uint8_t *call(struct client *c)
{
	int err = call_may_fail(c);

	if (err)
		die("type %u: %s", c->out[4], strerror(err));
	return c->in + HEADER;
}
