// SPDX-License-Identifier: GPL-2.0
/*
 * A request: which segments it has, what the backend is granted for it, and
 * what is copied.
 *
 * The backend works on the pages of the request itself, for as long as it has
 * it, or on buffers: where it is not trusted, where it keeps pages mapped, and
 * where the data do not lie on sectors.
 */
#include <kunit/visibility.h>
#include <linux/blkdev.h>
#include <linux/highmem.h>
#include <linux/mm.h>

#include "front.h"

/**
 * blkfront_segs_add - add a piece of a request's data to its segments
 * @segs: the segments
 * @nr: how many there are
 * @max: how many there may be
 * @pfn: page of Xen's size that the piece begins on
 * @offset: where on that page, or on one behind it, it begins, in bytes
 * @len: its length in bytes; what it lies on is contiguous
 *
 * A piece that goes on where the last segment ends becomes part of it.
 *
 * Context: any.
 * Return: how many segments there are now, -EINVAL if the piece does not lie on
 * sectors, -E2BIG if there is no room for it.
 */
VISIBLE_IF_KUNIT int blkfront_segs_add(struct blkfront_seg *segs,
				       unsigned int nr, unsigned int max,
				       unsigned long pfn, unsigned int offset,
				       unsigned int len)
{
	unsigned int part, first, last;

	if ((offset | len) & (SECTOR_SIZE - 1))
		return -EINVAL;
	for (; len; len -= part, pfn++, offset = 0) {
		pfn += offset >> XEN_PAGE_SHIFT;
		offset &= XEN_PAGE_SIZE - 1;
		part = min_t(unsigned int, len, XEN_PAGE_SIZE - offset);
		first = offset >> SECTOR_SHIFT;
		last = first + (part >> SECTOR_SHIFT) - 1;
		if (nr && segs[nr - 1].pfn == pfn &&
		    segs[nr - 1].last + 1 == first) {
			segs[nr - 1].last = last;
			continue;
		}
		if (nr == max)
			return -E2BIG;
		segs[nr].pfn = pfn;
		segs[nr].ref = INVALID_GRANT_REF;
		segs[nr].first = first;
		segs[nr].last = last;
		nr++;
	}
	return nr;
}
EXPORT_SYMBOL_IF_KUNIT(blkfront_segs_add);

/* The request's own pages, if the backend can work on them */
static int blkfront_req_plan_direct(struct blkfront_dev *dev,
				    struct request *rq)
{
	struct blkfront_req *req = blk_mq_rq_to_pdu(rq);
	struct req_iterator iter;
	struct bio_vec bv;
	int nr = 0;

	rq_for_each_segment(bv, rq, iter) {
		/* What is another domain's cannot be granted on */
		if (xen_page_foreign(bv.bv_page))
			return -EINVAL;
		nr = blkfront_segs_add(req->segs, nr, dev->features.max_segs,
				       page_to_xen_pfn(bv.bv_page),
				       bv.bv_offset, bv.bv_len);
		if (nr < 0)
			return nr;
	}
	return nr;
}

/* Buffers are filled from their beginnings, whatever the pages look like */
static int blkfront_req_plan_bounced(struct blkfront_dev *dev,
				     struct request *rq)
{
	struct blkfront_req *req = blk_mq_rq_to_pdu(rq);
	unsigned int left = blk_rq_bytes(rq), part, nr = 0;

	if (left > dev->features.max_segs * XEN_PAGE_SIZE)
		return -E2BIG;
	for (; left; left -= part, nr++) {
		part = min_t(unsigned int, left, XEN_PAGE_SIZE);
		req->segs[nr].buf = NULL;
		req->segs[nr].first = 0;
		req->segs[nr].last = (part >> SECTOR_SHIFT) - 1;
	}
	return nr;
}

static blk_status_t blkfront_req_plan_rw(struct blkfront_dev *dev,
					 struct request *rq)
{
	struct blkfront_req *req = blk_mq_rq_to_pdu(rq);
	int nr = -EINVAL;

	req->op = rq_data_dir(rq) == WRITE ? BLKIF_OP_WRITE : BLKIF_OP_READ;
	req->bounced = dev->bounce;
	if (!req->bounced)
		nr = blkfront_req_plan_direct(dev, rq);
	/* So many pieces that they do not fit may still be few pages */
	if (nr < 0) {
		req->bounced = true;
		nr = blkfront_req_plan_bounced(dev, rq);
	}
	if (nr < 0)
		return BLK_STS_AGAIN;
	req->nr_segs = nr;
	return BLK_STS_OK;
}

