// SPDX-License-Identifier: GPL-2.0
/*
 * The codec of net/9p/server/wire.c: each request is taken apart into what was
 * put in; one that is too short by any number of bytes, too long, or holds what
 * its fields must not hold is refused; nothing outside of a message is read,
 * and nothing beyond a reply's room is written. Messages are put together here
 * by code of these tests' own, and stand in memory of exactly their size.
 */
#include <linux/errno.h>

#include "unit.h"
#include "wire.h"

struct body {
	u8 bytes[70000];
	size_t len;
};

static void put(struct body *body, u64 value, unsigned int size)
{
	while (size--) {
		body->bytes[body->len++] = value;
		value >>= 8;
	}
}

static void put_text(struct body *body, const char *text, size_t len)
{
	put(body, len, 2);
	memcpy(body->bytes + body->len, text, len);
	body->len += len;
}

static void put_string(struct body *body, const char *text)
{
	put_text(body, text, strlen(text));
}

static void expect_str(const struct p9s_str *str, const char *text)
{
	CHECK_EQ(str->len, strlen(text));
	CHECK(!memcmp(str->ptr, text, str->len));
}

/* A message: how it is made, with which name, and what must come out */
struct message {
	const char *title;
	p9s_decode_t decode;
	void (*make)(struct body *body, const char *name, size_t len);
	void (*check)(const union p9s_msg *msg);
	bool has_fid;
	bool has_name;
};

#define FID		0x81828384U
#define FID2		0x91929394U
#define LONG		0xA1A2A3A4A5A6A7A8ULL
#define N1		0xC1C2C3C4U
#define N2		0xD1D2D3D4U
#define N3		0xE1E2E3E4U

static void make_version(struct body *b, const char *name, size_t len)
{
	(void)name;
	(void)len;
	put(b, N1, 4);
	put_string(b, "9P2000.L");
}

static void check_version(const union p9s_msg *msg)
{
	CHECK_EQ(msg->version.msize, N1);
	expect_str(&msg->version.version, "9P2000.L");
}

static void make_attach(struct body *b, const char *name, size_t len)
{
	(void)name;
	(void)len;
	put(b, FID, 4);
	put(b, FID2, 4);
	put_string(b, "root");
	put_string(b, "");
	put(b, N1, 4);
}

static void check_attach(const union p9s_msg *msg)
{
	CHECK_EQ(msg->attach.afid, FID2);
	expect_str(&msg->attach.uname, "root");
	expect_str(&msg->attach.aname, "");
	CHECK_EQ(msg->attach.n_uname, N1);
}

static void make_flush(struct body *b, const char *name, size_t len)
{
	(void)name;
	(void)len;
	put(b, 0xFEDC, 2);
}

static void check_flush(const union p9s_msg *msg)
{
	CHECK_EQ(msg->flush.oldtag, 0xFEDC);
}

static void make_walk(struct body *b, const char *name, size_t len)
{
	put(b, FID, 4);
	put(b, FID2, 4);
	put(b, 3, 2);
	put_string(b, "..");
	put_text(b, name, len);
	put_string(b, "c");
}

static void check_walk(const union p9s_msg *msg)
{
	CHECK_EQ(msg->walk.newfid, FID2);
	CHECK_EQ(msg->walk.nr, 3);
	expect_str(&msg->walk.names[0], "..");
	expect_str(&msg->walk.names[1], "name");
	expect_str(&msg->walk.names[2], "c");
}

static void make_lopen(struct body *b, const char *name, size_t len)
{
	(void)name;
	(void)len;
	put(b, FID, 4);
	put(b, N1, 4);
}

static void check_lopen(const union p9s_msg *msg)
{
	CHECK_EQ(msg->lopen.flags, N1);
}

static void make_lcreate(struct body *b, const char *name, size_t len)
{
	put(b, FID, 4);
	put_text(b, name, len);
	put(b, N1, 4);
	put(b, N2, 4);
	put(b, N3, 4);
}

static void check_lcreate(const union p9s_msg *msg)
{
	expect_str(&msg->lcreate.name, "name");
	CHECK_EQ(msg->lcreate.flags, N1);
	CHECK_EQ(msg->lcreate.mode, N2);
	CHECK_EQ(msg->lcreate.gid, N3);
}

static void make_fid(struct body *b, const char *name, size_t len)
{
	(void)name;
	(void)len;
	put(b, FID, 4);
}

static void check_fid(const union p9s_msg *msg)
{
	CHECK_EQ(msg->fid, FID);
}

static void make_read(struct body *b, const char *name, size_t len)
{
	(void)name;
	(void)len;
	put(b, FID, 4);
	put(b, LONG, 8);
	put(b, N1, 4);
}

