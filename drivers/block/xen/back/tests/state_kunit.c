// SPDX-License-Identifier: GPL-2.0
/*
 * What the backend makes of each state of its frontend: a device is served only
 * when it was offered and has a disk, and no state that a frontend may write leads
 * anywhere else.
 */
#include <kunit/test.h>
#include <linux/module.h>

#include "../state.h"

/* All that a guest can write, and some that it can write and are no states */
static const int frontend_states[] = {
	XenbusStateUnknown, XenbusStateInitialising, XenbusStateInitWait,
	XenbusStateInitialised, XenbusStateConnected, XenbusStateClosing,
	XenbusStateClosed, XenbusStateReconfiguring, XenbusStateReconfigured,
	-1, 9, 1000,
};

/* Those that a backend of this driver is ever in */
static const enum xenbus_state own_states[] = {
	XenbusStateInitWait, XenbusStateConnected, XenbusStateClosing,
	XenbusStateClosed,
};

static void connects_when_offered(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, XenbusStateConnected,
			blkback_next(XenbusStateInitialised,
				     XenbusStateInitWait, true));
}

/* mini-os does not stop between, and a driver that was unloaded comes back */
static void connects_whom_it_finds_connected(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, XenbusStateConnected,
			blkback_next(XenbusStateConnected, XenbusStateInitWait,
				     true));
}

static bool may_connect(int frontend, enum xenbus_state own, bool ready)
{
	return ready && own == XenbusStateInitWait &&
	       (frontend == XenbusStateInitialised ||
		frontend == XenbusStateConnected);
}

static void connects_only_then(struct kunit *test)
{
	unsigned int i, j, ready;
	enum xenbus_state own;
	int frontend;

	for (i = 0; i < ARRAY_SIZE(frontend_states); i++) {
		for (j = 0; j < ARRAY_SIZE(own_states); j++) {
			for (ready = 0; ready < 2; ready++) {
				frontend = frontend_states[i];
				own = own_states[j];
				if (own == XenbusStateConnected ||
				    may_connect(frontend, own, ready))
					continue;
				KUNIT_EXPECT_NE_MSG(test, XenbusStateConnected,
						    blkback_next(frontend, own,
								 ready),
						    "frontend in %d, ready %u",
						    frontend, ready);
			}
		}
	}
}

/* Until the frontend has told that it needs no more replies */
static void serves_on_while_it_closes(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(own_states); i++)
		KUNIT_EXPECT_EQ(test, XenbusStateClosing,
				blkback_next(XenbusStateClosing, own_states[i],
					     true));
}

static void closes_after_its_frontend(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(own_states); i++) {
		KUNIT_EXPECT_EQ(test, XenbusStateClosed,
				blkback_next(XenbusStateClosed, own_states[i],
					     true));
		KUNIT_EXPECT_EQ(test, XenbusStateClosed,
				blkback_next(XenbusStateUnknown, own_states[i],
					     true));
	}
}

/* Also if it did not close before, as after a crash */
static void is_offered_to_who_starts_over(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(own_states); i++)
		KUNIT_EXPECT_EQ(test, XenbusStateInitWait,
				blkback_next(XenbusStateInitialising,
					     own_states[i], false));
}

static void ignores_what_is_no_state(struct kunit *test)
{
	static const int none[] = {
		XenbusStateInitWait, XenbusStateReconfiguring,
		XenbusStateReconfigured, -1, 9, 1000,
	};
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(none); i++) {
		for (j = 0; j < ARRAY_SIZE(own_states); j++)
			KUNIT_EXPECT_EQ(test, own_states[j],
					blkback_next(none[i], own_states[j],
						     true));
	}
}

static void forgives_who_lets_go(struct kunit *test)
{
	unsigned int i;
	int frontend;

	for (i = 0; i < ARRAY_SIZE(frontend_states); i++) {
		frontend = frontend_states[i];
		KUNIT_EXPECT_EQ_MSG(test, blkback_starts_over(frontend),
				    frontend == XenbusStateInitialising ||
				    frontend == XenbusStateClosed ||
				    frontend == XenbusStateUnknown,
				    "frontend in %d", frontend);
	}
}

static struct kunit_case state_cases[] = {
	KUNIT_CASE(connects_when_offered),
	KUNIT_CASE(connects_whom_it_finds_connected),
	KUNIT_CASE(connects_only_then),
	KUNIT_CASE(serves_on_while_it_closes),
	KUNIT_CASE(closes_after_its_frontend),
	KUNIT_CASE(is_offered_to_who_starts_over),
	KUNIT_CASE(ignores_what_is_no_state),
	KUNIT_CASE(forgives_who_lets_go),
	{ }
};

static struct kunit_suite state_suite = {
	.name = "xen-blkback-state",
	.test_cases = state_cases,
};

kunit_test_suite(state_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests for the Xen block-device backend");
MODULE_LICENSE("GPL");
