// SPDX-License-Identifier: GPL-2.0
/*
 * A ring of the Xen transport: its pages, their grants, its event channel.
 *
 * What is given back at the end is what this side recorded when it opened the
 * ring; nothing is read from the shared interface page for it.
 */
#include <linux/gfp.h>
#include <linux/interrupt.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <xen/events.h>
#include <xen/page.h>
#include <xen/xen.h>

#include "trans_xen.h"

static_assert(XEN_9PFS_PAGE_SIZE == XEN_PAGE_SIZE);

/**
 * p9_xen_ring_init - make a ring that p9_xen_ring_close() can be called on
 * @ring: zeroed
 * @front: the device it belongs to
 *
 * Context: any.
 */
void p9_xen_ring_init(struct p9_xen_ring *ring, struct p9_xen_front *front)
{
	ring->front = front;
	ring->domid = front->dev->otherend_id;
	ring->intf_ref = INVALID_GRANT_REF;
	ring->irq = -1;
	mutex_init(&ring->out_lock);
	spin_lock_init(&ring->in_lock);
	INIT_LIST_HEAD(&ring->claims);
	init_waitqueue_head(&ring->released);
	init_waitqueue_head(&ring->room);
}

/*
 * Each grant holds a reference of its page, so that a page which the backend
 * does not let go of is freed once it does, and not before.
 */
static int p9_xen_grant(struct p9_xen_ring *ring, void *addr)
{
	int ref = gnttab_grant_foreign_access(ring->domid, virt_to_gfn(addr),
					      0);

	if (ref >= 0)
		get_page(virt_to_page(addr));
	return ref;
}

static void p9_xen_ungrant(grant_ref_t ref, void *addr)
{
	gnttab_end_foreign_access(ref, virt_to_page(addr));
}

static int p9_xen_ring_add_page(struct p9_xen_ring *ring, unsigned int max)
{
	u8 *page = (u8 *)get_zeroed_page(GFP_KERNEL);
	unsigned int part;
	int ref, err = 0;

	if (!page)
		return -ENOMEM;
	for (part = 0; part < XEN_PFN_PER_PAGE && ring->nr_refs < max; part++) {
		u8 *addr = page + part * XEN_PAGE_SIZE;

		ref = p9_xen_grant(ring, addr);
		if (ref < 0) {
			err = ref;
			break;
		}
		ring->addrs[ring->nr_refs] = addr;
		ring->refs[ring->nr_refs++] = ref;
	}
	/* From here on the grants hold it */
	put_page(virt_to_page(page));
	return err;
}

static int p9_xen_ring_add_pages(struct p9_xen_ring *ring, unsigned int order)
{
	unsigned int max = 1U << order, i;
	int err;

	ring->refs = kcalloc(max, sizeof(*ring->refs), GFP_KERNEL);
	ring->addrs = kcalloc(max, sizeof(*ring->addrs), GFP_KERNEL);
	if (!ring->refs || !ring->addrs)
		return -ENOMEM;
	while (ring->nr_refs < max) {
		err = p9_xen_ring_add_page(ring, max);
		if (err)
			return err;
	}
	for (i = 0; i < max; i++)
		ring->intf->ref[i] = ring->refs[i];
	ring->intf->ring_order = order;
	return 0;
}

static int p9_xen_ring_add_intf(struct p9_xen_ring *ring)
{
	int ref;

	ring->intf = (void *)get_zeroed_page(GFP_KERNEL);
	if (!ring->intf)
		return -ENOMEM;
	ref = p9_xen_grant(ring, ring->intf);
	if (ref < 0)
		return ref;
	ring->intf_ref = ref;
	return 0;
}

