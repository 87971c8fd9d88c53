// SPDX-License-Identifier: GPL-2.0
/*
 * The codec of net/9p/server/wire.c: each request is taken apart into what was
 * put in; one that is too short by any number of bytes or too long is refused;
 * nothing outside of a message is read, whatever it says, and nothing beyond a
 * reply's room is written. Messages are put together by code of the tests' own,
 * and stand in memory of exactly their size. What names and counts a message
 * must not hold is tested in the kernel: net/9p/server/tests/wire_kunit.c.
 */
#include <linux/errno.h>

#include "tests/wire_cases.h"
#include "unit.h"

/* The kernel has these in its table of operations */
static const p9s_decode_t decoders[] = {
	[P9_TVERSION] = p9s_decode_version,
	[P9_TAUTH] = p9s_decode_auth,
	[P9_TATTACH] = p9s_decode_attach,
	[P9_TFLUSH] = p9s_decode_flush,
	[P9_TWALK] = p9s_decode_walk,
	[P9_TLOPEN] = p9s_decode_lopen,
	[P9_TLCREATE] = p9s_decode_lcreate,
	[P9_TCLUNK] = p9s_decode_fid,
	[P9_TREMOVE] = p9s_decode_fid,
	[P9_TSTATFS] = p9s_decode_fid,
	[P9_TREADLINK] = p9s_decode_fid,
	[P9_TREAD] = p9s_decode_read,
	[P9_TREADDIR] = p9s_decode_read,
	[P9_TWRITE] = p9s_decode_write,
	[P9_TFSYNC] = p9s_decode_fsync,
	[P9_TGETATTR] = p9s_decode_getattr,
	[P9_TSETATTR] = p9s_decode_setattr,
	[P9_TXATTRWALK] = p9s_decode_xattrwalk,
	[P9_TXATTRCREATE] = p9s_decode_xattrcreate,
	[P9_TLOCK] = p9s_decode_lock,
	[P9_TGETLOCK] = p9s_decode_getlock,
	[P9_TMKDIR] = p9s_decode_mkdir,
	[P9_TSYMLINK] = p9s_decode_symlink,
	[P9_TMKNOD] = p9s_decode_mknod,
	[P9_TLINK] = p9s_decode_link,
	[P9_TRENAME] = p9s_decode_rename,
	[P9_TRENAMEAT] = p9s_decode_renameat,
	[P9_TUNLINKAT] = p9s_decode_unlinkat,
};

#define NR_MESSAGES	ARRAY_SIZE(wire_messages)

static struct wire_body scratch;

static struct wire_body *make_body(const struct wire_message *m,
				   const char *name, size_t len)
{
	scratch.len = 0;
	m->make(&scratch, name, len);
	return &scratch;
}

/* Decode the first @len bytes of a body, which stand alone in memory */
static int decode(const struct wire_message *m, const struct wire_body *body,
		  size_t len)
{
	u8 *bytes = unit_copy(body->bytes, len);
	union p9s_msg msg;
	struct p9s_cursor in;
	int err;

	memset(&msg, 0x5A, sizeof(msg));
	p9s_wire_start(&in, bytes, len);
	err = decoders[m->type](&in, &msg);
	CHECK_EQ(in.err, err);
	CHECK(in.pos == in.end && in.end == bytes + len);
	free(bytes);
	return err;
}

TEST(wire_decodes_each_message)
{
	const struct wire_message *m;
	struct p9s_cursor in;
	struct wire_body *body;
	union p9s_msg msg;
	u8 *bytes;

	for (m = wire_messages; m < wire_messages + NR_MESSAGES; m++) {
		body = make_body(m, "name", 4);
		bytes = unit_copy(body->bytes, body->len);
		memset(&msg, 0x5A, sizeof(msg));
		p9s_wire_start(&in, bytes, body->len);
		CHECK_EQ(decoders[m->type](&in, &msg), 0);
		CHECK(m->check(&msg));
		if (wire_has_fid(m))
			CHECK_EQ(msg.fid, WIRE_FID);
		free(bytes);
	}
}