static void check_read(const union p9s_msg *msg)
{
	CHECK_EQ(msg->read.offset, LONG);
	CHECK_EQ(msg->read.count, N1);
}

static void make_write(struct body *b, const char *name, size_t len)
{
	(void)name;
	(void)len;
	put(b, FID, 4);
	put(b, LONG, 8);
	put(b, 5, 4);
	put(b, 0x6F6C6C6548ULL, 5);
}

static void check_write(const union p9s_msg *msg)
{
	CHECK_EQ(msg->write.offset, LONG);
	CHECK_EQ(msg->write.count, 5);
	CHECK(!memcmp(msg->write.data, "Hello", 5));
}

static void check_fsync(const union p9s_msg *msg)
{
	CHECK_EQ(msg->fsync.datasync, N1);
}

static void make_getattr(struct body *b, const char *name, size_t len)
{
	(void)name;
	(void)len;
	put(b, FID, 4);
	put(b, LONG, 8);
}

static void check_getattr(const union p9s_msg *msg)
{
	CHECK_EQ(msg->getattr.mask, LONG);
}

static void make_setattr(struct body *b, const char *name, size_t len)
{
	unsigned int i;

	(void)name;
	(void)len;
	put(b, FID, 4);
	put(b, 0x1FF, 4);
	put(b, N1, 4);
	put(b, N2, 4);
	put(b, N3, 4);
	put(b, LONG, 8);
	for (i = 1; i <= 4; i++)
		put(b, LONG + i, 8);
}

static void check_setattr(const union p9s_msg *msg)
{
	CHECK_EQ(msg->setattr.valid, 0x1FF);
	CHECK_EQ(msg->setattr.mode, N1);
	CHECK_EQ(msg->setattr.uid, N2);
	CHECK_EQ(msg->setattr.gid, N3);
	CHECK_EQ(msg->setattr.size, LONG);
	CHECK_EQ(msg->setattr.atime.sec, LONG + 1);
	CHECK_EQ(msg->setattr.atime.nsec, LONG + 2);
	CHECK_EQ(msg->setattr.mtime.sec, LONG + 3);
	CHECK_EQ(msg->setattr.mtime.nsec, LONG + 4);
}

static void make_mkdir(struct body *b, const char *name, size_t len)
{
	put(b, FID, 4);
	put_text(b, name, len);
	put(b, N1, 4);
	put(b, N2, 4);
}

static void check_mkdir(const union p9s_msg *msg)
{
	expect_str(&msg->mkdir.name, "name");
	CHECK_EQ(msg->mkdir.mode, N1);
	CHECK_EQ(msg->mkdir.gid, N2);
}

static void make_symlink(struct body *b, const char *name, size_t len)
{
	put(b, FID, 4);
	put_text(b, name, len);
	put_string(b, "/a/../b");
	put(b, N1, 4);
}

static void check_symlink(const union p9s_msg *msg)
{
	expect_str(&msg->symlink.name, "name");
	expect_str(&msg->symlink.target, "/a/../b");
	CHECK_EQ(msg->symlink.gid, N1);
}

static void make_mknod(struct body *b, const char *name, size_t len)
{
	put(b, FID, 4);
	put_text(b, name, len);
	put(b, N1, 4);
	put(b, N2, 4);
	put(b, N3, 4);
	put(b, 7, 4);
}

static void check_mknod(const union p9s_msg *msg)
{
	expect_str(&msg->mknod.name, "name");
	CHECK_EQ(msg->mknod.mode, N1);
	CHECK_EQ(msg->mknod.major, N2);
	CHECK_EQ(msg->mknod.minor, N3);
	CHECK_EQ(msg->mknod.gid, 7);
}

static void make_link(struct body *b, const char *name, size_t len)
{
	put(b, FID, 4);
	put(b, FID2, 4);
	put_text(b, name, len);
}

static void check_link(const union p9s_msg *msg)
{
	CHECK_EQ(msg->link.oldfid, FID2);
	expect_str(&msg->link.name, "name");
}

static void check_rename(const union p9s_msg *msg)
{
	CHECK_EQ(msg->rename.dirfid, FID2);
	expect_str(&msg->rename.name, "name");
}

static void make_renameat(struct body *b, const char *name, size_t len)
{
	put(b, FID, 4);
	put_string(b, "old");
	put(b, FID2, 4);
	put_text(b, name, len);
}

static void check_renameat(const union p9s_msg *msg)
{
	expect_str(&msg->renameat.oldname, "old");
	CHECK_EQ(msg->renameat.newdirfid, FID2);
	expect_str(&msg->renameat.newname, "name");
}

