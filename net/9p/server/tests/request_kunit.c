// SPDX-License-Identifier: GPL-2.0
/*
 * Requests, their tags and their flushes: a Tflush is answered after what it
 * flushes and never waits for nothing, a tag is free once its reply is out and
 * not before, more requests than threads or memory allow wait and are all
 * answered, and no error that only the kernel knows gets out.
 *
 * A request is held up by the lock of the directory that it works in, a reply
 * by a send() that does not return.
 */
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/path.h>

#include "../request.h"
#include "../session.h"
#include "peer.h"

struct request_test {
	struct inode *dir;
	struct peer *peer;
};

static int request_init(struct kunit *test)
{
	struct request_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	struct path root;

	KUNIT_ASSERT_NOT_NULL(test, t);
	root.mnt = peer_tmpfs(test);
	root.dentry = root.mnt->mnt_root;
	t->dir = d_inode(root.dentry);
	t->peer = peer_attached(test, &root);
	test->priv = t;
	return 0;
}

/*
 * All that was sent before has been received, and none of it was answered
 * that has not been seen: a quick request comes next in line.
 */
static void expect_nothing_else(struct kunit *test)
{
	struct request_test *t = test->priv;
	struct wire_body *body = peer_body(t->peer);

	wire_put(body, 0, 4);
	wire_put(body, P9_STATS_BASIC, 8);
	peer_send(t->peer, 0, P9_TGETATTR, 999);
	peer_expect(t->peer, P9_RGETATTR, 999);
}

static void flush_of_nothing_is_answered(struct kunit *test)
{
	struct request_test *t = test->priv;

	peer_send_flush(t->peer, 0, 2, 1);
	peer_expect(t->peer, P9_RFLUSH, 2);
	peer_send_flush(t->peer, 0, 2, 2);
	peer_expect(t->peer, P9_RFLUSH, 2);
	peer_send_flush(t->peer, 0, 2, P9_NOTAG);
	peer_expect(t->peer, P9_RFLUSH, 2);
}

static void flush_waits_for_its_request(struct kunit *test)
{
	struct request_test *t = test->priv;

	inode_lock(t->dir);
	peer_send_mkdir(t->peer, 0, 1);
	peer_send_flush(t->peer, 0, 2, 1);
	expect_nothing_else(test);
	inode_unlock(t->dir);
	peer_expect(t->peer, P9_RMKDIR, 1);
	peer_expect(t->peer, P9_RFLUSH, 2);
}

static void flushes_are_answered_in_order(struct kunit *test)
{
	struct request_test *t = test->priv;
	u16 tag;

	inode_lock(t->dir);
	peer_send_mkdir(t->peer, 0, 1);
	for (tag = 2; tag < 10; tag++)
		peer_send_flush(t->peer, 0, tag, 1);
	expect_nothing_else(test);
	inode_unlock(t->dir);
	peer_expect(t->peer, P9_RMKDIR, 1);
	for (tag = 2; tag < 10; tag++)
		peer_expect(t->peer, P9_RFLUSH, tag);
}

static void flushes_may_be_flushed(struct kunit *test)
{
	struct request_test *t = test->priv;
	u16 tag;

	inode_lock(t->dir);
	peer_send_mkdir(t->peer, 0, 1);
	for (tag = 2; tag < 10; tag++)
		peer_send_flush(t->peer, 0, tag, tag - 1);
	expect_nothing_else(test);
	inode_unlock(t->dir);
	peer_expect(t->peer, P9_RMKDIR, 1);
	for (tag = 2; tag < 10; tag++)
		peer_expect(t->peer, P9_RFLUSH, tag);
}

/* One of itself while others wait: it alone is answered */
static void flush_never_waits_for_itself(struct kunit *test)
{
	struct request_test *t = test->priv;

	inode_lock(t->dir);
	peer_send_mkdir(t->peer, 0, 1);
	peer_send_flush(t->peer, 0, 2, 1);
	peer_send_flush(t->peer, 0, 3, 3);
	peer_expect(t->peer, P9_RFLUSH, 3);
	expect_nothing_else(test);
	inode_unlock(t->dir);
	peer_expect(t->peer, P9_RMKDIR, 1);
	peer_expect(t->peer, P9_RFLUSH, 2);
}

/* The client may not have seen the reply yet, so Rflush must not overtake it */
static void flush_waits_for_a_reply_on_its_way(struct kunit *test)
{
	struct request_test *t = test->priv;

	peer_hold(t->peer, 1);
	peer_send_mkdir(t->peer, 0, 1);
	peer_expect(t->peer, P9_RMKDIR, 1);
	peer_send_flush(t->peer, 0, 2, 1);
	expect_nothing_else(test);
	peer_hold(t->peer, PEER_NO_TAG);
	peer_expect(t->peer, P9_RFLUSH, 2);
}

