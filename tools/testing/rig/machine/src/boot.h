/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the first programs of the rig's machines share. An emulated CPU takes
 * some 50 ms to start a process, so they do by system calls what a script would
 * call programs for.
 */
#ifndef RIG_BOOT_H
#define RIG_BOOT_H

#include <stdbool.h>
#include <stddef.h>

#define PATHS "/run/rig/tools:/run/rig/tools/bin:/run/rig/machine/bin:" \
	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* A line for the console. Lines with "BUG:" fail the run. */
__attribute__((format(printf, 1, 2)))
void say(const char *format, ...);

/* These say what went wrong and return -1. */
int mount_at(const char *source, const char *folder, const char *type,
	     unsigned long flags, const char *data);
int write_file(const char *path, const char *text);

/* The value of a word NAME=VALUE of the kernel's command line. */
bool kernel_word(const char *name, char *value, size_t size);

/* Run a program and wait for it; its status as wait(2) has it, or -1. */
int run(char *const argv[]);

#endif
