// SPDX-License-Identifier: GPL-2.0
/*
 * What the transport makes of each state of its backend, for every state that
 * the device may be in itself, and for whatever it is used: the whole table, so
 * that no pair of states is left to chance.
 */
#include <kunit/test.h>
#include <linux/module.h>

#include "../trans_xen.h"

#define NR_STATES	(XenbusStateReconfigured + 1)

#define NR_USES		(P9_XEN_UNUSED + 1)

/*
 * What holds as long as a connection is used or wanted, by the backend's state, then
 * by the device's own; all else is to stay
 */
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

/* The same for a device that nobody has mounted, by its own state first */
static const enum p9_xen_step unused[NR_STATES][NR_STATES] = {
	[XenbusStateInitialising] = {
		[XenbusStateUnknown] = P9_XEN_RELEASE,
		[XenbusStateInitWait] = P9_XEN_CLOSE,
		[XenbusStateClosing] = P9_XEN_CLOSE,
	},
	[XenbusStateInitialised ... XenbusStateConnected] = {
		[XenbusStateUnknown ... XenbusStateInitialising] = P9_XEN_RELEASE,
		[XenbusStateInitWait ... XenbusStateClosing] = P9_XEN_END,
		[XenbusStateClosed] = P9_XEN_RELEASE,
		[XenbusStateReconfiguring ... XenbusStateReconfigured] = P9_XEN_END,
	},
	[XenbusStateClosing] = {
		[XenbusStateUnknown ... XenbusStateInitialising] = P9_XEN_RELEASE,
		[XenbusStateClosing] = P9_XEN_CLOSE,
		[XenbusStateClosed] = P9_XEN_RELEASE,
	},
	[XenbusStateClosed] = {
		[XenbusStateUnknown ... XenbusStateInitialising] = P9_XEN_RELEASE,
		[XenbusStateClosed] = P9_XEN_RELEASE,
	},
};

static enum p9_xen_step expected(enum xenbus_state backend,
				 enum xenbus_state own, enum p9_xen_use use)
{
	if (use == P9_XEN_UNUSED)
		return unused[own][backend];
	/* A backend that takes one connection only is taken as it comes */
	if (use == P9_XEN_ALWAYS && backend == XenbusStateInitWait &&
	    own == XenbusStateClosed)
		return P9_XEN_CONNECT;
	/* One that takes several offers the device when it is asked to */
	if (use == P9_XEN_WANTED && backend == XenbusStateClosed &&
	    own == XenbusStateClosed)
		return P9_XEN_START_OVER;
	return wanted[backend][own];
}

static void follows_each_state(struct kunit *test)
{
	enum xenbus_state backend, own;
	enum p9_xen_use use;

	for (use = 0; use < NR_USES; use++) {
		for (backend = 0; backend < NR_STATES; backend++) {
			for (own = 0; own < NR_STATES; own++)
				KUNIT_EXPECT_EQ_MSG(test,
						    expected(backend, own, use),
						    p9_xen_next(backend, own,
								use),
						    "backend in %d, device in %d, use %d",
						    backend, own, use);
		}
	}
}

/* But for who leaves a connection, which he does whatever the backend says */
static void ignores_what_is_no_state(struct kunit *test)
{
	static const int none[] = { -1, NR_STATES, 1000 };
	enum p9_xen_step step;
	enum xenbus_state own;
	enum p9_xen_use use;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(none); i++) {
		for (own = 0; own < NR_STATES; own++) {
			for (use = 0; use < NR_USES; use++) {
				step = use == P9_XEN_UNUSED &&
				       (own == XenbusStateInitialised ||
					own == XenbusStateConnected) ?
				       P9_XEN_END : P9_XEN_STAY;
				KUNIT_EXPECT_EQ(test, step,
						p9_xen_next(none[i], own, use));
			}
		}
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
	case P9_XEN_CLOSE:
	case P9_XEN_RELEASE:
		return XenbusStateClosed;
	case P9_XEN_START_OVER:
		return XenbusStateInitialising;
	case P9_XEN_END:
		return XenbusStateClosing;
	default:
		return own;
	}
}

struct moment {
	enum xenbus_state backend;
	enum p9_xen_use use;
	enum xenbus_state own;
};

