// SPDX-License-Identifier: GPL-2.0
/*
 * A ring of a guest, and the thread that works for it.
 *
 * The guest can write to the ring at any time. Its index is read once and checked,
 * a request is copied before anybody looks at it, and what this side has consumed
 * and produced is kept in private memory.
 *
 * All work for the ring is done by one thread: nothing but the list of requests
 * that the disk is done with is shared. It sleeps as long as there is none, without
 * a time to wake up.
 */
#include <linux/delay.h>
#include <linux/freezer.h>
#include <linux/interrupt.h>
#include <linux/kthread.h>
#include <linux/log2.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/unaligned.h>
#include <xen/events.h>
#include <xen/page.h>

#include "back.h"

/* Of each page that a ring has: what may be in use to copy data to */
#define COPY_PAGES_PER_PAGE	16U

#define UNMAP_MS		5

/**
 * blkback_queue_kick - have a queue look for work
 * @queue: the queue
 *
 * Context: any.
 */
void blkback_queue_kick(struct blkback_queue *queue)
{
	WRITE_ONCE(queue->kicked, true);
	/* The flag goes before the look at who sleeps */
	if (wq_has_sleeper(&queue->wait))
		wake_up(&queue->wait);
}

static irqreturn_t handle_event(int irq, void *arg)
{
	struct blkback_queue *queue = arg;

	atomic_set(&queue->eoi, 1);
	blkback_queue_kick(queue);
	return IRQ_HANDLED;
}

static void retry(struct work_struct *work)
{
	struct blkback_queue *queue = container_of(to_delayed_work(work),
						   struct blkback_queue, retry);

	blkback_queue_kick(queue);
}

/* The ring */

static void *slot(const struct blkback_queue *queue, u32 index)
{
	return queue->slots + (index & (queue->nr_slots - 1)) *
			      blkback_request_size(queue->conn->layout);
}

/**
 * blkback_queue_front - copy the request at the front of the ring
 * @queue: the queue; the request is its front then
 *
 * Context: the queue's thread.
 * Return: 1; 0 if there is none; -EPROTO if the guest's index makes no sense.
 */
int blkback_queue_front(struct blkback_queue *queue)
{
	u32 prod;

	if (queue->have_front)
		return 1;
	prod = READ_ONCE(queue->shared->req_prod);
	/* More than fit with those that have no reply yet, or fewer than were */
	if (prod - queue->rsp_prod > queue->nr_slots ||
	    queue->req_cons - queue->rsp_prod > prod - queue->rsp_prod)
		return -EPROTO;
	if (prod == queue->req_cons)
		return 0;
	/* The index before the request; pairs with the guest's barrier */
	virt_rmb();
	blkback_request_copy(&queue->front, slot(queue, queue->req_cons),
			     queue->conn->layout);
	queue->have_front = true;
	return 1;
}

/**
 * blkback_queue_consume - take the request at the front
 * @queue: the queue; its front can be used until the next one is asked for
 *
 * Context: the queue's thread.
 */
void blkback_queue_consume(struct blkback_queue *queue)
{
	queue->have_front = false;
	queue->req_cons++;
}

/**
 * blkback_queue_reply - write a reply into the ring
 * @queue: the queue
 * @id: of the request
 * @operation: of the request
 * @status: BLKIF_RSP_*
 *
 * Context: the queue's thread. The guest sees it after blkback_queue_publish().
 */
void blkback_queue_reply(struct blkback_queue *queue, u64 id, u8 operation,
			 s16 status)
{
	struct blkif_response *rsp = slot(queue, queue->rsp_prod++);

	/* Not as a whole: what is between the fields stays the guest's */
	put_unaligned(id, &rsp->id);
	WRITE_ONCE(rsp->operation, operation);
	WRITE_ONCE(rsp->status, status);
}

/**
 * blkback_queue_publish - let the guest see replies
 * @queue: the queue
 *
 * Context: the queue's thread.
 */
void blkback_queue_publish(struct blkback_queue *queue)
{
	struct blkif_sring *shared = queue->shared;
	u32 told = queue->rsp_told, event;

	if (told == queue->rsp_prod)
		return;
	/* The replies before the index; pairs with the guest's barrier */
	virt_wmb();
	WRITE_ONCE(shared->rsp_prod, queue->rsp_prod);
	queue->rsp_told = queue->rsp_prod;
	/* The index before the look at who waits for it; pairs as above */
	virt_mb();
	event = READ_ONCE(shared->rsp_event);
	if (queue->rsp_prod - event >= queue->rsp_prod - told)
		return;
	notify_remote_via_irq(queue->irq);
	blkback_stats_count(&queue->stats, BLKBACK_NOTIFIES, 1);
}

