// SPDX-License-Identifier: GPL-2.0
/*
 * A ring of a guest: requests come out of it, replies go into it.
 *
 * The guest can write to every shared page at any time. Its indices are read
 * once and checked, a request is copied before anybody looks at it, and what
 * this side has produced and consumed is kept in private memory.
 */
#include <linux/interrupt.h>
#include <linux/slab.h>
#include <linux/unaligned.h>
#include <xen/events.h>

#include "back.h"

static struct xen_9pback_ring *
xen_9pback_ring(struct p9_server_channel *channel)
{
	return container_of(channel, struct xen_9pback_ring, channel);
}

/*
 * Xen sends no further event until the last one's end was told. One that
 * brought nothing is spurious; a guest that sends many of them has to wait. What
 * it has brought may have been found before it came.
 */
static void xen_9pback_end_event(struct xen_9pback_ring *ring, bool progress)
{
	u32 taken = READ_ONCE(ring->out.index);

	if (!atomic_xchg(&ring->eoi, 0))
		return;
	/* Nobody else is here until there is another event */
	progress |= taken != ring->ended;
	ring->ended = taken;
	xen_irq_lateeoi(ring->irq, progress ? 0 : XEN_EOI_FLAG_SPURIOUS);
}

/*
 * There is no whole request as far as the guest's index was @seen: only another
 * event tells of what comes next. False if something has come meanwhile, of which
 * none may.
 */
static bool xen_9pback_drained(struct xen_9pback_ring *ring, u32 seen)
{
	xen_9pfs_watch(&ring->out, seen);
	if (ring->out.watch && READ_ONCE(*ring->out.peer) != seen)
		return false;
	xen_9pback_end_event(ring, false);
	return true;
}

/* Lets the guest have room of requests again, and know of it if it waits */
static void xen_9pback_give_back(struct xen_9pback_ring *ring, u32 bytes)
{
	lockdep_assert_held(&ring->spent_lock);
	xen_9pfs_consume(&ring->spent, bytes);
	/* One that does not say so waits for the reply, which comes with an event */
	if (ring->spent.watched && xen_9pfs_event_wanted(&ring->spent, bytes))
		notify_remote_via_irq(ring->irq);
}

/*
 * A request was received. Its bytes go back to the guest in the ring's order: as
 * long as data of one stay there, so does what follows them.
 */
static void xen_9pback_taken(struct xen_9pback_ring *ring,
			     struct p9_server_req *req, u32 size)
{
	struct p9_server_req *last;

	req->at = ring->out.index + req->size;
	req->held = size;
	ring->out.index += size;

	spin_lock(&ring->spent_lock);
	if (req->left) {
		list_add_tail(&req->entry, &ring->left);
	} else if (list_empty(&ring->left)) {
		xen_9pback_give_back(ring, size);
	} else {
		last = list_last_entry(&ring->left, struct p9_server_req,
				       entry);
		last->held += size;
	}
	spin_unlock(&ring->spent_lock);
}

static void xen_9pback_release(struct p9_server_req *req)
{
	struct xen_9pback_ring *ring = xen_9pback_ring(req->channel);

	spin_lock(&ring->spent_lock);
	if (list_is_first(&req->entry, &ring->left))
		xen_9pback_give_back(ring, req->held);
	else
		/* Those before it in the ring give it back with theirs */
		list_prev_entry(req, entry)->held += req->held;
	list_del(&req->entry);
	spin_unlock(&ring->spent_lock);
}

/*
 * Whether data can stay in the ring. One request that takes long is to hold up
 * the guest's others on that ring no more than one of half the size.
 */
static bool xen_9pback_may_leave(struct xen_9pback_ring *ring, u32 size)
{
	u32 held;

	spin_lock(&ring->spent_lock);
	held = ring->out.index - ring->spent.index;
	spin_unlock(&ring->spent_lock);
	return held + size <= ring->out.size / 2;
}

