// SPDX-License-Identifier: GPL-2.0
/*
 * The block device that a guest is given, and what its frontend is told of it.
 */
#include <linux/blkdev.h>
#include <linux/cdrom.h>
#include <linux/cpumask.h>
#include <linux/fs.h>
#include <linux/file.h>
#include <linux/kdev_t.h>
#include <linux/pagemap.h>
#include <linux/slab.h>
#include <linux/string_choices.h>

#include "back.h"

/**
 * blkback_disk_read - which block device the hotplug script has made
 * @dev: the device
 * @number: its number, 0 if the disk was taken out
 *
 * Context: may sleep.
 * Return: 0; -ENOENT if the script has not run yet; -EINVAL if it wrote no number.
 */
int blkback_disk_read(struct xenbus_device *dev, dev_t *number)
{
	unsigned int major = 0, minor = 0;
	char *value;
	int err = 0;

	value = xenbus_read(XBT_NIL, dev->nodename, "physical-device", NULL);
	if (IS_ERR(value))
		return PTR_ERR(value);
	if (*value && sscanf(value, "%x:%x", &major, &minor) != 2)
		err = -EINVAL;
	kfree(value);
	*number = MKDEV(major, minor);
	return err;
}

static bool node_is(const char *dir, const char *node, const char *wanted)
{
	char *value = xenbus_read(XBT_NIL, dir, node, NULL);
	bool is;

	if (IS_ERR(value))
		return false;
	is = !strcmp(value, wanted);
	kfree(value);
	return is;
}

/* As the toolstack has it: without "w" nothing may be written */
static bool may_write(struct xenbus_device *dev)
{
	char *mode = xenbus_read(XBT_NIL, dev->nodename, "mode", NULL);
	bool may;

	if (IS_ERR(mode))
		return false;
	may = strchr(mode, 'w');
	kfree(mode);
	return may;
}

static int check_block(struct block_device *bdev, char *why, size_t why_size)
{
	if (bdev_logical_block_size(bdev) <= BLKBACK_MAX_BLOCK)
		return 0;
	snprintf(why, why_size,
		 "%pg has sectors of %u bytes; no more than %u can be served",
		 bdev, bdev_logical_block_size(bdev), BLKBACK_MAX_BLOCK);
	return -EOPNOTSUPP;
}

/**
 * blkback_disk_open - open the block device
 * @disk: what the guest is given; has none open
 * @dev: the device
 * @number: of the block device, 0 for none
 * @why: on error, what failed over what, for an admin to read
 * @why_size: of @why
 *
 * Context: may sleep. Nobody uses @disk meanwhile.
 * Return: 0 or a negative errno; there is no block device then.
 */
int blkback_disk_open(struct blkback_disk *disk, struct xenbus_device *dev,
		      dev_t number, char *why, size_t why_size)
{
	blk_mode_t mode = BLK_OPEN_READ;
	struct file *file;
	int err;

	disk->dev = number;
	disk->readonly = !may_write(dev);
	disk->cdrom = node_is(dev->otherend, "device-type", "cdrom");
	disk->discard = xenbus_read_unsigned(dev->nodename, "discard-enable",
					     1);
	if (!number)
		return 0;
	if (!disk->readonly)
		mode |= BLK_OPEN_WRITE;
	/* Not for itself alone: whether a disk is shared is the toolstack's affair */
	file = bdev_file_open_by_dev(number, mode, NULL, NULL);
	if (IS_ERR(file)) {
		snprintf(why, why_size,
			 "block device %x:%x cannot be opened to %s",
			 MAJOR(number), MINOR(number),
			 str_read_write(disk->readonly));
		return PTR_ERR(file);
	}
	err = check_block(file_bdev(file), why, why_size);
	if (err)
		bdev_fput(file);
	else
		disk->file = file;
	return err;
}

/**
 * blkback_disk_close - close the block device
 * @disk: may have none open
 *
 * Context: may sleep. Nobody uses @disk any more.
 */
void blkback_disk_close(struct blkback_disk *disk)
{
	if (!disk->file)
		return;
	bdev_fput(disk->file);
	disk->file = NULL;
	/* Scripts that are told next expect it to be closed */
	flush_delayed_fput();
}

