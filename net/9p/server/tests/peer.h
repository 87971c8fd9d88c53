/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A client of the server under test, and its transport: channels are lists in
 * memory. What it sends is carried out by the threads of a real session, over
 * a tmpfs that nobody else sees.
 */
#ifndef NET_9P_SERVER_TESTS_PEER_H
#define NET_9P_SERVER_TESTS_PEER_H

#include <kunit/test.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <net/9p/9p.h>
#include <net/9p/server.h>

#include "wire_body.h"

#define PEER_CHANNELS	2
#define PEER_MSIZE	65536
#define PEER_REPLY_SIZE	4096
#define PEER_NO_TAG	(-1)

struct peer;

/**
 * struct peer_channel - one way to the server
 * @channel: the server's view of it
 * @peer: whose it is
 * @sent: messages that the server has not received; guarded by the peer's lock
 * @left: those whose data it uses; likewise
 * @reserving: held while there is something @reserved
 * @reserved: a reply that the server is writing
 */
struct peer_channel {
	struct p9_server_channel channel;
	struct peer *peer;
	struct list_head sent;
	struct list_head left;
	struct mutex reserving;
	struct peer_reply *reserved;
};

/**
 * struct peer_reply - what came back
 * @entry: in the peer's replies
 * @type: the type of the message
 * @tag: what it is the answer to
 * @len: bytes of @body
 * @body: what follows the header
 */
struct peer_reply {
	struct list_head entry;
	u8 type;
	u16 tag;
	size_t len;
	u8 body[PEER_REPLY_SIZE];
};

/**
 * struct peer - a client
 * @test: the test that it belongs to
 * @session: its session
 * @channels: its channels
 * @body: where the body of the next message is put together
 * @channel: the one that peer_call() sends on
 * @last: the reply that was last taken
 * @hold: the tag whose reply's send() does not return, or PEER_NO_TAG
 * @in_place: data need not be copied
 * @nr_in_place: replies of which the data were not
 * @late: the server is not told of what is sent
 * @lock: guards what follows, and what is sent
 * @replies: those that have come
 * @nr_released: requests of which the data were not copied, and are done with
 * @nr_failed: how often the server said that the session is over
 * @failure: and why, the last time
 * @changed: woken after each reply, failure and change of @hold
 */
struct peer {
	struct kunit *test;
	struct p9_server_session *session;
	struct peer_channel channels[PEER_CHANNELS];
	struct wire_body body;
	unsigned int channel;
	struct peer_reply last;
	int hold;
	bool in_place;
	unsigned int nr_in_place;
	bool late;
	spinlock_t lock;	/* what follows, and the channels' sent */
	struct list_head replies;
	unsigned int nr_released;
	unsigned int nr_failed;
	int failure;
	wait_queue_head_t changed;
};

/* peer.c: mounts, sessions, messages */
struct vfsmount *peer_tmpfs(struct kunit *test);
struct path peer_path(struct kunit *test, struct vfsmount *mnt,
		      const char *name);
struct peer *peer_connect_as(struct kunit *test, const char *name,
			     const struct p9_server_export *export,
			     unsigned int nr_channels);
void peer_disconnect(struct peer *peer);
struct peer *peer_connect(struct kunit *test,
			  const struct p9_server_export *export,
			  unsigned int nr_channels);
void peer_send_raw(struct peer *peer, unsigned int channel, const u8 *message,
		   size_t len);
void peer_send(struct peer *peer, unsigned int channel, u8 type, u16 tag);
bool peer_receive(struct peer *peer);
bool peer_has_reply(struct peer *peer);
void peer_hold(struct peer *peer, int tag);
int peer_wait_failed(struct peer *peer);

/* peer_ops.c: one function for each request, answered with 0 or -errno */
struct wire_body *peer_body(struct peer *peer);
int peer_call(struct peer *peer, u8 type);
int peer_error(const struct peer *peer, u8 type);
int peer_version(struct peer *peer, u32 msize, const char *version);
int peer_attach(struct peer *peer, u32 fid, u32 uid);
int peer_walk(struct peer *peer, u32 fid, u32 newfid, const char *names);
unsigned int peer_nr_walked(const struct peer *peer);
u64 peer_walked_to(const struct peer *peer, unsigned int nr);
int peer_clunk(struct peer *peer, u32 fid);
int peer_open(struct peer *peer, u32 fid);
int peer_open_for(struct peer *peer, u32 fid, u32 flags);
int peer_create(struct peer *peer, u32 fid, const char *name);
int peer_mkdir(struct peer *peer, u32 fid, const char *name, u32 mode);
int peer_symlink(struct peer *peer, u32 fid, const char *name,
		 const char *target);
int peer_rename(struct peer *peer, u32 from, const char *old, u32 to,
		const char *new);
int peer_rmdir(struct peer *peer, u32 fid, const char *name);
int peer_write(struct peer *peer, u32 fid, u64 offset, const void *data,
	       u32 count);
int peer_read(struct peer *peer, u32 fid, u64 offset, u32 count);
u64 peer_qid(struct peer *peer, u32 fid);
void peer_send_mkdir(struct peer *peer, unsigned int channel, u16 tag);
void peer_send_flush(struct peer *peer, unsigned int channel, u16 tag,
		     u16 oldtag);
void peer_expect(struct peer *peer, u8 type, u16 tag);
struct peer *peer_attached_to(struct kunit *test,
			      const struct p9_server_export *export,
			      unsigned int nr_channels);
struct peer *peer_attached(struct kunit *test, const struct path *root);

#endif /* NET_9P_SERVER_TESTS_PEER_H */
