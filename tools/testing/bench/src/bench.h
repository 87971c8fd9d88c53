/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the program share: a work is something to measure, a job
 * is one process's part of it.
 */
#ifndef BENCH_H
#define BENCH_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define __printf(a, b)	__attribute__((format(printf, a, b)))
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define BENCH_PATH	1024
#define BENCH_ERROR	256
#define BENCH_PROCS	64
#define BENCH_TREE	"tree.tar"

/**
 * struct setup - what the command line says
 * @dir: where to work
 * @scratch: a directory elsewhere, for what is not to be measured
 * @cc: the compiler of the build
 * @fresh: a command to run before each measurement, while no file is open
 * @hook: a command to run at the begin and at the end of each measurement
 * @scale: per cent of the usual number of operations
 * @timeout: seconds that one measurement may take
 */
struct setup {
	const char *dir;
	const char *scratch;
	const char *cc;
	const char *fresh;
	const char *hook;
	unsigned int scale;
	unsigned int timeout;
};

/**
 * struct job - one process's part of a measurement
 * @setup: what the command line says
 * @work: what to do
 * @proc: which process, from 0
 * @procs: how many there are
 * @round: which round, from 0
 * @dir: the process's own directory
 * @ops: how many operations were done
 * @bytes: how many bytes of file data were moved
 * @error: what went wrong
 */
struct job {
	const struct setup *setup;
	const struct work *work;
	unsigned int proc;
	unsigned int procs;
	unsigned int round;
	char dir[BENCH_PATH];
	uint64_t ops;
	uint64_t bytes;
	char error[BENCH_ERROR];
};

/**
 * struct work - something to measure
 * @name: what it is called
 * @group: what it belongs to
 * @where: the directory to work in, beneath the process's own; NULL is that
 * @count: how many operations a process does
 * @block: the size of an operation, in bytes, where that means something
 * @alone: one process whatever the number asked for; it makes its own
 * @hidden: only if it is asked for by name
 * @prepare: bring about what the work starts from; not measured
 * @run: the work; measured
 *
 * Both return 0, or -1 with the job's error set, and leave no file open. The
 * second has its directory for its working directory, so that a name costs one
 * lookup, however deep the directory is.
 */
struct work {
	const char *name;
	const char *group;
	const char *where;
	unsigned int count;
	size_t block;
	bool alone;
	bool hidden;
	int (*prepare)(struct job *job);
	int (*run)(struct job *job);
};

/**
 * struct outcome - what came of a measurement
 * @ops: operations of all processes
 * @bytes: bytes of all processes
 * @seconds: from the start to the end of the last process
 * @error: why there is no figure, or empty
 * @hung: a process did not end in time, and may never
 */
struct outcome {
	uint64_t ops;
	uint64_t bytes;
	double seconds;
	char error[BENCH_ERROR];
	bool hung;
};

extern const struct work data_works[];
extern const struct work files_works[];
extern const struct work trees_works[];

/* job.c */
__printf(2, 3)
int job_fail(struct job *job, const char *format, ...);
unsigned int job_count(const struct job *job);
__printf(3, 4)
int job_path(struct job *job, char *path, const char *format, ...);
int job_command(struct job *job, char *const argv[], bool quiet);
int job_empty(struct job *job, const char *path);

/* files.c */
int files_fill(struct job *job, const char *path, unsigned int count);
int files_shared(struct job *job);

/* trees.c */
int trees_make(struct job *job);

/* measure.c */
void measure(const struct work *work, const struct setup *setup,
	     unsigned int procs, unsigned int round, struct outcome *outcome);

/* output.c */
void output_begin(const struct setup *setup, bool json);
void output_result(const struct work *work, unsigned int procs,
		   unsigned int round, const struct outcome *outcome);
void output_end(bool whole);

#endif /* BENCH_H */
