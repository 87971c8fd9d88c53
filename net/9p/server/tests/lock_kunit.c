// SPDX-License-Identifier: GPL-2.0
/*
 * Locks: two processes of clients conflict, two fids of one process do not; a
 * process of this machine sees them, and is seen; they are waited for a while;
 * they go with the fid they were taken by and with no other, and with the
 * session; what the VFS keeps is counted and limited.
 */
#include <kunit/test.h>
#include <linux/cred.h>
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/filelock.h>
#include <linux/fs.h>
#include <linux/limits.h>
#include <linux/mount.h>
#include <linux/path.h>
#include <linux/unaligned.h>

#include "../session.h"
#include "peer.h"

#define RD	P9_LOCK_TYPE_RDLCK
#define WR	P9_LOCK_TYPE_WRLCK
#define UN	P9_LOCK_TYPE_UNLCK

/* Fids of each client, open on the file: two to write, one to read */
#define ONE	1
#define TWO	2
#define READER	3

#define MAX_LOCKS	6

/**
 * struct lock_test - what each test works with
 * @client: a client
 * @other: another one, of the same file
 * @host: the file as a process of this machine has it open
 */
struct lock_test {
	struct peer *client;
	struct peer *other;
	struct file *host;
};

static struct peer *lock_client(struct kunit *test, const struct path *root)
{
	struct p9_server_export export = {
		.root = *root,
		.max_locks = MAX_LOCKS,
	};
	struct peer *peer = peer_attached_to(test, &export, 1);
	u32 fid;

	KUNIT_ASSERT_EQ(test, 0, peer_walk(peer, 0, ONE, ""));
	KUNIT_ASSERT_EQ(test, 0, peer_create(peer, ONE, "f"));
	for (fid = TWO; fid <= READER; fid++) {
		KUNIT_ASSERT_EQ(test, 0, peer_walk(peer, 0, fid, "f"));
		KUNIT_ASSERT_EQ(test, 0,
				peer_open_for(peer, fid, fid == READER ?
					      P9_DOTL_RDONLY : P9_DOTL_RDWR));
	}
	return peer;
}

static void lock_close(void *file)
{
	__fput_sync(file);
}

static int lock_init(struct kunit *test)
{
	struct lock_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	struct path root, path;

	KUNIT_ASSERT_NOT_NULL(test, t);
	root.mnt = peer_tmpfs(test);
	root.dentry = root.mnt->mnt_root;
	t->client = lock_client(test, &root);
	t->other = lock_client(test, &root);
	path = peer_path(test, root.mnt, "f");
	t->host = dentry_open(&path, O_RDWR, current_cred());
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, t->host);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, lock_close,
							   t->host));
	test->priv = t;
	return 0;
}

static void put_lock(struct wire_body *body, u64 start, u64 length, u32 proc,
		     const char *name)
{
	wire_put(body, start, 8);
	wire_put(body, length, 8);
	wire_put(body, proc, 4);
	wire_put_string(body, name);
}

static void put_request(struct peer *peer, u32 fid, u8 type, u32 flags)
{
	struct wire_body *body = peer_body(peer);

	wire_put(body, fid, 4);
	wire_put(body, type, 1);
	wire_put(body, flags, 4);
}

/* Without waiting for the answer */
static void send_waiting(struct peer *peer, u16 tag, u8 type, u64 start,
			 u64 length, u32 proc)
{
	put_request(peer, ONE, type, P9_LOCK_FLAGS_BLOCK);
	put_lock(&peer->body, start, length, proc, "me");
	peer_send(peer, 0, P9_TLOCK, tag);
}

/* The next reply is that to a Tlock */
static void expect_lock(struct peer *peer, u16 tag, u8 status)
{
	peer_expect(peer, P9_RLOCK, tag);
	KUNIT_EXPECT_EQ(peer->test, status, peer->last.body[0]);
}

