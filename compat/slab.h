/* SPDX-License-Identifier: GPL-2.0 */
/* Allocation by type, which kernels before 7.0 lack */
#ifndef COMPAT_SLAB_H
#define COMPAT_SLAB_H

#include <linux/slab.h>

#ifndef kzalloc_obj
#define kmalloc_obj(VAR)	kmalloc(sizeof(VAR), GFP_KERNEL)
#define kzalloc_obj(VAR)	kzalloc(sizeof(VAR), GFP_KERNEL)
#define kzalloc_objs(VAR, COUNT) kcalloc(COUNT, sizeof(VAR), GFP_KERNEL)
#endif

#endif /* COMPAT_SLAB_H */
