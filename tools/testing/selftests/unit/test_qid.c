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
static struct timespec64 now_time;

int vfs_getattr(const struct path *path, struct kstat *stat, u32 mask,
		unsigned int flags)
{
	(void)path;
	CHECK_EQ(mask, P9S_QID_MASK);
	CHECK_EQ(flags, AT_STATX_DONT_SYNC);
	*stat = now;
	return now_err;
}

void ktime_get_coarse_real_ts64(struct timespec64 *time)
{
	*time = now_time;
}

static const struct path root;

static void start(struct p9s_devices *devices, dev_t dev)
{
	now = (struct kstat) { .dev = dev };
	now_err = 0;
	CHECK_EQ(p9s_devices_init(devices, &root), 0);
}

static u64 number(struct p9s_devices *devices, dev_t dev, u64 ino)
{
	u64 path = 0;

	CHECK_EQ(p9s_qid_path(devices, dev, ino, &path), 0);
	return path;
}

TEST(qid_keeps_the_numbers_of_the_exports_filesystem)
{
	struct p9s_devices devices;
	u64 high;

	start(&devices, 77);
	CHECK_EQ(number(&devices, 77, 2), 2);
	for (high = 0; high < 65536; high++)
		CHECK(number(&devices, 77, high << 48 | 5) == (high << 48 | 5));
	CHECK(number(&devices, 77, ~0ULL) == ~0ULL);
	p9s_devices_destroy(&devices);
}

#define FILESYSTEMS	1000

TEST(qid_paths_of_several_filesystems_differ)
{
	static u64 seen[FILESYSTEMS];
	struct p9s_devices devices;
	unsigned int i, j;

	start(&devices, 1000);
	for (i = 0; i < FILESYSTEMS; i++) {
		seen[i] = number(&devices, 1000 + i, 2);
		CHECK_EQ(seen[i] & 0xFFFFFFFFFFFFULL, 2);
		for (j = 0; j < i; j++)
			CHECK(seen[i] != seen[j]);
	}
	/* And stay what they were, in whatever order they are asked for */
	for (i = FILESYSTEMS; i-- > 0;)
		CHECK(number(&devices, 1000 + i, 2) == seen[i]);
	p9s_devices_destroy(&devices);
}

/* Two filesystems with numbers anywhere in 64 bits: where is each of them? */
TEST(qid_paths_of_64_bits_differ)
{
	static u64 seen[2][4096];
	struct p9s_devices devices;
	unsigned int i, j;
	u64 ino;

	start(&devices, 1);
	for (i = 0; i < 4096; i++) {
		ino = (u64)i << 52 | 7;
		seen[0][i] = number(&devices, 2, ino);
		seen[1][i] = number(&devices, 1, ino);
	}
	for (i = 0; i < 4096; i++) {
		for (j = 0; j < 4096; j++) {
			CHECK(seen[0][i] != seen[1][j]);
			CHECK(i == j || seen[0][i] != seen[0][j]);
			CHECK(i == j || seen[1][i] != seen[1][j]);
		}
	}
	p9s_devices_destroy(&devices);
}

/* What has no number left is refused, and nothing gets that of another */
TEST(qid_paths_may_run_out)
{
	static u8 taken[65536];
	struct p9s_devices devices;
	unsigned int i, refused = 0;
	u64 path = 0;
	int err;

	start(&devices, 0);
	for (i = 0; i < 70000; i++) {
		err = p9s_qid_path(&devices, i, 5, &path);
		if (err) {
			CHECK_EQ(err, -EOVERFLOW);
			refused++;
			continue;
		}
		CHECK(!taken[path >> 48]);
		taken[path >> 48] = 1;
	}
	CHECK(refused >= 70000 - 65536);
	CHECK(refused < 10000);
	CHECK_EQ(number(&devices, 0, 5), 5);
	p9s_devices_destroy(&devices);
}

TEST(qid_paths_without_memory)
{
	struct p9s_devices devices;
	u64 path;

	start(&devices, 1);
	unit_fail_allocation = 1;
	CHECK_EQ(p9s_qid_path(&devices, 2, 5, &path), -ENOMEM);
	unit_fail_allocation = 0;
	CHECK(number(&devices, 2, 5) != 5);
	p9s_devices_destroy(&devices);
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
		CHECK_EQ(p9s_qid_from_stat(&devices, &now, &qid), 0);
		CHECK_EQ(qid.type, types[i].type);
	}
	p9s_devices_destroy(&devices);
}

static u32 version(struct p9s_devices *devices)
{
	struct p9s_qid qid;

	CHECK_EQ(p9s_qid_from_stat(devices, &now, &qid), 0);
	return qid.version;
}

TEST(qid_version_changes_with_the_file)
{
	struct p9s_devices devices;
	u32 before;

	start(&devices, 1);
	now_time.tv_sec = 1700000100;
	now.ctime = (struct timespec64) { 1700000000, 5 };
	before = version(&devices);
	CHECK_EQ(version(&devices), before);
	now.ctime.tv_nsec++;
	CHECK(version(&devices) != before);
	now.ctime = (struct timespec64) { 1700000001, 5 };
	CHECK(version(&devices) != before);

	/* A cookie is better than a time, which may stand still */
	now_time = now.ctime;
	now.result_mask = STATX_CHANGE_COOKIE;
	now.change_cookie = 41;
	before = version(&devices);
	CHECK_EQ(version(&devices), before);
	now.change_cookie++;
	CHECK(version(&devices) != before);
	/* And was it reset by a crash, the time is another */
	now.change_cookie = 41;
	now.ctime.tv_nsec++;
	CHECK(version(&devices) != before);
	p9s_devices_destroy(&devices);
}

/* As long as another change may bear the same time, no two versions agree */
TEST(qid_version_of_a_file_that_just_changed)
{
	struct p9s_devices devices;
	u32 seen[100];
	unsigned int i, j;

	start(&devices, 1);
	now.ctime = (struct timespec64) { 1700000000, 5 };
	now_time = now.ctime;
	for (i = 0; i < 99; i++) {
		now_time.tv_nsec += 20000000;
		seen[i] = version(&devices);
	}
	now_time.tv_sec += 2;
	seen[99] = version(&devices);
	CHECK_EQ(version(&devices), seen[99]);
	for (i = 0; i < 100; i++) {
		for (j = 0; j < i; j++)
			CHECK(seen[i] != seen[j]);
	}
	p9s_devices_destroy(&devices);
}

TEST(qid_version_is_never_0)
{
	struct p9s_devices devices;

	start(&devices, 1);
	now_time.tv_sec = 100;
	CHECK(version(&devices));
	now.result_mask = STATX_CHANGE_COOKIE;
	CHECK(version(&devices));
	p9s_devices_destroy(&devices);
}

TEST(qid_of_a_file_that_cannot_be_asked)
{
	struct p9s_devices devices;
	struct p9s_qid qid;

	start(&devices, 1);
	now_err = -EIO;
	CHECK_EQ(p9s_qid_from_path(&devices, &root, &qid), -EIO);
	p9s_devices_destroy(&devices);
	CHECK_EQ(p9s_devices_init(&devices, &root), -EIO);
	p9s_devices_destroy(&devices);
}