static void expect_waits(struct peer *peer, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < 250 && READ_ONCE(peer->session->nr_lock_waits) != nr;
	     i++)
		msleep(20);
	KUNIT_EXPECT_EQ(peer->test, nr, READ_ONCE(peer->session->nr_lock_waits));
}

/* The status, or an error */
static int lock_by(struct peer *peer, u32 fid, u8 type, u64 start, u64 length,
		   u32 proc, const char *name)
{
	put_request(peer, fid, type, 0);
	put_lock(&peer->body, start, length, proc, name);
	return peer_call(peer, P9_TLOCK) ?: peer->last.body[0];
}

static int lock(struct peer *peer, u32 fid, u8 type, u64 start, u64 length,
		u32 proc)
{
	return lock_by(peer, fid, type, start, length, proc, "me");
}

/* The type of what is in the way, or an error */
static int getlock(struct peer *peer, u8 type, u64 start, u64 length, u32 proc)
{
	struct wire_body *body = peer_body(peer);

	wire_put(body, ONE, 4);
	wire_put(body, type, 1);
	put_lock(body, start, length, proc, "me");
	return peer_call(peer, P9_TGETLOCK) ?: peer->last.body[0];
}

/* The rest of the last Rgetlock */
static void expect_holder(struct kunit *test, const struct peer *peer,
			  u64 start, u64 length, u32 proc, const char *name)
{
	const u8 *body = peer->last.body;

	KUNIT_EXPECT_EQ(test, start, get_unaligned_le64(body + 1));
	KUNIT_EXPECT_EQ(test, length, get_unaligned_le64(body + 9));
	KUNIT_EXPECT_EQ(test, proc, get_unaligned_le32(body + 17));
	KUNIT_EXPECT_EQ(test, strlen(name), get_unaligned_le16(body + 21));
	KUNIT_EXPECT_MEMEQ(test, body + 23, name, strlen(name));
}

static unsigned int kept(const struct peer *peer)
{
	return READ_ONCE(peer->session->locks.nr);
}

/* As a process of this machine */
static int host_lock(struct kunit *test, unsigned char type, loff_t start,
		     loff_t end)
{
	struct lock_test *t = test->priv;
	struct file_lock *fl = locks_alloc_lock();
	int err;

	KUNIT_ASSERT_NOT_NULL(test, fl);
	fl->c.flc_file = t->host;
	fl->c.flc_owner = t;
	fl->c.flc_pid = 1;
	fl->c.flc_flags = FL_POSIX;
	fl->c.flc_type = type;
	fl->fl_start = start;
	fl->fl_end = end;
	err = vfs_lock_file(t->host, F_SETLK, fl, NULL);
	locks_free_lock(fl);
	return err;
}

static void conflicts_between_processes(struct kunit *test)
{
	struct lock_test *t = test->priv;

	KUNIT_EXPECT_EQ(test, 0, lock(t->client, ONE, WR, 10, 10, 1));
	KUNIT_EXPECT_EQ(test, 0, lock(t->client, TWO, WR, 10, 10, 1));
	KUNIT_EXPECT_EQ(test, P9_LOCK_BLOCKED,
			lock(t->client, ONE, WR, 15, 1, 2));
	KUNIT_EXPECT_EQ(test, P9_LOCK_BLOCKED,
			lock_by(t->client, ONE, RD, 15, 1, 1, "you"));
	KUNIT_EXPECT_EQ(test, P9_LOCK_BLOCKED,
			lock(t->other, ONE, RD, 0, 0, 1));
	KUNIT_EXPECT_EQ(test, 0, lock(t->other, ONE, WR, 20, 5, 1));
	/* Nobody unlocks what is another's */
	KUNIT_EXPECT_EQ(test, 0, lock(t->client, ONE, UN, 0, 0, 2));
	KUNIT_EXPECT_EQ(test, 0, lock(t->other, ONE, UN, 0, 0, 1));
	KUNIT_EXPECT_EQ(test, P9_LOCK_BLOCKED,
			lock(t->other, ONE, RD, 10, 1, 1));
	/* By another fid than it was locked by */
	KUNIT_EXPECT_EQ(test, 0, lock(t->client, TWO, UN, 0, 0, 1));
	KUNIT_EXPECT_EQ(test, 0, lock(t->other, ONE, RD, 10, 1, 1));
	KUNIT_EXPECT_EQ(test, 0, lock(t->client, READER, RD, 10, 1, 1));
	KUNIT_EXPECT_EQ(test, 1, kept(t->client));
	KUNIT_EXPECT_EQ(test, 1, kept(t->other));
}

