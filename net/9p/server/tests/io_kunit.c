// SPDX-License-Identifier: GPL-2.0
/*
 * Data that are not copied on the way: a read is written by the filesystem to
 * where the client looks for it, a write is read by it from where the client has
 * put it; wherever that is not possible the data are copied, and what a transport
 * has kept for a request is given back in each case.
 */
#include <kunit/test.h>
#include <linux/errno.h>
#include <linux/mount.h>
#include <linux/path.h>
#include <linux/sizes.h>
#include <linux/unaligned.h>
#include <net/9p/9p.h>

#include "peer.h"

#define ROOT	0	/* the fid that peer_attached() leaves */
#define FILE	7
#define SIZE	5000

struct io_test {
	struct peer *peer;
	u8 data[SIZE];
};

static int io_init(struct kunit *test)
{
	struct io_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	struct path root;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, t);
	for (i = 0; i < SIZE; i++)
		t->data[i] = (i * 0x9E3779B1U) >> 24;
	root.mnt = peer_tmpfs(test);
	root.dentry = root.mnt->mnt_root;
	t->peer = peer_attached(test, &root);
	test->priv = t;
	KUNIT_ASSERT_EQ(test, 0, peer_walk(t->peer, ROOT, FILE, ""));
	KUNIT_ASSERT_EQ(test, 0, peer_create(t->peer, FILE, "file"));
	KUNIT_ASSERT_EQ(test, 0, peer_clunk(t->peer, FILE));
	KUNIT_ASSERT_EQ(test, 0, peer_walk(t->peer, ROOT, FILE, "file"));
	return 0;
}

static void open_file(struct kunit *test)
{
	struct io_test *t = test->priv;

	KUNIT_ASSERT_EQ(test, 0, peer_open_for(t->peer, FILE, P9_DOTL_RDWR));
}

/* What the file has, in pieces that are too small not to be copied */
static void expect_file(struct kunit *test, u32 size)
{
	struct io_test *t = test->priv;
	u32 at, len;

	for (at = 0; at < size; at += len) {
		len = min(size - at, 500U);
		KUNIT_ASSERT_EQ(test, 0, peer_read(t->peer, FILE, at, len));
		KUNIT_ASSERT_EQ(test, len,
				get_unaligned_le32(t->peer->last.body));
		KUNIT_EXPECT_MEMEQ(test, t->peer->last.body + 4, t->data + at,
				   len);
	}
	KUNIT_ASSERT_EQ(test, 0, peer_read(t->peer, FILE, size, 500));
	KUNIT_EXPECT_EQ(test, 0, get_unaligned_le32(t->peer->last.body));
}

static void read_in_place(struct kunit *test)
{
	struct io_test *t = test->priv;

	open_file(test);
	KUNIT_ASSERT_EQ(test, 0, peer_write(t->peer, FILE, 0, t->data, 3000));
	t->peer->in_place = true;
	KUNIT_ASSERT_EQ(test, 0, peer_read(t->peer, FILE, 500, 2000));
	KUNIT_EXPECT_EQ(test, 1, t->peer->nr_in_place);
	KUNIT_EXPECT_EQ(test, 2000, get_unaligned_le32(t->peer->last.body));
	KUNIT_EXPECT_MEMEQ(test, t->peer->last.body + 4, t->data + 500, 2000);

	/* Up to the end, and beyond it */
	KUNIT_ASSERT_EQ(test, 0, peer_read(t->peer, FILE, 2000, 2000));
	KUNIT_EXPECT_EQ(test, 2, t->peer->nr_in_place);
	KUNIT_EXPECT_EQ(test, 1000, get_unaligned_le32(t->peer->last.body));
	KUNIT_EXPECT_MEMEQ(test, t->peer->last.body + 4, t->data + 2000, 1000);
	KUNIT_ASSERT_EQ(test, 0, peer_read(t->peer, FILE, 3000, 2000));
	KUNIT_EXPECT_EQ(test, 3, t->peer->nr_in_place);
	KUNIT_EXPECT_EQ(test, 0, get_unaligned_le32(t->peer->last.body));
	expect_file(test, 3000);
	KUNIT_EXPECT_EQ(test, 3, t->peer->nr_in_place);
}

