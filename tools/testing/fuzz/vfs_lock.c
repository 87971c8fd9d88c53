// SPDX-License-Identifier: GPL-2.0
/*
 * POSIX locks on the files of vfs.h. As in the kernel each owner's locks are in
 * a row and by their start, two of them that touch are one of the file that was
 * first, and a file that is closed must have left none.
 */
#include "kernel.h"
#include "vfs_tree.h"

/* Who waits for a lock; there is one thread, so it is one at most */
static LIST_HEAD(blocked);

/* Never called: a lock that is not of the VFS's kind must not be waited for */
static void lock_remote(void)
{
	abort();
}

const struct file_operations *vfs_lock_operations(const struct inode *inode)
{
	static const struct file_operations local;
	static const struct file_operations remote = { .lock = lock_remote };

	return inode->i_op == &vfs_remote ? &remote : &local;
}

void locks_init_lock(struct file_lock *fl)
{
	memset(fl, 0, sizeof(*fl));
	INIT_LIST_HEAD(&fl->c.flc_list);
	INIT_LIST_HEAD(&fl->c.flc_blocked_member);
}

struct file_lock *locks_alloc_lock(void)
{
	struct file_lock *fl = unit_zalloc(sizeof(*fl));

	if (fl)
		locks_init_lock(fl);
	return fl;
}

void locks_free_lock(struct file_lock *fl)
{
	fuzz_must(!fl || list_empty(&fl->c.flc_blocked_member),
		  "a lock is freed that is waited for");
	kfree(fl);
}

int locks_delete_block(struct file_lock *fl)
{
	bool waited = !list_empty(&fl->c.flc_blocked_member);

	list_del_init(&fl->c.flc_blocked_member);
	return waited ? 0 : -ENOENT;
}

static struct file_lock *lock_new(const struct file_lock *like)
{
	struct file_lock *fl = calloc(1, sizeof(*fl));

	fuzz_must(fl, "no memory");
	*fl = *like;
	return fl;
}

static void lock_drop(struct file_lock *fl)
{
	list_del(&fl->c.flc_list);
	free(fl);
}

static bool locks_overlap(const struct file_lock *one,
			  const struct file_lock *two)
{
	return one->fl_start <= two->fl_end && two->fl_start <= one->fl_end;
}

/* Side by side counts too; a lock that ends at OFFSET_MAX has nothing behind */
static bool locks_touch(const struct file_lock *one, const struct file_lock *two)
{
	return locks_overlap(one, two) || one->fl_start - 1 == two->fl_end ||
	       two->fl_start - 1 == one->fl_end;
}

static const struct file_lock *
lock_in_the_way(const struct file_lock_context *ctx, const struct file_lock *fl)
{
	const struct file_lock *held;

	for_each_file_lock(held, &ctx->flc_posix) {
		if (held->c.flc_owner != fl->c.flc_owner &&
		    locks_overlap(held, fl) &&
		    (lock_is_write(held) || lock_is_write(fl)))
			return held;
	}
	return NULL;
}

/* Take the range of @fl out of what is held, which makes two of it at most */
static void lock_cut(struct file_lock *held, const struct file_lock *fl)
{
	bool before = held->fl_start < fl->fl_start;
	bool behind = held->fl_end > fl->fl_end;
	struct file_lock *rest;

	if (!before && !behind) {
		lock_drop(held);
	} else if (!before) {
		held->fl_start = fl->fl_end + 1;
	} else {
		if (behind) {
			rest = lock_new(held);
			rest->fl_start = fl->fl_end + 1;
			list_add(&rest->c.flc_list, &held->c.flc_list);
		}
		held->fl_end = fl->fl_start - 1;
	}
}

static void lock_insert(struct file_lock_context *ctx, struct file_lock *fl)
{
	struct list_head *after = ctx->flc_posix.prev;
	struct file_lock *held;

	for_each_file_lock(held, &ctx->flc_posix) {
		if (held->c.flc_owner != fl->c.flc_owner)
			continue;
		if (held->fl_start > fl->fl_start) {
			after = held->c.flc_list.prev;
			break;
		}
		after = &held->c.flc_list;
	}
	list_add(&fl->c.flc_list, after);
}

