// SPDX-License-Identifier: GPL-2.0
/* The filesystem of vfs.h: what is done to names and to files. */
#include <dirent.h>

#include "kernel.h"
#include "vfs_tree.h"

/* A file has no more bytes than this */
#define MAX_SIZE	16384

struct dentry *lookup_one_positive_unlocked(struct mnt_idmap *idmap,
					    const struct qstr *name,
					    struct dentry *dir)
{
	struct dentry *child;

	(void)idmap;
	fuzz_must(d_is_dir(dir), "lookup: not in a directory");
	fuzz_must(dentry_is_exported(dir), "lookup: outside of the export");
	if (vfs_fails())
		return ERR_PTR(-EACCES);
	child = dentry_find(dir, name);
	return child ?: ERR_PTR(-ENOENT);
}

struct dentry *try_lookup_noperm(const struct qstr *name, struct dentry *dir)
{
	fuzz_must(d_is_dir(dir), "try_lookup_noperm: not in a directory");
	return vfs_fails() ? NULL : dentry_find(dir, name);
}

static bool is_dot(const struct qstr *name)
{
	return name->len <= 2 && !memcmp(name->name, "..", name->len);
}

struct dentry *start_creating(struct mnt_idmap *idmap, struct dentry *dir,
			      const struct qstr *name)
{
	struct dentry *child;

	(void)idmap;
	fuzz_must(d_is_dir(dir), "start_creating: not in a directory");
	fuzz_must(dentry_is_exported(dir), "start_creating: outside of the export");
	if (is_dot(name) || vfs_fails())
		return ERR_PTR(-EACCES);
	inode_lock(dir->inode);
	child = dentry_find(dir, name);
	return child ?: dentry_new(dir, name);
}

void end_creating(struct dentry *child)
{
	inode_unlock(child->d_parent->inode);
	dput(child);
}

struct dentry *start_removing(struct mnt_idmap *idmap, struct dentry *dir,
			      const struct qstr *name)
{
	struct dentry *child;

	(void)idmap;
	fuzz_must(d_is_dir(dir), "start_removing: not in a directory");
	fuzz_must(dentry_is_exported(dir), "start_removing: outside of the export");
	if (is_dot(name) || vfs_fails())
		return ERR_PTR(-EACCES);
	inode_lock(dir->inode);
	child = dentry_find(dir, name);
	if (child)
		return child;
	inode_unlock(dir->inode);
	return ERR_PTR(-ENOENT);
}

struct dentry *start_removing_dentry(struct dentry *dir, struct dentry *child)
{
	inode_lock(dir->inode);
	if (!child->hashed || child->d_parent != dir) {
		inode_unlock(dir->inode);
		return ERR_PTR(-EINVAL);
	}
	return dget(child);
}

void end_removing(struct dentry *child)
{
	end_creating(child);
}

static void lock_both(const struct renamedata *rd)
{
	fuzz_must(dentry_is_exported(rd->old_parent) &&
		  dentry_is_exported(rd->new_parent),
		  "renaming: outside of the export");
	inode_lock(rd->old_parent->inode);
	if (rd->new_parent != rd->old_parent)
		inode_lock(rd->new_parent->inode);
}

static void unlock_both(const struct renamedata *rd)
{
	inode_unlock(rd->old_parent->inode);
	if (rd->new_parent != rd->old_parent)
		inode_unlock(rd->new_parent->inode);
}

/* With both directories locked and the old dentry held */
static int find_target(struct renamedata *rd, const struct qstr *to)
{
	int err = 0;

	if (is_subdir(rd->new_parent, rd->old_dentry))
		err = -EINVAL;
	rd->new_dentry = dentry_find(rd->new_parent, to);
	if (!err && rd->new_dentry &&
	    is_subdir(rd->old_parent, rd->new_dentry))
		err = -ENOTEMPTY;
	if (!rd->new_dentry)
		rd->new_dentry = dentry_new(rd->new_parent, to);
	if (err) {
		dput(rd->new_dentry);
		dput(rd->old_dentry);
		unlock_both(rd);
	}
	return err;
}

int start_renaming(struct renamedata *rd, int flags, const struct qstr *from,
		   const struct qstr *to)
{
	(void)flags;
	if (is_dot(from) || is_dot(to))
		return -EACCES;
	lock_both(rd);
	rd->old_dentry = dentry_find(rd->old_parent, from);
	if (rd->old_dentry)
		return find_target(rd, to);
	unlock_both(rd);
	return -ENOENT;
}