/**
 * blkfront_req_plan - see what a request asks of the backend
 * @dev: the device
 * @rq: the request
 *
 * Context: any; takes no lock.
 * Return: BLK_STS_OK, BLK_STS_NOTSUPP if the backend cannot do it, BLK_STS_AGAIN
 * if it cannot in one piece.
 */
blk_status_t blkfront_req_plan(struct blkfront_dev *dev, struct request *rq)
{
	struct blkfront_req *req = blk_mq_rq_to_pdu(rq);

	req->indirect = NULL;
	req->nr_segs = 0;
	req->bounced = false;
	req->granted = false;
	req->status = BLK_STS_OK;
	switch (req_op(rq)) {
	case REQ_OP_READ:
	case REQ_OP_WRITE:
		return blkfront_req_plan_rw(dev, rq);
	case REQ_OP_FLUSH:
		req->op = dev->features.flush_op;
		return req->op == BLKFRONT_OP_NONE ? BLK_STS_NOTSUPP :
						     BLK_STS_OK;
	case REQ_OP_DISCARD:
		req->op = BLKIF_OP_DISCARD;
		return dev->features.discard ? BLK_STS_OK : BLK_STS_NOTSUPP;
	case REQ_OP_SECURE_ERASE:
		req->op = BLKIF_OP_DISCARD;
		return dev->features.secure ? BLK_STS_OK : BLK_STS_NOTSUPP;
	default:
		return BLK_STS_NOTSUPP;
	}
}

static bool blkfront_req_indirect(const struct blkfront_req *req)
{
	return req->nr_segs > BLKIF_MAX_SEGMENTS_PER_REQUEST;
}

/**
 * blkfront_req_refs - how many grants a request takes
 * @req: after blkfront_req_plan()
 *
 * Context: any.
 * Return: the number.
 */
unsigned int blkfront_req_refs(const struct blkfront_req *req)
{
	return req->bounced ? 0 : req->nr_segs;
}

/**
 * blkfront_req_bufs - how many buffers a request takes
 * @req: after blkfront_req_plan()
 *
 * Context: any.
 * Return: the number.
 */
unsigned int blkfront_req_bufs(const struct blkfront_req *req)
{
	return (req->bounced ? req->nr_segs : 0) + blkfront_req_indirect(req);
}

/**
 * blkfront_req_take - take grants and buffers for a request
 * @pool: has them
 * @req: after blkfront_req_plan()
 *
 * Context: any; the ring's lock is held.
 */
void blkfront_req_take(struct blkfront_pool *pool, struct blkfront_req *req)
{
	struct blkfront_seg *seg;

	for (seg = req->segs; seg < req->segs + req->nr_segs; seg++) {
		if (req->bounced) {
			seg->buf = blkfront_pool_get_buf(pool);
			seg->ref = seg->buf->ref;
		} else {
			seg->ref = blkfront_pool_get_ref(pool);
		}
	}
	if (blkfront_req_indirect(req))
		req->indirect = blkfront_pool_get_buf(pool);
	req->granted = true;
}

/* A piece that is as long as a page is one, and many CPUs are faster at these */
static void blkfront_req_copy_part(struct page *to, unsigned int to_offset,
				   struct page *from, unsigned int from_offset,
				   unsigned int len)
{
	void *to_addr, *from_addr;

	if (len != PAGE_SIZE) {
		memcpy_page(to, to_offset, from, from_offset, len);
		return;
	}
	to_addr = kmap_local_page(to);
	from_addr = kmap_local_page(from);
	copy_page(to_addr, from_addr);
	kunmap_local(from_addr);
	kunmap_local(to_addr);
}

/*
 * The data of @rq to its buffers or from there. A buffer may hold what earlier
 * requests left: the backend has seen that.
 */
