// SPDX-License-Identifier: GPL-2.0
/*
 * Tflushes of what may still be on its way. A Tflush that comes on the channel
 * of what it flushes comes after that. On another channel it may be first: the
 * other one's event is late, its threads are busy, or its next request waits
 * for room. To answer then would be to promise that no reply comes any more.
 *
 * So with several channels a Tflush is parked until each of the others was found
 * empty by a look that began after it. By then what it flushes has been received
 * and it waits for that, or was answered, or never sent. That the tag is in use
 * when the Tflush comes says nothing: it may be that of an earlier request, whose
 * reply the client has got already.
 */
#include <linux/list.h>
#include <linux/spinlock.h>
#include <net/9p/server.h>

#include "flush.h"
#include "request.h"
#include "session.h"

/**
 * p9s_flush_park - keep a Tflush until the other channels have been looked at
 * @flush: the Tflush
 *
 * Context: the thread that runs @flush, which must not touch it any more if
 * this returns true.
 * Return: false if there is no other channel.
 */
bool p9s_flush_park(struct p9s_request *flush)
{
	struct p9_server_session *session = flush->session;
	struct p9_server_channel *own = flush->req.channel;
	unsigned long flags;
	unsigned int i;

	if (session->nr_channels == 1)
		return false;
	spin_lock_irqsave(&session->lock, flags);
	flush->round = session->round + 1;
	list_add_tail(&flush->flush_entry, &session->parked);
	WRITE_ONCE(session->nr_parked, session->nr_parked + 1);
	/* Pairs with p9s_flush_round(): who sees this round sees the Tflush */
	smp_store_release(&session->round, flush->round);
	spin_unlock_irqrestore(&session->lock, flags);

	for (i = 0; i < session->nr_channels; i++) {
		if (session->channels[i] != own)
			p9_server_ready(session->channels[i]);
	}
	return true;
}

/**
 * p9s_flush_round - what p9s_flush_looked() is to be told
 * @session: the session
 *
 * Context: who leads a channel, before it calls the transport's recv().
 * Return: the number of the last Tflush that was parked.
 */
u64 p9s_flush_round(const struct p9_server_session *session)
{
	/*
	 * Pairs with p9s_flush_park(): what the client had sent before that
	 * Tflush is there to be received.
	 */
	return smp_load_acquire(&session->round);
}

/* Whether a channel is left to look at. Session's lock held. */
static bool p9s_flush_waits(const struct p9s_request *flush)
{
	struct p9_server_session *session = flush->session;
	struct p9_server_channel *channel;
	unsigned int i;

	lockdep_assert_held(&session->lock);
	for (i = 0; i < session->nr_channels; i++) {
		channel = session->channels[i];
		if (channel != flush->req.channel &&
		    channel->looked < flush->round)
			return true;
	}
	return false;
}

/**
 * p9s_flush_looked - a channel was found empty
 * @channel: the channel, which the caller leads
 * @round: what p9s_flush_round() said before recv() was called
 * @thread: the thread that this is; those that have received what is answered
 *	here may have ended
 *
 * Context: may sleep, nothing locked.
 */
void p9s_flush_looked(struct p9_server_channel *channel, u64 round,
		      struct p9s_thread *thread)
{
	struct p9_server_session *session = channel->session;
	struct p9s_request *flush;
	struct p9s_request *next;
	unsigned long flags;
	LIST_HEAD(ready);

	if (channel->refused || !READ_ONCE(session->nr_parked))
		return;
	spin_lock_irqsave(&session->lock, flags);
	channel->looked = round;
	list_for_each_entry_safe(flush, next, &session->parked, flush_entry) {
		if (p9s_flush_waits(flush))
			continue;
		list_move_tail(&flush->flush_entry, &ready);
		WRITE_ONCE(session->nr_parked, session->nr_parked - 1);
	}
	spin_unlock_irqrestore(&session->lock, flags);

	list_for_each_entry_safe(flush, next, &ready, flush_entry) {
		list_del_init(&flush->flush_entry);
		flush->thread = thread;
		if (!p9s_request_await(flush, flush->msg.flush.oldtag))
			p9s_request_finish(flush, 0);
	}
}

/**
 * p9s_flush_end - forget what is parked
 * @session: the session, which is over and has no threads any more
 *
 * Context: may sleep.
 */
void p9s_flush_end(struct p9_server_session *session)
{
	struct p9s_request *flush;
	struct p9s_request *next;

	WRITE_ONCE(session->nr_parked, 0);
	list_for_each_entry_safe(flush, next, &session->parked, flush_entry) {
		list_del_init(&flush->flush_entry);
		flush->thread = NULL;
		p9s_request_finish(flush, 0);
	}
}
