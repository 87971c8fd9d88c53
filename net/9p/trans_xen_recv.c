// SPDX-License-Identifier: GPL-2.0
/*
 * Replies of the Xen transport: the event handler takes them off a ring and
 * completes the requests that they answer.
 *
 * What a reply says is copied by the handler itself, since it is short: the
 * client makes room for no more than the kind of reply takes. Data that was
 * asked for with p9_xen_zc_request() stays in the ring until whoever waits for
 * it has copied it from there to where it belongs. The handler goes on beyond,
 * but what follows such a claim in the ring is given back to the backend only
 * with it.
 *
 * A reply is believed in nothing: it has to be one to a request in flight, of
 * the type that this request has, no longer than there is room for it, and no
 * count or error in it may be one that the client would stumble over.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <kunit/visibility.h>
#include <linux/fs_context.h>
#include <linux/interrupt.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/unaligned.h>
#include <net/9p/9p.h>
#include <net/9p/client.h>
#include <xen/events.h>

#include "trans_xen.h"

/* How often a handler looks at a ring that was empty, see p9_xen_drain() */
#define P9_XEN_LOOKS	3

/* The shortest error: a number, or in 9P2000 an empty string and a number */
#define P9_XEN_ERROR_SIZE	11

/* From here on error numbers are the kernel's own */
#define P9_XEN_ERRNO_END	512

/**
 * struct p9_xen_flush - a Tflush that has been sent
 * @list: in the device's flushes
 * @flush: the request that it is; it is completed once @old is settled
 * @old: the request that it flushes, referenced: whoever waited for it may be
 *	killed and gone, but its tag is not free before Rflush
 * @looker: the ring whose event handler looks for the reply to @old, once Rflush
 *	has come
 * @status: what @flush is to be completed with, or 0 while Rflush has not come
 */
struct p9_xen_flush {
	struct list_head list;
	struct p9_req_t *flush;
	struct p9_req_t *old;
	struct p9_xen_ring *looker;
	int status;
};

/* Takes a request off the list: true for the one caller who may complete it */
static bool p9_xen_take_request(struct p9_xen_front *front,
				struct p9_req_t *req)
{
	unsigned long flags;
	bool taken;

	spin_lock_irqsave(&front->lock, flags);
	taken = !list_empty(&req->req_list);
	list_del_init(&req->req_list);
	spin_unlock_irqrestore(&front->lock, flags);
	return taken;
}

/* Who waits for the data of a reply, if it is one with data */
static struct p9_xen_claim *p9_xen_take_claim(struct p9_xen_front *front,
					      struct p9_req_t *req)
{
	struct p9_xen_claim *claim, *found = NULL;
	unsigned long flags;

	spin_lock_irqsave(&front->lock, flags);
	list_for_each_entry(claim, &front->readers, list) {
		if (claim->req == req) {
			list_del_init(&claim->list);
			claim->taken = true;
			found = claim;
			break;
		}
	}
	spin_unlock_irqrestore(&front->lock, flags);
	return found;
}

/**
 * p9_xen_flush_sent - remember what a Tflush flushes
 * @front: the device
 * @flush: the Tflush, about to be sent
 *
 * Context: may sleep; holds the out_lock of the ring that it is sent on.
 */
void p9_xen_flush_sent(struct p9_xen_front *front, struct p9_req_t *flush)
{
	u16 tag = get_unaligned_le16(flush->tc.sdata + P9_XEN_HDR_SIZE);
	struct p9_req_t *old = p9_tag_lookup(front->client, tag);
	struct p9_xen_flush *f;

	if (!old)
		return;
	f = kzalloc_obj(*f, GFP_NOFS | __GFP_NOFAIL);
	f->flush = flush;
	f->old = old;
	spin_lock_irq(&front->lock);
	list_add_tail(&f->list, &front->flushes);
	spin_unlock_irq(&front->lock);
}

