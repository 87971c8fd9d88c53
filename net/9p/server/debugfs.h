/* SPDX-License-Identifier: GPL-2.0 */
/* Sessions in debugfs */
#ifndef NET_9P_SERVER_DEBUGFS_H
#define NET_9P_SERVER_DEBUGFS_H

struct p9_server_session;

void p9s_debugfs_show(struct p9_server_session *session);
void p9s_debugfs_hide(struct p9_server_session *session);
void p9s_debugfs_init(void);
void p9s_debugfs_exit(void);

#endif /* NET_9P_SERVER_DEBUGFS_H */
