// SPDX-License-Identifier: GPL-2.0
/*
 * The Xen transport of the 9P client (trans=xen): mounts by tag a directory
 * that another domain serves.
 *
 * The backend is not trusted. Whatever it does that the protocol does not
 * allow makes the device dead: every request in flight fails with EIO, one
 * line in the log says why, and nothing else happens to anybody.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs_context.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/unaligned.h>
#include <net/9p/9p.h>
#include <net/9p/client.h>
#include <net/9p/transport.h>
#include <xen/events.h>
#include <xen/xen.h>

#include "trans_xen.h"

/* size[4] type[1] tag[2]: what every message starts with */
#define P9_XEN_HDR_SIZE		7

/* How long a mount waits for a backend that has not connected yet */
#define P9_XEN_MOUNT_TIMEOUT	(10 * HZ)

/* A message fills one direction of a ring of the largest order at most */
#define P9_XEN_MAX_MSIZE	(XEN_9PFS_PAGE_SIZE << (XEN_9PFS_MAX_ORDER - 1))

/* Guards the list of devices, and who may become a device's client */
static DEFINE_MUTEX(p9_xen_lock);
static LIST_HEAD(p9_xen_fronts);

static void p9_xen_front_release(struct kref *ref)
{
	struct p9_xen_front *front = container_of(ref, struct p9_xen_front,
						  ref);

	kfree(front->rings);
	kfree(front->tag);
	kfree(front);
}

static void p9_xen_front_put(struct p9_xen_front *front)
{
	kref_put(&front->ref, p9_xen_front_release);
}

/* Takes a request off the list: true for the one caller who may complete it */
static bool p9_xen_take_request(struct p9_xen_front *front,
				struct p9_req_t *req)
{
	bool taken;

	spin_lock(&front->lock);
	taken = !list_empty(&req->req_list);
	list_del_init(&req->req_list);
	spin_unlock(&front->lock);
	return taken;
}

/**
 * struct p9_xen_flush - a Tflush that has been sent
 * @list: in the device's flushes
 * @flush: the request that it is; it is completed once @old is settled
 * @old: the request that it flushes, referenced: whoever waited for it may be
 *	killed and gone, but its tag is not free before Rflush
 * @status: what @flush is to be completed with, or 0 while Rflush has not come
 */
struct p9_xen_flush {
	struct list_head list;
	struct p9_req_t *flush;
	struct p9_req_t *old;
	int status;
};

static void p9_xen_add_flush(struct p9_xen_front *front,
			     struct p9_req_t *req)
{
	u16 tag = get_unaligned_le16(req->tc.sdata + P9_XEN_HDR_SIZE);
	struct p9_req_t *old = p9_tag_lookup(front->client, tag);
	struct p9_xen_flush *f;

	if (!old)
		return;
	f = kzalloc_obj(*f, GFP_KERNEL | __GFP_NOFAIL);
	f->flush = req;
	f->old = old;
	spin_lock(&front->lock);
	list_add_tail(&f->list, &front->flushes);
	spin_unlock(&front->lock);
}

/* Rflush has come. False if nobody keeps a record of what was flushed. */
static bool p9_xen_flush_answered(struct p9_xen_front *front,
				  struct p9_req_t *flush, int status)
{
	struct p9_xen_flush *f;
	bool found = false;

	spin_lock(&front->lock);
	list_for_each_entry(f, &front->flushes, list) {
		if (f->flush == flush) {
			f->status = status;
			found = true;
			break;
		}
	}
	spin_unlock(&front->lock);
	return found;
}

/* Takes off the list a flush that was answered, or any if that is @all */
static struct p9_xen_flush *p9_xen_take_flush(struct p9_xen_front *front,
					      bool all)
{
	struct p9_xen_flush *f, *found = NULL;

	spin_lock(&front->lock);
	list_for_each_entry(f, &front->flushes, list) {
		if (all || f->status) {
			found = f;
			list_del(&f->list);
			break;
		}
	}
	spin_unlock(&front->lock);
	return found;
}

/* The connection is over, and with it what was flushed and who flushed it */
static void p9_xen_drop_flushes(struct p9_xen_front *front,
				struct p9_client *client)
{
	struct p9_xen_flush *f;

	while ((f = p9_xen_take_flush(front, true))) {
		p9_req_put(client, f->old);
		kfree(f);
	}
}

static struct p9_req_t *p9_xen_first_request(struct p9_xen_front *front)
{
	struct p9_req_t *req;

