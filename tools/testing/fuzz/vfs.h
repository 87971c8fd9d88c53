/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A filesystem in memory that speaks the kernel's VFS, as strictly as a kernel
 * with all its debugging: a reference too many or too few, a lock not held or
 * held twice and a dentry used after its end abort.
 */
#ifndef FUZZ_VFS_H
#define FUZZ_VFS_H

struct mnt_idmap;
struct dentry;
struct inode;

struct qstr {
	const char *name;
	size_t len;
};

#define QSTR_LEN(text, length)	((struct qstr) { text, length })

struct inode_operations {
	int (*readlink)(struct dentry *dentry, char *to, int size);
};

/* The locks of a file, in the order of their owners and places */
struct file_lock_context {
	spinlock_t flc_lock;	/* flc_posix */
	struct list_head flc_posix;
};

struct super_block {
	unsigned long s_magic;
};

struct inode {
	struct super_block *i_sb;
	const struct inode_operations *i_op;
	umode_t i_mode;
	kuid_t i_uid;
	kgid_t i_gid;
	u64 ino;
	u64 change;
	unsigned int nlink;
	unsigned int refs;
	bool locked;
	char *data;
	size_t size;
	struct vfs_xattr *xattrs;
	struct posix_acl *acls[2];
	struct file_lock_context *locks;
};

static inline loff_t i_size_read(const struct inode *inode)
{
	return inode->size;
}

struct dentry {
	struct super_block *d_sb;
	struct dentry *d_parent;
	struct inode *inode;
	unsigned int refs;
	bool hashed;
	struct dentry *children;
	struct dentry *next;
	size_t len;
	char name[256];
};

