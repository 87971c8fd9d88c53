// SPDX-License-Identifier: GPL-2.0
/*
 * A connection: the rings that a frontend has opened, and what it chose for them.
 */
#include <linux/jiffies.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <xen/interface/io/protocols.h>

#include "back.h"

/* Nothing came for so long: give back what is not needed */
#define BLKBACK_IDLE	(10 * HZ)

/*
 * What opening a connection works with; @why tells an admin which step failed
 * over what.
 */
struct opening {
	struct xenbus_device *dev;
	struct blkback_conn *conn;
	bool numbered;
	char name[TASK_COMM_LEN];
	char *why;
	size_t why_size;
};

/* Called like the guest and its disk, so that top shows whose it is */
static void name_threads(struct opening *o)
{
	char *dev, *name;

	dev = xenbus_read(XBT_NIL, o->dev->nodename, "dev", NULL);
	name = IS_ERR(dev) ? NULL : strstr(dev, "/dev/");
	if (name)
		name += strlen("/dev/");
	else
		name = IS_ERR(dev) ? "?" : dev;
	snprintf(o->name, sizeof(o->name), "%d.%s", o->dev->otherend_id, name);
	if (!IS_ERR(dev))
		kfree(dev);
}

static const struct {
	const char *name;
	enum blkback_layout layout;
} protocols[] = {
	{ XEN_IO_PROTO_ABI_X86_32, BLKBACK_X86_32 },
	{ XEN_IO_PROTO_ABI_X86_64, BLKBACK_X86_64 },
	/* The same as one of those on x86 */
	{ XEN_IO_PROTO_ABI_NATIVE, BLKBACK_NATIVE },
};

static int read_protocol(struct opening *o, enum blkback_layout *layout)
{
	char *protocol;
	unsigned int i;

	protocol = xenbus_read(XBT_NIL, o->dev->otherend, "protocol", NULL);
	if (IS_ERR(protocol)) {
		/* What there was before this could be chosen */
		*layout = IS_ENABLED(CONFIG_X86) ? BLKBACK_X86_32 :
						   BLKBACK_NATIVE;
		return PTR_ERR(protocol) == -ENOENT ? 0 : PTR_ERR(protocol);
	}
	for (i = 0; i < ARRAY_SIZE(protocols); i++) {
		if (!strcmp(protocol, protocols[i].name))
			break;
	}
	if (i < ARRAY_SIZE(protocols))
		*layout = protocols[i].layout;
	else
		snprintf(o->why, o->why_size,
			 "the frontend chose protocol %.40s, which is not known",
			 protocol);
	kfree(protocol);
	return i < ARRAY_SIZE(protocols) ? 0 : -EPROTO;
}

/* Without it there is one page, whose grant has no number */
static int read_order(struct opening *o, unsigned int *order)
{
	int got = xenbus_scanf(XBT_NIL, o->dev->otherend, "ring-page-order",
			       "%u", order);

	o->numbered = got == 1;
	if (!o->numbered)
		*order = 0;
	if (*order <= blkback_max_order)
		return 0;
	snprintf(o->why, o->why_size,
		 "the frontend chose ring-page-order %u; offered was %u at most",
		 *order, blkback_max_order);
	return -EPROTO;
}

static int read_nr_queues(struct opening *o, unsigned int *nr)
{
	unsigned int max = blkback_disk_queues();

	*nr = xenbus_read_unsigned(o->dev->otherend, "multi-queue-num-queues",
				   1);
	if (*nr >= 1 && *nr <= max)
		return 0;
	snprintf(o->why, o->why_size,
		 "the frontend chose %u queues; offered were 1 to %u", *nr,
		 max);
	return -EPROTO;
}

static int read_node(struct opening *o, const char *dir, const char *node,
		     unsigned int *value)
{
	int got = xenbus_scanf(XBT_NIL, dir, node, "%u", value);

	if (got == 1)
		return 0;
	snprintf(o->why, o->why_size, "the frontend has no valid %s in %s",
		 node, dir);
	return got < 0 ? got : -EPROTO;
}

static int read_refs(struct opening *o, const char *dir, grant_ref_t *refs)
{
	unsigned int i;
	char node[24];
	int err;

	if (!o->numbered)
		return read_node(o, dir, "ring-ref", refs);
	for (i = 0; i < 1U << o->conn->order; i++) {
		snprintf(node, sizeof(node), "ring-ref%u", i);
		err = read_node(o, dir, node, &refs[i]);
		if (err)
			return err;
	}
	return 0;
}

static int open_queue(struct opening *o, unsigned int i, const char *dir)
{
	grant_ref_t refs[XENBUS_MAX_RING_GRANTS];
	struct blkback_conn *conn = o->conn;
	unsigned int evtchn;
	int err;

	err = read_refs(o, dir, refs);
	if (!err)
		err = read_node(o, dir, "event-channel", &evtchn);
	if (err)
		return err;
	conn->queues[i] = blkback_queue_alloc(conn, i);
	if (!conn->queues[i])
		return -ENOMEM;
	err = blkback_queue_open(conn->queues[i], refs, evtchn, o->name);
	if (err)
		snprintf(o->why, o->why_size,
			 "ring %u (ring-ref %u, event-channel %u) cannot be used",
			 i, refs[0], evtchn);
	return err;
}

static int open_queues(struct opening *o)
{
	unsigned int i;
	char *dir;
	int err = 0;

	if (o->conn->nr_queues == 1)
		return open_queue(o, 0, o->dev->otherend);
	for (i = 0; i < o->conn->nr_queues && !err; i++) {
		dir = kasprintf(GFP_KERNEL, "%s/queue-%u", o->dev->otherend, i);
		err = dir ? open_queue(o, i, dir) : -ENOMEM;
		kfree(dir);
	}
	return err;
}

