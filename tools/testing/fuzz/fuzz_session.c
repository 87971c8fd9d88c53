// SPDX-License-Identifier: GPL-2.0
/*
 * Any sequence of messages at a whole session: the server's own request,
 * session, fid, walk and operation code on a filesystem in memory. No reply may
 * be wrong in form, nothing outside of the export may be reached, and when the
 * session ends nothing may be left.
 *
 * An input is a row of records: type[1] tag[1] len[2] and as many bytes of
 * body. Three types that 9P does not have mean something else: 0xfd keeps the
 * next message waiting until all that wait are run, 0xfe lets a call of the
 * filesystem fail, 0xff is a header as it comes.
 */
#include "kernel.h"
#include "vfs_tree.h"
#include <net/9p/9p.h>

#include "unit.h"

#include "request.h"
#include "session.h"
#include "thread.h"

#define MAX_MSIZE	8192
#define MAX_WAITING	8

#define DO_WAIT		0xfd
#define DO_FAIL		0xfe
#define DO_RAW		0xff

void fuzz_creds_are_put(void);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct p9s_request *waiting[MAX_WAITING];
static unsigned int nr_waiting;
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

static const struct p9_server_transport transport = {
	.send = reply_came,
	.failed = session_failed,
};

static void run_waiting(struct p9s_thread *thread)
{
	unsigned int i;

	for (i = 0; i < nr_waiting; i++)
		p9s_request_run(waiting[i], thread);
	nr_waiting = 0;
}

static void begin(struct p9_server_req *req, struct p9s_thread *thread,
		  bool wait)
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
		p9s_request_run(rq, thread);
}

/* A message, with what is missing of its body made up of zeros */
static void message(struct p9_server_channel *channel,
		    struct p9s_thread *thread, const u8 *header, const u8 *body,
		    size_t len, bool wait)
{
	struct p9_server_req *req;

	/* A Tversion waits for all others */
	if (header[4] == P9_TVERSION)
		run_waiting(thread);
	req = p9_server_req_alloc(channel, header);
	if (IS_ERR(req)) {
		p9s_session_fail(channel, PTR_ERR(req));
		return;
	}
	if (!req)
		return;
	fuzz_must(req->size >= P9_SERVER_HDR_SIZE && req->size <= MAX_MSIZE,
		  "a request that is too large");
	len = min(len, (size_t)req->size - P9_SERVER_HDR_SIZE);
	memset(req->buf + P9_SERVER_HDR_SIZE, 0,
	       req->size - P9_SERVER_HDR_SIZE);
	memcpy(req->buf + P9_SERVER_HDR_SIZE, body, len);
	begin(req, thread, wait);
}

static void play(struct p9_server_channel *channel, struct p9s_thread *thread,
		 const u8 *data, size_t size)
{
	bool wait = false;
	u8 header[P9_SERVER_HDR_SIZE];
	size_t len;

	while (size >= 4 && !failed) {
		u8 type = data[0];

		len = min((size_t)get_unaligned_le16(data + 2), size - 4);
		put_unaligned_le32(P9_SERVER_HDR_SIZE + len, header);
		header[4] = type;
		put_unaligned_le16(data[1], header + 5);
		if (type == DO_WAIT) {
			wait = !wait;
			if (!wait)
				run_waiting(thread);
		} else if (type == DO_FAIL) {
			vfs_fail = data[1];
		} else if (type == DO_RAW && len >= sizeof(header)) {
			message(channel, thread, data + 4,
				data + 4 + sizeof(header),
				len - sizeof(header), wait);
		} else {
			message(channel, thread, header, data + 4, len, wait);
		}
		data += 4 + len;
		size -= 4 + len;
	}
	run_waiting(thread);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct p9_server_channel channel = { .transport = &transport };
	struct p9_server_channel *channels[] = { &channel };
	struct p9_server_export export = { .max_fids = 20, .max_open = 5 };
	struct p9_server_session *session;
	struct p9s_thread thread = { };
	long before = unit_counts.allocations;

	failed = false;
	if (size) {
		export.readonly = data[0] == 1;
		export.security = data[0] == 2 ? P9_SERVER_SQUASH :
						 P9_SERVER_PASSTHROUGH;
		export.squash_uid = KUIDT_INIT(1000);
		export.squash_gid = KGIDT_INIT(1000);
		data++;
		size--;
	}
	vfs_begin(&export.root);
	session = p9_server_open("fuzz", &export, MAX_MSIZE, channels, 1);
	fuzz_must(!IS_ERR(session), "a session does not open");
	thread.session = session;
	play(&channel, &thread, data, size);
	vfs_fail = 0;
	p9_server_close(session);
	free(thread.buffer);
	fuzz_creds_are_put();
	vfs_end(&export.root);
	fuzz_must(unit_counts.allocations == before, "memory is left");
	return 0;
}
