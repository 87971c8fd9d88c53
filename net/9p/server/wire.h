/* SPDX-License-Identifier: GPL-2.0 */
/*
 * 9P2000.L messages as typed structures: decoders that take a message apart
 * and fail at the first bad byte, encoders that put a reply together. Nothing
 * here knows of files or threads, so this builds outside of a kernel as well.
 */
#ifndef NET_9P_SERVER_WIRE_H
#define NET_9P_SERVER_WIRE_H

#include <linux/types.h>

#define P9S_MAX_WALK	16	/* names in one Twalk */
#define P9S_MAX_NAME	255	/* bytes in one name */
#define P9S_MAX_TARGET	4095	/* bytes in a symlink's target */
#define P9S_MAX_XATTR	255	/* bytes in an xattr's name */
#define P9S_MAX_CLIENT	128	/* bytes in what a client calls itself */
#define P9S_QID_SIZE	13	/* type[1] version[4] path[8] */
#define P9S_IO_HDR	11	/* size[4] type[1] tag[2] count[4] */
#define P9S_LINK_HDR	9	/* size[4] type[1] tag[2] len[2] */

/**
 * struct p9s_cursor - where a decoder stands in a message
 * @pos: the next byte
 * @end: the byte after the last
 * @left: bytes that the message has beyond, and that are not there to be read
 * @err: the first error, negative; every later read gives zeros
 */
struct p9s_cursor {
	const u8 *pos;
	const u8 *end;
	size_t left;
	int err;
};

/**
 * struct p9s_str - a string inside of a message, not terminated
 * @ptr: its first byte
 * @len: its length
 */
struct p9s_str {
	const char *ptr;
	u16 len;
};

/**
 * struct p9s_buf - where an encoder stands in a reply
 * @start: the first byte
 * @pos: where the next one goes
 * @end: the byte after the last that fits
 * @full: something did not fit and was left out
 */
struct p9s_buf {
	u8 *start;
	u8 *pos;
	u8 *end;
	bool full;
};

/* What a file is called on the wire */
struct p9s_qid {
	u8 type;
	u32 version;
	u64 path;
};

struct p9s_time {
	u64 sec;
	u64 nsec;
};

/* Every message about a fid starts with that fid, as the union below does */
struct p9s_tversion {
	u32 msize;
	struct p9s_str version;
};

struct p9s_tauth {
	u32 afid;
	struct p9s_str uname;
	struct p9s_str aname;
	u32 n_uname;
};

struct p9s_tattach {
	u32 fid;
	u32 afid;
	struct p9s_str uname;
	struct p9s_str aname;
	u32 n_uname;
};

struct p9s_tflush {
	u16 oldtag;
};

struct p9s_twalk {
	u32 fid;
	u32 newfid;
	u16 nr;
	struct p9s_str names[P9S_MAX_WALK];
};

struct p9s_tlopen {
	u32 fid;
	u32 flags;
};

struct p9s_tlcreate {
	u32 fid;
	struct p9s_str name;
	u32 flags;
	u32 mode;
	u32 gid;
};

struct p9s_tread {
	u32 fid;
	u64 offset;
	u32 count;
};

struct p9s_twrite {
	u32 fid;
	u64 offset;
	u32 count;
	const u8 *data;		/* NULL if they were left elsewhere */
};

struct p9s_tfsync {
	u32 fid;
	u32 datasync;
};

struct p9s_tgetattr {
	u32 fid;
	u64 mask;
};

struct p9s_tsetattr {
	u32 fid;
	u32 valid;
	u32 mode;
	u32 uid;
	u32 gid;
	u64 size;
	struct p9s_time atime;
	struct p9s_time mtime;
};

struct p9s_txattrwalk {
	u32 fid;
	u32 newfid;
	struct p9s_str name;
};

struct p9s_txattrcreate {
	u32 fid;
	struct p9s_str name;
	u64 size;
	u32 flags;
};

/* Tgetlock is a Tlock without flags */
struct p9s_tlock {
	u32 fid;
	u8 type;
	u32 flags;
	u64 start;
	u64 length;
	u32 proc_id;
	struct p9s_str client_id;
};

struct p9s_tmkdir {
	u32 fid;
	struct p9s_str name;
	u32 mode;
	u32 gid;
};

struct p9s_tsymlink {
	u32 fid;
	struct p9s_str name;
	struct p9s_str target;
	u32 gid;
};

struct p9s_tmknod {
	u32 fid;
	struct p9s_str name;
	u32 mode;
	u32 major;
	u32 minor;
	u32 gid;
};

struct p9s_tlink {
	u32 fid;
	u32 oldfid;
	struct p9s_str name;
};

struct p9s_trename {
	u32 fid;
	u32 dirfid;
	struct p9s_str name;
};

struct p9s_trenameat {
	u32 fid;
	struct p9s_str oldname;
	u32 newdirfid;
	struct p9s_str newname;
};

