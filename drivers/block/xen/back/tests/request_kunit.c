// SPDX-License-Identifier: GPL-2.0
/*
 * A guest's requests: each layout is read as it is written, what makes sense is
 * understood, and what does not has an error and reaches no disk.
 */
#include <kunit/test.h>
#include <linux/string.h>

#include "../request.h"
#include "../stats.h"

#define LAST_OP	BLKIF_OP_INDIRECT

static const struct blkback_limits disk = {
	.sectors = 1000, .block = 1, .max_segs = 256, .discard = true,
	.secure = true,
};

static int decode(const struct blkif_request *req, struct blkback_cmd *cmd)
{
	return blkback_request_decode(req, &disk, cmd);
}

static struct blkif_request rw(u8 operation, u8 nr)
{
	return (struct blkif_request) {
		.operation = operation,
		.u.rw.nr_segments = nr,
		.u.rw.id = 0x0123456789abcdefULL,
		.u.rw.sector_number = 16,
	};
}

static struct blkif_request indirect(u8 operation, u16 nr)
{
	return (struct blkif_request) {
		.operation = BLKIF_OP_INDIRECT,
		.u.indirect.indirect_op = operation,
		.u.indirect.nr_segments = nr,
		.u.indirect.id = 99,
		.u.indirect.sector_number = 24,
		.u.indirect.indirect_grefs[0] = 77,
	};
}

/* As a 32-bit guest has it: "id" follows after four bytes */
static void layouts(struct kunit *test)
{
	static const enum blkback_layout all[] = {
		BLKBACK_NATIVE, BLKBACK_X86_32, BLKBACK_X86_64,
	};
	struct blkif_request wanted = rw(BLKIF_OP_WRITE, 11), got;
	unsigned int i, size, head = 4, pad;
	u8 slot[BLKIF_X86_64_REQUEST_SIZE];

	memset(&wanted.u.rw.seg, 0x5a, sizeof(wanted.u.rw.seg));
	for (i = 0; i < ARRAY_SIZE(all); i++) {
		size = blkback_request_size(all[i]);
		pad = size - (BLKIF_X86_32_REQUEST_SIZE - head);
		memset(slot, 0xee, sizeof(slot));
		memcpy(slot, &wanted, head);
		memcpy(slot + pad, &wanted.u.rw.id, size - pad);
		memset(&got, 0xff, sizeof(got));
		blkback_request_copy(&got, slot, all[i]);
		KUNIT_EXPECT_MEMEQ(test, &wanted, &got, sizeof(got));
	}
	KUNIT_EXPECT_EQ(test, 108, blkback_request_size(BLKBACK_X86_32));
	KUNIT_EXPECT_EQ(test, 112, blkback_request_size(BLKBACK_X86_64));
}

static void reads_and_writes(struct kunit *test)
{
	struct blkback_cmd cmd;
	struct blkif_request req;
	unsigned int nr;
	u8 operation;

	for (operation = BLKIF_OP_READ; operation <= BLKIF_OP_WRITE; operation++) {
		for (nr = 0; nr <= U8_MAX; nr++) {
			req = rw(operation, nr);
			KUNIT_EXPECT_EQ(test, decode(&req, &cmd),
					nr >= 1 && nr <= 11 ? BLKIF_RSP_OKAY :
							      BLKIF_RSP_ERROR);
			KUNIT_EXPECT_EQ(test, cmd.operation, operation);
			KUNIT_EXPECT_EQ(test, cmd.id, req.u.rw.id);
			KUNIT_EXPECT_EQ(test, cmd.sector, 16);
		}
	}
}

static void flushes_and_barriers(struct kunit *test)
{
	struct blkif_request req = rw(BLKIF_OP_FLUSH_DISKCACHE, 0);
	struct blkback_cmd cmd;

	/* Wherever they say that they are */
	req.u.rw.sector_number = U64_MAX;
	KUNIT_EXPECT_EQ(test, decode(&req, &cmd), BLKIF_RSP_OKAY);
	KUNIT_EXPECT_EQ(test, blkback_request_check(&cmd, NULL, &disk),
			BLKIF_RSP_OKAY);
	KUNIT_EXPECT_EQ(test, cmd.nr_sectors, 0);
	req.operation = BLKIF_OP_WRITE_BARRIER;
	KUNIT_EXPECT_EQ(test, decode(&req, &cmd), BLKIF_RSP_OKAY);
	req.u.rw.nr_segments = 12;
	KUNIT_EXPECT_EQ(test, decode(&req, &cmd), BLKIF_RSP_ERROR);
}

