/* SPDX-License-Identifier: GPL-2.0 */
/* Sessions in sysfs */
#ifndef NET_9P_SERVER_SYSFS_H
#define NET_9P_SERVER_SYSFS_H

struct p9_server_session;

int p9s_sysfs_show(struct p9_server_session *session);
void p9s_sysfs_hide(struct p9_server_session *session);
int p9s_sysfs_init(void);
void p9s_sysfs_exit(void);

#endif /* NET_9P_SERVER_SYSFS_H */
