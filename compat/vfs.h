/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The VFS of kernels before 7.0, seen as today's: there a caller locked the
 * directory himself before he looked up a name to create, remove or rename,
 * and only some of the changes gave delegations back.
 */
#ifndef COMPAT_VFS_H
#define COMPAT_VFS_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)

#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/filelock.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/namei.h>

#ifndef QSTR_LEN
#define QSTR_LEN(n, l) ((struct qstr)QSTR_INIT(n, l))
#endif

struct delegated_inode {
	struct inode *di_inode;
};

static inline bool is_delegated(struct delegated_inode *di)
{
	return di->di_inode;
}

static inline int compat_break_deleg_wait(struct delegated_inode *di)
{
	return break_deleg_wait(&di->di_inode);
}

#define break_deleg_wait compat_break_deleg_wait

/* Directories cannot be delegated there, and files are by what changes them */
#define LEASE_BREAK_DIR_CREATE	0

static inline int compat_try_break_deleg(struct inode *inode,
					 unsigned int flags,
					 struct delegated_inode *di)
{
	return 0;
}

#define try_break_deleg compat_try_break_deleg

static inline struct dentry *
compat_lookup_one_positive_unlocked(struct mnt_idmap *idmap, struct qstr *name,
				    struct dentry *base)
{
	return lookup_one_positive_unlocked(idmap, name->name, base,
					    name->len);
}

#define lookup_one_positive_unlocked compat_lookup_one_positive_unlocked

/* The caller's directory need not be locked there either */
#define try_lookup_noperm(name, base)	d_hash_and_lookup(base, name)

static inline struct dentry *start_creating(struct mnt_idmap *idmap,
					    struct dentry *parent,
					    struct qstr *name)
{
	struct dentry *child;

	inode_lock_nested(d_inode(parent), I_MUTEX_PARENT);
	child = lookup_one(idmap, name->name, parent, name->len);
	if (IS_ERR(child))
		inode_unlock(d_inode(parent));
	return child;
}

static inline void end_creating(struct dentry *child)
{
	if (IS_ERR(child))
		return;
	inode_unlock(d_inode(child->d_parent));
	dput(child);
}

#define end_removing end_creating

static inline struct dentry *start_removing(struct mnt_idmap *idmap,
					    struct dentry *parent,
					    struct qstr *name)
{
	struct dentry *child = start_creating(idmap, parent, name);

	if (IS_ERR(child) || d_is_positive(child))
		return child;
	end_removing(child);
	return ERR_PTR(-ENOENT);
}

static inline struct dentry *start_removing_dentry(struct dentry *parent,
						   struct dentry *child)
{
	inode_lock_nested(d_inode(parent), I_MUTEX_PARENT);
	if (!IS_DEADDIR(d_inode(parent)) && child->d_parent == parent &&
	    !d_unhashed(child) && d_is_positive(child))
		return dget(child);
	inode_unlock(d_inode(parent));
	return ERR_PTR(-EINVAL);
}

static inline int compat_vfs_create(struct mnt_idmap *idmap,
				    struct dentry *dentry, umode_t mode,
				    struct delegated_inode *di)
{
	return vfs_create(idmap, d_inode(dentry->d_parent), dentry, mode, true);
}

#define vfs_create compat_vfs_create

static inline struct dentry *compat_vfs_mkdir(struct mnt_idmap *idmap,
					      struct inode *dir,
					      struct dentry *dentry,
					      umode_t mode,
					      struct delegated_inode *di)
{
	int err = vfs_mkdir(idmap, dir, dentry, mode);

	if (!err)
		return dentry;
	end_creating(dentry);
	return ERR_PTR(err);
}

#define vfs_mkdir compat_vfs_mkdir

static inline int compat_vfs_mknod(struct mnt_idmap *idmap, struct inode *dir,
				   struct dentry *dentry, umode_t mode,
				   dev_t dev, struct delegated_inode *di)
{
	return vfs_mknod(idmap, dir, dentry, mode, dev);
}

#define vfs_mknod compat_vfs_mknod

static inline int compat_vfs_symlink(struct mnt_idmap *idmap,
				     struct inode *dir, struct dentry *dentry,
				     const char *target,
				     struct delegated_inode *di)
{
	return vfs_symlink(idmap, dir, dentry, target);
}

#define vfs_symlink compat_vfs_symlink

static inline int compat_vfs_rmdir(struct mnt_idmap *idmap, struct inode *dir,
				   struct dentry *dentry,
				   struct delegated_inode *di)
{
	return vfs_rmdir(idmap, dir, dentry);
}

