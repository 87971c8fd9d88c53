// SPDX-License-Identifier: GPL-2.0
/*
 * What a disk is called: the names and device numbers that users know, for the
 * numbers that toolstacks give.
 */
#include <kunit/test.h>

#include "../front.h"

struct known {
	unsigned int vdevice;
	const char *name;
	unsigned int first_minor;
	unsigned int minors;
};

static const struct known known[] = {
	{ 202 << 8, "xvda", 0, 16 },
	{ 202 << 8 | 1, "xvda1", 1, 1 },
	{ 202 << 8 | 15, "xvda15", 15, 1 },
	{ 202 << 8 | 16, "xvdb", 16, 16 },
	{ 202 << 8 | 0xf0, "xvdp", 240, 16 },
	{ 3 << 8, "xvda", 0, 16 },
	{ 3 << 8 | 64, "xvdb", 16, 16 },
	{ 22 << 8, "xvdc", 32, 16 },
	{ 22 << 8 | 65, "xvdd", 48, 16 },
	{ 8 << 8, "xvda", 0, 16 },
	{ 8 << 8 | 33, "xvdc1", 33, 1 },
	{ 65 << 8, "xvdq", 256, 16 },
	{ 71 << 8 | 240, "xvddx", 2032, 16 },
	{ 128 << 8, "xvddy", 2048, 16 },
	{ 135 << 8 | 240, "xvdiv", 4080, 16 },
	{ 1 << 28, "xvda", 0, 256 },
	{ 1 << 28 | 16 << 8, "xvdq", 4096, 256 },
	{ 1 << 28 | 25 << 8, "xvdz", 6400, 256 },
	{ 1 << 28 | 26 << 8, "xvdaa", 6656, 256 },
	{ 1 << 28 | 26 << 8 | 17, "xvdaa17", 6673, 1 },
	{ 1 << 28 | 701 << 8, "xvdzz", 179456, 256 },
	{ 1 << 28 | 702 << 8, "xvdaaa", 179712, 256 },
	{ 1 << 28 | 4095 << 8 | 255, "xvdfan255", 1048575, 1 },
};

static void calls_disks_what_they_are(struct kunit *test)
{
	const struct known *one;
	struct blkfront_name name;

	for (one = known; one < known + ARRAY_SIZE(known); one++) {
		KUNIT_ASSERT_EQ_MSG(test, 0,
				    blkfront_name_make(one->vdevice, &name),
				    "number %#x", one->vdevice);
		KUNIT_EXPECT_STREQ(test, one->name, name.name);
		KUNIT_EXPECT_EQ(test, one->first_minor, name.first_minor);
		KUNIT_EXPECT_EQ(test, one->minors, name.minors);
	}
}

static void knows_what_is_no_disk(struct kunit *test)
{
	static const unsigned int none[] = {
		0, 1 << 8, 201 << 8, 203 << 8, 72 << 8, 136 << 8,
		1 << 28 | 4096 << 8, (2U << 28) - 1, 2U << 28, UINT_MAX,
	};
	struct blkfront_name name;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(none); i++)
		KUNIT_EXPECT_EQ_MSG(test, -ENODEV,
				    blkfront_name_make(none[i], &name),
				    "number %#x", none[i]);
}

static struct kunit_case name_cases[] = {
	KUNIT_CASE(calls_disks_what_they_are),
	KUNIT_CASE(knows_what_is_no_disk),
	{}
};

static struct kunit_suite name_suite = {
	.name = "xen_blkfront_name",
	.test_cases = name_cases,
};

kunit_test_suite(name_suite);