/* Rflush has come. False if nobody keeps a record of what was flushed. */
static bool p9_xen_flush_answered(struct p9_xen_front *front,
				  struct p9_req_t *flush, int status)
{
	struct p9_xen_flush *f;
	unsigned long flags;
	bool found = false;

	spin_lock_irqsave(&front->lock, flags);
	list_for_each_entry(f, &front->flushes, list) {
		if (f->flush == flush) {
			f->status = status;
			found = true;
			break;
		}
	}
	spin_unlock_irqrestore(&front->lock, flags);
	return found;
}

/* Makes the event handler of a ring end what flushes are answered; any at all? */
static bool p9_xen_adopt_flushes(struct p9_xen_ring *ring)
{
	struct p9_xen_front *front = ring->front;
	struct p9_xen_flush *f;
	unsigned long flags;
	bool any = false;

	spin_lock_irqsave(&front->lock, flags);
	list_for_each_entry(f, &front->flushes, list) {
		if (f->status && !f->looker) {
			f->looker = ring;
			any = true;
		}
	}
	spin_unlock_irqrestore(&front->lock, flags);
	return any;
}

/* Takes off the list a flush that a ring has adopted, or any if @ring is NULL */
static struct p9_xen_flush *p9_xen_take_flush(struct p9_xen_front *front,
					      const struct p9_xen_ring *ring)
{
	struct p9_xen_flush *f, *found = NULL;
	unsigned long flags;

	spin_lock_irqsave(&front->lock, flags);
	list_for_each_entry(f, &front->flushes, list) {
		if (!ring || f->looker == ring) {
			found = f;
			list_del(&f->list);
			break;
		}
	}
	spin_unlock_irqrestore(&front->lock, flags);
	return found;
}

/**
 * p9_xen_drop_flushes - forget what was flushed and who flushed it
 * @front: the device, whose connection or mount is over
 * @client: the client that has or had it mounted
 *
 * Context: any; nobody receives for @client any more.
 */
void p9_xen_drop_flushes(struct p9_xen_front *front, struct p9_client *client)
{
	struct p9_xen_flush *f;

	while ((f = p9_xen_take_flush(front, NULL))) {
		p9_req_put(client, f->old);
		kfree(f);
	}
}

/*
 * A backend that does not say when it waits for room of a reply, which is msize
 * at most. It saw at least the index that it was last told of, so as long as that
 * leaves room for msize it does not wait, whatever it has produced meanwhile.
 */
static bool p9_xen_may_wait_for_room(struct p9_xen_ring *ring)
{
	struct p9_client *client = ring->front->client;
	u32 msize = client ? client->msize : ring->in.size;
	u32 taken = ring->in.index - ring->notified;

	if (!taken || ring->in.size - taken >= msize)
		return false;
	ring->notified = ring->in.index;
	return true;
}

/**
 * p9_xen_give_back - let the backend have bytes of a ring for further replies
 * @ring: the ring
 * @bytes: how many, from where the backend may not write yet
 *
 * Context: any; holds the ring's in_lock.
 */
void p9_xen_give_back(struct p9_xen_ring *ring, u32 bytes)
{
	bool tell;

	lockdep_assert_held(&ring->in_lock);
	xen_9pfs_consume(&ring->in, bytes);
	tell = ring->in.watched ? xen_9pfs_event_wanted(&ring->in, bytes) :
				  p9_xen_may_wait_for_room(ring);
	if (tell)
		notify_remote_via_irq(ring->irq);
}
EXPORT_SYMBOL_IF_KUNIT(p9_xen_give_back);

/* A message was worked on: its bytes go back, now or with the last claim */
static void p9_xen_pass(struct p9_xen_ring *ring, u32 size)
{
	struct p9_xen_claim *last;

	if (list_empty(&ring->claims)) {
		p9_xen_give_back(ring, size);
		return;
	}
	last = list_last_entry(&ring->claims, struct p9_xen_claim, list);
	last->held += size;
	ring->held += size;
}

