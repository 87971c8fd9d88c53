// SPDX-License-Identifier: GPL-2.0
/*
 * Requests: their memory and its limits, their tags, Tflush, and replies.
 *
 * A request is in the tag table from its receipt until its reply was handed
 * to the transport, so that a Tflush finds it and is answered after it. The
 * client may use the tag again as soon as it sees the reply, which may be
 * before send() returns: such an old entry does not count as using the tag.
 * A tag that is in use in earnest ends the session: a reply to the second
 * request could only be mistaken for the reply to the first.
 */
#include <kunit/visibility.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/hashtable.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/unaligned.h>
#include <net/9p/9p.h>
#include <net/9p/server.h>

#include "export.h"
#include "fid.h"
#include "identity.h"
#include "lock_wait.h"
#include "operation.h"
#include "request.h"
#include "session.h"
#include "thread.h"
#include "trace.h"

/* A Twrite of at least this size is not copied but for its fields */
#define P9S_LEFT_MIN	SZ_4K
/* fid[4] offset[8] count[4] after the header */
#define P9S_TWRITE_SIZE	(P9_SERVER_HDR_SIZE + 16)

static struct p9s_request *p9s_request_of(struct p9_server_req *req)
{
	return container_of(req, struct p9s_request, req);
}

static u32 p9s_request_limit(struct p9_server_session *session)
{
	return READ_ONCE(session->msize) ?: session->max_msize;
}

/*
 * Count a request if the limits allow. One is always allowed besides those that
 * are parked until more is received, so that a session never waits for nothing.
 */
static bool p9s_request_account(struct p9_server_session *session, size_t size)
{
	unsigned long flags;
	bool fits;

	spin_lock_irqsave(&session->lock, flags);
	fits = session->nr_requests == session->nr_parked ||
	       (session->nr_requests < session->max_requests &&
		session->buffered + size <= session->max_buffered);
	if (fits) {
		session->nr_requests++;
		session->buffered += size;
	} else {
		session->refused = true;
	}
	spin_unlock_irqrestore(&session->lock, flags);
	return fits;
}

/* Undo p9s_request_account(), and let those who were refused come again */
static void p9s_request_unaccount(struct p9_server_session *session,
				  size_t size)
{
	unsigned long flags;
	unsigned int i;
	bool refused;

	spin_lock_irqsave(&session->lock, flags);
	session->nr_requests--;
	session->buffered -= size;
	refused = session->refused && !session->stopping;
	session->refused = false;
	spin_unlock_irqrestore(&session->lock, flags);
	for (i = 0; refused && i < session->nr_channels; i++)
		p9_server_ready(session->channels[i]);
}

/* How many bytes of a message its transport is to leave where they are */
static u32 p9s_request_left(const struct p9s_header *head)
{
	if (head->type != P9_TWRITE || head->size < P9S_LEFT_MIN)
		return 0;
	return head->size - P9S_TWRITE_SIZE;
}

/**
 * p9_server_req_alloc - get memory for a request of which the header is there
 * @channel: where it comes from
 * @header: the first bytes of the message, a private copy
 * @may_leave: the transport can leave data where they are
 *
 * Context: the transport's @recv; may sleep.
 * Return: a request whose @buf has room for the first @size bytes of the message
 * and holds the header already; @left more are not to be copied, but kept until
 * @release. NULL if the session is at a limit: @recv returns NULL then and is
 * called again with the header when there is room; -EPROTO for a size that no
 * message can have, -ENOMEM: @recv returns these.
 */
