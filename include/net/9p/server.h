/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The 9P2000.L file server, as its transports see it.
 *
 * A transport (a Xen backend, a socket) opens a session for each client and
 * gives it one channel or more: a ring or a connection, something that
 * requests come from and replies go to. It says p9_server_ready() when there
 * may be something to receive; all else happens in threads of that session's
 * own, which call the transport back to take a request and to send a reply.
 * The server knows nothing of how bytes travel, a transport nothing of files.
 */
#ifndef NET_9P_SERVER_H
#define NET_9P_SERVER_H

#include <linux/list.h>
#include <linux/path.h>
#include <linux/sizes.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/uio.h>

struct p9_server_session;
struct p9_server_channel;

/* size[4] type[1] tag[2]: what every message starts with, little endian */
#define P9_SERVER_HDR_SIZE	7

/* Tversion with a smaller msize than this is refused, as the client does */
#define P9_SERVER_MIN_MSIZE	4096

/* An Rread or Rwrite of 1 MiB and its header: nobody negotiates more */
#define P9_SERVER_MAX_MSIZE	((1 << 20) + 24)

/* As many pieces as a transport may tell that bytes of a message are in */
#define P9_SERVER_PIECES(bytes)	((bytes) / SZ_4K + 2)

/**
 * struct p9_server_req - a request while the transport receives it
 * @channel: where it came from and where its reply goes
 * @buf: a private copy of the message, the header included
 * @size: bytes in @buf, with @left equal to the size that the header states
 * @left: bytes of data after these, which the transport leaves where they came;
 *	their sender may change them at any time
 * @entry: for the transport, while there is something @left
 * @at: likewise
 * @held: likewise
 */
struct p9_server_req {
	struct p9_server_channel *channel;
	u8 *buf;
	u32 size;
	u32 left;
	struct list_head entry;
	u32 at;
	u32 held;
};

/**
 * struct p9_server_transport - what the server calls in a transport
 * @recv: takes the next whole request off the channel. It never waits: NULL
 *	says that none is there, or that p9_server_req_alloc() wants the
 *	transport to come back; an ERR_PTR() ends the session. Called by one
 *	thread at a time for each channel, may sleep for memory.
 * @pending: says whether @recv might find something; may be wrong by saying
 *	yes. Having said no, the transport will say p9_server_ready() for what
 *	comes next. Called by the thread that called @recv, does not sleep.
 * @send: sends one reply of @len bytes, gathered from @nr pieces, whole. It
 *	waits for room and serializes the callers of one channel. An error
 *	means that the peer is gone or broke the protocol.
 * @reserve: gives room for a reply of @len bytes where the peer will read it:
 *	fills @vec, which has P9_SERVER_PIECES(@len), and returns how many pieces
 *	there are. 0 if that is not possible at once. It does not wait, but until
 *	@commit no other reply is sent. Optional, like all that follows but
 *	@failed.
 * @commit: sends the first @len bytes of what was reserved, nothing if it is 0.
 * @locate: says where the @left bytes of a request are: fills @vec, which has
 *	P9_SERVER_PIECES(@left), and returns how many pieces there are.
 * @release: nobody looks at the @left bytes of a request any more.
 * @failed: told once that the session is over for a reason of the protocol's
 *	or the transport's (@err, negative), in one of the session's threads,
 *	so it must not call p9_server_close() itself. Nothing more will be
 *	received; the transport is to close the session soon.
 */
struct p9_server_transport {
	struct p9_server_req *(*recv)(struct p9_server_channel *channel);
	bool (*pending)(struct p9_server_channel *channel);
	int (*send)(struct p9_server_channel *channel, struct kvec *vec,
		    unsigned int nr, size_t len);
	unsigned int (*reserve)(struct p9_server_channel *channel, size_t len,
				struct kvec *vec);
	void (*commit)(struct p9_server_channel *channel, size_t len);
	unsigned int (*locate)(struct p9_server_req *req, struct kvec *vec);
	void (*release)(struct p9_server_req *req);
	void (*failed)(struct p9_server_channel *channel, int err);
};

/**
 * struct p9_server_channel - one way for requests and replies
 * @transport: the transport's calls
 * @session: set by p9_server_open()
 * @ready: something may be there to receive; guarded by the session's lock
 * @led: a thread is receiving; guarded by the session's lock
 * @refused: what is to be received next waits for room; who leads it sets this
 * @looked: up to which round of looks it was found empty; session's lock
 *
 * A transport embeds this in its own structure of a ring or connection.
 */
struct p9_server_channel {
	const struct p9_server_transport *transport;
	struct p9_server_session *session;
	bool ready;
	bool led;
	bool refused;
	u64 looked;
};

/**
 * enum p9_server_security - whose rights and whose ids count
 * @P9_SERVER_PASSTHROUGH: the client has checked permissions, files get the
 *	client's ids ("none" and "passthrough" of security_model)
 * @P9_SERVER_SQUASH: every access is made as one user and group
 * @P9_SERVER_CHECKED: permissions are checked here as well, for the client's
 *	ids ("server")
 */
enum p9_server_security {
	P9_SERVER_PASSTHROUGH,
	P9_SERVER_SQUASH,
	P9_SERVER_CHECKED,
};

/* The user and group that squashing makes of everybody unless told otherwise */
#define P9_SERVER_NOBODY	65534

/**
 * struct p9_server_export - what a session serves, and how
 * @root: the directory; p9_server_open() takes references of its own
 * @security: whose rights and ids count
 * @squash_uid: the user of P9_SERVER_SQUASH
 * @squash_gid: the group of P9_SERVER_SQUASH
 * @readonly: every change is refused with EROFS
 * @crossmnt: filesystems mounted beneath @root are part of it; else what they
 *	hide is
 * @devices: root of a client may make device nodes; they are never opened here
 * @max_fids: fids that a session may have
 * @max_open: fids of these that may be open
 * @max_locks: locks on files that a session may have
 * @max_xattrs: bytes of memory that the xattrs which a session is reading and
 *	writing may take
 * @max_requests: requests that may be in memory at once
 * @max_buffered: bytes that these may take
 * @max_threads: threads that may work for the session
 *
 * A limit of 0 stands for the default.
 */
struct p9_server_export {
	struct path root;
	enum p9_server_security security;
	kuid_t squash_uid;
	kgid_t squash_gid;
	bool readonly;
	bool crossmnt;
	bool devices;
	unsigned int max_fids;
	unsigned int max_open;
	unsigned int max_locks;
	unsigned int max_xattrs;
	unsigned int max_requests;
	unsigned int max_buffered;
	unsigned int max_threads;
};

/* What an export is before its first option, but for @root */
#define P9_SERVER_EXPORT_INIT {					\
	.squash_uid = KUIDT_INIT(P9_SERVER_NOBODY),		\
	.squash_gid = KGIDT_INIT(P9_SERVER_NOBODY),		\
	.crossmnt = true,					\
}

int p9_server_export_option(struct p9_server_export *export, const char *key,
			    const char *value);
void p9_server_export_explain(const char *key, const char *value, char *why,
			      size_t size);

struct p9_server_session *
p9_server_open(const char *name, const struct p9_server_export *export,
	       u32 max_msize, struct p9_server_channel **channels,
	       unsigned int nr_channels);
void p9_server_close(struct p9_server_session *session);

void p9_server_ready(struct p9_server_channel *channel);

struct p9_server_req *
p9_server_req_alloc(struct p9_server_channel *channel,
		    const u8 header[P9_SERVER_HDR_SIZE], bool may_leave);
void p9_server_req_free(struct p9_server_req *req);

#endif /* NET_9P_SERVER_H */
