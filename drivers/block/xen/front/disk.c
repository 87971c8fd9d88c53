// SPDX-License-Identifier: GPL-2.0
/*
 * The disk that a virtual block device is for its domain.
 *
 * It comes with the first connection to a backend and stays through all others;
 * what those offer changes its limits and its size.
 */
#include <linux/blkdev.h>
#include <linux/cdrom.h>
#include <linux/hdreg.h>
#include <linux/interrupt.h>
#include <linux/major.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "front.h"

/* A geometry for tools that want one: nobody's heads move by it */
static int blkfront_disk_getgeo(struct gendisk *disk, struct hd_geometry *geo)
{
	sector_t cylinders = get_capacity(disk);

	geo->heads = 255;
	geo->sectors = 63;
	sector_div(cylinders, geo->heads * geo->sectors);
	geo->cylinders = min_t(sector_t, cylinders, U16_MAX);
	return 0;
}

/* What tells a CD-ROM from a disk; there is nothing else of one in the protocol */
static int blkfront_disk_ioctl(struct block_device *bdev, blk_mode_t mode,
			       unsigned int cmd, unsigned long arg)
{
	struct blkfront_dev *dev = bdev->bd_disk->private_data;

	switch (cmd) {
	case CDROMMULTISESSION:
		return clear_user((void __user *)arg,
				  sizeof(struct cdrom_multisession)) ?
		       -EFAULT : 0;
	case CDROM_GET_CAPABILITY:
		return dev->features.info & VDISK_CDROM ? 0 : -EINVAL;
	default:
		return -ENOTTY;
	}
}

/* The last to close the disk comes after the device itself has gone */
static void blkfront_disk_free(struct gendisk *disk)
{
	struct blkfront_dev *dev = disk->private_data;

	kfree(dev->rings);
	kfree(dev);
}

static const struct block_device_operations blkfront_disk_ops = {
	.owner = THIS_MODULE,
	.getgeo = blkfront_disk_getgeo,
	.ioctl = blkfront_disk_ioctl,
	.compat_ioctl = blkdev_compat_ptr_ioctl,
	.free_disk = blkfront_disk_free,
};

static void blkfront_disk_limits(const struct blkfront_dev *dev,
				 struct queue_limits *lim)
{
	const struct blkfront_features *f = &dev->features;

	lim->logical_block_size = f->sector_size;
	lim->physical_block_size = f->physical_size;
	lim->max_hw_sectors = f->max_segs * (XEN_PAGE_SIZE / SECTOR_SIZE);
	/* A segment of the block layer is one page; Xen's may be smaller */
	lim->seg_boundary_mask = PAGE_SIZE - 1;
	lim->max_segment_size = PAGE_SIZE;
	lim->max_segments = f->max_segs / XEN_PFN_PER_PAGE;
	lim->dma_alignment = SECTOR_SIZE - 1;

	lim->features &= ~(BLK_FEAT_WRITE_CACHE | BLK_FEAT_FUA);
	if (f->flush_op != BLKFRONT_OP_NONE)
		lim->features |= BLK_FEAT_WRITE_CACHE;
	lim->max_hw_discard_sectors = 0;
	lim->max_secure_erase_sectors = 0;
	lim->discard_granularity = f->granularity;
	lim->discard_alignment = f->alignment;
	if (f->discard)
		lim->max_hw_discard_sectors = UINT_MAX >> SECTOR_SHIFT;
	if (f->secure)
		lim->max_secure_erase_sectors = UINT_MAX >> SECTOR_SHIFT;
}

static int blkfront_disk_alloc_tags(struct blkfront_dev *dev)
{
	struct blk_mq_tag_set *tags = &dev->tags;

	memset(tags, 0, sizeof(*tags));
	tags->ops = &blkfront_queue_ops;
	tags->nr_hw_queues = dev->nr_queues;
	tags->nr_maps = dev->nr_polled ? HCTX_MAX_TYPES : 1;
	/*
	 * Whoever has the disk orders requests. A scheduler here, which a single
	 * queue has by default, would have each sent by a worker thread.
	 */
	tags->flags = BLK_MQ_F_NO_SCHED_BY_DEFAULT;
	tags->queue_depth = dev->rings[0].nr_slots;
	tags->numa_node = NUMA_NO_NODE;
	tags->cmd_size = struct_size_t(struct blkfront_req, segs,
				       dev->max_segs);
	tags->driver_data = dev;
	return blk_mq_alloc_tag_set(tags);
}

