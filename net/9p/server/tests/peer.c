// SPDX-License-Identifier: GPL-2.0
/* The transport of the tests' client, and the mount that it is served */
#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/slab.h>
#include <linux/unaligned.h>

#include "peer.h"

/* Far longer than anything takes, also on an emulated CPU */
#define PEER_PATIENCE	(120 * HZ)

struct peer_message {
	struct list_head entry;
	struct p9_server_req *req;
	size_t len;
	u8 bytes[];
};

static atomic_t peer_count;

static struct peer_channel *peer_channel_of(struct p9_server_channel *channel)
{
	return container_of(channel, struct peer_channel, channel);
}

static struct p9_server_req *peer_recv(struct p9_server_channel *channel)
{
	struct peer_channel *from = peer_channel_of(channel);
	struct peer_message *message;
	struct p9_server_req *req;

	spin_lock(&from->peer->lock);
	message = list_first_entry_or_null(&from->sent, struct peer_message,
					   entry);
	spin_unlock(&from->peer->lock);
	if (!message)
		return NULL;
	/* Without room for it, the message stays where it is */
	req = p9_server_req_alloc(channel, message->bytes,
				  from->peer->in_place);
	if (IS_ERR_OR_NULL(req))
		return req;
	memcpy(req->buf, message->bytes, req->size);
	message->req = req;
	spin_lock(&from->peer->lock);
	if (req->left)
		list_move(&message->entry, &from->left);
	else
		list_del(&message->entry);
	spin_unlock(&from->peer->lock);
	if (!req->left)
		kfree(message);
	return req;
}

static struct peer_message *peer_message_of(struct p9_server_req *req)
{
	struct peer_channel *from = peer_channel_of(req->channel);
	struct peer_message *message, *found = NULL;

	spin_lock(&from->peer->lock);
	list_for_each_entry(message, &from->left, entry) {
		if (message->req == req)
			found = message;
	}
	spin_unlock(&from->peer->lock);
	return found;
}

/* Data that do not adjoin */
static unsigned int peer_locate(struct p9_server_req *req, struct kvec *vec)
{
	struct peer_message *message = peer_message_of(req);

	vec[0] = (struct kvec) { message->bytes + req->size, 100 };
	vec[1] = (struct kvec) { message->bytes + req->size + 100,
				 req->left - 100 };
	return 2;
}

static void peer_release(struct p9_server_req *req)
{
	struct peer *peer = peer_channel_of(req->channel)->peer;
	struct peer_message *message = peer_message_of(req);

	spin_lock(&peer->lock);
	list_del(&message->entry);
	peer->nr_released++;
	spin_unlock(&peer->lock);
	kfree(message);
}

static bool peer_pending(struct p9_server_channel *channel)
{
	struct peer_channel *from = peer_channel_of(channel);
	bool pending;

	spin_lock(&from->peer->lock);
	pending = !list_empty(&from->sent);
	spin_unlock(&from->peer->lock);
	return pending;
}

static size_t peer_gather(u8 *to, const struct kvec *vec, unsigned int nr)
{
	size_t len = 0;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (vec[i].iov_len > PEER_REPLY_SIZE - len)
			return 0;
		memcpy(to + len, vec[i].iov_base, vec[i].iov_len);
		len += vec[i].iov_len;
	}
	return len;
}

/* The reply is in its body, header and all, and belongs to the peer from here */
static int peer_take_reply(struct peer *peer, struct peer_reply *reply,
			   size_t len)
{
	int tag;

	if (len < P9_SERVER_HDR_SIZE ||
	    get_unaligned_le32(reply->body) != len) {
		kfree(reply);
		return -EPROTO;
	}
	reply->type = reply->body[4];
	reply->tag = get_unaligned_le16(reply->body + 5);
	reply->len = len - P9_SERVER_HDR_SIZE;
	memmove(reply->body, reply->body + P9_SERVER_HDR_SIZE, reply->len);
	tag = reply->tag;

	spin_lock(&peer->lock);
	list_add_tail(&reply->entry, &peer->replies);
	spin_unlock(&peer->lock);
	wake_up_all(&peer->changed);
	wait_event_idle(peer->changed, READ_ONCE(peer->hold) != tag);
	return 0;
}

