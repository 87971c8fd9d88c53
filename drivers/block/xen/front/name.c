// SPDX-License-Identifier: GPL-2.0
/*
 * What a virtual block device is called: /dev/xvdX and its device numbers.
 *
 * A toolstack numbers devices as if they were IDE, SCSI or Xen's own disks, with
 * their majors and as many partitions as those have. All of them become xvd.
 */
#include <kunit/visibility.h>
#include <linux/blkdev.h>
#include <linux/kdev_t.h>
#include <linux/list.h>
#include <linux/major.h>
#include <linux/mutex.h>

#include "front.h"

/* Device numbers that an extended one has */
#define BLKFRONT_EXT_PARTS	256

/* Those that any other disk has */
#define BLKFRONT_PARTS		16

/* Guards the list of names that are in use */
static DEFINE_MUTEX(blkfront_names_lock);
static LIST_HEAD(blkfront_names);

/**
 * struct blkfront_major - disks that share a major number
 * @major: the number
 * @parts: minors of each there
 * @first: which disk of ours the first one is
 */
struct blkfront_major {
	unsigned int major;
	unsigned int parts;
	unsigned int first;
};

static const struct blkfront_major blkfront_majors[] = {
	{ XEN_IDE0_MAJOR, 64, 0 },
	{ XEN_IDE1_MAJOR, 64, 2 },
	{ XEN_SCSI_DISK0_MAJOR, 16, 0 },
	{ XEN_SCSI_DISK1_MAJOR, 16, 16 },
	{ XEN_SCSI_DISK2_MAJOR, 16, 32 },
	{ XEN_SCSI_DISK3_MAJOR, 16, 48 },
	{ XEN_SCSI_DISK4_MAJOR, 16, 64 },
	{ XEN_SCSI_DISK5_MAJOR, 16, 80 },
	{ XEN_SCSI_DISK6_MAJOR, 16, 96 },
	{ XEN_SCSI_DISK7_MAJOR, 16, 112 },
	{ XEN_SCSI_DISK8_MAJOR, 16, 128 },
	{ XEN_SCSI_DISK9_MAJOR, 16, 144 },
	{ XEN_SCSI_DISK10_MAJOR, 16, 160 },
	{ XEN_SCSI_DISK11_MAJOR, 16, 176 },
	{ XEN_SCSI_DISK12_MAJOR, 16, 192 },
	{ XEN_SCSI_DISK13_MAJOR, 16, 208 },
	{ XEN_SCSI_DISK14_MAJOR, 16, 224 },
	{ XEN_SCSI_DISK15_MAJOR, 16, 240 },
	{ XENVBD_MAJOR, 16, 0 },
};

/* Which disk, and which partition of it or 0, an old number stands for */
static int blkfront_name_find(unsigned int vdevice, unsigned int *disk,
			      unsigned int *part)
{
	unsigned int minor = vdevice & 0xff;
	const struct blkfront_major *m;

	for (m = blkfront_majors;
	     m < blkfront_majors + ARRAY_SIZE(blkfront_majors); m++) {
		if (m->major != vdevice >> 8)
			continue;
		*disk = m->first + minor / m->parts;
		/* One of IDE's many partitions has always stood for its disk */
		*part = m->parts == BLKFRONT_PARTS ? minor % m->parts : 0;
		return 0;
	}
	return -ENODEV;
}

/* a to z, aa to zz and so on; @end is behind the last letter */
static char *blkfront_name_letters(char *end, unsigned int disk)
{
	for (;;) {
		*--end = 'a' + disk % 26;
		if (disk < 26)
			return end;
		disk = disk / 26 - 1;
	}
}

/**
 * blkfront_name_make - what a virtual device is called
 * @vdevice: its number, as the toolstack gave it
 * @name: the name and device numbers; set on success
 *
 * Context: any.
 * Return: 0, or -ENODEV if no disk has that number.
 */
VISIBLE_IF_KUNIT int blkfront_name_make(unsigned int vdevice,
					struct blkfront_name *name)
{
	unsigned int disk, part, parts = BLKFRONT_PARTS;
	char letters[8] = "";
	int err;

	if (vdevice >= 2 * BLKFRONT_EXTENDED)
		return -ENODEV;
	if (vdevice & BLKFRONT_EXTENDED) {
		parts = BLKFRONT_EXT_PARTS;
		disk = (vdevice & ~BLKFRONT_EXTENDED) / parts;
		part = vdevice % parts;
	} else {
		err = blkfront_name_find(vdevice, &disk, &part);
		if (err)
			return err;
	}
	name->first_minor = disk * parts + part;
	if (name->first_minor > MINORMASK)
		return -ENODEV;
	name->minors = part ? 1 : parts;
	snprintf(name->name, sizeof(name->name), part ? "xvd%s%u" : "xvd%s",
		 blkfront_name_letters(letters + sizeof(letters) - 1, disk),
		 part);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(blkfront_name_make);

static bool blkfront_name_taken(const struct blkfront_name *name)
{
	struct blkfront_dev *other;

	list_for_each_entry(other, &blkfront_names, name_list) {
		if (name->first_minor < other->name.first_minor +
					other->name.minors &&
		    other->name.first_minor < name->first_minor + name->minors)
			return true;
	}
	return false;
}

/**
 * blkfront_name_claim - take the name that a device's number stands for
 * @dev: the device; has none
 *
 * Context: may sleep.
 * Return: 0, -ENODEV if there is no such name, -EBUSY if another device has it.
 */
int blkfront_name_claim(struct blkfront_dev *dev)
{
	int err = blkfront_name_make(dev->vdevice, &dev->name);

	if (err)
		return err;
	mutex_lock(&blkfront_names_lock);
	if (blkfront_name_taken(&dev->name))
		err = -EBUSY;
	else
		list_add(&dev->name_list, &blkfront_names);
	mutex_unlock(&blkfront_names_lock);
	return err;
}

/**
 * blkfront_name_release - let others have a device's name
 * @dev: the device; may have none
 *
 * Context: may sleep.
 */
void blkfront_name_release(struct blkfront_dev *dev)
{
	mutex_lock(&blkfront_names_lock);
	list_del_init(&dev->name_list);
	mutex_unlock(&blkfront_names_lock);
}
