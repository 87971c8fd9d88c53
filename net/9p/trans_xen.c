// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>
#include <linux/fs_struct.h>

MODULE_DESCRIPTION("x");
MODULE_LICENSE("GPL");
