/* SPDX-License-Identifier: GPL-2.0 */
/* The thread that stands for all of a session's */
#ifndef FUZZ_THREAD_H
#define FUZZ_THREAD_H

struct p9s_thread;

extern struct p9s_thread *fuzz_thread;

/* It ends, and another one takes over */
void fuzz_thread_change(void);
void fuzz_creds_are_put(void);

#endif /* FUZZ_THREAD_H */