static void tag_is_free_once_its_reply_is_out(struct kunit *test)
{
	struct request_test *t = test->priv;

	peer_hold(t->peer, 1);
	peer_send_mkdir(t->peer, 0, 1);
	peer_expect(t->peer, P9_RMKDIR, 1);
	/* send() has not returned, but the client has its reply */
	inode_lock(t->dir);
	peer_send_mkdir(t->peer, 0, 1);
	/* It is the new request that a flush waits for */
	peer_send_flush(t->peer, 0, 2, 1);
	peer_hold(t->peer, PEER_NO_TAG);
	expect_nothing_else(test);
	inode_unlock(t->dir);
	peer_expect(t->peer, P9_RLERROR, 1);
	KUNIT_EXPECT_EQ(test, -EEXIST, peer_error(t->peer, P9_TMKDIR));
	peer_expect(t->peer, P9_RFLUSH, 2);
}

static void tag_in_use_ends_the_session(struct kunit *test)
{
	struct request_test *t = test->priv;

	inode_lock(t->dir);
	peer_send_mkdir(t->peer, 0, 1);
	peer_send_mkdir(t->peer, 0, 1);
	KUNIT_EXPECT_EQ(test, -EPROTO, peer_wait_failed(t->peer));
	inode_unlock(t->dir);
	KUNIT_EXPECT_FALSE(test, peer_has_reply(t->peer));
}

#define MANY	400

/* Each of @nr tags from 1 on has one reply, in any order */
static void expect_all(struct kunit *test, unsigned int nr)
{
	struct request_test *t = test->priv;
	DECLARE_BITMAP(seen, MANY + 1) = { 0 };
	unsigned int i, tag;

	for (i = 0; i < nr; i++) {
		if (!peer_receive(t->peer))
			return;
		tag = t->peer->last.tag;
		KUNIT_ASSERT_LE(test, tag, nr);
		KUNIT_EXPECT_NE(test, P9_RLERROR, t->peer->last.type);
		KUNIT_EXPECT_FALSE_MSG(test, test_and_set_bit(tag, seen),
				       "tag %u", tag);
	}
}

static void more_requests_than_threads_wait(struct kunit *test)
{
	struct request_test *t = test->priv;
	u16 tag;

	inode_lock(t->dir);
	for (tag = 1; tag <= MANY; tag++)
		peer_send_mkdir(t->peer, 0, tag);
	inode_unlock(t->dir);
	expect_all(test, MANY);
	KUNIT_EXPECT_LE(test, t->peer->session->nr_threads, P9S_MAX_THREADS);
}

/* Flushes that wait keep memory and no thread, so they reach the other limit */
static void more_requests_than_memory_wait(struct kunit *test)
{
	struct p9_server_session *session;
	struct request_test *t = test->priv;
	unsigned int i;
	u16 tag;

	session = t->peer->session;
	inode_lock(t->dir);
	peer_send_mkdir(t->peer, 0, 1);
	for (tag = 2; tag <= MANY; tag++)
		peer_send_flush(t->peer, 0, tag, 1);
	for (i = 0; i < 6000 && !READ_ONCE(session->refused); i++)
		fsleep(10000);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(session->refused));
	KUNIT_EXPECT_EQ(test, P9S_MAX_REQUESTS,
			READ_ONCE(session->nr_requests));
	KUNIT_EXPECT_FALSE(test, peer_has_reply(t->peer));
	inode_unlock(t->dir);
	expect_all(test, MANY);
}

static void errors_are_those_of_users(struct kunit *test)
{
	static const struct {
		int err;
		int wanted;
	} errors[] = {
		{ -EPERM, -EPERM }, { -ENOENT, -ENOENT },
		{ -EOPNOTSUPP, -EOPNOTSUPP }, { -EHWPOISON, -EHWPOISON },
		{ -ERESTARTSYS, -EINTR }, { -ERESTARTNOINTR, -EINTR },
		{ -ERESTARTNOHAND, -EINTR }, { -ERESTART_RESTARTBLOCK, -EINTR },
		{ -ENOIOCTLCMD, -ENOTTY }, { -EOPENSTALE, -ESTALE },
		{ -EPROBE_DEFER, -EAGAIN }, { -EJUKEBOX, -EAGAIN },
		{ -ENOTSUPP, -EOPNOTSUPP }, { -EBADHANDLE, -EIO },
		{ -EIOCBQUEUED, -EIO }, { -MAX_ERRNO, -EIO }, { INT_MIN, -EIO },
		{ 1, -EIO }, { INT_MAX, -EIO },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(errors); i++)
		KUNIT_EXPECT_EQ_MSG(test, errors[i].wanted,
				    p9s_request_errno(errors[i].err), "of %d",
				    errors[i].err);
}

static struct kunit_case request_cases[] = {
	KUNIT_CASE(flush_of_nothing_is_answered),
	KUNIT_CASE(flush_waits_for_its_request),
	KUNIT_CASE(flushes_are_answered_in_order),
	KUNIT_CASE(flushes_may_be_flushed),
	KUNIT_CASE(flush_never_waits_for_itself),
	KUNIT_CASE(flush_waits_for_a_reply_on_its_way),
	KUNIT_CASE(tag_is_free_once_its_reply_is_out),
	KUNIT_CASE(tag_in_use_ends_the_session),
	KUNIT_CASE(more_requests_than_threads_wait),
	KUNIT_CASE(more_requests_than_memory_wait),
	KUNIT_CASE(errors_are_those_of_users),
	{ }
};

static struct kunit_suite request_suite = {
	.name = "9pnet_server-request",
	.init = request_init,
	.test_cases = request_cases,
};

kunit_test_suite(request_suite);
