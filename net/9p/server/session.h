/* SPDX-License-Identifier: GPL-2.0 */
/* A session: one client, all it holds and all that limits it */
#ifndef NET_9P_SERVER_SESSION_H
#define NET_9P_SERVER_SESSION_H

#include <linux/completion.h>
#include <linux/hashtable.h>
#include <linux/kobject.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <net/9p/server.h>

#include "fid.h"
#include "lock.h"
#include "qid.h"
#include "stats.h"
#include "xattr.h"

#define P9S_NAME_SIZE		64
#define P9S_TAG_BITS		6

/* What one client may make the server hold unless the export says otherwise */
#define P9S_MAX_FIDS		65536
#define P9S_MAX_OPEN		16384
#define P9S_MAX_LOCKS		4096
#define P9S_MAX_XATTRS		(4 << 20)
#define P9S_MAX_REQUESTS	256
#define P9S_MAX_BUFFERED	(16 << 20)
#define P9S_MAX_THREADS		16

/**
 * struct p9_server_session - one client
 * @name: what its threads and its directories are called after
 * @export: what it is served
 * @max_msize: the largest message that the transport can carry
 * @msize: the largest one that was agreed on, 0 before that; written only
 *	while nothing runs but the Tversion that writes it
 * @max_requests: as many as @nr_requests may be
 * @max_buffered: as large as @buffered may be
 * @max_threads: as many as @nr_threads may be
 * @users: p9_server_open()'s reference, and one of each request
 * @fids: the client's fids
 * @locks: the locks that it has on files
 * @xattrs: what the xattrs that it reads and writes take of memory
 * @devices: the filesystems that it has met
 * @stats: what it has done
 * @kobj: its directory in sysfs
 * @kobj_gone: done when nobody uses @kobj any more
 * @debugfs: its directory in debugfs
 * @nr_channels: how many channels there are
 * @channels: where requests come from
 * @lock: guards what follows, and the ready and led flags of the channels;
 *	taken in hard interrupts too
 * @stopping: p9_server_close() has begun
 * @failed: the transport was told that the session is over
 * @resetting: a Tversion is waiting for everything else to end
 * @refused: a request found a limit reached and comes back when one ends
 * @nr_requests: requests that have memory
 * @buffered: bytes of it
 * @nr_running: requests between their receipt and the end of their reply
 * @nr_lock_waits: those of them that wait for a lock
 * @tags: these by tag, all but Tversion
 * @parked: Tflushes that wait until the other channels were looked at
 * @nr_parked: how many are in @parked
 * @round: how many ever were
 * @threads: all threads; they are taken out only by who waits for their end
 * @idle: those asleep, the one that went last first
 * @nr_threads: threads that have not decided to end
 * @nr_idle: how many are in @idle
 * @last_thread: what the last one that was started is called
 * @drained: woken when only one request runs, and at @stopping
 */
struct p9_server_session {
	char name[P9S_NAME_SIZE];
	struct p9_server_export export;
	u32 max_msize;
	u32 msize;
	unsigned int max_requests;
	unsigned int max_buffered;
	unsigned int max_threads;
	struct kref users;
	struct p9s_fid_table fids;
	struct p9s_lock_table locks;
	struct p9s_xattr_quota xattrs;
	struct p9s_devices devices;
	struct p9s_stats stats;
	struct kobject kobj;
	struct completion kobj_gone;
	struct dentry *debugfs;
	unsigned int nr_channels;
	struct p9_server_channel **channels;

	spinlock_t lock;	/* all that follows */
	bool stopping;
	bool failed;
	bool resetting;
	bool refused;
	unsigned int nr_requests;
	size_t buffered;
	unsigned int nr_running;
	unsigned int nr_lock_waits;
	DECLARE_HASHTABLE(tags, P9S_TAG_BITS);
	struct list_head parked;
	unsigned int nr_parked;
	u64 round;
	struct list_head threads;
	struct list_head idle;
	unsigned int nr_threads;
	unsigned int nr_idle;
	unsigned int last_thread;
	wait_queue_head_t drained;
};

void p9s_session_fail(struct p9_server_channel *channel, int err);
bool p9s_session_over(struct p9_server_session *session);
int p9s_session_reset(struct p9_server_session *session, u32 msize);
void p9s_session_put(struct p9_server_session *session);

#endif /* NET_9P_SERVER_SESSION_H */
