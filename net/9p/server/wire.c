// SPDX-License-Identifier: GPL-2.0
/*
 * The 9P2000.L codec. A decoder reads fields in their order and never past the
 * end of the message; the first thing that is wrong is remembered, everything
 * after it reads as zero, and the decoder's caller gets the error once. All
 * that these functions touch is the private copy of a message.
 */
#include <kunit/visibility.h>
#include <linux/errno.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/unaligned.h>

#include "wire.h"

static void p9s_fail(struct p9s_cursor *in, int err)
{
	if (!in->err)
		in->err = err;
	in->pos = in->end;
}

/* The next @len bytes, or NULL: @in has failed then */
static const u8 *p9s_take(struct p9s_cursor *in, size_t len)
{
	const u8 *at = in->pos;

	if (in->err || len > (size_t)(in->end - in->pos)) {
		p9s_fail(in, -EINVAL);
		return NULL;
	}
	in->pos += len;
	return at;
}

/* The last bytes of a message: all of them here, or all of them not */
static const u8 *p9s_take_data(struct p9s_cursor *in, size_t len)
{
	if (!in->left)
		return p9s_take(in, len);
	if (in->pos != in->end || len != in->left)
		p9s_fail(in, -EINVAL);
	in->left = 0;
	return NULL;
}

static u8 p9s_get_u8(struct p9s_cursor *in)
{
	const u8 *at = p9s_take(in, 1);

	return at ? *at : 0;
}

static u16 p9s_get_u16(struct p9s_cursor *in)
{
	const u8 *at = p9s_take(in, 2);

	return at ? get_unaligned_le16(at) : 0;
}

static u32 p9s_get_u32(struct p9s_cursor *in)
{
	const u8 *at = p9s_take(in, 4);

	return at ? get_unaligned_le32(at) : 0;
}

static u64 p9s_get_u64(struct p9s_cursor *in)
{
	const u8 *at = p9s_take(in, 8);

	return at ? get_unaligned_le64(at) : 0;
}

static void p9s_get_str(struct p9s_cursor *in, struct p9s_str *str)
{
	u16 len = p9s_get_u16(in);
	const u8 *at = p9s_take(in, len);

	str->ptr = at ? (const char *)at : "";
	str->len = at ? len : 0;
}

/* One component of a path. ".." is let through: only a walk may use it. */
static void p9s_get_component(struct p9s_cursor *in, struct p9s_str *str)
{
	p9s_get_str(in, str);
	if (in->err)
		return;
	if (str->len > P9S_MAX_NAME)
		p9s_fail(in, -ENAMETOOLONG);
	else if (!str->len || p9s_str_equal(str, ".") ||
		 memchr(str->ptr, '/', str->len) ||
		 memchr(str->ptr, '\0', str->len))
		p9s_fail(in, -EINVAL);
}

/* What a file is to be called in its directory */
static void p9s_get_name(struct p9s_cursor *in, struct p9s_str *str)
{
	p9s_get_component(in, str);
	if (p9s_str_is_dotdot(str))
		p9s_fail(in, -EINVAL);
}

/* What a symlink is to point to; it is stored, never followed */
static void p9s_get_target(struct p9s_cursor *in, struct p9s_str *str)
{
	p9s_get_str(in, str);
	if (in->err)
		return;
	if (str->len > P9S_MAX_TARGET)
		p9s_fail(in, -ENAMETOOLONG);
	else if (!str->len || memchr(str->ptr, '\0', str->len))
		p9s_fail(in, -EINVAL);
}

/* What an xattr is called, with the errors of setxattr(2) and getxattr(2) */
static void p9s_get_xattr(struct p9s_cursor *in, struct p9s_str *str)
{
	p9s_get_str(in, str);
	if (in->err)
		return;
	if (str->len > P9S_MAX_XATTR)
		p9s_fail(in, -ERANGE);
	else if (memchr(str->ptr, '\0', str->len))
		p9s_fail(in, -EINVAL);
}

