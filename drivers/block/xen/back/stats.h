/* SPDX-License-Identifier: GPL-2.0 */
/* Counters and latencies of a queue */
#ifndef XEN_BLKBACK_STATS_H
#define XEN_BLKBACK_STATS_H

#include <linux/types.h>

/* Latencies by powers of two of microseconds: below 1, below 2, ... the rest */
#define BLKBACK_BUCKETS	24U

enum blkback_span {
	BLKBACK_QUEUED,		/* out of the ring, until the disk was asked */
	BLKBACK_IN_DISK,	/* until the disk was done */
	BLKBACK_TOTAL,		/* out of the ring, until there was a reply */
	BLKBACK_SPANS
};

enum blkback_counter {
	BLKBACK_READS,
	BLKBACK_WRITES,
	BLKBACK_FLUSHES,	/* barriers too */
	BLKBACK_DISCARDS,
	BLKBACK_READ_SECTORS,
	BLKBACK_WRITE_SECTORS,
	BLKBACK_ERRORS,		/* replies that told of an error of the disk's */
	BLKBACK_REFUSALS,	/* replies to requests that made no sense */
	BLKBACK_WAITS,		/* times that a request had to wait for memory */
	BLKBACK_PASSES,		/* times that the ring was looked at */
	BLKBACK_EVENTS,		/* that came from the guest */
	BLKBACK_NOTIFIES,	/* that were sent to the guest */
	BLKBACK_MAPS,		/* pages mapped */
	BLKBACK_MAP_CALLS,	/* hypercalls that did so */
	BLKBACK_UNMAPS,
	BLKBACK_UNMAP_CALLS,
	BLKBACK_COPIES,		/* pieces copied */
	BLKBACK_COPY_CALLS,
	BLKBACK_PERSISTENT,	/* pages of data found mapped */
	BLKBACK_COUNTERS
};

/**
 * struct blkback_stats - what a queue has done
 * @counters: by enum blkback_counter
 * @latency: requests by how long they took, by enum blkback_span
 *
 * Written by one thread, read by any: each number is right, but they need not fit
 * each other.
 */
struct blkback_stats {
	u64 counters[BLKBACK_COUNTERS];
	u64 latency[BLKBACK_SPANS][BLKBACK_BUCKETS];
};

void blkback_stats_count(struct blkback_stats *stats, enum blkback_counter what,
			 u64 nr);
void blkback_stats_time(struct blkback_stats *stats, enum blkback_span span,
			u64 from, u64 to);
unsigned int blkback_stats_bucket(u64 ns);
void blkback_stats_add(struct blkback_stats *sum,
		       const struct blkback_stats *stats);

#endif /* XEN_BLKBACK_STATS_H */
