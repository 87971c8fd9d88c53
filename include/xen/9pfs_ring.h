/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One direction of a 9pfs ring, as one of its two ends sees it. Both drivers
 * build on this, and it builds in userspace too, for the unit tests.
 *
 * The other end is not trusted: its index is read once for each decision and
 * checked, and this end's own index is kept in private memory; the shared copy
 * is only ever written.
 */
#ifndef XEN_9PFS_RING_H
#define XEN_9PFS_RING_H

#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/types.h>
#include <asm/barrier.h>

/* Grants and indices count pages of 4 KiB whatever the kernel's page size */
#define XEN_9PFS_PAGE_SIZE	4096U

/**
 * struct xen_9pfs_stream - a byte stream from one end to the other
 * @pages: addresses of the pages that hold the bytes, shared
 * @size: bytes in all of @pages, a power of two
 * @index: the next byte that this end produces or consumes
 * @own: where this end publishes @index, shared
 * @peer: where the other end publishes its index, shared
 * @watch: where this end says beyond which index of the other end's it wants an
 *	event, shared; NULL if the other end sends one whatever this end wants
 * @watched: where the other end does so, shared, or NULL likewise
 *
 * The end that produces uses xen_9pfs_room(), xen_9pfs_put() and
 * xen_9pfs_publish(), the end that consumes xen_9pfs_queued(), xen_9pfs_get()
 * and xen_9pfs_consume(). Callers serialize the use of one stream.
 */
struct xen_9pfs_stream {
	u8 **pages;
	u32 size;
	u32 index;
	u32 *own;
	u32 *peer;
	u32 *watch;
	u32 *watched;
};

/**
 * xen_9pfs_queued - how many bytes wait to be consumed
 * @s: the stream, at its consuming end
 * @bytes: set to that number
 *
 * Return: 0, or -EPROTO when the producer's index cannot be.
 */
static inline int xen_9pfs_queued(const struct xen_9pfs_stream *s, u32 *bytes)
{
	u32 queued = READ_ONCE(*s->peer) - s->index;

	if (queued > s->size)
		return -EPROTO;
	/* Bytes are read after the index; pairs with xen_9pfs_publish() */
	virt_rmb();
	*bytes = queued;
	return 0;
}

/**
 * xen_9pfs_room - how many bytes can be produced
 * @s: the stream, at its producing end
 * @bytes: set to that number
 *
 * Return: 0, or -EPROTO when the consumer's index cannot be.
 */
static inline int xen_9pfs_room(const struct xen_9pfs_stream *s, u32 *bytes)
{
	u32 queued = s->index - READ_ONCE(*s->peer);

	if (queued > s->size)
		return -EPROTO;
	/* Bytes are written after the index; pairs with xen_9pfs_consume() */
	virt_mb();
	*bytes = s->size - queued;
	return 0;
}

/* The address of byte @at of the stream, and how many follow it in its page */
static inline u8 *xen_9pfs_at(const struct xen_9pfs_stream *s, u32 at, u32 *run)
{
	u32 offset = at & (s->size - 1);

	*run = XEN_9PFS_PAGE_SIZE - offset % XEN_9PFS_PAGE_SIZE;
	return s->pages[offset / XEN_9PFS_PAGE_SIZE] +
	       offset % XEN_9PFS_PAGE_SIZE;
}

/**
 * xen_9pfs_get - copy bytes out of a stream, without consuming them
 * @s: the stream, at its consuming end
 * @offset: of the first byte wanted, from the first one not yet consumed
 * @buf: where to
 * @len: how many; @offset + @len is at most what xen_9pfs_queued() said
 */
static inline void xen_9pfs_get(const struct xen_9pfs_stream *s, u32 offset,
				void *buf, u32 len)
{
	u32 at = s->index + offset, run;

	while (len) {
		const u8 *from = xen_9pfs_at(s, at, &run);

		run = min(run, len);
		memcpy(buf, from, run);
		buf += run;
		at += run;
		len -= run;
	}
}

/**
 * xen_9pfs_put - copy bytes into a stream, without publishing them
 * @s: the stream, at its producing end
 * @offset: of the first byte, from the first one not yet published
 * @buf: where from
 * @len: how many; @offset + @len is at most what xen_9pfs_room() said
 */
static inline void xen_9pfs_put(const struct xen_9pfs_stream *s, u32 offset,
				const void *buf, u32 len)
{
	u32 at = s->index + offset, run;

	while (len) {
		u8 *to = xen_9pfs_at(s, at, &run);

		run = min(run, len);
		memcpy(to, buf, run);
		buf += run;
		at += run;
		len -= run;
	}
}

/**
 * xen_9pfs_publish - let the other end have the bytes that were put
 * @s: the stream, at its producing end
 * @len: how many
 */
static inline void xen_9pfs_publish(struct xen_9pfs_stream *s, u32 len)
{
	s->index += len;
	/* Bytes before the index; pairs with xen_9pfs_queued() over there */
	virt_wmb();
	WRITE_ONCE(*s->own, s->index);
}

/**
 * xen_9pfs_consume - give the room of bytes that were got back
 * @s: the stream, at its consuming end
 * @len: how many
 */
static inline void xen_9pfs_consume(struct xen_9pfs_stream *s, u32 len)
{
	s->index += len;
	/* Read before the room is given; pairs with xen_9pfs_room() there */
	virt_mb();
	WRITE_ONCE(*s->own, s->index);
}

/**
 * xen_9pfs_watch - ask for an event once the other end's index has moved
 * @s: the stream, at either end
 * @beyond: the index that it is to move beyond
 *
 * An event for what has happened before may not come, so look again afterwards.
 */
static inline void xen_9pfs_watch(const struct xen_9pfs_stream *s, u32 beyond)
{
	if (!s->watch)
		return;
	WRITE_ONCE(*s->watch, beyond);
	/* Asked before looking again; pairs with xen_9pfs_event_wanted() */
	virt_mb();
}

/**
 * xen_9pfs_watch_room - ask for an event once there is room
 * @s: the stream, at its producing end
 * @bytes: how much room, @s->size at most
 *
 * Look again afterwards, see xen_9pfs_watch().
 */
static inline void xen_9pfs_watch_room(const struct xen_9pfs_stream *s,
				       u32 bytes)
{
	xen_9pfs_watch(s, s->index + bytes - s->size - 1);
}

/**
 * xen_9pfs_event_wanted - whether to send an event
 * @s: the stream, at the end whose index has just been moved
 * @moved: by how many bytes
 *
 * Return: true if the other end has asked for one.
 */
static inline bool xen_9pfs_event_wanted(const struct xen_9pfs_stream *s,
					 u32 moved)
{
	if (!s->watched)
		return true;
	/* Moved before the question; pairs with xen_9pfs_watch() over there */
	virt_mb();
	return s->index - READ_ONCE(*s->watched) - 1 < moved;
}

#endif /* XEN_9PFS_RING_H */