static int peer_send_reply(struct p9_server_channel *channel, struct kvec *vec,
			   unsigned int nr, size_t len)
{
	struct peer_reply *reply = kmalloc_obj(*reply);

	if (!reply)
		return -ENOMEM;
	if (peer_gather(reply->body, vec, nr) != len)
		len = 0;
	return peer_take_reply(peer_channel_of(channel)->peer, reply, len);
}

/* Room in which not even the header is in one piece */
static unsigned int peer_reserve(struct p9_server_channel *channel, size_t len,
				 struct kvec *vec)
{
	struct peer_channel *to = peer_channel_of(channel);

	if (!to->peer->in_place || len > PEER_REPLY_SIZE ||
	    !mutex_trylock(&to->reserving))
		return 0;
	to->reserved = kmalloc_obj(*to->reserved);
	if (!to->reserved) {
		mutex_unlock(&to->reserving);
		return 0;
	}
	vec[0] = (struct kvec) { to->reserved->body, 9 };
	vec[1] = (struct kvec) { to->reserved->body + 9, len - 9 };
	return 2;
}

static void peer_commit(struct p9_server_channel *channel, size_t len)
{
	struct peer_channel *to = peer_channel_of(channel);
	struct peer_reply *reply = to->reserved;

	mutex_unlock(&to->reserving);
	if (!len) {
		kfree(reply);
		return;
	}
	to->peer->nr_in_place++;
	peer_take_reply(to->peer, reply, len);
}

static void peer_failed(struct p9_server_channel *channel, int err)
{
	struct peer *peer = peer_channel_of(channel)->peer;

	spin_lock(&peer->lock);
	peer->nr_failed++;
	peer->failure = err;
	spin_unlock(&peer->lock);
	wake_up_all(&peer->changed);
}

static const struct p9_server_transport peer_transport = {
	.recv = peer_recv,
	.pending = peer_pending,
	.send = peer_send_reply,
	.reserve = peer_reserve,
	.commit = peer_commit,
	.locate = peer_locate,
	.release = peer_release,
	.failed = peer_failed,
};

static void peer_unmount(void *mnt)
{
	kern_unmount(mnt);
}

/* A tmpfs that is mounted nowhere; it goes with the test */
struct vfsmount *peer_tmpfs(struct kunit *test)
{
	struct file_system_type *type = get_fs_type("tmpfs");
	struct vfsmount *mnt;

	KUNIT_ASSERT_NOT_NULL(test, type);
	mnt = kern_mount(type);
	module_put(type->owner);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, mnt);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, peer_unmount, mnt));
	return mnt;
}

static void peer_path_put(void *path)
{
	path_put(path);
}

/* A place in @mnt; the reference goes with the test */
struct path peer_path(struct kunit *test, struct vfsmount *mnt,
		      const char *name)
{
	struct path *path = kunit_kzalloc(test, sizeof(*path), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, path);
	KUNIT_ASSERT_EQ_MSG(test, 0,
			    vfs_path_lookup(mnt->mnt_root, mnt, name, 0, path),
			    "looking up %s", name);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, peer_path_put, path));
	return *path;
}

static void peer_free(struct peer *peer)
{
	struct peer_message *message, *next_message;
	struct peer_reply *reply, *next_reply;
	unsigned int i;

	for (i = 0; i < PEER_CHANNELS; i++) {
		list_for_each_entry_safe(message, next_message,
					 &peer->channels[i].sent, entry)
			kfree(message);
	}
	list_for_each_entry_safe(reply, next_reply, &peer->replies, entry)
		kfree(reply);
	kfree(peer);
}

static void peer_close(void *data)
{
	struct peer *peer = data;

	peer_hold(peer, PEER_NO_TAG);
	p9_server_close(peer->session);
	peer_free(peer);
}

static struct peer *peer_alloc(struct kunit *test)
{
	struct peer *peer = kzalloc_obj(*peer);
	unsigned int i;

	if (!peer)
		return NULL;
	peer->test = test;
	peer->hold = PEER_NO_TAG;
	spin_lock_init(&peer->lock);
	INIT_LIST_HEAD(&peer->replies);
	init_waitqueue_head(&peer->changed);
	for (i = 0; i < PEER_CHANNELS; i++) {
		peer->channels[i].channel.transport = &peer_transport;
		peer->channels[i].peer = peer;
		INIT_LIST_HEAD(&peer->channels[i].sent);
		INIT_LIST_HEAD(&peer->channels[i].left);
		mutex_init(&peer->channels[i].reserving);
	}
	return peer;
}