struct p9_server_req *
p9_server_req_alloc(struct p9_server_channel *channel,
		    const u8 header[P9_SERVER_HDR_SIZE], bool may_leave)
{
	struct p9_server_session *session = channel->session;
	struct p9s_header head;
	struct p9s_request *rq;
	size_t size;
	u32 left;

	p9s_wire_header(header, &head);
	if (head.size < P9_SERVER_HDR_SIZE ||
	    head.size > p9s_request_limit(session))
		return ERR_PTR(-EPROTO);
	left = may_leave ? p9s_request_left(&head) : 0;
	size = struct_size(rq, data, head.size - left);
	channel->refused = !p9s_request_account(session, size);
	if (channel->refused)
		return NULL;
	rq = kvmalloc(size, GFP_KERNEL);
	if (!rq) {
		p9s_request_unaccount(session, size);
		return ERR_PTR(-ENOMEM);
	}

	memset(rq, 0, sizeof(*rq));
	kref_get(&session->users);
	rq->session = session;
	rq->accounted = size;
	rq->tag = head.tag;
	rq->type = head.type;
	INIT_HLIST_NODE(&rq->tag_node);
	INIT_LIST_HEAD(&rq->flushes);
	INIT_LIST_HEAD(&rq->flush_entry);
	rq->req.channel = channel;
	rq->req.buf = rq->data;
	rq->req.size = head.size - left;
	rq->req.left = left;
	memcpy(rq->data, header, P9_SERVER_HDR_SIZE);
	return &rq->req;
}
EXPORT_SYMBOL_GPL(p9_server_req_alloc);

/**
 * p9_server_req_free - throw a request away that @recv has not returned
 * @req: the request
 *
 * Context: may sleep. The session may have been closed before.
 */
void p9_server_req_free(struct p9_server_req *req)
{
	struct p9s_request *rq = p9s_request_of(req);
	struct p9_server_session *session = rq->session;
	size_t size = rq->accounted;

	p9s_request_release_data(rq);
	kvfree(rq);
	p9s_request_unaccount(session, size);
	p9s_session_put(session);
}
EXPORT_SYMBOL_GPL(p9_server_req_free);

/*
 * The request that uses a tag; one whose reply is on its way only if there is
 * no other. Called with the session's lock held.
 */
static struct p9s_request *p9s_request_find(struct p9_server_session *session,
					    u16 tag)
{
	struct p9s_request *replying = NULL;
	struct p9s_request *rq;

	lockdep_assert_held(&session->lock);
	hash_for_each_possible(session->tags, rq, tag_node, tag) {
		if (rq->tag != tag)
			continue;
		if (!rq->replying)
			return rq;
		/* The latest is the first; its client has the others' replies */
		if (!replying)
			replying = rq;
	}
	return replying;
}

/**
 * p9s_request_begin - take a request over from the transport
 * @req: the request, whole
 *
 * Context: the thread that received it.
 * Return: the request, to be given to p9s_request_run(), or -EPROTO if its
 * tag is in use; it is gone then.
 */
struct p9s_request *p9s_request_begin(struct p9_server_req *req)
{
	struct p9s_request *rq = p9s_request_of(req);
	struct p9_server_session *session = rq->session;
	struct p9s_request *other = NULL;
	unsigned long flags;
	bool busy;

	rq->op = p9s_operation_of(rq->type);
	spin_lock_irqsave(&session->lock, flags);
	/* Nothing waits for a Tversion, which itself waits for everything */
	if (rq->type != P9_TVERSION)
		other = p9s_request_find(session, rq->tag);
	busy = other && !other->replying;
	if (!busy) {
		if (rq->type != P9_TVERSION)
			hash_add(session->tags, &rq->tag_node, rq->tag);
		session->nr_running++;
	}
	spin_unlock_irqrestore(&session->lock, flags);

	if (!busy) {
		rq->start = ktime_get_ns();
		trace_p9s_request_start(rq);
		return rq;
	}
	p9_server_req_free(req);
	return ERR_PTR(-EPROTO);
}

/**
 * p9s_request_fid - the fid that a request starts with
 * @rq: the request, which may not have been taken apart
 *
 * Context: any.
 * Return: the fid, or P9_NOFID if there is none.
 */
u32 p9s_request_fid(const struct p9s_request *rq)
{
	if (rq->type == P9_TVERSION || rq->type == P9_TFLUSH ||
	    rq->req.size < P9_SERVER_HDR_SIZE + sizeof(u32))
		return P9_NOFID;
	return get_unaligned_le32(rq->data + P9_SERVER_HDR_SIZE);
}

/**
 * p9s_request_await - let a Tflush be answered after what it flushes
 * @flush: the Tflush
 * @oldtag: the tag of what it flushes
 *
 * Context: the thread that runs @flush, which must not touch it any more if
 * this returns true: whoever ends the other request answers it.
 * Return: false if there is nothing to wait for.
 */
