/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The Xen transport of the 9P client: what its files share.
 *
 *  trans_xen.c		devices, and who has them mounted
 *  trans_xen_send.c	requests
 *  trans_xen_recv.c	replies, and what a broken protocol leads to
 *  trans_xen_ring.c	a ring: its pages, grants and event channel
 *  trans_xen_bus.c	the device in xenstore: when it is connected and when not
 */
#ifndef NET_9P_TRANS_XEN_H
#define NET_9P_TRANS_XEN_H

#include <linux/irqreturn.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <xen/9pfs_ring.h>
#include <xen/grant_table.h>
#include <xen/interface/event_channel.h>
#include <xen/interface/io/9pfs.h>
#include <xen/xenbus.h>

struct iov_iter;
struct p9_client;
struct p9_req_t;
struct p9_xen_front;

/* size[4] type[1] tag[2]: what every message starts with */
#define P9_XEN_HDR_SIZE		7

/* The same and count[4]: what precedes the data of Rread and Rreaddir */
#define P9_XEN_DATA_HDR		11

/**
 * struct p9_xen_claim - who waits for the data of a reply
 * @list: in the device's @readers until the reply comes or the wait ends, then
 *	in the ring's @claims until the data was copied
 * @req: the request
 * @taken: no longer among the readers; guarded by the device's lock
 * @len: bytes of data: wanted, then those to be copied
 * @at: index of the data's first byte in the ring
 * @held: bytes of the ring that go back to the backend once the data was copied;
 *	guarded by the ring's @in_lock
 * @ring: the ring with the data
 */
struct p9_xen_claim {
	struct list_head list;
	struct p9_req_t *req;
	struct p9_xen_ring *ring;
	bool taken;
	u32 len;
	u32 at;
	u32 held;
};

/**
 * struct p9_xen_ring - a ring that requests go out on and replies come in from
 * @front: the device it belongs to
 * @domid: the backend's domain, to which the pages are granted
 * @intf: the interface page, shared; only ever written but for the two
 *	indices of the other side
 * @intf_ref: its grant
 * @nr_refs: how many pages the ring has granted so far, besides @intf
 * @refs: their grants, this side's own record
 * @addrs: their addresses
 * @evtchn: the event channel's port
 * @irq: bound to it, or negative
 * @out_lock: guards @out and puts one request after the other; held while waiting
 *	for room, so that a large request is not passed by small ones for ever
 * @out: requests
 * @room: who waits for room in @out
 * @in_lock: guards @in, @held, @claims, @seen, @told and @notified; taken in
 *	interrupts
 * @in: replies; its index stands where the oldest claim begins
 * @held: bytes from there on whose messages the event handler has seen
 * @claims: those who copy data out of @in, in its order
 * @released: those who wait for @claims to be empty
 * @seen: the backend's index of @in when the handler last looked
 * @told: what @seen was at the last event
 * @notified: index of @in when the backend was last told of room there, which
 *	only one without event indices needs
 * @out_seen: consumer index of @out at the last event; only its handler's
 */
struct p9_xen_ring {
	struct p9_xen_front *front;
	domid_t domid;
	struct xen_9pfs_data_intf *intf;
	grant_ref_t intf_ref;
	unsigned int nr_refs;
	grant_ref_t *refs;
	u8 **addrs;
	evtchn_port_t evtchn;
	int irq;

	struct mutex out_lock;
	struct xen_9pfs_stream out;
	wait_queue_head_t room;

	spinlock_t in_lock;
	struct xen_9pfs_stream in;
	u32 held;
	struct list_head claims;
	wait_queue_head_t released;
	u32 seen;
	u32 told;
	u32 notified;
	u32 out_seen;
};

/**
 * enum p9_xen_state - how far a connection has come
 * @P9_XEN_IDLE: there will be one when somebody mounts
 * @P9_XEN_CONNECTING: waiting for the backend
 * @P9_XEN_LIVE: can be mounted, or is
 * @P9_XEN_DEAD: closed, unplugged, or its backend broke the protocol
 * @P9_XEN_ENDING: dead since nobody has it mounted; the backend is to let go of
 *	it before there can be another one
 */
enum p9_xen_state {
	P9_XEN_IDLE,
	P9_XEN_CONNECTING,
	P9_XEN_LIVE,
	P9_XEN_DEAD,
	P9_XEN_ENDING,
};

/**
 * enum p9_xen_use - what a device has a connection for
 * @P9_XEN_ALWAYS: to be there whenever the backend is, which may not take a
 *	second one
 * @P9_XEN_WANTED: somebody who mounts waits for it
 * @P9_XEN_USED: it is mounted, or was until the connection was lost
 * @P9_XEN_UNUSED: for nothing
 */
enum p9_xen_use {
	P9_XEN_ALWAYS,
	P9_XEN_WANTED,
	P9_XEN_USED,
	P9_XEN_UNUSED,
};

