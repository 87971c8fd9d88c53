/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The socket transport of the 9P server, as the module's init sees it.
 */
#ifndef P9_SERVER_SOCKET_H
#define P9_SERVER_SOCKET_H

int p9_server_socket_init(void);
void p9_server_socket_exit(void);

#endif /* P9_SERVER_SOCKET_H */