struct vfsmount {
	struct dentry *mnt_root;
	long refs;
	long writers;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file_operations {
	void (*lock)(void);
};

struct file {
	struct path f_path;
	const struct file_operations *f_op;
	unsigned int f_mode;
	int f_flags;
	int f_iocb_flags;
	loff_t f_pos;
};

#define FMODE_READ	1
#define FMODE_WRITE	2
#define FMODE_NOWAIT	4
#define FMODE_CAN_ODIRECT	8

struct kiocb {
	struct file *ki_filp;
	loff_t ki_pos;
	int ki_flags;
};

#define IOCB_DIRECT	1
#define IOCB_NOWAIT	2

static inline int iocb_flags(const struct file *file)
{
	return file->f_flags & O_DIRECT ? IOCB_DIRECT : 0;
}

static inline void init_sync_kiocb(struct kiocb *iocb, struct file *file)
{
	*iocb = (struct kiocb) {
		.ki_filp = file,
		.ki_flags = file->f_iocb_flags,
	};
}

#define fmode_t		unsigned int

struct kstat {
	u32 result_mask;
	umode_t mode;
	unsigned int nlink;
	u32 blksize;
	u64 blocks;
	dev_t dev;
	dev_t rdev;
	u64 ino;
	u64 size;
	u64 change_cookie;
	kuid_t uid;
	kgid_t gid;
	struct timespec64 atime, mtime, ctime, btime;
};

struct kstatfs {
	long f_type, f_bsize, f_namelen;
	u64 f_blocks, f_bfree, f_bavail, f_files, f_ffree;
	struct {
		int val[2];
	} f_fsid;
};

struct iattr {
	unsigned int ia_valid;
	umode_t ia_mode;
	kuid_t ia_vfsuid;
	kgid_t ia_vfsgid;
	loff_t ia_size;
	struct timespec64 ia_atime, ia_mtime;
	struct file *ia_file;
};

#define ATTR_MODE	BIT(0)
#define ATTR_UID	BIT(1)
#define ATTR_GID	BIT(2)
#define ATTR_SIZE	BIT(3)
#define ATTR_ATIME	BIT(4)
#define ATTR_MTIME	BIT(5)
#define ATTR_CTIME	BIT(6)
#define ATTR_ATIME_SET	BIT(7)
#define ATTR_MTIME_SET	BIT(8)
#define ATTR_FORCE	BIT(9)
#define ATTR_KILL_SUID	BIT(11)
#define ATTR_KILL_SGID	BIT(12)
#define ATTR_FILE	BIT(13)
#define ATTR_KILL_PRIV	BIT(14)
#define ATTR_TOUCH	BIT(17)

#define S_IALLUGO	07777
#define MAY_EXEC	1
#define MAY_WRITE	2
#define MAY_READ	4
#define MAY_OPEN	32

#ifndef STATX_CHANGE_COOKIE
#define STATX_CHANGE_COOKIE	0x40000000U
#endif
#ifndef AT_STATX_SYNC_AS_STAT
#define AT_STATX_SYNC_AS_STAT	0
#endif
#ifndef AT_STATX_DONT_SYNC
#define AT_STATX_DONT_SYNC	0x4000
#endif

struct delegated_inode {
	struct inode *inode;
};

#define is_delegated(delegated)	(!!(delegated)->inode)
#define LEASE_BREAK_DIR_CREATE	0

struct dir_context;
typedef bool (*filldir_t)(struct dir_context *ctx, const char *name, int len,
			  loff_t offset, u64 ino, unsigned int type);

struct dir_context {
	filldir_t actor;
	loff_t pos;
};

struct renamedata {
	struct mnt_idmap *mnt_idmap;
	struct dentry *old_parent;
	struct dentry *old_dentry;
	struct dentry *new_parent;
	struct dentry *new_dentry;
	struct delegated_inode *delegated_inode;
	unsigned int flags;
};

struct delayed_call {
	void *arg;
};

#define DEFINE_DELAYED_CALL(name)	struct delayed_call name = { }

static inline void do_delayed_call(struct delayed_call *call)
{
	free(call->arg);
}

static inline struct inode *d_inode(const struct dentry *dentry)
{
	return dentry->inode;
}

static inline struct inode *file_inode(const struct file *file)
{
	return file->f_path.dentry->inode;
}

static inline bool d_has_type(const struct dentry *dentry, umode_t type)
{
	return dentry->inode && (dentry->inode->i_mode & S_IFMT) == type;
}

#define d_can_lookup(dentry)	d_has_type(dentry, S_IFDIR)
#define d_is_dir(dentry)	d_has_type(dentry, S_IFDIR)
#define d_is_reg(dentry)	d_has_type(dentry, S_IFREG)
#define d_is_symlink(dentry)	d_has_type(dentry, S_IFLNK)
#define d_is_positive(dentry)	(!!(dentry)->inode)
#define d_unhashed(dentry)	(!(dentry)->hashed)
#define d_mountpoint(dentry)	((void)(dentry), false)
#define IS_ROOT(dentry)		((dentry) == (dentry)->d_parent)
#define IS_APPEND(inode)	((void)(inode), false)
#define mnt_idmap(mnt)		((void)(mnt), (struct mnt_idmap *)NULL)
#define file_mnt_idmap(file)	((void)(file), (struct mnt_idmap *)NULL)
#define i_user_ns(inode)	((void)(inode), &init_user_ns)
#define MINORBITS		20
#define MKDEV(major, minor)	((dev_t)(major) << MINORBITS | (minor))
#define new_encode_dev(dev)	((u64)(dev))
#define mnt_want_write_file(file)	mnt_want_write((file)->f_path.mnt)
#define mnt_drop_write_file(file)	mnt_drop_write((file)->f_path.mnt)
#define inode_owner_or_capable(idmap, inode)	((void)(inode), true)
#define setattr_should_drop_sgid(idmap, inode)	((void)(inode), 0)
#define setattr_should_drop_suidgid(idmap, inode)	((void)(inode), 0)
#define try_break_deleg(inode, what, delegated)	((void)(inode), (void)(delegated), 0)
#define break_deleg_wait(delegated)	((void)(delegated), 0)

static inline bool path_equal(const struct path *one, const struct path *two)
{
	return one->mnt == two->mnt && one->dentry == two->dentry;
}

static inline s64 timespec64_to_ns(const struct timespec64 *time)
{
	return time->tv_sec * 1000000000LL + time->tv_nsec;
}

struct vfsmount *mntget(struct vfsmount *mnt);
void path_get(const struct path *path);
void path_put(const struct path *path);
bool is_subdir(const struct dentry *dentry, const struct dentry *top);
struct dentry *dget(struct dentry *dentry);
struct dentry *dget_parent(struct dentry *dentry);
void dput(struct dentry *dentry);
void ihold(struct inode *inode);
void iput(struct inode *inode);
void inode_lock(struct inode *inode);
void inode_unlock(struct inode *inode);
bool __mnt_is_readonly(const struct vfsmount *mnt);
int mnt_want_write(struct vfsmount *mnt);
void mnt_drop_write(struct vfsmount *mnt);
bool follow_up(struct path *path);
int follow_down(struct path *path, unsigned int flags);
int path_permission(const struct path *path, int mask);

struct dentry *lookup_one_positive_unlocked(struct mnt_idmap *idmap,
					    const struct qstr *name,
					    struct dentry *dir);
struct dentry *try_lookup_noperm(const struct qstr *name, struct dentry *dir);
struct dentry *start_creating(struct mnt_idmap *idmap, struct dentry *dir,
			      const struct qstr *name);
void end_creating(struct dentry *child);
struct dentry *start_removing(struct mnt_idmap *idmap, struct dentry *dir,
			      const struct qstr *name);
struct dentry *start_removing_dentry(struct dentry *dir, struct dentry *child);
void end_removing(struct dentry *child);
int start_renaming(struct renamedata *rd, int flags, const struct qstr *from,
		   const struct qstr *to);
int start_renaming_dentry(struct renamedata *rd, int flags,
			  struct dentry *dentry, const struct qstr *to);
void end_renaming(struct renamedata *rd);

struct dentry *vfs_mkdir(struct mnt_idmap *idmap, struct inode *dir,
			 struct dentry *child, umode_t mode,
			 struct delegated_inode *delegated);
int vfs_create(struct mnt_idmap *idmap, struct dentry *child, umode_t mode,
	       struct delegated_inode *delegated);
int vfs_mknod(struct mnt_idmap *idmap, struct inode *dir, struct dentry *child,
	      umode_t mode, dev_t dev, struct delegated_inode *delegated);
int vfs_symlink(struct mnt_idmap *idmap, struct inode *dir,
		struct dentry *child, const char *target,
		struct delegated_inode *delegated);
int vfs_link(struct dentry *old, struct mnt_idmap *idmap, struct inode *dir,
	     struct dentry *child, struct delegated_inode *delegated);
int vfs_unlink(struct mnt_idmap *idmap, struct inode *dir,
	       struct dentry *child, struct delegated_inode *delegated);
int vfs_rmdir(struct mnt_idmap *idmap, struct inode *dir, struct dentry *child,
	      struct delegated_inode *delegated);
int vfs_rename(struct renamedata *rd);
int vfs_getattr(const struct path *path, struct kstat *stat, u32 mask,
		unsigned int flags);
int vfs_statfs(const struct path *path, struct kstatfs *st);
int notify_change(struct mnt_idmap *idmap, struct dentry *dentry,
		  struct iattr *attr, struct delegated_inode *delegated);
int vfs_truncate(const struct path *path, loff_t size);
const char *vfs_get_link(struct dentry *dentry, struct delayed_call *done);

struct file *dentry_open(const struct path *path, int flags,
			 const struct cred *cred);
struct file *dentry_create(struct path *path, int flags, umode_t mode,
			   const struct cred *cred);
void __fput_sync(struct file *file);
ssize_t vfs_iocb_iter_read(struct file *file, struct kiocb *iocb,
			   struct iov_iter *iter);
ssize_t vfs_iocb_iter_write(struct file *file, struct kiocb *iocb,
			    struct iov_iter *iter);
int vfs_fsync(struct file *file, int datasync);
loff_t vfs_llseek(struct file *file, loff_t offset, int whence);
int iterate_dir(struct file *file, struct dir_context *ctx);

/* Somebody at the server moves a directory out of the export, or back */
void vfs_move(void);

/* A tree of a few files to begin with; nobody may hold anything at the end */
void vfs_begin(struct path *root);
void vfs_end(struct path *root);

/* The n-th call from now on that may fail does; 0: none */
extern unsigned int vfs_fail;

/* Whether device nodes may be made */
extern bool vfs_devices;

/* Which filesystem this is */
extern struct super_block vfs_super;

#endif /* FUZZ_VFS_H */
