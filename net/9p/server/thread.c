// SPDX-License-Identifier: GPL-2.0
/*
 * The threads of a session: leader and followers.
 *
 * One thread leads a channel: it takes requests off it and runs at once those
 * that cannot block for long. Before it runs another one it gives the lead up,
 * and if more requests are there it wakes somebody who takes over. There is
 * always a thread asleep for that, started when the last one is needed, up to
 * a limit. So a single request costs no switch to another thread, and a slow
 * one never holds up those behind it. Threads that had nothing to do for a
 * while end; the last one gives its buffer back and sleeps until it is woken,
 * without a timer.
 */
#include <linux/err.h>
#include <linux/export.h>
#include <linux/fs_struct.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <net/9p/server.h>

#include "flush.h"
#include "lock_wait.h"
#include "operation.h"
#include "request.h"
#include "session.h"
#include "thread.h"

#define P9S_IDLE_TIME	(10 * HZ)

/* Wake who fell asleep last. Called with the session's lock held. */
static bool p9s_thread_wake(struct p9_server_session *session)
{
	struct p9s_thread *thread;

	lockdep_assert_held(&session->lock);
	thread = list_first_entry_or_null(&session->idle, struct p9s_thread,
					  idle);
	if (!thread)
		return false;
	list_del_init(&thread->idle);
	session->nr_idle--;
	wake_up_process(thread->task);
	return true;
}

/**
 * p9_server_ready - say that a channel may have something to receive
 * @channel: the channel, of a session that is open
 *
 * Context: any, hard interrupts too.
 */
void p9_server_ready(struct p9_server_channel *channel)
{
	struct p9_server_session *session = channel->session;
	unsigned long flags;

	spin_lock_irqsave(&session->lock, flags);
	channel->ready = true;
	if (!channel->led)
		p9s_thread_wake(session);
	spin_unlock_irqrestore(&session->lock, flags);
}
EXPORT_SYMBOL_GPL(p9_server_ready);

/* A channel to lead, or NULL. Called with the session's lock held. */
static struct p9_server_channel *
p9s_channel_waiting(struct p9_server_session *session)
{
	struct p9_server_channel *channel;
	unsigned int i;

	lockdep_assert_held(&session->lock);
	if (p9s_session_over(session))
		return NULL;
	for (i = 0; i < session->nr_channels; i++) {
		channel = session->channels[i];
		if (channel->ready && !channel->led)
			return channel;
	}
	return NULL;
}

static void p9s_thread_free_buffer(struct p9s_thread *thread)
{
	kvfree(thread->buffer);
	thread->buffer = NULL;
	thread->buffer_size = 0;
}

/* Whether another thread may be started. Session's lock held. */
static bool p9s_thread_wanted(struct p9_server_session *session)
{
	lockdep_assert_held(&session->lock);
	return list_empty(&session->idle) && !p9s_session_over(session) &&
	       session->nr_threads < session->max_threads;
}

/*
 * Sleep until woken, or for a while if others are asleep too or the thread has
 * something to give back then. Returns false if the thread is to end. Called
 * with the session's lock held, which is dropped meanwhile.
 */
static bool p9s_thread_sleep(struct p9s_thread *thread)
	__must_hold(&thread->session->lock)
{
	struct p9_server_session *session = thread->session;
	long left = MAX_SCHEDULE_TIMEOUT;

	if (session->nr_idle || thread->buffer)
		left = P9S_IDLE_TIME;
	list_add(&thread->idle, &session->idle);
	session->nr_idle++;
	/* Before the lock is dropped: who wakes takes it first */
	set_current_state(TASK_IDLE);
	spin_unlock_irq(&session->lock);
	left = schedule_timeout(left);
	spin_lock_irq(&session->lock);

	if (list_empty(&thread->idle))
		return true;
	list_del_init(&thread->idle);
	session->nr_idle--;
	if (left || session->nr_idle)
		return left;
	/* The last one stays. An idle session is to cost little. */
	spin_unlock_irq(&session->lock);
	p9s_thread_free_buffer(thread);
	spin_lock_irq(&session->lock);
	return true;
}

