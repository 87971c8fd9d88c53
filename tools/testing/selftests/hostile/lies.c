// SPDX-License-Identifier: GPL-2.0
/*
 * The lies. Each is told once, most of them as the answer to a read, when a
 * mount has succeeded and everything up to there was true.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostile.h"

/* A read that the client does with a copy, and one without */
#define SMALL	1
#define LARGE	4096
/* How long nobody is answered, where somebody is at last */
#define HELD_MS	2500
/* How long a storm lasts */
#define STORM_MS	1200

static void say_size(struct backend *b, struct ring *ring, struct message *reply)
{
	put32(reply->bytes, b->lie->value);
	ring_send(b, ring, reply);
}

/* One more than the ring has, however large that is */
static void say_ring_size(struct backend *b, struct ring *ring, struct message *reply)
{
	put32(reply->bytes, ring->half + 1);
	ring_send(b, ring, reply);
}

/* The header alone, of a message whose rest never comes */
static void send_no_body(struct backend *b, struct ring *ring, struct message *reply)
{
	reply->size = HEADER;
	ring_send(b, ring, reply);
	b->mute = true;
}

/* One byte more than was asked for, and the message is as it says */
static void send_more(struct backend *b, struct ring *ring, struct message *reply)
{
	uint32_t count = b->lie->value + 1;

	memset(reply->bytes + reply->size, 0x5a, count);
	reply->size = DATA_HEADER + count;
	put32(reply->bytes, reply->size);
	put32(reply->bytes + HEADER, count);
	ring_send(b, ring, reply);
}

/* The count of an Rread, Rreaddir or Rwrite */
static void say_count(struct backend *b, struct ring *ring, struct message *reply)
{
	uint32_t count = get32(reply->bytes + HEADER);

	put32(reply->bytes + HEADER, count + b->lie->value);
	ring_send(b, ring, reply);
}

/* A message that ends in the middle of its body, and says so */
static void cut_off(struct backend *b, struct ring *ring, struct message *reply)
{
	reply->size = HEADER + b->lie->value;
	put32(reply->bytes, reply->size);
	ring_send(b, ring, reply);
}

/* How many qids of an Rwalk follow, of which one does */
static void say_qids(struct backend *b, struct ring *ring, struct message *reply)
{
	put16(reply->bytes + HEADER, b->lie->value);
	ring_send(b, ring, reply);
}

/* The first name of an Rreaddir, after its qid, offset and type */
static void say_long_name(struct backend *b, struct ring *ring, struct message *reply)
{
	put16(reply->bytes + DATA_HEADER + 13 + 8 + 1, b->lie->value);
	ring_send(b, ring, reply);
}

static void say_tag(struct backend *b, struct ring *ring, struct message *reply)
{
	put16(reply->bytes + 5, b->lie->value);
	ring_send(b, ring, reply);
}

static void say_type(struct backend *b, struct ring *ring, struct message *reply)
{
	reply->bytes[4] = b->lie->value;
	ring_send(b, ring, reply);
}

static void send_twice(struct backend *b, struct ring *ring, struct message *reply)
{
	ring_send(b, ring, reply);
	ring_send(b, ring, reply);
}

static void say_error(struct backend *b, struct ring *ring, struct message *reply)
{
	answer_error(reply, b->lie->value);
	ring_send(b, ring, reply);
}

/* An error without its number */
static void say_no_error(struct backend *b, struct ring *ring, struct message *reply)
{
	answer_error(reply, EIO);
	reply->size = HEADER + 2;
	put32(reply->bytes, reply->size);
	ring_send(b, ring, reply);
}

static void say_msize(struct backend *b, struct ring *ring, struct message *reply)
{
	put32(reply->bytes + HEADER, b->lie->value);
	ring_send(b, ring, reply);
}

/* The version's name is longer than the message */
static void say_long_version(struct backend *b, struct ring *ring, struct message *reply)
{
	put16(reply->bytes + HEADER + 4, 0xffff);
	ring_send(b, ring, reply);
}

