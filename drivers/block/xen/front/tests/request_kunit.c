// SPDX-License-Identifier: GPL-2.0
/*
 * How the block frontend cuts requests into segments of Xen's pages, and how it
 * writes them for the backend.
 */
#include <kunit/test.h>

#include "../front.h"

#define PFN	1000UL

struct piece {
	unsigned long pfn;
	unsigned int offset;
	unsigned int len;
};

struct segment {
	unsigned long pfn;
	u8 first;
	u8 last;
};

struct cut {
	const char *what;
	struct piece pieces[4];
	int nr;
	struct segment segs[5];
};

static const struct cut cuts[] = {
	{
		"a page", { { PFN, 0, 4096 } },
		1, { { PFN, 0, 7 } },
	}, {
		"one sector", { { PFN, 3584, 512 } },
		1, { { PFN, 7, 7 } },
	}, {
		"over a border", { { PFN, 3584, 1024 } },
		2, { { PFN, 7, 7 }, { PFN + 1, 0, 0 } },
	}, {
		"three pages at once", { { PFN, 512, 12288 } },
		4, { { PFN, 1, 7 }, { PFN + 1, 0, 7 }, { PFN + 2, 0, 7 },
		     { PFN + 3, 0, 0 } },
	}, {
		"on a later page", { { PFN, 4096 * 3 + 1024, 512 } },
		1, { { PFN + 3, 2, 2 } },
	}, {
		"pieces that touch", { { PFN, 0, 512 }, { PFN, 512, 1024 },
				       { PFN, 1536, 2560 } },
		1, { { PFN, 0, 7 } },
	}, {
		"pieces that touch at a border", { { PFN, 2048, 2048 },
						   { PFN + 1, 0, 512 } },
		2, { { PFN, 4, 7 }, { PFN + 1, 0, 0 } },
	}, {
		"pieces with a hole", { { PFN, 0, 512 }, { PFN, 1024, 512 } },
		2, { { PFN, 0, 0 }, { PFN, 2, 2 } },
	}, {
		"pieces that go back", { { PFN, 512, 512 }, { PFN, 0, 512 } },
		2, { { PFN, 1, 1 }, { PFN, 0, 0 } },
	}, {
		"half a sector", { { PFN, 0, 256 } }, -EINVAL,
	}, {
		"between sectors", { { PFN, 100, 512 } }, -EINVAL,
	}, {
		"no room", { { PFN, 0, 4096 * 6 } }, -E2BIG,
	},
};

static int cut_up(const struct cut *cut, struct blkfront_seg *segs)
{
	const struct piece *piece;
	int nr = 0;

	for (piece = cut->pieces; piece->len && nr >= 0; piece++)
		nr = blkfront_segs_add(segs, nr, ARRAY_SIZE(cut->segs),
				       piece->pfn, piece->offset, piece->len);
	return nr;
}

static void cuts_into_pages(struct kunit *test)
{
	struct blkfront_seg segs[ARRAY_SIZE(cuts[0].segs)];
	const struct cut *cut;
	int i, nr;

	for (cut = cuts; cut < cuts + ARRAY_SIZE(cuts); cut++) {
		nr = cut_up(cut, segs);
		KUNIT_ASSERT_EQ_MSG(test, cut->nr, nr, "%s", cut->what);
		for (i = 0; i < nr; i++) {
			KUNIT_EXPECT_EQ_MSG(test, cut->segs[i].pfn,
					    segs[i].pfn, "%s", cut->what);
			KUNIT_EXPECT_EQ_MSG(test, cut->segs[i].first,
					    segs[i].first, "%s", cut->what);
			KUNIT_EXPECT_EQ_MSG(test, cut->segs[i].last,
					    segs[i].last, "%s", cut->what);
		}
	}
}

static struct blkfront_req *new_req(struct kunit *test, u8 op,
				    unsigned int nr)
{
	struct blkfront_req *req;
	unsigned int i;

	req = kunit_kzalloc(test, struct_size(req, segs, nr), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, req);
	req->op = op;
	req->nr_segs = nr;
	for (i = 0; i < nr; i++) {
		req->segs[i].ref = 500 + i;
		req->segs[i].first = i % 8;
		req->segs[i].last = 7;
	}
	return req;
}