static void read_that_fails(struct kunit *test)
{
	struct io_test *t = test->priv;

	t->peer->in_place = true;
	KUNIT_EXPECT_EQ(test, -EBADF, peer_read(t->peer, FILE, 0, 2000));
	KUNIT_ASSERT_EQ(test, 0,
			peer_open_for(t->peer, FILE, P9_DOTL_WRONLY));
	KUNIT_EXPECT_EQ(test, -EBADF, peer_read(t->peer, FILE, 0, 2000));
	KUNIT_EXPECT_EQ(test, 0, t->peer->nr_in_place);
	/* Nothing stays reserved */
	KUNIT_ASSERT_EQ(test, 0, peer_clunk(t->peer, FILE));
	KUNIT_ASSERT_EQ(test, 0, peer_walk(t->peer, ROOT, FILE, "file"));
	open_file(test);
	KUNIT_EXPECT_EQ(test, 0, peer_read(t->peer, FILE, 0, 2000));
	KUNIT_EXPECT_EQ(test, 1, t->peer->nr_in_place);
}

static void write_of_what_was_left(struct kunit *test)
{
	struct io_test *t = test->priv;

	open_file(test);
	t->peer->in_place = true;
	KUNIT_ASSERT_EQ(test, 0, peer_write(t->peer, FILE, 0, t->data, SIZE));
	KUNIT_EXPECT_EQ(test, SIZE, get_unaligned_le32(t->peer->last.body));
	KUNIT_EXPECT_EQ(test, 1, t->peer->nr_released);
	/* One that is copied changes nothing */
	KUNIT_ASSERT_EQ(test, 0,
			peer_write(t->peer, FILE, 100, t->data + 100, 1000));
	KUNIT_EXPECT_EQ(test, 1, t->peer->nr_released);
	expect_file(test, SIZE);
}

static void write_that_fails(struct kunit *test)
{
	struct io_test *t = test->priv;

	t->peer->in_place = true;
	KUNIT_EXPECT_EQ(test, -EBADF,
			peer_write(t->peer, FILE, 0, t->data, SIZE));
	KUNIT_EXPECT_EQ(test, -EBADF, peer_write(t->peer, 99, 0, t->data, SIZE));
	KUNIT_EXPECT_EQ(test, 2, t->peer->nr_released);
}

/* The count says something else than the size of the message */
static void write_of_another_count(struct kunit *test)
{
	static const u32 counts[] = { 0, SIZE - 1, SIZE + 1, U32_MAX };
	struct io_test *t = test->priv;
	struct wire_body *body;
	unsigned int i;

	open_file(test);
	t->peer->in_place = true;
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		body = peer_body(t->peer);
		wire_put(body, FILE, 4);
		wire_put(body, 0, 8);
		wire_put(body, counts[i], 4);
		memcpy(body->bytes + body->len, t->data, SIZE);
		body->len += SIZE;
		KUNIT_EXPECT_EQ(test, -EINVAL, peer_call(t->peer, P9_TWRITE));
		KUNIT_EXPECT_EQ(test, i + 1, t->peer->nr_released);
	}
	expect_file(test, 0);
}

static void xattr_of_what_was_left(struct kunit *test)
{
	struct io_test *t = test->priv;
	struct wire_body *body = peer_body(t->peer);

	t->peer->in_place = true;
	wire_put(body, FILE, 4);
	wire_put_string(body, "trusted.large");
	wire_put(body, SIZE, 8);
	wire_put(body, 0, 4);
	KUNIT_ASSERT_EQ(test, 0, peer_call(t->peer, P9_TXATTRCREATE));
	KUNIT_ASSERT_EQ(test, 0, peer_write(t->peer, FILE, 0, t->data, SIZE));
	KUNIT_EXPECT_EQ(test, 1, t->peer->nr_released);
	KUNIT_ASSERT_EQ(test, 0, peer_clunk(t->peer, FILE));

	KUNIT_ASSERT_EQ(test, 0, peer_walk(t->peer, ROOT, FILE, "file"));
	body = peer_body(t->peer);
	wire_put(body, FILE, 4);
	wire_put(body, FILE + 1, 4);
	wire_put_string(body, "trusted.large");
	KUNIT_ASSERT_EQ(test, 0, peer_call(t->peer, P9_TXATTRWALK));
	KUNIT_EXPECT_EQ(test, SIZE, get_unaligned_le64(t->peer->last.body));
	KUNIT_ASSERT_EQ(test, 0, peer_read(t->peer, FILE + 1, 3000, 2000));
	KUNIT_EXPECT_MEMEQ(test, t->peer->last.body + 4, t->data + 3000, 2000);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(read_in_place),
	KUNIT_CASE(read_that_fails),
	KUNIT_CASE(write_of_what_was_left),
	KUNIT_CASE(write_that_fails),
	KUNIT_CASE(write_of_another_count),
	KUNIT_CASE(xattr_of_what_was_left),
	{}
};

static struct kunit_suite suite = {
	.name = "9pnet_server-io",
	.init = io_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
