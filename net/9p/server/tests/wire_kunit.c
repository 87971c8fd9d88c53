// SPDX-License-Identifier: GPL-2.0
/*
 * The decoders, each found as the server finds it, by the type of the message:
 * what was put in comes out, and names, targets and counts that a message must
 * not hold are refused. Messages that are cut off, garbled, or noise are tested
 * in userspace, see tools/testing/selftests/unit.
 */
#include <kunit/test.h>
#include <linux/errno.h>
#include <linux/string.h>

#include "../operation.h"
#include "wire_cases.h"

static struct wire_body scratch;

/* In memory of exactly its size, so that KASAN sees the first byte too many */
static int decode(struct kunit *test, u8 type, union p9s_msg *msg)
{
	const struct p9s_operation *op = p9s_operation_of(type);
	u8 *bytes = kunit_kmalloc(test, scratch.len, GFP_KERNEL);
	struct p9s_cursor in;

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	KUNIT_ASSERT_NOT_NULL(test, op->decode);
	memcpy(bytes, scratch.bytes, scratch.len);
	memset(msg, 0x5A, sizeof(*msg));
	p9s_wire_start(&in, bytes, scratch.len);
	return op->decode(&in, msg);
}

/* The same where only the error counts, and what was decoded goes at once */
static int decode_error(struct kunit *test, u8 type)
{
	const struct p9s_operation *op = p9s_operation_of(type);
	u8 *bytes = kmemdup(scratch.bytes, scratch.len, GFP_KERNEL);
	struct p9s_cursor in;
	union p9s_msg msg;
	int err;

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	p9s_wire_start(&in, bytes, scratch.len);
	err = op->decode(&in, &msg);
	kfree(bytes);
	return err;
}

static int decode_name(struct kunit *test, const struct wire_message *m,
		       const char *name, size_t len)
{
	scratch.len = 0;
	m->make(&scratch, name, len);
	return decode_error(test, m->type);
}

static void message_name(const struct wire_message *m, char *name)
{
	strscpy(name, m->title, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(message, wire_messages, message_name);

static void decodes(struct kunit *test)
{
	const struct wire_message *m = test->param_value;
	union p9s_msg msg;

	scratch.len = 0;
	m->make(&scratch, "name", 4);
	KUNIT_ASSERT_EQ(test, 0, decode(test, m->type, &msg));
	KUNIT_EXPECT_TRUE(test, m->check(&msg));
	if (wire_has_fid(m))
		KUNIT_EXPECT_EQ(test, WIRE_FID, msg.fid);
}

/* Every type that the server handles is among those that are tested */
static void knows_each_type(struct kunit *test)
{
	const struct p9s_operation *op;
	unsigned int type, i;
	bool tested;

	for (type = 0; type <= U8_MAX; type++) {
		op = p9s_operation_of(type);
		KUNIT_ASSERT_NOT_NULL(test, op);
		KUNIT_EXPECT_NOT_NULL(test, op->name);
		KUNIT_EXPECT_EQ(test, !op->handle, !op->decode);
		tested = false;
		for (i = 0; i < ARRAY_SIZE(wire_messages); i++)
			tested |= wire_messages[i].type == type;
		KUNIT_EXPECT_EQ_MSG(test, tested, !!op->handle, "type %u",
				    type);
		/* Odd types are those of replies */
		KUNIT_EXPECT_FALSE_MSG(test, op->handle && type % 2, "type %u",
				       type);
	}
}

static const struct {
	const char *text;
	size_t len;
} bad_names[] = {
	{ "", 0 }, { ".", 1 }, { "/", 1 }, { "a/b", 3 }, { "/a", 2 },
	{ "a/", 2 }, { "\0", 1 }, { "a\0b", 3 }, { "name\0", 5 },
	{ "../..", 5 },
};

static void refuses_bad_names(struct kunit *test)
{
	const struct wire_message *m = test->param_value;
	unsigned int i;

	if (!m->has_name)
		return;
	for (i = 0; i < ARRAY_SIZE(bad_names); i++)
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL,
				    decode_name(test, m, bad_names[i].text,
						bad_names[i].len),
				    "name %u", i);
	/* The parent directory is where a walk may go, and nothing else */
	KUNIT_EXPECT_EQ(test, m->type == P9_TWALK ? 0 : -EINVAL,
			decode_name(test, m, "..", 2));
}

static void takes_odd_names(struct kunit *test)
{
	static const char *const names[] = {
		"a", "...", ".a", "..a", "a..", " ", "\n", "\\", "\xff\xfe",
		"~",
	};
	const struct wire_message *m = test->param_value;
	char longest[P9S_MAX_NAME + 1];
	unsigned int i;

	if (!m->has_name)
		return;
	for (i = 0; i < ARRAY_SIZE(names); i++)
		KUNIT_EXPECT_EQ_MSG(test, 0,
				    decode_name(test, m, names[i],
						strlen(names[i])),
				    "name %u", i);
	memset(longest, 'x', sizeof(longest));
	KUNIT_EXPECT_EQ(test, 0, decode_name(test, m, longest, P9S_MAX_NAME));
	KUNIT_EXPECT_EQ(test, -ENAMETOOLONG,
			decode_name(test, m, longest, P9S_MAX_NAME + 1));
}

/* Both names of a rename, not only the last */
static void refuses_a_bad_old_name(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad_names); i++) {
		scratch.len = 0;
		wire_put(&scratch, WIRE_FID, 4);
		wire_put_text(&scratch, bad_names[i].text, bad_names[i].len);
		wire_put(&scratch, WIRE_FID2, 4);
		wire_put_string(&scratch, "new");
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL,
				    decode_error(test, P9_TRENAMEAT),
				    "name %u", i);
	}
}

