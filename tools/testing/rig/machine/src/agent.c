// SPDX-License-Identifier: GPL-2.0
/*
 * The agent in a guest: runs a command for each connection from dom0
 *
 * It needs nothing but the network between the two, so it works whatever 9P
 * does. A frame "c" brings the command, as strings that each end with a zero
 * byte: the folder, "i" if there is input or "-", any number of NAME=VALUE, an
 * empty string, the program and its arguments.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "boot.h"
#include "frame.h"

#define PIECE 65536
/* Input that the command has not read yet; no more is taken while it is more */
#define UNREAD (1u << 20)
/*
 * How long output may still come after a command has ended, in ms: what it left
 * in the background may keep its stdout open for ever.
 */
#define LINGER 500

struct command {
	int link;
	pid_t child;
	int ended;		/* pidfd, -1 once the child is reaped */
	int status;
	int output[2];		/* its stdout and stderr, -1 once at their end */
	int input;		/* its stdin, or -1 */
	char *unsent;
	size_t unsent_length;
	bool at_end;		/* no more input will come */
};

static void refuse(int link, const char *what)
{
	char text[300];

	snprintf(text, sizeof(text), "rig: cannot start the command: %s: %s\n", what,
		 strerror(errno));
	frame_send(link, 'e', text, strlen(text));
	frame_send(link, 'x', "127", 3);
}

/* In the child: never returns. */
static void become(int *pipes, const char *folder, char **words)
{
	static const int numbers[3] = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO };
	int i;

	setsid();
	signal(SIGCHLD, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	for (i = 0; i < 3; i++)
		dup2(pipes[i], numbers[i]);
	while (**words)
		putenv(*words++);
	words++;
	if (chdir(folder))
		dprintf(STDERR_FILENO, "rig: cannot go to %s: %s\n", folder, strerror(errno));
	else if (execvp(words[0], words))
		dprintf(STDERR_FILENO, "rig: cannot run %s: %s\n", words[0], strerror(errno));
	_exit(127);
}

/* Split the frame into strings: words[0..] with a NULL at the end. */
static char **split(char *data, size_t length)
{
	char **words = calloc(length + 1, sizeof(*words));
	char *at = data;
	size_t count = 0;

	if (!words)
		return NULL;
	for (; at < data + length; at += strlen(at) + 1)
		words[count++] = at;
	return words;
}

/* There has to be the folder, the flag, an empty string and a program. */
static bool complete(char **words)
{
	if (!words[0] || !words[1])
		return false;
	for (words += 2; *words && **words;)
		words++;
	return *words && words[1];
}