static void make_unlinkat(struct body *b, const char *name, size_t len)
{
	put(b, FID, 4);
	put_text(b, name, len);
	put(b, N1, 4);
}

static void check_unlinkat(const union p9s_msg *msg)
{
	expect_str(&msg->unlinkat.name, "name");
	CHECK_EQ(msg->unlinkat.flags, N1);
}

#define MESSAGE(what, how, ...) \
	{ #what, p9s_decode_##what, make_##how, check_##what, __VA_ARGS__ }

static const struct message messages[] = {
	MESSAGE(version, version, .has_fid = false),
	MESSAGE(attach, attach, .has_fid = true),
	MESSAGE(flush, flush, .has_fid = false),
	MESSAGE(walk, walk, .has_fid = true, .has_name = true),
	MESSAGE(lopen, lopen, .has_fid = true),
	MESSAGE(lcreate, lcreate, .has_fid = true, .has_name = true),
	MESSAGE(fid, fid, .has_fid = true),
	MESSAGE(read, read, .has_fid = true),
	MESSAGE(write, write, .has_fid = true),
	MESSAGE(fsync, lopen, .has_fid = true),
	MESSAGE(getattr, getattr, .has_fid = true),
	MESSAGE(setattr, setattr, .has_fid = true),
	MESSAGE(mkdir, mkdir, .has_fid = true, .has_name = true),
	MESSAGE(symlink, symlink, .has_fid = true, .has_name = true),
	MESSAGE(mknod, mknod, .has_fid = true, .has_name = true),
	MESSAGE(link, link, .has_fid = true, .has_name = true),
	MESSAGE(rename, link, .has_fid = true, .has_name = true),
	MESSAGE(renameat, renameat, .has_fid = true, .has_name = true),
	MESSAGE(unlinkat, unlinkat, .has_fid = true, .has_name = true),
};

#define NR_MESSAGES	ARRAY_SIZE(messages)

static struct body scratch;

static struct body *make_body(const struct message *m, const char *name,
			      size_t len)
{
	scratch.len = 0;
	m->make(&scratch, name, len);
	return &scratch;
}

/* Decode the first @len bytes of a body, which stand alone in memory */
static int decode(const struct message *m, const struct body *body, size_t len)
{
	u8 *bytes = unit_copy(body->bytes, len);
	union p9s_msg msg;
	struct p9s_cursor in;
	int err;

	memset(&msg, 0x5A, sizeof(msg));
	p9s_wire_start(&in, bytes, len);
	err = m->decode(&in, &msg);
	CHECK_EQ(in.err, err);
	CHECK(in.pos == in.end && in.end == bytes + len);
	free(bytes);
	return err;
}

static int decode_name(const struct message *m, const char *name, size_t len)
{
	struct body *body = make_body(m, name, len);

	return decode(m, body, body->len);
}

TEST(wire_decodes_each_message)
{
	const struct message *m;
	struct p9s_cursor in;
	struct body *body;
	union p9s_msg msg;
	u8 *bytes;

	for (m = messages; m < messages + NR_MESSAGES; m++) {
		body = make_body(m, "name", 4);
		bytes = unit_copy(body->bytes, body->len);
		memset(&msg, 0x5A, sizeof(msg));
		p9s_wire_start(&in, bytes, body->len);
		CHECK_EQ(m->decode(&in, &msg), 0);
		m->check(&msg);
		if (m->has_fid)
			CHECK_EQ(msg.fid, FID);
		free(bytes);
	}
}

TEST(wire_refuses_each_message_cut_off_anywhere)
{
	const struct message *m;
	struct body *body;
	size_t len;

	for (m = messages; m < messages + NR_MESSAGES; m++) {
		body = make_body(m, "name", 4);
		for (len = 0; len < body->len; len++)
			CHECK_EQ(decode(m, body, len), -EINVAL);
		CHECK_EQ(decode(m, body, len), 0);
	}
}

TEST(wire_refuses_bytes_after_the_last_field)
{
	const struct message *m;
	struct body *body;
	unsigned int i;

	for (m = messages; m < messages + NR_MESSAGES; m++) {
		body = make_body(m, "name", 4);
		for (i = 0; i < 40; i++) {
			put(body, 0, 1);
			CHECK_EQ(decode(m, body, body->len), -EINVAL);
		}
	}
}

TEST(wire_refuses_names_that_are_none)
{
	static const struct { const char *text; size_t len; } bad[] = {
		{ "", 0 }, { ".", 1 }, { "/", 1 }, { "a/b", 3 }, { "/a", 2 },
		{ "a/", 2 }, { "\0", 1 }, { "a\0b", 3 }, { "name\0", 5 },
		{ "../..", 5 },
	};
	static const char *const good[] = {
		"a", "...", ".a", "..a", "a..", " ", "\n", "\\", "\xff\xfe", "~",
	};
	const struct message *m;
	char longest[P9S_MAX_NAME + 1];
	unsigned int i;

	memset(longest, 'x', sizeof(longest));
	for (m = messages; m < messages + NR_MESSAGES; m++) {
		if (!m->has_name)
			continue;
		for (i = 0; i < ARRAY_SIZE(bad); i++)
			CHECK_EQ(decode_name(m, bad[i].text, bad[i].len),
				 -EINVAL);
		for (i = 0; i < ARRAY_SIZE(good); i++)
			CHECK_EQ(decode_name(m, good[i], strlen(good[i])), 0);
		/* The parent directory is where a walk may go, and no more */
		CHECK_EQ(decode_name(m, "..", 2),
			 m->decode == p9s_decode_walk ? 0 : -EINVAL);
		CHECK_EQ(decode_name(m, longest, P9S_MAX_NAME), 0);
		CHECK_EQ(decode_name(m, longest, P9S_MAX_NAME + 1),
			 -ENAMETOOLONG);
	}
}

/* Both names of a rename, not only the last */
TEST(wire_refuses_a_bad_old_name)
{
	const struct message m = { .decode = p9s_decode_renameat };
	static const char *const bad[] = { "", ".", "..", "a/b" };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		scratch.len = 0;
		put(&scratch, FID, 4);
		put_string(&scratch, bad[i]);
		put(&scratch, FID2, 4);
		put_string(&scratch, "new");
		CHECK_EQ(decode(&m, &scratch, scratch.len), -EINVAL);
	}
}

