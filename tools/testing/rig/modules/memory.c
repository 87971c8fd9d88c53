// SPDX-License-Identifier: GPL-2.0
/* Memory that is lost, or used where or when it is nobody's */
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/slab.h>

#include "faults.h"

#define RIG_FAULT_SIZE	40

/* Several: a stale register or stack slot may still point to one of them */
int rig_fault_leak(const char *args)
{
	unsigned int i;
	u8 *lost;

	for (i = 0; i < 16; i++) {
		lost = kmalloc(RIG_FAULT_SIZE, GFP_KERNEL);
		if (!lost)
			return -ENOMEM;
		WRITE_ONCE(lost[0], i);
	}
	return 0;
}

/* A read: without KASAN it does no harm */
int rig_fault_overrun(const char *args)
{
	u8 *bytes = kmalloc(RIG_FAULT_SIZE, GFP_KERNEL);
	unsigned int at = RIG_FAULT_SIZE;

	if (!bytes)
		return -ENOMEM;
	OPTIMIZER_HIDE_VAR(at);
	READ_ONCE(bytes[at]);
	kfree(bytes);
	return 0;
}

int rig_fault_use_after_free(const char *args)
{
	u8 *bytes = kmalloc(RIG_FAULT_SIZE, GFP_KERNEL);
	u8 *stale = bytes;

	if (!bytes)
		return -ENOMEM;
	OPTIMIZER_HIDE_VAR(stale);
	kfree(bytes);
	READ_ONCE(stale[0]);
	return 0;
}
