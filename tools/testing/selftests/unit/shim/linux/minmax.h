/* SPDX-License-Identifier: GPL-2.0 */
/* min() and max() of two values of one type */
#ifndef SHIM_LINUX_MINMAX_H
#define SHIM_LINUX_MINMAX_H

#define min(a, b) \
({ \
	__typeof__(a) unit_a = (a); \
	__typeof__(b) unit_b = (b); \
	_Static_assert(__builtin_types_compatible_p(__typeof__(unit_a), \
						    __typeof__(unit_b)), \
		       "min() of two types"); \
	unit_a < unit_b ? unit_a : unit_b; \
})

#endif /* SHIM_LINUX_MINMAX_H */
