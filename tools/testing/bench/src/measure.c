// SPDX-License-Identifier: GPL-2.0
/*
 * One measurement: processes prepare, wait for each other, work, and say when
 * they were done. The parent does nothing in the directory itself, so that one
 * which hangs never holds it up for ever.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

/* How long a process that was killed may take to end */
#define KILL_TIME	10

/* What a process says of a step */
struct report {
	uint64_t ops;
	uint64_t bytes;
	double end;
	char error[BENCH_ERROR];
};

struct child {
	pid_t pid;
	int from;
	int to;
};

struct crew {
	struct child children[BENCH_PROCS];
	unsigned int count;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

__printf(2, 3)
static int fail(struct outcome *outcome, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (!outcome->error[0])
		vsnprintf(outcome->error, sizeof(outcome->error), format, args);
	va_end(args);
	return -1;
}

static int enter(struct job *job)
{
	const char *where = job->work->where ? job->work->where : ".";
	char path[BENCH_PATH];

	if (job_path(job, path, "%s", where))
		return -1;
	return chdir(path) ? job_fail(job, "chdir %s", path) : 0;
}

/* Three steps, each begun by a byte from the parent */
static void child_main(struct job *job, int from, int to)
{
	int (*const steps[])(struct job *) = {
		job->work->prepare, enter, job->work->run,
	};
	struct report report;
	unsigned int i;
	char go;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		if (read(from, &go, 1) != 1)
			_exit(1);
		job->ops = 0;
		job->bytes = 0;
		memset(&report, 0, sizeof(report));
		if (steps[i](job))
			memcpy(report.error, job->error, sizeof(report.error));
		report.end = now();
		report.ops = job->ops;
		report.bytes = job->bytes;
		if (write(to, &report, sizeof(report)) != sizeof(report))
			_exit(1);
	}
	_exit(0);
}

static int crew_add(struct crew *crew, struct job *job, struct outcome *outcome)
{
	struct child *child = &crew->children[crew->count];
	int in[2], out[2];

	if (pipe(in))
		return fail(outcome, "pipe: %s", strerror(errno));
	if (pipe(out)) {
		close(in[0]);
		close(in[1]);
		return fail(outcome, "pipe: %s", strerror(errno));
	}
	child->pid = fork();
	if (!child->pid) {
		/* A group of its own, so that its programs are killed with it */
		setpgid(0, 0);
		close(in[1]);
		close(out[0]);
		child_main(job, in[0], out[1]);
	}
	close(in[0]);
	close(out[1]);
	child->to = in[1];
	child->from = out[0];
	crew->count++;
	return child->pid < 0 ? fail(outcome, "fork: %s", strerror(errno)) : 0;
}

static int wait_readable(int fd, double deadline)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN };
	double left;
	int ret;

	do {
		left = deadline - now();
		ret = poll(&poller, 1, left > 0 ? left * 1000 + 1 : 0);
	} while (ret < 0 && errno == EINTR);
	return ret;
}

/* Let all of them take the next step, and gather what they say of it */
static int crew_step(struct crew *crew, const char *what, unsigned int seconds,
		     struct outcome *outcome)
{
	double start, end = 0, deadline;
	struct report report;
	unsigned int i;

	outcome->ops = 0;
	outcome->bytes = 0;
	start = now();
	deadline = start + seconds;
	for (i = 0; i < crew->count; i++) {
		if (write(crew->children[i].to, "", 1) != 1)
			return fail(outcome, "a process ended early");
	}
	for (i = 0; i < crew->count; i++) {
		if (wait_readable(crew->children[i].from, deadline) <= 0) {
			outcome->hung = true;
			return fail(outcome, "%s did not end within %u s", what,
				    seconds);
		}
		if (read(crew->children[i].from, &report, sizeof(report)) !=
		    sizeof(report))
			return fail(outcome, "a process died during %s", what);
		if (report.error[0])
			return fail(outcome, "%s: %s", what, report.error);
		outcome->ops += report.ops;
		outcome->bytes += report.bytes;
		if (report.end > end)
			end = report.end;
	}
	outcome->seconds = end - start;
	return 0;
}

static void crew_end(struct crew *crew, struct outcome *outcome)
{
	double deadline = now() + KILL_TIME;
	unsigned int i;

	for (i = 0; i < crew->count; i++) {
		struct child *child = &crew->children[i];

		close(child->to);
		close(child->from);
		if (child->pid < 0)
			continue;
		if (outcome->error[0]) {
			kill(-child->pid, SIGKILL);
			kill(child->pid, SIGKILL);
		}
		while (waitpid(child->pid, NULL, WNOHANG) == 0) {
			if (now() > deadline) {
				outcome->hung = true;
				break;
			}
			usleep(1000);
		}
	}
	crew->count = 0;
}

static int run_command(const char *command, const char *what,
		       struct outcome *outcome)
{
	int status;

	fflush(stdout);
	status = system(command);
	if (!status)
		return 0;
	return fail(outcome, "%s failed with status %d: %s", what, status,
		    command);
}

static int run_hook(const struct setup *setup, const char *when,
		    const struct work *work, unsigned int procs,
		    unsigned int round, struct outcome *outcome)
{
	char command[BENCH_PATH];

	if (!setup->hook)
		return 0;
	snprintf(command, sizeof(command), "%s %s %s %u %u", setup->hook, when,
		 work->name, procs, round);
	return run_command(command, "the hook", outcome);
}

static int crew_work(struct crew *crew, const struct work *work,
		     const struct setup *setup, unsigned int procs,
		     unsigned int round, struct outcome *outcome)
{
	struct outcome after = { 0 };

	/* What is begun from may take long to make on a slow mount */
	if (crew_step(crew, "preparing", 5 * setup->timeout, outcome))
		return -1;
	if (setup->fresh && run_command(setup->fresh, "mounting", outcome))
		return -1;
	if (crew_step(crew, "entering", setup->timeout, outcome))
		return -1;
	if (run_hook(setup, "begin", work, procs, round, outcome))
		return -1;
	if (crew_step(crew, "the work", setup->timeout, outcome))
		return -1;
	if (run_hook(setup, "end", work, procs, round, &after))
		return fail(outcome, "%s", after.error);
	return 0;
}

/**
 * measure - do a work once
 * @work: what to do
 * @setup: what the command line says
 * @procs: by how many processes
 * @round: in which round
 * @outcome: what came of it
 */
void measure(const struct work *work, const struct setup *setup,
	     unsigned int procs, unsigned int round, struct outcome *outcome)
{
	unsigned int i, count = work->alone ? 1 : procs;
	struct job job = {
		.setup = setup, .work = work, .procs = procs, .round = round,
	};
	struct crew crew = { 0 };
	int ret = 0;

	memset(outcome, 0, sizeof(*outcome));
	for (i = 0; !ret && i < count; i++) {
		job.proc = i;
		snprintf(job.dir, sizeof(job.dir), "%s/p%u", setup->dir, i);
		ret = crew_add(&crew, &job, outcome);
	}
	if (!ret)
		crew_work(&crew, work, setup, procs, round, outcome);
	crew_end(&crew, outcome);
}
