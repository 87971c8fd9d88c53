// SPDX-License-Identifier: GPL-2.0
/*
 * The Xen backend of block devices: gives disks of this domain to guests.
 *
 * xenbus calls every backend of every guest in one thread, and connecting or
 * closing may have to wait for a disk. So what xenbus says is only noted there;
 * a work item of the device's own acts on it, and one guest's slow disk keeps
 * nobody else waiting.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <xen/xen.h>

#include "back.h"
#include "state.h"

/* How often it is looked whether a disk has got another size */
#define BLKBACK_LOOK	HZ

unsigned int blkback_max_queues;
module_param_named(max_queues, blkback_max_queues, uint, 0644);
MODULE_PARM_DESC(max_queues,
		 "Rings that a device may have that is made from now on, 0 for as many as there are CPUs (0)");

unsigned int blkback_max_order = XENBUS_MAX_RING_GRANT_ORDER;
module_param_named(max_ring_page_order, blkback_max_order, uint, 0444);
MODULE_PARM_DESC(max_ring_page_order,
		 "Largest ring, as a power of two of pages (4)");

unsigned int blkback_max_segs = 256;
module_param_named(max_indirect_segments, blkback_max_segs, uint, 0444);
MODULE_PARM_DESC(max_indirect_segments,
		 "Pages of an indirect request, 12 to 512, or 0 for no such requests (256)");

unsigned int blkback_copy_bytes = 4096;
module_param_named(max_copy_bytes, blkback_copy_bytes, uint, 0644);
MODULE_PARM_DESC(max_copy_bytes,
		 "Largest request whose data are copied, not mapped, in bytes (4096)");

bool blkback_persistent = true;
module_param_named(feature_persistent, blkback_persistent, bool, 0644);
MODULE_PARM_DESC(feature_persistent,
		 "Keep pages mapped, for frontends that connect from now on (Y)");

unsigned int blkback_max_persist = 1056;
module_param_named(max_persistent_grants, blkback_max_persist, uint, 0644);
MODULE_PARM_DESC(max_persistent_grants,
		 "Pages of a ring that stay mapped (1056)");

unsigned int blkback_persist_seconds = 60;
module_param_named(persistent_grant_unused_seconds, blkback_persist_seconds,
		   uint, 0644);
MODULE_PARM_DESC(persistent_grant_unused_seconds,
		 "How long a page stays mapped that is not used, 0 for no end (60)");

unsigned int blkback_buffer_pages = 1024;
module_param_named(max_buffer_pages, blkback_buffer_pages, uint, 0644);
MODULE_PARM_DESC(max_buffer_pages,
		 "Pages of a ring that nothing is mapped at and that are kept (1024)");

unsigned int blkback_guest_pages = 32768;
module_param_named(max_guest_pages, blkback_guest_pages, uint, 0644);
MODULE_PARM_DESC(max_guest_pages,
		 "Pages of one guest that are in use at once, on all its disks (32768)");

static struct workqueue_struct *blkback_wq;

/* Guards the list. Taken before a device's own lock */
static DEFINE_MUTEX(backs_lock);
static LIST_HEAD(backs);
/* Who has to wait until another one has left the list */
static DECLARE_WAIT_QUEUE_HEAD(backs_left);

static void release_back(struct kref *ref)
{
	struct blkback *back = container_of(ref, struct blkback, ref);

	put_device(&back->dev->dev);
	kfree(back);
}

static void kick(struct blkback *back)
{
	kref_get(&back->ref);
	if (!queue_work(blkback_wq, &back->work))
		kref_put(&back->ref, release_back);
}

static void switch_state(struct blkback *back, enum xenbus_state state)
{
	mutex_lock(&back->lock);
	if (!back->removed)
		xenbus_switch_state(back->dev, state);
	mutex_unlock(&back->lock);
}

/* In a queue's thread, once */
static void conn_failed(void *owner)
{
	struct blkback *back = owner;

	WRITE_ONCE(back->failure, true);
	kick(back);
}

static void disconnect(struct blkback *back)
{
	struct blkback_conn *conn = back->conn;

	if (!conn)
		return;
	blkback_conn_stop(conn);
	mutex_lock(&back->lock);
	blkback_conn_stats(conn, &back->past);
	back->conn = NULL;
	mutex_unlock(&back->lock);
	blkback_conn_free(conn);
	WRITE_ONCE(back->failure, false);
}

/*
 * Writes a node of the device, unless its directory is gone: nothing is to bring
 * it back.
 */