/* The next channel for a thread to lead, or NULL if the thread is to end */
static struct p9_server_channel *p9s_thread_next(struct p9s_thread *thread)
{
	struct p9_server_session *session = thread->session;
	struct p9_server_channel *channel = NULL;
	bool stay = true;

	spin_lock_irq(&session->lock);
	while (stay && !session->stopping) {
		channel = p9s_channel_waiting(session);
		if (channel)
			break;
		stay = p9s_thread_sleep(thread);
	}
	if (channel) {
		channel->ready = false;
		channel->led = true;
	} else {
		thread->ending = true;
		session->nr_threads--;
	}
	spin_unlock_irq(&session->lock);
	return channel;
}

/* Give the lead up unless the channel has become ready meanwhile */
static bool p9s_channel_leave(struct p9_server_channel *channel)
{
	struct p9_server_session *session = channel->session;
	bool leave;

	spin_lock_irq(&session->lock);
	leave = !channel->ready || p9s_session_over(session);
	if (leave)
		channel->led = false;
	else
		channel->ready = false;
	spin_unlock_irq(&session->lock);
	return leave;
}

/* The next request of a channel that is led; NULL if the lead is given up */
static struct p9s_request *p9s_channel_next(struct p9_server_channel *channel,
					    struct p9s_thread *thread)
{
	struct p9s_request *rq;
	struct p9_server_req *req;
	u64 round;

	do {
		if (p9s_session_over(channel->session))
			continue;
		round = p9s_flush_round(channel->session);
		channel->refused = false;
		req = channel->transport->recv(channel);
		if (!req) {
			p9s_flush_looked(channel, round, thread);
			continue;
		}
		rq = IS_ERR(req) ? ERR_CAST(req) : p9s_request_begin(req);
		if (!IS_ERR(rq))
			return rq;
		p9s_session_fail(channel, PTR_ERR(rq));
	} while (!p9s_channel_leave(channel));
	return NULL;
}

static int p9s_thread_function(void *data);

/* Free threads that have ended; each belongs to who takes it off the list */
static void p9s_thread_reap(struct p9_server_session *session)
{
	struct p9s_thread *thread;
	struct p9s_thread *next;
	LIST_HEAD(ending);

	spin_lock_irq(&session->lock);
	list_for_each_entry_safe(thread, next, &session->threads, entry) {
		if (thread->ending)
			list_move(&thread->entry, &ending);
	}
	spin_unlock_irq(&session->lock);

	list_for_each_entry_safe(thread, next, &ending, entry) {
		wait_for_completion(&thread->ended);
		kfree(thread);
	}
}

static int p9s_thread_create(struct p9_server_session *session, unsigned int nr)
{
	struct p9s_thread *thread = kzalloc_obj(*thread);
	struct task_struct *task;

	if (!thread)
		return -ENOMEM;
	thread->counters = p9s_stats_join(&session->stats);
	if (!thread->counters) {
		kfree(thread);
		return -ENOMEM;
	}
	thread->session = session;
	INIT_LIST_HEAD(&thread->idle);
	init_completion(&thread->ended);
	task = kthread_create(p9s_thread_function, thread, "%s-%u",
			      session->name, nr);
	if (IS_ERR(task)) {
		p9s_stats_leave(&session->stats, thread->counters);
		kfree(thread);
		return PTR_ERR(task);
	}
	thread->task = task;

	spin_lock_irq(&session->lock);
	list_add(&thread->entry, &session->threads);
	spin_unlock_irq(&session->lock);
	wake_up_process(task);
	return 0;
}

/* Start another thread if one is wanted */
static int p9s_thread_spawn(struct p9_server_session *session)
{
	unsigned int nr = 0;
	bool wanted;
	int err;

	spin_lock_irq(&session->lock);
	wanted = p9s_thread_wanted(session);
	if (wanted) {
		session->nr_threads++;
		nr = session->last_thread++;
	}
	spin_unlock_irq(&session->lock);
	if (!wanted)
		return 0;

	p9s_thread_reap(session);
	err = p9s_thread_create(session, nr);
	if (err) {
		spin_lock_irq(&session->lock);
		session->nr_threads--;
		spin_unlock_irq(&session->lock);
	}
	return err;
}

