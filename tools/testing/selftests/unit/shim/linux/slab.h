/* SPDX-License-Identifier: GPL-2.0 */
/* Memory that a test can count, and let run out */
#ifndef SHIM_LINUX_SLAB_H
#define SHIM_LINUX_SLAB_H

#include <linux/types.h>

#define GFP_KERNEL	0U

void *unit_zalloc(size_t size);
void kfree(const void *what);

#define kzalloc_obj(what, ...)	((__typeof__(what) *)unit_zalloc(sizeof(what)))

#endif /* SHIM_LINUX_SLAB_H */
