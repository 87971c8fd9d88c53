// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/debug/9p-server/<session>: what helps to find out why a session
 * is as slow as it is, and what it has open. All of it may change; what is
 * meant to stay is in sysfs.
 */
#include <linux/cred.h>
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "debugfs.h"
#include "identity.h"
#include "operation.h"
#include "session.h"

static struct dentry *p9s_debugfs_root;

/* stats */

static void p9s_stats_now(struct seq_file *m,
			  const struct p9_server_session *session)
{
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
		   session->max_requests);
	seq_printf(m, "buffered %zu of %u\n", READ_ONCE(session->buffered),
		   session->max_buffered);
	seq_printf(m, "threads %u of %u idle %u\n",
		   READ_ONCE(session->nr_threads), session->max_threads,
		   READ_ONCE(session->nr_idle));
}

static int stats_show(struct seq_file *m, void *unused)
{
	struct p9_server_session *session = m->private;
	unsigned int type;
	const u64 *op;
	u64 *sums;

	sums = p9s_stats_sum(&session->stats);
	if (!sums)
		return -ENOMEM;
	p9s_stats_now(m, session);
	seq_printf(m, "received %llu\n", sums[P9S_RECEIVED]);
	seq_printf(m, "sent %llu\n", sums[P9S_SENT]);
	seq_printf(m, "read %llu\n", sums[P9S_READ]);
	seq_printf(m, "written %llu\n", sums[P9S_WRITTEN]);
	for (type = 0; type < 2 * P9S_STATS_OPS; type += 2) {
		op = sums + p9s_stats_index(type, 0);
		if (op[P9S_COUNT])
			seq_printf(m, "%s %llu errors %llu ns %llu\n",
				   p9s_operation_of(type)->name, op[P9S_COUNT],
				   op[P9S_ERRORS], op[P9S_TIME]);
	}
	kvfree(sums);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

/* latency */

static void p9s_latency_of(struct seq_file *m, const char *name,
			   const u64 *latency)
{
	unsigned int i;

	for (i = 0; i < P9S_STATS_BUCKETS; i++) {
		if (!latency[i])
			continue;
		if (i == P9S_STATS_BUCKETS - 1)
			seq_printf(m, "%s more %llu\n", name, latency[i]);
		else
			seq_printf(m, "%s %llu %llu\n", name,
				   p9s_stats_bound(i), latency[i]);
	}
}

static int latency_show(struct seq_file *m, void *unused)
{
	struct p9_server_session *session = m->private;
	unsigned int type;
	u64 *sums;

	sums = p9s_stats_sum(&session->stats);
	if (!sums)
		return -ENOMEM;
	for (type = 0; type < 2 * P9S_STATS_OPS; type += 2)
		p9s_latency_of(m, p9s_operation_of(type)->name,
			       sums + p9s_stats_index(type, P9S_LATENCY));
	kvfree(sums);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(latency);

/* fids: each one is held only while it is shown */

static void *fids_start(struct seq_file *m, loff_t *pos)
{
	struct p9_server_session *session = m->private;

	return p9s_fid_next(&session->fids, pos);
}

static void *fids_next(struct seq_file *m, void *fid, loff_t *pos)
{
	struct p9_server_session *session = m->private;

	p9s_fid_put(fid);
	++*pos;
	return p9s_fid_next(&session->fids, pos);
}

static void fids_stop(struct seq_file *m, void *fid)
{
	if (fid)
		p9s_fid_put(fid);
}

static const char *p9s_open_mode(const struct file *file)
{
	if (!file)
		return "-";
	switch (file->f_mode & (FMODE_READ | FMODE_WRITE)) {
	case FMODE_READ:
		return "r";
	case FMODE_WRITE:
		return "w";
	default:
		return "rw";
	}
}

static int fids_show(struct seq_file *m, void *v)
{
	struct p9s_fid *fid = v;

	seq_printf(m, "%u %u %s ", fid->id,
		   from_kuid(&init_user_ns, fid->identity->cred->fsuid),
		   p9s_open_mode(p9s_fid_file(fid)));
	seq_path(m, &fid->path, " \t\n\\");
	seq_putc(m, '\n');
	return 0;
}

static const struct seq_operations fids_sops = {
	.start = fids_start,
	.next = fids_next,
	.stop = fids_stop,
	.show = fids_show,
};
DEFINE_SEQ_ATTRIBUTE(fids);

/**
 * p9s_debugfs_show - make a session's directory
 * @session: the session, which is in sysfs: both directories have one name
 *
 * Context: may sleep. Without debugfs there is none.
 */
void p9s_debugfs_show(struct p9_server_session *session)
{
	struct dentry *dir;

	dir = debugfs_create_dir(kobject_name(&session->kobj),
				 p9s_debugfs_root);
	debugfs_create_file("stats", 0400, dir, session, &stats_fops);
	debugfs_create_file("latency", 0400, dir, session, &latency_fops);
	debugfs_create_file("fids", 0400, dir, session, &fids_fops);
	session->debugfs = dir;
}

/**
 * p9s_debugfs_hide - remove a session's directory
 * @session: the session
 *
 * Context: may sleep; nobody reads it any more afterwards.
 */
void p9s_debugfs_hide(struct p9_server_session *session)
{
	debugfs_remove(session->debugfs);
}

/**
 * p9s_debugfs_init - make the directory for all sessions
 *
 * Context: may sleep; as the module is loaded.
 */
void p9s_debugfs_init(void)
{
	p9s_debugfs_root = debugfs_create_dir("9p-server", NULL);
}

/**
 * p9s_debugfs_exit - remove the directory for all sessions
 *
 * Context: may sleep; as the module is unloaded.
 */
void p9s_debugfs_exit(void)
{
	debugfs_remove(p9s_debugfs_root);
}