/*
 * Xen sends no further event until the last one's end was told. One that brought
 * nothing is spurious; a guest that sends many of them has to wait. What it has
 * brought may have been found before it came.
 */
static void end_event(struct blkback_queue *queue)
{
	bool progress = queue->req_cons != queue->eoi_cons;

	if (!atomic_xchg(&queue->eoi, 0))
		return;
	queue->eoi_cons = queue->req_cons;
	blkback_stats_count(&queue->stats, BLKBACK_EVENTS, 1);
	xen_irq_lateeoi(queue->irq, progress ? 0 : XEN_EOI_FLAG_SPURIOUS);
}

/*
 * Nothing is in the ring: only an event tells of what comes next. False if
 * something has come meanwhile, of which none may.
 */
static bool drained(struct blkback_queue *queue)
{
	WRITE_ONCE(queue->shared->req_event, queue->req_cons + 1);
	/* What is waited for before the last look; pairs with the guest's */
	virt_mb();
	if (READ_ONCE(queue->shared->req_prod) != queue->req_cons)
		return false;
	end_event(queue);
	return true;
}

/* The thread */

/* To look at all of them at each pass would cost more than it gives back */
static void let_go_of_unused(struct blkback_queue *queue)
{
	unsigned int seconds = READ_ONCE(blkback_persist_seconds);

	if (time_before(jiffies, queue->persist_look))
		return;
	queue->persist_look = jiffies + HZ;
	/* There was no room: those that the guest has gone over to come in for others */
	if (queue->persist_full)
		blkback_persist_trim(queue, HZ);
	else if (seconds)
		blkback_persist_trim(queue, seconds * HZ);
	queue->persist_full = false;
}

static void give_back(struct blkback_queue *queue)
{
	if (READ_ONCE(queue->trim)) {
		WRITE_ONCE(queue->trim, false);
		blkback_persist_trim(queue, 0);
		blkback_grant_trim(queue, 0);
	}
	if (READ_ONCE(queue->expire)) {
		WRITE_ONCE(queue->expire, false);
		blkback_grant_trim(queue, 0);
	}
	let_go_of_unused(queue);
}

static bool has_work(struct blkback_queue *queue)
{
	return READ_ONCE(queue->kicked) || !llist_empty(&queue->ended) ||
	       (kthread_should_stop() && !queue->draining);
}

/* Until nothing is left to do but to wait for somebody */
static void work(struct blkback_queue *queue)
{
	bool more;

	do {
		/* Whoever sets it from here on has his work seen below, or next */
		xchg(&queue->kicked, false);
		if (kthread_should_stop())
			queue->draining = true;
		more = blkback_work_finish(queue);
		give_back(queue);
		if (!queue->draining && !READ_ONCE(queue->broken)) {
			more |= blkback_work_take(queue);
			if (!more && queue->stall == BLKBACK_RUNS)
				more = !drained(queue);
		}
		WRITE_ONCE(queue->active, jiffies);
		cond_resched();
	} while (more);
}

static int run(void *arg)
{
	struct blkback_queue *queue = arg;
	unsigned int flags = memalloc_noio_save();

	set_freezable();
	while (!queue->draining || queue->inflight) {
		wait_event_freezable(queue->wait, has_work(queue));
		work(queue);
	}
	/* A barrier that had to wait goes no more */
	blkback_gate_release(queue);
	blkback_guest_forget(queue);
	memalloc_noio_restore(flags);
	return 0;
}

/**
 * blkback_queue_alloc - make a queue that can be freed
 * @conn: the connection it belongs to
 * @number: which of its queues
 *
 * Context: may sleep.
 * Return: the queue, or NULL without memory.
 */
struct blkback_queue *blkback_queue_alloc(struct blkback_conn *conn,
					  unsigned int number)
{
	struct blkback_queue *queue = kvzalloc(sizeof(*queue), GFP_KERNEL);

	if (!queue)
		return NULL;
	queue->conn = conn;
	queue->number = number;
	queue->irq = -1;
	init_waitqueue_head(&queue->wait);
	init_llist_head(&queue->ended);
	INIT_LIST_HEAD(&queue->held);
	INIT_LIST_HEAD(&queue->in_need);
	INIT_DELAYED_WORK(&queue->retry, retry);
	queue->persist = RB_ROOT;
	queue->persist_look = jiffies;
	return queue;
}

