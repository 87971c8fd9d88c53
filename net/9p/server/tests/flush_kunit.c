// SPDX-License-Identifier: GPL-2.0
/*
 * Tflushes on another channel than that of what they flush: none is answered
 * before that was, though it was not even received when the Tflush came,
 * because its event is late or because there is no room for it. Those on the
 * same channel are tested in request_kunit.c.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/path.h>
#include <linux/rwsem.h>

#include "../request.h"
#include "../session.h"
#include "peer.h"

struct flush_test {
	struct inode *dir;
	struct peer *peer;
};

static int flush_init(struct kunit *test)
{
	struct flush_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	struct p9_server_export export = { };

	KUNIT_ASSERT_NOT_NULL(test, t);
	export.root.mnt = peer_tmpfs(test);
	export.root.dentry = export.root.mnt->mnt_root;
	t->dir = d_inode(export.root.dentry);
	t->peer = peer_attached_to(test, &export, 2);
	test->priv = t;
	return 0;
}

static void of_nothing_is_answered(struct kunit *test)
{
	struct flush_test *t = test->priv;
	unsigned int channel;

	for (channel = 0; channel < 2; channel++) {
		peer_send_flush(t->peer, channel, 2, 1);
		peer_expect(t->peer, P9_RFLUSH, 2);
		peer_send_flush(t->peer, channel, 2, 2);
		peer_expect(t->peer, P9_RFLUSH, 2);
	}
	KUNIT_EXPECT_EQ(test, 0, READ_ONCE(t->peer->session->nr_parked));
}

static void waits_for_a_request_of_another_channel(struct kunit *test)
{
	struct flush_test *t = test->priv;

	inode_lock(t->dir);
	peer_send_mkdir(t->peer, 0, 1);
	peer_send_flush(t->peer, 1, 2, 1);
	peer_send_flush(t->peer, 1, 3, 2);
	inode_unlock(t->dir);
	peer_expect(t->peer, P9_RMKDIR, 1);
	peer_expect(t->peer, P9_RFLUSH, 2);
	peer_expect(t->peer, P9_RFLUSH, 3);
}

/* The server is not told of the request; the Tflush makes it look */
static void waits_for_a_request_whose_event_is_late(struct kunit *test)
{
	struct flush_test *t = test->priv;
	unsigned int i;

	for (i = 0; i < 200; i++) {
		t->peer->late = true;
		peer_send_mkdir(t->peer, i % 2, 1 + 2 * i);
		t->peer->late = false;
		peer_send_flush(t->peer, !(i % 2), 2 + 2 * i, 1 + 2 * i);
		peer_expect(t->peer, P9_RMKDIR, 1 + 2 * i);
		peer_expect(t->peer, P9_RFLUSH, 2 + 2 * i);
	}
}

/* The tag is that of a request whose reply is out: that is not what is meant */
static void waits_for_the_latest_of_a_tag(struct kunit *test)
{
	struct flush_test *t = test->priv;

	peer_hold(t->peer, 1);
	peer_send_mkdir(t->peer, 1, 1);
	peer_expect(t->peer, P9_RMKDIR, 1);
	t->peer->late = true;
	peer_send_mkdir(t->peer, 0, 1);
	t->peer->late = false;
	peer_send_flush(t->peer, 1, 2, 1);
	/* Until it is let go nothing else of the tag gets through */
	peer_expect(t->peer, P9_RLERROR, 1);
	peer_hold(t->peer, PEER_NO_TAG);
	peer_expect(t->peer, P9_RFLUSH, 2);
}

/* Leave room for two short requests */
static size_t fill(struct p9_server_session *session)
{
	size_t room = sizeof(struct p9s_request) + 64;
	size_t more;

	spin_lock_irq(&session->lock);
	more = P9S_MAX_BUFFERED - session->buffered - 2 * room;
	session->buffered += more;
	spin_unlock_irq(&session->lock);
	return more;
}

static void empty(struct p9_server_session *session, size_t more)
{
	spin_lock_irq(&session->lock);
	session->buffered -= more;
	spin_unlock_irq(&session->lock);
}

/* A request under way, one that waits for room, and a Tflush of that one */
static void park(struct kunit *test)
{
	struct flush_test *t = test->priv;
	struct p9_server_session *session = t->peer->session;
	struct wire_body *body;
	unsigned int i;

	peer_send_mkdir(t->peer, 0, 1);
	for (i = 0; i < 6000 && !rwsem_is_contended(&t->dir->i_rwsem); i++)
		fsleep(10000);
	/* Longer than there is room, and no good Tmkdir: that makes it short */
	body = peer_body(t->peer);
	while (body->len < 2 * sizeof(struct p9s_request))
		wire_put(body, 0, 1);
	peer_send(t->peer, 0, P9_TMKDIR, 2);
	for (i = 0; i < 6000 && !READ_ONCE(session->refused); i++)
		fsleep(10000);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(session->refused));
	peer_send_flush(t->peer, 1, 3, 2);
	for (i = 0; i < 6000 && !READ_ONCE(session->nr_parked); i++)
		fsleep(10000);
	KUNIT_EXPECT_EQ(test, 1, READ_ONCE(session->nr_parked));
	KUNIT_EXPECT_FALSE(test, peer_has_reply(t->peer));
}

/*
 * When only the Tflush is left, the request is let in whatever the limits say:
 * they would wait for each other.
 */
static void waits_for_a_request_without_room(struct kunit *test)
{
	struct flush_test *t = test->priv;
	struct p9_server_session *session = t->peer->session;
	size_t more;

	inode_lock(t->dir);
	more = fill(session);
	park(test);
	inode_unlock(t->dir);
	peer_expect(t->peer, P9_RMKDIR, 1);
	peer_expect(t->peer, P9_RLERROR, 2);
	peer_expect(t->peer, P9_RFLUSH, 3);
	empty(session, more);
}

/* The session is over while a Tflush is parked: it goes with the session */
static void is_forgotten_with_the_session(struct kunit *test)
{
	static const u8 impossible[P9_SERVER_HDR_SIZE] = { 1, [4] = P9_TFLUSH };
	struct flush_test *t = test->priv;
	struct p9_server_session *session = t->peer->session;
	size_t more;

	inode_lock(t->dir);
	more = fill(session);
	park(test);
	peer_send_raw(t->peer, 1, impossible, sizeof(impossible));
	KUNIT_EXPECT_EQ(test, -EPROTO, peer_wait_failed(t->peer));
	inode_unlock(t->dir);
	empty(session, more);
	KUNIT_EXPECT_EQ(test, 1, READ_ONCE(session->nr_parked));
	KUNIT_EXPECT_FALSE(test, peer_has_reply(t->peer));
}

static struct kunit_case flush_cases[] = {
	KUNIT_CASE(of_nothing_is_answered),
	KUNIT_CASE(waits_for_a_request_of_another_channel),
	KUNIT_CASE(waits_for_a_request_whose_event_is_late),
	KUNIT_CASE(waits_for_the_latest_of_a_tag),
	KUNIT_CASE(waits_for_a_request_without_room),
	KUNIT_CASE(is_forgotten_with_the_session),
	{ }
};

static struct kunit_suite flush_suite = {
	.name = "9pnet_server-flush",
	.init = flush_init,
	.test_cases = flush_cases,
};

kunit_test_suite(flush_suite);