/**
 * p9_xen_release - give back the bytes of a reply whose data was copied
 * @ring: the ring
 * @claim: who has copied it; not used any more afterwards
 *
 * Context: process; takes the ring's in_lock.
 */
void p9_xen_release(struct p9_xen_ring *ring, struct p9_xen_claim *claim)
{
	u32 bytes = 0;

	spin_lock_irq(&ring->in_lock);
	if (list_is_first(&claim->list, &ring->claims)) {
		bytes = claim->held;
	} else {
		/* Those before it in the ring give it back with theirs */
		list_prev_entry(claim, list)->held += claim->held;
	}
	list_del_init(&claim->list);
	if (bytes) {
		ring->held -= bytes;
		p9_xen_give_back(ring, bytes);
	}
	if (list_empty(&ring->claims))
		wake_up(&ring->released);
	spin_unlock_irq(&ring->in_lock);
}
EXPORT_SYMBOL_IF_KUNIT(p9_xen_release);

/* How many bytes of data a reply has, or -1 if it is none to what was wanted */
static s64 p9_xen_data_len(const struct p9_xen_ring *ring, u32 size, u32 wanted)
{
	u8 count[P9_XEN_DATA_HDR - P9_XEN_HDR_SIZE];

	if (size < P9_XEN_DATA_HDR || size - P9_XEN_DATA_HDR > wanted)
		return -1;
	xen_9pfs_get(&ring->in, ring->held + P9_XEN_HDR_SIZE, count,
		     sizeof(count));
	if (get_unaligned_le32(count) != size - P9_XEN_DATA_HDR)
		return -1;
	return size - P9_XEN_DATA_HDR;
}

/* Leaves the data of a reply in the ring, for @claim to copy */
static bool p9_xen_claim_data(struct p9_xen_ring *ring, struct p9_req_t *req,
			      struct p9_xen_claim *claim, u32 size)
{
	s64 len = p9_xen_data_len(ring, size, claim->len);

	claim->len = max(len, 0);
	put_unaligned_le32(claim->len, req->rc.sdata + P9_XEN_HDR_SIZE);
	if (!claim->len) {
		p9_xen_pass(ring, size);
		return !len;
	}
	claim->ring = ring;
	claim->at = ring->in.index + ring->held + P9_XEN_DATA_HDR;
	claim->held = size;
	ring->held += size;
	list_add_tail(&claim->list, &ring->claims);
	return true;
}

static bool p9_xen_is_error(u8 type)
{
	return type == P9_RLERROR || type == P9_RERROR;
}

/*
 * Whether the count that a copied reply begins with is that of the message, and
 * no more than was asked for: the client would log each one that is not.
 */
static bool p9_xen_counts(const struct p9_req_t *req)
{
	u32 size = req->rc.size, count, wanted;
	u8 type = req->rc.sdata[4];

	if (type != P9_RREAD && type != P9_RREADDIR && type != P9_RWRITE)
		return p9_xen_is_error(type) ? size >= P9_XEN_ERROR_SIZE : true;
	if (size < P9_XEN_DATA_HDR)
		return false;
	count = get_unaligned_le32(req->rc.sdata + P9_XEN_HDR_SIZE);
	/* Behind fid[4] and offset[8] */
	wanted = get_unaligned_le32(req->tc.sdata + P9_XEN_HDR_SIZE + 12);
	return count <= wanted &&
	       (type == P9_RWRITE || count == size - P9_XEN_DATA_HDR);
}

/* Copies a whole reply, and has done with its bytes */
static bool p9_xen_copy_reply(struct p9_xen_ring *ring, struct p9_req_t *req,
			      struct p9_xen_claim *claim, u32 size)
{
	bool fits = size <= req->rc.capacity;

