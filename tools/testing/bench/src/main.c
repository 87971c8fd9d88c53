// SPDX-License-Identifier: GPL-2.0
/* Measures how fast one works in a directory; see bench --help. */
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"

#define MAX_NUMBERS	8

struct options {
	struct setup setup;
	char *works;
	unsigned int procs[MAX_NUMBERS];
	unsigned int nr_procs;
	unsigned int rounds;
	bool json;
	bool list;
	bool prepare;
};

static const struct work *const groups[] = {
	data_works, files_works, trees_works,
};

static const char help[] =
"Usage: bench [OPTIONS] DIR\n"
"Measures how long work on files in DIR takes. A result that cannot be had is\n"
"shown as missing, with the reason, and makes the exit status 1.\n"
"\n"
"  -w, --works LIST      names, patterns or groups, as in 'data,stat' (all)\n"
"  -p, --procs LIST      how many processes work at a time, as in 1,2,4 (1)\n"
"  -r, --rounds N        how often to do everything, one round after another (5)\n"
"  -s, --scale PERCENT   of the usual number of operations (100)\n"
"  -t, --timeout SECONDS for one measurement (60); to prepare it may take five\n"
"                        times that. If it takes longer, DIR is taken to be dead\n"
"  -c, --cc COMMAND      the compiler of the build ($CC or cc)\n"
"  -x, --scratch DIR     another directory, for the archive to unpack (/tmp)\n"
"  -f, --fresh COMMAND   run before each measurement, while no file is open in\n"
"                        DIR: to mount it anew, so that nothing is cached\n"
"  -k, --hook COMMAND    run as 'COMMAND begin|end WORK PROCS ROUND' around each\n"
"                        measurement\n"
"  -j, --json            a JSON object on each line\n"
"  -l, --list            print the works and their groups\n"
"  -P, --prepare         make the directories that are listed, measure nothing\n"
"  -h, --help            this text\n"
"\n"
"Reading, writing: 4 KiB, 64 KiB and 1 MiB blocks of a 16 MiB file in order, 4 KiB\n"
"at random; writing ends with fsync. create writes 64 bytes, open reads them.\n"
"untar, grep and build work on a source tree of 193 files. Each process has\n"
"files of its own, but for readdir, and build, which is one make of that many\n"
"jobs.\n";

static const struct option long_options[] = {
	{ "works", required_argument, NULL, 'w' },
	{ "procs", required_argument, NULL, 'p' },
	{ "rounds", required_argument, NULL, 'r' },
	{ "scale", required_argument, NULL, 's' },
	{ "timeout", required_argument, NULL, 't' },
	{ "cc", required_argument, NULL, 'c' },
	{ "scratch", required_argument, NULL, 'x' },
	{ "fresh", required_argument, NULL, 'f' },
	{ "hook", required_argument, NULL, 'k' },
	{ "json", no_argument, NULL, 'j' },
	{ "list", no_argument, NULL, 'l' },
	{ "prepare", no_argument, NULL, 'P' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

static void die(const char *what, const char *which)
{
	fprintf(stderr, "bench: %s%s\n", what, which);
	exit(2);
}

static unsigned int parse_number(const char *text, unsigned int max)
{
	unsigned long value;
	char *end;

	value = strtoul(text, &end, 10);
	if (end == text || *end || !value || value > max)
		die("no number that makes sense here: ", text);
	return value;
}

static void take_procs(struct options *options, char *list)
{
	char *word;

	options->nr_procs = 0;
	for (word = strtok(list, ","); word; word = strtok(NULL, ",")) {
		if (options->nr_procs == MAX_NUMBERS)
			die("too many numbers of processes", "");
		options->procs[options->nr_procs++] = parse_number(word, BENCH_PROCS);
	}
	if (!options->nr_procs)
		die("no number of processes", "");
}

static void take_option(struct options *options, int c, char *word)
{
	struct setup *setup = &options->setup;

	switch (c) {
	case 'w':
		options->works = word;
		break;
	case 'p':
		take_procs(options, word);
		break;
	case 'r':
		options->rounds = parse_number(word, 10000);
		break;
	case 's':
		setup->scale = parse_number(word, 100000);
		break;
	case 't':
		setup->timeout = parse_number(word, 86400);
		break;
	case 'c':
		setup->cc = word;
		break;
	case 'x':
		setup->scratch = word;
		break;
	case 'f':
		setup->fresh = word;
		break;
	case 'k':
		setup->hook = word;
		break;
	case 'j':
		options->json = true;
		break;
	case 'l':
		options->list = true;
		break;
	case 'P':
		options->prepare = true;
		break;
	case 'h':
		fputs(help, stdout);
		exit(0);
	default:
		die("try bench --help", "");
	}
}

static void parse(struct options *options, int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "w:p:r:s:t:c:x:f:k:jlPh",
				long_options, NULL)) != -1)
		take_option(options, c, optarg);
	if (options->list && optind == argc)
		return;
	if (optind != argc - 1)
		die("say which directory; bench --help tells more", "");
	options->setup.dir = argv[optind];
}