/**
 * struct p9_xen_front - one connection of a device, from before it to its loss
 * @ref: held by the device, by who has it mounted and by who is about to
 * @list: in the list of all, or empty if @dev is not to be used any more;
 *	guarded by p9_xen_lock
 * @dev: the xenbus device; valid while in the list, and for event handlers
 * @tag: the name to mount it by
 * @state: enum p9_xen_state; moves forward only. Being dead is seen by whoever
 *	takes an @out_lock or @in_lock after p9_xen_front_fail() did. All other
 *	changes are made with p9_xen_lock held
 * @changed: those who wait for @state to change
 * @on_demand: the backend takes one connection after the other, so there is one
 *	only while somebody has the device mounted; guarded by p9_xen_lock
 * @claimed: somebody mounts it or has it mounted; guarded by p9_xen_lock
 * @client_lock: for those who set @client, and those who end its requests
 * @client: who has mounted it, or NULL. Event handlers read it under an @in_lock
 *	of any ring: whoever has set it and then taken each of these once knows
 *	that nobody uses another
 * @negotiated: the client has had its Rversion; until then every other reply
 *	is one to an earlier mount
 * @lock: guards the lists that follow, and what is on them; taken in interrupts,
 *	inside an @in_lock
 * @inflight: requests sent whose replies have not come; each holds a
 *	reference of its request
 * @readers: those who wait for data of replies that have not come
 * @flushes: for each Tflush in flight, what it flushes
 * @strays: replies that may still come to requests of earlier mounts, at most;
 *	guarded by @lock
 * @failure: what a broken protocol leads to, out of the event handler's way
 * @any_ring: the backend takes any request from any ring
 * @event_idx: both sides say which events they want
 * @nr_rings: how many rings there are
 * @rings: the rings
 */
struct p9_xen_front {
	struct kref ref;
	struct list_head list;
	struct xenbus_device *dev;
	char *tag;
	enum p9_xen_state state;
	wait_queue_head_t changed;
	bool on_demand;
	bool claimed;
	struct mutex client_lock;
	struct p9_client *client;
	bool negotiated;
	spinlock_t lock;
	struct list_head inflight;
	struct list_head readers;
	struct list_head flushes;
	unsigned long strays;
	struct work_struct failure;
	bool any_ring;
	bool event_idx;
	unsigned int nr_rings;
	struct p9_xen_ring *rings;
};

/**
 * enum p9_xen_step - what a change of the backend's state leads to
 * @P9_XEN_STAY: nothing
 * @P9_XEN_CONNECT: the backend waits: open rings and tell it
 * @P9_XEN_GO_LIVE: the backend has mapped the rings: let it be mounted
 * @P9_XEN_RECONNECT: the backend has gone and waits again
 * @P9_XEN_DISCONNECT: the backend has gone, or is about to
 * @P9_XEN_START_OVER: the backend has closed: have it wait for a frontend again
 * @P9_XEN_END: ask the backend to let go of the rings
 * @P9_XEN_CLOSE: close as the backend does, or for it to do
 * @P9_XEN_RELEASE: the backend has let go of the rings: give them back
 */
enum p9_xen_step {
	P9_XEN_STAY,
	P9_XEN_CONNECT,
	P9_XEN_GO_LIVE,
	P9_XEN_RECONNECT,
	P9_XEN_DISCONNECT,
	P9_XEN_START_OVER,
	P9_XEN_END,
	P9_XEN_CLOSE,
	P9_XEN_RELEASE,
};

static inline bool p9_xen_front_dead(const struct p9_xen_front *front)
{
	return READ_ONCE(front->state) >= P9_XEN_DEAD;
}

/* trans_xen.c */
extern struct mutex p9_xen_lock;

struct p9_xen_front *p9_xen_front_alloc(struct xenbus_device *dev,
					const char *tag,
					enum p9_xen_state state);
void p9_xen_front_move(struct p9_xen_front *front, enum p9_xen_state from,
		       enum p9_xen_state to);
bool p9_xen_front_kill(struct p9_xen_front *front);
void p9_xen_front_fail(struct p9_xen_front *front);
void p9_xen_front_free(struct p9_xen_front *front);

/* trans_xen_send.c */
int p9_xen_request(struct p9_client *client, struct p9_req_t *req);
int p9_xen_zc_request(struct p9_client *client, struct p9_req_t *req,
		      struct iov_iter *to, struct iov_iter *from,
		      int to_len, int from_len, int hdr_len);

/* trans_xen_recv.c */
irqreturn_t p9_xen_event(int irq, void *arg);
irqreturn_t p9_xen_event_thread(int irq, void *arg);
void p9_xen_give_back(struct p9_xen_ring *ring, u32 bytes);
void p9_xen_release(struct p9_xen_ring *ring, struct p9_xen_claim *claim);
void p9_xen_flush_sent(struct p9_xen_front *front, struct p9_req_t *flush);
void p9_xen_drop_flushes(struct p9_xen_front *front, struct p9_client *client);
void p9_xen_violation(struct p9_xen_ring *ring, const char *what, u32 value);

/* trans_xen_ring.c */
void p9_xen_ring_init(struct p9_xen_ring *ring, struct p9_xen_front *front);
int p9_xen_ring_open(struct p9_xen_ring *ring, unsigned int order);
void p9_xen_ring_close(struct p9_xen_ring *ring);

/* trans_xen_bus.c */
int p9_xen_bus_connect(struct p9_xen_front *front);
void p9_xen_bus_disconnect(struct p9_xen_front *front);
int p9_xen_bus_register(void);
void p9_xen_bus_unregister(void);

#if IS_ENABLED(CONFIG_KUNIT)
int p9_xen_attach(struct p9_xen_front *front, struct p9_client *client);
enum p9_xen_step p9_xen_next(enum xenbus_state backend, enum xenbus_state own,
			     enum p9_xen_use use);
bool p9_xen_drain(struct p9_xen_ring *ring);
#endif

#endif /* NET_9P_TRANS_XEN_H */
