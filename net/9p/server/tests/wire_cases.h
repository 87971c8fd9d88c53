/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A message of each type that the server knows: how it is made, and what must
 * come out when it is taken apart. Used in userspace too.
 */
#ifndef NET_9P_SERVER_TESTS_WIRE_CASES_H
#define NET_9P_SERVER_TESTS_WIRE_CASES_H

#include <net/9p/9p.h>

#include "../wire.h"
#include "wire_body.h"

/**
 * struct wire_message - a type of message
 * @type: the type
 * @has_name: it has a name for a file
 * @title: what it is called
 * @make: puts its body together, with this name where it has one
 * @check: whether the fields are what @make has put in, with "name" for a name
 */
struct wire_message {
	u8 type;
	bool has_name;
	const char *title;
	void (*make)(struct wire_body *body, const char *name, size_t len);
	bool (*check)(const union p9s_msg *msg);
};

#define WIRE_FID	0x81828384U
#define WIRE_FID2	0x91929394U
#define WIRE_LONG	0xA1A2A3A4A5A6A7A8ULL
#define WIRE_N1		0xC1C2C3C4U
#define WIRE_N2		0xD1D2D3D4U
#define WIRE_N3		0xE1E2E3E4U

/* All but these begin with a fid */
static inline bool wire_has_fid(const struct wire_message *m)
{
	return m->type != P9_TVERSION && m->type != P9_TFLUSH;
}

static inline bool wire_is(const struct p9s_str *str, const char *text)
{
	return str->len == strlen(text) && !memcmp(str->ptr, text, str->len);
}

static void wire_make_version(struct wire_body *b, const char *name,
			      size_t len)
{
	wire_put(b, WIRE_N1, 4);
	wire_put_string(b, "9P2000.L");
}

static bool wire_check_version(const union p9s_msg *msg)
{
	return msg->version.msize == WIRE_N1 &&
	       wire_is(&msg->version.version, "9P2000.L");
}

static void wire_make_attach(struct wire_body *b, const char *name,
			     size_t len)
{
	wire_put(b, WIRE_FID, 4);
	wire_put(b, WIRE_FID2, 4);
	wire_put_string(b, "root");
	wire_put_string(b, "");
	wire_put(b, WIRE_N1, 4);
}

static bool wire_check_attach(const union p9s_msg *msg)
{
	return msg->attach.afid == WIRE_FID2 &&
	       wire_is(&msg->attach.uname, "root") &&
	       wire_is(&msg->attach.aname, "") &&
	       msg->attach.n_uname == WIRE_N1;
}

static bool wire_check_auth(const union p9s_msg *msg)
{
	return msg->auth.afid == WIRE_FID &&
	       wire_is(&msg->auth.uname, "root") &&
	       wire_is(&msg->auth.aname, "aname") &&
	       msg->auth.n_uname == WIRE_N1;
}

static void wire_make_auth(struct wire_body *b, const char *name,
			   size_t len)
{
	wire_put(b, WIRE_FID, 4);
	wire_put_string(b, "root");
	wire_put_string(b, "aname");
	wire_put(b, WIRE_N1, 4);
}

static void wire_make_flush(struct wire_body *b, const char *name,
			    size_t len)
{
	wire_put(b, 0xFEDC, 2);
}

static bool wire_check_flush(const union p9s_msg *msg)
{
	return msg->flush.oldtag == 0xFEDC;
}

static void wire_make_walk(struct wire_body *b, const char *name,
			   size_t len)
{
	wire_put(b, WIRE_FID, 4);
	wire_put(b, WIRE_FID2, 4);
	wire_put(b, 3, 2);
	wire_put_string(b, "..");
	wire_put_text(b, name, len);
	wire_put_string(b, "c");
}

static bool wire_check_walk(const union p9s_msg *msg)
{
	return msg->walk.newfid == WIRE_FID2 &&
	       msg->walk.nr == 3 &&
	       wire_is(&msg->walk.names[0], "..") &&
	       wire_is(&msg->walk.names[1], "name") &&
	       wire_is(&msg->walk.names[2], "c");
}

