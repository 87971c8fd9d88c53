// SPDX-License-Identifier: GPL-2.0
/*
 * What the backend makes of each state of its frontend: a device is served
 * only when it was offered, one that was refused is not until its frontend has
 * let go of it, and no state that a frontend may write leads anywhere else.
 */
#include <kunit/test.h>
#include <linux/module.h>

#include "../back.h"

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
			xen_9pback_next(XenbusStateInitialised,
					XenbusStateInitWait, false));
}

/* Its rings are those of an earlier backend, whose end it has not seen yet */
static void does_not_take_over_a_connection(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, XenbusStateInitWait,
			xen_9pback_next(XenbusStateConnected,
					XenbusStateInitWait, false));
}

static void connects_only_then(struct kunit *test)
{
	unsigned int i, j;
	int frontend;

	for (i = 0; i < ARRAY_SIZE(frontend_states); i++) {
		for (j = 0; j < ARRAY_SIZE(own_states); j++) {
			frontend = frontend_states[i];
			if (own_states[j] == XenbusStateConnected)
				continue;
			KUNIT_EXPECT_NE_MSG(test, XenbusStateConnected,
					    xen_9pback_next(frontend,
							    own_states[j],
							    true),
					    "refused, frontend in %d", frontend);
			if (frontend == XenbusStateInitialised)
				continue;
			KUNIT_EXPECT_NE_MSG(test, XenbusStateConnected,
					    xen_9pback_next(frontend,
							    own_states[j],
							    false),
					    "frontend in %d", frontend);
		}
	}
}

/* It has opened its rings, but the device is not offered: it must see that */
static void does_not_reopen_a_closed_device(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, XenbusStateClosing,
			xen_9pback_next(XenbusStateInitialised,
					XenbusStateClosing, false));
	KUNIT_EXPECT_EQ(test, XenbusStateClosed,
			xen_9pback_next(XenbusStateConnected,
					XenbusStateClosed, false));
}

static void stays_connected(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, XenbusStateConnected,
			xen_9pback_next(XenbusStateInitialised,
					XenbusStateConnected, false));
	KUNIT_EXPECT_EQ(test, XenbusStateConnected,
			xen_9pback_next(XenbusStateConnected,
					XenbusStateConnected, false));
}

static void is_offered_to_who_starts_over(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(own_states); i++)
		KUNIT_EXPECT_EQ(test, XenbusStateInitWait,
				xen_9pback_next(XenbusStateInitialising,
						own_states[i], false));
}

static void closes_after_its_frontend(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, XenbusStateClosing,
			xen_9pback_next(XenbusStateClosing,
					XenbusStateConnected, false));
	KUNIT_EXPECT_EQ(test, XenbusStateClosing,
			xen_9pback_next(XenbusStateClosing,
					XenbusStateInitWait, false));
	KUNIT_EXPECT_EQ(test, XenbusStateClosed,
			xen_9pback_next(XenbusStateClosed,
					XenbusStateConnected, false));
	KUNIT_EXPECT_EQ(test, XenbusStateClosed,
			xen_9pback_next(XenbusStateClosed, XenbusStateClosing,
					false));
	KUNIT_EXPECT_EQ(test, XenbusStateClosed,
			xen_9pback_next(XenbusStateUnknown,
					XenbusStateConnected, false));
}

/* Nobody wants the device just now, and a toolstack may take it away at once */
static void is_not_offered_to_nobody(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, XenbusStateClosed,
			xen_9pback_next(XenbusStateClosed, XenbusStateInitWait,
					false));
	KUNIT_EXPECT_EQ(test, XenbusStateClosed,
			xen_9pback_next(XenbusStateUnknown,
					XenbusStateInitWait, false));
}

/* What feature-reconnect promises, again and again */
static void takes_one_connection_after_the_other(struct kunit *test)
{
	static const enum xenbus_state frontend[] = {
		XenbusStateInitialising, XenbusStateInitialised,
		XenbusStateConnected, XenbusStateClosing, XenbusStateClosed,
	};
	static const enum xenbus_state wanted[] = {
		XenbusStateInitWait, XenbusStateConnected,
		XenbusStateConnected, XenbusStateClosing, XenbusStateClosed,
	};
	enum xenbus_state own = XenbusStateInitWait;
	unsigned int round, i;

	/* Offered before anybody asked */
	own = xen_9pback_next(XenbusStateClosed, own, false);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < ARRAY_SIZE(frontend); i++) {
			own = xen_9pback_next(frontend[i], own, false);
			KUNIT_EXPECT_EQ_MSG(test, own, wanted[i],
					    "round %u, step %u", round, i);
		}
	}
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
					xen_9pback_next(none[i], own_states[j],
							false));
	}
}

static void forgives_who_lets_go(struct kunit *test)
{
	unsigned int i;
	int frontend;

	for (i = 0; i < ARRAY_SIZE(frontend_states); i++) {
		frontend = frontend_states[i];
		KUNIT_EXPECT_EQ_MSG(test, xen_9pback_starts_over(frontend),
				    frontend == XenbusStateInitialising ||
				    frontend == XenbusStateClosed ||
				    frontend == XenbusStateUnknown,
				    "frontend in %d", frontend);
	}
}

/* What a broken protocol leads to, from there to the next connection */
static void serves_a_refused_guest_again(struct kunit *test)
{
	static const enum xenbus_state frontend[] = {
		XenbusStateConnected, XenbusStateClosing, XenbusStateClosed,
		XenbusStateInitialising, XenbusStateInitialised,
	};
	static const enum xenbus_state wanted[] = {
		XenbusStateClosing, XenbusStateClosing, XenbusStateClosed,
		XenbusStateInitWait, XenbusStateConnected,
	};
	enum xenbus_state own = XenbusStateClosing;
	bool refused = true;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(frontend); i++) {
		if (xen_9pback_starts_over(frontend[i]))
			refused = false;
		own = xen_9pback_next(frontend[i], own, refused);
		KUNIT_EXPECT_EQ_MSG(test, own, wanted[i], "step %u", i);
	}
}

static struct kunit_case state_cases[] = {
	KUNIT_CASE(connects_when_offered),
	KUNIT_CASE(does_not_take_over_a_connection),
	KUNIT_CASE(connects_only_then),
	KUNIT_CASE(does_not_reopen_a_closed_device),
	KUNIT_CASE(stays_connected),
	KUNIT_CASE(is_offered_to_who_starts_over),
	KUNIT_CASE(closes_after_its_frontend),
	KUNIT_CASE(is_not_offered_to_nobody),
	KUNIT_CASE(takes_one_connection_after_the_other),
	KUNIT_CASE(ignores_what_is_no_state),
	KUNIT_CASE(forgives_who_lets_go),
	KUNIT_CASE(serves_a_refused_guest_again),
	{ }
};

static struct kunit_suite state_suite = {
	.name = "xen-9pback-state",
	.test_cases = state_cases,
};

kunit_test_suite(state_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests for the Xen 9pfs backend");
MODULE_LICENSE("GPL");
