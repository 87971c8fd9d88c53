// SPDX-License-Identifier: GPL-2.0
/*
 * Locks. A client asks for one and is told whether it has it, at once or, if it
 * says that it would wait, after a while; to wait longer is its own business, it
 * asks again. Linux's client sends what its programs do with flock(2) in the same
 * messages.
 */
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/filelock.h>
#include <linux/fs.h>
#include <linux/sched.h>
#include <net/9p/9p.h>

#include "fid.h"
#include "lock.h"
#include "lock_wait.h"
#include "ops.h"
#include "request.h"
#include "session.h"

/*
 * Whether a lock was held before is all the same here: none outlives its session,
 * so what a client takes again after a new start it takes as anybody else.
 */
#define P9S_LOCK_FLAGS	(P9_LOCK_FLAGS_BLOCK | P9_LOCK_FLAGS_RECLAIM)

static int p9s_lock_range(const struct p9s_tlock *msg, struct file_lock *fl)
{
	if (msg->start > OFFSET_MAX)
		return -EINVAL;
	fl->fl_start = msg->start;
	fl->fl_end = OFFSET_MAX;
	if (!msg->length)
		return 0;
	if (msg->length - 1 > OFFSET_MAX - msg->start)
		return -EOVERFLOW;
	fl->fl_end = msg->start + (msg->length - 1);
	return 0;
}

static int p9s_lock_type(const struct p9s_tlock *msg, struct file_lock *fl)
{
	switch (msg->type) {
	case P9_LOCK_TYPE_RDLCK:
		fl->c.flc_type = F_RDLCK;
		return 0;
	case P9_LOCK_TYPE_WRLCK:
		fl->c.flc_type = F_WRLCK;
		return 0;
	case P9_LOCK_TYPE_UNLCK:
		fl->c.flc_type = F_UNLCK;
		return 0;
	default:
		return -EINVAL;
	}
}

/* What a request is about, to be given to locks_free_lock() */
static struct file_lock *p9s_lock_alloc(const struct p9s_tlock *msg,
					struct file *file)
{
	struct file_lock *fl;
	int err;

	if (!file)
		return ERR_PTR(-EBADF);
	fl = locks_alloc_lock();
	if (!fl)
		return ERR_PTR(-ENOLCK);
	fl->c.flc_file = file;
	fl->c.flc_flags = FL_POSIX;
	fl->c.flc_pid = current->tgid;
	err = p9s_lock_type(msg, fl);
	if (!err)
		err = p9s_lock_range(msg, fl);
	if (!err)
		return fl;
	locks_free_lock(fl);
	return ERR_PTR(err);
}

/*
 * What fcntl(2) checks. It refuses what flock(2) lets be done: an exclusive
 * lock by a file that is open for reading alone, so that who may only read
 * does not shut out who writes. NFS does the same.
 */
static int p9s_lock_may(struct file_lock *fl)
{
	fmode_t mode = fl->c.flc_file->f_mode;

	if (lock_is_read(fl) && !(mode & FMODE_READ))
		return -EBADF;
	if (lock_is_write(fl) && !(mode & FMODE_WRITE))
		return -EBADF;
	return 0;
}

/**
 * p9s_op_lock - Tlock: lock or unlock a range
 * @rq: the request
 *
 * Context and return: see ops.h.
 */
int p9s_op_lock(struct p9s_request *rq)
{
	const struct p9s_tlock *msg = &rq->msg.lock;
	struct file_lock *fl;
	int err;

	if (msg->flags & ~P9S_LOCK_FLAGS)
		return -EINVAL;
	fl = p9s_lock_alloc(msg, p9s_fid_file(rq->fid));
	if (IS_ERR(fl))
		return PTR_ERR(fl);
	err = p9s_lock_may(fl);
	if (!err)
		err = p9s_lock_set(rq, fl);
	if (err == -EAGAIN && (msg->flags & P9_LOCK_FLAGS_BLOCK))
		err = p9s_lock_wait(rq, fl);
	locks_free_lock(fl);
	/* Filesystems with a way of their own to lock may say either */
	if (err == -EAGAIN || err == -EACCES) {
		p9s_put_u8(&rq->out, P9_LOCK_BLOCKED);
		return 0;
	}
	if (!err)
		p9s_put_u8(&rq->out, P9_LOCK_SUCCESS);
	return err;
}

static void p9s_lock_put(struct p9s_request *rq, const struct file_lock *fl,
			 u32 proc_id, const char *client, u16 client_len)
{
	struct p9s_buf *out = &rq->out;

	p9s_put_u8(out, fl->c.flc_type == F_RDLCK ? P9_LOCK_TYPE_RDLCK :
						    P9_LOCK_TYPE_WRLCK);
	p9s_put_u64(out, fl->fl_start);
	p9s_put_u64(out, fl->fl_end == OFFSET_MAX ?
			 0 : fl->fl_end - fl->fl_start + 1);
	p9s_put_u32(out, proc_id);
	p9s_put_str(out, client, client_len);
}

/* Nothing is in the way: the rest is what was asked */
static void p9s_lock_put_free(struct p9s_request *rq)
{
	const struct p9s_tlock *msg = &rq->msg.lock;
	struct p9s_buf *out = &rq->out;

	p9s_put_u8(out, P9_LOCK_TYPE_UNLCK);
	p9s_put_u64(out, msg->start);
	p9s_put_u64(out, msg->length);
	p9s_put_u32(out, msg->proc_id);
	p9s_put_str(out, msg->client_id.ptr, msg->client_id.len);
}

/**
 * p9s_op_getlock - Tgetlock: is a lock in the way
 * @rq: the request
 *
 * Context and return: see ops.h.
 */
int p9s_op_getlock(struct p9s_request *rq)
{
	const struct p9s_tlock *msg = &rq->msg.lock;
	char holder[P9S_MAX_CLIENT];
	u32 proc_id = msg->proc_id;
	struct file_lock *fl;
	u16 len = 0;
	int err;

	fl = p9s_lock_alloc(msg, p9s_fid_file(rq->fid));
	if (IS_ERR(fl))
		return PTR_ERR(fl);
	/* Linux's client asks for this, whatever its program wanted to know */
	if (lock_is_unlock(fl))
		fl->c.flc_type = F_WRLCK;
	err = p9s_lock_test(&rq->session->locks, fl, &proc_id, &msg->client_id,
			    holder, &len);
	if (!err && lock_is_unlock(fl))
		p9s_lock_put_free(rq);
	else if (!err)
		p9s_lock_put(rq, fl, proc_id, holder, len);
	locks_free_lock(fl);
	return err;
}
