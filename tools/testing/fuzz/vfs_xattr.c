// SPDX-License-Identifier: GPL-2.0
/* Extended attributes and ACLs of the files of vfs.h: a few of each file. */
#include "kernel.h"
#include "vfs_tree.h"

#include "unit.h"

#define MAX_XATTRS	6

struct vfs_xattr {
	struct vfs_xattr *next;
	size_t size;
	void *value;
	char name[XATTR_NAME_MAX + 1];
};

static struct vfs_xattr **xattr_find(struct inode *inode, const char *name)
{
	struct vfs_xattr **at = &inode->xattrs;

	while (*at && strcmp((*at)->name, name))
		at = &(*at)->next;
	return at;
}

static void xattr_drop(struct vfs_xattr **at)
{
	struct vfs_xattr *xattr = *at;

	*at = xattr->next;
	free(xattr->value);
	free(xattr);
}

static bool may_administer(void)
{
	return current_cred()->cap_effective & 1ULL << CAP_SYS_ADMIN;
}

static bool name_begins(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix));
}

/* What the VFS says of a name before it asks a filesystem */
static int xattr_may(const char *name, bool write)
{
	size_t len = strlen(name);

	unit_may_sleep("an xattr");
	fuzz_must(len && len <= XATTR_NAME_MAX, "the length of an xattr's name");
	fuzz_must(!is_posix_acl_xattr(name), "an ACL as an xattr");
	fuzz_must(!write || vfs_is_written(), "an xattr is set, read-only");
	if (name_begins(name, XATTR_TRUSTED_PREFIX) && !may_administer())
		return write ? -EPERM : -ENODATA;
	if (name_begins(name, XATTR_TRUSTED_PREFIX) ||
	    name_begins(name, XATTR_SECURITY_PREFIX) ||
	    name_begins(name, XATTR_USER_PREFIX))
		return vfs_fails() ? -EIO : 0;
	return -EOPNOTSUPP;
}

ssize_t vfs_listxattr(struct dentry *dentry, char *list, size_t size)
{
	const struct vfs_xattr *xattr;
	size_t used = 0;

	if (vfs_fails())
		return -EIO;
	for (xattr = dentry->inode->xattrs; xattr; xattr = xattr->next) {
		size_t len = strlen(xattr->name) + 1;

		if (name_begins(xattr->name, XATTR_TRUSTED_PREFIX) &&
		    !may_administer())
			continue;
		if (len > size - used)
			return -ERANGE;
		memcpy(list + used, xattr->name, len);
		used += len;
	}
	return used;
}

ssize_t vfs_getxattr(struct mnt_idmap *idmap, struct dentry *dentry,
		     const char *name, void *value, size_t size)
{
	const struct vfs_xattr *xattr;
	int err = xattr_may(name, false);

	(void)idmap;
	if (err)
		return err;
	xattr = *xattr_find(dentry->inode, name);
	if (!xattr)
		return -ENODATA;
	if (xattr->size > size)
		return -ERANGE;
	memcpy(value, xattr->value, xattr->size);
	return xattr->size;
}

static unsigned int xattr_count(const struct inode *inode)
{
	const struct vfs_xattr *xattr;
	unsigned int nr = 0;

	for (xattr = inode->xattrs; xattr; xattr = xattr->next)
		nr++;
	return nr;
}

static int xattr_set(struct inode *inode, const char *name, const void *value,
		     size_t size, int flags)
{
	struct vfs_xattr **at = xattr_find(inode, name);
	struct vfs_xattr *xattr;

	if (*at && (flags & XATTR_CREATE))
		return -EEXIST;
	if (!*at && (flags & XATTR_REPLACE))
		return -ENODATA;
	if (!*at && xattr_count(inode) >= MAX_XATTRS)
		return -ENOSPC;
	xattr = calloc(1, sizeof(*xattr));
	fuzz_must(xattr, "no memory");
	strscpy(xattr->name, name, sizeof(xattr->name));
	xattr->value = unit_copy(value, size);
	xattr->size = size;
	if (*at)
		xattr_drop(at);
	xattr->next = inode->xattrs;
	inode->xattrs = xattr;
	inode->change++;
	return 0;
}

