// SPDX-License-Identifier: GPL-2.0
/*
 * The states of a session, as its client sees them: nothing goes before a
 * version is agreed on, each Tversion starts anew, an attach is checked, and
 * who breaks the protocol ends the session.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/path.h>
#include <linux/rwsem.h>
#include <linux/unaligned.h>

#include "../session.h"
#include "peer.h"

static int session_init(struct kunit *test)
{
	test->priv = peer_tmpfs(test);
	return 0;
}

static struct path session_root(struct kunit *test)
{
	struct vfsmount *mnt = test->priv;

	return (struct path) { .mnt = mnt, .dentry = mnt->mnt_root };
}

static struct peer *connect(struct kunit *test, unsigned int nr_channels)
{
	struct p9_server_export export = { .root = session_root(test) };

	return peer_connect(test, &export, nr_channels);
}

/* What the last Rversion says */
static void expect_version(struct kunit *test, const struct peer *peer,
			   u32 msize, const char *version)
{
	const struct peer_reply *reply = &peer->last;

	KUNIT_ASSERT_EQ(test, 6 + strlen(version), reply->len);
	KUNIT_EXPECT_EQ(test, msize, get_unaligned_le32(reply->body));
	KUNIT_EXPECT_EQ(test, strlen(version),
			get_unaligned_le16(reply->body + 4));
	KUNIT_EXPECT_MEMEQ(test, reply->body + 6, version, strlen(version));
}

static int flush(struct peer *peer, u16 oldtag)
{
	wire_put(peer_body(peer), oldtag, 2);
	return peer_call(peer, P9_TFLUSH);
}

static void wants_a_version_first(struct kunit *test)
{
	struct peer *peer = connect(test, 1);

	KUNIT_EXPECT_EQ(test, -EINVAL, peer_attach(peer, 0, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, peer_clunk(peer, 0));
	KUNIT_EXPECT_EQ(test, 0, flush(peer, 7));
	KUNIT_EXPECT_EQ(test, 0, peer_version(peer, PEER_MSIZE, "9P2000.L"));
	KUNIT_EXPECT_EQ(test, 0, peer_attach(peer, 0, 0));
}

static void agrees_on_a_message_size(struct kunit *test)
{
	static const struct {
		u32 asked;
		u32 granted;
	} sizes[] = {
		{ P9_SERVER_MIN_MSIZE, P9_SERVER_MIN_MSIZE }, { 8192, 8192 },
		{ PEER_MSIZE, PEER_MSIZE }, { PEER_MSIZE + 1, PEER_MSIZE },
		{ 0xFFFFFFFF, PEER_MSIZE },
	};
	struct peer *peer = connect(test, 1);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		KUNIT_EXPECT_EQ(test, 0,
				peer_version(peer, sizes[i].asked, "9P2000.L"));
		expect_version(test, peer, sizes[i].granted, "9P2000.L");
	}
}

static void refuses_a_message_size_too_small(struct kunit *test)
{
	struct peer *peer = connect(test, 1);

	KUNIT_EXPECT_EQ(test, -EINVAL, peer_version(peer, 0, "9P2000.L"));
	KUNIT_EXPECT_EQ(test, -EINVAL, peer_attach(peer, 0, 0));
	KUNIT_EXPECT_EQ(test, 0, peer_version(peer, PEER_MSIZE, "9P2000.L"));
	KUNIT_EXPECT_EQ(test, 0, peer_attach(peer, 0, 0));
	/* One that is refused leaves the session as it was */
	KUNIT_EXPECT_EQ(test, -EINVAL,
			peer_version(peer, P9_SERVER_MIN_MSIZE - 1,
				     "9P2000.L"));
	KUNIT_EXPECT_EQ(test, 0, peer_walk(peer, 0, 1, ""));
}

static void knows_versions(struct kunit *test)
{
	static const struct {
		const char *asked;
		bool known;
	} versions[] = {
		{ "9P2000.L", true }, { "9P2000.L.more", true },
		{ "9P2000.Linux", false }, { "9P2000.u", false },
		{ "9P2000", false }, { "", false },
	};
	struct peer *peer = connect(test, 1);
	unsigned int i;
	bool known;

	for (i = 0; i < ARRAY_SIZE(versions); i++) {
		known = versions[i].known;
		KUNIT_EXPECT_EQ(test, 0,
				peer_version(peer, 8192, versions[i].asked));
		expect_version(test, peer, 8192,
			       known ? "9P2000.L" : "unknown");
		KUNIT_EXPECT_EQ_MSG(test, known ? 0 : -EINVAL,
				    peer_attach(peer, 0, 0), "version \"%s\"",
				    versions[i].asked);
	}
}