/* What it may hold, by the size of the ring that was negotiated */
static int size_queue(struct blkback_queue *queue)
{
	unsigned int most = queue->nr_slots * BLKIF_MAX_SEGMENTS_PER_REQUEST;

	queue->max_copy_pages = COPY_PAGES_PER_PAGE << queue->conn->order;
	/* Not by the slots: of indirect requests each has more than one page */
	queue->max_persist = READ_ONCE(blkback_max_persist);
	queue->pool_max = min(most, READ_ONCE(blkback_buffer_pages));
	queue->pool_max = max(queue->pool_max, BLKBACK_PASS_PAGES);
	queue->pool = kvmalloc_array(queue->pool_max, sizeof(*queue->pool),
				     GFP_KERNEL);
	return queue->pool ? 0 : -ENOMEM;
}

/* Goes on where the last backend ended, which has replied to all it took */
static int attach(struct blkback_queue *queue, void *ring)
{
	struct blkif_sring *shared = ring;
	unsigned int bytes = XEN_PAGE_SIZE << queue->conn->order;
	u32 size = blkback_request_size(queue->conn->layout);

	queue->shared = shared;
	queue->slots = ring + offsetof(struct blkif_sring, ring);
	bytes -= offsetof(struct blkif_sring, ring);
	queue->nr_slots = rounddown_pow_of_two(bytes / size);
	queue->rsp_prod = READ_ONCE(shared->rsp_prod);
	queue->rsp_told = queue->rsp_prod;
	queue->req_cons = queue->rsp_prod;
	queue->eoi_cons = queue->req_cons;
	if (READ_ONCE(shared->req_prod) - queue->rsp_prod > queue->nr_slots)
		return -EPROTO;
	return size_queue(queue);
}

/**
 * blkback_queue_open - map a ring, and make what works for it
 * @queue: from blkback_queue_alloc()
 * @refs: the guest's grants of its pages, as many as the connection's order says
 * @evtchn: the guest's event channel
 * @name: of the thread
 *
 * Context: may sleep.
 * Return: 0 or a negative errno; the queue can be freed in either case.
 */
int blkback_queue_open(struct blkback_queue *queue, grant_ref_t *refs,
		       evtchn_port_t evtchn, const char *name)
{
	struct xenbus_device *dev = queue->conn->dev;
	struct task_struct *thread;
	void *ring;
	int err;

	err = xenbus_map_ring_valloc(dev, refs, 1U << queue->conn->order,
				     &ring);
	if (err)
		return err;
	err = attach(queue, ring);
	if (err)
		return err;
	queue->irq = bind_interdomain_evtchn_to_irqhandler_lateeoi(dev, evtchn,
								   handle_event,
								   IRQF_NO_AUTOEN,
								   "blkif-backend",
								   queue);
	if (queue->irq < 0)
		return queue->irq;
	thread = kthread_create(run, queue, "%s-%u", name, queue->number);
	if (IS_ERR(thread))
		return PTR_ERR(thread);
	queue->thread = thread;
	return 0;
}

/**
 * blkback_queue_start - begin to work for a ring
 * @queue: from blkback_queue_open()
 *
 * Context: may sleep.
 */
void blkback_queue_start(struct blkback_queue *queue)
{
	/* The guest may have sent requests before anybody listened */
	queue->kicked = true;
	wake_up_process(queue->thread);
	enable_irq(queue->irq);
}

static void stop_thread(struct blkback_queue *queue)
{
	if (!queue->thread)
		return;
	kthread_stop(queue->thread);
	queue->thread = NULL;
}

/* What somebody still refers to, such as a network that may send again, later */
static void unmap_all(struct blkback_queue *queue)
{
	blkback_persist_trim(queue, 0);
	while (queue->persist_nr) {
		msleep(UNMAP_MS);
		blkback_persist_trim(queue, 0);
	}
}

/**
 * blkback_queue_stop - end the work for a ring
 * @queue: from blkback_queue_alloc()
 *
 * Requests that were taken are finished and replied to; others stay in the ring.
 *
 * Context: may sleep, as long as the disk takes.
 */
void blkback_queue_stop(struct blkback_queue *queue)
{
	stop_thread(queue);
	/* Pairs with the read side in end_part() of io.c */
	synchronize_rcu();
	cancel_delayed_work_sync(&queue->retry);
	unmap_all(queue);
	blkback_grant_trim(queue, 0);
}

/**
 * blkback_queue_free - give back what a queue has
 * @queue: not at work; no queue of the connection is
 *
 * Context: may sleep.
 */
void blkback_queue_free(struct blkback_queue *queue)
{
	if (queue->irq >= 0)
		unbind_from_irqhandler(queue->irq, queue);
	if (queue->shared)
		xenbus_unmap_ring_vfree(queue->conn->dev, queue->shared);
	kvfree(queue->pool);
	kvfree(queue);
}