/* The reply has the operation of the data */
static void indirect_ones(struct kunit *test)
{
	struct blkif_request req = indirect(BLKIF_OP_WRITE, 256);
	struct blkback_limits none = disk;
	struct blkback_cmd cmd;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, decode(&req, &cmd), BLKIF_RSP_OKAY);
	KUNIT_EXPECT_TRUE(test, cmd.indirect);
	KUNIT_EXPECT_EQ(test, cmd.operation, BLKIF_OP_WRITE);
	KUNIT_EXPECT_EQ(test, cmd.nr_segs, 256);
	KUNIT_EXPECT_EQ(test, cmd.gref, 77);
	KUNIT_EXPECT_EQ(test, cmd.sector, 24);
	KUNIT_EXPECT_EQ(test, cmd.id, 99);

	none.max_segs = 0;
	KUNIT_EXPECT_EQ(test, blkback_request_decode(&req, &none, &cmd),
			BLKIF_RSP_EOPNOTSUPP);
	req = indirect(BLKIF_OP_READ, 257);
	KUNIT_EXPECT_EQ(test, decode(&req, &cmd), BLKIF_RSP_ERROR);
	req = indirect(BLKIF_OP_READ, 0);
	KUNIT_EXPECT_EQ(test, decode(&req, &cmd), BLKIF_RSP_ERROR);
	for (i = BLKIF_OP_WRITE + 1; i <= U8_MAX; i++) {
		req = indirect(i, 1);
		KUNIT_EXPECT_EQ(test, decode(&req, &cmd), BLKIF_RSP_ERROR);
		KUNIT_EXPECT_EQ(test, cmd.operation, i);
	}
}

static void unknown_operations(struct kunit *test)
{
	struct blkif_request req;
	struct blkback_cmd cmd;
	unsigned int i;

	for (i = LAST_OP + 1; i <= U8_MAX; i++) {
		req = rw(i, 1);
		KUNIT_EXPECT_EQ(test, decode(&req, &cmd), BLKIF_RSP_EOPNOTSUPP);
		KUNIT_EXPECT_EQ(test, cmd.operation, i);
		KUNIT_EXPECT_EQ(test, cmd.id, req.u.rw.id);
	}
	req = rw(BLKIF_OP_RESERVED_1, 1);
	KUNIT_EXPECT_EQ(test, decode(&req, &cmd), BLKIF_RSP_EOPNOTSUPP);
}

static int discard_of(u64 sector, u64 nr, u8 flag,
		      const struct blkback_limits *limits,
		      struct blkback_cmd *cmd)
{
	struct blkif_request req = {
		.operation = BLKIF_OP_DISCARD,
		.u.discard.flag = flag,
		.u.discard.sector_number = sector,
		.u.discard.nr_sectors = nr,
	};

	return blkback_request_decode(&req, limits, cmd);
}

static void discards(struct kunit *test)
{
	struct blkback_limits limits = disk;
	struct blkback_cmd cmd;

	KUNIT_EXPECT_EQ(test, discard_of(0, 1000, 0, &limits, &cmd),
			BLKIF_RSP_OKAY);
	KUNIT_EXPECT_EQ(test, cmd.nr_sectors, 1000);
	KUNIT_EXPECT_FALSE(test, cmd.secure);
	KUNIT_EXPECT_EQ(test, discard_of(0, 8, BLKIF_DISCARD_SECURE, &limits,
					 &cmd), BLKIF_RSP_OKAY);
	KUNIT_EXPECT_TRUE(test, cmd.secure);
	KUNIT_EXPECT_EQ(test, discard_of(0, 1001, 0, &limits, &cmd),
			BLKIF_RSP_ERROR);
	KUNIT_EXPECT_EQ(test, discard_of(U64_MAX, 2, 0, &limits, &cmd),
			BLKIF_RSP_ERROR);
	limits.block = 8;
	KUNIT_EXPECT_EQ(test, discard_of(8, 12, 0, &limits, &cmd),
			BLKIF_RSP_ERROR);
	limits.readonly = true;
	KUNIT_EXPECT_EQ(test, discard_of(8, 8, 0, &limits, &cmd),
			BLKIF_RSP_ERROR);
	/* The flag means nothing to a disk that cannot */
	limits = disk;
	limits.secure = false;
	KUNIT_EXPECT_EQ(test, discard_of(0, 8, BLKIF_DISCARD_SECURE, &limits,
					 &cmd), BLKIF_RSP_OKAY);
	KUNIT_EXPECT_FALSE(test, cmd.secure);
	limits.discard = false;
	KUNIT_EXPECT_EQ(test, discard_of(0, 8, 0, &limits, &cmd),
			BLKIF_RSP_EOPNOTSUPP);
}

