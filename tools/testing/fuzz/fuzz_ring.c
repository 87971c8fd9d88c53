// SPDX-License-Identifier: GPL-2.0
/*
 * One direction of a ring against a peer that writes any index at any moment,
 * between two reads too: this end never copies beyond a page or beyond what it
 * was told, and bytes that an honest peer put come out as they went in.
 *
 * An input is the ring's size and first index, and then steps of 5 bytes: what
 * to do and a number.
 */
#include <linux/unaligned.h>

#include "tests/ring_pair.h"
#include "unit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *lies;
static size_t nr_lies;

/* The peer changes its mind between two reads */
static void lie(const volatile void *at)
{
	if (nr_lies < 4)
		return;
	*(volatile u32 *)at = get_unaligned_le32(lies);
	lies += 4;
	nr_lies -= 4;
}

static void hostile_step(struct pair *pair, u8 what, u32 number)
{
	static u8 buffer[MAX_PAGES * XEN_9PFS_PAGE_SIZE];
	struct xen_9pfs_stream *s = what % 2 ? &pair->producer :
					       &pair->consumer;
	u32 bytes = 0;

	switch (what / 2 % 4) {
	case 0:
		if (xen_9pfs_queued(&pair->consumer, &bytes))
			return;
		CHECK(bytes <= pair->consumer.size);
		xen_9pfs_get(&pair->consumer, 0, buffer, bytes);
		xen_9pfs_consume(&pair->consumer, bytes ? number % bytes : 0);
		break;
	case 1:
		if (xen_9pfs_room(&pair->producer, &bytes))
			return;
		CHECK(bytes <= pair->producer.size);
		xen_9pfs_put(&pair->producer, 0, buffer, bytes);
		xen_9pfs_publish(&pair->producer, bytes ? number % bytes : 0);
		break;
	case 2:
		*s->peer = number;
		break;
	default:
		*s->peer = s->index + number % (2 * s->size);
	}
}

static u8 byte_of(u32 index)
{
	return index * 31 + (index >> 8);
}

/* Both ends honest: no byte is lost, doubled or changed */
static void honest_step(struct pair *pair, u8 what, u32 number)
{
	static u8 buffer[MAX_PAGES * XEN_9PFS_PAGE_SIZE];
	u32 bytes;
	u32 i;

	if (what % 2) {
		CHECK(!xen_9pfs_room(&pair->producer, &bytes));
		bytes = number % (bytes + 1);
		for (i = 0; i < bytes; i++)
			buffer[i] = byte_of(pair->producer.index + i);
		xen_9pfs_put(&pair->producer, 0, buffer, bytes);
		xen_9pfs_publish(&pair->producer, bytes);
		return;
	}
	CHECK(!xen_9pfs_queued(&pair->consumer, &bytes));
	bytes = number % (bytes + 1);
	xen_9pfs_get(&pair->consumer, 0, buffer, bytes);
	for (i = 0; i < bytes; i++)
		CHECK(buffer[i] == byte_of(pair->consumer.index + i));
	xen_9pfs_consume(&pair->consumer, bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pair pair = { };
	bool honest;
	u32 i;

	if (size < 6)
		return 0;
	honest = data[0] & 0x80;
	for (i = 0; i < MAX_PAGES; i++)
		pair.pages[i] = calloc(1, XEN_9PFS_PAGE_SIZE);
	pair_start(&pair, 1 << data[0] % 5, get_unaligned_le32(data + 1));
	if (!honest && data[5] % 2) {
		lies = data + 6 + size / 2;
		nr_lies = size / 2 > 6 ? size - 6 - size / 2 : 0;
		unit_after_read = lie;
	}
	for (data += 6, size -= 6; size >= 5; data += 5, size -= 5) {
		u32 number = get_unaligned_le32(data + 1);

		if (honest)
			honest_step(&pair, data[0], number);
		else
			hostile_step(&pair, data[0], number);
	}
	unit_after_read = NULL;
	for (i = 0; i < MAX_PAGES; i++)
		free(pair.pages[i]);
	return 0;
}
