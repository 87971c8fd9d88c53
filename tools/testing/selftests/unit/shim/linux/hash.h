/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's hash of a number */
#ifndef SHIM_LINUX_HASH_H
#define SHIM_LINUX_HASH_H

#include <linux/types.h>

static inline u32 hash_32(u32 value, unsigned int bits)
{
	return value * 0x61C88647U >> (32 - bits);
}

#endif /* SHIM_LINUX_HASH_H */
