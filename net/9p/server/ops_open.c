// SPDX-License-Identifier: GPL-2.0
/*
 * Opening, creating and closing. Only regular files and directories are ever
 * opened here: device nodes, FIFOs and sockets belong to the client's kernel,
 * a symlink is the client's to follow.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/filelock.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/path.h>
#include <linux/stat.h>
#include <net/9p/9p.h>
#include <net/9p/server.h>

#include "fid.h"
#include "identity.h"
#include "ops.h"
#include "request.h"
#include "session.h"

/* The flags of the wire that mean something here, but for P9_DOTL_DIRECT */
static const struct {
	u32 wire;
	int flag;
} p9s_open_flags[] = {
	{ P9_DOTL_APPEND, O_APPEND },
	{ P9_DOTL_DSYNC, O_DSYNC },
	{ P9_DOTL_SYNC, O_SYNC },
	{ P9_DOTL_DIRECTORY, O_DIRECTORY },
	{ P9_DOTL_NOATIME, O_NOATIME },
};

/* What to open with, or -EINVAL */
static int p9s_open_from_wire(u32 wire)
{
	static const int access[] = { O_RDONLY, O_WRONLY, O_RDWR };
	int flags = O_LARGEFILE | O_NOFOLLOW;
	unsigned int i;

	if ((wire & P9_DOTL_NOACCESS) == P9_DOTL_NOACCESS)
		return -EINVAL;
	flags |= access[wire & P9_DOTL_NOACCESS];
	for (i = 0; i < ARRAY_SIZE(p9s_open_flags); i++) {
		if (wire & p9s_open_flags[i].wire)
			flags |= p9s_open_flags[i].flag;
	}
	return flags;
}

static bool p9s_open_writes(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY;
}

static int p9s_open_type(const struct inode *inode, int flags)
{
	switch (inode->i_mode & S_IFMT) {
	case S_IFREG:
		return flags & O_DIRECTORY ? -ENOTDIR : 0;
	case S_IFDIR:
		return p9s_open_writes(flags) ? -EISDIR : 0;
	case S_IFLNK:
		return -ELOOP;
	default:
		return -ENXIO;
	}
}

/* What open(2) checks and dentry_open() leaves to its caller */
static int p9s_open_may(const struct path *path, int flags)
{
	struct inode *inode = d_inode(path->dentry);
	int mask = MAY_OPEN;
	int err;

	err = p9s_open_type(inode, flags);
	if (err)
		return err;
	if ((flags & O_ACCMODE) != O_WRONLY)
		mask |= MAY_READ;
	if (p9s_open_writes(flags))
		mask |= MAY_WRITE;
	err = path_permission(path, mask);
	if (err)
		return err;
	if (IS_APPEND(inode) && p9s_open_writes(flags) && !(flags & O_APPEND))
		return -EPERM;
	if ((flags & O_NOATIME) &&
	    !inode_owner_or_capable(mnt_idmap(path->mnt), inode))
		return -EPERM;
	return 0;
}

/* Open what is there */
static struct file *p9s_open_existing(const struct path *path, u32 wire,
				      int flags)
{
	int err;

	err = p9s_open_may(path, flags);
	if (err)
		return ERR_PTR(err);
	if ((wire & P9_DOTL_TRUNC) && d_is_reg(path->dentry)) {
		err = vfs_truncate(path, 0);
		if (err)
			return ERR_PTR(err);
	}
	return dentry_open(path, flags, current_cred());
}

/* Past this side's cache as well, if the file system can do that */
static void p9s_open_direct(struct file *file, u32 wire)
{
	if (!(wire & P9_DOTL_DIRECT) || !(file->f_mode & FMODE_CAN_ODIRECT))
		return;
	/* As fcntl() does it, but nobody else has the file yet */
	file->f_flags |= O_DIRECT;
	file->f_iocb_flags = iocb_flags(file);
}

