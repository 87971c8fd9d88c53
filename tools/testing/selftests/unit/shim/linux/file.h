/* SPDX-License-Identifier: GPL-2.0 */
/* Open files: counted by the tests */
#ifndef SHIM_LINUX_FILE_H
#define SHIM_LINUX_FILE_H

#include <asm/barrier.h>

struct file;

void __fput_sync(struct file *file);

#endif /* SHIM_LINUX_FILE_H */
