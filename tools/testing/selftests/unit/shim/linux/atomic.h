/* SPDX-License-Identifier: GPL-2.0 */
/* Counters that threads share */
#ifndef SHIM_LINUX_ATOMIC_H
#define SHIM_LINUX_ATOMIC_H

typedef struct {
	int counter;
} atomic_t;

#define ATOMIC_INIT(value)	{ (value) }

static inline int atomic_inc_return(atomic_t *counter)
{
	return __atomic_add_fetch(&counter->counter, 1, __ATOMIC_SEQ_CST);
}

#endif /* SHIM_LINUX_ATOMIC_H */