	if (claim)
		claim->len = 0;
	if (fits)
		xen_9pfs_get(&ring->in, ring->held + P9_XEN_HDR_SIZE,
			     req->rc.sdata + P9_XEN_HDR_SIZE,
			     size - P9_XEN_HDR_SIZE);
	p9_xen_pass(ring, size);
	return fits && p9_xen_counts(req);
}

/*
 * Of numbers that are no error of a process's, the kernel believes some: with
 * -EIOCBQUEUED a read would count as going on.
 */
static bool p9_xen_strange_error(const struct p9_client *client,
				 const struct p9_req_t *req)
{
	u32 error;

	if (!p9_xen_is_error(req->rc.sdata[4]) ||
	    client->proto_version != p9_proto_2000L)
		return false;
	error = get_unaligned_le32(req->rc.sdata + P9_XEN_HDR_SIZE);
	return !error || error >= P9_XEN_ERRNO_END;
}

/* Whoever wanted the data was killed, and must not be told that it has come */
static bool p9_xen_abandoned(const struct p9_req_t *req,
			     const struct p9_xen_claim *claim)
{
	return req->rc.zc && !claim &&
	       (req->tc.id == P9_TREAD || req->tc.id == P9_TREADDIR);
}

/* The request was taken off the list: this drops the list's reference */
static void p9_xen_complete(struct p9_xen_ring *ring, struct p9_req_t *req,
			    const u8 *header, u32 size)
{
	struct p9_xen_front *front = ring->front;
	struct p9_xen_claim *claim = p9_xen_take_claim(front, req);
	bool failed = p9_xen_is_error(header[4]);
	bool abandoned = !failed && p9_xen_abandoned(req, claim);
	int status = REQ_STATUS_RCVD;
	bool good;

	/* The header is the private copy that was checked */
	memcpy(req->rc.sdata, header, P9_XEN_HDR_SIZE);
	req->rc.size = size;
	if (claim && !failed)
		good = p9_xen_claim_data(ring, req, claim, size);
	else
		good = p9_xen_copy_reply(ring, req, claim, size);
	if (!good && !abandoned)
		p9_xen_violation(ring, "a reply that is not what was asked for, by its bytes",
				 size);
	if (!good || abandoned || p9_xen_strange_error(front->client, req)) {
		req->t_err = -EIO;
		status = REQ_STATUS_ERROR;
	}
	if (req->tc.id == P9_TFLUSH &&
	    p9_xen_flush_answered(front, req, status))
		return;
	p9_client_cb(front->client, req, status);
}

/* A reply to nobody: true if an earlier mount may be whom it is for */
static bool p9_xen_stray(struct p9_xen_front *front)
{
	unsigned long flags;
	bool known;

	spin_lock_irqsave(&front->lock, flags);
	known = front->strays;
	if (known)
		front->strays--;
	spin_unlock_irqrestore(&front->lock, flags);
	return known;
}

/* False if nobody has sent what this is a reply to */
static bool p9_xen_deliver(struct p9_xen_ring *ring, struct p9_req_t *req,
			   const u8 *header, u32 size)
{
	if (req && p9_xen_take_request(ring->front, req)) {
		p9_xen_complete(ring, req, header, size);
		return true;
	}
	p9_xen_pass(ring, size);
	/* Rversion may come twice, if somebody killed the earlier mount */
	return get_unaligned_le16(header + 5) == P9_NOTAG &&
	       p9_xen_stray(ring->front);
}

/* One whole message of @size bytes is there; its header is in @header */
static bool p9_xen_reply(struct p9_xen_ring *ring, const u8 *header, u32 size)
{
	struct p9_xen_front *front = ring->front;
	u16 tag = get_unaligned_le16(header + 5);
	struct p9_req_t *req;
	bool wanted;

	/* Left over from an earlier mount */
	if (!front->client ||
	    (tag != P9_NOTAG && !READ_ONCE(front->negotiated))) {
		p9_xen_pass(ring, size);
		wanted = p9_xen_stray(front);
		goto out;
	}

	req = p9_tag_lookup(front->client, tag);
	if (req && header[4] != req->tc.id + 1 &&
	    !p9_xen_is_error(header[4])) {
		p9_req_put(front->client, req);
		p9_xen_violation(ring, "a reply of another type than its request",
				 header[4]);
		return false;
	}
	wanted = p9_xen_deliver(ring, req, header, size);
	if (req)
		p9_req_put(front->client, req);
out:
	if (!wanted)
		p9_xen_violation(ring, "a reply to a tag that is not in flight",
				 tag);
	return wanted;
}

