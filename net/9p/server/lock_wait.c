// SPDX-License-Identifier: GPL-2.0
/*
 * Requests that wait for a lock. Linux's client, told that somebody else has
 * it, sleeps for its locktimeout, half a minute as a rule, before it asks
 * again; and who holds it may be about to let it go, by a message that is right
 * behind. So the answer waits a little. It does not wait for long: the process
 * is not woken by a signal that it has a handler for while its request is under
 * way.
 *
 * A request that waits keeps its thread. A Tflush ends the wait, and so does
 * what ends the session or begins it anew.
 */
#include <linux/errno.h>
#include <linux/filelock.h>
#include <linux/fs.h>
#include <linux/hashtable.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "lock.h"
#include "lock_wait.h"
#include "request.h"
#include "session.h"

#define P9S_LOCK_WAIT	HZ

/* Whether somebody wants the request ended. The answer may be old. */
static bool p9s_lock_wait_over(const struct p9s_request *rq)
{
	return !list_empty(&rq->flushes) || p9s_session_over(rq->session) ||
	       READ_ONCE(rq->session->resetting);
}

/*
 * Those that wait leave others half of the threads and of the requests, and
 * room for the largest message: who holds the lock has to be heard. Session's
 * lock held.
 */
static bool p9s_lock_wait_fits(const struct p9s_request *rq)
{
	const struct p9_server_session *session = rq->session;
	unsigned int nr = session->nr_lock_waits + 1;

	lockdep_assert_held(&session->lock);
	return nr <= min(session->max_threads, session->max_requests) / 2 &&
	       (u64)nr * rq->accounted + sizeof(*rq) + rq->msize <=
	       session->max_buffered;
}

/* Whether the VFS has woken who waits */
static bool p9s_lock_freed(const struct file_lock *fl)
{
	return list_empty(&fl->c.flc_blocked_member);
}

static bool p9s_lock_wait_begin(struct p9s_request *rq, struct file_lock *fl)
{
	struct p9_server_session *session = rq->session;
	unsigned long flags;
	bool begun;

	spin_lock_irqsave(&session->lock, flags);
	begun = !p9s_lock_wait_over(rq) && p9s_lock_wait_fits(rq);
	if (begun) {
		rq->lock_wait = &fl->c.flc_wait;
		session->nr_lock_waits++;
	}
	spin_unlock_irqrestore(&session->lock, flags);
	return begun;
}

static void p9s_lock_wait_end(struct p9s_request *rq)
{
	struct p9_server_session *session = rq->session;
	unsigned long flags;

	spin_lock_irqsave(&session->lock, flags);
	rq->lock_wait = NULL;
	session->nr_lock_waits--;
	spin_unlock_irqrestore(&session->lock, flags);
}

/**
 * p9s_lock_wait - lock a range, and wait a little if somebody else holds it
 * @rq: the Tlock
 * @fl: the range, type and file, which p9s_lock_set() was not given
 *
 * Context: the thread that runs @rq; may sleep for P9S_LOCK_WAIT.
 * Return: as p9s_lock_set().
 */
int p9s_lock_wait(struct p9s_request *rq, struct file_lock *fl)
{
	long left = P9S_LOCK_WAIT;
	int err;

	/* A filesystem that locks in its own way waits for as long as it likes */
	if (fl->c.flc_file->f_op->lock || !p9s_lock_wait_begin(rq, fl))
		return -EAGAIN;
	fl->c.flc_flags |= FL_SLEEP;
	for (;;) {
		err = p9s_lock_set(rq, fl);
		if (err != FILE_LOCK_DEFERRED)
			break;
		err = -EAGAIN;
		left = wait_event_idle_timeout(fl->c.flc_wait,
					       p9s_lock_wait_over(rq) ||
					       p9s_lock_freed(fl), left);
		p9s_lock_unqueue(&rq->session->locks, fl);
		if (!left || p9s_lock_wait_over(rq))
			break;
	}
	p9s_lock_wait_end(rq);
	/*
	 * Processes that wait for each other by flock(2) are not told so, and
	 * they may be threads, which are one owner here. They ask again.
	 */
	return err == -EDEADLK ? -EAGAIN : err;
}

/**
 * p9s_lock_wait_wake - let a request look up if it waits for a lock
 * @rq: the request
 *
 * Context: any, session's lock held.
 */
void p9s_lock_wait_wake(struct p9s_request *rq)
{
	lockdep_assert_held(&rq->session->lock);
	if (rq->lock_wait)
		wake_up(rq->lock_wait);
}

/**
 * p9s_lock_wait_stop - let all requests look up that wait for locks
 * @session: the session, which is over or begins anew
 *
 * Context: any, session's lock held.
 */
void p9s_lock_wait_stop(struct p9_server_session *session)
{
	struct p9s_request *rq;
	unsigned int bucket;

	lockdep_assert_held(&session->lock);
	if (!session->nr_lock_waits)
		return;
	hash_for_each(session->tags, bucket, rq, tag_node)
		p9s_lock_wait_wake(rq);
}
