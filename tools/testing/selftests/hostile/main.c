// SPDX-License-Identifier: GPL-2.0
/*
 * hostile - a 9pfs backend that lies, and a visit to it
 *
 * hostile list
 *	each lie, the outcome that it is to have, and the lines that it may make
 *	the guest log
 * hostile serve DOMID NUMBER LIE
 *	in dom0: make the device of that number, with the tag hostile-NUMBER, and
 *	serve it with that lie. Says "offered" once it can be mounted. Understands
 *	"again" (close it, and serve it honestly) and "end" on its standard input
 * hostile visit NUMBER OUTCOME LINES
 *	in the guest: mount it, use it, unmount it
 * hostile carry DIR FILE
 *	write to and read from DIR until FILE exists
 *
 * The exit status is 0 if everything was as it should be, 1 if something was
 * not, which a line "fault: ..." tells, and 2 if it could not be tried.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hostile.h"

static bool faulty;

void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	exit(2);
}

void complain(const char *format, ...)
{
	va_list args;

	faulty = true;
	printf("fault: ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

bool complained(void)
{
	return faulty;
}

uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ULL + now.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 2 && !strcmp(argv[1], "list")) {
		lie_list();
		return 0;
	}
	if (argc == 5 && !strcmp(argv[1], "serve"))
		return serve(atoi(argv[2]), atoi(argv[3]), argv[4]);
	if (argc == 5 && !strcmp(argv[1], "visit"))
		return visit(atoi(argv[2]), argv[3], atoi(argv[4]));
	if (argc == 4 && !strcmp(argv[1], "carry"))
		return carry(argv[2], argv[3]);
	die("usage: hostile list | serve DOMID NUMBER LIE |\n"
	    "       visit NUMBER OUTCOME LINES | carry DIR FILE");
}
