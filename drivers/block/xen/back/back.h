/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The Xen backend of block devices: what its files share.
 *
 *  xenbus.c	a device: handshake with the frontend over xenstore
 *  state.c	the states of that handshake
 *  conn.c	a connection: the rings that a frontend has opened
 *  disk.c	the block device, and what the frontend is told of it
 *  gate.c	lets one queue, or the device itself, have the disk alone
 *  queue.c	a ring, and the thread that works for it
 *  request.c	a guest's requests, understood and checked
 *  work.c	requests on their way from the ring to the disk and back
 *  grant.c	data of a request: pages mapped, or copied
 *  persist.c	pages that stay mapped
 *  io.c	what the disk is asked for
 *  guest.c	how much one guest may have this domain hold
 *  stats.c	counters; sysfs.c and debugfs.c show them
 */
#ifndef XEN_BLKBACK_H
#define XEN_BLKBACK_H

#include <linux/atomic.h>
#include <linux/blk_types.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/rbtree_types.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <xen/grant_table.h>
#include <xen/interface/io/blkif.h>
#include <xen/xenbus.h>

#include "request.h"
#include "stats.h"

/* The largest sector that fits a page */
#define BLKBACK_MAX_BLOCK	(BLKBACK_SECTORS_PER_PAGE << SECTOR_SHIFT)

/* Grants that one hypercall maps, unmaps or copies at most */
#define BLKBACK_BATCH		64U

/* Pages that one pass maps at most: the largest request's, and that of its segments */
#define BLKBACK_PASS_PAGES	(BLKBACK_MAX_SEGS + 1)

/*
 * What a ring's requests may take of memory, for each slot: 32 KiB at order 0, which are
 * four of the largest, or 32 of 64 KiB of data. One may always be taken.
 */
#define BLKBACK_SLOT_BYTES	SZ_1K

struct blkback_conn;
struct blkback_guest;
struct blkback_persist;
struct blkback_queue;

/* xenbus.c: parameters of the module */
extern unsigned int blkback_max_queues;
extern unsigned int blkback_max_order;
extern unsigned int blkback_max_segs;
extern unsigned int blkback_copy_bytes;
extern unsigned int blkback_max_persist;
extern unsigned int blkback_persist_seconds;
extern unsigned int blkback_buffer_pages;
extern unsigned int blkback_guest_pages;
extern bool blkback_persistent;

/**
 * struct blkback_seg - a page of a request
 * @page: where the disk reads or writes, a page of this domain or the guest's;
 *	NULL before that is known
 * @persist: if it is @kept, what stays mapped
 * @handle: if it is @mapped, of that
 * @gref: the guest's grant of it
 * @first: first sector in the page
 * @nr: how many sectors
 * @kept: it stays mapped when the request is done
 * @mapped: it is mapped for the request alone
 *
 * Of 24 bytes: a request has up to BLKBACK_MAX_SEGS of these.
 */
struct blkback_seg {
	struct page *page;
	union {
		struct blkback_persist *persist;
		grant_handle_t handle;
	};
	grant_ref_t gref;
	u8 first;
	u8 nr;
	bool kept;
	bool mapped;
};

/**
 * struct blkback_req - a request that was taken out of a ring
 * @entry: in the list of those in the same step, used by the queue's thread
 * @ended: in the queue's list of those that the disk is done with
 * @queue: whose ring it came out of
 * @cmd: what the guest asks for
 * @status: of the reply, BLKIF_RSP_*
 * @error: the first one that the disk had, BLK_STS_*
 * @pending: bios that it has in flight, and one while more may come
 * @copied: pages are of this domain, data go through a copy
 * @desc: page of segments of an indirect request, while they are not known
 * @nr_segs: how many of @segs there are
 * @taken: when it was taken out of the ring, in ns
 * @submitted: when the disk was asked
 * @done: when the disk was done
 * @segs: its pages
 */
struct blkback_req {
	struct list_head entry;
	struct llist_node ended;
	struct blkback_queue *queue;
	struct blkback_cmd cmd;
	s16 status;
	blk_status_t error;
	atomic_t pending;
	bool copied;
	struct blkback_seg desc;
	u64 taken;
	u64 submitted;
	u64 done;
	unsigned int nr_segs;
	struct blkback_seg segs[] __counted_by(nr_segs);
};

