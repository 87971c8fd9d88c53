// SPDX-License-Identifier: GPL-2.0
/*
 * Any sequence of messages at a whole session: the server's own request,
 * session, fid, walk, flush and operation code on a filesystem in memory. No reply may
 * be wrong in form, nothing outside of the export may be reached, and when the
 * session ends nothing may be left.
 *
 * An input is a byte of options, then a row of records: type[1] tag[1] len[2]
 * and as many bytes of body. Types from 0xf7 on, which 9P does not have, are
 * what else happens; see enum.
 */
#include "kernel.h"
#include "vfs_tree.h"
#include <net/9p/9p.h>

#include "unit.h"

#include "flush.h"
#include "fuzz_thread.h"
#include "request.h"
#include "session.h"
#include "thread.h"

#define MAX_MSIZE	8192
#define MAX_WAITING	8

#define MAX_CHANNELS	2
#define MAX_LEFT	8

enum {
	DO_MOVE = 0xf7,		/* a directory is moved out of the export, or back */
	DO_THREAD,		/* the thread ends, another takes over */
	DO_CHANNEL,		/* messages come on channel number "tag" from here on */
	DO_LOOK,		/* a channel is looked at: see look() */
	DO_MEMORY,		/* the tag-th allocation from here on fails */
	DO_NOTHING,
	DO_WAIT,		/* messages wait, until the next DO_WAIT runs them */
	DO_FAIL,		/* the tag-th call of the filesystem fails */
	DO_RAW,			/* a header as it comes */
};

/* What the first byte may say, any of it together */
#define READONLY	1
#define SQUASH		2
#define CHECKED		4
#define CHANNELS	8	/* there are two */
#define DEVICES		16	/* may be made, and entries' numbers are believed */
#define IN_PLACE	32	/* data need not be copied */

static struct p9_server_channel channels[MAX_CHANNELS];
/* Which look at a channel has begun, 0 if none has */
static u64 looks[MAX_CHANNELS];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct p9s_request *waiting[MAX_WAITING];
static unsigned int nr_waiting;
/* Data of requests, and room for one reply, in pieces that do not adjoin */
static struct kvec left[MAX_LEFT][2];
static struct kvec room[2];
static bool in_place;
static bool failed;

static u32 le32(const u8 *at)
{
	return get_unaligned_le32(at);
}

static int reply_came(struct p9_server_channel *channel, struct kvec *vec,
		      unsigned int nr, size_t len)
{
	const u8 *head = vec[0].iov_base;
	u32 limit = channel->session->msize ?: MAX_MSIZE;
	size_t total = 0;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		total += vec[i].iov_len;
		/* Every byte is there: the sanitizer sees if not */
		free(unit_copy(vec[i].iov_base, vec[i].iov_len));
	}
	fuzz_must(total == len && le32(head) == len, "the size of a reply");
	fuzz_must(len >= P9_SERVER_HDR_SIZE && len <= limit,
		  "a reply that is too large or too small");
	if (head[4] != P9_RLERROR)
		fuzz_must(head[4] % 2, "the type of a reply");
	else
		fuzz_must(len == 11 && le32(head + 7) &&
			  le32(head + 7) < ERESTARTSYS, "an error");
	return 0;
}

static void session_failed(struct p9_server_channel *channel, int err)
{
	(void)channel;
	(void)err;
	failed = true;
}

static void cut(struct kvec *vec, size_t len, size_t first)
{
	vec[0] = (struct kvec) { malloc(first), first };
	vec[1] = (struct kvec) { malloc(len - first), len - first };
}

static void uncut(struct kvec *vec)
{
	free(vec[0].iov_base);
	free(vec[1].iov_base);
	memset(vec, 0, 2 * sizeof(*vec));
}

static unsigned int reserve(struct p9_server_channel *channel, size_t len,
			    struct kvec *vec)
{
	(void)channel;
	if (!in_place)
		return 0;
	fuzz_must(!room[0].iov_base, "two replies at a time");
	cut(room, len, 9);
	memcpy(vec, room, sizeof(room));
	return 2;
}