/* The index alone, beyond what was written */
static void move_in_prod(struct backend *b, struct ring *ring, struct message *reply)
{
	(void)reply;
	ring_publish(ring, b->lie->value);
	ring_event(b, ring);
	b->mute = true;
}

static void overrun_in_prod(struct backend *b, struct ring *ring, struct message *reply)
{
	(void)reply;
	ring_publish(ring, ring->half + 1);
	ring_event(b, ring);
	b->mute = true;
}

/* Bytes that are no message, and the index beyond them */
static void send_garbage(struct backend *b, struct ring *ring, struct message *reply)
{
	memset(reply->bytes, 0xff, 100);
	reply->size = 100;
	ring_send(b, ring, reply);
	b->mute = true;
}

/* An honest answer, and an index that cannot be */
static void move_out_cons(struct backend *b, struct ring *ring, struct message *reply)
{
	STORE(ring->intf->out_cons, ring->out_cons + b->lie->value);
	ring_send(b, ring, reply);
	b->mute = true;
}

/* What a frontend has no reason to read again */
static void rewrite_refs(struct backend *b, struct ring *ring, struct message *reply)
{
	uint32_t i, order = ring->intf->ring_order;

	ring->intf->ring_order = order == 31 ? 0 : 31;
	for (i = 0; i < ring->refs; i++)
		ring->intf->ref[i] = ~i;
	ring_send(b, ring, reply);
}

static void begin_storm(struct backend *b, struct ring *ring, struct message *reply)
{
	ring_send(b, ring, reply);
	b->storm = now_ms() + STORM_MS;
}

/* With each event an index moves as if there were something */
static void begin_restless_storm(struct backend *b, struct ring *ring, struct message *reply)
{
	begin_storm(b, ring, reply);
	b->restless = true;
}

/* The device is dead, and its backend does not let go */
static void die_in_a_storm(struct backend *b, struct ring *ring, struct message *reply)
{
	say_size(b, ring, reply);
	b->storm = now_ms() + STORM_MS;
	b->restless = true;
}

/* Replies to a Tversion that nobody has sent, as fast as they are taken */
static void begin_flood(struct backend *b, struct ring *ring, struct message *reply)
{
	begin_storm(b, ring, reply);
	b->flood = ring;
}

static void send_no_event(struct backend *b, struct ring *ring, struct message *reply)
{
	b->silent = true;
	ring_send(b, ring, reply);
}

static void send_nothing(struct backend *b, struct ring *ring, struct message *reply)
{
	(void)ring;
	(void)reply;
	b->mute = true;
}

static void set_state(struct backend *b, struct ring *ring, struct message *reply)
{
	device_state(b, b->lie->value);
	if (b->lie->outcome[0] == 'a')
		ring_send(b, ring, reply);
	else
		b->mute = true;
}

static void close_and_offer(struct backend *b, struct ring *ring, struct message *reply)
{
	(void)ring;
	(void)reply;
	device_state(b, CLOSED);
	if (!device_wait(b, CLOSED, 5000))
		complain("the frontend does not close with its backend");
	b->mute = true;
}

/* What the frontend asks for, which it is not to believe either */
static void rewrite_events(struct backend *b, struct ring *ring, struct message *reply)
{
	STORE(ring->intf->in_prod_event, 0xdeadbeef);
	STORE(ring->intf->out_cons_event, 0xdeadbeef);
	ring_send(b, ring, reply);
}

/* A reason for closing that would make the log say what is not so */
static void close_with_words(struct backend *b, struct ring *ring, struct message *reply)
{
	(void)ring;
	(void)reply;
	device_set(b, "error", "no\n[    0.000000] 9pfs: all is well\n");
	device_state(b, CLOSING);
	b->mute = true;
}

static void remove_state(struct backend *b, struct ring *ring, struct message *reply)
{
	(void)ring;
	(void)reply;
	device_remove_node(b, "state");
	b->mute = true;
}