/* The part of a Tlock that a Tgetlock has too, but for the type */
static void p9s_get_lock(struct p9s_cursor *in, struct p9s_tlock *lock)
{
	lock->start = p9s_get_u64(in);
	lock->length = p9s_get_u64(in);
	lock->proc_id = p9s_get_u32(in);
	p9s_get_str(in, &lock->client_id);
	if (lock->client_id.len > P9S_MAX_CLIENT)
		p9s_fail(in, -ENAMETOOLONG);
}

static void p9s_get_time(struct p9s_cursor *in, struct p9s_time *time)
{
	time->sec = p9s_get_u64(in);
	time->nsec = p9s_get_u64(in);
}

/* A message ends with its last field */
static int p9s_finish(struct p9s_cursor *in)
{
	if (in->pos != in->end || in->left)
		p9s_fail(in, -EINVAL);
	return in->err;
}

/**
 * p9s_wire_header - read what every message starts with
 * @from: the first 7 bytes of a message
 * @header: where their meaning goes; nothing of it has been checked
 *
 * Context: any.
 */
void p9s_wire_header(const u8 *from, struct p9s_header *header)
{
	header->size = get_unaligned_le32(from);
	header->type = from[4];
	header->tag = get_unaligned_le16(from + 5);
}

/**
 * p9s_wire_start - put a cursor at the start of a message's body
 * @in: the cursor
 * @body: the first byte after the header
 * @len: bytes from there to the message's end
 *
 * Context: any.
 */
void p9s_wire_start(struct p9s_cursor *in, const u8 *body, size_t len)
{
	in->pos = body;
	in->end = body + len;
	in->left = 0;
	in->err = 0;
}
EXPORT_SYMBOL_IF_KUNIT(p9s_wire_start);

/**
 * p9s_decode_version - size[4] Tversion tag[2] msize[4] version[s]
 * @in: at the start of the body
 * @msg: where the fields go
 *
 * Context: any. Strings point into the message.
 * Return: 0 or the error to answer with: -EINVAL for a body that is too short,
 * too long or holds what a field must not hold, -ENAMETOOLONG.
 */
int p9s_decode_version(struct p9s_cursor *in, union p9s_msg *msg)
{
	msg->version.msize = p9s_get_u32(in);
	p9s_get_str(in, &msg->version.version);
	return p9s_finish(in);
}

/**
 * p9s_decode_auth - afid[4] uname[s] aname[s] n_uname[4]
 * @in: at the start of the body
 * @msg: where the fields go
 *
 * Context and return: see p9s_decode_version().
 */
int p9s_decode_auth(struct p9s_cursor *in, union p9s_msg *msg)
{
	msg->auth.afid = p9s_get_u32(in);
	p9s_get_str(in, &msg->auth.uname);
	p9s_get_str(in, &msg->auth.aname);
	msg->auth.n_uname = p9s_get_u32(in);
	return p9s_finish(in);
}

/**
 * p9s_decode_attach - fid[4] afid[4] uname[s] aname[s] n_uname[4]
 * @in: at the start of the body
 * @msg: where the fields go
 *
 * Context and return: see p9s_decode_version().
 */
int p9s_decode_attach(struct p9s_cursor *in, union p9s_msg *msg)
{
	msg->attach.fid = p9s_get_u32(in);
	msg->attach.afid = p9s_get_u32(in);
	p9s_get_str(in, &msg->attach.uname);
	p9s_get_str(in, &msg->attach.aname);
	msg->attach.n_uname = p9s_get_u32(in);
	return p9s_finish(in);
}

/**
 * p9s_decode_flush - oldtag[2]
 * @in: at the start of the body
 * @msg: where the fields go
 *
 * Context and return: see p9s_decode_version().
 */
int p9s_decode_flush(struct p9s_cursor *in, union p9s_msg *msg)
{
	msg->flush.oldtag = p9s_get_u16(in);
	return p9s_finish(in);
}

/**
 * p9s_decode_walk - fid[4] newfid[4] nwname[2] nwname*(wname[s])
 * @in: at the start of the body
 * @msg: where the fields go
 *
 * Context and return: see p9s_decode_version().
 */
