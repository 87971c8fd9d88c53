// SPDX-License-Identifier: GPL-2.0
/*
 * Taking names away and moving them. What is done by name looks the name up
 * under the directory's lock; what is done by fid finds the fid's present
 * directory, locks it and checks that the fid still is there.
 */
#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/filelock.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/path.h>
#include <net/9p/9p.h>
#include <net/9p/server.h>

#include "export.h"
#include "fid.h"
#include "ops.h"
#include "request.h"
#include "session.h"

/* How often to look for a file that is being moved all the time */
#define P9S_MOVED_TRIES	8

/*
 * Remove @child from the directory that is locked for it, then unlock that.
 * A mount in any namespace keeps its mount point, as one in the server's own
 * always does.
 */
static int p9s_remove_locked(const struct path *dir, struct dentry *child,
			     bool is_dir, struct delegated_inode *delegated)
{
	struct mnt_idmap *idmap = mnt_idmap(dir->mnt);
	struct inode *inode = d_inode(child);
	int err;

	/* Truncating a large file is not to happen under the lock */
	ihold(inode);
	if (d_mountpoint(child))
		err = -EBUSY;
	else if (is_dir)
		err = vfs_rmdir(idmap, d_inode(dir->dentry), child, delegated);
	else
		err = vfs_unlink(idmap, d_inode(dir->dentry), child, delegated);
	end_removing(child);
	iput(inode);
	return err;
}

static int p9s_remove_name(const struct path *dir, const struct p9s_str *name,
			   bool is_dir)
{
	struct delegated_inode delegated = { };
	struct dentry *child;
	int err;

	err = mnt_want_write(dir->mnt);
	if (err)
		return err;
	do {
		child = start_removing(mnt_idmap(dir->mnt), dir->dentry,
				       &QSTR_LEN(name->ptr, name->len));
		if (IS_ERR(child)) {
			err = PTR_ERR(child);
			break;
		}
		err = p9s_remove_locked(dir, child, is_dir, &delegated);
	} while (p9s_ops_deleg_broken(&delegated, &err));
	mnt_drop_write(dir->mnt);
	return err;
}

/**
 * p9s_op_unlinkat - Tunlinkat: remove a name from the fid's directory
 * @rq: the request
 *
 * Context and return: see ops.h.
 */
int p9s_op_unlinkat(struct p9s_request *rq)
{
	const struct p9s_tunlinkat *msg = &rq->msg.unlinkat;

	if (msg->flags & ~P9_DOTL_AT_REMOVEDIR)
		return -EINVAL;
	if (!d_can_lookup(rq->fid->path.dentry))
		return -ENOTDIR;
	return p9s_remove_name(&rq->fid->path, &msg->name,
			       msg->flags & P9_DOTL_AT_REMOVEDIR);
}

/*
 * The directory that a fid is in right now, if the client may change it: the
 * fid is not the export's or a mount's root, and the directory is in the
 * export. The references go to the caller.
 */
static int p9s_fid_parent(struct p9s_request *rq, struct path *parent)
{
	const struct p9_server_export *export = &rq->session->export;
	const struct path *path = &rq->fid->path;

	if (p9s_export_is_root(export, path) ||
	    path->dentry == path->mnt->mnt_root || IS_ROOT(path->dentry))
		return -EBUSY;
	parent->dentry = dget_parent(path->dentry);
	parent->mnt = mntget(path->mnt);
	if (p9s_export_covers(export, parent))
		return 0;
	path_put(parent);
	return -ENOENT;
}

/* -ESTALE if the fid has moved to another directory meanwhile */
static int p9s_remove_from(struct p9s_request *rq, const struct path *parent)
{
	struct dentry *dentry = rq->fid->path.dentry;
	struct delegated_inode delegated = { };
	struct dentry *child;
	int err;

	do {
		child = start_removing_dentry(parent->dentry, dentry);
		if (IS_ERR(child))
			return d_unhashed(dentry) ? -ENOENT : -ESTALE;
		err = p9s_remove_locked(parent, child, d_is_dir(child),
					&delegated);
	} while (p9s_ops_deleg_broken(&delegated, &err));
	return err;
}

static int p9s_remove_fid(struct p9s_request *rq)
{
	unsigned int tries = P9S_MOVED_TRIES;
	struct path parent;
	int err;

	if (rq->session->export.readonly)
		return -EROFS;
	do {
		err = p9s_fid_parent(rq, &parent);
		if (err)
			return err;
		err = mnt_want_write(parent.mnt);
		if (!err) {
			err = p9s_remove_from(rq, &parent);
			mnt_drop_write(parent.mnt);
		}
		path_put(&parent);
	} while (err == -ESTALE && --tries);
	return err;
}

/**
 * p9s_op_remove - Tremove: remove what the fid is on, and clunk the fid
 * @rq: the request
 *
 * Context and return: see ops.h. The fid is gone after an error too.
 */
