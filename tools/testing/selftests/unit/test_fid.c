// SPDX-License-Identifier: GPL-2.0
/*
 * The fid table of net/9p/server/fid.c: numbers are unique, limits hold, and
 * whatever a client does in whatever order, a file is closed exactly once and
 * every reference is given back. The shims end a test that sleeps under a
 * spinlock or miscounts.
 */
#include <linux/errno.h>
#include <linux/list.h>
#include <pthread.h>

#include "fid.h"
#include "identity.h"
#include "unit.h"

static struct p9s_fid_table table;
static struct p9s_identity identity = { .users = { 1 } };
static const struct path nowhere;

static void start(unsigned int max, unsigned int max_open)
{
	p9s_fid_table_init(&table, max, max_open);
}

/* Nothing is left of a table that was cleared */
static void expect_nothing(void)
{
	p9s_fid_table_clear(&table);
	CHECK_EQ(table.nr, 0);
	CHECK_EQ(table.nr_open, 0);
	CHECK_EQ(unit_counts.allocations, 0);
	CHECK_EQ(unit_counts.paths, 0);
	CHECK_EQ(unit_counts.identities, 0);
	CHECK_EQ(unit_counts.files, 0);
	CHECK_EQ(refcount_read(&identity.users), 1);
}

static struct p9s_fid *make(u32 id)
{
	struct p9s_fid *fid = p9s_fid_alloc(&table, id, &nowhere, &identity);

	CHECK(fid);
	CHECK_EQ(fid->id, id);
	return fid;
}

/* A new fid in the table, with no reference but the table's */
static int add(u32 id)
{
	struct p9s_fid *fid = make(id);
	int err = p9s_fid_insert(fid);

	p9s_fid_put(fid);
	return err;
}

static bool present(u32 id)
{
	struct p9s_fid *fid = p9s_fid_find(&table, id);

	if (!fid)
		return false;
	CHECK_EQ(fid->id, id);
	p9s_fid_put(fid);
	return true;
}

/* @closed counts how often the file is closed */
static void open_file(struct p9s_fid *fid, long *closed)
{
	unit_counts.files++;
	p9s_fid_set_file(fid, (struct file *)closed);
	CHECK(p9s_fid_file(fid) == (struct file *)closed);
}

TEST(fid_numbers_are_unique)
{
	start(10, 10);
	CHECK(!present(5));
	CHECK_EQ(add(5), 0);
	CHECK_EQ(add(5), -EINVAL);
	CHECK_EQ(table.nr, 1);
	CHECK(present(5));
	expect_nothing();
	CHECK(!present(5));
}

TEST(fid_numbers_may_be_any)
{
	static const u32 ids[] = { 0, 1, P9S_FID_BUCKETS, 2 * P9S_FID_BUCKETS,
				   0x7FFFFFFFU, 0x80000000U, 0xFFFFFFFEU,
				   0xFFFFFFFFU };
	unsigned int i, nr = ARRAY_SIZE(ids);

	start(nr, nr);
	for (i = 0; i < nr; i++)
		CHECK_EQ(add(ids[i]), 0);
	for (i = 0; i < nr; i++)
		CHECK(present(ids[i]));
	CHECK(!present(3 * P9S_FID_BUCKETS));
	expect_nothing();
}

TEST(fid_table_has_a_limit)
{
	struct p9s_fid *fid;

	start(2, 2);
	CHECK_EQ(add(1), 0);
	CHECK_EQ(add(2), 0);
	CHECK_EQ(add(3), -EMFILE);
	/* A number in use is that, in a full table too */
	CHECK_EQ(add(2), -EINVAL);
	CHECK_EQ(table.nr, 2);
	fid = p9s_fid_find(&table, 1);
	CHECK(p9s_fid_remove(fid));
	p9s_fid_put(fid);
	CHECK_EQ(add(3), 0);
	CHECK_EQ(add(1), -EMFILE);
	expect_nothing();
}

TEST(fid_table_of_none)
{
	start(0, 0);
	CHECK_EQ(add(0), -EMFILE);
	CHECK_EQ(p9s_fid_reserve_open(&table), -EMFILE);
	expect_nothing();
}

