// SPDX-License-Identifier: GPL-2.0
/*
 * The backend: a device's life from its handshake to its end, twice, once with a
 * lie and once without; and the requests in between.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hostile.h"

/* How long a frontend may take for a step of the handshake */
#define STEP_MS		20000

#define MAX_PARKED	256

static struct message request, reply;

/* Flushes that are not answered yet: their header and the tag of what they flush */
static struct {
	struct ring *ring;
	uint8_t bytes[HEADER + 2];
} parked[MAX_PARKED];
static unsigned int nr_parked;

static void open_all(struct backend *b)
{
	b->store = xs_open(0);
	b->grants = xengnttab_open(NULL, 0);
	b->events = xenevtchn_open(NULL, 0);
	if (!b->store || !b->grants || !b->events)
		die("no xenstore, gntdev or evtchn here");
	request.bytes = malloc(MAX_MESSAGE);
	reply.bytes = malloc(2 * MAX_MESSAGE);
	if (!request.bytes || !reply.bytes)
		die("out of memory");
}

/* Whether the lie is what that node says */
static bool claims(const struct backend *b, const char *node)
{
	return b->lie && b->lie->node && !strcmp(b->lie->node, node);
}

static void map_rings(struct backend *b)
{
	unsigned int i, nr = device_front(b, "num-rings");
	char node[32];

	if (!nr || nr > (claims(b, "max-rings") ? MAX_RINGS : OFFERED_RINGS))
		die("fault: the frontend opens %u rings", nr);
	for (i = 0; i < nr; i++) {
		uint32_t ref;

		snprintf(node, sizeof(node), "ring-ref%u", i);
		ref = device_front(b, node);
		snprintf(node, sizeof(node), "event-channel-%u", i);
		ring_map(b, &b->rings[i], ref, device_front(b, node));
		if (b->rings[i].refs > 1U << OFFERED_ORDER &&
		    !claims(b, "max-ring-page-order"))
			complain("the frontend's ring has %u pages", b->rings[i].refs);
	}
	b->nr_rings = nr;
}

static void unmap_rings(struct backend *b)
{
	unsigned int i;

	for (i = 0; i < b->nr_rings; i++) {
		if (!b->lie)
			ring_check(&b->rings[i]);
		ring_unmap(b, &b->rings[i]);
	}
	b->nr_rings = 0;
	nr_parked = 0;
}

/* Lets go of the rings when it is asked to, unless it is the lie not to */
static void follow(struct backend *b)
{
	if (!b->nr_rings || b->held || device_front(b, "state") != CLOSING)
		return;
	unmap_rings(b);
	device_state(b, CLOSED);
}

static enum bus_state answer_to(enum bus_state front)
{
	switch (front) {
	case INITIALISING:
		return INIT_WAIT;
	case CLOSING:
	case CLOSED:
		return front;
	default:
		return UNKNOWN;
	}
}

/* Whether the lie is about that state of the frontend */
static bool lies_on(const struct backend *b, enum bus_state front)
{
	return b->lie && b->lie->reconnects && b->lie->on == front;
}

/* Follows a frontend that connects when somebody mounts */
static void follow_each_state(struct backend *b)
{
	enum bus_state front = device_front(b, "state");
	enum bus_state say = answer_to(front);

	if (front == b->followed)
		return;
	b->followed = front;
	if (lies_on(b, front))
		say = b->lie->say;
	else if (front == CLOSING)
		unmap_rings(b);
	if (say)
		device_state(b, say);
}

/* Maps the rings if the frontend has come so far; it may have refused */
static void connect(struct backend *b)
{
	if (b->nr_rings || (b->lie && b->lie->state) || lies_on(b, INITIALISED) ||
	    device_front(b, "state") != INITIALISED)
		return;
	map_rings(b);
	if (b->lie && b->lie->tell && !b->lie->at) {
		b->lied = true;
		b->lie->tell(b, &b->rings[0], &reply);
		/* The frontend is to see this before the state */
		usleep(100000);
	}
	device_state(b, CONNECTED);
}

static void serve_one(struct backend *b, struct ring *ring)
{
	if (b->mute)
		return;
	answer(b, &request, &reply, ring->half);
	if (lie_is_due(b, &request)) {
		b->lied = true;
		b->lie->tell(b, ring, &reply);
	} else {
		ring_send(b, ring, &reply);
	}
}

/*
 * A Tflush may have overtaken what it flushes, which is on another ring: it is
 * answered when all rings have been found empty since.
 */
static void park(struct ring *ring)
{
	if (nr_parked == MAX_PARKED)
		die("more than %u flushes at once", MAX_PARKED);
	parked[nr_parked].ring = ring;
	memcpy(parked[nr_parked++].bytes, request.bytes, sizeof(parked->bytes));
}

