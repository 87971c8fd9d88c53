// SPDX-License-Identifier: GPL-2.0
/*
 * The ring arithmetic of include/xen/9pfs_ring.h: what is queued and what has
 * room, also where the indices wrap at 2^32; where each byte lands; that an
 * index which cannot be is refused; which changes are told by an event; and that
 * two CPUs which share a ring see the bytes that were published, no others, and
 * never sleep while there is something to do. Random streams and a peer that
 * changes its index at any moment are tested in userspace, see
 * tools/testing/selftests/unit.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/wait.h>

#include "ring_pair.h"

#define PAGES	4

static struct pair *pair_new(struct kunit *test, u32 nr_pages, u32 index)
{
	struct pair *pair = kunit_kzalloc(test, sizeof(*pair), GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, pair);
	for (i = 0; i < nr_pages; i++) {
		pair->pages[i] = kunit_kzalloc(test, XEN_9PFS_PAGE_SIZE,
					       GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, pair->pages[i]);
	}
	pair_start(pair, nr_pages, index);
	return pair;
}

static void expect_state(struct kunit *test, struct pair *pair, u32 queued)
{
	u32 bytes = ~0;

	KUNIT_EXPECT_EQ(test, 0, xen_9pfs_queued(&pair->consumer, &bytes));
	KUNIT_EXPECT_EQ(test, queued, bytes);
	KUNIT_EXPECT_EQ(test, 0, xen_9pfs_room(&pair->producer, &bytes));
	KUNIT_EXPECT_EQ(test, pair->producer.size - queued, bytes);
}

/* Where the indices start: the edges of their range, and of a page */
static const u32 starts[] = {
	0, 1, 4095, 4096, 0x7FFFFFFF, 0x80000000, 0xFFFFF000, 0xFFFFFFFF,
};

static void start_name(const u32 *start, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%#x", *start);
}

KUNIT_ARRAY_PARAM(start, starts, start_name);

static void counts_bytes(struct kunit *test)
{
	u32 start = *(const u32 *)test->param_value;
	struct pair *pair = pair_new(test, 2, start);

	expect_state(test, pair, 0);
	xen_9pfs_publish(&pair->producer, 1);
	expect_state(test, pair, 1);
	xen_9pfs_publish(&pair->producer, 8191);
	expect_state(test, pair, 8192);
	KUNIT_EXPECT_EQ(test, start + 8192, pair->prod);
	xen_9pfs_consume(&pair->consumer, 8191);
	expect_state(test, pair, 1);
	KUNIT_EXPECT_EQ(test, start + 8191, pair->cons);
	xen_9pfs_consume(&pair->consumer, 1);
	expect_state(test, pair, 0);
}

/* Every distance between the indices but 0 to size is a lie */
static void refuses_a_producer_that_lies(struct kunit *test)
{
	u32 start = *(const u32 *)test->param_value;
	static const u32 lies[] = { 4097, 0x80000000, 0xFFFFFFFF };
	struct pair *pair = pair_new(test, 1, start);
	unsigned int i;
	u32 bytes;

	for (i = 0; i < ARRAY_SIZE(lies); i++) {
		pair->prod = start + lies[i];
		KUNIT_EXPECT_EQ(test, -EPROTO,
				xen_9pfs_queued(&pair->consumer, &bytes));
	}
	pair->prod = start + 4096;
	KUNIT_EXPECT_EQ(test, 0, xen_9pfs_queued(&pair->consumer, &bytes));
	KUNIT_EXPECT_EQ(test, 4096, bytes);
}

static void refuses_a_consumer_that_lies(struct kunit *test)
{
	u32 start = *(const u32 *)test->param_value;
	struct pair *pair = pair_new(test, 1, start);
	u32 bytes;

	xen_9pfs_publish(&pair->producer, 100);
	/* More consumed than was ever produced */
	pair->cons = start + 101;
	KUNIT_EXPECT_EQ(test, -EPROTO, xen_9pfs_room(&pair->producer, &bytes));
	/* Consumed bytes given back */
	pair->cons = start + 100 - 4097;
	KUNIT_EXPECT_EQ(test, -EPROTO, xen_9pfs_room(&pair->producer, &bytes));
	pair->cons = start + 100 - 4096;
	KUNIT_EXPECT_EQ(test, 0, xen_9pfs_room(&pair->producer, &bytes));
	KUNIT_EXPECT_EQ(test, 0, bytes);
}

