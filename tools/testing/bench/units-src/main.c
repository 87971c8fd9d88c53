// SPDX-License-Identifier: GPL-2.0
/*
 * units NAME PORT ANAME DIR: measures the server at 127.0.0.1:PORT, which
 * exports ANAME, in the directory DIR of it. units echo measures a server that
 * does nothing. Prints a line of JSON for each work: the time of one
 * operation, in ns, in each round.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "units.h"

#define ROUNDS	5

static struct client client;

void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("units: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void connect_to(struct client *c, uint16_t port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c->fd < 0 || connect(c->fd, (void *)&address, sizeof(address)))
		die("127.0.0.1:%u: %s", port, strerror(errno));
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static double one_round(struct client *c, const struct work *work)
{
	uint64_t start, took;

	if (work->prepare)
		work->prepare(c, work->ops);
	start = now();
	work->run(c, work->ops);
	took = now() - start;
	if (work->finish)
		work->finish(c, work->ops);
	return (double)took / work->ops;
}

static void measure(struct client *c, const char *server,
		    const struct work *work)
{
	unsigned int i;

	/* What is allocated or cached once */
	one_round(c, work);
	printf("{\"server\": \"%s\", \"work\": \"%s\", \"msize\": %u, \"ns\": [",
	       server, work->name, c->msize);
	for (i = 0; i < ROUNDS; i++)
		printf("%s%.1f", i ? ", " : "", one_round(c, work));
	printf("]}\n");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	int echo = argc == 2 && !strcmp(argv[1], "echo");
	unsigned int i;

	if (!echo && argc != 5)
		die("usage: units NAME PORT ANAME DIR | units echo");
	connect_to(&client, echo ? serve_echo() : atoi(argv[2]));
	if (!echo)
		enter(&client, argv[3], argv[4]);
	for (i = 0; i < nr_works; i++) {
		if (works[i].echo == echo)
			measure(&client, argv[1], &works[i]);
	}
	close(client.fd);
	return 0;
}
