// SPDX-License-Identifier: GPL-2.0
/*
 * What the transport makes of a client, and of the replies that stand in a ring:
 * which request each completes and how, whose data stays in the ring until it was
 * copied, in which order bytes go back to the backend, and what a backend gets
 * that sends something else than was asked for. The ring is in memory, the backend
 * is the test, and so is the client: a table of requests by their tags.
 */
#include <kunit/test.h>
#include <linux/fs_context.h>
#include <linux/idr.h>
#include <linux/module.h>
#include <linux/unaligned.h>
#include <net/9p/9p.h>
#include <net/9p/client.h>

#include "../trans_xen.h"

#define PAGES		4
#define RING_SIZE	(PAGES * XEN_9PFS_PAGE_SIZE)
#define CAPACITY	64
#define TAGS		4

/* Of a read or write, what it is about: behind its fid and offset */
#define COUNT_AT	(P9_XEN_HDR_SIZE + 4 + 8)

/* References enough that the client never frees what is not its own */
#define REFERENCES	100

struct request {
	struct p9_req_t req;
	u8 sent[COUNT_AT + 4];
	u8 reply[CAPACITY + 100];
};

struct fixture {
	struct p9_client client;
	struct xenbus_device dev;
	struct p9_xen_front front;
	struct p9_xen_ring ring;
	struct request requests[TAGS];
	u8 *pages[PAGES];
	u32 in_prod;
	u32 in_cons;
	u32 in_prod_event;
	struct xen_9pfs_stream backend;
};

static void no_failure(struct work_struct *work)
{
}

static void init_ring(struct kunit *test, struct fixture *f)
{
	unsigned int i;

	for (i = 0; i < PAGES; i++) {
		f->pages[i] = kunit_kzalloc(test, XEN_9PFS_PAGE_SIZE,
					    GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, f->pages[i]);
	}
	/* The indices wrap on the way */
	f->in_prod = -100;
	f->in_cons = -100;
	f->backend = (struct xen_9pfs_stream) {
		.pages = f->pages,
		.size = RING_SIZE,
		.index = -100,
		.own = &f->in_prod,
		.peer = &f->in_cons,
	};
	f->ring.in = f->backend;
	f->ring.in.own = &f->in_cons;
	f->ring.in.peer = &f->in_prod;
	f->ring.notified = -100;
	f->ring.front = &f->front;
	f->ring.irq = -1;
	spin_lock_init(&f->ring.in_lock);
	INIT_LIST_HEAD(&f->ring.claims);
	init_waitqueue_head(&f->ring.released);
}

static int init(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	test->priv = f;
	init_ring(test, f);
	f->dev.dev.init_name = "kunit";
	f->front.dev = &f->dev;
	f->front.tag = "kunit";
	f->front.state = P9_XEN_LIVE;
	f->front.negotiated = true;
	f->front.client = &f->client;
	f->front.nr_rings = 1;
	f->front.rings = &f->ring;
	mutex_init(&f->front.client_lock);
	spin_lock_init(&f->front.lock);
	INIT_LIST_HEAD(&f->front.inflight);
	INIT_LIST_HEAD(&f->front.readers);
	INIT_LIST_HEAD(&f->front.flushes);
	INIT_WORK(&f->front.failure, no_failure);
	/* So small that the backend need never be told of room */
	f->client.msize = 64;
	f->client.proto_version = p9_proto_2000L;
	spin_lock_init(&f->client.lock);
	idr_init(&f->client.reqs);
	return 0;
}

static void clean_up(struct kunit *test)
{
	struct fixture *f = test->priv;

	flush_work(&f->front.failure);
	idr_destroy(&f->client.reqs);
}

static struct p9_req_t *send(struct kunit *test, u16 tag, u8 type)
{
	struct fixture *f = test->priv;
	struct p9_req_t *req = &f->requests[tag].req;

