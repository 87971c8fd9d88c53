/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Locks on ranges of files that a session holds: POSIX locks of the VFS, which
 * other sessions and the processes of this machine run into, as they do into
 * each other's.
 */
#ifndef NET_9P_SERVER_LOCK_H
#define NET_9P_SERVER_LOCK_H

#include <linux/hashtable.h>
#include <linux/mutex.h>
#include <linux/types.h>

struct file;
struct file_lock;
struct p9s_request;
struct p9s_str;

#define P9S_OWNER_BITS	6

/**
 * struct p9s_lock_owner - a client's process that holds locks or waits for some
 * @node: in the table
 * @nr: locks that it holds, as the VFS keeps them
 * @waits: locks that it waits for; there is no owner of neither
 * @proc_id: the client's number for the process
 * @client_len: bytes of @client
 * @client: what the client calls itself
 *
 * Its address is what the VFS knows the owner by; the VFS looks no further.
 */
struct p9s_lock_owner {
	struct hlist_node node;
	unsigned int nr;
	unsigned int waits;
	u32 proc_id;
	u16 client_len;
	char client[];
};

/**
 * struct p9s_lock_table - the locks of a session
 * @mutex: guards all that follows, the owners, and every change of a lock, so
 *	that what a change has done to their number can be told
 * @nr: locks that the VFS keeps for the session
 * @max: as many as there may be
 * @owners: who holds them
 */
struct p9s_lock_table {
	struct mutex mutex;	/* all of the table, and changes of its locks */
	unsigned int nr;
	unsigned int max;
	DECLARE_HASHTABLE(owners, P9S_OWNER_BITS);
};

void p9s_lock_table_init(struct p9s_lock_table *table, unsigned int max);
void p9s_lock_table_destroy(struct p9s_lock_table *table);

int p9s_lock_set(struct p9s_request *rq, struct file_lock *fl);
void p9s_lock_unqueue(struct p9s_lock_table *table, struct file_lock *fl);
int p9s_lock_test(struct p9s_lock_table *table, struct file_lock *fl,
		  u32 *proc_id, const struct p9s_str *client,
		  char *holder, u16 *holder_len);
void p9s_lock_release(struct p9s_lock_table *table, struct file *file);

#endif /* NET_9P_SERVER_LOCK_H */
