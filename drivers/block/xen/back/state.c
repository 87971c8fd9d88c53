// SPDX-License-Identifier: GPL-2.0
/*
 * What a device is to be in, by what its frontend is in.
 */
#include <kunit/visibility.h>

#include "state.h"

/**
 * blkback_starts_over - whether a frontend has let go of its rings
 * @frontend: its state
 *
 * Context: any.
 * Return: true if it has none, and a device that was refused may be offered anew.
 */
bool blkback_starts_over(enum xenbus_state frontend)
{
	return frontend == XenbusStateInitialising ||
	       frontend == XenbusStateClosed ||
	       frontend == XenbusStateUnknown;
}
EXPORT_SYMBOL_IF_KUNIT(blkback_starts_over);

/**
 * blkback_next - the state that a device is to be in
 * @frontend: its frontend's
 * @own: its own
 * @ready: there is a disk, and the device was not refused
 *
 * Context: any.
 * Return: @own, or what to change to.
 */
enum xenbus_state blkback_next(enum xenbus_state frontend,
			       enum xenbus_state own, bool ready)
{
	switch (frontend) {
	case XenbusStateInitialising:
		/* It may have closed and come back before this was looked at */
		return XenbusStateInitWait;
	case XenbusStateInitialised:
	case XenbusStateConnected:
		/* Some go to Connected at once, and so does this side's return */
		if (own == XenbusStateInitWait && ready)
			return XenbusStateConnected;
		return own;
	case XenbusStateClosing:
		/* It may still wait for replies */
		return XenbusStateClosing;
	case XenbusStateClosed:
	case XenbusStateUnknown:
		return XenbusStateClosed;
	default:
		return own;
	}
}
EXPORT_SYMBOL_IF_KUNIT(blkback_next);