int p9s_op_remove(struct p9s_request *rq)
{
	int err = p9s_fid_xattr(rq->fid) ? -EBADF : p9s_remove_fid(rq);

	if (!p9s_fid_remove(rq->fid))
		return -EBADF;
	return err;
}

/* Rename what is locked for it in @rd, then unlock that */
static int p9s_rename_locked(struct renamedata *rd)
{
	int err;

	if (d_mountpoint(rd->old_dentry) || d_mountpoint(rd->new_dentry))
		err = -EBUSY;
	else
		err = vfs_rename(rd);
	end_renaming(rd);
	return err;
}

static int p9s_rename_names(const struct path *from, const struct path *to,
			    const struct p9s_trenameat *msg)
{
	struct delegated_inode delegated = { };
	struct renamedata rd;
	int err;

	do {
		rd = (struct renamedata) {
			.mnt_idmap = mnt_idmap(from->mnt),
			.old_parent = from->dentry,
			.new_parent = to->dentry,
			.delegated_inode = &delegated,
		};
		err = start_renaming(&rd, 0, &QSTR_LEN(msg->oldname.ptr,
						       msg->oldname.len),
				     &QSTR_LEN(msg->newname.ptr,
					       msg->newname.len));
		if (!err)
			err = p9s_rename_locked(&rd);
	} while (p9s_ops_deleg_broken(&delegated, &err));
	return err;
}

static int p9s_rename_between(struct p9s_request *rq, struct p9s_fid *newdir)
{
	const struct path *from = &rq->fid->path;
	const struct path *to = &newdir->path;
	int err;

	if (!d_can_lookup(from->dentry) || !d_can_lookup(to->dentry))
		return -ENOTDIR;
	if (from->mnt != to->mnt)
		return -EXDEV;
	err = mnt_want_write(from->mnt);
	if (err)
		return err;
	err = p9s_rename_names(from, to, &rq->msg.renameat);
	mnt_drop_write(from->mnt);
	return err;
}

/**
 * p9s_op_renameat - Trenameat: move a name from one directory to another
 * @rq: the request
 *
 * Context and return: see ops.h.
 */
int p9s_op_renameat(struct p9s_request *rq)
{
	struct p9s_fid *newdir;
	int err;

	newdir = p9s_ops_other_fid(rq, rq->msg.renameat.newdirfid);
	if (IS_ERR(newdir))
		return PTR_ERR(newdir);
	err = p9s_rename_between(rq, newdir);
	p9s_fid_put(newdir);
	return err;
}

/* -ESTALE if the fid has moved to another directory meanwhile */
static int p9s_rename_from(struct p9s_request *rq, const struct path *parent,
			   const struct path *to)
{
	const struct p9s_str *name = &rq->msg.rename.name;
	struct dentry *dentry = rq->fid->path.dentry;
	struct delegated_inode delegated = { };
	struct renamedata rd;
	int err;

	do {
		rd = (struct renamedata) {
			.mnt_idmap = mnt_idmap(to->mnt),
			.old_parent = parent->dentry,
			.new_parent = to->dentry,
			.delegated_inode = &delegated,
		};
		err = start_renaming_dentry(&rd, 0, dentry,
					    &QSTR_LEN(name->ptr, name->len));
		if (!err)
			err = p9s_rename_locked(&rd);
		else if (err == -EINVAL && d_unhashed(dentry))
			err = -ENOENT;
		else if (err == -EINVAL && dentry->d_parent != parent->dentry)
			err = -ESTALE;
	} while (p9s_ops_deleg_broken(&delegated, &err));
	return err;
}

static int p9s_rename_fid(struct p9s_request *rq, const struct path *to)
{
	unsigned int tries = P9S_MOVED_TRIES;
	struct path parent;
	int err;

	if (!d_can_lookup(to->dentry))
		return -ENOTDIR;
	do {
		err = p9s_fid_parent(rq, &parent);
		if (err)
			return err;
		err = parent.mnt == to->mnt ? mnt_want_write(to->mnt) : -EXDEV;
		if (!err) {
			err = p9s_rename_from(rq, &parent, to);
			mnt_drop_write(to->mnt);
		}
		path_put(&parent);
	} while (err == -ESTALE && --tries);
	return err;
}

/**
 * p9s_op_rename - Trename: move what the fid is on
 * @rq: the request
 *
 * Context and return: see ops.h.
 */
int p9s_op_rename(struct p9s_request *rq)
{
	struct p9s_fid *dir;
	int err;

	dir = p9s_ops_other_fid(rq, rq->msg.rename.dirfid);
	if (IS_ERR(dir))
		return PTR_ERR(dir);
	err = p9s_rename_fid(rq, &dir->path);
	p9s_fid_put(dir);
	return err;
}
