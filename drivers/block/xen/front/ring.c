// SPDX-License-Identifier: GPL-2.0
/*
 * A ring of the Xen block frontend: requests go out on it, replies come in.
 *
 * The backend is not trusted: its index and its replies are read once and checked
 * against what this side has recorded. Nothing that is given back at the end is
 * read from shared memory.
 */
#include <kunit/visibility.h>
#include <linux/blkdev.h>
#include <linux/gfp.h>
#include <linux/interrupt.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <xen/events.h>

#include "front.h"

/* Most grants that a pool keeps, which is 16 KiB of memory */
#define BLKFRONT_RING_MAX_REFS	4096U

/**
 * blkfront_ring_init - make a ring that blkfront_ring_close() can be called on
 * @ring: zeroed
 * @dev: the device it belongs to
 *
 * Context: any.
 */
void blkfront_ring_init(struct blkfront_ring *ring, struct blkfront_dev *dev)
{
	ring->dev = dev;
	ring->irq = -1;
	spin_lock_init(&ring->lock);
}

static irqreturn_t blkfront_ring_event(int irq, void *arg)
{
	struct blkfront_ring *ring = arg;
	DEFINE_IO_COMP_BATCH(batch);
	unsigned int nr;

	nr = blkfront_ring_reap(ring, &batch);
	if (!rq_list_empty(&batch.req_list))
		batch.complete(&batch);
	/* Events that bring nothing make the next ones wait */
	xen_irq_lateeoi(irq, nr ? 0 : XEN_EOI_FLAG_SPURIOUS);
	return IRQ_HANDLED;
}

/*
 * Each grant holds a reference of its page, so that a page which the backend
 * does not let go of is freed once it does, and not before.
 */
static int blkfront_ring_grant_pages(struct blkfront_ring *ring,
				     unsigned int nr)
{
	int ref;

	while (ring->nr_pages < nr) {
		void *addr = (void *)ring->sring +
			     ring->nr_pages * XEN_PAGE_SIZE;

		ref = gnttab_grant_foreign_access(ring->dev->bus->otherend_id,
						  virt_to_gfn(addr), 0);
		if (ref < 0)
			return ref;
		get_page(virt_to_page(addr));
		ring->refs[ring->nr_pages++] = ref;
	}
	return 0;
}

static int blkfront_ring_add_pages(struct blkfront_ring *ring,
				   unsigned int nr)
{
	ring->size = nr * XEN_PAGE_SIZE;
	ring->sring = alloc_pages_exact(ring->size, GFP_KERNEL | __GFP_ZERO);
	if (!ring->sring)
		return -ENOMEM;
	XEN_FRONT_RING_INIT(&ring->ring, ring->sring, ring->size);
	ring->pushed = 0;
	ring->told = 1;
	/* An event for no reply at all */
	if (ring->polled)
		ring->sring->rsp_event = 0;
	return blkfront_ring_grant_pages(ring, nr);
}

static int blkfront_ring_add_slots(struct blkfront_ring *ring)
{
	unsigned int i, nr = RING_SIZE(&ring->ring);

	ring->slots = kvcalloc(nr, sizeof(*ring->slots), GFP_KERNEL);
	if (!ring->slots)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		ring->slots[i].id = i;
		ring->slots[i].next = i + 1;
	}
	ring->nr_slots = nr;
	ring->free_slot = 0;
	ring->in_flight = 0;
	return 0;
}

static int blkfront_ring_add_event(struct blkfront_ring *ring)
{
	struct xenbus_device *bus = ring->dev->bus;
	int err;

	err = xenbus_alloc_evtchn(bus, &ring->evtchn);
	if (err)
		return err;
	err = bind_evtchn_to_irqhandler_lateeoi(ring->evtchn,
						blkfront_ring_event, 0,
						"blkif", ring);
	if (err < 0) {
		xenbus_free_evtchn(bus, ring->evtchn);
		return err;
	}
	ring->irq = err;
	return 0;
}

