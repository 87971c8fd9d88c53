// SPDX-License-Identifier: GPL-2.0
/*
 * What is counted: each time in its bucket, each request once whichever thread
 * answers it, nothing lost with a thread that ends; and each session in a
 * directory of its own.
 */
#include <kunit/test.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kobject.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mount.h>
#include <linux/string.h>

#include "../session.h"
#include "../stats.h"
#include "peer.h"

/* The bounds as they are documented, not as they are computed */
static void times_have_buckets(struct kunit *test)
{
	static const struct {
		u64 ns;
		unsigned int bucket;
	} times[] = {
		{ 0, 0 }, { 1, 0 }, { 1023, 0 },
		{ 1024, 1 }, { 2047, 1 },
		{ 2048, 2 }, { 4095, 2 },
		{ 1000000, 10 }, { 1048575, 10 },
		{ 1048576, 11 },
		{ 2147483647, 21 }, { 2147483648, 22 },
		{ 4294967295, 22 }, { 4294967296, 23 },
		{ 1ULL << 40, 23 }, { U64_MAX, 23 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(times); i++)
		KUNIT_EXPECT_EQ_MSG(test, times[i].bucket,
				    p9s_stats_bucket(times[i].ns), "%llu ns",
				    times[i].ns);
}

static void bounds_are_where_buckets_end(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < P9S_STATS_BUCKETS - 1; i++) {
		KUNIT_EXPECT_EQ(test, i,
				p9s_stats_bucket(p9s_stats_bound(i) - 1));
		KUNIT_EXPECT_EQ(test, i + 1,
				p9s_stats_bucket(p9s_stats_bound(i)));
	}
}

/* No two things are counted in one place, nor anything outside */
static void values_do_not_overlap(struct kunit *test)
{
	unsigned int type, what, i;
	unsigned long *taken;

	taken = kunit_kcalloc(test, BITS_TO_LONGS(P9S_STATS_VALUES),
			      sizeof(*taken), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, taken);
	for (type = 0; type < 2 * P9S_STATS_OPS; type += 2) {
		for (what = 0; what < P9S_OP_VALUES; what++) {
			i = p9s_stats_index(type, what);
			KUNIT_ASSERT_GE(test, i, P9S_TOTALS);
			KUNIT_ASSERT_LT(test, i, P9S_STATS_VALUES);
			KUNIT_EXPECT_FALSE(test, test_and_set_bit(i, taken));
		}
	}
	for (type = 1; type < 256; type += type < 127 ? 2 : 1)
		KUNIT_EXPECT_EQ(test, p9s_stats_index(0, P9S_COUNT),
				p9s_stats_index(type, P9S_COUNT));
}

static void stats_exit(void *stats)
{
	p9s_stats_exit(stats);
}

static struct p9s_stats *stats_of(struct kunit *test)
{
	struct p9s_stats *stats = kunit_kzalloc(test, sizeof(*stats),
						GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, stats);
	KUNIT_ASSERT_EQ(test, 0, p9s_stats_init(stats));
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, stats_exit, stats));
	return stats;
}

static void sum_exit(void *sums)
{
	kvfree(sums);
}

static const u64 *sum_of(struct kunit *test, struct p9s_stats *stats)
{
	u64 *sums = p9s_stats_sum(stats);

	KUNIT_ASSERT_NOT_NULL(test, sums);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, sum_exit, sums));
	return sums;
}