static void live_through(struct kunit *test, const struct moment *life,
			 unsigned int nr)
{
	enum xenbus_state own = XenbusStateInitialising;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		own = after(p9_xen_next(life[i].backend, own, life[i].use),
			    own);
		KUNIT_EXPECT_EQ_MSG(test, own, life[i].own, "step %u", i);
	}
}

/* The handshake, the end, and the same again with a backend that comes back */
static void goes_through_a_life(struct kunit *test)
{
	static const struct moment life[] = {
		{ XenbusStateInitialising, P9_XEN_ALWAYS, XenbusStateInitialising },
		{ XenbusStateInitWait, P9_XEN_ALWAYS, XenbusStateInitialised },
		{ XenbusStateInitWait, P9_XEN_ALWAYS, XenbusStateInitialised },
		{ XenbusStateConnected, P9_XEN_ALWAYS, XenbusStateConnected },
		{ XenbusStateConnected, P9_XEN_ALWAYS, XenbusStateConnected },
		{ XenbusStateClosing, P9_XEN_ALWAYS, XenbusStateClosed },
		{ XenbusStateClosed, P9_XEN_ALWAYS, XenbusStateClosed },
		{ XenbusStateInitWait, P9_XEN_ALWAYS, XenbusStateInitialised },
		{ XenbusStateConnected, P9_XEN_ALWAYS, XenbusStateConnected },
		{ XenbusStateInitWait, P9_XEN_ALWAYS, XenbusStateInitialised },
		{ XenbusStateConnected, P9_XEN_ALWAYS, XenbusStateConnected },
		{ XenbusStateUnknown, P9_XEN_ALWAYS, XenbusStateClosed },
	};

	live_through(test, life, ARRAY_SIZE(life));
}

/*
 * Offered but not wanted, mounted, unmounted, mounted again, given up before the
 * backend had answered
 */
static void connects_on_demand(struct kunit *test)
{
	static const struct moment life[] = {
		{ XenbusStateInitWait, P9_XEN_UNUSED, XenbusStateClosed },
		{ XenbusStateClosed, P9_XEN_UNUSED, XenbusStateClosed },
		{ XenbusStateClosed, P9_XEN_WANTED, XenbusStateInitialising },
		{ XenbusStateClosed, P9_XEN_WANTED, XenbusStateInitialising },
		{ XenbusStateInitWait, P9_XEN_WANTED, XenbusStateInitialised },
		{ XenbusStateInitWait, P9_XEN_WANTED, XenbusStateInitialised },
		{ XenbusStateConnected, P9_XEN_WANTED, XenbusStateConnected },
		{ XenbusStateConnected, P9_XEN_USED, XenbusStateConnected },
		{ XenbusStateConnected, P9_XEN_UNUSED, XenbusStateClosing },
		{ XenbusStateConnected, P9_XEN_UNUSED, XenbusStateClosing },
		{ XenbusStateClosing, P9_XEN_UNUSED, XenbusStateClosed },
		{ XenbusStateClosed, P9_XEN_UNUSED, XenbusStateClosed },
		{ XenbusStateClosed, P9_XEN_WANTED, XenbusStateInitialising },
		{ XenbusStateInitWait, P9_XEN_WANTED, XenbusStateInitialised },
		{ XenbusStateInitWait, P9_XEN_UNUSED, XenbusStateClosing },
		{ XenbusStateClosed, P9_XEN_UNUSED, XenbusStateClosed },
		{ XenbusStateClosed, P9_XEN_WANTED, XenbusStateInitialising },
		{ XenbusStateClosed, P9_XEN_UNUSED, XenbusStateInitialising },
		{ XenbusStateInitWait, P9_XEN_UNUSED, XenbusStateClosed },
		{ XenbusStateClosed, P9_XEN_UNUSED, XenbusStateClosed },
	};

	live_through(test, life, ARRAY_SIZE(life));
}

static struct kunit_case state_cases[] = {
	KUNIT_CASE(follows_each_state),
	KUNIT_CASE(ignores_what_is_no_state),
	KUNIT_CASE(goes_through_a_life),
	KUNIT_CASE(connects_on_demand),
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
