// SPDX-License-Identifier: GPL-2.0
/*
 * Making what is not a file to write to: directories, symlinks, links, FIFOs,
 * sockets, and device nodes if the export has them. None of these last three is
 * ever opened here.
 */
#include <linux/bits.h>
#include <linux/cred.h>
#include <linux/delayed_call.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/filelock.h>
#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/path.h>
#include <linux/slab.h>
#include <linux/stat.h>
#include <linux/string.h>
#include <net/9p/server.h>

#include "fid.h"
#include "identity.h"
#include "ops.h"
#include "request.h"
#include "session.h"

/**
 * struct p9s_make - something to make
 * @make: makes it in the directory @dir, which is locked, as @child, which is
 *	not there yet. Returns what is to be unlocked, which may be another
 *	dentry, or an error with everything unlocked.
 * @name: what it is to be called
 * @gid: the group that it is to have
 * @mode: its mode
 * @dev: what device it is, 0 for what is none
 * @target: where a symlink points to
 * @old: what a link is to
 */
struct p9s_make {
	struct dentry *(*make)(const struct p9s_make *how,
			       const struct path *dir, struct dentry *child,
			       struct delegated_inode *delegated);
	const struct p9s_str *name;
	u32 gid;
	umode_t mode;
	dev_t dev;
	const char *target;
	const struct path *old;
};

/* What a function answers that leaves the directory locked after an error */
static struct dentry *p9s_made(struct dentry *child, int err)
{
	if (!err)
		return child;
	end_creating(child);
	return ERR_PTR(err);
}

static struct dentry *p9s_make_dir(const struct p9s_make *how,
				   const struct path *dir, struct dentry *child,
				   struct delegated_inode *delegated)
{
	return vfs_mkdir(mnt_idmap(dir->mnt), d_inode(dir->dentry), child,
			 how->mode, delegated);
}

static struct dentry *p9s_make_symlink(const struct p9s_make *how,
				       const struct path *dir,
				       struct dentry *child,
				       struct delegated_inode *delegated)
{
	return p9s_made(child, vfs_symlink(mnt_idmap(dir->mnt),
					   d_inode(dir->dentry), child,
					   how->target, delegated));
}

static struct dentry *p9s_make_file(const struct p9s_make *how,
				    const struct path *dir,
				    struct dentry *child,
				    struct delegated_inode *delegated)
{
	return p9s_made(child, vfs_create(mnt_idmap(dir->mnt), child,
					  how->mode, delegated));
}

static struct dentry *p9s_make_node(const struct p9s_make *how,
				    const struct path *dir,
				    struct dentry *child,
				    struct delegated_inode *delegated)
{
	return p9s_made(child, vfs_mknod(mnt_idmap(dir->mnt),
					 d_inode(dir->dentry), child,
					 how->mode, how->dev, delegated));
}

static struct dentry *p9s_make_link(const struct p9s_make *how,
				    const struct path *dir,
				    struct dentry *child,
				    struct delegated_inode *delegated)
{
	return p9s_made(child, vfs_link(how->old->dentry, mnt_idmap(dir->mnt),
					d_inode(dir->dentry), child,
					delegated));
}

static int p9s_make_locked(const struct p9s_make *how, const struct path *dir)
{
	struct delegated_inode delegated = { };
	struct dentry *child;
	int err;

	do {
		child = start_creating(mnt_idmap(dir->mnt), dir->dentry,
				       &QSTR_LEN(how->name->ptr,
						 how->name->len));
		if (IS_ERR(child))
			return PTR_ERR(child);
		if (d_is_positive(child))
			child = p9s_made(child, -EEXIST);
		else
			child = how->make(how, dir, child, &delegated);
		err = PTR_ERR_OR_ZERO(child);
		if (!err)
			end_creating(child);
	} while (p9s_ops_deleg_broken(&delegated, &err));
	return err;
}

static int p9s_make_in(const struct p9s_make *how, const struct path *dir)
{
	int err;

	if (!d_can_lookup(dir->dentry))
		return -ENOTDIR;
	err = mnt_want_write(dir->mnt);
	if (err)
		return err;
	err = p9s_make_locked(how, dir);
	mnt_drop_write(dir->mnt);
	return err;
}

/* Look at what is there then and answer with its qid */
static int p9s_make_qid(struct p9s_request *rq, const struct p9s_make *how)
{
	struct path path = rq->fid->path;
	int err;

	path_get(&path);
	err = p9s_walk_one(rq, &path, how->name);
	if (!err)
		err = p9s_ops_put_qid(rq, &path);
	path_put(&path);
	return err;
}

/* What only root may make */
static int p9s_make_right(const struct p9s_make *how)
{
	if (S_ISCHR(how->mode) || S_ISBLK(how->mode))
		return CAP_MKNOD;
	return P9S_NO_CAPABILITY;
}

/* Make it in the fid's directory, as the one who is to own it */
static int p9s_make(struct p9s_request *rq, const struct p9s_make *how)
{
	const struct cred *create;
	const struct cred *cred;
	const struct cred *old;
	int err;

	create = p9s_identity_create_cred(rq->fid->identity, how->gid);
	if (!create)
		return -ENOMEM;
	cred = p9s_identity_raise(create, p9s_make_right(how));
	put_cred(create);
	if (!cred)
		return -ENOMEM;
	old = override_creds(cred);
	err = p9s_make_in(how, &rq->fid->path);
	/* Rlink says nothing more */
	if (!err && !how->old)
		err = p9s_make_qid(rq, how);
	revert_creds(old);
	put_cred(cred);
	return err;
}

