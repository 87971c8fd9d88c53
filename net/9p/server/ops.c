// SPDX-License-Identifier: GPL-2.0
/* What handlers of several operations share */
#include <linux/err.h>
#include <linux/filelock.h>
#include <linux/fs.h>
#include <linux/minmax.h>
#include <linux/path.h>

#include "export.h"
#include "fid.h"
#include "ops.h"
#include "qid.h"
#include "request.h"
#include "session.h"

/**
 * p9s_ops_other_fid - the second fid of a request that is about two
 * @rq: the request
 * @id: the client's number for it
 *
 * Context: a handler.
 * Return: the fid, to be given back to p9s_fid_put(); -EBADF if there is none,
 * -ENOENT if what it is on has been moved out of the export.
 */
struct p9s_fid *p9s_ops_other_fid(struct p9s_request *rq, u32 id)
{
	struct p9s_fid *fid = p9s_fid_find(&rq->session->fids, id);

	if (!fid)
		return ERR_PTR(-EBADF);
	if (p9s_export_covers(&rq->session->export, &fid->path))
		return fid;
	p9s_fid_put(fid);
	return ERR_PTR(-ENOENT);
}

/**
 * p9s_ops_count - how many bytes of data a reply may carry
 * @rq: a read or readdir
 * @count: as many as the client asks for
 *
 * Context: a handler.
 * Return: as many as fit into a message, or less if less were asked for.
 */
u32 p9s_ops_count(struct p9s_request *rq, u32 count)
{
	return min(count, rq->msize - P9S_IO_HDR);
}

/**
 * p9s_ops_put_qid - encode the qid of a file
 * @rq: whose reply it goes to
 * @path: where the file is
 *
 * Context: a handler; may sleep.
 * Return: 0 or what the filesystem says.
 */
int p9s_ops_put_qid(struct p9s_request *rq, const struct path *path)
{
	struct p9s_qid qid;
	int err;

	err = p9s_qid_from_path(&rq->session->devices, path, &qid);
	if (!err)
		p9s_put_qid(&rq->out, &qid);
	return err;
}

/**
 * p9s_ops_deleg_broken - wait until a delegation was given back
 * @delegated: set if the change met a delegation
 * @err: what the change returned; what waiting returned, if it waited
 *
 * Context: may sleep; nothing locked.
 * Return: true if the change is to be tried again.
 */
bool p9s_ops_deleg_broken(struct delegated_inode *delegated, int *err)
{
	if (!is_delegated(delegated))
		return false;
	*err = break_deleg_wait(delegated);
	return !*err;
}
