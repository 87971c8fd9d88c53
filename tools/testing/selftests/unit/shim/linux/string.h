/* SPDX-License-Identifier: GPL-2.0 */
/* Strings and memory: the C library's */
#ifndef SHIM_LINUX_STRING_H
#define SHIM_LINUX_STRING_H

#include <string.h>

#endif /* SHIM_LINUX_STRING_H */