static void blkfront_req_copy(struct request *rq)
{
	struct blkfront_req *req = blk_mq_rq_to_pdu(rq);
	bool out = req->op == BLKIF_OP_WRITE;
	unsigned int at = 0, part, done;
	struct req_iterator iter;
	struct bio_vec bv;

	rq_for_each_segment(bv, rq, iter) {
		for (done = 0; done < bv.bv_len; done += part, at += part) {
			struct page *page = req->segs[at / XEN_PAGE_SIZE].buf->page;
			unsigned int in_buf = at % XEN_PAGE_SIZE;

			part = min_t(unsigned int, bv.bv_len - done,
				     XEN_PAGE_SIZE - in_buf);
			if (out)
				blkfront_req_copy_part(page, in_buf, bv.bv_page,
						       bv.bv_offset + done, part);
			else
				blkfront_req_copy_part(bv.bv_page,
						       bv.bv_offset + done,
						       page, in_buf, part);
		}
	}
}

static void blkfront_req_fill_indirect(struct blkfront_req *req)
{
	struct blkif_request_segment *out = kmap_local_page(req->indirect->page);
	unsigned int i;

	for (i = 0; i < req->nr_segs; i++)
		out[i] = (struct blkif_request_segment) {
			.gref = req->segs[i].ref,
			.first_sect = req->segs[i].first,
			.last_sect = req->segs[i].last,
		};
	kunmap_local(out);
}

/**
 * blkfront_req_grant - give the backend what a request's data lie on
 * @dev: the device
 * @rq: after blkfront_req_take()
 *
 * Pages that the backend only reads from it may only read. Buffers it has
 * already; data to write are copied there.
 *
 * Context: any; holds no lock.
 */
void blkfront_req_grant(struct blkfront_dev *dev, struct request *rq)
{
	struct blkfront_req *req = blk_mq_rq_to_pdu(rq);
	bool readonly = req->op == BLKIF_OP_WRITE;
	unsigned int i;

	if (!req->bounced) {
		for (i = 0; i < req->nr_segs; i++)
			gnttab_grant_foreign_access_ref(req->segs[i].ref,
							dev->bus->otherend_id,
							pfn_to_gfn(req->segs[i].pfn),
							readonly);
	} else if (readonly) {
		blkfront_req_copy(rq);
	}
	if (req->indirect)
		blkfront_req_fill_indirect(req);
}

static void blkfront_req_encode_rw(const struct blkfront_req *req, u64 sector,
				   blkif_vdev_t handle, u64 id,
				   struct blkif_request *out)
{
	unsigned int i;

	out->operation = req->op;
	out->u.rw.nr_segments = req->nr_segs;
	out->u.rw.handle = handle;
	out->u.rw.id = id;
	out->u.rw.sector_number = sector;
	for (i = 0; i < req->nr_segs; i++)
		out->u.rw.seg[i] = (struct blkif_request_segment) {
			.gref = req->segs[i].ref,
			.first_sect = req->segs[i].first,
			.last_sect = req->segs[i].last,
		};
}

static void blkfront_req_encode_indirect(const struct blkfront_req *req,
					 u64 sector, blkif_vdev_t handle,
					 u64 id, struct blkif_request *out)
{
	out->operation = BLKIF_OP_INDIRECT;
	out->u.indirect.indirect_op = req->op;
	out->u.indirect.nr_segments = req->nr_segs;
	out->u.indirect.handle = handle;
	out->u.indirect.id = id;
	out->u.indirect.sector_number = sector;
	out->u.indirect.indirect_grefs[0] = req->indirect->ref;
}

/**
 * blkfront_req_encode - write a request as the backend reads it
 * @req: the request; its grants are given
 * @sector: where on the disk, in sectors of 512 bytes
 * @nr_sectors: how many a discard covers
 * @handle: what the backend knows the device by
 * @id: what it is to know the request by
 * @secure: a discard is to erase
 * @out: where to; only written
 *
 * Context: any.
 */
void blkfront_req_encode(const struct blkfront_req *req, u64 sector,
			 u64 nr_sectors, blkif_vdev_t handle, u64 id,
			 bool secure, struct blkif_request *out)
{
	if (req->op == BLKIF_OP_DISCARD) {
		out->operation = BLKIF_OP_DISCARD;
		out->u.discard.flag = secure ? BLKIF_DISCARD_SECURE : 0;
		out->u.discard.id = id;
		out->u.discard.sector_number = sector;
		out->u.discard.nr_sectors = nr_sectors;
	} else if (blkfront_req_indirect(req)) {
		blkfront_req_encode_indirect(req, sector, handle, id, out);
	} else {
		blkfront_req_encode_rw(req, sector, handle, id, out);
	}
}
EXPORT_SYMBOL_IF_KUNIT(blkfront_req_encode);

