// SPDX-License-Identifier: GPL-2.0
/*
 * Counters and latencies of a queue. Its thread alone writes them, so that
 * counting costs no more than an addition.
 */
#include <kunit/visibility.h>
#include <linux/bitops.h>
#include <linux/compiler.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/time64.h>

#include "stats.h"

/**
 * blkback_stats_count - count what was done
 * @stats: of the queue
 * @what: which counter
 * @nr: how much more
 *
 * Context: the queue's thread.
 */
void blkback_stats_count(struct blkback_stats *stats, enum blkback_counter what,
			 u64 nr)
{
	WRITE_ONCE(stats->counters[what], stats->counters[what] + nr);
}

/**
 * blkback_stats_bucket - which bucket a latency belongs to
 * @ns: the latency in nanoseconds
 *
 * Context: any.
 * Return: the number of the bucket, less than BLKBACK_BUCKETS.
 */
unsigned int blkback_stats_bucket(u64 ns)
{
	return min_t(unsigned int, fls64(div_u64(ns, NSEC_PER_USEC)),
		     BLKBACK_BUCKETS - 1);
}
EXPORT_SYMBOL_IF_KUNIT(blkback_stats_bucket);

/**
 * blkback_stats_time - count how long something took
 * @stats: of the queue
 * @span: which of the times of a request
 * @from: when it began, in ns
 * @to: when it ended, in ns
 *
 * Context: the queue's thread.
 */
void blkback_stats_time(struct blkback_stats *stats, enum blkback_span span,
			u64 from, u64 to)
{
	u64 *bucket = &stats->latency[span][blkback_stats_bucket(to - from)];

	WRITE_ONCE(*bucket, *bucket + 1);
}

/**
 * blkback_stats_add - add up what several queues have done
 * @sum: of those before
 * @stats: the next one's; may be counting
 *
 * Context: any, if nobody else uses @sum.
 */
void blkback_stats_add(struct blkback_stats *sum,
		       const struct blkback_stats *stats)
{
	unsigned int i, j;

	for (i = 0; i < BLKBACK_COUNTERS; i++)
		sum->counters[i] += READ_ONCE(stats->counters[i]);
	for (i = 0; i < BLKBACK_SPANS; i++)
		for (j = 0; j < BLKBACK_BUCKETS; j++)
			sum->latency[i][j] += READ_ONCE(stats->latency[i][j]);
}
