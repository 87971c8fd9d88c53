// SPDX-License-Identifier: GPL-2.0
/*
 * The 9pfs device of the Xen transport: the handshake with its backend.
 *
 * A backend that offers feature-reconnect takes one connection after the other,
 * so there is one while the device is mounted, and no ring, grant or event channel
 * otherwise: device and backend are Closed then. One that does not offer it may
 * not survive the end of a connection, and is connected as long as it is there.
 *
 * A connection (struct p9_xen_front) lives until the next one begins, the device
 * is unplugged or the domain resumes elsewhere. It is dead as soon as the backend
 * closes or nobody has it mounted any more; its rings are freed once the backend
 * has let go of them.
 *
 * What xenbus says of the backend's state, in a thread of its own, and what those
 * who mount and unmount want is looked at with p9_xen_lock held, so that one step
 * of the handshake follows the other. The lock is never held to wait for a
 * backend.
 */
#include <kunit/visibility.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/sysfs.h>
#include <xen/xenbus.h>

#include "trans_xen.h"

static unsigned int max_rings = 16;
module_param(max_rings, uint, 0444);
MODULE_PARM_DESC(max_rings,
		 "Most rings of a device; it opens one per vCPU up to this and to what its backend serves");

static unsigned int ring_order = XEN_9PFS_MAX_ORDER;
module_param(ring_order, uint, 0444);
MODULE_PARM_DESC(ring_order,
		 "Largest order of a ring's number of 4 KiB pages, 1 to 9; half of the ring bounds msize, and all of it is memory that a mount takes");

/* How long a backend may take to let go of the rings of a device that goes, and
 * how often it is looked at
 */
#define P9_XEN_RELEASE_TIMEOUT	(5 * HZ)
#define P9_XEN_RELEASE_STEP_MS	10

/* What is logged of a backend's reason for closing */
#define P9_XEN_REASON_MAX	200

/* "versions" is a list of numbers with commas between them */
static int p9_xen_check_version(struct xenbus_device *dev)
{
	char *versions, *rest, *word;
	bool found = false;

	versions = xenbus_read(XBT_NIL, dev->otherend, "versions", NULL);
	if (IS_ERR(versions))
		return PTR_ERR(versions);
	rest = versions;
	while ((word = strsep(&rest, ",")) && !found)
		found = !strcmp(strim(word), "1");
	kfree(versions);
	return found ? 0 : -EPROTONOSUPPORT;
}

static int p9_xen_open_rings(struct p9_xen_front *front)
{
	struct xenbus_device *dev = front->dev;
	unsigned int order, max, i;
	int err;

	max = xenbus_read_unsigned(dev->otherend, "max-rings", 0);
	order = xenbus_read_unsigned(dev->otherend, "max-ring-page-order", 0);
	if (!max || !order)
		return -EPROTO;
	max = min3(max, num_online_cpus(), max(max_rings, 1U));
	order = min3(order, max(ring_order, 1U), XEN_9PFS_MAX_ORDER);

	front->rings = kzalloc_objs(*front->rings, max);
	if (!front->rings)
		return -ENOMEM;
	for (i = 0; i < max; i++)
		p9_xen_ring_init(&front->rings[i], front);
	front->nr_rings = max;
	front->any_ring = xenbus_read_unsigned(dev->otherend,
					       "feature-any-ring", 0);
	front->event_idx = xenbus_read_unsigned(dev->otherend,
						"feature-event-idx", 0);
	for (i = 0; i < max; i++) {
		err = p9_xen_ring_open(&front->rings[i], order);
		if (err)
			return err;
	}
	return 0;
}

static int p9_xen_write_ring(struct xenbus_transaction xbt,
			     struct xenbus_device *dev,
			     const struct p9_xen_ring *ring, unsigned int i)
{
	char node[32];
	int err;

	snprintf(node, sizeof(node), "ring-ref%u", i);
	err = xenbus_printf(xbt, dev->nodename, node, "%u", ring->intf_ref);
	if (err)
		return err;
	snprintf(node, sizeof(node), "event-channel-%u", i);
	return xenbus_printf(xbt, dev->nodename, node, "%u", ring->evtchn);
}

