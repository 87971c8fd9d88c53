/* SPDX-License-Identifier: GPL-2.0 */
/* The one table of operations */
#ifndef NET_9P_SERVER_OPERATION_H
#define NET_9P_SERVER_OPERATION_H

#include <linux/bits.h>
#include <linux/types.h>

#include "wire.h"

struct p9s_request;

#define P9S_OP_FID		BIT(0)	/* starts with a fid to look up */
#define P9S_OP_QUICK		BIT(1)	/* cannot block for long */
#define P9S_OP_CHANGES		BIT(2)	/* EROFS if the export is read-only */
#define P9S_OP_UNVERSIONED	BIT(3)	/* may come before Tversion */
#define P9S_OP_ANYWHERE		BIT(4)	/* also if the fid left the export */
#define P9S_OP_XATTR		BIT(5)	/* the fid may stand for an xattr */

/**
 * struct p9s_operation - what to do with one type of message
 * @name: what statistics call it
 * @decode: takes the body apart
 * @handle: does it and encodes the reply; with P9S_OP_FID the request's fid
 *	is there, and the thread acts as who that was attached as. Returns 0, a
 *	negative error to answer with, or -EIOCBQUEUED if the request is no
 *	longer the thread's to answer.
 * @flags: P9S_OP_*
 */
struct p9s_operation {
	const char *name;
	p9s_decode_t decode;
	int (*handle)(struct p9s_request *rq);
	unsigned int flags;
};

extern const struct p9s_operation p9s_operation_error;

const struct p9s_operation *p9s_operation_of(u8 type);

#endif /* NET_9P_SERVER_OPERATION_H */
