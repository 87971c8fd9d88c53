// SPDX-License-Identifier: GPL-2.0
/*
 * The Xen backend of 9pfs: serves directories of this domain to guests.
 *
 * xenbus calls every backend of every guest in one thread, and connecting or
 * closing may have to wait for a disk. So what xenbus says is only noted there;
 * a work item of the device's own acts on it, and one guest's slow disk keeps
 * nobody else waiting.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <kunit/visibility.h>
#include <linux/kref.h>
#include <linux/module.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <xen/xen.h>

#include "back.h"

/* How often the log tells of one device that a connection was refused */
#define XEN_9PBACK_LOG_INTERVAL	(60 * HZ)
#define XEN_9PBACK_LOG_BURST	10

/**
 * struct xen_9pback - a 9pfs device that this backend serves
 * @ref: held by the device while it is bound, and by queued work
 * @dev: the device, referenced
 * @work: acts on what follows
 * @lock: guards @removed against state changes that come after it
 * @removed: the device is gone: touch xenstore no more
 * @frontend: the frontend's state, as last heard of
 * @failure: how the guest broke the protocol, a negative errno, or 0
 * @refused: was closed over an error; the frontend has to close before it is
 *	served again; used by @work only
 * @logged: limits what the log tells of refusals; used by @work only
 * @conn: while connected; used by @work only
 */
struct xen_9pback {
	struct kref ref;
	struct xenbus_device *dev;
	struct work_struct work;
	struct mutex lock;
	bool removed;
	enum xenbus_state frontend;
	int failure;
	bool refused;
	struct ratelimit_state logged;
	struct xen_9pback_conn *conn;
};

static struct workqueue_struct *xen_9pback_wq;

static void xen_9pback_release(struct kref *ref)
{
	struct xen_9pback *back = container_of(ref, struct xen_9pback, ref);

	put_device(&back->dev->dev);
	kfree(back);
}

static void xen_9pback_kick(struct xen_9pback *back)
{
	kref_get(&back->ref);
	if (!queue_work(xen_9pback_wq, &back->work))
		kref_put(&back->ref, xen_9pback_release);
}

static void xen_9pback_switch(struct xen_9pback *back, enum xenbus_state state)
{
	mutex_lock(&back->lock);
	if (!back->removed)
		xenbus_switch_state(back->dev, state);
	mutex_unlock(&back->lock);
}

/* In one thread of the session, once */
static void xen_9pback_conn_failed(void *owner, int err)
{
	struct xen_9pback *back = owner;

	WRITE_ONCE(back->failure, err);
	xen_9pback_kick(back);
}

static void xen_9pback_disconnect(struct xen_9pback *back)
{
	if (!back->conn)
		return;
	xen_9pback_conn_close(back->conn);
	back->conn = NULL;
	WRITE_ONCE(back->failure, 0);
}

/* Does @step whole or not at all, again if others changed what it has read */
static int xen_9pback_transact(struct xenbus_device *dev,
			       int (*step)(struct xenbus_transaction xbt,
					   struct xenbus_device *dev,
					   const char *arg),
			       const char *arg)
{
	struct xenbus_transaction xbt;
	int err;

	do {
		err = xenbus_transaction_start(&xbt);
		if (err)
			return err;
		err = step(xbt, dev, arg);
		err = xenbus_transaction_end(xbt, err) ?: err;
	} while (err == -EAGAIN);
	return err;
}

/* Where the frontend can read it; the directory may be gone by now */
static int xen_9pback_write_error(struct xenbus_transaction xbt,
				  struct xenbus_device *dev, const char *why)
{
	if (!xenbus_exists(xbt, dev->nodename, "state"))
		return -ENOENT;
	return xenbus_write(xbt, dev->nodename, "error", why);
}

static void xen_9pback_refuse(struct xen_9pback *back, int err,
			      const char *why)
{
	back->refused = true;
	mutex_lock(&back->lock);
	if (!back->removed) {
		if (xen_9pback_transact(back->dev, xen_9pback_write_error, why))
			pr_warn("%s: the guest cannot be told why it is not served\n",
				back->dev->nodename);
		/* Logs it, and closes; a guest may try as often as it likes */
		if (__ratelimit(&back->logged))
			xenbus_dev_fatal(back->dev, err, "%s", why);
		else
			xenbus_switch_state(back->dev, XenbusStateClosing);
	}
	mutex_unlock(&back->lock);
}

