/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a guest asks for, taken out of a private copy of its request and checked.
 * Pure: no Xen, no memory, no device, so that tests can have all of it.
 */
#ifndef XEN_BLKBACK_REQUEST_H
#define XEN_BLKBACK_REQUEST_H

#include <linux/types.h>
#include <xen/interface/io/blkif.h>

/* Segments of a request at most, so that one page describes them */
#define BLKBACK_MAX_SEGS	512U

#define BLKBACK_SECTORS_PER_PAGE	8U

/* How requests are laid out in the ring: by the frontend's node "protocol" */
enum blkback_layout {
	BLKBACK_NATIVE,
	BLKBACK_X86_32,
	BLKBACK_X86_64,
};

/**
 * struct blkback_limits - what a request is checked against
 * @sectors: size of the disk, counted in 512 bytes
 * @block: its logical block, likewise
 * @max_segs: segments that an indirect request may have
 * @readonly: nothing may be written
 * @discard: discards are carried out
 * @secure: so are secure ones
 */
struct blkback_limits {
	u64 sectors;
	unsigned int block;
	unsigned int max_segs;
	bool readonly;
	bool discard;
	bool secure;
};

/**
 * struct blkback_cmd - a request, understood
 * @operation: BLKIF_OP_*, that of the data if it is indirect
 * @indirect: @gref is a page of segments
 * @secure: a discard that leaves no copy
 * @nr_segs: how many segments it has
 * @gref: where they are, if @indirect
 * @id: the guest's name for it
 * @sector: where on the disk
 * @nr_sectors: how many, once the segments are known
 */
struct blkback_cmd {
	u8 operation;
	bool indirect;
	bool secure;
	unsigned int nr_segs;
	grant_ref_t gref;
	u64 id;
	u64 sector;
	u64 nr_sectors;
};

unsigned int blkback_request_size(enum blkback_layout layout);
void blkback_request_copy(struct blkif_request *req, const void *slot,
			  enum blkback_layout layout);
int blkback_request_decode(const struct blkif_request *req,
			   const struct blkback_limits *limits,
			   struct blkback_cmd *cmd);
int blkback_request_check(struct blkback_cmd *cmd,
			  const struct blkif_request_segment *segs,
			  const struct blkback_limits *limits);

#endif /* XEN_BLKBACK_REQUEST_H */