/**
 * blkfront_ring_open - allocate and grant a ring's pages, bind its events
 * @ring: after blkfront_ring_init() or blkfront_ring_close()
 * @order: of the number of its pages
 *
 * Context: may sleep.
 * Return: 0 or a negative errno; blkfront_ring_close() is due in both cases.
 */
int blkfront_ring_open(struct blkfront_ring *ring, unsigned int order)
{
	int err;

	err = blkfront_ring_add_pages(ring, 1U << order);
	if (err)
		return err;
	err = blkfront_ring_add_slots(ring);
	if (err)
		return err;
	return blkfront_ring_add_event(ring);
}

/**
 * blkfront_ring_fill - get a ring's pool what one request takes
 * @ring: open; the backend's features are known
 *
 * Context: may sleep.
 * Return: 0, -ENOMEM or -ENOSPC; may be called again.
 */
int blkfront_ring_fill(struct blkfront_ring *ring)
{
	unsigned int segs = ring->dev->features.max_segs;
	struct blkfront_pool *pool = &ring->pool;
	unsigned int bufs = ring->dev->bounce ? segs : 0;
	int err;

	if (segs > BLKIF_MAX_SEGMENTS_PER_REQUEST)
		bufs++;
	if (!pool->refs) {
		err = blkfront_pool_init(pool, min(ring->nr_slots * segs,
						   BLKFRONT_RING_MAX_REFS));
		if (err)
			return err;
	}
	pool->min_refs = ring->dev->bounce ? 0 : segs;
	pool->min_bufs = bufs;
	return blkfront_pool_grow(ring,
				  pool->min_refs - min(pool->min_refs,
						       pool->nr_refs),
				  bufs, GFP_KERNEL);
}

/**
 * blkfront_ring_start - let requests be sent
 * @ring: filled; the backend has connected
 *
 * Context: any.
 */
void blkfront_ring_start(struct blkfront_ring *ring)
{
	unsigned long flags;

	spin_lock_irqsave(&ring->lock, flags);
	ring->live = true;
	spin_unlock_irqrestore(&ring->lock, flags);
}

/**
 * blkfront_ring_reserve - find a request a slot, grants and buffers
 * @ring: live
 * @rq: after blkfront_req_plan()
 *
 * Once it has them it can be sent.
 *
 * Context: any; the ring's lock is held.
 * Return: 0, -EBUSY if there is no slot, -ENOSPC if the pool has too little.
 */
int blkfront_ring_reserve(struct blkfront_ring *ring, struct request *rq)
{
	struct blkfront_req *req = blk_mq_rq_to_pdu(rq);
	struct blkfront_slot *slot;

	lockdep_assert_held(&ring->lock);
	if (ring->free_slot == ring->nr_slots)
		return -EBUSY;
	if (!blkfront_pool_has(&ring->pool, blkfront_req_refs(req),
			       blkfront_req_bufs(req)))
		return -ENOSPC;
	req->slot = ring->free_slot;
	slot = &ring->slots[req->slot];
	ring->free_slot = slot->next;
	ring->in_flight++;
	blkfront_req_take(&ring->pool, req);
	return 0;
}

/**
 * blkfront_ring_put - write a request to the ring
 * @ring: live
 * @rq: after blkfront_ring_reserve() and blkfront_req_grant()
 *
 * Context: any; the ring's lock is held.
 */
void blkfront_ring_put(struct blkfront_ring *ring, struct request *rq)
{
	struct blkfront_req *req = blk_mq_rq_to_pdu(rq);
	struct blkfront_slot *slot = &ring->slots[req->slot];
	struct blkif_request *out;

	lockdep_assert_held(&ring->lock);
	slot->rq = rq;
	slot->op = req->op;
	out = RING_GET_REQUEST(&ring->ring, ring->ring.req_prod_pvt);
	ring->ring.req_prod_pvt++;
	blkfront_req_encode(req, req_op(rq) == REQ_OP_FLUSH ? 0 :
			    blk_rq_pos(rq), blk_rq_sectors(rq),
			    ring->dev->handle, slot->id,
			    req_op(rq) == REQ_OP_SECURE_ERASE, out);
}