static void is_a_lock_of_the_machine(struct kunit *test)
{
	struct lock_test *t = test->priv;

	KUNIT_EXPECT_EQ(test, 0, host_lock(test, F_WRLCK, 0, 9));
	KUNIT_EXPECT_EQ(test, P9_LOCK_BLOCKED,
			lock(t->client, ONE, WR, 5, 1, 1));
	KUNIT_EXPECT_EQ(test, WR, getlock(t->client, RD, 0, 0, 1));
	/* Whose it is the client does not learn */
	expect_holder(test, t->client, 0, 10, 0, "");
	KUNIT_EXPECT_EQ(test, 0, lock(t->client, ONE, WR, 10, 0, 1));
	KUNIT_EXPECT_EQ(test, -EAGAIN, host_lock(test, F_RDLCK, 1000, 1000));
	KUNIT_EXPECT_EQ(test, 0, lock(t->client, ONE, UN, 500, 0, 1));
	KUNIT_EXPECT_EQ(test, 0, host_lock(test, F_RDLCK, 1000, 1000));
	KUNIT_EXPECT_EQ(test, 0, host_lock(test, F_UNLCK, 0, OFFSET_MAX));
}

static void tells_what_is_in_the_way(struct kunit *test)
{
	struct lock_test *t = test->priv;

	KUNIT_EXPECT_EQ(test, UN, getlock(t->client, WR, 3, 4, 9));
	expect_holder(test, t->client, 3, 4, 9, "me");
	KUNIT_EXPECT_EQ(test, 0, lock_by(t->client, ONE, RD, 100, 50, 7, "you"));
	KUNIT_EXPECT_EQ(test, UN, getlock(t->client, RD, 0, 0, 9));
	KUNIT_EXPECT_EQ(test, RD, getlock(t->client, WR, 0, 0, 9));
	expect_holder(test, t->client, 100, 50, 7, "you");
	/* What Linux's client sends, whatever the lock is for */
	KUNIT_EXPECT_EQ(test, RD, getlock(t->client, UN, 0, 0, 9));
	KUNIT_EXPECT_EQ(test, RD, getlock(t->other, WR, 0, 0, 7));
	expect_holder(test, t->other, 100, 50, 0, "");
	KUNIT_EXPECT_EQ(test, 0, lock(t->client, ONE, WR, 200, 0, 9));
	KUNIT_EXPECT_EQ(test, UN, getlock(t->client, WR, 200, 0, 9));
	KUNIT_EXPECT_EQ(test, WR, getlock(t->other, WR, 300, 1, 9));
	expect_holder(test, t->other, 200, 0, 0, "");
	KUNIT_EXPECT_EQ(test, -EINVAL, getlock(t->client, 3, 0, 0, 9));
}