/* What the peer makes of this end's index is the peer's business */
static void never_reads_its_own_shared_index(struct kunit *test)
{
	u32 start = *(const u32 *)test->param_value;
	struct pair *pair = pair_new(test, 1, start);
	u32 bytes;

	pair->prod = start + 0xDEAD;
	KUNIT_EXPECT_EQ(test, 0, xen_9pfs_room(&pair->producer, &bytes));
	KUNIT_EXPECT_EQ(test, 4096, bytes);
	xen_9pfs_publish(&pair->producer, 7);
	KUNIT_EXPECT_EQ(test, start + 7, pair->prod);
	pair->cons = start + 0xDEAD;
	KUNIT_EXPECT_EQ(test, 0, xen_9pfs_queued(&pair->consumer, &bytes));
	KUNIT_EXPECT_EQ(test, 7, bytes);
	xen_9pfs_consume(&pair->consumer, 7);
	KUNIT_EXPECT_EQ(test, start + 7, pair->cons);
}

/* Each byte lands in the page and at the place that the format says */
static void places_bytes(struct kunit *test)
{
	u32 start = *(const u32 *)test->param_value;
	struct pair *pair = pair_new(test, PAGES, start);
	u32 at, offset;
	u8 byte;

	for (at = 0; at < pair->producer.size; at++) {
		offset = (start + at) % pair->producer.size;
		byte = at * 7 + 1;
		xen_9pfs_put(&pair->producer, at, &byte, 1);
		KUNIT_ASSERT_EQ(test, byte,
				pair->pages[offset / 4096][offset % 4096]);
		byte = 0;
		xen_9pfs_get(&pair->consumer, at, &byte, 1);
		KUNIT_ASSERT_EQ(test, (u8)(at * 7 + 1), byte);
	}
}

static void copies_across_pages_and_the_end(struct kunit *test)
{
	u32 start = *(const u32 *)test->param_value;
	struct pair *pair = pair_new(test, PAGES, start);
	u32 size = pair->producer.size, i;
	u8 *in = kunit_kmalloc(test, size, GFP_KERNEL);
	u8 *out = kunit_kzalloc(test, size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, in);
	KUNIT_ASSERT_NOT_NULL(test, out);
	for (i = 0; i < size; i++)
		in[i] = i * 11 + (i >> 8);
	xen_9pfs_put(&pair->producer, 0, in, 7);
	xen_9pfs_put(&pair->producer, 7, in + 7, size - 7);
	xen_9pfs_publish(&pair->producer, size);
	xen_9pfs_get(&pair->consumer, 0, out, size);
	KUNIT_EXPECT_MEMEQ(test, in, out, size);
}

static void copies_nothing_for_a_length_of_0(struct kunit *test)
{
	struct pair *pair = pair_new(test, 1, 4095);

	/* With nowhere to copy from or to */
	xen_9pfs_put(&pair->producer, 0, NULL, 0);
	xen_9pfs_get(&pair->consumer, 0, NULL, 0);
	expect_state(test, pair, 0);
}

/* An event comes for the change that was waited for, and for no other */
static void tells_who_waits_for_bytes(struct kunit *test)
{
	u32 start = *(const u32 *)test->param_value;
	struct pair *pair = pair_new(test, 1, start);

	pair_use_events(pair);
	xen_9pfs_watch(&pair->consumer, start);
	xen_9pfs_publish(&pair->producer, 10);
	KUNIT_EXPECT_TRUE(test, xen_9pfs_event_wanted(&pair->producer, 10));
	xen_9pfs_publish(&pair->producer, 10);
	KUNIT_EXPECT_FALSE(test, xen_9pfs_event_wanted(&pair->producer, 10));

	/* Whoever has seen all but the last byte is told of that one */
	xen_9pfs_watch(&pair->consumer, start + 29);
	xen_9pfs_publish(&pair->producer, 9);
	KUNIT_EXPECT_FALSE(test, xen_9pfs_event_wanted(&pair->producer, 9));
	xen_9pfs_publish(&pair->producer, 1);
	KUNIT_EXPECT_TRUE(test, xen_9pfs_event_wanted(&pair->producer, 1));
}