/* True if there was something in any ring */
static bool serve_rings(struct backend *b)
{
	bool any = false;
	unsigned int i;

	for (i = 0; i < b->nr_rings; i++) {
		while (!b->held && ring_take(&b->rings[i], &request)) {
			any = true;
			if (request.bytes[4] == TFLUSH)
				park(&b->rings[i]);
			else
				serve_one(b, &b->rings[i]);
		}
	}
	return any;
}

static void serve_parked(struct backend *b)
{
	unsigned int i;

	for (i = 0; i < nr_parked; i++) {
		request.size = sizeof(parked->bytes);
		memcpy(request.bytes, parked[i].bytes, request.size);
		serve_one(b, parked[i].ring);
	}
	nr_parked = 0;
}

static void serve_requests(struct backend *b)
{
	if (b->held && now_ms() >= b->held) {
		b->held = 0;
		if (b->lie->at_last)
			b->lie->at_last(b);
	}
	while (serve_rings(b))
		;
	if (!b->held)
		serve_parked(b);
}

/* As many replies to a Tversion as fit */
static void fill(struct ring *ring)
{
	static uint8_t bytes[HEADER] = { HEADER, 0, 0, 0, TVERSION + 1, 0xff, 0xff };
	const struct message version = { .size = HEADER, .bytes = bytes };

	while (ring->in_prod - LOAD(ring->intf->in_cons) + HEADER <= ring->half) {
		ring_put(ring, &version);
		ring_publish(ring, HEADER);
	}
}

static void send_events(struct backend *b)
{
	unsigned int i;

	if (b->flood)
		fill(b->flood);
	for (i = 0; i < b->nr_rings; i++) {
		if (b->restless)
			STORE(b->rings[i].intf->out_cons,
			      LOAD(b->rings[i].intf->out_cons) ^ 1);
		ring_event(b, &b->rings[i]);
	}
}

static bool storms(const struct backend *b)
{
	return b->storm && now_ms() < b->storm;
}

static void take_event(struct backend *b)
{
	int port = xenevtchn_pending(b->events);

	if (port >= 0)
		xenevtchn_unmask(b->events, port);
}

/* Serves until somebody says something, which is left in @word */
static void serve_until_told(struct backend *b, char *word, size_t size)
{
	struct pollfd fds[2] = {
		{ .fd = xenevtchn_fd(b->events), .events = POLLIN },
		{ .fd = STDIN_FILENO, .events = POLLIN },
	};

	do {
		connect(b);
		if (b->reconnects)
			follow_each_state(b);
		else
			follow(b);
		serve_requests(b);
		if (storms(b))
			send_events(b);
		poll(fds, 2, storms(b) ? 0 : b->nr_rings ? 50 : 5);
		if (fds[0].revents & POLLIN)
			take_event(b);
	} while (!fds[1].revents);
	if (!fgets(word, size, stdin))
		die("nobody says what to do next");
}

static void close_device(struct backend *b)
{
	device_state(b, CLOSING);
	if (!device_wait(b, CLOSED, STEP_MS))
		complain("the frontend is in state %u, and does not close",
			 device_front(b, "state"));
	unmap_rings(b);
	device_state(b, CLOSED);
}

/* Until the frontend has made of the offer what it should */
static void await_frontend(struct backend *b, enum bus_state state)
{
	if (!device_wait(b, state, STEP_MS))
		complain("the frontend is in state %u, and not in %u",
			 device_front(b, "state"), state);
	b->followed = UNKNOWN;
}

static void offer_again(struct backend *b)
{
	b->lie = NULL;
	b->mute = false;
	b->silent = false;
	b->restless = false;
	b->storm = 0;
	b->held = 0;
	b->flood = NULL;
	device_offer(b);
	await_frontend(b, b->reconnects ? CLOSED : INITIALISED);
}

int serve(unsigned int domid, unsigned int number, const char *lie)
{
	struct backend b = { .domid = domid, .number = number };
	char word[32];

	b.lie = lie_find(lie);
	b.reconnects = b.lie->reconnects;
	open_all(&b);
	device_make(&b);
	if (b.reconnects)
		await_frontend(&b, CLOSED);
	printf("offered\n");
	serve_until_told(&b, word, sizeof(word));
	if (b.lie->tell && !b.lied)
		complain("no request came to which to tell the lie");
	close_device(&b);
	if (!strcmp(word, "again\n")) {
		offer_again(&b);
		printf("offered\n");
		serve_until_told(&b, word, sizeof(word));
		close_device(&b);
	}
	device_unmake(&b);
	printf("ended\n");
	return complained();
}