static void commit(struct p9_server_channel *channel, size_t len)
{
	char whole[MAX_MSIZE];
	struct kvec vec = { whole, len };

	fuzz_must(room[0].iov_base, "a reply without room");
	fuzz_must(len <= room[0].iov_len + room[1].iov_len, "a reply beyond it");
	if (len) {
		memcpy(whole, room[0].iov_base, room[0].iov_len);
		memcpy(whole + room[0].iov_len, room[1].iov_base,
		       len - room[0].iov_len);
		reply_came(channel, &vec, 1, len);
	}
	uncut(room);
}

static unsigned int locate(struct p9_server_req *req, struct kvec *vec)
{
	memcpy(vec, left[req->at], sizeof(left[req->at]));
	return 2;
}

static void release(struct p9_server_req *req)
{
	uncut(left[req->at]);
}

/* A place for the data of a request, or MAX_LEFT */
static u32 find_place(void)
{
	u32 at = 0;

	while (at < MAX_LEFT && left[at][0].iov_base)
		at++;
	return at;
}

/* Leave the data of a request where the fuzzer has them */
static void leave(struct p9_server_req *req, u32 at, const u8 *body, size_t len)
{
	struct kvec *vec = left[at];
	size_t first = 100;

	req->at = at;
	cut(vec, req->left, first);
	memset(vec[0].iov_base, 0, first);
	memset(vec[1].iov_base, 0, req->left - first);
	memcpy(vec[0].iov_base, body, min(len, first));
	if (len > first)
		memcpy(vec[1].iov_base, body + first,
		       min(len, (size_t)req->left) - first);
}

static const struct p9_server_transport transport = {
	.send = reply_came,
	.reserve = reserve,
	.commit = commit,
	.locate = locate,
	.release = release,
	.failed = session_failed,
};

static void run_waiting(void)
{
	unsigned int i;

	for (i = 0; i < nr_waiting; i++)
		p9s_request_run(waiting[i], fuzz_thread);
	nr_waiting = 0;
}

/*
 * A channel is found empty. It takes two steps, "whole" does both: the round is
 * asked for before the channel is looked at.
 */
static void look(struct p9_server_channel *channel, bool whole)
{
	struct p9_server_session *session = channel->session;
	u64 *begun = &looks[channel - channels];

	channel->refused = false;
	if (!*begun || whole) {
		*begun = p9s_flush_round(session) + 1;
		if (!whole)
			return;
	}
	p9s_flush_looked(channel, *begun - 1, fuzz_thread);
	*begun = 0;
}

/* A Tversion is carried out when nothing else runs, parked Tflushes neither */
static void run_all(struct p9_server_session *session)
{
	unsigned int i;

	run_waiting();
	for (i = 0; i < session->nr_channels; i++)
		look(&channels[i], true);
}

static void begin(struct p9_server_req *req, bool wait)
{
	struct p9_server_channel *channel = req->channel;
	struct p9s_request *rq = p9s_request_begin(req);

	if (IS_ERR(rq)) {
		p9s_session_fail(channel, PTR_ERR(rq));
		return;
	}
	if (wait && nr_waiting < MAX_WAITING && rq->type != P9_TVERSION)
		waiting[nr_waiting++] = rq;
	else
		p9s_request_run(rq, fuzz_thread);
}

/* A message, with what is missing of its body made up of zeros */
static void message(struct p9_server_channel *channel, const u8 *header,
		    const u8 *body, size_t len, bool wait)
{
	struct p9_server_req *req;
	size_t fields;
	u32 at;

	if (header[4] == P9_TVERSION)
		run_all(channel->session);
	at = find_place();
	req = p9_server_req_alloc(channel, header, in_place && at < MAX_LEFT);
	if (IS_ERR(req)) {
		p9s_session_fail(channel, PTR_ERR(req));
		return;
	}
	if (!req)
		return;
	fuzz_must(req->size >= P9_SERVER_HDR_SIZE && req->size <= MAX_MSIZE,
		  "a request that is too large");
	fields = min(len, (size_t)req->size - P9_SERVER_HDR_SIZE);
	memset(req->buf + P9_SERVER_HDR_SIZE, 0,
	       req->size - P9_SERVER_HDR_SIZE);
	memcpy(req->buf + P9_SERVER_HDR_SIZE, body, fields);
	if (req->left)
		leave(req, at, body + fields, len - fields);
	begin(req, wait);
}

