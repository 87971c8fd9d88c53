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

#include <kunit/visibility.h>
#include <linux/fs_context.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <net/9p/9p.h>
#include <net/9p/client.h>
#include <net/9p/transport.h>
#include <xen/xen.h>

#include "trans_xen.h"

static unsigned int mount_timeout = 10;
module_param(mount_timeout, uint, 0644);
MODULE_PARM_DESC(mount_timeout,
		 "Seconds that a mount waits for its backend to connect (default 10)");

/* A message fills one direction of a ring of the largest order at most */
#define P9_XEN_MAX_MSIZE	(XEN_9PFS_PAGE_SIZE << (XEN_9PFS_MAX_ORDER - 1))

/*
 * Guards the list of connections, who has claimed one, and each step that a
 * device takes from one state to another. No backend can make a step take long.
 */
DEFINE_MUTEX(p9_xen_lock);
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
 * p9_xen_front_kill - mark a connection as dead
 * @front: the connection
 *
 * Context: any.
 * Return: true if it was not before.
 */
bool p9_xen_front_kill(struct p9_xen_front *front)
{
	enum p9_xen_state state = READ_ONCE(front->state);

	do {
		if (state >= P9_XEN_DEAD)
			return false;
	} while (!try_cmpxchg(&front->state, &state, P9_XEN_DEAD));
	return true;
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

	p9_xen_front_kill(front);
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
 * @state: P9_XEN_IDLE or P9_XEN_CONNECTING
 *
 * Context: may sleep; holds p9_xen_lock.
 * Return: the connection, or NULL when out of memory.
 */
struct p9_xen_front *p9_xen_front_alloc(struct xenbus_device *dev,
					const char *tag,
					enum p9_xen_state state)
{
	struct p9_xen_front *front = kzalloc_obj(*front);

	lockdep_assert_held(&p9_xen_lock);
	if (!front)
		return NULL;
	front->tag = kstrdup(tag, GFP_KERNEL);
	if (!front->tag) {
		kfree(front);
		return NULL;
	}
	kref_init(&front->ref);
	front->dev = dev;
	front->state = state;
	init_waitqueue_head(&front->changed);
	mutex_init(&front->client_lock);
	spin_lock_init(&front->lock);
	INIT_LIST_HEAD(&front->inflight);
	INIT_LIST_HEAD(&front->readers);
	INIT_LIST_HEAD(&front->flushes);
	INIT_WORK(&front->failure, p9_xen_failure);
	list_add_tail(&front->list, &p9_xen_fronts);
	return front;
}

/**
 * p9_xen_front_move - change the state of a connection, and tell who waits
 * @front: the connection
 * @from: its state; nothing happens if it has another one by now, as that of a
 *	backend that breaks the protocol before it connects
 * @to: the new one
 *
 * Context: any; holds p9_xen_lock.
 */
void p9_xen_front_move(struct p9_xen_front *front, enum p9_xen_state from,
		       enum p9_xen_state to)
{
	lockdep_assert_held(&p9_xen_lock);
	cmpxchg(&front->state, from, to);
	wake_up_all(&front->changed);
}

/**
 * p9_xen_front_free - forget a connection whose rings are closed
 * @front: the connection, dead; a client that still has it keeps its memory
 *
 * Context: may sleep; holds p9_xen_lock.
 */
void p9_xen_front_free(struct p9_xen_front *front)
{
	list_del_init(&front->list);
	/* Who waits for its end looks for the next one */
	p9_xen_front_move(front, P9_XEN_ENDING, P9_XEN_DEAD);
	cancel_work_sync(&front->failure);
	p9_xen_front_put(front);
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

/* Waits for the backend to bring a connection beyond @state, until the time @end */
static int p9_xen_await(struct p9_xen_front *front, enum p9_xen_state state,
			unsigned long end)
{
	long left = end - jiffies;

	if (left > 0)
		left = wait_event_killable_timeout(front->changed,
						   READ_ONCE(front->state) !=
						   state, left);
	else
		left = 0;
	if (!left) {
		pr_err("nobody serves the device of tag '%s'; is a backend running in the domain that exports it?\n",
		       front->tag);
		return -ETIMEDOUT;
	}
	return min(left, 0);
}

/* Takes a device for one who mounts; -EAGAIN if that has to wait for the last */
static int p9_xen_claim(struct p9_xen_front *front)
{
	int err = 0;

	lockdep_assert_held(&p9_xen_lock);
	if (READ_ONCE(front->state) == P9_XEN_ENDING)
		return -EAGAIN;
	if (p9_xen_front_dead(front))
		err = -ECONNREFUSED;
	else if (front->claimed)
		err = -EBUSY;
	else if (READ_ONCE(front->state) == P9_XEN_IDLE)
		err = p9_xen_bus_connect(front);
	if (err == -EBUSY)
		pr_err("tag '%s' is mounted already\n", front->tag);
	else if (err)
		pr_err("the device of tag '%s' is closed\n", front->tag);
	else
		front->claimed = true;
	return err;
}

/* Sets @front to the device of a tag, with a reference unless there is none */
static int p9_xen_find_and_claim(const char *tag, struct p9_xen_front **front)
{
	int err = -ENODEV;

	*front = NULL;
	if (mutex_lock_killable(&p9_xen_lock))
		return -ERESTARTSYS;
	*front = p9_xen_find(tag);
	if (*front) {
		kref_get(&(*front)->ref);
		err = p9_xen_claim(*front);
	}
	mutex_unlock(&p9_xen_lock);
	return err;
}

/*
 * Whoever unmounted last is gone, but the backend may not have let go of his
 * connection. There is another one when it has.
 */
static struct p9_xen_front *p9_xen_take(const char *tag, unsigned long end)
{
	struct p9_xen_front *front;
	int err;

	while ((err = p9_xen_find_and_claim(tag, &front)) == -EAGAIN) {
		err = p9_xen_await(front, P9_XEN_ENDING, end);
		p9_xen_front_put(front);
		if (err)
			return ERR_PTR(err);
	}
	if (err && front)
		p9_xen_front_put(front);
	return err ? ERR_PTR(err) : front;
}

/* The opposite: the device is free again, and needs no connection */
static void p9_xen_leave(struct p9_xen_front *front)
{
	mutex_lock(&p9_xen_lock);
	front->claimed = false;
	if (front->on_demand && !list_empty(&front->list))
		p9_xen_bus_disconnect(front);
	mutex_unlock(&p9_xen_lock);
	p9_xen_front_put(front);
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

/* Of a client that is new most fields are as the last user of its memory left them */
VISIBLE_IF_KUNIT int p9_xen_attach(struct p9_xen_front *front,
				   struct p9_client *client)
{
	int err = 0;

	mutex_lock(&front->client_lock);
	if (p9_xen_front_dead(front)) {
		pr_err("the device of tag '%s' is closed\n", front->tag);
		err = -ECONNREFUSED;
	} else {
		client->trans = front;
		client->status = Connected;
		client->msize = min(client->msize, front->rings[0].in.size);
		front->negotiated = false;
		p9_xen_set_client(front, client);
	}
	mutex_unlock(&front->client_lock);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(p9_xen_attach);

static int p9_xen_create(struct p9_client *client, struct fs_context *fc)
{
	unsigned long end = jiffies + READ_ONCE(mount_timeout) * (unsigned long)HZ;
	struct p9_xen_front *front;
	int err;

	if (!fc->source)
		return -EINVAL;
	front = p9_xen_take(fc->source, end);
	if (IS_ERR(front))
		return PTR_ERR(front);
	err = p9_xen_await(front, P9_XEN_CONNECTING, end);
	if (!err)
		err = p9_xen_attach(front, client);
	if (err)
		p9_xen_leave(front);
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
	p9_xen_leave(front);
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
