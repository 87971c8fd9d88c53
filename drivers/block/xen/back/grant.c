// SPDX-License-Identifier: GPL-2.0
/*
 * The data of requests. They are read and written in pages of the guest that are
 * mapped here for the time; or, which costs less if they are few, in pages of
 * this domain that Xen copies to and from. Either is done for all requests of a
 * pass at once, by as few hypercalls as there can be.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <xen/page.h>
#include <xen/xen.h>

#include "back.h"

#define BLKBACK_HELD_MS		5

static unsigned long addr_of(const struct page *page)
{
	return (unsigned long)pfn_to_kaddr(page_to_pfn(page));
}

/* Pages to map at, which have a number, but no memory of this domain's */

static void put_page_back(struct blkback_queue *queue, struct page *page)
{
	if (queue->pool_nr < queue->pool_max)
		queue->pool[queue->pool_nr++] = page;
	else
		gnttab_free_pages(1, &page);
}

/**
 * blkback_grant_reserve - have pages to map others at
 * @queue: whose
 * @nr: how many are needed at most, up to what its pool holds
 *
 * Context: the queue's thread. May sleep.
 * Return: 0 or -ENOMEM.
 */
int blkback_grant_reserve(struct blkback_queue *queue, unsigned int nr)
{
	unsigned int more;
	int err;

	if (queue->pool_nr >= nr)
		return 0;
	more = nr - queue->pool_nr;
	err = gnttab_alloc_pages(more, queue->pool + queue->pool_nr);
	if (!err)
		queue->pool_nr += more;
	return err ? -ENOMEM : 0;
}

/**
 * blkback_grant_trim - give back pages that nothing is mapped at
 * @queue: whose
 * @keep: how many to keep
 *
 * Context: the queue's thread, or whoever has ended it.
 */
void blkback_grant_trim(struct blkback_queue *queue, unsigned int keep)
{
	if (queue->pool_nr <= keep)
		return;
	gnttab_free_pages(queue->pool_nr - keep, queue->pool + keep);
	queue->pool_nr = keep;
}

/* Copies */

static void flush_copy(struct blkback_queue *queue)
{
	struct blkback_batch *batch = &queue->batch;
	unsigned int i;

	if (!batch->nr)
		return;
	gnttab_batch_copy(batch->copy, batch->nr);
	for (i = 0; i < batch->nr; i++) {
		if (batch->copy[i].status != GNTST_okay)
			batch->reqs[i]->status = BLKIF_RSP_ERROR;
	}
	blkback_stats_count(&queue->stats, BLKBACK_COPIES, batch->nr);
	blkback_stats_count(&queue->stats, BLKBACK_COPY_CALLS, 1);
	batch->nr = 0;
}

static struct gnttab_copy *next_copy(struct blkback_queue *queue,
				     struct blkback_req *req)
{
	struct blkback_batch *batch = &queue->batch;

	if (batch->nr == BLKBACK_BATCH)
		flush_copy(queue);
	batch->reqs[batch->nr] = req;
	return &batch->copy[batch->nr++];
}

static void copy_in(struct blkback_queue *queue, struct blkback_req *req,
		    struct page *page, grant_ref_t gref, u16 offset, u16 len)
{
	*next_copy(queue, req) = (struct gnttab_copy) {
		.source.u.ref = gref,
		.source.domid = queue->conn->dev->otherend_id,
		.source.offset = offset,
		.dest.u.gmfn = xen_page_to_gfn(page),
		.dest.domid = DOMID_SELF,
		.dest.offset = offset,
		.len = len,
		.flags = GNTCOPY_source_gref,
	};
}

static void copy_out(struct blkback_queue *queue, struct blkback_req *req,
		     const struct blkback_seg *seg)
{
	u16 offset = seg->first << SECTOR_SHIFT;

	*next_copy(queue, req) = (struct gnttab_copy) {
		.source.u.gmfn = xen_page_to_gfn(seg->page),
		.source.domid = DOMID_SELF,
		.source.offset = offset,
		.dest.u.ref = seg->gref,
		.dest.domid = queue->conn->dev->otherend_id,
		.dest.offset = offset,
		.len = seg->nr << SECTOR_SHIFT,
		.flags = GNTCOPY_dest_gref,
	};
}

static void free_copy_pages(struct blkback_queue *queue,
			    struct blkback_req *req, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		__free_page(req->segs[i].page);
		req->segs[i].page = NULL;
	}
	queue->copy_pages -= nr;
}

static bool alloc_copy_pages(struct blkback_queue *queue,
			     struct blkback_req *req)
{
	const gfp_t gfp = GFP_NOIO | __GFP_NOWARN | __GFP_NORETRY;
	unsigned int i;

	for (i = 0; i < req->nr_segs; i++) {
		req->segs[i].page = alloc_page(gfp);
		queue->copy_pages++;
		if (!req->segs[i].page) {
			queue->copy_pages--;
			free_copy_pages(queue, req, i);
			return false;
		}
	}
	return true;
}

