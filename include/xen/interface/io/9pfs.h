/* SPDX-License-Identifier: MIT */
/*
 * The wire ABI of Xen 9pfs: a frontend mounts a directory that its backend
 * serves, with 9P messages as two byte streams in granted pages.
 *
 * Specification: docs/misc/9pfs.pandoc in xen.git.
 *
 * Xenstore, the backend's directory (backend/9pfs/<domid>/<devid>, or
 * backend/xen_9pfs/... for devices of type xen_9pfsd):
 *
 *  path			toolstack	the directory to export
 *  security_model		toolstack	whose rights and ids count: "none" or
 *						"passthrough" (the guest's kernel
 *						has checked), "squash", "server"
 *						(the last two are extensions)
 *  frontend, frontend-id	toolstack	whom to serve
 *  online			toolstack	"0": the device goes away for good
 *  max-open-files		toolstack	files that may be open (xen_9pfs
 *						only), "0" means no such limit
 *  max-space, max-files,	toolstack	limits of the export (xen_9pfs
 *  auto-delete					only); anything but "0" is refused
 *  readonly			admin		"1": nothing can be changed;
 *						default "0"
 *  crossmnt			admin		"0": what is mounted beneath path is
 *						not seen; default "1"
 *  squash_uid, squash_gid	admin		whose ids every access gets with
 *						security_model "squash"; default
 *						65534
 *  devices			admin		"1": device nodes can be made;
 *						default "0"
 *  max_fids, max_open,		admin		what the guest may make the backend
 *  max_locks, max_xattrs,			hold: fids, open files, locks, bytes
 *  max_requests,				of xattrs, requests in flight, bytes
 *  max_buffered, max_threads			of these, threads; "0" is the default
 *  versions			backend		protocols it speaks: "1"
 *  max-rings			backend		how many rings it serves at most
 *  max-ring-page-order		backend		largest ring order, 1 to 9
 *  feature-any-ring		backend		"1": takes any tag from any ring
 *						(an extension)
 *  feature-event-idx		backend		"1": can do with fewer events, see
 *						below (an extension)
 *  feature-reconnect		backend		"1": takes one connection after the
 *						other, see below (an extension)
 *  error			backend		why it closed the device, in words,
 *						until it offers it again (an extension)
 *  state			both		enum xenbus_state
 *
 * What an admin writes are extensions. They are read whenever the frontend
 * connects, and all nodes are looked at then: one that is none of these, nor is
 * called feature-..., closes the device, as does a value that is not known.
 *
 * The frontend's directory (device/9pfs/<devid>):
 *
 *  tag				toolstack	the name that the guest mounts
 *  backend, backend-id		toolstack	who serves
 *  version			frontend	the protocol it chose: "1"
 *  num-rings			frontend	how many rings it opens
 *  ring-ref<N>			frontend	grant of ring N's interface page
 *  event-channel-<N>		frontend	event channel of ring N
 *  feature-any-ring		frontend	"1": sends any tag on any ring
 *  feature-event-idx		frontend	"1": this is in use
 *  state			both		enum xenbus_state
 *
 * Handshake: backend InitWait, frontend Initialised, backend Connected,
 * frontend Connected.
 *
 * A backend with feature-reconnect follows its frontend as long as online is "1":
 * when that is Closing, it unmaps the rings, forgets all that the connection had,
 * and is Closing; when that is Closed, be it that there was no connection at all, it
 * is Closed; when that is Initialising, it is InitWait, and takes the next one as it
 * took the first, with all nodes read anew. So a frontend need not have rings while
 * nobody has the device mounted: it is Closed then. It begins each connection with
 * Initialising, and changes its state only once the backend has followed. A backend
 * that cannot do this any more removes the node, and leaves the device Closed.
 *
 * Which ring a request goes on: its tag modulo num-rings tells, for the backends
 * that look for it nowhere else; with feature-any-ring on both sides it is the
 * frontend's choice. Its reply comes on the same ring.
 *
 * Events: each side sends one whenever it has moved an index. With
 * feature-event-idx on both sides it does so only if the other one waits for
 * that: each index has an event index, written by the side that does not write
 * the index. Whoever moves an index from A to B, both counted modulo 2^32, then
 * reads its event index E, with a full barrier between, and sends an event if A
 * up to B - 1 contain E. Who is about to sleep sets E to the index that it has
 * seen (bytes to come), or to one less than the index that it needs (room), then
 * looks at the index once more, with a full barrier between. All are 0 at first,
 * so that the first bytes on a ring are told.
 */
#ifndef __XEN_PUBLIC_IO_9PFS_H__
#define __XEN_PUBLIC_IO_9PFS_H__

#include <linux/types.h>

/* The largest ring_order whose references fit the interface page */
#define XEN_9PFS_MAX_ORDER	9U

/*
 * struct xen_9pfs_data_intf - the interface page of a ring
 *
 * The ring itself is 2^ring_order pages, granted by ref[]: the first half is
 * "in", from backend to frontend, the second half "out". Each is a stream of
 * 9P messages, which may wrap. Indices run freely; a message is published by
 * one update of its producer index, and a reply goes to the ring of its
 * request. The event indices are padding without feature-event-idx.
 */
struct xen_9pfs_data_intf {
	u32 in_cons;		/* moved by the frontend */
	u32 in_prod;		/* moved by the backend */
	u32 in_cons_event;	/* set by the backend */
	u32 in_prod_event;	/* set by the frontend */
	u8 pad1[48];
	u32 out_cons;		/* moved by the backend */
	u32 out_prod;		/* moved by the frontend */
	u32 out_cons_event;	/* set by the frontend */
	u32 out_prod_event;	/* set by the backend */
	u8 pad2[48];
	u32 ring_order;		/* set by the frontend before it connects */
	u32 ref[];		/* likewise: 2^ring_order grant references */
};

#endif /* __XEN_PUBLIC_IO_9PFS_H__ */
