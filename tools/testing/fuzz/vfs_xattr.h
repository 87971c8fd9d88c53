/* SPDX-License-Identifier: GPL-2.0 */
/* Extended attributes and ACLs of the filesystem of vfs.h */
#ifndef FUZZ_VFS_XATTR_H
#define FUZZ_VFS_XATTR_H

#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>

#define XATTR_NAME_MAX		255
#define XATTR_SIZE_MAX		65536
#define XATTR_LIST_MAX		65536

struct posix_acl_entry {
	short e_tag;
	unsigned short e_perm;
	union {
		kuid_t e_uid;
		kgid_t e_gid;
	};
};

struct posix_acl {
	unsigned int a_count;
	struct posix_acl_entry a_entries[];
};

#define posix_acl_xattr_size(count) \
	(sizeof(struct posix_acl_xattr_header) + \
	 (count) * sizeof(struct posix_acl_xattr_entry))

bool is_posix_acl_xattr(const char *name);
struct posix_acl *posix_acl_from_xattr(struct user_namespace *ns,
				       const void *value, size_t size);
void posix_acl_release(struct posix_acl *acl);
struct posix_acl *vfs_get_acl(struct mnt_idmap *idmap, struct dentry *dentry,
			      const char *name);
int vfs_set_acl(struct mnt_idmap *idmap, struct dentry *dentry,
		const char *name, struct posix_acl *acl);

ssize_t vfs_listxattr(struct dentry *dentry, char *list, size_t size);
ssize_t vfs_getxattr(struct mnt_idmap *idmap, struct dentry *dentry,
		     const char *name, void *value, size_t size);
int vfs_setxattr(struct mnt_idmap *idmap, struct dentry *dentry,
		 const char *name, const void *value, size_t size, int flags);
int vfs_removexattr(struct mnt_idmap *idmap, struct dentry *dentry,
		    const char *name);

#endif /* FUZZ_VFS_XATTR_H */
