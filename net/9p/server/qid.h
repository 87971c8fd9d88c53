/* SPDX-License-Identifier: GPL-2.0 */
/* Qids: a number for each file, unique across the filesystems of an export */
#ifndef NET_9P_SERVER_QID_H
#define NET_9P_SERVER_QID_H

#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "wire.h"

struct kstat;
struct path;

/* What a qid is made of: passed to vfs_getattr() */
#define P9S_QID_MASK	(STATX_TYPE | STATX_INO | STATX_CTIME | \
			 STATX_CHANGE_COOKIE)

/**
 * struct p9s_devices - the filesystems that a session has met
 * @root: the export's own; does not change
 * @lock: guards what is added to @numbers
 * @numbers: what the upper 16 bits of qid.path stand for, as struct
 *	p9s_numbers; nothing is ever taken out
 */
struct p9s_devices {
	dev_t root;
	struct mutex lock;	/* additions to numbers */
	struct xarray numbers;
};

int p9s_devices_init(struct p9s_devices *devices, const struct path *root);
void p9s_devices_destroy(struct p9s_devices *devices);
int p9s_qid_path(struct p9s_devices *devices, dev_t dev, u64 ino, u64 *path);
int p9s_qid_from_stat(struct p9s_devices *devices, const struct kstat *stat,
		      struct p9s_qid *qid);
int p9s_qid_from_path(struct p9s_devices *devices, const struct path *path,
		      struct p9s_qid *qid);

#endif /* NET_9P_SERVER_QID_H */