/**
 * p9s_op_mkdir - Tmkdir: make a directory
 * @rq: the request
 *
 * Context and return: see ops.h.
 */
int p9s_op_mkdir(struct p9s_request *rq)
{
	const struct p9s_tmkdir *msg = &rq->msg.mkdir;
	const struct p9s_make how = {
		.make = p9s_make_dir,
		.name = &msg->name,
		.gid = msg->gid,
		.mode = msg->mode & S_IALLUGO,
	};

	return p9s_make(rq, &how);
}

/**
 * p9s_op_symlink - Tsymlink: make a symlink, which only clients follow
 * @rq: the request
 *
 * Context and return: see ops.h.
 */
int p9s_op_symlink(struct p9s_request *rq)
{
	const struct p9s_tsymlink *msg = &rq->msg.symlink;
	struct p9s_make how = {
		.make = p9s_make_symlink,
		.name = &msg->name,
		.gid = msg->gid,
	};
	int err;

	how.target = kmemdup_nul(msg->target.ptr, msg->target.len, GFP_KERNEL);
	if (!how.target)
		return -ENOMEM;
	err = p9s_make(rq, &how);
	kfree(how.target);
	return err;
}

/*
 * The server opens no device node, but the programs of this machine may: what a
 * client makes here is a name for a device of theirs too, unless the exported
 * filesystem is mounted with nodev. So the admin has to allow it.
 */
static int p9s_mknod_device(struct p9s_request *rq, struct p9s_make *how)
{
	const struct p9s_tmknod *msg = &rq->msg.mknod;

	if (!rq->session->export.devices)
		return -EPERM;
	if (msg->major >= BIT(32 - MINORBITS) || msg->minor >= BIT(MINORBITS))
		return -EINVAL;
	how->make = p9s_make_node;
	how->dev = MKDEV(msg->major, msg->minor);
	return 0;
}

/**
 * p9s_op_mknod - Tmknod: make a FIFO, a socket, an empty file, a device node
 * @rq: the request
 *
 * Context and return: see ops.h.
 */
int p9s_op_mknod(struct p9s_request *rq)
{
	const struct p9s_tmknod *msg = &rq->msg.mknod;
	struct p9s_make how = {
		.name = &msg->name,
		.gid = msg->gid,
		.mode = msg->mode & (S_IFMT | S_IALLUGO),
	};
	int err = 0;

	switch (msg->mode & S_IFMT) {
	case 0:
	case S_IFREG:
		how.make = p9s_make_file;
		break;
	case S_IFIFO:
	case S_IFSOCK:
		how.make = p9s_make_node;
		break;
	case S_IFCHR:
	case S_IFBLK:
		err = p9s_mknod_device(rq, &how);
		break;
	default:
		err = -EINVAL;
	}
	return err ?: p9s_make(rq, &how);
}

/**
 * p9s_op_link - Tlink: another name for what a fid is on
 * @rq: the request
 *
 * Context and return: see ops.h.
 */
int p9s_op_link(struct p9s_request *rq)
{
	const struct p9s_tlink *msg = &rq->msg.link;
	struct p9s_make how = { .make = p9s_make_link, .name = &msg->name };
	struct p9s_fid *old;
	int err;

	old = p9s_ops_other_fid(rq, msg->oldfid);
	if (IS_ERR(old))
		return PTR_ERR(old);
	how.old = &old->path;
	how.gid = ~0U;
	if (old->path.mnt != rq->fid->path.mnt)
		err = -EXDEV;
	else
		err = p9s_make(rq, &how);
	p9s_fid_put(old);
	return err;
}

static int p9s_readlink_put(struct p9s_request *rq, const char *target)
{
	size_t len = strlen(target);
	void *buf;

	if (len > P9S_MAX_TARGET || len + P9S_LINK_HDR > rq->msize)
		return -ENAMETOOLONG;
	buf = p9s_request_payload(rq, len);
	if (!buf)
		return -ENOMEM;
	memcpy(buf, target, len);
	p9s_put_u16(&rq->out, len);
	rq->payload_len = len;
	return 0;
}

/**
 * p9s_op_readlink - Treadlink: where the fid's symlink points to
 * @rq: the request
 *
 * Symlinks with a way of their own to be read are those of proc and its kind:
 * what they mean is a file and not a name, and only a path walk can use them.
 *
 * Context and return: see ops.h.
 */
int p9s_op_readlink(struct p9s_request *rq)
{
	struct dentry *dentry = rq->fid->path.dentry;
	const char *target;
	int err;

	DEFINE_DELAYED_CALL(done);

	if (!d_is_symlink(dentry) || d_inode(dentry)->i_op->readlink)
		return -EINVAL;
	target = vfs_get_link(dentry, &done);
	if (IS_ERR(target))
		err = PTR_ERR(target);
	else
		err = p9s_readlink_put(rq, target);
	do_delayed_call(&done);
	return err;
}
