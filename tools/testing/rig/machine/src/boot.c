// SPDX-License-Identifier: GPL-2.0
/*
 * What the first programs share; see boot.h
 */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boot.h"

void say(const char *format, ...)
{
	char line[512] = "rig: ";
	int fd = open("/dev/console", O_WRONLY | O_NOCTTY | O_CLOEXEC);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line + 5, sizeof(line) - 6, format, arguments);
	va_end(arguments);
	strcat(line, "\n");
	if (fd < 0)
		return;
	if (write(fd, line, strlen(line)) < 0)
		_exit(1);
	close(fd);
}

int mount_at(const char *source, const char *folder, const char *type,
	     unsigned long flags, const char *data)
{
	if (!mount(source, folder, type, flags, data))
		return 0;
	say("cannot mount %s (%s) at %s: %s", source, type ? type : "move or bind", folder,
	    strerror(errno));
	return -1;
}

int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	ssize_t length = strlen(text);

	if (fd < 0 || write(fd, text, length) != length) {
		say("cannot write to %s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	close(fd);
	return 0;
}

bool kernel_word(const char *name, char *value, size_t size)
{
	FILE *file = fopen("/proc/cmdline", "re");
	size_t length = strlen(name);
	char line[4096], *rest = line, *word;

	if (!file)
		return false;
	line[fread(line, 1, sizeof(line) - 1, file)] = '\0';
	fclose(file);
	line[strcspn(line, "\n")] = '\0';
	while ((word = strsep(&rest, " ")) != NULL) {
		if (strncmp(word, name, length) || word[length] != '=')
			continue;
		snprintf(value, size, "%s", word + length + 1);
		return true;
	}
	return false;
}

int run(char *const argv[])
{
	pid_t child = vfork();
	int status;

	if (child < 0)
		return -1;
	if (!child) {
		execvp(argv[0], argv);
		_exit(127);
	}
	if (waitpid(child, &status, 0) < 0)
		return -1;
	return status;
}
