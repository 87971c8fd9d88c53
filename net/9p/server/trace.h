/* SPDX-License-Identifier: GPL-2.0 */
/* Tracepoints: sessions and requests, from their start to their end */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM 9p_server

#if !defined(NET_9P_SERVER_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define NET_9P_SERVER_TRACE_H

#include <linux/tracepoint.h>
#include <net/9p/9p.h>

#include "request.h"
#include "session.h"

#define P9S_TRACE_TYPES					\
	P9S_TYPE(P9_TSTATFS,		"statfs")	\
	P9S_TYPE(P9_TLOPEN,		"lopen")	\
	P9S_TYPE(P9_TLCREATE,		"lcreate")	\
	P9S_TYPE(P9_TSYMLINK,		"symlink")	\
	P9S_TYPE(P9_TMKNOD,		"mknod")	\
	P9S_TYPE(P9_TRENAME,		"rename")	\
	P9S_TYPE(P9_TREADLINK,		"readlink")	\
	P9S_TYPE(P9_TGETATTR,		"getattr")	\
	P9S_TYPE(P9_TSETATTR,		"setattr")	\
	P9S_TYPE(P9_TXATTRWALK,		"xattrwalk")	\
	P9S_TYPE(P9_TXATTRCREATE,	"xattrcreate")	\
	P9S_TYPE(P9_TREADDIR,		"readdir")	\
	P9S_TYPE(P9_TFSYNC,		"fsync")	\
	P9S_TYPE(P9_TLOCK,		"lock")		\
	P9S_TYPE(P9_TGETLOCK,		"getlock")	\
	P9S_TYPE(P9_TLINK,		"link")		\
	P9S_TYPE(P9_TMKDIR,		"mkdir")	\
	P9S_TYPE(P9_TRENAMEAT,		"renameat")	\
	P9S_TYPE(P9_TUNLINKAT,		"unlinkat")	\
	P9S_TYPE(P9_TVERSION,		"version")	\
	P9S_TYPE(P9_TAUTH,		"auth")		\
	P9S_TYPE(P9_TATTACH,		"attach")	\
	P9S_TYPE(P9_TFLUSH,		"flush")	\
	P9S_TYPE(P9_TWALK,		"walk")		\
	P9S_TYPE(P9_TREAD,		"read")		\
	P9S_TYPE(P9_TWRITE,		"write")	\
	P9S_TYPE(P9_TCLUNK,		"clunk")	\
	P9S_TYPE_LAST(P9_TREMOVE,	"remove")

#undef P9S_TYPE
#undef P9S_TYPE_LAST
#define P9S_TYPE(type, name)		TRACE_DEFINE_ENUM(type);
#define P9S_TYPE_LAST(type, name)	TRACE_DEFINE_ENUM(type);

P9S_TRACE_TYPES

#undef P9S_TYPE
#undef P9S_TYPE_LAST
#define P9S_TYPE(type, name)		{ type, name },
#define P9S_TYPE_LAST(type, name)	{ type, name }

DECLARE_EVENT_CLASS(p9s_session,
	TP_PROTO(const struct p9_server_session *session),
	TP_ARGS(session),
	TP_STRUCT__entry(
		__string(session, session->name)
		__field(u32, max_msize)
	),
	TP_fast_assign(
		__assign_str(session);
		__entry->max_msize = session->max_msize;
	),
	TP_printk("session=%s max_msize=%u", __get_str(session),
		  __entry->max_msize)
);

DEFINE_EVENT(p9s_session, p9s_session_open,
	TP_PROTO(const struct p9_server_session *session),
	TP_ARGS(session)
);

DEFINE_EVENT(p9s_session, p9s_session_close,
	TP_PROTO(const struct p9_server_session *session),
	TP_ARGS(session)
);

/* Received whole; @fid is P9_NOFID if such a request starts with none */
TRACE_EVENT(p9s_request_start,
	TP_PROTO(const struct p9s_request *rq),
	TP_ARGS(rq),
	TP_STRUCT__entry(
		__string(session, rq->session->name)
		__field(u32, fid)
		__field(u32, bytes)
		__field(u16, tag)
		__field(u8, type)
	),
	TP_fast_assign(
		__assign_str(session);
		__entry->fid = p9s_request_fid(rq);
		__entry->bytes = rq->req.size + rq->req.left;
		__entry->tag = rq->tag;
		__entry->type = rq->type;
	),
	TP_printk("session=%s tag=%u type=%u op=%s fid=%u bytes=%u",
		  __get_str(session), __entry->tag, __entry->type,
		  __print_symbolic(__entry->type, P9S_TRACE_TYPES),
		  __entry->fid, __entry->bytes)
);

/* The reply is ready to be sent; @err is what it says, 0 or negative */
TRACE_EVENT(p9s_request_end,
	TP_PROTO(const struct p9s_request *rq, int err, size_t bytes, u64 ns),
	TP_ARGS(rq, err, bytes, ns),
	TP_STRUCT__entry(
		__string(session, rq->session->name)
		__field(u64, ns)
		__field(u32, fid)
		__field(u32, bytes)
		__field(int, err)
		__field(u16, tag)
		__field(u8, type)
	),
	TP_fast_assign(
		__assign_str(session);
		__entry->ns = ns;
		__entry->fid = p9s_request_fid(rq);
		__entry->bytes = bytes;
		__entry->err = err;
		__entry->tag = rq->tag;
		__entry->type = rq->type;
	),
	TP_printk("session=%s tag=%u type=%u op=%s fid=%u err=%d bytes=%u ns=%llu",
		  __get_str(session), __entry->tag, __entry->type,
		  __print_symbolic(__entry->type, P9S_TRACE_TYPES),
		  __entry->fid, __entry->err, __entry->bytes,
		  __entry->ns)
);

#endif /* NET_9P_SERVER_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
