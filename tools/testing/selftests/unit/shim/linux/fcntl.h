/* SPDX-License-Identifier: GPL-2.0 */
/* Flags of system calls: the C library's */
#ifndef SHIM_LINUX_FCNTL_H
#define SHIM_LINUX_FCNTL_H

#include <fcntl.h>

#ifndef AT_STATX_DONT_SYNC
#define AT_STATX_DONT_SYNC	0x4000
#endif

#endif /* SHIM_LINUX_FCNTL_H */