/**
 * struct blkback_batch - operations for the next hypercall, of one kind
 * @nr: how many there are
 * @map: pages to map
 * @unmap: mappings to end
 * @copy: data to copy
 * @segs: what is mapped by each of @map
 * @reqs: whose each of @map or @copy is
 * @pages: where each of @map is mapped, or each of @unmap was
 */
struct blkback_batch {
	unsigned int nr;
	union {
		struct gnttab_map_grant_ref map[BLKBACK_BATCH];
		struct gnttab_unmap_grant_ref unmap[BLKBACK_BATCH];
		struct gnttab_copy copy[BLKBACK_BATCH];
	};
	struct blkback_seg *segs[BLKBACK_BATCH];
	struct blkback_req *reqs[BLKBACK_BATCH];
	struct page *pages[BLKBACK_BATCH];
};

/* Why a queue takes no more requests for now */
enum blkback_stall {
	BLKBACK_RUNS,
	BLKBACK_AT_GATE,	/* somebody else has the disk alone */
	BLKBACK_IN_NEED,	/* of memory, or more than the guest or ring may have */
};

/**
 * struct blkback_queue - a ring of a guest, and the thread that works for it
 * @conn: the connection it belongs to
 * @number: which of the connection's queues
 * @shared: the shared ring; its indices are read once and checked
 * @slots: the requests in it
 * @nr_slots: how many, a power of two
 * @req_cons: requests taken, counted as the guest does
 * @rsp_prod: replies written
 * @rsp_told: replies published
 * @irq: bound to the guest's event channel, or negative
 * @eoi: an event has come whose end Xen has not been told
 * @eoi_cons: @req_cons when the last event was ended
 * @thread: works for this ring alone; all below is its own unless it says so
 * @wait: where it sleeps
 * @kicked: it is to look for work; set by anybody
 * @draining: it is to end, once nothing is in flight
 * @busy: it is inside the gate; read by others
 * @trim: memory is scarce: give back what is not in use; set by anybody
 * @expire: nothing came for a while: likewise, but what was used lately; set by
 *	anybody
 * @broken: the guest broke the protocol: nothing is read from the ring any more;
 *	set by any queue's thread
 * @stall: why nothing is taken
 * @barrier: one is in flight; nothing follows it until it is done
 * @front: the request at the front of the ring, if @have_front
 * @have_front: it was copied, but not taken
 * @inflight: requests taken and not replied to
 * @req_bytes: what these take of memory
 * @ended: requests that the disk is done with; added to by interrupts
 * @held: requests whose pages somebody still refers to, so they stay mapped
 * @retry: looks at @held again, and for memory
 * @pool: pages to map the guest's at
 * @pool_nr: how many there are
 * @pool_max: how many fit
 * @copy_pages: pages in use that data are copied to
 * @max_copy_pages: how many there may be
 * @persist: pages that stay mapped, by grant
 * @persist_nr: how many stay mapped in all
 * @max_persist: how many may
 * @persist_full: one more would have stayed
 * @persist_look: when to look for some that are not used, in jiffies
 * @active: when the thread last had work, in jiffies; read by others
 * @in_need: on the guest's list of those that wait for pages, which guards it
 * @stats: counters, written by the thread, read by anybody
 * @batch: for the next hypercall
 * @list: the segments of an indirect request, as they came
 */
struct blkback_queue {
	struct blkback_conn *conn;
	unsigned int number;
	struct blkif_sring *shared;
	void *slots;
	u32 nr_slots;
	u32 req_cons;
	u32 rsp_prod;
	u32 rsp_told;
	int irq;
	atomic_t eoi;
	u32 eoi_cons;
	struct task_struct *thread;
	wait_queue_head_t wait;
	bool kicked;
	bool draining;
	bool busy;
	bool trim;
	bool expire;
	bool broken;
	enum blkback_stall stall;
	bool barrier;
	struct blkif_request front;
	bool have_front;
	unsigned int inflight;
	size_t req_bytes;
	struct llist_head ended;
	struct list_head held;
	struct delayed_work retry;
	struct page **pool;
	unsigned int pool_nr;
	unsigned int pool_max;
	unsigned int copy_pages;
	unsigned int max_copy_pages;
	struct rb_root persist;
	unsigned int persist_nr;
	unsigned int max_persist;
	bool persist_full;
	unsigned long persist_look;
	unsigned long active;
	struct list_head in_need;
	struct blkback_stats stats;
	struct blkback_batch batch;
	struct blkif_request_segment list[BLKBACK_MAX_SEGS];
};

