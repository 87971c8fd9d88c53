// SPDX-License-Identifier: GPL-2.0
/*
 * A connection: what is exported to which guest, over which rings, and the
 * server's session that works for it.
 */
#include <linux/fs_struct.h>
#include <linux/interrupt.h>
#include <linux/kstrtox.h>
#include <linux/minmax.h>
#include <linux/namei.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "back.h"

/*
 * Limits of the toolstack's. Nobody but the file system can count space and
 * files that other guests and this domain's own processes take as well, and
 * what it is not told beforehand it does not limit.
 */
static const struct {
	const char *node;
	const char *advice;
} xen_9pback_unenforced[] = {
	{ "max-space", "give path a project quota and leave this at 0" },
	{ "max-files", "give path a project quota and leave this at 0" },
	{ "auto-delete", "nothing is ever deleted but by the guest; leave this at 0" },
};

/* Nodes of the backend's directory that are no options of the export */
static const char * const xen_9pback_nodes[] = {
	"path", "frontend", "frontend-id", "online", "state", "hotplug-status",
	"hotplug-error", "versions", "max-rings", "max-ring-page-order",
	"error",
};

/*
 * What opening a connection works with; @why tells an admin which step failed
 * over what.
 */
struct xen_9pback_opening {
	struct xenbus_device *dev;
	struct xen_9pback_conn *conn;
	struct p9_server_export export;
	unsigned int max_open_files;
	char *why;
	size_t why_size;
};

/* A limit of the toolstack's: 0, like none at all, stands for no limit */
static int xen_9pback_read_limit(struct xen_9pback_opening *o,
				 const char *node, const char *value,
				 unsigned int *limit)
{
	int err = kstrtouint(value, 10, limit);

	if (err)
		snprintf(o->why, o->why_size, "%s=%.80s is no number", node,
			 value);
	return err;
}

static int xen_9pback_refuse_limit(struct xen_9pback_opening *o,
				   const char *node, const char *value,
				   const char *advice)
{
	unsigned int limit;
	int err;

	err = xen_9pback_read_limit(o, node, value, &limit);
	if (err || !limit)
		return err;
	snprintf(o->why, o->why_size, "%s=%u cannot be enforced: %s", node,
		 limit, advice);
	return -EOPNOTSUPP;
}

static int xen_9pback_set_option(struct xen_9pback_opening *o,
				 const char *node, const char *value)
{
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(xen_9pback_unenforced); i++) {
		if (!strcmp(node, xen_9pback_unenforced[i].node))
			return xen_9pback_refuse_limit(o, node, value,
					xen_9pback_unenforced[i].advice);
	}
	if (!strcmp(node, "max-open-files"))
		return xen_9pback_read_limit(o, node, value,
					     &o->max_open_files);
	err = p9_server_export_option(&o->export, node, value);
	if (err)
		p9_server_export_explain(node, value, o->why, o->why_size);
	return err;
}

static int xen_9pback_read_option(struct xen_9pback_opening *o,
				  const char *node)
{
	char *value;
	int err;

	if (strstarts(node, "feature-") ||
	    match_string(xen_9pback_nodes, ARRAY_SIZE(xen_9pback_nodes),
			 node) >= 0)
		return 0;
	value = xenbus_read(XBT_NIL, o->dev->nodename, node, NULL);
	if (IS_ERR(value))
		return PTR_ERR(value) == -ENOENT ? 0 : PTR_ERR(value);
	err = xen_9pback_set_option(o, node, value);
	kfree(value);
	return err;
}

/*
 * All nodes that are there are options or known to be none: one that somebody
 * has misspelt is not to leave a guest with more rights than he meant.
 */
static int xen_9pback_read_options(struct xen_9pback_opening *o)
{
	unsigned int *max_open = &o->export.max_open;
	unsigned int i, nr;
	char **nodes;
	int err = 0;

	nodes = xenbus_directory(XBT_NIL, o->dev->nodename, "", &nr);
	if (IS_ERR(nodes))
		return PTR_ERR(nodes);
	for (i = 0; i < nr && !err; i++)
		err = xen_9pback_read_option(o, nodes[i]);
	kfree(nodes);
	/* What the toolstack calls so; the smaller one counts */
	*max_open = min_not_zero(*max_open, o->max_open_files);
	return err;
}

static int xen_9pback_find_root(struct xen_9pback_opening *o)
{
	char *path;
	int err;

	path = xenbus_read(XBT_NIL, o->dev->nodename, "path", NULL);
	if (IS_ERR(path)) {
		snprintf(o->why, o->why_size, "no path to export");
		return PTR_ERR(path);
	}
	/* The name that the admin's own processes know it by */
	scoped_with_init_fs()
		err = kern_path(path, LOOKUP_FOLLOW | LOOKUP_DIRECTORY,
				&o->export.root);
	if (err)
		snprintf(o->why, o->why_size, "export path %.200s: %s", path,
			 err == -ENOENT ? "no such directory" :
			 err == -ENOTDIR ? "not a directory" :
			 "cannot be looked up");
	kfree(path);
	return err;
}

static int xen_9pback_open_ring(struct xen_9pback_opening *o, unsigned int i)
{
	const char *otherend = o->dev->otherend;
	struct xen_9pback_ring *ring = &o->conn->rings[i];
	unsigned int ref, evtchn;
	char node[32];
	int err;

	snprintf(node, sizeof(node), "ring-ref%u", i);
	err = xenbus_scanf(XBT_NIL, otherend, node, "%u", &ref);
	if (err == 1) {
		snprintf(node, sizeof(node), "event-channel-%u", i);
		err = xenbus_scanf(XBT_NIL, otherend, node, "%u", &evtchn);
	}
	if (err != 1) {
		snprintf(o->why, o->why_size, "the frontend has no valid %s",
			 node);
		return err < 0 ? err : -EINVAL;
	}
	err = xen_9pback_ring_open(ring, ref, evtchn);
	if (err)
		snprintf(o->why, o->why_size,
			 "ring %u (ring-ref %u, event-channel %u) cannot be mapped",
			 i, ref, evtchn);
	return err;
}