int vfs_setxattr(struct mnt_idmap *idmap, struct dentry *dentry,
		 const char *name, const void *value, size_t size, int flags)
{
	struct inode *inode = dentry->inode;
	int err = xattr_may(name, true);

	(void)idmap;
	fuzz_must(size <= XATTR_SIZE_MAX, "an xattr that is too large");
	fuzz_must(!(flags & ~(XATTR_CREATE | XATTR_REPLACE)),
		  "flags that setxattr() does not have");
	if (err)
		return err;
	inode_lock(inode);
	err = xattr_set(inode, name, value, size, flags);
	inode_unlock(inode);
	return err;
}

int vfs_removexattr(struct mnt_idmap *idmap, struct dentry *dentry,
		    const char *name)
{
	struct inode *inode = dentry->inode;
	struct vfs_xattr **at;
	int err = xattr_may(name, true);

	(void)idmap;
	if (err)
		return err;
	inode_lock(inode);
	at = xattr_find(inode, name);
	if (*at)
		xattr_drop(at);
	else
		err = -ENODATA;
	inode_unlock(inode);
	return err;
}

static int acl_number(const char *name)
{
	if (!strcmp(name, XATTR_NAME_POSIX_ACL_ACCESS))
		return 0;
	return strcmp(name, XATTR_NAME_POSIX_ACL_DEFAULT) ? -1 : 1;
}

bool is_posix_acl_xattr(const char *name)
{
	return acl_number(name) >= 0;
}

static size_t acl_size(unsigned int count)
{
	return sizeof(struct posix_acl) + count * sizeof(struct posix_acl_entry);
}

static struct posix_acl *acl_copy(const struct posix_acl *acl)
{
	return fuzz_memdup(acl, acl_size(acl->a_count), 0);
}

void posix_acl_release(struct posix_acl *acl)
{
	kfree(acl);
}

struct posix_acl *posix_acl_from_xattr(struct user_namespace *ns,
				       const void *value, size_t size)
{
	const struct posix_acl_xattr_header *header = value;
	const struct posix_acl_xattr_entry *from = value + sizeof(*header);
	struct posix_acl *acl;
	unsigned int count, i;

	(void)ns;
	if (size < sizeof(*header))
		return ERR_PTR(-EINVAL);
	if (le32_to_cpu(header->a_version) != POSIX_ACL_XATTR_VERSION)
		return ERR_PTR(-EOPNOTSUPP);
	count = (size - sizeof(*header)) / sizeof(*from);
	if (size != posix_acl_xattr_size(count))
		return ERR_PTR(-EINVAL);
	if (!count)
		return NULL;
	acl = unit_zalloc(acl_size(count));
	if (!acl)
		return ERR_PTR(-ENOMEM);
	acl->a_count = count;
	for (i = 0; i < count; i++) {
		acl->a_entries[i].e_tag = le16_to_cpu(from[i].e_tag);
		acl->a_entries[i].e_perm = le16_to_cpu(from[i].e_perm);
		acl->a_entries[i].e_uid = KUIDT_INIT(le32_to_cpu(from[i].e_id));
	}
	return acl;
}

struct posix_acl *vfs_get_acl(struct mnt_idmap *idmap, struct dentry *dentry,
			      const char *name)
{
	const struct posix_acl *acl = dentry->inode->acls[acl_number(name)];
	struct posix_acl *copy;

	(void)idmap;
	if (vfs_fails())
		return ERR_PTR(-EOPNOTSUPP);
	if (!acl)
		return ERR_PTR(-ENODATA);
	copy = acl_copy(acl);
	return copy ?: ERR_PTR(-ENOMEM);
}

int vfs_set_acl(struct mnt_idmap *idmap, struct dentry *dentry,
		const char *name, struct posix_acl *acl)
{
	struct posix_acl **at = &dentry->inode->acls[acl_number(name)];

	(void)idmap;
	fuzz_must(vfs_is_written(), "an ACL is set, read-only");
	if (S_ISLNK(dentry->inode->i_mode))
		return -EOPNOTSUPP;
	if (at != dentry->inode->acls && !d_is_dir(dentry))
		return acl ? -EACCES : 0;
	if (vfs_fails())
		return -EPERM;
	inode_lock(dentry->inode);
	kfree(*at);
	*at = acl ? acl_copy(acl) : NULL;
	inode_unlock(dentry->inode);
	return 0;
}

void inode_free_xattrs(struct inode *inode)
{
	while (inode->xattrs)
		xattr_drop(&inode->xattrs);
	kfree(inode->acls[0]);
	kfree(inode->acls[1]);
}
