// SPDX-License-Identifier: GPL-2.0
/*
 * The Xen transport of the 9P client (trans=xen): mounts by tag a directory
 * that another domain serves.
 *
 * The backend is not trusted. Whatever it does that the protocol does not
 * allow makes the device dead: every request in flight fails with EIO, one
 * line in the log says why, and nothing else happens to anybody.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs_context.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <net/9p/9p.h>
#include <net/9p/client.h>
#include <net/9p/transport.h>
#include <xen/xen.h>

#include "trans_xen.h"

/* How long a mount waits for a backend that has not connected yet */
#define P9_XEN_MOUNT_TIMEOUT	(10 * HZ)

/* A message fills one direction of a ring of the largest order at most */
#define P9_XEN_MAX_MSIZE	(XEN_9PFS_PAGE_SIZE << (XEN_9PFS_MAX_ORDER - 1))

/* Guards the list of devices, and who may become a device's client */
static DEFINE_MUTEX(p9_xen_lock);
static LIST_HEAD(p9_xen_fronts);

static void p9_xen_front_release(struct kref *ref)
{
	struct p9_xen_front *front = container_of(ref, struct p9_xen_front,
						  ref);

	kfree(front->rings);
	kfree(front->tag);
	kfree(front);
}

static void p9_xen_front_put(struct p9_xen_front *front)
{
	kref_put(&front->ref, p9_xen_front_release);
}

static struct p9_req_t *p9_xen_first_request(struct p9_xen_front *front)
{
	struct p9_req_t *req;

	spin_lock_irq(&front->lock);
	req = list_first_entry_or_null(&front->inflight, struct p9_req_t,
				       req_list);
	if (req)
		list_del_init(&req->req_list);
	spin_unlock_irq(&front->lock);
	return req;
}

static bool p9_xen_unclaimed(struct p9_xen_ring *ring)
{
	bool empty;

	spin_lock_irq(&ring->in_lock);
	empty = list_empty(&ring->claims);
	spin_unlock_irq(&ring->in_lock);
	return empty;
}

/* Waits until nobody sends on or copies from a ring of a device that is dead */
static void p9_xen_quiesce(struct p9_xen_ring *ring)
{
	wake_up_all(&ring->room);
	/* Who sent has put its request on the list; others see DEAD */
	mutex_lock(&ring->out_lock);
	mutex_unlock(&ring->out_lock);
	/* The same of the event handler, and of who copies for it */
	wait_event(ring->released, p9_xen_unclaimed(ring));
}

/**
 * p9_xen_front_fail - end a connection: every waiter gets EIO, now and later
 * @front: the connection; may have failed before
 *
 * When it returns nobody touches the rings but their event handlers.
 *
 * Context: may sleep; takes client_lock and the rings' locks.
 */
void p9_xen_front_fail(struct p9_xen_front *front)
{
	struct p9_req_t *req;
	unsigned int i;

	WRITE_ONCE(front->state, P9_XEN_DEAD);
	wake_up_all(&front->changed);
	for (i = 0; i < front->nr_rings; i++)
		p9_xen_quiesce(&front->rings[i]);
	mutex_lock(&front->client_lock);
	if (front->client) {
		front->client->status = Disconnected;
		while ((req = p9_xen_first_request(front))) {
			req->t_err = -EIO;
			/* Drops the reference that the list held */
			p9_client_cb(front->client, req, REQ_STATUS_ERROR);
		}
		p9_xen_drop_flushes(front, front->client);
	}
	mutex_unlock(&front->client_lock);
}

static void p9_xen_failure(struct work_struct *work)
{
	p9_xen_front_fail(container_of(work, struct p9_xen_front, failure));
}

/**
 * p9_xen_front_alloc - make a connection known by its tag
 * @dev: the xenbus device
 * @tag: the name to mount it by
 *
 * Context: may sleep; takes the list's mutex.
 * Return: the connection, or NULL when out of memory.
 */