static int write_node(struct blkback *back, const char *node, const char *value)
{
	struct xenbus_device *dev = back->dev;
	struct xenbus_transaction xbt;
	int err;

	lockdep_assert_held(&back->lock);
	do {
		err = xenbus_transaction_start(&xbt);
		if (err)
			return err;
		err = -ENOENT;
		if (xenbus_exists(xbt, dev->nodename, "state"))
			err = xenbus_write(xbt, dev->nodename, node, value);
		err = xenbus_transaction_end(xbt, err) ?: err;
	} while (err == -EAGAIN);
	return err;
}

static void tell_error(struct blkback *back, const char *why)
{
	if (write_node(back, "error", why))
		pr_warn("%s: the guest cannot be told why it is not served\n",
			back->dev->nodename);
}

static void refuse(struct blkback *back, int err, const char *why)
{
	back->refused = true;
	mutex_lock(&back->lock);
	if (!back->removed) {
		tell_error(back, why);
		/* Logs it, and closes */
		xenbus_dev_fatal(back->dev, err, "%s", why);
	}
	mutex_unlock(&back->lock);
}

/* A device that was unbound and is bound again may not have ended yet */
static bool is_alone(struct blkback *back)
{
	struct blkback *other;
	bool alone = true;

	mutex_lock(&backs_lock);
	list_for_each_entry(other, &backs, entry) {
		if (other != back &&
		    !strcmp(other->dev->nodename, back->dev->nodename))
			alone = false;
	}
	mutex_unlock(&backs_lock);
	return alone;
}

static void await_others(struct blkback *back)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);

	add_wait_queue(&backs_left, &wait);
	while (!is_alone(back))
		wait_woken(&wait, TASK_IDLE, MAX_SCHEDULE_TIMEOUT);
	remove_wait_queue(&backs_left, &wait);
}

static void connect(struct blkback *back)
{
	struct blkback_conn *conn;
	char why[256];
	int err;

	await_others(back);
	blkback_disk_settle(&back->disk);
	err = blkback_disk_publish(&back->disk, back->dev);
	if (err) {
		refuse(back, err, "xenstore cannot be written");
		return;
	}
	conn = blkback_conn_open(back->dev, &back->disk, conn_failed, back, why,
				 sizeof(why));
	if (IS_ERR(conn)) {
		refuse(back, PTR_ERR(conn), why);
		return;
	}
	mutex_lock(&back->lock);
	back->conn = conn;
	mutex_unlock(&back->lock);
	switch_state(back, XenbusStateConnected);
}

/* The block device */

/* Opening and closing may take long, and are not to keep others from the lock */
static void set_disk(struct blkback *back, struct blkback_disk *disk)
{
	struct blkback_disk old;

	mutex_lock(&back->lock);
	old = back->disk;
	back->disk = *disk;
	mutex_unlock(&back->lock);
	blkback_disk_close(&old);
}

static void exchange_disk(struct blkback *back, dev_t number)
{
	struct blkback_disk disk = { .sectors = back->disk.sectors };
	char why[128];
	int err;

	err = blkback_disk_open(&disk, back->dev, number, why, sizeof(why));
	if (err) {
		mutex_lock(&back->lock);
		if (!back->removed) {
			tell_error(back, why);
			xenbus_dev_error(back->dev, err, "%s", why);
		}
		mutex_unlock(&back->lock);
	}
	if (!back->conn) {
		set_disk(back, &disk);
		return;
	}
	blkback_disk_settle(&disk);
	blkback_gate_close(back->conn);
	set_disk(back, &disk);
	blkback_gate_open(back->conn);
}

static void follow_disk(struct blkback *back)
{
	bool exchange;
	dev_t number;
	int err;

	err = blkback_disk_read(back->dev, &number);
	if (err == -EINVAL && !back->has_disk)
		dev_err(&back->dev->dev,
			"the hotplug script has written no MAJOR:MINOR to physical-device\n");
	if (err)
		return;
	exchange = !back->has_disk || number != back->disk.dev;
	if (exchange)
		exchange_disk(back, number);
	back->has_disk = true;
	if (!back->conn || (!exchange && blkback_disk_sectors(&back->disk) ==
					 back->disk.sectors))
		return;
	err = blkback_disk_announce(&back->disk, back->dev);
	if (err)
		dev_warn(&back->dev->dev,
			 "the guest cannot be told that its disk has %llu sectors now (%d)\n",
			 back->disk.sectors, err);
}

