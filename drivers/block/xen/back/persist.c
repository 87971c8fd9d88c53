// SPDX-License-Identifier: GPL-2.0
/*
 * Pages that a frontend grants again and again stay mapped, so that a request
 * costs no hypercall. There is a bound to them, and what was not used for a
 * while, or is not in use when memory is scarce, is unmapped.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/rbtree.h>
#include <linux/slab.h>

#include "back.h"

/**
 * struct blkback_persist - a page that stays mapped
 * @node: in the queue's tree, by @gref
 * @page: where it is mapped
 * @handle: of the mapping
 * @gref: the guest's grant of it
 * @users: segments of requests that use it
 * @used: when it was last used, in jiffies
 */
struct blkback_persist {
	struct rb_node node;
	struct page *page;
	grant_handle_t handle;
	grant_ref_t gref;
	unsigned int users;
	unsigned long used;
};

static int compare(const void *key, const struct rb_node *node)
{
	grant_ref_t gref = *(const grant_ref_t *)key;
	grant_ref_t other = rb_entry(node, struct blkback_persist, node)->gref;

	return gref < other ? -1 : gref > other;
}

static int compare_nodes(struct rb_node *new, const struct rb_node *node)
{
	return compare(&rb_entry(new, struct blkback_persist, node)->gref, node);
}

/**
 * blkback_persist_get - use a page if it is mapped
 * @queue: whose
 * @seg: the segment, with its grant; gets the page
 *
 * Context: the queue's thread. To be followed by blkback_persist_put().
 * Return: whether it is.
 */
bool blkback_persist_get(struct blkback_queue *queue, struct blkback_seg *seg)
{
	struct blkback_persist *persist;
	struct rb_node *node;

	node = rb_find(&seg->gref, &queue->persist, compare);
	if (!node)
		return false;
	persist = rb_entry(node, struct blkback_persist, node);
	persist->users++;
	seg->persist = persist;
	seg->kept = true;
	seg->page = persist->page;
	return true;
}

/**
 * blkback_persist_add - have a page stay mapped, if there may be one more
 * @queue: whose
 * @seg: the segment, which was just mapped for itself
 *
 * Context: the queue's thread. To be followed by blkback_persist_put() if
 * @seg->kept is set.
 */
void blkback_persist_add(struct blkback_queue *queue, struct blkback_seg *seg)
{
	struct blkback_persist *persist;

	if (queue->persist_nr >= queue->max_persist) {
		queue->persist_full = true;
		return;
	}
	if (!blkback_guest_keep(queue))
		return;
	persist = kmalloc_obj(*persist, GFP_NOIO | __GFP_NOWARN);
	if (!persist)
		goto uncharge;
	*persist = (struct blkback_persist) {
		.page = seg->page,
		.handle = seg->handle,
		.gref = seg->gref,
		.users = 1,
	};
	/* Two requests at once may have mapped the same one */
	if (rb_find_add(&persist->node, &queue->persist, compare_nodes))
		goto free;
	queue->persist_nr++;
	seg->persist = persist;
	seg->kept = true;
	seg->mapped = false;
	return;

free:
	kfree(persist);
uncharge:
	blkback_guest_uncharge(queue, 1);
}

/**
 * blkback_persist_put - a segment uses its page no more
 * @seg: the segment
 *
 * Context: the queue's thread.
 */
void blkback_persist_put(struct blkback_seg *seg)
{
	struct blkback_persist *persist = seg->persist;

	seg->kept = false;
	persist->used = jiffies;
	persist->users--;
}

/* Nor does somebody, as a network that sends again, still refer to it */
static bool is_unused(const struct blkback_persist *persist,
		      unsigned int unused)
{
	return !persist->users &&
	       time_after_eq(jiffies, persist->used + unused) &&
	       page_count(persist->page) == 1;
}

/**
 * blkback_persist_trim - unmap pages that are not in use
 * @queue: whose
 * @unused: for how long, in jiffies
 *
 * Context: the queue's thread, or whoever has ended it. May sleep.
 */
void blkback_persist_trim(struct blkback_queue *queue, unsigned int unused)
{
	struct rb_node *node, *next;
	unsigned int nr = 0;

	for (node = rb_first(&queue->persist); node; node = next) {
		struct blkback_persist *persist =
			rb_entry(node, struct blkback_persist, node);

		next = rb_next(node);
		if (!is_unused(persist, unused))
			continue;
		blkback_grant_unmap(queue, persist->page, persist->handle);
		rb_erase(node, &queue->persist);
		kfree(persist);
		nr++;
	}
	blkback_grant_flush_unmap(queue);
	queue->persist_nr -= nr;
	blkback_guest_uncharge(queue, nr);
}