TEST(fid_is_removed_once)
{
	struct p9s_fid *one, *two;

	start(5, 5);
	CHECK_EQ(add(1), 0);
	one = p9s_fid_find(&table, 1);
	two = p9s_fid_find(&table, 1);
	CHECK(one && one == two);
	CHECK(p9s_fid_remove(one));
	CHECK(!p9s_fid_remove(two));
	CHECK_EQ(table.nr, 0);
	CHECK(!present(1));
	p9s_fid_put(one);
	CHECK_EQ(unit_counts.allocations, 1);
	p9s_fid_put(two);
	expect_nothing();
}

/* Its number is free at once, though a request still uses the fid */
TEST(fid_number_is_free_once_removed)
{
	struct p9s_fid *old;

	start(1, 1);
	CHECK_EQ(add(1), 0);
	old = p9s_fid_find(&table, 1);
	CHECK(p9s_fid_remove(old));
	CHECK_EQ(add(1), 0);
	CHECK(present(1));
	/* The one that left does not take the new one with it */
	CHECK(!p9s_fid_remove(old));
	CHECK(present(1));
	p9s_fid_put(old);
	CHECK(present(1));
	expect_nothing();
}

TEST(fid_is_replaced)
{
	struct p9s_fid *old, *fid, *found;

	start(1, 1);
	CHECK_EQ(add(7), 0);
	old = p9s_fid_find(&table, 7);
	fid = make(7);
	CHECK_EQ(p9s_fid_replace(old, fid), 0);
	CHECK_EQ(table.nr, 1);
	found = p9s_fid_find(&table, 7);
	CHECK(found == fid);
	p9s_fid_put(found);
	/* It cannot be replaced, or removed, a second time */
	CHECK_EQ(p9s_fid_replace(old, fid), -EBADF);
	CHECK(!p9s_fid_remove(old));
	CHECK_EQ(table.nr, 1);
	p9s_fid_put(old);
	p9s_fid_put(fid);
	expect_nothing();
}

TEST(fid_file_is_closed_with_the_last_reference)
{
	struct p9s_fid *fid;
	long closed = 0;

	start(5, 1);
	CHECK_EQ(add(1), 0);
	fid = p9s_fid_find(&table, 1);
	CHECK(!p9s_fid_file(fid));
	CHECK_EQ(p9s_fid_reserve_open(&table), 0);
	open_file(fid, &closed);
	CHECK(p9s_fid_remove(fid));
	/* Clunked, and a request still reads from it */
	CHECK_EQ(closed, 0);
	CHECK_EQ(table.nr_open, 1);
	CHECK_EQ(p9s_fid_reserve_open(&table), -EMFILE);
	p9s_fid_put(fid);
	CHECK_EQ(closed, 1);
	CHECK_EQ(table.nr_open, 0);
	CHECK_EQ(p9s_fid_reserve_open(&table), 0);
	p9s_fid_release_open(&table);
	expect_nothing();
	CHECK_EQ(closed, 1);
}

TEST(fid_table_clear_closes_files)
{
	long closed[100] = { 0 };
	struct p9s_fid *fid;
	u32 id;

	start(100, 100);
	for (id = 0; id < 100; id++) {
		CHECK_EQ(add(id * P9S_FID_BUCKETS / 3), 0);
		fid = p9s_fid_find(&table, id * P9S_FID_BUCKETS / 3);
		CHECK_EQ(p9s_fid_reserve_open(&table), 0);
		open_file(fid, &closed[id]);
		p9s_fid_put(fid);
	}
	CHECK_EQ(p9s_fid_reserve_open(&table), -EMFILE);
	expect_nothing();
	for (id = 0; id < 100; id++)
		CHECK_EQ(closed[id], 1);
}

TEST(fid_never_inserted_is_freed)
{
	start(5, 5);
	p9s_fid_put(make(1));
	expect_nothing();
}

TEST(fid_alloc_without_memory)
{
	start(5, 5);
	unit_fail_allocation = 1;
	CHECK(!p9s_fid_alloc(&table, 1, &nowhere, &identity));
	CHECK_EQ(unit_fail_allocation, 0);
	expect_nothing();
}

