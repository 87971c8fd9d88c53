// SPDX-License-Identifier: GPL-2.0
/*
 * The virtual block device: the handshake with its backend.
 *
 * A device has one connection after the other. Between two of them requests are
 * kept: those that the backend had, and did not answer, are sent again on the next.
 * That is safe only once the backend has let go of them: what it was late with
 * would else undo what came after. So the rings of the old connection are closed
 * when it has closed and no page of a request is mapped any more.
 */
#include <kunit/visibility.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/major.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <xen/platform_pci.h>
#include <xen/xen.h>
#include <xen/xenbus.h>

#include "front.h"

/* How soon a backend is looked at again that has not let go of all */
#define BLKFRONT_RELEASE_STEP	msecs_to_jiffies(50)

/*
 * How long it may keep buffers, as some that have closed do. Pages of others
 * are waited for without an end: what writes to them must not be on its way.
 */
#define BLKFRONT_RELEASE_TIMEOUT	(10 * HZ)

/* How soon what memory or grants were short for is tried again */
#define BLKFRONT_RETRY		HZ

/* How long requests have to be answered when the device goes, and how often
 * that is looked at
 */
#define BLKFRONT_DRAIN_TIMEOUT	(5 * HZ)
#define BLKFRONT_DRAIN_STEP_MS	10

/* How often in a row trimming may be in vain before it waits for requests */
#define BLKFRONT_TRIM_TRIES	5

static void blkfront_look(struct blkfront_dev *dev);

/* What the backend's state asks of a device in its own */
VISIBLE_IF_KUNIT enum blkfront_step blkfront_next(enum xenbus_state backend,
						  enum xenbus_state own,
						  bool online, bool releasing)
{
	bool connected = own == XenbusStateInitialised ||
			 own == XenbusStateConnected;

	switch (backend) {
	case XenbusStateConnected:
		if (own == XenbusStateInitialised)
			return BLKFRONT_GO_LIVE;
		if (own == XenbusStateConnected)
			return BLKFRONT_REREAD;
		/* Some backends do not wait for the frontend to begin */
		if (own == XenbusStateInitialising && !releasing)
			return BLKFRONT_CONNECT;
		return BLKFRONT_STAY;
	case XenbusStateInitWait:
	case XenbusStateInitialising:
		/* It has started over, too fast for its closing to be seen */
		if (own == XenbusStateConnected)
			return BLKFRONT_RESTART;
		if (connected)
			return BLKFRONT_STAY;
		if (releasing)
			return BLKFRONT_RELEASE;
		if (own == XenbusStateInitialising &&
		    backend == XenbusStateInitWait)
			return BLKFRONT_CONNECT;
		return BLKFRONT_STAY;
	case XenbusStateUnknown:
		/* Its directory is gone, as that of a domain that was destroyed */
		if (connected)
			return BLKFRONT_HOLD;
		return releasing ? BLKFRONT_RELEASE : BLKFRONT_STAY;
	case XenbusStateClosing:
	case XenbusStateClosed:
		if (!online || own == XenbusStateClosing)
			return BLKFRONT_CLOSE;
		if (connected)
			return BLKFRONT_HOLD;
		/* Else it has served an earlier driver, and not seen this one yet */
		if (releasing && backend == XenbusStateClosed)
			return BLKFRONT_RELEASE;
		return BLKFRONT_STAY;
	default:
		return BLKFRONT_STAY;
	}
}
EXPORT_SYMBOL_IF_KUNIT(blkfront_next);

static void blkfront_set_phase(struct blkfront_dev *dev,
			       enum blkfront_phase phase)
{
	lockdep_assert_held(&dev->lock);
	WRITE_ONCE(dev->phase, phase);
}

static void blkfront_end_requests(struct blkfront_dev *dev, bool replay)
{
	unsigned int i;

	for (i = 0; i < dev->max_rings; i++)
		blkfront_ring_end_requests(&dev->rings[i], replay);
}

static void blkfront_close_rings(struct blkfront_dev *dev)
{
	unsigned int i;

	for (i = 0; i < dev->max_rings; i++)
		blkfront_ring_close(&dev->rings[i]);
}