/* The size of a message that was worked on, or 0 if there was none */
static u32 p9_xen_receive_one(struct p9_xen_ring *ring)
{
	u8 header[P9_XEN_HDR_SIZE];
	u32 queued, size;

	if (p9_xen_front_dead(ring->front))
		return 0;
	if (xen_9pfs_queued(&ring->in, &queued) || queued < ring->held) {
		p9_xen_violation(ring, "impossible in_prod",
				 READ_ONCE(*ring->in.peer));
		return 0;
	}
	ring->seen = ring->in.index + queued;
	queued -= ring->held;
	if (queued < P9_XEN_HDR_SIZE)
		return 0;
	xen_9pfs_get(&ring->in, ring->held, header, sizeof(header));
	size = get_unaligned_le32(header);
	if (size < P9_XEN_HDR_SIZE || size > ring->in.size) {
		p9_xen_violation(ring, "a reply of an impossible size", size);
		return 0;
	}
	if (size > queued)
		return 0;
	return p9_xen_reply(ring, header, size) ? size : 0;
}

/* Has the backend send an event for what comes next; has some come already? */
static bool p9_xen_await_event(struct p9_xen_ring *ring)
{
	if (!ring->in.watch)
		return false;
	xen_9pfs_watch(&ring->in, ring->seen);
	return READ_ONCE(*ring->in.peer) != ring->seen;
}

/*
 * Handles the replies that are there, but no more than what once filled the
 * ring, in no more than a few looks: a backend that adds to them all the time
 * shall not keep a CPU in its interrupt handler. Returns true if there may be
 * more of which no event will tell.
 */
VISIBLE_IF_KUNIT bool p9_xen_drain(struct p9_xen_ring *ring)
{
	unsigned int looks;
	u32 done = 0, size;

	lockdep_assert_held(&ring->in_lock);
	for (looks = 0; looks < P9_XEN_LOOKS; looks++) {
		do {
			size = p9_xen_receive_one(ring);
			done += size;
			if (done >= ring->in.size)
				return true;
		} while (size);
		if (p9_xen_front_dead(ring->front) || !p9_xen_await_event(ring))
			return false;
	}
	return true;
}
EXPORT_SYMBOL_IF_KUNIT(p9_xen_drain);

static void p9_xen_end_flush(struct p9_xen_front *front, struct p9_xen_flush *f)
{
	struct p9_client *client = front->client;

	if (p9_xen_take_request(front, f->old)) {
		WRITE_ONCE(f->old->status, REQ_STATUS_FLSHD);
		p9_req_put(client, f->old);
	}
	p9_req_put(client, f->old);
	/* Drops the reference that the list of requests held */
	p9_client_cb(client, f->flush, f->status);
	kfree(f);
}

/*
 * The reply to what was flushed comes before Rflush if it comes at all, but
 * maybe on another ring, which nobody may have looked at yet. So all rings are
 * looked at before the request counts as dropped and its tag as free.
 */
static void p9_xen_end_flushes(struct p9_xen_ring *ring)
{
	struct p9_xen_front *front = ring->front;
	struct p9_xen_flush *f;
	unsigned long flags;
	unsigned int i;

	for (i = 0; i < front->nr_rings; i++) {
		struct p9_xen_ring *other = &front->rings[i];

		spin_lock_irqsave(&other->in_lock, flags);
		p9_xen_drain(other);
		spin_unlock_irqrestore(&other->in_lock, flags);
	}
	/* Without a client somebody else drops the flushes */
	spin_lock_irqsave(&ring->in_lock, flags);
	while (front->client && (f = p9_xen_take_flush(front, ring)))
		p9_xen_end_flush(front, f);
	spin_unlock_irqrestore(&ring->in_lock, flags);
}

