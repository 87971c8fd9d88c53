// SPDX-License-Identifier: GPL-2.0
/* Counters and histograms of a session, and of each of its threads */
#include <kunit/visibility.h>
#include <linux/bitops.h>
#include <linux/minmax.h>
#include <linux/slab.h>

#include "stats.h"

/**
 * p9s_stats_init - start to count for a session
 * @stats: the session's
 *
 * Context: may sleep; before the session has threads.
 * Return: 0 or -ENOMEM.
 */
int p9s_stats_init(struct p9s_stats *stats)
{
	mutex_init(&stats->lock);
	INIT_LIST_HEAD(&stats->counters);
	stats->ended = kvcalloc(P9S_STATS_VALUES, sizeof(*stats->ended),
				GFP_KERNEL);
	return stats->ended ? 0 : -ENOMEM;
}
EXPORT_SYMBOL_IF_KUNIT(p9s_stats_init);

/**
 * p9s_stats_exit - free what p9s_stats_init() has made
 * @stats: the session's; or all zero
 *
 * Context: any; all threads have left.
 */
void p9s_stats_exit(struct p9s_stats *stats)
{
	kvfree(stats->ended);
}
EXPORT_SYMBOL_IF_KUNIT(p9s_stats_exit);

/**
 * p9s_stats_join - get counters for a new thread
 * @stats: the session's
 *
 * Context: may sleep.
 * Return: the counters, for p9s_stats_leave() at the end, or NULL without
 * memory.
 */
struct p9s_counters *p9s_stats_join(struct p9s_stats *stats)
{
	struct p9s_counters *counters = kvzalloc(sizeof(*counters), GFP_KERNEL);

	if (!counters)
		return NULL;
	u64_stats_init(&counters->syncp);
	mutex_lock(&stats->lock);
	list_add(&counters->entry, &stats->counters);
	mutex_unlock(&stats->lock);
	return counters;
}
EXPORT_SYMBOL_IF_KUNIT(p9s_stats_join);

/* On 32-bit machines a value is read again if it was written meanwhile */
static u64 p9s_stats_value(const struct p9s_counters *counters, unsigned int i)
{
	unsigned int start;
	u64 value;

	do {
		start = u64_stats_fetch_begin(&counters->syncp);
		value = u64_stats_read(&counters->values[i]);
	} while (u64_stats_fetch_retry(&counters->syncp, start));
	return value;
}

static void p9s_stats_add_to(u64 *sums, const struct p9s_counters *counters)
{
	unsigned int i;

	for (i = 0; i < P9S_STATS_VALUES; i++)
		sums[i] += p9s_stats_value(counters, i);
}

/**
 * p9s_stats_leave - keep what a thread has counted, and free its counters
 * @stats: the session's
 * @counters: the thread's
 *
 * Context: may sleep.
 */
void p9s_stats_leave(struct p9s_stats *stats, struct p9s_counters *counters)
{
	mutex_lock(&stats->lock);
	p9s_stats_add_to(stats->ended, counters);
	list_del(&counters->entry);
	mutex_unlock(&stats->lock);
	kvfree(counters);
}
EXPORT_SYMBOL_IF_KUNIT(p9s_stats_leave);

/**
 * p9s_stats_add - count bytes
 * @counters: the running thread's
 * @what: which bytes
 * @bytes: how many
 *
 * Context: the thread that @counters belongs to.
 */
void p9s_stats_add(struct p9s_counters *counters, enum p9s_stats_total what,
		   size_t bytes)
{
	u64_stats_update_begin(&counters->syncp);
	u64_stats_add(&counters->values[what], bytes);
	u64_stats_update_end(&counters->syncp);
}
EXPORT_SYMBOL_IF_KUNIT(p9s_stats_add);

/**
 * p9s_stats_index - where something of an operation is counted
 * @type: the type of the request
 * @what: what is counted; P9S_LATENCY and a bucket added to it
 *
 * Context: any.
 * Return: the index into the values.
 */
unsigned int p9s_stats_index(u8 type, enum p9s_stats_op what)
{
	unsigned int op = type / 2;

	if (type % 2 || op >= P9S_STATS_OPS)
		op = 0;
	return P9S_TOTALS + op * P9S_OP_VALUES + what;
}
EXPORT_SYMBOL_IF_KUNIT(p9s_stats_index);

/**
 * p9s_stats_bucket - which bucket of the histogram a time belongs to
 * @ns: the time
 *
 * Context: any.
 * Return: the bucket, less than P9S_STATS_BUCKETS.
 */
unsigned int p9s_stats_bucket(u64 ns)
{
	return min_t(unsigned int, fls64(ns >> P9S_STATS_SHIFT),
		     P9S_STATS_BUCKETS - 1);
}
EXPORT_SYMBOL_IF_KUNIT(p9s_stats_bucket);

/**
 * p9s_stats_bound - what all times of a bucket are less than
 * @bucket: any but the last bucket, which has no bound
 *
 * Context: any.
 * Return: ns.
 */
u64 p9s_stats_bound(unsigned int bucket)
{
	return 1ULL << (P9S_STATS_SHIFT + bucket);
}
EXPORT_SYMBOL_IF_KUNIT(p9s_stats_bound);

/**
 * p9s_stats_count - count a request that is being answered
 * @counters: the running thread's
 * @type: the type of the message
 * @err: 0, or the error that it is answered with
 * @ns: how long it took
 *
 * Context: the thread that @counters belongs to.
 */
void p9s_stats_count(struct p9s_counters *counters, u8 type, int err, u64 ns)
{
	u64_stats_t *values = counters->values + p9s_stats_index(type, 0);

	u64_stats_update_begin(&counters->syncp);
	u64_stats_inc(&values[P9S_COUNT]);
	if (err)
		u64_stats_inc(&values[P9S_ERRORS]);
	u64_stats_add(&values[P9S_TIME], ns);
	u64_stats_inc(&values[P9S_LATENCY + p9s_stats_bucket(ns)]);
	u64_stats_update_end(&counters->syncp);
}
EXPORT_SYMBOL_IF_KUNIT(p9s_stats_count);

/**
 * p9s_stats_sum - what all threads of a session have done
 * @stats: the session's
 *
 * Context: may sleep.
 * Return: P9S_STATS_VALUES values, for kvfree(), or NULL without memory.
 */
u64 *p9s_stats_sum(struct p9s_stats *stats)
{
	struct p9s_counters *counters;
	u64 *sums;

	sums = kvcalloc(P9S_STATS_VALUES, sizeof(*sums), GFP_KERNEL);
	if (!sums)
		return NULL;
	mutex_lock(&stats->lock);
	memcpy(sums, stats->ended, P9S_STATS_VALUES * sizeof(*sums));
	list_for_each_entry(counters, &stats->counters, entry)
		p9s_stats_add_to(sums, counters);
	mutex_unlock(&stats->lock);
	return sums;
}
EXPORT_SYMBOL_IF_KUNIT(p9s_stats_sum);
