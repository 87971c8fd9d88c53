// SPDX-License-Identifier: GPL-2.0
/*
 * Requests on their way from the ring to the disk and back. A pass takes as many
 * as there are, makes the data of all of them accessible, and asks the disk for
 * all of them; another finishes all that the disk is done with, and tells the
 * guest once.
 */
#include <linux/blkdev.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "back.h"

#define BLKBACK_NEED_MS		10

/* The disk is done: finish requests */

static void note_error(struct blkback_req *req)
{
	if (!req->error)
		return;
	blkback_stats_count(&req->queue->stats, BLKBACK_ERRORS, 1);
	req->status = req->error == BLK_STS_NOTSUPP ? BLKIF_RSP_EOPNOTSUPP :
						      BLKIF_RSP_ERROR;
}

static void count(struct blkback_req *req, u64 now)
{
	struct blkback_stats *stats = &req->queue->stats;

	switch (req->cmd.operation) {
	case BLKIF_OP_READ:
		blkback_stats_count(stats, BLKBACK_READS, 1);
		blkback_stats_count(stats, BLKBACK_READ_SECTORS,
				    req->cmd.nr_sectors);
		break;
	case BLKIF_OP_WRITE:
		blkback_stats_count(stats, BLKBACK_WRITES, 1);
		blkback_stats_count(stats, BLKBACK_WRITE_SECTORS,
				    req->cmd.nr_sectors);
		break;
	case BLKIF_OP_DISCARD:
		blkback_stats_count(stats, BLKBACK_DISCARDS, 1);
		break;
	default:
		blkback_stats_count(stats, BLKBACK_FLUSHES, 1);
		blkback_stats_count(stats, BLKBACK_WRITE_SECTORS,
				    req->cmd.nr_sectors);
	}
	blkback_stats_time(stats, BLKBACK_QUEUED, req->taken, req->submitted);
	blkback_stats_time(stats, BLKBACK_IN_DISK, req->submitted, req->done);
	blkback_stats_time(stats, BLKBACK_TOTAL, req->taken, now);
}

/* What the allocator takes for a request */
static size_t bytes_of(unsigned int nr_segs)
{
	return kmalloc_size_roundup(struct_size_t(struct blkback_req, segs,
						  nr_segs));
}

static void finish(struct blkback_req *req, u64 now)
{
	struct blkback_queue *queue = req->queue;

	count(req, now);
	blkback_queue_reply(queue, req->cmd.id, req->cmd.operation,
			    req->status);
	if (req->cmd.operation == BLKIF_OP_WRITE_BARRIER) {
		queue->barrier = false;
		blkback_gate_release(queue);
	}
	queue->inflight--;
	queue->req_bytes -= bytes_of(req->nr_segs);
	blkback_guest_uncharge(queue, req->nr_segs);
	list_del(&req->entry);
	kfree(req);
}

/* In the order in which the disk was done with them */
static void collect_ended(struct blkback_queue *queue, struct list_head *reqs)
{
	struct blkback_req *req;
	struct llist_node *node;

	node = llist_reverse_order(llist_del_all(&queue->ended));
	llist_for_each_entry(req, node, ended) {
		note_error(req);
		list_add_tail(&req->entry, reqs);
	}
}

/**
 * blkback_work_finish - reply to requests that the disk is done with
 * @queue: whose
 *
 * Context: the queue's thread. May sleep.
 * Return: true if there were any.
 */
bool blkback_work_finish(struct blkback_queue *queue)
{
	struct blkback_req *req, *next;
	LIST_HEAD(reqs);
	u64 now;

	list_splice_init(&queue->held, &reqs);
	collect_ended(queue, &reqs);
	if (list_empty(&reqs))
		return false;
	blkback_grant_put(queue, &reqs);
	if (list_empty(&reqs))
		return false;
	now = ktime_get_ns();
	list_for_each_entry_safe(req, next, &reqs, entry)
		finish(req, now);
	blkback_queue_publish(queue);
	blkback_gate_leave(queue);
	return true;
}

/* The guest asks: take requests */

