/* SPDX-License-Identifier: GPL-2.0 */
/* Tflushes of what may still be on its way on another channel */
#ifndef NET_9P_SERVER_FLUSH_H
#define NET_9P_SERVER_FLUSH_H

#include <linux/types.h>

struct p9_server_channel;
struct p9_server_session;
struct p9s_request;
struct p9s_thread;

bool p9s_flush_park(struct p9s_request *flush);
u64 p9s_flush_round(const struct p9_server_session *session);
void p9s_flush_looked(struct p9_server_channel *channel, u64 round,
		      struct p9s_thread *thread);
void p9s_flush_end(struct p9_server_session *session);

#endif /* NET_9P_SERVER_FLUSH_H */