static bool p9s_open_changes(u32 wire, int flags)
{
	return p9s_open_writes(flags) || (wire & P9_DOTL_TRUNC);
}

/* Open the fid's file; its lock is held and an open file was counted */
static int p9s_open_fid(struct p9s_request *rq, u32 wire, int flags)
{
	struct p9s_fid *fid = rq->fid;
	struct file *file;

	if (fid->file || fid->xattr)
		return -EBUSY;
	file = p9s_open_existing(&fid->path, wire, flags);
	if (IS_ERR(file))
		return PTR_ERR(file);
	p9s_open_direct(file, wire);
	/* Not what only a file's owner may ask for: nothing is to change */
	if (rq->session->export.readonly)
		file->f_flags |= O_NOATIME;
	p9s_fid_set_file(fid, file);
	return 0;
}

/* What both ways to open a file answer: no size of I/O is better than msize */
static int p9s_open_reply(struct p9s_request *rq, const struct path *path)
{
	int err = p9s_ops_put_qid(rq, path);

	p9s_put_u32(&rq->out, 0);
	return err;
}

/**
 * p9s_op_lopen - Tlopen: open what the fid is on
 * @rq: the request
 *
 * Context and return: see ops.h.
 */
int p9s_op_lopen(struct p9s_request *rq)
{
	struct p9s_fid *fid = rq->fid;
	u32 wire = rq->msg.lopen.flags;
	int flags = p9s_open_from_wire(wire);
	int err;

	if (flags < 0)
		return flags;
	if (rq->session->export.readonly && p9s_open_changes(wire, flags))
		return -EROFS;
	err = p9s_fid_reserve_open(fid->table);
	if (err)
		return err;
	mutex_lock(&fid->lock);
	err = p9s_open_fid(rq, wire, flags);
	mutex_unlock(&fid->lock);
	if (err)
		p9s_fid_release_open(fid->table);
	else
		err = p9s_open_reply(rq, &fid->path);
	return err;
}

/*
 * Make a file that is not there and open it, before anybody else can put
 * something else there. The child that is to be unlocked comes back in @path.
 */
static struct file *p9s_create_new(struct p9s_request *rq, struct path *path,
				   int flags)
{
	const struct p9s_tlcreate *msg = &rq->msg.lcreate;
	umode_t mode = msg->mode & S_IALLUGO;
	const struct cred *cred;
	const struct cred *old;
	struct file *file;

	cred = p9s_identity_create_cred(rq->fid->identity, msg->gid);
	if (!cred)
		return ERR_PTR(-ENOMEM);
	old = override_creds(cred);
	file = dentry_create(path, flags | O_CREAT | O_EXCL, mode | S_IFREG,
			     rq->fid->identity->cred);
	revert_creds(old);
	put_cred(cred);
	return file;
}

/*
 * Make a file in a directory that nobody else may have delegated to him: that
 * is seen to first, since dentry_create() would just fail.
 */
static struct file *p9s_create_locked(struct p9s_request *rq,
				      struct path *path, int flags,
				      struct delegated_inode *delegated)
{
	struct inode *dir = d_inode(path->dentry->d_parent);
	int err;

	if (d_is_positive(path->dentry))
		return ERR_PTR(-EEXIST);
	err = try_break_deleg(dir, LEASE_BREAK_DIR_CREATE, delegated);
	if (err)
		return ERR_PTR(err);
	return p9s_create_new(rq, path, flags);
}

/* Make a file by its name; @path goes from its directory to the file */
static struct file *p9s_create_at(struct p9s_request *rq, struct path *path,
				  int flags, struct delegated_inode *delegated)
{
	const struct p9s_tlcreate *msg = &rq->msg.lcreate;
	struct dentry *child;
	struct path place;
	struct file *file;

	child = start_creating(mnt_idmap(path->mnt), path->dentry,
			       &QSTR_LEN(msg->name.ptr, msg->name.len));
	if (IS_ERR(child))
		return ERR_CAST(child);
	place = (struct path) { .mnt = path->mnt, .dentry = child };
	file = p9s_create_locked(rq, &place, flags, delegated);
	if (!IS_ERR(file)) {
		dput(path->dentry);
		path->dentry = dget(file->f_path.dentry);
	}
	end_creating(place.dentry);
	return file;
}