/**
 * blkfront_ring_push - show the backend what was put on the ring
 * @ring: the ring
 *
 * Context: any; the ring's lock is held.
 * Return: whether the backend wants to be told.
 */
bool blkfront_ring_push(struct blkfront_ring *ring)
{
	RING_IDX old = ring->pushed, new = ring->ring.req_prod_pvt;

	lockdep_assert_held(&ring->lock);
	if (old == new)
		return false;
	ring->pushed = new;
	/* Requests before the index; pairs with the backend's read of both */
	virt_wmb();
	WRITE_ONCE(ring->sring->req_prod, new);
	/*
	 * The index before its wish is read; pairs with the backend, which
	 * writes its wish and then looks at the index again
	 */
	virt_mb();
	return new - READ_ONCE(ring->sring->req_event) < new - old;
}

/**
 * blkfront_ring_notify - tell the backend to look at the ring
 * @ring: the ring
 *
 * Context: any; the ring is not closed meanwhile.
 */
void blkfront_ring_notify(struct blkfront_ring *ring)
{
	notify_remote_via_irq(ring->irq);
}

/**
 * blkfront_ring_check - see whether a reply can be true
 * @ring: the ring
 * @rsp: a private copy of the reply
 *
 * Context: any; the ring's lock is held.
 * Return: NULL, or what is wrong with it.
 */
VISIBLE_IF_KUNIT const char *
blkfront_ring_check(const struct blkfront_ring *ring,
		    const struct blkif_response *rsp)
{
	const struct blkfront_slot *slot;

	slot = &ring->slots[rsp->id & (ring->nr_slots - 1)];
	if (!slot->rq || slot->id != rsp->id)
		return "answered a request that it does not have";
	if (slot->op != rsp->operation)
		return "answered another operation than it was asked for";
	return NULL;
}
EXPORT_SYMBOL_IF_KUNIT(blkfront_ring_check);

static blk_status_t blkfront_ring_status(int status)
{
	switch (status) {
	case BLKIF_RSP_OKAY:
		return BLK_STS_OK;
	case BLKIF_RSP_EOPNOTSUPP:
		return BLK_STS_NOTSUPP;
	default:
		return BLK_STS_IOERR;
	}
}

static void blkfront_ring_free_slot(struct blkfront_ring *ring,
				    unsigned int nr)
{
	struct blkfront_slot *slot = &ring->slots[nr];

	/* Another id, so that a second reply is known for one */
	slot->id += ring->nr_slots;
	slot->rq = NULL;
	slot->next = ring->free_slot;
	ring->free_slot = nr;
	ring->in_flight--;
}

static void blkfront_ring_broken(struct blkfront_ring *ring, const char *what,
				 u64 value)
{
	ring->live = false;
	blkfront_violation(ring, what, value);
}

/* One reply; says whether to go on */
static bool blkfront_ring_take_one(struct blkfront_ring *ring, RING_IDX at,
				   struct rq_list *done)
{
	struct blkif_response rsp;
	struct blkfront_req *req;
	struct request *rq;
	const char *wrong;

	RING_COPY_RESPONSE(&ring->ring, at, &rsp);
	wrong = blkfront_ring_check(ring, &rsp);
	if (wrong) {
		blkfront_ring_broken(ring, wrong, rsp.id);
		return false;
	}
	rq = ring->slots[rsp.id & (ring->nr_slots - 1)].rq;
	/* A fault was ordered: as if the backend had not answered */
	if (unlikely(blk_should_fake_timeout(rq->q)))
		return true;
	req = blk_mq_rq_to_pdu(rq);
	req->status = blkfront_ring_status(rsp.status);
	blkfront_ring_free_slot(ring, req->slot);
	rq_list_add_tail(done, rq);
	return true;
}