static void writes_direct_segments(struct kunit *test)
{
	struct blkfront_req *req = new_req(test, BLKIF_OP_WRITE,
					   BLKIF_MAX_SEGMENTS_PER_REQUEST);
	struct blkif_request out = {};
	unsigned int i;

	blkfront_req_encode(req, 1ULL << 40, 88, 51712, 77, false, &out);
	KUNIT_EXPECT_EQ(test, BLKIF_OP_WRITE, out.operation);
	KUNIT_EXPECT_EQ(test, 11, out.u.rw.nr_segments);
	KUNIT_EXPECT_EQ(test, 51712, out.u.rw.handle);
	KUNIT_EXPECT_EQ(test, 77, out.u.rw.id);
	KUNIT_EXPECT_EQ(test, 1ULL << 40, out.u.rw.sector_number);
	for (i = 0; i < req->nr_segs; i++) {
		KUNIT_EXPECT_EQ(test, 500 + i, out.u.rw.seg[i].gref);
		KUNIT_EXPECT_EQ(test, i % 8, out.u.rw.seg[i].first_sect);
		KUNIT_EXPECT_EQ(test, 7, out.u.rw.seg[i].last_sect);
	}
}

static void writes_indirect_segments(struct kunit *test)
{
	struct blkfront_req *req = new_req(test, BLKIF_OP_READ,
					   BLKIF_MAX_SEGMENTS_PER_REQUEST + 1);
	struct blkfront_buf buf = { .ref = 4242 };
	struct blkif_request out = {};

	req->indirect = &buf;
	blkfront_req_encode(req, 8, 96, 51728, 78, false, &out);
	KUNIT_EXPECT_EQ(test, BLKIF_OP_INDIRECT, out.operation);
	KUNIT_EXPECT_EQ(test, BLKIF_OP_READ, out.u.indirect.indirect_op);
	KUNIT_EXPECT_EQ(test, 12, out.u.indirect.nr_segments);
	KUNIT_EXPECT_EQ(test, 51728, out.u.indirect.handle);
	KUNIT_EXPECT_EQ(test, 78, out.u.indirect.id);
	KUNIT_EXPECT_EQ(test, 8, out.u.indirect.sector_number);
	KUNIT_EXPECT_EQ(test, 4242, out.u.indirect.indirect_grefs[0]);
}

static void writes_discards(struct kunit *test)
{
	struct blkfront_req *req = new_req(test, BLKIF_OP_DISCARD, 0);
	struct blkif_request out = {};

	blkfront_req_encode(req, 16, 1ULL << 33, 1, 79, false, &out);
	KUNIT_EXPECT_EQ(test, BLKIF_OP_DISCARD, out.operation);
	KUNIT_EXPECT_EQ(test, 0, out.u.discard.flag);
	KUNIT_EXPECT_EQ(test, 79, out.u.discard.id);
	KUNIT_EXPECT_EQ(test, 16, out.u.discard.sector_number);
	KUNIT_EXPECT_EQ(test, 1ULL << 33, out.u.discard.nr_sectors);
	blkfront_req_encode(req, 16, 1, 1, 80, true, &out);
	KUNIT_EXPECT_EQ(test, BLKIF_DISCARD_SECURE, out.u.discard.flag);
}

static void writes_flushes(struct kunit *test)
{
	struct blkfront_req *req = new_req(test, BLKIF_OP_FLUSH_DISKCACHE, 0);
	struct blkif_request out = {};

	blkfront_req_encode(req, 0, 0, 1, 81, false, &out);
	KUNIT_EXPECT_EQ(test, BLKIF_OP_FLUSH_DISKCACHE, out.operation);
	KUNIT_EXPECT_EQ(test, 0, out.u.rw.nr_segments);
	KUNIT_EXPECT_EQ(test, 81, out.u.rw.id);
	KUNIT_EXPECT_EQ(test, 0, out.u.rw.sector_number);
}

static struct kunit_case request_cases[] = {
	KUNIT_CASE(cuts_into_pages),
	KUNIT_CASE(writes_direct_segments),
	KUNIT_CASE(writes_indirect_segments),
	KUNIT_CASE(writes_discards),
	KUNIT_CASE(writes_flushes),
	{}
};

static struct kunit_suite request_suite = {
	.name = "xen_blkfront_request",
	.test_cases = request_cases,
};

kunit_test_suite(request_suite);
