// SPDX-License-Identifier: GPL-2.0
/*
 * The ring arithmetic of include/xen/9pfs_ring.h: bytes come out as they went
 * in, in rings of every size, across page ends, the ring's end and the wrap of
 * the indices at 2^32, and no index that a peer may write, at any moment, leads
 * out of a ring. Single steps are tested in the kernel, in
 * net/9p/tests/ring_kunit.c.
 */
#include "tests/ring_pair.h"
#include "unit.h"

static void pair_init(struct pair *pair, u32 nr_pages, u32 index)
{
	u32 i;

	memset(pair, 0, sizeof(*pair));
	for (i = 0; i < nr_pages; i++) {
		pair->pages[i] = malloc(XEN_9PFS_PAGE_SIZE);
		CHECK(pair->pages[i]);
	}
	pair_start(pair, nr_pages, index);
}

static void pair_free(struct pair *pair)
{
	u32 i;

	for (i = 0; i < pair->nr_pages; i++)
		free(pair->pages[i]);
}

static void expect_state(struct pair *pair, u32 queued)
{
	u32 bytes = ~0;

	CHECK_EQ(xen_9pfs_queued(&pair->consumer, &bytes), 0);
	CHECK_EQ(bytes, queued);
	CHECK_EQ(xen_9pfs_room(&pair->producer, &bytes), 0);
	CHECK_EQ(bytes, pair->producer.size - queued);
}

static void scramble(const volatile void *at)
{
	*(volatile u32 *)at = unit_random();
}

/* A peer that changes its index between any two reads gains nothing */
TEST(ring_reads_the_peers_index_once)
{
	struct pair pair;
	u32 bytes, seen, i;

	pair_init(&pair, 4, 0);
	unit_after_read = scramble;
	for (i = 0; i < 1000000; i++) {
		pair.prod = unit_random();
		pair.cons = unit_random();
		if (i % 2) {
			pair.prod = pair.consumer.index + unit_below(20000);
			pair.cons = pair.producer.index - unit_below(20000);
		}
		seen = pair.prod - pair.consumer.index;
		bytes = ~0;
		if (xen_9pfs_queued(&pair.consumer, &bytes)) {
			CHECK(seen > pair.consumer.size);
			CHECK_EQ(bytes, ~0U);
		} else {
			CHECK_EQ(bytes, seen);
			CHECK(bytes <= pair.consumer.size);
		}
		seen = pair.producer.index - pair.cons;
		if (xen_9pfs_room(&pair.producer, &bytes)) {
			CHECK(seen > pair.producer.size);
		} else {
			CHECK_EQ(bytes, pair.producer.size - seen);
			CHECK(bytes <= pair.producer.size);
		}
		pair.producer.index += unit_below(5000);
		pair.consumer.index += unit_below(5000);
	}
	unit_after_read = NULL;
	pair_free(&pair);
}

/* The byte at position @at of a stream that never ends */
static u8 pattern(u64 at)
{
	return (at * 0x9E3779B97F4A7C15ULL) >> 56;
}

/* In up to three pieces, as header, fields and data are written */
static u32 random_put(struct pair *pair, u64 at)
{
	u32 room, len, done = 0, part, i;
	u8 *buf;

	CHECK_EQ(xen_9pfs_room(&pair->producer, &room), 0);
	len = unit_below(room + 1);
	while (done < len) {
		part = unit_below(4) ? len - done : 1 + unit_below(len - done);
		buf = malloc(part);
		for (i = 0; i < part; i++)
			buf[i] = pattern(at + done + i);
		xen_9pfs_put(&pair->producer, done, buf, part);
		free(buf);
		done += part;
	}
	xen_9pfs_publish(&pair->producer, len);
	return len;
}

static u32 random_get(struct pair *pair, u64 at)
{
	u32 queued, offset, len, i;
	u8 *buf;

	CHECK_EQ(xen_9pfs_queued(&pair->consumer, &queued), 0);
	if (!queued)
		return 0;
	/* A look at the middle, as at a header whose body comes later */
	offset = unit_below(queued);
	len = 1 + unit_below(queued - offset);
	buf = malloc(len);
	xen_9pfs_get(&pair->consumer, offset, buf, len);
	for (i = 0; i < len; i++)
		CHECK_EQ(buf[i], pattern(at + offset + i));
	free(buf);
	len = unit_below(queued + 1);
	xen_9pfs_consume(&pair->consumer, len);
	return len;
}

/* Random operations on rings of every size, against a model: two positions */
static void random_ring(u32 nr_pages, unsigned int steps)
{
	u64 produced = 0, consumed = 0;
	struct pair pair;
	unsigned int i;

	pair_init(&pair, nr_pages, 0U - (u32)unit_below(1 << 20));
	for (i = 0; i < steps; i++) {
		if (unit_below(2))
			produced += random_put(&pair, produced);
		else
			consumed += random_get(&pair, consumed);
		expect_state(&pair, produced - consumed);
	}
	CHECK(produced > pair.producer.size);
	pair_free(&pair);
}

TEST(ring_is_a_stream)
{
	u32 nr_pages;

	for (nr_pages = 1; nr_pages <= MAX_PAGES; nr_pages *= 2)
		random_ring(nr_pages, 8000);
}

/* Small messages, so that a million of them cross every boundary there is */
TEST(ring_is_a_stream_of_a_million_messages)
{
	u64 produced = 0, consumed = 0;
	unsigned int i;
	struct pair pair;
	u32 len, bytes, j;
	u8 buf[64];

	pair_init(&pair, 2, 0U - (1U << 24));
	for (i = 0; i < 1000000; i++) {
		CHECK_EQ(xen_9pfs_room(&pair.producer, &bytes), 0);
		len = 1 + unit_below(sizeof(buf));
		if (len <= bytes) {
			for (j = 0; j < len; j++)
				buf[j] = pattern(produced + j);
			xen_9pfs_put(&pair.producer, 0, buf, len);
			xen_9pfs_publish(&pair.producer, len);
			produced += len;
		}
		CHECK_EQ(xen_9pfs_queued(&pair.consumer, &bytes), 0);
		CHECK_EQ(bytes, produced - consumed);
		len = 1 + unit_below(sizeof(buf));
		if (len <= bytes) {
			xen_9pfs_get(&pair.consumer, 0, buf, len);
			for (j = 0; j < len; j++)
				CHECK_EQ(buf[j], pattern(consumed + j));
			xen_9pfs_consume(&pair.consumer, len);
			consumed += len;
		}
	}
	CHECK(produced > 1U << 24);
	pair_free(&pair);
}
