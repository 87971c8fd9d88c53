/* SPDX-License-Identifier: GPL-2.0 */
/* Barriers, as strong as a test with threads needs them */
#ifndef SHIM_ASM_BARRIER_H
#define SHIM_ASM_BARRIER_H

#define virt_mb()	__atomic_thread_fence(__ATOMIC_SEQ_CST)
#define virt_rmb()	__atomic_thread_fence(__ATOMIC_ACQUIRE)
#define virt_wmb()	__atomic_thread_fence(__ATOMIC_RELEASE)

#define smp_store_release(to, value) \
	__atomic_store_n(to, value, __ATOMIC_RELEASE)
#define smp_load_acquire(from) \
	__atomic_load_n(from, __ATOMIC_ACQUIRE)

#endif /* SHIM_ASM_BARRIER_H */