TEST(wire_refuses_each_message_cut_off_anywhere)
{
	const struct wire_message *m;
	struct wire_body *body;
	size_t len;

	for (m = wire_messages; m < wire_messages + NR_MESSAGES; m++) {
		body = make_body(m, "name", 4);
		for (len = 0; len < body->len; len++)
			CHECK_EQ(decode(m, body, len), -EINVAL);
		CHECK_EQ(decode(m, body, len), 0);
	}
}

TEST(wire_refuses_bytes_after_the_last_field)
{
	const struct wire_message *m;
	struct wire_body *body;
	unsigned int i;

	for (m = wire_messages; m < wire_messages + NR_MESSAGES; m++) {
		body = make_body(m, "name", 4);
		for (i = 0; i < 40; i++) {
			wire_put(body, 0, 1);
			CHECK_EQ(decode(m, body, body->len), -EINVAL);
		}
	}
}

TEST(wire_checks_the_length_of_strings)
{
	const struct wire_message m = { .type = P9_TVERSION };
	unsigned int said;

	for (said = 0; said <= 0xFFFF; said++) {
		scratch.len = 0;
		wire_put(&scratch, 8192, 4);
		wire_put(&scratch, said, 2);
		wire_put(&scratch, 0x3931, 2);
		CHECK_EQ(decode(&m, &scratch, scratch.len),
			 said == 2 ? 0 : -EINVAL);
	}
}

static void inside(const struct p9s_str *str, const u8 *bytes, size_t len,
		   bool name)
{
	if (!str->len)
		CHECK(!name);
	else
		CHECK((const u8 *)str->ptr >= bytes &&
		      (const u8 *)str->ptr + str->len <= bytes + len);
	if (!name)
		return;
	CHECK(str->len <= P9S_MAX_NAME);
	CHECK(!memchr(str->ptr, '/', str->len));
	CHECK(!memchr(str->ptr, '\0', str->len));
	CHECK(!p9s_str_equal(str, "."));
}

/* Whatever was decoded holds no name that leads elsewhere */
static void expect_sane(p9s_decode_t decoder, const union p9s_msg *msg,
			const u8 *bytes, size_t len)
{
	unsigned int i;

	if (decoder == p9s_decode_walk) {
		CHECK(msg->walk.nr <= P9S_MAX_WALK);
		for (i = 0; i < msg->walk.nr; i++)
			inside(&msg->walk.names[i], bytes, len, true);
	} else if (decoder == p9s_decode_lcreate) {
		inside(&msg->lcreate.name, bytes, len, true);
		CHECK(!p9s_str_is_dotdot(&msg->lcreate.name));
	} else if (decoder == p9s_decode_renameat) {
		inside(&msg->renameat.oldname, bytes, len, true);
		inside(&msg->renameat.newname, bytes, len, true);
		CHECK(!p9s_str_is_dotdot(&msg->renameat.oldname));
		CHECK(!p9s_str_is_dotdot(&msg->renameat.newname));
	} else if (decoder == p9s_decode_symlink) {
		inside(&msg->symlink.name, bytes, len, true);
		inside(&msg->symlink.target, bytes, len, false);
	} else if (decoder == p9s_decode_attach) {
		inside(&msg->attach.uname, bytes, len, false);
		inside(&msg->attach.aname, bytes, len, false);
	} else if (decoder == p9s_decode_auth) {
		inside(&msg->auth.uname, bytes, len, false);
		inside(&msg->auth.aname, bytes, len, false);
	} else if (decoder == p9s_decode_xattrwalk) {
		inside(&msg->xattrwalk.name, bytes, len, false);
		CHECK(msg->xattrwalk.name.len <= P9S_MAX_XATTR);
		CHECK(!memchr(msg->xattrwalk.name.ptr, '\0',
			      msg->xattrwalk.name.len));
	} else if (decoder == p9s_decode_xattrcreate) {
		inside(&msg->xattrcreate.name, bytes, len, false);
		CHECK(msg->xattrcreate.name.len);
		CHECK(msg->xattrcreate.name.len <= P9S_MAX_XATTR);
		CHECK(!memchr(msg->xattrcreate.name.ptr, '\0',
			      msg->xattrcreate.name.len));
	} else if (decoder == p9s_decode_lock ||
		   decoder == p9s_decode_getlock) {
		inside(&msg->lock.client_id, bytes, len, false);
		CHECK(msg->lock.client_id.len <= P9S_MAX_CLIENT);
	} else if (decoder == p9s_decode_write) {
		CHECK(msg->write.count <= len);
		CHECK(!msg->write.count ||
		      (msg->write.data >= bytes &&
		       msg->write.data + msg->write.count <= bytes + len));
	}
}

