// SPDX-License-Identifier: GPL-2.0
/*
 * The qids of net/9p/server/qid.c: unique across the filesystems under one
 * export, steady over time, and with a version that changes with the file.
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <net/9p/9p.h>

#include "qid.h"
#include "unit.h"

static struct kstat now;
static int now_err;

int vfs_getattr(const struct path *path, struct kstat *stat, u32 mask,
		unsigned int flags)
{
	(void)path;
	CHECK_EQ(mask, P9S_QID_MASK);
	CHECK_EQ(flags, AT_STATX_DONT_SYNC);
	*stat = now;
	return now_err;
}

static const struct path root;

static void start(struct p9s_devices *devices, dev_t dev)
{
	now.dev = dev;
	now_err = 0;
	CHECK_EQ(p9s_devices_init(devices, &root), 0);
}

TEST(qid_keeps_the_numbers_of_the_exports_filesystem)
{
	struct p9s_devices devices;

	start(&devices, 77);
	CHECK_EQ(p9s_qid_path(&devices, 77, 2), 2);
	CHECK(p9s_qid_path(&devices, 77, ~0ULL) == ~0ULL);
}

TEST(qid_paths_of_several_filesystems_differ)
{
	u64 seen[P9S_MAX_DEVICES];
	struct p9s_devices devices;
	unsigned int i, j;

	start(&devices, 1000);
	for (i = 0; i < P9S_MAX_DEVICES; i++) {
		seen[i] = p9s_qid_path(&devices, 1000 + i, 2);
		CHECK_EQ(seen[i] & 0xFFFFFFFFFFFFULL, 2);
		for (j = 0; j < i; j++)
			CHECK(seen[i] != seen[j]);
	}
	/* And stay what they were, in whatever order they are asked for */
	for (i = P9S_MAX_DEVICES; i-- > 0;)
		CHECK(p9s_qid_path(&devices, 1000 + i, 2) == seen[i]);
}

/* The table of filesystems is full: none of the known gets a new number */
TEST(qid_paths_stay_with_too_many_filesystems)
{
	struct p9s_devices devices;
	u64 one, other;
	unsigned int i;

	start(&devices, 0);
	one = p9s_qid_path(&devices, 1, 5);
	for (i = 2; i < 10000; i++) {
		other = p9s_qid_path(&devices, i, 5);
		CHECK(other != one);
		CHECK(other != 5);
		CHECK(p9s_qid_path(&devices, i, 5) == other);
	}
	CHECK_EQ(devices.nr, P9S_MAX_DEVICES);
	CHECK(p9s_qid_path(&devices, 1, 5) == one);
	CHECK_EQ(p9s_qid_path(&devices, 0, 5), 5);
}

TEST(qid_says_what_a_file_is)
{
	static const struct { umode_t mode; u8 type; } types[] = {
		{ S_IFREG, P9_QTFILE }, { S_IFDIR, P9_QTDIR },
		{ S_IFLNK, P9_QTSYMLINK }, { S_IFIFO, P9_QTFILE },
		{ S_IFSOCK, P9_QTFILE }, { S_IFCHR, P9_QTFILE },
		{ S_IFBLK, P9_QTFILE },
	};
	struct p9s_devices devices;
	struct p9s_qid qid;
	unsigned int i;

	start(&devices, 1);
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		now.mode = types[i].mode | 07777;
		p9s_qid_from_stat(&devices, &now, &qid);
		CHECK_EQ(qid.type, types[i].type);
	}
}

TEST(qid_version_changes_with_the_file)
{
	struct p9s_devices devices;
	struct p9s_qid before, after;

	start(&devices, 1);
	now.ctime = (struct timespec64) { 1700000000, 5 };
	p9s_qid_from_stat(&devices, &now, &before);
	p9s_qid_from_stat(&devices, &now, &after);
	CHECK_EQ(before.version, after.version);
	now.ctime.tv_nsec++;
	p9s_qid_from_stat(&devices, &now, &after);
	CHECK(before.version != after.version);
	now.ctime = (struct timespec64) { 1700000001, 5 };
	p9s_qid_from_stat(&devices, &now, &after);
	CHECK(before.version != after.version);

	/* A cookie is better than a time, which may stand still */
	now.result_mask = STATX_CHANGE_COOKIE;
	now.change_cookie = 41;
	p9s_qid_from_stat(&devices, &now, &before);
	CHECK_EQ(before.version, 41);
	now.change_cookie++;
	p9s_qid_from_stat(&devices, &now, &after);
	CHECK_EQ(after.version, 42);
	now.result_mask = 0;
}

TEST(qid_of_a_file_that_cannot_be_asked)
{
	struct p9s_devices devices;
	struct p9s_qid qid;

	start(&devices, 1);
	now_err = -EIO;
	CHECK_EQ(p9s_qid_from_path(&devices, &root, &qid), -EIO);
	CHECK_EQ(p9s_devices_init(&devices, &root), -EIO);
}