/* Give the lead up before something that may block */
static void p9s_channel_hand_over(struct p9_server_channel *channel)
{
	struct p9_server_session *session = channel->session;
	bool pending = channel->transport->pending(channel);
	bool woken = false;
	bool spawn;

	spin_lock_irq(&session->lock);
	channel->led = false;
	/* A Tflush that is parked needs the channel looked at to its end */
	channel->ready |= pending || session->nr_parked;
	if (p9s_channel_waiting(session))
		woken = p9s_thread_wake(session);
	spawn = !woken && p9s_thread_wanted(session);
	spin_unlock_irq(&session->lock);
	/* Without memory for one, those that run take over as they end */
	if (spawn)
		p9s_thread_spawn(session);
}

/* Whether somebody else must lead a channel that nobody was woken for */
static void p9s_thread_help(struct p9_server_session *session)
{
	bool spawn;

	spin_lock_irq(&session->lock);
	spawn = p9s_channel_waiting(session) && p9s_thread_wanted(session);
	spin_unlock_irq(&session->lock);
	if (spawn)
		p9s_thread_spawn(session);
}

static void p9s_thread_lead(struct p9s_thread *thread,
			    struct p9_server_channel *channel)
{
	struct p9s_request *rq;
	bool quick;

	if (thread->session->nr_channels > 1)
		p9s_thread_help(thread->session);
	while ((rq = p9s_channel_next(channel, thread))) {
		quick = rq->op->flags & P9S_OP_QUICK;
		if (!quick)
			p9s_channel_hand_over(channel);
		p9s_request_run(rq, thread);
		if (!quick)
			break;
	}
}

static int p9s_thread_function(void *data)
{
	struct p9s_thread *thread = data;
	struct p9_server_channel *channel;

	/*
	 * Modes are the client's business, so no umask is to count. Until it
	 * is unshared it is that of all kernel threads.
	 */
	if (!unshare_fs_struct())
		current->fs->umask = 0;
	while ((channel = p9s_thread_next(thread)))
		p9s_thread_lead(thread, channel);
	p9s_stats_leave(&thread->session->stats, thread->counters);
	p9s_thread_free_buffer(thread);
	kthread_complete_and_exit(&thread->ended, 0);
}

/**
 * p9s_thread_start - start the first thread of a session
 * @session: the session
 *
 * Context: may sleep.
 * Return: 0, or -ENOMEM or -EINTR if there is no thread then.
 */
int p9s_thread_start(struct p9_server_session *session)
{
	return p9s_thread_spawn(session);
}

/* Any thread that is left, for the caller to wait for, or NULL */
static struct p9s_thread *p9s_thread_any(struct p9_server_session *session)
{
	struct p9s_thread *thread;

	spin_lock_irq(&session->lock);
	while (p9s_thread_wake(session))
		;
	thread = list_first_entry_or_null(&session->threads,
					  struct p9s_thread, entry);
	if (thread)
		list_del(&thread->entry);
	spin_unlock_irq(&session->lock);
	return thread;
}

/**
 * p9s_thread_stop - end all threads of a session
 * @session: the session
 *
 * Context: may sleep until what runs has ended.
 */
void p9s_thread_stop(struct p9_server_session *session)
{
	struct p9s_thread *thread;

	spin_lock_irq(&session->lock);
	session->stopping = true;
	p9s_lock_wait_stop(session);
	spin_unlock_irq(&session->lock);
	wake_up_all(&session->drained);

	/* Who is starting another thread just now is waited for before that */
	while ((thread = p9s_thread_any(session))) {
		wait_for_completion(&thread->ended);
		kfree(thread);
	}
}

/**
 * p9s_thread_buffer - room for the data of a reply
 * @thread: the thread that puts it together
 * @size: bytes that are needed; may be none
 *
 * Context: that thread; may sleep.
 * Return: the room, which stays the thread's, or NULL without memory, but never
 * because none is needed.
 */
void *p9s_thread_buffer(struct p9s_thread *thread, size_t size)
{
	if (thread->buffer && size <= thread->buffer_size)
		return thread->buffer;
	kvfree(thread->buffer);
	thread->buffer = kvmalloc(size, GFP_KERNEL);
	thread->buffer_size = thread->buffer ? size : 0;
	return thread->buffer;
}
