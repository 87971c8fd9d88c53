/* SPDX-License-Identifier: GPL-2.0 */
/* Time in nanoseconds */
#ifndef SHIM_LINUX_KTIME_H
#define SHIM_LINUX_KTIME_H

#include <linux/fs.h>

static inline s64 timespec64_to_ns(const struct timespec64 *time)
{
	return time->tv_sec * 1000000000LL + time->tv_nsec;
}

#endif /* SHIM_LINUX_KTIME_H */