static void remove_features(struct backend *b, struct ring *ring, struct message *reply)
{
	device_remove_node(b, "feature-any-ring");
	device_remove_node(b, "feature-event-idx");
	device_remove_node(b, "feature-of-tomorrow");
	ring_send(b, ring, reply);
}

static void take_back(struct backend *b, struct ring *ring, struct message *reply)
{
	device_remove_node(b, "feature-reconnect");
	ring_send(b, ring, reply);
}

static void remove_nodes(struct backend *b, struct ring *ring, struct message *reply)
{
	device_remove_node(b, "versions");
	device_remove_node(b, "max-rings");
	device_remove_node(b, "max-ring-page-order");
	remove_features(b, ring, reply);
}

/* Nothing is taken off the rings, which fill, and nobody is answered */
static void hold(struct backend *b, struct ring *ring, struct message *reply)
{
	ring_send(b, ring, reply);
	b->held = now_ms() + b->lie->value;
}

static void close_at_last(struct backend *b)
{
	device_state(b, CLOSING);
	b->mute = true;
}

static void vanish_at_last(struct backend *b)
{
	device_remove_node(b, "state");
	b->mute = true;
}

#define DEAD	.outcome = "dead", .lines = 1
#define ALIVE	.outcome = "alive", .lines = 0
#define FAILED	.outcome = "failed", .lines = 0
#define SILENT	.outcome = "silent", .lines = 0
/* The backend's fault, and the mount's refusal */
#define CLOSED_UP .outcome = "refused", .lines = 2
#define REFUSED	.outcome = "refused", .lines = 1
/* The next mount is not let in */
#define KEPT	.outcome = "kept", .lines = 0
#define RECONNECTS .reconnects = true
#define CLASSIC	.classic = true
/* The client refuses it, and says nothing */
#define DECLINED .outcome = "refused", .lines = 0

