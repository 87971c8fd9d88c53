// SPDX-License-Identifier: GPL-2.0
/*
 * What a session serves: options as an admin writes them, and where the
 * exported tree ends. Everything that looks upwards asks here first, since a
 * directory may be moved out of the export while a fid is on it.
 */
#include <linux/dcache.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/kstrtox.h>
#include <linux/path.h>
#include <linux/string.h>
#include <linux/uidgid.h>
#include <net/9p/server.h>

#include "export.h"

#define P9S_SQUASH_TO	65534	/* nobody, nogroup */

static int p9s_export_id(const char *value, u32 *id)
{
	int err = kstrtou32(value, 10, id);

	return err || *id == ~0U ? -EINVAL : 0;
}

static int p9s_option_security(struct p9_server_export *export,
			       const char *value)
{
	if (!strcmp(value, "none") || !strcmp(value, "passthrough")) {
		export->security = P9_SERVER_PASSTHROUGH;
		return 0;
	}
	if (strcmp(value, "squash"))
		return -EINVAL;
	export->security = P9_SERVER_SQUASH;
	/* Nobody wants everybody to be root by leaving something out */
	if (uid_eq(export->squash_uid, GLOBAL_ROOT_UID))
		export->squash_uid = KUIDT_INIT(P9S_SQUASH_TO);
	if (gid_eq(export->squash_gid, GLOBAL_ROOT_GID))
		export->squash_gid = KGIDT_INIT(P9S_SQUASH_TO);
	return 0;
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

static int p9s_export_bool(const char *value, bool *to)
{
	if (strcmp(value, "0") && strcmp(value, "1"))
		return -EINVAL;
	*to = value[0] == '1';
	return 0;
}

static int p9s_option_readonly(struct p9_server_export *export,
			       const char *value)
{
	return p9s_export_bool(value, &export->readonly);
}

static int p9s_option_devices(struct p9_server_export *export,
			      const char *value)
{
	return p9s_export_bool(value, &export->devices);
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

static const struct {
	const char *key;
	int (*set)(struct p9_server_export *export, const char *value);
} p9s_options[] = {
	{ "security_model", p9s_option_security },
	{ "squash_uid", p9s_option_squash_uid },
	{ "squash_gid", p9s_option_squash_gid },
	{ "readonly", p9s_option_readonly },
	{ "devices", p9s_option_devices },
	{ "max_fids", p9s_option_max_fids },
	{ "max_open", p9s_option_max_open },
	{ "max_locks", p9s_option_max_locks },
	{ "max_xattrs", p9s_option_max_xattrs },
};

/**
 * p9_server_export_option - set one option of an export
 * @export: the export, zeroed before its first option
 * @key: the option: security_model (none, passthrough or squash), squash_uid,
 *	squash_gid (numbers; 65534 unless given), readonly or devices (0 or 1),
 *	max_fids, max_open, max_locks or max_xattrs (numbers; 0 stands for the
 *	default)
 * @value: its value
 *
 * To squash to root takes squash_uid=0 after security_model=squash; the other
 * way round the model's safe default wins.
 *
 * Context: any.
 * Return: 0, or -EINVAL for a key that does not exist or a value that it
 * cannot have; the caller knows where it comes from and so tells the admin.
 */
int p9_server_export_option(struct p9_server_export *export, const char *key,
			    const char *value)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(p9s_options); i++) {
		if (!strcmp(key, p9s_options[i].key))
			return p9s_options[i].set(export, value);
	}
	return -EINVAL;
}
EXPORT_SYMBOL_GPL(p9_server_export_option);

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

/**
 * p9s_export_covers - whether a place is in the export right now
 * @export: the export
 * @path: the place
 *
 * Context: process. Somebody may move it away the moment this returns, which
 * is as if that had come later.
 * Return: true if it is the export's root or beneath.
 */
bool p9s_export_covers(const struct p9_server_export *export,
		       const struct path *path)
{
	return path_is_under(path, &export->root);
}
