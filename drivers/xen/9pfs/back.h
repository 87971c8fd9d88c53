/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The Xen backend of 9pfs: what its files share.
 *
 *  xenbus.c	a device: handshake with the frontend over xenstore
 *  conn.c	a connection: what is served to whom, its rings, its session
 *  ring.c	a ring: requests out of it, replies into it, events
 *  grant.c	pages of the guest mapped here
 */
#ifndef XEN_9PBACK_H
#define XEN_9PBACK_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <net/9p/server.h>
#include <xen/9pfs_ring.h>
#include <xen/grant_table.h>
#include <xen/interface/io/9pfs.h>
#include <xen/xenbus.h>

/* Offered in xenstore, and the bound of what a frontend may choose */
#define XEN_9PBACK_MAX_RINGS	16U

/**
 * struct xen_9pback_area - pages that a guest has granted, mapped
 * @nr: how many are mapped
 * @max: how many there are in @pages
 * @pages: pages of this domain that stand for the guest's
 * @handles: the mappings of the first @nr of them
 */
struct xen_9pback_area {
	unsigned int nr;
	unsigned int max;
	struct page **pages;
	grant_handle_t *handles;
};

struct xen_9pback_conn;

/**
 * struct xen_9pback_ring - a ring of a guest
 * @channel: the server's view of it
 * @conn: the connection it belongs to
 * @intf_area: its interface page
 * @data_area: its data pages
 * @addrs: addresses of the pages of @data_area
 * @irq: bound to the guest's event channel, or negative
 * @eoi: an event has come whose end has not been told to Xen
 * @out: requests, as far as they were received; used by the thread that receives
 *	from @channel
 * @ended: what @out had been received of when the last event was ended
 * @spent_lock: guards @spent and @left
 * @spent: requests, as far as the guest has their bytes back
 * @left: requests whose data are still in the ring, in its order
 * @in_lock: guards @in and puts one reply after the other
 * @in: replies
 * @in_seen: consumer index of @in when a sender last waited for room;
 *	guarded by @in_lock
 * @room: who waits for room in @in
 */
struct xen_9pback_ring {
	struct p9_server_channel channel;
	struct xen_9pback_conn *conn;
	struct xen_9pback_area intf_area;
	struct xen_9pback_area data_area;
	u8 **addrs;
	int irq;
	atomic_t eoi;
	struct xen_9pfs_stream out;
	u32 ended;
	spinlock_t spent_lock;
	struct xen_9pfs_stream spent;
	struct list_head left;
	struct mutex in_lock;
	struct xen_9pfs_stream in;
	u32 in_seen;
	wait_queue_head_t room;
};

/**
 * struct xen_9pback_conn - a frontend that is connected
 * @dev: its device
 * @failed: told once that the guest broke the protocol, in a server's thread
 * @owner: whose connection it is, for @failed
 * @dead: it is being taken down: nobody waits for the guest any more
 * @event_idx: both sides say which events they want
 * @session: the server's session
 * @nr_rings: how many of @rings there are
 * @rings: the rings
 */
struct xen_9pback_conn {
	struct xenbus_device *dev;
	void (*failed)(void *owner, int err);
	void *owner;
	bool dead;
	bool event_idx;
	struct p9_server_session *session;
	unsigned int nr_rings;
	struct xen_9pback_ring rings[] __counted_by(nr_rings);
};

/* grant.c */
int xen_9pback_map(struct xen_9pback_area *area, domid_t domid,
		   const grant_ref_t *refs, unsigned int nr);
void xen_9pback_unmap(struct xen_9pback_area *area);
void *xen_9pback_page(const struct xen_9pback_area *area, unsigned int i);

/* ring.c */
void xen_9pback_ring_init(struct xen_9pback_ring *ring,
			  struct xen_9pback_conn *conn);
int xen_9pback_ring_open(struct xen_9pback_ring *ring, grant_ref_t ref,
			 evtchn_port_t evtchn);
void xen_9pback_ring_stop(struct xen_9pback_ring *ring);
void xen_9pback_ring_close(struct xen_9pback_ring *ring);

/* conn.c */
struct xen_9pback_conn *
xen_9pback_conn_open(struct xenbus_device *dev,
		     void (*failed)(void *owner, int err), void *owner,
		     char *why, size_t why_size);
void xen_9pback_conn_close(struct xen_9pback_conn *conn);

#if IS_ENABLED(CONFIG_KUNIT)
/* xenbus.c */
bool xen_9pback_starts_over(enum xenbus_state frontend);
enum xenbus_state xen_9pback_next(enum xenbus_state frontend,
				  enum xenbus_state own, bool refused);
#endif

#endif /* XEN_9PBACK_H */