static int p9_xen_ring_add_event(struct p9_xen_ring *ring)
{
	struct xenbus_device *dev = ring->front->dev;
	unsigned int nr = ring - ring->front->rings;
	int err;

	err = xenbus_alloc_evtchn(dev, &ring->evtchn);
	if (err)
		return err;
	err = bind_evtchn_to_irq_lateeoi(ring->evtchn);
	if (err < 0) {
		xenbus_free_evtchn(dev, ring->evtchn);
		return err;
	}
	ring->irq = err;
	/* No event comes before xen_irq_lateeoi(), so none while the thread works */
	err = request_threaded_irq(ring->irq, p9_xen_event, p9_xen_event_thread,
				   0, "9pnet_xen", ring);
	if (err) {
		/* Nothing was requested yet: this frees the channel only */
		evtchn_put(ring->evtchn);
		ring->irq = -1;
		return err;
	}
	/* A request goes on the ring of its CPU, if it may: so comes its reply */
	if (cpu_online(nr))
		irq_set_affinity_and_hint(ring->irq, cpumask_of(nr));
	return 0;
}

static void p9_xen_ring_set_streams(struct p9_xen_ring *ring,
				    unsigned int order)
{
	u32 half = XEN_PAGE_SIZE << (order - 1);
	bool event_idx = ring->front->event_idx;

	ring->in = (struct xen_9pfs_stream) {
		.pages = ring->addrs,
		.size = half,
		.own = &ring->intf->in_cons,
		.peer = &ring->intf->in_prod,
		.watch = event_idx ? &ring->intf->in_prod_event : NULL,
		.watched = event_idx ? &ring->intf->in_cons_event : NULL,
	};
	ring->out = (struct xen_9pfs_stream) {
		.pages = ring->addrs + half / XEN_PAGE_SIZE,
		.size = half,
		.own = &ring->intf->out_prod,
		.peer = &ring->intf->out_cons,
		.watch = event_idx ? &ring->intf->out_cons_event : NULL,
		.watched = event_idx ? &ring->intf->out_prod_event : NULL,
	};
	ring->seen = 0;
	ring->told = 0;
	ring->notified = 0;
	ring->out_seen = 0;
}

/**
 * p9_xen_ring_open - allocate and grant a ring's pages, bind its events
 * @ring: after p9_xen_ring_init()
 * @order: of the number of its pages, 1 to XEN_9PFS_MAX_ORDER
 *
 * Context: may sleep.
 * Return: 0 or a negative errno; p9_xen_ring_close() is due in both cases.
 */
int p9_xen_ring_open(struct p9_xen_ring *ring, unsigned int order)
{
	int err;

	err = p9_xen_ring_add_intf(ring);
	if (err)
		return err;
	err = p9_xen_ring_add_pages(ring, order);
	if (err)
		return err;
	p9_xen_ring_set_streams(ring, order);
	return p9_xen_ring_add_event(ring);
}

/**
 * p9_xen_ring_close - give back what p9_xen_ring_open() got
 * @ring: nobody sends on it any more, nor will
 *
 * Waits for the event handler. Pages that the backend still has mapped are
 * freed when it has not.
 *
 * Context: may sleep; holds none of the ring's locks.
 */
void p9_xen_ring_close(struct p9_xen_ring *ring)
{
	if (ring->irq >= 0) {
		irq_set_affinity_and_hint(ring->irq, NULL);
		unbind_from_irqhandler(ring->irq, ring);
	}
	ring->irq = -1;
	while (ring->nr_refs) {
		ring->nr_refs--;
		p9_xen_ungrant(ring->refs[ring->nr_refs],
			       ring->addrs[ring->nr_refs]);
	}
	if (ring->intf_ref != INVALID_GRANT_REF)
		p9_xen_ungrant(ring->intf_ref, ring->intf);
	ring->intf_ref = INVALID_GRANT_REF;
	if (ring->intf)
		put_page(virt_to_page(ring->intf));
	ring->intf = NULL;
	kfree(ring->addrs);
	ring->addrs = NULL;
	kfree(ring->refs);
	ring->refs = NULL;
}