int p9s_decode_walk(struct p9s_cursor *in, union p9s_msg *msg)
{
	struct p9s_twalk *walk = &msg->walk;
	unsigned int i;

	walk->fid = p9s_get_u32(in);
	walk->newfid = p9s_get_u32(in);
	walk->nr = p9s_get_u16(in);
	if (walk->nr > P9S_MAX_WALK) {
		walk->nr = 0;
		p9s_fail(in, -EINVAL);
	}
	for (i = 0; i < walk->nr; i++)
		p9s_get_component(in, &walk->names[i]);
	return p9s_finish(in);
}

/**
 * p9s_decode_lopen - fid[4] flags[4]
 * @in: at the start of the body
 * @msg: where the fields go
 *
 * Context and return: see p9s_decode_version().
 */
int p9s_decode_lopen(struct p9s_cursor *in, union p9s_msg *msg)
{
	msg->lopen.fid = p9s_get_u32(in);
	msg->lopen.flags = p9s_get_u32(in);
	return p9s_finish(in);
}

/**
 * p9s_decode_lcreate - fid[4] name[s] flags[4] mode[4] gid[4]
 * @in: at the start of the body
 * @msg: where the fields go
 *
 * Context and return: see p9s_decode_version().
 */
int p9s_decode_lcreate(struct p9s_cursor *in, union p9s_msg *msg)
{
	msg->lcreate.fid = p9s_get_u32(in);
	p9s_get_name(in, &msg->lcreate.name);
	msg->lcreate.flags = p9s_get_u32(in);
	msg->lcreate.mode = p9s_get_u32(in);
	msg->lcreate.gid = p9s_get_u32(in);
	return p9s_finish(in);
}

/**
 * p9s_decode_fid - fid[4] and nothing else: clunk, remove, statfs, readlink
 * @in: at the start of the body
 * @msg: where the fid goes
 *
 * Context and return: see p9s_decode_version().
 */
int p9s_decode_fid(struct p9s_cursor *in, union p9s_msg *msg)
{
	msg->fid = p9s_get_u32(in);
	return p9s_finish(in);
}

/**
 * p9s_decode_read - fid[4] offset[8] count[4]: read, readdir
 * @in: at the start of the body
 * @msg: where the fields go
 *
 * Context and return: see p9s_decode_version().
 */
int p9s_decode_read(struct p9s_cursor *in, union p9s_msg *msg)
{
	msg->read.fid = p9s_get_u32(in);
	msg->read.offset = p9s_get_u64(in);
	msg->read.count = p9s_get_u32(in);
	return p9s_finish(in);
}

/**
 * p9s_decode_write - fid[4] offset[8] count[4] data[count]
 * @in: at the start of the body
 * @msg: where the fields go; the data stay in the message
 *
 * Context and return: see p9s_decode_version().
 */
int p9s_decode_write(struct p9s_cursor *in, union p9s_msg *msg)
{
	msg->write.fid = p9s_get_u32(in);
	msg->write.offset = p9s_get_u64(in);
	msg->write.count = p9s_get_u32(in);
	msg->write.data = p9s_take_data(in, msg->write.count);
	return p9s_finish(in);
}

/**
 * p9s_decode_fsync - fid[4] datasync[4]
 * @in: at the start of the body
 * @msg: where the fields go
 *
 * Context and return: see p9s_decode_version().
 */
int p9s_decode_fsync(struct p9s_cursor *in, union p9s_msg *msg)
{
	msg->fsync.fid = p9s_get_u32(in);
	msg->fsync.datasync = p9s_get_u32(in);
	return p9s_finish(in);
}

/**
 * p9s_decode_getattr - fid[4] request_mask[8]
 * @in: at the start of the body
 * @msg: where the fields go
 *
 * Context and return: see p9s_decode_version().
 */
int p9s_decode_getattr(struct p9s_cursor *in, union p9s_msg *msg)
{
	msg->getattr.fid = p9s_get_u32(in);
	msg->getattr.mask = p9s_get_u64(in);
	return p9s_finish(in);
}

/**
 * p9s_decode_setattr - fid[4] valid[4] mode[4] uid[4] gid[4] size[8] and times
 * @in: at the start of the body
 * @msg: where the fields go
 *
 * Context and return: see p9s_decode_version().
 */