	spin_lock(&front->lock);
	req = list_first_entry_or_null(&front->inflight, struct p9_req_t,
				       req_list);
	if (req)
		list_del_init(&req->req_list);
	spin_unlock(&front->lock);
	return req;
}

/**
 * p9_xen_front_fail - end a connection: every waiter gets EIO, now and later
 * @front: the connection; may have failed before
 *
 * When it returns nobody touches the rings but their event handlers.
 *
 * Context: may sleep; takes client_sem and the rings' locks.
 */
void p9_xen_front_fail(struct p9_xen_front *front)
{
	struct p9_req_t *req;
	unsigned int i;

	WRITE_ONCE(front->state, P9_XEN_DEAD);
	wake_up_all(&front->changed);
	for (i = 0; i < front->nr_rings; i++) {
		wake_up_all(&front->rings[i].room);
		/* Who sent has put its request on the list; others see DEAD */
		mutex_lock(&front->rings[i].out_lock);
		mutex_unlock(&front->rings[i].out_lock);
		mutex_lock(&front->rings[i].in_lock);
		mutex_unlock(&front->rings[i].in_lock);
	}
	down_write(&front->client_sem);
	if (front->client) {
		front->client->status = Disconnected;
		while ((req = p9_xen_first_request(front))) {
			req->t_err = -EIO;
			/* Drops the reference that the list held */
			p9_client_cb(front->client, req, REQ_STATUS_ERROR);
		}
		p9_xen_drop_flushes(front, front->client);
	}
	up_write(&front->client_sem);
}

static void p9_xen_failure(struct work_struct *work)
{
	p9_xen_front_fail(container_of(work, struct p9_xen_front, failure));
}

static void p9_xen_violation(struct p9_xen_ring *ring, const char *what,
			     u32 value)
{
	struct p9_xen_front *front = ring->front;

	if (p9_xen_front_dead(front))
		return;
	WRITE_ONCE(front->state, P9_XEN_DEAD);
	dev_err(&front->dev->dev,
		"backend broke the protocol: %s (%u) on ring %td; the mount of '%s' fails with EIO, unmount it and detach the device\n",
		what, value, ring - front->rings, front->tag);
	schedule_work(&front->failure);
}

/**
 * p9_xen_front_alloc - make a connection known by its tag
 * @dev: the xenbus device
 * @tag: the name to mount it by
 *
 * Context: may sleep; takes the list's mutex.
 * Return: the connection, or NULL when out of memory.
 */
struct p9_xen_front *p9_xen_front_alloc(struct xenbus_device *dev,
					const char *tag)
{
	struct p9_xen_front *front = kzalloc_obj(*front);

	if (!front)
		return NULL;
	front->tag = kstrdup(tag, GFP_KERNEL);
	if (!front->tag) {
		kfree(front);
		return NULL;
	}
	kref_init(&front->ref);
	front->dev = dev;
	init_waitqueue_head(&front->changed);
	init_rwsem(&front->client_sem);
	spin_lock_init(&front->lock);
	INIT_LIST_HEAD(&front->inflight);
	INIT_LIST_HEAD(&front->flushes);
	INIT_WORK(&front->failure, p9_xen_failure);

	mutex_lock(&p9_xen_lock);
	list_add_tail(&front->list, &p9_xen_fronts);
	mutex_unlock(&p9_xen_lock);
	return front;
}

/**
 * p9_xen_front_live - the backend has connected: the device can be mounted
 * @front: the connection
 *
 * Context: any.
 */
void p9_xen_front_live(struct p9_xen_front *front)
{
	WRITE_ONCE(front->state, P9_XEN_LIVE);
	wake_up_all(&front->changed);
}

/**
 * p9_xen_front_free - forget a connection whose rings are closed
 * @front: the connection, dead; a client that still has it keeps its memory
 *
 * Context: may sleep; takes the list's mutex.
 */
void p9_xen_front_free(struct p9_xen_front *front)
{
	mutex_lock(&p9_xen_lock);
	list_del(&front->list);
	mutex_unlock(&p9_xen_lock);
	cancel_work_sync(&front->failure);
	p9_xen_front_put(front);
}

/* True also when there is no use in waiting */
static bool p9_xen_has_room(struct p9_xen_ring *ring, u32 size)
{
	u32 room;

	return p9_xen_front_dead(ring->front) ||
	       xen_9pfs_room(&ring->out, &room) || room >= size;
}

