// SPDX-License-Identifier: GPL-2.0
/*
 * The Xen block frontend: disks that another domain serves, /dev/xvdX.
 *
 * The backend is not trusted. What it does that the protocol does not allow makes
 * the device fail: its requests end with an error, one line in the log says why,
 * and nothing else happens to anybody. A backend that goes and comes back, or
 * that does not answer, is connected to again; requests wait for that.
 */
#include <linux/blkdev.h>
#include <linux/cpumask.h>
#include <linux/major.h>
#include <linux/module.h>
#include <xen/platform_pci.h>
#include <xen/xen.h>

#include "front.h"

static unsigned int max_queues = 16;
module_param(max_queues, uint, 0444);
MODULE_PARM_DESC(max_queues,
		 "Most rings of a disk, besides those that are polled; it opens one per vCPU up to this and to what its backend serves");

static unsigned int poll_queues;
module_param(poll_queues, uint, 0444);
MODULE_PARM_DESC(poll_queues,
		 "Rings of a disk for requests that are polled for (io_uring's IOPOLL)");

static unsigned int max_ring_page_order;
module_param(max_ring_page_order, uint, 0444);
MODULE_PARM_DESC(max_ring_page_order,
		 "Largest order of a ring's number of 4 KiB pages, 0 to 4; a page has room for 32 requests");

static unsigned int max_indirect_segments = 64;
module_param(max_indirect_segments, uint, 0444);
MODULE_PARM_DESC(max_indirect_segments,
		 "Most pages of 4 KiB in a request, 11 to 512, if the backend takes as many");

static bool feature_persistent = true;
module_param(feature_persistent, bool, 0644);
MODULE_PARM_DESC(feature_persistent,
		 "Let backends that want to keep pages mapped, which are copied to and from");

static bool trusted = true;
module_param(trusted, bool, 0644);
MODULE_PARM_DESC(trusted,
		 "Backends may see the rest of pages that data lie on; if not, data are copied");

/* A ring for each CPU, besides those that are polled */
unsigned int blkfront_param_queues(void)
{
	return clamp(max_queues, 1U, num_online_cpus()) +
	       blkfront_param_polled();
}

unsigned int blkfront_param_polled(void)
{
	return min(poll_queues, num_online_cpus());
}

unsigned int blkfront_param_order(void)
{
	return min_t(unsigned int, max_ring_page_order,
		     XENBUS_MAX_RING_GRANT_ORDER);
}

unsigned int blkfront_param_segs(void)
{
	return min_t(unsigned int, max_indirect_segments, BLKFRONT_MAX_SEGS);
}

bool blkfront_param_persistent(void)
{
	return READ_ONCE(feature_persistent);
}

bool blkfront_param_trusted(void)
{
	return READ_ONCE(trusted);
}

static int __init blkfront_init(void)
{
	int err;

	if (!xen_domain() || !xen_has_pv_disk_devices())
		return -ENODEV;
	err = register_blkdev(XENVBD_MAJOR, "xvd");
	if (err) {
		pr_err("the major number %d of xvd is taken: %d\n",
		       XENVBD_MAJOR, err);
		return err;
	}
	err = blkfront_bus_register();
	if (err)
		unregister_blkdev(XENVBD_MAJOR, "xvd");
	return err;
}
module_init(blkfront_init);

static void __exit blkfront_exit(void)
{
	blkfront_bus_unregister();
	unregister_blkdev(XENVBD_MAJOR, "xvd");
}
module_exit(blkfront_exit);

MODULE_ALIAS_BLOCKDEV_MAJOR(XENVBD_MAJOR);
MODULE_ALIAS("xen:vbd");
MODULE_ALIAS("xenblk");
MODULE_DESCRIPTION("Xen block frontend");
MODULE_LICENSE("GPL");
