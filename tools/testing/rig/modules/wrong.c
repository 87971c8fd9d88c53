// SPDX-License-Identifier: GPL-2.0
/* Wrong locking, sleeping, arithmetic, objects, and races */
#include <linux/compiler.h>
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>

#include "faults.h"

static DEFINE_MUTEX(rig_fault_one);
static DEFINE_MUTEX(rig_fault_other);

/* One order, then the other: nobody waits, but two threads might */
int rig_fault_lock_order(const char *args)
{
	mutex_lock(&rig_fault_one);
	mutex_lock(&rig_fault_other);
	mutex_unlock(&rig_fault_other);
	mutex_unlock(&rig_fault_one);

	mutex_lock(&rig_fault_other);
	mutex_lock(&rig_fault_one);
	mutex_unlock(&rig_fault_one);
	mutex_unlock(&rig_fault_other);
	return 0;
}

static DEFINE_SPINLOCK(rig_fault_spin);

int rig_fault_atomic_sleep(const char *args)
{
	spin_lock(&rig_fault_spin);
	might_sleep();
	spin_unlock(&rig_fault_spin);
	return 0;
}

int rig_fault_shift(const char *args)
{
	int bits = 40;
	int value = 1;

	OPTIMIZER_HIDE_VAR(bits);
	value <<= bits;
	OPTIMIZER_HIDE_VAR(value);
	return 0;
}

/* What follows the array is there to be read instead */
static struct {
	int small[4];
	int rest[8];
} rig_fault_array;

int rig_fault_bounds(const char *args)
{
	unsigned int at = 6;

	OPTIMIZER_HIDE_VAR(at);
	READ_ONCE(rig_fault_array.small[at]);
	return 0;
}

static void rig_fault_expired(struct timer_list *timer)
{
}

/* Frees a timer that runs; the detector stops it first, so none without one */
int rig_fault_object(const char *args)
{
	struct timer_list *timer;

	if (!IS_ENABLED(CONFIG_DEBUG_OBJECTS_FREE))
		return -EOPNOTSUPP;
	timer = kmalloc_obj(*timer);
	if (!timer)
		return -ENOMEM;
	timer_setup(timer, rig_fault_expired, 0);
	mod_timer(timer, jiffies + 3600 * HZ);
	kfree(timer);
	return 0;
}

static unsigned long rig_fault_counter;

static int rig_fault_racer(void *arg)
{
	unsigned int i;

	for (i = 0; i < 2000000; i++) {
		/* Plain on purpose */
		rig_fault_counter++;
		barrier();
		if (i % 1024 == 0)
			cond_resched();
	}
	kthread_complete_and_exit(arg, 0);
}

int rig_fault_race(const char *args)
{
	struct completion done[2];
	struct task_struct *task;
	unsigned int i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(done); i++) {
		init_completion(&done[i]);
		task = kthread_run(rig_fault_racer, &done[i], "rig-race");
		if (IS_ERR(task)) {
			err = PTR_ERR(task);
			complete(&done[i]);
		}
	}
	for (i = 0; i < ARRAY_SIZE(done); i++)
		wait_for_completion(&done[i]);
	return err;
}