/* Returns -EAGAIN when there is no room after all */
static int p9_xen_send(struct p9_xen_ring *ring, struct p9_req_t *req)
{
	struct p9_xen_front *front = ring->front;
	u32 room;

	lockdep_assert_held(&ring->out_lock);
	if (p9_xen_front_dead(front))
		return -EIO;
	if (xen_9pfs_room(&ring->out, &room)) {
		p9_xen_violation(ring, "impossible out_cons",
				 READ_ONCE(*ring->out.peer));
		return -EIO;
	}
	if (room < req->tc.size)
		return -EAGAIN;

	xen_9pfs_put(&ring->out, 0, req->tc.sdata, req->tc.size);
	if (req->tc.id == P9_TFLUSH)
		p9_xen_add_flush(front, req);
	WRITE_ONCE(req->status, REQ_STATUS_SENT);
	spin_lock(&front->lock);
	list_add_tail(&req->req_list, &front->inflight);
	spin_unlock(&front->lock);
	xen_9pfs_publish(&ring->out, req->tc.size);
	notify_remote_via_irq(ring->irq);
	return 0;
}

/* A stock backend looks for a tag nowhere else */
static struct p9_xen_ring *p9_xen_ring_of(struct p9_xen_front *front, u16 tag)
{
	return &front->rings[tag % front->nr_rings];
}

/* Drops what the replies to an earlier mount have left in the rings */
static void p9_xen_discard(struct p9_xen_front *front)
{
	unsigned int i;
	u32 queued;

	for (i = 0; i < front->nr_rings; i++) {
		struct p9_xen_ring *ring = &front->rings[i];

		mutex_lock(&ring->in_lock);
		if (!p9_xen_front_dead(front) &&
		    !xen_9pfs_queued(&ring->in, &queued))
			xen_9pfs_consume(&ring->in, queued);
		mutex_unlock(&ring->in_lock);
	}
	WRITE_ONCE(front->negotiated, true);
}

static int p9_xen_request(struct p9_client *client, struct p9_req_t *req)
{
	struct p9_xen_front *front = client->trans;
	struct p9_xen_ring *ring;
	int err;

	/* The first request after Tversion: its reply has been had */
	if (!front->negotiated && req->tc.tag != P9_NOTAG)
		p9_xen_discard(front);

	ring = p9_xen_ring_of(front, req->tc.tag);
	do {
		err = wait_event_killable(ring->room,
					  p9_xen_has_room(ring, req->tc.size));
		if (err)
			return err;
		err = mutex_lock_killable(&ring->out_lock);
		if (err)
			return -ERESTARTSYS;
		err = p9_xen_send(ring, req);
		mutex_unlock(&ring->out_lock);
	} while (err == -EAGAIN);
	return err;
}

static void p9_xen_complete(struct p9_client *client, struct p9_req_t *req,
			    struct p9_xen_ring *ring, const u8 *header,
			    u32 size)
{
	int status = REQ_STATUS_RCVD;

	if (size <= req->rc.capacity) {
		/* The header is the private copy that was checked */
		memcpy(req->rc.sdata, header, P9_XEN_HDR_SIZE);
		xen_9pfs_get(&ring->in, P9_XEN_HDR_SIZE,
			     req->rc.sdata + P9_XEN_HDR_SIZE,
			     size - P9_XEN_HDR_SIZE);
		req->rc.size = size;
	} else {
		pr_warn_ratelimited("reply of %u bytes to tag %u does not fit its %zu; the request fails\n",
				    size, req->tc.tag, req->rc.capacity);
		req->t_err = -EIO;
		status = REQ_STATUS_ERROR;
	}
	if (req->tc.id == P9_TFLUSH &&
	    p9_xen_flush_answered(ring->front, req, status))
		return;
	/* Drops the reference that the list held */
	p9_client_cb(client, req, status);
}

/* One whole message of @size bytes is there; its header is in @header */
static bool p9_xen_reply(struct p9_xen_ring *ring, const u8 *header, u32 size)
{
	struct p9_xen_front *front = ring->front;
	u16 tag = get_unaligned_le16(header + 5);
	struct p9_req_t *req;

	/* Left over from an earlier mount */
	if (!front->client)
		return true;
	if (tag != P9_NOTAG && !READ_ONCE(front->negotiated))
		return true;

	req = p9_tag_lookup(front->client, tag);
	if (req && p9_xen_take_request(front, req)) {
		p9_xen_complete(front->client, req, ring, header, size);
		p9_req_put(front->client, req);
		return true;
	}
	if (req)
		p9_req_put(front->client, req);
	/* Rversion may come twice, if somebody killed the earlier mount */
	if (tag == P9_NOTAG)
		return true;
	p9_xen_violation(ring, "a reply to a tag that is not in flight", tag);
	return false;
}

