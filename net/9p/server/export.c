// SPDX-License-Identifier: GPL-2.0
/*
 * What a session serves: options as an admin writes them, and where the
 * exported tree ends. Every use of a fid and every step of a walk asks here,
 * since a directory may be moved out of the export while a fid is on it.
 */
#include <linux/dcache.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/kstrtox.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/path.h>
#include <linux/stat.h>
#include <linux/string.h>
#include <linux/uidgid.h>
#include <net/9p/server.h>

#include "export.h"
#include "fid.h"

static int p9s_export_id(const char *value, u32 *id)
{
	int err = kstrtou32(value, 10, id);

	return err || *id == ~0U ? -EINVAL : 0;
}

static int p9s_export_flag(const char *value, bool *flag)
{
	if (strcmp(value, "0") && strcmp(value, "1"))
		return -EINVAL;
	*flag = value[0] == '1';
	return 0;
}

static int p9s_option_security(struct p9_server_export *export,
			       const char *value)
{
	static const struct {
		const char *name;
		enum p9_server_security security;
	} models[] = {
		{ "none", P9_SERVER_PASSTHROUGH },
		{ "passthrough", P9_SERVER_PASSTHROUGH },
		{ "squash", P9_SERVER_SQUASH },
		{ "server", P9_SERVER_CHECKED },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(models); i++) {
		if (strcmp(value, models[i].name))
			continue;
		export->security = models[i].security;
		return 0;
	}
	return -EINVAL;
}

static int p9s_option_squash_uid(struct p9_server_export *export,
				 const char *value)
{
	u32 id;
	int err = p9s_export_id(value, &id);

	if (!err)
		export->squash_uid = make_kuid(&init_user_ns, id);
	return err;
}

static int p9s_option_squash_gid(struct p9_server_export *export,
				 const char *value)
{
	u32 id;
	int err = p9s_export_id(value, &id);

	if (!err)
		export->squash_gid = make_kgid(&init_user_ns, id);
	return err;
}

static int p9s_option_readonly(struct p9_server_export *export,
			       const char *value)
{
	return p9s_export_flag(value, &export->readonly);
}

static int p9s_option_crossmnt(struct p9_server_export *export,
			       const char *value)
{
	return p9s_export_flag(value, &export->crossmnt);
}

static int p9s_option_devices(struct p9_server_export *export,
			      const char *value)
{
	return p9s_export_flag(value, &export->devices);
}

static int p9s_option_max_fids(struct p9_server_export *export,
			       const char *value)
{
	return kstrtouint(value, 10, &export->max_fids);
}

static int p9s_option_max_open(struct p9_server_export *export,
			       const char *value)
{
	return kstrtouint(value, 10, &export->max_open);
}

static int p9s_option_max_locks(struct p9_server_export *export,
				const char *value)
{
	return kstrtouint(value, 10, &export->max_locks);
}

static int p9s_option_max_xattrs(struct p9_server_export *export,
				 const char *value)
{
	return kstrtouint(value, 10, &export->max_xattrs);
}

static int p9s_option_max_requests(struct p9_server_export *export,
				   const char *value)
{
	return kstrtouint(value, 10, &export->max_requests);
}

static int p9s_option_max_buffered(struct p9_server_export *export,
				   const char *value)
{
	return kstrtouint(value, 10, &export->max_buffered);
}

static int p9s_option_max_threads(struct p9_server_export *export,
				  const char *value)
{
	return kstrtouint(value, 10, &export->max_threads);
}

#define P9S_IS_FLAG	"0 and 1"
#define P9S_IS_ID	"numbers below 4294967295"
#define P9S_IS_LIMIT	"numbers, 0 for the default"

static const struct {
	const char *key;
	int (*set)(struct p9_server_export *export, const char *value);
	const char *values;	/* for an admin to read */
} p9s_options[] = {
	{ "security_model", p9s_option_security,
	  "none, passthrough, squash and server" },
	{ "squash_uid", p9s_option_squash_uid, P9S_IS_ID },
	{ "squash_gid", p9s_option_squash_gid, P9S_IS_ID },
	{ "readonly", p9s_option_readonly, P9S_IS_FLAG },
	{ "crossmnt", p9s_option_crossmnt, P9S_IS_FLAG },
	{ "devices", p9s_option_devices, P9S_IS_FLAG },
	{ "max_fids", p9s_option_max_fids, P9S_IS_LIMIT },
	{ "max_open", p9s_option_max_open, P9S_IS_LIMIT },
	{ "max_locks", p9s_option_max_locks, P9S_IS_LIMIT },
	{ "max_xattrs", p9s_option_max_xattrs, P9S_IS_LIMIT },
	{ "max_requests", p9s_option_max_requests, P9S_IS_LIMIT },
	{ "max_buffered", p9s_option_max_buffered, P9S_IS_LIMIT },
	{ "max_threads", p9s_option_max_threads, P9S_IS_LIMIT },
};

