// SPDX-License-Identifier: GPL-2.0
/*
 * Walks, over a real tmpfs: a client gets to what its names lead to, and never
 * out of its export, be it by "..", by a link, by a name that is none, or from
 * a directory that is moved out, also while it is moved. Two sessions work on
 * one file system: the guest's, of a directory, and the admin's, of all of it.
 * What a walk makes of mount points is not tested here, since nothing can be
 * mounted on a file system that is mounted nowhere.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kthread.h>
#include <linux/mount.h>
#include <linux/path.h>
#include <linux/uidgid.h>

#include "peer.h"

/* Fids of the admin */
#define ALL		0
#define EXPORT		1
#define OUTSIDE		2

/* Fids of the guest */
#define ROOT		0
#define NEW		99

/**
 * struct walk_test - what each test works with
 * @mnt: the file system, with the directories "export" and "outside"
 * @admin: a client that has attached all of it
 * @guest: a client that has attached "export"
 * @export: the number of that directory
 */
struct walk_test {
	struct vfsmount *mnt;
	struct peer *admin;
	struct peer *guest;
	u64 export;
};

static int walk_init(struct kunit *test)
{
	struct walk_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	struct path root;

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->mnt = peer_tmpfs(test);
	root.mnt = t->mnt;
	root.dentry = t->mnt->mnt_root;
	t->admin = peer_attached(test, &root);
	KUNIT_ASSERT_EQ(test, 0, peer_mkdir(t->admin, ALL, "export", 0755));
	KUNIT_ASSERT_EQ(test, 0, peer_mkdir(t->admin, ALL, "outside", 0755));
	KUNIT_ASSERT_EQ(test, 0, peer_walk(t->admin, ALL, EXPORT, "export"));
	KUNIT_ASSERT_EQ(test, 0, peer_walk(t->admin, ALL, OUTSIDE, "outside"));
	t->export = peer_qid(t->admin, EXPORT);
	root = peer_path(test, t->mnt, "export");
	t->guest = peer_attached(test, &root);
	test->priv = t;
	return 0;
}

/* Directories of the guest, each in the one before it, at fids from 1 on */
static void make_dirs(struct kunit *test, const char *const *names,
		      unsigned int nr)
{
	struct walk_test *t = test->priv;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		KUNIT_ASSERT_EQ(test, 0,
				peer_mkdir(t->guest, i, names[i], 0755));
		KUNIT_ASSERT_EQ(test, 0,
				peer_walk(t->guest, i, i + 1, names[i]));
	}
}

static const char *const a_b_c[] = { "a", "b", "c" };

/* No fid was made: nothing is there to be clunked */
static void expect_no_fid(struct kunit *test, u32 fid)
{
	struct walk_test *t = test->priv;

	KUNIT_EXPECT_EQ(test, -EBADF, peer_clunk(t->guest, fid));
}

/* The walk gets that far and no further, and makes no fid */
static void expect_stuck(struct kunit *test, u32 fid, const char *names,
			 unsigned int nr)
{
	struct walk_test *t = test->priv;

	KUNIT_EXPECT_EQ_MSG(test, 0, peer_walk(t->guest, fid, NEW, names),
			    "%s", names);
	KUNIT_EXPECT_EQ_MSG(test, nr, peer_nr_walked(t->guest), "%s", names);
	expect_no_fid(test, NEW);
}

static void goes_down_and_up(struct kunit *test)
{
	struct walk_test *t = test->priv;
	struct peer *guest = t->guest;
	u64 a, b;

	make_dirs(test, a_b_c, 3);
	a = peer_qid(guest, 1);
	b = peer_qid(guest, 2);
	KUNIT_EXPECT_EQ(test, 0, peer_walk(guest, 3, NEW, "../../.."));
	KUNIT_EXPECT_EQ(test, 3, peer_nr_walked(guest));
	KUNIT_EXPECT_EQ(test, b, peer_walked_to(guest, 1));
	KUNIT_EXPECT_EQ(test, a, peer_walked_to(guest, 2));
	KUNIT_EXPECT_EQ(test, t->export, peer_walked_to(guest, 3));
	KUNIT_EXPECT_EQ(test, t->export, peer_qid(guest, NEW));
	KUNIT_EXPECT_EQ(test, 0, peer_walk(guest, NEW, NEW, "a/b/../b/.."));
	KUNIT_EXPECT_EQ(test, a, peer_qid(guest, NEW));
}