/**
 * struct blkback_gate - who may have the disk alone
 * @holder: BLKBACK_OPEN, BLKBACK_DEVICE, or a queue's number after that
 * @wait: the device waits here for the queues
 */
struct blkback_gate {
	atomic_t holder;
	wait_queue_head_t wait;
};

#define BLKBACK_OPEN	0
#define BLKBACK_DEVICE	1
#define BLKBACK_QUEUE	2

/**
 * struct blkback_disk - the block device that a guest is given
 * @file: of it; NULL without one. Changed only by who holds the gate
 * @dev: its number
 * @readonly: the guest may not write
 * @cdrom: the toolstack says that it is one
 * @discard: the toolstack has nothing against discards
 * @sectors: its size as last told the frontend
 */
struct blkback_disk {
	struct file *file;
	dev_t dev;
	bool readonly;
	bool cdrom;
	bool discard;
	u64 sectors;
};

/**
 * struct blkback_conn - a frontend that is connected
 * @dev: its device
 * @disk: what it is served from
 * @guest: whose it is
 * @failed: told once that the guest broke the protocol, in a queue's thread
 * @owner: whose connection it is, for @failed
 * @failing: it was
 * @layout: of requests
 * @persistent: the frontend grants the same pages again and again
 * @order: pages of each ring, a power of two
 * @gate: whether queues may use the disk
 * @nr_queues: how many of @queues there are
 * @queues: the queues
 */
struct blkback_conn {
	struct xenbus_device *dev;
	struct blkback_disk *disk;
	struct blkback_guest *guest;
	void (*failed)(void *owner);
	void *owner;
	atomic_t failing;
	enum blkback_layout layout;
	bool persistent;
	unsigned int order;
	struct blkback_gate gate;
	unsigned int nr_queues;
	struct blkback_queue *queues[] __counted_by(nr_queues);
};

/**
 * struct blkback - a block device that this backend serves
 * @ref: held by the device while it is bound, and by queued work
 * @entry: in the list of all, until it has let go of its guest
 * @dev: the device, referenced
 * @params: tells when the hotplug script has made a block device, or another one
 * @states: tells when the toolstack wants the device to end, and when it has
 * @work: acts on what follows
 * @lock: guards @removed against state changes that come after it, and @disk and
 *	@conn against all but @work, which alone changes them
 * @removed: the device is gone: touch xenstore no more
 * @frontend: the frontend's state, as last heard of
 * @failure: the guest broke the protocol
 * @refused: was closed over an error; the frontend has to close before it is
 *	served again; used by @work only
 * @finished: nobody wants the device any more, and all is closed
 * @has_disk: the hotplug script has run
 * @disk: what the guest is given
 * @conn: while connected
 * @past: what earlier connections have done, guarded by @lock
 * @debugfs: the device's directory
 */
struct blkback {
	struct kref ref;
	struct list_head entry;
	struct xenbus_device *dev;
	struct xenbus_watch params;
	struct xenbus_watch states;
	struct work_struct work;
	struct mutex lock;
	bool removed;
	enum xenbus_state frontend;
	bool failure;
	bool refused;
	bool finished;
	bool has_disk;
	struct blkback_disk disk;
	struct blkback_conn *conn;
	struct blkback_stats past;
	struct dentry *debugfs;
};

/* conn.c */
struct blkback_conn *blkback_conn_open(struct xenbus_device *dev,
				       struct blkback_disk *disk,
				       void (*failed)(void *owner), void *owner,
				       char *why, size_t why_size);
void blkback_conn_stop(struct blkback_conn *conn);
void blkback_conn_free(struct blkback_conn *conn);
void blkback_conn_stats(const struct blkback_conn *conn,
			struct blkback_stats *sum);
void blkback_conn_fail(struct blkback_conn *conn);
void blkback_conn_reclaim(struct blkback_conn *conn);
void blkback_conn_expire(struct blkback_conn *conn);

