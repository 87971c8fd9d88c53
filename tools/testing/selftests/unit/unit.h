/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A small harness. Each test runs in a process of its own, so that one which
 * crashes, or which a sanitizer ends, fails and the others still run.
 */
#ifndef UNIT_H
#define UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

struct unit_test {
	const char *name;
	void (*run)(void);
	struct unit_test *next;
};

void unit_add(struct unit_test *test);

/* TEST(suite_what_is_true) { ... }: its name is its function's */
#define TEST(function) \
static void function(void); \
static struct unit_test function##_test = { #function, function, NULL }; \
__attribute__((constructor)) static void function##_add(void) \
{ \
	unit_add(&function##_test); \
} \
static void function(void)

__attribute__((noreturn, format(printf, 3, 4)))
void unit_fail(const char *file, int line, const char *format, ...);

#define CHECK(condition) \
do { \
	if (!(condition)) \
		unit_fail(__FILE__, __LINE__, "%s", #condition); \
} while (0)

#define CHECK_EQ(found, wanted) \
do { \
	long long unit_found = (long long)(found); \
	long long unit_wanted = (long long)(wanted); \
	if (unit_found != unit_wanted) \
		unit_fail(__FILE__, __LINE__, "%s is %lld (%#llx), not %lld", \
			  #found, unit_found, unit_found, unit_wanted); \
} while (0)

/* Numbers that look random and are the same in each run: UNIT_SEED changes */
uint64_t unit_random(void);
uint64_t unit_below(uint64_t limit);

/* Exactly @size bytes, so that the sanitizer sees the first one too many */
void *unit_copy(const void *from, size_t size);

/* What shim.c counts */
struct unit_counts {
	long allocations;
	long paths;
	long files;
	long identities;
	long xattrs;
	long locks;
};

extern struct unit_counts unit_counts;

void unit_count(long *counter, long by);

/* The n-th allocation from now on fails, 1 being the next; 0: none does */
extern long unit_fail_allocation;

#endif /* UNIT_H */
