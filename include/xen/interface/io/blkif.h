/* SPDX-License-Identifier: MIT */
/*
 * The wire ABI of Xen block devices: a frontend reads and writes a disk that its
 * backend has, with requests and replies in rings of shared pages and the data in
 * pages that the frontend grants.
 *
 * Specification: xen/include/public/io/blkif.h in xen.git.
 *
 * Xenstore, the backend's directory (backend/vbd/<domid>/<devid>):
 *
 *  frontend, frontend-id	toolstack	whom to serve
 *  online			toolstack	"0": the device goes away for good
 *  params, script, type	toolstack	what the disk is made of, the hotplug
 *						script that makes a block device of
 *						it, and which kind: "phy", "file"
 *  mode			toolstack	"w", or "r": nothing may be written
 *  dev				toolstack	the guest's name of it: "xvda"
 *  removable, bootable,	toolstack	for the toolstack's own use
 *  device-type, direct-io-safe
 *  discard-enable		toolstack	"0": discard is not to be offered;
 *						default "1"
 *  physical-device		script		the block device, "MAJOR:MINOR" in hex;
 *						another one may be written while the
 *						device is in use
 *  physical-device-path	script		its name
 *  hotplug-status		script		"connected" once that is there
 *  max-ring-page-order		backend		largest ring, a power of two of pages;
 *						default "0"
 *  max-ring-pages		backend		the same in pages, for old frontends
 *  multi-queue-max-queues	backend		how many rings it serves at most;
 *						default "1"
 *  feature-max-indirect-	backend		segments that an indirect request may
 *  segments					have; without it there are none such
 *  feature-persistent		backend		"1": keeps pages mapped that it has
 *						been granted; default "0"
 *  feature-flush-cache		backend		"1": there is a cache to flush
 *  feature-barrier		backend		"1": barriers are understood
 *  feature-discard		backend		"1": discards are understood
 *  discard-granularity		backend		bytes that are discarded as one;
 *						default sector-size
 *  discard-alignment		backend		bytes to the first such unit
 *  discard-secure		backend		"1": nothing of what is discarded can
 *						be read again, if asked for
 *  info			backend		VDISK_* flags
 *  sector-size			backend		what can be read or written at least,
 *						in bytes: 512 or a larger power of two
 *  physical-sector-size	backend		what the disk writes at once, in bytes;
 *						default sector-size
 *  sectors			backend		the size, counted in 512 bytes
 *  error			backend		why it closed the device, in words
 *						(an extension)
 *  state			both		enum xenbus_state
 *
 * Limits (max-, multi-queue- and feature-max-) are there when the backend is in
 * InitWait, all else when it is Connected. Some frontends look at none before.
 *
 * The frontend's directory (device/vbd/<devid>):
 *
 *  backend, backend-id		toolstack	who serves
 *  virtual-device,		toolstack	which disk it is to the guest: 202 << 8
 *  virtual-device-ext				and up is xvda
 *  device-type			toolstack	"disk" or "cdrom"
 *  trusted			toolstack	"0": the backend is not to see more
 *						than the data; default "1"
 *  protocol			frontend	layout of requests, XEN_IO_PROTO_ABI_*.
 *						To be written always: without it
 *						backends on x86 take x86_32-abi
 *  multi-queue-num-queues	frontend	how many rings it opens; default "1"
 *  ring-page-order		frontend	size of each ring
 *  num-ring-pages		frontend	the same in pages, for old backends
 *  ring-ref			frontend	grant of the ring's only page, if
 *						ring-page-order is not there
 *  ring-ref<N>			frontend	grant of page N of the ring, if it is,
 *						even as "0"
 *  event-channel		frontend	event channel of the ring
 *  queue-<N>/ring-ref...,	frontend	the same for ring N, if there are two or
 *  queue-<N>/event-channel			more; not in the directory itself then
 *  feature-persistent		frontend	"1": grants the same pages again and
 *						again, writable; default "0"
 *  feature-large-sector-size	frontend	of no meaning any more: neither write
 *						nor read it
 *  state			both		enum xenbus_state
 *
 * Handshake: backend InitWait, frontend Initialised (or Connected at once),
 * backend Connected, frontend Connected. Closed, a frontend may go back to
 * Initialising; the backend offers the device again if it is online.
 *
 * A disk changes its size in use: the backend writes "sectors" and, in the same
 * transaction, its state anew, Connected as before. Nothing says that the frontend
 * has seen it.
 *
 * Sectors are 512 bytes wherever they are counted, whatever sector-size is;
 * positions and lengths are multiples of that.
 *
 * The layout: with native ABIs but that of 32-bit x86, "id" and what follows is
 * eight bytes from the beginning of a request, as the compiler would put it, and
 * a request occupies 112 bytes. With x86_32-abi the four bytes before "id" are
 * missing and a request occupies 108. That is all that they differ in; replies
 * overlay requests and are the same in both.
 */
