// SPDX-License-Identifier: GPL-2.0
/*
 * The fid table: numbers are unique, limits hold, a fid lives as long as
 * somebody uses it, its file is closed with the last reference and no sooner,
 * and threads that race for the same numbers leave nothing behind. Long random
 * sequences are compared with a model in userspace, see
 * tools/testing/selftests/unit.
 */
#include <kunit/test.h>
#include <linux/anon_inodes.h>
#include <linux/completion.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/mount.h>
#include <linux/prandom.h>

#include "../fid.h"
#include "../identity.h"
#include "peer.h"

/**
 * struct fid_test - what each test works with
 * @test: the test
 * @table: an empty table
 * @identity: who all fids belong to; never freed
 * @path: where all fids are
 * @nr_closed: files that were closed
 */
struct fid_test {
	struct kunit *test;
	struct p9s_fid_table table;
	struct p9s_identity identity;
	struct path path;
	atomic_t nr_closed;
};

static int fid_init(struct kunit *test)
{
	struct fid_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->test = test;
	t->identity.cred = current_cred();
	refcount_set(&t->identity.users, 1);
	t->path.mnt = peer_tmpfs(test);
	t->path.dentry = t->path.mnt->mnt_root;
	p9s_fid_table_init(&t->table, 6, 4);
	test->priv = t;
	return 0;
}

/* Nothing is left of a table that was cleared */
static void fid_exit(struct kunit *test)
{
	struct fid_test *t = test->priv;

	if (!t)
		return;
	p9s_fid_table_clear(&t->table);
	KUNIT_EXPECT_EQ(test, 0, t->table.nr);
	KUNIT_EXPECT_EQ(test, 0, t->table.nr_open);
	KUNIT_EXPECT_EQ(test, 1, refcount_read(&t->identity.users));
}

static struct p9s_fid *make(struct fid_test *t, u32 id)
{
	struct p9s_fid *fid = p9s_fid_alloc(&t->table, id, &t->path,
					    &t->identity);

	KUNIT_ASSERT_NOT_NULL(t->test, fid);
	KUNIT_EXPECT_EQ(t->test, id, fid->id);
	return fid;
}

/* A new fid in the table, with no reference but the table's */
static int add(struct fid_test *t, u32 id)
{
	struct p9s_fid *fid = make(t, id);
	int err = p9s_fid_insert(fid);

	p9s_fid_put(fid);
	return err;
}

static struct p9s_fid *find(struct fid_test *t, u32 id)
{
	struct p9s_fid *fid = p9s_fid_find(&t->table, id);

	KUNIT_ASSERT_NOT_NULL(t->test, fid);
	KUNIT_EXPECT_EQ(t->test, id, fid->id);
	return fid;
}

static bool present(struct fid_test *t, u32 id)
{
	struct p9s_fid *fid = p9s_fid_find(&t->table, id);

	if (fid)
		p9s_fid_put(fid);
	return fid;
}

static int counted_release(struct inode *inode, struct file *file)
{
	atomic_inc(file->private_data);
	return 0;
}

static const struct file_operations counted_fops = {
	.owner = THIS_MODULE,
	.release = counted_release,
};

/* A real file, of which it is known when it is closed */
static void open_file(struct fid_test *t, struct p9s_fid *fid)
{
	struct file *file = anon_inode_getfile("fid_kunit", &counted_fops,
					       &t->nr_closed, O_RDWR);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(t->test, file);
	p9s_fid_set_file(fid, file);
	KUNIT_EXPECT_PTR_EQ(t->test, file, p9s_fid_file(fid));
}

static void numbers_are_unique(struct kunit *test)
{
	struct fid_test *t = test->priv;

	KUNIT_EXPECT_FALSE(test, present(t, 5));
	KUNIT_EXPECT_EQ(test, 0, add(t, 5));
	KUNIT_EXPECT_EQ(test, -EINVAL, add(t, 5));
	KUNIT_EXPECT_EQ(test, 1, t->table.nr);
	KUNIT_EXPECT_TRUE(test, present(t, 5));
	p9s_fid_table_clear(&t->table);
	KUNIT_EXPECT_FALSE(test, present(t, 5));
}

static void numbers_may_be_any(struct kunit *test)
{
	static const u32 ids[] = {
		0, 1, P9S_FID_BUCKETS, 2 * P9S_FID_BUCKETS, 0x80000000,
		0xFFFFFFFF,
	};
	struct fid_test *t = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ids); i++)
		KUNIT_EXPECT_EQ(test, 0, add(t, ids[i]));
	for (i = 0; i < ARRAY_SIZE(ids); i++)
		KUNIT_EXPECT_TRUE(test, present(t, ids[i]));
	KUNIT_EXPECT_FALSE(test, present(t, 3 * P9S_FID_BUCKETS));
}

