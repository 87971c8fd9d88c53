// SPDX-License-Identifier: GPL-2.0
/*
 * The fid table of net/9p/server/fid.c: whatever a client does in whatever
 * order, numbers are unique, limits hold, a file is closed exactly once and
 * every reference is given back. The shims end a test that sleeps under a
 * spinlock or miscounts. Single steps, and threads that race, are tested in the
 * kernel, in net/9p/server/tests/fid_kunit.c.
 */
#include <linux/errno.h>
#include <linux/list.h>

#include "fid.h"
#include "identity.h"
#include "lock.h"
#include "unit.h"
#include "xattr.h"

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
	CHECK_EQ(unit_counts.xattrs, 0);
	CHECK_EQ(unit_counts.locks, 0);
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

/* @closed counts how often the file is closed */
static void open_file(struct p9s_fid *fid, long *closed)
{
	unit_counts.files++;
	p9s_fid_set_file(fid, (struct file *)closed);
	CHECK(p9s_fid_file(fid) == (struct file *)closed);
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

/* Whoever goes through the table meets each fid in it once, and no other */
static void model_list(const struct model *model)
{
	bool met[MODEL_IDS] = { false };
	unsigned int n, nr = 0;
	struct p9s_fid *fid;
	u64 pos;

	for (pos = 0; (fid = p9s_fid_next(&table, &pos)); pos++) {
		n = fid->id % P9S_FID_BUCKETS ?: fid->id / P9S_FID_BUCKETS;
		CHECK_EQ(fid->id, model_id(n));
		CHECK(model->in[n] && !met[n]);
		met[n] = true;
		nr++;
		p9s_fid_put(fid);
	}
	CHECK_EQ(nr, model->nr);
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
		if (i % 1000 == 0)
			model_list(&model);
	}
	CHECK(model.closed > 1000);
	for (i = 0; i < MODEL_HELD; i++) {
		if (model.held[i])
			p9s_fid_put(model.held[i]);
	}
	expect_nothing();
}

/* With the last reference, and not when it is taken out of the table */
TEST(fid_ends_with_what_it_stands_for)
{
	struct p9s_lock_table locks = { .nr = 1 };
	struct p9s_fid *fid;
	long closed = 0;

	start(4, 4);
	fid = make(1);
	CHECK_EQ(p9s_fid_insert(fid), 0);
	CHECK(!p9s_fid_xattr(fid));
	unit_counts.xattrs++;
	p9s_fid_set_xattr(fid, calloc(1, sizeof(struct p9s_xattr)));
	CHECK(p9s_fid_xattr(fid));
	CHECK(p9s_fid_remove(fid));
	CHECK_EQ(unit_counts.xattrs, 1);
	p9s_fid_put(fid);
	CHECK_EQ(unit_counts.xattrs, 0);

	fid = make(2);
	CHECK_EQ(p9s_fid_insert(fid), 0);
	CHECK_EQ(p9s_fid_reserve_open(&table), 0);
	open_file(fid, &closed);
	unit_counts.locks++;
	fid->locks = &locks;
	CHECK(p9s_fid_remove(fid));
	CHECK_EQ(locks.nr, 1);
	p9s_fid_put(fid);
	CHECK_EQ(locks.nr, 0);
	CHECK_EQ(closed, 1);
	expect_nothing();
}