static void tells_who_waits_for_room(struct kunit *test)
{
	u32 start = *(const u32 *)test->param_value;
	struct pair *pair = pair_new(test, 1, start);

	pair_use_events(pair);
	xen_9pfs_publish(&pair->producer, XEN_9PFS_PAGE_SIZE);
	xen_9pfs_watch_room(&pair->producer, 100);
	xen_9pfs_consume(&pair->consumer, 99);
	KUNIT_EXPECT_FALSE(test, xen_9pfs_event_wanted(&pair->consumer, 99));
	xen_9pfs_consume(&pair->consumer, 1);
	KUNIT_EXPECT_TRUE(test, xen_9pfs_event_wanted(&pair->consumer, 1));
	xen_9pfs_consume(&pair->consumer, XEN_9PFS_PAGE_SIZE - 100);
	KUNIT_EXPECT_FALSE(test, xen_9pfs_event_wanted(&pair->consumer,
						       XEN_9PFS_PAGE_SIZE - 100));
}

/* Without event indices each change is told, and nothing is asked for */
static void tells_everybody_of_everything(struct kunit *test)
{
	struct pair *pair = pair_new(test, 1, 7);

	xen_9pfs_watch(&pair->consumer, 1000);
	xen_9pfs_publish(&pair->producer, 1);
	KUNIT_EXPECT_TRUE(test, xen_9pfs_event_wanted(&pair->producer, 1));
	KUNIT_EXPECT_EQ(test, 0, pair->prod_event);
}

#define STREAM_BYTES	SZ_256K

/* The byte at position @at of a stream that never ends */
static u8 pattern(u32 at)
{
	return (at * 0x9E3779B1U) >> 24;
}

/* An event channel's end: events that come before one is waited for are one */
struct line {
	atomic_t pending;
	wait_queue_head_t sleeper;
};

/* A stream whose ends are threads of their own; any error ends both */
struct shared {
	struct pair *pair;
	struct line to_producer;
	struct line to_consumer;
	struct completion produced;
	struct completion consumed;
	int err;
	u32 wrong;
};

static void line_init(struct line *line)
{
	atomic_set(&line->pending, 0);
	init_waitqueue_head(&line->sleeper);
}

static void line_send(struct line *line)
{
	atomic_set(&line->pending, 1);
	wake_up(&line->sleeper);
}

/* An event that is waited for in vain is a wake-up that was lost */
static void line_wait(struct shared *shared, struct line *line)
{
	if (!wait_event_timeout(line->sleeper, atomic_xchg(&line->pending, 0),
				20 * HZ))
		WRITE_ONCE(shared->err, -ETIMEDOUT);
}

/* Room of at least a byte, for which it waits, or 0 with an error */
static u32 await_room(struct shared *shared, struct xen_9pfs_stream *s)
{
	u32 room = 0;

	while (!READ_ONCE(shared->err)) {
		if (xen_9pfs_room(s, &room))
			WRITE_ONCE(shared->err, -EPROTO);
		else if (room)
			break;
		xen_9pfs_watch_room(s, 1);
		if (!xen_9pfs_room(s, &room) && !room)
			line_wait(shared, &shared->to_producer);
	}
	return room;
}

static u32 await_bytes(struct shared *shared, struct xen_9pfs_stream *s)
{
	u32 queued = 0;

	while (!READ_ONCE(shared->err)) {
		if (xen_9pfs_queued(s, &queued))
			WRITE_ONCE(shared->err, -EPROTO);
		else if (queued)
			break;
		xen_9pfs_watch(s, s->index);
		if (!xen_9pfs_queued(s, &queued) && !queued)
			line_wait(shared, &shared->to_consumer);
	}
	return queued;
}