static bool open_pipes(bool with_input, int *ours, int *theirs)
{
	int in[2], out[2], err[2];

	if (pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		return false;
	if (with_input) {
		if (pipe2(in, O_CLOEXEC))
			return false;
		fcntl(in[1], F_SETFL, O_NONBLOCK);
	} else {
		in[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		in[1] = -1;
	}
	memcpy(theirs, (int[]){ in[0], out[1], err[1] }, 3 * sizeof(int));
	memcpy(ours, (int[]){ in[1], out[0], err[0] }, 3 * sizeof(int));
	return true;
}

static bool start(struct command *command, char **words)
{
	int ours[3], theirs[3], i;

	if (!open_pipes(words[1][0] == 'i', ours, theirs))
		return false;
	command->child = fork();
	if (!command->child)
		become(theirs, words[0], words + 2);
	for (i = 0; i < 3; i++)
		close(theirs[i]);
	command->input = ours[0];
	command->output[0] = ours[1];
	command->output[1] = ours[2];
	if (command->child < 0)
		return false;
	command->ended = syscall(SYS_pidfd_open, command->child, 0);
	return command->ended >= 0;
}

/* What the command says, as a frame; false if the link is gone. */
static bool pass_output(struct command *command, int which)
{
	char data[PIECE];
	ssize_t got = read(command->output[which], data, sizeof(data));

	if (got > 0)
		return frame_send(command->link, which ? 'e' : 'o', data, got);
	close(command->output[which]);
	command->output[which] = -1;
	return true;
}

static void close_input(struct command *command)
{
	close(command->input);
	command->input = -1;
	command->unsent_length = 0;
}

static void feed(struct command *command)
{
	ssize_t sent = write(command->input, command->unsent, command->unsent_length);

	if (sent < 0 && errno != EAGAIN) {
		close_input(command); /* it does not want to hear more */
		return;
	}
	if (sent > 0) {
		command->unsent_length -= sent;
		memmove(command->unsent, command->unsent + sent, command->unsent_length);
	}
	if (!command->unsent_length && command->at_end)
		close_input(command);
}

static bool take_input(struct command *command)
{
	size_t length;
	char kind;
	char *more, *data = frame_receive(command->link, &kind, &length);

	if (!data)
		return false;
	if (kind == 'z') {
		command->at_end = true;
	} else if (command->input >= 0 && length) {
		more = realloc(command->unsent, command->unsent_length + length);
		if (!more) {
			free(data);
			return false;
		}
		memcpy(more + command->unsent_length, data, length);
		command->unsent = more;
		command->unsent_length += length;
	}
	free(data);
	if (command->input >= 0)
		feed(command);
	return true;
}

static void reap(struct command *command)
{
	waitpid(command->child, &command->status, 0);
	close(command->ended);
	command->ended = -1;
}

/* Follow the command to its end; false if the link is gone before. */
static bool follow(struct command *command)
{
	int ready;

	while (command->ended >= 0 || command->output[0] >= 0 || command->output[1] >= 0) {
		struct pollfd watched[] = {
			{ .fd = command->output[0], .events = POLLIN },
			{ .fd = command->output[1], .events = POLLIN },
			{ .fd = command->ended, .events = POLLIN },
			{ .fd = command->unsent_length ? command->input : -1, .events = POLLOUT },
			{ .fd = command->link,
			  .events = command->unsent_length < UNREAD ? POLLIN : 0 },
		};

		ready = poll(watched, 5, command->ended >= 0 ? -1 : LINGER);
		if (!ready)
			break;
		if ((watched[0].revents && !pass_output(command, 0)) ||
		    (watched[1].revents && !pass_output(command, 1)))
			return false;
		if (watched[3].revents)
			feed(command);
		if (watched[2].revents)
			reap(command);
		if (watched[4].revents && !take_input(command))
			return false;
	}
	return true;
}

static void tell_status(struct command *command)
{
	char text[16];
	int status = WIFSIGNALED(command->status) ? 128 + WTERMSIG(command->status) :
		     WEXITSTATUS(command->status);

	snprintf(text, sizeof(text), "%d", status);
	frame_send(command->link, 'x', text, strlen(text));
}

static int serve(int link)
{
	struct command command = { .link = link, .ended = -1, .output = { -1, -1 }, .input = -1 };
	size_t length;
	char kind, **words, *data = frame_receive(link, &kind, &length);

	if (!data || kind != 'c')
		return 1;
	words = split(data, length);
	if (!words || !complete(words)) {
		errno = EINVAL;
		refuse(link, "the request makes no sense");
		return 1;
	}
	if (!start(&command, words)) {
		refuse(link, words[2]);
		return 1;
	}
	if (follow(&command))
		tell_status(&command);
	else if (command.ended >= 0)
		kill(-command.child, SIGKILL);
	return 0;
}

int agent_serve(const char *address)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(AGENT_PORT) };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int link, on = 1;

	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (!inet_aton(address, &here.sin_addr) ||
	    bind(listener, (struct sockaddr *)&here, sizeof(here)) || listen(listener, 16)) {
		say("guest: cannot listen at %s: %s", address, strerror(errno));
		return 1;
	}
	while ((link = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		setsockopt(link, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		if (!fork()) {
			close(listener);
			signal(SIGCHLD, SIG_DFL);
			_exit(serve(link));
		}
		close(link);
	}
	say("guest: cannot accept connections: %s", strerror(errno));
	return 1;
}
