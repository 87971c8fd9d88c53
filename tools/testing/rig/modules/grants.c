// SPDX-License-Identifier: GPL-2.0
/*
 * How many grant references can still be had: reading the parameter "free" takes
 * as many as there are, which makes the grant table as large as it may become,
 * and gives them back. Whoever has kept some shows as the difference between two
 * looks.
 */
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/sysfs.h>
#include <xen/grant_table.h>
#include <xen/xen.h>

static bool rig_grants_there(unsigned int count)
{
	grant_ref_t head;

	if (gnttab_alloc_grant_references(count, &head))
		return false;
	gnttab_free_grant_references(head);
	return true;
}

static int rig_grants_free(char *buffer, const struct kernel_param *param)
{
	unsigned int least = 0;
	unsigned int most = U16_MAX;

	if (!xen_domain())
		return sysfs_emit(buffer, "0\n");
	while (least < most) {
		unsigned int middle = (least + most + 1) / 2;

		if (rig_grants_there(middle))
			least = middle;
		else
			most = middle - 1;
	}
	return sysfs_emit(buffer, "%u\n", least);
}

static const struct kernel_param_ops rig_grants_ops = {
	.get = rig_grants_free,
};

module_param_cb(free, &rig_grants_ops, NULL, 0400);
MODULE_PARM_DESC(free, "Grant references that can still be had");

MODULE_DESCRIPTION("Counts free grant references, for the rig's search for leaks");
MODULE_LICENSE("GPL");
