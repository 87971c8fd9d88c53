// SPDX-License-Identifier: GPL-2.0
/* Reading and writing files */
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/limits.h>
#include <linux/uio.h>

#include "fid.h"
#include "ops.h"
#include "request.h"
#include "stats.h"
#include "thread.h"

/* The file of a request that reads or writes, or NULL: @err says why */
static struct file *p9s_io_file(struct p9s_request *rq, u64 offset, int *err)
{
	struct file *file = p9s_fid_file(rq->fid);

	if (!file)
		*err = -EBADF;
	else if (S_ISDIR(file_inode(file)->i_mode))
		*err = -EISDIR;
	else if (offset > S64_MAX)
		*err = -EINVAL;
	else
		return file;
	return NULL;
}

/**
 * p9s_op_read - Tread: read from the open file, or from an xattr
 * @rq: the request
 *
 * Context and return: see ops.h.
 */
int p9s_op_read(struct p9s_request *rq)
{
	const struct p9s_tread *msg = &rq->msg.read;
	struct p9s_xattr *xattr = p9s_fid_xattr(rq->fid);
	loff_t pos = msg->offset;
	struct iov_iter iter;
	struct kvec vec;
	struct file *file;
	ssize_t got;
	int err;

	if (xattr)
		return p9s_xattr_pread(rq, xattr);
	file = p9s_io_file(rq, msg->offset, &err);
	if (!file)
		return err;
	vec.iov_len = p9s_ops_count(rq, msg->count);
	vec.iov_base = p9s_request_payload(rq, vec.iov_len);
	if (vec.iov_len && !vec.iov_base)
		return -ENOMEM;
	iov_iter_kvec(&iter, ITER_DEST, &vec, 1, vec.iov_len);
	got = vfs_iter_read(file, &iter, &pos, 0);
	if (got < 0)
		return got;
	rq->payload_len = got;
	p9s_put_u32(&rq->out, got);
	p9s_stats_add(rq->thread->counters, P9S_READ, got);
	return 0;
}

/**
 * p9s_op_write - Twrite: write to the open file, or to an xattr
 * @rq: the request
 *
 * Files opened with O_SYNC, O_DSYNC or O_APPEND are written so. What could be
 * written before an error is answered, the error comes with the next write.
 *
 * Context and return: see ops.h.
 */
int p9s_op_write(struct p9s_request *rq)
{
	const struct p9s_twrite *msg = &rq->msg.write;
	struct p9s_xattr *xattr = p9s_fid_xattr(rq->fid);
	struct kvec vec = { (void *)msg->data, msg->count };
	loff_t pos = msg->offset;
	struct iov_iter iter;
	struct file *file;
	ssize_t put = 0;
	size_t done = 0;
	int err;

	if (xattr)
		return p9s_xattr_pwrite(rq, xattr);
	file = p9s_io_file(rq, msg->offset, &err);
	if (!file)
		return err;
	iov_iter_kvec(&iter, ITER_SOURCE, &vec, 1, vec.iov_len);
	while (iov_iter_count(&iter)) {
		put = vfs_iter_write(file, &iter, &pos, 0);
		if (put <= 0)
			break;
		done += put;
	}
	if (put < 0 && !done)
		return put;
	p9s_put_u32(&rq->out, done);
	p9s_stats_add(rq->thread->counters, P9S_WRITTEN, done);
	return 0;
}

/**
 * p9s_op_fsync - Tfsync: what was written is to survive a crash
 * @rq: the request
 *
 * Context and return: see ops.h.
 */
int p9s_op_fsync(struct p9s_request *rq)
{
	struct file *file = p9s_fid_file(rq->fid);

	if (!file)
		return -EBADF;
	return vfs_fsync(file, rq->msg.fsync.datasync != 0);
}