int p9s_decode_setattr(struct p9s_cursor *in, union p9s_msg *msg)
{
	msg->setattr.fid = p9s_get_u32(in);
	msg->setattr.valid = p9s_get_u32(in);
	msg->setattr.mode = p9s_get_u32(in);
	msg->setattr.uid = p9s_get_u32(in);
	msg->setattr.gid = p9s_get_u32(in);
	msg->setattr.size = p9s_get_u64(in);
	p9s_get_time(in, &msg->setattr.atime);
	p9s_get_time(in, &msg->setattr.mtime);
	return p9s_finish(in);
}

/**
 * p9s_decode_xattrwalk - fid[4] newfid[4] name[s]
 * @in: at the start of the body
 * @msg: where the fields go; without a name a list is asked for
 *
 * Context: any. Strings point into the message.
 * Return: 0, -EINVAL, or -ERANGE for a name that no xattr can have.
 */
int p9s_decode_xattrwalk(struct p9s_cursor *in, union p9s_msg *msg)
{
	msg->xattrwalk.fid = p9s_get_u32(in);
	msg->xattrwalk.newfid = p9s_get_u32(in);
	p9s_get_xattr(in, &msg->xattrwalk.name);
	return p9s_finish(in);
}

/**
 * p9s_decode_xattrcreate - fid[4] name[s] attr_size[8] flags[4]
 * @in: at the start of the body
 * @msg: where the fields go
 *
 * Context and return: see p9s_decode_xattrwalk().
 */
int p9s_decode_xattrcreate(struct p9s_cursor *in, union p9s_msg *msg)
{
	msg->xattrcreate.fid = p9s_get_u32(in);
	p9s_get_xattr(in, &msg->xattrcreate.name);
	if (!in->err && !msg->xattrcreate.name.len)
		p9s_fail(in, -ERANGE);
	msg->xattrcreate.size = p9s_get_u64(in);
	msg->xattrcreate.flags = p9s_get_u32(in);
	return p9s_finish(in);
}

/**
 * p9s_decode_lock - fid[4] type[1] flags[4] start[8] length[8] proc_id[4]
 *	client_id[s]
 * @in: at the start of the body
 * @msg: where the fields go
 *
 * Context and return: see p9s_decode_version().
 */
int p9s_decode_lock(struct p9s_cursor *in, union p9s_msg *msg)
{
	msg->lock.fid = p9s_get_u32(in);
	msg->lock.type = p9s_get_u8(in);
	msg->lock.flags = p9s_get_u32(in);
	p9s_get_lock(in, &msg->lock);
	return p9s_finish(in);
}

/**
 * p9s_decode_getlock - fid[4] type[1] start[8] length[8] proc_id[4]
 *	client_id[s]
 * @in: at the start of the body
 * @msg: where the fields go
 *
 * Context and return: see p9s_decode_version().
 */
int p9s_decode_getlock(struct p9s_cursor *in, union p9s_msg *msg)
{
	msg->lock.fid = p9s_get_u32(in);
	msg->lock.type = p9s_get_u8(in);
	msg->lock.flags = 0;
	p9s_get_lock(in, &msg->lock);
	return p9s_finish(in);
}

/**
 * p9s_decode_mkdir - dfid[4] name[s] mode[4] gid[4]
 * @in: at the start of the body
 * @msg: where the fields go
 *
 * Context and return: see p9s_decode_version().
 */
int p9s_decode_mkdir(struct p9s_cursor *in, union p9s_msg *msg)
{
	msg->mkdir.fid = p9s_get_u32(in);
	p9s_get_name(in, &msg->mkdir.name);
	msg->mkdir.mode = p9s_get_u32(in);
	msg->mkdir.gid = p9s_get_u32(in);
	return p9s_finish(in);
}

/**
 * p9s_decode_symlink - dfid[4] name[s] symtgt[s] gid[4]
 * @in: at the start of the body
 * @msg: where the fields go
 *
 * Context and return: see p9s_decode_version().
 */
