// SPDX-License-Identifier: GPL-2.0
/* Attributes of files and of their filesystems */
#include <linux/cred.h>
#include <linux/errno.h>
#include <linux/filelock.h>
#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/limits.h>
#include <linux/mount.h>
#include <linux/path.h>
#include <linux/stat.h>
#include <linux/statfs.h>
#include <linux/time64.h>
#include <linux/uidgid.h>
#include <net/9p/9p.h>

#include "fid.h"
#include "identity.h"
#include "ops.h"
#include "qid.h"
#include "request.h"
#include "session.h"

/* What Tsetattr says is to be changed */
#define P9S_ATTR_MODE		BIT(0)
#define P9S_ATTR_UID		BIT(1)
#define P9S_ATTR_GID		BIT(2)
#define P9S_ATTR_SIZE		BIT(3)
#define P9S_ATTR_ATIME		BIT(4)
#define P9S_ATTR_MTIME		BIT(5)
#define P9S_ATTR_CTIME		BIT(6)
#define P9S_ATTR_ATIME_SET	BIT(7)
#define P9S_ATTR_MTIME_SET	BIT(8)
#define P9S_ATTR_ALL		(BIT(9) - 1)

static u64 p9s_getattr_valid(const struct kstat *stat)
{
	u64 valid = P9_STATS_BASIC;

	if (stat->result_mask & STATX_BTIME)
		valid |= P9_STATS_BTIME;
	if (stat->result_mask & STATX_CHANGE_COOKIE)
		valid |= P9_STATS_DATA_VERSION;
	return valid;
}

/* The wire has what userspace knows as makedev() */
static u64 p9s_getattr_rdev(dev_t dev)
{
	return new_encode_dev(dev);
}

static void p9s_put_stat(struct p9s_buf *out, const struct kstat *stat)
{
	p9s_put_u32(out, stat->mode);
	p9s_put_u32(out, from_kuid_munged(&init_user_ns, stat->uid));
	p9s_put_u32(out, from_kgid_munged(&init_user_ns, stat->gid));
	p9s_put_u64(out, stat->nlink);
	p9s_put_u64(out, p9s_getattr_rdev(stat->rdev));
	p9s_put_u64(out, stat->size);
	p9s_put_u64(out, stat->blksize);
	p9s_put_u64(out, stat->blocks);
	p9s_put_time(out, stat->atime.tv_sec, stat->atime.tv_nsec);
	p9s_put_time(out, stat->mtime.tv_sec, stat->mtime.tv_nsec);
	p9s_put_time(out, stat->ctime.tv_sec, stat->ctime.tv_nsec);
	p9s_put_time(out, stat->btime.tv_sec, stat->btime.tv_nsec);
}

/**
 * p9s_op_getattr - Tgetattr: the attributes of what the fid is on
 * @rq: the request
 *
 * All that there is gets sent, and what of it is asked for and true is marked
 * valid. An inode's generation is the filesystem's secret, it makes the file
 * handles of NFS hard to guess, and is not told.
 *
 * Context and return: see ops.h.
 */
int p9s_op_getattr(struct p9s_request *rq)
{
	struct p9s_buf *out = &rq->out;
	struct p9s_qid qid;
	struct kstat stat;
	int err;

	err = vfs_getattr(&rq->fid->path, &stat,
			  STATX_BASIC_STATS | STATX_BTIME | P9S_QID_MASK,
			  AT_STATX_SYNC_AS_STAT);
	if (err)
		return err;
	err = p9s_qid_from_stat(&rq->session->devices, &stat, &qid);
	if (err)
		return err;
	p9s_put_u64(out, rq->msg.getattr.mask & p9s_getattr_valid(&stat));
	p9s_put_qid(out, &qid);
	p9s_put_stat(out, &stat);
	p9s_put_u64(out, 0);
	p9s_put_u64(out, stat.result_mask & STATX_CHANGE_COOKIE ?
		    stat.change_cookie : 0);
	return 0;
}

