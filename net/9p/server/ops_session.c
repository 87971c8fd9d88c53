// SPDX-License-Identifier: GPL-2.0
/* Operations that start, name or end something as a whole */
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <net/9p/9p.h>
#include <net/9p/server.h>

#include "fid.h"
#include "flush.h"
#include "identity.h"
#include "ops.h"
#include "request.h"
#include "session.h"

static const char p9s_version[] = "9P2000.L";
static const char p9s_unknown[] = "unknown";

/* A client that knows more may say so after another period */
static bool p9s_version_known(const struct p9s_str *version)
{
	size_t len = strlen(p9s_version);

	if (version->len < len || memcmp(version->ptr, p9s_version, len))
		return false;
	return version->len == len || version->ptr[len] == '.';
}

/**
 * p9s_op_version - Tversion: agree on a message size, and start anew
 * @rq: the request
 *
 * Context and return: see ops.h.
 */
int p9s_op_version(struct p9s_request *rq)
{
	const struct p9s_tversion *msg = &rq->msg.version;
	u32 msize = min(msg->msize, rq->session->max_msize);
	bool known = p9s_version_known(&msg->version);
	const char *answer = known ? p9s_version : p9s_unknown;
	int err;

	if (known && msize < P9_SERVER_MIN_MSIZE)
		return -EINVAL;
	err = p9s_session_reset(rq->session, known ? msize : 0);
	if (err)
		return err;
	p9s_put_u32(&rq->out, msize);
	p9s_put_str(&rq->out, answer, strlen(answer));
	return 0;
}

/**
 * p9s_op_auth - Tauth: nobody needs to authenticate
 * @rq: the request
 *
 * Which client it is says the transport. The errno that tells so is diod's:
 * its clients go on without an afid after ENOENT, and give up after any other.
 * Linux's client never asks.
 *
 * Context and return: see ops.h.
 */
int p9s_op_auth(struct p9s_request *rq)
{
	return -ENOENT;
}

/**
 * p9s_op_attach - Tattach: a fid for the root of the export
 * @rq: the request
 *
 * There is one tree, so a name for another is refused rather than ignored.
 *
 * Context and return: see ops.h.
 */
int p9s_op_attach(struct p9s_request *rq)
{
	const struct p9s_tattach *msg = &rq->msg.attach;
	struct p9_server_session *session = rq->session;
	struct p9s_identity *identity;
	struct p9s_fid *fid;
	int err;

	if (msg->afid != P9_NOFID || msg->fid == P9_NOFID)
		return -EINVAL;
	if (msg->aname.len && !p9s_str_equal(&msg->aname, "/"))
		return -ENOENT;
	identity = p9s_identity_attach(&session->export, msg);
	if (IS_ERR(identity))
		return PTR_ERR(identity);
	fid = p9s_fid_alloc(&session->fids, msg->fid, &session->export.root,
			    identity);
	p9s_identity_put(identity);
	if (!fid)
		return -ENOMEM;
	err = p9s_ops_put_qid(rq, &fid->path);
	if (!err)
		err = p9s_fid_insert(fid);
	p9s_fid_put(fid);
	return err;
}

/**
 * p9s_op_flush - Tflush: answered when the flushed request was
 * @rq: the request
 *
 * What a filesystem does cannot be called off, so a flush only waits, without
 * keeping a thread.
 *
 * Context and return: see ops.h; -EIOCBQUEUED if it waits.
 */
int p9s_op_flush(struct p9s_request *rq)
{
	if (p9s_flush_park(rq) || p9s_request_await(rq, rq->msg.flush.oldtag))
		return -EIOCBQUEUED;
	return 0;
}