static void starts_anew_with_each_version(struct kunit *test)
{
	struct peer *peer = connect(test, 1);

	KUNIT_EXPECT_EQ(test, 0, peer_version(peer, PEER_MSIZE, "9P2000.L"));
	KUNIT_EXPECT_EQ(test, 0, peer_attach(peer, 0, 0));
	KUNIT_EXPECT_EQ(test, 0, peer_create(peer, 0, "f"));
	KUNIT_EXPECT_EQ(test, 1, peer->session->fids.nr_open);
	KUNIT_EXPECT_EQ(test, 0, peer_version(peer, PEER_MSIZE, "9P2000.L"));
	KUNIT_EXPECT_EQ(test, 0, peer->session->fids.nr_open);
	KUNIT_EXPECT_EQ(test, -EBADF, peer_walk(peer, 0, 1, ""));
	KUNIT_EXPECT_EQ(test, 0, peer_attach(peer, 0, 0));
}

static int attach_as(struct peer *peer, u32 fid, u32 afid, const char *aname)
{
	struct wire_body *body = peer_body(peer);

	wire_put(body, fid, 4);
	wire_put(body, afid, 4);
	wire_put_string(body, "root");
	wire_put_string(body, aname);
	wire_put(body, 0, 4);
	return peer_call(peer, P9_TATTACH);
}

static void checks_an_attach(struct kunit *test)
{
	struct peer *peer = connect(test, 1);

	KUNIT_EXPECT_EQ(test, 0, peer_version(peer, PEER_MSIZE, "9P2000.L"));
	KUNIT_EXPECT_EQ(test, -EINVAL, attach_as(peer, 1, 2, ""));
	KUNIT_EXPECT_EQ(test, -EINVAL, attach_as(peer, P9_NOFID, P9_NOFID, ""));
	KUNIT_EXPECT_EQ(test, -ENOENT, attach_as(peer, 1, P9_NOFID, "other"));
	KUNIT_EXPECT_EQ(test, -EBADF, peer_clunk(peer, 1));
	KUNIT_EXPECT_EQ(test, 0, attach_as(peer, 1, P9_NOFID, ""));
	KUNIT_EXPECT_EQ(test, -EINVAL, attach_as(peer, 1, P9_NOFID, ""));
	KUNIT_EXPECT_EQ(test, 0, attach_as(peer, 2, P9_NOFID, "/"));
	KUNIT_EXPECT_EQ(test, peer_qid(peer, 1), peer_qid(peer, 2));
}

/* With the one error that diod's clients take for "go on without" */
static void needs_no_authentication(struct kunit *test)
{
	struct peer *peer = connect(test, 1);
	struct wire_body *body;

	KUNIT_EXPECT_EQ(test, 0, peer_version(peer, PEER_MSIZE, "9P2000.L"));
	body = peer_body(peer);
	wire_put(body, 1, 4);
	wire_put_string(body, "root");
	wire_put_string(body, "/export");
	wire_put(body, 0, 4);
	KUNIT_EXPECT_EQ(test, -ENOENT, peer_call(peer, P9_TAUTH));
	KUNIT_EXPECT_EQ(test, -EBADF, peer_clunk(peer, 1));
	KUNIT_EXPECT_EQ(test, 0, peer_attach(peer, 1, 0));
}

static void says_what_it_does_not_do(struct kunit *test)
{
	static const u8 types[] = {
		0, P9_TLERROR, P9_TOPEN, P9_RVERSION, 255,
	};
	struct peer *peer = connect(test, 1);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		peer_body(peer);
		KUNIT_EXPECT_EQ_MSG(test, -EOPNOTSUPP,
				    peer_call(peer, types[i]), "type %u",
				    types[i]);
	}
}

static void changes_nothing_if_readonly(struct kunit *test)
{
	struct p9_server_export export = {
		.root = session_root(test),
		.readonly = true,
	};
	struct peer *peer = peer_connect(test, &export, 1);

	KUNIT_EXPECT_EQ(test, 0, peer_version(peer, PEER_MSIZE, "9P2000.L"));
	KUNIT_EXPECT_EQ(test, 0, peer_attach(peer, 0, 0));
	KUNIT_EXPECT_EQ(test, -EROFS, peer_mkdir(peer, 0, "d", 0755));
	KUNIT_EXPECT_EQ(test, -EROFS, peer_create(peer, 0, "f"));
	KUNIT_EXPECT_EQ(test, -EROFS, peer_symlink(peer, 0, "l", "x"));
	KUNIT_EXPECT_EQ(test, -EROFS, peer_rename(peer, 0, "a", 0, "b"));
	KUNIT_EXPECT_EQ(test, -EROFS, peer_rmdir(peer, 0, "d"));
	KUNIT_EXPECT_EQ(test, 0, peer_open(peer, 0));
}