static void table_has_a_limit(struct kunit *test)
{
	struct fid_test *t = test->priv;
	struct p9s_fid *fid;
	u32 id;

	for (id = 0; id < 6; id++)
		KUNIT_EXPECT_EQ(test, 0, add(t, id));
	KUNIT_EXPECT_EQ(test, -EMFILE, add(t, 6));
	/* A number in use is that, in a full table too */
	KUNIT_EXPECT_EQ(test, -EINVAL, add(t, 2));
	fid = find(t, 1);
	KUNIT_EXPECT_TRUE(test, p9s_fid_remove(fid));
	p9s_fid_put(fid);
	KUNIT_EXPECT_EQ(test, 0, add(t, 6));
	KUNIT_EXPECT_EQ(test, -EMFILE, add(t, 1));
}

static void table_of_none(struct kunit *test)
{
	struct fid_test *t = test->priv;

	p9s_fid_table_init(&t->table, 0, 0);
	KUNIT_EXPECT_EQ(test, -EMFILE, add(t, 0));
	KUNIT_EXPECT_EQ(test, -EMFILE, p9s_fid_reserve_open(&t->table));
}

static void is_removed_once(struct kunit *test)
{
	struct fid_test *t = test->priv;
	struct p9s_fid *one, *two;

	KUNIT_EXPECT_EQ(test, 0, add(t, 1));
	one = find(t, 1);
	two = find(t, 1);
	KUNIT_EXPECT_PTR_EQ(test, one, two);
	KUNIT_EXPECT_TRUE(test, p9s_fid_remove(one));
	KUNIT_EXPECT_FALSE(test, p9s_fid_remove(two));
	KUNIT_EXPECT_EQ(test, 0, t->table.nr);
	KUNIT_EXPECT_FALSE(test, present(t, 1));
	KUNIT_EXPECT_EQ(test, 2, refcount_read(&one->users));
	p9s_fid_put(one);
	p9s_fid_put(two);
}

/* Its number is free at once, though a request still uses the fid */
static void number_is_free_once_removed(struct kunit *test)
{
	struct fid_test *t = test->priv;
	struct p9s_fid *old;

	KUNIT_EXPECT_EQ(test, 0, add(t, 1));
	old = find(t, 1);
	KUNIT_EXPECT_TRUE(test, p9s_fid_remove(old));
	KUNIT_EXPECT_EQ(test, 0, add(t, 1));
	/* The one that left does not take the new one with it */
	KUNIT_EXPECT_FALSE(test, p9s_fid_remove(old));
	KUNIT_EXPECT_TRUE(test, present(t, 1));
	p9s_fid_put(old);
	KUNIT_EXPECT_TRUE(test, present(t, 1));
}

static void is_replaced(struct kunit *test)
{
	struct fid_test *t = test->priv;
	struct p9s_fid *old, *fid, *found;

	KUNIT_EXPECT_EQ(test, 0, add(t, 7));
	old = find(t, 7);
	fid = make(t, 7);
	KUNIT_EXPECT_EQ(test, 0, p9s_fid_replace(old, fid));
	KUNIT_EXPECT_EQ(test, 1, t->table.nr);
	found = find(t, 7);
	KUNIT_EXPECT_PTR_EQ(test, found, fid);
	p9s_fid_put(found);
	/* It cannot be replaced, or removed, a second time */
	KUNIT_EXPECT_EQ(test, -EBADF, p9s_fid_replace(old, fid));
	KUNIT_EXPECT_FALSE(test, p9s_fid_remove(old));
	KUNIT_EXPECT_EQ(test, 1, t->table.nr);
	p9s_fid_put(old);
	p9s_fid_put(fid);
}

static void never_inserted_is_freed(struct kunit *test)
{
	struct fid_test *t = test->priv;

	p9s_fid_put(make(t, 1));
	KUNIT_EXPECT_EQ(test, 1, refcount_read(&t->identity.users));
}

static void file_is_closed_with_the_last_reference(struct kunit *test)
{
	struct fid_test *t = test->priv;
	struct p9s_fid *fid;

	p9s_fid_table_init(&t->table, 6, 1);
	KUNIT_EXPECT_EQ(test, 0, add(t, 1));
	fid = find(t, 1);
	KUNIT_EXPECT_NULL(test, p9s_fid_file(fid));
	KUNIT_EXPECT_EQ(test, 0, p9s_fid_reserve_open(&t->table));
	open_file(t, fid);
	KUNIT_EXPECT_TRUE(test, p9s_fid_remove(fid));
	/* Clunked, and a request still reads from it */
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&t->nr_closed));
	KUNIT_EXPECT_EQ(test, 1, t->table.nr_open);
	KUNIT_EXPECT_EQ(test, -EMFILE, p9s_fid_reserve_open(&t->table));
	p9s_fid_put(fid);
	/* At once, not when this thread gets to it */
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&t->nr_closed));
	KUNIT_EXPECT_EQ(test, 0, t->table.nr_open);
	KUNIT_EXPECT_EQ(test, 0, p9s_fid_reserve_open(&t->table));
	p9s_fid_release_open(&t->table);
}