/**
 * blkback_disk_bdev - the block device
 * @disk: what the guest is given
 *
 * Context: any, while it is not exchanged.
 * Return: the block device, or NULL if the disk was taken out.
 */
struct block_device *blkback_disk_bdev(const struct blkback_disk *disk)
{
	return disk->file ? file_bdev(disk->file) : NULL;
}

/**
 * blkback_disk_sectors - the size of the block device
 * @disk: what the guest is given
 *
 * Context: any, while it is not exchanged.
 * Return: how many sectors of 512 bytes there are, 0 without a block device.
 */
u64 blkback_disk_sectors(const struct blkback_disk *disk)
{
	return disk->file ? bdev_nr_sectors(file_bdev(disk->file)) : 0;
}

static bool is_readonly(const struct blkback_disk *disk)
{
	return disk->readonly ||
	       (disk->file && bdev_read_only(file_bdev(disk->file)));
}

static bool can_discard(const struct blkback_disk *disk)
{
	return disk->discard && disk->file &&
	       bdev_max_discard_sectors(file_bdev(disk->file));
}

static bool can_discard_securely(const struct blkback_disk *disk)
{
	return can_discard(disk) &&
	       bdev_max_secure_erase_sectors(file_bdev(disk->file));
}

/**
 * blkback_disk_limits - what requests are checked against
 * @disk: what the guest is given
 * @limits: filled in
 *
 * Context: any, while it is not exchanged.
 */
void blkback_disk_limits(const struct blkback_disk *disk,
			 struct blkback_limits *limits)
{
	*limits = (struct blkback_limits) {
		.sectors = blkback_disk_sectors(disk),
		.block = 1,
		.max_segs = blkback_max_segs,
		.readonly = is_readonly(disk),
		.discard = can_discard(disk),
		.secure = can_discard_securely(disk),
	};
	if (disk->file)
		limits->block = bdev_logical_block_size(file_bdev(disk->file)) >>
				SECTOR_SHIFT;
}

/**
 * blkback_disk_settle - have the block device hold what this domain has written
 * @disk: what the guest is given
 *
 * The guest goes past this domain's page cache, which may hold newer data, and
 * would have older ones later.
 *
 * Context: may sleep, as long as the disk takes.
 */
void blkback_disk_settle(struct blkback_disk *disk)
{
	if (!disk->file)
		return;
	if ((sync_blockdev(file_bdev(disk->file)) ||
	     invalidate_inode_pages2(disk->file->f_mapping)) && !disk->readonly)
		pr_warn("%pg: its cache in this domain could not be emptied; what was written there may not be what the guest reads\n",
			file_bdev(disk->file));
}

static unsigned int info_of(const struct blkback_disk *disk)
{
	struct gendisk *gd = disk->file ? file_bdev(disk->file)->bd_disk : NULL;
	unsigned int info = 0;

	if (disk->cdrom || (gd && disk_to_cdi(gd)))
		info |= VDISK_CDROM;
	if (gd && gd->flags & GENHD_FL_REMOVABLE)
		info |= VDISK_REMOVABLE;
	if (is_readonly(disk))
		info |= VDISK_READONLY;
	return info;
}

static int put(struct xenbus_transaction xbt, struct xenbus_device *dev,
	       const char *node, u64 value)
{
	return xenbus_printf(xbt, dev->nodename, node, "%llu", value);
}

/* What changes with the block device, and its size */
static int put_geometry(struct xenbus_transaction xbt,
			struct xenbus_device *dev,
			const struct blkback_disk *disk)
{
	struct block_device *bdev = blkback_disk_bdev(disk);
	int err;

	err = put(xbt, dev, "sectors", disk->sectors);
	if (!err)
		err = put(xbt, dev, "info", info_of(disk));
	if (!err)
		err = put(xbt, dev, "sector-size",
			  bdev ? bdev_logical_block_size(bdev) : SECTOR_SIZE);
	if (!err)
		err = put(xbt, dev, "physical-sector-size",
			  bdev ? bdev_physical_block_size(bdev) : SECTOR_SIZE);
	return err;
}

