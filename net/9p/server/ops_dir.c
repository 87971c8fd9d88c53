// SPDX-License-Identifier: GPL-2.0
/*
 * Reading directories. An entry goes into the reply as the filesystem shows
 * it; where the entry after it starts is known only when that one, or the end,
 * has come, so each entry's offset is filled in late.
 */
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/limits.h>
#include <linux/path.h>
#include <linux/stat.h>
#include <linux/unaligned.h>
#include <net/9p/9p.h>
#include <net/9p/server.h>

#include "export.h"
#include "fid.h"
#include "ops.h"
#include "qid.h"
#include "request.h"
#include "session.h"

/* qid[13] offset[8] type[1] name[s] */
#define P9S_DIRENT_HDR	(P9S_QID_SIZE + 8 + 1 + 2)

/**
 * struct p9s_readdir - a reply that is being filled
 * @ctx: what the filesystem sees of it
 * @out: where entries go
 * @offset_at: where the last entry's offset is to be written
 * @devices: the filesystems of the session
 * @dev: the one that the directory is on
 * @top: the qid.path that ".." has in the export's root, else 0
 * @full: there was no room for an entry
 */
struct p9s_readdir {
	struct dir_context ctx;
	struct p9s_buf out;
	u8 *offset_at;
	struct p9s_devices *devices;
	dev_t dev;
	u64 top;
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

/* @offset is where this entry is, so where the one before it ends */
static bool p9s_readdir_entry(struct dir_context *ctx, const char *name,
			      int len, loff_t offset, u64 ino,
			      unsigned int type)
{
	struct p9s_readdir *dir = container_of(ctx, struct p9s_readdir, ctx);
	struct p9s_qid qid = { .type = p9s_readdir_qid_type(type) };

	if (dir->offset_at)
		put_unaligned_le64(offset, dir->offset_at);
	if (p9s_buf_room(&dir->out) < P9S_DIRENT_HDR + len) {
		dir->full = true;
		return false;
	}
	qid.path = p9s_qid_path(dir->devices, dir->dev, ino);
	if (dir->top && len == 2 && name[0] == '.' && name[1] == '.')
		qid.path = dir->top;
	p9s_put_qid(&dir->out, &qid);
	dir->offset_at = dir->out.pos;
	p9s_put_u64(&dir->out, 0);
	p9s_put_u8(&dir->out, type);
	p9s_put_str(&dir->out, name, len);
	return true;
}

/* The parent of the export's root is not the client's business */
static int p9s_readdir_prepare(struct p9s_request *rq, struct p9s_readdir *dir)
{
	struct p9_server_session *session = rq->session;
	const struct path *path = &rq->fid->path;
	struct kstat stat;
	int err;

	err = vfs_getattr(path, &stat, STATX_INO, AT_STATX_DONT_SYNC);
	if (err)
		return err;
	dir->devices = &session->devices;
	dir->dev = stat.dev;
	if (p9s_export_is_root(&session->export, path))
		dir->top = p9s_qid_path(dir->devices, stat.dev, stat.ino);
	return 0;
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

/**
 * p9s_op_readdir - Treaddir: entries of the open directory
 * @rq: the request
 *
 * An entry that is the mount point of a filesystem beneath the export has the
 * number of what is under it, as readdir shows everywhere.
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
	err = p9s_readdir_prepare(rq, &dir);
	if (err)
		return err;
	buf = p9s_request_payload(rq, size);
	if (size && !buf)
		return -ENOMEM;
	p9s_buf_init(&dir.out, buf, size);

	mutex_lock(&rq->fid->lock);
	err = p9s_readdir_fill(file, &dir, msg->offset);
	mutex_unlock(&rq->fid->lock);
	if (err)
		return err;
	rq->payload_len = p9s_buf_len(&dir.out);
	p9s_put_u32(&rq->out, rq->payload_len);
	return 0;
}
