// SPDX-License-Identifier: GPL-2.0
/*
 * What each queue is at and how long its requests take, for who looks for a
 * fault. It may change with any version.
 */
#include <linux/debugfs.h>
#include <linux/kdev_t.h>
#include <linux/seq_file.h>
#include <linux/string.h>

#include "back.h"

static struct dentry *root;

static const char * const counters[BLKBACK_COUNTERS] = {
	[BLKBACK_READS] = "reads",
	[BLKBACK_WRITES] = "writes",
	[BLKBACK_FLUSHES] = "flushes",
	[BLKBACK_DISCARDS] = "discards",
	[BLKBACK_READ_SECTORS] = "read_sectors",
	[BLKBACK_WRITE_SECTORS] = "write_sectors",
	[BLKBACK_ERRORS] = "errors",
	[BLKBACK_REFUSALS] = "refusals",
	[BLKBACK_WAITS] = "waits",
	[BLKBACK_PASSES] = "passes",
	[BLKBACK_EVENTS] = "events",
	[BLKBACK_NOTIFIES] = "notifies",
	[BLKBACK_MAPS] = "maps",
	[BLKBACK_MAP_CALLS] = "map_calls",
	[BLKBACK_UNMAPS] = "unmaps",
	[BLKBACK_UNMAP_CALLS] = "unmap_calls",
	[BLKBACK_COPIES] = "copies",
	[BLKBACK_COPY_CALLS] = "copy_calls",
	[BLKBACK_PERSISTENT] = "persistent",
};

static const char * const spans[BLKBACK_SPANS] = {
	[BLKBACK_QUEUED] = "queued",
	[BLKBACK_IN_DISK] = "in_disk",
	[BLKBACK_TOTAL] = "total",
};

static void show_queue(struct seq_file *m, struct blkback_queue *queue)
{
	unsigned int i;

	/* As they are while its thread goes on */
	seq_printf(m, "queue %u: ring %u req_prod %u req_cons %u rsp_prod %u",
		   queue->number, queue->nr_slots,
		   READ_ONCE(queue->shared->req_prod),
		   READ_ONCE(queue->req_cons), READ_ONCE(queue->rsp_prod));
	seq_printf(m, " inflight %u stall %u pool %u copy %u persistent %u/%u\n",
		   READ_ONCE(queue->inflight), READ_ONCE(queue->stall),
		   READ_ONCE(queue->pool_nr), READ_ONCE(queue->copy_pages),
		   READ_ONCE(queue->persist_nr), queue->max_persist);
	for (i = 0; i < BLKBACK_COUNTERS; i++)
		seq_printf(m, "%s%s %llu", i ? " " : "  ", counters[i],
			   READ_ONCE(queue->stats.counters[i]));
	seq_putc(m, '\n');
}

static int queues_show(struct seq_file *m, void *unused)
{
	struct blkback *back = m->private;
	struct blkback_conn *conn;
	unsigned int i;

	mutex_lock(&back->lock);
	conn = back->conn;
	if (conn)
		seq_printf(m, "queues %u order %u layout %u persistent %u pages_of_guest %u\n",
			   conn->nr_queues, conn->order, conn->layout,
			   conn->persistent,
			   blkback_guest_pages_of(conn->guest));
	for (i = 0; conn && i < conn->nr_queues; i++)
		show_queue(m, conn->queues[i]);
	mutex_unlock(&back->lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(queues);

static void show_latency(struct seq_file *m, const struct blkback_queue *queue)
{
	unsigned int i, j;

	for (i = 0; i < BLKBACK_SPANS; i++) {
		seq_printf(m, "queue %u %s:", queue->number, spans[i]);
		for (j = 0; j < BLKBACK_BUCKETS; j++)
			seq_printf(m, " %llu",
				   READ_ONCE(queue->stats.latency[i][j]));
		seq_putc(m, '\n');
	}
}

static int latency_show(struct seq_file *m, void *unused)
{
	struct blkback *back = m->private;
	struct blkback_conn *conn;
	unsigned int i;

	seq_puts(m, "below_us:");
	for (i = 0; i < BLKBACK_BUCKETS - 1; i++)
		seq_printf(m, " %lu", 1UL << i);
	seq_puts(m, " more\n");
	mutex_lock(&back->lock);
	conn = back->conn;
	for (i = 0; conn && i < conn->nr_queues; i++)
		show_latency(m, conn->queues[i]);
	mutex_unlock(&back->lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(latency);

/**
 * blkback_debugfs_add - show a device
 * @back: the device
 *
 * Context: may sleep.
 */
void blkback_debugfs_add(struct blkback *back)
{
	char name[32];

	snprintf(name, sizeof(name), "%d.%s", back->dev->otherend_id,
		 kbasename(back->dev->nodename));
	back->debugfs = debugfs_create_dir(name, root);
	debugfs_create_file("queues", 0400, back->debugfs, back, &queues_fops);
	debugfs_create_file("latency", 0400, back->debugfs, back,
			    &latency_fops);
}

/**
 * blkback_debugfs_remove - show a device no more
 * @back: the device; nobody reads of it afterwards
 *
 * Context: may sleep.
 */
void blkback_debugfs_remove(struct blkback *back)
{
	debugfs_remove_recursive(back->debugfs);
	back->debugfs = NULL;
}

/**
 * blkback_debugfs_init - make the directory of all devices
 *
 * Context: may sleep.
 */
void blkback_debugfs_init(void)
{
	root = debugfs_create_dir("xen-blkback", NULL);
}

/**
 * blkback_debugfs_exit - remove it again
 *
 * Context: may sleep.
 */
void blkback_debugfs_exit(void)
{
	debugfs_remove_recursive(root);
}