static int produce(void *arg)
{
	struct shared *shared = arg;
	struct xen_9pfs_stream *s = &shared->pair->producer;
	u32 at = 0, room, len, i;
	u8 buf[61];

	while (at < STREAM_BYTES) {
		room = await_room(shared, s);
		if (!room)
			break;
		len = min3(room, (u32)sizeof(buf), STREAM_BYTES - at);
		for (i = 0; i < len; i++)
			buf[i] = pattern(at + i);
		xen_9pfs_put(s, 0, buf, len);
		xen_9pfs_publish(s, len);
		if (xen_9pfs_event_wanted(s, len))
			line_send(&shared->to_consumer);
		at += len;
	}
	kthread_complete_and_exit(&shared->produced, 0);
}

static int consume(void *arg)
{
	struct shared *shared = arg;
	struct xen_9pfs_stream *s = &shared->pair->consumer;
	u32 at = 0, queued, len, i;
	u8 buf[53];

	while (at < STREAM_BYTES) {
		queued = await_bytes(shared, s);
		if (!queued)
			break;
		len = min_t(u32, queued, sizeof(buf));
		xen_9pfs_get(s, 0, buf, len);
		for (i = 0; i < len; i++)
			shared->wrong += buf[i] != pattern(at + i);
		xen_9pfs_consume(s, len);
		if (xen_9pfs_event_wanted(s, len))
			line_send(&shared->to_producer);
		at += len;
	}
	kthread_complete_and_exit(&shared->consumed, 0);
}

static void two_threads(struct kunit *test, bool use_events)
{
	struct pair *pair = pair_new(test, 1, 0U - STREAM_BYTES / 2);
	struct shared shared = { .pair = pair };
	struct task_struct *producer, *consumer;

	if (use_events)
		pair_use_events(pair);
	line_init(&shared.to_producer);
	line_init(&shared.to_consumer);
	init_completion(&shared.produced);
	init_completion(&shared.consumed);
	producer = kthread_create(produce, &shared, "ring-produce");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, producer);
	consumer = kthread_create(consume, &shared, "ring-consume");
	if (IS_ERR(consumer))
		kthread_stop(producer);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, consumer);
	wake_up_process(producer);
	wake_up_process(consumer);
	wait_for_completion(&shared.produced);
	wait_for_completion(&shared.consumed);
	KUNIT_EXPECT_EQ(test, 0, shared.err);
	KUNIT_EXPECT_EQ(test, 0, shared.wrong);
	expect_state(test, pair, 0);
}

/* The barriers: an index is never seen before the bytes that it stands for */
static void two_threads_share_a_stream(struct kunit *test)
{
	two_threads(test, false);
}

/* And nobody who waits for an event waits for ever */
static void two_threads_ask_for_events(struct kunit *test)
{
	two_threads(test, true);
}

static struct kunit_case ring_cases[] = {
	KUNIT_CASE_PARAM(counts_bytes, start_gen_params),
	KUNIT_CASE_PARAM(refuses_a_producer_that_lies, start_gen_params),
	KUNIT_CASE_PARAM(refuses_a_consumer_that_lies, start_gen_params),
	KUNIT_CASE_PARAM(never_reads_its_own_shared_index, start_gen_params),
	KUNIT_CASE_PARAM(places_bytes, start_gen_params),
	KUNIT_CASE_PARAM(copies_across_pages_and_the_end, start_gen_params),
	KUNIT_CASE(copies_nothing_for_a_length_of_0),
	KUNIT_CASE_PARAM(tells_who_waits_for_bytes, start_gen_params),
	KUNIT_CASE_PARAM(tells_who_waits_for_room, start_gen_params),
	KUNIT_CASE(tells_everybody_of_everything),
	KUNIT_CASE(two_threads_share_a_stream),
	KUNIT_CASE(two_threads_ask_for_events),
	{ }
};

static struct kunit_suite ring_suite = {
	.name = "xen-9pfs-ring",
	.test_cases = ring_cases,
};

kunit_test_suite(ring_suite);

MODULE_DESCRIPTION("KUnit tests for Xen 9pfs rings");
MODULE_LICENSE("GPL");
