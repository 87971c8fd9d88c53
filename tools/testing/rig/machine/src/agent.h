/* SPDX-License-Identifier: GPL-2.0 */
#ifndef RIG_AGENT_H
#define RIG_AGENT_H

/* Serve calls at this IPv4 address; returns only if it cannot, with a status. */
int agent_serve(const char *address);

#endif