/* Where an option is in the table; its size if there is no such option */
static unsigned int p9s_option_find(const char *key)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(p9s_options); i++) {
		if (!strcmp(key, p9s_options[i].key))
			break;
	}
	return i;
}

/**
 * p9_server_export_option - set one option of an export
 * @export: the export, P9_SERVER_EXPORT_INIT before its first option
 * @key: the option: security_model (none, passthrough, squash or server),
 *	squash_uid, squash_gid (numbers), readonly, crossmnt, devices (0 or 1),
 *	max_fids, max_open, max_locks, max_xattrs (in bytes), max_requests,
 *	max_buffered (in bytes) or max_threads (numbers; 0 stands for the default)
 * @value: its value
 *
 * In what order options are set does not matter.
 *
 * Context: any.
 * Return: 0, -ENOENT for a key that does not exist, or -EINVAL for a value that
 * it cannot have; p9_server_export_explain() puts either in words.
 */
int p9_server_export_option(struct p9_server_export *export, const char *key,
			    const char *value)
{
	unsigned int i = p9s_option_find(key);

	if (i == ARRAY_SIZE(p9s_options))
		return -ENOENT;
	return p9s_options[i].set(export, value) ? -EINVAL : 0;
}
EXPORT_SYMBOL_GPL(p9_server_export_option);

/**
 * p9_server_export_explain - say why an option was refused, and what is known
 * @key: the option
 * @value: its value
 * @why: where the words go
 * @size: of @why
 *
 * Context: any.
 */
void p9_server_export_explain(const char *key, const char *value, char *why,
			      size_t size)
{
	unsigned int i = p9s_option_find(key);
	size_t at;

	if (i < ARRAY_SIZE(p9s_options)) {
		snprintf(why, size, "%.40s=%.80s is not supported; known are %s",
			 key, value, p9s_options[i].values);
		return;
	}
	at = scnprintf(why, size, "%.40s=%.80s is no option; known are", key,
		       value);
	for (i = 0; i < ARRAY_SIZE(p9s_options); i++)
		at += scnprintf(why + at, size - at, "%s%s", i ? ", " : " ",
				p9s_options[i].key);
}
EXPORT_SYMBOL_GPL(p9_server_export_explain);

/**
 * p9s_export_check - whether an export can be served
 * @export: the export
 *
 * Context: any.
 * Return: 0, -ENOTDIR, or -EINVAL for ids that do not exist.
 */
int p9s_export_check(const struct p9_server_export *export)
{
	if (!d_can_lookup(export->root.dentry))
		return -ENOTDIR;
	if (export->security != P9_SERVER_SQUASH)
		return 0;
	if (!uid_valid(export->squash_uid) || !gid_valid(export->squash_gid))
		return -EINVAL;
	return 0;
}

/**
 * p9s_export_is_root - whether a place is the top of the export
 * @export: the export
 * @path: the place
 *
 * Context: any.
 * Return: true if it is.
 */
bool p9s_export_is_root(const struct p9_server_export *export,
			const struct path *path)
{
	return path_equal(path, &export->root);
}

/*
 * From mount to mount up to that of the export's root. A mount may show a part
 * of its filesystem only, and what is moved out of that part is still "in" the
 * mount: it can be told by its not being beneath the mount's root.
 */
static bool p9s_export_covers_mount(const struct p9_server_export *export,
				    const struct path *path)
{
	struct path at = *path;
	bool covers = false;

	path_get(&at);
	while (is_subdir(at.dentry, at.mnt->mnt_root) && follow_up(&at)) {
		if (at.mnt != export->root.mnt)
			continue;
		covers = is_subdir(at.dentry, export->root.dentry);
		break;
	}
	path_put(&at);
	return covers;
}

/**
 * p9s_export_covers - whether a place is in the export right now
 * @export: the export
 * @path: the place
 *
 * Context: may sleep. Somebody may move it away the moment this returns, which
 * is as if that had come later.
 * Return: true if it is the export's root or beneath.
 */
bool p9s_export_covers(const struct p9_server_export *export,
		       const struct path *path)
{
	if (path->mnt == export->root.mnt)
		return is_subdir(path->dentry, export->root.dentry);
	return p9s_export_covers_mount(export, path);
}

/**
 * p9s_export_serves - whether a client may still use a fid
 * @export: the export
 * @fid: the fid
 *
 * What was moved out of the export is out of reach, and so is all beneath it.
 * But a file that is open stays so, wherever it goes, as it would for a process.
 *
 * Context: may sleep.
 * Return: true if so.
 */
bool p9s_export_serves(const struct p9_server_export *export,
		       struct p9s_fid *fid)
{
	struct file *file = p9s_fid_file(fid);

	if (file && !S_ISDIR(file_inode(file)->i_mode))
		return true;
	return p9s_export_covers(export, &fid->path);
}
