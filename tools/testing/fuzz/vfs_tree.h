/* SPDX-License-Identifier: GPL-2.0 */
/* What the two halves of the filesystem share: the tree, and what changes it */
#ifndef FUZZ_VFS_TREE_H
#define FUZZ_VFS_TREE_H

#include "vfs.h"

extern const struct inode_operations vfs_magic;
extern const struct inode_operations vfs_remote;

struct inode *inode_new(umode_t mode);
struct dentry *dentry_new(struct dentry *parent, const struct qstr *name);
void dentry_fill(struct dentry *dentry, struct inode *inode);
void dentry_drop(struct dentry *dentry);
void dentry_move(struct dentry *dentry, struct dentry *parent,
		 const struct dentry *name);
struct dentry *dentry_find(struct dentry *dir, const struct qstr *name);
bool dentry_is_exported(const struct dentry *dentry);
bool vfs_is_written(void);
void inode_free_locks(struct inode *inode);
void inode_free_xattrs(struct inode *inode);
void file_has_no_locks(const struct file *file);

#endif /* FUZZ_VFS_TREE_H */
