// SPDX-License-Identifier: GPL-2.0
/*
 * Extended attributes. Txattrwalk takes a copy of a value, which is read in
 * pieces; Txattrcreate makes room for one, which is written in pieces and set
 * by the clunk. Who may do what the VFS decides, by the credentials of the
 * attach; POSIX ACLs go the way of their own that it has for them.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/mnt_idmapping.h>
#include <linux/mount.h>
#include <linux/mutex.h>
#include <linux/path.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <linux/string.h>
#include <linux/uidgid.h>
#include <linux/xattr.h>
#include <net/9p/9p.h>

#include "fid.h"
#include "identity.h"
#include "ops.h"
#include "request.h"
#include "session.h"
#include "xattr.h"

/* Values and lists alike */
#define P9S_XATTR_ROOM	max(XATTR_SIZE_MAX, XATTR_LIST_MAX)

static bool p9s_xattr_in(const char *name, const char *namespace)
{
	return !strncmp(name, namespace, strlen(namespace));
}

/*
 * What root needs besides the rights over files: trusted.* is only shown to
 * who administers the system, and what security modules keep in security.* is
 * only set by him, but for the capabilities of files.
 */
static int p9s_xattr_right(const char *name, bool write)
{
	if (!*name || p9s_xattr_in(name, XATTR_TRUSTED_PREFIX))
		return CAP_SYS_ADMIN;
	if (!write || !p9s_xattr_in(name, XATTR_SECURITY_PREFIX))
		return P9S_NO_CAPABILITY;
	return strcmp(name, XATTR_NAME_CAPS) ? CAP_SYS_ADMIN : CAP_SETFCAP;
}

/* The numbers of the wire, as a client's user sees the file through the mount */
static u32 p9s_acl_id(struct mnt_idmap *idmap, struct user_namespace *fs,
		      const struct posix_acl_entry *entry)
{
	vfsuid_t uid;
	vfsgid_t gid;

	switch (entry->e_tag) {
	case ACL_USER:
		uid = make_vfsuid(idmap, fs, entry->e_uid);
		return from_kuid(&init_user_ns, vfsuid_into_kuid(uid));
	case ACL_GROUP:
		gid = make_vfsgid(idmap, fs, entry->e_gid);
		return from_kgid(&init_user_ns, vfsgid_into_kgid(gid));
	default:
		return ACL_UNDEFINED_ID;
	}
}

static ssize_t p9s_acl_encode(const struct path *path,
			      const struct posix_acl *acl, void *buf)
{
	struct user_namespace *fs = i_user_ns(d_inode(path->dentry));
	struct posix_acl_xattr_header *header = buf;
	struct posix_acl_xattr_entry *entries = buf + sizeof(*header);
	size_t size = posix_acl_xattr_size(acl->a_count);
	const struct posix_acl_entry *from;
	unsigned int i;

	if (size > P9S_XATTR_ROOM)
		return -ERANGE;
	header->a_version = cpu_to_le32(POSIX_ACL_XATTR_VERSION);
	for (i = 0; i < acl->a_count; i++) {
		from = &acl->a_entries[i];
		entries[i].e_tag = cpu_to_le16(from->e_tag);
		entries[i].e_perm = cpu_to_le16(from->e_perm);
		entries[i].e_id = cpu_to_le32(p9s_acl_id(mnt_idmap(path->mnt),
							 fs, from));
	}
	return size;
}

static ssize_t p9s_acl_get(const struct path *path, const char *name,
			   void *buf)
{
	struct posix_acl *acl;
	ssize_t size;

	acl = vfs_get_acl(mnt_idmap(path->mnt), path->dentry, name);
	if (IS_ERR(acl))
		return PTR_ERR(acl);
	size = p9s_acl_encode(path, acl, buf);
	posix_acl_release(acl);
	return size;
}

static int p9s_acl_set(const struct path *path, const struct p9s_xattr *xattr)
{
	struct posix_acl *acl = NULL;
	int err;

	/* One of size 0 is none, which is how Linux's client removes it */
	if (xattr->size)
		acl = posix_acl_from_xattr(&init_user_ns, xattr->value,
					   xattr->size);
	if (IS_ERR(acl))
		return PTR_ERR(acl);
	err = vfs_set_acl(mnt_idmap(path->mnt), path->dentry, xattr->name,
			  acl);
	posix_acl_release(acl);
	return err;
}

