/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The block layer of kernels before 6.18: there a driver asked for requests to
 * be merged, and getgeo() was given the block device and not its disk.
 */
#ifndef COMPAT_BLKDEV_H
#define COMPAT_BLKDEV_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)

#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/hdreg.h>

static inline int compat_blk_mq_alloc_tag_set(struct blk_mq_tag_set *set)
{
	set->flags |= BLK_MQ_F_SHOULD_MERGE;
	return blk_mq_alloc_tag_set(set);
}

#define blk_mq_alloc_tag_set compat_blk_mq_alloc_tag_set

/* Where it is defined, and nowhere else, the name is followed by parameters */
#define blkfront_disk_getgeo(disk, geo)					\
	compat_disk_getgeo(disk, geo);					\
	static int blkfront_disk_getgeo(struct block_device *bdev,	\
					struct hd_geometry *out)	\
	{								\
		return compat_disk_getgeo(bdev->bd_disk, out);		\
	}								\
	static int compat_disk_getgeo(disk, geo)

#endif /* before 6.18 */

#endif /* COMPAT_BLKDEV_H */