int start_renaming_dentry(struct renamedata *rd, int flags,
			  struct dentry *dentry, const struct qstr *to)
{
	(void)flags;
	if (is_dot(to))
		return -EACCES;
	lock_both(rd);
	if (!dentry->hashed || dentry->d_parent != rd->old_parent) {
		unlock_both(rd);
		return -EINVAL;
	}
	rd->old_dentry = dget(dentry);
	return find_target(rd, to);
}

/* The directories are those of rd: a dentry may have moved between them */
void end_renaming(struct renamedata *rd)
{
	unlock_both(rd);
	dput(rd->old_dentry);
	dput(rd->new_dentry);
}

/* A new inode at @child, whose directory is locked */
static int make(struct dentry *child, umode_t mode, const char *data)
{
	struct inode *inode;

	fuzz_must(child->d_parent->inode->locked, "making: not locked");
	fuzz_must(!child->inode, "making: there is something");
	if (!child->d_parent->hashed)
		return -ENOENT;
	if (vfs_fails())
		return -ENOSPC;
	inode = inode_new(mode);
	if (data) {
		inode->data = strdup(data);
		inode->size = strlen(data);
	}
	dentry_fill(child, inode);
	return 0;
}

struct dentry *vfs_mkdir(struct mnt_idmap *idmap, struct inode *dir,
			 struct dentry *child, umode_t mode,
			 struct delegated_inode *delegated)
{
	int err = make(child, S_IFDIR | mode, NULL);

	(void)idmap;
	(void)dir;
	(void)delegated;
	if (!err)
		return child;
	end_creating(child);
	return ERR_PTR(err);
}

int vfs_create(struct mnt_idmap *idmap, struct dentry *child, umode_t mode,
	       struct delegated_inode *delegated)
{
	(void)idmap;
	(void)delegated;
	return make(child, S_IFREG | mode, NULL);
}

int vfs_mknod(struct mnt_idmap *idmap, struct inode *dir, struct dentry *child,
	      umode_t mode, dev_t dev, struct delegated_inode *delegated)
{
	(void)idmap;
	(void)dir;
	(void)delegated;
	if (S_ISCHR(mode) || S_ISBLK(mode)) {
		fuzz_must(vfs_devices, "a device is made");
		fuzz_must(current_cred()->cap_effective & 1ULL << CAP_MKNOD ||
			  !uid_eq(current_cred()->fsuid, GLOBAL_ROOT_UID),
			  "root may not make devices");
	} else {
		fuzz_must(!dev, "a device's number for what is none");
	}
	return make(child, mode, NULL);
}

int vfs_symlink(struct mnt_idmap *idmap, struct inode *dir,
		struct dentry *child, const char *target,
		struct delegated_inode *delegated)
{
	(void)idmap;
	(void)dir;
	(void)delegated;
	return make(child, S_IFLNK | 0777, target);
}

int vfs_link(struct dentry *old, struct mnt_idmap *idmap, struct inode *dir,
	     struct dentry *child, struct delegated_inode *delegated)
{
	(void)idmap;
	(void)dir;
	(void)delegated;
	fuzz_must(child->d_parent->inode->locked, "vfs_link: not locked");
	if (S_ISDIR(old->inode->i_mode))
		return -EPERM;
	if (!old->inode->nlink || !child->d_parent->hashed || vfs_fails())
		return -ENOENT;
	ihold(old->inode);
	dentry_fill(child, old->inode);
	return 0;
}

int vfs_unlink(struct mnt_idmap *idmap, struct inode *dir,
	       struct dentry *child, struct delegated_inode *delegated)
{
	(void)idmap;
	(void)delegated;
	fuzz_must(dir->locked, "vfs_unlink: not locked");
	if (d_is_dir(child))
		return -EISDIR;
	if (vfs_fails())
		return -EPERM;
	dentry_drop(child);
	return 0;
}

static bool is_empty(const struct dentry *dir)
{
	const struct dentry *child;

	for (child = dir->children; child; child = child->next) {
		if (child->hashed)
			return false;
	}
	return true;
}

int vfs_rmdir(struct mnt_idmap *idmap, struct inode *dir, struct dentry *child,
	      struct delegated_inode *delegated)
{
	(void)idmap;
	(void)delegated;
	fuzz_must(dir->locked, "vfs_rmdir: not locked");
	if (!d_is_dir(child))
		return -ENOTDIR;
	if (!is_empty(child))
		return -ENOTEMPTY;
	dentry_drop(child);
	return 0;
}

