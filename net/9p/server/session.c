// SPDX-License-Identifier: GPL-2.0
/*
 * A session, from the transport's p9_server_open() to its p9_server_close().
 * It owns everything that a client can make the server hold, so that closing
 * it leaves nothing behind.
 */
#include <linux/err.h>
#include <linux/export.h>
#include <linux/minmax.h>
#include <linux/path.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/9p/server.h>

#include "debugfs.h"
#include "export.h"
#include "flush.h"
#include "lock_wait.h"
#include "request.h"
#include "session.h"
#include "sysfs.h"
#include "thread.h"
#include "trace.h"

static void p9s_session_free(struct kref *users)
{
	struct p9_server_session *session =
		container_of(users, struct p9_server_session, users);

	p9s_stats_exit(&session->stats);
	p9s_devices_destroy(&session->devices);
	kfree(session->channels);
	kfree(session);
}

/**
 * p9s_session_put - give a reference back
 * @session: the session; it has been closed if this is the last one
 *
 * Context: any.
 */
void p9s_session_put(struct p9_server_session *session)
{
	kref_put(&session->users, p9s_session_free);
}

static int p9s_session_channels(struct p9_server_session *session,
				struct p9_server_channel **channels,
				unsigned int nr)
{
	unsigned int i;

	session->channels = kmemdup_array(channels, nr, sizeof(*channels),
					  GFP_KERNEL);
	if (!session->channels)
		return -ENOMEM;
	session->nr_channels = nr;
	/* One may wait in Tversion for a Tflush that waits for another's look */
	if (nr > 1)
		session->max_threads = max(session->max_threads, 2U);
	for (i = 0; i < nr; i++) {
		channels[i]->session = session;
		channels[i]->ready = false;
		channels[i]->led = false;
		channels[i]->refused = false;
		channels[i]->looked = 0;
	}
	return 0;
}

static struct p9_server_session *
p9s_session_alloc(const char *name, const struct p9_server_export *export,
		  u32 max_msize)
{
	struct p9_server_session *session = kzalloc_obj(*session);

	if (!session)
		return NULL;
	strscpy(session->name, name, sizeof(session->name));
	session->export = *export;
	session->max_msize = max_msize;
	session->max_requests = export->max_requests ?: P9S_MAX_REQUESTS;
	session->max_buffered = export->max_buffered ?: P9S_MAX_BUFFERED;
	session->max_threads = export->max_threads ?: P9S_MAX_THREADS;
	kref_init(&session->users);
	p9s_fid_table_init(&session->fids, export->max_fids ?: P9S_MAX_FIDS,
			   export->max_open ?: P9S_MAX_OPEN);
	p9s_lock_table_init(&session->locks, export->max_locks ?: P9S_MAX_LOCKS);
	p9s_xattr_quota_init(&session->xattrs,
			     export->max_xattrs ?: P9S_MAX_XATTRS);
	spin_lock_init(&session->lock);
	hash_init(session->tags);
	INIT_LIST_HEAD(&session->parked);
	INIT_LIST_HEAD(&session->threads);
	INIT_LIST_HEAD(&session->idle);
	init_waitqueue_head(&session->drained);
	return session;
}

/**
 * p9_server_open - start to serve a client
 * @name: what its threads are called, such as "9pback/3.0"
 * @export: what it is served; a reference of the root is taken
 * @max_msize: the largest message that the transport can carry, at least
 *	P9_SERVER_MIN_MSIZE
 * @channels: where requests come from; each stays valid until
 *	p9_server_close() has returned
 * @nr_channels: how many
 *
 * Nothing is received from a channel before p9_server_ready() was called for
 * it, which the transport does once after this in any case: requests may be
 * there already.
 *
 * Context: may sleep.
 * Return: the session, -ENOTDIR if the root is no directory, -EINVAL for
 * arguments that make no sense, -ENOMEM, or what the root's filesystem says.
 */