static bool is_ready(const struct blkback *back)
{
	return !back->refused && back->has_disk &&
	       (back->disk.file || !back->disk.dev);
}

/* Work */

/*
 * All is closed, which the hotplug script wants to know. xenbus has only one
 * thread that may unregister devices; it is told by the watch of the state.
 */
static void end_device(struct blkback *back)
{
	struct blkback_disk none = {};
	char closed[4];

	snprintf(closed, sizeof(closed), "%d", XenbusStateClosed);
	set_disk(back, &none);
	back->has_disk = false;
	mutex_lock(&back->lock);
	WRITE_ONCE(back->finished, true);
	if (!back->removed && back->dev->state == XenbusStateClosed)
		write_node(back, "state", closed);
	mutex_unlock(&back->lock);
}

static void close_device(struct blkback *back, enum xenbus_state frontend)
{
	disconnect(back);
	if (frontend == XenbusStateUnknown || !xenbus_dev_is_online(back->dev))
		end_device(back);
	switch_state(back, XenbusStateClosed);
}

static void follow_frontend(struct blkback *back)
{
	enum xenbus_state frontend = READ_ONCE(back->frontend);
	enum xenbus_state own = back->dev->state, next;

	if (blkback_starts_over(frontend))
		back->refused = false;
	next = blkback_next(frontend, own, is_ready(back));
	if (next == XenbusStateClosed) {
		close_device(back, frontend);
	} else if (next == XenbusStateInitWait) {
		disconnect(back);
		switch_state(back, next);
	} else if (next == XenbusStateConnected && next != own) {
		connect(back);
	} else {
		switch_state(back, next);
	}
}

/* What is left to do for a device that is bound no more */
static void leave(struct blkback *back)
{
	struct blkback_disk none = {};

	disconnect(back);
	set_disk(back, &none);

	mutex_lock(&backs_lock);
	list_del_init(&back->entry);
	mutex_unlock(&backs_lock);
	wake_up_all(&backs_left);
}

static void work(struct work_struct *work)
{
	struct blkback *back = container_of(work, struct blkback, work);

	if (READ_ONCE(back->removed)) {
		leave(back);
	} else if (!back->finished) {
		if (READ_ONCE(back->failure) && back->conn) {
			disconnect(back);
			refuse(back, -EPROTO,
			       "the guest broke the protocol: its ring holds more requests than fit");
		}
		follow_disk(back);
		follow_frontend(back);
	}
	kref_put(&back->ref, release_back);
}

/* What nobody tells of: a disk that has grown, pages that are not used any more */
static void look_at(struct blkback *back)
{
	mutex_lock(&back->lock);
	if (back->conn && !back->removed) {
		blkback_conn_expire(back->conn);
		if (blkback_disk_sectors(&back->disk) != back->disk.sectors)
			kick(back);
	}
	mutex_unlock(&back->lock);
}

static void look(struct work_struct *work)
{
	struct blkback *back;
	bool any;

	mutex_lock(&backs_lock);
	list_for_each_entry(back, &backs, entry)
		look_at(back);
	any = !list_empty(&backs);
	mutex_unlock(&backs_lock);
	if (any)
		queue_delayed_work(blkback_wq, to_delayed_work(work),
				   BLKBACK_LOOK);
}

/* Its timer wakes no CPU that is idle */
static DECLARE_DEFERRABLE_WORK(look_work, look);

/* What xenbus calls */

static void params_changed(struct xenbus_watch *watch, const char *path,
			   const char *token)
{
	kick(container_of(watch, struct blkback, params));
}

/* In the thread that may unregister devices */
static void state_changed(struct xenbus_watch *watch, const char *path,
			  const char *token)
{
	struct blkback *back = container_of(watch, struct blkback, states);

	if (READ_ONCE(back->finished))
		device_unregister(&back->dev->dev);
	else
		kick(back);
}

static void unwatch(struct xenbus_watch *watch)
{
	if (!watch->node)
		return;
	unregister_xenbus_watch(watch);
	kfree(watch->node);
	watch->node = NULL;
}

static struct blkback *alloc_back(struct xenbus_device *dev)
{
	struct blkback *back = kzalloc_obj(*back);

	if (!back)
		return NULL;
	kref_init(&back->ref);
	back->dev = dev;
	get_device(&dev->dev);
	mutex_init(&back->lock);
	INIT_WORK(&back->work, work);
	back->frontend = XenbusStateInitialising;
	return back;
}