static void clear_closes_files(struct kunit *test)
{
	struct fid_test *t = test->priv;
	struct p9s_fid *fid;
	u32 id;

	for (id = 0; id < 4; id++) {
		KUNIT_EXPECT_EQ(test, 0, add(t, id * P9S_FID_BUCKETS / 3));
		fid = find(t, id * P9S_FID_BUCKETS / 3);
		KUNIT_EXPECT_EQ(test, 0, p9s_fid_reserve_open(&t->table));
		open_file(t, fid);
		p9s_fid_put(fid);
	}
	KUNIT_EXPECT_EQ(test, -EMFILE, p9s_fid_reserve_open(&t->table));
	p9s_fid_table_clear(&t->table);
	KUNIT_EXPECT_EQ(test, 4, atomic_read(&t->nr_closed));
	KUNIT_EXPECT_EQ(test, 0, t->table.nr_open);
}

#define RACERS		4
#define RACE_STEPS	20000

struct racer {
	struct fid_test *t;
	u32 seed;
	unsigned int wrong;
	struct completion done;
};

/* One request after another on few fids: who wins is not known */
static void race_once(struct racer *racer, struct rnd_state *random)
{
	u32 id = prandom_u32_state(random) % 8 * P9S_FID_BUCKETS / 2;
	struct p9s_fid_table *table = &racer->t->table;
	struct p9s_fid *fid = p9s_fid_find(table, id);
	struct p9s_fid *other;

	if (fid && prandom_u32_state(random) % 4 == 0) {
		p9s_fid_remove(fid);
	} else if (!fid || prandom_u32_state(random) % 4 == 0) {
		other = p9s_fid_alloc(table, id, &racer->t->path,
				      &racer->t->identity);
		if (!other)
			racer->wrong++;
		else if (fid)
			p9s_fid_replace(fid, other);
		else
			p9s_fid_insert(other);
		if (other)
			p9s_fid_put(other);
	}
	if (fid) {
		racer->wrong += fid->id != id;
		p9s_fid_put(fid);
	}
}

static int race(void *arg)
{
	struct racer *racer = arg;
	struct rnd_state random;
	unsigned int i;

	prandom_seed_state(&random, racer->seed);
	for (i = 0; i < RACE_STEPS; i++) {
		race_once(racer, &random);
		cond_resched();
	}
	kthread_complete_and_exit(&racer->done, 0);
}

static void is_shared_by_threads(struct kunit *test)
{
	struct fid_test *t = test->priv;
	struct racer *racers = kunit_kcalloc(test, RACERS, sizeof(*racers),
					     GFP_KERNEL);
	struct task_struct *task;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, racers);
	for (i = 0; i < RACERS; i++) {
		racers[i].t = t;
		racers[i].seed = i + 1;
		init_completion(&racers[i].done);
		task = kthread_run(race, &racers[i], "fid-race-%u", i);
		if (IS_ERR(task)) {
			KUNIT_FAIL(test, "no thread: %pe", task);
			complete(&racers[i].done);
		}
	}
	for (i = 0; i < RACERS; i++) {
		wait_for_completion(&racers[i].done);
		KUNIT_EXPECT_EQ(test, 0, racers[i].wrong);
	}
	KUNIT_EXPECT_LE(test, t->table.nr, t->table.max);
}

static struct kunit_case fid_cases[] = {
	KUNIT_CASE(numbers_are_unique),
	KUNIT_CASE(numbers_may_be_any),
	KUNIT_CASE(table_has_a_limit),
	KUNIT_CASE(table_of_none),
	KUNIT_CASE(is_removed_once),
	KUNIT_CASE(number_is_free_once_removed),
	KUNIT_CASE(is_replaced),
	KUNIT_CASE(never_inserted_is_freed),
	KUNIT_CASE(file_is_closed_with_the_last_reference),
	KUNIT_CASE(clear_closes_files),
	KUNIT_CASE(is_shared_by_threads),
	{ }
};

static struct kunit_suite fid_suite = {
	.name = "9pnet_server-fid",
	.init = fid_init,
	.exit = fid_exit,
	.test_cases = fid_cases,
};

kunit_test_suite(fid_suite);