/* disk.c */
int blkback_disk_read(struct xenbus_device *dev, dev_t *number);
int blkback_disk_open(struct blkback_disk *disk, struct xenbus_device *dev,
		      dev_t number, char *why, size_t why_size);
void blkback_disk_close(struct blkback_disk *disk);
struct block_device *blkback_disk_bdev(const struct blkback_disk *disk);
u64 blkback_disk_sectors(const struct blkback_disk *disk);
void blkback_disk_limits(const struct blkback_disk *disk,
			 struct blkback_limits *limits);
void blkback_disk_settle(struct blkback_disk *disk);
int blkback_disk_offer(struct xenbus_device *dev);
unsigned int blkback_disk_queues(void);
int blkback_disk_publish(struct blkback_disk *disk, struct xenbus_device *dev);
int blkback_disk_announce(struct blkback_disk *disk, struct xenbus_device *dev);

/* gate.c */
void blkback_gate_init(struct blkback_gate *gate);
bool blkback_gate_enter(struct blkback_queue *queue);
void blkback_gate_leave(struct blkback_queue *queue);
bool blkback_gate_hold(struct blkback_queue *queue);
void blkback_gate_release(struct blkback_queue *queue);
void blkback_gate_close(struct blkback_conn *conn);
void blkback_gate_open(struct blkback_conn *conn);

/* queue.c */
struct blkback_queue *blkback_queue_alloc(struct blkback_conn *conn,
					  unsigned int number);
int blkback_queue_open(struct blkback_queue *queue, grant_ref_t *refs,
		       evtchn_port_t evtchn, const char *name);
void blkback_queue_start(struct blkback_queue *queue);
void blkback_queue_stop(struct blkback_queue *queue);
void blkback_queue_free(struct blkback_queue *queue);
void blkback_queue_kick(struct blkback_queue *queue);
int blkback_queue_front(struct blkback_queue *queue);
void blkback_queue_consume(struct blkback_queue *queue);
void blkback_queue_reply(struct blkback_queue *queue, u64 id, u8 operation,
			 s16 status);
void blkback_queue_publish(struct blkback_queue *queue);

/* work.c */
bool blkback_work_finish(struct blkback_queue *queue);
bool blkback_work_take(struct blkback_queue *queue);

/* grant.c */
int blkback_grant_reserve(struct blkback_queue *queue, unsigned int nr);
void blkback_grant_trim(struct blkback_queue *queue, unsigned int keep);
void blkback_grant_describe(struct blkback_queue *queue,
			    struct list_head *reqs);
void blkback_grant_described(struct blkback_queue *queue,
			     struct list_head *reqs);
void blkback_grant_get(struct blkback_queue *queue, struct list_head *reqs);
void blkback_grant_put(struct blkback_queue *queue, struct list_head *reqs);
void blkback_grant_unmap(struct blkback_queue *queue, struct page *page,
			 grant_handle_t handle);
void blkback_grant_flush_unmap(struct blkback_queue *queue);

/* persist.c */
bool blkback_persist_get(struct blkback_queue *queue, struct blkback_seg *seg);
void blkback_persist_add(struct blkback_queue *queue, struct blkback_seg *seg);
void blkback_persist_put(struct blkback_seg *seg);
void blkback_persist_trim(struct blkback_queue *queue, unsigned int unused);

/* io.c */
void blkback_io_submit(struct blkback_queue *queue, struct list_head *reqs);

/* guest.c */
struct blkback_guest *blkback_guest_get(domid_t domid);
void blkback_guest_put(struct blkback_guest *guest);
bool blkback_guest_charge(struct blkback_queue *queue, unsigned int pages);
void blkback_guest_uncharge(struct blkback_queue *queue, unsigned int pages);
bool blkback_guest_keep(struct blkback_queue *queue);
void blkback_guest_forget(struct blkback_queue *queue);
unsigned int blkback_guest_pages_of(struct blkback_guest *guest);

/* sysfs.c */
extern const struct attribute_group *blkback_sysfs_groups[];

/* debugfs.c */
void blkback_debugfs_init(void);
void blkback_debugfs_exit(void);
void blkback_debugfs_add(struct blkback *back);
void blkback_debugfs_remove(struct blkback *back);

#endif /* XEN_BLKBACK_H */