static int p9_xen_write_nodes(struct xenbus_transaction xbt,
			      const struct p9_xen_front *front)
{
	struct xenbus_device *dev = front->dev;
	unsigned int i;
	int err;

	err = xenbus_printf(xbt, dev->nodename, "version", "%u", 1);
	if (!err)
		err = xenbus_printf(xbt, dev->nodename, "num-rings", "%u",
				    front->nr_rings);
	if (!err && front->any_ring)
		err = xenbus_printf(xbt, dev->nodename, "feature-any-ring",
				    "%u", 1);
	if (!err && front->event_idx)
		err = xenbus_printf(xbt, dev->nodename, "feature-event-idx",
				    "%u", 1);
	for (i = 0; !err && i < front->nr_rings; i++)
		err = p9_xen_write_ring(xbt, dev, &front->rings[i], i);
	return err;
}

/* Does @step whole or not at all, again if others changed what it has read */
static int p9_xen_transact(const struct p9_xen_front *front,
			   int (*step)(struct xenbus_transaction xbt,
				       const struct p9_xen_front *front))
{
	struct xenbus_transaction xbt;
	int err;

	do {
		err = xenbus_transaction_start(&xbt);
		if (err)
			return err;
		err = step(xbt, front);
		err = xenbus_transaction_end(xbt, err) ?: err;
	} while (err == -EAGAIN);
	return err;
}

/* The toolstack may have taken the device away, or have started over itself */
static int p9_xen_write_initialising(struct xenbus_transaction xbt,
				     const struct p9_xen_front *front)
{
	struct xenbus_device *dev = front->dev;
	int state, err;

	err = xenbus_scanf(xbt, dev->nodename, "state", "%d", &state);
	if (err != 1)
		return err < 0 ? err : -EINVAL;
	if (state == XenbusStateInitialising)
		return 0;
	if (state != XenbusStateClosed)
		return -EBUSY;
	return xenbus_printf(xbt, dev->nodename, "state", "%d",
			     XenbusStateInitialising);
}

/*
 * Closed becomes Initialising, which has a backend offer the device again. xenbus
 * takes a node with that state for another device if it does not know of it: it has
 * to know before the node is written, so xenbus_switch_state() is of no use.
 */
static int p9_xen_initialise(struct p9_xen_front *front)
{
	struct xenbus_device *dev = front->dev;
	int err;

	dev->state = XenbusStateInitialising;
	err = p9_xen_transact(front, p9_xen_write_initialising);
	if (err)
		dev->state = XenbusStateClosed;
	return err;
}

/* Whether the backend takes one connection after the other */
static bool p9_xen_reconnects(const struct xenbus_device *dev)
{
	return xenbus_read_unsigned(dev->otherend, "feature-reconnect", 0);
}

static unsigned int p9_xen_backend_state(const struct xenbus_device *dev)
{
	return xenbus_read_unsigned(dev->otherend, "state",
				    XenbusStateUnknown);
}

static int p9_xen_new_front(struct xenbus_device *dev, enum p9_xen_state state)
{
	struct p9_xen_front *front;
	char *tag;

	tag = xenbus_read(XBT_NIL, dev->nodename, "tag", NULL);
	if (IS_ERR(tag)) {
		xenbus_dev_fatal(dev, PTR_ERR(tag),
				 "the toolstack gave the device no tag");
		return PTR_ERR(tag);
	}
	front = p9_xen_front_alloc(dev, tag, state);
	kfree(tag);
	if (!front) {
		xenbus_dev_fatal(dev, -ENOMEM, "allocating the device");
		return -ENOMEM;
	}
	dev_set_drvdata(&dev->dev, front);
	return 0;
}

/* The event handlers and grants of a connection that is dead, once or again */
static void p9_xen_close_rings(struct p9_xen_front *front)
{
	unsigned int i;

	for (i = 0; i < front->nr_rings; i++)
		p9_xen_ring_close(&front->rings[i]);
}

