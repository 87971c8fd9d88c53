// SPDX-License-Identifier: GPL-2.0
/*
 * Reading directories. An entry goes into the reply as the filesystem shows
 * it; where the entry after it starts is known only when that one, or the end,
 * has come, so each entry's offset is filled in late.
 *
 * The number that a filesystem shows of an entry may be another than that of
 * the file: what is mounted there has its own, overlayfs shows that of a layer,
 * FAT makes one up. Clients are to be told one number of a file whoever asks,
 * so entries get theirs when the directory is no longer locked: such ones are
 * walked to.
 */
#include <linux/dcache.h>
#include <linux/errno.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/limits.h>
#include <linux/magic.h>
#include <linux/namei.h>
#include <linux/path.h>
#include <linux/stat.h>
#include <linux/unaligned.h>
#include <net/9p/9p.h>
#include <net/9p/server.h>

#include "fid.h"
#include "ops.h"
#include "qid.h"
#include "request.h"
#include "session.h"

/* qid[13] offset[8] type[1] name[s] */
#define P9S_DIRENT_NAME	(P9S_QID_SIZE + 8 + 1)
#define P9S_DIRENT_HDR	(P9S_DIRENT_NAME + 2)

/**
 * struct p9s_readdir - a reply that is being filled
 * @ctx: what the filesystem sees of it
 * @out: where entries go
 * @offset_at: where the last entry's offset is to be written
 * @full: there was no room for an entry
 */
struct p9s_readdir {
	struct dir_context ctx;
	struct p9s_buf out;
	u8 *offset_at;
	bool full;
};

static u8 p9s_readdir_qid_type(unsigned int type)
{
	if (type == DT_DIR)
		return P9_QTDIR;
	if (type == DT_LNK)
		return P9_QTSYMLINK;
	return P9_QTFILE;
}

/*
 * @offset is where this entry is, so where the one before it ends. qid.path is
 * the filesystem's number for now.
 */
static bool p9s_readdir_entry(struct dir_context *ctx, const char *name,
			      int len, loff_t offset, u64 ino,
			      unsigned int type)
{
	struct p9s_readdir *dir = container_of(ctx, struct p9s_readdir, ctx);
	struct p9s_qid qid = {
		.type = p9s_readdir_qid_type(type),
		.path = ino,
	};

	if (dir->offset_at)
		put_unaligned_le64(offset, dir->offset_at);
	if (p9s_buf_room(&dir->out) < P9S_DIRENT_HDR + len) {
		dir->full = true;
		return false;
	}
	p9s_put_qid(&dir->out, &qid);
	dir->offset_at = dir->out.pos;
	p9s_put_u64(&dir->out, 0);
	p9s_put_u8(&dir->out, type);
	p9s_put_str(&dir->out, name, len);
	return true;
}

/* Called with the fid's lock held, which guards the file's position */
static int p9s_readdir_fill(struct file *file, struct p9s_readdir *dir,
			    loff_t offset)
{
	loff_t pos = file->f_pos;
	int err;

	if (offset != pos || !offset) {
		pos = vfs_llseek(file, offset, SEEK_SET);
		if (pos < 0)
			return pos;
	}
	err = iterate_dir(file, &dir->ctx);
	if (dir->offset_at && !dir->full)
		put_unaligned_le64(file->f_pos, dir->offset_at);
	/* What was found before an error is good; the error comes again */
	if (dir->offset_at)
		return 0;
	return dir->full ? -EINVAL : err;
}

/* Whether a filesystem shows of its entries the numbers that its files have */
static bool p9s_readdir_believes(const struct super_block *sb)
{
	switch (sb->s_magic) {
	case EXT4_SUPER_MAGIC:
	case F2FS_SUPER_MAGIC:
	case TMPFS_MAGIC:
	case XFS_SUPER_MAGIC:
		return true;
	}
	return false;
}

