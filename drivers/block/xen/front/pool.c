// SPDX-License-Identifier: GPL-2.0
/*
 * What a ring's requests are granted with: grant references for pages of
 * others, and granted pages of the driver's own.
 *
 * The whole domain's grants stand behind one lock. A pool takes of them by the
 * batch and keeps what its ring uses, so that no request waits for that lock; what
 * has not been used for a while goes back. One request can always be sent: what
 * that takes is never given back.
 *
 * Of buffers there are no more than a backend keeps mapped. With more of them it
 * would map and unmap some for each request, on top of the copies.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "front.h"

/* How many grants are taken at a time */
#define BLKFRONT_POOL_BATCH	32
/* Most buffers: as many as Linux's backends keep mapped of a ring, by default */
#define BLKFRONT_POOL_MAX_BUFS	1056U

/**
 * blkfront_pool_init - make an empty pool
 * @pool: zeroed
 * @max_refs: most grants it is to keep
 *
 * Context: may sleep.
 * Return: 0, or -ENOMEM.
 */
int blkfront_pool_init(struct blkfront_pool *pool, unsigned int max_refs)
{
	pool->refs = kvmalloc_array(max_refs, sizeof(*pool->refs), GFP_KERNEL);
	if (!pool->refs)
		return -ENOMEM;
	pool->max_refs = max_refs;
	return 0;
}

/**
 * blkfront_pool_has - whether a request's needs can be met
 * @pool: the pool
 * @refs: grants
 * @bufs: buffers
 *
 * Context: any; the ring's lock is held.
 * Return: whether they can.
 */
bool blkfront_pool_has(const struct blkfront_pool *pool, unsigned int refs,
		       unsigned int bufs)
{
	return pool->nr_refs >= refs && pool->nr_bufs >= bufs;
}

/**
 * blkfront_pool_get_ref - take a grant
 * @pool: has one
 *
 * Context: any; the ring's lock is held.
 * Return: the grant.
 */
grant_ref_t blkfront_pool_get_ref(struct blkfront_pool *pool)
{
	grant_ref_t ref = pool->refs[--pool->nr_refs];

	pool->low_refs = min(pool->low_refs, pool->nr_refs);
	return ref;
}

/**
 * blkfront_pool_put_ref - give a grant back
 * @pool: where it came from
 * @ref: the grant; grants nothing
 *
 * Context: any; the ring's lock is held.
 */
void blkfront_pool_put_ref(struct blkfront_pool *pool, grant_ref_t ref)
{
	if (pool->nr_refs < pool->max_refs)
		pool->refs[pool->nr_refs++] = ref;
	else
		gnttab_free_grant_reference(ref);
}

/**
 * blkfront_pool_get_buf - take a buffer
 * @pool: has one
 *
 * Context: any; the ring's lock is held.
 * Return: the buffer.
 */
struct blkfront_buf *blkfront_pool_get_buf(struct blkfront_pool *pool)
{
	struct blkfront_buf *buf = pool->bufs;

	pool->bufs = buf->next;
	pool->nr_bufs--;
	pool->low_bufs = min(pool->low_bufs, pool->nr_bufs);
	return buf;
}

/**
 * blkfront_pool_put_buf - give a buffer back
 * @pool: where it came from
 * @buf: the buffer
 *
 * The one that was used last is used next, since a backend that keeps pages
 * mapped has that one.
 *
 * Context: any; the ring's lock is held.
 */
void blkfront_pool_put_buf(struct blkfront_pool *pool,
			   struct blkfront_buf *buf)
{
	buf->next = pool->bufs;
	pool->bufs = buf;
	pool->nr_bufs++;
}

/* The backend sees all of the page, so there is nothing of others on it */
static struct blkfront_buf *blkfront_buf_alloc(struct blkfront_dev *dev,
					       gfp_t gfp)
{
	struct blkfront_buf *buf = kmalloc_obj(*buf, gfp);
	int ref;

	if (!buf)
		return NULL;
	buf->page = alloc_page(gfp | __GFP_ZERO);
	if (!buf->page)
		goto free_buf;
	ref = gnttab_grant_foreign_access(dev->bus->otherend_id,
					  xen_page_to_gfn(buf->page), 0);
	if (ref < 0)
		goto free_page;
	buf->ref = ref;
	return buf;

free_page:
	__free_page(buf->page);
free_buf:
	kfree(buf);
	return NULL;
}