static int p9s_setattr_time(const struct p9s_time *from, struct timespec64 *to)
{
	if (from->nsec >= NSEC_PER_SEC)
		return -EINVAL;
	to->tv_sec = from->sec;
	to->tv_nsec = from->nsec;
	return 0;
}

static int p9s_setattr_owner(const struct p9s_tsetattr *msg,
			     struct iattr *attr)
{
	kuid_t uid = make_kuid(&init_user_ns, msg->uid);
	kgid_t gid = make_kgid(&init_user_ns, msg->gid);

	if (msg->valid & P9S_ATTR_UID) {
		if (!uid_valid(uid))
			return -EINVAL;
		attr->ia_valid |= ATTR_UID;
		attr->ia_vfsuid = VFSUIDT_INIT(uid);
	}
	if (msg->valid & P9S_ATTR_GID) {
		if (!gid_valid(gid))
			return -EINVAL;
		attr->ia_valid |= ATTR_GID;
		attr->ia_vfsgid = VFSGIDT_INIT(gid);
	}
	return 0;
}

static int p9s_setattr_times(const struct p9s_tsetattr *msg,
			     struct iattr *attr)
{
	int err = 0;

	if (msg->valid & P9S_ATTR_ATIME)
		attr->ia_valid |= ATTR_ATIME;
	if (msg->valid & P9S_ATTR_MTIME)
		attr->ia_valid |= ATTR_MTIME;
	if (msg->valid & P9S_ATTR_CTIME)
		attr->ia_valid |= ATTR_CTIME;
	if ((attr->ia_valid & ATTR_ATIME) &&
	    (msg->valid & P9S_ATTR_ATIME_SET)) {
		attr->ia_valid |= ATTR_ATIME_SET;
		err = p9s_setattr_time(&msg->atime, &attr->ia_atime);
	}
	if (!err && (attr->ia_valid & ATTR_MTIME) &&
	    (msg->valid & P9S_ATTR_MTIME_SET)) {
		attr->ia_valid |= ATTR_MTIME_SET;
		err = p9s_setattr_time(&msg->mtime, &attr->ia_mtime);
	}
	/* To set a time to now takes the right to write, not to own */
	if ((attr->ia_valid & (ATTR_ATIME | ATTR_MTIME)) &&
	    !(attr->ia_valid & (ATTR_ATIME_SET | ATTR_MTIME_SET)))
		attr->ia_valid |= ATTR_TOUCH;
	return err;
}

/* What is to be changed, all but the size */
static int p9s_setattr_decode(const struct p9s_tsetattr *msg,
			      struct iattr *attr)
{
	int err;

	err = p9s_setattr_owner(msg, attr);
	if (err)
		return err;
	if (msg->valid & P9S_ATTR_MODE) {
		attr->ia_valid |= ATTR_MODE;
		attr->ia_mode = msg->mode & S_IALLUGO;
	}
	return p9s_setattr_times(msg, attr);
}

/* A file that changes hands loses its setuid bit, unless the client said how */
static unsigned int p9s_setattr_kill(struct mnt_idmap *idmap,
				     struct inode *inode, unsigned int valid)
{
	if (!(valid & (ATTR_UID | ATTR_GID)) || S_ISDIR(inode->i_mode))
		return 0;
	if (valid & ATTR_MODE)
		return ATTR_KILL_PRIV;
	return ATTR_KILL_PRIV | ATTR_KILL_SUID |
	       setattr_should_drop_sgid(idmap, inode);
}

static int p9s_setattr_change(const struct path *path,
			      const struct iattr *attr)
{
	struct mnt_idmap *idmap = mnt_idmap(path->mnt);
	struct inode *inode = d_inode(path->dentry);
	struct delegated_inode delegated = { };
	struct iattr change;
	int err;

	err = mnt_want_write(path->mnt);
	if (err)
		return err;
	do {
		change = *attr;
		inode_lock(inode);
		if (change.ia_valid & ATTR_MODE)
			change.ia_mode |= inode->i_mode & S_IFMT;
		change.ia_valid |= p9s_setattr_kill(idmap, inode,
						    change.ia_valid);
		err = notify_change(idmap, path->dentry, &change, &delegated);
		inode_unlock(inode);
	} while (p9s_ops_deleg_broken(&delegated, &err));
	mnt_drop_write(path->mnt);
	return err;
}