static ssize_t p9s_xattr_get(const struct path *path, const char *name,
			     void *buf)
{
	if (!*name)
		return vfs_listxattr(path->dentry, buf, XATTR_LIST_MAX);
	if (is_posix_acl_xattr(name))
		return p9s_acl_get(path, name, buf);
	return vfs_getxattr(mnt_idmap(path->mnt), path->dentry, name, buf,
			    XATTR_SIZE_MAX);
}

/*
 * Nothing on the wire tells a removal from an empty value but the flags. For
 * removexattr(2) Linux's client sends a size of 0 and XATTR_REPLACE, for an
 * empty value a size of 0 and the flags of setxattr(2), which rarely are that
 * (fs/9p/xattr.c, and fs/xattr.c which calls it). QEMU and diod remove whenever
 * the size is 0, and so lose what was to be set.
 */
static bool p9s_xattr_removes(const struct p9s_xattr *xattr)
{
	return !xattr->size && xattr->flags == XATTR_REPLACE;
}

static int p9s_xattr_set(const struct path *path, const struct p9s_xattr *xattr)
{
	struct mnt_idmap *idmap = mnt_idmap(path->mnt);

	if (is_posix_acl_xattr(xattr->name))
		return p9s_acl_set(path, xattr);
	if (p9s_xattr_removes(xattr))
		return vfs_removexattr(idmap, path->dentry, xattr->name);
	return vfs_setxattr(idmap, path->dentry, xattr->name, xattr->value,
			    xattr->size, xattr->flags);
}

/* With what the fid's identity may do, and root's further right if need be */
static ssize_t p9s_xattr_get_as(struct p9s_fid *fid, const char *name,
				void *buf)
{
	const struct cred *cred;
	const struct cred *old;
	ssize_t size;

	cred = p9s_identity_raise(fid->identity->cred,
				  p9s_xattr_right(name, false));
	if (!cred)
		return -ENOMEM;
	old = override_creds(cred);
	size = p9s_xattr_get(&fid->path, name, buf);
	revert_creds(old);
	put_cred(cred);
	/* There was as much room as the VFS allows */
	return size == -ERANGE ? -E2BIG : size;
}

static int p9s_xattr_set_as(struct p9s_fid *fid, const struct p9s_xattr *xattr)
{
	const struct cred *cred;
	const struct cred *old;
	int err;

	cred = p9s_identity_raise(fid->identity->cred,
				  p9s_xattr_right(xattr->name, true));
	if (!cred)
		return -ENOMEM;
	err = mnt_want_write(fid->path.mnt);
	if (err)
		goto put;
	old = override_creds(cred);
	err = p9s_xattr_set(&fid->path, xattr);
	revert_creds(old);
	mnt_drop_write(fid->path.mnt);
put:
	put_cred(cred);
	return err;
}

/* A fid for a value, which is the fid's even after an error */
static int p9s_xattr_arrive(struct p9s_request *rq, struct p9s_xattr *xattr)
{
	struct p9s_fid *fid;
	int err;

	fid = p9s_fid_alloc(rq->fid->table, rq->msg.xattrwalk.newfid,
			    &rq->fid->path, rq->fid->identity);
	if (!fid) {
		p9s_xattr_free(xattr);
		return -ENOMEM;
	}
	p9s_fid_set_xattr(fid, xattr);
	err = p9s_fid_insert(fid);
	p9s_fid_put(fid);
	return err;
}

/**
 * p9s_op_xattrwalk - Txattrwalk: a fid to read an xattr or the list of them by
 * @rq: the request
 *
 * Context and return: see ops.h.
 */