static bool blkfront_seg_release(struct blkfront_seg *seg)
{
	if (seg->ref != INVALID_GRANT_REF &&
	    !gnttab_try_end_foreign_access(seg->ref))
		return false;
	seg->ref = INVALID_GRANT_REF;
	return true;
}

/**
 * blkfront_req_release - take back what the backend has let go of
 * @req: a request that it will not answer
 *
 * Context: any; may be called again.
 * Return: how many pages of its data the backend has still mapped.
 */
unsigned int blkfront_req_release(struct blkfront_req *req)
{
	struct blkfront_seg *seg;
	unsigned int kept = 0;

	if (!req->granted)
		return 0;
	for (seg = req->segs; seg < req->segs + req->nr_segs; seg++) {
		if (req->bounced ? !blkfront_buf_release(seg->buf) :
				   !blkfront_seg_release(seg))
			kept++;
	}
	return kept;
}

/* The grants themselves are kept, for the next request */
static bool blkfront_req_end_grants(struct blkfront_req *req)
{
	bool ended = true;
	unsigned int i;

	if (req->bounced || !req->granted)
		return true;
	for (i = 0; i < req->nr_segs; i++) {
		if (!gnttab_end_foreign_access_ref(req->segs[i].ref))
			ended = false;
	}
	return ended;
}

/**
 * blkfront_req_finish - take a request's data back from the backend
 * @rq: the request; the backend has answered it
 *
 * Context: any; holds no lock.
 * Return: whether the backend has let go of all pages; if not it has broken the
 * protocol, and the request has failed.
 */
bool blkfront_req_finish(struct request *rq)
{
	struct blkfront_req *req = blk_mq_rq_to_pdu(rq);

	if (!blkfront_req_end_grants(req)) {
		blkfront_req_abandon(req);
		req->status = BLK_STS_IOERR;
		return false;
	}
	if (req->bounced && req->op == BLKIF_OP_READ &&
	    req->status == BLK_STS_OK)
		blkfront_req_copy(rq);
	return true;
}

/**
 * blkfront_req_give_back - give a request's grants and buffers back
 * @ring: where they came from
 * @req: the request; its grants have ended
 *
 * Context: any; the ring's lock is held.
 */
void blkfront_req_give_back(struct blkfront_ring *ring,
			    struct blkfront_req *req)
{
	struct blkfront_seg *seg;

	lockdep_assert_held(&ring->lock);
	if (!req->granted)
		return;
	for (seg = req->segs; seg < req->segs + req->nr_segs; seg++) {
		if (req->bounced)
			blkfront_pool_put_buf(&ring->pool, seg->buf);
		else
			blkfront_pool_put_ref(&ring->pool, seg->ref);
	}
	if (req->indirect)
		blkfront_pool_put_buf(&ring->pool, req->indirect);
	req->indirect = NULL;
	req->granted = false;
}

/*
 * A page that the backend keeps mapped must not be freed. Pages of the slab
 * allocator have no count that could be raised; they are left to their fate.
 */
static void blkfront_seg_abandon(struct blkfront_seg *seg)
{
	struct page *page = xen_pfn_to_page(seg->pfn);

	if (blkfront_seg_release(seg))
		return;
	if (PageSlab(page) || !page_count(page))
		page = NULL;
	else
		get_page(page);
	gnttab_end_foreign_access(seg->ref, page);
}

/**
 * blkfront_req_abandon - end a request's grants, whatever the backend does
 * @req: the request
 *
 * What the backend keeps is freed once it lets go of it.
 *
 * Context: any.
 */
void blkfront_req_abandon(struct blkfront_req *req)
{
	struct blkfront_seg *seg;

	if (!req->granted)
		return;
	for (seg = req->segs; seg < req->segs + req->nr_segs; seg++) {
		if (req->bounced)
			blkfront_buf_free(seg->buf);
		else
			blkfront_seg_abandon(seg);
	}
	if (req->indirect)
		blkfront_buf_free(req->indirect);
	req->indirect = NULL;
	req->granted = false;
}