/* Why the device was closed the last time counts no more */
static void xen_9pback_forgive(struct xen_9pback *back)
{
	mutex_lock(&back->lock);
	if (!back->removed && back->dev->state != XenbusStateInitWait)
		xenbus_rm(XBT_NIL, back->dev->nodename, "error");
	mutex_unlock(&back->lock);
}

static void xen_9pback_connect(struct xen_9pback *back)
{
	struct xen_9pback_conn *conn;
	char why[320];

	if (back->conn || back->refused)
		return;
	conn = xen_9pback_conn_open(back->dev, xen_9pback_conn_failed, back,
				    why, sizeof(why));
	if (IS_ERR(conn)) {
		xen_9pback_refuse(back, PTR_ERR(conn), why);
		return;
	}
	back->conn = conn;
	xen_9pback_switch(back, XenbusStateConnected);
}

/* Whether the frontend has let go of what it had, and may start over */
VISIBLE_IF_KUNIT bool xen_9pback_starts_over(enum xenbus_state frontend)
{
	return frontend == XenbusStateInitialising ||
	       frontend == XenbusStateClosed ||
	       frontend == XenbusStateUnknown;
}
EXPORT_SYMBOL_IF_KUNIT(xen_9pback_starts_over);

/*
 * The state that a device is to be in, from its frontend's and its own. Only
 * one that is offered and was not refused is connected.
 */
VISIBLE_IF_KUNIT enum xenbus_state
xen_9pback_next(enum xenbus_state frontend, enum xenbus_state own, bool refused)
{
	switch (frontend) {
	case XenbusStateInitialising:
		/* It may have closed and come back before this was looked at */
		return XenbusStateInitWait;
	case XenbusStateInitialised:
		if (own == XenbusStateInitWait && !refused)
			return XenbusStateConnected;
		return own;
	case XenbusStateConnected:
		/*
		 * To somebody else if the device is just offered: it has rings
		 * of that connection, and has to close or start over
		 */
		return own;
	case XenbusStateClosing:
		return XenbusStateClosing;
	case XenbusStateClosed:
	case XenbusStateUnknown:
		/* It will be offered when its frontend asks for it */
		return XenbusStateClosed;
	default:
		return own;
	}
}
EXPORT_SYMBOL_IF_KUNIT(xen_9pback_next);

static void xen_9pback_follow(struct xen_9pback *back)
{
	enum xenbus_state frontend = READ_ONCE(back->frontend);
	enum xenbus_state next;

	if (xen_9pback_starts_over(frontend))
		back->refused = false;
	next = xen_9pback_next(frontend, back->dev->state, back->refused);
	if (next == XenbusStateConnected) {
		xen_9pback_connect(back);
	} else {
		xen_9pback_disconnect(back);
		if (next == XenbusStateInitWait)
			xen_9pback_forgive(back);
		xen_9pback_switch(back, next);
	}
}

static void xen_9pback_work(struct work_struct *work)
{
	struct xen_9pback *back = container_of(work, struct xen_9pback, work);
	int failure;

	if (READ_ONCE(back->removed)) {
		xen_9pback_disconnect(back);
	} else {
		failure = READ_ONCE(back->failure);
		if (failure && back->conn) {
			xen_9pback_disconnect(back);
			xen_9pback_refuse(back, failure,
					  "the guest broke the protocol");
		}
		xen_9pback_follow(back);
	}
	kref_put(&back->ref, xen_9pback_release);
}

/*
 * Offers the device to its frontend. Another backend may have taken it, so
 * that it is still free is checked in the transaction that takes it. Closed
 * is how this module leaves a device behind when it is unloaded.
 */
static int xen_9pback_take(struct xenbus_transaction xbt,
			   struct xenbus_device *dev, const char *unused)
{
	int state, err;

	err = xenbus_scanf(xbt, dev->nodename, "state", "%d", &state);
	if (err != 1)
		return err < 0 ? err : -EINVAL;
	if (state != XenbusStateInitialising && state != XenbusStateClosed)
		return -EBUSY;
	err = xenbus_printf(xbt, dev->nodename, "versions", "1");
	if (!err)
		err = xenbus_printf(xbt, dev->nodename, "max-rings", "%u",
				    XEN_9PBACK_MAX_RINGS);
	if (!err)
		err = xenbus_printf(xbt, dev->nodename, "max-ring-page-order",
				    "%u", XEN_9PFS_MAX_ORDER);
	if (!err)
		err = xenbus_printf(xbt, dev->nodename, "feature-any-ring",
				    "%u", 1);
	if (!err)
		err = xenbus_printf(xbt, dev->nodename, "feature-event-idx",
				    "%u", 1);
	if (!err)
		err = xenbus_printf(xbt, dev->nodename, "feature-reconnect",
				    "%u", 1);
	if (!err)
		err = xenbus_printf(xbt, dev->nodename, "state", "%d",
				    XenbusStateInitWait);
	return err;
}

