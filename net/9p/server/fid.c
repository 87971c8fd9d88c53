// SPDX-License-Identifier: GPL-2.0
/*
 * The fid table. A fid lives while it is in the table or a request uses it, so
 * a request on a fid that is clunked at the same time is safe; what a fid is on
 * never changes, a walk in place puts a new fid where the old one was.
 */
#include <kunit/visibility.h>
#include <linux/errno.h>
#include <linux/file.h>
#include <linux/path.h>
#include <linux/slab.h>

#include "fid.h"
#include "identity.h"
#include "lock.h"
#include "xattr.h"

static struct hlist_head *p9s_fid_bucket(struct p9s_fid_table *table, u32 id)
{
	/* Clients number fids from 0 upwards */
	return &table->buckets[id % P9S_FID_BUCKETS];
}

/**
 * p9s_fid_table_init - make an empty table
 * @table: the table
 * @max: fids that it may hold
 * @max_open: files that its fids may have open
 *
 * Context: any, before anybody else knows @table.
 */
void p9s_fid_table_init(struct p9s_fid_table *table, unsigned int max,
			unsigned int max_open)
{
	unsigned int i;

	spin_lock_init(&table->lock);
	table->nr = 0;
	table->max = max;
	table->nr_open = 0;
	table->max_open = max_open;
	for (i = 0; i < P9S_FID_BUCKETS; i++)
		INIT_HLIST_HEAD(&table->buckets[i]);
}
EXPORT_SYMBOL_IF_KUNIT(p9s_fid_table_init);

static struct p9s_fid *p9s_fid_first(struct p9s_fid_table *table,
				     unsigned int bucket)
{
	struct p9s_fid *fid = NULL;

	spin_lock(&table->lock);
	if (!hlist_empty(&table->buckets[bucket])) {
		fid = hlist_entry(table->buckets[bucket].first,
				  struct p9s_fid, node);
		hlist_del_init(&fid->node);
		table->nr--;
	}
	spin_unlock(&table->lock);
	return fid;
}

/**
 * p9s_fid_table_clear - clunk every fid
 * @table: the table; nobody puts fids in meanwhile
 *
 * Context: may sleep, closes files.
 */
void p9s_fid_table_clear(struct p9s_fid_table *table)
{
	struct p9s_fid *fid;
	unsigned int i;

	for (i = 0; i < P9S_FID_BUCKETS; i++) {
		while ((fid = p9s_fid_first(table, i)))
			p9s_fid_put(fid);
	}
}
EXPORT_SYMBOL_IF_KUNIT(p9s_fid_table_clear);

/**
 * p9s_fid_alloc - make a fid that is in no table yet
 * @table: where it is to go
 * @id: the client's number for it
 * @path: what it is on; a reference is taken
 * @identity: who it is attached as; a reference is taken
 *
 * Context: may sleep.
 * Return: the fid, with a reference for the caller, or NULL without memory.
 */
struct p9s_fid *p9s_fid_alloc(struct p9s_fid_table *table, u32 id,
			      const struct path *path,
			      struct p9s_identity *identity)
{
	struct p9s_fid *fid = kzalloc_obj(*fid);

	if (!fid)
		return NULL;
	fid->id = id;
	fid->table = table;
	fid->path = *path;
	path_get(&fid->path);
	fid->identity = p9s_identity_get(identity);
	INIT_HLIST_NODE(&fid->node);
	refcount_set(&fid->users, 1);
	mutex_init(&fid->lock);
	return fid;
}
EXPORT_SYMBOL_IF_KUNIT(p9s_fid_alloc);

/* Called with the table's lock held */
static struct p9s_fid *p9s_fid_lookup(struct p9s_fid_table *table, u32 id)
{
	struct p9s_fid *fid;

	hlist_for_each_entry(fid, p9s_fid_bucket(table, id), node) {
		if (fid->id == id)
			return fid;
	}
	return NULL;
}

/**
 * p9s_fid_insert - put a fid into its table
 * @fid: the fid; the table takes a reference of its own
 *
 * Context: process.
 * Return: 0, -EINVAL if its number is in use, -EMFILE if the table is full.
 */