static void stays_at_the_exports_root(struct kunit *test)
{
	struct walk_test *t = test->priv;
	struct peer *guest = t->guest;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, 0, peer_walk(guest, ROOT, NEW, "../../.."));
	for (i = 1; i <= 3; i++)
		KUNIT_EXPECT_EQ(test, t->export, peer_walked_to(guest, i));
	KUNIT_EXPECT_EQ(test, 0, peer_clunk(guest, NEW));
	expect_stuck(test, ROOT, "../outside", 1);
	expect_stuck(test, ROOT, "../export", 1);
	expect_stuck(test, ROOT, "../../outside/secret", 2);
}

static void gets_stuck(struct kunit *test)
{
	struct walk_test *t = test->priv;

	make_dirs(test, a_b_c, 3);
	expect_stuck(test, ROOT, "a/b/none/c", 2);
	expect_stuck(test, ROOT, "a/none", 1);
	KUNIT_EXPECT_EQ(test, -ENOENT, peer_walk(t->guest, ROOT, NEW, "none"));
	KUNIT_EXPECT_EQ(test, -ENOENT, peer_walk(t->guest, 1, NEW, "c/.."));
	expect_no_fid(test, NEW);
}

static void makes_a_fid_once(struct kunit *test)
{
	struct walk_test *t = test->priv;
	struct peer *guest = t->guest;

	make_dirs(test, a_b_c, 2);
	KUNIT_EXPECT_EQ(test, -EINVAL, peer_walk(guest, ROOT, 1, "a"));
	KUNIT_EXPECT_EQ(test, -EINVAL, peer_walk(guest, ROOT, 1, ""));
	KUNIT_EXPECT_EQ(test, -EINVAL, peer_walk(guest, ROOT, P9_NOFID, "a"));
	KUNIT_EXPECT_EQ(test, -EBADF, peer_walk(guest, 1000, NEW, "a"));
	expect_no_fid(test, NEW);
	KUNIT_EXPECT_EQ(test, 0, peer_walk(guest, 2, NEW, ""));
	KUNIT_EXPECT_EQ(test, 0, peer_nr_walked(guest));
	KUNIT_EXPECT_EQ(test, peer_qid(guest, 2), peer_qid(guest, NEW));
}

static void leaves_an_open_fid_where_it_is(struct kunit *test)
{
	struct walk_test *t = test->priv;
	struct peer *guest = t->guest;

	make_dirs(test, a_b_c, 2);
	KUNIT_EXPECT_EQ(test, 0, peer_open(guest, 1));
	KUNIT_EXPECT_EQ(test, -EBUSY, peer_walk(guest, 1, 1, "b"));
	KUNIT_EXPECT_EQ(test, -EBUSY, peer_walk(guest, 1, 1, ""));
	KUNIT_EXPECT_EQ(test, 0, peer_walk(guest, 1, NEW, "b"));
	KUNIT_EXPECT_EQ(test, peer_qid(guest, 2), peer_qid(guest, NEW));
}

static int walk_text(struct peer *peer, const char *text, size_t len)
{
	struct wire_body *body = peer_body(peer);

	wire_put(body, ROOT, 4);
	wire_put(body, NEW, 4);
	wire_put(body, 1, 2);
	wire_put_text(body, text, len);
	return peer_call(peer, P9_TWALK);
}

