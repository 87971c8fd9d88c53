// SPDX-License-Identifier: GPL-2.0
/*
 * First program of dom0, of guests and of a machine without Xen: finds the two
 * disks, puts a tmpfs over the root, and goes on with the init of its role from
 * the run's own disk. Alone in the initrd with the modules that the disks need;
 * unless the word rig.root=memory says that the root is there as well, and no disk.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "boot.h"

#define ROOT_DISK "/dev/rig-root"
#define RUN_DISK "/dev/rig-run"
#define PATIENCE 300 /* seconds until the disks are there */

__attribute__((format(printf, 1, 2), noreturn))
static void give_up(const char *format, ...)
{
	char text[400];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	say("initrd: %s", text);
	sleep(2);
	reboot(RB_POWER_OFF);
	exit(1);
}

/* What the kernel's command line says for a module, as modprobe would read it */
static void find_parameters(const char *module, char *parameters, size_t size)
{
	size_t length = strcspn(module, "."), used = 0, i;
	char name[256], line[4096], *word, *rest = line;
	FILE *file = fopen("/proc/cmdline", "re");

	*parameters = 0;
	if (!file)
		return;
	if (!fgets(line, sizeof(line), file))
		*line = 0;
	fclose(file);
	for (i = 0; i < length; i++)
		name[i] = module[i] == '-' ? '_' : module[i];
	line[strcspn(line, "\n")] = 0;
	while ((word = strsep(&rest, " "))) {
		if (!strncmp(word, name, length) && word[length] == '.' &&
		    used + strlen(word + length) < size)
			used += sprintf(parameters + used, "%s ", word + length + 1);
	}
}

static void insert(const char *name)
{
	char path[300], parameters[1024];
	int fd;

	snprintf(path, sizeof(path), "/modules/%s", name);
	find_parameters(name, parameters, sizeof(parameters));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || (syscall(SYS_finit_module, fd, parameters, 0) && errno != EEXIST))
		say("initrd: no module %s: %s", name, strerror(errno));
	if (fd >= 0)
		close(fd);
}

static void insert_modules(void)
{
	FILE *order = fopen("/modules/order", "re");
	char name[256];

	if (!order)
		give_up("no /modules/order");
	while (fscanf(order, "%255s", name) == 1)
		insert(name);
	fclose(order);
}

/*
 * The order in which Linux finds the two namespaces of an NVMe disk is not
 * fixed: go by their numbers.
 */
static void link_namespace(const char *name)
{
	char path[300], target[300];
	int number = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/block/%s/nsid", name);
	file = fopen(path, "re");
	if (!file)
		return;
	if (fscanf(file, "%d", &number) != 1)
		number = 0;
	fclose(file);
	snprintf(target, sizeof(target), "/dev/%s", name);
	if (number == 1 || number == 2)
		symlink(target, number == 1 ? ROOT_DISK : RUN_DISK);
}

static void link_namespaces(void)
{
	DIR *folder = opendir("/sys/block");
	struct dirent *entry;

	if (!folder)
		return;
	while ((entry = readdir(folder)) != NULL) {
		if (!strncmp(entry->d_name, "nvme", 4))
			link_namespace(entry->d_name);
	}
	closedir(folder);
}

static bool is_disk(const char *path)
{
	struct stat about;

	return !stat(path, &about) && S_ISBLK(about.st_mode);
}

static void find_disks(const char *role)
{
	bool guest = !strcmp(role, "guest");
	int tries;

	if (guest) {
		symlink("/dev/xvda", ROOT_DISK);
		symlink("/dev/xvdb", RUN_DISK);
	}
	for (tries = 0; tries < PATIENCE * 50; tries++) {
		if (!guest)
			link_namespaces();
		if (is_disk(ROOT_DISK) && is_disk(RUN_DISK))
			return;
		usleep(20000);
	}
	give_up("the two disks did not appear within %d s", PATIENCE);
}

static void mount_root(void)
{
	if (mount_at(ROOT_DISK, "/base", "ext4", MS_RDONLY, NULL) ||
	    mount_at("top", "/top", "tmpfs", 0, "size=75%,mode=755") ||
	    mkdir("/top/upper", 0755) || mkdir("/top/work", 0755) ||
	    mount_at("root", "/root", "overlay", 0,
		     "lowerdir=/base,upperdir=/top/upper,workdir=/top/work") ||
	    mount_at(RUN_DISK, "/root/run/rig", "ext4", MS_RDONLY, NULL))
		give_up("no root file system");
}

/* What can be moved over the root has to be a mount */
static void mount_memory(void)
{
	if (mount_at("/root", "/root", NULL, MS_BIND, NULL))
		give_up("no root in memory");
}

static void switch_root(void)
{
	if (mount_at("/dev", "/root/dev", NULL, MS_MOVE, NULL) ||
	    mount_at("/proc", "/root/proc", NULL, MS_MOVE, NULL) ||
	    mount_at("/sys", "/root/sys", NULL, MS_MOVE, NULL) ||
	    chdir("/root") || mount_at(".", "/", NULL, MS_MOVE, NULL) ||
	    chroot(".") || chdir("/"))
		give_up("cannot go over to the root: %s", strerror(errno));
}

int main(void)
{
	char role[20], root[20] = "", init[60];

	if (mount_at("dev", "/dev", "devtmpfs", 0, NULL) ||
	    mount_at("proc", "/proc", "proc", 0, NULL) ||
	    mount_at("sys", "/sys", "sysfs", 0, NULL))
		give_up("nothing works without these");
	if (!kernel_word("rig.role", role, sizeof(role)))
		give_up("no rig.role= on the kernel's command line");
	insert_modules();
	kernel_word("rig.root", root, sizeof(root));
	if (strcmp(root, "memory")) {
		find_disks(role);
		mount_root();
	} else {
		mount_memory();
	}
	switch_root();
	snprintf(init, sizeof(init), "/run/rig/machine/%s-init", role);
	execl(init, init, NULL);
	give_up("cannot run %s: %s", init, strerror(errno));
}
