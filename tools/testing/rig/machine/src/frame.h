/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Frames between dom0 and a guest's agent: a letter, a length, and the bytes;
 * lib/frames.py says what each letter means.
 */
#ifndef RIG_FRAME_H
#define RIG_FRAME_H

#include <stdbool.h>
#include <stddef.h>

#define AGENT_PORT 9000

bool frame_send(int link, char kind, const void *data, size_t length);

/* The bytes of one frame, to be freed, with a zero byte behind them; or NULL. */
char *frame_receive(int link, char *kind, size_t *length);

#endif