static int decode_symlink(struct kunit *test, const char *target, size_t len)
{
	scratch.len = 0;
	wire_put(&scratch, WIRE_FID, 4);
	wire_put_string(&scratch, "name");
	wire_put_text(&scratch, target, len);
	wire_put(&scratch, WIRE_N1, 4);
	return decode_error(test, P9_TSYMLINK);
}

static void takes_what_a_symlink_may_hold(struct kunit *test)
{
	char *longest = kunit_kmalloc(test, P9S_MAX_TARGET + 1, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, longest);
	memset(longest, '/', P9S_MAX_TARGET + 1);
	KUNIT_EXPECT_EQ(test, 0, decode_symlink(test, "/", 1));
	KUNIT_EXPECT_EQ(test, 0, decode_symlink(test, "..", 2));
	KUNIT_EXPECT_EQ(test, 0, decode_symlink(test, "a b/c\n", 6));
	KUNIT_EXPECT_EQ(test, -EINVAL, decode_symlink(test, "", 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, decode_symlink(test, "a\0b", 3));
	KUNIT_EXPECT_EQ(test, 0, decode_symlink(test, longest, P9S_MAX_TARGET));
	KUNIT_EXPECT_EQ(test, -ENAMETOOLONG,
			decode_symlink(test, longest, P9S_MAX_TARGET + 1));
}

/* A walk of @count names that says it has @said */
static int decode_walk(struct kunit *test, unsigned int said,
		       unsigned int count)
{
	scratch.len = 0;
	wire_put(&scratch, WIRE_FID, 4);
	wire_put(&scratch, WIRE_FID2, 4);
	wire_put(&scratch, said, 2);
	while (count--)
		wire_put_string(&scratch, "n");
	return decode_error(test, P9_TWALK);
}

static void limits_the_names_of_a_walk(struct kunit *test)
{
	unsigned int count;

	for (count = 0; count <= P9S_MAX_WALK; count++) {
		KUNIT_EXPECT_EQ(test, 0, decode_walk(test, count, count));
		KUNIT_EXPECT_EQ(test, -EINVAL,
				decode_walk(test, count, count + 1));
		if (count)
			KUNIT_EXPECT_EQ(test, -EINVAL,
					decode_walk(test, count, count - 1));
	}
	KUNIT_EXPECT_EQ(test, -EINVAL, decode_walk(test, count, count));
	KUNIT_EXPECT_EQ(test, -EINVAL, decode_walk(test, 1000, 1000));
	KUNIT_EXPECT_EQ(test, -EINVAL, decode_walk(test, U16_MAX, 0));
}

static int decode_write(struct kunit *test, u32 said, unsigned int count)
{
	scratch.len = 0;
	wire_put(&scratch, WIRE_FID, 4);
	wire_put(&scratch, WIRE_LONG, 8);
	wire_put(&scratch, said, 4);
	while (count--)
		wire_put(&scratch, count, 1);
	return decode_error(test, P9_TWRITE);
}

static void checks_the_count_of_a_write(struct kunit *test)
{
	static const u32 wrong[] = {
		99, 101, 0, 0x10000 + 100, 0x7FFFFFFF, 0x80000000, 0x80000064,
		0xFFFFFFFF, 0xFFFFFFF0,
	};
	unsigned int i;

	KUNIT_EXPECT_EQ(test, 0, decode_write(test, 100, 100));
	KUNIT_EXPECT_EQ(test, 0, decode_write(test, 0, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, decode_write(test, 1, 0));
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL,
				    decode_write(test, wrong[i], 100),
				    "count %#x", wrong[i]);
}

static int decode_xattr(struct kunit *test, u8 type, const char *name,
			size_t len)
{
	scratch.len = 0;
	wire_put(&scratch, WIRE_FID, 4);
	if (type == P9_TXATTRWALK)
		wire_put(&scratch, WIRE_FID2, 4);
	wire_put_text(&scratch, name, len);
	if (type == P9_TXATTRCREATE)
		wire_put(&scratch, 0, 12);
	return decode_error(test, type);
}

/* Names of xattrs are other names than those of files */
static void checks_the_name_of_an_xattr(struct kunit *test)
{
	static const u8 types[] = { P9_TXATTRWALK, P9_TXATTRCREATE };
	char longest[P9S_MAX_XATTR + 1];
	unsigned int i;

	memset(longest, 'x', sizeof(longest));
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		KUNIT_EXPECT_EQ(test, 0, decode_xattr(test, types[i], "..", 2));
		KUNIT_EXPECT_EQ(test, 0, decode_xattr(test, types[i], "/", 1));
		KUNIT_EXPECT_EQ(test, 0, decode_xattr(test, types[i], longest,
						      P9S_MAX_XATTR));
		KUNIT_EXPECT_EQ(test, -ERANGE,
				decode_xattr(test, types[i], longest,
					     P9S_MAX_XATTR + 1));
		KUNIT_EXPECT_EQ(test, -EINVAL,
				decode_xattr(test, types[i], "user.a\0b", 8));
	}
	/* Without a name they are listed, and none can be made */
	KUNIT_EXPECT_EQ(test, 0, decode_xattr(test, P9_TXATTRWALK, "", 0));
	KUNIT_EXPECT_EQ(test, -ERANGE,
			decode_xattr(test, P9_TXATTRCREATE, "", 0));
}

