/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Both ends of one stream of a ring, for the KUnit suite beside this and for the
 * tests in userspace; each brings the pages itself.
 */
#ifndef XEN_9PFS_RING_PAIR_H
#define XEN_9PFS_RING_PAIR_H

#include <xen/9pfs_ring.h>

#define MAX_PAGES	16

/* Pages that do not adjoin, indices that are shared */
struct pair {
	u8 *pages[MAX_PAGES];
	u32 nr_pages;
	u32 prod;
	u32 cons;
	u32 prod_event;
	u32 cons_event;
	struct xen_9pfs_stream producer;
	struct xen_9pfs_stream consumer;
};

/* An empty stream whose indices are @index; the pages are there */
static inline void pair_start(struct pair *pair, u32 nr_pages, u32 index)
{
	pair->nr_pages = nr_pages;
	pair->prod = index;
	pair->cons = index;
	pair->producer = (struct xen_9pfs_stream) {
		.pages = pair->pages,
		.size = nr_pages * XEN_9PFS_PAGE_SIZE,
		.index = index,
		.own = &pair->prod,
		.peer = &pair->cons,
	};
	pair->consumer = pair->producer;
	pair->consumer.own = &pair->cons;
	pair->consumer.peer = &pair->prod;
}

/* From now on an end gets the events that it asks for, and no others */
static inline void pair_use_events(struct pair *pair)
{
	pair->producer.watch = &pair->cons_event;
	pair->producer.watched = &pair->prod_event;
	pair->consumer.watch = &pair->prod_event;
	pair->consumer.watched = &pair->cons_event;
}

#endif /* XEN_9PFS_RING_PAIR_H */
