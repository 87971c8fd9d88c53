// SPDX-License-Identifier: GPL-2.0
/*
 * What the block frontend makes of each state of its backend, for every state
 * that the device may be in itself: the whole table, so that no pair of states is
 * left to chance.
 */
#include <kunit/test.h>
#include <linux/module.h>

#include "../front.h"

#define NR_STATES	(XenbusStateReconfigured + 1)

/*
 * By the backend's state, then by the device's own, while the backend stays online
 * and the device does not take back what it had; all else is to stay
 */
static const enum blkfront_step wanted[NR_STATES][NR_STATES] = {
	[XenbusStateUnknown] = {
		[XenbusStateInitialised] = BLKFRONT_HOLD,
		[XenbusStateConnected] = BLKFRONT_HOLD,
	},
	[XenbusStateInitialising] = {
		[XenbusStateConnected] = BLKFRONT_RESTART,
	},
	[XenbusStateInitWait] = {
		[XenbusStateInitialising] = BLKFRONT_CONNECT,
		[XenbusStateConnected] = BLKFRONT_RESTART,
	},
	[XenbusStateConnected] = {
		[XenbusStateInitialising] = BLKFRONT_CONNECT,
		[XenbusStateInitialised] = BLKFRONT_GO_LIVE,
		[XenbusStateConnected] = BLKFRONT_REREAD,
	},
	[XenbusStateClosing] = {
		[XenbusStateInitialised] = BLKFRONT_HOLD,
		[XenbusStateConnected] = BLKFRONT_HOLD,
		[XenbusStateClosing] = BLKFRONT_CLOSE,
	},
	[XenbusStateClosed] = {
		[XenbusStateInitialised] = BLKFRONT_HOLD,
		[XenbusStateConnected] = BLKFRONT_HOLD,
		[XenbusStateClosing] = BLKFRONT_CLOSE,
	},
};

static void follows_each_state(struct kunit *test)
{
	enum xenbus_state backend, own;

	for (backend = 0; backend < NR_STATES; backend++) {
		for (own = 0; own < NR_STATES; own++)
			KUNIT_EXPECT_EQ_MSG(test, wanted[backend][own],
					    blkfront_next(backend, own, true,
							  false),
					    "backend in %d, device in %d",
					    backend, own);
	}
}

static void goes_with_a_backend_that_goes(struct kunit *test)
{
	enum xenbus_state own;

	for (own = 0; own < NR_STATES; own++) {
		KUNIT_EXPECT_EQ(test, BLKFRONT_CLOSE,
				blkfront_next(XenbusStateClosing, own, false,
					      false));
		KUNIT_EXPECT_EQ(test, BLKFRONT_CLOSE,
				blkfront_next(XenbusStateClosed, own, false,
					      true));
	}
}

/* What the backend had is taken back when it cannot be using it any more */
static void waits_for_release(struct kunit *test)
{
	static const enum xenbus_state uses[] = {
		XenbusStateInitialised, XenbusStateConnected,
		XenbusStateClosing,
	};
	static const enum xenbus_state gone[] = {
		XenbusStateUnknown, XenbusStateInitialising,
		XenbusStateInitWait, XenbusStateClosed,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(uses); i++)
		KUNIT_EXPECT_EQ(test, BLKFRONT_STAY,
				blkfront_next(uses[i], XenbusStateClosed, true,
					      true));
	for (i = 0; i < ARRAY_SIZE(gone); i++) {
		KUNIT_EXPECT_EQ(test, BLKFRONT_RELEASE,
				blkfront_next(gone[i], XenbusStateClosed, true,
					      true));
		KUNIT_EXPECT_EQ(test, BLKFRONT_RELEASE,
				blkfront_next(gone[i], XenbusStateInitialising,
					      true, true));
	}
}

static void ignores_what_is_no_state(struct kunit *test)
{
	static const int none[] = { -1, NR_STATES, 1000 };
	enum xenbus_state own;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(none); i++) {
		for (own = 0; own < NR_STATES; own++)
			KUNIT_EXPECT_EQ(test, BLKFRONT_STAY,
					blkfront_next(none[i], own, true,
						      true));
	}
}

static struct kunit_case state_cases[] = {
	KUNIT_CASE(follows_each_state),
	KUNIT_CASE(goes_with_a_backend_that_goes),
	KUNIT_CASE(waits_for_release),
	KUNIT_CASE(ignores_what_is_no_state),
	{}
};

static struct kunit_suite state_suite = {
	.name = "xen_blkfront_state",
	.test_cases = state_cases,
};

kunit_test_suite(state_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests for the Xen block frontend");
MODULE_LICENSE("GPL");