static int decode_symlink(const char *target, size_t len)
{
	const struct message m = { .decode = p9s_decode_symlink };

	scratch.len = 0;
	put(&scratch, FID, 4);
	put_string(&scratch, "name");
	put_text(&scratch, target, len);
	put(&scratch, N1, 4);
	return decode(&m, &scratch, scratch.len);
}

TEST(wire_takes_what_a_symlink_may_hold)
{
	char longest[P9S_MAX_TARGET + 1];

	memset(longest, '/', sizeof(longest));
	CHECK_EQ(decode_symlink("/", 1), 0);
	CHECK_EQ(decode_symlink("..", 2), 0);
	CHECK_EQ(decode_symlink("a b/c\n", 6), 0);
	CHECK_EQ(decode_symlink("", 0), -EINVAL);
	CHECK_EQ(decode_symlink("a\0b", 3), -EINVAL);
	CHECK_EQ(decode_symlink(longest, P9S_MAX_TARGET), 0);
	CHECK_EQ(decode_symlink(longest, P9S_MAX_TARGET + 1), -ENAMETOOLONG);
}

/* A walk of @count names that says it has @said */
static int decode_walk(unsigned int said, unsigned int count)
{
	const struct message m = { .decode = p9s_decode_walk };

	scratch.len = 0;
	put(&scratch, FID, 4);
	put(&scratch, FID2, 4);
	put(&scratch, said, 2);
	while (count--)
		put_string(&scratch, "n");
	return decode(&m, &scratch, scratch.len);
}

TEST(wire_limits_the_names_of_a_walk)
{
	unsigned int count;

	for (count = 0; count <= P9S_MAX_WALK; count++) {
		CHECK_EQ(decode_walk(count, count), 0);
		CHECK_EQ(decode_walk(count, count + 1), -EINVAL);
		if (count)
			CHECK_EQ(decode_walk(count, count - 1), -EINVAL);
	}
	for (count = P9S_MAX_WALK + 1; count <= 0xFFFF; count += 17)
		CHECK_EQ(decode_walk(count, count < 4000 ? count : 4000),
			 -EINVAL);
	CHECK_EQ(decode_walk(0xFFFF, 0), -EINVAL);
}

static int decode_write(u32 said, unsigned int count)
{
	const struct message m = { .decode = p9s_decode_write };

	scratch.len = 0;
	put(&scratch, FID, 4);
	put(&scratch, LONG, 8);
	put(&scratch, said, 4);
	while (count--)
		put(&scratch, count, 1);
	return decode(&m, &scratch, scratch.len);
}