/* Ask on the second channel until the Tversion on the first has begun */
static bool wait_until_reset(struct peer *peer)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < 100000; i++) {
		wire_put(peer_body(peer), 0, 4);
		err = peer_call(peer, P9_TSTATFS);
		cond_resched();
	}
	return err == -EINVAL;
}

/* Until a request works on @dir, whose lock the test has */
static bool wait_until_held_up(struct inode *dir)
{
	unsigned int i;

	for (i = 0; i < 1000 && !rwsem_is_contended(&dir->i_rwsem); i++)
		msleep(20);
	return rwsem_is_contended(&dir->i_rwsem);
}

/* Requests run to their end first, others are refused meanwhile */
static void ends_requests_before_a_version(struct kunit *test)
{
	struct inode *dir = d_inode(session_root(test).dentry);
	struct peer *peer = connect(test, 2);
	struct wire_body *body;

	KUNIT_ASSERT_EQ(test, 0, peer_version(peer, PEER_MSIZE, "9P2000.L"));
	KUNIT_ASSERT_EQ(test, 0, peer_attach(peer, 0, 0));

	/* Holds the request up; nothing may end the test until it is let go */
	inode_lock(dir);
	body = peer_body(peer);
	wire_put(body, 0, 4);
	wire_put_string(body, "d");
	wire_put(body, 0755, 4);
	wire_put(body, 0, 4);
	/* With a tag that peer_call() does not use */
	peer_send(peer, 0, P9_TMKDIR, 2);
	/* One that has not begun yet would find the session without a version */
	KUNIT_EXPECT_TRUE(test, wait_until_held_up(dir));
	body = peer_body(peer);
	wire_put(body, 8192, 4);
	wire_put_string(body, "9P2000.L");
	peer_send(peer, 0, P9_TVERSION, P9_NOTAG);

	peer->channel = 1;
	KUNIT_EXPECT_TRUE(test, wait_until_reset(peer));
	KUNIT_EXPECT_EQ(test, -EINVAL, peer_attach(peer, 1, 0));
	KUNIT_EXPECT_EQ(test, -EBUSY, peer_version(peer, 8192, "9P2000.L"));
	KUNIT_EXPECT_FALSE(test, peer_has_reply(peer));
	inode_unlock(dir);

	KUNIT_ASSERT_TRUE(test, peer_receive(peer));
	KUNIT_EXPECT_EQ(test, P9_RMKDIR, peer->last.type);
	KUNIT_ASSERT_TRUE(test, peer_receive(peer));
	KUNIT_EXPECT_EQ(test, P9_RVERSION, peer->last.type);
	expect_version(test, peer, 8192, "9P2000.L");
	KUNIT_EXPECT_EQ(test, -EBADF, peer_walk(peer, 0, 1, ""));
	KUNIT_EXPECT_EQ(test, 0, peer_attach(peer, 0, 0));
}

/* A message of a size that none can have: what follows it is no message */
static void ends_at_an_impossible_size(struct kunit *test)
{
	static const u32 sizes[] = { 0, 6, 8193, PEER_MSIZE, 0xFFFFFFFF };
	u8 header[P9_SERVER_HDR_SIZE] = { [4] = P9_TSTATFS };
	struct peer *peer;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		peer = connect(test, 1);
		KUNIT_EXPECT_EQ(test, 0, peer_version(peer, 8192, "9P2000.L"));
		put_unaligned_le32(sizes[i], header);
		peer_send_raw(peer, 0, header, sizeof(header));
		KUNIT_EXPECT_EQ_MSG(test, -EPROTO, peer_wait_failed(peer),
				    "size %u", sizes[i]);
		/* Once is enough, and nothing is answered any more */
		peer_send_raw(peer, 0, header, sizeof(header));
		KUNIT_EXPECT_EQ(test, -EPROTO, peer_wait_failed(peer));
		KUNIT_EXPECT_FALSE(test, peer_has_reply(peer));
	}
}

static struct kunit_case session_cases[] = {
	KUNIT_CASE(wants_a_version_first),
	KUNIT_CASE(agrees_on_a_message_size),
	KUNIT_CASE(refuses_a_message_size_too_small),
	KUNIT_CASE(knows_versions),
	KUNIT_CASE(starts_anew_with_each_version),
	KUNIT_CASE(checks_an_attach),
	KUNIT_CASE(needs_no_authentication),
	KUNIT_CASE(says_what_it_does_not_do),
	KUNIT_CASE(changes_nothing_if_readonly),
	KUNIT_CASE(ends_requests_before_a_version),
	KUNIT_CASE(ends_at_an_impossible_size),
	{ }
};

static struct kunit_suite session_suite = {
	.name = "9pnet_server-session",
	.init = session_init,
	.test_cases = session_cases,
};

kunit_test_suite(session_suite);
