// SPDX-License-Identifier: GPL-2.0
/*
 * The hardware queues of a disk: what the block layer asks for.
 *
 * There is a ring for each queue, unless the backend was replaced by one that
 * serves fewer: then queues share rings. A batch of requests is one push and at
 * most one event. What a ring has no room or grants for is tried again by the
 * block layer, when a request has ended or after a moment.
 */
#include <linux/blkdev.h>
#include <linux/blk-mq.h>

#include "front.h"

static struct blkfront_ring *blkfront_queue_ring(struct blk_mq_hw_ctx *hctx)
{
	struct blkfront_dev *dev = hctx->queue->queuedata;
	unsigned int nr = READ_ONCE(dev->nr_rings);
	unsigned int queue = hctx->queue_num;

	if (unlikely(queue >= nr))
		queue %= nr;
	return &dev->rings[queue];
}

/*
 * A request that was made for a backend which takes larger ones goes back to
 * where its pieces came from, to be cut for this one.
 */
static void blkfront_queue_split(struct blkfront_dev *dev, struct request *rq)
{
	unsigned long flags;

	spin_lock_irqsave(&dev->bio_lock, flags);
	blk_steal_bios(&dev->bios, rq);
	spin_unlock_irqrestore(&dev->bio_lock, flags);
	blk_mq_start_request(rq);
	blk_mq_end_request(rq, BLK_STS_OK);
	schedule_work(&dev->resubmit);
}

/**
 * blkfront_queue_resubmit - send again what blkfront_queue_split() has put aside
 * @work: the device's @resubmit
 *
 * Context: may sleep.
 */
void blkfront_queue_resubmit(struct work_struct *work)
{
	struct blkfront_dev *dev = container_of(work, struct blkfront_dev,
						resubmit);
	struct bio *bio;

	do {
		spin_lock_irq(&dev->bio_lock);
		bio = bio_list_pop(&dev->bios);
		spin_unlock_irq(&dev->bio_lock);
		if (bio)
			submit_bio_noacct(bio);
	} while (bio);
}

/* What is not a matter for the backend */
static blk_status_t blkfront_queue_refuse(struct blkfront_dev *dev,
					  struct request *rq,
					  blk_status_t status)
{
	if (status == BLK_STS_AGAIN) {
		blkfront_queue_split(dev, rq);
		return BLK_STS_OK;
	}
	/* Nothing is kept that would have to be flushed */
	if (req_op(rq) == REQ_OP_FLUSH) {
		blk_mq_start_request(rq);
		blk_mq_end_request(rq, BLK_STS_OK);
		return BLK_STS_OK;
	}
	return status;
}

/* It is to come soon, and again, after the last request, whatever was in vain before */
static void blkfront_queue_arm_trim(struct blkfront_dev *dev)
{
	if (READ_ONCE(dev->trim_tries))
		WRITE_ONCE(dev->trim_tries, 0);
	if (READ_ONCE(dev->trimming))
		return;
	WRITE_ONCE(dev->trimming, true);
	schedule_delayed_work(&dev->trim, BLKFRONT_TRIM_INTERVAL);
}

static int blkfront_queue_reserve(struct blkfront_ring *ring,
				  struct request *rq)
{
	unsigned long flags;
	int err;

	spin_lock_irqsave(&ring->lock, flags);
	err = ring->live ? blkfront_ring_reserve(ring, rq) : -EIO;
	spin_unlock_irqrestore(&ring->lock, flags);
	return err;
}

/* Says whether there is room and all that it takes, now or at last */
static blk_status_t blkfront_queue_prepare(struct blkfront_ring *ring,
					   struct request *rq)
{
	struct blkfront_req *req = blk_mq_rq_to_pdu(rq);
	int err = blkfront_queue_reserve(ring, rq);

	if (err == -ENOSPC) {
		err = blkfront_pool_grow(ring, blkfront_req_refs(req),
					 blkfront_req_bufs(req), GFP_NOWAIT);
		if (!err)
			err = blkfront_queue_reserve(ring, rq);
	}
	if (err == -EIO)
		return BLK_STS_IOERR;
	return err ? BLK_STS_RESOURCE : BLK_STS_OK;
}

static blk_status_t blkfront_queue_rq(struct blk_mq_hw_ctx *hctx,
				      const struct blk_mq_queue_data *data)
{
	struct blkfront_ring *ring = blkfront_queue_ring(hctx);
	struct blkfront_dev *dev = ring->dev;
	struct request *rq = data->rq;
	bool notify = false;
	unsigned long flags;
	blk_status_t status;

	if (unlikely(READ_ONCE(dev->phase) == BLKFRONT_DEAD))
		return BLK_STS_IOERR;
	status = blkfront_req_plan(dev, rq);
	if (unlikely(status != BLK_STS_OK))
		return blkfront_queue_refuse(dev, rq, status);
	status = blkfront_queue_prepare(ring, rq);
	if (unlikely(status != BLK_STS_OK))
		return status;
	blkfront_req_grant(dev, rq);
	blk_mq_start_request(rq);
	blkfront_queue_arm_trim(dev);

	spin_lock_irqsave(&ring->lock, flags);
	blkfront_ring_put(ring, rq);
	if (data->last)
		notify = blkfront_ring_push(ring);
	spin_unlock_irqrestore(&ring->lock, flags);
	if (notify)
		blkfront_ring_notify(ring);
	return BLK_STS_OK;
}

static void blkfront_queue_push(struct blkfront_ring *ring)
{
	unsigned long flags;
	bool notify;

	spin_lock_irqsave(&ring->lock, flags);
	notify = blkfront_ring_push(ring);
	spin_unlock_irqrestore(&ring->lock, flags);
	if (notify)
		blkfront_ring_notify(ring);
}

