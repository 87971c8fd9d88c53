/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a directory owes a program: a small harness for cases that say so. Each
 * case runs in a process of its own whose working directory is empty and the
 * case's own, so that nothing it does to itself or leaves there matters to the
 * next. A case passes if it returns.
 */
#ifndef POSIX_H
#define POSIX_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/* Users and a group that own nothing elsewhere */
#define ALICE	1001
#define BOB	1002
#define TEAM	2001

struct posix_case {
	const char *name;
	void (*run)(void);
	struct posix_case *next;
};

void posix_add(struct posix_case *one);

/* CASE(subject_what_is_true) { ... }: its name is its function's */
#define CASE(function) \
static void function(void); \
static struct posix_case function##_case = { #function, function, NULL }; \
__attribute__((constructor)) static void function##_add(void) \
{ \
	posix_add(&function##_case); \
} \
static void function(void)

/* What main() was told */
struct posix_options {
	const char *other;	/* the tested directory, seen in another way */
	const char *small;	/* beneath it, one of a megabyte or less */
	const char *quota;	/* beneath it, one where ALICE has a quota */
	unsigned long entries;	/* of a large directory */
};

extern struct posix_options posix_options;

/* End the case: it failed, or cannot be tried here */
__attribute__((noreturn, format(printf, 3, 4)))
void posix_fail(const char *file, int line, const char *format, ...);
__attribute__((noreturn, format(printf, 1, 2)))
void posix_skip(const char *format, ...);

#define FAIL(...)	posix_fail(__FILE__, __LINE__, __VA_ARGS__)

#define CHECK(condition) \
do { \
	if (!(condition)) \
		FAIL("%s", #condition); \
} while (0)

#define EQ(found, wanted) \
	posix_equal(__FILE__, __LINE__, #found, (long long)(found), \
		    (long long)(wanted))

/* A call that must not fail; its result */
#define OK(call) \
({ \
	__auto_type posix_got = (call); \
	if (posix_got == (__typeof__(posix_got))-1) \
		FAIL("%s: %s", #call, strerror(errno)); \
	posix_got; \
})

/* A call that must fail with an error */
#define FAILS(error, call)	FAILS_EITHER(error, 0, call)

/* With one of two errors: what POSIX leaves open */
#define FAILS_EITHER(one, two, call) \
do { \
	long posix_result = (call); \
	posix_fails(__FILE__, __LINE__, #call, posix_result, errno, one, two); \
} while (0)

void posix_equal(const char *file, int line, const char *what,
		 long long found, long long wanted);
void posix_fails(const char *file, int line, const char *what, long result,
		 int found, int one, int two);

/* Make a file with this text, or give one that is there this text */
void put(const char *path, const char *text);
/* Open or make a file to read and write */
int open_file(const char *path);
/* The file's whole content is this text */
void has(const char *path, const char *text);
/* The same of an open file, from its beginning */
void fd_has(int fd, const char *text);
/* Nothing is there by that name */
void is_absent(const char *path);
/* Attributes, of symlinks too */
struct stat stat_of(const char *path);
struct stat fstat_of(int fd);
/* Permissions, with setuid, setgid and sticky bits */
unsigned int mode_of(const char *path);
/* Entries of a directory besides . and .. */
unsigned int count_of(const char *path);
/* Remove a directory and all that is in it */
void remove_tree(const char *path);
/* A buffer of bytes that depend on their place and on @seed */
void fill(void *buffer, size_t size, unsigned int seed);
void sleep_ms(unsigned int ms);

/* The name of a file of the case, as the other view has it; static buffer */
const char *other(const char *path);

/* Run @function in a child as a user with the one group; fails if it does */
void run_as(uid_t uid, gid_t gid, void (*function)(void));
/* Run it as root in another process, and wait for it later */
pid_t start(void (*function)(void));
void wait_for(pid_t child);

/*
 * Two processes that take turns: a pipe each way. The parent uses end 0, the
 * child end 1.
 */
struct turns {
	int pipes[2][2];
};

void turns_init(struct turns *turns);
void turn_give(struct turns *turns, int end);
void turn_take(struct turns *turns, int end);

/* known.c: the list of what is known to differ where the suite runs */
int known_read(const char *file, const char *mode);
const char *known_reason(const char *name);
bool known_all_exist(bool (*exists)(const char *name));

#endif /* POSIX_H */