static int alloc_conn(struct opening *o)
{
	enum blkback_layout layout;
	unsigned int order, nr;
	int err;

	err = read_protocol(o, &layout);
	if (!err)
		err = read_order(o, &order);
	if (!err)
		err = read_nr_queues(o, &nr);
	if (err)
		return err;
	o->conn = kzalloc(struct_size(o->conn, queues, nr), GFP_KERNEL);
	if (!o->conn)
		return -ENOMEM;
	o->conn->nr_queues = nr;
	o->conn->dev = o->dev;
	o->conn->layout = layout;
	o->conn->order = order;
	o->conn->persistent = READ_ONCE(blkback_persistent) &&
			      xenbus_read_unsigned(o->dev->otherend,
						   "feature-persistent", 0);
	blkback_gate_init(&o->conn->gate);
	return 0;
}

/**
 * blkback_conn_stop - end the work for a frontend, whatever is going on
 * @conn: from blkback_conn_open()
 *
 * Requests that were taken are finished and replied to.
 *
 * Context: may sleep, as long as the disk takes; not in a queue's thread.
 */
void blkback_conn_stop(struct blkback_conn *conn)
{
	unsigned int i;

	for (i = 0; i < conn->nr_queues; i++) {
		if (conn->queues[i])
			blkback_queue_stop(conn->queues[i]);
	}
}

/**
 * blkback_conn_free - let go of a frontend
 * @conn: stopped; nobody else uses it any more
 *
 * Context: may sleep.
 */
void blkback_conn_free(struct blkback_conn *conn)
{
	unsigned int i;

	for (i = 0; i < conn->nr_queues; i++) {
		if (conn->queues[i])
			blkback_queue_free(conn->queues[i]);
	}
	blkback_guest_put(conn->guest);
	kfree(conn);
}

/**
 * blkback_conn_stats - what the queues of a connection have done
 * @conn: the connection
 * @sum: to add it to
 *
 * Context: any, while nobody frees @conn.
 */
void blkback_conn_stats(const struct blkback_conn *conn,
			struct blkback_stats *sum)
{
	unsigned int i;

	for (i = 0; i < conn->nr_queues; i++)
		blkback_stats_add(sum, &conn->queues[i]->stats);
}

static int open_conn(struct opening *o)
{
	int err = alloc_conn(o);

	if (err)
		return err;
	o->conn->guest = blkback_guest_get(o->dev->otherend_id);
	if (!o->conn->guest) {
		kfree(o->conn);
		return -ENOMEM;
	}
	name_threads(o);
	err = open_queues(o);
	if (err) {
		blkback_conn_stop(o->conn);
		blkback_conn_free(o->conn);
	}
	return err;
}

/**
 * blkback_conn_open - connect to a frontend and serve it
 * @dev: the device; its frontend has published its rings
 * @disk: what the guest is given
 * @failed: called once, in a queue's thread, if the guest breaks the protocol; the
 *	caller is to close the connection soon
 * @owner: handed to @failed
 * @why: on error, what failed over what, for an admin to read
 * @why_size: of @why
 *
 * Context: may sleep.
 * Return: the connection or an ERR_PTR().
 */
struct blkback_conn *blkback_conn_open(struct xenbus_device *dev,
				       struct blkback_disk *disk,
				       void (*failed)(void *owner), void *owner,
				       char *why, size_t why_size)
{
	struct opening o = { .dev = dev, .why = why, .why_size = why_size };
	unsigned int i;
	int err;

	snprintf(why, why_size, "out of memory or xenstore unusable");
	err = open_conn(&o);
	if (err)
		return ERR_PTR(err);
	o.conn->disk = disk;
	o.conn->failed = failed;
	o.conn->owner = owner;
	for (i = 0; i < o.conn->nr_queues; i++)
		blkback_queue_start(o.conn->queues[i]);
	return o.conn;
}

/**
 * blkback_conn_fail - the guest broke the protocol
 * @conn: the connection
 *
 * No queue reads from its ring any more; what is in flight is finished.
 *
 * Context: a queue's thread.
 */
void blkback_conn_fail(struct blkback_conn *conn)
{
	unsigned int i;

	if (atomic_xchg(&conn->failing, 1))
		return;
	for (i = 0; i < conn->nr_queues; i++)
		WRITE_ONCE(conn->queues[i]->broken, true);
	conn->failed(conn->owner);
}

/**
 * blkback_conn_reclaim - give back memory that is not in use
 * @conn: the connection; not closed meanwhile
 *
 * Context: any that may take locks.
 */
void blkback_conn_reclaim(struct blkback_conn *conn)
{
	unsigned int i;

	for (i = 0; i < conn->nr_queues; i++) {
		WRITE_ONCE(conn->queues[i]->trim, true);
		blkback_queue_kick(conn->queues[i]);
	}
}

/* Read while its thread may change them: a second later they will be right */
static bool has_spare(const struct blkback_queue *queue)
{
	unsigned long idle = jiffies - READ_ONCE(queue->active);
	unsigned long seconds = READ_ONCE(blkback_persist_seconds);

	if (READ_ONCE(queue->pool_nr) && idle > BLKBACK_IDLE)
		return true;
	return seconds && READ_ONCE(queue->persist_nr) && idle > seconds * HZ;
}

/**
 * blkback_conn_expire - give back what idle queues do not need
 * @conn: the connection; not closed meanwhile
 *
 * Context: any that may take locks.
 */
void blkback_conn_expire(struct blkback_conn *conn)
{
	unsigned int i;

	for (i = 0; i < conn->nr_queues; i++) {
		if (!has_spare(conn->queues[i]))
			continue;
		WRITE_ONCE(conn->queues[i]->expire, true);
		blkback_queue_kick(conn->queues[i]);
	}
}
