// SPDX-License-Identifier: GPL-2.0
/*
 * A session's locks. They belong to a process of the client, whichever fid it
 * uses: two fids of one process do not get into each other's way, two processes
 * do. And they belong to the file that they were taken by: they are gone when
 * it is closed, whatever the client forgot. When a process has locked the same
 * bytes, or bytes side by side, by two files, the VFS makes one lock of it, the
 * first file's. A client's kernel drops all locks that a process has on a file
 * as soon as that process closes one descriptor of it, so nobody relies on more.
 *
 * What is counted, and limited, are the locks that the VFS keeps. One request
 * may add two, as unlocking the middle of a range makes two of it, or remove
 * many; the owner's are counted before and after.
 */
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/filelock.h>
#include <linux/fs.h>
#include <linux/jhash.h>
#include <linux/limits.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "fid.h"
#include "lock.h"
#include "request.h"
#include "session.h"
#include "wire.h"

/**
 * p9s_lock_table_init - start without locks
 * @table: the table
 * @max: locks that it may hold
 *
 * Context: any, before anybody else knows @table.
 */
void p9s_lock_table_init(struct p9s_lock_table *table, unsigned int max)
{
	mutex_init(&table->mutex);
	table->nr = 0;
	table->max = max;
	hash_init(table->owners);
}

/**
 * p9s_lock_table_destroy - end with what is left
 * @table: the table; the files that locks were taken by are closed
 *
 * Context: may sleep.
 */
void p9s_lock_table_destroy(struct p9s_lock_table *table)
{
	struct p9s_lock_owner *owner;
	struct hlist_node *next;
	unsigned int bucket;

	/* None, unless a filesystem would not let a lock go */
	hash_for_each_safe(table->owners, bucket, next, owner, node)
		kfree(owner);
	mutex_destroy(&table->mutex);
}

static u32 p9s_lock_hash(u32 proc_id, const struct p9s_str *client)
{
	return jhash(client->ptr, client->len, proc_id);
}

static struct p9s_lock_owner *
p9s_lock_owner_find(struct p9s_lock_table *table, u32 proc_id,
		    const struct p9s_str *client)
{
	struct p9s_lock_owner *owner;

	lockdep_assert_held(&table->mutex);
	hash_for_each_possible(table->owners, owner, node,
			       p9s_lock_hash(proc_id, client)) {
		if (owner->proc_id == proc_id &&
		    owner->client_len == client->len &&
		    !memcmp(owner->client, client->ptr, client->len))
			return owner;
	}
	return NULL;
}

/* Whether what the VFS calls an owner is one of this session */
static struct p9s_lock_owner *
p9s_lock_owner_known(struct p9s_lock_table *table, const void *who)
{
	struct p9s_lock_owner *owner;
	unsigned int bucket;

	lockdep_assert_held(&table->mutex);
	hash_for_each(table->owners, bucket, owner, node) {
		if (owner == who)
			return owner;
	}
	return NULL;
}

static struct p9s_lock_owner *
p9s_lock_owner_get(struct p9s_lock_table *table, u32 proc_id,
		   const struct p9s_str *client)
{
	struct p9s_lock_owner *owner;

	owner = p9s_lock_owner_find(table, proc_id, client);
	if (owner)
		return owner;
	owner = kzalloc(struct_size(owner, client, client->len), GFP_KERNEL);
	if (!owner)
		return NULL;
	owner->proc_id = proc_id;
	owner->client_len = client->len;
	memcpy(owner->client, client->ptr, client->len);
	hash_add(table->owners, &owner->node, p9s_lock_hash(proc_id, client));
	return owner;
}

static void p9s_lock_owner_put(struct p9s_lock_owner *owner)
{
	if (owner->nr || owner->waits)
		return;
	hash_del(&owner->node);
	kfree(owner);
}

/*
 * How many locks an owner has on a file; @splits is set if @fl would leave
 * something of one on both of its sides.
 */