static int xen_9pback_offer(struct xenbus_device *dev)
{
	int err = xen_9pback_transact(dev, xen_9pback_take, NULL);

	if (!err)
		xenbus_switch_state(dev, XenbusStateInitWait);
	return err;
}

static int xen_9pback_probe(struct xenbus_device *dev,
			    const struct xenbus_device_id *id)
{
	struct xen_9pback *back;
	int err;

	back = kzalloc_obj(*back);
	if (!back)
		return -ENOMEM;
	kref_init(&back->ref);
	back->dev = dev;
	get_device(&dev->dev);
	mutex_init(&back->lock);
	INIT_WORK(&back->work, xen_9pback_work);
	ratelimit_state_init(&back->logged, XEN_9PBACK_LOG_INTERVAL,
			     XEN_9PBACK_LOG_BURST);
	back->frontend = XenbusStateInitialising;
	dev_set_drvdata(&dev->dev, back);

	err = xen_9pback_offer(dev);
	if (err) {
		if (err == -EBUSY)
			dev_info(&dev->dev,
				 "another backend serves it; left alone\n");
		dev_set_drvdata(&dev->dev, NULL);
		kref_put(&back->ref, xen_9pback_release);
		/* xenbus frees it after remove() or before the next probe() only */
		kfree(dev->otherend);
		dev->otherend = NULL;
	}
	return err;
}

/* Does not wait: the work ends what is going on */
static void xen_9pback_remove(struct xenbus_device *dev)
{
	struct xen_9pback *back = dev_get_drvdata(&dev->dev);

	mutex_lock(&back->lock);
	WRITE_ONCE(back->removed, true);
	mutex_unlock(&back->lock);
	/* Nobody is here to keep that promise, or it is another backend's to make */
	xenbus_rm(XBT_NIL, dev->nodename, "feature-reconnect");
	xen_9pback_kick(back);
	kref_put(&back->ref, xen_9pback_release);
}

static void xen_9pback_frontend_changed(struct xenbus_device *dev,
					enum xenbus_state state)
{
	struct xen_9pback *back = dev_get_drvdata(&dev->dev);

	WRITE_ONCE(back->frontend, state);
	/* For good: the toolstack has taken it away, or the domain is gone */
	if (state == XenbusStateUnknown ||
	    (state == XenbusStateClosed && !xenbus_dev_is_online(dev)))
		device_unregister(&dev->dev);
	else
		xen_9pback_kick(back);
}

static const struct xenbus_device_id xen_9pback_ids[] = {
	{ "9pfs" },
	{ "xen_9pfs" },
	{ "" }
};

static struct xenbus_driver xen_9pback_driver = {
	.name = "xen-9pback",
	.ids = xen_9pback_ids,
	.probe = xen_9pback_probe,
	.remove = xen_9pback_remove,
	.otherend_changed = xen_9pback_frontend_changed,
};

static int __init xen_9pback_init(void)
{
	int err;

	if (!xen_domain())
		return -ENODEV;
	xen_9pback_wq = alloc_workqueue("xen-9pback", WQ_UNBOUND, 0);
	if (!xen_9pback_wq)
		return -ENOMEM;
	err = xenbus_register_backend(&xen_9pback_driver);
	if (err)
		destroy_workqueue(xen_9pback_wq);
	return err;
}
module_init(xen_9pback_init);

static void __exit xen_9pback_exit(void)
{
	xenbus_unregister_driver(&xen_9pback_driver);
	/* Waits until everything that was connected is closed */
	destroy_workqueue(xen_9pback_wq);
}
module_exit(xen_9pback_exit);

MODULE_ALIAS("xen-backend:9pfs");
MODULE_ALIAS("xen-backend:xen_9pfs");
MODULE_DESCRIPTION("Xen backend of 9pfs: serves directories of this domain to guests");
MODULE_LICENSE("GPL");
