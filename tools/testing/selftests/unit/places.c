// SPDX-License-Identifier: GPL-2.0
/* What fids hold, as the unit tests have it: nothing but counts. */
#include <linux/file.h>
#include <linux/path.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>

#include "identity.h"
#include "lock.h"
#include "unit.h"
#include "xattr.h"

void path_get(const struct path *path)
{
	(void)path;
	unit_count(&unit_counts.paths, 1);
}

void path_put(const struct path *path)
{
	(void)path;
	unit_may_sleep("path_put");
	unit_count(&unit_counts.paths, -1);
}

/* A file of these tests is a counter of how often it was closed */
void __fput_sync(struct file *file)
{
	unit_may_sleep("__fput_sync");
	unit_count((long *)file, 1);
	unit_count(&unit_counts.files, -1);
}

/* Locks go while the file that they were taken by is still open */
void p9s_lock_release(struct p9s_lock_table *table, struct file *file)
{
	unit_may_sleep("p9s_lock_release");
	if (*(long *)file)
		unit_fail("places.c", 0, "unlocked by a file that is closed");
	table->nr--;
	unit_count(&unit_counts.locks, -1);
}

void p9s_xattr_free(struct p9s_xattr *xattr)
{
	unit_may_sleep("p9s_xattr_free");
	unit_count(&unit_counts.xattrs, -1);
	free(xattr);
}

struct p9s_identity *p9s_identity_get(struct p9s_identity *identity)
{
	refcount_inc(&identity->users);
	unit_count(&unit_counts.identities, 1);
	return identity;
}

void p9s_identity_put(struct p9s_identity *identity)
{
	unit_may_sleep("p9s_identity_put");
	unit_count(&unit_counts.identities, -1);
	if (refcount_dec_and_test(&identity->users))
		unit_fail("places.c", 0, "a fid gave away the test's own identity");
}
