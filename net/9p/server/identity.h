/* SPDX-License-Identifier: GPL-2.0 */
/* Who an attach acts as, and with which rights */
#ifndef NET_9P_SERVER_IDENTITY_H
#define NET_9P_SERVER_IDENTITY_H

#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#define P9S_NO_CAPABILITY	(-1)

struct cred;
struct p9_server_export;
struct p9s_tattach;

/**
 * struct p9s_identity - who a fid was attached as
 * @users: one of each fid
 * @cred: put on for every request on such a fid
 * @squash: the client's ids do not count
 * @checked: the client's ids count, and what they may do is checked here
 * @lock: guards @create
 * @create: @cred with the group of the last file that was made and, if the
 *	client decides on permissions, the right to keep its setgid bit
 */
struct p9s_identity {
	refcount_t users;
	const struct cred *cred;
	bool squash;
	bool checked;
	spinlock_t lock;	/* create */
	const struct cred *create;
};

struct p9s_identity *
p9s_identity_attach(const struct p9_server_export *export,
		    const struct p9s_tattach *attach);
struct p9s_identity *p9s_identity_get(struct p9s_identity *identity);
void p9s_identity_put(struct p9s_identity *identity);
const struct cred *p9s_identity_create_cred(struct p9s_identity *identity,
					    u32 gid);
const struct cred *p9s_identity_raise(const struct cred *cred, int capability);

#endif /* NET_9P_SERVER_IDENTITY_H */