struct p9_xen_front *p9_xen_front_alloc(struct xenbus_device *dev,
					const char *tag)
{
	struct p9_xen_front *front = kzalloc_obj(*front);

	if (!front)
		return NULL;
	front->tag = kstrdup(tag, GFP_KERNEL);
	if (!front->tag) {
		kfree(front);
		return NULL;
	}
	kref_init(&front->ref);
	front->dev = dev;
	init_waitqueue_head(&front->changed);
	mutex_init(&front->client_lock);
	spin_lock_init(&front->lock);
	INIT_LIST_HEAD(&front->inflight);
	INIT_LIST_HEAD(&front->readers);
	INIT_LIST_HEAD(&front->flushes);
	INIT_WORK(&front->failure, p9_xen_failure);

	mutex_lock(&p9_xen_lock);
	list_add_tail(&front->list, &p9_xen_fronts);
	mutex_unlock(&p9_xen_lock);
	return front;
}

/**
 * p9_xen_front_live - the backend has connected: the device can be mounted
 * @front: the connection
 *
 * Context: any.
 */
void p9_xen_front_live(struct p9_xen_front *front)
{
	/* It may have broken the protocol before it connected */
	cmpxchg(&front->state, P9_XEN_CONNECTING, P9_XEN_LIVE);
	wake_up_all(&front->changed);
}

/**
 * p9_xen_front_free - forget a connection whose rings are closed
 * @front: the connection, dead; a client that still has it keeps its memory
 *
 * Context: may sleep; takes the list's mutex.
 */
void p9_xen_front_free(struct p9_xen_front *front)
{
	mutex_lock(&p9_xen_lock);
	list_del(&front->list);
	mutex_unlock(&p9_xen_lock);
	cancel_work_sync(&front->failure);
	p9_xen_front_put(front);
}

/**
 * p9_xen_mounted - whether somebody has a device mounted
 * @front: its connection
 *
 * Context: may sleep; takes client_lock.
 */
bool p9_xen_mounted(struct p9_xen_front *front)
{
	bool mounted;

	mutex_lock(&front->client_lock);
	mounted = front->client;
	mutex_unlock(&front->client_lock);
	return mounted;
}

static void p9_xen_log_tags(const char *wanted)
{
	struct p9_xen_front *front;

	if (list_empty(&p9_xen_fronts))
		pr_err("no device has the tag '%s': there is no 9pfs device at all\n",
		       wanted);
	list_for_each_entry(front, &p9_xen_fronts, list)
		pr_err("no device has the tag '%s'; known: '%s' (%s)\n",
		       wanted, front->tag, dev_name(&front->dev->dev));
}

/* The newest device of that tag, since an older one may be on its way out */
static struct p9_xen_front *p9_xen_find(const char *tag)
{
	struct p9_xen_front *front;

	lockdep_assert_held(&p9_xen_lock);
	list_for_each_entry_reverse(front, &p9_xen_fronts, list) {
		if (!strcmp(front->tag, tag))
			return front;
	}
	p9_xen_log_tags(tag);
	return NULL;
}

static int p9_xen_await_backend(struct p9_xen_front *front)
{
	long left;

	left = wait_event_killable_timeout(front->changed,
					   READ_ONCE(front->state) !=
					   P9_XEN_CONNECTING,
					   P9_XEN_MOUNT_TIMEOUT);
	if (left < 0)
		return left;
	if (!left) {
		pr_err("nobody serves the device of tag '%s'; is a backend running in the domain that exports it?\n",
		       front->tag);
		return -ETIMEDOUT;
	}
	return 0;
}

/* Once it returns no event handler uses another client */
static void p9_xen_set_client(struct p9_xen_front *front,
			      struct p9_client *client)
{
	unsigned int i;