static void blkfront_queue_commit_rqs(struct blk_mq_hw_ctx *hctx)
{
	blkfront_queue_push(blkfront_queue_ring(hctx));
}

/* Moves from @list to @sent what its ring has all for, up to another ring's */
static void blkfront_queue_reserve_batch(struct blkfront_ring *ring,
					 struct rq_list *list,
					 struct rq_list *sent,
					 struct rq_list *left)
{
	unsigned long flags;
	struct request *rq;

	spin_lock_irqsave(&ring->lock, flags);
	while ((rq = rq_list_peek(list)) &&
	       blkfront_queue_ring(rq->mq_hctx) == ring) {
		rq_list_pop(list);
		if (ring->live && !blkfront_ring_reserve(ring, rq))
			rq_list_add_tail(sent, rq);
		else
			rq_list_add_tail(left, rq);
	}
	spin_unlock_irqrestore(&ring->lock, flags);
}

static void blkfront_queue_send_batch(struct blkfront_ring *ring,
				      struct rq_list *sent)
{
	unsigned long flags;
	struct request *rq;
	bool notify;

	rq_list_for_each(sent, rq) {
		blkfront_req_grant(ring->dev, rq);
		blk_mq_start_request(rq);
	}
	spin_lock_irqsave(&ring->lock, flags);
	while ((rq = rq_list_pop(sent)))
		blkfront_ring_put(ring, rq);
	notify = blkfront_ring_push(ring);
	spin_unlock_irqrestore(&ring->lock, flags);
	if (notify)
		blkfront_ring_notify(ring);
}

/* What is left on the list is sent one by one, by blkfront_queue_rq() */
static void blkfront_queue_rqs(struct rq_list *list)
{
	struct rq_list planned = {}, left = {}, sent = {};
	struct blkfront_ring *ring;
	struct blkfront_dev *dev;
	struct request *rq;

	while ((rq = rq_list_pop(list))) {
		dev = rq->q->queuedata;
		if (READ_ONCE(dev->phase) != BLKFRONT_DEAD &&
		    blkfront_req_plan(dev, rq) == BLK_STS_OK)
			rq_list_add_tail(&planned, rq);
		else
			rq_list_add_tail(&left, rq);
	}
	while ((rq = rq_list_peek(&planned))) {
		ring = blkfront_queue_ring(rq->mq_hctx);
		blkfront_queue_reserve_batch(ring, &planned, &sent, &left);
		blkfront_queue_send_batch(ring, &sent);
		blkfront_queue_arm_trim(ring->dev);
	}
	*list = left;
}

static void blkfront_queue_complete(struct request *rq)
{
	struct blkfront_req *req = blk_mq_rq_to_pdu(rq);

	blk_mq_end_request(rq, req->status);
}

static int blkfront_queue_poll(struct blk_mq_hw_ctx *hctx,
			       struct io_comp_batch *iob)
{
	return blkfront_ring_reap(blkfront_queue_ring(hctx), iob);
}

/*
 * An event may have been lost: the ring is looked at first. If the reply is not
 * there either, the connection is made anew, and the request sent again on that.
 */
static enum blk_eh_timer_return blkfront_queue_timeout(struct request *rq)
{
	struct blkfront_dev *dev = rq->q->queuedata;

	blkfront_ring_reap(blkfront_queue_ring(rq->mq_hctx), NULL);
	if (blk_mq_rq_state(rq) != MQ_RQ_IN_FLIGHT)
		return BLK_EH_DONE;
	schedule_work(&dev->reset);
	return BLK_EH_RESET_TIMER;
}

static void blkfront_queue_map(struct blk_mq_tag_set *set)
{
	struct blkfront_dev *dev = set->driver_data;
	unsigned int interrupts = dev->nr_queues - dev->nr_polled;
	unsigned int i;

	for (i = 0; i < set->nr_maps; i++) {
		struct blk_mq_queue_map *map = &set->map[i];

		map->nr_queues = 0;
		map->queue_offset = 0;
		if (i == HCTX_TYPE_DEFAULT) {
			map->nr_queues = interrupts;
		} else if (i == HCTX_TYPE_POLL) {
			map->nr_queues = dev->nr_polled;
			map->queue_offset = interrupts;
		}
		if (map->nr_queues)
			blk_mq_map_queues(map);
	}
}

const struct blk_mq_ops blkfront_queue_ops = {
	.queue_rq = blkfront_queue_rq,
	.commit_rqs = blkfront_queue_commit_rqs,
	.queue_rqs = blkfront_queue_rqs,
	.complete = blkfront_queue_complete,
	.poll = blkfront_queue_poll,
	.timeout = blkfront_queue_timeout,
	.map_queues = blkfront_queue_map,
};

/**
 * blkfront_queue_hold - keep requests from the rings
 * @dev: the device
 *
 * Nobody sends any more when it returns. Held already, it stays so.
 *
 * Context: may sleep; the device's lock is held.
 */
void blkfront_queue_hold(struct blkfront_dev *dev)
{
	lockdep_assert_held(&dev->lock);
	if (!dev->disk || dev->held)
		return;
	blk_mq_quiesce_queue(dev->disk->queue);
	dev->held = true;
}

/**
 * blkfront_queue_go_on - let requests come that were kept
 * @dev: the device
 *
 * Context: may sleep; the device's lock is held.
 */
void blkfront_queue_go_on(struct blkfront_dev *dev)
{
	lockdep_assert_held(&dev->lock);
	if (!dev->disk || !dev->held)
		return;
	dev->held = false;
	blk_mq_unquiesce_queue(dev->disk->queue);
	blk_mq_kick_requeue_list(dev->disk->queue);
}