/**
 * blkfront_buf_release - end a buffer's grant, if the backend lets go of it
 * @buf: the buffer; of no use any more
 *
 * Context: any; may be called again.
 * Return: whether it has.
 */
bool blkfront_buf_release(struct blkfront_buf *buf)
{
	if (buf->ref != INVALID_GRANT_REF &&
	    !gnttab_try_end_foreign_access(buf->ref))
		return false;
	buf->ref = INVALID_GRANT_REF;
	return true;
}

/**
 * blkfront_buf_free - free a buffer that nobody uses on this side
 * @buf: the buffer
 *
 * Its page is freed when the backend has let go of it, whenever that is.
 *
 * Context: any.
 */
void blkfront_buf_free(struct blkfront_buf *buf)
{
	if (blkfront_buf_release(buf))
		__free_page(buf->page);
	else
		gnttab_end_foreign_access(buf->ref, buf->page);
	kfree(buf);
}

static void blkfront_pool_add_refs(struct blkfront_ring *ring,
				   unsigned int refs, grant_ref_t head)
{
	unsigned long flags;

	spin_lock_irqsave(&ring->lock, flags);
	while (refs--)
		blkfront_pool_put_ref(&ring->pool,
				      gnttab_claim_grant_reference(&head));
	spin_unlock_irqrestore(&ring->lock, flags);
}

/* How many buffers lack of @nr, counted as if they were there; or -EBUSY */
static int blkfront_pool_count_bufs(struct blkfront_ring *ring,
				    unsigned int nr)
{
	struct blkfront_pool *pool = &ring->pool;
	unsigned long flags;
	int lack;

	spin_lock_irqsave(&ring->lock, flags);
	lack = nr - min(nr, pool->nr_bufs);
	if (lack > BLKFRONT_POOL_MAX_BUFS - pool->all_bufs)
		lack = -EBUSY;
	else
		pool->all_bufs += lack;
	spin_unlock_irqrestore(&ring->lock, flags);
	return lack;
}

static void blkfront_pool_uncount_bufs(struct blkfront_ring *ring,
				       unsigned int nr)
{
	unsigned long flags;

	spin_lock_irqsave(&ring->lock, flags);
	ring->pool.all_bufs -= nr;
	spin_unlock_irqrestore(&ring->lock, flags);
}

static void blkfront_pool_add_buf(struct blkfront_ring *ring,
				  struct blkfront_buf *buf)
{
	unsigned long flags;

	spin_lock_irqsave(&ring->lock, flags);
	blkfront_pool_put_buf(&ring->pool, buf);
	spin_unlock_irqrestore(&ring->lock, flags);
}

/**
 * blkfront_pool_grow - get a ring's pool more of what it lacks
 * @ring: the ring
 * @refs: grants that a request needs of it
 * @bufs: buffers that it needs, of which the pool may have some
 * @gfp: how to allocate buffers
 *
 * Grants come by the batch if there are as many, or else as few as needed. What
 * others take of them in between is theirs, so the caller looks again.
 *
 * Context: as @gfp says; the ring's lock is not held.
 * Return: 0, -ENOSPC when there are no grants, -EBUSY when there are as many
 * buffers as there may be, -ENOMEM when there is no memory.
 */
int blkfront_pool_grow(struct blkfront_ring *ring, unsigned int refs,
		       unsigned int bufs, gfp_t gfp)
{
	unsigned int batch = max(refs, BLKFRONT_POOL_BATCH);
	struct blkfront_buf *buf;
	grant_ref_t head;
	int lack;

	if (refs) {
		if (gnttab_alloc_grant_references(batch, &head)) {
			batch = refs;
			if (gnttab_alloc_grant_references(batch, &head))
				return -ENOSPC;
		}
		blkfront_pool_add_refs(ring, batch, head);
	}
	lack = blkfront_pool_count_bufs(ring, bufs);
	for (; lack > 0; lack--) {
		buf = blkfront_buf_alloc(ring->dev, gfp | __GFP_NOWARN);
		if (!buf) {
			blkfront_pool_uncount_bufs(ring, lack);
			return -ENOMEM;
		}
		blkfront_pool_add_buf(ring, buf);
	}
	return lack;
}

