/* SPDX-License-Identifier: GPL-2.0 */
#ifndef RIG_EXEC_H
#define RIG_EXEC_H

/* "rig-guest exec ..."; argv[0] is "exec". The program's exit status. */
int exec_in_guest(int argc, char **argv);

#endif
