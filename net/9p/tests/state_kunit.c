// SPDX-License-Identifier: GPL-2.0
/*
 * What the transport makes of each state of its backend, for every state that
 * the device may be in itself: the whole table, so that no pair of states is
 * left to chance.
 */
#include <kunit/test.h>
#include <linux/module.h>

#include "../trans_xen.h"

#define NR_STATES	(XenbusStateReconfigured + 1)

/* By the backend's state, then by the device's own; all else is to stay */
static const enum p9_xen_step wanted[NR_STATES][NR_STATES] = {
	[XenbusStateUnknown] = {
		[XenbusStateInitialised] = P9_XEN_DISCONNECT,
		[XenbusStateConnected] = P9_XEN_DISCONNECT,
	},
	[XenbusStateInitialising] = {
		[XenbusStateConnected] = P9_XEN_DISCONNECT,
	},
	[XenbusStateInitWait] = {
		[XenbusStateInitialising] = P9_XEN_CONNECT,
		[XenbusStateConnected] = P9_XEN_RECONNECT,
		[XenbusStateClosed] = P9_XEN_CONNECT,
	},
	[XenbusStateConnected] = {
		[XenbusStateInitialised] = P9_XEN_GO_LIVE,
	},
	[XenbusStateClosing] = {
		[XenbusStateUnknown ... XenbusStateClosing] = P9_XEN_DISCONNECT,
		[XenbusStateReconfiguring ... XenbusStateReconfigured] =
			P9_XEN_DISCONNECT,
	},
	[XenbusStateClosed] = {
		[XenbusStateUnknown] = P9_XEN_DISCONNECT,
		[XenbusStateInitWait ... XenbusStateClosing] = P9_XEN_DISCONNECT,
		[XenbusStateClosed] = P9_XEN_RELEASE,
		[XenbusStateReconfiguring ... XenbusStateReconfigured] =
			P9_XEN_DISCONNECT,
	},
};

static void follows_each_state(struct kunit *test)
{
	enum xenbus_state backend, own;

	for (backend = 0; backend < NR_STATES; backend++) {
		for (own = 0; own < NR_STATES; own++)
			KUNIT_EXPECT_EQ_MSG(test, wanted[backend][own],
					    p9_xen_next(backend, own),
					    "backend in %d, device in %d",
					    backend, own);
	}
}

static void ignores_what_is_no_state(struct kunit *test)
{
	static const int none[] = { -1, NR_STATES, 1000 };
	enum xenbus_state own;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(none); i++) {
		for (own = 0; own < NR_STATES; own++)
			KUNIT_EXPECT_EQ(test, P9_XEN_STAY,
					p9_xen_next(none[i], own));
	}
}

/* The state that a device has after a step, as the driver sets it */
static enum xenbus_state after(enum p9_xen_step step, enum xenbus_state own)
{
	switch (step) {
	case P9_XEN_CONNECT:
	case P9_XEN_RECONNECT:
		return XenbusStateInitialised;
	case P9_XEN_GO_LIVE:
		return XenbusStateConnected;
	case P9_XEN_DISCONNECT:
		return XenbusStateClosed;
	default:
		return own;
	}
}

/* The handshake, the end, and the same again with a backend that comes back */
static void goes_through_a_life(struct kunit *test)
{
	static const struct {
		enum xenbus_state backend;
		enum xenbus_state own;
	} life[] = {
		{ XenbusStateInitialising, XenbusStateInitialising },
		{ XenbusStateInitWait, XenbusStateInitialised },
		{ XenbusStateInitWait, XenbusStateInitialised },
		{ XenbusStateConnected, XenbusStateConnected },
		{ XenbusStateConnected, XenbusStateConnected },
		{ XenbusStateClosing, XenbusStateClosed },
		{ XenbusStateClosed, XenbusStateClosed },
		{ XenbusStateInitWait, XenbusStateInitialised },
		{ XenbusStateConnected, XenbusStateConnected },
		{ XenbusStateInitWait, XenbusStateInitialised },
		{ XenbusStateConnected, XenbusStateConnected },
		{ XenbusStateUnknown, XenbusStateClosed },
	};
	enum xenbus_state own = XenbusStateInitialising;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(life); i++) {
		own = after(p9_xen_next(life[i].backend, own), own);
		KUNIT_EXPECT_EQ_MSG(test, own, life[i].own, "step %u", i);
	}
}

static struct kunit_case state_cases[] = {
	KUNIT_CASE(follows_each_state),
	KUNIT_CASE(ignores_what_is_no_state),
	KUNIT_CASE(goes_through_a_life),
	{ }
};

static struct kunit_suite state_suite = {
	.name = "9pnet_xen-state",
	.test_cases = state_cases,
};

kunit_test_suite(state_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests for the 9P Xen transport");
MODULE_LICENSE("GPL");
