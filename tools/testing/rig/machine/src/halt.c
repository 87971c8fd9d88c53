// SPDX-License-Identifier: GPL-2.0
/*
 * poweroff, reboot and halt inside the machine: what an orderly shutdown needs
 * without a service manager. The kernel calls it when the toolstack asks. A mount
 * that hangs may hold the orderly part up for half a minute, not for ever.
 */

#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boot.h"

#define PATIENCE 30 /* seconds */

/* Unmount the first 9P mount that is left; false if there is none. */
static bool unmount_one(void)
{
	FILE *mounts = setmntent("/proc/mounts", "re");
	struct mntent *entry = NULL;

	while (mounts && (entry = getmntent(mounts)) != NULL) {
		if (!strcmp(entry->mnt_type, "9p"))
			break;
	}
	if (mounts)
		endmntent(mounts);
	return entry && (!umount2(entry->mnt_dir, 0) || !umount2(entry->mnt_dir, MNT_DETACH));
}

static void leave(void)
{
	while (unmount_one())
		;
	sync();
}

int main(int argc, char **argv)
{
	const char *slash = argc ? strrchr(argv[0], '/') : NULL;
	pid_t child = fork();
	int tries;

	if (!child) {
		leave();
		_exit(0);
	}
	for (tries = 0; tries < PATIENCE * 50 && !waitpid(child, NULL, WNOHANG); tries++)
		usleep(20000);
	if (tries == PATIENCE * 50)
		say("halt: unmounting or sync hangs, going on without");
	return reboot(slash && !strcmp(slash, "/reboot") ? RB_AUTOBOOT : RB_POWER_OFF);
}