bool p9s_request_await(struct p9s_request *flush, u16 oldtag)
{
	struct p9_server_session *session = flush->session;
	struct p9s_request *target;
	struct p9s_request *next;
	unsigned long flags;

	spin_lock_irqsave(&session->lock, flags);
	target = p9s_request_find(session, oldtag);
	/* Flushes that flush each other, or itself, would wait for ever */
	for (next = target; next; next = next->awaits) {
		if (next == flush)
			target = NULL;
	}
	if (target) {
		flush->awaits = target;
		list_add_tail(&flush->flush_entry, &target->flushes);
		p9s_lock_wait_wake(target);
	}
	spin_unlock_irqrestore(&session->lock, flags);
	return target;
}

/* Take a request out of the tag table; flushes that waited go to @flushes */
static void p9s_request_end(struct p9s_request *rq, struct list_head *flushes)
{
	struct p9_server_session *session = rq->session;
	struct p9s_request *flush;
	unsigned long flags;
	bool drained;

	spin_lock_irqsave(&session->lock, flags);
	hash_del(&rq->tag_node);
	list_for_each_entry(flush, &rq->flushes, flush_entry)
		flush->awaits = NULL;
	list_splice_tail_init(&rq->flushes, flushes);
	drained = --session->nr_running <= 1 && session->resetting;
	spin_unlock_irqrestore(&session->lock, flags);

	if (drained)
		wake_up(&session->drained);
	p9_server_req_free(&rq->req);
}

/* The payload is where it belongs; what comes before it follows it there */
static void p9s_request_send_reserved(struct p9s_request *rq, size_t len)
{
	struct p9_server_channel *channel = rq->req.channel;
	size_t left = p9s_buf_len(&rq->out), run;
	const struct kvec *to = rq->room;
	const u8 *from = rq->reply;

	for (; left; to++) {
		run = min(left, to->iov_len);
		memcpy(to->iov_base, from, run);
		from += run;
		left -= run;
	}
	rq->room = NULL;
	channel->transport->commit(channel, len);
}

static void p9s_request_send(struct p9s_request *rq)
{
	struct p9_server_channel *channel = rq->req.channel;
	struct p9_server_session *session = rq->session;
	struct p9s_header head = { .type = rq->type + 1, .tag = rq->tag };
	struct kvec vec[2];
	unsigned long flags;
	int err;

	vec[0].iov_base = rq->reply;
	vec[0].iov_len = p9s_buf_len(&rq->out);
	vec[1].iov_base = rq->payload;
	vec[1].iov_len = rq->payload_len;
	head.size = vec[0].iov_len + vec[1].iov_len;
	if (rq->op == &p9s_operation_error)
		head.type = P9_RLERROR;
	p9s_put_header(rq->reply, &head);

	spin_lock_irqsave(&session->lock, flags);
	rq->replying = true;
	spin_unlock_irqrestore(&session->lock, flags);
	if (rq->room) {
		p9s_request_send_reserved(rq, head.size);
		return;
	}
	if (p9s_session_over(session))
		return;
	err = channel->transport->send(channel, vec, rq->payload_len ? 2 : 1,
				       head.size);
	if (err)
		p9s_session_fail(channel, err);
}

/* Errors that only the kernel knows must not get out */
VISIBLE_IF_KUNIT int p9s_request_errno(int err)
{
	switch (err) {
	case -ERESTARTSYS:
	case -ERESTARTNOINTR:
	case -ERESTARTNOHAND:
	case -ERESTART_RESTARTBLOCK:
		return -EINTR;
	case -ENOIOCTLCMD:
		return -ENOTTY;
	case -EOPENSTALE:
		return -ESTALE;
	case -EPROBE_DEFER:
	case -EJUKEBOX:
		return -EAGAIN;
	case -ENOTSUPP:
		return -EOPNOTSUPP;
	}
	return err < 0 && err > -ERESTARTSYS ? err : -EIO;
}
EXPORT_SYMBOL_IF_KUNIT(p9s_request_errno);

static void p9s_request_reset_reply(struct p9s_request *rq)
{
	p9s_buf_init(&rq->out, rq->reply, sizeof(rq->reply));
	rq->out.pos += P9_SERVER_HDR_SIZE;
	p9s_request_unreserve(rq);
	rq->payload = NULL;
	rq->payload_len = 0;
}

