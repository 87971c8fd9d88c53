/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Measures single operations of a 9P2000.L server over a TCP socket, without a
 * file system or a kernel's client between: a request, its reply, nothing else.
 *
 *  main.c	the command line, and rounds of each work
 *  works.c	what is measured
 *  wire.c	messages
 *  echo.c	a server that does nothing: what socket and client cost alone
 */
#ifndef UNITS_H
#define UNITS_H

#include <stddef.h>
#include <stdint.h>

#define __printf(a, b)	__attribute__((format(printf, a, b)))
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define HEADER		7
#define IO_HEADER	11
/* Kept free in a message with data, as all clients do; diod insists on it */
#define IO_RESERVE	24
#define NOFID		0xffffffffU
#define MSIZE		(256 << 10)

/* The types that are used */
enum {
	RLERROR = 7,
	TLOPEN = 12,
	TGETATTR = 24,
	TREADDIR = 40,
	TVERSION = 100,
	TATTACH = 104,
	TWALK = 110,
	TREAD = 116,
	TCLUNK = 120,
	/* No 9P: "answer with as many bytes", for echo.c */
	TECHO = 254,
};

/**
 * struct client - a connection
 * @fd: its socket
 * @msize: the largest message, as agreed on
 * @len: bytes of the request that is put together in @out
 * @out: the request
 * @in_len: bytes of the reply in @in
 * @in: the reply
 */
struct client {
	int fd;
	uint32_t msize;
	size_t len;
	uint8_t out[4096];
	size_t in_len;
	uint8_t in[MSIZE];
};

/**
 * struct work - something to measure
 * @name: what it is called in the results
 * @ops: operations of one round
 * @prepare: does what comes before and is not measured, or NULL
 * @run: does it
 * @finish: does what comes after and is not measured, or NULL
 * @echo: is for a server that does nothing
 */
struct work {
	const char *name;
	unsigned int ops;
	void (*prepare)(struct client *c, unsigned int ops);
	void (*run)(struct client *c, unsigned int ops);
	void (*finish)(struct client *c, unsigned int ops);
	int echo;
};

extern const struct work works[];
extern const unsigned int nr_works;

/* main.c */
__printf(1, 2) __attribute__((noreturn)) void die(const char *format, ...);

/* wire.c */
void begin(struct client *c, uint8_t type);
void put(struct client *c, uint64_t value, unsigned int bytes);
void put_text(struct client *c, const char *text);
uint8_t *call(struct client *c);
int call_may_fail(struct client *c);
void receive_all(int fd, void *to, size_t size);
void send_all(int fd, const void *from, size_t size);
uint32_t get32(const uint8_t *from);
void put32(uint8_t *to, uint32_t value);

/* works.c */
void enter(struct client *c, const char *aname, const char *dir);

/* echo.c */
uint16_t serve_echo(void);

#endif /* UNITS_H */
