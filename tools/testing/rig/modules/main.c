// SPDX-License-Identifier: GPL-2.0
/*
 * Commits one fault when its name is written to the parameter "commit". Words
 * after the name are the fault's own. Reading the parameter gives the grant
 * reference of the last "grant".
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/string.h>

#include "faults.h"

static const struct {
	const char *name;
	int (*commit)(const char *args);
} rig_faults[] = {
	{ "leak", rig_fault_leak },
	{ "overrun", rig_fault_overrun },
	{ "use-after-free", rig_fault_use_after_free },
	{ "lock-order", rig_fault_lock_order },
	{ "atomic-sleep", rig_fault_atomic_sleep },
	{ "shift", rig_fault_shift },
	{ "bounds", rig_fault_bounds },
	{ "object", rig_fault_object },
	{ "race", rig_fault_race },
	{ "thread", rig_fault_thread },
	{ "slab", rig_fault_slab },
	{ "grant", rig_fault_grant },
	{ "map", rig_fault_map },
};

static int rig_fault_commit(const char *value, const struct kernel_param *param)
{
	size_t len = strcspn(value, "\n ");
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rig_faults); i++) {
		if (len == strlen(rig_faults[i].name) &&
		    !strncmp(value, rig_faults[i].name, len))
			return rig_faults[i].commit(value + len);
	}
	return -EINVAL;
}

static int rig_fault_result(char *buffer, const struct kernel_param *param)
{
	return sysfs_emit(buffer, "%d\n", rig_fault_grant_ref);
}

static const struct kernel_param_ops rig_fault_ops = {
	.set = rig_fault_commit,
	.get = rig_fault_result,
};

module_param_cb(commit, &rig_fault_ops, NULL, 0600);
MODULE_PARM_DESC(commit, "Fault to commit, by its name");

MODULE_DESCRIPTION("Faults on demand, for the test of the rig");
MODULE_LICENSE("GPL");