static void p9_xen_free_front(struct xenbus_device *dev)
{
	struct p9_xen_front *front = dev_get_drvdata(&dev->dev);

	if (!front)
		return;
	dev_set_drvdata(&dev->dev, NULL);
	p9_xen_front_fail(front);
	p9_xen_close_rings(front);
	p9_xen_front_free(front);
}

/* Makes rings and tells the backend of them, or says why not */
static int p9_xen_negotiate(struct xenbus_device *dev,
			    struct p9_xen_front *front)
{
	int err;

	err = p9_xen_check_version(dev);
	if (err) {
		xenbus_dev_fatal(dev, err,
				 "the backend does not offer version 1");
		return err;
	}
	err = p9_xen_open_rings(front);
	if (err) {
		xenbus_dev_fatal(dev, err, "opening rings for tag '%s'",
				 front->tag);
		return err;
	}
	err = p9_xen_transact(front, p9_xen_write_nodes);
	if (err)
		xenbus_dev_fatal(dev, err, "writing rings to xenstore");
	return err;
}

/*
 * The backend waits for a frontend. If it has come back after it had closed, there
 * is a connection that is dead.
 */
static void p9_xen_connect(struct xenbus_device *dev)
{
	struct p9_xen_front *front = dev_get_drvdata(&dev->dev);

	if (front && p9_xen_front_dead(front)) {
		p9_xen_free_front(dev);
		front = NULL;
	}
	if (!front && p9_xen_new_front(dev, P9_XEN_CONNECTING))
		return;
	front = dev_get_drvdata(&dev->dev);
	p9_xen_front_move(front, P9_XEN_IDLE, P9_XEN_CONNECTING);

	if (p9_xen_negotiate(dev, front))
		p9_xen_front_fail(front);
	else
		xenbus_switch_state(dev, XenbusStateInitialised);
}

/* A backend that could not serve the device says why in its directory */
static void p9_xen_log_reason(struct xenbus_device *dev)
{
	struct p9_xen_front *front = dev_get_drvdata(&dev->dev);
	const char *tag = front ? front->tag : "?";
	char *reason;

	reason = xenbus_read(XBT_NIL, dev->otherend, "error", NULL);
	if (IS_ERR(reason)) {
		/* What is mounted may be all that processes have */
		if (front && front->claimed)
			dev_err(&dev->dev, "backend closed the device of tag '%s', which is mounted\n",
				tag);
		else
			dev_info(&dev->dev, "backend closed the device of tag '%s'\n",
				 tag);
		return;
	}
	/* Its words, but not its line breaks */
	dev_err(&dev->dev, "backend closed the device of tag '%s': %*pE\n",
		tag, (int)strnlen(reason, P9_XEN_REASON_MAX), reason);
	kfree(reason);
}

/*
 * Nobody but this domain has the rings of a connection that is dead. With a backend
 * that takes another one the device can be mounted again, even if some process
 * still has the old mount.
 */
static void p9_xen_let_go(struct xenbus_device *dev)
{
	struct p9_xen_front *front = dev_get_drvdata(&dev->dev);

	xenbus_switch_state(dev, XenbusStateClosed);
	if (!front || !p9_xen_front_dead(front))
		return;
	if (front->on_demand && p9_xen_reconnects(dev)) {
		p9_xen_free_front(dev);
		if (!p9_xen_new_front(dev, P9_XEN_IDLE)) {
			front = dev_get_drvdata(&dev->dev);
			front->on_demand = true;
		}
	} else {
		p9_xen_close_rings(front);
		p9_xen_front_move(front, P9_XEN_ENDING, P9_XEN_DEAD);
	}
}

/*
 * The connection stays known by its tag, so that a mount is told what is wrong
 * with it. @backend is the backend's state: it may be about to close, with the rings
 * still mapped.
 */
static void p9_xen_disconnect(struct xenbus_device *dev,
			      enum xenbus_state backend)
{
	struct p9_xen_front *front = dev_get_drvdata(&dev->dev);

	p9_xen_log_reason(dev);
	if (front)
		p9_xen_front_fail(front);
	xenbus_frontend_closed(dev);
	if (backend != XenbusStateClosing)
		p9_xen_let_go(dev);
}

