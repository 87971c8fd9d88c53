/* SPDX-License-Identifier: GPL-2.0 */
/* Hash tables, of which only the room counts */
#ifndef SHIM_LINUX_HASHTABLE_H
#define SHIM_LINUX_HASHTABLE_H

#include <linux/list.h>

#define DECLARE_HASHTABLE(name, bits)	struct hlist_head name[1 << (bits)]

#endif /* SHIM_LINUX_HASHTABLE_H */
