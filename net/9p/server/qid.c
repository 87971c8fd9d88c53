// SPDX-License-Identifier: GPL-2.0
/*
 * Qids. A client takes qid.path for the inode number, so files of two
 * filesystems under one export must not share one: the export's own filesystem
 * keeps its numbers, every other gets an index in the upper 16 bits.
 * qid.version follows the file's change cookie where it has one, else its
 * change time, so that it differs after each change.
 */
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/hash.h>
#include <linux/ktime.h>
#include <linux/path.h>
#include <linux/stat.h>
#include <net/9p/9p.h>

#include "qid.h"

#define P9S_DEVICE_SHIFT	48

/**
 * p9s_devices_init - start with the filesystem of the export's root
 * @devices: what to initialize
 * @root: the export's root
 *
 * Context: may sleep.
 * Return: 0 or what vfs_getattr() says.
 */
int p9s_devices_init(struct p9s_devices *devices, const struct path *root)
{
	struct kstat stat;
	int err;

	err = vfs_getattr(root, &stat, P9S_QID_MASK, AT_STATX_DONT_SYNC);
	if (err)
		return err;
	spin_lock_init(&devices->lock);
	devices->devs[0] = stat.dev;
	devices->nr = 1;
	return 0;
}

/* A number for a filesystem; those that are too many share by chance only */
static unsigned int p9s_device_index(struct p9s_devices *devices, dev_t dev)
{
	unsigned int i;

	spin_lock(&devices->lock);
	for (i = 0; i < devices->nr; i++) {
		if (devices->devs[i] == dev)
			goto found;
	}
	if (i < P9S_MAX_DEVICES)
		devices->devs[devices->nr++] = dev;
	else
		i = P9S_MAX_DEVICES + hash_32(dev, 15);
found:
	spin_unlock(&devices->lock);
	return i;
}

/**
 * p9s_qid_path - the number of a file
 * @devices: the filesystems of the session
 * @dev: the filesystem that the file is on
 * @ino: its number there
 *
 * Context: process.
 * Return: a number that no other file of the session has, given that inode
 * numbers leave the upper 16 bits alone.
 */
u64 p9s_qid_path(struct p9s_devices *devices, dev_t dev, u64 ino)
{
	/* The first never changes, so the usual case takes no lock */
	if (dev == devices->devs[0])
		return ino;
	return ino ^ ((u64)p9s_device_index(devices, dev) << P9S_DEVICE_SHIFT);
}

static u32 p9s_qid_version(const struct kstat *stat)
{
	if (stat->result_mask & STATX_CHANGE_COOKIE)
		return (u32)stat->change_cookie;
	return (u32)timespec64_to_ns(&stat->ctime);
}

static u8 p9s_qid_type(umode_t mode)
{
	if (S_ISDIR(mode))
		return P9_QTDIR;
	if (S_ISLNK(mode))
		return P9_QTSYMLINK;
	return P9_QTFILE;
}

/**
 * p9s_qid_from_stat - the qid of a file
 * @devices: the filesystems of the session
 * @stat: at least the attributes of P9S_QID_MASK
 * @qid: where the qid goes
 *
 * Context: process.
 */
void p9s_qid_from_stat(struct p9s_devices *devices, const struct kstat *stat,
		       struct p9s_qid *qid)
{
	qid->type = p9s_qid_type(stat->mode);
	qid->version = p9s_qid_version(stat);
	qid->path = p9s_qid_path(devices, stat->dev, stat->ino);
}

/**
 * p9s_qid_from_path - the qid of a file
 * @devices: the filesystems of the session
 * @path: where the file is
 * @qid: where the qid goes
 *
 * Context: may sleep.
 * Return: 0 or what vfs_getattr() says.
 */
int p9s_qid_from_path(struct p9s_devices *devices, const struct path *path,
		      struct p9s_qid *qid)
{
	struct kstat stat;
	int err;

	err = vfs_getattr(path, &stat, P9S_QID_MASK, AT_STATX_DONT_SYNC);
	if (!err)
		p9s_qid_from_stat(devices, &stat, qid);
	return err;
}
