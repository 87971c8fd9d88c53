// SPDX-License-Identifier: GPL-2.0
/*
 * Walking. One name at a time from a place in the tree of mounts, never a path
 * string, never through a symlink, and never above the export's root.
 */
#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/path.h>
#include <linux/unaligned.h>
#include <net/9p/9p.h>
#include <net/9p/server.h>

#include "export.h"
#include "fid.h"
#include "ops.h"
#include "request.h"
#include "session.h"

/* From the root of a mount to where it is mounted, but not out of the export */
static void p9s_walk_surface(const struct p9_server_export *export,
			     struct path *path)
{
	while (path->dentry == path->mnt->mnt_root) {
		if (p9s_export_is_root(export, path) || !follow_up(path))
			break;
	}
}

/*
 * Arrive where a step has led: on what is mounted there, if the export goes on
 * beneath. Whatever was moved meanwhile, that place must be in the export. The
 * export's root stays what it is, even if something is mounted on it later.
 */
static int p9s_walk_land(const struct p9_server_export *export,
			 struct path *path)
{
	int err;

	if (p9s_export_is_root(export, path))
		return 0;
	if (export->crossmnt) {
		err = follow_down(path, 0);
		if (err)
			return err;
	}
	return p9s_export_covers(export, path) ? 0 : -ENOENT;
}

static int p9s_walk_up(const struct p9_server_export *export,
		       struct path *path)
{
	struct dentry *parent;
	int err;

	if (!d_can_lookup(path->dentry))
		return -ENOTDIR;
	err = path_permission(path, MAY_EXEC);
	if (err)
		return err;
	p9s_walk_surface(export, path);
	if (p9s_export_is_root(export, path))
		return 0;
	parent = dget_parent(path->dentry);
	dput(path->dentry);
	path->dentry = parent;
	return p9s_walk_land(export, path);
}

static int p9s_walk_down(const struct p9_server_export *export,
			 struct path *path, const struct p9s_str *name)
{
	struct dentry *child;

	if (!d_can_lookup(path->dentry))
		return -ENOTDIR;
	child = lookup_one_positive_unlocked(mnt_idmap(path->mnt),
					     &QSTR_LEN(name->ptr, name->len),
					     path->dentry);
	if (IS_ERR(child))
		return PTR_ERR(child);
	dput(path->dentry);
	path->dentry = child;
	return p9s_walk_land(export, path);
}

/**
 * p9s_walk_one - walk by one name
 * @rq: the request that walks
 * @path: where from, and where to afterwards; the references move along.
 *	After an error it is somewhere on the way.
 * @name: a name that the decoder has let through
 *
 * Where it starts may have been moved out of the export after its fid was
 * looked at; where it ends was in the export as it got there.
 *
 * Context: may sleep; the identity that walks is put on.
 * Return: 0, -ENOENT, -ENOTDIR, -EACCES or what the filesystem says.
 */
int p9s_walk_one(struct p9s_request *rq, struct path *path,
		 const struct p9s_str *name)
{
	const struct p9_server_export *export = &rq->session->export;

	if (p9s_str_is_dotdot(name))
		return p9s_walk_up(export, path);
	return p9s_walk_down(export, path, name);
}

/* Walk as far as it goes. Returns the number of qids, or the first error. */
static int p9s_walk_names(struct p9s_request *rq, struct path *path)
{
	const struct p9s_twalk *msg = &rq->msg.walk;
	unsigned int i;
	int err = 0;

	p9s_put_u16(&rq->out, msg->nr);
	for (i = 0; i < msg->nr; i++) {
		err = p9s_walk_one(rq, path, &msg->names[i]);
		if (!err)
			err = p9s_ops_put_qid(rq, path);
		if (err)
			break;
	}
	return i || !err ? i : err;
}

/* Give the place that was walked to its fid */
static int p9s_walk_arrive(struct p9s_request *rq, const struct path *path)
{
	u32 newfid = rq->msg.walk.newfid;
	struct p9s_fid *fid;
	int err;

	fid = p9s_fid_alloc(&rq->session->fids, newfid, path,
			    rq->fid->identity);
	if (!fid)
		return -ENOMEM;
	if (newfid == rq->fid->id)
		err = p9s_fid_replace(rq->fid, fid);
	else
		err = p9s_fid_insert(fid);
	p9s_fid_put(fid);
	return err;
}

/**
 * p9s_op_walk - Twalk: a fid for another place
 * @rq: the request
 *
 * An open fid may be walked from, as Linux's client does, but not be moved
 * itself. A walk that gets stuck after its first name answers how far it got
 * and makes no fid.
 *
 * Context and return: see ops.h.
 */
int p9s_op_walk(struct p9s_request *rq)
{
	const struct p9s_twalk *msg = &rq->msg.walk;
	struct path path = rq->fid->path;
	u8 *nr_at = rq->out.pos;
	int nr;
	int err = 0;

	if (msg->newfid == P9_NOFID)
		return -EINVAL;
	if (msg->newfid == msg->fid && p9s_fid_file(rq->fid))
		return -EBUSY;
	path_get(&path);
	nr = p9s_walk_names(rq, &path);
	if (nr < 0)
		err = nr;
	else if (nr < msg->nr)
		put_unaligned_le16(nr, nr_at);
	else
		err = p9s_walk_arrive(rq, &path);
	path_put(&path);
	return err;
}
