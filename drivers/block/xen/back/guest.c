// SPDX-License-Identifier: GPL-2.0
/*
 * How much one guest may have this domain hold, whatever number of disks and
 * rings it opens: pages of requests that are under way, and pages that stay
 * mapped. A request that would be too much waits until others are finished.
 */
#include <linux/slab.h>

#include "back.h"

/**
 * struct blkback_guest - a guest that has connections
 * @entry: in the list of all
 * @domid: which
 * @users: connections; guarded by guests_lock
 * @pages: held for it now
 * @lock: guards @waiting
 * @waiting: queues of it that wait for pages
 */
struct blkback_guest {
	struct list_head entry;
	domid_t domid;
	unsigned int users;
	atomic_t pages;
	spinlock_t lock;
	struct list_head waiting;
};

/* Guards the list and the number of users of each */
static DEFINE_MUTEX(guests_lock);
static LIST_HEAD(guests);

static struct blkback_guest *find_guest(domid_t domid)
{
	struct blkback_guest *guest;

	lockdep_assert_held(&guests_lock);
	list_for_each_entry(guest, &guests, entry) {
		if (guest->domid == domid)
			return guest;
	}
	return NULL;
}

static struct blkback_guest *new_guest(domid_t domid)
{
	struct blkback_guest *guest = kzalloc_obj(*guest);

	if (!guest)
		return NULL;
	guest->domid = domid;
	spin_lock_init(&guest->lock);
	INIT_LIST_HEAD(&guest->waiting);
	list_add(&guest->entry, &guests);
	return guest;
}

/**
 * blkback_guest_get - count one more connection of a guest
 * @domid: the guest
 *
 * Context: may sleep.
 * Return: what its connections share, or NULL without memory.
 */
struct blkback_guest *blkback_guest_get(domid_t domid)
{
	struct blkback_guest *guest;

	mutex_lock(&guests_lock);
	guest = find_guest(domid) ?: new_guest(domid);
	if (guest)
		guest->users++;
	mutex_unlock(&guests_lock);
	return guest;
}

/**
 * blkback_guest_put - a connection has ended
 * @guest: from blkback_guest_get()
 *
 * Context: may sleep.
 */
void blkback_guest_put(struct blkback_guest *guest)
{
	mutex_lock(&guests_lock);
	if (!--guest->users) {
		list_del(&guest->entry);
		kfree(guest);
	}
	mutex_unlock(&guests_lock);
}

/* No less than the largest request twice: half is for pages that stay mapped */
static unsigned int limit_of(const struct blkback_guest *guest)
{
	return max(READ_ONCE(blkback_guest_pages), 2 * BLKBACK_MAX_SEGS);
}

static bool try_charge(struct blkback_guest *guest, unsigned int pages)
{
	unsigned int limit = limit_of(guest);
	int held = atomic_read(&guest->pages);

	do {
		if (held + pages > limit)
			return false;
	} while (!atomic_try_cmpxchg(&guest->pages, &held, held + pages));
	return true;
}

/**
 * blkback_guest_charge - count pages that are to be held for a guest
 * @queue: which of its queues wants them
 * @pages: how many, 0 to BLKBACK_MAX_SEGS
 *
 * Context: the queue's thread.
 * Return: true if they may be held; false if there are too many. The queue is
 * kicked when some were given back.
 */
bool blkback_guest_charge(struct blkback_queue *queue, unsigned int pages)
{
	struct blkback_guest *guest = queue->conn->guest;

	if (try_charge(guest, pages))
		return true;
	spin_lock(&guest->lock);
	if (list_empty(&queue->in_need))
		list_add_tail(&queue->in_need, &guest->waiting);
	spin_unlock(&guest->lock);
	/*
	 * Some may have come back before this queue was on the list. Pairs with
	 * the barrier in blkback_guest_uncharge(): either this finds the pages,
	 * or that finds the queue.
	 */
	smp_mb();
	if (!try_charge(guest, pages))
		return false;
	blkback_guest_forget(queue);
	return true;
}

/**
 * blkback_guest_forget - a queue waits for pages no more
 * @queue: the queue
 *
 * Context: the queue's thread.
 */
void blkback_guest_forget(struct blkback_queue *queue)
{
	struct blkback_guest *guest = queue->conn->guest;

	spin_lock(&guest->lock);
	list_del_init(&queue->in_need);
	spin_unlock(&guest->lock);
}

/**
 * blkback_guest_uncharge - pages of a guest are held no more
 * @queue: which of its queues had them
 * @pages: how many
 *
 * Context: a queue's thread.
 */
void blkback_guest_uncharge(struct blkback_queue *queue, unsigned int pages)
{
	struct blkback_guest *guest = queue->conn->guest;
	struct blkback_queue *waiting, *next;

	if (!pages)
		return;
	atomic_sub(pages, &guest->pages);
	/* Pairs with the barrier in blkback_guest_charge() */
	smp_mb__after_atomic();
	if (list_empty_careful(&guest->waiting))
		return;
	spin_lock(&guest->lock);
	list_for_each_entry_safe(waiting, next, &guest->waiting, in_need) {
		list_del_init(&waiting->in_need);
		blkback_queue_kick(waiting);
	}
	spin_unlock(&guest->lock);
}

/**
 * blkback_guest_keep - count a page that is to stay mapped
 * @queue: which of the guest's queues has it
 *
 * Half of what a guest may have is for requests only, so that pages which stay
 * mapped for one disk never keep another from working.
 *
 * Context: the queue's thread.
 * Return: true if it may stay, and is counted until blkback_guest_uncharge().
 */
bool blkback_guest_keep(struct blkback_queue *queue)
{
	struct blkback_guest *guest = queue->conn->guest;

	/* Some queues at once may go beyond the half by a page each */
	if (atomic_read(&guest->pages) >= limit_of(guest) / 2)
		return false;
	atomic_inc(&guest->pages);
	return true;
}

/**
 * blkback_guest_pages_of - how many pages are held for a guest
 * @guest: the guest
 *
 * Context: any.
 * Return: how many.
 */
unsigned int blkback_guest_pages_of(struct blkback_guest *guest)
{
	return atomic_read(&guest->pages);
}
