/* SPDX-License-Identifier: GPL-2.0 */
/* The time of day, which tests set */
#ifndef SHIM_LINUX_TIMEKEEPING_H
#define SHIM_LINUX_TIMEKEEPING_H

#include <linux/fs.h>

#define NSEC_PER_SEC	1000000000L

void ktime_get_coarse_real_ts64(struct timespec64 *time);

#endif /* SHIM_LINUX_TIMEKEEPING_H */