/* No request is sent and no reply taken when it returns */
static void blkfront_stop(struct blkfront_dev *dev)
{
	unsigned int i;

	blkfront_queue_hold(dev);
	for (i = 0; i < dev->max_rings; i++)
		blkfront_ring_stop(&dev->rings[i]);
}

/*
 * The end: every request fails, now and later. Only then is who uses the disk
 * told, since he may be waiting for one. The rings stay until the backend has let
 * go of them.
 */
static void blkfront_fail(struct blkfront_dev *dev)
{
	if (dev->phase == BLKFRONT_DEAD)
		return;
	blkfront_stop(dev);
	blkfront_set_phase(dev, BLKFRONT_DEAD);
	blkfront_end_requests(dev, false);
	blkfront_queue_go_on(dev);
	if (dev->disk)
		blk_mark_disk_dead(dev->disk);
}

/* Unless the device has gone from xenstore: it would come again */
static int blkfront_write_start(struct xenbus_transaction xbt,
				const struct xenbus_device *bus)
{
	if (!xenbus_exists(xbt, bus->nodename, "state"))
		return 0;
	return xenbus_printf(xbt, bus->nodename, "state", "%d",
			     XenbusStateInitialising);
}

/*
 * xenbus takes a device for a new one if it is Initialising in xenstore and not
 * here: xenbus_switch_state() is that for a moment.
 */
static void blkfront_start_over(struct xenbus_device *bus)
{
	struct xenbus_transaction xbt;
	int err;

	bus->state = XenbusStateInitialising;
	do {
		err = xenbus_transaction_start(&xbt);
		if (err)
			break;
		err = blkfront_write_start(xbt, bus);
		err = xenbus_transaction_end(xbt, err) ?: err;
	} while (err == -EAGAIN);
	if (err)
		xenbus_dev_fatal(bus, err, "writing the state Initialising");
}

/* The connection ends, and requests wait for the next one */
static void blkfront_hold(struct blkfront_dev *dev, enum xenbus_state state)
{
	blkfront_stop(dev);
	blkfront_set_phase(dev, BLKFRONT_RELEASING);
	dev->since = jiffies;
	if (state == XenbusStateInitialising)
		blkfront_start_over(dev->bus);
	else
		xenbus_switch_state(dev->bus, state);
}

static bool blkfront_drained(struct blkfront_dev *dev)
{
	unsigned int i;

	for (i = 0; i < dev->nr_rings; i++) {
		if (READ_ONCE(dev->rings[i].live) &&
		    READ_ONCE(dev->rings[i].in_flight))
			return false;
	}
	return true;
}

/* Unplugged: what the backend has it may still answer */
static void blkfront_unplug(struct blkfront_dev *dev)
{
	unsigned long end = jiffies + BLKFRONT_DRAIN_TIMEOUT;

	if (dev->phase == BLKFRONT_LIVE) {
		blkfront_queue_hold(dev);
		while (!blkfront_drained(dev) && time_before(jiffies, end))
			msleep(BLKFRONT_DRAIN_STEP_MS);
	}
	blkfront_fail(dev);
	xenbus_frontend_closed(dev->bus);
}

static void blkfront_failure(struct work_struct *work)
{
	struct blkfront_dev *dev = container_of(work, struct blkfront_dev,
						failure);

	mutex_lock(&dev->lock);
	if (dev->phase != BLKFRONT_DEAD)
		xenbus_dev_fatal(dev->bus, -EPROTO,
				 "the backend of %s %s (%lu); detach the disk and attach it again",
				 dev->name.name, dev->fault, dev->fault_value);
	blkfront_fail(dev);
	mutex_unlock(&dev->lock);
}

/**
 * blkfront_violation - the backend has broken the protocol: the device fails
 * @ring: where it did
 * @what: what it did: a verb and more; never freed
 * @value: the value that shows it
 *
 * Context: any.
 */
void blkfront_violation(struct blkfront_ring *ring, const char *what,
			unsigned long value)
{
	struct blkfront_dev *dev = ring->dev;

	/* The first is told of */
	if (cmpxchg(&dev->fault, NULL, what))
		return;
	dev->fault_value = value;
	schedule_work(&dev->failure);
}

