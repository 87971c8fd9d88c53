// SPDX-License-Identifier: GPL-2.0
/*
 * What the headers of shim/ declare: as much of the kernel as the tested files
 * call, strict where the kernel only hopes. A wrong use of it ends the test.
 */
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>

#include "unit.h"

struct unit_counts unit_counts;
long unit_fail_allocation;
void (*unit_after_read)(const volatile void *at);

static __thread int spinlocks_held;

static void expect(int error, const char *what)
{
	if (error)
		unit_fail("shim.c", 0, "%s: %s", what, strerror(error));
}

void unit_count(long *counter, long by)
{
	__atomic_add_fetch(counter, by, __ATOMIC_RELAXED);
}

void unit_spin_lock_init(spinlock_t *lock)
{
	pthread_mutexattr_t attributes;

	expect(pthread_mutexattr_init(&attributes), "spin_lock_init");
	expect(pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK),
	       "spin_lock_init");
	expect(pthread_mutex_init(&lock->mutex, &attributes), "spin_lock_init");
}

void unit_spin_lock(spinlock_t *lock)
{
	expect(pthread_mutex_lock(&lock->mutex), "spin_lock");
	spinlocks_held++;
}

void unit_spin_unlock(spinlock_t *lock)
{
	spinlocks_held--;
	expect(pthread_mutex_unlock(&lock->mutex), "spin_unlock");
}

void unit_may_sleep(const char *who)
{
	if (spinlocks_held)
		unit_fail("shim.c", 0, "%s may sleep, and a spinlock is held",
			  who);
}

void unit_mutex_init(struct mutex *lock)
{
	expect(pthread_mutex_init(&lock->mutex, NULL), "mutex_init");
}

void unit_mutex_lock(struct mutex *lock)
{
	unit_may_sleep("mutex_lock");
	expect(pthread_mutex_lock(&lock->mutex), "mutex_lock");
}

void unit_mutex_unlock(struct mutex *lock)
{
	expect(pthread_mutex_unlock(&lock->mutex), "mutex_unlock");
}

void unit_mutex_destroy(struct mutex *lock)
{
	expect(pthread_mutex_destroy(&lock->mutex), "mutex_destroy");
}

void refcount_set(refcount_t *counter, int value)
{
	__atomic_store_n(&counter->refs, value, __ATOMIC_RELAXED);
}

void refcount_inc(refcount_t *counter)
{
	if (__atomic_fetch_add(&counter->refs, 1, __ATOMIC_RELAXED) <= 0)
		unit_fail("shim.c", 0, "refcount_inc: the count was 0");
}

bool refcount_dec_and_test(refcount_t *counter)
{
	int before = __atomic_fetch_sub(&counter->refs, 1, __ATOMIC_ACQ_REL);

	if (before <= 0)
		unit_fail("shim.c", 0, "refcount_dec: the count was %d", before);
	return before == 1;
}

int refcount_read(const refcount_t *counter)
{
	return __atomic_load_n(&counter->refs, __ATOMIC_RELAXED);
}

void *unit_zalloc(size_t size)
{
	void *memory;

	unit_may_sleep("kzalloc");
	if (unit_fail_allocation && --unit_fail_allocation == 0)
		return NULL;
	memory = calloc(1, size);
	if (!memory)
		abort();
	unit_count(&unit_counts.allocations, 1);
	return memory;
}

void kfree(const void *what)
{
	if (what)
		unit_count(&unit_counts.allocations, -1);
	free((void *)what);
}

void *unit_xa_store(struct xarray *xa, unsigned long index, void *entry)
{
	unit_may_sleep("xa_store");
	if (index >= UNIT_XA_SIZE)
		unit_fail("shim.c", 0, "xa_store: index %lu", index);
	if (!xa->entries)
		xa->entries = unit_zalloc(UNIT_XA_SIZE * sizeof(void *));
	if (!xa->entries)
		return (void *)(intptr_t)-ENOMEM;
	xa->entries[index] = entry;
	return NULL;
}
