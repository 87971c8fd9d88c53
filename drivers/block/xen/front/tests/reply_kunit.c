// SPDX-License-Identifier: GPL-2.0
/*
 * Which replies the block frontend takes: those to requests that the backend has,
 * once, for the operation that was asked for.
 */
#include <kunit/test.h>

#include "../front.h"

#define NR_SLOTS	32

/* Nothing looks at it */
static struct request *const some_request = (void *)4096;

static struct blkfront_ring *new_ring(struct kunit *test)
{
	struct blkfront_ring *ring;
	unsigned int i;

	ring = kunit_kzalloc(test, sizeof(*ring), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ring);
	ring->nr_slots = NR_SLOTS;
	ring->slots = kunit_kcalloc(test, NR_SLOTS, sizeof(*ring->slots),
				    GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ring->slots);
	for (i = 0; i < NR_SLOTS; i++)
		ring->slots[i].id = i;
	return ring;
}

static void takes_what_was_asked(struct kunit *test)
{
	struct blkfront_ring *ring = new_ring(test);
	struct blkif_response rsp = { .operation = BLKIF_OP_WRITE };

	ring->slots[5] = (struct blkfront_slot) {
		.id = 5 + 7 * NR_SLOTS,
		.rq = some_request,
		.op = BLKIF_OP_WRITE,
	};
	rsp.id = 5 + 7 * NR_SLOTS;
	KUNIT_EXPECT_NULL(test, blkfront_ring_check(ring, &rsp));
	/* Whether it went well is another matter */
	rsp.status = BLKIF_RSP_ERROR;
	KUNIT_EXPECT_NULL(test, blkfront_ring_check(ring, &rsp));
}

static void takes_nothing_else(struct kunit *test)
{
	static const u64 ids[] = {
		0, 4, 5, 6, 5 + NR_SLOTS, 5 + 6 * NR_SLOTS, 5 + 8 * NR_SLOTS,
		NR_SLOTS, 1ULL << 32, U64_MAX,
	};
	struct blkfront_ring *ring = new_ring(test);
	struct blkif_response rsp = { .operation = BLKIF_OP_WRITE };
	unsigned int i;

	ring->slots[5] = (struct blkfront_slot) {
		.id = 5 + 7 * NR_SLOTS,
		.rq = some_request,
		.op = BLKIF_OP_WRITE,
	};
	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		rsp.id = ids[i];
		KUNIT_EXPECT_NOT_NULL_MSG(test,
					  blkfront_ring_check(ring, &rsp),
					  "id %llu", rsp.id);
	}
}

static void takes_no_other_operation(struct kunit *test)
{
	struct blkfront_ring *ring = new_ring(test);
	struct blkif_response rsp = { .id = 5 };
	unsigned int op;

	ring->slots[5].rq = some_request;
	ring->slots[5].op = BLKIF_OP_READ;
	for (op = 0; op <= U8_MAX; op++) {
		rsp.operation = op;
		if (op == BLKIF_OP_READ)
			KUNIT_EXPECT_NULL(test,
					  blkfront_ring_check(ring, &rsp));
		else
			KUNIT_EXPECT_NOT_NULL(test,
					      blkfront_ring_check(ring, &rsp));
	}
}

static struct kunit_case reply_cases[] = {
	KUNIT_CASE(takes_what_was_asked),
	KUNIT_CASE(takes_nothing_else),
	KUNIT_CASE(takes_no_other_operation),
	{}
};

static struct kunit_suite reply_suite = {
	.name = "xen_blkfront_reply",
	.test_cases = reply_cases,
};

kunit_test_suite(reply_suite);
