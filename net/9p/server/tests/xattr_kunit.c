// SPDX-License-Identifier: GPL-2.0
/*
 * Extended attributes: a value is read and written in pieces of any order, one
 * that was not written whole is never set, the memory that values take is
 * counted and given back, and a fid that stands for an xattr is no file. What
 * the VFS makes of names and rights is tested by messages, in
 * tools/testing/selftests/9p/raw_xattr.py.
 */
#include <kunit/test.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/mount.h>
#include <linux/path.h>
#include <linux/unaligned.h>
#include <linux/xattr.h>

#include "../session.h"
#include "../xattr.h"
#include "peer.h"

#define FILE	1
#define XATTR	2

struct xattr_test {
	struct p9s_xattr_quota quota;
	struct peer *peer;
};

/* A client with a file "f" at fid FILE, which may keep 8192 bytes of values */
static int xattr_init(struct kunit *test)
{
	struct xattr_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	struct p9_server_export export = { .max_xattrs = 8192 };

	KUNIT_ASSERT_NOT_NULL(test, t);
	p9s_xattr_quota_init(&t->quota, 8192);
	export.root.mnt = peer_tmpfs(test);
	export.root.dentry = export.root.mnt->mnt_root;
	t->peer = peer_attached_to(test, &export, 1);
	KUNIT_ASSERT_EQ(test, 0, peer_walk(t->peer, 0, FILE, ""));
	KUNIT_ASSERT_EQ(test, 0, peer_create(t->peer, FILE, "f"));
	test->priv = t;
	return 0;
}

static void expect_nothing_kept(struct kunit *test)
{
	struct xattr_test *t = test->priv;

	KUNIT_EXPECT_EQ(test, 0, t->peer->session->xattrs.used);
	KUNIT_EXPECT_EQ(test, 0, t->quota.used);
}

static void is_read_in_pieces(struct kunit *test)
{
	struct xattr_test *t = test->priv;
	struct p9s_xattr *xattr;
	char buf[20] = "????????????????";

	xattr = p9s_xattr_reading(&t->quota, "0123456789", 10);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, xattr);
	KUNIT_EXPECT_EQ(test, 4, p9s_xattr_read(xattr, 3, buf, 4));
	KUNIT_EXPECT_MEMEQ(test, buf, "3456?", 5);
	KUNIT_EXPECT_EQ(test, 2, p9s_xattr_read(xattr, 8, buf, 20));
	KUNIT_EXPECT_MEMEQ(test, buf, "8956?", 5);
	KUNIT_EXPECT_EQ(test, 0, p9s_xattr_read(xattr, 10, buf, 20));
	KUNIT_EXPECT_EQ(test, 0, p9s_xattr_read(xattr, U64_MAX, buf, 20));
	KUNIT_EXPECT_EQ(test, 0, p9s_xattr_read(xattr, 1ULL << 63, buf, 20));
	p9s_xattr_free(xattr);
	expect_nothing_kept(test);
}

static int write_piece(struct p9s_xattr *xattr, u64 offset, const void *from,
		       size_t count)
{
	struct kvec vec = { (void *)from, count };
	struct iov_iter iter;

	iov_iter_kvec(&iter, ITER_SOURCE, &vec, 1, count);
	return p9s_xattr_write(xattr, offset, &iter);
}

static void is_written_in_pieces(struct kunit *test)
{
	struct xattr_test *t = test->priv;
	struct p9s_xattr *xattr = p9s_xattr_writing(&t->quota, 10);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, xattr);
	KUNIT_EXPECT_FALSE(test, p9s_xattr_complete(xattr));
	KUNIT_EXPECT_EQ(test, 0, write_piece(xattr, 6, "6789", 4));
	KUNIT_EXPECT_EQ(test, 0, write_piece(xattr, 0, "0123", 4));
	/* As many bytes as it has, and still not each of them */
	KUNIT_EXPECT_EQ(test, 0, write_piece(xattr, 0, "01", 2));
	KUNIT_EXPECT_FALSE(test, p9s_xattr_complete(xattr));
	KUNIT_EXPECT_EQ(test, 0, write_piece(xattr, 4, "45", 2));
	KUNIT_EXPECT_TRUE(test, p9s_xattr_complete(xattr));
	KUNIT_EXPECT_MEMEQ(test, xattr->value, "0123456789", 10);
	p9s_xattr_free(xattr);
	expect_nothing_kept(test);
}

