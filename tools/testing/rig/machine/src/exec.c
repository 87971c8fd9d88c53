// SPDX-License-Identifier: GPL-2.0
/*
 * rig-guest exec NAME [--timeout S] [-i] [-C DIR] -- PROGRAM [ARGUMENT...]
 *
 * Runs a program in a guest through the guest's agent. Scripts do little else,
 * so no Python is started or forked for it.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "exec.h"
#include "frame.h"

#define FAILED 125
#define TOOK_TOO_LONG 124
#define GUESTS "/run/guests/"
#define ENVIRONMENT GUESTS ".environment" /* lib/server.py writes it */
#define PIECE 65536
#define CONNECT 10 /* seconds */
#define LOOK 2 /* seconds between looks whether the domain still exists */

struct call {
	const char *name;
	const char *folder;
	double seconds;
	bool with_input;
	char **program;
	int link;
	unsigned int interface;	/* of dom0, that leads to the guest */
};

static int complain(const struct call *call, const char *what)
{
	fprintf(stderr, "rig-guest: %s: %s\n", call->name, what);
	return FAILED;
}

static bool take_seconds(struct call *call, const char *text)
{
	char *end;

	call->seconds = strtod(text, &end);
	if (call->seconds > 0 && !*end)
		return true;
	fprintf(stderr, "rig-guest: --timeout %s is no number of seconds\n", text);
	return false;
}

static bool parse(struct call *call, int argc, char **argv)
{
	static const struct option options[] = {
		{ "timeout", required_argument, NULL, 't' },
		{ "stdin", no_argument, NULL, 'i' },
		{ "chdir", required_argument, NULL, 'C' },
		{ 0 },
	};
	int separator = 1, option;

	while (separator < argc && strcmp(argv[separator], "--"))
		separator++;
	if (separator + 1 >= argc) {
		fprintf(stderr, "rig-guest: nothing to run: say rig-guest exec NAME -- PROGRAM\n");
		return false;
	}
	call->program = argv + separator + 1;
	while ((option = getopt_long(separator, argv, "iC:", options, NULL)) != -1) {
		if (option == 'i')
			call->with_input = true;
		else if (option == 'C')
			call->folder = optarg;
		else if (option != 't' || !take_seconds(call, optarg))
			return false;
	}
	if (optind + 1 != separator) {
		fprintf(stderr, "rig-guest: exec takes the name of one guest\n");
		return false;
	}
	call->name = argv[optind];
	return true;
}

/* The number of a guest, from its record; 0 if there is no such guest. */
static int number_of(const char *name)
{
	char path[300], record[4096], *at;
	FILE *file;

	snprintf(path, sizeof(path), GUESTS "%s.json", name);
	file = fopen(path, "re");
	if (!file)
		return 0;
	record[fread(record, 1, sizeof(record) - 1, file)] = '\0';
	fclose(file);
	at = strstr(record, "\"number\": ");
	return at ? atoi(at + strlen("\"number\": ")) : 0;
}

/* The network device of dom0 that has this end's address. */
static unsigned int interface_of(int link)
{
	struct sockaddr_in here, *other;
	socklen_t length = sizeof(here);
	struct ifaddrs *all, *one;
	unsigned int found = 0;

	if (getsockname(link, (struct sockaddr *)&here, &length) || getifaddrs(&all))
		return 0;
	for (one = all; one && !found; one = one->ifa_next) {
		other = (struct sockaddr_in *)one->ifa_addr;
		if (other && other->sin_family == AF_INET &&
		    other->sin_addr.s_addr == here.sin_addr.s_addr)
			found = if_nametoindex(one->ifa_name);
	}
	freeifaddrs(all);
	return found;
}

static bool connect_to(struct call *call, int number)
{
	struct sockaddr_in there = { .sin_family = AF_INET, .sin_port = htons(AGENT_PORT) };
	struct timeval patience = { .tv_sec = CONNECT };
	char address[20];
	int on = 1;

	snprintf(address, sizeof(address), "10.9.%d.2", number);
	inet_aton(address, &there.sin_addr);
	call->link = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* For connect(2), too */
	setsockopt(call->link, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(call->link, (struct sockaddr *)&there, sizeof(there)))
		return false;
	patience.tv_sec = 0;
	setsockopt(call->link, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(call->link, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	call->interface = interface_of(call->link);
	return call->interface;
}

static void put(FILE *request, const char *text)
{
	fwrite(text, 1, strlen(text) + 1, request);
}

static void put_environment(FILE *request, const char *name)
{
	FILE *file = fopen(ENVIRONMENT, "re");
	char piece[4096];
	size_t got;

	while (file && (got = fread(piece, 1, sizeof(piece), file)) > 0)
		fwrite(piece, 1, got, request);
	if (file)
		fclose(file);
	fprintf(request, "GUEST=%s", name);
	put(request, "");
}

static bool send_request(const struct call *call)
{
	char *data = NULL, **word;
	size_t length = 0;
	FILE *request = open_memstream(&data, &length);
	bool sent;

	if (!request)
		return false;
	put(request, call->folder);
	put(request, call->with_input ? "i" : "-");
	put_environment(request, call->name);
	put(request, "");
	for (word = call->program; *word; word++)
		put(request, *word);
	fclose(request);
	sent = frame_send(call->link, 'c', data, length);
	free(data);
	return sent;
}

static bool pass_input(struct call *call)
{
	char data[PIECE];
	ssize_t got = read(STDIN_FILENO, data, sizeof(data));

	call->with_input = got > 0;
	return got > 0 ? frame_send(call->link, 'i', data, got) :
		frame_send(call->link, 'z', "", 0);
}

static bool write_all(int fd, const char *data, size_t length)
{
	ssize_t written;

	for (; length; length -= written, data += written) {
		written = write(fd, data, length);
		if (written < 0)
			return false;
	}
	return true;
}

/* One frame of the agent: -1 to go on, else the program's or our status. */
static int take_frame(struct call *call)
{
	size_t length;
	char kind;
	char *data = frame_receive(call->link, &kind, &length);
	int status = -1;

	if (!data)
		return complain(call, "its agent closed the connection while a command ran");
	if (kind == 'x')
		status = atoi(data);
	else if (!write_all(kind == 'o' ? STDOUT_FILENO : STDERR_FILENO, data, length))
		status = complain(call, "nobody reads what the command says");
	free(data);
	return status;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static int follow(struct call *call)
{
	double deadline = now() + call->seconds;
	char name[IF_NAMESIZE];
	int ready, status = -1;

	while (status < 0) {
		struct pollfd watched[] = {
			{ .fd = call->link, .events = POLLIN },
			{ .fd = call->with_input ? STDIN_FILENO : -1, .events = POLLIN },
		};

		ready = poll(watched, 2, LOOK * 1000);
		if (!ready && !if_indextoname(call->interface, name))
			return complain(call, "its domain went away while a command ran in it");
		if (now() > deadline) {
			complain(call, "the command did not end within its time and was killed");
			return TOOK_TOO_LONG;
		}
		if (watched[1].revents && !pass_input(call))
			return complain(call, "its agent went away");
		if (watched[0].revents)
			status = take_frame(call);
	}
	return status;
}

int exec_in_guest(int argc, char **argv)
{
	struct call call = { .folder = "/", .seconds = 600 };
	int number;

	if (!parse(&call, argc, argv))
		return 2;
	number = number_of(call.name);
	if (!number)
		return complain(&call, "there is no such guest");
	if (!connect_to(&call, number))
		return complain(&call, "its agent cannot be reached");
	if (!send_request(&call))
		return complain(&call, "its agent went away");
	return follow(&call);
}