static void counts_what_it_is_told(struct kunit *test)
{
	struct p9s_stats *stats = stats_of(test);
	struct p9s_counters *counters = p9s_stats_join(stats);
	const u64 *sums, *op;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, counters);
	p9s_stats_count(counters, P9_TWALK, 0, 1000);
	p9s_stats_count(counters, P9_TWALK, -ENOENT, 3000);
	p9s_stats_count(counters, P9_TWALK, 0, 3500);
	p9s_stats_count(counters, P9_TREAD, 0, 0);
	p9s_stats_add(counters, P9S_READ, 4096);
	p9s_stats_add(counters, P9S_READ, 5ULL << 30);
	sums = sum_of(test, stats);
	p9s_stats_leave(stats, counters);

	op = sums + p9s_stats_index(P9_TWALK, 0);
	KUNIT_EXPECT_EQ(test, 3, op[P9S_COUNT]);
	KUNIT_EXPECT_EQ(test, 1, op[P9S_ERRORS]);
	KUNIT_EXPECT_EQ(test, 7500, op[P9S_TIME]);
	for (i = 0; i < P9S_STATS_BUCKETS; i++)
		KUNIT_EXPECT_EQ(test, i == 0 ? 1 : i == 2 ? 2 : 0,
				op[P9S_LATENCY + i]);
	KUNIT_EXPECT_EQ(test, 1, sums[p9s_stats_index(P9_TREAD, P9S_COUNT)]);
	KUNIT_EXPECT_EQ(test, 4096 + (5ULL << 30), sums[P9S_READ]);
	KUNIT_EXPECT_EQ(test, 0, sums[P9S_WRITTEN]);
}

static void keeps_what_threads_leave(struct kunit *test)
{
	struct p9s_stats *stats = stats_of(test);
	struct p9s_counters *one = p9s_stats_join(stats);
	struct p9s_counters *other = p9s_stats_join(stats);
	const u64 *sums;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, one);
	KUNIT_ASSERT_NOT_NULL(test, other);
	for (i = 0; i < 5; i++) {
		p9s_stats_count(one, P9_TCLUNK, 0, 1);
		p9s_stats_count(other, P9_TCLUNK, -EBADF, 1);
		p9s_stats_add(other, P9S_SENT, 7);
	}
	p9s_stats_leave(stats, other);
	sums = sum_of(test, stats);
	KUNIT_EXPECT_EQ(test, 10, sums[p9s_stats_index(P9_TCLUNK, P9S_COUNT)]);
	p9s_stats_count(one, P9_TCLUNK, 0, 1);
	p9s_stats_leave(stats, one);
	sums = sum_of(test, stats);
	KUNIT_EXPECT_EQ(test, 11, sums[p9s_stats_index(P9_TCLUNK, P9S_COUNT)]);
	KUNIT_EXPECT_EQ(test, 5, sums[p9s_stats_index(P9_TCLUNK, P9S_ERRORS)]);
	KUNIT_EXPECT_EQ(test, 35, sums[P9S_SENT]);
}

#define COUNTED	20000