static void wire_make_lopen(struct wire_body *b, const char *name,
			    size_t len)
{
	wire_put(b, WIRE_FID, 4);
	wire_put(b, WIRE_N1, 4);
}

static bool wire_check_lopen(const union p9s_msg *msg)
{
	return msg->lopen.flags == WIRE_N1;
}

static void wire_make_lcreate(struct wire_body *b, const char *name,
			      size_t len)
{
	wire_put(b, WIRE_FID, 4);
	wire_put_text(b, name, len);
	wire_put(b, WIRE_N1, 4);
	wire_put(b, WIRE_N2, 4);
	wire_put(b, WIRE_N3, 4);
}

static bool wire_check_lcreate(const union p9s_msg *msg)
{
	return wire_is(&msg->lcreate.name, "name") &&
	       msg->lcreate.flags == WIRE_N1 &&
	       msg->lcreate.mode == WIRE_N2 &&
	       msg->lcreate.gid == WIRE_N3;
}

static void wire_make_fid(struct wire_body *b, const char *name,
			  size_t len)
{
	wire_put(b, WIRE_FID, 4);
}

static bool wire_check_fid(const union p9s_msg *msg)
{
	return msg->fid == WIRE_FID;
}

static void wire_make_read(struct wire_body *b, const char *name,
			   size_t len)
{
	wire_put(b, WIRE_FID, 4);
	wire_put(b, WIRE_LONG, 8);
	wire_put(b, WIRE_N1, 4);
}

static bool wire_check_read(const union p9s_msg *msg)
{
	return msg->read.offset == WIRE_LONG &&
	       msg->read.count == WIRE_N1;
}

static void wire_make_write(struct wire_body *b, const char *name,
			    size_t len)
{
	wire_put(b, WIRE_FID, 4);
	wire_put(b, WIRE_LONG, 8);
	wire_put(b, 5, 4);
	wire_put(b, 0x6F6C6C6548ULL, 5);
}

static bool wire_check_write(const union p9s_msg *msg)
{
	return msg->write.offset == WIRE_LONG &&
	       msg->write.count == 5 &&
	       !memcmp(msg->write.data, "Hello", 5);
}

static bool wire_check_fsync(const union p9s_msg *msg)
{
	return msg->fsync.datasync == WIRE_N1;
}

static void wire_make_getattr(struct wire_body *b, const char *name,
			      size_t len)
{
	wire_put(b, WIRE_FID, 4);
	wire_put(b, WIRE_LONG, 8);
}

static bool wire_check_getattr(const union p9s_msg *msg)
{
	return msg->getattr.mask == WIRE_LONG;
}

static void wire_make_setattr(struct wire_body *b, const char *name,
			      size_t len)
{
	unsigned int i;

	wire_put(b, WIRE_FID, 4);
	wire_put(b, 0x1FF, 4);
	wire_put(b, WIRE_N1, 4);
	wire_put(b, WIRE_N2, 4);
	wire_put(b, WIRE_N3, 4);
	wire_put(b, WIRE_LONG, 8);
	for (i = 1; i <= 4; i++)
		wire_put(b, WIRE_LONG + i, 8);
}

static bool wire_check_setattr(const union p9s_msg *msg)
{
	return msg->setattr.valid == 0x1FF &&
	       msg->setattr.mode == WIRE_N1 &&
	       msg->setattr.uid == WIRE_N2 &&
	       msg->setattr.gid == WIRE_N3 &&
	       msg->setattr.size == WIRE_LONG &&
	       msg->setattr.atime.sec == WIRE_LONG + 1 &&
	       msg->setattr.atime.nsec == WIRE_LONG + 2 &&
	       msg->setattr.mtime.sec == WIRE_LONG + 3 &&
	       msg->setattr.mtime.nsec == WIRE_LONG + 4;
}

static void wire_make_xattrwalk(struct wire_body *b, const char *name,
				size_t len)
{
	wire_put(b, WIRE_FID, 4);
	wire_put(b, WIRE_FID2, 4);
	wire_put_string(b, "user.a/b");
}

static bool wire_check_xattrwalk(const union p9s_msg *msg)
{
	return msg->xattrwalk.newfid == WIRE_FID2 &&
	       wire_is(&msg->xattrwalk.name, "user.a/b");
}