/* A lock goes with the fid that it was taken by, whosever it is */
static void goes_with_its_fid(struct kunit *test)
{
	struct lock_test *t = test->priv;

	KUNIT_EXPECT_EQ(test, 0, lock(t->client, ONE, WR, 0, 10, 1));
	KUNIT_EXPECT_EQ(test, 0, lock(t->client, ONE, WR, 20, 10, 1));
	KUNIT_EXPECT_EQ(test, 0, lock(t->client, TWO, WR, 40, 10, 1));
	KUNIT_EXPECT_EQ(test, 0, lock(t->client, ONE, WR, 60, 10, 1));
	KUNIT_EXPECT_EQ(test, 0, lock(t->client, ONE, WR, 80, 10, 2));
	KUNIT_EXPECT_EQ(test, 5, kept(t->client));
	KUNIT_EXPECT_EQ(test, 0, peer_clunk(t->client, ONE));
	KUNIT_EXPECT_EQ(test, 1, kept(t->client));
	KUNIT_EXPECT_EQ(test, 0, host_lock(test, F_WRLCK, 0, 39));
	KUNIT_EXPECT_EQ(test, 0, host_lock(test, F_WRLCK, 50, OFFSET_MAX));
	KUNIT_EXPECT_EQ(test, -EAGAIN, host_lock(test, F_WRLCK, 49, 49));
	/* One that only unlocked, or never locked, takes nothing along */
	KUNIT_EXPECT_EQ(test, 0, lock(t->client, READER, UN, 1000, 1, 1));
	KUNIT_EXPECT_EQ(test, 0, peer_clunk(t->client, READER));
	KUNIT_EXPECT_EQ(test, -EAGAIN, host_lock(test, F_WRLCK, 49, 49));
	KUNIT_EXPECT_EQ(test, 0, peer_clunk(t->client, TWO));
	KUNIT_EXPECT_EQ(test, 0, host_lock(test, F_WRLCK, 0, OFFSET_MAX));
	KUNIT_EXPECT_EQ(test, 0, host_lock(test, F_UNLCK, 0, OFFSET_MAX));
}

/* A process unlocks by one file, locks by another; then the first is closed */
static void stays_when_an_earlier_fid_goes(struct kunit *test)
{
	struct lock_test *t = test->priv;

	KUNIT_EXPECT_EQ(test, 0, lock(t->client, ONE, WR, 0, 0, 1));
	KUNIT_EXPECT_EQ(test, 0, lock(t->client, ONE, UN, 0, 0, 1));
	KUNIT_EXPECT_EQ(test, 0, lock(t->client, TWO, WR, 0, 0, 1));
	KUNIT_EXPECT_EQ(test, 0, peer_clunk(t->client, ONE));
	KUNIT_EXPECT_EQ(test, P9_LOCK_BLOCKED,
			lock(t->other, ONE, RD, 0, 0, 1));
}

static void goes_with_its_session(struct kunit *test)
{
	struct lock_test *t = test->priv;

	KUNIT_EXPECT_EQ(test, 0, lock(t->client, ONE, WR, 0, 10, 1));
	KUNIT_EXPECT_EQ(test, 0, lock(t->client, TWO, RD, 10, 10, 2));
	KUNIT_EXPECT_EQ(test, -EAGAIN, host_lock(test, F_WRLCK, 0, OFFSET_MAX));
	KUNIT_EXPECT_EQ(test, 0,
			peer_version(t->client, PEER_MSIZE, "9P2000.L"));
	KUNIT_EXPECT_EQ(test, 0, kept(t->client));
	KUNIT_EXPECT_TRUE(test, hash_empty(t->client->session->locks.owners));
	KUNIT_EXPECT_EQ(test, 0, host_lock(test, F_WRLCK, 0, OFFSET_MAX));
	KUNIT_EXPECT_EQ(test, 0, host_lock(test, F_UNLCK, 0, OFFSET_MAX));
}