/* What the backend's state asks of a device that nobody has mounted */
static enum p9_xen_step p9_xen_next_unused(enum xenbus_state backend,
					   enum xenbus_state own)
{
	bool gone = backend == XenbusStateUnknown ||
		    backend == XenbusStateInitialising ||
		    backend == XenbusStateClosed;

	switch (own) {
	case XenbusStateInitialising:
		/* It takes this for a wish to connect, and is to see otherwise */
		if (backend == XenbusStateInitWait ||
		    backend == XenbusStateClosing)
			return P9_XEN_CLOSE;
		return backend == XenbusStateUnknown ? P9_XEN_RELEASE :
						       P9_XEN_STAY;
	case XenbusStateInitialised:
	case XenbusStateConnected:
		return gone ? P9_XEN_RELEASE : P9_XEN_END;
	case XenbusStateClosing:
		if (backend == XenbusStateClosing)
			return P9_XEN_CLOSE;
		return gone ? P9_XEN_RELEASE : P9_XEN_STAY;
	case XenbusStateClosed:
		return gone ? P9_XEN_RELEASE : P9_XEN_STAY;
	default:
		return P9_XEN_STAY;
	}
}

/* What the backend's state asks of a device in its own, in view of its use */
VISIBLE_IF_KUNIT enum p9_xen_step p9_xen_next(enum xenbus_state backend,
					      enum xenbus_state own,
					      enum p9_xen_use use)
{
	if (use == P9_XEN_UNUSED)
		return p9_xen_next_unused(backend, own);

	switch (backend) {
	case XenbusStateInitWait:
		if (own == XenbusStateInitialising)
			return P9_XEN_CONNECT;
		/* One that reconnects is about to close as well */
		if (own == XenbusStateClosed && use == P9_XEN_ALWAYS)
			return P9_XEN_CONNECT;
		/* It has started over, too fast for its closing to be seen */
		if (own == XenbusStateConnected)
			return P9_XEN_RECONNECT;
		return P9_XEN_STAY;
	case XenbusStateConnected:
		if (own == XenbusStateInitialised)
			return P9_XEN_GO_LIVE;
		return P9_XEN_STAY;
	case XenbusStateUnknown:
		/* Its directory is gone, as that of a domain that was destroyed */
		if (own == XenbusStateInitialised ||
		    own == XenbusStateConnected)
			return P9_XEN_DISCONNECT;
		return P9_XEN_STAY;
	case XenbusStateInitialising:
		if (own == XenbusStateConnected)
			return P9_XEN_DISCONNECT;
		return P9_XEN_STAY;
	case XenbusStateClosing:
		if (own != XenbusStateClosed)
			return P9_XEN_DISCONNECT;
		return P9_XEN_STAY;
	case XenbusStateClosed:
		/* It has not seen yet that it is to offer the device again */
		if (own == XenbusStateInitialising)
			return P9_XEN_STAY;
		if (own != XenbusStateClosed)
			return P9_XEN_DISCONNECT;
		return use == P9_XEN_WANTED ? P9_XEN_START_OVER :
					      P9_XEN_RELEASE;
	default:
		return P9_XEN_STAY;
	}
}
EXPORT_SYMBOL_IF_KUNIT(p9_xen_next);

static enum p9_xen_use p9_xen_use(const struct p9_xen_front *front)
{
	if (!front || !front->on_demand)
		return P9_XEN_ALWAYS;
	switch (READ_ONCE(front->state)) {
	case P9_XEN_CONNECTING:
		return P9_XEN_WANTED;
	case P9_XEN_LIVE:
	case P9_XEN_DEAD:
		return P9_XEN_USED;
	default:
		return P9_XEN_UNUSED;
	}
}

/*
 * The backend offers the device, and says whether it will do so again. If it does
 * and nobody is about to mount, there is nothing to connect for.
 */
static void p9_xen_note_offer(struct xenbus_device *dev)
{
	struct p9_xen_front *front = dev_get_drvdata(&dev->dev);

	if (!front)
		return;
	front->on_demand = p9_xen_reconnects(dev);
	if (front->on_demand && !front->claimed)
		p9_xen_front_move(front, P9_XEN_CONNECTING, P9_XEN_ENDING);
}