/* Where the input is: what comes next, and how */
struct play {
	struct p9_server_channel *channel;
	bool wait;
};

/* What happens besides messages; false if @type is one */
static bool event(struct play *play, u8 type, u8 number)
{
	struct p9_server_session *session = play->channel->session;

	switch (type) {
	case DO_MOVE:
		vfs_move();
		return true;
	case DO_THREAD:
		/* Not while it has something to run */
		if (!nr_waiting)
			fuzz_thread_change();
		return true;
	case DO_CHANNEL:
		play->channel = &channels[number % session->nr_channels];
		return true;
	case DO_LOOK:
		look(&channels[number % session->nr_channels], number & 0x80);
		return true;
	case DO_MEMORY:
		unit_fail_allocation = number;
		return true;
	case DO_WAIT:
		play->wait = !play->wait;
		if (!play->wait)
			run_waiting();
		return true;
	case DO_FAIL:
		vfs_fail = number;
		return true;
	}
	return false;
}

static void play_record(struct play *play, const u8 *record, const u8 *body,
			size_t len)
{
	u8 header[P9_SERVER_HDR_SIZE];

	if (event(play, record[0], record[1]))
		return;
	if (record[0] == DO_RAW && len >= sizeof(header)) {
		message(play->channel, body, body + sizeof(header),
			len - sizeof(header), play->wait);
		return;
	}
	put_unaligned_le32(P9_SERVER_HDR_SIZE + len, header);
	header[4] = record[0];
	put_unaligned_le16(record[1], header + 5);
	message(play->channel, header, body, len, play->wait);
}

static void play_all(const u8 *data, size_t size)
{
	struct play play = { .channel = channels };
	size_t len;

	while (size >= 4 && !failed) {
		len = min((size_t)get_unaligned_le16(data + 2), size - 4);
		play_record(&play, data, data + 4, len);
		data += 4 + len;
		size -= 4 + len;
	}
	run_waiting();
}

static void set_options(struct p9_server_export *export, u8 options)
{
	export->readonly = options & READONLY;
	if (options & SQUASH)
		export->security = P9_SERVER_SQUASH;
	else if (options & CHECKED)
		export->security = P9_SERVER_CHECKED;
	export->devices = options & DEVICES;
	in_place = options & IN_PLACE;
	vfs_devices = export->devices;
	vfs_super.s_magic = options & DEVICES ? TMPFS_MAGIC : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct p9_server_channel *row[] = { &channels[0], &channels[1] };
	struct p9_server_export export = {
		.squash_uid = KUIDT_INIT(1000),
		.squash_gid = KGIDT_INIT(1000),
		.crossmnt = true,
		.max_fids = 20,
		.max_open = 5,
		.max_locks = 4,
		.max_xattrs = 9000,
		.max_requests = 6,
	};
	struct p9_server_session *session;
	long before = unit_counts.allocations;
	u8 options = size ? data[0] : 0;

	failed = false;
	memset(looks, 0, sizeof(looks));
	channels[0] = (struct p9_server_channel) { .transport = &transport };
	channels[1] = channels[0];
	set_options(&export, options);
	vfs_begin(&export.root);
	session = p9_server_open("fuzz", &export, MAX_MSIZE, row,
				 options & CHANNELS ? 2 : 1);
	fuzz_must(!IS_ERR(session), "a session does not open");
	if (size)
		play_all(data + 1, size - 1);
	vfs_fail = 0;
	unit_fail_allocation = 0;
	p9_server_close(session);
	fuzz_creds_are_put();
	vfs_end(&export.root);
	fuzz_must(find_place() == 0 && !room[0].iov_base, "data are kept");
	fuzz_must(unit_counts.allocations == before, "memory is left");
	return 0;
}
