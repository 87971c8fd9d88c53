/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Force-included before everything else when the modules are built out of
 * tree: one header per area for what kernels older than the newest lack. The
 * rest of the tree is written for the newest kernel.
 */
#ifndef COMPAT_COMPAT_H
#define COMPAT_COMPAT_H

#include "9p_client.h"
#include "blkdev.h"
#include "fs_struct.h"
#include "slab.h"
#include "vfs.h"

#endif /* COMPAT_COMPAT_H */