static void p9_xen_reconnect(struct xenbus_device *dev,
			     enum xenbus_state backend)
{
	p9_xen_disconnect(dev, backend);
	p9_xen_note_offer(dev);
	if (p9_xen_use(dev_get_drvdata(&dev->dev)) == P9_XEN_ALWAYS)
		p9_xen_connect(dev);
}

static void p9_xen_start_over(struct xenbus_device *dev)
{
	struct p9_xen_front *front = dev_get_drvdata(&dev->dev);

	if (!p9_xen_reconnects(dev) || p9_xen_initialise(front))
		p9_xen_front_fail(front);
}

static void p9_xen_follow(struct xenbus_device *dev, enum xenbus_state backend)
{
	struct p9_xen_front *front = dev_get_drvdata(&dev->dev);

	lockdep_assert_held(&p9_xen_lock);
	switch (p9_xen_next(backend, dev->state, p9_xen_use(front))) {
	case P9_XEN_CONNECT:
		p9_xen_connect(dev);
		break;
	case P9_XEN_GO_LIVE:
		p9_xen_front_move(front, P9_XEN_CONNECTING, P9_XEN_LIVE);
		xenbus_switch_state(dev, XenbusStateConnected);
		break;
	case P9_XEN_RECONNECT:
		p9_xen_reconnect(dev, backend);
		break;
	case P9_XEN_DISCONNECT:
		p9_xen_disconnect(dev, backend);
		break;
	case P9_XEN_START_OVER:
		p9_xen_start_over(dev);
		break;
	case P9_XEN_END:
		xenbus_switch_state(dev, XenbusStateClosing);
		break;
	case P9_XEN_CLOSE:
		xenbus_switch_state(dev, XenbusStateClosed);
		break;
	case P9_XEN_RELEASE:
		p9_xen_let_go(dev);
		break;
	case P9_XEN_STAY:
		break;
	}
}

static void p9_xen_backend_changed(struct xenbus_device *dev,
				   enum xenbus_state backend)
{
	mutex_lock(&p9_xen_lock);
	if (backend == XenbusStateInitWait &&
	    (dev->state == XenbusStateInitialising ||
	     dev->state == XenbusStateClosed))
		p9_xen_note_offer(dev);
	p9_xen_follow(dev, backend);
	mutex_unlock(&p9_xen_lock);
}

/**
 * p9_xen_bus_connect - begin a connection that somebody wants to mount
 * @front: idle, and in the list
 *
 * Whether it comes about is seen by its state.
 *
 * Context: may sleep; holds p9_xen_lock.
 * Return: 0, or -ECONNREFUSED if the backend does not say that it takes one.
 */
int p9_xen_bus_connect(struct p9_xen_front *front)
{
	struct xenbus_device *dev = front->dev;

	if (!p9_xen_reconnects(dev))
		return -ECONNREFUSED;
	p9_xen_front_move(front, P9_XEN_IDLE, P9_XEN_CONNECTING);
	p9_xen_follow(dev, p9_xen_backend_state(dev));
	return 0;
}

/**
 * p9_xen_bus_disconnect - end a connection that nobody has mounted any more
 * @front: of a backend that takes another one, in any state, and in the list
 *
 * Does not wait for the backend: once that has let go of the rings, they are freed,
 * and there is an idle connection in the list.
 *
 * Context: may sleep; holds p9_xen_lock.
 */
void p9_xen_bus_disconnect(struct p9_xen_front *front)
{
	struct xenbus_device *dev = front->dev;

	p9_xen_front_fail(front);
	p9_xen_front_move(front, P9_XEN_DEAD, P9_XEN_ENDING);
	p9_xen_follow(dev, p9_xen_backend_state(dev));
}

static int p9_xen_probe(struct xenbus_device *dev,
			const struct xenbus_device_id *id)
{
	int err;

	mutex_lock(&p9_xen_lock);
	err = p9_xen_new_front(dev, P9_XEN_CONNECTING);
	/* Bound again: have the backend start over as well */
	if (!err && dev->state == XenbusStateClosed) {
		err = p9_xen_initialise(dev_get_drvdata(&dev->dev));
		if (err)
			p9_xen_free_front(dev);
	}
	mutex_unlock(&p9_xen_lock);
	return err;
}