/*
 * A model: which numbers are in the table, and which fids requests hold. A
 * tenth of the steps hold on to a fid across others.
 */
#define MODEL_IDS	96
#define MODEL_MAX	64
#define MODEL_HELD	16

struct model {
	bool in[MODEL_IDS];
	unsigned int nr;
	struct p9s_fid *held[MODEL_HELD];
	long closed;
};

/* Few numbers, of which several share a bucket */
static u32 model_id(unsigned int n)
{
	return n % 3 ? n : n * P9S_FID_BUCKETS;
}

static void model_insert(struct model *model, unsigned int n)
{
	int wanted = 0;

	if (model->in[n])
		wanted = -EINVAL;
	else if (model->nr >= MODEL_MAX)
		wanted = -EMFILE;
	CHECK_EQ(add(model_id(n)), wanted);
	if (!wanted) {
		model->in[n] = true;
		model->nr++;
	}
}

static void model_open(struct model *model, struct p9s_fid *fid)
{
	if (p9s_fid_file(fid) || p9s_fid_reserve_open(&table))
		return;
	open_file(fid, &model->closed);
}

static void model_change(struct model *model, unsigned int n,
			 struct p9s_fid *fid)
{
	struct p9s_fid *other;

	switch (unit_below(4)) {
	case 0:
		CHECK(p9s_fid_remove(fid));
		model->in[n] = false;
		model->nr--;
		break;
	case 1:
		other = make(fid->id);
		CHECK_EQ(p9s_fid_replace(fid, other), 0);
		p9s_fid_put(other);
		break;
	default:
		model_open(model, fid);
	}
}

static void model_step(struct model *model)
{
	unsigned int n = unit_below(MODEL_IDS), slot = unit_below(MODEL_HELD);
	struct p9s_fid *fid;

	if (unit_below(3) == 0) {
		model_insert(model, n);
		return;
	}
	fid = p9s_fid_find(&table, model_id(n));
	CHECK_EQ(!!fid, model->in[n]);
	if (!fid)
		return;
	model_change(model, n, fid);
	if (unit_below(10)) {
		p9s_fid_put(fid);
		return;
	}
	if (model->held[slot])
		p9s_fid_put(model->held[slot]);
	model->held[slot] = fid;
}

TEST(fid_table_is_what_a_model_says)
{
	struct model model = { 0 };
	unsigned int i;

	start(MODEL_MAX, 20);
	for (i = 0; i < 400000; i++) {
		model_step(&model);
		CHECK_EQ(table.nr, model.nr);
		CHECK(table.nr_open <= 20);
		CHECK_EQ(table.nr_open, unit_counts.files);
	}
	CHECK(model.closed > 1000);
	for (i = 0; i < MODEL_HELD; i++) {
		if (model.held[i])
			p9s_fid_put(model.held[i]);
	}
	expect_nothing();
}

/* Requests of several threads on few fids: which one wins is not known */
static void *hammer(void *seed)
{
	unsigned int random = (unsigned long)seed, i;
	struct p9s_fid *fid, *other;

	for (i = 0; i < 60000; i++) {
		u32 id = rand_r(&random) % 8 * P9S_FID_BUCKETS / 2;

		fid = p9s_fid_find(&table, id);
		if (!fid) {
			fid = make(id);
			p9s_fid_insert(fid);
		} else if (rand_r(&random) % 4 == 0) {
			p9s_fid_remove(fid);
		} else if (rand_r(&random) % 4 == 0) {
			other = make(id);
			p9s_fid_replace(fid, other);
			p9s_fid_put(other);
		}
		CHECK_EQ(fid->id, id);
		p9s_fid_put(fid);
	}
	return NULL;
}

TEST(fid_table_is_shared_by_threads)
{
	pthread_t threads[4];
	unsigned long i;

	start(6, 6);
	for (i = 0; i < 4; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, hammer,
					(void *)(i + 1)), 0);
	for (i = 0; i < 4; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	CHECK(table.nr <= 6);
	expect_nothing();
}
