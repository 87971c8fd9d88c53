/* SPDX-License-Identifier: GPL-2.0 */
/* The states of a device: pure, so that tests can have all of them */
#ifndef XEN_BLKBACK_STATE_H
#define XEN_BLKBACK_STATE_H

#include <xen/xenbus.h>

bool blkback_starts_over(enum xenbus_state frontend);
enum xenbus_state blkback_next(enum xenbus_state frontend,
			       enum xenbus_state own, bool ready);

#endif /* XEN_BLKBACK_STATE_H */
