/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Before 7.1 kernel threads shared the root directory of the first process:
 * there is nothing to switch to for looking up a path as it would.
 */
#ifndef COMPAT_FS_STRUCT_H
#define COMPAT_FS_STRUCT_H

#include <linux/fs_struct.h>

#ifndef scoped_with_init_fs
#define scoped_with_init_fs()
#endif

#endif /* COMPAT_FS_STRUCT_H */