struct p9_server_session *
p9_server_open(const char *name, const struct p9_server_export *export,
	       u32 max_msize, struct p9_server_channel **channels,
	       unsigned int nr_channels)
{
	struct p9_server_session *session;
	int err;

	if (max_msize < P9_SERVER_MIN_MSIZE || !nr_channels)
		return ERR_PTR(-EINVAL);
	err = p9s_export_check(export);
	if (err)
		return ERR_PTR(err);
	max_msize = min_t(u32, max_msize, P9_SERVER_MAX_MSIZE);
	session = p9s_session_alloc(name, export, max_msize);
	if (!session)
		return ERR_PTR(-ENOMEM);
	path_get(&session->export.root);

	err = p9s_devices_init(&session->devices, &export->root);
	if (err)
		goto put;
	err = p9s_stats_init(&session->stats);
	if (err)
		goto put;
	err = p9s_session_channels(session, channels, nr_channels);
	if (err)
		goto put;
	err = p9s_sysfs_show(session);
	if (err)
		goto put;
	err = p9s_thread_start(session);
	if (err)
		goto hide;
	p9s_debugfs_show(session);
	trace_p9s_session_open(session);
	return session;

hide:
	p9s_sysfs_hide(session);
put:
	path_put(&session->export.root);
	p9s_session_put(session);
	return ERR_PTR(err);
}
EXPORT_SYMBOL_GPL(p9_server_open);

/**
 * p9_server_close - end a session
 * @session: the session, which must not be used afterwards
 *
 * Nothing is received or sent any more. What is under way is waited for, so
 * the transport first makes its @send stop waiting for room. When this
 * returns, no thread of the session exists and no file of it is open. A
 * request that the transport has only half received may be given to
 * p9_server_req_free() before or after.
 *
 * Context: may sleep, for as long as the exported filesystem makes a request
 * wait; not in a thread of the session.
 */
void p9_server_close(struct p9_server_session *session)
{
	p9s_debugfs_hide(session);
	p9s_sysfs_hide(session);
	p9s_thread_stop(session);
	p9s_flush_end(session);
	p9s_fid_table_clear(&session->fids);
	p9s_lock_table_destroy(&session->locks);
	trace_p9s_session_close(session);
	path_put(&session->export.root);
	p9s_session_put(session);
}
EXPORT_SYMBOL_GPL(p9_server_close);

/**
 * p9s_session_fail - say that the session is over
 * @channel: where it went wrong
 * @err: what went wrong, negative
 *
 * Context: a thread of the session, nothing locked.
 */
void p9s_session_fail(struct p9_server_channel *channel, int err)
{
	struct p9_server_session *session = channel->session;
	unsigned long flags;
	bool first;

	spin_lock_irqsave(&session->lock, flags);
	first = !session->failed && !session->stopping;
	session->failed = true;
	p9s_lock_wait_stop(session);
	spin_unlock_irqrestore(&session->lock, flags);
	if (first)
		channel->transport->failed(channel, err);
}

/**
 * p9s_session_over - whether nothing is to be received or sent any more
 * @session: the session
 *
 * Context: any; the answer may be old unless the session's lock is held.
 * Return: true if so.
 */
bool p9s_session_over(struct p9_server_session *session)
{
	return READ_ONCE(session->stopping) || READ_ONCE(session->failed);
}

static bool p9s_session_drained(struct p9_server_session *session)
{
	return READ_ONCE(session->nr_running) <= 1 ||
	       READ_ONCE(session->stopping);
}

/**
 * p9s_session_reset - start anew: end all requests, clunk all fids
 * @session: the session
 * @msize: the largest message from now on, 0 for none until the next reset
 *
 * Requests that arrive meanwhile on other channels are refused as those are
 * that come before a Tversion. Two Tversions at once would wait for each
 * other, so the second is refused too.
 *
 * Context: the running Tversion; may sleep for as long as requests run.
 * Return: 0, -EBUSY, or -ESHUTDOWN if the session ends meanwhile.
 */
int p9s_session_reset(struct p9_server_session *session, u32 msize)
{
	unsigned long flags;
	bool busy;

	spin_lock_irqsave(&session->lock, flags);
	busy = session->resetting;
	session->resetting = true;
	if (!busy)
		WRITE_ONCE(session->msize, 0);
	p9s_lock_wait_stop(session);
	spin_unlock_irqrestore(&session->lock, flags);
	if (busy)
		return -EBUSY;

	/* The client may take long to read its replies: that is no hang */
	wait_event_idle(session->drained, p9s_session_drained(session));
	p9s_fid_table_clear(&session->fids);

	spin_lock_irqsave(&session->lock, flags);
	session->resetting = false;
	WRITE_ONCE(session->msize, msize);
	spin_unlock_irqrestore(&session->lock, flags);
	return READ_ONCE(session->stopping) ? -ESHUTDOWN : 0;
}
