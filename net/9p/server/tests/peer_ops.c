// SPDX-License-Identifier: GPL-2.0
/*
 * Requests of the tests' client. Each waits for its reply and returns 0, or the
 * error that the server has answered with; but peer_expect() takes the replies
 * to those that peer_send_...() sends.
 */
#include <linux/errno.h>
#include <linux/path.h>
#include <linux/string.h>
#include <linux/unaligned.h>

#include "peer.h"

#define PEER_QID_SIZE	13	/* type[1] version[4] path[8] */

/* Start the body of the next message */
struct wire_body *peer_body(struct peer *peer)
{
	peer->body.len = 0;
	return &peer->body;
}

/* What the last reply says to a request of this type */
int peer_error(const struct peer *peer, u8 type)
{
	const struct peer_reply *reply = &peer->last;

	if (reply->type == P9_RLERROR && reply->len == 4)
		return -(int)get_unaligned_le32(reply->body);
	if (reply->type == type + 1)
		return 0;
	KUNIT_FAIL(peer->test, "a message of type %u was answered by one of %u",
		   type, reply->type);
	return -EPROTO;
}

/* Send what is in the body and wait for the reply */
int peer_call(struct peer *peer, u8 type)
{
	peer_send(peer, peer->channel, type,
		  type == P9_TVERSION ? P9_NOTAG : 1);
	if (!peer_receive(peer))
		return -ETIMEDOUT;
	return peer_error(peer, type);
}

int peer_version(struct peer *peer, u32 msize, const char *version)
{
	struct wire_body *body = peer_body(peer);

	wire_put(body, msize, 4);
	wire_put_string(body, version);
	return peer_call(peer, P9_TVERSION);
}

int peer_attach(struct peer *peer, u32 fid, u32 uid)
{
	struct wire_body *body = peer_body(peer);

	wire_put(body, fid, 4);
	wire_put(body, P9_NOFID, 4);
	wire_put_string(body, "");
	wire_put_string(body, "");
	wire_put(body, uid, 4);
	return peer_call(peer, P9_TATTACH);
}

/* By names with slashes between them; none for "" */
int peer_walk(struct peer *peer, u32 fid, u32 newfid, const char *names)
{
	struct wire_body *body = peer_body(peer);
	size_t nr_at, len;
	u16 nr = 0;

	wire_put(body, fid, 4);
	wire_put(body, newfid, 4);
	nr_at = body->len;
	wire_put(body, 0, 2);
	while (*names) {
		len = strcspn(names, "/");
		wire_put_text(body, names, len);
		names += len;
		if (*names == '/')
			names++;
		nr++;
	}
	put_unaligned_le16(nr, body->bytes + nr_at);
	return peer_call(peer, P9_TWALK);
}

/* How far the last walk got */
unsigned int peer_nr_walked(const struct peer *peer)
{
	return get_unaligned_le16(peer->last.body);
}

/* The number of what its name @nr, from 1 on, has led to */
u64 peer_walked_to(const struct peer *peer, unsigned int nr)
{
	return get_unaligned_le64(peer->last.body + 2 +
				  (nr - 1) * PEER_QID_SIZE + 5);
}

int peer_clunk(struct peer *peer, u32 fid)
{
	wire_put(peer_body(peer), fid, 4);
	return peer_call(peer, P9_TCLUNK);
}

int peer_open_for(struct peer *peer, u32 fid, u32 flags)
{
	struct wire_body *body = peer_body(peer);

	wire_put(body, fid, 4);
	wire_put(body, flags, 4);
	return peer_call(peer, P9_TLOPEN);
}

int peer_open(struct peer *peer, u32 fid)
{
	return peer_open_for(peer, fid, P9_DOTL_RDONLY);
}

/* A file; @fid, a directory before, is open on it then */
int peer_create(struct peer *peer, u32 fid, const char *name)
{
	struct wire_body *body = peer_body(peer);

	wire_put(body, fid, 4);
	wire_put_string(body, name);
	wire_put(body, P9_DOTL_RDWR, 4);
	wire_put(body, 0644, 4);
	wire_put(body, 0, 4);
	return peer_call(peer, P9_TLCREATE);
}