static void is_not_written_beyond_its_end(struct kunit *test)
{
	static const struct {
		u64 offset;
		size_t count;
	} wrong[] = {
		{ 0, 11 }, { 10, 1 }, { 11, 0 }, { 9, 2 }, { U64_MAX, 1 },
		{ U64_MAX - 3, 8 }, { 1ULL << 32, 1 }, { 5, SIZE_MAX },
	};
	struct xattr_test *t = test->priv;
	struct p9s_xattr *xattr = p9s_xattr_writing(&t->quota, 10);
	unsigned int i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, xattr);
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		KUNIT_EXPECT_EQ_MSG(test, -ENOSPC,
				    write_piece(xattr, wrong[i].offset,
						"12345678901", wrong[i].count),
				    "number %u", i);
	KUNIT_EXPECT_EQ(test, 0, write_piece(xattr, 10, "", 0));
	KUNIT_EXPECT_FALSE(test, p9s_xattr_complete(xattr));
	p9s_xattr_free(xattr);
}

static void may_be_empty(struct kunit *test)
{
	struct xattr_test *t = test->priv;
	struct p9s_xattr *xattr = p9s_xattr_writing(&t->quota, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, xattr);
	KUNIT_EXPECT_TRUE(test, p9s_xattr_complete(xattr));
	KUNIT_EXPECT_NOT_NULL(test, xattr->missing);
	KUNIT_EXPECT_EQ(test, -ENOSPC, write_piece(xattr, 0, "x", 1));
	p9s_xattr_free(xattr);
	xattr = p9s_xattr_reading(&t->quota, NULL, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, xattr);
	KUNIT_EXPECT_EQ(test, 0, p9s_xattr_read(xattr, 0, NULL, 0));
	p9s_xattr_free(xattr);
	expect_nothing_kept(test);
}

static void is_counted(struct kunit *test)
{
	struct xattr_test *t = test->priv;
	struct p9s_xattr *one, *two;

	one = p9s_xattr_writing(&t->quota, 5000);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, one);
	KUNIT_EXPECT_GE(test, t->quota.used, 5000 + 5000 / 8);
	two = p9s_xattr_writing(&t->quota, 3000);
	KUNIT_EXPECT_EQ(test, -ENOBUFS, PTR_ERR_OR_ZERO(two));
	KUNIT_EXPECT_EQ(test, -ENOBUFS,
			PTR_ERR_OR_ZERO(p9s_xattr_writing(&t->quota,
							  XATTR_SIZE_MAX)));
	p9s_xattr_free(one);
	two = p9s_xattr_writing(&t->quota, 3000);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, two);
	p9s_xattr_free(two);
	expect_nothing_kept(test);
}

static int xattrcreate(struct peer *peer, u32 fid, u64 size, u32 flags)
{
	struct wire_body *body = peer_body(peer);

	wire_put(body, fid, 4);
	wire_put_string(body, "user.x");
	wire_put(body, size, 8);
	wire_put(body, flags, 4);
	return peer_call(peer, P9_TXATTRCREATE);
}

/* Its size, or an error */
static long xattrwalk(struct peer *peer, u32 fid, u32 newfid, const char *name)
{
	struct wire_body *body = peer_body(peer);
	int err;

	wire_put(body, fid, 4);
	wire_put(body, newfid, 4);
	wire_put_string(body, name);
	err = peer_call(peer, P9_TXATTRWALK);
	return err ?: get_unaligned_le64(peer->last.body);
}