static int watch_nodes(struct blkback *back)
{
	struct xenbus_device *dev = back->dev;
	int err;

	err = xenbus_watch_pathfmt(dev, &back->params, NULL, params_changed,
				   "%s/physical-device", dev->nodename);
	return err ?: xenbus_watch_pathfmt(dev, &back->states, NULL,
					   state_changed, "%s/state",
					   dev->nodename);
}

static void remove(struct xenbus_device *dev);

static int probe(struct xenbus_device *dev, const struct xenbus_device_id *id)
{
	struct blkback *back = alloc_back(dev);
	int err;

	if (!back)
		return -ENOMEM;
	dev_set_drvdata(&dev->dev, back);
	mutex_lock(&backs_lock);
	list_add_tail(&back->entry, &backs);
	mutex_unlock(&backs_lock);
	queue_delayed_work(blkback_wq, &look_work, BLKBACK_LOOK);
	blkback_debugfs_add(back);

	err = blkback_disk_offer(dev);
	if (!err)
		err = xenbus_switch_state(dev, XenbusStateInitWait);
	if (!err)
		err = watch_nodes(back);
	if (err)
		remove(dev);
	return err;
}

/* Does not wait: the work ends what is going on */
static void remove(struct xenbus_device *dev)
{
	struct blkback *back = dev_get_drvdata(&dev->dev);

	unwatch(&back->params);
	unwatch(&back->states);
	blkback_debugfs_remove(back);
	mutex_lock(&back->lock);
	WRITE_ONCE(back->removed, true);
	mutex_unlock(&back->lock);
	dev_set_drvdata(&dev->dev, NULL);
	kick(back);
	kref_put(&back->ref, release_back);
}

static void frontend_changed(struct xenbus_device *dev,
			     enum xenbus_state state)
{
	struct blkback *back = dev_get_drvdata(&dev->dev);

	WRITE_ONCE(back->frontend, state);
	kick(back);
}

/* Memory is scarce, and whoever wants it may hold the lock */
static void reclaim_memory(struct xenbus_device *dev)
{
	struct blkback *back = dev_get_drvdata(&dev->dev);

	if (!back || !mutex_trylock(&back->lock))
		return;
	if (back->conn)
		blkback_conn_reclaim(back->conn);
	mutex_unlock(&back->lock);
}

static const struct xenbus_device_id ids[] = {
	{ "vbd" },
	{ "" }
};

/* Unbound and bound again, a device goes on where it was, unnoticed by the guest */
static struct xenbus_driver driver = {
	.ids = ids,
	.probe = probe,
	.remove = remove,
	.otherend_changed = frontend_changed,
	.allow_rebind = true,
	.reclaim_memory = reclaim_memory,
	.driver.dev_groups = blkback_sysfs_groups,
};

static void check_params(void)
{
	if (blkback_max_order > XENBUS_MAX_RING_GRANT_ORDER) {
		pr_info("max_ring_page_order is %u, no more\n",
			XENBUS_MAX_RING_GRANT_ORDER);
		blkback_max_order = XENBUS_MAX_RING_GRANT_ORDER;
	}
	if (blkback_max_segs > BLKBACK_MAX_SEGS) {
		pr_info("max_indirect_segments is %u, no more\n",
			BLKBACK_MAX_SEGS);
		blkback_max_segs = BLKBACK_MAX_SEGS;
	}
}

static int __init blkback_init(void)
{
	int err;

	if (!xen_domain())
		return -ENODEV;
	check_params();
	blkback_wq = alloc_workqueue("xen-blkback", WQ_UNBOUND, 0);
	if (!blkback_wq)
		return -ENOMEM;
	blkback_debugfs_init();
	err = xenbus_register_backend(&driver);
	if (err) {
		blkback_debugfs_exit();
		destroy_workqueue(blkback_wq);
	}
	return err;
}
module_init(blkback_init);

static void __exit blkback_exit(void)
{
	xenbus_unregister_driver(&driver);
	/* All that was connected is closed before the last look */
	flush_workqueue(blkback_wq);
	cancel_delayed_work_sync(&look_work);
	destroy_workqueue(blkback_wq);
	blkback_debugfs_exit();
}
module_exit(blkback_exit);

MODULE_ALIAS("xen-backend:vbd");
MODULE_DESCRIPTION("Xen backend of block devices: gives disks of this domain to guests");
MODULE_LICENSE("GPL");