struct p9s_tunlinkat {
	u32 fid;
	struct p9s_str name;
	u32 flags;
};

/*
 * Any request, taken apart. @fid is the fid that it is about: all but Tversion
 * and Tflush start with one, and Tauth with one that is not there yet.
 */
union p9s_msg {
	u32 fid;
	struct p9s_tversion version;
	struct p9s_tauth auth;
	struct p9s_tattach attach;
	struct p9s_tflush flush;
	struct p9s_twalk walk;
	struct p9s_tlopen lopen;
	struct p9s_tlcreate lcreate;
	struct p9s_tread read;
	struct p9s_twrite write;
	struct p9s_tfsync fsync;
	struct p9s_tgetattr getattr;
	struct p9s_tsetattr setattr;
	struct p9s_txattrwalk xattrwalk;
	struct p9s_txattrcreate xattrcreate;
	struct p9s_tlock lock;
	struct p9s_tmkdir mkdir;
	struct p9s_tsymlink symlink;
	struct p9s_tmknod mknod;
	struct p9s_tlink link;
	struct p9s_trename rename;
	struct p9s_trenameat renameat;
	struct p9s_tunlinkat unlinkat;
};

typedef int (*p9s_decode_t)(struct p9s_cursor *in, union p9s_msg *msg);

/**
 * struct p9s_header - what every message starts with
 * @size: bytes of the whole message, these included
 * @type: which message it is
 * @tag: which request it is, or is the answer to
 */
struct p9s_header {
	u32 size;
	u8 type;
	u16 tag;
};

void p9s_wire_header(const u8 *from, struct p9s_header *header);
void p9s_wire_start(struct p9s_cursor *in, const u8 *body, size_t len);

int p9s_decode_version(struct p9s_cursor *in, union p9s_msg *msg);
int p9s_decode_auth(struct p9s_cursor *in, union p9s_msg *msg);
int p9s_decode_attach(struct p9s_cursor *in, union p9s_msg *msg);
int p9s_decode_flush(struct p9s_cursor *in, union p9s_msg *msg);
int p9s_decode_walk(struct p9s_cursor *in, union p9s_msg *msg);
int p9s_decode_lopen(struct p9s_cursor *in, union p9s_msg *msg);
int p9s_decode_lcreate(struct p9s_cursor *in, union p9s_msg *msg);
int p9s_decode_fid(struct p9s_cursor *in, union p9s_msg *msg);
int p9s_decode_read(struct p9s_cursor *in, union p9s_msg *msg);
int p9s_decode_write(struct p9s_cursor *in, union p9s_msg *msg);
int p9s_decode_fsync(struct p9s_cursor *in, union p9s_msg *msg);
int p9s_decode_getattr(struct p9s_cursor *in, union p9s_msg *msg);
int p9s_decode_setattr(struct p9s_cursor *in, union p9s_msg *msg);
int p9s_decode_xattrwalk(struct p9s_cursor *in, union p9s_msg *msg);
int p9s_decode_xattrcreate(struct p9s_cursor *in, union p9s_msg *msg);
int p9s_decode_lock(struct p9s_cursor *in, union p9s_msg *msg);
int p9s_decode_getlock(struct p9s_cursor *in, union p9s_msg *msg);
int p9s_decode_mkdir(struct p9s_cursor *in, union p9s_msg *msg);
int p9s_decode_symlink(struct p9s_cursor *in, union p9s_msg *msg);
int p9s_decode_mknod(struct p9s_cursor *in, union p9s_msg *msg);
int p9s_decode_link(struct p9s_cursor *in, union p9s_msg *msg);
int p9s_decode_rename(struct p9s_cursor *in, union p9s_msg *msg);
int p9s_decode_renameat(struct p9s_cursor *in, union p9s_msg *msg);
int p9s_decode_unlinkat(struct p9s_cursor *in, union p9s_msg *msg);

bool p9s_str_equal(const struct p9s_str *str, const char *with);
bool p9s_str_is_dotdot(const struct p9s_str *str);

void p9s_buf_init(struct p9s_buf *buf, void *start, size_t size);
size_t p9s_buf_len(const struct p9s_buf *buf);
size_t p9s_buf_room(const struct p9s_buf *buf);
void p9s_put_u8(struct p9s_buf *buf, u8 value);
void p9s_put_u16(struct p9s_buf *buf, u16 value);
void p9s_put_u32(struct p9s_buf *buf, u32 value);
void p9s_put_u64(struct p9s_buf *buf, u64 value);
void p9s_put_bytes(struct p9s_buf *buf, const void *from, size_t len);
void p9s_put_str(struct p9s_buf *buf, const char *from, u16 len);
void p9s_put_qid(struct p9s_buf *buf, const struct p9s_qid *qid);
void p9s_put_time(struct p9s_buf *buf, u64 sec, u64 nsec);
void p9s_put_header(u8 *to, const struct p9s_header *header);

#endif /* NET_9P_SERVER_WIRE_H */