static int set(struct peer *peer, const char *value, u64 size, u32 flags)
{
	int err = peer_walk(peer, FILE, XATTR, "");

	if (!err)
		err = xattrcreate(peer, XATTR, size, flags);
	if (!err && *value)
		err = peer_write(peer, XATTR, 0, value, strlen(value));
	/* The clunk's error is that of setting it */
	return err ?: peer_clunk(peer, XATTR);
}

static void is_set_and_removed(struct kunit *test)
{
	struct xattr_test *t = test->priv;
	struct peer *peer = t->peer;

	KUNIT_EXPECT_EQ(test, -ENODATA, xattrwalk(peer, FILE, XATTR, "user.x"));
	KUNIT_EXPECT_EQ(test, -ENODATA, set(peer, "abc", 3, XATTR_REPLACE));
	KUNIT_EXPECT_EQ(test, 0, set(peer, "abc", 3, XATTR_CREATE));
	KUNIT_EXPECT_EQ(test, -EEXIST, set(peer, "abcd", 4, XATTR_CREATE));
	KUNIT_EXPECT_EQ(test, 0, set(peer, "defgh", 5, 0));
	KUNIT_EXPECT_EQ(test, 5, xattrwalk(peer, FILE, XATTR, "user.x"));
	KUNIT_EXPECT_EQ(test, 0, peer_read(peer, XATTR, 1, 100));
	KUNIT_EXPECT_EQ(test, 4, get_unaligned_le32(peer->last.body));
	KUNIT_EXPECT_MEMEQ(test, peer->last.body + 4, "efgh", 4);
	KUNIT_EXPECT_EQ(test, -EBADF, peer_write(peer, XATTR, 0, "x", 1));
	KUNIT_EXPECT_EQ(test, 0, peer_clunk(peer, XATTR));
	/* An empty one is one */
	KUNIT_EXPECT_EQ(test, 0, set(peer, "", 0, 0));
	KUNIT_EXPECT_EQ(test, 0, xattrwalk(peer, FILE, XATTR, "user.x"));
	KUNIT_EXPECT_EQ(test, 0, peer_clunk(peer, XATTR));
	/* Unless it replaces another, which is how a removal looks */
	KUNIT_EXPECT_EQ(test, 0, set(peer, "", 0, XATTR_REPLACE));
	KUNIT_EXPECT_EQ(test, -ENODATA, xattrwalk(peer, FILE, XATTR, "user.x"));
	KUNIT_EXPECT_EQ(test, -ENODATA, set(peer, "", 0, XATTR_REPLACE));
	expect_nothing_kept(test);
}

