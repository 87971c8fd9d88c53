// SPDX-License-Identifier: GPL-2.0
/*
 * Any bytes at each of the codec's decoders: none reads a byte that is not the
 * message's, and what a decoder has let through keeps what wire.h promises.
 */
#include <linux/types.h>

#include "unit.h"
#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const p9s_decode_t decoders[] = {
	p9s_decode_version, p9s_decode_attach, p9s_decode_flush,
	p9s_decode_walk, p9s_decode_lopen, p9s_decode_lcreate, p9s_decode_fid,
	p9s_decode_read, p9s_decode_write, p9s_decode_fsync,
	p9s_decode_getattr, p9s_decode_setattr, p9s_decode_mkdir,
	p9s_decode_symlink, p9s_decode_mknod, p9s_decode_link,
	p9s_decode_rename, p9s_decode_renameat, p9s_decode_unlinkat,
	p9s_decode_auth, p9s_decode_xattrwalk, p9s_decode_xattrcreate,
	p9s_decode_lock, p9s_decode_getlock,
};

/* A name is not empty, not too long, and has neither slash nor zero byte */
static void check_name(const struct p9s_str *name)
{
	CHECK(name->len && name->len <= P9S_MAX_NAME);
	CHECK(!memchr(name->ptr, '/', name->len));
	CHECK(!memchr(name->ptr, 0, name->len));
}

/* All of the data is there: the sanitizer sees if not */
static void check_write(const struct p9s_twrite *msg)
{
	free(unit_copy(msg->data, msg->count));
}

static void check_xattr(const struct p9s_str *name)
{
	CHECK(name->len <= P9S_MAX_XATTR);
	CHECK(!memchr(name->ptr, 0, name->len));
}

static void check_lock(const struct p9s_tlock *msg)
{
	CHECK(msg->client_id.len <= P9S_MAX_CLIENT);
	free(unit_copy(msg->client_id.ptr, msg->client_id.len));
}

static void check(p9s_decode_t decode, const union p9s_msg *msg)
{
	unsigned int i;

	if (decode == p9s_decode_walk) {
		CHECK(msg->walk.nr <= P9S_MAX_WALK);
		for (i = 0; i < msg->walk.nr; i++)
			check_name(&msg->walk.names[i]);
	} else if (decode == p9s_decode_lcreate) {
		check_name(&msg->lcreate.name);
	} else if (decode == p9s_decode_mkdir) {
		check_name(&msg->mkdir.name);
	} else if (decode == p9s_decode_symlink) {
		check_name(&msg->symlink.name);
		CHECK(msg->symlink.target.len <= P9S_MAX_TARGET);
		CHECK(!memchr(msg->symlink.target.ptr, 0,
			      msg->symlink.target.len));
	} else if (decode == p9s_decode_mknod) {
		check_name(&msg->mknod.name);
	} else if (decode == p9s_decode_link) {
		check_name(&msg->link.name);
	} else if (decode == p9s_decode_rename) {
		check_name(&msg->rename.name);
	} else if (decode == p9s_decode_renameat) {
		check_name(&msg->renameat.oldname);
		check_name(&msg->renameat.newname);
	} else if (decode == p9s_decode_unlinkat) {
		check_name(&msg->unlinkat.name);
	} else if (decode == p9s_decode_write) {
		check_write(&msg->write);
	} else if (decode == p9s_decode_xattrwalk) {
		check_xattr(&msg->xattrwalk.name);
	} else if (decode == p9s_decode_xattrcreate) {
		CHECK(msg->xattrcreate.name.len);
		check_xattr(&msg->xattrcreate.name);
	} else if (decode == p9s_decode_lock || decode == p9s_decode_getlock) {
		check_lock(&msg->lock);
	}
}

/* Encoders: into a buffer of any size, what does not fit is left out */
static void encode(const uint8_t *data, size_t size)
{
	size_t room = data[0];
	u8 *start = malloc(room);
	struct p9s_qid qid = { data[0], size, size };
	struct p9s_buf buf;

	CHECK(start || !room);
	p9s_buf_init(&buf, start, room);
	p9s_put_u8(&buf, 1);
	p9s_put_qid(&buf, &qid);
	p9s_put_str(&buf, (const char *)data, size);
	p9s_put_time(&buf, size, size);
	p9s_put_bytes(&buf, data, size);
	p9s_put_u64(&buf, 1);
	CHECK(p9s_buf_len(&buf) + p9s_buf_room(&buf) == room);
	free(start);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct p9s_cursor in;
	union p9s_msg msg;
	p9s_decode_t decode;
	u8 *body;

	if (!size)
		return 0;
	decode = decoders[data[0] % ARRAY_SIZE(decoders)];
	memset(&msg, 0, sizeof(msg));
	body = unit_copy(data + 1, size - 1);
	p9s_wire_start(&in, body, size - 1);
	if (!decode(&in, &msg))
		check(decode, &msg);
	free(body);
	encode(data, size < 65536 ? size : 65535);
	return 0;
}
