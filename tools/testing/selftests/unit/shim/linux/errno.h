/* SPDX-License-Identifier: GPL-2.0 */
/* Error numbers: the C library's own, which are the same */
#ifndef SHIM_LINUX_ERRNO_H
#define SHIM_LINUX_ERRNO_H

#include_next <linux/errno.h>

#endif /* SHIM_LINUX_ERRNO_H */
