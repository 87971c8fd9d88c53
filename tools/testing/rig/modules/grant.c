// SPDX-License-Identifier: GPL-2.0
/*
 * A grant that stays mapped. "grant DOMID" grants that domain a page; reading
 * the parameter gives the reference. There, "map DOMID REF" maps it, for good:
 * the domain that has granted it cannot go away any more.
 */
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/kstrtox.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/string.h>
#include <xen/grant_table.h>
#include <xen/page.h>
#include <xen/xen.h>

#include "faults.h"

int rig_fault_grant_ref = -1;

int rig_fault_grant(const char *args)
{
	unsigned int domid;
	void *page;
	int err;

	if (!xen_domain())
		return -ENODEV;
	err = kstrtouint(skip_spaces(args), 10, &domid);
	if (err)
		return err;
	page = (void *)get_zeroed_page(GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	__module_get(THIS_MODULE);
	rig_fault_grant_ref =
		gnttab_grant_foreign_access(domid, virt_to_gfn(page), 0);
	return rig_fault_grant_ref < 0 ? rig_fault_grant_ref : 0;
}

int rig_fault_map(const char *args)
{
	struct gnttab_map_grant_ref op;
	unsigned int domid, ref;
	struct page *page;
	unsigned long addr;
	int err;

	if (!xen_domain())
		return -ENODEV;
	if (sscanf(args, "%u %u", &domid, &ref) != 2)
		return -EINVAL;
	err = gnttab_alloc_pages(1, &page);
	if (err)
		return err;
	addr = (unsigned long)pfn_to_kaddr(page_to_pfn(page));
	gnttab_set_map_op(&op, addr, GNTMAP_host_map, ref, domid);
	err = gnttab_map_refs(&op, NULL, &page, 1);
	if (!err && op.status != GNTST_okay)
		err = -EFAULT;
	if (err) {
		gnttab_free_pages(1, &page);
		return err;
	}
	__module_get(THIS_MODULE);
	return 0;
}
