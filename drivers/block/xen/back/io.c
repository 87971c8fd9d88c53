// SPDX-License-Identifier: GPL-2.0
/*
 * What the disk is asked for. Everything is asked for in the queue's thread, and
 * so is charged to the cgroup that this thread is in; nothing is waited for.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/ktime.h>
#include <linux/rcupdate.h>

#include "back.h"

/* The disk is done with part of a request, or all was asked for */
static void end_part(struct blkback_req *req)
{
	struct blkback_queue *queue = req->queue;

	if (!atomic_dec_and_test(&req->pending))
		return;
	req->done = ktime_get_ns();
	/*
	 * Once it is on the list, the thread may finish it, and end, and the
	 * queue goes. Pairs with synchronize_rcu() in blkback_queue_stop().
	 */
	rcu_read_lock();
	if (llist_add(&req->ended, &queue->ended) &&
	    wq_has_sleeper(&queue->wait))
		wake_up(&queue->wait);
	rcu_read_unlock();
}

static void end_bio(struct bio *bio)
{
	struct blkback_req *req = bio->bi_private;

	if (bio->bi_status)
		cmpxchg(&req->error, BLK_STS_OK, bio->bi_status);
	bio_put(bio);
	end_part(req);
}

static void submit(struct blkback_req *req, struct bio *bio)
{
	bio->bi_private = req;
	bio->bi_end_io = end_bio;
	atomic_inc(&req->pending);
	submit_bio(bio);
}

static blk_opf_t opf_of(const struct blkback_req *req)
{
	switch (req->cmd.operation) {
	case BLKIF_OP_READ:
		return REQ_OP_READ;
	case BLKIF_OP_WRITE:
		/* The guest waits for it, and there may be more to come */
		return REQ_OP_WRITE | REQ_SYNC | REQ_IDLE;
	default:
		return REQ_OP_WRITE | REQ_SYNC | REQ_PREFLUSH |
		       (req->nr_segs ? REQ_FUA : 0);
	}
}

static void submit_data(struct blkback_req *req, struct block_device *bdev)
{
	blk_opf_t opf = opf_of(req);
	u64 sector = req->cmd.sector;
	const struct blkback_seg *seg;
	struct bio *bio = NULL;
	unsigned int i;

	for (i = 0; i < req->nr_segs; i++) {
		seg = &req->segs[i];
		if (bio && !bio_add_page(bio, seg->page,
					 seg->nr << SECTOR_SHIFT,
					 seg->first << SECTOR_SHIFT)) {
			submit(req, bio);
			bio = NULL;
			/* What came before was flushed with the first one */
			opf &= ~REQ_PREFLUSH;
		}
		if (!bio) {
			bio = bio_alloc(bdev, bio_max_segs(req->nr_segs - i),
					opf, GFP_NOIO);
			bio->bi_iter.bi_sector = sector;
			__bio_add_page(bio, seg->page, seg->nr << SECTOR_SHIFT,
				       seg->first << SECTOR_SHIFT);
		}
		sector += seg->nr;
	}
	if (!bio)
		bio = bio_alloc(bdev, 0, opf, GFP_NOIO);
	submit(req, bio);
}

static void submit_discard(struct blkback_req *req, struct block_device *bdev)
{
	struct bio *bio = NULL;

	/* All but the last are submitted, and chained to it */
	__blkdev_issue_discard(bdev, req->cmd.sector, req->cmd.nr_sectors,
			       GFP_NOIO, &bio);
	if (bio)
		submit(req, bio);
}

static void submit_secure_discard(struct blkback_req *req,
				  struct block_device *bdev)
{
	u64 max = min(bdev_max_secure_erase_sectors(bdev),
		      UINT_MAX >> SECTOR_SHIFT);
	u64 sector = req->cmd.sector, left = req->cmd.nr_sectors, nr;
	struct bio *bio;

	max &= ~(u64)(bdev_logical_block_size(bdev) / SECTOR_SIZE - 1);
	if (!max) {
		req->error = BLK_STS_NOTSUPP;
		return;
	}
	while (left) {
		nr = min(left, max);
		bio = bio_alloc(bdev, 0, REQ_OP_SECURE_ERASE, GFP_NOIO);
		bio->bi_iter.bi_sector = sector;
		bio->bi_iter.bi_size = nr << SECTOR_SHIFT;
		sector += nr;
		left -= nr;
		submit(req, bio);
		cond_resched();
	}
}

static void submit_req(struct blkback_req *req, struct block_device *bdev)
{
	if (!bdev)
		req->error = BLK_STS_IOERR;
	else if (req->cmd.operation != BLKIF_OP_DISCARD)
		submit_data(req, bdev);
	else if (req->cmd.secure)
		submit_secure_discard(req, bdev);
	else
		submit_discard(req, bdev);
}

/**
 * blkback_io_submit - ask the disk for what requests want
 * @queue: whose; it is inside the gate
 * @reqs: requests, whose data are accessible; those whose status is an error just
 *	end. Each comes to the queue's list of those that ended, some perhaps at
 *	once, and this list is empty afterwards
 *
 * Context: the queue's thread. May sleep.
 */
void blkback_io_submit(struct blkback_queue *queue, struct list_head *reqs)
{
	struct block_device *bdev = blkback_disk_bdev(queue->conn->disk);
	struct blkback_req *req, *next;
	u64 now = ktime_get_ns();
	struct blk_plug plug;

	blk_start_plug(&plug);
	list_for_each_entry_safe(req, next, reqs, entry) {
		list_del(&req->entry);
		req->submitted = now;
		atomic_set(&req->pending, 1);
		if (req->status == BLKIF_RSP_OKAY)
			submit_req(req, bdev);
		end_part(req);
	}
	blk_finish_plug(&plug);
}