static const struct lie lies[] = {
	{ "size-0", DEAD, TREAD, SMALL, say_size, 0 },
	{ "size-6", DEAD, TREAD, LARGE, say_size, HEADER - 1 },
	{ "size-ring", DEAD, TREAD, LARGE, say_ring_size },
	{ "size-2g", REFUSED, TGETATTR, 0, say_size, 0x80000000 },
	{ "size-4g", DEAD, TREAD, SMALL, say_size, 0xffffffff },
	{ "size-in-version", REFUSED, TVERSION, 0, say_size, 3 },
	{ "no-body", SILENT, TREAD, LARGE, send_no_body },
	{ "more-than-asked", DEAD, TREAD, LARGE, send_more, 30000 },
	{ "more-than-asked-small", DEAD, TREAD, SMALL, send_more, 100 },
	{ "tag-unknown", DEAD, TREAD, LARGE, say_tag, 1000 },
	{ "tag-unknown-in-attach", REFUSED, TATTACH, 0, say_tag, 1000 },
	{ "tag-none", DEAD, TREAD, LARGE, say_tag, 0xffff },
	{ "twice", DEAD, TREAD, LARGE, send_twice },
	{ "type-other", DEAD, TREAD, LARGE, say_type, TCLUNK + 1 },
	{ "type-in-version", REFUSED, TVERSION, 0, say_type, TCLUNK + 1 },
	{ "count-more", DEAD, TREAD, LARGE, say_count, 1 },
	{ "count-less", DEAD, TREAD, LARGE, say_count, -1 },
	{ "count-more-small", DEAD, TREAD, SMALL, say_count, 1000 },
	{ "count-more-in-readdir", DEAD, TREADDIR, 0, say_count, 100000 },
	{ "count-more-in-write", DEAD, TWRITE, 0, say_count, 1 },
	{ "cut-off-in-version", DECLINED, TVERSION, 0, cut_off, 2 },
	{ "cut-off-in-attach", DECLINED, TATTACH, 0, cut_off, 5 },
	{ "cut-off-in-getattr", DECLINED, TGETATTR, 0, cut_off, 20 },
	{ "cut-off-in-walk", FAILED, TWALK, 0, cut_off, 2 },
	{ "cut-off-in-statfs", FAILED, TSTATFS, 0, cut_off, 10 },
	{ "qids-more-in-walk", FAILED, TWALK, 0, say_qids, 0xffff },
	{ "name-long-in-readdir", FAILED, TREADDIR, 0, say_long_name, 0xffff },
	{ "error-none", FAILED, TREAD, LARGE, say_error, 0 },
	{ "error-restart", FAILED, TREAD, SMALL, say_error, 512 },
	{ "error-queued", FAILED, TREAD, LARGE, say_error, 529 },
	{ "error-cut-off", DEAD, TREAD, LARGE, say_no_error },
	{ "msize-larger", ALIVE, TVERSION, 0, say_msize, 0x7fffffff },
	{ "msize-tiny", DECLINED, TVERSION, 0, say_msize, 100 },
	{ "msize-0", DECLINED, TVERSION, 0, say_msize, 0 },
	{ "msize-4g", DECLINED, TVERSION, 0, say_msize, 0xffffffff },
	{ "version-long", DECLINED, TVERSION, 0, say_long_version },
	{ "in-prod-jumps", DEAD, TREAD, LARGE, overrun_in_prod },
	{ "in-prod-back", DEAD, TREAD, LARGE, move_in_prod, -1 },
	{ "in-prod-ahead-of-zeroes", REFUSED, TGETATTR, 0, move_in_prod, 100 },
	{ "in-prod-ahead-of-garbage", DEAD, TREAD, LARGE, send_garbage },
	{ "garbage-before-it-connects", CLOSED_UP, 0, 0, send_garbage },
	{ "out-cons-ahead", DEAD, TREAD, LARGE, move_out_cons, 1000 },
	{ "out-cons-back", DEAD, TREAD, LARGE, move_out_cons, -50 },
	{ "refs-rewritten", ALIVE, TATTACH, 0, rewrite_refs },
	{ "event-indices-rewritten", ALIVE, TATTACH, 0, rewrite_events },
	{ "storm", ALIVE, TREAD, LARGE, begin_storm },
	{ "storm-restless", DEAD, TREAD, LARGE, begin_restless_storm },
	{ "storm-when-dead", DEAD, TREAD, LARGE, die_in_a_storm, 3 },
	{ "flood", DEAD, TREAD, LARGE, begin_flood },
	{ "no-event", SILENT, TREAD, LARGE, send_no_event },
	{ "no-answer", SILENT, TREAD, LARGE, send_nothing },
	{ "no-answer-to-version", SILENT, TVERSION, 0, send_nothing },
	{ "versions", CLOSED_UP, .node = "versions", .text = "0, 2,,9P2000.L, 11,-1" },
	{ "versions-empty", CLOSED_UP, .node = "versions", .text = "" },
	{ "max-rings-0", CLOSED_UP, .node = "max-rings", .text = "0" },
	{ "max-rings-huge", ALIVE, .node = "max-rings", .text = "4294967295" },
	{ "order-0", CLOSED_UP, .node = "max-ring-page-order", .text = "0" },
	{ "order-huge", ALIVE, .node = "max-ring-page-order", .text = "4294967295" },
	{ "state-connected-first", SILENT, .state = CONNECTED },
	{ "state-unknown", DEAD, TREAD, LARGE, remove_state },
	{ "state-restart", DEAD, TREAD, LARGE, set_state, INIT_WAIT },
	{ "state-back", DEAD, TREAD, LARGE, set_state, INITIALISING },
	{ "state-none", ALIVE, TREAD, LARGE, set_state, 99 },
	{ "state-closing-in-words", DEAD, TREAD, LARGE, close_with_words },
	{ "state-closed", DEAD, TREAD, LARGE, close_and_offer },
	{ "held-and-closed", .outcome = "waited", .lines = 1, TSTATFS, 0, hold, 1000,
	  .at_last = close_at_last },
	{ "held-and-gone", .outcome = "waited", .lines = 1, TSTATFS, 0, hold, 1000,
	  .at_last = vanish_at_last },
	{ "held-and-unbound", .outcome = "unbound", .lines = 0, TSTATFS, 0, hold, 60000 },
	{ "held-and-killed", .outcome = "killed", .lines = 0, TSTATFS, 0, hold, HELD_MS },
	{ "features-vanish", ALIVE, TREAD, SMALL, remove_features },
	{ "nodes-vanish", ALIVE, TREAD, LARGE, remove_nodes },
	{ "classic", ALIVE, CLASSIC },
	{ "classic-size-0", DEAD, TREAD, SMALL, say_size, 0, CLASSIC },
	{ "classic-twice", DEAD, TREAD, LARGE, send_twice, CLASSIC },
	{ "classic-tag-unknown", DEAD, TREAD, LARGE, say_tag, 1000, CLASSIC },
	{ "classic-in-prod-jumps", DEAD, TREAD, LARGE, overrun_in_prod, CLASSIC },
	{ "classic-out-cons-ahead", DEAD, TREAD, LARGE, move_out_cons, 1000, CLASSIC },
	{ "classic-storm", ALIVE, TREAD, LARGE, begin_storm, CLASSIC },
	{ "classic-no-event", SILENT, TREAD, LARGE, send_no_event, CLASSIC },
	{ "classic-held-and-killed", .outcome = "killed", .lines = 0, TSTATFS, 0, hold,
	  HELD_MS, CLASSIC },
	{ "reconnects", ALIVE, RECONNECTS },
	{ "reconnects-and-breaks", DEAD, TREAD, LARGE, say_size, 0, RECONNECTS },
	{ "reconnects-not", .outcome = "withdrawn", .lines = 1, TREAD, LARGE, take_back,
	  RECONNECTS },
	{ "reconnects-never", SILENT, RECONNECTS, .on = INITIALISING },
	{ "reconnects-at-once", SILENT, RECONNECTS, .on = INITIALISING, .say = CONNECTED },
	{ "reconnects-closing", CLOSED_UP, RECONNECTS, .on = INITIALISING, .say = CLOSING },
	{ "reconnects-and-closes", CLOSED_UP, RECONNECTS, .on = INITIALISED, .say = CLOSED },
	{ "reconnects-and-stays", SILENT, RECONNECTS, .on = INITIALISED },
	{ "reconnects-unasked", SILENT, RECONNECTS, .on = CLOSED, .say = INIT_WAIT },
	{ "reconnects-with-rings", KEPT, RECONNECTS, .on = CLOSING },
	{ "reconnects-too-early", KEPT, RECONNECTS, .on = CLOSING, .say = INIT_WAIT },
};

#define COUNT	(sizeof(lies) / sizeof(*lies))

const struct lie *lie_find(const char *name)
{
	size_t i;

	for (i = 0; i < COUNT; i++) {
		if (!strcmp(lies[i].name, name))
			return &lies[i];
	}
	die("there is no lie called %s", name);
}

void lie_list(void)
{
	size_t i;

	for (i = 0; i < COUNT; i++)
		printf("%s %s %u\n", lies[i].name, lies[i].outcome, lies[i].lines);
}

/* lie_is_due: whether this request is the one to be answered with the lie */
bool lie_is_due(const struct backend *b, const struct message *request)
{
	uint8_t type = request->bytes[4];

	if (!b->lie || !b->lie->tell || b->lied || type != b->lie->at)
		return false;
	if (type != TREAD)
		return true;
	/* fid[4] offset[8] count[4] */
	return b->lie->least == SMALL ? get32(request->bytes + HEADER + 12) < 1024 :
		get32(request->bytes + HEADER + 12) >= b->lie->least;
}