/* A request was not answered in time */
static void blkfront_reset(struct work_struct *work)
{
	struct blkfront_dev *dev = container_of(work, struct blkfront_dev,
						reset);

	mutex_lock(&dev->lock);
	if (dev->removing) {
		blkfront_fail(dev);
	} else if (dev->phase == BLKFRONT_LIVE) {
		dev_warn(&dev->bus->dev,
			 "the backend of %s has not answered a request for %u s: connecting to it again\n",
			 dev->name.name, dev->disk->queue->rq_timeout / HZ);
		blkfront_hold(dev, XenbusStateClosed);
	}
	mutex_unlock(&dev->lock);
}

static void blkfront_add(struct work_struct *work)
{
	blkfront_disk_add(container_of(work, struct blkfront_dev, add));
}

static void blkfront_trim(struct work_struct *work)
{
	struct blkfront_dev *dev = container_of(to_delayed_work(work),
						struct blkfront_dev, trim);
	unsigned int tries, i, freed = 0;

	mutex_lock(&dev->lock);
	if (dev->phase == BLKFRONT_LIVE) {
		for (i = 0; i < dev->nr_rings; i++)
			freed += blkfront_pool_trim(&dev->rings[i]);
	}
	mutex_unlock(&dev->lock);
	tries = freed ? 0 : READ_ONCE(dev->trim_tries) + 1;
	WRITE_ONCE(dev->trim_tries, tries);
	if (tries < BLKFRONT_TRIM_TRIES)
		schedule_delayed_work(&dev->trim, BLKFRONT_TRIM_INTERVAL << tries);
	else
		WRITE_ONCE(dev->trimming, false);
}

/*
 * What a connection failed of: what is short may be there later, and requests
 * wait for it. All else is the end of the device.
 */
static void blkfront_give_up(struct blkfront_dev *dev, int err,
			     const char *what)
{
	bool closing = dev->bus->state == XenbusStateClosing;

	if (!closing && (err == -ENOMEM || err == -ENOSPC)) {
		dev_warn_ratelimited(&dev->bus->dev,
				     "%s: %d; trying again\n", what, err);
		schedule_delayed_work(&dev->step, BLKFRONT_RETRY);
		return;
	}
	/* It may have been said already */
	if (!closing)
		xenbus_dev_fatal(dev->bus, err, "%s", what);
	blkfront_fail(dev);
}

/* The backend waits for a frontend */
static void blkfront_connect(struct blkfront_dev *dev)
{
	int err = blkfront_negotiate(dev);

	if (err) {
		blkfront_stop(dev);
		blkfront_close_rings(dev);
		blkfront_give_up(dev, err, "opening rings");
		return;
	}
	blkfront_set_phase(dev, BLKFRONT_CONNECTING);
	xenbus_switch_state(dev->bus, XenbusStateInitialised);
}

static int blkfront_fill_rings(struct blkfront_dev *dev)
{
	unsigned int i;
	int err = 0;

	dev->bounce = dev->features.persistent || !blkfront_param_trusted() ||
		      !xenbus_read_unsigned(dev->bus->nodename, "trusted", 1);
	for (i = 0; !err && i < dev->nr_rings; i++)
		err = blkfront_ring_fill(&dev->rings[i]);
	return err;
}

static void blkfront_say_what_it_is(const struct blkfront_dev *dev)
{
	const struct blkfront_features *f = &dev->features;

	dev_info(&dev->bus->dev,
		 "%s: %u rings of %u requests (%u polled), up to %u pages each;%s%s%s%s\n",
		 dev->name.name, dev->nr_rings, dev->rings[0].nr_slots,
		 dev->nr_polled, f->max_segs,
		 f->flush_op == BLKFRONT_OP_NONE ? "" : " flush",
		 f->discard ? " discard" : "",
		 f->persistent ? " persistent" : "",
		 dev->bounce ? " bounced" : "");
}

