// SPDX-License-Identifier: GPL-2.0
/*
 * The device in xenstore. The backend's directory is not beneath backend/9pfs,
 * so that no other backend of this domain hears of it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hostile.h"

/* Features that nobody asked for, to be taken away again */
static const char * const features[] = {
	"feature-any-ring", "feature-event-idx", "feature-of-tomorrow",
};

static void write_node(struct backend *b, const char *directory,
		       const char *node, const char *value, bool guests)
{
	struct xs_permissions rights[2] = {
		{ .id = guests ? b->domid : 0, .perms = XS_PERM_NONE },
		{ .id = guests ? 0 : b->domid, .perms = XS_PERM_READ },
	};
	char path[200];

	snprintf(path, sizeof(path), *node ? "%s/%s" : "%s", directory, node);
	if (!xs_write(b->store, XBT_NULL, path, value, strlen(value)) ||
	    !xs_set_permissions(b->store, XBT_NULL, path, rights, 2))
		die("xenstore: writing %s: %s", path, strerror(errno));
}

/* device_set: a node of the backend's directory */
void device_set(struct backend *b, const char *node, const char *format, ...)
{
	char value[200];
	va_list args;

	va_start(args, format);
	vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	write_node(b, b->directory, node, value, false);
}

void device_remove_node(struct backend *b, const char *node)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", b->directory, node);
	xs_rm(b->store, XBT_NULL, path);
}

void device_state(struct backend *b, enum bus_state state)
{
	device_set(b, "state", "%u", state);
}

/* device_offer: what stands there when a frontend is to connect */
void device_offer(struct backend *b)
{
	unsigned int i;

	device_set(b, "versions", "1");
	device_set(b, "max-rings", "%u", OFFERED_RINGS);
	device_set(b, "max-ring-page-order", "%u", OFFERED_ORDER);
	for (i = 0; i < sizeof(features) / sizeof(*features); i++) {
		if (!b->lie || !b->lie->classic)
			device_set(b, features[i], "1");
	}
	if (b->reconnects)
		device_set(b, "feature-reconnect", "1");
	if (b->lie && b->lie->node)
		device_set(b, b->lie->node, "%s", b->lie->text);
	device_state(b, b->lie && b->lie->state ? b->lie->state : INIT_WAIT);
}

/* device_make: as a toolstack does, and offer it */
void device_make(struct backend *b)
{
	char text[80];

	snprintf(b->directory, sizeof(b->directory),
		 "/local/domain/0/hostile/%u/%u", b->domid, b->number);
	snprintf(b->front, sizeof(b->front), "/local/domain/%u/device/9pfs/%u",
		 b->domid, b->number);
	device_set(b, "", "%s", "");
	device_set(b, "frontend", "%s", b->front);
	device_set(b, "frontend-id", "%u", b->domid);
	device_set(b, "online", "1");
	device_offer(b);

	write_node(b, b->front, "", "", true);
	write_node(b, b->front, "backend", b->directory, true);
	write_node(b, b->front, "backend-id", "0", true);
	snprintf(text, sizeof(text), "hostile-%u", b->number);
	write_node(b, b->front, "tag", text, true);
	write_node(b, b->front, "state", "1", true);
}

/* device_front: a number that the frontend has written, or 0 */
unsigned int device_front(struct backend *b, const char *node)
{
	unsigned int length, value;
	char path[200];
	char *text;

	snprintf(path, sizeof(path), "%s/%s", b->front, node);
	text = xs_read(b->store, XBT_NULL, path, &length);
	value = text ? strtoul(text, NULL, 10) : 0;
	free(text);
	return value;
}

/* device_wait: for the frontend's state; false if it does not get there */
bool device_wait(struct backend *b, enum bus_state state, unsigned int ms)
{
	uint64_t end = now_ms() + ms;

	while (device_front(b, "state") != state) {
		if (now_ms() > end)
			return false;
		usleep(5000);
	}
	return true;
}

/* device_unmake: as a toolstack does when a device is gone */
void device_unmake(struct backend *b)
{
	xs_rm(b->store, XBT_NULL, b->front);
	xs_rm(b->store, XBT_NULL, b->directory);
}