#ifndef __XEN_PUBLIC_IO_BLKIF_H__
#define __XEN_PUBLIC_IO_BLKIF_H__

#include <linux/types.h>
#include <xen/interface/io/ring.h>
#include <xen/interface/grant_table.h>

typedef u16 blkif_vdev_t;
typedef u64 blkif_sector_t;

/* What a request asks for */
#define BLKIF_OP_READ			0
#define BLKIF_OP_WRITE			1
/*
 * A write, or none, that comes after all earlier ones of the device and before
 * all later ones; all is on the disk by the reply (feature-barrier)
 */
#define BLKIF_OP_WRITE_BARRIER		2
/*
 * What earlier replies have told of is on the disk by the reply; may have
 * segments, which are written as well (feature-flush-cache)
 */
#define BLKIF_OP_FLUSH_DISKCACHE	3
/* Was once used for commands to a real disk */
#define BLKIF_OP_RESERVED_1		4
/* The sectors hold nothing of use any more (feature-discard) */
#define BLKIF_OP_DISCARD		5
/* A read or write whose segments are in pages of their own */
#define BLKIF_OP_INDIRECT		6

/* Segments of a request itself */
#define BLKIF_MAX_SEGMENTS_PER_REQUEST	11
/* Pages of segments of an indirect request; 512 fit one */
#define BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST	8

/* Bytes that a request occupies in a ring of either layout */
#define BLKIF_X86_64_REQUEST_SIZE	112
#define BLKIF_X86_32_REQUEST_SIZE	108

/**
 * struct blkif_request_segment - a page of data
 * @gref: grant of the page; writable if it is read into
 * @first_sect: first sector in the page, 0 to 7
 * @last_sect: last one, not before @first_sect
 */
struct blkif_request_segment {
	grant_ref_t gref;
	u8 first_sect;
	u8 last_sect;
};

/**
 * struct blkif_request_rw - reads, writes, barriers and flushes
 * @nr_segments: how many of @seg; 0 in a barrier or flush without data
 * @handle: virtual-device
 * @_pad1: padding
 * @id: comes back in the reply
 * @sector_number: where on the disk
 * @seg: the data, one after the other
 */
struct blkif_request_rw {
	u8 nr_segments;
	blkif_vdev_t handle;
#ifndef CONFIG_X86_32
	u32 _pad1;
#endif
	u64 id;
	blkif_sector_t sector_number;
	struct blkif_request_segment seg[BLKIF_MAX_SEGMENTS_PER_REQUEST];
} __packed;

/* No copy is to be left, if discard-secure is 1 */
#define BLKIF_DISCARD_SECURE		0x1

/**
 * struct blkif_request_discard - discards
 * @flag: BLKIF_DISCARD_SECURE or 0
 * @_pad1: virtual-device, or 0
 * @_pad2: padding
 * @id: comes back in the reply
 * @sector_number: where on the disk
 * @nr_sectors: how many sectors
 * @_pad3: padding
 */