TEST(wire_checks_the_count_of_a_write)
{
	static const u32 wrong[] = { 99, 101, 0, 0x10000 + 100, 0x7FFFFFFFU,
				     0x80000000U, 0x80000064U, 0xFFFFFFFFU,
				     0xFFFFFFF0U };
	unsigned int i;

	CHECK_EQ(decode_write(100, 100), 0);
	CHECK_EQ(decode_write(0, 0), 0);
	CHECK_EQ(decode_write(1, 0), -EINVAL);
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		CHECK_EQ(decode_write(wrong[i], 100), -EINVAL);
}

TEST(wire_checks_the_length_of_strings)
{
	const struct message m = { .decode = p9s_decode_version };
	unsigned int said;

	for (said = 0; said <= 0xFFFF; said++) {
		scratch.len = 0;
		put(&scratch, 8192, 4);
		put(&scratch, said, 2);
		put(&scratch, 0x3931, 2);
		CHECK_EQ(decode(&m, &scratch, scratch.len),
			 said == 2 ? 0 : -EINVAL);
	}
}

/* The longest string there is, in a message that has room for it */
TEST(wire_takes_the_longest_string)
{
	const struct message m = { .decode = p9s_decode_version };
	unsigned int i;

	scratch.len = 0;
	put(&scratch, 8192, 4);
	put(&scratch, 0xFFFF, 2);
	for (i = 0; i < 0xFFFF; i++)
		put(&scratch, 'x', 1);
	CHECK_EQ(decode(&m, &scratch, scratch.len), 0);
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
	} else if (decoder == p9s_decode_write) {
		CHECK(msg->write.count <= len);
		CHECK(!msg->write.count ||
		      (msg->write.data >= bytes &&
		       msg->write.data + msg->write.count <= bytes + len));
	}
}

static bool decode_random(p9s_decode_t decoder, const struct body *body)
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
	const struct message *m;
	unsigned int i, taken = 0;
	struct body *body;
	char name[20];

	for (m = messages; m < messages + NR_MESSAGES; m++) {
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
			taken += decode_random(m->decode, body);
		}
	}
	/* Some of each kind, or this says nothing */
	CHECK(taken > 20000 && taken < NR_MESSAGES * 20000 - 20000);
}

TEST(wire_survives_noise)
{
	const struct message *m;
	unsigned int i;
	size_t n;

	for (m = messages; m < messages + NR_MESSAGES; m++) {
		for (i = 0; i < 20000; i++) {
			scratch.len = unit_below(80);
			for (n = 0; n < scratch.len; n++)
				scratch.bytes[n] = unit_below(2) ?
					unit_below(4) : unit_random();
			decode_random(m->decode, &scratch);
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
	struct body wanted = { .len = 0 };
	struct p9s_buf buf;
	u8 *room;

	put(&wanted, 0xAA, 1);
	put(&wanted, 0xABCD, 2);
	put(&wanted, N1, 4);
	put(&wanted, LONG, 8);
	put(&wanted, 0x030201, 3);
	put_string(&wanted, "string");
	put(&wanted, 0x80, 1);
	put(&wanted, 0x01020304, 4);
	put(&wanted, 0x1112131415161718ULL, 8);
	put(&wanted, 5, 8);
	put(&wanted, 999999999, 8);

	room = unit_copy(wanted.bytes, wanted.len);
	memset(room, 0, wanted.len);
	p9s_buf_init(&buf, room, wanted.len);
	p9s_put_u8(&buf, 0xAA);
	p9s_put_u16(&buf, 0xABCD);
	p9s_put_u32(&buf, N1);
	p9s_put_u64(&buf, LONG);
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
static void random_field(struct p9s_buf *buf, struct body *wanted)
{
	u64 value = unit_random();
	struct p9s_qid qid = { value >> 8, value, value * 3 };
	u8 bytes[40];
	size_t len = unit_below(sizeof(bytes));

	memset(bytes, value, sizeof(bytes));
	switch (unit_below(7)) {
	case 0:
		p9s_put_u8(buf, value);
		put(wanted, value, 1);
		break;
	case 1:
		p9s_put_u16(buf, value);
		put(wanted, value, 2);
		break;
	case 2:
		p9s_put_u32(buf, value);
		put(wanted, value, 4);
		break;
	case 3:
		p9s_put_u64(buf, value);
		put(wanted, value, 8);
		break;
	case 4:
		p9s_put_str(buf, (char *)bytes, len);
		put_text(wanted, (char *)bytes, len);
		break;
	case 5:
		p9s_put_qid(buf, &qid);
		put(wanted, qid.type, 1);
		put(wanted, qid.version, 4);
		put(wanted, qid.path, 8);
		break;
	default:
		p9s_put_time(buf, value, value + 1);
		put(wanted, value, 8);
		put(wanted, value + 1, 8);
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