static unsigned int p9s_lock_count(struct file *file, const void *owner,
				   const struct file_lock *fl, bool *splits)
{
	struct file_lock_context *ctx = locks_inode_context(file_inode(file));
	struct file_lock *held;
	unsigned int nr = 0;

	*splits = false;
	if (!ctx)
		return 0;
	spin_lock(&ctx->flc_lock);
	for_each_file_lock(held, &ctx->flc_posix) {
		if (held->c.flc_owner != owner)
			continue;
		nr++;
		if (held->fl_start < fl->fl_start && held->fl_end > fl->fl_end)
			*splits = true;
	}
	spin_unlock(&ctx->flc_lock);
	return nr;
}

/* Have the VFS do it, for an owner, and see what became of the owner's locks */
static int p9s_lock_change(struct p9s_lock_table *table,
			   struct p9s_lock_owner *owner, struct file_lock *fl)
{
	struct file *file = fl->c.flc_file;
	unsigned int before, after, more;
	bool splits;
	int err;

	lockdep_assert_held(&table->mutex);
	before = p9s_lock_count(file, owner, fl, &splits);
	more = (lock_is_unlock(fl) ? 0 : 1) + (splits ? 1 : 0);
	if (more && table->nr + more > table->max)
		return -ENOLCK;
	err = vfs_lock_file(file, fl->c.flc_flags & FL_SLEEP ? F_SETLKW : F_SETLK,
			    fl, NULL);
	after = p9s_lock_count(file, owner, fl, &splits);
	owner->nr += after - before;
	table->nr += after - before;
	if (err || after || lock_is_unlock(fl))
		return err;
	/* One that the VFS knows nothing of could not be released later */
	fl->c.flc_type = F_UNLCK;
	vfs_lock_file(file, F_SETLK, fl, NULL);
	return -ENOLCK;
}

/**
 * p9s_lock_set - lock or unlock a range of a file
 * @rq: the Tlock, whose fid is open
 * @fl: the range, type and file; the rest is filled in here
 *
 * Context: may sleep, but never for a lock that somebody else holds.
 * Return: 0, -EAGAIN if somebody else holds it, -ENOLCK if the session has as
 * many locks as it may or the filesystem keeps its locks where the VFS does not
 * see them, -ENOMEM, or what the filesystem says. With FL_SLEEP it is -EDEADLK
 * or FILE_LOCK_DEFERRED if somebody else holds it; in the latter case @fl's
 * flc_wait is woken when that may be over, and p9s_lock_unqueue() ends it.
 */
int p9s_lock_set(struct p9s_request *rq, struct file_lock *fl)
{
	struct p9s_lock_table *table = &rq->session->locks;
	const struct p9s_tlock *msg = &rq->msg.lock;
	struct p9s_lock_owner *owner;
	int err = 0;

	mutex_lock(&table->mutex);
	if (lock_is_unlock(fl))
		owner = p9s_lock_owner_find(table, msg->proc_id, &msg->client_id);
	else
		owner = p9s_lock_owner_get(table, msg->proc_id, &msg->client_id);
	if (!owner) {
		/* Who holds nothing has nothing to unlock */
		err = lock_is_unlock(fl) ? 0 : -ENOMEM;
		goto unlock;
	}
	if (!lock_is_unlock(fl))
		rq->fid->locks = table;
	fl->c.flc_owner = owner;
	err = p9s_lock_change(table, owner, fl);
	/* The VFS knows it by its address for as long as it waits */
	if (err == FILE_LOCK_DEFERRED)
		owner->waits++;
	p9s_lock_owner_put(owner);
unlock:
	mutex_unlock(&table->mutex);
	return err;
}

/**
 * p9s_lock_unqueue - wait no longer for a lock
 * @table: the session's locks
 * @fl: what p9s_lock_set() has returned FILE_LOCK_DEFERRED for
 *
 * Context: may sleep.
 */
