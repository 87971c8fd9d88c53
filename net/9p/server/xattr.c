// SPDX-License-Identifier: GPL-2.0
/*
 * Values of extended attributes between a client's first and last message
 * about one, and the memory that they take of a session. The files that they
 * belong to are no business of this file.
 */
#include <kunit/visibility.h>
#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uio.h>

#include "xattr.h"

/**
 * p9s_xattr_quota_init - start to count
 * @quota: the counter
 * @max: bytes that values may take together
 *
 * Context: any, before anybody else knows @quota.
 */
void p9s_xattr_quota_init(struct p9s_xattr_quota *quota, size_t max)
{
	spin_lock_init(&quota->lock);
	quota->used = 0;
	quota->max = max;
}
EXPORT_SYMBOL_IF_KUNIT(p9s_xattr_quota_init);

static bool p9s_xattr_charge(struct p9s_xattr_quota *quota, size_t bytes)
{
	bool fits;

	spin_lock(&quota->lock);
	fits = bytes <= quota->max && quota->used <= quota->max - bytes;
	if (fits)
		quota->used += bytes;
	spin_unlock(&quota->lock);
	return fits;
}

static void p9s_xattr_uncharge(struct p9s_xattr_quota *quota, size_t bytes)
{
	spin_lock(&quota->lock);
	quota->used -= bytes;
	spin_unlock(&quota->lock);
}

/* Memory for a value, and @more bytes that are counted along with it */
static struct p9s_xattr *p9s_xattr_alloc(struct p9s_xattr_quota *quota,
					 size_t size, size_t more)
{
	struct p9s_xattr *xattr;
	size_t bytes = struct_size(xattr, value, size);

	if (!p9s_xattr_charge(quota, bytes + more))
		return ERR_PTR(-ENOBUFS);
	xattr = kvzalloc(bytes, GFP_KERNEL);
	if (!xattr) {
		p9s_xattr_uncharge(quota, bytes + more);
		return ERR_PTR(-ENOMEM);
	}
	xattr->quota = quota;
	xattr->charged = bytes + more;
	xattr->size = size;
	return xattr;
}

/**
 * p9s_xattr_reading - keep a value that a client is going to read
 * @quota: where it is counted
 * @value: the value
 * @size: bytes of it
 *
 * Context: may sleep.
 * Return: the value, to be given to p9s_xattr_free(); -ENOBUFS if the session
 * keeps too many already, -ENOMEM.
 */
struct p9s_xattr *p9s_xattr_reading(struct p9s_xattr_quota *quota,
				    const void *value, size_t size)
{
	struct p9s_xattr *xattr = p9s_xattr_alloc(quota, size, 0);

	if (!IS_ERR(xattr))
		memcpy(xattr->value, value, size);
	return xattr;
}
EXPORT_SYMBOL_IF_KUNIT(p9s_xattr_reading);

/**
 * p9s_xattr_writing - keep a value that a client is going to write
 * @quota: where it is counted
 * @size: bytes that it will have
 *
 * Context: may sleep.
 * Return: see p9s_xattr_reading(); the caller sets name and flags.
 */
struct p9s_xattr *p9s_xattr_writing(struct p9s_xattr_quota *quota, size_t size)
{
	size_t more = BITS_TO_LONGS(size) * sizeof(long);
	struct p9s_xattr *xattr = p9s_xattr_alloc(quota, size, more);

	if (IS_ERR(xattr))
		return xattr;
	/* A size of 0 gives a pointer too, which says that this is written */
	xattr->missing = bitmap_alloc(size, GFP_KERNEL);
	if (!xattr->missing) {
		p9s_xattr_free(xattr);
		return ERR_PTR(-ENOMEM);
	}
	bitmap_fill(xattr->missing, size);
	return xattr;
}
EXPORT_SYMBOL_IF_KUNIT(p9s_xattr_writing);

/**
 * p9s_xattr_free - forget a value
 * @xattr: the value
 *
 * Context: may sleep; nobody uses it any more.
 */
void p9s_xattr_free(struct p9s_xattr *xattr)
{
	p9s_xattr_uncharge(xattr->quota, xattr->charged);
	bitmap_free(xattr->missing);
	kvfree(xattr);
}
EXPORT_SYMBOL_IF_KUNIT(p9s_xattr_free);

/**
 * p9s_xattr_read - read a piece of a value
 * @xattr: the value
 * @offset: where the piece begins
 * @to: where it goes
 * @count: bytes that are asked for
 *
 * Context: any.
 * Return: bytes that are there, 0 at the end of the value and behind it.
 */
size_t p9s_xattr_read(const struct p9s_xattr *xattr, u64 offset, void *to,
		      size_t count)
{
	if (offset >= xattr->size)
		return 0;
	count = min_t(size_t, count, xattr->size - offset);
	memcpy(to, xattr->value + offset, count);
	return count;
}
EXPORT_SYMBOL_IF_KUNIT(p9s_xattr_read);

/**
 * p9s_xattr_write - write a piece of a value
 * @xattr: a value of p9s_xattr_writing(); the fid's lock is held
 * @offset: where the piece begins
 * @from: the piece
 *
 * Pieces may come in any order: a client that sends one before the other was
 * answered cannot know which is carried out first.
 *
 * Context: any.
 * Return: 0, or -ENOSPC if the piece goes beyond the size that the value was
 * said to have; nothing of it is written then. -EFAULT if it is not there.
 */
int p9s_xattr_write(struct p9s_xattr *xattr, u64 offset, struct iov_iter *from)
{
	size_t count = iov_iter_count(from);

	if (offset > xattr->size || count > xattr->size - offset)
		return -ENOSPC;
	if (copy_from_iter(xattr->value + offset, count, from) != count)
		return -EFAULT;
	bitmap_clear(xattr->missing, offset, count);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(p9s_xattr_write);

/**
 * p9s_xattr_complete - whether a client has written all of a value
 * @xattr: a value of p9s_xattr_writing(); the fid's lock is held
 *
 * Context: any.
 * Return: true if no byte is missing.
 */
bool p9s_xattr_complete(const struct p9s_xattr *xattr)
{
	return bitmap_empty(xattr->missing, xattr->size);
}
EXPORT_SYMBOL_IF_KUNIT(p9s_xattr_complete);