/*
 * Change attributes with the right to keep the setgid bit: the client's kernel
 * knows the groups of its users, and has decided.
 */
static int p9s_setattr_as(struct p9s_request *rq, const struct iattr *attr)
{
	const struct cred *cred;
	const struct cred *old;
	int err;

	cred = p9s_identity_create_cred(rq->fid->identity, ~0U);
	if (!cred)
		return -ENOMEM;
	old = override_creds(cred);
	err = p9s_setattr_change(&rq->fid->path, attr);
	revert_creds(old);
	put_cred(cred);
	return err;
}

/* Set the size through a file that was opened to write: that right was given */
static int p9s_setattr_file_size(struct file *file, loff_t size)
{
	struct mnt_idmap *idmap = file_mnt_idmap(file);
	struct dentry *dentry = file->f_path.dentry;
	struct inode *inode = d_inode(dentry);
	struct iattr attr = {
		.ia_valid = ATTR_SIZE | ATTR_MTIME | ATTR_CTIME | ATTR_FILE,
		.ia_size = size,
		.ia_file = file,
	};
	int kill;
	int err;

	if (IS_APPEND(inode))
		return -EPERM;
	err = mnt_want_write_file(file);
	if (err)
		return err;
	inode_lock(inode);
	kill = setattr_should_drop_suidgid(idmap, inode);
	attr.ia_valid |= kill | ATTR_KILL_PRIV | ATTR_FORCE;
	/* Nobody has a delegation of a file that is open for writing */
	err = notify_change(idmap, dentry, &attr, NULL);
	inode_unlock(inode);
	mnt_drop_write_file(file);
	return err;
}

static int p9s_setattr_size(struct p9s_fid *fid, u64 size)
{
	struct file *file = p9s_fid_file(fid);

	if (size > S64_MAX)
		return -EINVAL;
	if (file && (file->f_mode & FMODE_WRITE))
		return p9s_setattr_file_size(file, size);
	return vfs_truncate(&fid->path, size);
}

/**
 * p9s_op_setattr - Tsetattr: change the attributes of what the fid is on
 * @rq: the request
 *
 * Context and return: see ops.h.
 */
int p9s_op_setattr(struct p9s_request *rq)
{
	const struct p9s_tsetattr *msg = &rq->msg.setattr;
	struct iattr attr = { };
	int err;

	if (msg->valid & ~P9S_ATTR_ALL)
		return -EINVAL;
	err = p9s_setattr_decode(msg, &attr);
	if (err)
		return err;
	if (msg->valid & P9S_ATTR_SIZE) {
		err = p9s_setattr_size(rq->fid, msg->size);
		if (err)
			return err;
	}
	if (!attr.ia_valid)
		return 0;
	return p9s_setattr_as(rq, &attr);
}

/**
 * p9s_op_statfs - Tstatfs: the filesystem that the fid is on
 * @rq: the request
 *
 * Context and return: see ops.h.
 */
int p9s_op_statfs(struct p9s_request *rq)
{
	struct p9s_buf *out = &rq->out;
	struct kstatfs st;
	int err;

	err = vfs_statfs(&rq->fid->path, &st);
	if (err)
		return err;
	p9s_put_u32(out, st.f_type);
	p9s_put_u32(out, st.f_bsize);
	p9s_put_u64(out, st.f_blocks);
	p9s_put_u64(out, st.f_bfree);
	p9s_put_u64(out, st.f_bavail);
	p9s_put_u64(out, st.f_files);
	p9s_put_u64(out, st.f_ffree);
	p9s_put_u64(out, (u32)st.f_fsid.val[0] | (u64)st.f_fsid.val[1] << 32);
	p9s_put_u32(out, st.f_namelen);
	return 0;
}