/* True if there was a message that can be worked on */
static bool p9_xen_receive_one(struct p9_xen_ring *ring)
{
	u8 header[P9_XEN_HDR_SIZE];
	u32 queued, size;

	if (p9_xen_front_dead(ring->front))
		return false;
	if (xen_9pfs_queued(&ring->in, &queued)) {
		p9_xen_violation(ring, "impossible in_prod",
				 READ_ONCE(*ring->in.peer));
		return false;
	}
	if (queued < P9_XEN_HDR_SIZE)
		return false;
	xen_9pfs_get(&ring->in, 0, header, sizeof(header));
	size = get_unaligned_le32(header);
	if (size < P9_XEN_HDR_SIZE || size > ring->in.size) {
		p9_xen_violation(ring, "a reply of an impossible size", size);
		return false;
	}
	if (size > queued)
		return false;
	if (!p9_xen_reply(ring, header, size))
		return false;
	xen_9pfs_consume(&ring->in, size);
	return true;
}

/*
 * The backend waits for room of a reply, which is msize at most. It saw at
 * least the index that it was last told of, so as long as that leaves room
 * for msize it does not wait, whatever it has produced meanwhile.
 */
static void p9_xen_tell_room(struct p9_xen_ring *ring, u32 msize)
{
	u32 taken = ring->in.index - ring->notified;

	if (!taken || ring->in.size - taken >= msize)
		return;
	ring->notified = ring->in.index;
	notify_remote_via_irq(ring->irq);
}

/* Handles every reply that is there; true if there was one */
static bool p9_xen_drain(struct p9_xen_ring *ring)
{
	struct p9_xen_front *front = ring->front;
	bool any = false;

	lockdep_assert_held_read(&front->client_sem);
	mutex_lock(&ring->in_lock);
	while (p9_xen_receive_one(ring)) {
		any = true;
		p9_xen_tell_room(ring, front->client ? front->client->msize :
						       ring->in.size);
	}
	mutex_unlock(&ring->in_lock);
	return any;
}

/*
 * The reply to what was flushed comes before Rflush if it comes at all, but on
 * another ring, which nobody may have looked at yet. So that ring is looked at
 * before the request counts as dropped and its tag as free.
 */
static void p9_xen_end_flush(struct p9_xen_front *front,
			     struct p9_xen_flush *f)
{
	struct p9_client *client = front->client;

	p9_xen_drain(p9_xen_ring_of(front, f->old->tc.tag));
	if (p9_xen_take_request(front, f->old)) {
		WRITE_ONCE(f->old->status, REQ_STATUS_FLSHD);
		p9_req_put(client, f->old);
	}
	p9_req_put(client, f->old);
	/* Drops the reference that the list of requests held */
	p9_client_cb(client, f->flush, f->status);
	kfree(f);
}

static bool p9_xen_receive(struct p9_xen_ring *ring)
{
	struct p9_xen_front *front = ring->front;
	struct p9_xen_flush *f;
	bool any;

	down_read(&front->client_sem);
	any = p9_xen_drain(ring);
	while ((f = p9_xen_take_flush(front, false)))
		p9_xen_end_flush(front, f);
	up_read(&front->client_sem);
	return any;
}

/**
 * p9_xen_event - the backend has sent replies or taken requests
 * @irq: the ring's
 * @arg: the ring
 *
 * An event that brings neither is spurious, and Xen's event code makes a
 * backend that sends many of them wait.
 *
 * Context: the interrupt's thread, may sleep.
 * Return: IRQ_HANDLED.
 */
irqreturn_t p9_xen_event(int irq, void *arg)
{
	struct p9_xen_ring *ring = arg;
	u32 out_cons = READ_ONCE(*ring->out.peer);
	bool any;

	any = out_cons != ring->out_seen;
	ring->out_seen = out_cons;
	if (wq_has_sleeper(&ring->room))
		wake_up(&ring->room);
	any |= p9_xen_receive(ring);
	xen_irq_lateeoi(irq, any ? 0 : XEN_EOI_FLAG_SPURIOUS);
	return IRQ_HANDLED;
}