	lockdep_assert_held(&front->client_lock);
	WRITE_ONCE(front->client, client);
	for (i = 0; i < front->nr_rings; i++) {
		spin_lock_irq(&front->rings[i].in_lock);
		spin_unlock_irq(&front->rings[i].in_lock);
	}
}

static int p9_xen_attach(struct p9_xen_front *front, struct p9_client *client)
{
	int err = 0;

	mutex_lock(&p9_xen_lock);
	mutex_lock(&front->client_lock);
	if (p9_xen_front_dead(front)) {
		pr_err("the device of tag '%s' is closed\n", front->tag);
		err = -ECONNREFUSED;
	} else if (front->client) {
		pr_err("tag '%s' is mounted already\n", front->tag);
		err = -EBUSY;
	} else {
		client->trans = front;
		client->msize = min(client->msize, front->rings[0].in.size);
		front->negotiated = false;
		p9_xen_set_client(front, client);
	}
	mutex_unlock(&front->client_lock);
	mutex_unlock(&p9_xen_lock);
	return err;
}

static int p9_xen_create(struct p9_client *client, struct fs_context *fc)
{
	struct p9_xen_front *front;
	int err;

	if (!fc->source)
		return -EINVAL;
	mutex_lock(&p9_xen_lock);
	front = p9_xen_find(fc->source);
	if (front)
		kref_get(&front->ref);
	mutex_unlock(&p9_xen_lock);
	if (!front)
		return -ENODEV;

	err = p9_xen_await_backend(front);
	if (!err)
		err = p9_xen_attach(front, client);
	if (err)
		p9_xen_front_put(front);
	return err;
}

/* Replies to what is in flight may come after the mount that has sent it */
static void p9_xen_expect_strays(struct p9_xen_front *front)
{
	spin_lock_irq(&front->lock);
	front->strays += list_count_nodes(&front->inflight);
	spin_unlock_irq(&front->lock);
}

static void p9_xen_close(struct p9_client *client)
{
	struct p9_xen_front *front = client->trans;
	struct p9_req_t *req;

	if (!front)
		return;
	mutex_lock(&front->client_lock);
	/* Before the first of them can be one */
	p9_xen_expect_strays(front);
	p9_xen_set_client(front, NULL);
	/* What killed processes did not wait for */
	while ((req = p9_xen_first_request(front)))
		p9_req_put(client, req);
	p9_xen_drop_flushes(front, client);
	mutex_unlock(&front->client_lock);
	client->trans = NULL;
	p9_xen_front_put(front);
}

/*
 * A request that was sent cannot be taken back: the client flushes it, but for
 * Tversion, which ends all requests itself and cannot be flushed.
 */
static int p9_xen_cancel(struct p9_client *client, struct p9_req_t *req)
{
	return req->tc.id != P9_TVERSION;
}

static struct p9_trans_module p9_xen_trans = {
	.name = "xen",
	.maxsize = P9_XEN_MAX_MSIZE,
	.def = true,
	.supports_vmalloc = true,
	.owner = THIS_MODULE,
	.create = p9_xen_create,
	.close = p9_xen_close,
	.request = p9_xen_request,
	.cancel = p9_xen_cancel,
	.zc_request = p9_xen_zc_request,
};

static int __init p9_xen_init(void)
{
	int err;

	if (!xen_domain())
		return -ENODEV;
	v9fs_register_trans(&p9_xen_trans);
	err = p9_xen_bus_register();
	if (err)
		v9fs_unregister_trans(&p9_xen_trans);
	return err;
}
module_init(p9_xen_init);

static void __exit p9_xen_exit(void)
{
	v9fs_unregister_trans(&p9_xen_trans);
	p9_xen_bus_unregister();
}
module_exit(p9_xen_exit);

MODULE_ALIAS("xen:9pfs");
MODULE_ALIAS_9P("xen");
MODULE_DESCRIPTION("Xen transport of the 9P client");
MODULE_LICENSE("GPL");
