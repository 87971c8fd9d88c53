/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The Xen block frontend: what its files share.
 *
 *  main.c	the module and its parameters
 *  bus.c	the device: handshake with the backend over xenstore
 *  negotiate.c	what the backend is told: rings, and where they are
 *  feature.c	what the backend offers
 *  disk.c	the disk: its size, limits and life
 *  name.c	what a virtual device is called
 *  queue.c	what the block layer asks for
 *  request.c	a request: its segments, grants and copies
 *  ring.c	a ring: requests out, replies in
 *  pool.c	grants and buffers of a ring
 */
#ifndef XEN_BLKFRONT_FRONT_H
#define XEN_BLKFRONT_FRONT_H

#include <linux/bio.h>
#include <linux/bits.h>
#include <linux/blk-mq.h>
#include <linux/irqreturn.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <xen/grant_table.h>
#include <xen/interface/event_channel.h>
#include <xen/interface/io/blkif.h>
#include <xen/page.h>
#include <xen/xenbus.h>

struct blkfront_dev;

/* What one page of indirect segments holds: the most that a request may have */
#define BLKFRONT_MAX_SEGS \
	(XEN_PAGE_SIZE / sizeof(struct blkif_request_segment))

/* Numbers of devices above the old ones: 20 bits of disk, 8 of partition */
#define BLKFRONT_EXTENDED	BIT(28)

/* How long what a ring does not use is kept for it */
#define BLKFRONT_TRIM_INTERVAL	(10 * HZ)

/* No operation of the protocol */
#define BLKFRONT_OP_NONE	0xff

/**
 * struct blkfront_buf - a page of this side's own that the backend may use
 * @next: in a pool
 * @page: granted from its allocation to its end
 * @ref: its grant
 */
struct blkfront_buf {
	struct blkfront_buf *next;
	struct page *page;
	grant_ref_t ref;
};

/**
 * struct blkfront_seg - a part of a request's data, within one granted page
 * @pfn: the page, in Xen's pages, if the request is not bounced
 * @buf: the buffer, if it is
 * @ref: the grant; INVALID_GRANT_REF once it has ended
 * @first: first sector of the page
 * @last: last sector of the page
 */
struct blkfront_seg {
	union {
		unsigned long pfn;
		struct blkfront_buf *buf;
	};
	grant_ref_t ref;
	u8 first;
	u8 last;
};

/**
 * struct blkfront_req - what the driver knows of a request
 * @indirect: the page with its segments, if they do not fit on the ring
 * @slot: where the ring knows it by
 * @nr_segs: how many @segs it has
 * @op: what the backend is asked for
 * @bounced: data go through buffers
 * @granted: holds grants and buffers, which are to be given back
 * @status: what became of it
 * @segs: as many as the disk's requests may have
 */
struct blkfront_req {
	struct blkfront_buf *indirect;
	u16 slot;
	u16 nr_segs;
	u8 op;
	bool bounced;
	bool granted;
	blk_status_t status;
	struct blkfront_seg segs[];
};

/**
 * struct blkfront_pool - grants and buffers for a ring's requests
 * @refs: grants that nobody uses, @nr_refs of them
 * @max_refs: room in @refs
 * @nr_refs: how many there are
 * @low_refs: fewest there were since the pool was last trimmed
 * @min_refs: what stays whatever happens, for one request to go on with
 * @bufs: buffers that nobody uses
 * @nr_bufs: how many there are
 * @low_bufs: as @low_refs
 * @min_bufs: as @min_refs
 * @all_bufs: how many there are with those that requests use
 *
 * Guarded by the ring's lock.
 */
struct blkfront_pool {
	grant_ref_t *refs;
	unsigned int max_refs;
	unsigned int nr_refs;
	unsigned int low_refs;
	unsigned int min_refs;
	struct blkfront_buf *bufs;
	unsigned int nr_bufs;
	unsigned int low_bufs;
	unsigned int min_bufs;
	unsigned int all_bufs;
};

/**
 * struct blkfront_slot - a request that the backend has, or room for one
 * @id: what the backend knows it by: its index, and how often it was used
 * @rq: the request, or NULL
 * @op: what a reply to it must say
 * @next: index of the next free slot
 */