static void refuse(struct blkback_queue *queue, const struct blkback_cmd *cmd,
		   int status)
{
	blkback_stats_count(&queue->stats, BLKBACK_REFUSALS, 1);
	blkback_queue_reply(queue, cmd->id, cmd->operation, status);
}

static void set_segs(struct blkback_req *req,
		     const struct blkif_request_segment *segs)
{
	unsigned int i;

	for (i = 0; i < req->nr_segs; i++) {
		req->segs[i].gref = segs[i].gref;
		req->segs[i].first = segs[i].first_sect;
		req->segs[i].nr = segs[i].last_sect - segs[i].first_sect + 1;
	}
}

/* Else the largest would take twice as much of the allocator */
static_assert(struct_size_t(struct blkback_req, segs, BLKBACK_MAX_SEGS) <= SZ_16K);

static struct blkback_req *alloc_req(struct blkback_queue *queue,
				     const struct blkback_cmd *cmd)
{
	struct blkback_req *req;

	req = kzalloc(struct_size(req, segs, cmd->nr_segs),
		      GFP_NOIO | __GFP_NOWARN);
	if (!req)
		return NULL;
	req->nr_segs = cmd->nr_segs;
	req->queue = queue;
	req->cmd = *cmd;
	req->desc.gref = cmd->gref;
	if (!cmd->indirect || queue->conn->persistent)
		return req;
	req->desc.page = alloc_page(GFP_NOIO | __GFP_NOWARN);
	if (req->desc.page)
		return req;
	kfree(req);
	return NULL;
}

/* A ring that has too much in flight goes on when some of that is done */
static bool has_room(struct blkback_queue *queue, const struct blkback_cmd *cmd)
{
	return !queue->inflight ||
	       queue->req_bytes + bytes_of(cmd->nr_segs) <=
	       queue->nr_slots * BLKBACK_SLOT_BYTES;
}

/* @pages: that the pass needs, with those of this request */
static struct blkback_req *get_req(struct blkback_queue *queue,
				   const struct blkback_cmd *cmd,
				   unsigned int pages)
{
	struct blkback_req *req = NULL;

	if (!has_room(queue, cmd))
		return NULL;
	if (!blkback_guest_charge(queue, cmd->nr_segs)) {
		/* Pages that stay mapped without need count as well */
		WRITE_ONCE(queue->trim, true);
		return NULL;
	}
	if (!blkback_grant_reserve(queue, pages))
		req = alloc_req(queue, cmd);
	if (req)
		return req;
	blkback_guest_uncharge(queue, cmd->nr_segs);
	/* Memory comes back without anybody telling */
	schedule_delayed_work(&queue->retry, msecs_to_jiffies(BLKBACK_NEED_MS));
	return NULL;
}

/**
 * struct pass - requests that are taken at once
 * @limits: of the disk
 * @reqs: the requests
 * @pages: how many pages they have, those of data and those of segments
 * @seen: how many requests there were, those that were refused too
 * @now: when they were taken, in ns
 */
struct pass {
	struct blkback_limits limits;
	struct list_head reqs;
	unsigned int pages;
	unsigned int seen;
	u64 now;
};

static unsigned int pages_of(const struct blkback_cmd *cmd)
{
	return cmd->nr_segs + cmd->indirect;
}

/* A barrier goes alone, once nothing of the device's is in flight */
static bool may_go(struct blkback_queue *queue, const struct pass *pass,
		   const struct blkback_cmd *cmd)
{
	if (pass->pages + pages_of(cmd) > BLKBACK_PASS_PAGES)
		return false;
	if (cmd->operation != BLKIF_OP_WRITE_BARRIER)
		return true;
	if (!list_empty(&pass->reqs))
		return false;
	if (blkback_gate_hold(queue))
		return true;
	queue->stall = BLKBACK_AT_GATE;
	return false;
}

/* Understand the request at the front; a reply is due if that is not OKAY */
static int read_front(struct blkback_queue *queue, const struct pass *pass,
		      struct blkback_cmd *cmd,
		      struct blkif_request_segment *segs)
{
	int status;