/* Open a session of a name, in which nothing was said yet */
struct peer *peer_connect_as(struct kunit *test, const char *name,
			     const struct p9_server_export *export,
			     unsigned int nr_channels)
{
	struct p9_server_channel *channels[PEER_CHANNELS];
	struct peer *peer = peer_alloc(test);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, peer);
	for (i = 0; i < nr_channels; i++)
		channels[i] = &peer->channels[i].channel;
	peer->session = p9_server_open(name, export, PEER_MSIZE, channels,
				       nr_channels);
	if (IS_ERR(peer->session)) {
		int err = PTR_ERR(peer->session);

		peer_free(peer);
		KUNIT_FAIL_AND_ABORT(test, "no session: %d", err);
	}
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, peer_close, peer));
	return peer;
}

/* Open a session, in which nothing was said yet; it ends with the test */
struct peer *peer_connect(struct kunit *test,
			  const struct p9_server_export *export,
			  unsigned int nr_channels)
{
	char name[32];

	snprintf(name, sizeof(name), "9pkunit/%d",
		 atomic_inc_return(&peer_count));
	return peer_connect_as(test, name, export, nr_channels);
}

/* End a session before the test does */
void peer_disconnect(struct peer *peer)
{
	kunit_release_action(peer->test, peer_close, peer);
}

/* Send a message as it stands */
void peer_send_raw(struct peer *peer, unsigned int channel, const u8 *message,
		   size_t len)
{
	struct peer_channel *to = &peer->channels[channel];
	struct peer_message *copy;

	copy = kmalloc(struct_size(copy, bytes, len), GFP_KERNEL);
	if (!copy) {
		KUNIT_FAIL(peer->test, "no memory for a message");
		return;
	}
	copy->len = len;
	memcpy(copy->bytes, message, len);
	spin_lock(&peer->lock);
	list_add_tail(&copy->entry, &to->sent);
	spin_unlock(&peer->lock);
	if (!peer->late)
		p9_server_ready(&to->channel);
}

/* Send what was put together in the peer's body */
void peer_send(struct peer *peer, unsigned int channel, u8 type, u16 tag)
{
	struct wire_body *body = &peer->body;
	size_t size = body->len + P9_SERVER_HDR_SIZE;

	memmove(body->bytes + P9_SERVER_HDR_SIZE, body->bytes, body->len);
	put_unaligned_le32(size, body->bytes);
	body->bytes[4] = type;
	put_unaligned_le16(tag, body->bytes + 5);
	peer_send_raw(peer, channel, body->bytes, size);
}

static struct peer_reply *peer_first(struct peer *peer)
{
	struct peer_reply *reply;

	spin_lock(&peer->lock);
	reply = list_first_entry_or_null(&peer->replies, struct peer_reply,
					 entry);
	if (reply)
		list_del(&reply->entry);
	spin_unlock(&peer->lock);
	return reply;
}

/* Wait for the next reply and take it, as @last; false if none came */
bool peer_receive(struct peer *peer)
{
	struct peer_reply *reply = NULL;

	wait_event_timeout(peer->changed, (reply = peer_first(peer)) ||
			   READ_ONCE(peer->nr_failed), PEER_PATIENCE);
	if (!reply) {
		KUNIT_FAIL(peer->test, "no reply came; the session's error: %d",
			   peer->failure);
		return false;
	}
	peer->last = *reply;
	kfree(reply);
	return true;
}

bool peer_has_reply(struct peer *peer)
{
	bool has;

	spin_lock(&peer->lock);
	has = !list_empty(&peer->replies);
	spin_unlock(&peer->lock);
	return has;
}

/* From now on the reply to @tag is sent, but its send() does not return */
void peer_hold(struct peer *peer, int tag)
{
	WRITE_ONCE(peer->hold, tag);
	wake_up_all(&peer->changed);
}

/* Wait until the server says that the session is over, and why */
int peer_wait_failed(struct peer *peer)
{
	wait_event_timeout(peer->changed, READ_ONCE(peer->nr_failed),
			   PEER_PATIENCE);
	KUNIT_EXPECT_EQ(peer->test, 1, READ_ONCE(peer->nr_failed));
	return READ_ONCE(peer->failure);
}

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests for the 9P2000.L file server");
MODULE_LICENSE("GPL");