/* Tells where bytes of a stream are, piece by piece */
static unsigned int xen_9pback_pieces(const struct xen_9pfs_stream *s, u32 at,
				      u32 len, struct kvec *vec)
{
	unsigned int nr = 0;
	u32 run;

	while (len) {
		vec[nr].iov_base = xen_9pfs_at(s, at, &run);
		run = min(run, len);
		vec[nr++].iov_len = run;
		at += run;
		len -= run;
	}
	return nr;
}

static unsigned int xen_9pback_locate(struct p9_server_req *req,
				      struct kvec *vec)
{
	struct xen_9pback_ring *ring = xen_9pback_ring(req->channel);

	return xen_9pback_pieces(&ring->out, req->at, req->left, vec);
}

/* The bytes of a whole request at the front of the ring, 0 if there is none */
static int xen_9pback_whole_size(struct xen_9pback_ring *ring, u8 *header)
{
	u32 queued, size;
	int err;

	do {
		err = xen_9pfs_queued(&ring->out, &queued);
		if (err)
			return err;
		if (queued < P9_SERVER_HDR_SIZE)
			continue;
		xen_9pfs_get(&ring->out, 0, header, P9_SERVER_HDR_SIZE);
		size = get_unaligned_le32(header);
		if (size < P9_SERVER_HDR_SIZE || size > ring->out.size)
			return -EPROTO;
		/* A guest may publish a message in pieces */
		if (size <= queued)
			return size;
	} while (!xen_9pback_drained(ring, ring->out.index + queued));
	return 0;
}

static struct p9_server_req *xen_9pback_recv(struct p9_server_channel *channel)
{
	struct xen_9pback_ring *ring = xen_9pback_ring(channel);
	u8 header[P9_SERVER_HDR_SIZE];
	struct p9_server_req *req;
	int size;

	if (READ_ONCE(ring->conn->dead))
		return NULL;
	size = xen_9pback_whole_size(ring, header);
	if (size <= 0)
		return ERR_PTR(size);

	req = p9_server_req_alloc(channel, header,
				  xen_9pback_may_leave(ring, size));
	if (IS_ERR_OR_NULL(req))
		return req;
	xen_9pfs_get(&ring->out, sizeof(header), req->buf + sizeof(header),
		     req->size - sizeof(header));
	xen_9pback_taken(ring, req, size);
	return req;
}

static bool xen_9pback_pending(struct p9_server_channel *channel)
{
	struct xen_9pback_ring *ring = xen_9pback_ring(channel);

	return READ_ONCE(*ring->out.peer) != ring->out.index ||
	       !xen_9pback_drained(ring, ring->out.index);
}

/*
 * True also when there is no use in waiting. While somebody waits here, events
 * that nobody received requests for must be ended, or none would tell of room.
 */
static bool xen_9pback_has_room(struct xen_9pback_ring *ring, u32 size)
{
	u32 in_cons = READ_ONCE(*ring->in.peer), room;

	lockdep_assert_held(&ring->in_lock);
	xen_9pfs_watch_room(&ring->in, size);
	xen_9pback_end_event(ring, in_cons != ring->in_seen);
	ring->in_seen = in_cons;
	return READ_ONCE(ring->conn->dead) ||
	       xen_9pfs_room(&ring->in, &room) || room >= size;
}

static int xen_9pback_await_room(struct xen_9pback_ring *ring, u32 size)
{
	u32 room;
	int err;

	if (size > ring->in.size)
		return -EMSGSIZE;
	err = xen_9pfs_room(&ring->in, &room);
	if (err || room >= size)
		return err;
	/* Idle: how long it takes is the guest's affair, and no hung task */
	wait_event_idle(ring->room, xen_9pback_has_room(ring, size));
	return xen_9pfs_room(&ring->in, &room);
}

static void xen_9pback_publish(struct xen_9pback_ring *ring, u32 len)
{
	lockdep_assert_held(&ring->in_lock);
	xen_9pfs_publish(&ring->in, len);
	if (xen_9pfs_event_wanted(&ring->in, len))
		notify_remote_via_irq(ring->irq);
}

