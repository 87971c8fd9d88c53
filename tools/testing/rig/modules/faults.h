/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Faults on demand, each of a kind that a detector of the rig is there for.
 *
 *  memory.c	what KASAN and kmemleak see
 *  wrong.c	wrong locking, sleeping, arithmetic, objects, races
 *  left.c	what is left behind and is no mistake until then
 *  grant.c	the same between two domains
 */
#ifndef RIG_FAULTS_H
#define RIG_FAULTS_H

/* Each returns 0 once the fault was committed, or why it cannot be */

/* memory.c */
int rig_fault_leak(const char *args);
int rig_fault_overrun(const char *args);
int rig_fault_use_after_free(const char *args);

/* wrong.c */
int rig_fault_lock_order(const char *args);
int rig_fault_atomic_sleep(const char *args);
int rig_fault_shift(const char *args);
int rig_fault_bounds(const char *args);
int rig_fault_object(const char *args);
int rig_fault_race(const char *args);

/* left.c */
int rig_fault_thread(const char *args);
int rig_fault_slab(const char *args);

/* grant.c */
int rig_fault_grant(const char *args);
int rig_fault_map(const char *args);
extern int rig_fault_grant_ref;

#endif /* RIG_FAULTS_H */