/* A file that is there already will do, unless the client wants a new one */
static struct file *p9s_create_existing(struct p9s_request *rq,
					struct path *path, int flags)
{
	const struct p9s_tlcreate *msg = &rq->msg.lcreate;
	int err;

	if (msg->flags & P9_DOTL_EXCL)
		return ERR_PTR(-EEXIST);
	err = p9s_walk_one(rq, path, &msg->name);
	if (err)
		return ERR_PTR(err);
	if (d_is_dir(path->dentry))
		return ERR_PTR(-EISDIR);
	return p9s_open_existing(path, msg->flags, flags);
}

static struct file *p9s_create_open(struct p9s_request *rq, struct path *path,
				    int flags)
{
	struct delegated_inode delegated = { };
	struct file *file;
	int err;

	if (!d_can_lookup(path->dentry))
		return ERR_PTR(-ENOTDIR);
	err = mnt_want_write(path->mnt);
	if (err)
		return ERR_PTR(err);
	do {
		file = p9s_create_at(rq, path, flags, &delegated);
		err = PTR_ERR_OR_ZERO(file);
	} while (p9s_ops_deleg_broken(&delegated, &err));
	mnt_drop_write(path->mnt);
	if (file == ERR_PTR(-EEXIST))
		return p9s_create_existing(rq, path, flags);
	return err ? ERR_PTR(err) : file;
}

/* The fid of the directory becomes that of the file */
static int p9s_create_fid(struct p9s_request *rq, const struct path *path,
			  struct file *file)
{
	struct p9s_fid *fid;
	int err;

	fid = p9s_fid_alloc(rq->fid->table, rq->fid->id, path,
			    rq->fid->identity);
	if (!fid) {
		__fput_sync(file);
		p9s_fid_release_open(rq->fid->table);
		return -ENOMEM;
	}
	p9s_open_direct(file, rq->msg.lcreate.flags);
	p9s_fid_set_file(fid, file);
	err = p9s_open_reply(rq, path);
	if (!err)
		err = p9s_fid_replace(rq->fid, fid);
	p9s_fid_put(fid);
	return err;
}

/**
 * p9s_op_lcreate - Tlcreate: make a file in the fid's directory and open it
 * @rq: the request
 *
 * Context and return: see ops.h.
 */
int p9s_op_lcreate(struct p9s_request *rq)
{
	int flags = p9s_open_from_wire(rq->msg.lcreate.flags);
	struct path path = rq->fid->path;
	struct file *file;
	int err;

	if (flags < 0)
		return flags;
	if (p9s_fid_file(rq->fid))
		return -EBUSY;
	err = p9s_fid_reserve_open(rq->fid->table);
	if (err)
		return err;
	path_get(&path);
	file = p9s_create_open(rq, &path, flags & ~O_DIRECTORY);
	if (IS_ERR(file)) {
		err = PTR_ERR(file);
		p9s_fid_release_open(rq->fid->table);
	} else {
		err = p9s_create_fid(rq, &path, file);
	}
	path_put(&path);
	return err;
}

/**
 * p9s_op_clunk - Tclunk: forget the fid, close its file, set its xattr
 * @rq: the request
 *
 * Context and return: see ops.h. The file is closed when the request gives
 * its reference back, before the reply is sent. The fid is gone even if the
 * xattr could not be set.
 */
int p9s_op_clunk(struct p9s_request *rq)
{
	if (!p9s_fid_remove(rq->fid))
		return -EBADF;
	return p9s_xattr_commit(rq->fid);
}