int p9s_op_xattrwalk(struct p9s_request *rq)
{
	const struct p9s_txattrwalk *msg = &rq->msg.xattrwalk;
	char name[P9S_MAX_XATTR + 1] = { };
	struct p9s_xattr *xattr;
	ssize_t size;
	void *buf;

	if (msg->newfid == P9_NOFID)
		return -EINVAL;
	memcpy(name, msg->name.ptr, msg->name.len);
	/* Only the size is sent: this borrows the thread's room */
	buf = p9s_request_payload(rq, P9S_XATTR_ROOM);
	if (!buf)
		return -ENOMEM;
	size = p9s_xattr_get_as(rq->fid, name, buf);
	if (size < 0)
		return size;
	xattr = p9s_xattr_reading(&rq->session->xattrs, buf, size);
	if (IS_ERR(xattr))
		return PTR_ERR(xattr);
	p9s_put_u64(&rq->out, size);
	return p9s_xattr_arrive(rq, xattr);
}

/**
 * p9s_op_xattrcreate - Txattrcreate: let a fid be what an xattr is written by
 * @rq: the request
 *
 * Context and return: see ops.h.
 */
int p9s_op_xattrcreate(struct p9s_request *rq)
{
	const struct p9s_txattrcreate *msg = &rq->msg.xattrcreate;
	struct p9s_fid *fid = rq->fid;
	struct p9s_xattr *xattr;
	int err = 0;

	if (msg->flags & ~(XATTR_CREATE | XATTR_REPLACE))
		return -EINVAL;
	if (msg->size > XATTR_SIZE_MAX)
		return -E2BIG;
	/* The clunk, which finds out as well, is late to say so */
	if (__mnt_is_readonly(fid->path.mnt))
		return -EROFS;
	xattr = p9s_xattr_writing(&rq->session->xattrs, msg->size);
	if (IS_ERR(xattr))
		return PTR_ERR(xattr);
	memcpy(xattr->name, msg->name.ptr, msg->name.len);
	xattr->flags = msg->flags;

	mutex_lock(&fid->lock);
	if (fid->file || fid->xattr)
		err = -EBUSY;
	else
		p9s_fid_set_xattr(fid, xattr);
	mutex_unlock(&fid->lock);
	if (err)
		p9s_xattr_free(xattr);
	return err;
}

/**
 * p9s_xattr_pread - Tread by the fid of an xattr
 * @rq: the request
 * @xattr: the xattr
 *
 * Context and return: see ops.h.
 */
int p9s_xattr_pread(struct p9s_request *rq, const struct p9s_xattr *xattr)
{
	const struct p9s_tread *msg = &rq->msg.read;
	size_t count = min_t(size_t, p9s_ops_count(rq, msg->count),
			     xattr->size);
	void *buf;

	if (xattr->missing)
		return -EBADF;
	buf = p9s_request_payload(rq, count);
	if (!buf)
		return -ENOMEM;
	rq->payload_len = p9s_xattr_read(xattr, msg->offset, buf, count);
	p9s_put_u32(&rq->out, rq->payload_len);
	return 0;
}

/**
 * p9s_xattr_pwrite - Twrite by the fid of an xattr
 * @rq: the request
 * @xattr: the xattr
 *
 * Context and return: see ops.h.
 */
int p9s_xattr_pwrite(struct p9s_request *rq, struct p9s_xattr *xattr)
{
	const struct p9s_twrite *msg = &rq->msg.write;
	struct iov_iter iter;
	struct kvec vec;
	int err;

	if (!xattr->missing)
		return -EBADF;
	err = p9s_request_data(rq, &vec, &iter);
	if (err)
		return err;
	mutex_lock(&rq->fid->lock);
	err = p9s_xattr_write(xattr, msg->offset, &iter);
	mutex_unlock(&rq->fid->lock);
	if (!err)
		p9s_put_u32(&rq->out, msg->count);
	return err;
}

/**
 * p9s_xattr_commit - set the xattr that was written by a fid, if one was
 * @fid: the fid, which was clunked
 *
 * Context: may sleep; the fid's identity is put on.
 * Return: 0, -EINVAL if some of the value was not written, or what the VFS
 * says.
 */
int p9s_xattr_commit(struct p9s_fid *fid)
{
	struct p9s_xattr *xattr = p9s_fid_xattr(fid);
	int err = -EINVAL;

	if (!xattr || !xattr->missing)
		return 0;
	/* A write that is late must not change it under the filesystem */
	mutex_lock(&fid->lock);
	if (p9s_xattr_complete(xattr))
		err = p9s_xattr_set_as(fid, xattr);
	mutex_unlock(&fid->lock);
	return err;
}