int peer_mkdir(struct peer *peer, u32 fid, const char *name, u32 mode)
{
	struct wire_body *body = peer_body(peer);

	wire_put(body, fid, 4);
	wire_put_string(body, name);
	wire_put(body, mode, 4);
	wire_put(body, 0, 4);
	return peer_call(peer, P9_TMKDIR);
}

int peer_symlink(struct peer *peer, u32 fid, const char *name,
		 const char *target)
{
	struct wire_body *body = peer_body(peer);

	wire_put(body, fid, 4);
	wire_put_string(body, name);
	wire_put_string(body, target);
	wire_put(body, 0, 4);
	return peer_call(peer, P9_TSYMLINK);
}

int peer_rename(struct peer *peer, u32 from, const char *old, u32 to,
		const char *new)
{
	struct wire_body *body = peer_body(peer);

	wire_put(body, from, 4);
	wire_put_string(body, old);
	wire_put(body, to, 4);
	wire_put_string(body, new);
	return peer_call(peer, P9_TRENAMEAT);
}

int peer_rmdir(struct peer *peer, u32 fid, const char *name)
{
	struct wire_body *body = peer_body(peer);

	wire_put(body, fid, 4);
	wire_put_string(body, name);
	wire_put(body, P9_DOTL_AT_REMOVEDIR, 4);
	return peer_call(peer, P9_TUNLINKAT);
}

int peer_write(struct peer *peer, u32 fid, u64 offset, const void *data,
	       u32 count)
{
	struct wire_body *body = peer_body(peer);

	wire_put(body, fid, 4);
	wire_put(body, offset, 8);
	wire_put(body, count, 4);
	memcpy(body->bytes + body->len, data, count);
	body->len += count;
	return peer_call(peer, P9_TWRITE);
}

/* What was read stands in the last reply, after count[4] */
int peer_read(struct peer *peer, u32 fid, u64 offset, u32 count)
{
	struct wire_body *body = peer_body(peer);

	wire_put(body, fid, 4);
	wire_put(body, offset, 8);
	wire_put(body, count, 4);
	return peer_call(peer, P9_TREAD);
}

/* The number of the file that a fid is on */
u64 peer_qid(struct peer *peer, u32 fid)
{
	struct wire_body *body = peer_body(peer);

	wire_put(body, fid, 4);
	wire_put(body, P9_STATS_BASIC, 8);
	KUNIT_EXPECT_EQ(peer->test, 0, peer_call(peer, P9_TGETATTR));
	/* After valid[8] */
	return get_unaligned_le64(peer->last.body + 8 + 5);
}

/* A client that has attached fid 0 to @root, as root */
struct peer *peer_attached(struct kunit *test, const struct path *root)
{
	struct p9_server_export export = { .root = *root };

	return peer_attached_to(test, &export, 1);
}

struct peer *peer_attached_to(struct kunit *test,
			      const struct p9_server_export *export,
			      unsigned int nr_channels)
{
	struct peer *peer = peer_connect(test, export, nr_channels);

	KUNIT_ASSERT_EQ(test, 0, peer_version(peer, PEER_MSIZE, "9P2000.L"));
	KUNIT_ASSERT_EQ(test, 0, peer_attach(peer, 0, 0));
	return peer;
}

/* Tmkdir of "d<tag>" in the root, whose reply is not waited for */
void peer_send_mkdir(struct peer *peer, unsigned int channel, u16 tag)
{
	struct wire_body *body = peer_body(peer);
	char name[16];

	snprintf(name, sizeof(name), "d%u", tag);
	wire_put(body, 0, 4);
	wire_put_string(body, name);
	wire_put(body, 0755, 4);
	wire_put(body, 0, 4);
	peer_send(peer, channel, P9_TMKDIR, tag);
}

/* Tflush, whose reply is not waited for */
void peer_send_flush(struct peer *peer, unsigned int channel, u16 tag,
		     u16 oldtag)
{
	wire_put(peer_body(peer), oldtag, 2);
	peer_send(peer, channel, P9_TFLUSH, tag);
}

/* Take the next reply, which has to be this one */
void peer_expect(struct peer *peer, u8 type, u16 tag)
{
	if (!peer_receive(peer))
		return;
	KUNIT_EXPECT_EQ(peer->test, type, peer->last.type);
	KUNIT_EXPECT_EQ(peer->test, tag, peer->last.tag);
}
