/* SPDX-License-Identifier: GPL-2.0 */
/* Spinlocks that are real, and that know what must not be done under them */
#ifndef SHIM_LINUX_SPINLOCK_H
#define SHIM_LINUX_SPINLOCK_H

#include <pthread.h>

typedef struct {
	pthread_mutex_t mutex;
} spinlock_t;

void unit_spin_lock_init(spinlock_t *lock);
void unit_spin_lock(spinlock_t *lock);
void unit_spin_unlock(spinlock_t *lock);

/* Aborts if this thread holds a spinlock */
void unit_may_sleep(const char *who);

#define spin_lock_init(lock)	unit_spin_lock_init(lock)
#define spin_lock(lock)		unit_spin_lock(lock)
#define spin_unlock(lock)	unit_spin_unlock(lock)

#endif /* SHIM_LINUX_SPINLOCK_H */