/* Some of the grants that were not used since the last time, not the reserve */
static unsigned int blkfront_pool_cut_refs(struct blkfront_ring *ring,
					   grant_ref_t *refs, unsigned int max)
{
	struct blkfront_pool *pool = &ring->pool;
	unsigned int nr;

	spin_lock_irq(&ring->lock);
	nr = min(max, pool->low_refs - min(pool->low_refs, pool->min_refs));
	pool->low_refs -= nr;
	pool->nr_refs -= nr;
	memcpy(refs, pool->refs + pool->nr_refs, nr * sizeof(*refs));
	spin_unlock_irq(&ring->lock);
	return nr;
}

/* All such buffers: the end of the list, where nobody has come */
static struct blkfront_buf *blkfront_pool_cut_bufs(struct blkfront_ring *ring)
{
	struct blkfront_pool *pool = &ring->pool;
	struct blkfront_buf **end = &pool->bufs, *cut;
	unsigned int nr;

	spin_lock_irq(&ring->lock);
	nr = pool->low_bufs - min(pool->low_bufs, pool->min_bufs);
	pool->nr_bufs -= nr;
	for (nr = pool->nr_bufs; nr; nr--)
		end = &(*end)->next;
	cut = *end;
	*end = NULL;
	spin_unlock_irq(&ring->lock);
	return cut;
}

/* A page that the backend has mapped cannot be taken from it */
static unsigned int blkfront_pool_free_bufs(struct blkfront_ring *ring,
					    struct blkfront_buf *cut)
{
	struct blkfront_buf *buf;
	unsigned int freed = 0;

	while (cut) {
		buf = cut;
		cut = buf->next;
		if (blkfront_buf_release(buf)) {
			blkfront_buf_free(buf);
			freed++;
		} else {
			blkfront_pool_add_buf(ring, buf);
		}
	}
	blkfront_pool_uncount_bufs(ring, freed);
	return freed;
}

/**
 * blkfront_pool_trim - give back what a ring has not used for a while
 * @ring: the ring
 *
 * What the pool had at all times since the last call goes, but for what a request
 * needs to go on with, and for buffers that the backend keeps mapped.
 *
 * Context: may sleep; nobody closes the ring.
 * Return: how many grants went back.
 */
unsigned int blkfront_pool_trim(struct blkfront_ring *ring)
{
	grant_ref_t refs[BLKFRONT_POOL_BATCH];
	unsigned int nr, i, freed = 0;

	do {
		nr = blkfront_pool_cut_refs(ring, refs, ARRAY_SIZE(refs));
		for (i = 0; i < nr; i++)
			gnttab_free_grant_reference(refs[i]);
		freed += nr;
	} while (nr == ARRAY_SIZE(refs));
	freed += blkfront_pool_free_bufs(ring, blkfront_pool_cut_bufs(ring));

	spin_lock_irq(&ring->lock);
	ring->pool.low_refs = ring->pool.nr_refs;
	ring->pool.low_bufs = ring->pool.nr_bufs;
	spin_unlock_irq(&ring->lock);
	return freed;
}

/**
 * blkfront_pool_free - give everything back
 * @pool: nobody uses it
 *
 * Context: may sleep.
 */
void blkfront_pool_free(struct blkfront_pool *pool)
{
	struct blkfront_buf *buf;

	while (pool->nr_refs)
		gnttab_free_grant_reference(pool->refs[--pool->nr_refs]);
	while (pool->bufs) {
		buf = pool->bufs;
		pool->bufs = buf->next;
		blkfront_buf_free(buf);
	}
	kvfree(pool->refs);
	memset(pool, 0, sizeof(*pool));
}
