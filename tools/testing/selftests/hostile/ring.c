// SPDX-License-Identifier: GPL-2.0
/*
 * Rings, mapped from the guest's memory. A frontend lets a backend see the
 * indices, the order, the references and messages; all else in these pages is
 * zero, and stays so, or the guest tells of its memory what is no message.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hostile.h"

/* How long a frontend may take to make room for a reply */
#define ROOM_MS		5000

static bool all_zero(const void *at, size_t size)
{
	const uint8_t *bytes = at;
	size_t i;

	for (i = 0; i < size; i++) {
		if (LOAD(bytes[i]))
			return false;
	}
	return true;
}

static void check_interface(const struct ring *ring)
{
	const struct interface *intf = ring->intf;
	size_t used = offsetof(struct interface, ref) + ring->refs * sizeof(*intf->ref);

	if (!all_zero(intf->pad1, sizeof(intf->pad1)) ||
	    !all_zero(intf->pad2, sizeof(intf->pad2)))
		complain("the interface page is not zero between the indices");
	if (LOAD(intf->in_cons_event) || LOAD(intf->out_prod_event) != ring->watched)
		complain("the frontend writes where only a backend does");
	if (!all_zero((const uint8_t *)intf + used, PAGE - used))
		complain("the interface page is not zero behind the %u references", ring->refs);
}

/* The pages as they are to be when nothing was sent */
static void check_fresh(const struct ring *ring)
{
	const struct interface *intf = ring->intf;

	check_interface(ring);
	if (intf->in_cons || intf->in_prod || intf->out_cons || intf->out_prod ||
	    intf->in_prod_event || intf->out_cons_event)
		complain("indices begin at %u %u %u %u", intf->in_cons, intf->in_prod,
			 intf->out_cons, intf->out_prod);
	if (!all_zero(ring->data, 2 * ring->half))
		complain("the ring is not zero before the first message");
}

/* ring_check: nothing was written but messages; nobody sends just now */
void ring_check(const struct ring *ring)
{
	uint32_t i;

	check_interface(ring);
	for (i = 0; i < 2 * ring->half; i++) {
		if (ring->data[i] != ring->expected[i]) {
			complain("byte %u of a ring is %#x, and was %#x in its last message",
				 i, ring->data[i], ring->expected[i]);
			return;
		}
	}
}

static void copy_refs(struct ring *ring, uint32_t *refs)
{
	uint32_t i;
	uint32_t order = LOAD(ring->intf->ring_order);

	if (order < 1 || order > MAX_ORDER)
		die("fault: the frontend's ring has the order %u", order);
	ring->refs = 1U << order;
	for (i = 0; i < ring->refs; i++)
		refs[i] = LOAD(ring->intf->ref[i]);
}

/* ring_map: map a ring that a frontend has just made, and look at its pages */
void ring_map(struct backend *b, struct ring *ring, uint32_t ref, uint32_t port)
{
	uint32_t refs[1 << MAX_ORDER];

	memset(ring, 0, sizeof(*ring));
	ring->intf = xengnttab_map_grant_ref(b->grants, b->domid, ref,
					     PROT_READ | PROT_WRITE);
	if (!ring->intf)
		die("the interface page, grant %u, cannot be mapped", ref);
	copy_refs(ring, refs);
	ring->data = xengnttab_map_domain_grant_refs(b->grants, ring->refs, b->domid,
						     refs, PROT_READ | PROT_WRITE);
	if (!ring->data)
		die("%u pages of a ring cannot be mapped", ring->refs);
	ring->half = ring->refs * PAGE / 2;
	ring->expected = calloc(2, ring->half);
	check_fresh(ring);
	ring->port = xenevtchn_bind_interdomain(b->events, b->domid, port);
	if ((int)ring->port < 0)
		die("event channel %u cannot be bound", port);
}

void ring_unmap(struct backend *b, struct ring *ring)
{
	xenevtchn_unbind(b->events, ring->port);
	xengnttab_unmap(b->grants, ring->data, ring->refs);
	xengnttab_unmap(b->grants, ring->intf, 1);
	free(ring->expected);
}

static void copy_out(struct ring *ring, uint8_t *to, uint32_t size)
{
	uint32_t i, at;

	for (i = 0; i < size; i++) {
		at = ring->half + (ring->out_cons + i) % ring->half;
		to[i] = ring->data[at];
		ring->expected[at] = to[i];
	}
}

/* How many bytes of requests there are; if none, an event will tell of the first */
static uint32_t await_event(struct ring *ring)
{
	ring->watched = ring->out_cons;
	STORE(ring->intf->out_prod_event, ring->watched);
	__sync_synchronize();
	return LOAD(ring->intf->out_prod) - ring->out_cons;
}

/* ring_take: a request, which a frontend publishes whole or not at all */
bool ring_take(struct ring *ring, struct message *request)
{
	uint32_t queued = LOAD(ring->intf->out_prod) - ring->out_cons;

	if (!queued)
		queued = await_event(ring);
	if (!queued)
		return false;
	if (queued < HEADER || queued > ring->half)
		die("fault: the frontend has published %u bytes", queued);
	copy_out(ring, request->bytes, HEADER);
	request->size = get32(request->bytes);
	if (request->size < HEADER || request->size > queued)
		die("fault: a request of %u bytes, of which %u are there",
		    request->size, queued);
	copy_out(ring, request->bytes, request->size);
	ring->out_cons += request->size;
	STORE(ring->intf->out_cons, ring->out_cons);
	return true;
}

static void await_room(struct ring *ring, uint32_t size)
{
	uint64_t end = now_ms() + ROOM_MS;

	while (ring->in_prod - LOAD(ring->intf->in_cons) + size > ring->half) {
		if (now_ms() > end)
			die("fault: the frontend makes no room for a reply of %u bytes", size);
		usleep(1000);
	}
}

/* ring_put: without publishing it, and whether there is room or not */
void ring_put(struct ring *ring, const struct message *m)
{
	uint32_t i, at;

	for (i = 0; i < m->size; i++) {
		at = (ring->in_prod + i) % ring->half;
		ring->data[at] = m->bytes[i];
		ring->expected[at] = m->bytes[i];
	}
}

void ring_publish(struct ring *ring, uint32_t bytes)
{
	ring->in_prod += bytes;
	STORE(ring->intf->in_prod, ring->in_prod);
}

void ring_event(struct backend *b, struct ring *ring)
{
	if (!b->silent)
		xenevtchn_notify(b->events, ring->port);
}

/* ring_send: as an honest backend does */
void ring_send(struct backend *b, struct ring *ring, const struct message *m)
{
	await_room(ring, m->size);
	ring_put(ring, m);
	ring_publish(ring, m->size);
	ring_event(b, ring);
}
