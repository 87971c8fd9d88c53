// SPDX-License-Identifier: GPL-2.0
/*
 * Unpacking, searching and building a source tree, by the tools that everybody
 * uses for it. The tree is made here, always the same one: 24 directories of a
 * C file, a header, and texts.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"

#define DIRS		24
#define TEXTS		6
#define FILES_OF_TREE	(DIRS * (TEXTS + 2) + 1)
#define TREE		"tree"
#define NEEDLE		"the one needle of this tree"

static const char makefile[] =
"# Made by bench\n"
"objects := $(patsubst %.c,%.o,$(wildcard */*.c))\n"
"all.o: $(objects)\n"
"\t$(CC) -nostdlib -r -o $@ $(objects)\n"
"%.o: %.c\n"
"\t$(CC) -I. -c -o $@ $<\n"
"clean:\n"
"\trm -f all.o */*.o\n";

static void put_header(FILE *file, unsigned int dir)
{
	unsigned int i;

	fprintf(file, "#ifndef PART_%u\n#define PART_%u\n", dir, dir);
	for (i = 0; i < 40; i++)
		fprintf(file, "struct part_%u_%u { int key; long value[%u]; };\n"
			"long part_%u_%u(const struct part_%u_%u *part);\n",
			dir, i, i + 1, dir, i, dir, i);
	fprintf(file, "#endif\n");
}

static void put_source(FILE *file, unsigned int dir)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		fprintf(file, "#include \"d%u/part.h\"\n", (dir + i) % DIRS);
	for (i = 0; i < 40; i++)
		fprintf(file, "long part_%u_%u(const struct part_%u_%u *part)\n"
			"{\n\tlong sum = part->key;\n\n"
			"\tfor (int i = 0; i < %u; i++)\n"
			"\t\tsum += part->value[i];\n\treturn sum;\n}\n\n",
			dir, i, dir, i, i + 1);
}

static void put_text(FILE *file, unsigned int dir, unsigned int number)
{
	unsigned int i, lines = 20 + 40 * number;

	for (i = 0; i < lines; i++)
		fprintf(file, "Line %u of text %u in directory %u says nothing of interest\n",
			i, number, dir);
	if (dir == DIRS / 2 && !number)
		fprintf(file, NEEDLE "\n");
}

static int make_file(struct job *job, const char *top, unsigned int dir,
		     unsigned int number)
{
	char path[BENCH_PATH + 64];
	FILE *file;

	if (number == 0)
		snprintf(path, sizeof(path), "%s/d%u/part.h", top, dir);
	else if (number == 1)
		snprintf(path, sizeof(path), "%s/d%u/part.c", top, dir);
	else
		snprintf(path, sizeof(path), "%s/d%u/text%u", top, dir, number);
	file = fopen(path, "w");
	if (!file)
		return job_fail(job, "create %s", path);
	if (number == 0)
		put_header(file, dir);
	else if (number == 1)
		put_source(file, dir);
	else
		put_text(file, dir, number - 2);
	return fclose(file) ? job_fail(job, "write %s", path) : 0;
}

static int make_dir(struct job *job, const char *top, unsigned int dir)
{
	char path[BENCH_PATH + 16];
	unsigned int i;

	snprintf(path, sizeof(path), "%s/d%u", top, dir);
	if (mkdir(path, 0755))
		return job_fail(job, "mkdir %s", path);
	for (i = 0; i < TEXTS + 2; i++) {
		if (make_file(job, top, dir, i))
			return -1;
	}
	return 0;
}

static int fill_tree(struct job *job, const char *top)
{
	char path[BENCH_PATH + 16];
	unsigned int i;
	FILE *file;

	if (mkdir(top, 0755))
		return job_fail(job, "mkdir %s", top);
	for (i = 0; i < DIRS; i++) {
		if (make_dir(job, top, i))
			return -1;
	}
	snprintf(path, sizeof(path), "%s/Makefile", top);
	file = fopen(path, "w");
	if (!file)
		return job_fail(job, "create %s", path);
	fputs(makefile, file);
	return fclose(file) ? job_fail(job, "write %s", path) : 0;
}

static int remove_tree(struct job *job, char *path)
{
	char *const argv[] = { "rm", "-rf", path, NULL };

	return job_command(job, argv, false);
}

/**
 * trees_make - make the archive of the source tree in the scratch directory
 * @job: any job
 *
 * Return: 0 or -1.
 */
int trees_make(struct job *job)
{
	char top[BENCH_PATH], archive[BENCH_PATH];
	const char *scratch = job->setup->scratch;
	char *const argv[] = { "tar", "-C", top, "-cf", archive, ".", NULL };

	snprintf(archive, sizeof(archive), "%s/" BENCH_TREE, scratch);
	if (!access(archive, R_OK))
		return 0;
	if (snprintf(top, sizeof(top), "%s/tree.XXXXXX", scratch) >= BENCH_PATH ||
	    !mkdtemp(top))
		return job_fail(job, "a directory in %s", scratch);
	if (rmdir(top) || fill_tree(job, top) || job_command(job, argv, false))
		return -1;
	return remove_tree(job, top);
}

static int unpack(struct job *job, char *top)
{
	char archive[BENCH_PATH];
	char *const argv[] = { "tar", "-C", top, "-xf", archive, NULL };

	snprintf(archive, sizeof(archive), "%s/" BENCH_TREE, job->setup->scratch);
	if (mkdir(top, 0755))
		return job_fail(job, "mkdir %s", top);
	return job_command(job, argv, false);
}

static int tree_none(struct job *job)
{
	char top[BENCH_PATH];

	return job_path(job, top, TREE) ? -1 : remove_tree(job, top);
}

static int tree_there(struct job *job)
{
	char top[BENCH_PATH], path[BENCH_PATH];

	/* Made after tar has ended: without it the tree is not whole */
	if (job_path(job, top, TREE) || job_path(job, path, TREE "/complete"))
		return -1;
	if (!access(path, F_OK))
		return 0;
	if (tree_none(job) || unpack(job, top))
		return -1;
	return close(open(path, O_CREAT | O_WRONLY, 0644)) ?
	       job_fail(job, "create %s", path) : 0;
}

static int tree_untar(struct job *job)
{
	job->ops = FILES_OF_TREE;
	return unpack(job, TREE);
}

static int tree_grep(struct job *job)
{
	char *const argv[] = { "grep", "-rF", NEEDLE, TREE, NULL };

	job->ops = FILES_OF_TREE;
	return job_command(job, argv, true);
}

static int run_make(struct job *job, char *top, const char *target)
{
	char jobs[16], cc[BENCH_PATH];
	char *const argv[] = { "make", "-s", "-C", top, jobs, cc,
			       (char *)target, NULL };

	snprintf(jobs, sizeof(jobs), "-j%u", job->procs);
	snprintf(cc, sizeof(cc), "CC=%s", job->setup->cc);
	return job_command(job, argv, false);
}

static int build_prepare(struct job *job)
{
	char top[BENCH_PATH];

	if (tree_there(job) || job_path(job, top, TREE))
		return -1;
	return run_make(job, top, "clean");
}

static int tree_build(struct job *job)
{
	job->ops = DIRS + 1;
	return run_make(job, TREE, "all.o");
}

const struct work trees_works[] = {
	{ .name = "untar", .group = "trees", .count = 1,
	  .prepare = tree_none, .run = tree_untar },
	{ .name = "grep", .group = "trees", .count = 1,
	  .prepare = tree_there, .run = tree_grep },
	{ .name = "build", .group = "trees", .count = 1, .alone = true,
	  .prepare = build_prepare, .run = tree_build },
	{ }
};
