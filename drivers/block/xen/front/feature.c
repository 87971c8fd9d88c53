// SPDX-License-Identifier: GPL-2.0
/*
 * What a backend offers: read from xenstore once it has connected, and checked.
 *
 * What makes no sense and is not needed is as if it were not there; what is needed
 * makes the device fail.
 */
#include <linux/align.h>
#include <linux/blkdev.h>
#include <linux/log2.h>

#include "front.h"

/* Largest unit of access that the protocol's requests can address */
#define BLKFRONT_MAX_SECTOR_SIZE	XEN_PAGE_SIZE

static unsigned int blkfront_feature(struct blkfront_dev *dev,
				     const char *name, unsigned int other)
{
	return xenbus_read_unsigned(dev->bus->otherend, name, other);
}

/* In sectors of 512 bytes, whatever the disk's own are */
static int blkfront_features_read_sectors(struct blkfront_dev *dev,
					  u64 *sectors)
{
	int err = xenbus_scanf(XBT_NIL, dev->bus->otherend, "sectors", "%llu",
			       sectors);

	if (err != 1)
		return err < 0 ? err : -EINVAL;
	if (*sectors > LLONG_MAX >> SECTOR_SHIFT)
		return -ERANGE;
	return 0;
}

/**
 * blkfront_medium_read - read what a disk is
 * @dev: the device; its backend has connected
 * @f: of which sizes and kind are set
 *
 * Context: may sleep.
 * Return: 0 or a negative errno; -ERANGE if no disk can be like that.
 */
int blkfront_medium_read(struct blkfront_dev *dev, struct blkfront_features *f)
{
	int err = blkfront_features_read_sectors(dev, &f->sectors);

	if (err)
		return err;
	f->info = blkfront_feature(dev, "info", 0);
	f->sector_size = blkfront_feature(dev, "sector-size", SECTOR_SIZE);
	if (f->sector_size < SECTOR_SIZE ||
	    f->sector_size > BLKFRONT_MAX_SECTOR_SIZE ||
	    !is_power_of_2(f->sector_size))
		return -ERANGE;
	f->physical_size = blkfront_feature(dev, "physical-sector-size",
					    f->sector_size);
	if (f->physical_size < f->sector_size ||
	    !is_power_of_2(f->physical_size))
		f->physical_size = f->sector_size;
	return 0;
}

static void blkfront_features_read_flush(struct blkfront_dev *dev,
					 struct blkfront_features *f)
{
	/* A barrier without data is a flush, and waits for more than that needs */
	if (blkfront_feature(dev, "feature-flush-cache", 0))
		f->flush_op = BLKIF_OP_FLUSH_DISKCACHE;
	else if (blkfront_feature(dev, "feature-barrier", 0))
		f->flush_op = BLKIF_OP_WRITE_BARRIER;
	else
		f->flush_op = BLKFRONT_OP_NONE;
}

static void blkfront_features_read_discard(struct blkfront_dev *dev,
					   struct blkfront_features *f)
{
	f->discard = blkfront_feature(dev, "feature-discard", 0);
	if (!f->discard)
		return;
	f->secure = blkfront_feature(dev, "discard-secure", 0);
	f->granularity = blkfront_feature(dev, "discard-granularity", 0);
	f->alignment = blkfront_feature(dev, "discard-alignment", 0);
	if (!IS_ALIGNED(f->granularity, f->sector_size))
		f->granularity = 0;
	if (!IS_ALIGNED(f->alignment, f->sector_size))
		f->alignment = 0;
}

static void blkfront_features_read_segs(struct blkfront_dev *dev,
					struct blkfront_features *f)
{
	unsigned int segs;

	segs = blkfront_feature(dev, "feature-max-indirect-segments", 0);
	segs = min(segs, blkfront_param_segs());
	f->max_segs = max(segs, BLKIF_MAX_SEGMENTS_PER_REQUEST);
	/* Requests have been given room already */
	if (dev->max_segs)
		f->max_segs = min(f->max_segs, dev->max_segs);
}

/**
 * blkfront_features_read - read what a backend offers
 * @dev: the device; its backend has connected
 * @f: what it offers
 *
 * Context: may sleep.
 * Return: 0 or a negative errno; -ERANGE if no disk can be like that.
 */
int blkfront_features_read(struct blkfront_dev *dev,
			   struct blkfront_features *f)
{
	int err;

	memset(f, 0, sizeof(*f));
	err = blkfront_medium_read(dev, f);
	if (err)
		return err;
	blkfront_features_read_flush(dev, f);
	blkfront_features_read_discard(dev, f);
	blkfront_features_read_segs(dev, f);
	f->persistent = blkfront_param_persistent() &&
			blkfront_feature(dev, "feature-persistent", 0);
	/* The block layer counts on a page for each segment */
	if (f->max_segs < XEN_PFN_PER_PAGE)
		return -ERANGE;
	return 0;
}