int p9s_decode_symlink(struct p9s_cursor *in, union p9s_msg *msg)
{
	msg->symlink.fid = p9s_get_u32(in);
	p9s_get_name(in, &msg->symlink.name);
	p9s_get_target(in, &msg->symlink.target);
	msg->symlink.gid = p9s_get_u32(in);
	return p9s_finish(in);
}

/**
 * p9s_decode_mknod - dfid[4] name[s] mode[4] major[4] minor[4] gid[4]
 * @in: at the start of the body
 * @msg: where the fields go
 *
 * Context and return: see p9s_decode_version().
 */
int p9s_decode_mknod(struct p9s_cursor *in, union p9s_msg *msg)
{
	msg->mknod.fid = p9s_get_u32(in);
	p9s_get_name(in, &msg->mknod.name);
	msg->mknod.mode = p9s_get_u32(in);
	msg->mknod.major = p9s_get_u32(in);
	msg->mknod.minor = p9s_get_u32(in);
	msg->mknod.gid = p9s_get_u32(in);
	return p9s_finish(in);
}

/**
 * p9s_decode_link - dfid[4] fid[4] name[s]
 * @in: at the start of the body
 * @msg: where the fields go; the directory's fid is the one called fid
 *
 * Context and return: see p9s_decode_version().
 */
int p9s_decode_link(struct p9s_cursor *in, union p9s_msg *msg)
{
	msg->link.fid = p9s_get_u32(in);
	msg->link.oldfid = p9s_get_u32(in);
	p9s_get_name(in, &msg->link.name);
	return p9s_finish(in);
}

/**
 * p9s_decode_rename - fid[4] dfid[4] name[s]
 * @in: at the start of the body
 * @msg: where the fields go
 *
 * Context and return: see p9s_decode_version().
 */
int p9s_decode_rename(struct p9s_cursor *in, union p9s_msg *msg)
{
	msg->rename.fid = p9s_get_u32(in);
	msg->rename.dirfid = p9s_get_u32(in);
	p9s_get_name(in, &msg->rename.name);
	return p9s_finish(in);
}

/**
 * p9s_decode_renameat - olddirfid[4] oldname[s] newdirfid[4] newname[s]
 * @in: at the start of the body
 * @msg: where the fields go; the old directory's fid is the one called fid
 *
 * Context and return: see p9s_decode_version().
 */
int p9s_decode_renameat(struct p9s_cursor *in, union p9s_msg *msg)
{
	msg->renameat.fid = p9s_get_u32(in);
	p9s_get_name(in, &msg->renameat.oldname);
	msg->renameat.newdirfid = p9s_get_u32(in);
	p9s_get_name(in, &msg->renameat.newname);
	return p9s_finish(in);
}

/**
 * p9s_decode_unlinkat - dirfid[4] name[s] flags[4]
 * @in: at the start of the body
 * @msg: where the fields go
 *
 * Context and return: see p9s_decode_version().
 */
int p9s_decode_unlinkat(struct p9s_cursor *in, union p9s_msg *msg)
{
	msg->unlinkat.fid = p9s_get_u32(in);
	p9s_get_name(in, &msg->unlinkat.name);
	msg->unlinkat.flags = p9s_get_u32(in);
	return p9s_finish(in);
}

/**
 * p9s_str_equal - whether a string from the wire is this one
 * @str: the string from the wire
 * @with: a C string
 *
 * Context: any.
 * Return: true if they are the same, byte for byte.
 */
bool p9s_str_equal(const struct p9s_str *str, const char *with)
{
	return str->len == strlen(with) && !memcmp(str->ptr, with, str->len);
}

/**
 * p9s_str_is_dotdot - whether a name means the parent directory
 * @str: the name
 *
 * Context: any.
 * Return: true for "..".
 */
bool p9s_str_is_dotdot(const struct p9s_str *str)
{
	return p9s_str_equal(str, "..");
}

/**
 * p9s_buf_init - start to encode
 * @buf: the encoder's state
 * @start: where the first byte goes
 * @size: bytes that may be written
 *
 * Context: any.
 */
void p9s_buf_init(struct p9s_buf *buf, void *start, size_t size)
{
	buf->start = start;
	buf->pos = start;
	buf->end = buf->start + size;
	buf->full = false;
}

