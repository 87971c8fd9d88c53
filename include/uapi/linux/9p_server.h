/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * /dev/9p-server: hands connected sockets to the in-kernel 9P2000.L server.
 *
 * Every socket becomes a session of its own that serves one directory. The
 * sessions belong to the open file of the device: closing it ends them all.
 */
#ifndef _UAPI_LINUX_9P_SERVER_H
#define _UAPI_LINUX_9P_SERVER_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* The longest option string, its final NUL included */
#define P9_SERVER_OPTIONS_MAX	4096

/**
 * struct p9_server_serve - what P9_SERVER_SERVE is given
 * @size: sizeof(struct p9_server_serve) as the caller was built with; what
 *	an older kernel does not know must be zero
 * @flags: none so far, must be zero
 * @socket_fd: a connected stream socket, TCP or AF_UNIX; the kernel takes its
 *	own reference, the caller should close this one
 * @root_fd: the directory to serve; O_PATH is enough
 * @options: address of a NUL terminated string as in "security_model=none,
 *	readonly=1" without blanks, or 0 for the defaults
 * @max_msize: the largest message to agree to in bytes, or 0 for as large as
 *	the server can
 * @reserved: must be zero
 */
struct p9_server_serve {
	__u32 size;
	__u32 flags;
	__s32 socket_fd;
	__s32 root_fd;
	__aligned_u64 options;
	__u32 max_msize;
	__u32 reserved;
};

/* Returns once the session is open; it ends by itself when the peer closes */
#define P9_SERVER_SERVE		_IOW('9', 0x70, struct p9_server_serve)

#endif /* _UAPI_LINUX_9P_SERVER_H */
