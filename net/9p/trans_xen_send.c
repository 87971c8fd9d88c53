// SPDX-License-Identifier: GPL-2.0
/*
 * Requests of the Xen transport: puts them onto a ring, and waits for those
 * that bring data with them or fetch some.
 *
 * Data goes from where the client has it onto the ring, and from the ring to
 * where the client wants it, by one copy in the context of whoever asks for it.
 * Memory of a user is the exception: a fault there may need the ring that is
 * in use, if that memory is a file on the same mount, and so it goes through a
 * buffer. The stock client never hands any in: its reads and writes are of the
 * page cache, or of pages pinned for direct I/O.
 */
#include <linux/fs_context.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/unaligned.h>
#include <net/9p/9p.h>
#include <net/9p/client.h>
#include <xen/events.h>

#include "trans_xen.h"

/**
 * struct p9_xen_msg - a request that is to be sent
 * @req: the request; its buffer has all of the message but @data
 * @data: what follows, or NULL
 * @size: bytes of both
 */
struct p9_xen_msg {
	struct p9_req_t *req;
	struct iov_iter *data;
	u32 size;
};

/*
 * The ring for a request: with a backend that takes it from any, that of the
 * CPU this runs on, which is where the reply is handled then. Another one looks
 * for a tag in one ring only.
 */
static struct p9_xen_ring *p9_xen_choose(struct p9_xen_front *front, u16 tag)
{
	unsigned int n = front->any_ring ? raw_smp_processor_id() : tag;

	return &front->rings[n % front->nr_rings];
}

/* True also when there is no use in waiting */
static bool p9_xen_has_room(struct p9_xen_ring *ring, u32 size)
{
	u32 room;

	lockdep_assert_held(&ring->out_lock);
	xen_9pfs_watch_room(&ring->out, size);
	return p9_xen_front_dead(ring->front) ||
	       xen_9pfs_room(&ring->out, &room) || room >= size;
}

/* Returns 0, or -ERESTARTSYS if there is a fatal signal and no room */
static int p9_xen_await_room(struct p9_xen_ring *ring, u32 size)
{
	u32 room;

	if (!xen_9pfs_room(&ring->out, &room) && room >= size)
		return 0;
	return wait_event_killable(ring->room, p9_xen_has_room(ring, size));
}

static int p9_xen_put_data(struct p9_xen_ring *ring, u32 offset,
			   struct iov_iter *data, u32 len)
{
	u32 at = ring->out.index + offset, run;

	while (len) {
		u8 *to = xen_9pfs_at(&ring->out, at, &run);

		run = min(run, len);
		if (copy_from_iter(to, run, data) != run)
			return -EFAULT;
		at += run;
		len -= run;
	}
	return 0;
}

static int p9_xen_put_msg(struct p9_xen_ring *ring,
			  const struct p9_xen_msg *msg)
{
	const struct p9_fcall *tc = &msg->req->tc;

	xen_9pfs_put(&ring->out, 0, tc->sdata, tc->size);
	if (!msg->data)
		return 0;
	return p9_xen_put_data(ring, tc->size, msg->data, msg->size - tc->size);
}

static int p9_xen_send(struct p9_xen_ring *ring, const struct p9_xen_msg *msg)
{
	struct p9_xen_front *front = ring->front;
	struct p9_req_t *req = msg->req;
	u32 room;
	int err;

	lockdep_assert_held(&ring->out_lock);
	/* It may have no pages any more */
	if (p9_xen_front_dead(front))
		return -EIO;
	err = p9_xen_await_room(ring, msg->size);
	if (err)
		return err;
	if (p9_xen_front_dead(front))
		return -EIO;
	/* A backend that has taken room back lies as well */
	if (xen_9pfs_room(&ring->out, &room) || room < msg->size) {
		p9_xen_violation(ring, "impossible out_cons",
				 READ_ONCE(*ring->out.peer));
		return -EIO;
	}

	err = p9_xen_put_msg(ring, msg);
	if (err)
		return err;
	if (req->tc.id == P9_TFLUSH)
		p9_xen_flush_sent(front, req);
	WRITE_ONCE(req->status, REQ_STATUS_SENT);
	spin_lock_irq(&front->lock);
	list_add_tail(&req->req_list, &front->inflight);
	spin_unlock_irq(&front->lock);
	xen_9pfs_publish(&ring->out, msg->size);
	if (xen_9pfs_event_wanted(&ring->out, msg->size))
		notify_remote_via_irq(ring->irq);
	return 0;
}

