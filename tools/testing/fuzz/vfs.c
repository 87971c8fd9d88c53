// SPDX-License-Identifier: GPL-2.0
/* The filesystem of vfs.h: what exists, how it is counted, and how it is found. */
#include "kernel.h"
#include "vfs_tree.h"

static struct vfsmount mount;
static struct inode *root_inode;
static long inodes;
static u64 last_ino;
static struct dentry *export;
static struct dentry *moving;

unsigned int vfs_fail;
bool vfs_devices;
struct super_block vfs_super;

void fuzz_must(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "fuzz: %s\n", what);
	abort();
}

/* Whether this call is the one that is to fail */
bool vfs_fails(void)
{
	return vfs_fail && !--vfs_fail;
}

static int no_readlink(struct dentry *dentry, char *to, int size)
{
	(void)dentry;
	(void)to;
	(void)size;
	return -EINVAL;
}

static const struct inode_operations plain;
/* As proc's magic links have */
const struct inode_operations vfs_magic = { .readlink = no_readlink };
/* Of a filesystem that keeps locks where the VFS does not see them */
const struct inode_operations vfs_remote;

struct inode *inode_new(umode_t mode)
{
	struct inode *inode = calloc(1, sizeof(*inode));

	fuzz_must(inode, "no memory");
	inode->i_sb = &vfs_super;
	inode->i_op = &plain;
	inode->i_mode = mode;
	last_ino++;
	/* Some have a large number */
	inode->ino = last_ino | (u64)(last_ino % 3) << 60;
	inode->refs = 1;
	inodes++;
	return inode;
}

void ihold(struct inode *inode)
{
	fuzz_must(inode->refs, "ihold: the inode is gone");
	inode->refs++;
}

void iput(struct inode *inode)
{
	unit_may_sleep("iput");
	fuzz_must(inode->refs, "iput: the inode is gone");
	if (--inode->refs)
		return;
	fuzz_must(!inode->locked, "iput: the inode is locked");
	inode_free_locks(inode);
	inode_free_xattrs(inode);
	free(inode->data);
	free(inode);
	inodes--;
}

void inode_lock(struct inode *inode)
{
	unit_may_sleep("inode_lock");
	fuzz_must(!inode->locked, "inode_lock: locked already");
	inode->locked = true;
}

void inode_unlock(struct inode *inode)
{
	fuzz_must(inode->locked, "inode_unlock: not locked");
	inode->locked = false;
}

struct dentry *dget(struct dentry *dentry)
{
	fuzz_must(dentry->refs, "dget: the dentry is gone");
	dentry->refs++;
	return dentry;
}

struct dentry *dget_parent(struct dentry *dentry)
{
	return dget(dentry->d_parent);
}

static void dentry_unlist(struct dentry *dentry)
{
	struct dentry **at = &dentry->d_parent->children;

	while (*at && *at != dentry)
		at = &(*at)->next;
	if (*at)
		*at = dentry->next;
	dentry->next = NULL;
}

void dput(struct dentry *dentry)
{
	struct dentry *parent;

	unit_may_sleep("dput");
	fuzz_must(dentry->refs, "dput: the dentry is gone");
	if (--dentry->refs)
		return;
	fuzz_must(!dentry->children, "dput: it has children");
	parent = dentry->d_parent;
	dentry_unlist(dentry);
	if (dentry->inode)
		iput(dentry->inode);
	free(dentry);
	if (parent != dentry)
		dput(parent);
}

struct dentry *dentry_new(struct dentry *parent, const struct qstr *name)
{
	struct dentry *dentry = calloc(1, sizeof(*dentry));

	fuzz_must(dentry, "no memory");
	fuzz_must(name->len < sizeof(dentry->name), "a name is too long");
	fuzz_must(!memchr(name->name, 0, name->len), "a name has a zero byte");
	fuzz_must(!memchr(name->name, '/', name->len), "a name has a slash");
	memcpy(dentry->name, name->name, name->len);
	dentry->len = name->len;
	dentry->d_sb = &vfs_super;
	dentry->refs = 1;
	dentry->d_parent = parent ? dget(parent) : dentry;
	if (parent) {
		dentry->next = parent->children;
		parent->children = dentry;
	}
	return dentry;
}

/* What is there now holds the name until it is removed */
void dentry_fill(struct dentry *dentry, struct inode *inode)
{
	dentry->inode = inode;
	dentry->hashed = true;
	inode->nlink++;
	inode->change++;
	dget(dentry);
}

void dentry_drop(struct dentry *dentry)
{
	fuzz_must(dentry->hashed, "what is removed is not there");
	dentry->hashed = false;
	dentry->inode->nlink--;
	dentry->inode->change++;
	dput(dentry);
}

void dentry_move(struct dentry *dentry, struct dentry *parent,
		 const struct dentry *name)
{
	struct dentry *old = dentry->d_parent;

	dentry_unlist(dentry);
	if (name != dentry)
		memcpy(dentry->name, name->name, sizeof(dentry->name));
	dentry->len = name->len;
	dentry->d_parent = dget(parent);
	dentry->next = parent->children;
	parent->children = dentry;
	dput(old);
}