struct blkfront_slot {
	u64 id;
	struct request *rq;
	u8 op;
	u16 next;
};

/**
 * struct blkfront_ring - a ring that requests go out on and replies come in from
 * @dev: the device it belongs to
 * @polled: its replies are looked for, no event tells of them
 * @lock: guards all that follows but the pages, grants and event channel, which
 *	change only while nobody uses the ring; taken in interrupts
 * @live: requests may be sent, and replies are expected
 * @ring: the indices, and the shared pages
 * @pushed: how far the backend was told of requests
 * @told: which reply the backend was told to send an event for
 * @slots: one for each entry of the ring
 * @nr_slots: how many there are; a power of two
 * @free_slot: the first that is free, or @nr_slots
 * @in_flight: how many are not
 * @pool: grants and buffers
 * @sring: the shared pages
 * @size: their size in bytes
 * @nr_pages: how many pages of Xen's size were granted so far
 * @refs: their grants, this side's own record
 * @evtchn: the event channel's port
 * @irq: bound to it, or negative
 */
struct blkfront_ring {
	struct blkfront_dev *dev;
	bool polled;

	spinlock_t lock;
	bool live;
	struct blkif_front_ring ring;
	RING_IDX pushed;
	RING_IDX told;
	struct blkfront_slot *slots;
	unsigned int nr_slots;
	unsigned int free_slot;
	unsigned int in_flight;
	struct blkfront_pool pool;

	struct blkif_sring *sring;
	size_t size;
	unsigned int nr_pages;
	grant_ref_t refs[XENBUS_MAX_RING_GRANTS];
	evtchn_port_t evtchn;
	int irq;
} ____cacheline_aligned_in_smp;

/**
 * struct blkfront_features - what a backend offers, checked
 * @sectors: size of the disk in sectors of 512 bytes
 * @sector_size: smallest unit of access in bytes
 * @physical_size: what the device itself works with, in bytes
 * @info: VDISK_*
 * @flush_op: what makes data durable, or BLKFRONT_OP_NONE
 * @discard: takes discards
 * @secure: takes secure discards
 * @granularity: of discards, in bytes; 0 if not said
 * @alignment: of discards, in bytes
 * @persistent: keeps pages mapped
 * @max_segs: most segments of a request
 */
struct blkfront_features {
	u64 sectors;
	unsigned int sector_size;
	unsigned int physical_size;
	unsigned int info;
	u8 flush_op;
	bool discard;
	bool secure;
	unsigned int granularity;
	unsigned int alignment;
	bool persistent;
	unsigned int max_segs;
};

/**
 * struct blkfront_name - what a virtual device is called
 * @name: of the disk, or of the partition that stands for one
 * @first_minor: its device number
 * @minors: how many it has
 */
struct blkfront_name {
	char name[DISK_NAME_LEN];
	unsigned int first_minor;
	unsigned int minors;
};

/**
 * enum blkfront_phase - how a device stands to its backend
 * @BLKFRONT_WAITING: there are no rings
 * @BLKFRONT_CONNECTING: the backend was told of the rings
 * @BLKFRONT_LIVE: requests are served
 * @BLKFRONT_RELEASING: the backend is to let go of the rings and of all data;
 *	requests are kept
 * @BLKFRONT_DEAD: unplugged, or its backend broke the protocol: requests fail
 */
enum blkfront_phase {
	BLKFRONT_WAITING,
	BLKFRONT_CONNECTING,
	BLKFRONT_LIVE,
	BLKFRONT_RELEASING,
	BLKFRONT_DEAD,
};

/**
 * enum blkfront_step - what a change of the backend's state leads to
 * @BLKFRONT_STAY: nothing
 * @BLKFRONT_CONNECT: the backend waits: open rings and tell it
 * @BLKFRONT_GO_LIVE: the backend has mapped the rings: use them
 * @BLKFRONT_REREAD: the disk may have another size, or be another one
 * @BLKFRONT_HOLD: the backend goes and may come back: keep requests until then
 * @BLKFRONT_RESTART: it has gone and come back already
 * @BLKFRONT_RELEASE: it has let go: take back what it had
 * @BLKFRONT_CLOSE: it goes for good
 */