/* Drops what the replies to an earlier mount have left in the rings */
static void p9_xen_discard(struct p9_xen_front *front)
{
	unsigned int i;
	u32 queued;

	for (i = 0; i < front->nr_rings; i++) {
		struct p9_xen_ring *ring = &front->rings[i];

		spin_lock_irq(&ring->in_lock);
		if (!p9_xen_front_dead(front) &&
		    !xen_9pfs_queued(&ring->in, &queued))
			p9_xen_give_back(ring, queued);
		spin_unlock_irq(&ring->in_lock);
	}
	WRITE_ONCE(front->negotiated, true);
}

static int p9_xen_transmit(struct p9_xen_front *front,
			   const struct p9_xen_msg *msg)
{
	u16 tag = msg->req->tc.tag;
	struct p9_xen_ring *ring = p9_xen_choose(front, tag);
	int err;

	/* The first request after Tversion: its reply has been had */
	if (!front->negotiated && tag != P9_NOTAG)
		p9_xen_discard(front);

	if (mutex_lock_killable(&ring->out_lock))
		return -ERESTARTSYS;
	err = p9_xen_send(ring, msg);
	mutex_unlock(&ring->out_lock);
	return err;
}

/**
 * p9_xen_request - send a request whose reply is short
 * @client: who has the device mounted
 * @req: the request
 *
 * Context: process, may sleep until there is room in the ring; a fatal signal
 * ends that.
 * Return: 0 once it is sent, -ERESTARTSYS if it was not because of a signal,
 * or -EIO when the device is dead.
 */
int p9_xen_request(struct p9_client *client, struct p9_req_t *req)
{
	struct p9_xen_msg msg = { .req = req, .size = req->tc.size };

	return p9_xen_transmit(client->trans, &msg);
}

static int p9_xen_copy_data(struct p9_xen_ring *ring,
			    const struct p9_xen_claim *claim,
			    struct iov_iter *to)
{
	u32 at = claim->at, len = claim->len, run;

	while (len) {
		const u8 *from = xen_9pfs_at(&ring->in, at, &run);

		run = min(run, len);
		if (copy_to_iter(from, run, to) != run)
			return -EFAULT;
		at += run;
		len -= run;
	}
	return 0;
}

/* Takes the data of a reply out of the ring, and gives its room back */
static int p9_xen_fetch(struct p9_xen_claim *claim, struct iov_iter *to)
{
	struct p9_xen_ring *ring = claim->ring;
	struct iov_iter bounce;
	struct kvec vec;
	int err;

	if (!user_backed_iter(to)) {
		err = p9_xen_copy_data(ring, claim, to);
		p9_xen_release(ring, claim);
		return err;
	}

	vec.iov_len = claim->len;
	vec.iov_base = kvmalloc(vec.iov_len, GFP_NOFS);
	iov_iter_kvec(&bounce, ITER_DEST, &vec, 1, vec.iov_len);
	err = vec.iov_base ? p9_xen_copy_data(ring, claim, &bounce) : -ENOMEM;
	p9_xen_release(ring, claim);
	if (!err && copy_to_iter(vec.iov_base, vec.iov_len, to) != vec.iov_len)
		err = -EFAULT;
	kvfree(vec.iov_base);
	return err;
}

static bool p9_xen_answered(struct p9_req_t *req)
{
	return READ_ONCE(req->status) >= REQ_STATUS_RCVD;
}

/* Sends a request that is not sent yet, and waits for its reply */
static int p9_xen_call(struct p9_client *client, const struct p9_xen_msg *msg)
{
	int err = p9_xen_transmit(client->trans, msg);

	if (err) {
		/* No reply will come to drop that reference, and a request that
		 * was not sent needs no flush.
		 */
		p9_req_put(client, msg->req);
		return err == -ERESTARTSYS ? -EINTR : err;
	}
	err = wait_event_killable(msg->req->wq, p9_xen_answered(msg->req));
	/* What came with the status; pairs with p9_client_cb() */
	smp_rmb();
	return err;
}

