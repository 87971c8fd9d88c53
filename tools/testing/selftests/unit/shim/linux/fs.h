/* SPDX-License-Identifier: GPL-2.0 */
/* What a qid is made of */
#ifndef SHIM_LINUX_FS_H
#define SHIM_LINUX_FS_H

#include <linux/path.h>
#include <linux/types.h>
#include <sys/stat.h>

#ifndef STATX_CHANGE_COOKIE
#define STATX_CHANGE_COOKIE	0x40000000U
#endif

struct timespec64 {
	s64 tv_sec;
	long tv_nsec;
};

struct kstat {
	u32 result_mask;
	umode_t mode;
	dev_t dev;
	u64 ino;
	u64 change_cookie;
	struct timespec64 ctime;
};

int vfs_getattr(const struct path *path, struct kstat *stat, u32 mask,
		unsigned int flags);

#endif /* SHIM_LINUX_FS_H */