/* The backend has mapped the rings, and says what it can do */
static void blkfront_go_live(struct blkfront_dev *dev)
{
	struct blkfront_features f;
	bool first = !dev->disk;
	unsigned int i;
	int err;

	err = blkfront_features_read(dev, &f);
	if (!err && !first && f.sector_size != dev->features.sector_size)
		err = -EMEDIUMTYPE;
	if (err) {
		blkfront_give_up(dev, err,
				 "reading what the backend offers: sectors, sector-size and more");
		return;
	}
	dev->features = f;
	err = blkfront_fill_rings(dev);
	if (!err && first)
		err = blkfront_disk_alloc(dev);
	if (err) {
		blkfront_give_up(dev, err, "making a disk");
		return;
	}
	blkfront_set_phase(dev, BLKFRONT_LIVE);
	for (i = 0; i < dev->nr_rings; i++)
		blkfront_ring_start(&dev->rings[i]);
	blkfront_disk_spread_events(dev);
	xenbus_switch_state(dev->bus, XenbusStateConnected);
	blkfront_say_what_it_is(dev);
	if (first) {
		schedule_work(&dev->add);
	} else {
		blkfront_queue_go_on(dev);
		blkfront_disk_update(dev);
	}
}

/* The backend has another disk, or its disk another size */
static void blkfront_reread(struct blkfront_dev *dev)
{
	struct blkfront_features f;

	if (dev->phase != BLKFRONT_LIVE || blkfront_medium_read(dev, &f))
		return;
	if (f.sector_size != dev->features.sector_size) {
		blkfront_give_up(dev, -EMEDIUMTYPE,
				 "the disk has been exchanged for one with other sectors; detach it and attach it again");
		return;
	}
	dev->features.info = f.info;
	set_disk_ro(dev->disk, f.info & VDISK_READONLY);
	if (f.sectors == dev->features.sectors)
		return;
	dev->features.sectors = f.sectors;
	set_capacity_and_notify(dev->disk, f.sectors);
}

/* The backend has closed: once no page of a request is mapped all can go on */
static void blkfront_release(struct blkfront_dev *dev)
{
	unsigned int i, kept = 0;

	for (i = 0; i < dev->max_rings; i++)
		kept += blkfront_ring_release(&dev->rings[i]);
	if (kept && (!dev->bounce ||
		     time_before(jiffies, dev->since + BLKFRONT_RELEASE_TIMEOUT))) {
		schedule_delayed_work(&dev->step, BLKFRONT_RELEASE_STEP);
		return;
	}
	blkfront_end_requests(dev, true);
	blkfront_close_rings(dev);
	blkfront_set_phase(dev, BLKFRONT_WAITING);
	if (dev->bus->state != XenbusStateInitialising)
		blkfront_start_over(dev->bus);
	blkfront_look(dev);
}

static void blkfront_follow(struct blkfront_dev *dev, enum xenbus_state backend)
{
	bool online = true;

	if (backend == XenbusStateClosing || backend == XenbusStateClosed)
		online = xenbus_read_unsigned(dev->bus->otherend, "online", 0);
	switch (blkfront_next(backend, dev->bus->state, online,
			      dev->phase == BLKFRONT_RELEASING)) {
	case BLKFRONT_CONNECT:
		blkfront_connect(dev);
		/* It will not say again that it has connected */
		if (backend == XenbusStateConnected &&
		    dev->phase == BLKFRONT_CONNECTING)
			blkfront_go_live(dev);
		break;
	case BLKFRONT_GO_LIVE:
		blkfront_go_live(dev);
		break;
	case BLKFRONT_REREAD:
		blkfront_reread(dev);
		break;
	case BLKFRONT_HOLD:
		blkfront_hold(dev, XenbusStateClosed);
		break;
	case BLKFRONT_RESTART:
		blkfront_hold(dev, XenbusStateInitialising);
		blkfront_look(dev);
		break;
	case BLKFRONT_RELEASE:
		blkfront_release(dev);
		break;
	case BLKFRONT_CLOSE:
		blkfront_unplug(dev);
		break;
	case BLKFRONT_STAY:
		break;
	}
}

/* The backend has closed, or gone, or never was there */
static bool blkfront_lets_go(enum xenbus_state backend)
{
	return backend != XenbusStateInitialised &&
	       backend != XenbusStateConnected &&
	       backend != XenbusStateClosing;
}