static bool decode_random(p9s_decode_t decoder, const struct wire_body *body)
{
	u8 *bytes = unit_copy(body->bytes, body->len);
	struct p9s_cursor in;
	union p9s_msg msg;
	bool taken;

	p9s_wire_start(&in, bytes, body->len);
	taken = decoder(&in, &msg) == 0;
	if (taken)
		expect_sane(decoder, &msg, bytes, body->len);
	free(bytes);
	return taken;
}

/* Valid messages with a few bytes changed, cut, or doubled */
TEST(wire_survives_messages_with_faults)
{
	const struct wire_message *m;
	unsigned int i, taken = 0;
	struct wire_body *body;
	char name[20];

	for (m = wire_messages; m < wire_messages + NR_MESSAGES; m++) {
		for (i = 0; i < 20000; i++) {
			size_t len = unit_below(sizeof(name));
			unsigned int n;

			for (n = 0; n < len; n++)
				name[n] = "abc./\0"[unit_below(6)];
			body = make_body(m, name, len);
			for (n = unit_below(4); n; n--)
				body->bytes[unit_below(body->len)] =
					unit_below(3) ? unit_below(8) : unit_random();
			if (unit_below(4) == 0)
				body->len = unit_below(body->len + 8);
			taken += decode_random(decoders[m->type], body);
		}
	}
	/* Some of each kind, or this says nothing */
	CHECK(taken > 20000 && taken < NR_MESSAGES * 20000 - 20000);
}

TEST(wire_survives_noise)
{
	const struct wire_message *m;
	unsigned int i;
	size_t n;

	for (m = wire_messages; m < wire_messages + NR_MESSAGES; m++) {
		for (i = 0; i < 20000; i++) {
			scratch.len = unit_below(80);
			for (n = 0; n < scratch.len; n++)
				scratch.bytes[n] = unit_below(2) ?
					unit_below(4) : unit_random();
			decode_random(decoders[m->type], &scratch);
		}
	}
}

TEST(wire_reads_and_writes_headers)
{
	static const u8 bytes[7] = { 0x78, 0x56, 0x34, 0x12, 0xAB, 0xCD, 0xEF };
	struct p9s_header header;
	u8 *copy = unit_copy(bytes, 7), *out = unit_copy(bytes, 7);

	p9s_wire_header(copy, &header);
	CHECK_EQ(header.size, 0x12345678);
	CHECK_EQ(header.type, 0xAB);
	CHECK_EQ(header.tag, 0xEFCD);
	memset(out, 0, 7);
	p9s_put_header(out, &header);
	CHECK(!memcmp(out, bytes, 7));
	free(copy);
	free(out);
}

TEST(wire_compares_strings)
{
	struct p9s_str str = { "..x", 2 };

	CHECK(p9s_str_is_dotdot(&str));
	CHECK(p9s_str_equal(&str, ".."));
	CHECK(!p9s_str_equal(&str, "."));
	CHECK(!p9s_str_equal(&str, "..x"));
	str.len = 3;
	CHECK(!p9s_str_is_dotdot(&str));
	str.len = 0;
	CHECK(p9s_str_equal(&str, ""));
	CHECK(!p9s_str_is_dotdot(&str));
}