static int put_discard(struct xenbus_transaction xbt, struct xenbus_device *dev,
		       const struct blkback_disk *disk)
{
	struct block_device *bdev = blkback_disk_bdev(disk);
	int err;

	if (!can_discard(disk))
		return put(xbt, dev, "feature-discard", 0);
	err = put(xbt, dev, "discard-granularity",
		  bdev_discard_granularity(bdev));
	if (!err)
		err = put(xbt, dev, "discard-alignment",
			  bdev_discard_alignment(bdev));
	if (!err)
		err = put(xbt, dev, "discard-secure",
			  can_discard_securely(disk));
	if (!err)
		err = put(xbt, dev, "feature-discard", 1);
	return err;
}

static int put_features(struct xenbus_transaction xbt,
			struct xenbus_device *dev,
			const struct blkback_disk *disk)
{
	bool cache = disk->file && bdev_write_cache(file_bdev(disk->file));
	int err;

	err = put(xbt, dev, "feature-flush-cache", cache);
	if (!err)
		err = put(xbt, dev, "feature-barrier", cache);
	if (!err)
		err = put(xbt, dev, "feature-persistent",
			  READ_ONCE(blkback_persistent));
	if (!err)
		err = put_discard(xbt, dev, disk);
	return err ?: put_geometry(xbt, dev, disk);
}

static int put_announcement(struct xenbus_transaction xbt,
			    struct xenbus_device *dev,
			    const struct blkback_disk *disk)
{
	int err = put_geometry(xbt, dev, disk);

	/* A frontend that is told of the state again reads the size again */
	return err ?: put(xbt, dev, "state", dev->state);
}

/* Does @step whole or not at all, again if others changed what it has read */
static int transact(struct xenbus_device *dev, const struct blkback_disk *disk,
		    int (*step)(struct xenbus_transaction xbt,
				struct xenbus_device *dev,
				const struct blkback_disk *disk))
{
	struct xenbus_transaction xbt;
	int err;

	do {
		err = xenbus_transaction_start(&xbt);
		if (err)
			return err;
		/* The directory may be gone by now, and is not to come back */
		err = xenbus_exists(xbt, dev->nodename, "state") ? 0 : -ENOENT;
		err = err ?: step(xbt, dev, disk);
		err = xenbus_transaction_end(xbt, err) ?: err;
	} while (err == -EAGAIN);
	return err;
}

static int put_limits(struct xenbus_transaction xbt, struct xenbus_device *dev,
		      const struct blkback_disk *disk)
{
	int err;

	err = put(xbt, dev, "max-ring-page-order", blkback_max_order);
	if (!err)
		err = put(xbt, dev, "multi-queue-max-queues",
			  blkback_disk_queues());
	if (!err && blkback_max_segs)
		err = put(xbt, dev, "feature-max-indirect-segments",
			  blkback_max_segs);
	return err;
}

/**
 * blkback_disk_queues - how many rings a device may have
 *
 * Context: any.
 * Return: how many.
 */
unsigned int blkback_disk_queues(void)
{
	return READ_ONCE(blkback_max_queues) ?: num_online_cpus();
}

/**
 * blkback_disk_offer - tell a frontend what it may choose from
 * @dev: the device, about to be offered
 *
 * Context: may sleep.
 * Return: 0 or a negative errno.
 */
int blkback_disk_offer(struct xenbus_device *dev)
{
	return transact(dev, NULL, put_limits);
}

/**
 * blkback_disk_publish - tell a frontend what it is about to be connected to
 * @disk: what the guest is given
 * @dev: the device
 *
 * Context: may sleep.
 * Return: 0 or a negative errno.
 */
int blkback_disk_publish(struct blkback_disk *disk, struct xenbus_device *dev)
{
	disk->sectors = blkback_disk_sectors(disk);
	return transact(dev, disk, put_features);
}

/**
 * blkback_disk_announce - tell a frontend that its disk has changed
 * @disk: what the guest is given
 * @dev: the device, connected
 *
 * Context: may sleep.
 * Return: 0 or a negative errno.
 */
int blkback_disk_announce(struct blkback_disk *disk, struct xenbus_device *dev)
{
	disk->sectors = blkback_disk_sectors(disk);
	return transact(dev, disk, put_announcement);
}