/*
 * Before the reply is sent: who has got it finds it counted. So how slowly the
 * client takes it does not count as the server's time. When the session is over
 * nobody counts any more.
 */
static void p9s_request_account_reply(struct p9s_request *rq, int err)
{
	size_t size = p9s_buf_len(&rq->out) + rq->payload_len;
	u64 ns = ktime_get_ns() - rq->start;
	struct p9s_counters *counters;

	trace_p9s_request_end(rq, err, size, ns);
	if (!rq->thread)
		return;
	counters = rq->thread->counters;
	p9s_stats_count(counters, rq->type, err, ns);
	p9s_stats_add(counters, P9S_RECEIVED, get_unaligned_le32(rq->data));
	p9s_stats_add(counters, P9S_SENT, size);
}

static void p9s_request_reply(struct p9s_request *rq, int err)
{
	/* Who has the reply has the room of its request as well */
	p9s_request_release_data(rq);
	if (!err && rq->out.full)
		err = -EIO;
	if (err) {
		err = p9s_request_errno(err);
		p9s_request_reset_reply(rq);
		rq->op = &p9s_operation_error;
		p9s_put_u32(&rq->out, -err);
	}
	p9s_request_account_reply(rq, err);
	p9s_request_send(rq);
}

/**
 * p9s_request_finish - answer a request, then the flushes that waited for it
 * @rq: the request, which is gone afterwards
 * @thread: the thread that this is; the one that has run @rq may have ended, if
 *	that is a Tflush. NULL when the session is over and has no threads
 * @err: 0, or the error to answer with
 *
 * Context: may sleep, nothing locked.
 */
void p9s_request_finish(struct p9s_request *rq, struct p9s_thread *thread,
			int err)
{
	LIST_HEAD(flushes);

	rq->thread = thread;
	p9s_request_reply(rq, err);
	p9s_request_end(rq, &flushes);
	while (!list_empty(&flushes)) {
		rq = list_first_entry(&flushes, struct p9s_request,
				      flush_entry);
		list_del_init(&rq->flush_entry);
		rq->thread = thread;
		p9s_request_reply(rq, 0);
		p9s_request_end(rq, &flushes);
	}
}

static int p9s_request_as_fid(struct p9s_request *rq)
{
	const struct cred *old;
	int err;

	/* An xattr is no file: most of what can be done to one is refused */
	if (p9s_fid_xattr(rq->fid) && !(rq->op->flags & P9S_OP_XATTR))
		return -EBADF;
	if (!(rq->op->flags & P9S_OP_ANYWHERE) &&
	    !p9s_export_serves(&rq->session->export, rq->fid))
		return -ENOENT;
	old = override_creds(rq->fid->identity->cred);
	err = rq->op->handle(rq);
	revert_creds(old);
	return err;
}

/* Run a request about a fid as who that fid was attached as */
static int p9s_request_on_fid(struct p9s_request *rq)
{
	int err;

	rq->fid = p9s_fid_find(&rq->session->fids, rq->msg.fid);
	if (!rq->fid)
		return -EBADF;
	err = p9s_request_as_fid(rq);
	p9s_fid_put(rq->fid);
	rq->fid = NULL;
	return err;
}

static int p9s_request_execute(struct p9s_request *rq)
{
	struct p9_server_session *session = rq->session;
	const struct p9s_operation *op = rq->op;
	struct p9s_cursor in;
	int err;

	if (!op->handle)
		return -EOPNOTSUPP;
	p9s_wire_start(&in, rq->data + P9_SERVER_HDR_SIZE,
		       rq->req.size - P9_SERVER_HDR_SIZE);
	in.left = rq->req.left;
	err = op->decode(&in, &rq->msg);
	if (err)
		return err;
	rq->msize = READ_ONCE(session->msize);
	if (!(op->flags & P9S_OP_UNVERSIONED) && !rq->msize)
		return -EINVAL;
	if ((op->flags & P9S_OP_CHANGES) && session->export.readonly)
		return -EROFS;
	if (op->flags & P9S_OP_FID)
		return p9s_request_on_fid(rq);
	return op->handle(rq);
}