	req->tc.id = type;
	req->tc.tag = tag;
	req->tc.sdata = f->requests[tag].sent;
	req->rc.sdata = f->requests[tag].reply;
	req->rc.capacity = CAPACITY;
	req->status = REQ_STATUS_SENT;
	refcount_set(&req->refcount, REFERENCES);
	init_waitqueue_head(&req->wq);
	list_add_tail(&req->req_list, &f->front.inflight);
	KUNIT_ASSERT_EQ(test, (int)tag, idr_alloc(&f->client.reqs, req, tag,
						  tag + 1, GFP_KERNEL));
	return req;
}

/* A read that waits for the data of its reply */
static struct p9_req_t *send_read(struct kunit *test, u16 tag,
				  struct p9_xen_claim *claim, u32 len)
{
	struct fixture *f = test->priv;
	struct p9_req_t *req = send(test, tag, P9_TREAD);

	req->rc.zc = true;
	*claim = (struct p9_xen_claim) { .req = req, .len = len };
	list_add_tail(&claim->list, &f->front.readers);
	return req;
}

static void reply_header(struct fixture *f, u32 size, u8 type, u16 tag)
{
	u8 header[P9_XEN_HDR_SIZE];

	put_unaligned_le32(size, header);
	header[4] = type;
	put_unaligned_le16(tag, header + 5);
	xen_9pfs_put(&f->backend, 0, header, sizeof(header));
}

/* A reply of @size bytes; what follows the header stays what is there */
static void reply(struct kunit *test, u32 size, u8 type, u16 tag)
{
	struct fixture *f = test->priv;

	reply_header(f, size, type, tag);
	xen_9pfs_publish(&f->backend, size);
}

static void reply_error(struct kunit *test, u16 tag, u32 error)
{
	struct fixture *f = test->priv;
	u8 field[4];

	reply_header(f, P9_XEN_DATA_HDR, P9_RLERROR, tag);
	put_unaligned_le32(error, field);
	xen_9pfs_put(&f->backend, P9_XEN_HDR_SIZE, field, sizeof(field));
	xen_9pfs_publish(&f->backend, P9_XEN_DATA_HDR);
}

/* Rread of @count bytes that says it has @said */
static void reply_data(struct kunit *test, u16 tag, u32 count, u32 said)
{
	struct fixture *f = test->priv;
	u8 field[4];
	u32 i;

	reply_header(f, P9_XEN_DATA_HDR + count, P9_RREAD, tag);
	put_unaligned_le32(said, field);
	xen_9pfs_put(&f->backend, P9_XEN_HDR_SIZE, field, sizeof(field));
	for (i = 0; i < count; i++) {
		u8 byte = tag + i;

		xen_9pfs_put(&f->backend, P9_XEN_DATA_HDR + i, &byte, 1);
	}
	xen_9pfs_publish(&f->backend, P9_XEN_DATA_HDR + count);
}

/* Returns how many bytes of replies were handled */
static u32 drain(struct kunit *test)
{
	struct fixture *f = test->priv;
	u32 before = f->ring.in.index + f->ring.held;

	spin_lock_irq(&f->ring.in_lock);
	p9_xen_drain(&f->ring);
	spin_unlock_irq(&f->ring.in_lock);
	return f->ring.in.index + f->ring.held - before;
}

/* Bytes that the backend cannot use yet */
static u32 kept(struct kunit *test)
{
	struct fixture *f = test->priv;

	return f->backend.index - READ_ONCE(f->in_cons);
}

static void expect_dead(struct kunit *test)
{
	struct fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, P9_XEN_DEAD, f->front.state);
	/* And nothing is received any more */
	reply(test, P9_XEN_HDR_SIZE, P9_RCLUNK, 0);
	KUNIT_EXPECT_EQ(test, 0, drain(test));
}

static void completes_by_tag(struct kunit *test)
{
	struct p9_req_t *one = send(test, 0, P9_TCLUNK);
	struct p9_req_t *two = send(test, 1, P9_TGETATTR);

	reply(test, 40, P9_RGETATTR, 1);
	KUNIT_EXPECT_EQ(test, 40, drain(test));
	KUNIT_EXPECT_EQ(test, REQ_STATUS_SENT, one->status);
	KUNIT_EXPECT_EQ(test, REQ_STATUS_RCVD, two->status);
	KUNIT_EXPECT_EQ(test, 40, two->rc.size);
	reply_error(test, 0, ENOENT);
	drain(test);
	KUNIT_EXPECT_EQ(test, REQ_STATUS_RCVD, one->status);
	KUNIT_EXPECT_EQ(test, 0, kept(test));
}