#define vfs_rmdir compat_vfs_rmdir

static inline int compat_vfs_link(struct dentry *old, struct mnt_idmap *idmap,
				  struct inode *dir, struct dentry *dentry,
				  struct delegated_inode *di)
{
	return vfs_link(old, idmap, dir, dentry, &di->di_inode);
}

#define vfs_link compat_vfs_link

static inline int compat_vfs_unlink(struct mnt_idmap *idmap, struct inode *dir,
				    struct dentry *dentry,
				    struct delegated_inode *di)
{
	return vfs_unlink(idmap, dir, dentry, &di->di_inode);
}

#define vfs_unlink compat_vfs_unlink

static inline int compat_notify_change(struct mnt_idmap *idmap,
				       struct dentry *dentry,
				       struct iattr *attr,
				       struct delegated_inode *di)
{
	return notify_change(idmap, dentry, attr, di ? &di->di_inode : NULL);
}

#define notify_change compat_notify_change

struct compat_renamedata {
	struct mnt_idmap *mnt_idmap;
	struct dentry *old_parent;
	struct dentry *old_dentry;
	struct dentry *new_parent;
	struct dentry *new_dentry;
	struct delegated_inode *delegated_inode;
	unsigned int flags;
};

/* Look the target up in directories that are locked, @trap as that said */
static inline int compat_rename_target(struct compat_renamedata *rd,
				       struct dentry *trap,
				       struct qstr *new_last)
{
	struct dentry *target;

	if (rd->old_dentry == trap)
		return -EINVAL;
	target = lookup_one(rd->mnt_idmap, new_last->name, rd->new_parent,
			    new_last->len);
	if (IS_ERR(target))
		return PTR_ERR(target);
	if (target == trap) {
		dput(target);
		return -ENOTEMPTY;
	}
	rd->new_dentry = target;
	return 0;
}

static inline int start_renaming(struct compat_renamedata *rd, int lookup_flags,
				 struct qstr *old_last, struct qstr *new_last)
{
	struct dentry *trap = lock_rename(rd->old_parent, rd->new_parent);
	struct dentry *source;
	int err;

	if (IS_ERR(trap))
		return PTR_ERR(trap);
	source = lookup_one(rd->mnt_idmap, old_last->name, rd->old_parent,
			    old_last->len);
	err = PTR_ERR_OR_ZERO(source);
	if (err)
		goto unlock;
	err = -ENOENT;
	if (d_is_negative(source))
		goto put;
	rd->old_dentry = source;
	err = compat_rename_target(rd, trap, new_last);
	if (err)
		goto put;
	dget(rd->old_parent);
	return 0;

put:
	dput(source);
unlock:
	unlock_rename(rd->old_parent, rd->new_parent);
	return err;
}

static inline int start_renaming_dentry(struct compat_renamedata *rd,
					int lookup_flags,
					struct dentry *source,
					struct qstr *new_last)
{
	struct dentry *trap = lock_rename_child(source, rd->new_parent);
	int err = -EINVAL;

	if (IS_ERR(trap))
		return PTR_ERR(trap);
	if (d_unhashed(source) ||
	    (rd->old_parent && rd->old_parent != source->d_parent))
		goto unlock;
	rd->old_dentry = source;
	err = compat_rename_target(rd, trap, new_last);
	if (err)
		goto unlock;
	dget(source);
	rd->old_parent = dget(source->d_parent);
	return 0;

unlock:
	unlock_rename(source->d_parent, rd->new_parent);
	return err;
}

static inline void end_renaming(struct compat_renamedata *rd)
{
	unlock_rename(rd->old_parent, rd->new_parent);
	dput(rd->old_dentry);
	dput(rd->new_dentry);
	dput(rd->old_parent);
}

static inline int compat_vfs_rename(struct compat_renamedata *rd)
{
	struct renamedata old = {
		.old_mnt_idmap = rd->mnt_idmap,
		.old_dir = d_inode(rd->old_parent),
		.old_dentry = rd->old_dentry,
		.new_mnt_idmap = rd->mnt_idmap,
		.new_dir = d_inode(rd->new_parent),
		.new_dentry = rd->new_dentry,
		.delegated_inode = &rd->delegated_inode->di_inode,
		.flags = rd->flags,
	};

	return vfs_rename(&old);
}

#define renamedata compat_renamedata
#define vfs_rename compat_vfs_rename

#endif /* before 7.0 */

#endif /* COMPAT_VFS_H */