static void lock_change(struct file_lock_context *ctx,
			const struct file_lock *request)
{
	struct file_lock want = *request;
	struct file_lock *held;
	struct file_lock *next;
	bool merged = false;

	list_for_each_entry_safe(held, next, &ctx->flc_posix, c.flc_list) {
		if (held->c.flc_owner != want.c.flc_owner)
			continue;
		if (held->c.flc_type == want.c.flc_type) {
			if (!locks_touch(held, &want))
				continue;
			want.fl_start = min(want.fl_start, held->fl_start);
			want.fl_end = max(want.fl_end, held->fl_end);
			if (!merged)
				want.c.flc_file = held->c.flc_file;
			merged = true;
			lock_drop(held);
		} else if (locks_overlap(held, &want)) {
			lock_cut(held, &want);
		}
	}
	if (!lock_is_unlock(&want))
		lock_insert(ctx, lock_new(&want));
}

/* Whether a request takes memory: one that only shortens locks must not fail */
static bool lock_needs_memory(const struct file_lock_context *ctx,
			      const struct file_lock *fl)
{
	const struct file_lock *held;

	if (!lock_is_unlock(fl))
		return true;
	for_each_file_lock(held, &ctx->flc_posix) {
		if (held->c.flc_owner == fl->c.flc_owner &&
		    held->fl_start < fl->fl_start && held->fl_end > fl->fl_end)
			return true;
	}
	return false;
}

static struct file_lock_context *inode_locks(struct inode *inode)
{
	if (inode->locks)
		return inode->locks;
	inode->locks = calloc(1, sizeof(*inode->locks));
	fuzz_must(inode->locks, "no memory");
	spin_lock_init(&inode->locks->flc_lock);
	INIT_LIST_HEAD(&inode->locks->flc_posix);
	return inode->locks;
}

int vfs_lock_file(struct file *file, unsigned int command, struct file_lock *fl,
		  struct file_lock *conflict)
{
	struct inode *inode = file_inode(file);
	struct file_lock_context *ctx;

	unit_may_sleep("vfs_lock_file");
	fuzz_must(command == (fl->c.flc_flags & FL_SLEEP ? F_SETLKW : F_SETLK) &&
		  !conflict, "a lock that waits and does not");
	fuzz_must(list_empty(&blocked), "a lock is waited for and another taken");
	fuzz_must(fl->c.flc_file == file && fl->c.flc_owner &&
		  (fl->c.flc_flags & FL_POSIX), "a lock of nobody's");
	fuzz_must(fl->fl_start >= 0 && fl->fl_start <= fl->fl_end,
		  "a lock of no range");
	if (inode->i_op == &vfs_remote) {
		fuzz_must(command == F_SETLK, "a remote lock that is waited for");
		return vfs_fails() ? -EIO : 0;
	}
	ctx = inode_locks(inode);
	if (!lock_is_unlock(fl) && lock_in_the_way(ctx, fl)) {
		if (!(fl->c.flc_flags & FL_SLEEP))
			return -EAGAIN;
		if (vfs_fails())
			return -EDEADLK;
		list_add(&fl->c.flc_blocked_member, &blocked);
		return FILE_LOCK_DEFERRED;
	}
	if (lock_needs_memory(ctx, fl) && vfs_fails())
		return -ENOLCK;
	lock_change(ctx, fl);
	return 0;
}

int vfs_test_lock(struct file *file, struct file_lock *fl)
{
	struct inode *inode = file_inode(file);
	const struct file_lock *held = NULL;

	fuzz_must(!lock_is_unlock(fl), "a test whether nothing is in the way");
	if (vfs_fails())
		return -EIO;
	if (inode->locks)
		held = lock_in_the_way(inode->locks, fl);
	fl->c.flc_type = F_UNLCK;
	if (!held)
		return 0;
	fl->c.flc_type = held->c.flc_type;
	fl->c.flc_owner = held->c.flc_owner;
	fl->fl_start = held->fl_start;
	fl->fl_end = held->fl_end;
	return 0;
}

void file_has_no_locks(const struct file *file)
{
	const struct file_lock_context *ctx = file_inode(file)->locks;
	const struct file_lock *held;

	if (!ctx)
		return;
	for_each_file_lock(held, &ctx->flc_posix)
		fuzz_must(held->c.flc_file != file,
			  "a file is closed that a lock was taken by");
}

void inode_free_locks(struct inode *inode)
{
	if (!inode->locks)
		return;
	fuzz_must(list_empty(&inode->locks->flc_posix),
		  "a file is gone that is locked");
	free(inode->locks);
}
