// SPDX-License-Identifier: GPL-2.0
/*
 * A guest's requests: copied once, understood, checked.
 */
#include <kunit/visibility.h>
#include <linux/build_bug.h>
#include <linux/overflow.h>
#include <linux/stddef.h>
#include <linux/string.h>

#include "request.h"

/* What comes before "id", and the padding that x86_32-abi does without */
#define HEAD_SIZE	4U
#define PAD_SIZE	4U

/**
 * blkback_request_size - bytes that a request occupies in the ring
 * @layout: of the ring
 *
 * Context: any.
 * Return: bytes from one request to the next.
 */
unsigned int blkback_request_size(enum blkback_layout layout)
{
	switch (layout) {
	case BLKBACK_X86_32:
		return BLKIF_X86_32_REQUEST_SIZE;
	case BLKBACK_X86_64:
		return BLKIF_X86_64_REQUEST_SIZE;
	default:
		return sizeof(struct blkif_request);
	}
}
EXPORT_SYMBOL_IF_KUNIT(blkback_request_size);

/**
 * blkback_request_copy - take a request out of the ring
 * @req: private memory
 * @slot: shared with the guest, which may write there meanwhile; read once
 * @layout: of the ring
 *
 * Context: any.
 */
void blkback_request_copy(struct blkif_request *req, const void *slot,
			  enum blkback_layout layout)
{
	const unsigned int to = offsetof(struct blkif_request, u.other.id);
	const unsigned int rest = BLKIF_X86_32_REQUEST_SIZE - HEAD_SIZE;
	unsigned int from;

	BUILD_BUG_ON(to + rest != sizeof(*req));
	from = blkback_request_size(layout) - rest;
	memset(req, 0, to);
	memcpy(req, slot, HEAD_SIZE);
	memcpy((u8 *)req + to, slot + from, rest);
	/* What is checked is the copy: it is not to be read from there again */
	barrier();
}
EXPORT_SYMBOL_IF_KUNIT(blkback_request_copy);

/* Whether sectors are within the disk and begin and end with a block of it */
static bool within(u64 sector, u64 nr, const struct blkback_limits *limits)
{
	u64 end;

	if ((sector | nr) & (limits->block - 1))
		return false;
	return !check_add_overflow(sector, nr, &end) && end <= limits->sectors;
}

static int decode_discard(const struct blkif_request_discard *req,
			  const struct blkback_limits *limits,
			  struct blkback_cmd *cmd)
{
	cmd->secure = req->flag & BLKIF_DISCARD_SECURE && limits->secure;
	cmd->sector = req->sector_number;
	cmd->nr_sectors = req->nr_sectors;
	if (!limits->discard)
		return BLKIF_RSP_EOPNOTSUPP;
	if (limits->readonly || !within(cmd->sector, cmd->nr_sectors, limits))
		return BLKIF_RSP_ERROR;
	return BLKIF_RSP_OKAY;
}

static int decode_indirect(const struct blkif_request_indirect *req,
			   const struct blkback_limits *limits,
			   struct blkback_cmd *cmd)
{
	/* The frontend looks for the operation of the data in the reply */
	cmd->operation = req->indirect_op;
	cmd->indirect = true;
	cmd->nr_segs = req->nr_segments;
	cmd->gref = req->indirect_grefs[0];
	cmd->sector = req->sector_number;
	if (!limits->max_segs)
		return BLKIF_RSP_EOPNOTSUPP;
	if (cmd->operation != BLKIF_OP_READ && cmd->operation != BLKIF_OP_WRITE)
		return BLKIF_RSP_ERROR;
	if (!cmd->nr_segs || cmd->nr_segs > limits->max_segs)
		return BLKIF_RSP_ERROR;
	return BLKIF_RSP_OKAY;
}

static int decode_rw(const struct blkif_request_rw *req,
		     struct blkback_cmd *cmd)
{
	bool flush = cmd->operation == BLKIF_OP_FLUSH_DISKCACHE ||
		     cmd->operation == BLKIF_OP_WRITE_BARRIER;

	cmd->nr_segs = req->nr_segments;
	cmd->sector = req->sector_number;
	if (cmd->nr_segs > BLKIF_MAX_SEGMENTS_PER_REQUEST)
		return BLKIF_RSP_ERROR;
	return cmd->nr_segs || flush ? BLKIF_RSP_OKAY : BLKIF_RSP_ERROR;
}

/**
 * blkback_request_decode - understand a request, as far as it is in the ring
 * @req: from blkback_request_copy()
 * @limits: of the disk
 * @cmd: what it asks for; its operation and id are set whatever comes back
 *
 * Context: any.
 * Return: the status of its reply, BLKIF_RSP_OKAY if it is to be carried out.
 */
int blkback_request_decode(const struct blkif_request *req,
			   const struct blkback_limits *limits,
			   struct blkback_cmd *cmd)
{
	*cmd = (struct blkback_cmd) {
		.operation = req->operation,
		.id = req->u.other.id,
	};
	switch (cmd->operation) {
	case BLKIF_OP_READ:
	case BLKIF_OP_WRITE:
	case BLKIF_OP_WRITE_BARRIER:
	case BLKIF_OP_FLUSH_DISKCACHE:
		return decode_rw(&req->u.rw, cmd);
	case BLKIF_OP_DISCARD:
		return decode_discard(&req->u.discard, limits, cmd);
	case BLKIF_OP_INDIRECT:
		return decode_indirect(&req->u.indirect, limits, cmd);
	default:
		return BLKIF_RSP_EOPNOTSUPP;
	}
}
EXPORT_SYMBOL_IF_KUNIT(blkback_request_decode);

/**
 * blkback_request_check - check the segments of a request
 * @cmd: from blkback_request_decode(), with segments or without; the number of
 *	sectors is set here
 * @segs: its segments, in private memory
 * @limits: of the disk
 *
 * Context: any.
 * Return: the status of its reply, BLKIF_RSP_OKAY if it is to be carried out.
 */
int blkback_request_check(struct blkback_cmd *cmd,
			  const struct blkif_request_segment *segs,
			  const struct blkback_limits *limits)
{
	unsigned int i, nr;

	if (cmd->operation == BLKIF_OP_DISCARD)
		return BLKIF_RSP_OKAY;
	cmd->nr_sectors = 0;
	for (i = 0; i < cmd->nr_segs; i++) {
		if (segs[i].last_sect >= BLKBACK_SECTORS_PER_PAGE ||
		    segs[i].last_sect < segs[i].first_sect)
			return BLKIF_RSP_ERROR;
		nr = segs[i].last_sect - segs[i].first_sect + 1;
		if ((segs[i].first_sect | nr) & (limits->block - 1))
			return BLKIF_RSP_ERROR;
		cmd->nr_sectors += nr;
	}
	if (cmd->operation != BLKIF_OP_READ && cmd->nr_segs && limits->readonly)
		return BLKIF_RSP_ERROR;
	/* Where a flush without data says to be is of no meaning */
	if (cmd->nr_segs && !within(cmd->sector, cmd->nr_sectors, limits))
		return BLKIF_RSP_ERROR;
	return BLKIF_RSP_OKAY;
}
EXPORT_SYMBOL_IF_KUNIT(blkback_request_check);
