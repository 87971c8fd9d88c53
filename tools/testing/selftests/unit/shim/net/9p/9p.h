/* SPDX-License-Identifier: GPL-2.0 */
/* The few numbers of the protocol that the server shares with the client */
#ifndef SHIM_NET_9P_9P_H
#define SHIM_NET_9P_9P_H

#define P9_QTDIR	0x80
#define P9_QTSYMLINK	0x02
#define P9_QTFILE	0x00

#endif /* SHIM_NET_9P_9P_H */
