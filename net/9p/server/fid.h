/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fids: what a client calls a file or directory by. One is a place in the tree
 * of mounts and names, who it was attached as, and once opened an open file.
 * No path string is ever kept, so renames by anybody do not matter to it.
 */
#ifndef NET_9P_SERVER_FID_H
#define NET_9P_SERVER_FID_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/path.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct file;
struct p9s_identity;
struct p9s_lock_table;
struct p9s_xattr;

#define P9S_FID_BUCKETS	1024

/**
 * struct p9s_fid - one fid
 * @id: the client's number for it
 * @node: in the table; guarded by the table's lock
 * @users: the table's reference and one of each request that uses it
 * @table: where it is counted
 * @path: what it is on; does not change
 * @identity: who it was attached as; does not change
 * @lock: guards opening, the position that readdir left the file at, and what
 *	an xattr's value is while it is written
 * @file: the open file; set once under @lock, read by p9s_fid_file()
 * @counted: @file is counted in the table
 * @xattr: the xattr that it stands for, and then never a file; set once under
 *	@lock, read by p9s_fid_xattr()
 * @locks: where the locks that were taken by @file are kept, NULL if none ever
 *	was; guarded by the mutex there
 */
struct p9s_fid {
	u32 id;
	struct hlist_node node;
	refcount_t users;
	struct p9s_fid_table *table;
	struct path path;
	struct p9s_identity *identity;
	struct mutex lock;	/* opening, readdir's position, a value */
	struct file *file;
	bool counted;
	struct p9s_xattr *xattr;
	struct p9s_lock_table *locks;
};

/**
 * struct p9s_fid_table - the fids of a session
 * @lock: guards all that follows, and that a fid is in the table
 * @nr: fids in the table
 * @max: as many as it may hold
 * @nr_open: open files of fids, in the table or just leaving it
 * @max_open: as many as there may be
 * @buckets: fids by number
 */
struct p9s_fid_table {
	spinlock_t lock;	/* all of the table */
	unsigned int nr;
	unsigned int max;
	unsigned int nr_open;
	unsigned int max_open;
	struct hlist_head buckets[P9S_FID_BUCKETS];
};

void p9s_fid_table_init(struct p9s_fid_table *table, unsigned int max,
			unsigned int max_open);
void p9s_fid_table_clear(struct p9s_fid_table *table);

struct p9s_fid *p9s_fid_alloc(struct p9s_fid_table *table, u32 id,
			      const struct path *path,
			      struct p9s_identity *identity);
int p9s_fid_insert(struct p9s_fid *fid);
int p9s_fid_replace(struct p9s_fid *old, struct p9s_fid *fid);
bool p9s_fid_remove(struct p9s_fid *fid);
struct p9s_fid *p9s_fid_find(struct p9s_fid_table *table, u32 id);
struct p9s_fid *p9s_fid_next(struct p9s_fid_table *table, u64 *pos);
void p9s_fid_put(struct p9s_fid *fid);

int p9s_fid_reserve_open(struct p9s_fid_table *table);
void p9s_fid_release_open(struct p9s_fid_table *table);
void p9s_fid_set_file(struct p9s_fid *fid, struct file *file);
struct file *p9s_fid_file(struct p9s_fid *fid);
void p9s_fid_set_xattr(struct p9s_fid *fid, struct p9s_xattr *xattr);
struct p9s_xattr *p9s_fid_xattr(struct p9s_fid *fid);

#endif /* NET_9P_SERVER_FID_H */