	status = blkback_request_decode(&queue->front, &pass->limits, cmd);
	if (status != BLKIF_RSP_OKAY || cmd->indirect)
		return status;
	memcpy(segs, queue->front.u.rw.seg, sizeof(queue->front.u.rw.seg));
	return blkback_request_check(cmd, segs, &pass->limits);
}

/* False if nothing more is to be taken now */
static bool take_one(struct blkback_queue *queue, struct pass *pass)
{
	struct blkif_request_segment segs[BLKIF_MAX_SEGMENTS_PER_REQUEST];
	struct blkback_cmd cmd;
	struct blkback_req *req;
	int status;

	status = read_front(queue, pass, &cmd, segs);
	if (status != BLKIF_RSP_OKAY) {
		blkback_queue_consume(queue);
		refuse(queue, &cmd, status);
		pass->seen++;
		return true;
	}
	if (!may_go(queue, pass, &cmd))
		return false;
	req = get_req(queue, &cmd, pass->pages + pages_of(&cmd));
	if (!req) {
		queue->stall = BLKBACK_IN_NEED;
		blkback_stats_count(&queue->stats, BLKBACK_WAITS, 1);
		return false;
	}
	blkback_queue_consume(queue);
	if (!cmd.indirect)
		set_segs(req, segs);
	req->taken = pass->now;
	queue->inflight++;
	queue->req_bytes += bytes_of(req->nr_segs);
	queue->barrier = cmd.operation == BLKIF_OP_WRITE_BARRIER;
	list_add_tail(&req->entry, &pass->reqs);
	pass->pages += pages_of(&cmd);
	pass->seen++;
	return !queue->barrier;
}

static void take_all(struct blkback_queue *queue, struct pass *pass)
{
	int got;

	/* No more than fill the ring once, so that replies go out meanwhile */
	while (pass->seen < queue->nr_slots) {
		got = blkback_queue_front(queue);
		if (got < 0)
			blkback_conn_fail(queue->conn);
		if (got <= 0 || !take_one(queue, pass))
			return;
	}
}

/* The guest may write to the page where they are: they are read once */
static void read_desc(struct blkback_req *req,
		      const struct blkback_limits *limits)
{
	struct blkif_request_segment *list = req->queue->list;

	if (req->status == BLKIF_RSP_OKAY) {
		memcpy(list, page_address(req->desc.page),
		       req->nr_segs * sizeof(*list));
		barrier();
		req->status = blkback_request_check(&req->cmd, list, limits);
	}
	if (req->status == BLKIF_RSP_OKAY)
		set_segs(req, list);
	else
		blkback_stats_count(&req->queue->stats, BLKBACK_REFUSALS, 1);
}

static void carry_out(struct blkback_queue *queue, struct pass *pass)
{
	struct blkback_req *req;

	blkback_grant_describe(queue, &pass->reqs);
	list_for_each_entry(req, &pass->reqs, entry) {
		if (req->cmd.indirect)
			read_desc(req, &pass->limits);
	}
	blkback_grant_described(queue, &pass->reqs);
	blkback_grant_get(queue, &pass->reqs);
	blkback_io_submit(queue, &pass->reqs);
}

/**
 * blkback_work_take - take requests out of the ring, and ask the disk
 * @queue: whose
 *
 * Context: the queue's thread. May sleep.
 * Return: true if there were any. If there are more that cannot be taken now,
 * queue->stall tells why, and the queue is kicked when it is worth another try.
 */
bool blkback_work_take(struct blkback_queue *queue)
{
	struct pass pass = { .now = ktime_get_ns() };

	queue->stall = BLKBACK_AT_GATE;
	if (queue->barrier || !blkback_gate_enter(queue))
		return false;
	queue->stall = BLKBACK_RUNS;
	INIT_LIST_HEAD(&pass.reqs);
	blkback_disk_limits(queue->conn->disk, &pass.limits);
	take_all(queue, &pass);
	if (!list_empty(&pass.reqs))
		carry_out(queue, &pass);
	blkback_queue_publish(queue);
	blkback_gate_leave(queue);
	blkback_stats_count(&queue->stats, BLKBACK_PASSES, 1);
	return pass.seen;
}