/* What is mounted somewhere is in memory */
static bool p9s_readdir_mounted(const struct path *dir,
				const struct p9s_str *name)
{
	struct dentry *child;
	bool mounted;

	child = try_lookup_noperm(&QSTR_LEN(name->ptr, name->len), dir->dentry);
	if (IS_ERR_OR_NULL(child))
		return false;
	mounted = d_mountpoint(child);
	dput(child);
	return mounted;
}

static bool p9s_readdir_must_walk(struct p9s_request *rq,
				  const struct p9s_str *name)
{
	const struct path *dir = &rq->fid->path;

	if (p9s_str_is_dotdot(name))
		return true;
	if (!p9s_readdir_believes(dir->dentry->d_sb))
		return true;
	return rq->session->export.crossmnt && p9s_readdir_mounted(dir, name);
}

static int p9s_readdir_walk(struct p9s_request *rq, const struct p9s_str *name,
			    struct p9s_qid *qid)
{
	struct path path = rq->fid->path;
	int err = 0;

	path_get(&path);
	if (!p9s_str_equal(name, "."))
		err = p9s_walk_one(rq, &path, name);
	if (!err)
		err = p9s_qid_from_path(&rq->session->devices, &path, qid);
	path_put(&path);
	return err;
}

/*
 * Give an entry the number that the client will see of the file. Without the
 * right to look, and of a file that has just gone, it is the one that the
 * filesystem shows; of what is above the directory it is none.
 */
static int p9s_readdir_number(struct p9s_request *rq, dev_t dev,
			      const struct p9s_str *name, u8 *at)
{
	u64 ino = get_unaligned_le64(at + P9S_QID_SIZE - sizeof(ino));
	struct p9s_qid qid = { .type = at[0] };
	struct p9s_buf out;
	int err = -ENOENT;

	if (p9s_readdir_must_walk(rq, name))
		err = p9s_readdir_walk(rq, name, &qid);
	if (err && err != -EOVERFLOW && err != -ENOMEM) {
		if (p9s_str_is_dotdot(name))
			ino = 0;
		err = p9s_qid_path(&rq->session->devices, dev, ino, &qid.path);
	}
	p9s_buf_init(&out, at, P9S_QID_SIZE);
	p9s_put_qid(&out, &qid);
	return err;
}

/* Number all entries from @at on, which the directory's filesystem has filled */
static int p9s_readdir_numbers(struct p9s_request *rq, u8 *at, const u8 *end)
{
	struct p9s_str name;
	struct kstat stat;
	int err;

	err = vfs_getattr(&rq->fid->path, &stat, STATX_INO,
			  AT_STATX_DONT_SYNC);
	while (!err && at < end) {
		name.len = get_unaligned_le16(at + P9S_DIRENT_NAME);
		name.ptr = (const char *)at + P9S_DIRENT_HDR;
		err = p9s_readdir_number(rq, stat.dev, &name, at);
		at += P9S_DIRENT_HDR + name.len;
	}
	return err;
}

/**
 * p9s_op_readdir - Treaddir: entries of the open directory
 * @rq: the request
 *
 * Context and return: see ops.h.
 */
int p9s_op_readdir(struct p9s_request *rq)
{
	const struct p9s_tread *msg = &rq->msg.read;
	struct p9s_readdir dir = { .ctx.actor = p9s_readdir_entry };
	struct file *file = p9s_fid_file(rq->fid);
	u32 size = p9s_ops_count(rq, msg->count);
	void *buf;
	int err;

	if (!file)
		return -EBADF;
	if (msg->offset > S64_MAX)
		return -EINVAL;
	buf = p9s_request_payload(rq, size);
	if (!buf)
		return -ENOMEM;
	p9s_buf_init(&dir.out, buf, size);

	mutex_lock(&rq->fid->lock);
	err = p9s_readdir_fill(file, &dir, msg->offset);
	mutex_unlock(&rq->fid->lock);
	if (!err)
		err = p9s_readdir_numbers(rq, buf, dir.out.pos);
	if (err)
		return err;
	rq->payload_len = p9s_buf_len(&dir.out);
	p9s_put_u32(&rq->out, rq->payload_len);
	return 0;
}