static void refuses_names_that_are_none(struct kunit *test)
{
	struct walk_test *t = test->priv;
	char longest[256];

	make_dirs(test, a_b_c, 2);
	KUNIT_EXPECT_EQ(test, -EINVAL, walk_text(t->guest, "", 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, walk_text(t->guest, ".", 1));
	KUNIT_EXPECT_EQ(test, -EINVAL, walk_text(t->guest, "/", 1));
	KUNIT_EXPECT_EQ(test, -EINVAL, walk_text(t->guest, "a/b", 3));
	KUNIT_EXPECT_EQ(test, -EINVAL, walk_text(t->guest, "a/../..", 7));
	KUNIT_EXPECT_EQ(test, -EINVAL, walk_text(t->guest, "a\0", 2));
	KUNIT_EXPECT_EQ(test, -EINVAL, walk_text(t->guest, "..\0", 3));
	memset(longest, 'x', sizeof(longest));
	KUNIT_EXPECT_EQ(test, -ENAMETOOLONG, walk_text(t->guest, longest, 256));
	KUNIT_EXPECT_EQ(test, -ENOENT, walk_text(t->guest, longest, 255));
	expect_no_fid(test, NEW);
}

static void takes_16_names_at_most(struct kunit *test)
{
	static const char most[] = "../../../../../../../../../../../../../../../..";
	static const char more[] = "../../../../../../../../../../../../../../../../..";
	struct walk_test *t = test->priv;

	KUNIT_EXPECT_EQ(test, -EINVAL, peer_walk(t->guest, ROOT, NEW, more));
	expect_no_fid(test, NEW);
	KUNIT_EXPECT_EQ(test, 0, peer_walk(t->guest, ROOT, NEW, most));
	KUNIT_EXPECT_EQ(test, 16, peer_nr_walked(t->guest));
	KUNIT_EXPECT_EQ(test, t->export, peer_walked_to(t->guest, 16));
}

static void does_not_follow_links(struct kunit *test)
{
	struct walk_test *t = test->priv;
	struct peer *guest = t->guest;

	KUNIT_ASSERT_EQ(test, 0, peer_symlink(guest, ROOT, "up", ".."));
	KUNIT_ASSERT_EQ(test, 0, peer_symlink(guest, ROOT, "l", "../outside"));
	KUNIT_EXPECT_EQ(test, 0, peer_walk(guest, ROOT, 1, "l"));
	KUNIT_EXPECT_EQ(test, -ENOTDIR, peer_walk(guest, 1, NEW, "x"));
	KUNIT_EXPECT_EQ(test, -ENOTDIR, peer_walk(guest, 1, NEW, ".."));
	expect_stuck(test, ROOT, "l/..", 1);
	expect_stuck(test, ROOT, "up/outside", 1);
}

static void goes_nowhere_from_a_file(struct kunit *test)
{
	struct walk_test *t = test->priv;
	struct peer *guest = t->guest;

	KUNIT_ASSERT_EQ(test, 0, peer_walk(guest, ROOT, 1, ""));
	KUNIT_ASSERT_EQ(test, 0, peer_create(guest, 1, "f"));
	KUNIT_EXPECT_EQ(test, -ENOTDIR, peer_walk(guest, 1, NEW, "x"));
	KUNIT_EXPECT_EQ(test, -ENOTDIR, peer_walk(guest, 1, NEW, ".."));
	expect_stuck(test, ROOT, "f/..", 1);
}

/* Nothing of it is the guest's business, and all is once it is back */
static void knows_no_way_from_a_directory_moved_out(struct kunit *test)
{
	struct walk_test *t = test->priv;
	struct peer *guest = t->guest;

	make_dirs(test, a_b_c, 3);
	KUNIT_ASSERT_EQ(test, 0,
			peer_rename(t->admin, EXPORT, "a", OUTSIDE, "a"));
	KUNIT_EXPECT_EQ(test, -ENOENT, peer_walk(guest, 1, NEW, ".."));
	KUNIT_EXPECT_EQ(test, -ENOENT, peer_walk(guest, 2, NEW, "../.."));
	KUNIT_EXPECT_EQ(test, -ENOENT, peer_walk(guest, 3, NEW, ".."));
	KUNIT_EXPECT_EQ(test, -ENOENT, peer_walk(guest, 1, NEW, "b"));
	KUNIT_EXPECT_EQ(test, -ENOENT, peer_walk(guest, 2, NEW, "c/../../.."));
	KUNIT_EXPECT_EQ(test, -ENOENT, peer_walk(guest, 3, NEW, ""));
	KUNIT_EXPECT_EQ(test, -ENOENT, peer_walk(guest, ROOT, NEW, "a"));

	KUNIT_ASSERT_EQ(test, 0,
			peer_rename(t->admin, OUTSIDE, "a", EXPORT, "again"));
	KUNIT_EXPECT_EQ(test, 0, peer_walk(guest, 3, NEW, "../../.."));
	KUNIT_EXPECT_EQ(test, t->export, peer_walked_to(guest, 3));
}

/* It is what was exported, wherever it is and whatever it is called */
static void keeps_a_root_that_is_moved(struct kunit *test)
{
	struct walk_test *t = test->priv;
	struct peer *guest = t->guest;

	make_dirs(test, a_b_c, 2);
	KUNIT_ASSERT_EQ(test, 0,
			peer_rename(t->admin, ALL, "export", OUTSIDE, "moved"));
	KUNIT_EXPECT_EQ(test, 0, peer_walk(guest, 2, NEW, "../../.."));
	KUNIT_EXPECT_EQ(test, t->export, peer_walked_to(guest, 2));
	KUNIT_EXPECT_EQ(test, t->export, peer_walked_to(guest, 3));
}

static void leaves_a_directory_that_was_removed(struct kunit *test)
{
	struct walk_test *t = test->priv;
	struct peer *guest = t->guest;

	make_dirs(test, a_b_c, 1);
	KUNIT_ASSERT_EQ(test, 0, peer_rmdir(t->admin, EXPORT, "a"));
	KUNIT_EXPECT_EQ(test, -ENOENT, peer_walk(guest, 1, NEW, "b"));
	KUNIT_EXPECT_EQ(test, 0, peer_walk(guest, 1, NEW, ".."));
	KUNIT_EXPECT_EQ(test, t->export, peer_walked_to(guest, 1));
}

/* A user without rights of his own may search only where everybody may */
static void asks_for_the_right_to_search(struct kunit *test)
{
	struct walk_test *t = test->priv;
	struct p9_server_export export = {
		.root = peer_path(test, t->mnt, "export"),
		.security = P9_SERVER_SQUASH,
		.squash_uid = KUIDT_INIT(1000),
		.squash_gid = KGIDT_INIT(1000),
	};
	struct peer *user;

	KUNIT_ASSERT_EQ(test, 0, peer_mkdir(t->guest, ROOT, "private", 0700));
	KUNIT_ASSERT_EQ(test, 0, peer_walk(t->guest, ROOT, 1, "private"));
	KUNIT_ASSERT_EQ(test, 0, peer_mkdir(t->guest, 1, "in", 0755));
	user = peer_connect(test, &export, 1);
	KUNIT_ASSERT_EQ(test, 0, peer_version(user, PEER_MSIZE, "9P2000.L"));
	KUNIT_ASSERT_EQ(test, 0, peer_attach(user, ROOT, 0));
	KUNIT_EXPECT_EQ(test, 0, peer_walk(user, ROOT, 1, "private"));
	KUNIT_EXPECT_EQ(test, -EACCES, peer_walk(user, 1, NEW, "in"));
	KUNIT_EXPECT_EQ(test, -EACCES, peer_walk(user, 1, NEW, ".."));
	/* With passthrough the guest's kernel has decided */
	KUNIT_EXPECT_EQ(test, 0, peer_walk(t->guest, 1, NEW, "in/../.."));
}

#define MOVES	1000

struct mover {
	struct peer *admin;
	unsigned int failed;
	struct completion done;
};

static int move(void *arg)
{
	struct mover *mover = arg;
	unsigned int i;

	for (i = 0; i < MOVES; i++) {
		if (peer_rename(mover->admin, EXPORT, "a", OUTSIDE, "a") ||
		    peer_rename(mover->admin, OUTSIDE, "a", EXPORT, "a"))
			mover->failed++;
	}
	kthread_complete_and_exit(&mover->done, 0);
}

/* One walk up from a/b: to a and the export, or part of the way */
static void walk_up(struct kunit *test, u64 a)
{
	struct walk_test *t = test->priv;
	struct peer *guest = t->guest;
	int err = peer_walk(guest, 2, NEW, "../..");
	unsigned int nr;

	if (err) {
		KUNIT_EXPECT_EQ(test, -ENOENT, err);
		return;
	}
	nr = peer_nr_walked(guest);
	if (nr >= 1)
		KUNIT_EXPECT_EQ(test, a, peer_walked_to(guest, 1));
	if (nr >= 2) {
		KUNIT_EXPECT_EQ(test, t->export, peer_walked_to(guest, 2));
		KUNIT_EXPECT_EQ(test, 0, peer_clunk(guest, NEW));
	}
}

static void gets_nowhere_else_while_it_is_moved(struct kunit *test)
{
	struct walk_test *t = test->priv;
	struct mover mover = { .admin = t->admin };
	struct task_struct *task;
	u64 a;

	make_dirs(test, a_b_c, 2);
	a = peer_qid(t->guest, 1);
	init_completion(&mover.done);
	task = kthread_run(move, &mover, "walk-move");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	while (!try_wait_for_completion(&mover.done))
		walk_up(test, a);
	KUNIT_EXPECT_EQ(test, 0, mover.failed);
}

static struct kunit_case walk_cases[] = {
	KUNIT_CASE(goes_down_and_up),
	KUNIT_CASE(stays_at_the_exports_root),
	KUNIT_CASE(gets_stuck),
	KUNIT_CASE(makes_a_fid_once),
	KUNIT_CASE(leaves_an_open_fid_where_it_is),
	KUNIT_CASE(refuses_names_that_are_none),
	KUNIT_CASE(takes_16_names_at_most),
	KUNIT_CASE(does_not_follow_links),
	KUNIT_CASE(goes_nowhere_from_a_file),
	KUNIT_CASE(knows_no_way_from_a_directory_moved_out),
	KUNIT_CASE(keeps_a_root_that_is_moved),
	KUNIT_CASE(leaves_a_directory_that_was_removed),
	KUNIT_CASE(asks_for_the_right_to_search),
	KUNIT_CASE_SLOW(gets_nowhere_else_while_it_is_moved),
	{ }
};

static struct kunit_suite walk_suite = {
	.name = "9pnet_server-walk",
	.init = walk_init,
	.test_cases = walk_cases,
};

kunit_test_suite(walk_suite);