static void leaves_data_in_the_ring(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct p9_xen_claim claim;
	struct p9_req_t *req = send_read(test, 2, &claim, 5000);
	u8 bytes[3];

	reply_data(test, 2, 3000, 3000);
	drain(test);
	KUNIT_EXPECT_EQ(test, REQ_STATUS_RCVD, req->status);
	KUNIT_EXPECT_EQ(test, 3011, req->rc.size);
	KUNIT_EXPECT_EQ(test, 3000,
			get_unaligned_le32(req->rc.sdata + P9_XEN_HDR_SIZE));
	KUNIT_EXPECT_EQ(test, 3000, claim.len);
	KUNIT_EXPECT_EQ(test, 3011, kept(test));
	xen_9pfs_get(&f->ring.in, claim.at - f->ring.in.index, bytes, 3);
	KUNIT_EXPECT_EQ(test, 2, bytes[0]);
	KUNIT_EXPECT_EQ(test, 4, bytes[2]);
	p9_xen_release(&f->ring, &claim);
	KUNIT_EXPECT_EQ(test, 0, kept(test));
}

static void nothing_to_fetch_at_the_end_of_a_file(struct kunit *test)
{
	struct p9_xen_claim claim;
	struct p9_req_t *req = send_read(test, 0, &claim, 5000);

	reply_data(test, 0, 0, 0);
	drain(test);
	KUNIT_EXPECT_EQ(test, REQ_STATUS_RCVD, req->status);
	KUNIT_EXPECT_EQ(test, 0, claim.len);
	KUNIT_EXPECT_EQ(test, 0, kept(test));
}

static void gives_back_in_order(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct p9_xen_claim first, second, third;

	send_read(test, 0, &first, 5000);
	send_read(test, 1, &second, 5000);
	send_read(test, 2, &third, 5000);
	send(test, 3, P9_TCLUNK);
	reply_data(test, 0, 1000, 1000);
	reply_data(test, 1, 2000, 2000);
	reply(test, P9_XEN_HDR_SIZE, P9_RCLUNK, 3);
	reply_data(test, 2, 3000, 3000);
	KUNIT_EXPECT_EQ(test, 1011 + 2011 + 7 + 3011, drain(test));
	KUNIT_EXPECT_EQ(test, 1011 + 2011 + 7 + 3011, kept(test));

	p9_xen_release(&f->ring, &second);
	KUNIT_EXPECT_EQ(test, 1011 + 2011 + 7 + 3011, kept(test));
	p9_xen_release(&f->ring, &first);
	KUNIT_EXPECT_EQ(test, 3011, kept(test));
	p9_xen_release(&f->ring, &third);
	KUNIT_EXPECT_EQ(test, 0, kept(test));
	KUNIT_EXPECT_EQ(test, 0, f->ring.held);
}

static void small_replies_follow_a_claim(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct p9_req_t *after = send(test, 1, P9_TCLUNK);
	struct p9_xen_claim claim;

	send_read(test, 0, &claim, 5000);
	reply_data(test, 0, 1000, 1000);
	drain(test);
	reply(test, P9_XEN_HDR_SIZE, P9_RCLUNK, 1);
	drain(test);
	KUNIT_EXPECT_EQ(test, REQ_STATUS_RCVD, after->status);
	KUNIT_EXPECT_EQ(test, 1011 + 7, kept(test));
	p9_xen_release(&f->ring, &claim);
	KUNIT_EXPECT_EQ(test, 0, kept(test));
}

/* Gives bytes back, and says whether a stock backend was told of it */
static bool tells(struct fixture *f, u32 bytes)
{
	u32 before = f->ring.notified;

	spin_lock_irq(&f->ring.in_lock);
	p9_xen_give_back(&f->ring, bytes);
	spin_unlock_irq(&f->ring.in_lock);
	return f->ring.notified != before;
}