static void is_waited_for(struct kunit *test)
{
	struct lock_test *t = test->priv;

	/* By a process of the same client, which holds nothing else */
	KUNIT_EXPECT_EQ(test, 0, lock(t->client, ONE, WR, 0, 10, 1));
	send_waiting(t->client, 7, RD, 5, 1, 2);
	expect_waits(t->client, 1);
	KUNIT_EXPECT_FALSE(test, peer_has_reply(t->client));
	put_request(t->client, TWO, UN, 0);
	put_lock(&t->client->body, 0, 0, 1, "me");
	peer_send(t->client, 0, P9_TLOCK, 8);
	/* Which of the replies is first nobody promises */
	KUNIT_EXPECT_TRUE(test, peer_receive(t->client));
	KUNIT_EXPECT_EQ(test, P9_LOCK_SUCCESS, t->client->last.body[0]);
	KUNIT_EXPECT_TRUE(test, peer_receive(t->client));
	KUNIT_EXPECT_EQ(test, P9_LOCK_SUCCESS, t->client->last.body[0]);
	KUNIT_EXPECT_EQ(test, 1, kept(t->client));
	expect_waits(t->client, 0);
	/* In vain */
	send_waiting(t->other, 7, WR, 0, 0, 1);
	expect_waits(t->other, 1);
	KUNIT_EXPECT_FALSE(test, hash_empty(t->other->session->locks.owners));
	expect_lock(t->other, 7, P9_LOCK_BLOCKED);
	KUNIT_EXPECT_EQ(test, 0, kept(t->other));
	expect_waits(t->other, 0);
	KUNIT_EXPECT_TRUE(test, hash_empty(t->other->session->locks.owners));
	KUNIT_EXPECT_EQ(test, -EAGAIN, host_lock(test, F_WRLCK, 5, 5));
	KUNIT_EXPECT_EQ(test, 0, lock(t->client, ONE, UN, 0, 0, 2));
	KUNIT_EXPECT_EQ(test, 0, host_lock(test, F_WRLCK, 5, 5));
	KUNIT_EXPECT_EQ(test, 0, host_lock(test, F_UNLCK, 0, OFFSET_MAX));
}

/* A Tflush, a Tversion, and in the end the session's own */
static void is_waited_for_no_more(struct kunit *test)
{
	struct lock_test *t = test->priv;

	KUNIT_EXPECT_EQ(test, 0, host_lock(test, F_WRLCK, 0, 0));
	send_waiting(t->client, 7, WR, 0, 0, 1);
	expect_waits(t->client, 1);
	peer_send_flush(t->client, 0, 8, 7);
	expect_lock(t->client, 7, P9_LOCK_BLOCKED);
	peer_expect(t->client, P9_RFLUSH, 8);
	KUNIT_EXPECT_TRUE(test, hash_empty(t->client->session->locks.owners));
	send_waiting(t->client, 7, WR, 0, 0, 1);
	expect_waits(t->client, 1);
	wire_put(peer_body(t->client), PEER_MSIZE, 4);
	wire_put_string(&t->client->body, "9P2000.L");
	peer_send(t->client, 0, P9_TVERSION, P9_NOTAG);
	expect_lock(t->client, 7, P9_LOCK_BLOCKED);
	peer_expect(t->client, P9_RVERSION, P9_NOTAG);
	send_waiting(t->other, 7, WR, 0, 0, 1);
	expect_waits(t->other, 1);
	peer_disconnect(t->other);
	KUNIT_EXPECT_EQ(test, 0, host_lock(test, F_UNLCK, 0, OFFSET_MAX));
}

/* Each lock, and each piece that unlocking leaves, counts */
static void is_limited(struct kunit *test)
{
	struct lock_test *t = test->priv;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, 0, lock(t->client, ONE, WR, 0, 0, 1));
	for (i = 1; i < MAX_LOCKS; i++)
		KUNIT_EXPECT_EQ(test, 0,
				lock(t->client, ONE, UN, i * 10, 1, 1));
	KUNIT_EXPECT_EQ(test, MAX_LOCKS, kept(t->client));
	KUNIT_EXPECT_EQ(test, -ENOLCK, lock(t->client, ONE, UN, 1000, 1, 1));
	KUNIT_EXPECT_EQ(test, -ENOLCK, lock(t->client, ONE, RD, 5, 1, 1));
	KUNIT_EXPECT_EQ(test, -ENOLCK, lock(t->client, ONE, WR, 10, 1, 2));
	KUNIT_EXPECT_EQ(test, MAX_LOCKS, kept(t->client));
	KUNIT_EXPECT_EQ(test, 0, lock(t->other, ONE, WR, 10, 1, 2));
	/* Less is always possible */
	KUNIT_EXPECT_EQ(test, 0, lock(t->client, ONE, UN, 0, 11, 1));
	KUNIT_EXPECT_EQ(test, MAX_LOCKS - 1, kept(t->client));
	KUNIT_EXPECT_EQ(test, 0, lock(t->client, ONE, WR, 0, 1, 2));
	KUNIT_EXPECT_EQ(test, 0, lock(t->client, ONE, UN, 0, 0, 1));
	KUNIT_EXPECT_EQ(test, 0, lock(t->client, ONE, UN, 0, 0, 2));
	KUNIT_EXPECT_EQ(test, 0, kept(t->client));
	KUNIT_EXPECT_TRUE(test, hash_empty(t->client->session->locks.owners));
}

