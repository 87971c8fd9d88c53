/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a fid stands for after Txattrwalk or Txattrcreate: the value of an
 * extended attribute, or the list of them, in memory. Values are read and
 * written in pieces, so the server keeps them whole, and counts them.
 */
#ifndef NET_9P_SERVER_XATTR_H
#define NET_9P_SERVER_XATTR_H

#include <linux/spinlock.h>
#include <linux/types.h>

#include "wire.h"

struct iov_iter;

/**
 * struct p9s_xattr_quota - memory that the values of a session take
 * @lock: guards @used
 * @used: bytes
 * @max: as many as there may be
 */
struct p9s_xattr_quota {
	spinlock_t lock;	/* used */
	size_t used;
	size_t max;
};

/**
 * struct p9s_xattr - a value
 * @quota: where it is counted
 * @charged: bytes that it is counted as
 * @name: what it is called, empty for a list; used when it is set
 * @flags: XATTR_CREATE, XATTR_REPLACE or none; used when it is set
 * @missing: what the client has not written yet, a bit for each byte; NULL for
 *	a value that is read, which does not change. The fid's lock guards it
 *	and the bytes of a value that is written.
 * @size: bytes of the value
 * @value: the value
 */
struct p9s_xattr {
	struct p9s_xattr_quota *quota;
	size_t charged;
	char name[P9S_MAX_XATTR + 1];
	u32 flags;
	unsigned long *missing;
	size_t size;
	u8 value[];
};

void p9s_xattr_quota_init(struct p9s_xattr_quota *quota, size_t max);

struct p9s_xattr *p9s_xattr_reading(struct p9s_xattr_quota *quota,
				    const void *value, size_t size);
struct p9s_xattr *p9s_xattr_writing(struct p9s_xattr_quota *quota,
				    size_t size);
void p9s_xattr_free(struct p9s_xattr *xattr);

size_t p9s_xattr_read(const struct p9s_xattr *xattr, u64 offset, void *to,
		      size_t count);
int p9s_xattr_write(struct p9s_xattr *xattr, u64 offset, struct iov_iter *from);
bool p9s_xattr_complete(const struct p9s_xattr *xattr);

#endif /* NET_9P_SERVER_XATTR_H */
