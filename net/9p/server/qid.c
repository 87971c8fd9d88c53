// SPDX-License-Identifier: GPL-2.0
/*
 * Qids. A client takes qid.path for the inode number, so files of two
 * filesystems under one export must not share one, and inode numbers have all
 * of 64 bits. So the upper 16 bits of a number, together with the filesystem
 * that it is on, are what an index stands for; the index goes where these bits
 * were. The export's own filesystem comes first: as long as nobody else got
 * there before, its numbers stay as they are.
 *
 * qid.version differs after each change of a file. Filesystems that count
 * changes make that sure. For others there is the change time, which may stand
 * still for a tick, or for seconds: until that is over, a version is one that
 * no client has seen, so that what it keeps in its cache does not count.
 */
#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/hash.h>
#include <linux/ktime.h>
#include <linux/path.h>
#include <linux/slab.h>
#include <linux/stat.h>
#include <linux/timekeeping.h>
#include <net/9p/9p.h>

#include "qid.h"

#define P9S_HIGH_SHIFT		48
#define P9S_HIGH_BITS		16

/* How far from where it belongs an index may be */
#define P9S_INDEX_TRIES		256

/* The coarsest change times are those of FAT */
#define P9S_CTIME_SETTLES	(2 * NSEC_PER_SEC)

/**
 * struct p9s_numbers - 2^48 of the inode numbers of a filesystem
 * @dev: the filesystem
 * @high: the upper 16 bits of these numbers
 */
struct p9s_numbers {
	dev_t dev;
	u16 high;
};

/* Versions that were given out of files which may be changing */
static atomic_t p9s_unsettled = ATOMIC_INIT(0);

/*
 * Where the index of @wanted is, or where it goes: -ENOENT if nothing is there
 * yet, -EOVERFLOW if there is no room.
 */
static int p9s_index_find(struct p9s_devices *devices,
			  const struct p9s_numbers *wanted, u16 *index)
{
	const struct p9s_numbers *numbers;
	unsigned int i;

	*index = wanted->high;
	if (wanted->dev != devices->root)
		*index = hash_32(wanted->dev ^ hash_32(wanted->high, 32),
				 P9S_HIGH_BITS);
	for (i = 0; i < P9S_INDEX_TRIES; i++, (*index)++) {
		numbers = xa_load(&devices->numbers, *index);
		if (!numbers)
			return -ENOENT;
		if (numbers->dev == wanted->dev &&
		    numbers->high == wanted->high)
			return 0;
	}
	return -EOVERFLOW;
}

/* Called with the lock held */
static int p9s_index_add(struct p9s_devices *devices,
			 const struct p9s_numbers *wanted, u16 index)
{
	struct p9s_numbers *numbers = kzalloc_obj(*numbers);
	int err;

	if (!numbers)
		return -ENOMEM;
	*numbers = *wanted;
	err = xa_err(xa_store(&devices->numbers, index, numbers, GFP_KERNEL));
	if (err)
		kfree(numbers);
	return err;
}

/* Indices are never given back, so most are found without the lock */
static int p9s_index_get(struct p9s_devices *devices,
			 const struct p9s_numbers *wanted, u16 *index)
{
	int err = p9s_index_find(devices, wanted, index);

	if (err != -ENOENT)
		return err;
	mutex_lock(&devices->lock);
	err = p9s_index_find(devices, wanted, index);
	if (err == -ENOENT)
		err = p9s_index_add(devices, wanted, *index);
	mutex_unlock(&devices->lock);
	return err;
}

/**
 * p9s_devices_init - start with the filesystem of the export's root
 * @devices: what to initialize
 * @root: the export's root
 *
 * Context: may sleep.
 * Return: 0, -ENOMEM or what vfs_getattr() says; p9s_devices_destroy() may be
 * called in any case.
 */
int p9s_devices_init(struct p9s_devices *devices, const struct path *root)
{
	struct p9s_numbers first = { };
	struct kstat stat;
	int err;

	mutex_init(&devices->lock);
	xa_init(&devices->numbers);
	err = vfs_getattr(root, &stat, P9S_QID_MASK, AT_STATX_DONT_SYNC);
	if (err)
		return err;
	devices->root = stat.dev;
	first.dev = stat.dev;
	return p9s_index_add(devices, &first, 0);
}

/**
 * p9s_devices_destroy - forget all filesystems
 * @devices: what p9s_devices_init() has initialized, or zeroes
 *
 * Context: any.
 */
void p9s_devices_destroy(struct p9s_devices *devices)
{
	struct p9s_numbers *numbers;
	unsigned long index;

	xa_for_each(&devices->numbers, index, numbers)
		kfree(numbers);
	xa_destroy(&devices->numbers);
}

/**
 * p9s_qid_path - the number of a file
 * @devices: the filesystems of the session
 * @dev: the filesystem that the file is on
 * @ino: its number there
 * @path: where the number goes, which no other file of the session has
 *
 * Context: may sleep.
 * Return: 0, -ENOMEM, or -EOVERFLOW if there are no numbers left, which takes
 * filesystems that spread theirs over all 64 bits.
 */
int p9s_qid_path(struct p9s_devices *devices, dev_t dev, u64 ino, u64 *path)
{
	struct p9s_numbers wanted = { .dev = dev, .high = ino >> P9S_HIGH_SHIFT };
	u16 index;
	int err;

	/* Index 0, from the start */
	*path = ino;
	if (dev == devices->root && !wanted.high)
		return 0;
	err = p9s_index_get(devices, &wanted, &index);
	if (err)
		return err;
	*path = (ino & (BIT_ULL(P9S_HIGH_SHIFT) - 1)) |
		(u64)index << P9S_HIGH_SHIFT;
	return 0;
}

static bool p9s_qid_settled(u64 changed)
{
	struct timespec64 now;

	ktime_get_coarse_real_ts64(&now);
	return changed + P9S_CTIME_SETTLES < timespec64_to_ns(&now);
}

/*
 * Never 0, by which a client understands that there is nothing to be cached.
 * A counter may repeat itself after a crash, so the time always counts too.
 */
static u32 p9s_qid_version(const struct kstat *stat)
{
	u64 changed = timespec64_to_ns(&stat->ctime);
	u32 version = changed;

	if (stat->result_mask & STATX_CHANGE_COOKIE)
		version += stat->change_cookie;
	else if (!p9s_qid_settled(changed))
		version ^= atomic_inc_return(&p9s_unsettled) * GOLDEN_RATIO_32;
	return version ?: ~0U;
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
 * Context: may sleep.
 * Return: 0 or what p9s_qid_path() says.
 */
int p9s_qid_from_stat(struct p9s_devices *devices, const struct kstat *stat,
		      struct p9s_qid *qid)
{
	qid->type = p9s_qid_type(stat->mode);
	qid->version = p9s_qid_version(stat);
	return p9s_qid_path(devices, stat->dev, stat->ino, &qid->path);
}

/**
 * p9s_qid_from_path - the qid of a file
 * @devices: the filesystems of the session
 * @path: where the file is
 * @qid: where the qid goes
 *
 * Context: may sleep.
 * Return: 0 or what vfs_getattr() or p9s_qid_path() says.
 */
int p9s_qid_from_path(struct p9s_devices *devices, const struct path *path,
		      struct p9s_qid *qid)
{
	struct kstat stat;
	int err;

	err = vfs_getattr(path, &stat, P9S_QID_MASK, AT_STATX_DONT_SYNC);
	if (err)
		return err;
	return p9s_qid_from_stat(devices, &stat, qid);
}