static int decode_client(struct kunit *test, u8 type, unsigned int len)
{
	scratch.len = 0;
	wire_put(&scratch, WIRE_FID, 4);
	wire_put(&scratch, 0, type == P9_TLOCK ? 5 : 1);
	wire_put(&scratch, 0, 8);
	wire_put(&scratch, 0, 8);
	wire_put(&scratch, 0, 4);
	wire_put(&scratch, len, 2);
	while (len--)
		wire_put(&scratch, 0, 1);
	return decode_error(test, type);
}

/* A reply has to hold what a client calls itself */
static void limits_the_name_of_a_client(struct kunit *test)
{
	static const u8 types[] = { P9_TLOCK, P9_TGETLOCK };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		KUNIT_EXPECT_EQ(test, 0, decode_client(test, types[i], 0));
		KUNIT_EXPECT_EQ(test, 0, decode_client(test, types[i],
						       P9S_MAX_CLIENT));
		KUNIT_EXPECT_EQ(test, -ENAMETOOLONG,
				decode_client(test, types[i],
					      P9S_MAX_CLIENT + 1));
	}
}

/* The longest string there is, in a message that has room for it */
static void takes_the_longest_string(struct kunit *test)
{
	unsigned int i;

	scratch.len = 0;
	wire_put(&scratch, 8192, 4);
	wire_put(&scratch, U16_MAX, 2);
	for (i = 0; i < U16_MAX; i++)
		wire_put(&scratch, 'x', 1);
	KUNIT_EXPECT_EQ(test, 0, decode_error(test, P9_TVERSION));
}

static struct kunit_case wire_kunit_cases[] = {
	KUNIT_CASE(knows_each_type),
	KUNIT_CASE_PARAM(decodes, message_gen_params),
	KUNIT_CASE_PARAM(refuses_bad_names, message_gen_params),
	KUNIT_CASE_PARAM(takes_odd_names, message_gen_params),
	KUNIT_CASE(refuses_a_bad_old_name),
	KUNIT_CASE(takes_what_a_symlink_may_hold),
	KUNIT_CASE(limits_the_names_of_a_walk),
	KUNIT_CASE(checks_the_count_of_a_write),
	KUNIT_CASE(checks_the_name_of_an_xattr),
	KUNIT_CASE(limits_the_name_of_a_client),
	KUNIT_CASE(takes_the_longest_string),
	{ }
};

static struct kunit_suite wire_suite = {
	.name = "9pnet_server-wire",
	.test_cases = wire_kunit_cases,
};

kunit_test_suite(wire_suite);