int p9s_fid_insert(struct p9s_fid *fid)
{
	struct p9s_fid_table *table = fid->table;
	int err = 0;

	spin_lock(&table->lock);
	if (p9s_fid_lookup(table, fid->id)) {
		err = -EINVAL;
	} else if (table->nr >= table->max) {
		err = -EMFILE;
	} else {
		refcount_inc(&fid->users);
		hlist_add_head(&fid->node, p9s_fid_bucket(table, fid->id));
		table->nr++;
	}
	spin_unlock(&table->lock);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(p9s_fid_insert);

/**
 * p9s_fid_replace - put a fid where another of the same number is
 * @old: the fid that leaves the table
 * @fid: the one that enters; the table takes a reference of its own
 *
 * Context: may sleep.
 * Return: 0, or -EBADF if @old has left the table meanwhile.
 */
int p9s_fid_replace(struct p9s_fid *old, struct p9s_fid *fid)
{
	struct p9s_fid_table *table = fid->table;

	spin_lock(&table->lock);
	if (hlist_unhashed(&old->node)) {
		spin_unlock(&table->lock);
		return -EBADF;
	}
	refcount_inc(&fid->users);
	hlist_del_init(&old->node);
	hlist_add_head(&fid->node, p9s_fid_bucket(table, fid->id));
	spin_unlock(&table->lock);

	p9s_fid_put(old);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(p9s_fid_replace);

/**
 * p9s_fid_remove - take a fid out of its table
 * @fid: the fid; the table's reference goes, the caller has one of its own
 *
 * Context: may sleep.
 * Return: false if somebody else did it before.
 */
bool p9s_fid_remove(struct p9s_fid *fid)
{
	struct p9s_fid_table *table = fid->table;

	spin_lock(&table->lock);
	if (hlist_unhashed(&fid->node)) {
		spin_unlock(&table->lock);
		return false;
	}
	hlist_del_init(&fid->node);
	table->nr--;
	spin_unlock(&table->lock);

	p9s_fid_put(fid);
	return true;
}
EXPORT_SYMBOL_IF_KUNIT(p9s_fid_remove);

/**
 * p9s_fid_find - look a fid up by its number
 * @table: the table
 * @id: the client's number
 *
 * Context: process.
 * Return: the fid, to be given back to p9s_fid_put(), or NULL.
 */
struct p9s_fid *p9s_fid_find(struct p9s_fid_table *table, u32 id)
{
	struct p9s_fid *fid;

	spin_lock(&table->lock);
	fid = p9s_fid_lookup(table, id);
	if (fid)
		refcount_inc(&fid->users);
	spin_unlock(&table->lock);
	return fid;
}
EXPORT_SYMBOL_IF_KUNIT(p9s_fid_find);

/* The first fid of a bucket but for @skip. The table's lock is held. */
static struct p9s_fid *p9s_fid_nth(struct p9s_fid_table *table,
				   unsigned int bucket, u32 skip)
{
	struct p9s_fid *fid;

	hlist_for_each_entry(fid, &table->buckets[bucket], node) {
		if (!skip--)
			return fid;
	}
	return NULL;
}

/**
 * p9s_fid_next - go through a table
 * @table: the table, which may change meanwhile
 * @pos: where to start, 0 for the beginning; set to where the fid is, and to
 *	be incremented before the next call
 *
 * Fids that come or go meanwhile may be missed, or hide or repeat another one
 * of the same bucket.
 *
 * Context: process.
 * Return: the fid, to be given back to p9s_fid_put(), or NULL at the end.
 */
struct p9s_fid *p9s_fid_next(struct p9s_fid_table *table, u64 *pos)
{
	unsigned int bucket = *pos >> 32;
	struct p9s_fid *fid = NULL;
	u32 skip = *pos;

	spin_lock(&table->lock);
	for (; bucket < P9S_FID_BUCKETS; bucket++) {
		fid = p9s_fid_nth(table, bucket, skip);
		if (fid) {
			refcount_inc(&fid->users);
			break;
		}
		skip = 0;
	}
	spin_unlock(&table->lock);
	*pos = (u64)bucket << 32 | skip;
	return fid;
}
EXPORT_SYMBOL_IF_KUNIT(p9s_fid_next);

/**
 * p9s_fid_put - give a reference of a fid back
 * @fid: the fid; with the last reference its file is closed, really, and what
 *	was locked by that is unlocked
 *
 * Context: may sleep, with nothing locked that closing a file may need.
 */
void p9s_fid_put(struct p9s_fid *fid)
{
	if (!refcount_dec_and_test(&fid->users))
		return;
	if (fid->locks)
		p9s_lock_release(fid->locks, fid->file);
	if (fid->file)
		__fput_sync(fid->file);
	if (fid->counted)
		p9s_fid_release_open(fid->table);
	if (fid->xattr)
		p9s_xattr_free(fid->xattr);
	p9s_identity_put(fid->identity);
	path_put(&fid->path);
	mutex_destroy(&fid->lock);
	kfree(fid);
}
EXPORT_SYMBOL_IF_KUNIT(p9s_fid_put);

/**
 * p9s_fid_reserve_open - count an open file before it is opened
 * @table: the table of the fid that is to be opened
 *
 * Context: process.
 * Return: 0, or -EMFILE if there are too many.
 */
int p9s_fid_reserve_open(struct p9s_fid_table *table)
{
	int err = 0;

	spin_lock(&table->lock);
	if (table->nr_open < table->max_open)
		table->nr_open++;
	else
		err = -EMFILE;
	spin_unlock(&table->lock);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(p9s_fid_reserve_open);

/**
 * p9s_fid_release_open - take back what p9s_fid_reserve_open() counted
 * @table: the table
 *
 * Context: process.
 */
void p9s_fid_release_open(struct p9s_fid_table *table)
{
	spin_lock(&table->lock);
	table->nr_open--;
	spin_unlock(&table->lock);
}
EXPORT_SYMBOL_IF_KUNIT(p9s_fid_release_open);

/**
 * p9s_fid_set_file - make a fid an open one
 * @fid: the fid, not open yet; its lock is held, or nobody else knows it
 * @file: the file, counted by p9s_fid_reserve_open(); the fid owns it then
 *
 * Context: any.
 */
void p9s_fid_set_file(struct p9s_fid *fid, struct file *file)
{
	fid->counted = true;
	/* Pairs with p9s_fid_file(): who sees the file sees all of it */
	smp_store_release(&fid->file, file);
}
EXPORT_SYMBOL_IF_KUNIT(p9s_fid_set_file);

/**
 * p9s_fid_file - the open file of a fid
 * @fid: the fid; the file stays open as long as the caller's reference
 *
 * Context: any.
 * Return: the file, or NULL if the fid is not open.
 */
struct file *p9s_fid_file(struct p9s_fid *fid)
{
	/* Pairs with p9s_fid_set_file() */
	return smp_load_acquire(&fid->file);
}
EXPORT_SYMBOL_IF_KUNIT(p9s_fid_file);

/**
 * p9s_fid_set_xattr - let a fid stand for an xattr
 * @fid: the fid, not open; its lock is held, or nobody else knows it
 * @xattr: the xattr; the fid owns it then
 *
 * Context: any.
 */
void p9s_fid_set_xattr(struct p9s_fid *fid, struct p9s_xattr *xattr)
{
	/* Pairs with p9s_fid_xattr(): who sees the xattr sees all of it */
	smp_store_release(&fid->xattr, xattr);
}
EXPORT_SYMBOL_IF_KUNIT(p9s_fid_set_xattr);

/**
 * p9s_fid_xattr - the xattr that a fid stands for
 * @fid: the fid; the xattr is there as long as the caller's reference
 *
 * Context: any.
 * Return: the xattr, or NULL if the fid stands for a file.
 */
struct p9s_xattr *p9s_fid_xattr(struct p9s_fid *fid)
{
	/* Pairs with p9s_fid_set_xattr() */
	return smp_load_acquire(&fid->xattr);
}
EXPORT_SYMBOL_IF_KUNIT(p9s_fid_xattr);
