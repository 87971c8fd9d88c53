// SPDX-License-Identifier: GPL-2.0
/*
 * What a device tells its backend: how many rings, and where they are.
 */
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <xen/interface/io/protocols.h>
#include <xen/xenbus.h>

#include "front.h"

/* As many rings as both sides want; never more than at first */
static int blkfront_alloc_rings(struct blkfront_dev *dev)
{
	unsigned int nr, i;

	nr = xenbus_read_unsigned(dev->bus->otherend, "multi-queue-max-queues",
				  1);
	nr = clamp(nr, 1U, blkfront_param_queues());
	if (!dev->rings) {
		dev->rings = kzalloc_objs(*dev->rings, nr);
		if (!dev->rings)
			return -ENOMEM;
		for (i = 0; i < nr; i++)
			blkfront_ring_init(&dev->rings[i], dev);
		dev->max_rings = nr;
	}
	WRITE_ONCE(dev->nr_rings, min(nr, dev->max_rings));
	return 0;
}

static int blkfront_open_rings(struct blkfront_dev *dev, unsigned int order)
{
	unsigned int i, polled;
	int err = 0;

	polled = dev->disk ? dev->nr_polled :
		 min(blkfront_param_polled(), dev->nr_rings - 1);
	for (i = 0; !err && i < dev->nr_rings; i++) {
		/* One that is shared needs events, whoever polls as well */
		dev->rings[i].polled = dev->nr_rings == dev->max_rings &&
				       i >= dev->nr_rings - polled;
		err = blkfront_ring_open(&dev->rings[i], order);
	}
	return err;
}

static int blkfront_write_ring(struct xenbus_transaction xbt, const char *dir,
			       const struct blkfront_ring *ring,
			       unsigned int order)
{
	char node[32];
	unsigned int i;
	int err;

	err = xenbus_printf(xbt, dir, "event-channel", "%u", ring->evtchn);
	if (err)
		return err;
	if (!order)
		return xenbus_printf(xbt, dir, "ring-ref", "%u", ring->refs[0]);
	for (i = 0; !err && i < ring->nr_pages; i++) {
		snprintf(node, sizeof(node), "ring-ref%u", i);
		err = xenbus_printf(xbt, dir, node, "%u", ring->refs[i]);
	}
	return err;
}

static int blkfront_write_rings(struct xenbus_transaction xbt,
				struct blkfront_dev *dev, unsigned int order)
{
	unsigned int i;
	char *dir;
	int err;

	if (dev->nr_rings == 1)
		return blkfront_write_ring(xbt, dev->bus->nodename,
					   dev->rings, order);
	err = xenbus_printf(xbt, dev->bus->nodename, "multi-queue-num-queues",
			    "%u", dev->nr_rings);
	for (i = 0; !err && i < dev->nr_rings; i++) {
		dir = kasprintf(GFP_KERNEL, "%s/queue-%u", dev->bus->nodename,
				i);
		if (!dir)
			return -ENOMEM;
		err = blkfront_write_ring(xbt, dir, &dev->rings[i], order);
		kfree(dir);
	}
	return err;
}

/* What an earlier connection has written and this one does not */
static void blkfront_remove_nodes(struct xenbus_transaction xbt,
				  struct blkfront_dev *dev, unsigned int order)
{
	if (!order)
		xenbus_rm(xbt, dev->bus->nodename, "ring-page-order");
	if (dev->nr_rings == 1)
		xenbus_rm(xbt, dev->bus->nodename, "multi-queue-num-queues");
}

static int blkfront_write_nodes(struct xenbus_transaction xbt,
				struct blkfront_dev *dev, unsigned int order)
{
	const char *dir = dev->bus->nodename;
	int err;

	blkfront_remove_nodes(xbt, dev, order);
	err = xenbus_printf(xbt, dir, "protocol", "%s",
			    XEN_IO_PROTO_ABI_NATIVE);
	if (!err)
		err = xenbus_printf(xbt, dir, "feature-persistent", "%u",
				    blkfront_param_persistent());
	/* Once it is there, even as 0, the pages are numbered */
	if (!err && order)
		err = xenbus_printf(xbt, dir, "ring-page-order", "%u", order);
	if (!err)
		err = blkfront_write_rings(xbt, dev, order);
	return err;
}

static int blkfront_publish(struct blkfront_dev *dev, unsigned int order)
{
	struct xenbus_transaction xbt;
	int err;

	do {
		err = xenbus_transaction_start(&xbt);
		if (err)
			return err;
		err = blkfront_write_nodes(xbt, dev, order);
		if (err) {
			xenbus_transaction_end(xbt, 1);
			return err;
		}
		err = xenbus_transaction_end(xbt, 0);
	} while (err == -EAGAIN);
	return err;
}

/**
 * blkfront_negotiate - open the rings, and write to xenstore where they are
 * @dev: the device, in the middle of no connection
 *
 * Context: may sleep; @dev's lock is held.
 * Return: 0, or a negative errno, with rings left to be closed.
 */
int blkfront_negotiate(struct blkfront_dev *dev)
{
	unsigned int order;
	int err;

	order = xenbus_read_unsigned(dev->bus->otherend, "max-ring-page-order",
				     0);
	order = min(order, blkfront_param_order());
	err = blkfront_alloc_rings(dev);
	if (!err)
		err = blkfront_open_rings(dev, order);
	if (!err)
		err = blkfront_publish(dev, order);
	return err;
}