static void p9_xen_log_tags(const char *wanted)
{
	struct p9_xen_front *front;

	if (list_empty(&p9_xen_fronts))
		pr_err("no device has the tag '%s': there is no 9pfs device at all\n",
		       wanted);
	list_for_each_entry(front, &p9_xen_fronts, list)
		pr_err("no device has the tag '%s'; known: '%s' (%s)\n",
		       wanted, front->tag, dev_name(&front->dev->dev));
}

/* The newest device of that tag, since an older one may be on its way out */
static struct p9_xen_front *p9_xen_find(const char *tag)
{
	struct p9_xen_front *front;

	lockdep_assert_held(&p9_xen_lock);
	list_for_each_entry_reverse(front, &p9_xen_fronts, list) {
		if (!strcmp(front->tag, tag))
			return front;
	}
	p9_xen_log_tags(tag);
	return NULL;
}

static int p9_xen_await_backend(struct p9_xen_front *front)
{
	long left;

	left = wait_event_killable_timeout(front->changed,
					   READ_ONCE(front->state) !=
					   P9_XEN_CONNECTING,
					   P9_XEN_MOUNT_TIMEOUT);
	if (left < 0)
		return left;
	if (!left) {
		pr_err("nobody serves the device of tag '%s'; is a backend running in the domain that exports it?\n",
		       front->tag);
		return -ETIMEDOUT;
	}
	return 0;
}

static int p9_xen_claim(struct p9_xen_front *front, struct p9_client *client)
{
	int err = 0;

	mutex_lock(&p9_xen_lock);
	down_write(&front->client_sem);
	if (p9_xen_front_dead(front)) {
		pr_err("the device of tag '%s' is closed\n", front->tag);
		err = -ECONNREFUSED;
	} else if (front->client) {
		pr_err("tag '%s' is mounted already\n", front->tag);
		err = -EBUSY;
	} else {
		client->trans = front;
		client->msize = min(client->msize, front->rings[0].in.size);
		front->client = client;
		front->negotiated = false;
	}
	up_write(&front->client_sem);
	mutex_unlock(&p9_xen_lock);
	return err;
}

static int p9_xen_create(struct p9_client *client, struct fs_context *fc)
{
	struct p9_xen_front *front;
	int err;

	if (!fc->source)
		return -EINVAL;
	mutex_lock(&p9_xen_lock);
	front = p9_xen_find(fc->source);
	if (front)
		kref_get(&front->ref);
	mutex_unlock(&p9_xen_lock);
	if (!front)
		return -ENODEV;

	err = p9_xen_await_backend(front);
	if (!err)
		err = p9_xen_claim(front, client);
	if (err)
		p9_xen_front_put(front);
	return err;
}

static void p9_xen_close(struct p9_client *client)
{
	struct p9_xen_front *front = client->trans;
	struct p9_req_t *req;

	if (!front)
		return;
	down_write(&front->client_sem);
	/* What killed processes did not wait for */
	while ((req = p9_xen_first_request(front)))
		p9_req_put(client, req);
	p9_xen_drop_flushes(front, client);
	front->client = NULL;
	up_write(&front->client_sem);
	client->trans = NULL;
	p9_xen_front_put(front);
}

/* A request that was sent cannot be taken back: the client flushes it */
static int p9_xen_cancel(struct p9_client *client, struct p9_req_t *req)
{
	return 1;
}

static struct p9_trans_module p9_xen_trans = {
	.name = "xen",
	.maxsize = P9_XEN_MAX_MSIZE,
	.def = true,
	.supports_vmalloc = true,
	.owner = THIS_MODULE,
	.create = p9_xen_create,
	.close = p9_xen_close,
	.request = p9_xen_request,
	.cancel = p9_xen_cancel,
};

static int __init p9_xen_init(void)
{
	int err;

	if (!xen_domain())
		return -ENODEV;
	v9fs_register_trans(&p9_xen_trans);
	err = p9_xen_bus_register();
	if (err)
		v9fs_unregister_trans(&p9_xen_trans);
	return err;
}
module_init(p9_xen_init);

static void __exit p9_xen_exit(void)
{
	v9fs_unregister_trans(&p9_xen_trans);
	p9_xen_bus_unregister();
}
module_exit(p9_xen_exit);

MODULE_ALIAS("xen:9pfs");
MODULE_ALIAS_9P("xen");
MODULE_DESCRIPTION("Xen transport of the 9P client");
MODULE_LICENSE("GPL");