/* The child that has the name, with a reference, or NULL */
struct dentry *dentry_find(struct dentry *dir, const struct qstr *name)
{
	struct dentry *child;

	for (child = dir->children; child; child = child->next) {
		if (child->hashed && child->len == name->len &&
		    !memcmp(child->name, name->name, name->len))
			return dget(child);
	}
	return NULL;
}

bool is_subdir(const struct dentry *dentry, const struct dentry *top)
{
	while (dentry != top && !IS_ROOT(dentry))
		dentry = dentry->d_parent;
	return dentry == top;
}

bool dentry_is_exported(const struct dentry *dentry)
{
	return is_subdir(dentry, export);
}

struct vfsmount *mntget(struct vfsmount *mnt)
{
	mnt->refs++;
	return mnt;
}

void path_get(const struct path *path)
{
	mntget(path->mnt);
	dget(path->dentry);
}

void path_put(const struct path *path)
{
	fuzz_must(path->mnt->refs > 0, "path_put: no reference of the mount");
	path->mnt->refs--;
	dput(path->dentry);
}

bool __mnt_is_readonly(const struct vfsmount *mnt)
{
	return vfs_fails();
}

int mnt_want_write(struct vfsmount *mnt)
{
	if (vfs_fails())
		return -EROFS;
	mnt->writers++;
	return 0;
}

void mnt_drop_write(struct vfsmount *mnt)
{
	fuzz_must(mnt->writers > 0, "mnt_drop_write: nobody wants to write");
	mnt->writers--;
}

bool vfs_is_written(void)
{
	return mount.writers > 0;
}

/* There is one mount, and the export is not its root */
bool follow_up(struct path *path)
{
	(void)path;
	return false;
}

int follow_down(struct path *path, unsigned int flags)
{
	fuzz_must(d_is_positive(path->dentry), "follow_down: nothing there");
	(void)flags;
	return vfs_fails() ? -ENOMEM : 0;
}

int path_permission(const struct path *path, int mask)
{
	fuzz_must(d_is_positive(path->dentry), "path_permission: nothing there");
	(void)mask;
	return vfs_fails() ? -EACCES : 0;
}

static struct dentry *add(struct dentry *dir, const char *name, umode_t mode,
			  const char *data)
{
	struct dentry *child = dentry_new(dir, &QSTR_LEN(name, strlen(name)));
	struct inode *inode = inode_new(mode);

	if (data) {
		inode->data = strdup(data);
		inode->size = strlen(data);
	}
	dentry_fill(child, inode);
	dput(child);
	return child;
}

void vfs_begin(struct path *root)
{
	struct dentry *top = dentry_new(NULL, &QSTR_LEN("", 0));
	struct dentry *link;
	struct dentry *remote;

	fuzz_must(!inodes, "an earlier run has left inodes");
	last_ino = 0;
	vfs_fail = 0;
	root_inode = inode_new(S_IFDIR | 0755);
	dentry_fill(top, root_inode);
	mount = (struct vfsmount) { .mnt_root = top };
	add(top, "outside", S_IFREG | 0600, "secret");
	export = add(top, "export", S_IFDIR | 0755, NULL);
	add(export, "file", S_IFREG | 0644, "content of the file");
	add(export, "link", S_IFLNK | 0777, "file");
	add(export, "fifo", S_IFIFO | 0600, NULL);
	link = add(export, "magic", S_IFLNK | 0777, "nowhere");
	link->inode->i_op = &vfs_magic;
	remote = add(export, "remote", S_IFREG | 0644, "locked elsewhere");
	remote->inode->i_op = &vfs_remote;
	moving = dget(add(export, "dir", S_IFDIR | 0755, NULL));
	add(moving, "inner", S_IFREG | 0600, "inner");
	*root = (struct path) { .mnt = &mount, .dentry = export };
	path_get(root);
}

/* To the top of the mount, or to the export's; "dir" may be there already */
void vfs_move(void)
{
	struct dentry *to = dentry_is_exported(moving) ? mount.mnt_root : export;
	struct dentry *other;

	if (!moving->hashed)
		return;
	other = dentry_find(to, &QSTR_LEN(moving->name, moving->len));
	if (!other)
		dentry_move(moving, to, moving);
	else
		dput(other);
}

static void remove_below(struct dentry *dir)
{
	struct dentry *child;

	while ((child = dir->children)) {
		fuzz_must(child->hashed, "a removed dentry has a reference left");
		dget(child);
		remove_below(child);
		dentry_drop(child);
		fuzz_must(child->refs == 1, "a dentry has references left");
		dput(child);
	}
}

void vfs_end(struct path *root)
{
	struct dentry *top = mount.mnt_root;

	path_put(root);
	dput(moving);
	fuzz_must(!mount.refs, "references of the mount are left");
	fuzz_must(!mount.writers, "the mount is held to be written");
	remove_below(top);
	dentry_drop(top);
	dput(top);
	fuzz_must(!inodes, "inodes are left");
}