int vfs_rename(struct renamedata *rd)
{
	struct dentry *from = rd->old_dentry;
	struct dentry *to = rd->new_dentry;

	if (from->inode == to->inode)
		return 0;
	if (!rd->new_parent->hashed)
		return -ENOENT;
	if (vfs_fails())
		return -EPERM;
	if (to->inode) {
		if (d_is_dir(from) != d_is_dir(to))
			return d_is_dir(to) ? -EISDIR : -ENOTDIR;
		if (!is_empty(to))
			return -ENOTEMPTY;
		dentry_drop(to);
	}
	dentry_move(from, rd->new_parent, to);
	from->inode->change++;
	return 0;
}

int vfs_getattr(const struct path *path, struct kstat *stat, u32 mask,
		unsigned int flags)
{
	const struct inode *inode = path->dentry->inode;

	(void)flags;
	fuzz_must(inode, "vfs_getattr: nothing there");
	fuzz_must(strncmp(path->dentry->name, "outside", 8),
		  "what was never in the export is looked at");
	if (vfs_fails())
		return -EIO;
	*stat = (struct kstat) {
		/* Some filesystems do not count changes */
		.result_mask = inode->ino % 2 ? mask :
						mask & ~STATX_CHANGE_COOKIE,
		.mode = inode->i_mode,
		.nlink = inode->nlink,
		.blksize = 4096,
		.blocks = inode->size / 512,
		.dev = 1,
		.ino = inode->ino,
		.size = inode->size,
		.change_cookie = inode->change,
		.uid = inode->i_uid,
		.gid = inode->i_gid,
	};
	return 0;
}

int vfs_statfs(const struct path *path, struct kstatfs *st)
{
	(void)path;
	*st = (struct kstatfs) { .f_bsize = 4096, .f_namelen = 255 };
	return vfs_fails() ? -EIO : 0;
}

static int set_size(struct inode *inode, loff_t size)
{
	char *data;

	if (!S_ISREG(inode->i_mode))
		return S_ISDIR(inode->i_mode) ? -EISDIR : -EINVAL;
	if (size < 0 || size > MAX_SIZE)
		return -EFBIG;
	data = realloc(inode->data, size + 1);
	fuzz_must(data, "no memory");
	if ((size_t)size > inode->size)
		memset(data + inode->size, 0, size - inode->size);
	inode->data = data;
	inode->size = size;
	inode->change++;
	return 0;
}

int notify_change(struct mnt_idmap *idmap, struct dentry *dentry,
		  struct iattr *attr, struct delegated_inode *delegated)
{
	struct inode *inode = dentry->inode;

	(void)idmap;
	(void)delegated;
	fuzz_must(inode->locked, "notify_change: not locked");
	if (vfs_fails())
		return -EPERM;
	if (attr->ia_valid & ATTR_SIZE)
		return set_size(inode, attr->ia_size);
	if (attr->ia_valid & ATTR_MODE)
		fuzz_must((attr->ia_mode & S_IFMT) == (inode->i_mode & S_IFMT),
			  "a mode changes what a file is");
	if (attr->ia_valid & ATTR_MODE)
		inode->i_mode = attr->ia_mode;
	if (attr->ia_valid & ATTR_UID)
		inode->i_uid = attr->ia_vfsuid;
	if (attr->ia_valid & ATTR_GID)
		inode->i_gid = attr->ia_vfsgid;
	inode->change++;
	return 0;
}

int vfs_truncate(const struct path *path, loff_t size)
{
	return vfs_fails() ? -EACCES : set_size(path->dentry->inode, size);
}

const char *vfs_get_link(struct dentry *dentry, struct delayed_call *done)
{
	fuzz_must(d_is_symlink(dentry), "vfs_get_link: no symlink");
	fuzz_must(dentry->inode->i_op != &vfs_magic, "a magic link is read");
	if (vfs_fails())
		return ERR_PTR(-EIO);
	done->arg = strdup(dentry->inode->data);
	return done->arg;
}

struct file *dentry_open(const struct path *path, int flags,
			 const struct cred *cred)
{
	const struct inode *inode = path->dentry->inode;
	struct file *file;

	(void)cred;
	fuzz_must(S_ISREG(inode->i_mode) || S_ISDIR(inode->i_mode),
		  "what is opened is the client's own");
	if (vfs_fails())
		return ERR_PTR(-ENFILE);
	file = calloc(1, sizeof(*file));
	fuzz_must(file, "no memory");
	file->f_path = *path;
	path_get(path);
	file->f_op = vfs_lock_operations(inode);
	file->f_flags = flags;
	if ((flags & O_ACCMODE) != O_WRONLY)
		file->f_mode |= FMODE_READ;
	if ((flags & O_ACCMODE) != O_RDONLY)
		file->f_mode |= FMODE_WRITE;
	if (inode->i_sb->s_magic != TMPFS_MAGIC)
		file->f_mode |= FMODE_NOWAIT | FMODE_CAN_ODIRECT;
	return file;
}

