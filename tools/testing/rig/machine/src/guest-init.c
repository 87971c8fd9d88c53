// SPDX-License-Identifier: GPL-2.0
/*
 * First program of a guest: makes the file systems, the modules under test and
 * the network ready, and keeps the agent running, through which dom0 runs
 * commands here.
 */

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "boot.h"

#define NETMASK "255.255.255.252"
#define PATIENCE 60 /* seconds until the network device is there */

static void make_devices(void)
{
	static const char *const links[][2] = {
		{ "/proc/self/fd", "/dev/fd" },
		{ "/proc/self/fd/0", "/dev/stdin" },
		{ "/proc/self/fd/1", "/dev/stdout" },
		{ "/proc/self/fd/2", "/dev/stderr" },
	};
	size_t i;

	mkdir("/dev/pts", 0755);
	mkdir("/dev/shm", 0755);
	mount_at("devpts", "/dev/pts", "devpts", 0, "mode=620,ptmxmode=666");
	mount_at("shm", "/dev/shm", "tmpfs", 0, NULL);
	for (i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		if (symlink(links[i][0], links[i][1]) && errno != EEXIST)
			say("guest: cannot make %s: %s", links[i][1], strerror(errno));
	}
}

static void make_mounts(void)
{
	mount_at("tmp", "/tmp", "tmpfs", 0, "mode=1777");
	mount_at("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	mount_at("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL);
	write_file("/proc/sys/kernel/sysrq", "1");
	mkdir("/out", 0755);
	mount_at("/run/rig/add", "/rig", NULL, MS_BIND, NULL);
}

/*
 * Put the modules under test over the kernel's own, so that modprobe and an
 * autoload by the kernel find them first.
 */
static void use_our_modules(void)
{
	char ours[300], theirs[300], data[700];
	struct utsname about;

	uname(&about);
	snprintf(ours, sizeof(ours), "/run/rig/modules/%s", about.release);
	if (access(ours, F_OK))
		return;
	snprintf(theirs, sizeof(theirs), "/usr/lib/modules/%s", about.release);
	mkdir(theirs, 0755); /* a kernel that the rig has built has none in the image */
	snprintf(data, sizeof(data), "lowerdir=%s:%s", ours, theirs);
	if (mount_at("modules", theirs, "overlay", 0, data))
		say("BUG: the modules under test are not in place");
}

static void set_up(int socket, const char *device)
{
	struct ifreq request = { 0 };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", device);
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(socket, SIOCSIFFLAGS, &request))
		say("guest: cannot set %s up: %s", device, strerror(errno));
}

static void set_address(int socket, const char *device, unsigned long what, const char *value)
{
	struct ifreq request = { 0 };
	struct sockaddr_in *address = (struct sockaddr_in *)&request.ifr_addr;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", device);
	address->sin_family = AF_INET;
	if (!inet_aton(value, &address->sin_addr) || ioctl(socket, what, &request))
		say("guest: cannot give %s the address %s: %s", device, value, strerror(errno));
}

/* A backend such as QEMU may have added network devices of its own. */
static bool find_network_device(char *name)
{
	DIR *folder = opendir("/sys/bus/xen/devices/vif-0/net");
	struct dirent *entry;
	bool found = false;

	if (!folder)
		return false;
	while (!found && (entry = readdir(folder)) != NULL) {
		found = entry->d_name[0] != '.';
		if (found)
			memcpy(name, entry->d_name, strlen(entry->d_name) + 1);
	}
	closedir(folder);
	return found;
}

static void make_network(const char *address)
{
	int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char device[NAME_MAX + 1];
	int tries;

	set_up(any, "lo");
	for (tries = 0; !find_network_device(device); tries++) {
		if (tries == PATIENCE * 50) {
			say("guest: no network device appeared within %d s", PATIENCE);
			break;
		}
		usleep(20000);
	}
	if (tries < PATIENCE * 50) {
		set_address(any, device, SIOCSIFADDR, address);
		set_address(any, device, SIOCSIFNETMASK, NETMASK);
		set_up(any, device);
	}
	close(any);
}

static void remember_leaks(void)
{
	char *const argv[] = { "rig-leaks", "clear", NULL };

	if (run(argv))
		say("BUG: rig-leaks clear failed");
}

/* A shell on the console; init starts it again when it ends. */
static void shell(void)
{
	int console;

	setsid();
	console = open("/dev/hvc0", O_RDWR);
	if (console < 0)
		_exit(1);
	ioctl(console, TIOCSCTTY, 0);
	dup2(console, 0);
	dup2(console, 1);
	dup2(console, 2);
	execl("/bin/bash", "bash", "-il", NULL);
	_exit(127);
}

static pid_t start_shell(void)
{
	pid_t child = fork();

	if (!child)
		shell();
	return child;
}

static pid_t start_agent(const char *address)
{
	pid_t child = fork();

	if (!child)
		_exit(agent_serve(address));
	return child;
}

/* Whatever loses its parent ends up here, too. */
__attribute__((noreturn))
static void look_after(const char *address, bool with_shell)
{
	pid_t agent = start_agent(address);
	pid_t terminal = with_shell ? start_shell() : -1;
	pid_t ended;
	int status;

	for (;;) {
		ended = wait(&status);
		if (ended == agent) {
			say("guest: the agent ended with %#x, starting it again", status);
			sleep(1);
			agent = start_agent(address);
		} else if (ended > 0 && ended == terminal) {
			sleep(1);
			terminal = start_shell();
		}
	}
}

int main(void)
{
	char address[20] = "", name[65] = "guest", front[20] = "", word[4];

	setenv("PATH", PATHS, 1);
	setenv("HOME", "/root", 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	setenv("TERM", "dumb", 0);
	kernel_word("rig.ip", address, sizeof(address));
	kernel_word("rig.name", name, sizeof(name));
	kernel_word("rig.front", front, sizeof(front));

	make_devices();
	make_mounts();
	if (!strcmp(front, "ours"))
		use_our_modules();
	if (sethostname(name, strlen(name)))
		say("guest: cannot be called %s: %s", name, strerror(errno));
	make_network(address);
	if (kernel_word("rig.leaks", word, sizeof(word)))
		remember_leaks();
	look_after(address, kernel_word("rig.shell", word, sizeof(word)));
}