struct blkif_request_discard {
	u8 flag;
	blkif_vdev_t _pad1;
#ifndef CONFIG_X86_32
	u32 _pad2;
#endif
	u64 id;
	blkif_sector_t sector_number;
	u64 nr_sectors;
	u8 _pad3;
} __packed;

/**
 * struct blkif_request_other - what all requests have, and those not known
 * @_pad1: differs
 * @_pad2: differs
 * @_pad3: padding
 * @id: comes back in the reply
 */
struct blkif_request_other {
	u8 _pad1;
	blkif_vdev_t _pad2;
#ifndef CONFIG_X86_32
	u32 _pad3;
#endif
	u64 id;
} __packed;

/**
 * struct blkif_request_indirect - reads and writes of many pages
 * @indirect_op: BLKIF_OP_READ or BLKIF_OP_WRITE. The reply's operation is this
 *	one, not BLKIF_OP_INDIRECT
 * @nr_segments: how many segments there are, up to what the backend allows
 * @_pad1: padding
 * @id: comes back in the reply
 * @sector_number: where on the disk
 * @handle: virtual-device
 * @_pad2: padding
 * @indirect_grefs: grants of the pages that hold the segments, each as many as fit
 * @_pad3: padding
 */
struct blkif_request_indirect {
	u8 indirect_op;
	u16 nr_segments;
#ifndef CONFIG_X86_32
	u32 _pad1;
#endif
	u64 id;
	blkif_sector_t sector_number;
	blkif_vdev_t handle;
	u16 _pad2;
	grant_ref_t indirect_grefs[BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST];
#ifndef CONFIG_X86_32
	u32 _pad3;
#else
	u64 _pad3;
#endif
} __packed;

/**
 * struct blkif_request - a request
 * @operation: BLKIF_OP_*
 * @u: the rest, by operation
 */
struct blkif_request {
	u8 operation;
	union {
		struct blkif_request_rw rw;
		struct blkif_request_discard discard;
		struct blkif_request_other other;
		struct blkif_request_indirect indirect;
	} u;
} __packed;

/**
 * struct blkif_response - a reply
 * @id: the request's
 * @operation: the request's, or that of an indirect request's data
 * @status: BLKIF_RSP_*
 */
struct blkif_response {
	u64 id;
	u8 operation;
	s16 status;
};

#define BLKIF_RSP_EOPNOTSUPP		-2
#define BLKIF_RSP_ERROR			-1
#define BLKIF_RSP_OKAY			0

DEFINE_RING_TYPES(blkif, struct blkif_request, struct blkif_response);

/* Flags of the node "info" */
#define VDISK_CDROM			0x1
#define VDISK_REMOVABLE			0x2
#define VDISK_READONLY			0x4

/* Majors in virtual-device of disks that are called as IDE and SCSI disks were */
#define XEN_IDE0_MAJOR			3
#define XEN_IDE1_MAJOR			22
#define XEN_SCSI_DISK0_MAJOR		8
#define XEN_SCSI_DISK1_MAJOR		65
#define XEN_SCSI_DISK2_MAJOR		66
#define XEN_SCSI_DISK3_MAJOR		67
#define XEN_SCSI_DISK4_MAJOR		68
#define XEN_SCSI_DISK5_MAJOR		69
#define XEN_SCSI_DISK6_MAJOR		70
#define XEN_SCSI_DISK7_MAJOR		71
#define XEN_SCSI_DISK8_MAJOR		128
#define XEN_SCSI_DISK9_MAJOR		129
#define XEN_SCSI_DISK10_MAJOR		130
#define XEN_SCSI_DISK11_MAJOR		131
#define XEN_SCSI_DISK12_MAJOR		132
#define XEN_SCSI_DISK13_MAJOR		133
#define XEN_SCSI_DISK14_MAJOR		134
#define XEN_SCSI_DISK15_MAJOR		135

#endif /* __XEN_PUBLIC_IO_BLKIF_H__ */
