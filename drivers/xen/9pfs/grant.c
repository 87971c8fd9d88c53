// SPDX-License-Identifier: GPL-2.0
/*
 * Pages of a guest, mapped by their grant references.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <xen/xen.h>

#include "back.h"

static unsigned long xen_9pback_addr(const struct page *page)
{
	return (unsigned long)pfn_to_kaddr(page_to_pfn(page));
}

/**
 * xen_9pback_page - the address of a mapped page
 * @area: where it is mapped
 * @i: which one, less than the number mapped
 *
 * Context: any.
 * Return: its address; the guest can write there at any time.
 */
void *xen_9pback_page(const struct xen_9pback_area *area, unsigned int i)
{
	return (void *)xen_9pback_addr(area->pages[i]);
}

static int xen_9pback_alloc_area(struct xen_9pback_area *area, unsigned int nr)
{
	int err = -ENOMEM;

	area->pages = kcalloc(nr, sizeof(*area->pages), GFP_KERNEL);
	area->handles = kcalloc(nr, sizeof(*area->handles), GFP_KERNEL);
	if (area->pages && area->handles)
		err = gnttab_alloc_pages(nr, area->pages);
	if (err) {
		kfree(area->handles);
		kfree(area->pages);
		return err;
	}
	area->max = nr;
	area->nr = 0;
	return 0;
}

/* Keeps what was mapped, so that all of it is unmapped again */
static int xen_9pback_take_handles(struct xen_9pback_area *area,
				   const struct gnttab_map_grant_ref *ops)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < area->max; i++) {
		if (ops[i].status != GNTST_okay) {
			err = -EFAULT;
			continue;
		}
		swap(area->pages[area->nr], area->pages[i]);
		area->handles[area->nr++] = ops[i].handle;
	}
	return err;
}

/**
 * xen_9pback_map - map pages that a guest has granted
 * @area: zeroed; where to
 * @domid: the guest
 * @refs: its grant references, in private memory
 * @nr: how many, not 0
 *
 * Context: may sleep.
 * Return: 0; -ENOMEM; -EFAULT when the guest has not granted one of them;
 * nothing is mapped then.
 */
int xen_9pback_map(struct xen_9pback_area *area, domid_t domid,
		   const grant_ref_t *refs, unsigned int nr)
{
	struct gnttab_map_grant_ref *ops;
	unsigned int i;
	int err;

	ops = kvcalloc(nr, sizeof(*ops), GFP_KERNEL);
	if (!ops)
		return -ENOMEM;
	err = xen_9pback_alloc_area(area, nr);
	if (err)
		goto out_ops;
	for (i = 0; i < nr; i++)
		gnttab_set_map_op(&ops[i], xen_9pback_addr(area->pages[i]),
				  GNTMAP_host_map, refs[i], domid);
	/* An error here is one of the bookkeeping: some may be mapped */
	err = gnttab_map_refs(ops, NULL, area->pages, nr);
	err = xen_9pback_take_handles(area, ops) ?: err;
	if (err)
		xen_9pback_unmap(area);
out_ops:
	kvfree(ops);
	return err;
}

/* The work is no part of the stack: it has a timer, which may not be there */
struct xen_9pback_unmapping {
	struct gntab_unmap_queue_data work;
	struct gnttab_unmap_grant_ref ops[];
};

static int xen_9pback_unmap_all(struct xen_9pback_area *area)
{
	struct xen_9pback_unmapping *u;
	unsigned int i;
	int err;

	u = kvzalloc(struct_size(u, ops, area->nr), GFP_KERNEL | __GFP_NOFAIL);
	for (i = 0; i < area->nr; i++)
		gnttab_set_unmap_op(&u->ops[i], xen_9pback_addr(area->pages[i]),
				    GNTMAP_host_map, area->handles[i]);
	u->work.unmap_ops = u->ops;
	u->work.pages = area->pages;
	u->work.count = area->nr;
	err = gnttab_unmap_refs_sync(&u->work);
	kvfree(u);
	return err;
}

/**
 * xen_9pback_unmap - unmap pages of a guest
 * @area: nobody uses it any more; may be zeroed, and is so afterwards
 *
 * Context: may sleep.
 */
void xen_9pback_unmap(struct xen_9pback_area *area)
{
	int err = area->nr ? xen_9pback_unmap_all(area) : 0;

	if (err)
		pr_err("%u pages of a guest are lost: Xen refused to unmap them (%d)\n",
		       area->nr, err);
	else if (area->max)
		gnttab_free_pages(area->max, area->pages);
	kfree(area->handles);
	kfree(area->pages);
	memset(area, 0, sizeof(*area));
}
