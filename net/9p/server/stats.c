// SPDX-License-Identifier: GPL-2.0
/* /sys/kernel/debug/9p-server/<session>/stats */
#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include <linux/string.h>

#include "operation.h"
#include "session.h"
#include "stats.h"

static struct dentry *p9s_stats_root;

/**
 * p9s_stats_count - count a request that is being answered
 * @stats: the session's counters
 * @type: the type of the message
 * @err: 0, or the error that it is answered with
 *
 * Context: any.
 */
void p9s_stats_count(struct p9s_stats *stats, u8 type, int err)
{
	if (type >= P9S_STATS_TYPES)
		type = 0;
	atomic64_inc(&stats->count[type]);
	if (err)
		atomic64_inc(&stats->errors[type]);
}

/**
 * p9s_stats_read - count data that a client has read
 * @stats: the session's counters
 * @bytes: how many bytes
 *
 * Context: any.
 */
void p9s_stats_read(struct p9s_stats *stats, size_t bytes)
{
	atomic64_add(bytes, &stats->bytes_read);
}

/**
 * p9s_stats_wrote - count data that a client has written
 * @stats: the session's counters
 * @bytes: how many bytes
 *
 * Context: any.
 */
void p9s_stats_wrote(struct p9s_stats *stats, size_t bytes)
{
	atomic64_add(bytes, &stats->bytes_written);
}

static void p9s_stats_operations(struct seq_file *m,
				 const struct p9s_stats *stats)
{
	unsigned int i;
	u64 count;

	for (i = 0; i < P9S_STATS_TYPES; i++) {
		count = atomic64_read(&stats->count[i]);
		if (count)
			seq_printf(m, "%s %llu errors %llu\n",
				   p9s_operation_of(i)->name, count,
				   (u64)atomic64_read(&stats->errors[i]));
	}
}

static int p9s_stats_show_all(struct seq_file *m, void *unused)
{
	struct p9_server_session *session = m->private;
	struct p9s_stats *stats = &session->stats;

	seq_printf(m, "msize %u\n", READ_ONCE(session->msize));
	seq_printf(m, "fids %u of %u\n", READ_ONCE(session->fids.nr),
		   session->fids.max);
	seq_printf(m, "open %u of %u\n", READ_ONCE(session->fids.nr_open),
		   session->fids.max_open);
	seq_printf(m, "locks %u of %u\n", READ_ONCE(session->locks.nr),
		   session->locks.max);
	seq_printf(m, "xattrs %zu of %zu\n", READ_ONCE(session->xattrs.used),
		   session->xattrs.max);
	seq_printf(m, "requests %u of %u\n", READ_ONCE(session->nr_requests),
		   P9S_MAX_REQUESTS);
	seq_printf(m, "buffered %zu of %u\n", READ_ONCE(session->buffered),
		   P9S_MAX_BUFFERED);
	seq_printf(m, "threads %u of %u idle %u\n",
		   READ_ONCE(session->nr_threads), P9S_MAX_THREADS,
		   READ_ONCE(session->nr_idle));
	seq_printf(m, "read %llu\n", (u64)atomic64_read(&stats->bytes_read));
	seq_printf(m, "written %llu\n",
		   (u64)atomic64_read(&stats->bytes_written));
	p9s_stats_operations(m, stats);
	return 0;
}

static int p9s_stats_open(struct inode *inode, struct file *file)
{
	return single_open(file, p9s_stats_show_all, inode->i_private);
}

static const struct file_operations p9s_stats_fops = {
	.owner = THIS_MODULE,
	.open = p9s_stats_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = single_release,
};

/**
 * p9s_stats_show - make a session's directory in debugfs
 * @session: the session
 *
 * Context: may sleep. Without debugfs, or with the name taken, there is none.
 */
void p9s_stats_show(struct p9_server_session *session)
{
	char name[P9S_NAME_SIZE];

	strscpy(name, session->name, sizeof(name));
	strreplace(name, '/', '-');
	session->stats.dir = debugfs_create_dir(name, p9s_stats_root);
	debugfs_create_file("stats", 0400, session->stats.dir, session,
			    &p9s_stats_fops);
}

/**
 * p9s_stats_hide - remove a session's directory from debugfs
 * @session: the session
 *
 * Context: may sleep; nobody reads it any more afterwards.
 */
void p9s_stats_hide(struct p9_server_session *session)
{
	debugfs_remove(session->stats.dir);
}

/**
 * p9s_stats_init - make the directory for all sessions
 *
 * Context: may sleep; as the module is loaded.
 */
void p9s_stats_init(void)
{
	p9s_stats_root = debugfs_create_dir("9p-server", NULL);
}

/**
 * p9s_stats_exit - remove the directory for all sessions
 *
 * Context: may sleep; as the module is unloaded.
 */
void p9s_stats_exit(void)
{
	debugfs_remove(p9s_stats_root);
}