static int count_much(void *data)
{
	struct p9s_stats *stats = data;
	struct p9s_counters *counters = p9s_stats_join(stats);
	unsigned int i;

	if (!counters)
		return -ENOMEM;
	for (i = 0; i < COUNTED; i++) {
		p9s_stats_count(counters, P9_TGETATTR, 0, 2);
		if (i % 64 == 0)
			cond_resched();
	}
	p9s_stats_leave(stats, counters);
	/* kthread_stop() has to find it */
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

/* Sums only rise while threads count and end, and in the end all is there */
static void sums_while_threads_count(struct kunit *test)
{
	const unsigned int where = p9s_stats_index(P9_TGETATTR, P9S_COUNT);
	struct p9s_stats *stats = stats_of(test);
	struct task_struct *tasks[3];
	u64 last = 0;
	unsigned int i;
	u64 *sums;

	for (i = 0; i < ARRAY_SIZE(tasks); i++) {
		tasks[i] = kthread_run(count_much, stats, "stats_kunit/%u", i);
		KUNIT_EXPECT_FALSE(test, IS_ERR(tasks[i]));
	}
	for (i = 0; i < 100000 && last < ARRAY_SIZE(tasks) * COUNTED; i++) {
		sums = p9s_stats_sum(stats);
		if (!sums)
			break;
		KUNIT_EXPECT_GE(test, sums[where], last);
		last = sums[where];
		kvfree(sums);
		cond_resched();
	}
	for (i = 0; i < ARRAY_SIZE(tasks); i++) {
		if (!IS_ERR(tasks[i]))
			KUNIT_EXPECT_EQ(test, 0, kthread_stop(tasks[i]));
	}
	KUNIT_EXPECT_EQ(test, ARRAY_SIZE(tasks) * COUNTED,
			sum_of(test, stats)[where]);
}

static void counts_requests_of_a_session(struct kunit *test)
{
	struct vfsmount *mnt = peer_tmpfs(test);
	struct path root = { .mnt = mnt, .dentry = mnt->mnt_root };
	struct peer *peer = peer_attached(test, &root);
	struct p9s_stats *stats = &peer->session->stats;
	const u64 *before, *after;

	before = sum_of(test, stats);
	KUNIT_EXPECT_EQ(test, 0, peer_walk(peer, 0, 1, ""));
	KUNIT_EXPECT_EQ(test, 0, peer_clunk(peer, 1));
	KUNIT_EXPECT_EQ(test, -EBADF, peer_clunk(peer, 1));
	after = sum_of(test, stats);
	KUNIT_EXPECT_EQ(test, 1, after[p9s_stats_index(P9_TWALK, P9S_COUNT)] -
			before[p9s_stats_index(P9_TWALK, P9S_COUNT)]);
	KUNIT_EXPECT_EQ(test, 2, after[p9s_stats_index(P9_TCLUNK, P9S_COUNT)]);
	KUNIT_EXPECT_EQ(test, 1, after[p9s_stats_index(P9_TCLUNK, P9S_ERRORS)]);
	/* Twalk: header, fid, newfid, count; Tclunk twice: header, fid */
	KUNIT_EXPECT_EQ(test, 17 + 2 * 11,
			after[P9S_RECEIVED] - before[P9S_RECEIVED]);
	/* Rwalk: header, count; Rclunk: header; Rlerror: header, errno */
	KUNIT_EXPECT_EQ(test, 9 + 7 + 11, after[P9S_SENT] - before[P9S_SENT]);
}

/* A device may be plugged in again before its last session has ended */
static void sessions_of_one_name_are_told_apart(struct kunit *test)
{
	struct vfsmount *mnt = peer_tmpfs(test);
	struct p9_server_export export = {
		.root = { .mnt = mnt, .dentry = mnt->mnt_root },
	};
	struct peer *first, *second, *third;

	first = peer_connect_as(test, "9pkunit/same", &export, 1);
	second = peer_connect_as(test, "9pkunit/same", &export, 1);
	third = peer_connect_as(test, "9pkunit/same", &export, 1);
	KUNIT_EXPECT_STREQ(test, "9pkunit-same",
			   kobject_name(&first->session->kobj));
	KUNIT_EXPECT_STREQ(test, "9pkunit-same:2",
			   kobject_name(&second->session->kobj));
	KUNIT_EXPECT_STREQ(test, "9pkunit-same:3",
			   kobject_name(&third->session->kobj));
	peer_disconnect(second);
	second = peer_connect_as(test, "9pkunit/same", &export, 1);
	KUNIT_EXPECT_STREQ(test, "9pkunit-same:2",
			   kobject_name(&second->session->kobj));
}

static struct kunit_case stats_cases[] = {
	KUNIT_CASE(times_have_buckets),
	KUNIT_CASE(bounds_are_where_buckets_end),
	KUNIT_CASE(values_do_not_overlap),
	KUNIT_CASE(counts_what_it_is_told),
	KUNIT_CASE(keeps_what_threads_leave),
	KUNIT_CASE(sums_while_threads_count),
	KUNIT_CASE(counts_requests_of_a_session),
	KUNIT_CASE(sessions_of_one_name_are_told_apart),
	{ }
};

static struct kunit_suite stats_suite = {
	.name = "9pnet_server-stats",
	.test_cases = stats_cases,
};

kunit_test_suite(stats_suite);