static void blkfront_take_step(struct blkfront_dev *dev,
			       enum xenbus_state backend)
{
	if (dev->phase != BLKFRONT_DEAD || dev->bus->state != XenbusStateClosed)
		blkfront_follow(dev, backend);
	if (dev->phase == BLKFRONT_DEAD && blkfront_lets_go(backend))
		blkfront_close_rings(dev);
}

static enum xenbus_state blkfront_backend_state(const struct blkfront_dev *dev)
{
	return xenbus_read_unsigned(dev->bus->otherend, "state",
				    XenbusStateUnknown);
}

/* The disk may be where memory is written to */
static void blkfront_step(struct blkfront_dev *dev, enum xenbus_state backend)
{
	unsigned int flags = memalloc_noio_save();

	blkfront_take_step(dev, backend);
	memalloc_noio_restore(flags);
}

static void blkfront_look(struct blkfront_dev *dev)
{
	blkfront_take_step(dev, blkfront_backend_state(dev));
}

static void blkfront_look_again(struct work_struct *work)
{
	struct blkfront_dev *dev = container_of(to_delayed_work(work),
						struct blkfront_dev, step);
	unsigned int flags = memalloc_noio_save();

	mutex_lock(&dev->lock);
	if (!dev->removing)
		blkfront_look(dev);
	mutex_unlock(&dev->lock);
	memalloc_noio_restore(flags);
}

static void blkfront_backend_changed(struct xenbus_device *bus,
				     enum xenbus_state state)
{
	struct blkfront_dev *dev = dev_get_drvdata(&bus->dev);

	mutex_lock(&dev->lock);
	blkfront_step(dev, state);
	mutex_unlock(&dev->lock);
}

static int blkfront_read_vdevice(struct xenbus_device *bus,
				 unsigned int *vdevice)
{
	int err;

	err = xenbus_scanf(XBT_NIL, bus->nodename, "virtual-device", "%i",
			   vdevice);
	if (err != 1)
		err = xenbus_scanf(XBT_NIL, bus->nodename,
				   "virtual-device-ext", "%i", vdevice);
	if (err == 1)
		return 0;
	err = err < 0 ? err : -EINVAL;
	xenbus_dev_fatal(bus, err,
			 "the toolstack gave the device no number (virtual-device)");
	return err;
}

/*
 * With emulated devices some disks are there twice: those that were not
 * unplugged, and CD-ROMs, which are left to the emulation.
 */
static bool blkfront_emulated(struct xenbus_device *bus, unsigned int vdevice)
{
	bool cdrom;
	char *type;

	if (!xen_hvm_domain())
		return false;
	if (xen_has_pv_and_legacy_disk_devices() &&
	    !(vdevice & BLKFRONT_EXTENDED) && vdevice >> 8 != XENVBD_MAJOR)
		return true;
	type = xenbus_read(XBT_NIL, bus->nodename, "device-type", NULL);
	if (IS_ERR(type))
		return true;
	cdrom = !strncmp(type, "cdrom", 5);
	kfree(type);
	return cdrom;
}

static int blkfront_probe(struct xenbus_device *bus,
			  const struct xenbus_device_id *id)
{
	struct blkfront_dev *dev;
	unsigned int vdevice;
	int err;

	err = blkfront_read_vdevice(bus, &vdevice);
	if (err)
		return err;
	if (blkfront_emulated(bus, vdevice))
		return -ENODEV;
	dev = kzalloc_obj(*dev);
	if (!dev)
		return -ENOMEM;
	dev->bus = bus;
	dev->vdevice = vdevice;
	err = kstrtou16(strrchr(bus->nodename, '/') + 1, 0, &dev->handle);
	if (err)
		/* Longer numbers are cut off, as backends do */
		dev->handle = vdevice;
	mutex_init(&dev->lock);
	spin_lock_init(&dev->bio_lock);
	bio_list_init(&dev->bios);
	INIT_LIST_HEAD(&dev->name_list);
	INIT_WORK(&dev->add, blkfront_add);
	INIT_WORK(&dev->reset, blkfront_reset);
	INIT_WORK(&dev->failure, blkfront_failure);
	INIT_WORK(&dev->resubmit, blkfront_queue_resubmit);
	INIT_DELAYED_WORK(&dev->step, blkfront_look_again);
	INIT_DELAYED_WORK(&dev->trim, blkfront_trim);
	dev_set_drvdata(&bus->dev, dev);
	/* Bound again: have the backend start over as well */
	if (bus->state == XenbusStateClosed)
		blkfront_start_over(bus);
	return 0;
}

