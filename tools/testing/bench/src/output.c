// SPDX-License-Identifier: GPL-2.0
/* What is printed: a line a result, for people or as JSON. */
#include <stdio.h>

#include "bench.h"

static bool as_json;

/* Paths and messages hold anything but what JSON cannot: see to that */
static void put_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		unsigned char c = *text;

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

/**
 * output_begin - print what is measured
 * @setup: what the command line says
 * @json: print JSON, now and for each result
 */
void output_begin(const struct setup *setup, bool json)
{
	as_json = json;
	if (json) {
		printf("{\"bench\": 1, \"scale\": %u, \"dir\": ", setup->scale);
		put_string(setup->dir);
		printf("}\n");
	} else {
		printf("%-15s %5s %5s %12s %12s %10s\n", "work", "procs",
		       "round", "us each", "ops/s", "MiB/s");
	}
	fflush(stdout);
}

static void put_json(const struct work *work, unsigned int procs,
		     unsigned int round, const struct outcome *outcome)
{
	printf("{\"work\": \"%s\", \"group\": \"%s\", \"procs\": %u, \"round\": %u, ",
	       work->name, work->group, procs, round);
	if (outcome->error[0]) {
		printf("\"missing\": ");
		put_string(outcome->error);
	} else {
		printf("\"ops\": %llu, \"bytes\": %llu, \"seconds\": %.9f",
		       (unsigned long long)outcome->ops,
		       (unsigned long long)outcome->bytes, outcome->seconds);
	}
	printf("}\n");
}

static void put_line(const struct work *work, unsigned int procs,
		     unsigned int round, const struct outcome *outcome)
{
	printf("%-15s %5u %5u ", work->name, procs, round);
	if (outcome->error[0]) {
		printf("missing: %s\n", outcome->error);
		return;
	}
	printf("%12.1f %12.1f", outcome->seconds * 1e6 / outcome->ops,
	       outcome->ops / outcome->seconds);
	if (work->block)
		printf(" %10.1f",
		       outcome->bytes / outcome->seconds / (1 << 20));
	putchar('\n');
}

/**
 * output_result - print what came of a measurement
 * @work: what was done
 * @procs: by how many processes
 * @round: in which round
 * @outcome: what came of it
 */
void output_result(const struct work *work, unsigned int procs,
		   unsigned int round, const struct outcome *outcome)
{
	if (as_json)
		put_json(work, procs, round, outcome);
	else
		put_line(work, procs, round, outcome);
	fflush(stdout);
}

/**
 * output_end - print that this was all
 * @whole: there was a figure for everything
 */
void output_end(bool whole)
{
	if (as_json)
		printf("{\"end\": %s}\n", whole ? "true" : "false");
	fflush(stdout);
}