static int xen_9pback_send(struct p9_server_channel *channel, struct kvec *vec,
			   unsigned int nr, size_t len)
{
	struct xen_9pback_ring *ring = xen_9pback_ring(channel);
	unsigned int i;
	u32 at = 0;
	int err;

	mutex_lock(&ring->in_lock);
	err = xen_9pback_await_room(ring, len);
	if (!err && READ_ONCE(ring->conn->dead))
		err = -EPIPE;
	if (err)
		goto out;
	for (i = 0; i < nr; i++) {
		xen_9pfs_put(&ring->in, at, vec[i].iov_base, vec[i].iov_len);
		at += vec[i].iov_len;
	}
	xen_9pback_publish(ring, at);
out:
	mutex_unlock(&ring->in_lock);
	return err;
}

static unsigned int xen_9pback_reserve(struct p9_server_channel *channel,
				       size_t len, struct kvec *vec)
{
	struct xen_9pback_ring *ring = xen_9pback_ring(channel);
	u32 room;

	/* Whoever has it may wait for room */
	if (!mutex_trylock(&ring->in_lock))
		return 0;
	if (!READ_ONCE(ring->conn->dead) && !xen_9pfs_room(&ring->in, &room) &&
	    room >= len)
		return xen_9pback_pieces(&ring->in, ring->in.index, len, vec);
	mutex_unlock(&ring->in_lock);
	return 0;
}

static void xen_9pback_commit(struct p9_server_channel *channel, size_t len)
{
	struct xen_9pback_ring *ring = xen_9pback_ring(channel);

	if (len)
		xen_9pback_publish(ring, len);
	mutex_unlock(&ring->in_lock);
}

static void xen_9pback_failed(struct p9_server_channel *channel, int err)
{
	struct xen_9pback_conn *conn = xen_9pback_ring(channel)->conn;

	conn->failed(conn->owner, err);
}

static const struct p9_server_transport xen_9pback_transport = {
	.recv = xen_9pback_recv,
	.pending = xen_9pback_pending,
	.send = xen_9pback_send,
	.reserve = xen_9pback_reserve,
	.commit = xen_9pback_commit,
	.locate = xen_9pback_locate,
	.release = xen_9pback_release,
	.failed = xen_9pback_failed,
};

static irqreturn_t xen_9pback_event(int irq, void *arg)
{
	struct xen_9pback_ring *ring = arg;

	atomic_set(&ring->eoi, 1);
	if (wq_has_sleeper(&ring->room))
		wake_up(&ring->room);
	p9_server_ready(&ring->channel);
	return IRQ_HANDLED;
}

/**
 * xen_9pback_ring_init - make a ring that can be stopped and closed
 * @ring: zeroed
 * @conn: the connection it belongs to
 *
 * Context: any.
 */
void xen_9pback_ring_init(struct xen_9pback_ring *ring,
			  struct xen_9pback_conn *conn)
{
	ring->channel.transport = &xen_9pback_transport;
	ring->conn = conn;
	ring->irq = -1;
	spin_lock_init(&ring->spent_lock);
	INIT_LIST_HEAD(&ring->left);
	mutex_init(&ring->in_lock);
	init_waitqueue_head(&ring->room);
}

/* Reads the guest's references once, into memory of this domain */
static int xen_9pback_map_data(struct xen_9pback_ring *ring,
			       const struct xen_9pfs_data_intf *intf,
			       unsigned int order)
{
	domid_t domid = ring->conn->dev->otherend_id;
	unsigned int nr = 1U << order, i;
	grant_ref_t *refs;
	int err;

	refs = kcalloc(nr, sizeof(*refs), GFP_KERNEL);
	ring->addrs = kcalloc(nr, sizeof(*ring->addrs), GFP_KERNEL);
	if (!refs || !ring->addrs) {
		kfree(refs);
		return -ENOMEM;
	}
	for (i = 0; i < nr; i++)
		refs[i] = READ_ONCE(intf->ref[i]);
	err = xen_9pback_map(&ring->data_area, domid, refs, nr);
	kfree(refs);
	if (err)
		return err;
	for (i = 0; i < nr; i++)
		ring->addrs[i] = xen_9pback_page(&ring->data_area, i);
	return 0;
}

