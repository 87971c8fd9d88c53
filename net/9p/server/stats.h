/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a session has done: requests, errors, bytes and how long it took. Each
 * thread counts for itself, so that threads share no cache line; who reads
 * adds them up.
 */
#ifndef NET_9P_SERVER_STATS_H
#define NET_9P_SERVER_STATS_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/u64_stats_sync.h>

/* Requests have even types; all others share a place with what is unknown */
#define P9S_STATS_OPS		64

/*
 * How long a request took, by powers of two: the first bucket is for less than
 * 1024 ns, each of the next for up to twice as much, the last one for 4.3 s and
 * more.
 */
#define P9S_STATS_SHIFT		10
#define P9S_STATS_BUCKETS	24

/**
 * enum p9s_stats_total - what is counted for all operations together
 * @P9S_RECEIVED: bytes of requests, headers included
 * @P9S_SENT: bytes of replies, likewise
 * @P9S_READ: data of Rread
 * @P9S_WRITTEN: data of Twrite that was written
 * @P9S_TOTALS: how many of these there are
 */
enum p9s_stats_total {
	P9S_RECEIVED,
	P9S_SENT,
	P9S_READ,
	P9S_WRITTEN,
	P9S_TOTALS,
};

/**
 * enum p9s_stats_op - what is counted for each operation
 * @P9S_COUNT: requests that were answered
 * @P9S_ERRORS: those of them that were answered with an error
 * @P9S_TIME: ns from their receipt until their replies were ready
 * @P9S_LATENCY: the first of P9S_STATS_BUCKETS: requests by that time
 * @P9S_OP_VALUES: how many of these there are
 */
enum p9s_stats_op {
	P9S_COUNT,
	P9S_ERRORS,
	P9S_TIME,
	P9S_LATENCY,
	P9S_OP_VALUES = P9S_LATENCY + P9S_STATS_BUCKETS,
};

#define P9S_STATS_VALUES	(P9S_TOTALS + P9S_STATS_OPS * P9S_OP_VALUES)

/**
 * struct p9s_counters - what one thread has done
 * @entry: in the session's stats while the thread lives
 * @syncp: lets 32-bit machines read whole values
 * @values: see p9s_stats_index(); written by that thread alone
 */
struct p9s_counters {
	struct list_head entry;
	struct u64_stats_sync syncp;
	u64_stats_t values[P9S_STATS_VALUES];
};

/**
 * struct p9s_stats - what a session has done
 * @lock: guards what follows
 * @counters: of the threads that there are
 * @ended: what threads have done that are gone
 */
struct p9s_stats {
	struct mutex lock;	/* all that follows */
	struct list_head counters;
	u64 *ended;
};

int p9s_stats_init(struct p9s_stats *stats);
void p9s_stats_exit(struct p9s_stats *stats);
struct p9s_counters *p9s_stats_join(struct p9s_stats *stats);
void p9s_stats_leave(struct p9s_stats *stats, struct p9s_counters *counters);

void p9s_stats_add(struct p9s_counters *counters, enum p9s_stats_total what,
		   size_t bytes);
void p9s_stats_count(struct p9s_counters *counters, u8 type, int err, u64 ns);

u64 *p9s_stats_sum(struct p9s_stats *stats);
unsigned int p9s_stats_index(u8 type, enum p9s_stats_op what);
unsigned int p9s_stats_bucket(u64 ns);
u64 p9s_stats_bound(unsigned int bucket);

#endif /* NET_9P_SERVER_STATS_H */