/* The replies that there are */
static void blkfront_ring_take(struct blkfront_ring *ring, RING_IDX prod,
			       struct rq_list *done)
{
	struct blkif_front_ring *r = &ring->ring;

	if (prod - r->rsp_cons > ring->pushed - r->rsp_cons) {
		blkfront_ring_broken(ring, "has more replies than it had requests",
				     prod - r->rsp_cons);
		return;
	}
	while (r->rsp_cons != prod) {
		if (!blkfront_ring_take_one(ring, r->rsp_cons, done))
			return;
		r->rsp_cons++;
	}
}

/* All replies, until the backend is sure to tell of the next one */
static void blkfront_ring_take_all(struct blkfront_ring *ring,
				   struct rq_list *done)
{
	struct blkif_front_ring *r = &ring->ring;
	RING_IDX prod;

	lockdep_assert_held(&ring->lock);
	while (ring->live) {
		prod = READ_ONCE(r->sring->rsp_prod);
		/* The index before the replies; pairs with the backend's writes */
		virt_rmb();
		if (prod != r->rsp_cons) {
			blkfront_ring_take(ring, prod, done);
			continue;
		}
		if (ring->polled || ring->told == prod + 1)
			return;
		ring->told = prod + 1;
		WRITE_ONCE(r->sring->rsp_event, ring->told);
		/*
		 * The wish before the index is read again; pairs with the
		 * backend, which writes its index and then looks at the wish
		 */
		virt_mb();
	}
}

/* What an answer of "not supported" means for what comes after */
static void blkfront_ring_unsupported(struct blkfront_dev *dev,
				      struct request *rq)
{
	struct blkfront_req *req = blk_mq_rq_to_pdu(rq);

	switch (req_op(rq)) {
	case REQ_OP_FLUSH:
		if (xchg(&dev->features.flush_op, BLKFRONT_OP_NONE) !=
		    BLKFRONT_OP_NONE)
			dev_warn(&dev->bus->dev,
				 "the backend of %s cannot flush: what it has acknowledged may be lost with its power\n",
				 dev->name.name);
		req->status = BLK_STS_OK;
		break;
	case REQ_OP_DISCARD:
		dev->features.discard = false;
		blk_queue_disable_discard(rq->q);
		break;
	case REQ_OP_SECURE_ERASE:
		dev->features.secure = false;
		blk_queue_disable_secure_erase(rq->q);
		break;
	default:
		break;
	}
}

/* Takes back what the requests on the list had */
static void blkfront_ring_finish(struct blkfront_ring *ring,
				 struct rq_list *done)
{
	struct request *rq, *kept = NULL;
	struct blkfront_req *req;
	unsigned long flags;

	rq_list_for_each(done, rq) {
		req = blk_mq_rq_to_pdu(rq);
		if (unlikely(req->status == BLK_STS_NOTSUPP))
			blkfront_ring_unsupported(ring->dev, rq);
		if (unlikely(!blkfront_req_finish(rq)))
			kept = rq;
	}
	spin_lock_irqsave(&ring->lock, flags);
	if (unlikely(kept))
		blkfront_ring_broken(ring, "keeps pages of a request that it has answered",
				     blk_rq_pos(kept));
	rq_list_for_each(done, rq)
		blkfront_req_give_back(ring, blk_mq_rq_to_pdu(rq));
	spin_unlock_irqrestore(&ring->lock, flags);
}

static void blkfront_ring_complete(struct rq_list *done,
				   struct io_comp_batch *iob)
{
	struct blkfront_req *req;
	struct request *rq;

	while ((rq = rq_list_pop(done))) {
		req = blk_mq_rq_to_pdu(rq);
		if (!blk_mq_complete_request_remote(rq) &&
		    !blk_mq_add_to_batch(rq, iob, req->status != BLK_STS_OK,
					 blk_mq_end_request_batch))
			blk_mq_end_request(rq, req->status);
	}
}