static void blkfront_disk_describe(struct blkfront_dev *dev)
{
	struct gendisk *disk = dev->disk;

	strscpy(disk->disk_name, dev->name.name);
	disk->major = XENVBD_MAJOR;
	disk->first_minor = dev->name.first_minor;
	disk->minors = dev->name.minors;
	disk->fops = &blkfront_disk_ops;
	disk->private_data = dev;
	if (dev->features.info & VDISK_REMOVABLE)
		disk->flags |= GENHD_FL_REMOVABLE;
	set_disk_ro(disk, dev->features.info & VDISK_READONLY);
	set_capacity(disk, dev->features.sectors);
}

/**
 * blkfront_disk_alloc - make a disk for a device that has connected
 * @dev: the device; its rings are open and its features known
 *
 * Context: may sleep.
 * Return: 0 or a negative errno.
 */
int blkfront_disk_alloc(struct blkfront_dev *dev)
{
	struct queue_limits lim = {};
	struct gendisk *disk;
	int err;

	dev->nr_queues = dev->nr_rings;
	dev->nr_polled = min(blkfront_param_polled(), dev->nr_rings - 1);
	dev->max_segs = dev->features.max_segs;
	err = blkfront_name_claim(dev);
	if (err)
		return err;
	err = blkfront_disk_alloc_tags(dev);
	if (err)
		goto release_name;
	blkfront_disk_limits(dev, &lim);
	disk = blk_mq_alloc_disk(&dev->tags, &lim, dev);
	if (IS_ERR(disk)) {
		err = PTR_ERR(disk);
		goto free_tags;
	}
	dev->disk = disk;
	blkfront_disk_describe(dev);
	return 0;

free_tags:
	blk_mq_free_tag_set(&dev->tags);
release_name:
	blkfront_name_release(dev);
	return err;
}

/**
 * blkfront_disk_spread_events - send events to where requests come from
 * @dev: the device; its rings are open
 *
 * Context: may sleep.
 */
void blkfront_disk_spread_events(struct blkfront_dev *dev)
{
	struct blk_mq_queue_map *map = &dev->tags.map[HCTX_TYPE_DEFAULT];
	unsigned int i, cpu;
	cpumask_var_t mask;

	if (!zalloc_cpumask_var(&mask, GFP_KERNEL))
		return;
	for (i = 0; i < dev->nr_rings && i < map->nr_queues; i++) {
		cpumask_clear(mask);
		for_each_online_cpu(cpu) {
			if (map->mq_map[cpu] % dev->nr_rings == i)
				cpumask_set_cpu(cpu, mask);
		}
		if (!cpumask_empty(mask))
			irq_set_affinity(dev->rings[i].irq, mask);
	}
	free_cpumask_var(mask);
}

/**
 * blkfront_disk_add - make a disk known to its domain
 * @dev: the device
 *
 * Its partitions are read, so this waits for the backend.
 *
 * Context: may sleep; the device's lock is not held.
 */
void blkfront_disk_add(struct blkfront_dev *dev)
{
	int err = device_add_disk(&dev->bus->dev, dev->disk, NULL);

	if (err)
		xenbus_dev_fatal(dev->bus, err, "adding %s", dev->name.name);
	else
		WRITE_ONCE(dev->added, true);
}

/**
 * blkfront_disk_update - a disk has another backend, or its backend another size
 * @dev: the device, live
 *
 * Requests that were made for other limits are still sent, in pieces if need be.
 *
 * Context: may sleep; waits for who changes the limits, who waits for requests.
 */
void blkfront_disk_update(struct blkfront_dev *dev)
{
	struct request_queue *q = dev->disk->queue;
	struct queue_limits lim = queue_limits_start_update(q);

	blkfront_disk_limits(dev, &lim);
	if (queue_limits_commit_update(q, &lim))
		dev_err(&dev->bus->dev, "%s: keeping the limits of its backend before\n",
			dev->name.name);
	set_disk_ro(dev->disk, dev->features.info & VDISK_READONLY);
	set_capacity_and_notify(dev->disk, dev->features.sectors);
}

/**
 * blkfront_disk_put - let go of a device's disk, and of the device
 * @dev: the device; its disk is deleted, if it was ever added
 *
 * Context: may sleep.
 */
void blkfront_disk_put(struct blkfront_dev *dev)
{
	if (dev->added) {
		blk_mq_free_tag_set(&dev->tags);
		/* Frees the device, now or once nobody has it open */
		put_disk(dev->disk);
		return;
	}
	if (dev->disk) {
		put_disk(dev->disk);
		blk_mq_free_tag_set(&dev->tags);
	}
	kfree(dev->rings);
	kfree(dev);
}