static void wants_a_range_that_exists(struct kunit *test)
{
	struct lock_test *t = test->priv;

	KUNIT_EXPECT_EQ(test, -EINVAL,
			lock(t->client, ONE, WR, 1ULL << 63, 1, 1));
	KUNIT_EXPECT_EQ(test, -EINVAL, lock(t->client, ONE, WR, U64_MAX, 0, 1));
	KUNIT_EXPECT_EQ(test, -EOVERFLOW,
			lock(t->client, ONE, WR, 1, 1ULL << 63, 1));
	KUNIT_EXPECT_EQ(test, -EOVERFLOW,
			lock(t->client, ONE, WR, OFFSET_MAX, 2, 1));
	KUNIT_EXPECT_EQ(test, -EOVERFLOW,
			lock(t->client, ONE, WR, 5, U64_MAX, 1));
	KUNIT_EXPECT_EQ(test, -EINVAL, lock(t->client, ONE, 3, 0, 0, 1));
	KUNIT_EXPECT_EQ(test, 0, kept(t->client));
	KUNIT_EXPECT_EQ(test, 0, lock(t->client, ONE, WR, OFFSET_MAX, 1, 1));
	KUNIT_EXPECT_EQ(test, 0, lock(t->client, ONE, RD, 0, 1ULL << 63, 1));
	KUNIT_EXPECT_EQ(test, 1, kept(t->client));
}

static void wants_a_file_open_for_it(struct kunit *test)
{
	struct lock_test *t = test->priv;

	KUNIT_EXPECT_EQ(test, -EBADF, lock(t->client, READER, WR, 0, 0, 1));
	KUNIT_EXPECT_EQ(test, -EBADF, lock(t->client, 0, RD, 0, 0, 1));
	KUNIT_EXPECT_EQ(test, 0, peer_walk(t->client, 0, 9, "f"));
	KUNIT_EXPECT_EQ(test, 0, peer_open_for(t->client, 9, P9_DOTL_WRONLY));
	KUNIT_EXPECT_EQ(test, -EBADF, lock(t->client, 9, RD, 0, 0, 1));
	KUNIT_EXPECT_EQ(test, 0, kept(t->client));
}

static struct kunit_case lock_cases[] = {
	KUNIT_CASE(conflicts_between_processes),
	KUNIT_CASE(is_a_lock_of_the_machine),
	KUNIT_CASE(tells_what_is_in_the_way),
	KUNIT_CASE(goes_with_its_fid),
	KUNIT_CASE(stays_when_an_earlier_fid_goes),
	KUNIT_CASE(goes_with_its_session),
	KUNIT_CASE(is_waited_for),
	KUNIT_CASE(is_waited_for_no_more),
	KUNIT_CASE(is_limited),
	KUNIT_CASE(wants_a_range_that_exists),
	KUNIT_CASE(wants_a_file_open_for_it),
	{ }
};

static struct kunit_suite lock_suite = {
	.name = "9pnet_server-lock",
	.init = lock_init,
	.test_cases = lock_cases,
};

kunit_test_suite(lock_suite);