TEST(wire_encodes_each_field)
{
	static const struct p9s_qid qid = { 0x80, 0x01020304,
					    0x1112131415161718ULL };
	struct wire_body wanted = { .len = 0 };
	struct p9s_buf buf;
	u8 *room;

	wire_put(&wanted, 0xAA, 1);
	wire_put(&wanted, 0xABCD, 2);
	wire_put(&wanted, WIRE_N1, 4);
	wire_put(&wanted, WIRE_LONG, 8);
	wire_put(&wanted, 0x030201, 3);
	wire_put_string(&wanted, "string");
	wire_put(&wanted, 0x80, 1);
	wire_put(&wanted, 0x01020304, 4);
	wire_put(&wanted, 0x1112131415161718ULL, 8);
	wire_put(&wanted, 5, 8);
	wire_put(&wanted, 999999999, 8);

	room = unit_copy(wanted.bytes, wanted.len);
	memset(room, 0, wanted.len);
	p9s_buf_init(&buf, room, wanted.len);
	p9s_put_u8(&buf, 0xAA);
	p9s_put_u16(&buf, 0xABCD);
	p9s_put_u32(&buf, WIRE_N1);
	p9s_put_u64(&buf, WIRE_LONG);
	p9s_put_bytes(&buf, "\1\2\3", 3);
	p9s_put_str(&buf, "string", 6);
	CHECK_EQ(wanted.len - p9s_buf_len(&buf), p9s_buf_room(&buf));
	p9s_put_qid(&buf, &qid);
	CHECK_EQ(p9s_buf_room(&buf), 16);
	p9s_put_time(&buf, 5, 999999999);
	CHECK(!buf.full);
	CHECK_EQ(p9s_buf_len(&buf), wanted.len);
	CHECK_EQ(p9s_buf_room(&buf), 0);
	CHECK(!memcmp(room, wanted.bytes, wanted.len));
	free(room);
}

TEST(wire_writes_nothing_once_full)
{
	struct p9s_buf buf;
	u8 *room = unit_copy("\xEE\xEE\xEE", 3);

	p9s_buf_init(&buf, room, 3);
	p9s_put_u32(&buf, 0);
	CHECK(buf.full);
	CHECK_EQ(p9s_buf_len(&buf), 0);
	/* This would fit, but then a field would be missing before it */
	p9s_put_u8(&buf, 0);
	p9s_put_bytes(&buf, "", 0);
	CHECK(buf.full);
	CHECK_EQ(p9s_buf_len(&buf), 0);
	CHECK(!memcmp(room, "\xEE\xEE\xEE", 3));
	free(room);
}

TEST(wire_room_of_none)
{
	struct p9s_buf buf;
	u8 *room = malloc(1);

	p9s_buf_init(&buf, room + 1, 0);
	CHECK_EQ(p9s_buf_room(&buf), 0);
	p9s_put_bytes(&buf, "", 0);
	CHECK(!buf.full);
	p9s_put_u8(&buf, 1);
	CHECK(buf.full);
	free(room);
}

/* One random field, by the encoder and by these tests' own code */
static void random_field(struct p9s_buf *buf, struct wire_body *wanted)
{
	u64 value = unit_random();
	struct p9s_qid qid = { value >> 8, value, value * 3 };
	u8 bytes[40];
	size_t len = unit_below(sizeof(bytes));

	memset(bytes, value, sizeof(bytes));
	switch (unit_below(7)) {
	case 0:
		p9s_put_u8(buf, value);
		wire_put(wanted, value, 1);
		break;
	case 1:
		p9s_put_u16(buf, value);
		wire_put(wanted, value, 2);
		break;
	case 2:
		p9s_put_u32(buf, value);
		wire_put(wanted, value, 4);
		break;
	case 3:
		p9s_put_u64(buf, value);
		wire_put(wanted, value, 8);
		break;
	case 4:
		p9s_put_str(buf, (char *)bytes, len);
		wire_put_text(wanted, (char *)bytes, len);
		break;
	case 5:
		p9s_put_qid(buf, &qid);
		wire_put(wanted, qid.type, 1);
		wire_put(wanted, qid.version, 4);
		wire_put(wanted, qid.path, 8);
		break;
	default:
		p9s_put_time(buf, value, value + 1);
		wire_put(wanted, value, 8);
		wire_put(wanted, value + 1, 8);
	}
}

TEST(wire_encodes_what_fits)
{
	struct p9s_buf buf;
	unsigned int i;
	u8 *room;

	for (i = 0; i < 50000; i++) {
		size_t size = unit_below(200);

		room = malloc(size ? size : 1);
		p9s_buf_init(&buf, room, size);
		scratch.len = 0;
		while (!buf.full && scratch.len <= size)
			random_field(&buf, &scratch);
		/* Full if and only if it did not fit; what did is right */
		CHECK_EQ(buf.full, scratch.len > size);
		CHECK(p9s_buf_len(&buf) <= size);
		CHECK_EQ(p9s_buf_len(&buf) + p9s_buf_room(&buf), size);
		CHECK(!memcmp(room, scratch.bytes, p9s_buf_len(&buf)));
		free(room);
	}
}