/* Pages that are mapped anyhow are cheaper still */
static bool is_to_be_copied(const struct blkback_queue *queue,
			    const struct blkback_req *req)
{
	return !queue->conn->persistent &&
	       req->cmd.nr_sectors << SECTOR_SHIFT <=
			READ_ONCE(blkback_copy_bytes) &&
	       queue->copy_pages + req->nr_segs <= queue->max_copy_pages;
}

/* Mappings */

static void take_mapping(struct blkback_queue *queue, unsigned int i)
{
	struct blkback_batch *batch = &queue->batch;
	struct blkback_seg *seg = batch->segs[i];

	if (batch->map[i].status != GNTST_okay) {
		put_page_back(queue, batch->pages[i]);
		batch->reqs[i]->status = BLKIF_RSP_ERROR;
		return;
	}
	seg->page = batch->pages[i];
	seg->handle = batch->map[i].handle;
	seg->mapped = true;
	blkback_stats_count(&queue->stats, BLKBACK_MAPS, 1);
	if (queue->conn->persistent)
		blkback_persist_add(queue, seg);
}

static void flush_map(struct blkback_queue *queue)
{
	struct blkback_batch *batch = &queue->batch;
	unsigned int i;
	int err;

	if (!batch->nr)
		return;
	/* An error here is one of the bookkeeping: some may be mapped */
	err = gnttab_map_refs(batch->map, NULL, batch->pages, batch->nr);
	for (i = 0; i < batch->nr; i++) {
		take_mapping(queue, i);
		if (err)
			batch->reqs[i]->status = BLKIF_RSP_ERROR;
	}
	blkback_stats_count(&queue->stats, BLKBACK_MAP_CALLS, 1);
	batch->nr = 0;
}

static void map_seg(struct blkback_queue *queue, struct blkback_req *req,
		    struct blkback_seg *seg)
{
	struct blkback_batch *batch = &queue->batch;
	u32 flags = GNTMAP_host_map;
	unsigned int i;

	if (batch->nr == BLKBACK_BATCH)
		flush_map(queue);
	/* What stays mapped may be read into another time */
	if (req->cmd.operation != BLKIF_OP_READ && !queue->conn->persistent)
		flags |= GNTMAP_readonly;
	i = batch->nr++;
	batch->segs[i] = seg;
	batch->reqs[i] = req;
	batch->pages[i] = queue->pool[--queue->pool_nr];
	gnttab_set_map_op(&batch->map[i], addr_of(batch->pages[i]), flags,
			  seg->gref, queue->conn->dev->otherend_id);
}

static void map_req(struct blkback_queue *queue, struct blkback_req *req)
{
	unsigned int kept = 0, i;

	for (i = 0; i < req->nr_segs; i++) {
		if (queue->conn->persistent &&
		    blkback_persist_get(queue, &req->segs[i]))
			kept++;
		else
			map_seg(queue, req, &req->segs[i]);
	}
	blkback_stats_count(&queue->stats, BLKBACK_PERSISTENT, kept);
}

/**
 * blkback_grant_describe - make the segments of indirect requests accessible
 * @queue: whose; it has reserved a page for each indirect request of @reqs
 * @reqs: requests; an indirect one has its segments on the page of @desc then,
 *	which the guest may still write to, or an error as its status
 *
 * Context: the queue's thread. May sleep. To be followed by
 * blkback_grant_described().
 */
void blkback_grant_describe(struct blkback_queue *queue,
			    struct list_head *reqs)
{
	struct blkback_req *req;

	list_for_each_entry(req, reqs, entry) {
		if (!req->cmd.indirect)
			continue;
		if (!queue->conn->persistent)
			copy_in(queue, req, req->desc.page, req->desc.gref, 0,
				req->nr_segs *
				sizeof(struct blkif_request_segment));
		else if (!blkback_persist_get(queue, &req->desc))
			map_seg(queue, req, &req->desc);
	}
	/* Of the two, the batch has one kind */
	if (queue->conn->persistent)
		flush_map(queue);
	else
		flush_copy(queue);
}

static void copy_req_in(struct blkback_queue *queue, struct blkback_req *req)
{
	const struct blkback_seg *seg;
	unsigned int i;

	for (i = 0; i < req->nr_segs; i++) {
		seg = &req->segs[i];
		copy_in(queue, req, seg->page, seg->gref,
			seg->first << SECTOR_SHIFT, seg->nr << SECTOR_SHIFT);
	}
}

static bool goes_on(const struct blkback_req *req)
{
	return req->status == BLKIF_RSP_OKAY;
}

/**
 * blkback_grant_get - make the data of requests accessible
 * @queue: whose; it has reserved as many pages as @reqs have segments
 * @reqs: requests; those whose status is an error are left alone, and one whose
 *	data cannot be had gets one
 *
 * Context: the queue's thread. May sleep.
 */