static void is_not_set_by_half(struct kunit *test)
{
	struct xattr_test *t = test->priv;
	struct peer *peer = t->peer;

	KUNIT_EXPECT_EQ(test, 0, set(peer, "old", 3, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, set(peer, "newer", 6, 0));
	KUNIT_EXPECT_EQ(test, -EBADF, peer_clunk(peer, XATTR));
	KUNIT_EXPECT_EQ(test, 3, xattrwalk(peer, FILE, XATTR, "user.x"));
	KUNIT_EXPECT_EQ(test, 0, peer_clunk(peer, XATTR));
	/* Nor if the session starts anew before the clunk */
	KUNIT_EXPECT_EQ(test, 0, peer_walk(peer, FILE, XATTR, ""));
	KUNIT_EXPECT_EQ(test, 0, xattrcreate(peer, XATTR, 4, 0));
	KUNIT_EXPECT_EQ(test, 0, peer_write(peer, XATTR, 0, "lost", 4));
	KUNIT_EXPECT_EQ(test, 0, peer_version(peer, PEER_MSIZE, "9P2000.L"));
	expect_nothing_kept(test);
	KUNIT_EXPECT_EQ(test, 0, peer_attach(peer, 0, 0));
	KUNIT_EXPECT_EQ(test, 0, peer_walk(peer, 0, FILE, "f"));
	KUNIT_EXPECT_EQ(test, 3, xattrwalk(peer, FILE, XATTR, "user.x"));
}

static void is_refused_if_too_large(struct kunit *test)
{
	struct xattr_test *t = test->priv;
	struct peer *peer = t->peer;

	KUNIT_EXPECT_EQ(test, 0, peer_walk(peer, FILE, XATTR, ""));
	KUNIT_EXPECT_EQ(test, -E2BIG,
			xattrcreate(peer, XATTR, XATTR_SIZE_MAX + 1, 0));
	KUNIT_EXPECT_EQ(test, -E2BIG, xattrcreate(peer, XATTR, U64_MAX, 0));
	KUNIT_EXPECT_EQ(test, -ENOBUFS, xattrcreate(peer, XATTR, 8000, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, xattrcreate(peer, XATTR, 1, 4));
	expect_nothing_kept(test);
	/* None of this has made it anything else than a fid */
	KUNIT_EXPECT_EQ(test, 0, peer_open(peer, XATTR));
	KUNIT_EXPECT_EQ(test, -EBUSY, xattrcreate(peer, XATTR, 1, 0));
	expect_nothing_kept(test);
}

static void is_no_file(struct kunit *test)
{
	struct xattr_test *t = test->priv;
	struct peer *peer = t->peer;

	KUNIT_EXPECT_EQ(test, 0, peer_walk(peer, FILE, XATTR, ""));
	KUNIT_EXPECT_EQ(test, 0, xattrcreate(peer, XATTR, 1, 0));
	KUNIT_EXPECT_EQ(test, -EBADF, peer_walk(peer, XATTR, 3, ""));
	KUNIT_EXPECT_EQ(test, -EBADF, peer_open(peer, XATTR));
	KUNIT_EXPECT_EQ(test, -EBADF, peer_create(peer, XATTR, "g"));
	KUNIT_EXPECT_EQ(test, -EBADF, xattrcreate(peer, XATTR, 1, 0));
	KUNIT_EXPECT_EQ(test, -EBADF, xattrwalk(peer, XATTR, 3, ""));
	KUNIT_EXPECT_EQ(test, -EBADF, peer_read(peer, XATTR, 0, 1));
	/* Tremove takes the fid and leaves the file */
	wire_put(peer_body(peer), XATTR, 4);
	KUNIT_EXPECT_EQ(test, -EBADF, peer_call(peer, P9_TREMOVE));
	KUNIT_EXPECT_EQ(test, -EBADF, peer_clunk(peer, XATTR));
	KUNIT_EXPECT_EQ(test, 0, peer_walk(peer, 0, 3, "f"));
	expect_nothing_kept(test);
	/* The number of a fid that is there stays that fid's */
	KUNIT_EXPECT_EQ(test, -EINVAL, xattrwalk(peer, FILE, FILE, ""));
	KUNIT_EXPECT_EQ(test, -EINVAL, xattrwalk(peer, FILE, P9_NOFID, ""));
	expect_nothing_kept(test);
}

static struct kunit_case xattr_cases[] = {
	KUNIT_CASE(is_read_in_pieces),
	KUNIT_CASE(is_written_in_pieces),
	KUNIT_CASE(is_not_written_beyond_its_end),
	KUNIT_CASE(may_be_empty),
	KUNIT_CASE(is_counted),
	KUNIT_CASE(is_set_and_removed),
	KUNIT_CASE(is_not_set_by_half),
	KUNIT_CASE(is_refused_if_too_large),
	KUNIT_CASE(is_no_file),
	{ }
};

static struct kunit_suite xattr_suite = {
	.name = "9pnet_server-xattr",
	.init = xattr_init,
	.test_cases = xattr_cases,
};

kunit_test_suite(xattr_suite);
