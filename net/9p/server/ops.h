/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The handlers of operations, and what they share. Each handler is called with
 * the request taken apart and, but for version, auth, attach and flush, its fid
 * looked up and the identity of that put on. It may sleep. It returns 0 with
 * the reply's fields encoded, or a negative error to answer with.
 */
#ifndef NET_9P_SERVER_OPS_H
#define NET_9P_SERVER_OPS_H

#include <linux/types.h>

struct delegated_inode;
struct dentry;
struct path;
struct p9s_fid;
struct p9s_request;
struct p9s_str;
struct p9s_xattr;

/* ops_session.c */
int p9s_op_version(struct p9s_request *rq);
int p9s_op_auth(struct p9s_request *rq);
int p9s_op_attach(struct p9s_request *rq);
int p9s_op_flush(struct p9s_request *rq);

/* ops_walk.c */
int p9s_op_walk(struct p9s_request *rq);
int p9s_walk_one(struct p9s_request *rq, struct path *path,
		 const struct p9s_str *name);

/* ops_open.c */
int p9s_op_lopen(struct p9s_request *rq);
int p9s_op_lcreate(struct p9s_request *rq);
int p9s_op_clunk(struct p9s_request *rq);

/* ops_io.c */
int p9s_op_read(struct p9s_request *rq);
int p9s_op_write(struct p9s_request *rq);
int p9s_op_fsync(struct p9s_request *rq);

/* ops_dir.c */
int p9s_op_readdir(struct p9s_request *rq);

/* ops_name.c */
int p9s_op_unlinkat(struct p9s_request *rq);
int p9s_op_remove(struct p9s_request *rq);
int p9s_op_rename(struct p9s_request *rq);
int p9s_op_renameat(struct p9s_request *rq);

/* ops_attr.c */
int p9s_op_getattr(struct p9s_request *rq);
int p9s_op_setattr(struct p9s_request *rq);
int p9s_op_statfs(struct p9s_request *rq);

/* ops_xattr.c */
int p9s_op_xattrwalk(struct p9s_request *rq);
int p9s_op_xattrcreate(struct p9s_request *rq);
int p9s_xattr_pread(struct p9s_request *rq, const struct p9s_xattr *xattr);
int p9s_xattr_pwrite(struct p9s_request *rq, struct p9s_xattr *xattr);
int p9s_xattr_commit(struct p9s_fid *fid);

/* ops_lock.c */
int p9s_op_lock(struct p9s_request *rq);
int p9s_op_getlock(struct p9s_request *rq);

/* ops_node.c */
int p9s_op_mkdir(struct p9s_request *rq);
int p9s_op_symlink(struct p9s_request *rq);
int p9s_op_readlink(struct p9s_request *rq);
int p9s_op_link(struct p9s_request *rq);
int p9s_op_mknod(struct p9s_request *rq);

/* ops.c */
struct p9s_fid *p9s_ops_other_fid(struct p9s_request *rq, u32 id);
u32 p9s_ops_count(struct p9s_request *rq, u32 count);
int p9s_ops_put_qid(struct p9s_request *rq, const struct path *path);
bool p9s_ops_deleg_broken(struct delegated_inode *delegated, int *err);

#endif /* NET_9P_SERVER_OPS_H */