static int check_of(u64 sector, u8 first, u8 last,
		    const struct blkback_limits *limits, u8 operation)
{
	struct blkif_request_segment segs[2] = {
		{ .gref = 1, .last_sect = 7 },
		{ .gref = 2, .first_sect = first, .last_sect = last },
	};
	struct blkback_cmd cmd = {
		.operation = operation, .nr_segs = 2, .sector = sector,
	};
	int status = blkback_request_check(&cmd, segs, limits);

	return status ?: cmd.nr_sectors;
}

static void segments(struct kunit *test)
{
	unsigned int first, last;
	int wanted;

	for (first = 0; first <= U8_MAX; first++) {
		for (last = 0; last <= U8_MAX; last++) {
			wanted = last < 8 && first <= last ?
				 8 + last - first + 1 : BLKIF_RSP_ERROR;
			KUNIT_EXPECT_EQ(test, wanted,
					check_of(0, first, last, &disk,
						 BLKIF_OP_READ));
		}
	}
}

static void the_end_of_the_disk(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 16, check_of(984, 0, 7, &disk, BLKIF_OP_WRITE));
	KUNIT_EXPECT_EQ(test, BLKIF_RSP_ERROR,
			check_of(985, 0, 7, &disk, BLKIF_OP_WRITE));
	KUNIT_EXPECT_EQ(test, BLKIF_RSP_ERROR,
			check_of(U64_MAX - 4, 0, 7, &disk, BLKIF_OP_WRITE));
	KUNIT_EXPECT_EQ(test, BLKIF_RSP_ERROR,
			check_of(1ULL << 63, 0, 7, &disk, BLKIF_OP_READ));
}

/* Of 2 KiB: four sectors of 512 bytes */
static void large_blocks(struct kunit *test)
{
	struct blkback_limits limits = disk;

	limits.block = 4;
	KUNIT_EXPECT_EQ(test, 12, check_of(4, 4, 7, &limits, BLKIF_OP_READ));
	KUNIT_EXPECT_EQ(test, BLKIF_RSP_ERROR,
			check_of(2, 4, 7, &limits, BLKIF_OP_READ));
	KUNIT_EXPECT_EQ(test, BLKIF_RSP_ERROR,
			check_of(4, 2, 5, &limits, BLKIF_OP_READ));
	KUNIT_EXPECT_EQ(test, BLKIF_RSP_ERROR,
			check_of(4, 4, 6, &limits, BLKIF_OP_READ));
}

static void read_only_disks(struct kunit *test)
{
	struct blkback_limits limits = disk;

	limits.readonly = true;
	KUNIT_EXPECT_EQ(test, 16, check_of(0, 0, 7, &limits, BLKIF_OP_READ));
	KUNIT_EXPECT_EQ(test, BLKIF_RSP_ERROR,
			check_of(0, 0, 7, &limits, BLKIF_OP_WRITE));
	KUNIT_EXPECT_EQ(test, BLKIF_RSP_ERROR,
			check_of(0, 0, 7, &limits, BLKIF_OP_FLUSH_DISKCACHE));
	KUNIT_EXPECT_EQ(test, BLKIF_RSP_ERROR,
			check_of(0, 0, 7, &limits, BLKIF_OP_WRITE_BARRIER));
}

static void latencies(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 0, blkback_stats_bucket(0));
	KUNIT_EXPECT_EQ(test, 0, blkback_stats_bucket(999));
	KUNIT_EXPECT_EQ(test, 1, blkback_stats_bucket(1000));
	KUNIT_EXPECT_EQ(test, 1, blkback_stats_bucket(1999));
	KUNIT_EXPECT_EQ(test, 2, blkback_stats_bucket(2000));
	KUNIT_EXPECT_EQ(test, BLKBACK_BUCKETS - 1,
			blkback_stats_bucket(U64_MAX));
}

static struct kunit_case request_cases[] = {
	KUNIT_CASE(layouts),
	KUNIT_CASE(reads_and_writes),
	KUNIT_CASE(flushes_and_barriers),
	KUNIT_CASE(indirect_ones),
	KUNIT_CASE(unknown_operations),
	KUNIT_CASE(discards),
	KUNIT_CASE(segments),
	KUNIT_CASE(the_end_of_the_disk),
	KUNIT_CASE(large_blocks),
	KUNIT_CASE(read_only_disks),
	KUNIT_CASE(latencies),
	{ }
};

static struct kunit_suite request_suite = {
	.name = "xen-blkback-request",
	.test_cases = request_cases,
};

kunit_test_suite(request_suite);
