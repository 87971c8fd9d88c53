/* SPDX-License-Identifier: GPL-2.0 */
/* Reference counts that abort where the kernel warns */
#ifndef SHIM_LINUX_REFCOUNT_H
#define SHIM_LINUX_REFCOUNT_H

#include <stdbool.h>

typedef struct {
	int refs;
} refcount_t;

void refcount_set(refcount_t *count, int value);
void refcount_inc(refcount_t *count);
bool refcount_dec_and_test(refcount_t *count);
int refcount_read(const refcount_t *count);

#endif /* SHIM_LINUX_REFCOUNT_H */