static void wire_make_xattrcreate(struct wire_body *b, const char *name,
				  size_t len)
{
	wire_put(b, WIRE_FID, 4);
	wire_put_string(b, "user.a/b");
	wire_put(b, WIRE_LONG, 8);
	wire_put(b, WIRE_N1, 4);
}

static bool wire_check_xattrcreate(const union p9s_msg *msg)
{
	return wire_is(&msg->xattrcreate.name, "user.a/b") &&
	       msg->xattrcreate.size == WIRE_LONG &&
	       msg->xattrcreate.flags == WIRE_N1;
}

static void wire_put_lock(struct wire_body *b)
{
	wire_put(b, WIRE_LONG, 8);
	wire_put(b, WIRE_LONG + 1, 8);
	wire_put(b, WIRE_N2, 4);
	wire_put_string(b, "client");
}

static bool wire_check_lock_of(const union p9s_msg *msg, u32 flags)
{
	return msg->lock.type == 0xB1 &&
	       msg->lock.flags == flags &&
	       msg->lock.start == WIRE_LONG &&
	       msg->lock.length == WIRE_LONG + 1 &&
	       msg->lock.proc_id == WIRE_N2 &&
	       wire_is(&msg->lock.client_id, "client");
}

static void wire_make_lock(struct wire_body *b, const char *name,
			   size_t len)
{
	wire_put(b, WIRE_FID, 4);
	wire_put(b, 0xB1, 1);
	wire_put(b, WIRE_N1, 4);
	wire_put_lock(b);
}

static bool wire_check_lock(const union p9s_msg *msg)
{
	return wire_check_lock_of(msg, WIRE_N1);
}

static void wire_make_getlock(struct wire_body *b, const char *name,
			      size_t len)
{
	wire_put(b, WIRE_FID, 4);
	wire_put(b, 0xB1, 1);
	wire_put_lock(b);
}

static bool wire_check_getlock(const union p9s_msg *msg)
{
	return wire_check_lock_of(msg, 0);
}

static void wire_make_mkdir(struct wire_body *b, const char *name,
			    size_t len)
{
	wire_put(b, WIRE_FID, 4);
	wire_put_text(b, name, len);
	wire_put(b, WIRE_N1, 4);
	wire_put(b, WIRE_N2, 4);
}

static bool wire_check_mkdir(const union p9s_msg *msg)
{
	return wire_is(&msg->mkdir.name, "name") &&
	       msg->mkdir.mode == WIRE_N1 &&
	       msg->mkdir.gid == WIRE_N2;
}

static void wire_make_symlink(struct wire_body *b, const char *name,
			      size_t len)
{
	wire_put(b, WIRE_FID, 4);
	wire_put_text(b, name, len);
	wire_put_string(b, "/a/../b");
	wire_put(b, WIRE_N1, 4);
}

static bool wire_check_symlink(const union p9s_msg *msg)
{
	return wire_is(&msg->symlink.name, "name") &&
	       wire_is(&msg->symlink.target, "/a/../b") &&
	       msg->symlink.gid == WIRE_N1;
}

static void wire_make_mknod(struct wire_body *b, const char *name,
			    size_t len)
{
	wire_put(b, WIRE_FID, 4);
	wire_put_text(b, name, len);
	wire_put(b, WIRE_N1, 4);
	wire_put(b, WIRE_N2, 4);
	wire_put(b, WIRE_N3, 4);
	wire_put(b, 7, 4);
}

static bool wire_check_mknod(const union p9s_msg *msg)
{
	return wire_is(&msg->mknod.name, "name") &&
	       msg->mknod.mode == WIRE_N1 &&
	       msg->mknod.major == WIRE_N2 &&
	       msg->mknod.minor == WIRE_N3 &&
	       msg->mknod.gid == 7;
}

static void wire_make_link(struct wire_body *b, const char *name,
			   size_t len)
{
	wire_put(b, WIRE_FID, 4);
	wire_put(b, WIRE_FID2, 4);
	wire_put_text(b, name, len);
}