/* A backend says Closing or less once it has unmapped the rings */
static bool p9_xen_released(const struct xenbus_device *dev)
{
	unsigned int state = p9_xen_backend_state(dev);

	return state != XenbusStateInitialised && state != XenbusStateConnected;
}

/* Returns true if the backend may have the rings; they are not used any more */
static bool p9_xen_stop(struct xenbus_device *dev)
{
	struct p9_xen_front *front;
	bool connected;

	mutex_lock(&p9_xen_lock);
	front = dev_get_drvdata(&dev->dev);
	/* Whoever unmounts it does not begin anything any more */
	front->on_demand = false;
	p9_xen_front_fail(front);
	connected = dev->state == XenbusStateInitialised ||
		    dev->state == XenbusStateConnected ||
		    dev->state == XenbusStateClosing;
	if (connected)
		xenbus_switch_state(dev, XenbusStateClosing);
	mutex_unlock(&p9_xen_lock);
	return connected;
}

/*
 * Everybody gets EIO at once, and the backend the time to unmap the rings. They
 * are freed after that: pages that it keeps are freed when it lets go of them,
 * whenever that is. No state of the backend is heard of any more, so it is
 * looked at.
 */
static void p9_xen_remove(struct xenbus_device *dev)
{
	unsigned long end;

	if (!dev_get_drvdata(&dev->dev))
		return;
	if (p9_xen_stop(dev)) {
		end = jiffies + P9_XEN_RELEASE_TIMEOUT;
		while (!p9_xen_released(dev) && time_before(jiffies, end))
			msleep(P9_XEN_RELEASE_STEP_MS);
	}
	mutex_lock(&p9_xen_lock);
	p9_xen_free_front(dev);
	mutex_unlock(&p9_xen_lock);
}

/*
 * The rings went to a backend that is not this domain's any more. Whoever has
 * the device mounted gets EIO; the device itself connects anew.
 */
static int p9_xen_resume(struct xenbus_device *dev)
{
	int err;

	mutex_lock(&p9_xen_lock);
	p9_xen_free_front(dev);
	err = p9_xen_new_front(dev, P9_XEN_CONNECTING);
	mutex_unlock(&p9_xen_lock);
	return err;
}

/* Who looks for a device before anything is mounted knows its tag alone */
static ssize_t mount_tag_show(struct device *dev, struct device_attribute *attr,
			      char *buf)
{
	/* As the toolstack has written it: a connection may be on its way out */
	char *tag = xenbus_read(XBT_NIL, to_xenbus_device(dev)->nodename, "tag",
				NULL);
	int len;

	if (IS_ERR(tag))
		return PTR_ERR(tag);
	len = sysfs_emit(buf, "%s\n", tag);
	kfree(tag);
	return len;
}
static DEVICE_ATTR_RO(mount_tag);

static struct attribute *p9_xen_attrs[] = {
	&dev_attr_mount_tag.attr,
	NULL
};
ATTRIBUTE_GROUPS(p9_xen);

static const struct xenbus_device_id p9_xen_ids[] = {
	{ "9pfs" },
	{ "" }
};

static struct xenbus_driver p9_xen_driver = {
	.driver.dev_groups = p9_xen_groups,
	.ids = p9_xen_ids,
	.probe = p9_xen_probe,
	.remove = p9_xen_remove,
	.resume = p9_xen_resume,
	.otherend_changed = p9_xen_backend_changed,
};

/**
 * p9_xen_bus_register - look for 9pfs devices from now on
 *
 * Context: may sleep.
 * Return: 0 or a negative errno.
 */
int p9_xen_bus_register(void)
{
	return xenbus_register_frontend(&p9_xen_driver);
}

/**
 * p9_xen_bus_unregister - let all devices go
 *
 * Context: may sleep; nobody has one mounted.
 */
void p9_xen_bus_unregister(void)
{
	xenbus_unregister_driver(&p9_xen_driver);
}
