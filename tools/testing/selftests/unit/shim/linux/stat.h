/* SPDX-License-Identifier: GPL-2.0 */
/* Modes: the C library's */
#ifndef SHIM_LINUX_STAT_H
#define SHIM_LINUX_STAT_H

#include <sys/stat.h>

#endif /* SHIM_LINUX_STAT_H */
