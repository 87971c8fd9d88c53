/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Puts the body of a message together, by code that the server has no part
 * in. Used in userspace too.
 */
#ifndef NET_9P_SERVER_TESTS_WIRE_BODY_H
#define NET_9P_SERVER_TESTS_WIRE_BODY_H

#include <linux/string.h>
#include <linux/types.h>

/* Longer than the longest string, with room for what goes with it */
#define WIRE_BODY_SIZE	70000

struct wire_body {
	size_t len;
	u8 bytes[WIRE_BODY_SIZE];
};

static inline void wire_put(struct wire_body *body, u64 value,
			    unsigned int size)
{
	while (size--) {
		body->bytes[body->len++] = value;
		value >>= 8;
	}
}

static inline void wire_put_text(struct wire_body *body, const char *text,
				 size_t len)
{
	wire_put(body, len, 2);
	memcpy(body->bytes + body->len, text, len);
	body->len += len;
}

static inline void wire_put_string(struct wire_body *body, const char *text)
{
	wire_put_text(body, text, strlen(text));
}

#endif /* NET_9P_SERVER_TESTS_WIRE_BODY_H */