/**
 * p9s_request_run - do what a request asks for and answer it
 * @rq: the request, which is gone afterwards
 * @thread: the thread that this is
 *
 * Context: may sleep.
 */
void p9s_request_run(struct p9s_request *rq, struct p9s_thread *thread)
{
	int err;

	rq->thread = thread;
	p9s_request_reset_reply(rq);
	err = p9s_request_execute(rq);
	/* A Tflush that waits; it may be gone already */
	if (err == -EIOCBQUEUED)
		return;
	p9s_request_finish(rq, thread, err);
}

/**
 * p9s_request_payload - room for what follows the fields of a reply
 * @rq: the request, whose @payload_len its handler sets when there is data
 * @size: bytes that are needed; not more than a message has
 *
 * Context: the handler of @rq; may sleep. The room is the thread's and holds
 * what was left there, so only what was written is sent.
 * Return: the room, or NULL without memory.
 */
void *p9s_request_payload(struct p9s_request *rq, size_t size)
{
	rq->payload = p9s_thread_buffer(rq->thread, size);
	return rq->payload;
}

/**
 * p9s_request_reserve - have the payload of a reply written where it is read
 * @rq: the request, whose @payload_len its handler sets when there is data
 * @payload: bytes at most; they follow a count
 * @to: set to where they go
 *
 * Until the reply is sent no other one is on that channel, so what the handler
 * does meanwhile must be short.
 *
 * Context: the handler of @rq; may sleep.
 * Return: false if that cannot be done now: see p9s_request_payload().
 */
bool p9s_request_reserve(struct p9s_request *rq, size_t payload,
			 struct iov_iter *to)
{
	struct p9_server_channel *channel = rq->req.channel;
	size_t before = p9s_buf_len(&rq->out) + sizeof(u32);
	size_t len = before + payload;
	struct kvec *vec;

	if (!channel->transport->reserve)
		return false;
	vec = p9s_thread_buffer(rq->thread,
				P9_SERVER_PIECES(len) * sizeof(*vec));
	if (!vec)
		return false;
	rq->nr_room = channel->transport->reserve(channel, len, vec);
	if (!rq->nr_room)
		return false;
	rq->room = vec;
	iov_iter_kvec(to, ITER_DEST, vec, rq->nr_room, len);
	iov_iter_advance(to, before);
	return true;
}

/**
 * p9s_request_unreserve - have the reply sent like others after all
 * @rq: the request; p9s_request_reserve() may have been called for it
 *
 * Context: the thread that runs @rq.
 */
void p9s_request_unreserve(struct p9s_request *rq)
{
	struct p9_server_channel *channel = rq->req.channel;

	if (!rq->room)
		return;
	rq->room = NULL;
	channel->transport->commit(channel, 0);
}

/**
 * p9s_request_data - where the data of a Twrite are
 * @rq: the request, decoded
 * @copy: for the use of @from
 * @from: set to the data
 *
 * Uses the thread's buffer, until p9s_request_release_data().
 *
 * Context: the handler of @rq; may sleep.
 * Return: 0 or -ENOMEM.
 */
int p9s_request_data(struct p9s_request *rq, struct kvec *copy,
		     struct iov_iter *from)
{
	struct p9_server_channel *channel = rq->req.channel;
	const struct p9s_twrite *msg = &rq->msg.write;
	struct kvec *vec = copy;
	unsigned int nr = 1;

	*copy = (struct kvec) { (void *)msg->data, msg->count };
	if (rq->req.left) {
		vec = p9s_thread_buffer(rq->thread,
					P9_SERVER_PIECES(rq->req.left) *
					sizeof(*vec));
		if (!vec)
			return -ENOMEM;
		nr = channel->transport->locate(&rq->req, vec);
	}
	iov_iter_kvec(from, ITER_SOURCE, vec, nr, msg->count);
	return 0;
}

/**
 * p9s_request_release_data - let the client have the room of its data again
 * @rq: the request, of which nobody needs the data any more
 *
 * Context: any thread; may sleep.
 */
void p9s_request_release_data(struct p9s_request *rq)
{
	if (rq->req.left)
		rq->req.channel->transport->release(&rq->req);
	rq->req.left = 0;
}