void p9s_lock_unqueue(struct p9s_lock_table *table, struct file_lock *fl)
{
	struct p9s_lock_owner *owner = fl->c.flc_owner;

	locks_delete_block(fl);
	mutex_lock(&table->mutex);
	owner->waits--;
	p9s_lock_owner_put(owner);
	mutex_unlock(&table->mutex);
}

/**
 * p9s_lock_test - look for a lock that is in the way
 * @table: the session's locks
 * @fl: the range, type and file; what is in the way afterwards, F_UNLCK if
 *	nothing is
 * @proc_id: the client's process; afterwards whose it is
 * @client: what the client calls itself
 * @holder: room for P9S_MAX_CLIENT bytes: what the holder's client calls itself
 * @holder_len: bytes of it
 *
 * Of a lock that is not this session's a client learns that it is there, and
 * not whose it is: @proc_id becomes 0, @holder empty.
 *
 * Context: may sleep.
 * Return: 0 or what the filesystem says.
 */
int p9s_lock_test(struct p9s_lock_table *table, struct file_lock *fl,
		  u32 *proc_id, const struct p9s_str *client,
		  char *holder, u16 *holder_len)
{
	struct p9s_lock_owner *owner;
	int err;

	mutex_lock(&table->mutex);
	owner = p9s_lock_owner_find(table, *proc_id, client);
	/* Nobody's own, if it holds nothing: all locks are in its way */
	fl->c.flc_owner = owner ? (void *)owner : (void *)table;
	err = vfs_test_lock(fl->c.flc_file, fl);
	if (!err && !lock_is_unlock(fl)) {
		owner = p9s_lock_owner_known(table, fl->c.flc_owner);
		*proc_id = owner ? owner->proc_id : 0;
		*holder_len = owner ? owner->client_len : 0;
		if (owner)
			memcpy(holder, owner->client, owner->client_len);
	}
	mutex_unlock(&table->mutex);
	return err;
}

/*
 * A range in which an owner has locks by a file and none by another, to be
 * unlocked, or false if no lock is left that was taken by the file. The VFS
 * keeps the locks of an owner one after the other, by their start.
 */
static bool p9s_lock_of_file(struct file *file, struct file_lock *fl)
{
	struct file_lock_context *ctx = locks_inode_context(file_inode(file));
	struct file_lock *held;
	bool found = false;

	if (!ctx)
		return false;
	locks_init_lock(fl);
	spin_lock(&ctx->flc_lock);
	for_each_file_lock(held, &ctx->flc_posix) {
		if (held->c.flc_file == file && !found) {
			fl->c.flc_owner = held->c.flc_owner;
			fl->fl_start = held->fl_start;
			found = true;
		}
		if (!found)
			continue;
		if (held->c.flc_file != file ||
		    held->c.flc_owner != fl->c.flc_owner)
			break;
		fl->fl_end = held->fl_end;
	}
	spin_unlock(&ctx->flc_lock);
	fl->c.flc_file = file;
	fl->c.flc_flags = FL_POSIX | FL_CLOSE;
	fl->c.flc_type = F_UNLCK;
	fl->c.flc_pid = current->tgid;
	return found;
}

/**
 * p9s_lock_release - unlock what was locked by a file
 * @table: the session's locks
 * @file: the file, which is closed next, so that nobody locks by it any more
 *
 * Context: may sleep.
 */
void p9s_lock_release(struct p9s_lock_table *table, struct file *file)
{
	struct p9s_lock_owner *owner;
	struct file_lock fl;
	int err = 0;

	mutex_lock(&table->mutex);
	while (!err && p9s_lock_of_file(file, &fl)) {
		owner = p9s_lock_owner_known(table, fl.c.flc_owner);
		if (WARN_ON_ONCE(!owner))
			break;
		err = p9s_lock_change(table, owner, &fl);
		locks_release_private(&fl);
		p9s_lock_owner_put(owner);
	}
	mutex_unlock(&table->mutex);
	if (err)
		pr_warn_ratelimited("%pD: a lock could not be released (%d)\n",
				    file, err);
}
