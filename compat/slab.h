/* SPDX-License-Identifier: GPL-2.0 */
/* Allocation by type, which kernels before 7.0 lack */
#ifndef COMPAT_SLAB_H
#define COMPAT_SLAB_H

#include <linux/slab.h>

#ifndef kzalloc_obj
/* The flags that were given, or GFP_KERNEL */
#define compat_gfp(gfp, ...)	gfp
#define kmalloc_obj(VAR, ...) \
	kmalloc(sizeof(VAR), compat_gfp(__VA_ARGS__ __VA_OPT__(,) GFP_KERNEL))
#define kzalloc_obj(VAR, ...) \
	kzalloc(sizeof(VAR), compat_gfp(__VA_ARGS__ __VA_OPT__(,) GFP_KERNEL))
#define kzalloc_objs(VAR, COUNT, ...) \
	kcalloc(COUNT, sizeof(VAR), compat_gfp(__VA_ARGS__ __VA_OPT__(,) GFP_KERNEL))
#endif

#endif /* COMPAT_SLAB_H */
