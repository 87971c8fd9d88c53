/* SPDX-License-Identifier: GPL-2.0 */
/* Mutexes */
#ifndef SHIM_LINUX_MUTEX_H
#define SHIM_LINUX_MUTEX_H

#include <linux/spinlock.h>

struct mutex {
	pthread_mutex_t mutex;
};

void unit_mutex_init(struct mutex *lock);
void unit_mutex_lock(struct mutex *lock);
void unit_mutex_unlock(struct mutex *lock);
void unit_mutex_destroy(struct mutex *lock);

#define mutex_init(lock)	unit_mutex_init(lock)
#define mutex_lock(lock)	unit_mutex_lock(lock)
#define mutex_unlock(lock)	unit_mutex_unlock(lock)
#define mutex_destroy(lock)	unit_mutex_destroy(lock)

#endif /* SHIM_LINUX_MUTEX_H */
