// SPDX-License-Identifier: GPL-2.0
/* Reading and writing files */
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/limits.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "fid.h"
#include "ops.h"
#include "request.h"
#include "stats.h"
#include "thread.h"

/* Shorter reads are copied: that costs less than to say where they go */
#define P9S_IN_PLACE_MIN	SZ_1K

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

/*
 * Read or write. What a file system cannot do direct, as it is not cut as the disk
 * would have it, goes through its cache: the client knows nothing of that disk.
 */
static ssize_t p9s_io_do(ssize_t (*how)(struct file *file, struct kiocb *iocb,
					struct iov_iter *iter),
			 struct kiocb *iocb, struct iov_iter *iter)
{
	struct iov_iter again = *iter;
	ssize_t done = how(iocb->ki_filp, iocb, iter);

	if (done != -EINVAL || !(iocb->ki_flags & IOCB_DIRECT))
		return done;
	iocb->ki_flags &= ~IOCB_DIRECT;
	*iter = again;
	return how(iocb->ki_filp, iocb, iter);
}

/*
 * Whether what is in memory of a file can be read without waiting for more than
 * that: as the file system says, or tmpfs, which has all of it there (or in swap)
 * but does not say so.
 */
static bool p9s_io_in_memory(const struct file *file)
{
	if (file->f_flags & O_DIRECT)
		return false;
	return file->f_mode & FMODE_NOWAIT ||
	       file_inode(file)->i_sb->s_magic == TMPFS_MAGIC;
}

/*
 * Read from the page cache right to where the client looks for it, if nothing
 * has to be waited for. -EAGAIN leaves it to p9s_read_copied(), errors too.
 */
static ssize_t p9s_read_in_place(struct p9s_request *rq, struct file *file,
				 u64 offset, u32 count)
{
	struct iov_iter iter;
	struct kiocb iocb;
	ssize_t got;

	if (count < P9S_IN_PLACE_MIN || !p9s_io_in_memory(file) ||
	    !p9s_request_reserve(rq, count, &iter))
		return -EAGAIN;
	init_sync_kiocb(&iocb, file);
	iocb.ki_pos = offset;
	if (file->f_mode & FMODE_NOWAIT)
		iocb.ki_flags |= IOCB_NOWAIT;
	got = vfs_iocb_iter_read(file, &iocb, &iter);
	/* Only the end of the file is a reason for less */
	if (got >= 0 && (got == count ||
			 iocb.ki_pos >= i_size_read(file_inode(file))))
		return got;
	p9s_request_unreserve(rq);
	return -EAGAIN;
}

static ssize_t p9s_read_copied(struct p9s_request *rq, struct file *file,
			       u64 offset, u32 count)
{
	struct kvec vec = { .iov_len = count };
	struct iov_iter iter;
	struct kiocb iocb;

	vec.iov_base = p9s_request_payload(rq, count);
	if (!vec.iov_base)
		return -ENOMEM;
	iov_iter_kvec(&iter, ITER_DEST, &vec, 1, count);
	init_sync_kiocb(&iocb, file);
	iocb.ki_pos = offset;
	return p9s_io_do(vfs_iocb_iter_read, &iocb, &iter);
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
	u32 count = p9s_ops_count(rq, msg->count);
	struct file *file;
	ssize_t got;
	int err;

	if (xattr)
		return p9s_xattr_pread(rq, xattr);
	file = p9s_io_file(rq, msg->offset, &err);
	if (!file)
		return err;
	got = p9s_read_in_place(rq, file, msg->offset, count);
	if (got == -EAGAIN)
		got = p9s_read_copied(rq, file, msg->offset, count);
	if (got < 0)
		return got;
	rq->payload_len = got;
	p9s_put_u32(&rq->out, got);
	p9s_stats_add(rq->thread->counters, P9S_READ, got);
	return 0;
}

/* Disks want memory that begins where they like it, and that nobody changes */
static int p9s_write_align(struct p9s_request *rq, struct kvec *vec,
			   struct iov_iter *from)
{
	size_t count = iov_iter_count(from);
	void *aligned;

	aligned = kvmalloc(count, GFP_KERNEL);
	if (!aligned)
		return -ENOMEM;
	if (copy_from_iter(aligned, count, from) != count) {
		kvfree(aligned);
		return -EFAULT;
	}
	p9s_request_release_data(rq);
	*vec = (struct kvec) { aligned, count };
	iov_iter_kvec(from, ITER_SOURCE, vec, 1, count);
	return 0;
}

/* Returns bytes, or an error if there are none */
static ssize_t p9s_write_all(struct file *file, u64 offset,
			     struct iov_iter *from)
{
	struct kiocb iocb;
	ssize_t put = 0;
	size_t done = 0;

	init_sync_kiocb(&iocb, file);
	iocb.ki_pos = offset;
	while (iov_iter_count(from)) {
		put = p9s_io_do(vfs_iocb_iter_write, &iocb, from);
		if (put <= 0)
			break;
		done += put;
	}
	return put < 0 && !done ? put : done;
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
	struct kvec vec, aligned = {};
	struct iov_iter iter;
	struct file *file;
	ssize_t put;
	int err;

	if (xattr)
		return p9s_xattr_pwrite(rq, xattr);
	file = p9s_io_file(rq, msg->offset, &err);
	if (!file)
		return err;
	err = p9s_request_data(rq, &vec, &iter);
	if (!err && file->f_flags & O_DIRECT)
		err = p9s_write_align(rq, &aligned, &iter);
	if (err)
		return err;
	put = p9s_write_all(file, msg->offset, &iter);
	kvfree(aligned.iov_base);
	if (put < 0)
		return put;
	p9s_put_u32(&rq->out, put);
	p9s_stats_add(rq->thread->counters, P9S_WRITTEN, put);
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