/* It cannot say that it waits, and never does so while there is room for msize */
static void tells_a_stock_backend_of_room(struct kunit *test)
{
	struct fixture *f = test->priv;

	f->client.msize = RING_SIZE / 2;
	KUNIT_EXPECT_FALSE(test, tells(f, RING_SIZE / 4));
	KUNIT_EXPECT_FALSE(test, tells(f, RING_SIZE / 4));
	KUNIT_EXPECT_TRUE(test, tells(f, 1));
	KUNIT_EXPECT_EQ(test, f->ring.in.index, f->ring.notified);
	KUNIT_EXPECT_FALSE(test, tells(f, 1));
	KUNIT_EXPECT_FALSE(test, tells(f, RING_SIZE / 2 - 1));
	KUNIT_EXPECT_TRUE(test, tells(f, 1));
	/* Of what is left of an earlier mount nobody knows how large it was to be */
	f->front.client = NULL;
	KUNIT_EXPECT_FALSE(test, tells(f, 0));
	KUNIT_EXPECT_TRUE(test, tells(f, 1));
	KUNIT_EXPECT_TRUE(test, tells(f, 1));
}

static void error_instead_of_data(struct kunit *test)
{
	struct p9_xen_claim claim;
	struct p9_req_t *req = send_read(test, 0, &claim, 5000);

	reply_error(test, 0, ENOENT);
	drain(test);
	KUNIT_EXPECT_EQ(test, REQ_STATUS_RCVD, req->status);
	KUNIT_EXPECT_EQ(test, 0, claim.len);
	KUNIT_EXPECT_EQ(test, 0, kept(test));
}

/* Bytes of data, the count that the reply states, those that were wanted */
static const struct lie {
	const char *name;
	u32 count;
	u32 said;
	u32 wanted;
} lies[] = {
	{ "says more than it has", 100, 101, 5000 },
	{ "says less than it has", 100, 99, 5000 },
	{ "says 2^32-1", 100, ~0, 5000 },
	{ "has more than was wanted", 101, 101, 100 },
	{ "says what was wanted, and has more", 101, 100, 100 },
};