enum blkfront_step {
	BLKFRONT_STAY,
	BLKFRONT_CONNECT,
	BLKFRONT_GO_LIVE,
	BLKFRONT_REREAD,
	BLKFRONT_HOLD,
	BLKFRONT_RESTART,
	BLKFRONT_RELEASE,
	BLKFRONT_CLOSE,
};

/**
 * struct blkfront_dev - a virtual block device
 * @bus: the xenbus device; valid until it is removed
 * @vdevice: its number, which says its name
 * @handle: what the backend knows it by
 * @lock: guards @phase, @held, @removing and the opening and closing of rings;
 *	never held while waiting for a request
 * @phase: enum blkfront_phase
 * @held: the queue is quiesced
 * @removing: the device is being removed: a request that is not answered ends it
 * @since: when the backend was asked to let go
 * @fault: how the backend broke the protocol, or NULL
 * @fault_value: the value that did
 * @features: what the backend offers
 * @bounce: data go through buffers
 * @name: what it is called
 * @name_list: in the list of all names
 * @disk: from the first connection on
 * @added: the disk is to be deleted
 * @tags: the disk's hardware queues
 * @nr_queues: how many there are, with those that are polled
 * @nr_polled: how many are polled: the last ones
 * @max_segs: most segments that a blkfront_req has room for
 * @rings: all that there may be
 * @max_rings: how many that is
 * @nr_rings: how many are used; changes only while the queue is quiesced
 * @add: makes the disk known
 * @reset: what a request that is not answered leads to
 * @failure: what a broken protocol leads to
 * @step: looks again at what xenbus does not tell of
 * @trim: gives back what the rings' pools do not need
 * @trim_tries: how often that was in vain
 * @trimming: @trim is on its way
 * @resubmit: sends @bios again
 * @bio_lock: guards @bios
 * @bios: of requests that the backend before took, but this one does not
 */
struct blkfront_dev {
	struct xenbus_device *bus;
	unsigned int vdevice;
	blkif_vdev_t handle;

	struct mutex lock;
	enum blkfront_phase phase;
	bool held;
	bool removing;
	unsigned long since;
	const char *fault;
	unsigned long fault_value;

	struct blkfront_features features;
	bool bounce;
	struct blkfront_name name;
	struct list_head name_list;
	struct gendisk *disk;
	bool added;
	struct blk_mq_tag_set tags;
	unsigned int nr_queues;
	unsigned int nr_polled;
	unsigned int max_segs;

	struct blkfront_ring *rings;
	unsigned int max_rings;
	unsigned int nr_rings;

	struct work_struct add;
	struct work_struct reset;
	struct work_struct failure;
	struct delayed_work step;
	struct delayed_work trim;
	unsigned int trim_tries;
	bool trimming;

	struct work_struct resubmit;
	spinlock_t bio_lock;
	struct bio_list bios;
};

/* main.c: what the parameters say, within what makes sense */
unsigned int blkfront_param_queues(void);
unsigned int blkfront_param_polled(void);
unsigned int blkfront_param_order(void);
unsigned int blkfront_param_segs(void);
bool blkfront_param_persistent(void);
bool blkfront_param_trusted(void);

/* bus.c */
int blkfront_bus_register(void);
void blkfront_bus_unregister(void);
void blkfront_violation(struct blkfront_ring *ring, const char *what,
			unsigned long value);

/* negotiate.c */
int blkfront_negotiate(struct blkfront_dev *dev);

/* feature.c */
int blkfront_features_read(struct blkfront_dev *dev,
			   struct blkfront_features *features);
int blkfront_medium_read(struct blkfront_dev *dev, struct blkfront_features *f);

/* disk.c */
int blkfront_disk_alloc(struct blkfront_dev *dev);
void blkfront_disk_spread_events(struct blkfront_dev *dev);
void blkfront_disk_add(struct blkfront_dev *dev);
void blkfront_disk_update(struct blkfront_dev *dev);
void blkfront_disk_put(struct blkfront_dev *dev);

