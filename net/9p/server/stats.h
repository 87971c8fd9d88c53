/* SPDX-License-Identifier: GPL-2.0 */
/* What a session has done, as debugfs shows it */
#ifndef NET_9P_SERVER_STATS_H
#define NET_9P_SERVER_STATS_H

#include <linux/atomic.h>
#include <linux/types.h>

struct dentry;
struct p9_server_session;

#define P9S_STATS_TYPES	128

/**
 * struct p9s_stats - counters of a session
 * @dir: its directory in debugfs
 * @count: requests, by type of message
 * @errors: those of them that were answered with an error
 * @bytes_read: data of Rread
 * @bytes_written: data of Twrite that was written
 */
struct p9s_stats {
	struct dentry *dir;
	atomic64_t count[P9S_STATS_TYPES];
	atomic64_t errors[P9S_STATS_TYPES];
	atomic64_t bytes_read;
	atomic64_t bytes_written;
};

void p9s_stats_count(struct p9s_stats *stats, u8 type, int err);
void p9s_stats_read(struct p9s_stats *stats, size_t bytes);
void p9s_stats_wrote(struct p9s_stats *stats, size_t bytes);
void p9s_stats_show(struct p9_server_session *session);
void p9s_stats_hide(struct p9_server_session *session);
void p9s_stats_init(void);
void p9s_stats_exit(void);

#endif /* NET_9P_SERVER_STATS_H */
