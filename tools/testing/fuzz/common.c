// SPDX-License-Identifier: GPL-2.0
/* What the unit tests' harness is for them, for the fuzzers: the end. */
#include <stdarg.h>

#include "unit.h"

void unit_fail(const char *file, int line, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	fprintf(stderr, "fuzz: %s:%d: ", file, line);
	vfprintf(stderr, format, list);
	fprintf(stderr, "\n");
	abort();
}

void *unit_copy(const void *from, size_t size)
{
	void *to = malloc(size);

	if (size && !to)
		abort();
	if (size)
		memcpy(to, from, size);
	return to;
}
