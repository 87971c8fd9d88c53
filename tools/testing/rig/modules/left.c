// SPDX-License-Identifier: GPL-2.0
/*
 * What is left behind: nothing is wrong with it but that it is still there at
 * the end. The module stays with it.
 */
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "faults.h"

static int rig_fault_sleeper(void *unused)
{
	while (!kthread_should_stop())
		schedule_timeout_idle(HZ);
	return 0;
}

int rig_fault_thread(const char *args)
{
	struct task_struct *task;

	__module_get(THIS_MODULE);
	task = kthread_run(rig_fault_sleeper, NULL, "rig-fault");
	if (IS_ERR(task))
		module_put(THIS_MODULE);
	return PTR_ERR_OR_ZERO(task);
}

#define RIG_FAULT_OBJECTS	64

/* Known from here, so that they are no leak to kmemleak */
static struct kmem_cache *rig_fault_cache;
static void *rig_fault_objects[RIG_FAULT_OBJECTS];

int rig_fault_slab(const char *args)
{
	unsigned int i;

	if (rig_fault_cache)
		return -EBUSY;
	rig_fault_cache = kmem_cache_create("rig_fault", 64, 0, SLAB_NO_MERGE,
					    NULL);
	if (!rig_fault_cache)
		return -ENOMEM;
	__module_get(THIS_MODULE);
	for (i = 0; i < RIG_FAULT_OBJECTS; i++) {
		rig_fault_objects[i] = kmem_cache_alloc(rig_fault_cache,
							GFP_KERNEL);
		if (!rig_fault_objects[i])
			return -ENOMEM;
	}
	return 0;
}