/**
 * p9s_buf_len - bytes encoded so far
 * @buf: the encoder's state
 *
 * Context: any.
 * Return: the number of bytes.
 */
size_t p9s_buf_len(const struct p9s_buf *buf)
{
	return buf->pos - buf->start;
}

/**
 * p9s_buf_room - bytes that still fit
 * @buf: the encoder's state
 *
 * Context: any.
 * Return: the number of bytes.
 */
size_t p9s_buf_room(const struct p9s_buf *buf)
{
	return buf->end - buf->pos;
}

/* Where @len bytes go, or NULL: nothing more is written then */
static u8 *p9s_reserve(struct p9s_buf *buf, size_t len)
{
	u8 *at = buf->pos;

	if (buf->full || len > p9s_buf_room(buf)) {
		buf->full = true;
		return NULL;
	}
	buf->pos += len;
	return at;
}

/**
 * p9s_put_u8 - encode one byte
 * @buf: the encoder's state; says so if there was no room
 * @value: the byte
 *
 * Context: any.
 */
void p9s_put_u8(struct p9s_buf *buf, u8 value)
{
	u8 *at = p9s_reserve(buf, 1);

	if (at)
		*at = value;
}

/**
 * p9s_put_u16 - encode two bytes
 * @buf: the encoder's state; says so if there was no room
 * @value: the number
 *
 * Context: any.
 */
void p9s_put_u16(struct p9s_buf *buf, u16 value)
{
	u8 *at = p9s_reserve(buf, 2);

	if (at)
		put_unaligned_le16(value, at);
}

/**
 * p9s_put_u32 - encode four bytes
 * @buf: the encoder's state; says so if there was no room
 * @value: the number
 *
 * Context: any.
 */
void p9s_put_u32(struct p9s_buf *buf, u32 value)
{
	u8 *at = p9s_reserve(buf, 4);

	if (at)
		put_unaligned_le32(value, at);
}

/**
 * p9s_put_u64 - encode eight bytes
 * @buf: the encoder's state; says so if there was no room
 * @value: the number
 *
 * Context: any.
 */
void p9s_put_u64(struct p9s_buf *buf, u64 value)
{
	u8 *at = p9s_reserve(buf, 8);

	if (at)
		put_unaligned_le64(value, at);
}

/**
 * p9s_put_bytes - encode bytes as they are
 * @buf: the encoder's state; says so if there was no room
 * @from: the bytes
 * @len: how many
 *
 * Context: any.
 */
void p9s_put_bytes(struct p9s_buf *buf, const void *from, size_t len)
{
	u8 *at = p9s_reserve(buf, len);

	if (at)
		memcpy(at, from, len);
}

/**
 * p9s_put_str - encode a string
 * @buf: the encoder's state; says so if there was no room
 * @from: the string
 * @len: its length
 *
 * Context: any.
 */
void p9s_put_str(struct p9s_buf *buf, const char *from, u16 len)
{
	p9s_put_u16(buf, len);
	p9s_put_bytes(buf, from, len);
}

/**
 * p9s_put_qid - encode a qid
 * @buf: the encoder's state; says so if there was no room
 * @qid: the qid
 *
 * Context: any.
 */
void p9s_put_qid(struct p9s_buf *buf, const struct p9s_qid *qid)
{
	p9s_put_u8(buf, qid->type);
	p9s_put_u32(buf, qid->version);
	p9s_put_u64(buf, qid->path);
}

/**
 * p9s_put_time - encode a point in time
 * @buf: the encoder's state; says so if there was no room
 * @sec: seconds since 1970
 * @nsec: nanoseconds in that second
 *
 * Context: any.
 */
void p9s_put_time(struct p9s_buf *buf, u64 sec, u64 nsec)
{
	p9s_put_u64(buf, sec);
	p9s_put_u64(buf, nsec);
}

/**
 * p9s_put_header - write what every message starts with
 * @to: room for 7 bytes
 * @header: what to write
 *
 * Context: any.
 */
void p9s_put_header(u8 *to, const struct p9s_header *header)
{
	put_unaligned_le32(header->size, to);
	to[4] = header->type;
	put_unaligned_le16(header->tag, to + 5);
}