static void lie_name(const struct lie *lie, char *name)
{
	strscpy(name, lie->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(lie, lies, lie_name);

static void refuses_other_data(struct kunit *test)
{
	const struct lie *lie = test->param_value;
	struct p9_xen_claim claim;
	struct p9_req_t *req = send_read(test, 0, &claim, lie->wanted);

	reply_data(test, 0, lie->count, lie->said);
	drain(test);
	KUNIT_EXPECT_EQ(test, REQ_STATUS_ERROR, req->status);
	KUNIT_EXPECT_EQ(test, -EIO, req->t_err);
	KUNIT_EXPECT_EQ(test, 0, claim.len);
	KUNIT_EXPECT_EQ(test, 0, kept(test));
	expect_dead(test);
}

/* The same of a read so small that its data is copied with the reply */
static void refuses_other_data_in_a_copy(struct kunit *test)
{
	const struct lie *lie = test->param_value;
	struct fixture *f = test->priv;
	struct p9_req_t *req = send(test, 0, P9_TREAD);

	req->rc.capacity = CAPACITY + 100;
	put_unaligned_le32(lie->wanted, f->requests[0].sent + COUNT_AT);
	reply_data(test, 0, lie->count, lie->said);
	drain(test);
	KUNIT_EXPECT_EQ(test, REQ_STATUS_ERROR, req->status);
	KUNIT_EXPECT_EQ(test, -EIO, req->t_err);
	expect_dead(test);
}

static void refuses_more_written_than_sent(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct p9_req_t *one = send(test, 0, P9_TWRITE);
	struct p9_req_t *two = send(test, 1, P9_TWRITE);
	u8 count[4];

	put_unaligned_le32(1000, f->requests[0].sent + COUNT_AT);
	put_unaligned_le32(999, f->requests[1].sent + COUNT_AT);
	put_unaligned_le32(1000, count);
	reply_header(f, P9_XEN_DATA_HDR, P9_RWRITE, 0);
	xen_9pfs_put(&f->backend, P9_XEN_HDR_SIZE, count, sizeof(count));
	xen_9pfs_publish(&f->backend, P9_XEN_DATA_HDR);
	reply_header(f, P9_XEN_DATA_HDR, P9_RWRITE, 1);
	xen_9pfs_put(&f->backend, P9_XEN_HDR_SIZE, count, sizeof(count));
	xen_9pfs_publish(&f->backend, P9_XEN_DATA_HDR);
	drain(test);
	KUNIT_EXPECT_EQ(test, REQ_STATUS_RCVD, one->status);
	KUNIT_EXPECT_EQ(test, REQ_STATUS_ERROR, two->status);
	expect_dead(test);
}

/* Only what is an error of a process's is believed; EIO takes another's place */
static void error_that_is_none(struct kunit *test)
{
	static const u32 none[] = { 0, 512, EIOCBQUEUED, 0xFFFFFFFF };
	struct fixture *f = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(none); i++) {
		struct p9_req_t *req = send(test, 0, P9_TCLUNK);

		reply_error(test, 0, none[i]);
		drain(test);
		KUNIT_EXPECT_EQ(test, REQ_STATUS_ERROR, req->status);
		KUNIT_EXPECT_EQ(test, -EIO, req->t_err);
		idr_remove(&f->client.reqs, 0);
	}
	KUNIT_EXPECT_EQ(test, P9_XEN_LIVE, f->front.state);
}

static void error_without_its_number(struct kunit *test)
{
	send(test, 0, P9_TCLUNK);
	reply(test, P9_XEN_DATA_HDR - 1, P9_RLERROR, 0);
	drain(test);
	expect_dead(test);
}

static void nobody_wants_the_data_any_more(struct kunit *test)
{
	struct p9_xen_claim claim;
	struct p9_req_t *req = send_read(test, 0, &claim, 5000);

	list_del(&claim.list);
	/* So short that it would fit the buffer of the reply */
	reply_data(test, 0, 10, 10);
	drain(test);
	KUNIT_EXPECT_EQ(test, REQ_STATUS_ERROR, req->status);
	KUNIT_EXPECT_EQ(test, 0, kept(test));
}

static void reply_that_does_not_fit(struct kunit *test)
{
	struct p9_req_t *req = send(test, 0, P9_TGETATTR);

	reply(test, CAPACITY + 1, P9_RGETATTR, 0);
	drain(test);
	KUNIT_EXPECT_EQ(test, REQ_STATUS_ERROR, req->status);
	KUNIT_EXPECT_EQ(test, 0, kept(test));
	expect_dead(test);
}

static void waits_for_the_whole_reply(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct p9_req_t *req = send(test, 0, P9_TGETATTR);

	reply_header(f, 40, P9_RGETATTR, 0);
	xen_9pfs_publish(&f->backend, 3);
	KUNIT_EXPECT_EQ(test, 0, drain(test));
	xen_9pfs_publish(&f->backend, 36);
	KUNIT_EXPECT_EQ(test, 0, drain(test));
	xen_9pfs_publish(&f->backend, 1);
	KUNIT_EXPECT_EQ(test, 40, drain(test));
	KUNIT_EXPECT_EQ(test, REQ_STATUS_RCVD, req->status);
}

static void drops_what_an_earlier_mount_left(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct p9_req_t *req = send(test, 1, P9_TGETATTR);
	u32 i;

	f->front.client = NULL;
	f->front.strays = RING_SIZE / 1024 + 1;
	for (i = 0; i < RING_SIZE; i += 1024)
		reply(test, 1024, P9_RREAD, 9);
	KUNIT_EXPECT_EQ(test, RING_SIZE, drain(test));
	KUNIT_EXPECT_EQ(test, 0, kept(test));

	/* The next mount has asked for its version, and not had it yet */
	f->front.client = &f->client;
	f->front.negotiated = false;
	reply(test, 40, P9_RGETATTR, 1);
	KUNIT_EXPECT_EQ(test, 40, drain(test));
	KUNIT_EXPECT_EQ(test, REQ_STATUS_SENT, req->status);
	KUNIT_EXPECT_EQ(test, P9_XEN_LIVE, f->front.state);
}

/* Who stops handling replies has asked for an event for the next ones before */
static void asks_for_an_event(struct kunit *test)
{
	struct fixture *f = test->priv;

	f->ring.in.watch = &f->in_prod_event;
	send(test, 0, P9_TCLUNK);
	send(test, 1, P9_TGETATTR);
	reply(test, P9_XEN_HDR_SIZE, P9_RCLUNK, 0);
	reply_header(f, 40, P9_RGETATTR, 1);
	xen_9pfs_publish(&f->backend, 3);
	drain(test);
	KUNIT_EXPECT_EQ(test, f->in_prod, f->in_prod_event);
	xen_9pfs_publish(&f->backend, 37);
	drain(test);
	KUNIT_EXPECT_EQ(test, f->in_prod, f->in_prod_event);
	KUNIT_EXPECT_EQ(test, 0, kept(test));
}

/* One who asks again and again while a reply grows would never have done */
static void leaves_the_rest_to_the_thread(struct kunit *test)
{
	struct fixture *f = test->priv;
	bool more;
	u32 i;

	f->ring.in.watch = &f->in_prod_event;
	f->front.client = NULL;
	f->front.strays = RING_SIZE / 1024;
	for (i = 0; i < RING_SIZE; i += 1024)
		reply(test, 1024, P9_RREAD, 9);
	spin_lock_irq(&f->ring.in_lock);
	more = p9_xen_drain(&f->ring);
	spin_unlock_irq(&f->ring.in_lock);
	KUNIT_EXPECT_TRUE(test, more);
	KUNIT_EXPECT_EQ(test, 0, f->in_prod_event);
}

/* As many as were in flight when that mount ended, and no more */
static void more_than_an_earlier_mount_left(struct kunit *test)
{
	struct fixture *f = test->priv;

	f->front.client = NULL;
	f->front.strays = 1;
	reply(test, 40, P9_RGETATTR, 1);
	KUNIT_EXPECT_EQ(test, 40, drain(test));
	KUNIT_EXPECT_EQ(test, P9_XEN_LIVE, f->front.state);
	reply(test, 40, P9_RGETATTR, 2);
	drain(test);
	expect_dead(test);
}

static void versions_nobody_asked_for(struct kunit *test)
{
	struct fixture *f = test->priv;

	/* That of an earlier mount, which was killed */
	f->front.strays = 1;
	reply(test, 21, P9_RVERSION, P9_NOTAG);
	KUNIT_EXPECT_EQ(test, 21, drain(test));
	reply(test, 21, P9_RVERSION, P9_NOTAG);
	drain(test);
	expect_dead(test);
}

static void unknown_tag(struct kunit *test)
{
	reply(test, 40, P9_RGETATTR, 3);
	drain(test);
	expect_dead(test);
}

static void answered_twice(struct kunit *test)
{
	send(test, 0, P9_TCLUNK);
	reply(test, P9_XEN_HDR_SIZE, P9_RCLUNK, 0);
	reply(test, P9_XEN_HDR_SIZE, P9_RCLUNK, 0);
	drain(test);
	expect_dead(test);
}

static void another_type(struct kunit *test)
{
	struct p9_req_t *req = send(test, 0, P9_TCLUNK);

	reply(test, P9_XEN_HDR_SIZE, P9_RREMOVE, 0);
	drain(test);
	/* It is failed with all the others, see p9_xen_front_fail() */
	KUNIT_EXPECT_EQ(test, REQ_STATUS_SENT, req->status);
	expect_dead(test);
}

static const u32 sizes[] = {
	0, 1, P9_XEN_HDR_SIZE - 1, RING_SIZE + 1, 0x80000000, 0xFFFFFFFF,
};

static void size_name(const u32 *size, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%#x", *size);
}

KUNIT_ARRAY_PARAM(size, sizes, size_name);

static void impossible_size(struct kunit *test)
{
	struct fixture *f = test->priv;

	send(test, 0, P9_TCLUNK);
	reply_header(f, *(const u32 *)test->param_value, P9_RCLUNK, 0);
	xen_9pfs_publish(&f->backend, P9_XEN_HDR_SIZE);
	KUNIT_EXPECT_EQ(test, 0, drain(test));
	expect_dead(test);
}

static void index_runs_ahead(struct kunit *test)
{
	struct fixture *f = test->priv;

	f->in_prod = f->in_cons + RING_SIZE + 1;
	KUNIT_EXPECT_EQ(test, 0, drain(test));
	expect_dead(test);
}

/* Behind what was seen already, though not behind what was given back */
static void index_goes_back(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct p9_xen_claim claim;

	send_read(test, 0, &claim, 5000);
	reply_data(test, 0, 1000, 1000);
	drain(test);
	f->in_prod -= 1;
	KUNIT_EXPECT_EQ(test, 0, drain(test));
	expect_dead(test);
	p9_xen_release(&f->ring, &claim);
}

/* What a client was before, in the same memory, does not count */
static void attaches_a_new_client(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct p9_client *client = kunit_kmalloc(test, sizeof(*client),
						 GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, client);
	memset(client, 0xff, sizeof(*client));
	client->status = Disconnected;
	client->msize = 2 * RING_SIZE;
	KUNIT_EXPECT_EQ(test, 0, p9_xen_attach(&f->front, client));
	KUNIT_EXPECT_EQ(test, Connected, client->status);
	KUNIT_EXPECT_EQ(test, RING_SIZE, (int)client->msize);
	KUNIT_EXPECT_PTR_EQ(test, &f->front, client->trans);
	KUNIT_EXPECT_PTR_EQ(test, client, f->front.client);
	KUNIT_EXPECT_FALSE(test, f->front.negotiated);
}

static void attaches_nobody_when_dead(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct p9_client *client = f->front.client;

	f->front.state = P9_XEN_DEAD;
	f->front.client = NULL;
	KUNIT_EXPECT_EQ(test, -ECONNREFUSED, p9_xen_attach(&f->front, client));
	KUNIT_EXPECT_PTR_EQ(test, NULL, f->front.client);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(attaches_a_new_client),
	KUNIT_CASE(attaches_nobody_when_dead),
	KUNIT_CASE(completes_by_tag),
	KUNIT_CASE(leaves_data_in_the_ring),
	KUNIT_CASE(nothing_to_fetch_at_the_end_of_a_file),
	KUNIT_CASE(gives_back_in_order),
	KUNIT_CASE(small_replies_follow_a_claim),
	KUNIT_CASE(tells_a_stock_backend_of_room),
	KUNIT_CASE(error_instead_of_data),
	KUNIT_CASE_PARAM(refuses_other_data, lie_gen_params),
	KUNIT_CASE_PARAM(refuses_other_data_in_a_copy, lie_gen_params),
	KUNIT_CASE(refuses_more_written_than_sent),
	KUNIT_CASE(error_that_is_none),
	KUNIT_CASE(error_without_its_number),
	KUNIT_CASE(nobody_wants_the_data_any_more),
	KUNIT_CASE(reply_that_does_not_fit),
	KUNIT_CASE(waits_for_the_whole_reply),
	KUNIT_CASE(drops_what_an_earlier_mount_left),
	KUNIT_CASE(asks_for_an_event),
	KUNIT_CASE(leaves_the_rest_to_the_thread),
	KUNIT_CASE(more_than_an_earlier_mount_left),
	KUNIT_CASE(versions_nobody_asked_for),
	KUNIT_CASE(unknown_tag),
	KUNIT_CASE(answered_twice),
	KUNIT_CASE(another_type),
	KUNIT_CASE_PARAM(impossible_size, size_gen_params),
	KUNIT_CASE(index_runs_ahead),
	KUNIT_CASE(index_goes_back),
	{}
};

static struct kunit_suite suite = {
	.name = "9pnet_xen_recv",
	.init = init,
	.exit = clean_up,
	.test_cases = cases,
};

kunit_test_suite(suite);