/**
 * blkfront_ring_reap - take the replies that there are
 * @ring: the ring; may be closed
 * @iob: where to put requests that are done, for the caller to complete; or NULL
 *
 * Data are copied and grants ended without a lock.
 *
 * Context: any; takes the ring's lock.
 * Return: how many requests were answered.
 */
unsigned int blkfront_ring_reap(struct blkfront_ring *ring,
				struct io_comp_batch *iob)
{
	struct rq_list done = {};
	unsigned long flags;
	unsigned int before, nr;

	spin_lock_irqsave(&ring->lock, flags);
	before = ring->in_flight;
	blkfront_ring_take_all(ring, &done);
	nr = before - ring->in_flight;
	spin_unlock_irqrestore(&ring->lock, flags);
	if (!nr)
		return 0;
	blkfront_ring_finish(ring, &done);
	blkfront_ring_complete(&done, iob);
	return nr;
}

/**
 * blkfront_ring_stop - take replies no more
 * @ring: nobody sends on it
 *
 * Those that have come are taken first. Event handlers have ended when it returns.
 *
 * Context: may sleep; holds no lock of the ring.
 */
void blkfront_ring_stop(struct blkfront_ring *ring)
{
	if (ring->irq >= 0)
		unbind_from_irqhandler(ring->irq, ring);
	ring->irq = -1;
	blkfront_ring_reap(ring, NULL);
	spin_lock_irq(&ring->lock);
	ring->live = false;
	spin_unlock_irq(&ring->lock);
}

/**
 * blkfront_ring_release - end the grants of requests that were not answered
 * @ring: stopped
 *
 * Context: may sleep; may be called again.
 * Return: how many pages of requests the backend has still mapped.
 */
unsigned int blkfront_ring_release(struct blkfront_ring *ring)
{
	unsigned int i, kept = 0;

	for (i = 0; i < ring->nr_slots; i++) {
		if (ring->slots[i].rq)
			kept += blkfront_req_release(blk_mq_rq_to_pdu(ring->slots[i].rq));
	}
	return kept;
}

/**
 * blkfront_ring_end_requests - let requests that were not answered end here
 * @ring: stopped
 * @replay: they are sent again on another connection, and do not fail
 *
 * Pages of theirs that the backend still has mapped are freed when it has not.
 *
 * Context: may sleep; holds none of the ring's locks; may be called again.
 */
void blkfront_ring_end_requests(struct blkfront_ring *ring, bool replay)
{
	struct request *rq;
	unsigned int i;

	for (i = 0; i < ring->nr_slots; i++) {
		rq = ring->slots[i].rq;
		if (!rq)
			continue;
		ring->slots[i].rq = NULL;
		blkfront_req_abandon(blk_mq_rq_to_pdu(rq));
		if (replay)
			blk_mq_requeue_request(rq, false);
		else
			blk_mq_end_request(rq, BLK_STS_IOERR);
	}
}

/**
 * blkfront_ring_close - give back what blkfront_ring_open() got, and more
 * @ring: stopped, without requests
 *
 * Pages that the backend still has mapped are freed when it has not.
 *
 * Context: may sleep; holds none of the ring's locks.
 */
void blkfront_ring_close(struct blkfront_ring *ring)
{
	unsigned int i;

	kvfree(ring->slots);
	ring->slots = NULL;
	ring->nr_slots = 0;
	ring->free_slot = 0;
	ring->in_flight = 0;
	blkfront_pool_free(&ring->pool);
	for (i = 0; i < ring->nr_pages; i++)
		gnttab_end_foreign_access(ring->refs[i],
					  virt_to_page((void *)ring->sring +
						       i * XEN_PAGE_SIZE));
	if (ring->sring)
		free_pages_exact(ring->sring, ring->size);
	ring->sring = NULL;
	ring->nr_pages = 0;
}
