/* SPDX-License-Identifier: GPL-2.0 */
/* Requests that wait for a lock, for a while */
#ifndef NET_9P_SERVER_LOCK_WAIT_H
#define NET_9P_SERVER_LOCK_WAIT_H

struct file_lock;
struct p9_server_session;
struct p9s_request;

int p9s_lock_wait(struct p9s_request *rq, struct file_lock *fl);
void p9s_lock_wait_wake(struct p9s_request *rq);
void p9s_lock_wait_stop(struct p9_server_session *session);

#endif /* NET_9P_SERVER_LOCK_WAIT_H */