static int xen_9pback_open_rings(struct xen_9pback_opening *o)
{
	unsigned int i;
	int err;

	for (i = 0; i < o->conn->nr_rings; i++) {
		err = xen_9pback_open_ring(o, i);
		if (err)
			return err;
	}
	return 0;
}

static int xen_9pback_alloc_conn(struct xen_9pback_opening *o)
{
	unsigned int version, nr, i;

	version = xenbus_read_unsigned(o->dev->otherend, "version", 0);
	nr = xenbus_read_unsigned(o->dev->otherend, "num-rings", 0);
	if (version != 1 || nr < 1 || nr > XEN_9PBACK_MAX_RINGS) {
		snprintf(o->why, o->why_size,
			 "the frontend chose version %u and %u rings; offered were version 1 and 1 to %u rings",
			 version, nr, XEN_9PBACK_MAX_RINGS);
		return -EPROTO;
	}
	o->conn = kvzalloc(struct_size(o->conn, rings, nr), GFP_KERNEL);
	if (!o->conn)
		return -ENOMEM;
	o->conn->nr_rings = nr;
	o->conn->dev = o->dev;
	o->conn->event_idx = xenbus_read_unsigned(o->dev->otherend,
						  "feature-event-idx", 0);
	for (i = 0; i < nr; i++)
		xen_9pback_ring_init(&o->conn->rings[i], o->conn);
	return 0;
}

/* A message has to fit the smallest ring */
static u32 xen_9pback_max_msize(const struct xen_9pback_conn *conn)
{
	u32 max = P9_SERVER_MAX_MSIZE;
	unsigned int i;

	for (i = 0; i < conn->nr_rings; i++)
		max = min(max, conn->rings[i].in.size);
	return max;
}

static int xen_9pback_open_session(struct xen_9pback_opening *o)
{
	struct p9_server_channel *channels[XEN_9PBACK_MAX_RINGS];
	struct xen_9pback_conn *conn = o->conn;
	unsigned int i;
	char name[32];

	snprintf(name, sizeof(name), "9pback/%d.%s", o->dev->otherend_id,
		 kbasename(o->dev->nodename));
	for (i = 0; i < conn->nr_rings; i++)
		channels[i] = &conn->rings[i].channel;
	conn->session = p9_server_open(name, &o->export,
				       xen_9pback_max_msize(conn), channels,
				       conn->nr_rings);
	if (IS_ERR(conn->session)) {
		snprintf(o->why, o->why_size, "the server refused the export");
		return PTR_ERR(conn->session);
	}
	/* The guest may have sent requests before anybody listened */
	for (i = 0; i < conn->nr_rings; i++) {
		enable_irq(conn->rings[i].irq);
		p9_server_ready(channels[i]);
	}
	return 0;
}

static void xen_9pback_free_conn(struct xen_9pback_conn *conn)
{
	unsigned int i;

	for (i = 0; i < conn->nr_rings; i++)
		xen_9pback_ring_close(&conn->rings[i]);
	kvfree(conn);
}

static int xen_9pback_open(struct xen_9pback_opening *o)
{
	int err;

	err = xen_9pback_read_options(o);
	if (err)
		return err;
	err = xen_9pback_find_root(o);
	if (err)
		return err;
	err = xen_9pback_alloc_conn(o);
	if (err)
		goto out_root;
	err = xen_9pback_open_rings(o);
	if (err)
		goto out_conn;
	return 0;

out_conn:
	xen_9pback_free_conn(o->conn);
out_root:
	path_put(&o->export.root);
	return err;
}

/**
 * xen_9pback_conn_open - connect to a frontend and serve it
 * @dev: the device; its frontend has published its rings
 * @failed: called once, in one of the session's threads, if the guest breaks
 *	the protocol; the caller is to close the connection soon
 * @owner: handed to @failed
 * @why: on error, what failed over what, for an admin to read
 * @why_size: of @why
 *
 * Context: may sleep, also for long over the exported path.
 * Return: the connection or an ERR_PTR().
 */
struct xen_9pback_conn *
xen_9pback_conn_open(struct xenbus_device *dev,
		     void (*failed)(void *owner, int err), void *owner,
		     char *why, size_t why_size)
{
	struct xen_9pback_opening o = {
		.dev = dev,
		.export = P9_SERVER_EXPORT_INIT,
		.why = why,
		.why_size = why_size,
	};
	int err;

	snprintf(why, why_size, "out of memory or xenstore unusable");
	err = xen_9pback_open(&o);
	if (err)
		return ERR_PTR(err);
	o.conn->failed = failed;
	o.conn->owner = owner;
	err = xen_9pback_open_session(&o);
	path_put(&o.export.root);
	if (err) {
		xen_9pback_free_conn(o.conn);
		return ERR_PTR(err);
	}
	return o.conn;
}

/**
 * xen_9pback_conn_close - end a connection, whatever is going on
 * @conn: from xen_9pback_conn_open()
 *
 * Waits for requests that the file system works on.
 *
 * Context: may sleep, for long; not in the session's threads.
 */
void xen_9pback_conn_close(struct xen_9pback_conn *conn)
{
	unsigned int i;

	WRITE_ONCE(conn->dead, true);
	for (i = 0; i < conn->nr_rings; i++)
		xen_9pback_ring_stop(&conn->rings[i]);
	p9_server_close(conn->session);
	xen_9pback_free_conn(conn);
}
