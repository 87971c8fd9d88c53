/* SPDX-License-Identifier: GPL-2.0 */
/* Qids: a number for each file, unique across the filesystems of an export */
#ifndef NET_9P_SERVER_QID_H
#define NET_9P_SERVER_QID_H

#include <linux/spinlock.h>
#include <linux/types.h>

#include "wire.h"

struct kstat;
struct path;

#define P9S_MAX_DEVICES	64

/* What a qid is made of: passed to vfs_getattr() */
#define P9S_QID_MASK	(STATX_TYPE | STATX_INO | STATX_CTIME | \
			 STATX_CHANGE_COOKIE)

/**
 * struct p9s_devices - the filesystems that a session has met
 * @lock: guards @nr and that @devs grows
 * @nr: how many
 * @devs: their device numbers, the export's own first
 */
struct p9s_devices {
	spinlock_t lock;	/* nr, the growth of devs */
	unsigned int nr;
	dev_t devs[P9S_MAX_DEVICES];
};

int p9s_devices_init(struct p9s_devices *devices, const struct path *root);
u64 p9s_qid_path(struct p9s_devices *devices, dev_t dev, u64 ino);
void p9s_qid_from_stat(struct p9s_devices *devices, const struct kstat *stat,
		       struct p9s_qid *qid);
int p9s_qid_from_path(struct p9s_devices *devices, const struct path *path,
		      struct p9s_qid *qid);

#endif /* NET_9P_SERVER_QID_H */