/* No state of the backend is heard of any more, so it is looked at */
static void blkfront_disconnect(struct blkfront_dev *dev)
{
	unsigned long end = jiffies + BLKFRONT_DRAIN_TIMEOUT;

	blkfront_stop(dev);
	if (dev->rings && dev->rings->nr_pages) {
		xenbus_switch_state(dev->bus, XenbusStateClosed);
		while (!blkfront_lets_go(blkfront_backend_state(dev)) &&
		       time_before(jiffies, end))
			msleep(BLKFRONT_DRAIN_STEP_MS);
	}
	blkfront_fail(dev);
	blkfront_close_rings(dev);
}

/*
 * A disk that works is taken away while it does, so that what was written to it
 * arrives; if its backend does not answer, that is its end.
 */
static void blkfront_remove(struct xenbus_device *bus)
{
	struct blkfront_dev *dev = dev_get_drvdata(&bus->dev);

	mutex_lock(&dev->lock);
	dev->removing = true;
	if (dev->phase != BLKFRONT_LIVE ||
	    blkfront_lets_go(blkfront_backend_state(dev)))
		blkfront_disconnect(dev);
	mutex_unlock(&dev->lock);
	cancel_delayed_work_sync(&dev->step);
	flush_work(&dev->add);
	if (dev->added)
		del_gendisk(dev->disk);
	mutex_lock(&dev->lock);
	blkfront_disconnect(dev);
	mutex_unlock(&dev->lock);

	cancel_work_sync(&dev->reset);
	cancel_work_sync(&dev->failure);
	cancel_delayed_work_sync(&dev->trim);
	flush_work(&dev->resubmit);
	dev_set_drvdata(&bus->dev, NULL);
	blkfront_name_release(dev);
	blkfront_disk_put(dev);
}

/*
 * The domain goes on elsewhere, or later: what the backend before had it has no
 * more. All is in @dev as it was, so that requests are sent again.
 */
static int blkfront_resume(struct xenbus_device *bus)
{
	struct blkfront_dev *dev = dev_get_drvdata(&bus->dev);

	mutex_lock(&dev->lock);
	if (dev->phase != BLKFRONT_DEAD) {
		blkfront_stop(dev);
		blkfront_end_requests(dev, true);
		blkfront_set_phase(dev, BLKFRONT_WAITING);
	}
	blkfront_close_rings(dev);
	mutex_unlock(&dev->lock);
	return 0;
}

/* A kernel that waits for its disks waits for this */
static int blkfront_is_ready(struct xenbus_device *bus)
{
	struct blkfront_dev *dev = dev_get_drvdata(&bus->dev);

	return READ_ONCE(dev->added) ||
	       READ_ONCE(dev->phase) == BLKFRONT_DEAD;
}

static const struct xenbus_device_id blkfront_ids[] = {
	{ "vbd" },
	{ "" }
};

static struct xenbus_driver blkfront_driver = {
	.ids = blkfront_ids,
	.probe = blkfront_probe,
	.remove = blkfront_remove,
	.resume = blkfront_resume,
	.otherend_changed = blkfront_backend_changed,
	.is_ready = blkfront_is_ready,
};

/**
 * blkfront_bus_register - look for virtual block devices from now on
 *
 * Context: may sleep.
 * Return: 0 or a negative errno.
 */
int blkfront_bus_register(void)
{
	return xenbus_register_frontend(&blkfront_driver);
}

/**
 * blkfront_bus_unregister - let all devices go
 *
 * Context: may sleep; nobody has a disk open.
 */
void blkfront_bus_unregister(void)
{
	xenbus_unregister_driver(&blkfront_driver);
}