/* Is the work named by a word of the list? */
static bool wanted(const struct work *work, const char *list)
{
	char copy[BENCH_PATH], *word, *rest;

	if (!list)
		return !work->hidden;
	snprintf(copy, sizeof(copy), "%s", list);
	for (word = strtok_r(copy, ",", &rest); word;
	     word = strtok_r(NULL, ",", &rest)) {
		if (!strcmp(word, work->group) || !strcmp(word, work->name))
			return true;
		if (!work->hidden && !fnmatch(word, work->name, 0))
			return true;
	}
	return false;
}

/* Call something for each work that is wanted; how many there were */
static unsigned int for_each(const struct options *options,
			     bool (*act)(const struct options *options,
					 const struct work *work, void *arg),
			     void *arg)
{
	const struct work *work;
	unsigned int i, count = 0;

	for (i = 0; i < ARRAY_SIZE(groups); i++) {
		for (work = groups[i]; work->name; work++) {
			if (!wanted(work, options->works))
				continue;
			count++;
			if (!act(options, work, arg))
				return count;
		}
	}
	return count;
}

static bool list_one(const struct options *options, const struct work *work,
		     void *arg)
{
	(void)options;
	(void)arg;
	printf("%s %s\n", work->name, work->group);
	return true;
}

/* Where a run is, and whether there was always a figure */
struct run {
	unsigned int procs;
	unsigned int round;
	bool missing;
	char dead[BENCH_ERROR];
};

static bool measure_one(const struct options *options, const struct work *work,
			void *arg)
{
	struct run *run = arg;
	struct outcome outcome = { 0 };

	if (run->dead[0])
		snprintf(outcome.error, sizeof(outcome.error), "%s", run->dead);
	else
		measure(work, &options->setup, run->procs, run->round,
			&outcome);
	if (outcome.hung)
		snprintf(run->dead, sizeof(run->dead),
			 "not tried, since %s hung", work->name);
	if (outcome.error[0])
		run->missing = true;
	output_result(work, run->procs, run->round, &outcome);
	return true;
}

static bool run_all(const struct options *options)
{
	struct run run = { 0 };
	unsigned int i;

	for (run.round = 0; run.round < options->rounds; run.round++) {
		for (i = 0; i < options->nr_procs; i++) {
			run.procs = options->procs[i];
			for_each(options, measure_one, &run);
		}
	}
	return !run.missing;
}

/* The directories of the processes, and the archive */
static void make_ready(const struct options *options)
{
	struct job job = { .setup = &options->setup, .work = files_works };
	char path[BENCH_PATH + 16];
	unsigned int i, max = 0;

	for (i = 0; i < options->nr_procs; i++) {
		if (options->procs[i] > max)
			max = options->procs[i];
	}
	for (i = 0; i < max; i++) {
		snprintf(path, sizeof(path), "%s/p%u", options->setup.dir, i);
		if (mkdir(path, 0755) && errno != EEXIST)
			die("cannot make the directory ", path);
	}
	if (options->prepare ? files_shared(&job) : trees_make(&job))
		die("", job.error);
}

int main(int argc, char **argv)
{
	struct options options = {
		.setup = { .cc = getenv("CC"), .scratch = "/tmp",
			   .scale = 100, .timeout = 60 },
		.procs = { 1 }, .nr_procs = 1, .rounds = 5,
	};
	bool whole;

	if (!options.setup.cc)
		options.setup.cc = "cc";
	parse(&options, argc, argv);
	signal(SIGPIPE, SIG_IGN);
	if (options.list) {
		for_each(&options, list_one, NULL);
		return 0;
	}
	if (strlen(options.setup.dir) + 64 > BENCH_PATH ||
	    strlen(options.setup.scratch) + 64 > BENCH_PATH)
		die("a path is too long", "");
	make_ready(&options);
	if (options.prepare)
		return 0;
	output_begin(&options.setup, options.json);
	whole = run_all(&options);
	output_end(whole);
	return whole ? 0 : 1;
}
