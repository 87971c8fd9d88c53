/* SPDX-License-Identifier: GPL-2.0 */
/* The threads of a session */
#ifndef NET_9P_SERVER_THREAD_H
#define NET_9P_SERVER_THREAD_H

#include <linux/completion.h>
#include <linux/list.h>
#include <linux/types.h>

struct p9_server_session;
struct p9s_counters;
struct task_struct;

/**
 * struct p9s_thread - a thread of a session
 * @session: whose it is
 * @task: the kernel's side of it
 * @entry: in the session's threads; session lock
 * @idle: in the session's idle threads while asleep; session lock
 * @ending: it has decided to end; session lock
 * @ended: done when no code of this module runs in it any more
 * @counters: what it has done
 * @buffer: what the replies' data are put together in
 * @buffer_size: bytes there
 */
struct p9s_thread {
	struct p9_server_session *session;
	struct task_struct *task;
	struct list_head entry;
	struct list_head idle;
	bool ending;
	struct completion ended;
	struct p9s_counters *counters;
	void *buffer;
	size_t buffer_size;
};

int p9s_thread_start(struct p9_server_session *session);
void p9s_thread_stop(struct p9_server_session *session);
void *p9s_thread_buffer(struct p9s_thread *thread, size_t size);

#endif /* NET_9P_SERVER_THREAD_H */