struct file *dentry_create(struct path *path, int flags, umode_t mode,
			   const struct cred *cred)
{
	int err = make(path->dentry, mode, NULL);

	return err ? ERR_PTR(err) : dentry_open(path, flags, cred);
}

void __fput_sync(struct file *file)
{
	unit_may_sleep("__fput_sync");
	file_has_no_locks(file);
	path_put(&file->f_path);
	free(file);
}

/* Direct only if it begins and ends where a disk would have it */
static int direct_fails(const struct kiocb *iocb, size_t size)
{
	if (!(iocb->ki_flags & IOCB_DIRECT))
		return 0;
	return iocb->ki_pos % 512 || size % 512 ? -EINVAL : 0;
}

ssize_t vfs_iocb_iter_read(struct file *file, struct kiocb *iocb,
			   struct iov_iter *iter)
{
	const struct inode *inode = file_inode(file);
	size_t size = iter->count, pos = iocb->ki_pos;

	fuzz_must(S_ISREG(inode->i_mode) && iocb->ki_pos >= 0,
		  "a read of no file");
	if ((file->f_flags & O_ACCMODE) == O_WRONLY)
		return -EBADF;
	if (vfs_fails())
		return iocb->ki_flags & IOCB_NOWAIT ? -EAGAIN : -EIO;
	if (direct_fails(iocb, size))
		return -EINVAL;
	if (pos >= inode->size)
		return 0;
	size = min(size, inode->size - pos);
	/* Some of it is not in memory */
	if (iocb->ki_flags & IOCB_NOWAIT && size > 1500)
		size = 1500;
	fuzz_iter_copy(iter, size, NULL, inode->data + pos);
	iocb->ki_pos += size;
	return size;
}

ssize_t vfs_iocb_iter_write(struct file *file, struct kiocb *iocb,
			    struct iov_iter *iter)
{
	struct inode *inode = file_inode(file);
	size_t size = iter->count;
	int err = 0;

	fuzz_must(S_ISREG(inode->i_mode) && iocb->ki_pos >= 0,
		  "a write to no file");
	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	if (vfs_fails())
		return -ENOSPC;
	if (direct_fails(iocb, size))
		return -EINVAL;
	if (file->f_flags & O_APPEND)
		iocb->ki_pos = inode->size;
	if (iocb->ki_pos > MAX_SIZE || size > (size_t)(MAX_SIZE - iocb->ki_pos))
		return -EFBIG;
	/* Long ones in two steps */
	if (size > 1000)
		size = 1000;
	if (iocb->ki_pos + size > inode->size)
		err = set_size(inode, iocb->ki_pos + size);
	if (err)
		return err;
	fuzz_iter_copy(iter, size, inode->data + iocb->ki_pos, NULL);
	iocb->ki_pos += size;
	return size;
}

int vfs_fsync(struct file *file, int datasync)
{
	(void)file;
	(void)datasync;
	return vfs_fails() ? -EIO : 0;
}

loff_t vfs_llseek(struct file *file, loff_t offset, int whence)
{
	if (whence != SEEK_SET || offset < 0 || vfs_fails())
		return -EINVAL;
	file->f_pos = offset;
	return offset;
}

static bool emit(struct file *file, struct dir_context *ctx,
		 const struct dentry *dentry, const char *name)
{
	const struct inode *inode = dentry->inode;

	if (!ctx->actor(ctx, name, strlen(name), ctx->pos, inode->ino,
			IFTODT(inode->i_mode)))
		return false;
	ctx->pos++;
	file->f_pos = ctx->pos;
	return true;
}

/* Places are the numbers of children, which is good enough here */
int iterate_dir(struct file *file, struct dir_context *ctx)
{
	const struct dentry *dir = file->f_path.dentry;
	const struct dentry *child;
	loff_t at = 2;

	if (!d_is_dir(dir))
		return -ENOTDIR;
	if (vfs_fails())
		return -EIO;
	ctx->pos = file->f_pos;
	if (ctx->pos == 0 && !emit(file, ctx, dir, "."))
		return 0;
	if (ctx->pos == 1 && !emit(file, ctx, dir->d_parent, ".."))
		return 0;
	for (child = dir->children; child; child = child->next) {
		if (!child->hashed || at++ < ctx->pos)
			continue;
		if (!emit(file, ctx, child, child->name))
			break;
	}
	return 0;
}