/* name.c */
int blkfront_name_claim(struct blkfront_dev *dev);
void blkfront_name_release(struct blkfront_dev *dev);

/* queue.c */
extern const struct blk_mq_ops blkfront_queue_ops;
void blkfront_queue_hold(struct blkfront_dev *dev);
void blkfront_queue_go_on(struct blkfront_dev *dev);
void blkfront_queue_resubmit(struct work_struct *work);

/* request.c */
blk_status_t blkfront_req_plan(struct blkfront_dev *dev, struct request *rq);
unsigned int blkfront_req_refs(const struct blkfront_req *req);
unsigned int blkfront_req_bufs(const struct blkfront_req *req);
void blkfront_req_take(struct blkfront_pool *pool, struct blkfront_req *req);
void blkfront_req_grant(struct blkfront_dev *dev, struct request *rq);
void blkfront_req_encode(const struct blkfront_req *req, u64 sector,
			 u64 nr_sectors, blkif_vdev_t handle, u64 id,
			 bool secure, struct blkif_request *out);
bool blkfront_req_finish(struct request *rq);
void blkfront_req_give_back(struct blkfront_ring *ring,
			    struct blkfront_req *req);
unsigned int blkfront_req_release(struct blkfront_req *req);
void blkfront_req_abandon(struct blkfront_req *req);

/* ring.c */
void blkfront_ring_init(struct blkfront_ring *ring, struct blkfront_dev *dev);
int blkfront_ring_open(struct blkfront_ring *ring, unsigned int order);
int blkfront_ring_fill(struct blkfront_ring *ring);
void blkfront_ring_start(struct blkfront_ring *ring);
int blkfront_ring_reserve(struct blkfront_ring *ring, struct request *rq);
void blkfront_ring_put(struct blkfront_ring *ring, struct request *rq);
bool blkfront_ring_push(struct blkfront_ring *ring);
void blkfront_ring_notify(struct blkfront_ring *ring);
unsigned int blkfront_ring_reap(struct blkfront_ring *ring,
				struct io_comp_batch *iob);
void blkfront_ring_stop(struct blkfront_ring *ring);
unsigned int blkfront_ring_release(struct blkfront_ring *ring);
void blkfront_ring_end_requests(struct blkfront_ring *ring, bool replay);
void blkfront_ring_close(struct blkfront_ring *ring);

/* pool.c */
int blkfront_pool_init(struct blkfront_pool *pool, unsigned int max_refs);
bool blkfront_pool_has(const struct blkfront_pool *pool, unsigned int refs,
		       unsigned int bufs);
grant_ref_t blkfront_pool_get_ref(struct blkfront_pool *pool);
void blkfront_pool_put_ref(struct blkfront_pool *pool, grant_ref_t ref);
struct blkfront_buf *blkfront_pool_get_buf(struct blkfront_pool *pool);
void blkfront_pool_put_buf(struct blkfront_pool *pool,
			   struct blkfront_buf *buf);
int blkfront_pool_grow(struct blkfront_ring *ring, unsigned int refs,
		       unsigned int bufs, gfp_t gfp);
unsigned int blkfront_pool_trim(struct blkfront_ring *ring);
void blkfront_pool_free(struct blkfront_pool *pool);
bool blkfront_buf_release(struct blkfront_buf *buf);
void blkfront_buf_free(struct blkfront_buf *buf);

#if IS_ENABLED(CONFIG_KUNIT)
int blkfront_name_make(unsigned int vdevice, struct blkfront_name *name);
int blkfront_segs_add(struct blkfront_seg *segs, unsigned int nr,
		      unsigned int max, unsigned long pfn, unsigned int offset,
		      unsigned int len);
const char *blkfront_ring_check(const struct blkfront_ring *ring,
				const struct blkif_response *rsp);
enum blkfront_step blkfront_next(enum xenbus_state backend,
				 enum xenbus_state own, bool online,
				 bool releasing);
#endif

#endif /* XEN_BLKFRONT_FRONT_H */