/* Starts where the guest's indices stand: all zero in every known frontend */
static void xen_9pback_set_streams(struct xen_9pback_ring *ring,
				   struct xen_9pfs_data_intf *intf,
				   unsigned int order)
{
	u32 half = XEN_9PFS_PAGE_SIZE << (order - 1);
	bool event_idx = ring->conn->event_idx;

	ring->in = (struct xen_9pfs_stream) {
		.pages = ring->addrs,
		.size = half,
		.index = READ_ONCE(intf->in_prod),
		.own = &intf->in_prod,
		.peer = &intf->in_cons,
		.watch = event_idx ? &intf->in_cons_event : NULL,
		.watched = event_idx ? &intf->in_prod_event : NULL,
	};
	ring->out = (struct xen_9pfs_stream) {
		.pages = ring->addrs + half / XEN_9PFS_PAGE_SIZE,
		.size = half,
		.index = READ_ONCE(intf->out_cons),
		.own = &intf->out_cons,
		.peer = &intf->out_prod,
		.watch = event_idx ? &intf->out_prod_event : NULL,
		.watched = event_idx ? &intf->out_cons_event : NULL,
	};
	ring->spent = ring->out;
}

/**
 * xen_9pback_ring_open - map a ring and bind its event channel
 * @ring: after xen_9pback_ring_init()
 * @ref: the grant reference of its interface page
 * @evtchn: the guest's port of its event channel
 *
 * Events stay off until enable_irq() by the caller, once there is a session.
 *
 * Context: may sleep.
 * Return: 0; -EPROTO for a ring order that was not offered; another negative
 * errno. xen_9pback_ring_close() is due in each case.
 */
int xen_9pback_ring_open(struct xen_9pback_ring *ring, grant_ref_t ref,
			 evtchn_port_t evtchn)
{
	struct xenbus_device *dev = ring->conn->dev;
	struct xen_9pfs_data_intf *intf;
	unsigned int order;
	int err;

	err = xen_9pback_map(&ring->intf_area, dev->otherend_id, &ref, 1);
	if (err)
		return err;
	intf = xen_9pback_page(&ring->intf_area, 0);
	order = READ_ONCE(intf->ring_order);
	if (order < 1 || order > XEN_9PFS_MAX_ORDER)
		return -EPROTO;
	err = xen_9pback_map_data(ring, intf, order);
	if (err)
		return err;
	xen_9pback_set_streams(ring, intf, order);

	ring->irq = bind_interdomain_evtchn_to_irqhandler_lateeoi(dev, evtchn,
								  xen_9pback_event,
								  IRQF_NO_AUTOEN,
								  "xen-9pback",
								  ring);
	return min(ring->irq, 0);
}

/**
 * xen_9pback_ring_stop - no event is handled any more, no sender waits
 * @ring: its connection is dead
 *
 * Context: may sleep.
 */
void xen_9pback_ring_stop(struct xen_9pback_ring *ring)
{
	if (ring->irq >= 0)
		disable_irq(ring->irq);
	wake_up_all(&ring->room);
}

/**
 * xen_9pback_ring_close - give back what xen_9pback_ring_open() got
 * @ring: no session uses it any more
 *
 * Context: may sleep.
 */
void xen_9pback_ring_close(struct xen_9pback_ring *ring)
{
	if (ring->irq >= 0)
		unbind_from_irqhandler(ring->irq, ring);
	ring->irq = -1;
	xen_9pback_unmap(&ring->data_area);
	xen_9pback_unmap(&ring->intf_area);
	kfree(ring->addrs);
	ring->addrs = NULL;
}