void blkback_grant_get(struct blkback_queue *queue, struct list_head *reqs)
{
	struct blkback_req *req;

	list_for_each_entry(req, reqs, entry) {
		if (!goes_on(req) || !req->nr_segs)
			continue;
		if (is_to_be_copied(queue, req))
			req->copied = alloc_copy_pages(queue, req);
		if (!req->copied)
			map_req(queue, req);
	}
	flush_map(queue);
	list_for_each_entry(req, reqs, entry) {
		if (req->copied && req->cmd.operation != BLKIF_OP_READ)
			copy_req_in(queue, req);
	}
	flush_copy(queue);
}

/**
 * blkback_grant_flush_unmap - end the mappings that are to be
 * @queue: whose
 *
 * Context: the queue's thread, or whoever has ended it.
 */
void blkback_grant_flush_unmap(struct blkback_queue *queue)
{
	struct blkback_batch *batch = &queue->batch;
	unsigned int i;
	int err;

	if (!batch->nr)
		return;
	err = gnttab_unmap_refs(batch->unmap, NULL, batch->pages, batch->nr);
	if (err)
		dev_err(&queue->conn->dev->dev,
			"%u pages of the guest are lost: Xen refused to unmap them (%d)\n",
			batch->nr, err);
	for (i = 0; i < batch->nr && !err; i++)
		put_page_back(queue, batch->pages[i]);
	blkback_stats_count(&queue->stats, BLKBACK_UNMAPS, batch->nr);
	blkback_stats_count(&queue->stats, BLKBACK_UNMAP_CALLS, 1);
	batch->nr = 0;
}

/**
 * blkback_grant_unmap - end a mapping with the next hypercall of that kind
 * @queue: whose
 * @page: where it is mapped; goes back to the pool
 * @handle: of the mapping
 *
 * Context: the queue's thread, or whoever has ended it. To be followed by
 * blkback_grant_flush_unmap() before anything else is done with grants.
 */
void blkback_grant_unmap(struct blkback_queue *queue, struct page *page,
			 grant_handle_t handle)
{
	struct blkback_batch *batch = &queue->batch;
	unsigned int i;

	if (batch->nr == BLKBACK_BATCH)
		blkback_grant_flush_unmap(queue);
	i = batch->nr++;
	batch->pages[i] = page;
	gnttab_set_unmap_op(&batch->unmap[i], addr_of(page), GNTMAP_host_map,
			    handle);
}

/* Whether somebody, as a network that sends again, still refers to a page */
static bool is_referred_to(const struct blkback_req *req)
{
	unsigned int i;

	for (i = 0; i < req->nr_segs; i++) {
		if (req->segs[i].mapped && page_count(req->segs[i].page) > 1)
			return true;
	}
	return false;
}

static void unmap_seg(struct blkback_queue *queue, struct blkback_seg *seg)
{
	if (seg->kept)
		blkback_persist_put(seg);
	else if (seg->mapped)
		blkback_grant_unmap(queue, seg->page, seg->handle);
	seg->mapped = false;
}

static void unmap_req(struct blkback_queue *queue, struct blkback_req *req)
{
	unsigned int i;

	for (i = 0; i < req->nr_segs; i++)
		unmap_seg(queue, &req->segs[i]);
}

/**
 * blkback_grant_described - let go of the pages that described requests
 * @queue: whose
 * @reqs: requests, from blkback_grant_describe()
 *
 * Context: the queue's thread. May sleep.
 */
void blkback_grant_described(struct blkback_queue *queue,
			     struct list_head *reqs)
{
	struct blkback_req *req;

	list_for_each_entry(req, reqs, entry) {
		if (queue->conn->persistent)
			unmap_seg(queue, &req->desc);
		else if (req->desc.page)
			__free_page(req->desc.page);
		req->desc.page = NULL;
	}
	blkback_grant_flush_unmap(queue);
}

static void copy_reqs_out(struct blkback_queue *queue, struct list_head *reqs)
{
	struct blkback_req *req;
	unsigned int i;

	list_for_each_entry(req, reqs, entry) {
		if (!req->copied || !goes_on(req) ||
		    req->cmd.operation != BLKIF_OP_READ)
			continue;
		for (i = 0; i < req->nr_segs; i++)
			copy_out(queue, req, &req->segs[i]);
	}
	flush_copy(queue);
}

/**
 * blkback_grant_put - hand the data of requests to the guest, and let go of them
 * @queue: whose
 * @reqs: requests that the disk is done with; one whose pages somebody still
 *	refers to goes to the queue's list of those that are held
 *
 * Context: the queue's thread. May sleep.
 */
void blkback_grant_put(struct blkback_queue *queue, struct list_head *reqs)
{
	struct blkback_req *req, *next;

	copy_reqs_out(queue, reqs);
	list_for_each_entry_safe(req, next, reqs, entry) {
		if (req->copied)
			free_copy_pages(queue, req, req->nr_segs);
		else if (is_referred_to(req))
			list_move_tail(&req->entry, &queue->held);
		else
			unmap_req(queue, req);
	}
	blkback_grant_flush_unmap(queue);
	if (!list_empty(&queue->held))
		schedule_delayed_work(&queue->retry,
				      msecs_to_jiffies(BLKBACK_HELD_MS));
}