static bool wire_check_link(const union p9s_msg *msg)
{
	return msg->link.oldfid == WIRE_FID2 &&
	       wire_is(&msg->link.name, "name");
}

static bool wire_check_rename(const union p9s_msg *msg)
{
	return msg->rename.dirfid == WIRE_FID2 &&
	       wire_is(&msg->rename.name, "name");
}

static void wire_make_renameat(struct wire_body *b, const char *name,
			       size_t len)
{
	wire_put(b, WIRE_FID, 4);
	wire_put_string(b, "old");
	wire_put(b, WIRE_FID2, 4);
	wire_put_text(b, name, len);
}

static bool wire_check_renameat(const union p9s_msg *msg)
{
	return wire_is(&msg->renameat.oldname, "old") &&
	       msg->renameat.newdirfid == WIRE_FID2 &&
	       wire_is(&msg->renameat.newname, "name");
}

static void wire_make_unlinkat(struct wire_body *b, const char *name,
			       size_t len)
{
	wire_put(b, WIRE_FID, 4);
	wire_put_text(b, name, len);
	wire_put(b, WIRE_N1, 4);
}

static bool wire_check_unlinkat(const union p9s_msg *msg)
{
	return wire_is(&msg->unlinkat.name, "name") &&
	       msg->unlinkat.flags == WIRE_N1;
}

static const struct wire_message wire_messages[] = {
	{ P9_TVERSION, false, "version", wire_make_version,
	  wire_check_version },
	{ P9_TAUTH, false, "auth", wire_make_auth, wire_check_auth },
	{ P9_TATTACH, false, "attach", wire_make_attach, wire_check_attach },
	{ P9_TFLUSH, false, "flush", wire_make_flush, wire_check_flush },
	{ P9_TWALK, true, "walk", wire_make_walk, wire_check_walk },
	{ P9_TLOPEN, false, "lopen", wire_make_lopen, wire_check_lopen },
	{ P9_TLCREATE, true, "lcreate", wire_make_lcreate, wire_check_lcreate },
	{ P9_TCLUNK, false, "clunk", wire_make_fid, wire_check_fid },
	{ P9_TREMOVE, false, "remove", wire_make_fid, wire_check_fid },
	{ P9_TSTATFS, false, "statfs", wire_make_fid, wire_check_fid },
	{ P9_TREADLINK, false, "readlink", wire_make_fid, wire_check_fid },
	{ P9_TREAD, false, "read", wire_make_read, wire_check_read },
	{ P9_TREADDIR, false, "readdir", wire_make_read, wire_check_read },
	{ P9_TWRITE, false, "write", wire_make_write, wire_check_write },
	{ P9_TFSYNC, false, "fsync", wire_make_lopen, wire_check_fsync },
	{ P9_TGETATTR, false, "getattr", wire_make_getattr,
	  wire_check_getattr },
	{ P9_TSETATTR, false, "setattr", wire_make_setattr,
	  wire_check_setattr },
	{ P9_TXATTRWALK, false, "xattrwalk", wire_make_xattrwalk,
	  wire_check_xattrwalk },
	{ P9_TXATTRCREATE, false, "xattrcreate", wire_make_xattrcreate,
	  wire_check_xattrcreate },
	{ P9_TLOCK, false, "lock", wire_make_lock, wire_check_lock },
	{ P9_TGETLOCK, false, "getlock", wire_make_getlock,
	  wire_check_getlock },
	{ P9_TMKDIR, true, "mkdir", wire_make_mkdir, wire_check_mkdir },
	{ P9_TSYMLINK, true, "symlink", wire_make_symlink, wire_check_symlink },
	{ P9_TMKNOD, true, "mknod", wire_make_mknod, wire_check_mknod },
	{ P9_TLINK, true, "link", wire_make_link, wire_check_link },
	{ P9_TRENAME, true, "rename", wire_make_link, wire_check_rename },
	{ P9_TRENAMEAT, true, "renameat", wire_make_renameat,
	  wire_check_renameat },
	{ P9_TUNLINKAT, true, "unlinkat", wire_make_unlinkat,
	  wire_check_unlinkat },
};

#endif /* NET_9P_SERVER_TESTS_WIRE_CASES_H */
