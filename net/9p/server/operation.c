// SPDX-License-Identifier: GPL-2.0
/*
 * The one table of operations: which message means what, how its body is taken
 * apart and who does it. What is not in it is answered with EOPNOTSUPP, and so
 * is what has a name but no handler.
 */
#include <kunit/visibility.h>
#include <linux/kernel.h>
#include <net/9p/9p.h>

#include "operation.h"
#include "ops.h"

/* What an answered error is; no message asks for it */
const struct p9s_operation p9s_operation_error = { .name = "error" };

static const struct p9s_operation p9s_operation_unknown = { .name = "unknown" };

static const struct p9s_operation p9s_operations[] = {
	[P9_TSTATFS] = {
		.name = "statfs",
		.decode = p9s_decode_fid,
		.handle = p9s_op_statfs,
		.flags = P9S_OP_FID,
	},
	[P9_TLOPEN] = {
		.name = "lopen",
		.decode = p9s_decode_lopen,
		.handle = p9s_op_lopen,
		.flags = P9S_OP_FID,
	},
	[P9_TLCREATE] = {
		.name = "lcreate",
		.decode = p9s_decode_lcreate,
		.handle = p9s_op_lcreate,
		.flags = P9S_OP_FID | P9S_OP_CHANGES,
	},
	[P9_TSYMLINK] = {
		.name = "symlink",
		.decode = p9s_decode_symlink,
		.handle = p9s_op_symlink,
		.flags = P9S_OP_FID | P9S_OP_CHANGES,
	},
	[P9_TMKNOD] = {
		.name = "mknod",
		.decode = p9s_decode_mknod,
		.handle = p9s_op_mknod,
		.flags = P9S_OP_FID | P9S_OP_CHANGES,
	},
	[P9_TRENAME] = {
		.name = "rename",
		.decode = p9s_decode_rename,
		.handle = p9s_op_rename,
		.flags = P9S_OP_FID | P9S_OP_CHANGES,
	},
	[P9_TREADLINK] = {
		.name = "readlink",
		.decode = p9s_decode_fid,
		.handle = p9s_op_readlink,
		.flags = P9S_OP_FID,
	},
	[P9_TGETATTR] = {
		.name = "getattr",
		.decode = p9s_decode_getattr,
		.handle = p9s_op_getattr,
		.flags = P9S_OP_FID | P9S_OP_QUICK,
	},
	[P9_TSETATTR] = {
		.name = "setattr",
		.decode = p9s_decode_setattr,
		.handle = p9s_op_setattr,
		.flags = P9S_OP_FID | P9S_OP_CHANGES,
	},
	[P9_TXATTRWALK] = {
		.name = "xattrwalk",
		.decode = p9s_decode_xattrwalk,
		.handle = p9s_op_xattrwalk,
		.flags = P9S_OP_FID,
	},
	[P9_TXATTRCREATE] = {
		.name = "xattrcreate",
		.decode = p9s_decode_xattrcreate,
		.handle = p9s_op_xattrcreate,
		.flags = P9S_OP_FID | P9S_OP_CHANGES,
	},
	[P9_TREADDIR] = {
		.name = "readdir",
		.decode = p9s_decode_read,
		.handle = p9s_op_readdir,
		.flags = P9S_OP_FID,
	},
	[P9_TFSYNC] = {
		.name = "fsync",
		.decode = p9s_decode_fsync,
		.handle = p9s_op_fsync,
		.flags = P9S_OP_FID,
	},
	[P9_TLOCK] = {
		.name = "lock",
		.decode = p9s_decode_lock,
		.handle = p9s_op_lock,
		.flags = P9S_OP_FID,
	},
	[P9_TGETLOCK] = {
		.name = "getlock",
		.decode = p9s_decode_getlock,
		.handle = p9s_op_getlock,
		.flags = P9S_OP_FID,
	},
	[P9_TLINK] = {
		.name = "link",
		.decode = p9s_decode_link,
		.handle = p9s_op_link,
		.flags = P9S_OP_FID | P9S_OP_CHANGES,
	},
	[P9_TMKDIR] = {
		.name = "mkdir",
		.decode = p9s_decode_mkdir,
		.handle = p9s_op_mkdir,
		.flags = P9S_OP_FID | P9S_OP_CHANGES,
	},
	[P9_TRENAMEAT] = {
		.name = "renameat",
		.decode = p9s_decode_renameat,
		.handle = p9s_op_renameat,
		.flags = P9S_OP_FID | P9S_OP_CHANGES,
	},
	[P9_TUNLINKAT] = {
		.name = "unlinkat",
		.decode = p9s_decode_unlinkat,
		.handle = p9s_op_unlinkat,
		.flags = P9S_OP_FID | P9S_OP_CHANGES,
	},
	/* Run while leading, so that nothing is received meanwhile */
	[P9_TVERSION] = {
		.name = "version",
		.decode = p9s_decode_version,
		.handle = p9s_op_version,
		.flags = P9S_OP_UNVERSIONED,
	},
	[P9_TAUTH] = {
		.name = "auth",
		.decode = p9s_decode_auth,
		.handle = p9s_op_auth,
		.flags = P9S_OP_QUICK,
	},
	[P9_TATTACH] = {
		.name = "attach",
		.decode = p9s_decode_attach,
		.handle = p9s_op_attach,
	},
	[P9_TFLUSH] = {
		.name = "flush",
		.decode = p9s_decode_flush,
		.handle = p9s_op_flush,
		.flags = P9S_OP_UNVERSIONED | P9S_OP_QUICK,
	},
	[P9_TWALK] = {
		.name = "walk",
		.decode = p9s_decode_walk,
		.handle = p9s_op_walk,
		.flags = P9S_OP_FID,
	},
	[P9_TREAD] = {
		.name = "read",
		.decode = p9s_decode_read,
		.handle = p9s_op_read,
		.flags = P9S_OP_FID | P9S_OP_XATTR,
	},
	[P9_TWRITE] = {
		.name = "write",
		.decode = p9s_decode_write,
		.handle = p9s_op_write,
		.flags = P9S_OP_FID | P9S_OP_XATTR,
	},
	[P9_TCLUNK] = {
		.name = "clunk",
		.decode = p9s_decode_fid,
		.handle = p9s_op_clunk,
		.flags = P9S_OP_FID | P9S_OP_ANYWHERE | P9S_OP_XATTR,
	},
	[P9_TREMOVE] = {
		.name = "remove",
		.decode = p9s_decode_fid,
		.handle = p9s_op_remove,
		.flags = P9S_OP_FID | P9S_OP_ANYWHERE | P9S_OP_XATTR,
	},
};

/**
 * p9s_operation_of - what a type of message asks for
 * @type: the type
 *
 * Context: any.
 * Return: the operation, never NULL; it has no handler if the server does not
 * know what to do.
 */
const struct p9s_operation *p9s_operation_of(u8 type)
{
	if (type >= ARRAY_SIZE(p9s_operations) || !p9s_operations[type].name)
		return &p9s_operation_unknown;
	return &p9s_operations[type];
}
EXPORT_SYMBOL_IF_KUNIT(p9s_operation_of);