/* True if the reply will find, or has found, nobody who wants its data */
static bool p9_xen_leave(struct p9_xen_front *front, struct p9_xen_claim *claim)
{
	bool taken;

	spin_lock_irq(&front->lock);
	taken = claim->taken;
	if (!taken)
		list_del(&claim->list);
	spin_unlock_irq(&front->lock);
	return !taken;
}

static int p9_xen_call_for_data(struct p9_client *client, struct p9_req_t *req,
				struct iov_iter *to, u32 len)
{
	struct p9_xen_msg msg = { .req = req, .size = req->tc.size };
	struct p9_xen_front *front = client->trans;
	struct p9_xen_claim claim = { .req = req, .len = len };
	int err;

	spin_lock_irq(&front->lock);
	list_add_tail(&claim.list, &front->readers);
	spin_unlock_irq(&front->lock);
	err = p9_xen_call(client, &msg);
	if (p9_xen_leave(front, &claim))
		return err;

	/* Who was killed meanwhile has an answer nevertheless, or soon will */
	if (err) {
		wait_event(req->wq, p9_xen_answered(req));
		/* What came with the status; pairs with p9_client_cb() */
		smp_rmb();
	}
	if (!claim.len)
		return 0;
	return p9_xen_fetch(&claim, to);
}

static int p9_xen_call_with_data(struct p9_client *client, struct p9_req_t *req,
				 struct iov_iter *from, u32 len)
{
	struct p9_xen_msg msg = { .req = req, .data = from };
	struct iov_iter bounce;
	struct kvec vec = {};
	int err;

	/* The client may have more than it announces, and more than fits */
	len = min3(len, get_unaligned_le32(req->tc.sdata + req->tc.size - 4),
		   client->msize - req->tc.size);
	put_unaligned_le32(len, req->tc.sdata + req->tc.size - 4);
	msg.size = req->tc.size + len;
	put_unaligned_le32(msg.size, req->tc.sdata);

	if (user_backed_iter(from)) {
		vec.iov_len = len;
		vec.iov_base = kvmalloc(len, GFP_NOFS);
		err = vec.iov_base ? 0 : -ENOMEM;
		if (!err && copy_from_iter(vec.iov_base, len, from) != len)
			err = -EFAULT;
		if (err) {
			p9_req_put(client, req);
			goto out;
		}
		iov_iter_kvec(&bounce, ITER_SOURCE, &vec, 1, len);
		msg.data = &bounce;
	}
	err = p9_xen_call(client, &msg);
out:
	kvfree(vec.iov_base);
	return err;
}

/**
 * p9_xen_zc_request - send a request with data, or one for data, and wait
 * @client: who has the device mounted
 * @req: the request: a write without its data, a read or a readdir
 * @to: where the data of the reply goes, or NULL
 * @from: the data of the request if there is no @to
 * @to_len: bytes wanted, if there is a @to
 * @from_len: bytes to be sent, if there is no @to
 * @hdr_len: bytes of the reply before its data, which are P9_XEN_DATA_HDR with
 *	all the requests that there are
 *
 * Context: process, may sleep for room and for the reply; a fatal signal ends
 * that. May be called to write back pages, so allocates without recursion into
 * file systems.
 * Return: 0 when there is a reply, which may say that the request failed, or a
 * negative errno: -ERESTARTSYS if the request was sent, but a signal came
 * before its reply; -EINTR if a signal came before it was sent; -EIO when the
 * device is dead; -EFAULT, -ENOMEM.
 */
int p9_xen_zc_request(struct p9_client *client, struct p9_req_t *req,
		      struct iov_iter *to, struct iov_iter *from,
		      int to_len, int from_len, int hdr_len)
{
	if (to)
		return p9_xen_call_for_data(client, req, to,
					    min_t(size_t, to_len,
						  iov_iter_count(to)));
	return p9_xen_call_with_data(client, req, from,
				     min_t(size_t, from_len,
					   iov_iter_count(from)));
}
