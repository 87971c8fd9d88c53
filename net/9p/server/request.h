/* SPDX-License-Identifier: GPL-2.0 */
/* A request, from its receipt until its reply was sent */
#ifndef NET_9P_SERVER_REQUEST_H
#define NET_9P_SERVER_REQUEST_H

#include <linux/list.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <net/9p/server.h>

#include "wire.h"

struct iov_iter;
struct kvec;
struct p9s_fid;
struct p9s_operation;
struct p9s_thread;

/* The longest reply but for data, names and targets: an Rwalk of 16 qids */
#define P9S_REPLY_SIZE	256

/**
 * struct p9s_request - one request
 * @req: what the transport sees of it
 * @session: whose it is
 * @op: what it asks for
 * @tag: the client's number for it
 * @type: the type of the message
 * @msize: the largest message as it began; another Tversion may be waiting
 * @start: when it was there, in ns
 * @accounted: bytes of memory, as counted in the session
 * @replying: its reply may be at the client already; session lock
 * @tag_node: in the session's tags while it runs; session lock
 * @flushes: Tflushes that are answered after this one; session lock
 * @flush_entry: in the @flushes of another request, which this one flushes, or
 *	in the session's parked
 * @awaits: that other request; session lock
 * @lock_wait: what it waits on for a lock, or NULL; session lock
 * @round: which look at the other channels it is parked for, if it is a Tflush
 * @thread: runs it, or answers it in the end
 * @fid: the fid that it is about, if it is about one
 * @msg: its fields
 * @out: the reply as far as it is encoded, in @reply
 * @payload: what follows @out in the reply
 * @payload_len: bytes of it
 * @room: where the reply goes at once, the payload is already; or NULL
 * @nr_room: pieces of it
 * @reply: where the reply is encoded
 * @data: the message
 */
struct p9s_request {
	struct p9_server_req req;
	struct p9_server_session *session;
	const struct p9s_operation *op;
	u16 tag;
	u8 type;
	u32 msize;
	u64 start;
	size_t accounted;

	bool replying;
	struct hlist_node tag_node;
	struct list_head flushes;
	struct list_head flush_entry;
	struct p9s_request *awaits;
	wait_queue_head_t *lock_wait;
	u64 round;

	struct p9s_thread *thread;
	struct p9s_fid *fid;
	union p9s_msg msg;
	struct p9s_buf out;
	void *payload;
	size_t payload_len;
	struct kvec *room;
	unsigned int nr_room;
	u8 reply[P9S_REPLY_SIZE];
	u8 data[];
};

struct p9s_request *p9s_request_begin(struct p9_server_req *req);
void p9s_request_run(struct p9s_request *rq, struct p9s_thread *thread);
u32 p9s_request_fid(const struct p9s_request *rq);
void p9s_request_finish(struct p9s_request *rq, struct p9s_thread *thread,
			int err);
bool p9s_request_await(struct p9s_request *flush, u16 oldtag);
void *p9s_request_payload(struct p9s_request *rq, size_t size);
bool p9s_request_reserve(struct p9s_request *rq, size_t payload,
			 struct iov_iter *to);
void p9s_request_unreserve(struct p9s_request *rq);
int p9s_request_data(struct p9s_request *rq, struct kvec *copy,
		     struct iov_iter *from);
void p9s_request_release_data(struct p9s_request *rq);

#if IS_ENABLED(CONFIG_KUNIT)
int p9s_request_errno(int err);
#endif

#endif /* NET_9P_SERVER_REQUEST_H */