/* Returns true if there may be more; sets @any if there was something new */
static bool p9_xen_receive(struct p9_xen_ring *ring, bool *any)
{
	unsigned long flags;
	bool more;

	spin_lock_irqsave(&ring->in_lock, flags);
	more = p9_xen_drain(ring);
	*any |= ring->seen != ring->told;
	ring->told = ring->seen;
	spin_unlock_irqrestore(&ring->in_lock, flags);

	while (p9_xen_adopt_flushes(ring))
		p9_xen_end_flushes(ring);
	return more;
}

/*
 * The backend takes what was sent, in order: its index may not go back, nor run
 * ahead. If it could, each event would look as if it brought something.
 */
static void p9_xen_check_taken(struct p9_xen_ring *ring, u32 out_cons)
{
	/* Of what it has seen the index was moved; pairs with xen_9pfs_publish() */
	virt_rmb();
	if (out_cons - ring->out_seen >
	    READ_ONCE(ring->out.index) - ring->out_seen)
		p9_xen_violation(ring, "impossible out_cons", out_cons);
}

/**
 * p9_xen_event - the backend has sent replies or taken requests
 * @irq: the ring's
 * @arg: the ring
 *
 * An event that brings neither is spurious, and Xen's event code makes a
 * backend that sends many of them wait. That of a dead device is never
 * acknowledged, so that it is the last one.
 *
 * Context: interrupt.
 * Return: IRQ_HANDLED, or IRQ_WAKE_THREAD when there may be more than an
 * interrupt handler should spend its time on.
 */
irqreturn_t p9_xen_event(int irq, void *arg)
{
	struct p9_xen_ring *ring = arg;
	u32 out_cons = READ_ONCE(*ring->out.peer);
	bool any = out_cons != ring->out_seen;
	bool more;

	p9_xen_check_taken(ring, out_cons);
	ring->out_seen = out_cons;
	if (wq_has_sleeper(&ring->room))
		wake_up(&ring->room);
	more = p9_xen_receive(ring, &any);
	if (p9_xen_front_dead(ring->front))
		return IRQ_HANDLED;
	if (more)
		return IRQ_WAKE_THREAD;
	xen_irq_lateeoi(irq, any ? 0 : XEN_EOI_FLAG_SPURIOUS);
	return IRQ_HANDLED;
}

/**
 * p9_xen_event_thread - the rest of the replies that the backend has sent
 * @irq: the ring's
 * @arg: the ring
 *
 * Context: the interrupt's thread, may sleep.
 * Return: IRQ_HANDLED.
 */
irqreturn_t p9_xen_event_thread(int irq, void *arg)
{
	struct p9_xen_ring *ring = arg;
	bool any = false;

	while (p9_xen_receive(ring, &any))
		cond_resched();
	if (!p9_xen_front_dead(ring->front))
		xen_irq_lateeoi(irq, 0);
	return IRQ_HANDLED;
}

/**
 * p9_xen_violation - the backend broke the protocol: end the connection
 * @ring: where it did
 * @what: how
 * @value: what it sent instead
 *
 * Context: any; the requests in flight fail in a work item.
 */
void p9_xen_violation(struct p9_xen_ring *ring, const char *what, u32 value)
{
	struct p9_xen_front *front = ring->front;

	if (!p9_xen_front_kill(front))
		return;
	dev_err(&front->dev->dev,
		"backend broke the protocol: %s (%u) on ring %td; the mount of '%s' fails with EIO, unmount it and detach the device\n",
		what, value, ring - front->rings, front->tag);
	schedule_work(&front->failure);
}
