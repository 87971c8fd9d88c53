/* SPDX-License-Identifier: GPL-2.0 */
/* An array of pointers by index, of as many as 16 bits can tell apart */
#ifndef SHIM_LINUX_XARRAY_H
#define SHIM_LINUX_XARRAY_H

#include <linux/slab.h>
#include <linux/types.h>

struct xarray {
	void **entries;
};

#define UNIT_XA_SIZE	65536UL

void *unit_xa_store(struct xarray *xa, unsigned long index, void *entry);

static inline void xa_init(struct xarray *xa)
{
	xa->entries = NULL;
}

static inline void *xa_load(struct xarray *xa, unsigned long index)
{
	return xa->entries ? xa->entries[index] : NULL;
}

static inline void xa_destroy(struct xarray *xa)
{
	kfree(xa->entries);
	xa->entries = NULL;
}

/* The kernel's hides the error in a pointer */
#define xa_store(xa, index, entry, gfp)	unit_xa_store(xa, index, entry)
#define xa_err(result)			((int)(intptr_t)(result))

/* The first entry at *@index or beyond */
static inline void *unit_xa_find(struct xarray *xa, unsigned long *index)
{
	for (; *index < UNIT_XA_SIZE; (*index)++) {
		void *entry = xa_load(xa, *index);

		if (entry)
			return entry;
	}
	return NULL;
}

#define xa_for_each(xa, index, entry)					\
	for ((index) = 0, (entry) = unit_xa_find(xa, &(index)); (entry);	\
	     (index)++, (entry) = unit_xa_find(xa, &(index)))

#endif /* SHIM_LINUX_XARRAY_H */
