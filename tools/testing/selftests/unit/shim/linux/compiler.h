/* SPDX-License-Identifier: GPL-2.0 */
/* Reads and writes of shared memory, which a test may watch */
#ifndef SHIM_LINUX_COMPILER_H
#define SHIM_LINUX_COMPILER_H

/*
 * Called after each READ_ONCE() if a test has set it: a peer that changes its
 * mind between two reads.
 */
extern void (*unit_after_read)(const volatile void *at);

static inline void unit_was_read(const volatile void *at)
{
	if (unit_after_read)
		unit_after_read(at);
}

#define READ_ONCE(x) \
({ \
	__typeof__(x) unit_value = *(const volatile __typeof__(x) *)&(x); \
	unit_was_read(&(x)); \
	unit_value; \
})

#define WRITE_ONCE(x, value) \
	(*(volatile __typeof__(x) *)&(x) = (value))

#endif /* SHIM_LINUX_COMPILER_H */
